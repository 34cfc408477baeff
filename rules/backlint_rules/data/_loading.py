"""Which relations of a loop variable are read, and whether the query behind the loop loaded them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backlint.api import (
    UNKNOWN,
    Attr,
    Block,
    BlockKind,
    Call,
    CallSite,
    Element,
    Event,
    EventKind,
    FunctionValue,
    LinkedFunction,
    Local,
    Param,
    Project,
    Query,
    QueryStep,
    Relation,
    Span,
    bare,
    options,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ROWS = (BlockKind.FOR, BlockKind.COMPREHENSION)
_DEPTH = 3


@dataclass(frozen=True)
class Access:
    """A chain of attributes that is read, from the value it starts at."""

    root: int
    names: tuple[str, ...]
    function: LinkedFunction
    event: Event
    """The read, or the call through whose arguments it happens."""
    read: Span
    """Where it is read, in `function`."""
    calls: tuple[CallSite, ...] = ()
    """The calls that lead to the read, the outermost first."""


@dataclass(frozen=True)
class Rows:
    """What a loop goes over: rows of a query, or of a relation of its rows."""

    query: Query
    path: tuple[str, ...]
    """Relations between the query's rows and the loop's."""
    model: str
    loop: Block
    parents: tuple[str, ...]
    """Classes of the objects that the rows were reached through, which are loaded."""
    owned: bool
    """The object that the rows are read from comes from elsewhere, which may have loaded them."""


def chain(project: Project, function: LinkedFunction, term: int) -> tuple[int, tuple[str, ...]]:
    """The term that a chain of attributes starts at, and the attributes."""
    names: list[str] = []
    index = bare(function.file, term)
    row = function.file.summary.terms[index]
    while isinstance(row, Attr):
        if row.name not in project.names_of_itself:
            names.append(row.name)
        index = bare(function.file, row.base)
        row = function.file.summary.terms[index]
    return index, tuple(reversed(names))


def accesses(project: Project, function: LinkedFunction) -> Iterator[Access]:
    """Every chain of attributes that a function reads of loops' variables, calls of project functions followed."""
    terms = function.file.summary.terms

    def is_row(root: int) -> bool:
        return isinstance(terms[root], Element)

    for event in function.summary.events:
        if event.kind == EventKind.READ:
            root, names = chain(project, function, event.term)
            if is_row(root):
                yield Access(root, names, function, event, event.span)
    for call in function.calls:
        for root, inner in through(project, call, 0, is_row):
            yield Access(root, inner.names, inner.function, call.event, inner.read, (call, *inner.calls))


def through(
    project: Project, call: CallSite, depth: int, wanted: Callable[[int], bool]
) -> Iterator[tuple[int, Access]]:
    """Reads that a project function does of the `wanted` values it is given: the argument, and what is read of it."""
    if depth >= _DEPTH:
        return
    for target, bound in _run_by(project, call):
        if target.memoised or target.key == call.function.key or not target.summary.parameters:
            continue
        for position, parameter in enumerate(target.summary.parameters):
            passed = _passed(call, position, bound, parameter.name)
            if passed is None:
                continue
            root, before = chain(project, call.function, passed)
            if not wanted(root):
                continue
            for access in _of_parameter(project, target, parameter.name, depth):
                names = (*before, *access.names)
                yield root, Access(root, names, access.function, access.event, access.read, access.calls)


def _run_by(project: Project, call: CallSite) -> Iterator[tuple[LinkedFunction, int]]:
    """The project functions that a call, or the read of a property, runs; 1 for those that get the receiver first."""
    if call.event.kind == EventKind.READ:
        for key in call.targets:
            yield project.graph.functions[key], 1
        return
    for value in options(call.callee):
        if isinstance(value, FunctionValue):
            yield project.graph.functions[value.file, value.function], int(value.receiver is not None)


def _passed(call: CallSite, position: int, bound: int, name: str) -> int | None:
    if position < bound:
        function = call.function.file.summary.terms[call.row.function]
        return function.base if isinstance(function, Attr) else None
    return call.argument(position - bound, name)


def _of_parameter(project: Project, function: LinkedFunction, name: str, depth: int) -> Iterator[Access]:
    terms = function.file.summary.terms

    def is_it(root: int) -> bool:
        row = terms[root]
        return isinstance(row, Param) and row.name == name and row.function == function.index

    for event in function.summary.events:
        if event.kind == EventKind.READ:
            root, names = chain(project, function, event.term)
            if is_it(root):
                yield Access(root, names, function, event, event.span)
    for call in function.calls:
        for root, inner in through(project, call, depth + 1, is_it):
            yield Access(root, inner.names, inner.function, inner.event, inner.read, (call, *inner.calls))


