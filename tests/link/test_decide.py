"""Conditions are true, false or unknown, and unknown satisfies nothing."""

from __future__ import annotations

import pytest

from backlint.condition import All, AnyOf, Condition, HasEffect, HasRole, IsInstance, Names, Not
from backlint.effect import Effect, Role
from backlint.link.decide import decide
from backlint.summary import EventKind
from backlint.testing import project_from

FILES = {
    "app/helpers.py": """
        import requests
        from functools import lru_cache
        def fetch(): return requests.get("u")
        def plain(): return 1
        class Base: ...
        class Client(Base): ...
        """,
    "app/main.py": """
        import requests
        from fastapi import Depends
        from app.helpers import Client, fetch, plain
        from app.nowhere import missing
        from functools import lru_cache
        def f(anything):
            return [fetch, plain, missing, Client(), anything, requests.get, lru_cache]
        """,
}
PROJECT = project_from(FILES)
FUNCTION = next(each for each in PROJECT.functions if each.symbol == "app.main.f")
ITEMS = PROJECT.term(
    FUNCTION, next(event.term for event in FUNCTION.summary.events if event.kind is EventKind.RETURN)
).items  # type: ignore[union-attr]
FETCH, PLAIN, MISSING, CLIENT, ANYTHING, GET, CACHE = ITEMS


def held(condition: Condition) -> bool | None:
    return decide(PROJECT, FUNCTION.file, condition)[0]


CALLS = Effect.CALLS_NETWORK
TRUE, FALSE, UNKNOWN = HasEffect(FETCH, CALLS), HasEffect(PLAIN, CALLS), HasEffect(ANYTHING, CALLS)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (HasEffect(FETCH, CALLS), True),
        (HasEffect(FETCH, Effect.COMMITS), False),
        (HasEffect(PLAIN, CALLS), False),
        (HasEffect(GET, CALLS), True),
        (HasEffect(GET, Effect.COMMITS), False),
        (HasEffect(MISSING, CALLS), None),
        (HasEffect(ANYTHING, CALLS), None),
        (HasRole(CACHE, Role.MEMOISES), True),
        (HasRole(PLAIN, Role.MEMOISES), False),
        (HasRole(ANYTHING, Role.MEMOISES), None),
        (IsInstance(CLIENT, ("app.helpers.Client",)), True),
        (IsInstance(CLIENT, ("app.helpers.Base",)), True),
        (IsInstance(CLIENT, ("app.helpers.Other",)), False),
        (IsInstance(ANYTHING, ("app.helpers.Base",)), None),
        (Names(FETCH, ("app.helpers.fetch",)), True),
        (Names(FETCH, ("requests.get",)), False),
        (Names(GET, ("requests.get", "httpx.get")), True),
        (Names(ANYTHING, ("requests.get",)), None),
    ],
)
def test_a_condition(condition: Condition, expected: bool | None) -> None:
    assert held(condition) is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Not(TRUE), False),
        (Not(FALSE), True),
        (Not(UNKNOWN), None),
        (All(()), True),
        (All((TRUE, TRUE)), True),
        (All((TRUE, FALSE)), False),
        (All((UNKNOWN, FALSE)), False),
        (All((FALSE, UNKNOWN)), False),
        (All((TRUE, UNKNOWN)), None),
        (AnyOf(()), False),
        (AnyOf((FALSE, TRUE)), True),
        (AnyOf((UNKNOWN, TRUE)), True),
        (AnyOf((FALSE, FALSE)), False),
        (AnyOf((FALSE, UNKNOWN)), None),
        (Not(All((TRUE, UNKNOWN))), None),
    ],
)
def test_conditions_are_joined_with_three_values(condition: Condition, expected: bool | None) -> None:
    assert held(condition) is expected


def test_evidence_is_what_made_the_condition_true() -> None:
    for condition in (TRUE, All((TRUE, Not(FALSE))), AnyOf((FALSE, TRUE))):
        _, evidence = decide(PROJECT, FUNCTION.file, condition)
        assert [step.path for step in evidence] == ["app/helpers.py"]
    assert decide(PROJECT, FUNCTION.file, All((TRUE, UNKNOWN)))[1] == ()
