"""What start-up code puts into the dict that a job queue hands to every job: `ctx["http"] = AsyncClient()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.values import UNKNOWN, Value, union
from backlint.summary import EventKind
from backlint.term import Const, Item, Local, Param

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode

_NAMES = frozenset({"ctx", "context"})
"""What arq's and SAQ's documentation call the dict."""


def handed_item(evaluator: Evaluator, file: FileNode, row: Item) -> Value:
    """The item of a dict that the function is handed first, by what other functions store under its key."""
    place = _place(file, row)
    if place is None:
        return UNKNOWN
    stored = evaluator.plain.handed_items
    if stored is None:
        stored = evaluator.plain.handed_items = {}
        for key, owner, value in _stored(evaluator):
            stored.setdefault(key, []).append((owner, value))
    return union([evaluator.value(owner, term) for owner, term in stored.get(place, ())])


def _stored(evaluator: Evaluator) -> Iterator[tuple[str, FileNode, int]]:
    for file in evaluator.index.files:
        for function in file.summary.functions:
            for event in function.events:
                row = file.summary.terms[event.term] if event.kind == EventKind.SET_ITEM else None
                key = _place(file, row) if isinstance(row, Item) else None
                if key is not None and event.value >= 0:
                    yield key, file, event.value


def _place(file: FileNode, row: Item) -> str | None:
    """The key of an item of a function's first parameter; None for any other item."""
    terms = file.summary.terms
    base, key = terms[row.base], terms[row.key]
    while isinstance(base, Local):
        base = terms[base.base]
    if not isinstance(base, Param) or base.name not in _NAMES or not isinstance(key, Const):
        return None
    parameters = file.summary.functions[base.function].parameters
    first = next(iter(parameters), None)
    return key.value if first is not None and first.name == base.name and isinstance(key.value, str) else None