def rows_of(project: Project, function: LinkedFunction, element: int, block: int) -> Rows | None:
    """The query whose rows a loop variable is, when `block` lies in its loop; None where unknown."""
    row = function.file.summary.terms[element]
    if not isinstance(row, Element):
        return None
    loop = next(
        (one for one in function.blocks(block) if one.kind in _ROWS and one.terms[0] == row.base), None
    )
    if loop is None or loop.leaves_loop:
        return None
    iterable = _unwrapped(function, row.base)
    root, names = chain(project, function, iterable)
    outer = None
    owned = False
    if names:
        outer = rows_of(project, function, root, block) or _one_row(project, function, root, loop)
        owned = isinstance(function.file.summary.terms[root], Param)
    if outer is not None:
        model = outer.model
        through = list(outer.parents)
        for name in names:
            relation = project.relation(model, name)
            if relation is None:
                return None
            through.append(model)
            model = relation.target
        return Rows(outer.query, (*outer.path, *names), model, outer.loop, tuple(through), outer.owned)
    query = project.query(function, row.base)
    if query is None or not query.model or query.may_have(QueryStep.PROJECTS):
        return None
    if not _is_row(project, function, element, row, query.model):
        return None
    parents = () if query.parent is None else (query.parent.owner,)
    return Rows(query, (), query.model, loop, parents, owned or _is_handed_in(query))


def _is_handed_in(query: Query) -> bool:
    """Whether the rows are those of a relation of an object that the function is given, as it was loaded."""
    if query.parent is None or query.origin is None:
        return False
    terms = query.origin.file.summary.terms
    row = terms[query.origin.term]
    while isinstance(row, Attr | Local):
        row = terms[row.base]
    return isinstance(row, Param) and not query.may_have(QueryStep.FILTERS, QueryStep.ORDERS, QueryStep.EAGER)


def _one_row(project: Project, function: LinkedFunction, root: int, loop: Block) -> Rows | None:
    """The query that one object came from: `event` of `for ticket in event.tickets.all()`."""
    if isinstance(function.file.summary.terms[root], Param | Element):
        return None
    query = project.query(function, root)
    if query is None or not query.model or not query.has(QueryStep.ONE, QueryStep.BY_KEY):
        return None
    return Rows(query, (), query.model, loop, (), False)


def _unwrapped(function: LinkedFunction, term: int) -> int:
    """`post.comments` of `post.comments.all()`: a call that adds nothing."""
    index = bare(function.file, term)
    row = function.file.summary.terms[index]
    if isinstance(row, Call) and not row.arguments and not row.keywords:
        callee = function.file.summary.terms[row.function]
        if isinstance(callee, Attr) and callee.name == "all":
            return callee.base
    return index


def _is_row(project: Project, function: LinkedFunction, element: int, row: Element, model: str) -> bool:
    value = project.value(function, element)
    if value is UNKNOWN:
        return row.position < 0
    return project.is_instance(value, model)


def missing(project: Project, rows: Rows, names: tuple[str, ...]) -> tuple[Relation, tuple[str, ...]] | None:
    """The first relation of a chain that the query did not load, and all relations of the chain."""
    eager = project.eager(rows.query)
    if not eager.complete:
        return None
    path = rows.path
    first: Relation | None = None
    found: list[str] = list(path)
    model = rows.query.model
    for position, name in enumerate((*path, *names)):
        relation = project.relation(model, name)
        if relation is None or not relation.target:
            break
        if position >= len(path):
            found.append(name)
        steps = (*path, *names)[: position + 1]
        if first is None and not eager.loads(steps) and not project.loads_itself(relation):
            if position < len(path) and not relation.many:
                return None
            if position >= len(path) or relation.many:
                first = first or (relation if position >= len(path) else None)
        model = relation.target
    return None if first is None else (first, tuple(found))


def walked(function: LinkedFunction, term: int) -> bool:
    """Whether a manager is only asked for all its rows: what eager loading would serve."""
    terms = function.file.summary.terms
    asked = False
    for event in function.summary.events:
        if event.kind != EventKind.CALL:
            continue
        row = terms[event.term]
        callee = terms[row.function] if isinstance(row, Call) else None
        if isinstance(callee, Attr) and bare(function.file, callee.base) == term:
            if callee.name != "all" or not isinstance(row, Call) or row.arguments:
                return False
            asked = not _goes_on(function, event.term)
            if not asked:
                return False
    return asked


def _goes_on(function: LinkedFunction, call: int) -> bool:
    terms = function.file.summary.terms
    for event in function.summary.events:
        row = terms[event.term] if event.kind == EventKind.CALL else None
        callee = terms[row.function] if isinstance(row, Call) else None
        if isinstance(callee, Attr) and bare(function.file, callee.base) == call:
            return True
    return False
