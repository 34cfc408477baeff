"""What terms are made of."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from backlint.term import (
    Attr,
    Awaited,
    Call,
    Caught,
    Compare,
    Comprehension,
    Element,
    Entered,
    Instance,
    Item,
    Join,
    Local,
    Mapping,
    Operation,
    Sequence,
    Slice,
    Star,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def parts_of(row: object) -> tuple[int, ...]:
    """The terms that a term is made of, in the order of the code; -1 where one is left out."""
    find = _PARTS.get(row.__class__)
    return () if find is None else find(row)


def _base(row: Any) -> tuple[int, ...]:
    return (row.base,)


def _call(row: Call) -> tuple[int, ...]:
    if row.keywords:
        return (row.function, *row.arguments, *[value for _, value in row.keywords])
    return (row.function, *row.arguments)


_PARTS: dict[type, Callable[[Any], tuple[int, ...]]] = {
    Attr: _base,
    Awaited: _base,
    Call: _call,
    Caught: lambda row: (row.exception,),
    Compare: lambda row: (row.left, row.right),
    Comprehension: lambda row: (row.element,),
    Element: _base,
    Entered: _base,
    Instance: lambda row: (row.annotation,),
    Item: lambda row: (row.base, row.key),
    Join: lambda row: row.options,
    Local: _base,
    Mapping: lambda row: tuple(chain.from_iterable(row.entries)),
    Operation: lambda row: row.operands,
    Sequence: lambda row: row.items,
    Slice: lambda row: (row.lower, row.upper, row.step),
    Star: _base,
    Text: lambda row: row.parts,
}
