import ast
import contextlib
import sys
import time
import warnings

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from backlint.syntax.comments import suppressions
from backlint.syntax.modern import mask
from backlint.syntax.parse import MAX_BYTES, ParseFailure, parse


def failure(data: bytes) -> ParseFailure:
    with pytest.raises(ParseFailure) as caught:
        parse(data, "app/x.py")
    return caught.value


def test_declared_encoding_and_byte_order_mark_are_honoured() -> None:
    assert parse("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"), "x.py").text.endswith("'é'\n")
    marked = parse(b"\xef\xbb\xbfcall()", "x.py")
    assert marked.text == "call()"
    statement = marked.tree.body[0]
    assert (statement.lineno, statement.col_offset) == (1, 0)


def test_columns_are_bytes_of_the_original_text() -> None:
    parsed = parse("x = 'é'; call()\r\ny = 2\r\n".encode(), "x.py")
    assert [(item.lineno, item.col_offset) for item in parsed.tree.body] == [(1, 0), (1, 10), (2, 0)]
    assert "\r\n" in parsed.text


def test_bytes_that_are_not_utf8_are_named_with_their_line() -> None:
    problem = failure("x = 1\nname = 'é'\n".encode("latin-1"))
    assert (problem.kind, problem.line) == ("encoding", 2)
    assert "UTF-8" in str(problem)
    assert "0xe9" in str(problem)


@pytest.mark.parametrize(
    ("data", "kind", "line"),
    [
        (b"# coding: klingon\n", "encoding", 1),
        (b"# coding: punycode\nx = 1\n", "encoding", 1),
        (b"# coding: hex\n", "encoding", 1),
        ("x = 1".encode("utf-16"), "encoding", 1),
        (b"x = 1\ny = \0\n", "syntax", 2),
        (b"def f(:\n", "syntax", 1),
        (b"x = 'open\n", "syntax", 1),
        (b"(" * 2000 + b")" * 2000, "too-deep", 1),
        (b"x = " + b"-" * 100_000 + b"1", "too-deep", 0),
        (b"x = a" + b".b" * 50_000, "too-deep", 0),
        (b"".join(b" " * depth + b"if x:\n" for depth in range(150)), "too-deep", 101),
        (b"#" * (MAX_BYTES + 1), "too-large", 0),
    ],
)
def test_what_has_no_tree(data: bytes, kind: str, line: int) -> None:
    problem = failure(data)
    assert (problem.kind, problem.line) == (kind, line)
    assert "\n" not in str(problem)


def test_nothing_is_warned_about() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parse(b"x = '\\d'\nassert (x, 'no')\n1 is 1\n", "x.py")
        parse(b'x = \'\\d\'\nprint(f"{a["k"]} \\d")\n', "x.py")
    assert caught == []


def test_failure_survives_the_way_between_processes() -> None:
    problem = ParseFailure("syntax", "invalid syntax", 3)
    again = type(problem)(*problem.args)
    assert (again.kind, again.message, again.line) == ("syntax", "invalid syntax", 3)


FRAGMENTS = [
    *("def f[T](a): ", "class A[\n T\n]:\n  pass\n", "type X[T] = ", "except A, B:", "try:\n pass\n"),
    *("lazy import x", "lambda: ", "yield", "# backlint: ignore[a] why", "{x!r:>{w}}", "{a=}", "\\N{DASH}"),
    *('f"', "f'''", '"', "'", "'''", "t'", "rb'", "(", ")", "[", "]", "{", "}", ":", ",", "=", "!"),
    *(" ", "0", "é", "\\", "\n", "\r", "\x0c"),
]


@settings(max_examples=400, deadline=2000)
@given(st.one_of(st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join), st.text(max_size=200)))
@example('f"{' * 100)
@example("f'{x:" * 100)
@example('f"{a["b"]}\\')
@example("type X[\n\n] = 1")
def test_any_text_is_a_tree_or_a_failure(text: str) -> None:
    try:
        parsed = parse(text.encode(errors="replace"), "x.py")
    except ParseFailure:
        return
    suppressions(parsed.text, parsed.tree)
    ast.unparse(parsed.tree)


@settings(max_examples=200, deadline=2000)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_tree_or_a_failure(data: bytes) -> None:
    with contextlib.suppress(ParseFailure):
        parse(data, "x.py")


@pytest.mark.parametrize(
    "piece",
    ['f"{', "f'{x:{", "(", "'", '"' * 3, "except A,", "except ]\n", "def f[", "type X[", "\\\n", "'f{"],
)
@pytest.mark.parametrize("before", ["", "1 1\n"])
def test_time_grows_with_the_text(before: str, piece: str) -> None:
    text = before + piece * (200_000 // len(piece)) + "\n?"
    started = time.process_time()
    with contextlib.suppress(ParseFailure):
        parse(text.encode(), "x.py")
    mask(text)
    assert time.process_time() - started < 5


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="older grammars only")
def test_the_error_of_newer_syntax_is_the_real_one() -> None:
    problem = failure(b"def first[T](a): pass\n\ndef second(: pass\n")
    assert problem.line == 3
