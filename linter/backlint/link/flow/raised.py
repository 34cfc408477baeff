"""Which exceptions reach a handler: those of library calls that repeat their arguments, those of `raise`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.summary import BlockKind, Event, EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.libraries.entry import Raises
    from backlint.link.evaluate import Evaluator
    from backlint.link.graph import CallSite, LinkedFunction

_ALL = frozenset({"builtins.BaseException", "builtins.Exception"})


def handler_of(function: LinkedFunction, block: int) -> int | None:
    """The innermost `except` clause around a block."""
    blocks = function.summary.blocks
    while block >= 0:
        if blocks[block].kind == BlockKind.EXCEPT:
            return block
        block = blocks[block].parent
    return None


def tried(function: LinkedFunction, handler: int) -> int | None:
    """The `try` that an `except` clause belongs to: the last one before it at the same level."""
    blocks = function.summary.blocks
    for index in range(handler - 1, -1, -1):
        if blocks[index].kind == BlockKind.TRY and blocks[index].parent == blocks[handler].parent:
            return index
    return None


def caught_by(evaluator: Evaluator, function: LinkedFunction, handler: int) -> frozenset[str]:
    """The full names of what an `except` clause catches; of a bare one, the base of all exceptions."""
    terms = function.summary.blocks[handler].terms
    if not terms:
        return _ALL
    return frozenset(evaluator.symbol_of(function.file, term) for term in terms)


def catches(caught: frozenset[str], raises: Raises) -> bool:
    """Whether a clause for `caught` gets the exceptions of a library call that repeat its arguments."""
    return bool(caught & _ALL) or any(
        name.rpartition(".")[2] == kind.rpartition(".")[2]
        and name.partition(".")[0] == kind.partition(".")[0]
        for name in caught
        for kind in raises.types
    )


def calls_in(function: LinkedFunction, block: int) -> Iterator[CallSite]:
    """The calls in a block, inner ones included."""
    for call in function.calls:
        if _inside(function, call.block, block):
            yield call


def raises_in(function: LinkedFunction, block: int) -> Iterator[Event]:
    """The `raise` statements with an exception in a block, inner ones included."""
    for event in function.summary.events:
        if event.kind == EventKind.RAISE and event.term >= 0 and _inside(function, event.block, block):
            yield event


def escapes(
    evaluator: Evaluator, function: LinkedFunction, block: int, outer: int, raises: Raises | None
) -> bool:
    """Whether an exception raised in `block` leaves `outer`: no clause in between keeps it.

    `raises` is None for an exception of the project, which any broad clause keeps.
    """
    blocks = function.summary.blocks
    while block >= 0 and block != outer:
        if blocks[block].kind == BlockKind.TRY:
            for handler in _handlers(function, block):
                caught = caught_by(evaluator, function, handler)
                if (catches(caught, raises) if raises is not None else bool(caught & _ALL)) and not any(
                    event.kind == EventKind.RAISE
                    and event.term < 0
                    and _inside(function, event.block, handler)
                    for event in function.summary.events
                ):
                    return False
        block = blocks[block].parent
    return True


def _handlers(function: LinkedFunction, block: int) -> Iterator[int]:
    for index, found in enumerate(function.summary.blocks):
        if (
            index > block
            and found.kind == BlockKind.EXCEPT
            and found.parent == function.summary.blocks[block].parent
        ) and tried(function, index) == block:
            yield index


def _inside(function: LinkedFunction, block: int, outer: int) -> bool:
    blocks = function.summary.blocks
    while block >= 0:
        if block == outer:
            return True
        block = blocks[block].parent
    return False
