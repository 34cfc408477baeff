"""Parameters that turn something in a function on or off: `def save(self, row, flush=False)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backlint.link.graph import LinkedFunction, bare
from backlint.link.values import FunctionValue, options
from backlint.summary import BlockKind
from backlint.term import Const, Operation, Param

if TYPE_CHECKING:
    from backlint.link.graph import CallSite
    from backlint.link.index import FileNode


class Switch(NamedTuple):
    """A parameter, and the truth that it must have."""

    name: str
    truth: bool


def switch_of(function: LinkedFunction, block: int) -> Switch | None:
    """The parameter that a branch around a block asks for its truth; None where there is none."""
    for one in function.blocks(block):
        if one.kind in (BlockKind.IF, BlockKind.ELSE) and one.terms:
            found = _asked(function, one.terms[0], one.kind == BlockKind.IF)
            if found is not None:
                return found
    return None


def _asked(function: LinkedFunction, test: int, truth: bool) -> Switch | None:
    row = function.file.summary.terms[bare(function.file, test)]
    if isinstance(row, Param):
        return Switch(row.name, truth) if row.function == function.index else None
    if isinstance(row, Operation) and row.operator == "not":
        return _asked(function, row.operands[0], not truth)
    if isinstance(row, Operation) and row.operator == "and" and truth:
        found = (_asked(function, operand, truth) for operand in row.operands)
        return next((one for one in found if one is not None), None)
    return None


def passes(call: CallSite, target: LinkedFunction, switch: Switch) -> bool:
    """Whether a call may give a switch the truth that it needs."""
    parameters = target.summary.parameters
    position = next((i for i, one in enumerate(parameters) if one.name == switch.name), -1)
    if position < 0 or call.passes_unknown:
        return True
    values = [one for one in options(call.callee) if isinstance(one, FunctionValue)]
    if not values:
        return True
    bound = int(any(one.receiver is not None for one in values))
    plain = position >= bound and not parameters[position].kind
    passed = call.argument(position - bound if plain else None, switch.name)
    if passed is not None:
        return _may_be(call.function.file, passed, switch.truth)
    default = parameters[position].default
    return default < 0 or _may_be(target.file, default, switch.truth)


def _may_be(file: FileNode, term: int, truth: bool) -> bool:
    row = file.summary.terms[bare(file, term)]
    return not isinstance(row, Const) or bool(row.value) == truth
