"""A call that a library entry describes, as one more step of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from backlint.effect import Effect
from backlint.libraries.entry import FunctionEntry, QueryStep
from backlint.link.arguments import call_argument
from backlint.link.queries.columns import aggregates, columns, filtered_class, first_class
from backlint.link.queries.starts import (
    default,
    from_class,
    is_first,
    kept_by,
    model_of,
    receiver_of,
    stored_by,
)
from backlint.link.queries.statements import cursor, statement_of
from backlint.link.query import Query, Step
from backlint.link.values import UNKNOWN, ClassValue, ConstantValue, InstanceValue, Value, options
from backlint.term import Attr, Call, Name, Param

if TYPE_CHECKING:
    from backlint.link.index import FileNode
    from backlint.link.queries.frame import Frame
    from backlint.link.queries.walk import Queries


_STREAMING = frozenset({"yield_per", "stream_results"})


def _given(queries: Queries, frame: Frame, term: int) -> Value:
    """What an argument stands for; an attribute of `self` as the class of the known receiver sets it."""
    row = frame.file.summary.terms[term]
    if isinstance(row, Attr) and isinstance(frame.receiver, InstanceValue | ClassValue):
        base = frame.file.summary.terms[row.base]
        if isinstance(base, Param) and is_first(queries, frame, base):
            value = queries.evaluator.attribute(ClassValue(frame.receiver.symbol), row.name)
            if value is not UNKNOWN:
                return value
    return queries.evaluator.value(frame.file, term)


def library_call(
    queries: Queries, frame: Frame, term: int, row: Call, entry: FunctionEntry, receiver: Value | None
) -> Query | None:
    """A call that a library entry describes, as one more step."""
    base = receiver_of(queries, frame, row) or from_class(queries, frame, receiver)
    if base is None and isinstance(receiver, InstanceValue):
        base = default(queries, frame, receiver, entry) or kept_by(queries, frame, term, receiver, entry)
    projected: tuple[QueryStep, ...] = ()
    if base is None:
        base, projected = _argument(queries, frame, term, row, entry)
    if base is None:
        base = statement_of(queries, frame, row, entry) or cursor(queries, frame, term, row, entry)
    if base is None and isinstance(receiver, InstanceValue) and entry.query and not entry.lazy:
        base = stored_by(queries, frame, term, receiver)
    if base is None:
        value = queries.evaluator.value(frame.file, term)
        if not entry.lazy or not isinstance(value, InstanceValue) or not queries.is_query_class(value.symbol):
            return None
        base = Query(model_of(queries, value), origin=frame.place(term))
    if not _continues(entry):
        return None
    if base.sql is None and entry.lazy and "sql" in entry.sinks:
        statement = statement_of(queries, frame, row, entry)
        base = base if statement is None else replace(base, sql=statement.sql)
    value = queries.evaluator.value(frame.file, term)
    kind = value.symbol if isinstance(value, InstanceValue) else ""
    kinds = (*entry.query, *projected, *_bounds_given(queries, frame, row))
    if _is_limited(queries, frame, row, entry):
        kinds = (*kinds, QueryStep.LIMITS)
    executed = Effect.QUERIES in entry.effects and not entry.lazy
    if entry.consumes and not entry.lazy:
        executed, kinds = True, (*kinds, QueryStep.ALL)
    if any(name in _STREAMING for name, _ in row.keywords):
        kinds = (*kinds, QueryStep.STREAMS)
    step = Step(kinds, _called(frame.file, row), frame.place(term), row.arguments, row.keywords)
    if base.origin is None or base.origin.term < 0:
        base = replace(base, origin=frame.place(term))
    if not base.model and QueryStep.JOINS in entry.query:
        base = replace(base, model=first_class(queries, frame, row))
    if not base.model and base.sql is None and QueryStep.FILTERS in entry.query and base.steps:
        base = replace(base, model=filtered_class(queries, frame, row))
    return base.with_step(step, executed=executed, kind=kind)


def _is_limited(queries: Queries, frame: Frame, row: Call, entry: FunctionEntry) -> bool:
    """Whether an argument says how many rows there may be: `cursor.to_list(length=100)`."""
    for argument in entry.limited_by:
        term = call_argument(row, argument)
        if term is not None:
            return ConstantValue(None) not in options(queries.evaluator.value(frame.file, term))
    return False


def _bounds_given(queries: Queries, frame: Frame, row: Call) -> tuple[QueryStep, ...]:
    """Limits that a call is handed as an object: `rows.list(LimitOffset(20, 0))`."""
    found: list[QueryStep] = []
    for argument in row.arguments:
        for value in options(queries.evaluator.value(frame.file, argument)):
            entry = (
                queries.evaluator.classes.library_class(value.symbol)
                if isinstance(value, InstanceValue)
                else None
            )
            found.extend(entry.init.query if entry is not None else ())
    return tuple(found)


def _argument(
    queries: Queries, frame: Frame, term: int, row: Call, entry: FunctionEntry
) -> tuple[Query | None, tuple[QueryStep, ...]]:
    """The query, class or columns that a call is given: `select(User)`, `scalars(statement)`."""
    for argument in _carried(entry):
        passed = call_argument(row, argument)
        if passed is None:
            continue
        query = queries.walk(frame, passed)
        if query is not None:
            return query, ()
        for value in options(_given(queries, frame, passed)):
            if isinstance(value, ClassValue) and queries.stores_rows(value.symbol):
                kinds = (QueryStep.PROJECTS,) if len(row.arguments) > 1 and entry.lazy else ()
                return Query(value.symbol, origin=frame.place(term)), kinds
        if entry.lazy and _makes_query(queries, frame, term):
            return columns(queries, frame, term, row), (QueryStep.PROJECTS, *aggregates(queries, frame, row))
    return None, ()


def _makes_query(queries: Queries, frame: Frame, term: int) -> bool:
    value = queries.evaluator.value(frame.file, term)
    return isinstance(value, InstanceValue) and queries.is_query_class(value.symbol)


def _continues(entry: FunctionEntry) -> bool:
    """Whether what a call gives is the query, its rows or its result."""
    if entry.query or entry.lazy or entry.consumes or Effect.QUERIES in entry.effects or "sql" in entry.sinks:
        return True
    return (
        entry.returns in ("queries", "Self")
        or "arg" in entry.returns
        or "Model" in entry.returns
        or not entry.returns
    )


def _carried(entry: FunctionEntry) -> list[int | str]:
    """The arguments whose rows the result holds, in the words of `returns`."""
    found: list[int | str] = []
    for word in entry.returns.replace("[", " ").replace("]", " ").replace(",", " ").split():
        head = word.partition(".")[0]
        if head.startswith("arg:"):
            found.append(head)
        elif head.startswith("arg") and head[3:].isdigit():
            found.append(int(head[3:]))
    found.extend(argument for argument in entry.consumes if argument != "*")
    return list(dict.fromkeys(found))


def _called(file: FileNode, row: Call) -> str:
    function = file.summary.terms[row.function]
    if isinstance(function, Attr):
        return function.name
    return function.symbol.rpartition(".")[2] if isinstance(function, Name) else ""
