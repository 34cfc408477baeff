"""The query that a call gives, by what it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from backlint.effect import Effect
from backlint.libraries.entry import QueryStep
from backlint.link.queries.library_calls import library_call
from backlint.link.queries.returned import returned
from backlint.link.queries.starts import is_first, receiver_of
from backlint.link.query import Query, Step
from backlint.link.values import (
    UNKNOWN,
    ClassValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    Value,
    options,
)
from backlint.term import Attr, Call, Name, Param, Super

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backlint.link.queries.frame import Frame
    from backlint.link.queries.walk import Queries


_EXECUTORS = frozenset(
    {"execute", "fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "fetch_val", "exec", "raw"}
)
_ONE_ROW = frozenset({"fetchrow", "fetchval", "fetch_one", "fetch_val"})


def call(queries: Queries, frame: Frame, term: int, row: Call) -> Query | None:
    for callee in _callees(queries, frame, row):
        if isinstance(callee, FunctionValue):
            found = returned(queries, frame, callee, row, receiver_of(queries, frame, row))
        elif isinstance(callee, LibraryFunction):
            found = library_call(queries, frame, term, row, callee.entry, callee.receiver)
        else:
            entry = queries.evaluator.entry_of(callee)
            if entry is None:
                continue
            found = library_call(queries, frame, term, row, entry, callee)
        if found is not None:
            return found
    return _unknown_call(queries, frame, term, row)


def _callees(queries: Queries, frame: Frame, row: Call) -> Iterable[Value]:
    """What a call may run; methods of `self` and `super()` as the class of the known receiver has them."""
    function = frame.file.summary.terms[row.function]
    if isinstance(function, Attr) and isinstance(frame.receiver, InstanceValue | ClassValue):
        base = frame.file.summary.terms[function.base]
        value = UNKNOWN
        if isinstance(base, Param) and is_first(queries, frame, base):
            value = queries.evaluator.attribute(frame.receiver, function.name)
        elif isinstance(base, Super):
            value = _above(queries, frame, frame.receiver, function.name)
        if value is not UNKNOWN:
            return options(value)
    return options(queries.evaluator.value(frame.file, row.function))


def _above(queries: Queries, frame: Frame, receiver: InstanceValue | ClassValue, name: str) -> Value:
    """The method that `super()` means: the next one in the order of the receiver's ancestors."""
    order = queries.evaluator.classes.order(receiver.symbol)
    classes = [queries.evaluator.classes.project_class(symbol) for symbol in order]
    own = frame.file.summary.functions[frame.function].cls
    passed = False
    for cls in classes:
        if cls is None:
            continue
        method = cls.method(name) if passed else None
        if method is not None:
            return FunctionValue(cls.file.index, method, receiver)
        passed = passed or (own >= 0 and cls.summary is frame.file.summary.classes[own])
    return UNKNOWN


def _unknown_call(queries: Queries, frame: Frame, term: int, row: Call) -> Query | None:
    """A method that nobody describes: it executes SQL it is given, or does something to a query."""
    function = frame.file.summary.terms[row.function]
    if not isinstance(function, Attr | Name):
        return None
    callee = queries.evaluator.value(frame.file, row.function)
    name = function.name if isinstance(function, Attr) else function.symbol.rpartition(".")[2]
    if name in _EXECUTORS and row.arguments and (callee is UNKNOWN or isinstance(callee, ExternalValue)):
        query = queries.walk(frame, row.arguments[0])
        if query is not None:
            kinds = (QueryStep.ONE,) if name in _ONE_ROW else ()
            return query.with_step(Step(kinds, name, frame.place(term), row.arguments), executed=True)
    if isinstance(callee, FunctionValue | ClassValue):
        return None
    base = receiver_of(queries, frame, row)
    if base is None or base.sql is not None:
        return base
    method = queries.evaluator.classes.library_method(base.type, name) if base.type else None
    if method is not None:
        entry = method[1]
        step = Step(entry.query, name, frame.place(term), row.arguments, row.keywords)
        executed = Effect.QUERIES in entry.effects and not entry.lazy
        kept = base.type if entry.returns in ("queries", "Self") else _query_class(queries, entry.returns)
        return replace(base.with_step(step, executed=executed), type=kept)
    step = Step((), name, frame.place(term), row.arguments, row.keywords)
    return replace(base.with_step(step), complete=False)


def _query_class(queries: Queries, returns: str) -> str:
    """The query class that a type expression names; empty where it names none."""
    name = returns.partition("[")[0]
    return name if "." in name and queries.is_query_class(name) else ""
