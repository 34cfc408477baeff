"""The pytest plugin: fixtures of a folder become tests."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

FIXTURE = (
    "# offset-pagination\n## Bad\n```py\nfrom sqlalchemy.orm import Session\nfrom app.models import Post\n\n\n"
    "def index(session: Session, page):\n    return session.query(Post).offset(page).all()  # {marker}\n```\n"
    "## Good\n```py\nx = 1\n```\n"
)


@pytest.fixture
def folder(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one fixture; pytest runs in a process of its own, with the plugin loaded by name."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_plain="def test_plain(): pass\n")
    pytester.makeini("[pytest]\n")
    fixtures = pytester.path / "rules" / "data"
    fixtures.mkdir(parents=True)
    (fixtures / "one.md").write_text(FIXTURE.format(marker="finding, finding"), encoding="utf-8")
    (fixtures / "broken.md").write_text("# some-rule\n", encoding="utf-8")
    (fixtures.parent / "projects").mkdir()
    (fixtures.parent / "projects" / "README.md").write_text("# A project\n", encoding="utf-8")
    return fixtures.parent


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    command = (sys.executable, "-m", "pytest", "-p", "backlint.testing.plugin", "-p", "no:cacheprovider")
    return pytester.run(*command, *arguments)


def test_without_a_setting_nothing_is_collected(pytester: pytest.Pytester, folder: Path) -> None:
    run(pytester).assert_outcomes(passed=1)


def test_the_option_adds_a_folder(pytester: pytest.Pytester, folder: Path) -> None:
    result = run(pytester, "--backlint-fixtures", "rules", "--continue-on-collection-errors", "-v")
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*rules/data/one.md::Good PASSED*"])
    result.stdout.fnmatch_lines(["*broken.md:1: the section `## Bad` is missing or has no code*"])


def test_the_ini_setting_adds_a_folder_unless_files_are_named(
    pytester: pytest.Pytester, folder: Path
) -> None:
    (folder / "data" / "broken.md").unlink()
    (folder / "data" / "one.md").write_text(FIXTURE.format(marker="finding"), encoding="utf-8")
    pytester.makeini("[pytest]\nbacklint_fixtures = rules\n")
    run(pytester).assert_outcomes(passed=3)
    run(pytester, "test_plain.py").assert_outcomes(passed=1)
    run(pytester, "rules/data/one.md", "-k", "Good").assert_outcomes(passed=1, deselected=1)


def test_a_folder_that_is_missing_is_an_error(pytester: pytest.Pytester, folder: Path) -> None:
    result = run(pytester, "--backlint-fixtures", "nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*there is no folder *nowhere*"])
