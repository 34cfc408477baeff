"""How sure it is that the rows of a query grow without end, and that somebody waits for all of them."""

from __future__ import annotations

import re
from typing import NamedTuple

from backlint.api import (
    Attr,
    Awaited,
    Call,
    Comprehension,
    Confidence,
    Const,
    Element,
    EventKind,
    Filter,
    Item,
    Join,
    LinkedFunction,
    Local,
    Mapping,
    Name,
    Project,
    Query,
    QueryStep,
    Sequence,
    Span,
    Star,
    Term,
    bare,
)

_SMALL_TABLES = (
    *("setting", "config", "configuration", "option", "role", "permission", "channel", "warehouse", "plugin"),
    *("country", "currency", "language", "plan", "flag", "status", "statu", "type", "kind", "field"),
)
"""How tables are called that people fill by hand."""
_FILLS = frozenset({"append", "add", "extend", "appendleft"})
_NARROW = 2
"""Equalities, one with a parent among them, that rows may share in number; with more they are few."""


_RETURNS = 2
"""Calls between a fetch and the handler that answers with its rows."""
_OWNS_MUCH = 4
"""Tables whose rows belong to one of another, from which on that one is a tenant."""
_TENANT = re.compile(r"(?:^|_)(?:org|organi[sz]ation|tenant|workspace|company)(?:_id|_pk)?$")
_PERSON = re.compile(
    r"(?i)user|customer|member|author|owner|profile|person|contact|employee|patient|student|account"
)


class Fetch(NamedTuple):
    """A place where the rows of a query are fetched or shown."""

    function: LinkedFunction
    term: int
    span: Span
    shown: bool = False
    """They are handed to a response, template or serializer."""


def confidence(project: Project, place: Fetch, query: Query) -> Confidence:
    """How sure it is that the rows grow without end: by who fetches them, for what, and what table it is."""
    function = place.function
    reached = (
        function in project.per_request or function in project.per_job or function in project.in_background
    )
    if not reached or function.memoised or _is_small(query.model) or query.may_have(QueryStep.LIMITS):
        return Confidence.LOW
    shown = place.shown or _is_returned(project, function, place.term)
    if query.may_have(QueryStep.PROJECTS) and query.sql is None:
        shown = shown and project.is_handler(function)
        if not shown:
            return Confidence.LOW
    sure = 0
    answered = _is_answered(project, function, place.term, shown)
    if project.is_handler(function):
        sure = 2 if shown else 1
    elif function.key in project.jobs or answered:
        sure = 2
    elif shown or function not in project.per_request:
        sure = 1
    if not _grows(project, query):
        sure -= 1 if project.is_handler(function) or function.key in project.jobs else 2
    if query.model and _owned(project, query.model) >= _OWNS_MUCH:
        sure -= 2 if function.key in project.jobs else 1
    by_parent = narrowed(project, query, all_shown=answered or function.key in project.jobs)
    if by_parent:
        sure = sure - 1 if answered and by_parent <= _NARROW else 0
    if not project.is_handler(function) and function.key not in project.jobs:
        sure = min(sure, 1)
    return (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)[max(0, sure)]


def _is_answered(project: Project, function: LinkedFunction, term: int, shown: bool, depth: int = 0) -> bool:
    """Whether a handler answers with what a function fetched: itself, or the one that it returns it to."""
    if not shown:
        return False
    if project.is_handler(function):
        return True
    return depth < _RETURNS and any(
        _is_answered(
            project,
            call.function,
            call.event.term,
            _is_returned(project, call.function, call.event.term),
            depth + 1,
        )
        for call in project.callers(function)
    )


def narrowed(project: Project, query: Query, all_shown: bool) -> int:
    """How many equalities keep the rows to those of a parent; 0 where there is no parent.

    The tenant that most rows belong to is no such parent where all of its rows are answered with or worked off.
    """
    equal = {one for one in project.filters(query) if one.always and one.equals and not _is_flag(one)}
    if all_shown:
        equal = {one for one in equal if not _is_tenancy(project, query, one)}
    if any(one.operator in ("date", "day") for one in project.filters(query)):
        return _NARROW + 1
    parents = {one.column for one in equal if _refers(project, query, one)}
    if query.parent is not None:
        return 1 if _is_written_by_people(project, query.model, query.parent.owner) else _NARROW + 1
    return len({one.column.removesuffix("_id") for one in equal}) if parents else 0


