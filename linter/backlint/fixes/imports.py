"""Where a file keeps its imports, and the edits that add one."""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

from backlint.finding import Edit, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backlint.fixes.source import SourceText


def missing_imports(source: SourceText, names: Iterable[str]) -> list[str]:
    """The import statements that a file lacks, without duplicates, in alphabetical order.

    Args:
        names: Modules, such as `asyncio`, or whole statements, such as `from decimal import Decimal`.

    Raises:
        ParseFailure: the file has no tree.
    """
    bound = _bound(source.tree.body)
    wanted = {name if name.startswith(("import ", "from ")) else f"import {name}" for name in names}
    return sorted(statement for statement in wanted if not _bound(ast.parse(statement).body) <= bound)


def import_edits(source: SourceText, names: Iterable[str]) -> list[Edit]:
    """Edits that add the imports a file lacks, beside those it has.

    What comes from the standard library goes among its imports, in alphabetical order, or before the first
    import; all else after the last import of the block at the top. Without such a block they follow
    docstring, comments and `__future__`. Names go into an import from the same module where there is one.

    Raises:
        ParseFailure: the file has no tree.
    """
    statements = missing_imports(source, names)
    by_line: dict[int, list[str]] = {}
    block = _block(source.tree)
    edits: list[Edit] = []
    for statement in statements:
        joined = _join(statement, block)
        if joined:
            edits += joined
        else:
            by_line.setdefault(_line_for(source, statement, block), []).append(statement)
    return edits + [_edit(source, line, texts, block) for line, texts in sorted(by_line.items())]


def _join(statement: str, block: Sequence[ast.stmt]) -> list[Edit]:
    """Edits that add the names to an import from the same module; none where there is no such import."""
    new = ast.parse(statement).body[0]
    if not isinstance(new, ast.ImportFrom):
        return []
    for other in block:
        if (
            isinstance(other, ast.ImportFrom)
            and (other.module, other.level) == (new.module, new.level)
            and other.names[0].name != "*"
        ):
            return [_add_name(other.names, alias) for alias in new.names]
    return []


def _add_name(names: Sequence[ast.alias], new: ast.alias) -> Edit:
    text = f"{new.name} as {new.asname}" if new.asname else new.name
    for name in names:
        if name.name.casefold() > new.name.casefold():
            return Edit(Span(name.lineno, name.col_offset, name.lineno, name.col_offset), f"{text}, ")
    line, column = names[-1].end_lineno or 0, names[-1].end_col_offset or 0
    return Edit(Span(line, column, line, column), f", {text}")


def _bound(body: Sequence[ast.stmt]) -> set[tuple[str, str]]:
    """What the statements import, as (module, name); the name is empty for a whole module."""
    found: set[tuple[str, str]] = set()
    for statement in body:
        match statement:
            case ast.Import():
                for alias in statement.names:
                    if alias.asname is None:
                        parts = alias.name.split(".")
                        found |= {(".".join(parts[:end]), "") for end in range(1, len(parts) + 1)}
                    elif alias.asname == alias.name:
                        found.add((alias.name, ""))
            case ast.ImportFrom():
                module = "." * statement.level + (statement.module or "")
                found |= {
                    (module, alias.name) for alias in statement.names if alias.asname in (None, alias.name)
                }
    return found


def _block(tree: ast.Module) -> list[ast.stmt]:
    """The imports at the top, after docstring and `__future__`."""
    block: list[ast.stmt] = []
    for statement in tree.body[_head(tree) :]:
        if not isinstance(statement, ast.Import | ast.ImportFrom):
            break
        block.append(statement)
    return block


def _head(tree: ast.Module) -> int:
    """How many statements at the top must stay there: docstring and `__future__` imports."""
    count = 1 if ast.get_docstring(tree, clean=False) is not None else 0
    while count < len(tree.body):
        statement = tree.body[count]
        if not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
        count += 1
    return count


def _line_for(source: SourceText, statement: str, block: Sequence[ast.stmt]) -> int:
    """The line before which an import goes."""
    tree = source.tree
    if not block:
        head = tree.body[: _head(tree)]
        line = (head[-1].end_lineno or 0) + 1 if head else _after_comments(source)
    elif not _is_standard(ast.parse(statement).body[0]):
        line = (block[-1].end_lineno or 0) + 1
    else:
        is_plain = statement.startswith("import ")
        beside = [
            other
            for other in block
            if _is_standard(other) and (isinstance(other, ast.Import) or not is_plain)
        ]
        later = [other for other in beside if is_plain and _sorts_after(other, statement)]
        if later:
            line = later[0].lineno
        elif beside:
            line = (beside[-1].end_lineno or 0) + 1
        else:
            line = block[0].lineno
    return _between_statements(tree, line)


def _sorts_after(other: ast.stmt, statement: str) -> bool:
    return isinstance(other, ast.Import) and f"import {other.names[0].name}" > statement


def _is_standard(statement: ast.stmt) -> bool:
    match statement:
        case ast.Import(names=[alias, *_]):
            return alias.name.partition(".")[0] in sys.stdlib_module_names
        case ast.ImportFrom(module=str(module), level=0):
            return module.partition(".")[0] in sys.stdlib_module_names
    return False


def _after_comments(source: SourceText) -> int:
    """The line after the comments at the top: a `#!` line, the encoding, the licence."""
    line = 1
    while line <= len(source.lines) and source.lines[line - 1].lstrip().startswith("#"):
        line += 1
    return line


def _between_statements(tree: ast.Module, line: int) -> int:
    """The first line from `line` on that begins inside no statement."""
    for statement in tree.body:
        if statement.lineno < line <= (statement.end_lineno or 0):
            line = (statement.end_lineno or 0) + 1
    return line


def _edit(source: SourceText, line: int, statements: list[str], block: Sequence[ast.stmt]) -> Edit:
    """One insertion before a line, with the empty lines that part imports from other code."""
    text = "".join(f"{statement}\n" for statement in statements)
    if line > len(source.lines):
        last = len(source.lines)
        end = len(source.lines[-1].encode("utf-8", "surrogatepass"))
        lead = "\n" if block else "\n\n"
        return Edit(Span(last, end, last, end), lead + text if source.lines[-1] else text)
    following = source.lines[line - 1].strip()
    if not block:
        before = "\n" if line > 1 and source.lines[line - 2].strip() else ""
        text = before + text + ("\n" if following else "")
    elif line == block[0].lineno and not any(
        isinstance(other, ast.Import | ast.ImportFrom) and _is_standard(other) for other in block
    ):
        text += "\n"
    return Edit(Span(line, 0, line, 0), text)
