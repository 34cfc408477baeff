"""Where queries start: at parameters, managers, attributes of classes and relations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from backlint.effect import Effect
from backlint.libraries.entry import FunctionEntry, QueryStep
from backlint.link.entry_types import type_parameter
from backlint.link.queries.frame import Frame, is_nothing
from backlint.link.queries.returned import returned
from backlint.link.query import Place, Query, merged
from backlint.link.values import UNKNOWN, ClassValue, FunctionValue, InstanceValue, Value, options
from backlint.term import Attr, Call, Local, Name, Param

if TYPE_CHECKING:
    from backlint.link.queries.walk import Queries


def parameter(queries: Queries, frame: Frame, term: int, row: Param) -> Query | None:
    at: Frame | None = frame
    while at is not None and not (at.file is frame.file and at.function == row.function):
        at = at.caller
    if at is not None and at.call is not None and at.caller is not None:
        parameters = at.file.summary.functions[at.function].parameters
        position = next((i for i, one in enumerate(parameters) if one.name == row.name), -1)
        if position == 0 and at.bound:
            return at.itself
        passed = next((value for name, value in at.call.keywords if name == row.name), None)
        if passed is None and 0 <= position - at.bound < len(at.call.arguments):
            passed = at.call.arguments[position - at.bound]
        if passed is not None:
            return queries.walk(at.caller, passed)
        if position >= 0 and parameters[position].default >= 0:
            return queries.walk(queries.root(at.file), parameters[position].default)
    elif at is not None and at.itself is not None and is_first(queries, at, row):
        return at.itself
    return opened(queries, frame, term)


def is_first(queries: Queries, frame: Frame, row: Param) -> bool:
    function = frame.file.summary.functions[frame.function]
    return function.cls >= 0 and function.parameters[:1] != () and function.parameters[0].name == row.name


def opened(queries: Queries, frame: Frame, term: int) -> Query | None:
    """A query of which only the type is known."""
    for value in options(queries.evaluator.value(frame.file, term)):
        if isinstance(value, InstanceValue) and queries.is_query_class(value.symbol):
            start = not _is_consumed(queries, value.symbol)
            return Query(model_of(queries, value), origin=frame.place(term), complete=start)
    return None


def _is_consumed(queries: Queries, symbol: str) -> bool:
    """Whether a query class holds a query already; managers and collections are where one starts."""
    entries = map(queries.evaluator.classes.library_class, queries.evaluator.classes.order(symbol))
    return any(entry is not None and Effect.QUERIES in entry.consume for entry in entries)


def model_of(queries: Queries, value: Value) -> str:
    """The ORM class in the type arguments of a query."""
    for argument in value.arguments if isinstance(value, InstanceValue) else ():
        for single in options(argument):
            if isinstance(single, InstanceValue):
                if queries.stores_rows(single.symbol):
                    return single.symbol
                return model_of(queries, single)
    return ""


def named(queries: Queries, frame: Frame, symbol: str) -> Query | None:
    """A name: a manager, a class attribute, or a variable of a module."""
    evaluator = queries.evaluator
    owner, _, name = symbol.rpartition(".")
    root = frame.file.root
    holder = evaluator.symbol(owner, root) if owner else UNKNOWN
    if isinstance(holder, ClassValue):
        if queries.stores_rows(holder.symbol):
            return of_model(queries, frame, holder.symbol, name)
        return class_attribute(queries, holder.symbol, name, frame)
    if isinstance(holder, InstanceValue):
        return None
    variable = queries.module_variable(frame.file, symbol)
    return None if variable is None else queries.walk(queries.root(variable[0]), variable[1])


def of_model(queries: Queries, frame: Frame, model: str, name: str) -> Query | None:
    """`Post.objects`, `Post.query`: where a query starts, with the manager's default query set."""
    value = queries.evaluator.attribute(ClassValue(model), name)
    start = Query(model, origin=Place(frame.file, frame.function, -1))
    for single in options(value):
        if not isinstance(single, InstanceValue) or not queries.is_query_class(single.symbol):
            continue
        for ancestor in queries.evaluator.classes.order(single.symbol):
            cls = queries.evaluator.classes.project_class(ancestor)
            method = None if cls is None else cls.method("get_queryset")
            if cls is not None and method is not None:
                function = FunctionValue(cls.file.index, method, single)
                return returned(queries, frame, function, None, start) or replace(start, complete=False)
        return start
    return None


def class_attribute(queries: Queries, symbol: str, name: str, frame: Frame) -> Query | None:
    for ancestor in queries.evaluator.classes.order(symbol):
        cls = queries.evaluator.classes.project_class(ancestor)
        if cls is None or name not in cls.attributes:
            continue
        found = [
            queries.walk(queries.root(cls.file), attribute.value)
            for attribute in cls.attributes[name]
            if attribute.value >= 0 and not is_nothing(cls.file.summary.terms[attribute.value])
        ]
        return merged(found)
    return None


