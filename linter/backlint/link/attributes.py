"""Members: what `value.name` is, for instances, classes, modules and decorated functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.annotations import annotation_value
from backlint.link.below import declared_below
from backlint.link.values import (
    NONE,
    UNKNOWN,
    ClassValue,
    ConstantValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    ModuleValue,
    Value,
    instance,
    options,
    union,
)
from backlint.term import Call

if TYPE_CHECKING:
    from backlint.libraries.entry import ClassEntry
    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass
    from backlint.summary import ClassAttribute


def attribute(evaluator: Evaluator, value: Value, name: str) -> Value:
    """`value.name`."""
    if isinstance(value, InstanceValue):
        return _instance_attribute(evaluator, value, name)
    if isinstance(value, ClassValue):
        return _class_attribute(evaluator, value, name)
    if isinstance(value, ModuleValue):
        file = evaluator.index.module(value.symbol, "")
        if file is not None:
            return evaluator.module_member(file, name)
        return evaluator.symbol(f"{value.symbol}.{name}", "")
    if isinstance(value, ExternalValue):
        return evaluator.library_symbol(f"{value.symbol}.{name}")
    if isinstance(value, FunctionValue | LibraryFunction):
        return _function_attribute(evaluator, value, name)
    if value == NONE:
        return UNKNOWN
    if isinstance(value, ConstantValue):
        return _instance_attribute(evaluator, instance(f"builtins.{type(value.value).__name__}"), name)
    found = options(value)
    return union([evaluator.attribute(option, name) for option in found]) if len(found) > 1 else UNKNOWN


def _function_attribute(evaluator: Evaluator, value: FunctionValue | LibraryFunction, name: str) -> Value:
    """An attribute of a function: what its decorator adds, such as a task's `delay`."""
    if isinstance(value, FunctionValue):
        decorated = evaluator.decorated_as(value)
        if decorated is not None:
            return evaluator.attribute(decorated, name)
    return UNKNOWN


def decorated_as(evaluator: Evaluator, value: FunctionValue) -> Value | None:
    """The object a decorator puts in the function's place, where a library entry says what it is."""
    file = evaluator.index.files[value.file]
    for term in file.summary.functions[value.function].decorators:
        row = file.summary.terms[term]
        if isinstance(row, Call):
            decorator = evaluator.value(file, row.function)
            made = evaluator.call(decorator, file, row)
        else:
            decorator = evaluator.value(file, term)
            made = (
                evaluator.call(decorator, file, None) if isinstance(decorator, LibraryFunction) else UNKNOWN
            )
        for single in options(made):
            if isinstance(single, InstanceValue) and evaluator.classes.library_class(single.symbol):
                return single
    return None


def _instance_attribute(evaluator: Evaluator, value: InstanceValue, name: str) -> Value:
    order = evaluator.classes.order(value.symbol)
    if value.after:
        order = order[order.index(value.after) + 1 :] if value.after in order else order
    for ancestor in order:
        cls = evaluator.classes.project_class(ancestor)
        if cls is not None:
            found = _project_member(evaluator, cls, name, value)
            if found == NONE:
                return declared_below(evaluator, value.symbol, name)
            if found is not None:
                return found
            continue
        entry = evaluator.classes.library_class(ancestor)
        if entry is not None:
            found = _library_member(evaluator, ancestor, entry, name, value)
            if found is not None:
                return found
    below = declared_below(evaluator, value.symbol, name)
    if below not in (UNKNOWN, NONE):
        return below
    stored = False
    for ancestor in order:
        entry = evaluator.classes.library_class(ancestor)
        if entry is None:
            continue
        if entry.default_method is not None:
            return LibraryFunction(f"{ancestor}.{name}", entry.default_method, value)
        if entry.default_attribute:
            return evaluator.typed(entry.default_attribute, value, None, None)
        stored = stored or Role.STORES_ROWS in entry.roles
    if stored:
        relation = evaluator.relations.find(value.symbol, name)
        if relation is not None:
            return evaluator.relations.value(relation)
    unknown_base = _external_ancestor(evaluator, order)
    return ExternalValue(f"{unknown_base}.{name}") if unknown_base else UNKNOWN


