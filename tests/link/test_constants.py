"""Constants behind terms, and terms as words."""

from __future__ import annotations

import pytest

from backlint.link.constants import NO_CONSTANT
from backlint.summary import EventKind
from backlint.testing import project_from

FILES = {
    "app/config.py": """
        from datetime import timedelta
        MINUTE = 60
        HOUR = 60 * MINUTE
        class Settings:
            TIMEOUT: int = 5
            NAME = "shop"
        settings = Settings()
        WINDOW = timedelta(minutes=2, seconds=MINUTE)
        """
}
CODE = """
    from datetime import timedelta
    from app import config
    from app.config import HOUR, Settings, settings
    LIMIT = 3
    CHANGING = 1
    CHANGING = 2
    def f(a, *args):
        local = LIMIT * 2
        return {}
    """


def probe(expression: str, kind: str) -> object:
    project = project_from({**FILES, "app/main.py": CODE.format(expression)})
    function = next(each for each in project.functions if each.symbol == "app.main.f")
    term = next(event.term for event in function.summary.events if event.kind is EventKind.RETURN)
    return project.words(function, term) if kind == "words" else project.constant(function, term)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("5", 5),
        ("None", None),
        ("'x'", "x"),
        ("-2", -2),
        ("LIMIT", 3),
        ("local", 6),
        ("config.MINUTE", 60),
        ("HOUR * 24", 86400),
        ("HOUR / 2", 1800.0),
        ("7 // 2 + 7 % 4", 6),
        ("timedelta(hours=1)", 3600.0),
        ("timedelta(1, 2)", 86402.0),
        ("config.WINDOW", 180.0),
        ("Settings.TIMEOUT", 5),
        ("settings.NAME", "shop"),
    ],
)
def test_constants_are_found(expression: str, expected: object) -> None:
    found = probe(expression, "constant")
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    "expression",
    [
        "a",
        "a + 1",
        "CHANGING",
        "1 / 0",
        "timedelta(hours=a)",
        "args[0]",
        "LIMIT if a else 2",
        "config.nothing",
    ],
)
def test_what_depends_on_more_is_no_constant(expression: str) -> None:
    assert probe(expression, "constant") is NO_CONSTANT


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", "a"),
        ("local", "local"),
        ("LIMIT", "LIMIT"),
        ("config.HOUR", "HOUR"),
        ("a.posts.count()", "a.posts.count()"),
        ("a.get(1, x=2)", "a.get(…)"),
        ("a['key']", "a['key']"),
        ("a + 1", "a + 1"),
        ("a == 1", "a == 1"),
        ("[a, 1, 2, 3]", "[a, 1, 2, …]"),
        ("(a,)", "(a)"),
        ("f'{a}!'", 'f"…"'),
        ("'a' * 3", "'a' * 3"),
        ("'0123456789012345678901234567'", "'01234567890123456789…'"),
        ("lambda: a", "lambda"),
        ("a.b.c.d.e.f.g.h.i.j.k.l", "….d.e.f.g.h.i.j.k.l"),
        ("(a - 1) * a", "(a - 1) * a"),
        ("a - 1 * a", "a - 1 * a"),
        ("a - (1 - a)", "a - (1 - a)"),
        ("(a - 1) - a", "a - 1 - a"),
        ("a ** 2 ** a", "a ** 2 ** a"),
    ],
)
def test_words(expression: str, expected: str) -> None:
    assert probe(expression, "words") == expected