def attribute(queries: Queries, frame: Frame, term: int, row: Attr) -> Query | None:
    base = queries.evaluator.value(frame.file, row.base)
    for value in options(base):
        if not isinstance(value, InstanceValue):
            continue
        if queries.stores_rows(value.symbol):
            found = _related(queries, frame, term, value.symbol, row.name)
        else:
            found = class_attribute(queries, value.symbol, row.name, frame)
        if found is not None:
            return found
        method = _property(queries, value, row.name)
        if method is not None:
            return returned(queries, frame, method, None, None)
    query = queries.walk(frame, row.base)
    if query is not None and query.may_have(QueryStep.PAGINATES):
        return query
    if query is not None and query.model and query.may_have(QueryStep.ONE, QueryStep.BY_KEY):
        found = _related(queries, frame, term, query.model, row.name)
        if found is not None:
            return found
    return opened(queries, frame, term) if query is None else None


def _related(queries: Queries, frame: Frame, term: int, model: str, name: str) -> Query | None:
    relation = queries.evaluator.relations.find(model, name)
    if relation is None or not relation.many:
        return None
    if relation.attribute is not None and not relation.target:
        return None
    kind = queries.evaluator.relations.value(relation) if relation.reverse else UNKNOWN
    symbol = kind.symbol if isinstance(kind, InstanceValue) else ""
    return Query(relation.target, origin=frame.place(term), parent=relation, type=symbol)


def _property(queries: Queries, value: InstanceValue, name: str) -> FunctionValue | None:
    for ancestor in queries.evaluator.classes.order(value.symbol):
        cls = queries.evaluator.classes.project_class(ancestor)
        method = None if cls is None else cls.method(name)
        if cls is not None and method is not None:
            function = FunctionValue(cls.file.index, method, value)
            return function if queries.evaluator.is_property(function) else None
    return None


def receiver_of(queries: Queries, frame: Frame, row: Call) -> Query | None:
    """The query that a method is called on."""
    function = frame.file.summary.terms[row.function]
    while isinstance(function, Local):
        function = frame.file.summary.terms[function.base]
    if isinstance(function, Attr):
        return queries.walk(frame, function.base)
    if isinstance(function, Name):
        owner = function.symbol.rpartition(".")[0]
        value = queries.evaluator.symbol(owner, frame.file.root) if owner else UNKNOWN
        if isinstance(value, ClassValue) and queries.stores_rows(value.symbol):
            return Query(value.symbol, origin=Place(frame.file, frame.function, -1))
        if isinstance(value, InstanceValue) and queries.is_query_class(value.symbol):
            found = named(queries, frame, owner)
            return found or Query(model_of(queries, value), origin=Place(frame.file, frame.function, -1))
    return None


def kept_by(
    queries: Queries, frame: Frame, term: int, receiver: InstanceValue, entry: FunctionEntry
) -> Query | None:
    """What a method of a repository asks for: rows of the class that the repository keeps."""
    if not entry.query or entry.lazy:
        return None
    for value in options(type_parameter(queries.evaluator, "Model", receiver) or UNKNOWN):
        if isinstance(value, InstanceValue) and queries.stores_rows(value.symbol):
            return Query(value.symbol, origin=frame.place(term))
    return None


def from_class(queries: Queries, frame: Frame, receiver: Value | None) -> Query | None:
    """`User.filter(…)` of a class that a local name holds."""
    if isinstance(receiver, ClassValue) and queries.stores_rows(receiver.symbol):
        return Query(receiver.symbol, origin=Place(frame.file, frame.function, -1))
    return None


def default(queries: Queries, frame: Frame, receiver: InstanceValue, entry: FunctionEntry) -> Query | None:
    """What the inherited `get_queryset` of a view gives: the `queryset` of its class."""
    if entry.returns or entry.effects or entry.lazy or entry.query:
        return None
    return class_attribute(queries, receiver.symbol, "queryset", frame) or modelled(
        queries, frame, receiver.symbol
    )


def stored_by(queries: Queries, frame: Frame, term: int, receiver: InstanceValue) -> Query | None:
    """The rows that a library's repository is generic in: `users.get_one(…)` of a `Repository[User]`."""
    if queries.is_query_class(receiver.symbol):
        return None
    model = type_parameter(queries.evaluator, "Model", receiver)
    if isinstance(model, InstanceValue) and queries.stores_rows(model.symbol):
        return Query(model.symbol, origin=frame.place(term))
    return None


def modelled(queries: Queries, frame: Frame, symbol: str) -> Query | None:
    """Generic views may name a `model` instead of a query set."""
    for ancestor in queries.evaluator.classes.order(symbol):
        cls = queries.evaluator.classes.project_class(ancestor)
        for attribute in cls.attributes.get("model", ()) if cls is not None else ():
            value = queries.evaluator.value(cls.file, attribute.value) if cls is not None else UNKNOWN
            if isinstance(value, ClassValue) and queries.stores_rows(value.symbol):
                return Query(value.symbol, origin=Place(frame.file, frame.function, -1))
    return None