def _external_ancestor(evaluator: Evaluator, order: tuple[str, ...]) -> str:
    """The first ancestor that neither the project nor an entry describes."""
    for ancestor in order:
        if evaluator.classes.project_class(ancestor) is None:
            return ancestor
    return ""


def _project_member(evaluator: Evaluator, cls: ProjectClass, name: str, receiver: Value) -> Value | None:
    method = cls.method(name)
    if method is not None:
        function = FunctionValue(cls.file.index, method, receiver)
        if evaluator.is_property(function):
            return evaluator.returned(function)
        return function
    attributes = cls.attributes.get(name)
    if attributes is None:
        return None
    view = _view(evaluator, cls.symbol, receiver)
    return union([_attribute_value(view, cls.file, attribute, receiver) for attribute in attributes])


def _view(evaluator: Evaluator, symbol: str, receiver: Value) -> Evaluator:
    """The evaluator that sees a class as the receiver does."""
    from backlint.link.concrete import seen_by

    if isinstance(receiver, InstanceValue | ClassValue):
        return seen_by(evaluator, symbol, receiver) or evaluator
    return evaluator


def _attribute_value(
    evaluator: Evaluator, file: FileNode, attribute: ClassAttribute, receiver: Value
) -> Value:
    if attribute.annotation >= 0:
        declared = annotation_value(evaluator, file, attribute.annotation)
        if declared is not UNKNOWN:
            return declared
    value = evaluator.value(file, attribute.value)
    if isinstance(value, InstanceValue) and isinstance(receiver, InstanceValue):
        entry = evaluator.classes.library_class(value.symbol)
        if entry is not None and entry.descriptor:
            return evaluator.typed(entry.descriptor, value, None, None)
    if isinstance(value, FunctionValue) and value.receiver is None:
        return FunctionValue(value.file, value.function, receiver)
    return value


def _library_member(
    evaluator: Evaluator, symbol: str, entry: ClassEntry, name: str, receiver: InstanceValue | ClassValue
) -> Value | None:
    method = entry.methods.get(name)
    if method is not None:
        return LibraryFunction(f"{symbol}.{name}", method, receiver)
    attribute = entry.attributes.get(name)
    if attribute is not None:
        return evaluator.typed(attribute.type, receiver, None, None)
    return None


def _class_attribute(evaluator: Evaluator, value: ClassValue, name: str) -> Value:
    for ancestor in evaluator.classes.order(value.symbol):
        cls = evaluator.classes.project_class(ancestor)
        if cls is not None:
            method = cls.method(name)
            if method is not None:
                static = evaluator._decorated_with(cls.file, method, {"builtins.staticmethod"})
                return FunctionValue(cls.file.index, method, None if static else value)
            attributes = cls.attributes.get(name)
            if attributes is not None:
                view = _view(evaluator, ancestor, value)
                level = union([_class_level(view, cls.file, attribute) for attribute in attributes])
                if level == NONE:
                    return declared_below(evaluator, value.symbol, name)
                return _of_model(evaluator, level, value)
            nested = evaluator.classes.project_class(f"{ancestor}.{name}")
            if nested is not None:
                return ClassValue(nested.symbol)
            continue
        entry = evaluator.classes.library_class(ancestor)
        if entry is not None:
            found = _library_member(evaluator, ancestor, entry, name, value)
            if found is not None:
                return found
    unknown_base = _external_ancestor(evaluator, evaluator.classes.order(value.symbol))
    return ExternalValue(f"{unknown_base}.{name}") if unknown_base else UNKNOWN


def _of_model(evaluator: Evaluator, found: Value, owner: ClassValue) -> Value:
    """A manager that an ORM class holds gives rows of that class."""
    if not isinstance(found, InstanceValue) or any(one is not UNKNOWN for one in found.arguments):
        return found
    generic = any(
        entry is not None and entry.parameters and entry.methods
        for entry in map(evaluator.classes.library_class, evaluator.classes.order(found.symbol))
    )
    if not generic or Role.STORES_ROWS not in evaluator.roles(owner):
        return found
    return InstanceValue(found.symbol, (InstanceValue(owner.symbol),))


def _class_level(evaluator: Evaluator, file: FileNode, attribute: ClassAttribute) -> Value:
    value = evaluator.value(file, attribute.value)
    if value is UNKNOWN and attribute.annotation >= 0:
        return annotation_value(evaluator, file, attribute.annotation)
    return value
