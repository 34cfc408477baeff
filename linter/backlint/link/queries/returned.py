"""The query that a function of the project returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.queries.frame import Frame, is_nothing
from backlint.link.query import Query, merged
from backlint.summary import BlockKind, EventKind
from backlint.term import Call, Element, Local

if TYPE_CHECKING:
    from backlint.link.index import FileNode
    from backlint.link.queries.walk import Queries
    from backlint.link.values import (
        FunctionValue,
    )


def returned(
    queries: Queries, frame: Frame, callee: FunctionValue, row: Call | None, itself: Query | None
) -> Query | None:
    """The query that a project function returns."""
    at: Frame | None = frame
    while at is not None:
        if at.file.index == callee.file and at.function == callee.function:
            return None
        at = at.caller
    file = queries.evaluator.index.files[callee.file]
    summary = file.summary.functions[callee.function]
    inner = Frame(
        file,
        callee.function,
        row or Call(-1, (), ()),
        frame,
        callee.receiver,
        itself,
        1 if callee.receiver is not None else 0,
    )
    terms = file.summary.terms
    results = [event.term for event in summary.events if event.kind == EventKind.RETURN]
    if summary.is_generator:
        results = [
            block.terms[0]
            for block in summary.blocks
            if block.kind == BlockKind.FOR and _yields_element(queries, file, callee.function, block.terms[0])
        ]
    return merged([queries.walk(inner, term) for term in results if not is_nothing(terms[term])])


def _yields_element(queries: Queries, file: FileNode, function: int, iterable: int) -> bool:
    """Whether a generator hands on the elements of an iterable."""
    terms = file.summary.terms
    for event in file.summary.functions[function].events:
        if event.kind == EventKind.YIELD:
            row = terms[event.term]
            while isinstance(row, Local):
                row = terms[row.base]
            if isinstance(row, Element) and row.base == iterable:
                return True
    return False
