"""A pytest plugin that turns Markdown fixtures of rules into tests, one a case.

    pytest --backlint-fixtures fixtures

or, in the pytest configuration, `backlint_fixtures = fixtures`. Installed with backlint, it does nothing
without either.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backlint.testing.fixture import Case

_FOLDERS = pytest.StashKey[list[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--backlint-fixtures` and its ini setting."""
    group = parser.getgroup("backlint")
    group.addoption(
        "--backlint-fixtures",
        action="append",
        metavar="DIR",
        default=[],
        help="folder with Markdown fixtures of backlint rules to run; may be given several times",
    )
    parser.addini("backlint_fixtures", "folders with Markdown fixtures of backlint rules", type="paths")


def pytest_configure(config: pytest.Config) -> None:
    """Add the folders to what is collected, unless files were named on the command line."""
    given = [Path(config.invocation_params.dir, folder) for folder in config.getoption("backlint_fixtures")]
    configured = [Path(folder) for folder in config.getini("backlint_fixtures")]
    folders = [folder.resolve() for folder in (*given, *configured)]
    config.stash[_FOLDERS] = folders
    wanted = list(given)
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        wanted += configured
    for folder in wanted:
        if not folder.is_dir():
            raise pytest.UsageError(f"backlint fixtures: there is no folder {folder}")
        if str(folder) not in config.args:
            config.args.append(str(folder))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the Markdown files of the fixture folders, apart from sample projects."""
    folders = parent.config.stash.get(_FOLDERS, [])
    if file_path.suffix != ".md" or not folders:
        return None
    resolved = file_path.resolve()
    for folder in folders:
        if resolved.is_relative_to(folder) and resolved.relative_to(folder).parts[0] != "projects":
            return FixtureFile.from_parent(parent, path=file_path)
    return None


class FixtureFile(pytest.File):
    """A fixture."""

    def collect(self) -> Iterable[FixtureCase]:
        """One test a case."""
        from backlint.testing.fixture import read_fixture
        from backlint.testing.markers import FixtureError

        try:
            fixture = read_fixture(self.path)
        except FixtureError as error:
            raise self.CollectError(str(error)) from None
        for case in fixture.cases:
            yield FixtureCase.from_parent(self, name=case.name, case=case)


class FixtureCase(pytest.Item):
    """A case of a fixture."""

    def __init__(self, *, case: Case, **arguments: object) -> None:
        super().__init__(**arguments)  # type: ignore[arg-type]
        self.case = case

    def runtest(self) -> None:
        """Fail with every difference between what is reported and what is marked."""
        from backlint.testing.check import run_case

        problems = run_case(self.case).problems
        if problems:
            pytest.fail("\n".join(problems), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the case stands in the fixture."""
        return self.path, self.case.line - 1, f"{self.case.rule}: {self.case.name}"
