"""The ORM classes and aggregates in the columns that a query is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.libraries.entry import QueryStep
from backlint.link.parts import parts_of
from backlint.link.query import Query
from backlint.link.values import UNKNOWN, ClassValue, Value, options
from backlint.term import Attr, Call, Local, Name, Operation

if TYPE_CHECKING:
    from backlint.link.index import FileNode
    from backlint.link.queries.frame import Frame
    from backlint.link.queries.walk import Queries


_COMPARED = 8


def first_class(queries: Queries, frame: Frame, row: Call) -> str:
    """The ORM class that a query without one goes on with: `select(func.count()).select_from(User)`."""
    for argument in row.arguments[:1]:
        for value in options(queries.evaluator.value(frame.file, argument)):
            if isinstance(value, ClassValue) and queries.stores_rows(value.symbol):
                return value.symbol
    return ""


def filtered_class(queries: Queries, frame: Frame, row: Call) -> str:
    """The ORM class whose columns a query of no class compares: `select(func.count()).where(User.active)`."""
    terms = frame.file.summary.terms
    pending = list(row.arguments[:1])
    for _ in range(_COMPARED):
        if not pending:
            break
        term = pending.pop(0)
        inner = terms[term]
        owner: Value = UNKNOWN
        if isinstance(inner, Attr):
            owner = queries.evaluator.value(frame.file, inner.base)
        elif isinstance(inner, Name):
            owner = queries.evaluator.symbol(inner.symbol.rpartition(".")[0], frame.file.root)
        if isinstance(owner, ClassValue) and queries.stores_rows(owner.symbol):
            return owner.symbol
        pending.extend(part for part in parts_of(inner) if part >= 0)
    return ""


def columns(queries: Queries, frame: Frame, term: int, row: Call) -> Query:
    for argument in row.arguments:
        found = _inner_column(queries, frame, argument)
        if found:
            return Query(found, origin=frame.place(term))
    return Query(origin=frame.place(term))


def _inner_column(queries: Queries, frame: Frame, term: int, depth: int = 0) -> str:
    """The class of the first column in an expression such as `func.count(User.id).label("n")`."""
    found = column_of(queries, frame.file, term)
    if found is not None:
        return found[0]
    row = frame.file.summary.terms[term]
    while isinstance(row, Local):
        row = frame.file.summary.terms[row.base]
    if depth > 3:
        return ""
    if isinstance(row, Operation):
        return next(
            (name for one in row.operands if (name := _inner_column(queries, frame, one, depth + 1))), ""
        )
    if not isinstance(row, Call):
        return ""
    function = frame.file.summary.terms[row.function]
    inner = (function.base, *row.arguments) if isinstance(function, Attr) else row.arguments
    return next(
        (name for one in inner if (name := _inner_column(queries, frame, one, depth + 1))),
        "",
    )


def aggregates(queries: Queries, frame: Frame, row: Call) -> tuple[QueryStep, ...]:
    """`select(func.count())`: one row, when every column is an aggregate."""
    kinds = [_column_kinds(queries, frame, argument) for argument in row.arguments]
    if kinds and all(QueryStep.AGGREGATES in one for one in kinds):
        counts = all(QueryStep.COUNTS in one for one in kinds)
        return (QueryStep.AGGREGATES, QueryStep.COUNTS) if counts else (QueryStep.AGGREGATES,)
    return ()


def _column_kinds(queries: Queries, frame: Frame, term: int, depth: int = 0) -> tuple[QueryStep, ...]:
    row = frame.file.summary.terms[term]
    while isinstance(row, Local):
        row = frame.file.summary.terms[row.base]
    if not isinstance(row, Call) or depth > 6:
        return ()
    entry = queries.evaluator.entry_of(queries.evaluator.value(frame.file, row.function))
    kinds = () if entry is None else entry.query
    if not kinds:
        inner = frame.file.summary.terms[row.function]
        nested = (inner.base, *row.arguments) if isinstance(inner, Attr) else row.arguments
        for other in nested:
            kinds = (*kinds, *_column_kinds(queries, frame, other, depth + 1))
    return kinds


def column_of(queries: Queries, file: FileNode, term: int) -> tuple[str, str] | None:
    """The model and attribute behind `User.email`; None for anything else."""
    row = file.summary.terms[term]
    while isinstance(row, Local):
        row = file.summary.terms[row.base]
    if isinstance(row, Name):
        return _named_column(queries, file, row.symbol)
    if isinstance(row, Attr):
        value = queries.evaluator.value(file, row.base)
        if isinstance(value, ClassValue) and queries.stores_rows(value.symbol):
            return value.symbol, row.name
    return None


def column_owner(queries: Queries, file: FileNode, function: int) -> tuple[str, str] | None:
    """The column that a method is called on: `User.id` of `User.id.in_`."""
    row = file.summary.terms[function]
    if isinstance(row, Attr):
        return column_of(queries, file, row.base)
    if isinstance(row, Name):
        return _named_column(queries, file, row.symbol.rpartition(".")[0])
    return None


def _named_column(queries: Queries, file: FileNode, symbol: str) -> tuple[str, str] | None:
    owner, _, name = symbol.rpartition(".")
    value = queries.evaluator.symbol(owner, file.root) if owner else UNKNOWN
    return (
        (value.symbol, name) if isinstance(value, ClassValue) and queries.stores_rows(value.symbol) else None
    )
