"""One file's text with its tree, for fixes, fingerprints and code frames."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from backlint.syntax.parse import ParseFailure, decode, parse

if TYPE_CHECKING:
    from backlint.finding import Span
    from backlint.syntax.parse import Parsed

_BREAK = re.compile(r"\r\n|\r|\n")


class SourceText:
    """A file as it was read; text and tree are made when first asked for.

    Lines and columns in spans are those of `Span`: lines from 1, columns from 0 in UTF-8 bytes. Places
    outside the text are moved to its nearest end, for a file may have changed since it was judged.
    """

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        """Relative to the project root, with forward slashes."""
        self.data = data

    @cached_property
    def text(self) -> str:
        """Decoded, without a byte order mark, line ends as in the file."""
        try:
            return decode(self.data)
        except ParseFailure:
            return self.data.decode("utf-8", "replace")

    @property
    def tree(self) -> ast.Module:
        """
        Raises:
            ParseFailure: the file has no tree.
        """
        if isinstance(self._parsed, ParseFailure):
            raise self._parsed
        return self._parsed.tree

    @cached_property
    def lines(self) -> list[str]:
        """Lines without their ends, split where `ast` counts a new line and nowhere else."""
        return _BREAK.split(self.text)

    def byte_to_char_column(self, line: int, byte_col: int) -> int:
        """The column in characters, from 0, of a column in UTF-8 bytes of a line counted from 1."""
        text = self._line(line)
        if text.isascii():
            return min(max(byte_col, 0), len(text))
        return len(text.encode()[: max(byte_col, 0)].decode("utf-8", "ignore"))

    def segment(self, span: Span) -> str:
        """The text in `span`, with line ends as `\\n`."""
        first, last = max(span.line, 1), min(span.end_line, len(self.lines))
        if first > last:
            return ""
        start = self.byte_to_char_column(first, span.column if span.line >= 1 else 0)
        text = self._line(last)
        end = self.byte_to_char_column(last, span.end_column) if span.end_line == last else len(text)
        if first == last:
            return text[start:end]
        return "\n".join([self._line(first)[start:], *self.lines[first : last - 1], text[:end]])

    def node_at(self, span: Span) -> ast.AST | None:
        """The innermost node that covers exactly `span`; None without one, or without a tree."""
        return self._nodes.get((span.line, span.column, span.end_line, span.end_column))

    @cached_property
    def _parsed(self) -> Parsed | ParseFailure:
        try:
            return parse(self.data, self.path)
        except ParseFailure as failure:
            return failure

    @cached_property
    def _nodes(self) -> dict[tuple[int, int, int, int], ast.AST]:
        if isinstance(self._parsed, ParseFailure):
            return {}
        # `walk` goes from the outside in, so that the innermost of several nodes stays.
        return {place: node for node in ast.walk(self._parsed.tree) if (place := _place(node))}

    def _line(self, line: int) -> str:
        return self.lines[line - 1] if 1 <= line <= len(self.lines) else ""


def read_source(root: Path, path: str) -> SourceText | None:
    """The file at `path`, relative to `root` with forward slashes; None when it can't be read.

    Paths come from summaries, and those may come from a cache: nothing outside `root` and nothing but
    a plain file is read.
    """
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        return None
    try:
        resolved = (root / parts).resolve(strict=True)
        if not resolved.is_relative_to(root.resolve()) or not resolved.is_file():
            return None
        return SourceText(path, resolved.read_bytes())
    except (OSError, ValueError, RuntimeError):
        return None


def _place(node: ast.AST) -> tuple[int, int, int, int] | None:
    match node:
        case (
            ast.expr()
            | ast.stmt()
            | ast.arg()
            | ast.keyword()
            | ast.alias()
            | ast.excepthandler()
            | ast.pattern()
        ):
            line, column = node.end_lineno, node.end_col_offset
            if line is not None and column is not None:
                return node.lineno, node.col_offset, line, column
    return None
