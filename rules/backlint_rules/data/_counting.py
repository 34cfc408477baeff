"""Statements that count a column up or down in the database: `UPDATE … SET credits = credits - 1`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backlint.api import Attr, CallSite, Const, LinkedFunction, Mapping, Operation, Project, QueryStep, bare

if TYPE_CHECKING:
    from collections.abc import Iterator

_OPERATORS = ("inc__", "dec__")
"""Prefixes of keywords by which document mappers count."""
_COUNTS = "$inc"


class Counting(NamedTuple):
    """A call that changes a column by what it is in the database."""

    call: CallSite
    column: str
    model: str
    """The ORM class; empty where the call is a row's own method."""
    row: int
    """The row whose method it is, else -1."""


def counting(project: Project, function: LinkedFunction) -> Iterator[Counting]:
    """Every column that the function's updates count, and that no condition of theirs looks at."""
    for call in function.calls:
        if call.entry is None or not (call.row.keywords or call.row.arguments):
            continue
        columns = frozenset(_columns(project, call))
        query = project.query(function, call.event.term) if columns else None
        if QueryStep.UPDATES not in call.entry.query and (
            query is None or not query.may_have(QueryStep.UPDATES)
        ):
            continue
        callee = project.term(function, call.row.function)
        row = bare(function.file, callee.base) if query is None and isinstance(callee, Attr) else -1
        asked = _asked(project, function, call)
        for column in columns:
            if column not in asked and (query is not None or row >= 0):
                yield Counting(call, column, query.model if query is not None else "", row)


def _columns(project: Project, call: CallSite) -> Iterator[str]:
    for name, term in call.row.keywords:
        prefix = next((one for one in _OPERATORS if name.startswith(one)), "")
        if prefix:
            yield name.removeprefix(prefix)
            continue
        row = project.term(call.function, bare(call.function.file, term))
        if isinstance(row, Operation) and row.operator in ("+", "-"):
            yield name
    changes = call.entry is not None and QueryStep.UPDATES in call.entry.query
    for term in call.row.arguments if changes else ():
        for inner in project.terms_of(call.function, term):
            row = project.term(call.function, inner)
            for key, value in row.entries if isinstance(row, Mapping) else ():
                counted = project.term(call.function, value)
                named = project.term(call.function, key) if key >= 0 else None
                if isinstance(named, Const) and named.value == _COUNTS and isinstance(counted, Mapping):
                    yield from _keys(project, call.function, counted)


def _keys(project: Project, function: LinkedFunction, row: Mapping) -> Iterator[str]:
    for key, _ in row.entries:
        named = project.term(function, key) if key >= 0 else None
        if isinstance(named, Const) and isinstance(named.value, str):
            yield named.value


def _asked(project: Project, function: LinkedFunction, update: CallSite) -> frozenset[str]:
    """Columns that the conditions of an update compare, whether they come before or after it."""
    found: set[str] = set()
    for call in function.calls:
        if update.event.term not in project.terms_of(function, call.event.term):
            continue
        query = project.query(function, call.event.term)
        for one in project.filters(query) if query is not None else ():
            found.add(one.column.partition("__")[0])
    for term in update.row.arguments[:1]:
        row = project.term(function, bare(function.file, term))
        if isinstance(row, Mapping):
            found.update(_keys(project, function, row))
    return frozenset(found)
