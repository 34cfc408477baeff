"""The same files give the same report, whatever the workers, the cache and the packages beside."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backlint.config.settings import Profile, Settings
from backlint.link import check as check_module
from backlint.link import forked
from backlint.link.check import check_project
from backlint.registry import load_rules
from backlint.run import CheckRequest, check, load_project
from backlint.summarise import pool

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.registry import Registry
    from backlint.report import Report

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
NAMES = sorted(folder.name for folder in PROJECTS.iterdir() if folder.is_dir())


@pytest.fixture(params=NAMES)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECTS / request.param, tmp_path / "service"))


def review(root: Path, **options: Any) -> Report:
    options = {"use_cache": "cache_dir" in options, **options}
    return check(CheckRequest(paths=(root,), settings=Settings(root=root, profile=Profile.AUDIT), **options))


def said(report: Report) -> tuple[object, ...]:
    """Everything in a report but the figures of the run."""
    return report.findings, report.notices, report.not_evaluated, report.suppressed


def test_one_worker_or_many(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = review(service, jobs=1)
    assert alone.findings
    monkeypatch.setattr(pool, "SMALL_RUN", 0)
    monkeypatch.setattr(pool, "_CHUNK", 2_000)
    started: list[int] = []
    original = pool._in_workers

    def counting(chunks: Any, workers: int, take: Any) -> Any:
        started.extend([workers] * bool(chunks))
        return original(chunks, workers, take)

    monkeypatch.setattr(pool, "_in_workers", counting)
    for jobs in (2, 3):
        assert said(review(service, jobs=jobs)) == said(alone)
    assert started == [2, 3]


def test_rules_in_one_process_or_in_copies_of_it(service: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = review(service, jobs=1)
    monkeypatch.setattr(check_module, "LARGE", 0)
    started: list[int] = []
    original = forked.run

    def counting(work: Any, tasks: Any, workers: int) -> Any:
        started.append(workers)
        return original(work, tasks, workers)

    monkeypatch.setattr(forked, "run", counting)
    for jobs in (2, 5):
        assert said(review(service, jobs=jobs)) == said(alone)
    assert started == [2, 5]


def test_rules_in_any_order(service: Path) -> None:
    """What a rule asks must not change what the next one is told: workers do them in any order."""
    root = service
    rules = list(load_rules().rules.values())
    forward, backward = (
        check_project(load_project(CheckRequest(paths=(root,), settings=Settings(root=root))), order).findings
        for order in (rules, rules[::-1])
    )
    assert sorted(map(msgspec.json.encode, forward)) == sorted(map(msgspec.json.encode, backward))


def test_cold_or_warm(service: Path, tmp_path: Path) -> None:
    plain = review(service)
    cold = review(service, cache_dir=tmp_path / "cache")
    warm = review(service, cache_dir=tmp_path / "cache")
    assert said(cold) == said(warm) == said(plain)
    assert cold.statistics.summarised == cold.statistics.files
    assert warm.statistics.summarised == 0


def test_a_warm_cache_and_other_settings(service: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for chosen in (
        Settings(root=service),
        Settings(root=service, profile=Profile.GATE),
        Settings(root=service, ignore=("data",)),
        Settings(root=service),
    ):
        for paths in ((service,), (next(service.rglob("*.py")),), (service,)):
            plain = check(CheckRequest(paths=paths, settings=chosen, use_cache=False))
            assert said(check(CheckRequest(paths=paths, settings=chosen, cache_dir=cache))) == said(plain)


def test_a_warm_cache_and_changed_files(service: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    review(service, cache_dir=cache)
    files = sorted(service.rglob("*.py"))
    changes: tuple[Callable[[], object], ...] = (
        lambda: files[3].write_text(files[3].read_text() + "\n\nfor x in y:\n    print(x)\n"),
        lambda: files[4].rename(files[4].with_name("renamed.py")),
        lambda: files[5].unlink(),
        lambda: shutil.copytree(service / files[0].relative_to(service).parts[0], service / "copied"),
    )
    for change in changes:
        change()
        assert said(review(service, cache_dir=cache)) == said(review(service))


def test_what_a_file_is_for_may_change_without_the_file(tmp_path: Path, pack: Registry) -> None:
    root = tmp_path / "service"
    code = root / "docs" / "main.py"
    code.parent.mkdir(parents=True)
    code.write_text("print(1)\n", encoding="utf-8")
    (root / "app.py").write_text("", encoding="utf-8")
    cache = tmp_path / "cache"
    assert review(root, cache_dir=cache).findings == ()
    (code.parent / "__init__.py").write_text("", encoding="utf-8")
    assert [finding.path for finding in review(root).findings] == ["docs/main.py"]
    assert said(review(root, cache_dir=cache)) == said(review(root))


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "folder"])
def test_a_damaged_cache(service: Path, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    plain = review(service, cache_dir=cache)
    for path in [path for path in cache.rglob("*") if path.is_file()]:
        data = path.read_bytes()
        if damage == "folder":
            path.unlink()
            path.mkdir()
            continue
        middle = len(data) // 2
        path.write_bytes(
            {
                "cut": data[:middle],
                "flip": data[:middle]
                + bytes(byte ^ 0x55 for byte in data[middle : middle + 9])
                + data[middle + 9 :],
                "empty": b"",
                "text": b"not a cache" * 50,
            }[damage]
        )
    again = review(service, cache_dir=cache)
    assert again.findings == plain.findings
    assert again.not_evaluated == plain.not_evaluated
    assert not any(notice.failure for notice in again.notices)


def test_packages_installed_beside(service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = said(review(service))
    beside = tmp_path / "site"
    for name in ("sqlalchemy", "fastapi", "django", "rest_framework", "requests", "celery", "redis"):
        package = beside / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    monkeypatch.syspath_prepend(beside)
    assert said(review(service)) == alone


def test_where_the_project_lies(service: Path, tmp_path: Path) -> None:
    moved = tmp_path / "else where" / "é"
    shutil.copytree(service, moved)
    assert said(review(moved)) == said(review(service))


def test_a_file_that_kills_its_worker_costs_only_itself(
    write_pack: Callable[..., Registry], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pack(
        kills_worker='''
import multiprocessing
import os

from backlint.api import Rule


class KillsWorker(Rule):
    """Checks for nothing: ends the worker that sees `die`."""

    def visit_Name(self, node, ctx):
        if node.id == "die" and multiprocessing.parent_process() is not None:
            os._exit(1)
'''
    )
    (project / "bad.py").write_text("die\nprint(1)\n", encoding="utf-8")
    for number in range(5):
        (project / f"more_{number}.py").write_text("print(1)\n", encoding="utf-8")
    monkeypatch.setattr(pool, "SMALL_RUN", 0)
    monkeypatch.setattr(pool, "_CHUNK", 10)
    report = review(project, jobs=2)
    assert [finding.path for finding in report.findings] == [
        "good.py",
        *(f"more_{number}.py" for number in range(5)),
    ]
    (notice,) = report.notices
    assert (notice.kind, notice.path, notice.failure) == ("worker", "bad.py", True)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=3), st.binary(max_size=60))
def test_any_bytes_as_files(pack: Registry, project: Path, contents: list[bytes], ignore: bytes) -> None:
    for path in project.glob("any_*.py"):
        path.unlink()
    (project / ".gitignore").write_bytes(ignore)
    for number, content in enumerate(contents):
        (project / f"any_{number}.py").write_bytes(content)
    report = review(project)
    assert report.statistics.files <= len(contents) + 1
    for notice in report.notices:
        assert notice.path.startswith("any_") or notice.kind in ("empty", "skipped")
        assert "\n" not in notice.message
