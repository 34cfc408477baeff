"""Applies edits to a file's text."""

from __future__ import annotations

import ast
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backlint.finding import Edit, Fix, Span
    from backlint.fixes.source import SourceText


class OverlappingEdits(ValueError):  # noqa: N818 - names what is wrong with the fixes
    """Two fixes change the same text."""


def apply_fixes(source: SourceText, fixes: Iterable[Fix]) -> str:
    """The file's text after fixes of its findings, with the imports they need.

    Raises:
        OverlappingEdits: two of the edits meet; one fix at a time is to be applied.
        ParseFailure: the file has no tree.
    """
    chosen = list(fixes)
    text = apply_edits(source, [edit for fix in chosen for edit in fix.edits])
    wanted = dict.fromkeys(module for fix in chosen for module in fix.imports)
    missing = [module for module in wanted if module not in _imported(source.tree)]
    return _with_imports(text, source.tree, missing)


def apply_edits(source: SourceText, edits: Iterable[Edit]) -> str:
    """The text after the edits; equal ones count once.

    Raises:
        OverlappingEdits: two of them meet.
    """
    placed = sorted({(*_offsets(source, edit.span), edit.text) for edit in edits})
    for (_, end, _), (start, _, _) in pairwise(placed):
        if start < end:
            raise OverlappingEdits(f"two edits of {source.path} overlap")
    text = source.text
    for start, end, new in reversed(placed):
        text = text[:start] + new + text[end:]
    return text


def _offsets(source: SourceText, span: Span) -> tuple[int, int]:
    starts = _line_starts(source.text)

    def offset(line: int, column: int) -> int:
        if line > len(starts):
            return len(source.text)
        return starts[line - 1] + source.byte_to_char_column(line, column)

    return offset(span.line, span.column), offset(span.end_line, span.end_column)


def _line_starts(text: str) -> Sequence[int]:
    """Offset of each line, where lines end as `ast` ends them."""
    starts = [0]
    for index, character in enumerate(text):
        if character == "\n" or (character == "\r" and text[index + 1 : index + 2] != "\n"):
            starts.append(index + 1)
    return starts


def _imported(tree: ast.Module) -> set[str]:
    """Modules that the file imports by their own name, at module level."""
    return {
        alias.name
        for node in tree.body
        if isinstance(node, ast.Import)
        for alias in node.names
        if alias.asname is None
    }


def _with_imports(text: str, tree: ast.Module, modules: Sequence[str]) -> str:
    """Add `import` statements before the first that sorts after them, or where imports begin.

    Edits lie below the file's first imports, so that the lines up to there are still those of `tree`.
    """
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    for module in sorted(modules, reverse=True):
        lines.insert(_import_line(tree, module), f"import {module}{ending}")
    return "".join(lines)


def _import_line(tree: ast.Module, module: str) -> int:
    """How many lines stand before a new `import module`."""
    plain = [node for node in tree.body if isinstance(node, ast.Import)]
    after = next((node for node in plain if node.names[0].name > module), None)
    if after is not None:
        return after.lineno - 1
    if plain:
        return plain[-1].end_lineno or plain[-1].lineno
    line = 0
    for node in tree.body:
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (is_docstring or is_future):
            return node.lineno - 1 - _decorators_above(node)
        line = node.end_lineno or node.lineno
    return line


def _decorators_above(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return node.lineno - decorators[0].lineno if decorators else 0
