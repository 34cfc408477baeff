"""Branches that end by raising, where the code that raises is somewhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.values import FunctionValue, options
from backlint.summary import EventKind, Use

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator
    from backlint.link.graph import CallSite, Graph, LinkedFunction

_DEPTH = 2


def leaves(graph: Graph, function: LinkedFunction, block: int) -> bool:
    """Whether nothing runs on below a block: it returns, raises, or ends in a call that never returns."""
    at = function.summary.blocks[block]
    if at.leaves:
        return True
    last = next((call for call in reversed(function.calls) if call.block == block), None)
    return (
        last is not None
        and last.event.use is Use.DISCARDED
        and last.span.end_line == at.end_line
        and _never_returns(graph, graph.evaluator, last, 0)
    )


def _never_returns(graph: Graph, evaluator: Evaluator, call: CallSite, depth: int) -> bool:
    found = options(call.callee)
    return bool(found) and all(
        Role.NEVER_RETURNS in evaluator.roles(value)
        or (isinstance(value, FunctionValue) and _raises(graph, (value.file, value.function), depth))
        for value in found
    )


def _raises(graph: Graph, key: tuple[int, int], depth: int) -> bool:
    """Whether a function of the project raises on every way through it."""
    function = graph.functions[key]
    if function.summary.is_generator or function.summary.is_stub:
        return False
    kinds = {event.kind for event in function.summary.events}
    if EventKind.RETURN in kinds:
        return False
    if function.summary.blocks[0].leaves:
        return EventKind.RAISE in kinds
    last = next((call for call in reversed(function.calls) if call.block == 0), None)
    return (
        depth < _DEPTH
        and last is not None
        and last.event.use is Use.DISCARDED
        and last.span.end_line == function.summary.span.end_line
        and _never_returns(graph, graph.evaluator, last, depth + 1)
    )
