"""Conditions of pending findings, as data.

A file alone can't know what a name of another file does. A rule that meets such a name
reports its finding with a condition, and the linker decides it once all summaries are known.
An unresolved reference satisfies no condition, negated or not.
"""

from __future__ import annotations

import msgspec

from backlint.effect import Effect, Role


class HasEffect(msgspec.Struct, frozen=True, array_like=True, tag="effect"):
    """The callable or value behind `term` has an effect when called."""

    term: int
    effect: Effect


class HasRole(msgspec.Struct, frozen=True, array_like=True, tag="role"):
    """The symbol behind `term` plays a role."""

    term: int
    role: Role


class IsInstance(msgspec.Struct, frozen=True, array_like=True, tag="instance"):
    """The value of `term` is an instance of one of the classes (full names, subclasses included)."""

    term: int
    classes: tuple[str, ...]


class Names(msgspec.Struct, frozen=True, array_like=True, tag="names"):
    """`term` is one of the symbols (full names, after re-exports and aliases)."""

    term: int
    symbols: tuple[str, ...]


class Not(msgspec.Struct, frozen=True, array_like=True, tag="not"):
    """The condition is decided and false."""

    condition: Condition


class All(msgspec.Struct, frozen=True, array_like=True, tag="all"):
    """Every condition holds."""

    conditions: tuple[Condition, ...]


class AnyOf(msgspec.Struct, frozen=True, array_like=True, tag="any"):
    """At least one condition holds."""

    conditions: tuple[Condition, ...]


Condition = HasEffect | HasRole | IsInstance | Names | Not | All | AnyOf
