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
from backlint_rules.data._tables import (
    SHARED,
    grows,
    is_person,
    is_small,
    is_tenant,
    is_written_by_people,
    table_of,
)

_FILLS = frozenset({"append", "add", "extend", "appendleft", "write", "writerow"})
_NARROW = 2
"""Equalities, one with a parent among them, that rows may share in number; with more they are few."""


_RETURNS = 2
"""Calls between a fetch and the handler that answers with its rows."""
_TENANT = re.compile(r"(?:^|_)(?:org|organi[sz]ation|tenant|workspace|company)(?:_id|_pk)?$")


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
    small = is_small(table_of(project, query))
    told = query.parent is not None and _repeats(project, place)
    if told or not reached or function.memoised or small or query.may_have(QueryStep.LIMITS):
        return Confidence.LOW
    shown = place.shown or _is_returned(project, function, place.term)
    answered = _is_answered(project, function, place.term, shown)
    sure = 0
    if project.is_handler(function):
        sure = 2 if shown else 1
    elif function.key in project.jobs or answered:
        sure = 2
    elif shown or function not in project.per_request:
        sure = 1
    if not grows(project, query):
        sure -= 1 if project.is_handler(function) or function.key in project.jobs else 2
    if query.model and is_tenant(project, query.model):
        sure -= 2 if function.key in project.jobs else 1
    all_shown = answered or (function.key in project.jobs and not _repeats(project, place))
    by_parent = narrowed(project, query, all_shown=all_shown)
    piled = by_parent == 1 and _pile_up(project, query)
    if query.may_have(QueryStep.PROJECTS) and query.sql is None:
        records = bool(query.model) and (piled or not by_parent) and _columns(query) > 1
        whole = answered or function.key in project.jobs
        if not (shown if project.is_handler(function) else whole and records):
            return Confidence.LOW
    if piled:
        sure = min(sure, 1)
    elif by_parent:
        sure = sure - 1 if answered and by_parent <= _NARROW else 0
    if not project.is_handler(function) and function.key not in project.jobs:
        sure = min(sure, 1)
    return (Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH)[max(0, sure)]


def _columns(query: Query) -> int:
    """How many columns a query asks for instead of rows."""
    return max((len(step.arguments) for step in query.steps if QueryStep.PROJECTS in step.kinds), default=0)


def _repeats(project: Project, place: Fetch) -> bool:
    """Whether a fetch lies in a loop, such as one over tenants whose rows it takes one after the other."""
    index = bare(place.function.file, place.term)
    return any(
        event.kind == EventKind.CALL
        and event.term == index
        and project.repeating_loop(place.function, event.block) is not None
        for event in place.function.summary.events
    )


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
        return 1 if is_written_by_people(project, query.model, query.parent.owner) else _NARROW + 1
    return len({one.column.removesuffix("_id") for one in equal}) if parents else 0


def _pile_up(project: Project, query: Query) -> bool:
    """Whether the rows of the parent that a filter names are written by people as time goes by, or are its grandchildren."""
    named = [one for one in project.filters(query) if one.equals and not _is_flag(one)]
    if len(named) != 1 or not query.model or not _refers(project, query, named[0]):
        return False
    column = named[0].column.partition("__")[0].removesuffix("_id")
    relation = project.relation(named[0].model or query.model, column)
    if relation is None:
        return named[0].model not in ("", query.model) and not is_person(column)
    return is_written_by_people(project, query.model, relation.target)


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
        filled = project.term(function, bare(function.file, callee.base))
        for argument in call.row.arguments:
            inner = (project.term(function, index) for index in project.terms_of(function, argument))
            if any(isinstance(row, Element) and plain(function, row.base) in rows for row in inner):
                found.add(bare(function.file, callee.base))
                # `csv.writer(buffer)` writes into what it is given.
                found.update(bare(function.file, one) for one in getattr(filled, "arguments", ())[:1])
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
    """Whether a comparison names the row of another table, of which each has few rows of its own."""
    if _is_shared(project, query, one):
        return False
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


def _is_shared(project: Project, query: Query, one: Filter) -> bool:
    """Whether a comparison names one of the few rows that all others are sorted by."""
    name = one.column.partition("__")[0].removesuffix("_id")
    relation = project.relation(query.model, name) if query.model else None
    target = relation.target.rpartition(".")[2] if relation is not None else name
    return target.lower().removesuffix("s").endswith(SHARED)


def _is_tenancy(project: Project, query: Query, one: Filter) -> bool:
    """Whether a comparison names the tenant that most rows belong to, which has as many rows as it likes."""
    if _TENANT.search(one.column):
        return True
    name = one.column.removesuffix("_id")
    symbol = one.model or query.model
    relation = project.relation(symbol, name) if symbol else None
    if relation is None or relation.many:
        return False
    return is_tenant(project, relation.target)


def plain(function: LinkedFunction, term: int) -> int:
    terms = function.file.summary.terms
    row = terms[term]
    while isinstance(row, Local | Awaited):
        term = row.base
        row = terms[term]
    return term
