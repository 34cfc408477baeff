"""Applies edits to a file's text."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from backlint.fixes.imports import import_edits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backlint.finding import Edit, Fix, Span
    from backlint.fixes.source import SourceText

_BREAK = re.compile(r"\r\n|\r|\n")


class OverlappingEdits(ValueError):  # noqa: N818 - names what is wrong with the fixes
    """Two fixes change the same text."""


def apply_fixes(source: SourceText, fixes: Iterable[Fix]) -> str:
    """The file's text after fixes of its findings, with the imports they need.

    Raises:
        OverlappingEdits: two of the edits meet; one fix at a time is to be applied.
        ParseFailure: the file has no tree.
    """
    chosen = list(fixes)
    imports = import_edits(source, [name for fix in chosen for name in fix.imports])
    return apply_edits(source, [*imports, *(edit for fix in chosen for edit in fix.edits)])


def apply_edits(source: SourceText, edits: Iterable[Edit]) -> str:
    """The text after the edits; equal ones count once. New lines end as those of the file do.

    Raises:
        OverlappingEdits: two of them meet.
    """
    text = source.text
    starts = [0, *(found.end() for found in _BREAK.finditer(text))]
    found = _BREAK.search(text)
    newline = found[0] if found else "\n"
    pieces: list[str] = []
    position = 0
    # At one place insertions come first, in the order given: imports before what uses them.
    for edit in sorted(dict.fromkeys(edits), key=_place):
        start, end = _offsets(source, starts, edit.span)
        if start < position or end < start:
            line = bisect_right(starts, start)
            raise OverlappingEdits(f"two edits of {source.path} overlap at line {line}")
        pieces += [text[position:start], _BREAK.sub(newline, edit.text)]
        position = end
    return "".join(pieces) + text[position:]


def overlap(one: Span, other: Span) -> bool:
    """Whether two edits touch the same text, or begin at the same place."""
    start, end = (one.line, one.column), (one.end_line, one.end_column)
    other_start, other_end = (other.line, other.column), (other.end_line, other.end_column)
    return start == other_start or (start < other_end and other_start < end)


def _place(edit: Edit) -> tuple[int, int, int, int]:
    span = edit.span
    return span.line, span.column, span.end_line, span.end_column


def _offsets(source: SourceText, starts: Sequence[int], span: Span) -> tuple[int, int]:
    def offset(line: int, column: int) -> int:
        if line > len(starts):
            return len(source.text)
        return starts[line - 1] + source.byte_to_char_column(line, column)

    return offset(span.line, span.column), offset(span.end_line, span.end_column)
