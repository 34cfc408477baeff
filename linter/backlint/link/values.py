"""What the linker can say of a term: a class, an instance, a function, a module, a constant, or nothing."""

from __future__ import annotations

import msgspec

from backlint.libraries.entry import FunctionEntry


class Value(msgspec.Struct, frozen=True):
    """Base of all; an instance of this class itself means that nothing is known."""


class ModuleValue(Value, frozen=True):
    symbol: str


class ExternalValue(Value, frozen=True):
    """A symbol outside the project of which no library entry speaks; its name is all that is known."""

    symbol: str


class ClassValue(Value, frozen=True):
    """A class itself. `arguments` are given type arguments."""

    symbol: str
    arguments: tuple[Value, ...] = ()


class InstanceValue(Value, frozen=True):
    """An object of a class."""

    symbol: str
    arguments: tuple[Value, ...] = ()
    after: str = ""
    """Of `super()`: look members up after this class in the order of resolution."""


class FunctionValue(Value, frozen=True):
    """A function of the project, by file and index; `receiver` is what it is bound to."""

    file: int
    function: int
    receiver: Value | None = None


class LibraryFunction(Value, frozen=True):
    """A function or method that a library entry describes."""

    symbol: str
    entry: FunctionEntry
    receiver: Value | None = None


class ConstantValue(Value, frozen=True):
    value: str | int | float | bool | None


class UnionValue(Value, frozen=True):
    """One of several values, none of them unknown."""

    options: tuple[Value, ...]


UNKNOWN = Value()
NONE = ConstantValue(None)


def instance(symbol: str, *arguments: Value) -> InstanceValue:
    """An object of a class, with type arguments."""
    return InstanceValue(symbol, arguments)


def union(options: list[Value]) -> Value:
    """The values without duplicates, unknowns and None; UNKNOWN when nothing is left, None where all are."""
    kept: list[Value] = []
    for option in options:
        for single in option.options if isinstance(option, UnionValue) else (option,):
            if single is not UNKNOWN and single != NONE and single not in kept:
                kept.append(single)
    if not kept:
        return NONE if options and all(option == NONE for option in options) else UNKNOWN
    return kept[0] if len(kept) == 1 else UnionValue(tuple(kept[:4]))


def options(value: Value) -> tuple[Value, ...]:
    """The alternatives of a value: itself, or the members of a union."""
    return value.options if value.__class__ is UnionValue else (value,)


def instance_of(value: Value | None) -> Value:
    """An instance of a class; an instance itself."""
    if isinstance(value, ClassValue):
        return InstanceValue(value.symbol, value.arguments)
    return UNKNOWN if value is None else value


def is_hollow(value: Value) -> bool:
    """A type that says nothing of what is in it, or only how it is called: what the code returns may say more."""
    if not isinstance(value, InstanceValue):
        return False
    return value.symbol in _CALLABLE or (not value.arguments and value.symbol in _HOLLOW)


_CALLABLE = frozenset({"typing.Callable", "collections.abc.Callable"})
_HOLLOW = frozenset(
    {
        "builtins.dict",
        "builtins.frozenset",
        "builtins.list",
        "builtins.object",
        "builtins.set",
        "builtins.tuple",
        "typing.Any",
        "typing.Iterator",
    }
)
