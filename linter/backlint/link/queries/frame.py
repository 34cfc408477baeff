"""The function whose terms are walked."""

from __future__ import annotations

import msgspec

from backlint.link.index import FileNode
from backlint.link.query import Place, Query
from backlint.link.values import Value
from backlint.summary import MODULE_FUNCTION
from backlint.term import Call, Const


class Frame(msgspec.Struct, frozen=True, eq=False):
    """The function whose terms are walked, and the call that led into it."""

    file: FileNode
    function: int = MODULE_FUNCTION
    call: Call | None = None
    caller: Frame | None = None
    receiver: Value | None = None
    itself: Query | None = None
    """The query that `self` is, in a method of a manager or query set."""
    bound: int = 0
    memo: dict[int, Query | None] = {}
    """What its terms turned out to be."""

    def place(self, term: int) -> Place:
        return Place(self.file, self.function, term)


def is_nothing(row: object) -> bool:
    return isinstance(row, Const) and row.value is None