def _grows(project: Project, query: Query) -> bool:
    """Whether rows pile up with time: they keep when they were made. Of tables that are not known, yes."""
    model = project.model(query.model) if query.model else None
    if model is None:
        return bool(query.model) or query.sql is not None
    if any(field.stamps for field in model.fields.values()):
        return True
    if _PERSON.search(query.model.rpartition(".")[2]) and not project.filters(query):
        return True
    classes = project.evaluator.classes
    entries = (classes.library_class(symbol) for symbol in classes.order(query.model))
    return any(
        name.startswith("creat") and attribute.type == "datetime.datetime"
        for entry in entries
        if entry is not None
        for name, attribute in entry.attributes.items()
    )


def _is_written_by_people(project: Project, symbol: str, parent: str) -> bool:
    """Whether rows of a parent name who made them, and when: messages pile up, the lines of an order don't."""
    model = project.model(symbol)
    if model is None or not any(field.stamps for field in model.fields.values()):
        return False
    return any(
        not one.many
        and not one.reverse
        and one.target != parent
        and _PERSON.search(one.target.rpartition(".")[2])
        for one in model.relations.values()
    )


def _is_returned(project: Project, function: LinkedFunction, term: int) -> bool:
    """Whether a value, or something made of it, is what the function answers with."""
    wanted = {term, bare(function.file, term), plain(function, term)}
    wanted |= _filled(project, function, wanted)
    pending = [
        event.term for event in function.summary.events if event.kind in (EventKind.RETURN, EventKind.YIELD)
    ]
    seen: set[int] = set()
    while pending:
        index = pending.pop()
        if index in wanted:
            return True
        if index < 0 or index in seen:
            continue
        seen.add(index)
        row = project.term(function, index)
        if isinstance(row, Comprehension):
            pending.extend((row.element, *function.summary.blocks[row.block].terms))
        pending.extend(_parts(row))
    return False


def _filled(project: Project, function: LinkedFunction, rows: set[int]) -> set[int]:
    """The lists that a loop over rows fills with what is made of each."""
    found: set[int] = set()
    for call in function.calls:
        callee = project.term(function, call.row.function)
        if not isinstance(callee, Attr) or callee.name not in _FILLS:
            continue
        for argument in call.row.arguments:
            inner = (project.term(function, index) for index in project.terms_of(function, argument))
            if any(isinstance(row, Element) and plain(function, row.base) in rows for row in inner):
                found.add(bare(function.file, callee.base))
    return found


def _parts(row: Term) -> list[int]:
    """The values that a value is made of."""
    match row:
        case Local(_, base) | Awaited(base) | Attr(base, _) | Element(base, _) | Star(base):
            return [base]
        case Call(function, arguments, keywords):
            return [function, *arguments, *(term for _, term in keywords)]
        case Sequence(_, items):
            return list(items)
        case Mapping(entries):
            return [value for _, value in entries]
        case Join(found):
            return list(found)
        case Item(base, _):
            return [base]
        case _:
            return []


def _is_flag(one: Filter) -> bool:
    """A comparison with a state or truth value, which many rows share."""
    if one.file is None or one.value < 0:
        return False
    row = one.file.summary.terms[one.value]
    return isinstance(row, Const) or (isinstance(row, Name) and row.symbol.rpartition(".")[2].isupper())


def _refers(project: Project, query: Query, one: Filter) -> bool:
    """Whether a comparison names the row of another table."""
    if one.model and query.model and one.model != query.model:
        return True
    head, _, last = one.column.rpartition("__")
    if head and last in ("id", "pk"):
        return True
    head = one.column.partition("__")[0]
    relation = project.relation(query.model, head) if query.model else None
    if relation is not None:
        return not relation.many
    model = project.model(query.model) if query.model else None
    field = model.fields.get(one.column) if model is not None else None
    return bool(field is not None and field.references) or one.column.endswith("_id")


def _is_tenancy(project: Project, query: Query, one: Filter) -> bool:
    """Whether a comparison names the tenant that most rows belong to, which has as many rows as it likes."""
    if _TENANT.search(one.column):
        return True
    name = one.column.removesuffix("_id")
    relation = project.relation(query.model, name) if query.model else None
    if relation is None or relation.many:
        return False
    return _owned(project, relation.target) >= _OWNS_MUCH


def _owned(project: Project, symbol: str) -> int:
    """How many tables have rows that belong to a row of a class; of persons none is counted."""
    if _PERSON.search(symbol.rpartition(".")[2]):
        return 0
    return sum(
        any(
            not other.many and not other.reverse and other.target == symbol
            for other in model.relations.values()
        )
        for model in project.models
    )


def _is_small(model: str) -> bool:
    return model.rpartition(".")[2].lower().removesuffix("s").endswith(_SMALL_TABLES)


def plain(function: LinkedFunction, term: int) -> int:
    terms = function.file.summary.terms
    row = terms[term]
    while isinstance(row, Local | Awaited):
        term = row.base
        row = terms[term]
    return term
