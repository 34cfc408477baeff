"""Constant values behind terms: literals, names, arithmetic, `timedelta`, class constants and settings."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

from backlint.link.values import ConstantValue
from backlint.term import Call, Const, Local, Name, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode

Constant = str | int | float | bool | None
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
_UNITS = {
    "weeks": 604800.0,
    "days": 86400.0,
    "hours": 3600.0,
    "minutes": 60.0,
    "seconds": 1.0,
    "milliseconds": 1e-3,
    "microseconds": 1e-6,
}
_POSITIONS = ("days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks")
_DEPTH = 10


class NoConstant:
    """Says that a term has no constant value; None is a value."""


NO_CONSTANT = NoConstant()


def constant(evaluator: Evaluator, file: FileNode, term: int, depth: int = 0) -> Constant | NoConstant:
    """The constant behind a term; a `timedelta` counts in seconds. NO_CONSTANT where it depends on more."""
    row = file.summary.terms[term]
    while isinstance(row, Local):
        row = file.summary.terms[row.base]
    if depth > _DEPTH:
        return NO_CONSTANT
    if isinstance(row, Const):
        return row.value
    if isinstance(row, Operation):
        return _arithmetic(evaluator, file, row, depth)
    if isinstance(row, Call) and evaluator.symbol_of(file, row.function) == "datetime.timedelta":
        return _timedelta(evaluator, file, row, depth)
    defined = _definition(evaluator, file, row) if isinstance(row, Name) else None
    if defined is not None:
        return constant(evaluator, *defined, depth + 1)
    value = evaluator.value(file, term)
    return value.value if isinstance(value, ConstantValue) else NO_CONSTANT


def _definition(evaluator: Evaluator, file: FileNode, row: Name) -> tuple[FileNode, int] | None:
    """The project's module-level assignment behind a name, imports followed: its file and term."""
    symbol = row.symbol
    for _ in range(_DEPTH):
        found, names = evaluator.index.split(symbol, file.root)
        if found is None or len(names) != 1:
            return None
        term = found.summary.names.get(names[0])
        if term is not None:
            return found, term
        target = found.aliases.get(names[0])
        if target is None or target == symbol:
            return None
        symbol, file = target, found
    return None


def _arithmetic(evaluator: Evaluator, file: FileNode, row: Operation, depth: int) -> Constant | NoConstant:
    apply = _ARITHMETIC.get(row.operator)
    if apply is None or len(row.operands) != 2:
        return NO_CONSTANT
    left, right = (constant(evaluator, file, operand, depth + 1) for operand in row.operands)
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return NO_CONSTANT
    try:
        return apply(left, right)
    except (ArithmeticError, ValueError):
        return NO_CONSTANT


def _timedelta(evaluator: Evaluator, file: FileNode, row: Call, depth: int) -> Constant | NoConstant:
    named = [*zip(_POSITIONS, row.arguments, strict=False), *row.keywords]
    total = 0.0
    for name, term in named:
        amount = constant(evaluator, file, term, depth + 1)
        if name not in _UNITS or not isinstance(amount, int | float):
            return NO_CONSTANT
        total += amount * _UNITS[name]
    return total
