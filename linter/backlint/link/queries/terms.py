"""Which query each kind of term stands for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from backlint.libraries.entry import QueryStep
from backlint.link.queries.calls import call
from backlint.link.queries.frame import Frame, is_nothing
from backlint.link.queries.starts import attribute, named, opened, parameter
from backlint.link.queries.statements import text
from backlint.link.query import Query, Step, merged
from backlint.summary import MODULE_FUNCTION, BlockKind
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Carried,
    Comprehension,
    Const,
    Element,
    Entered,
    Item,
    Join,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Sequence,
    Slice,
    Super,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.link.index import FileNode
    from backlint.link.queries.walk import Queries


def operation(queries: Queries, frame: Frame, operator: str, operands: tuple[int, ...]) -> Query | None:
    if operator not in ("|", "&", "or", "and"):
        return None
    found = operands[-1:] if operator == "and" else operands
    return merged([queries.walk(frame, operand) for operand in found])


def awaited(queries: Queries, frame: Frame, term: int, base: int) -> Query | None:
    """Some queries are sent when they are awaited."""
    query = queries.walk(frame, base)
    if query is None or query.executed or not query.type:
        return query
    found = queries.evaluator.classes.library_method(query.type, "__await__")
    if found is None:
        return query
    return query.with_step(Step(found[1].query, "await", frame.place(term)), executed=True)


def join(queries: Queries, frame: Frame, found: tuple[int, ...]) -> Query | None:
    terms = frame.file.summary.terms
    kept = [option for option in found if not is_nothing(terms[option])]
    passes = [option for option in kept if not isinstance(terms[option], Carried)]
    query = merged([queries.walk(frame, option) for option in passes])
    if query is not None and len(passes) < len(kept):
        return replace(query, complete=False)
    return query


def element(queries: Queries, frame: Frame, base: int) -> Query | None:
    row = frame.file.summary.terms[base]
    while isinstance(row, Local):
        row = frame.file.summary.terms[row.base]
    if isinstance(row, Sequence):
        return merged([queries.walk(frame, item) for item in row.items])
    return None


def comprehension(queries: Queries, frame: Frame, term: int, listed: Comprehension) -> Query | None:
    """Rows in a list; of a statement's rows, which have no class, also what is made of each: `dict(zip(names, row))`."""
    row = frame.file.summary.terms[listed.element]
    while isinstance(row, Local | Awaited):
        row = frame.file.summary.terms[row.base]
    if isinstance(row, Element):
        query = queries.walk(frame, row.base)
    elif isinstance(row, Call | Mapping | Sequence):
        query = queries.walk(frame, _listed(frame, listed))
        query = query if query is not None and query.sql is not None else None
    else:
        query = None
    if query is None:
        return None
    return query.with_step(Step((QueryStep.ALL,), "list", frame.place(term)), executed=True)


def _listed(frame: Frame, listed: Comprehension) -> int:
    """What a comprehension goes over; -1 where it stands in another function than the one that is walked."""
    blocks = frame.file.summary.functions[frame.function].blocks
    block = blocks[listed.block] if listed.block < len(blocks) else None
    known = block is not None and block.kind == BlockKind.COMPREHENSION and frame.function != MODULE_FUNCTION
    return block.terms[0] if block is not None and known else -1


def item(queries: Queries, frame: Frame, term: int, base: int, key: int) -> Query | None:
    query = queries.walk(frame, base)
    if query is None:
        return None
    bounds = frame.file.summary.terms[key]
    place = frame.place(term)
    if not isinstance(bounds, Slice):
        return query.with_step(Step((QueryStep.ONE,), "[]", place, (key,)), executed=True)
    kinds = [QueryStep.LIMITS] if bounds.upper >= 0 else []
    if bounds.lower >= 0 and not _is_zero(frame.file, bounds.lower):
        kinds.append(QueryStep.OFFSETS)
    return query.with_step(Step(tuple(kinds), "[]", place, (bounds.lower, bounds.upper)))


def _is_zero(file: FileNode, term: int) -> bool:
    row = file.summary.terms[term]
    return isinstance(row, Const) and row.value == 0


WALKS_OF: dict[type, Callable[[Queries, Frame, int, Any], Query | None]] = {
    Local: lambda queries, frame, _, row: queries.walk(frame, row.base),
    Awaited: lambda queries, frame, term, row: awaited(queries, frame, term, row.base),
    Entered: lambda queries, frame, term, row: queries.walk(frame, row.base) or opened(queries, frame, term),
    Call: call,
    Attr: attribute,
    Name: lambda queries, frame, _, row: named(queries, frame, row.symbol),
    Param: parameter,
    Super: lambda _, frame, term, row: frame.itself,
    Join: lambda queries, frame, _, row: join(queries, frame, row.options),
    Operation: lambda queries, frame, _, row: operation(queries, frame, row.operator, row.operands),
    Item: lambda queries, frame, term, row: item(queries, frame, term, row.base, row.key),
    Element: lambda queries, frame, _, row: element(queries, frame, row.base),
    Comprehension: lambda queries, frame, term, row: comprehension(queries, frame, term, row),
    Const: lambda queries, frame, term, _: text(queries, frame, term),
    Text: lambda queries, frame, term, _: text(queries, frame, term),
}
"""The walk of each kind of term."""
