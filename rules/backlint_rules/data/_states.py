"""Branches that depend on a row's columns, and changes of these columns that follow."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    Attr,
    Block,
    BlockKind,
    Call,
    ClassValue,
    Compare,
    Const,
    Element,
    EventKind,
    Evidence,
    InstanceValue,
    Join,
    LinkedFunction,
    Operation,
    Param,
    Project,
    QueryStep,
    bare,
    options,
)
from backlint_rules.data._counting import counting
from backlint_rules.data._looks import is_other_side

if TYPE_CHECKING:
    from collections.abc import Iterator

_SIZES = ("<", "<=", ">", ">=")
KEYS = frozenset({"id", "pk", "uuid", "_id"})


class Source(IntEnum):
    """How the row came to the function, by how sure it is that nothing locks it."""

    LISTED = 0
    """An element of a list."""
    UNKNOWN = 2
    """Handed in."""
    LOADED = 1
    """By a query in the function."""


class State(NamedTuple):
    """A column of a row that a branch depends on."""

    row: int
    """The row, as a term of the function."""
    name: str
    column: str
    model: str
    block: int
    compared: int
    """What it is compared with; -1 where it is only tested for truth."""
    sized: bool
    """It is compared as more or less."""
    source: Source


def states(project: Project, function: LinkedFunction) -> Iterator[State]:
    """Columns of rows that the branches of a function depend on."""
    for number, block in enumerate(function.summary.blocks):
        if block.kind not in (BlockKind.IF, BlockKind.ELSE) or not block.terms:
            continue
        for term, compared, sized in _columns(project, function, block.terms[0], -1, False):
            row = project.term(function, term)
            if not isinstance(row, Attr) or row.name in KEYS:
                continue
            if row.name.endswith("_id") and not _is_nothing(project, function, compared):
                continue
            base = bare(function.file, row.base)
            held = (
                _row(project, function, base)
                or _untyped(project, function, base, row.name)
                or _updated(project, function, base, row.name)
            )
            if held is None:
                continue
            model, source = held
            known = project.model(model)
            if known is None or row.name not in known.fields:
                continue
            name = project.words(function, row.base)
            yield State(base, name, row.name, model, number, compared, sized, source)


def _is_nothing(project: Project, function: LinkedFunction, compared: int) -> bool:
    """Whether a column is only asked whether it holds anything."""
    if compared < 0:
        return True
    row = project.term(function, bare(function.file, compared))
    return isinstance(row, Const) and row.value is None


def asks_for_nothing(project: Project, function: LinkedFunction, state: State) -> bool:
    """Whether a branch refuses where the column holds something already."""
    number = state.block
    refuses = any(
        event.kind == EventKind.RAISE and event.block == number for event in function.summary.events
    )
    return refuses and _is_nothing(project, function, state.compared)


def _columns(
    project: Project, function: LinkedFunction, term: int, compared: int, sized: bool, depth: int = 0
) -> Iterator[tuple[int, int, bool]]:
    """Attributes that a test reads, with what each is compared to."""
    index = bare(function.file, term)
    row = project.term(function, index)
    if depth > 8:
        return
    if isinstance(row, Attr):
        yield index, compared, sized
    elif isinstance(row, Compare):
        more = row.operator in _SIZES
        yield from _columns(project, function, row.left, row.right, more, depth + 1)
        yield from _columns(project, function, row.right, row.left, more, depth + 1)
    elif isinstance(row, Operation | Join):
        for operand in row.operands if isinstance(row, Operation) else row.options:
            yield from _columns(project, function, operand, compared, sized, depth + 1)


def _row(project: Project, function: LinkedFunction, term: int) -> tuple[str, Source] | None:
    """The ORM class of a row that was read without a lock, and how it came; None for anything else."""
    row = project.term(function, term)
    query = project.query(function, term)
    if query is not None and query.model and query.may_have(QueryStep.ONE, QueryStep.BY_KEY):
        if query.may_have(QueryStep.LOCKS, QueryStep.CREATES, QueryStep.PROJECTS):
            return None
        return query.model, Source.LOADED
    parts = (term, *getattr(row, "options", ())) if isinstance(row, Call | Join) else ()
    if any(_is_made(project, function, part) for part in parts):
        return None
    for value in options(project.value(function, term)):
        if isinstance(value, InstanceValue) and project.model(value.symbol) is not None:
            if isinstance(row, Element):
                return value.symbol, Source.LISTED
            if isinstance(row, Param):
                given = _handed(project, function, row.name)
                return None if given is None else (value.symbol, given)
            return value.symbol, Source.UNKNOWN if isinstance(row, Attr) else Source.LOADED
    return None


def _handed(project: Project, function: LinkedFunction, name: str) -> Source | None:
    """How the callers came to the row that they hand in; None where one of them locks it or has just made it."""
    names = [parameter.name for parameter in function.summary.parameters]
    position = names.index(name) if name in names else 0
    callers = project.callers(function)
    found = Source.LOADED if callers else Source.UNKNOWN
    for call in callers:
        bound = 1 if function.summary.cls >= 0 else 0
        term = call.argument(position - bound if position >= bound else None, name)
        query = None if term is None else project.query(call.function, term)
        if query is None or not query.may_have(QueryStep.ONE, QueryStep.BY_KEY):
            found = Source.UNKNOWN
        elif query.may_have(QueryStep.LOCKS, QueryStep.CREATES):
            return None
    return found


def _untyped(project: Project, function: LinkedFunction, term: int, column: str) -> tuple[str, Source] | None:
    """The one ORM class with such a column, where the function saves an object that nobody says the type of."""
    known = [
        one for one in options(project.value(function, term)) if isinstance(one, InstanceValue | ClassValue)
    ]
    if known or not isinstance(project.term(function, term), Param | Attr):
        return None
    saved = any(
        isinstance(callee := project.term(function, call.row.function), Attr)
        and callee.name in ("save", "asave")
        and bare(function.file, callee.base) == term
        for call in function.calls
    )
    owners = [model for model in project.models if column in model.fields] if saved else []
    return (owners[0].symbol, Source.UNKNOWN) if len(owners) == 1 else None


def _updated(project: Project, function: LinkedFunction, term: int, column: str) -> tuple[str, Source] | None:
    """The ORM class whose column of that name the function counts, of an object that nobody says the type of."""
    if any(isinstance(one, InstanceValue | ClassValue) for one in options(project.value(function, term))):
        return None
    models = {one.model for one in counting(project, function) if one.column == column and one.model}
    return (models.pop(), Source.UNKNOWN) if len(models) == 1 else None


def _is_made(project: Project, function: LinkedFunction, term: int) -> bool:
    row = project.term(function, bare(function.file, term))
    return isinstance(row, Call) and any(
        isinstance(one, ClassValue) for one in options(project.value(function, row.function))
    )


def follows(project: Project, function: LinkedFunction, state: State, block: int, line: int) -> bool:
    """Whether a place runs because the branch let it: inside it, or after it where it leaves."""
    around: set[int] = set()
    while block >= 0:
        around.add(block)
        block = function.summary.blocks[block].parent
    if state.block in around:
        return True
    at = function.summary.blocks[state.block]
    return (
        line > at.end_line
        and not is_other_side(function, state.block, around)
        and project.leaves(function, state.block)
    )


def rows_in(project: Project, function: LinkedFunction, test: int) -> Iterator[tuple[int, str]]:
    """Rows of ORM classes whose columns a test reads, and how they are written."""
    for term, _, _ in _columns(project, function, test, -1, False):
        row = project.term(function, term)
        if isinstance(row, Attr):
            base = bare(function.file, row.base)
            if _row(project, function, base) is not None:
                yield base, project.words(function, row.base)


def first_read(project: Project, function: LinkedFunction, row: int, name: str) -> Evidence | None:
    """Where the function first looks at what may change of a row: what a lock must come before."""
    for event in function.summary.events:
        read = project.term(function, event.term) if event.term >= 0 else None
        callee = project.term(function, read.function) if isinstance(read, Call) else read
        if not isinstance(callee, Attr) or callee.name in KEYS or callee.name.endswith("_id"):
            continue
        if event.kind in (EventKind.READ, EventKind.CALL) and bare(function.file, callee.base) == row:
            return Evidence(function.path, event.span, f"`{name}` is looked at from here on, unlocked")
    return None


def block_of(function: LinkedFunction, state: State) -> Block:
    """The branch."""
    return function.summary.blocks[state.block]
