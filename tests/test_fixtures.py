"""Every rule reports what its fixture marks, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from backlint.testing import Case, FixtureError, find_fixtures, read_fixture, run_case

FIXTURES = Path(__file__).parents[1] / "fixtures"


def _cases() -> list[object]:
    cases: list[object] = []
    for path in find_fixtures(FIXTURES):
        name = path.relative_to(FIXTURES).with_suffix("").as_posix()
        try:
            fixture = read_fixture(path)
        except FixtureError as error:
            cases.append(pytest.param(error, id=name))
            continue
        cases += [pytest.param(case, id=f"{name}: {case.name}") for case in fixture.cases]
    return cases


@pytest.mark.parametrize("case", _cases())
def test_fixture(case: Case | FixtureError) -> None:
    if isinstance(case, FixtureError):
        pytest.fail(str(case), pytrace=False)
    problems = run_case(case).problems
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
