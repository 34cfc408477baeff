"""Attributes that a base class reads and its subclasses set: `model = None` here, `model = User` below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.values import NONE, UNKNOWN, ClassValue, InstanceValue, Value, options, union

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator

_MOST_OPTIONS = 4
_PLAIN_BASES = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"})


def declared_below(evaluator: Evaluator, symbol: str, name: str) -> Value:
    """What the subclasses of a class set an attribute to: one of these, or an object of what all share.

    NONE where no subclass sets it. UNKNOWN where one sets it to something unknown, so that nobody takes some
    of the values for all.
    """
    key = (symbol, name)
    found = evaluator.below.get(key)
    if found is None:
        evaluator.below[key] = UNKNOWN
        found = evaluator.below[key] = _combined(evaluator, _values(evaluator, symbol, name))
    return found


def _values(evaluator: Evaluator, symbol: str, name: str) -> list[Value]:
    found: list[Value] = []
    seen = {symbol}
    pending = list(evaluator.classes.subclasses.get(symbol, ()))
    while pending:
        below = pending.pop(0)
        if below in seen:
            continue
        seen.add(below)
        cls = evaluator.classes.project_class(below)
        if cls is not None and any(not given.instance for given in cls.attributes.get(name, ())):
            found.extend(options(evaluator.attribute(ClassValue(below), name)))
        pending.extend(evaluator.classes.subclasses.get(below, ()))
    # By equality: what stands for a library's function has no hash.
    unique: list[Value] = []
    for value in found:
        if value != NONE and value not in unique:
            unique.append(value)
    return unique


def _combined(evaluator: Evaluator, values: list[Value]) -> Value:
    if not values:
        return NONE
    if not all(isinstance(value, ClassValue | InstanceValue) for value in values):
        return UNKNOWN
    return union(values) if len(values) <= _MOST_OPTIONS else _shared(evaluator, values)


def _shared(evaluator: Evaluator, values: list[Value]) -> Value:
    """The nearest class that all the values are, or are objects of."""
    kind = type(values[0])
    if any(type(value) is not kind for value in values):
        return UNKNOWN
    orders = [evaluator.classes.order(value.symbol) for value in values]  # type: ignore[attr-defined]
    for ancestor in orders[0]:
        if ancestor not in _PLAIN_BASES and all(ancestor in order for order in orders):
            return ClassValue(ancestor) if kind is ClassValue else InstanceValue(ancestor)
    return UNKNOWN
