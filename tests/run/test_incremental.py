"""A run that can take most from the cache, or that is asked about some files, says what a fresh one says."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backlint.config.settings import Profile, Settings
from backlint.link.check import check_project
from backlint.registry import load_rules
from backlint.run import CheckRequest, check, load_project

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backlint.report import Report

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
NAMES = sorted(folder.name for folder in PROJECTS.iterdir() if folder.is_dir())
PIECES = [
    part + "\n"
    for path in sorted(PROJECTS.rglob("*.py"))
    for part in path.read_text(encoding="utf-8").split("\n\n\n")
]
"""Functions, classes and heads of the projects' files."""


def request(root: Path, **options: Any) -> CheckRequest:
    options = {"paths": (root,), "use_cache": "cache_dir" in options, "jobs": 1, **options}
    return CheckRequest(settings=Settings(root=root, profile=Profile.AUDIT), **options)


def said(report: Report, paths: Iterable[str] | None = None) -> tuple[object, ...]:
    """Everything in a report on some files but the figures of the run."""
    chosen = None if paths is None else set(paths)
    return (
        [finding for finding in report.findings if chosen is None or finding.path in chosen],
        [note for note in report.notices if chosen is None or note.path in chosen],
        report.not_evaluated,
        [finding for finding in report.suppressed if chosen is None or finding.path in chosen],
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_file_alone(name: str) -> None:
    rules = list(load_rules().rules.values())
    whole = check_project(load_project(request(PROJECTS / name)), rules).findings
    assert whole
    project = load_project(request(PROJECTS / name))
    paths = [file.summary.path for file in project.files]
    random.Random(name).shuffle(paths)
    for path in paths:
        alone = check_project(project, rules, paths=(path,)).findings
        assert alone == tuple(finding for finding in whole if finding.path == path)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["add", "cut", "swap", "move", "remove"]), st.integers(0, 99), st.integers(0, 999)
    ),
    min_size=1,
    max_size=4,
)


def edit(root: Path, kind: str, which: int, number: int) -> None:
    """Change one file of a project: a piece more or less, another order, another name, gone."""
    files = sorted(root.rglob("*.py"))
    file = files[which % len(files)]
    parts = file.read_text(encoding="utf-8").split("\n\n\n")
    match kind:
        case "add":
            parts.insert(number % (len(parts) + 1), PIECES[number % len(PIECES)])
        case "cut":
            del parts[number % len(parts)]
        case "swap":
            at = number % len(parts)
            parts[0], parts[at] = parts[at], parts[0]
        case "move":
            file.rename(file.with_name(f"moved_{number}.py"))
            return
        case _:
            file.unlink()
            return
    file.write_text("\n\n\n".join(parts), encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
@settings(
    deadline=None,
    max_examples=6,
    print_blob=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rounds=st.lists(EDITS, min_size=1, max_size=2))
def test_edits(name: str, rounds: list[list[tuple[str, int, int]]], tmp_path: Path) -> None:
    root, cache = tmp_path / "service", tmp_path / "cache"
    for folder in (root, cache):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PROJECTS / name, root)
    check(request(root, cache_dir=cache))
    for edits in rounds:
        before = {path: path.read_bytes() for path in root.rglob("*.py")}
        for one in edits:
            edit(root, *one)
        changed = [path for path in root.rglob("*.py") if before.get(path) != path.read_bytes()]
        fresh = check(request(root))
        paths = [path.relative_to(root).as_posix() for path in changed]
        if changed:
            named = check(request(root, paths=tuple(changed), cache_dir=cache))
            assert said(named, paths) == said(fresh, paths)
        assert said(check(request(root, cache_dir=cache))) == said(fresh)
