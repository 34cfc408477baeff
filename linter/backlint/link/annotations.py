"""What an annotation says of a value: `Annotated`, `Optional`, unions, generics and aliases included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.values import (
    NONE,
    UNKNOWN,
    ClassValue,
    ConstantValue,
    ExternalValue,
    InstanceValue,
    LibraryFunction,
    ModuleValue,
    Value,
    union,
)
from backlint.term import Call, Const, Item, Local, Name, Operation, Sequence

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode

_UNIONS = frozenset({"typing.Optional", "typing.Union"})
_WRAPPERS = frozenset(
    f"{module}.{name}"
    for module in ("typing", "typing_extensions")
    for name in ("Annotated", "ClassVar", "Final", "Required", "NotRequired", "ReadOnly")
)
_AWAITABLE = frozenset(
    {"typing.Awaitable", "typing.Coroutine", "collections.abc.Awaitable", "collections.abc.Coroutine"}
)
_GENERIC = {
    "typing.List": "builtins.list",
    "typing.Sequence": "builtins.list",
    "typing.Iterable": "builtins.list",
    "collections.abc.Sequence": "builtins.list",
    "collections.abc.Iterable": "builtins.list",
    "typing.Set": "builtins.set",
    "typing.Tuple": "builtins.tuple",
    "typing.Dict": "builtins.dict",
    "typing.Mapping": "builtins.dict",
    "collections.abc.Mapping": "builtins.dict",
}
_NEW_TYPES = ("typing.NewType", "typing_extensions.NewType")
_BUILTIN_TYPES = frozenset(
    f"builtins.{name}"
    for name in (
        "bool",
        "bytes",
        "dict",
        "float",
        "frozenset",
        "int",
        "list",
        "set",
        "str",
        "tuple",
    )
)
"""Classes that library entries describe as functions, by what calling them does."""
_DEPTH = 12


def annotation_value(evaluator: Evaluator, file: FileNode, term: int, depth: int = 0) -> Value:
    """A value of the annotated type; UNKNOWN for what the annotation leaves open."""
    row = file.summary.terms[term]
    while isinstance(row, Local):
        row = file.summary.terms[row.base]
    if depth > _DEPTH:
        return UNKNOWN
    if isinstance(row, Item):
        return _generic(evaluator, file, row, depth)
    if isinstance(row, Operation) and row.operator == "|":
        return union([annotation_value(evaluator, file, part, depth + 1) for part in row.operands])
    if isinstance(row, Const):
        return _quoted(evaluator, file, row)
    if isinstance(row, Name):
        variable = evaluator.generics.variable(file, term)
        if variable:
            return evaluator.type_variable(variable)
        aliased = _alias(evaluator, file, row.symbol, depth)
        if aliased is not None:
            return aliased
    return _instance_of(evaluator.value(file, term))


def _instance_of(value: Value) -> Value:
    if isinstance(value, ClassValue):
        return InstanceValue(value.symbol, value.arguments)
    if isinstance(value, ExternalValue):
        if value.symbol.startswith(("typing.", "typing_extensions.")):
            return UNKNOWN
        return InstanceValue(value.symbol)
    if isinstance(value, LibraryFunction) and value.symbol in _BUILTIN_TYPES:
        return InstanceValue(value.symbol)
    if isinstance(value, LibraryFunction | ModuleValue | InstanceValue):
        return UNKNOWN
    if isinstance(value, ConstantValue) and value.value is None:
        return NONE
    return UNKNOWN


def _quoted(evaluator: Evaluator, file: FileNode, row: Const) -> Value:
    if row.value is None:
        return NONE
    if isinstance(row.value, str) and row.value.replace(".", "").isidentifier():
        head = row.value.partition(".")[0]
        target = file.aliases.get(head)
        symbol = f"{file.summary.module}.{row.value}" if target is None else target + row.value[len(head) :]
        found = _instance_of(evaluator.symbol(symbol, file.root))
        return _registered(evaluator, row.value, file) if found is UNKNOWN and target is None else found
    return UNKNOWN


def _registered(evaluator: Evaluator, name: str, file: FileNode) -> Value:
    """An ORM class that a quoted name means though the file doesn't import it: ORMs look it up among all classes."""
    value = evaluator.class_named(name, file)
    if isinstance(value, ClassValue) and Role.STORES_ROWS in evaluator.roles(value):
        return InstanceValue(value.symbol)
    return UNKNOWN


def _alias(evaluator: Evaluator, file: FileNode, symbol: str, depth: int) -> Value | None:
    """A type alias that a project module defines by assignment, followed through re-exports."""
    for _ in range(_DEPTH):
        owner, names = evaluator.index.split(symbol, file.root)
        if owner is None or len(names) != 1:
            return None
        name = names[0]
        term = owner.summary.names.get(name)
        if term is not None:
            row = owner.summary.terms[term]
            if isinstance(row, Item | Operation | Name | Const):
                return annotation_value(evaluator, owner, term, depth + 1)
            if not isinstance(row, Call) or len(row.arguments) != 2:
                return None
            if evaluator.symbol_of(owner, row.function) not in _NEW_TYPES:
                return None
            return annotation_value(evaluator, owner, row.arguments[1], depth + 1)
        target = owner.aliases.get(name)
        if target is None or target == symbol:
            return None
        symbol = target
        file = owner
    return None


def _generic(evaluator: Evaluator, file: FileNode, row: Item, depth: int) -> Value:
    symbol = evaluator.symbol_of(file, row.base)
    key = file.summary.terms[row.key]
    parts = key.items if isinstance(key, Sequence) else (row.key,)
    if symbol in _UNIONS:
        return union([annotation_value(evaluator, file, part, depth + 1) for part in parts])
    entry = evaluator.classes.library_class(symbol)
    if symbol in _WRAPPERS or (entry is not None and entry.transparent):
        declared = annotation_value(evaluator, file, parts[0], depth + 1)
        return declared if declared is not UNKNOWN else _injected(evaluator, file, parts[1:])
    if symbol in ("builtins.type", "typing.Type"):
        inner = annotation_value(evaluator, file, parts[0], depth + 1)
        return ClassValue(inner.symbol, inner.arguments) if isinstance(inner, InstanceValue) else UNKNOWN
    arguments = tuple(annotation_value(evaluator, file, part, depth + 1) for part in parts)
    if symbol in _AWAITABLE:
        return arguments[-1] if arguments else UNKNOWN
    symbol = _GENERIC.get(symbol, symbol)
    if symbol == "builtins.tuple" and len(parts) == 2 and arguments[1] is UNKNOWN:
        return InstanceValue("builtins.list", arguments[:1])
    return InstanceValue(symbol, arguments) if symbol else UNKNOWN


def _injected(evaluator: Evaluator, file: FileNode, metadata: tuple[int, ...]) -> Value:
    """`Annotated[Any, Depends(f)]`: what the dependency hands over."""
    for term in metadata:
        if isinstance(file.summary.terms[term], Call):
            value = evaluator.value(file, term)
            if value is not UNKNOWN:
                return value
    return UNKNOWN
