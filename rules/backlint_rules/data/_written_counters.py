"""Counters of rows that statements written as text read, compare, and then count on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    Awaited,
    BlockKind,
    Call,
    CallSite,
    Compare,
    Const,
    Evidence,
    Item,
    LinkedFunction,
    Local,
    Operation,
    Project,
    bare,
    sql_locks,
    sql_table,
    sql_verb,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZES = frozenset({"<", "<=", ">", ">="})


class Counted(NamedTuple):
    """A column that is compared in one statement's row, and changed by another statement."""

    block: int
    """The branch that depends on it."""
    name: str
    """The row as written."""
    column: str
    call: CallSite
    """What changes it."""
    evidence: tuple[Evidence, ...]


def counted(project: Project, function: LinkedFunction) -> Iterator[Counted]:
    """`if row["left"] <= 0: raise`, and then `UPDATE … SET left = left - 1` without a condition on `left`."""
    for number, block in enumerate(function.summary.blocks):
        if block.kind is not BlockKind.IF or not block.terms:
            continue
        for term, column in _sized(project, function, block.terms[0]):
            row = _made_by(project, function, term)
            table = _read_without_lock(project, function, row)
            change = _change(project, function, table, column, block.line) if table else None
            if change is not None:
                name = project.words(function, term)
                seen = Evidence(function.path, block.span, f"`{name}[{column!r}]` is compared here")
                done = Evidence(
                    function.path, change.span, f"`{column}` is counted on here, whatever it is by then"
                )
                yield Counted(number, name, column, change, (seen, done))
                return


def _sized(
    project: Project, function: LinkedFunction, term: int, depth: int = 0
) -> Iterator[tuple[int, str]]:
    """The rows and columns that a test compares as more or less."""
    row = project.term(function, bare(function.file, term))
    if isinstance(row, Operation) and depth < 4:
        for operand in row.operands:
            yield from _sized(project, function, operand, depth + 1)
    elif isinstance(row, Compare) and row.operator in _SIZES:
        for side in (row.left, row.right):
            held = project.term(function, bare(function.file, side))
            key = project.term(function, held.key) if isinstance(held, Item) else None
            if isinstance(held, Item) and isinstance(key, Const) and isinstance(key.value, str):
                yield held.base, key.value


def _made_by(project: Project, function: LinkedFunction, term: int) -> int:
    """The call behind a variable, awaited or not."""
    row = project.term(function, term)
    while isinstance(row, Local | Awaited):
        term = row.base
        row = project.term(function, term)
    return term


def _read_without_lock(project: Project, function: LinkedFunction, row: int) -> str:
    """The table that a row was read from by a statement which locks nothing; empty for all else."""
    made = project.term(function, row)
    site = project.flow.site(function, row) if isinstance(made, Call) else None
    for statement in project.statements(site) if site is not None else ():
        text = project.text(function, statement.term)
        if text and sql_verb(text) == "select" and not sql_locks(text):
            return sql_table(text)
    return ""


def _change(
    project: Project, function: LinkedFunction, table: str, column: str, line: int
) -> CallSite | None:
    """The call that counts a column on, and asks nothing of it."""
    counts = re.compile(
        rf"\bset\b.*?\b{re.escape(column)}\s*=\s*{re.escape(column)}\s*[-+]", re.IGNORECASE | re.DOTALL
    )
    for call in function.calls:
        if call.span.line <= line:
            continue
        for statement in project.statements(call):
            text = project.text(function, statement.term)
            if not text or sql_verb(text) != "update" or sql_table(text) != table or not counts.search(text):
                continue
            condition = re.split(r"\bwhere\b", text, maxsplit=1, flags=re.IGNORECASE)[-1]
            if not re.search(rf"\b{re.escape(column)}\b", condition):
                return call
    return None
