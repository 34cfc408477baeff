"""`backlint new-rule` writes two files that work at once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backlint.testing import read_fixture

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = (
    '[project]\nname = "acme"\nversion = "1"\n\n[project.entry-points."backlint.rules"]\nacme = "acme.lint"\n'
)


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    return tmp_path


def test_files_of_a_new_rule(run: Run, pack: Path) -> None:
    status, out, error = run("new-rule", "house/no-breakpoint")
    assert (status, error) == (0, "")
    assert out.splitlines() == [
        "wrote ../acme/lint/__init__.py",
        "wrote ../acme/lint/house/__init__.py",
        "wrote ../acme/lint/house/no_breakpoint.py",
        "wrote ../fixtures/house/no-breakpoint.md",
        "run it: pytest --backlint-fixtures fixtures -k no-breakpoint",
    ]
    assert "class NoBreakpoint(Rule):" in (pack / "acme/lint/house/no_breakpoint.py").read_text("utf-8")
    assert read_fixture(pack / "fixtures/house/no-breakpoint.md").rule == "no-breakpoint"
    status, _, error = run("new-rule", "house/no-breakpoint")
    assert status == 2
    assert "is there already" in error


def test_the_package_is_found_where_it_is(run: Run, pack: Path) -> None:
    (pack / "src" / "acme" / "lint").mkdir(parents=True)
    (pack / "src" / "acme" / "lint" / "__init__.py").touch()
    run("new-rule", "house/one-rule")
    assert (pack / "src/acme/lint/house/one_rule.py").is_file()


def test_they_pass(run: Run, pack: Path) -> None:
    run("new-rule", "house/no-breakpoint")
    info = pack / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[backlint.rules]\nacme = acme.lint\n", encoding="utf-8")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--backlint-fixtures", "fixtures", "fixtures"]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=pack,
        env={"PYTHONPATH": str(pack), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_they_keep_the_conventions_of_the_built_in_pack(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "rules" / "backlint_rules" / "data").mkdir(parents=True)
    for folder in ("", "data"):
        (tmp_path / "rules" / "backlint_rules" / folder / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    status, out, _ = run("new-rule", "data/odd-thing")
    assert status == 0
    assert out.splitlines()[:2] == [
        "wrote rules/backlint_rules/data/odd_thing.py",
        "wrote fixtures/data/odd-thing.md",
    ]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no-family", "has no family"),
        ("House/rule", '"House" is no name'),
        ("house/a_b", '"a_b" is no name'),
        ("house/../x", "is no name"),
        ("data/query-in-loop", "there is a rule query-in-loop already"),
    ],
)
@pytest.mark.usefixtures("pack")
def test_wrong_names(run: Run, name: str, problem: str) -> None:
    status, _, error = run("new-rule", name)
    assert status == 2
    assert problem in error


def test_outside_of_a_pack(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, error = run("new-rule", "house/rule")
    assert status == 2
    assert "is in no rule pack" in error
    (tmp_path / "pyproject.toml").write_text("[", encoding="utf-8")
    assert "pyproject.toml: " in run("new-rule", "house/rule")[2]
