"""A code frame: source lines with a span underlined."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

import msgspec

from backlint.reporters.escape import escape_character, unsafe_places
from backlint.reporters.sources import SourceReader, character_column

if TYPE_CHECKING:
    from backlint.finding import Span

TAB = 4
LONGEST = 160
"""Columns of source that are shown where the width is not limited."""
MOST_LINES = 4
"""Lines of a longer span that are shown."""
_LEAD = 24
"""Columns kept before the span when a long line is cut."""
_CUT = "..."


class FrameLine(msgspec.Struct, frozen=True):
    """A line of source as shown, and the columns to underline in it."""

    number: int
    text: str
    start: int
    end: int
    """Exclusive; equal to `start` where nothing is underlined."""


def frame_lines(sources: SourceReader, path: str, span: Span, width: int) -> list[FrameLine]:
    """The lines of a span, tabs expanded, unsafe characters written out, cut to `width` columns.

    Args:
        width: Columns for the source itself; 0 for no limit but `LONGEST`.

    Returns:
        At most `MOST_LINES` lines; none where the file has no such line.
    """
    available = len(sources.lines(path))
    last = min(max(span.line, span.end_line), available, span.line + MOST_LINES - 1)
    if span.end_line > span.line and span.end_column == 0:
        last = min(last, max(span.line, span.end_line - 1))
    return [
        _frame_line(sources.line(path, number), number, span, min(width or LONGEST, LONGEST))
        for number in range(span.line, last + 1)
        if 0 < number <= available
    ]


def _frame_line(line: str, number: int, span: Span, width: int) -> FrameLine:
    cells = _cells(line)
    text = "".join(cells)
    if text.isascii() and len(text) == len(cells):
        columns = list(range(len(cells) + 1))
    else:
        columns = [0]
        for cell in cells:
            columns.append(columns[-1] + _width(cell))
    first = character_column(line, span.column) - 1 if number == span.line else _indent(line)
    last = character_column(line, span.end_column) - 1 if number == span.end_line else len(line.rstrip())
    start = columns[min(first, len(cells))]
    end = columns[min(last, len(cells))]
    if number == span.line:
        end = max(end, start + 1)
    shown = FrameLine(number, text.rstrip(), start, end)
    return shown if columns[-1] <= width else _cut(cells, columns, shown, width)


def _cut(cells: list[str], columns: list[int], line: FrameLine, width: int) -> FrameLine:
    """Keep the part of a long line where the span begins.

    Args:
        columns: Where each cell begins, and where the last one ends.
    """
    room = max(width, 2 * _LEAD) - 2 * len(_CUT)
    begin = bisect_left(columns, line.start - _LEAD) if line.start > room - _LEAD else 0
    end = bisect_right(columns, columns[begin] + room) - 1
    left, right = _CUT if begin else "", _CUT if end < len(cells) else ""
    shift = len(left) - columns[begin]
    return FrameLine(
        line.number,
        left + "".join(cells[begin:end]) + right,
        line.start + shift,
        max(min(line.end, columns[end]) + shift, line.start + shift + 1),
    )


def _cells(line: str) -> list[str]:
    """The text shown for each character of a line."""
    if line.isascii() and line.isprintable() and "##" not in line:
        return list(line)
    cells: list[str] = []
    column = 0
    unsafe = unsafe_places(line)
    for number, character in enumerate(line):
        if character == "\t":
            cell = " " * (TAB - column % TAB)
        elif number in unsafe:
            cell = escape_character(character)
        else:
            cell = character
        cells.append(cell)
        column += _width(cell)
    return cells


def _width(cell: str) -> int:
    """Terminal columns that a shown character takes."""
    if len(cell) != 1 or cell.isascii():
        return len(cell)
    if unicodedata.combining(cell) or unicodedata.category(cell) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in "WF" else 1


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
