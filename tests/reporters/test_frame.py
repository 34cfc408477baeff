"""Code frames: what is shown of a span, and what is underlined."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.finding import Span
from backlint.reporters.escape import is_unsafe
from backlint.reporters.frame import LONGEST, MOST_LINES, FrameLine, frame_lines
from backlint.reporters.sources import SourceReader


def frame(source: str, span: Span, width: int = 0) -> list[FrameLine]:
    return frame_lines(SourceReader(Path("/nowhere"), {"a.py": source.encode()}), "a.py", span, width)


def marked(line: FrameLine) -> str:
    return line.text[line.start : line.end]


def span_of(source: str, part: str) -> Span:
    """The span of `part`, which stands on one line."""
    for number, line in enumerate(source.split("\n"), 1):
        if part in line:
            start = len(line[: line.index(part)].encode())
            return Span(number, start, number, start + len(part.encode()))
    raise AssertionError(part)


def test_one_line() -> None:
    source = "x = 1\n    call(a, b)  # note\n"
    (line,) = frame(source, span_of(source, "call(a, b)"))
    assert (line.number, line.text, marked(line)) == (2, "    call(a, b)  # note", "call(a, b)")


def test_tabs_become_columns() -> None:
    source = "\tif x:\t# y\n"
    (line,) = frame(source, span_of(source, "# y"))
    assert line.text == "    if x:   # y"
    assert marked(line) == "# y"


def test_wide_and_combining_characters() -> None:
    source = "世界 = e\u0301; call()\n"
    (line,) = frame(source, span_of(source, "call()"))
    assert (line.start, line.end) == (10, 16)


def test_unsafe_characters_are_written_out() -> None:
    source = "s = '\x1b[31m\u202e'; call()\n"
    (line,) = frame(source, span_of(source, "call()"))
    assert line.text == "s = '\\x1b[31m\\u202e'; call()"
    assert marked(line) == "call()"


def test_several_lines() -> None:
    lines = frame("f(\n    a,\n\n    b,\n)\nx\n", Span(1, 0, 5, 1))
    assert [line.number for line in lines] == [1, 2, 3, 4]
    assert [marked(line) for line in lines] == ["f(", "a,", "", "b,"]


def test_span_that_ends_before_the_first_character_of_a_line() -> None:
    assert [line.number for line in frame("a = 1\nb = 2\n", Span(1, 0, 2, 0))] == [1]


@pytest.mark.parametrize("width", [0, 40, 60, 100, 400])
def test_long_lines_are_cut_around_the_span(width: int) -> None:
    source = "x = '" + "a" * 300 + "'; call(1); y = '" + "b" * 300 + "'\n"
    (line,) = frame(source, span_of(source, "call(1)"), width)
    assert marked(line) == "call(1)"
    assert len(line.text) <= max(48, min(width or LONGEST, LONGEST))
    assert line.text.startswith("...")
    assert line.text.endswith("...")


def test_a_span_longer_than_the_room_is_cut() -> None:
    source = "call('" + "a" * 500 + "')\n"
    (line,) = frame(source, Span(1, 0, 1, 508), 80)
    assert line.text.startswith("call('aaa")
    assert line.end <= len(line.text)


@pytest.mark.parametrize("span", [Span(9, 0, 9, 3), Span(0, 0, 0, 0), Span(2, 0, 2, 0)])
def test_lines_that_are_not_there(span: Span) -> None:
    assert frame("x = 1", span) == []


@given(
    st.text(max_size=200),
    st.integers(0, 6),
    st.integers(0, 250),
    st.integers(0, 12),
    st.integers(0, 250),
    st.sampled_from([0, 20, 80]),
)
def test_any_source_and_span(
    source: str, line: int, column: int, lines: int, end_column: int, width: int
) -> None:
    shown = frame(source, Span(line, column, line + lines, end_column), width)
    assert len(shown) <= MOST_LINES
    for item in shown:
        assert 0 <= item.start <= item.end
        assert not any(is_unsafe(character) for character in item.text)
