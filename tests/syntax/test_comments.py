import textwrap

import pytest

from backlint.finding import Span
from backlint.summary import Suppression
from backlint.syntax.comments import suppressions
from backlint.syntax.parse import parse

IGNORE = "# backlint: ignore[query-in-loop] cached upstream"


def found(source: str) -> tuple[Suppression, ...]:
    parsed = parse(textwrap.dedent(source).replace("IGNORE", IGNORE).encode(), "x.py")
    return suppressions(parsed.text, parsed.tree)


def lines(source: str) -> list[tuple[int, int]]:
    return [(item.first_line, item.last_line) for item in found(source)]


def test_what_a_comment_says() -> None:
    text = (
        "x = 'é'  # noqa: E501  # backlint: ignore[query-in-loop, missing-timeout] - at most 3 rows # nosec\n"
    )
    assert found(text) == (
        Suppression(
            span=Span(1, 24, 1, len(text.encode()) - 1),
            rules=("query-in-loop", "missing-timeout"),
            reason="at most 3 rows",
            first_line=1,
            last_line=1,
        ),
    )


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("# backlint: ignore", "no rules in square brackets"),
        ("# backlint: ignore query-in-loop because", "no rules in square brackets"),
        ("# backlint: ignore[] because", "names no rule"),
        ("# backlint: ignore[ , ] because", "names no rule"),
        ("# backlint: ignore[query-in-loop]", "no reason"),
        ("# backlint: ignore[query-in-loop]  --", "no reason"),
        ("# backlint: ignore[query-in-loop]  # noqa", "no reason"),
        ("# backlint: ignore[QueryInLoop] because", "QueryInLoop"),
        ("# backlint: ignore[*] because", "`*`"),
        ("# Backlint: Ignore[query-in-loop] because", "lower case"),
        ("# backlint: disable=query-in-loop", "not understood"),
        ("# backlint:ignore-file", "no rules in square brackets"),
        ("# backlint disable", "not understood"),
        ("## backlint: off", "not understood"),
    ],
)
def test_malformed_comments_say_how_to_write_them(comment: str, words: str) -> None:
    (suppression,) = found(f"x = 1  {comment}\n")
    assert words in suppression.problem
    assert "# backlint: ignore[rule] reason" in suppression.problem


def test_only_comments_count() -> None:
    assert found('x = "IGNORE"\ny = """\nIGNORE\n"""\nz = f"{x}IGNORE"\n') == ()
    assert found("# backlint reads this file\n# see docs/backlint: nothing\nx = 1\n") == ()
    assert found("x = 1\n") == ()


def test_behind_a_statement() -> None:
    assert lines("x = 1\ny = call(\n    1,  IGNORE\n    2,\n)\nz = 3\n") == [(2, 5)]
    assert lines("y = call(\n    1,\n)  IGNORE\n") == [(1, 3)]
    assert lines("y = call(\n    IGNORE\n    1,\n)\n") == [(1, 4)]
    assert lines("x = 1; y = 2  IGNORE\n") == [(1, 1)]
    assert lines('x = """\na\n"""  IGNORE\n') == [(1, 3)]


def test_behind_a_header() -> None:
    assert lines("for x in (\n    y\n):  IGNORE\n    a(x)\n    b(x)\n") == [(1, 3)]
    assert lines("try:\n    a()\nexcept A:  IGNORE\n    pass\n") == [(3, 3)]
    assert lines("try:\n    a()\nfinally:  IGNORE\n    b()\n") == [(3, 3)]
    assert lines("match x:\n    case 1:  IGNORE\n        a()\n") == [(2, 2)]
    assert lines("if x: a()  IGNORE\n") == [(1, 1)]


def test_on_a_definition() -> None:
    definition = "@first\n@second(\n    1,{}\n)\nasync def f(\n    a,{}\n):{}\n    a()\n\n    b()\n\nc()\n"
    for position in range(3):
        marks = ["  IGNORE" if position == index else "" for index in range(3)]
        assert lines(definition.format(*marks)) == [(1, 10)]
    assert lines("class A:  IGNORE\n    x = 1\n    def f(self): pass\n") == [(1, 3)]


def test_on_a_line_of_its_own() -> None:
    assert lines("IGNORE\n# more\n\n@d\ndef f():\n    a()\nb()\n") == [(4, 6)]
    assert lines("def f():\n    IGNORE\n    a(\n        1\n    )\n    b()\n") == [(3, 5)]
    assert lines("IGNORE\nfor x in y:\n    a(x)\n") == [(2, 2)]
    assert lines("try:\n    a()\nIGNORE\nexcept A:\n    pass\n") == [(4, 4)]


def test_own_line_comment_covers_nothing_outside_its_block() -> None:
    assert lines("def f():\n    a()\n    IGNORE\n\ndef g():\n    b()\n") == [(3, 3)]
    assert lines("a()\nIGNORE\n") == [(2, 2)]


def test_comments_beside_newer_syntax() -> None:
    assert lines('def f[T](x):\n    return f"{x["#"]}"  IGNORE\n') == [(2, 2)]
    assert lines('y = f"{\n    x["a"]  IGNORE\n}"\n') == [(1, 3)]


def test_line_ends_of_other_systems() -> None:
    parsed = parse(b"x = 1\r\ny = 2  # backlint: ignore[a-rule] why\r\n", "x.py")
    (suppression,) = suppressions(parsed.text, parsed.tree)
    assert (suppression.first_line, suppression.reason) == (2, "why")
