"""One function for each kind of term: what it stands for, given the evaluator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backlint.link.annotations import annotation_value
from backlint.link.handed_items import handed_item
from backlint.link.values import (
    UNKNOWN,
    ClassValue,
    ConstantValue,
    FunctionValue,
    InstanceValue,
    Value,
    instance,
    instance_of,
    union,
)
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Carried,
    Caught,
    Compare,
    Comprehension,
    Const,
    Element,
    Entered,
    Function,
    Instance,
    Item,
    Join,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Sequence,
    Slice,
    Star,
    Super,
    Text,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode

STRING = instance("builtins.str")
BOOLEAN = instance("builtins.bool")


def _name(evaluator: Evaluator, file: FileNode, row: Name) -> Value:
    return evaluator.symbol(row.symbol, file.root)


def _attr(evaluator: Evaluator, file: FileNode, row: Attr) -> Value:
    return evaluator.attribute(evaluator.value(file, row.base), row.name)


def _call(evaluator: Evaluator, file: FileNode, row: Call) -> Value:
    return evaluator.call(evaluator.value(file, row.function), file, row)


def _const(evaluator: Evaluator, file: FileNode, row: Const) -> Value:
    return ConstantValue(row.value)


def _parameter(evaluator: Evaluator, file: FileNode, row: Param) -> Value:
    return evaluator.parameter(file, row)


def _item(evaluator: Evaluator, file: FileNode, row: Item) -> Value:
    base = evaluator.value(file, row.base)
    key = file.summary.terms[row.key]
    if isinstance(key, Slice):
        return base
    if isinstance(key, Name | Attr):
        keyed = _typed_item(evaluator, evaluator.value(file, row.key))
        if keyed is not UNKNOWN:
            return keyed
    if isinstance(base, ClassValue):
        return ClassValue(base.symbol, (instance_of(evaluator.value(file, row.key)),))
    if isinstance(base, InstanceValue) and base.symbol == "builtins.dict" and len(base.arguments) == 2:
        found = base.arguments[1]
        return handed_item(evaluator, file, row) if found is UNKNOWN else found
    if isinstance(key, Const) and isinstance(key.value, int):
        return evaluator.element(base, key.value) if _is_tuple(base) else evaluator.element(base)
    found = evaluator.element(base)
    return handed_item(evaluator, file, row) if found is UNKNOWN else found


def _typed_item(evaluator: Evaluator, key: Value) -> Value:
    """The item behind a key whose own type says what it is the key of."""
    entry = evaluator.classes.library_class(key.symbol) if isinstance(key, InstanceValue) else None
    return evaluator.typed(entry.keys, key, None, None) if entry is not None and entry.keys else UNKNOWN


def _is_tuple(value: Value) -> bool:
    return isinstance(value, InstanceValue) and value.symbol == "builtins.tuple"


def _element(evaluator: Evaluator, file: FileNode, row: Element) -> Value:
    return evaluator.element(evaluator.value(file, row.base), row.position)


def _entered(evaluator: Evaluator, file: FileNode, row: Entered) -> Value:
    return evaluator.entered(evaluator.value(file, row.base))


def _through(evaluator: Evaluator, file: FileNode, row: Local | Star) -> Value:
    return evaluator.value(file, row.base)


def _awaited(evaluator: Evaluator, file: FileNode, row: Awaited) -> Value:
    value = evaluator.value(file, row.base)
    if isinstance(value, InstanceValue):
        found = evaluator.classes.library_method(value.symbol, "__await__")
        if found is not None:
            return evaluator.typed(found[1].returns, value, None, None)
    return value


def _join(evaluator: Evaluator, file: FileNode, row: Join) -> Value:
    return union([evaluator.value(file, option) for option in row.options])


def _sequence(evaluator: Evaluator, file: FileNode, row: Sequence) -> Value:
    items = [evaluator.value(file, item) for item in row.items[:8]]
    if row.kind == "tuple":
        return InstanceValue("builtins.tuple", tuple(items))
    return instance(f"builtins.{row.kind}", union(items))


def _mapping(evaluator: Evaluator, file: FileNode, row: Mapping) -> Value:
    values = union([evaluator.value(file, value) for _, value in row.entries[:8]])
    return instance("builtins.dict", STRING, values)


def _comprehension(evaluator: Evaluator, file: FileNode, row: Comprehension) -> Value:
    element = evaluator.value(file, row.element)
    if row.kind == "dict":
        if isinstance(element, InstanceValue) and len(element.arguments) == 2:
            return InstanceValue("builtins.dict", element.arguments)
        return instance("builtins.dict")
    return instance("builtins.list" if row.kind == "generator" else f"builtins.{row.kind}", element)


def _text(evaluator: Evaluator, file: FileNode, row: Text) -> Value:
    return STRING


def _operation(evaluator: Evaluator, file: FileNode, row: Operation) -> Value:
    if row.operator in ("and", "or"):
        return union([evaluator.value(file, operand) for operand in row.operands])
    if row.operator == "not":
        return BOOLEAN
    if row.operator in ("|", "&", "+", "-"):
        left = evaluator.value(file, row.operands[0])
        return UNKNOWN if isinstance(left, ConstantValue) else left
    if row.operator == "/":
        left = evaluator.value(file, row.operands[0])
        return left if isinstance(left, InstanceValue) and "Path" in left.symbol else UNKNOWN
    return UNKNOWN


def _compare(evaluator: Evaluator, file: FileNode, row: Compare) -> Value:
    left = evaluator.value(file, row.left)
    entry = evaluator.classes.library_class(left.symbol) if isinstance(left, InstanceValue) else None
    return left if entry is not None and entry.descriptor else BOOLEAN


def _instance(evaluator: Evaluator, file: FileNode, row: Instance) -> Value:
    return annotation_value(evaluator, file, row.annotation)


def _function(evaluator: Evaluator, file: FileNode, row: Function) -> Value:
    return FunctionValue(file.index, row.function)


def _caught(evaluator: Evaluator, file: FileNode, row: Caught) -> Value:
    return instance_of(evaluator.value(file, row.exception))


def _super(evaluator: Evaluator, file: FileNode, row: Super) -> Value:
    return evaluator.super_of(file, row.cls)


def _unknown(evaluator: Evaluator, file: FileNode, row: Any) -> Value:
    return UNKNOWN


EVALUATE: dict[type, Callable[[Evaluator, FileNode, Any], Value]] = {
    Name: _name,
    Attr: _attr,
    Call: _call,
    Const: _const,
    Param: _parameter,
    Item: _item,
    Slice: _unknown,
    Element: _element,
    Entered: _entered,
    Awaited: _awaited,
    Local: _through,
    Star: _through,
    Join: _join,
    Sequence: _sequence,
    Mapping: _mapping,
    Text: _text,
    Operation: _operation,
    Compare: _compare,
    Instance: _instance,
    Function: _function,
    Comprehension: _comprehension,
    Caught: _caught,
    Carried: _unknown,
    Unknown: _unknown,
    Super: _super,
}
