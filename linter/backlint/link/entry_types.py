"""What the type expressions of library entries mean at one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.libraries.type_expression import (
    FALLBACK,
    MADE,
    UNION,
    TypeExpression,
    argument_type,
    parse_type,
)
from backlint.link.arguments import call_argument
from backlint.link.values import (
    NONE,
    UNKNOWN,
    ClassValue,
    ConstantValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    Value,
    instance_of,
    is_hollow,
    union,
)
from backlint.term import Call, Item, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode

_ANY_USER = "django.contrib.auth.models.AbstractUser"
"""Stands for the project's own class of users where it has one."""


def typed(
    evaluator: Evaluator, text: str, receiver: Value | None, file: FileNode | None, row: Call | None
) -> Value:
    """The value that a type expression of a library entry means at one call."""
    return _typed(evaluator, parse_type(text), receiver, file, row) if text else UNKNOWN


def _typed(
    evaluator: Evaluator,
    expression: TypeExpression,
    receiver: Value | None,
    file: FileNode | None,
    row: Call | None,
) -> Value:
    name = expression.name
    if name == UNION:
        return union([_typed(evaluator, part, receiver, file, row) for part in expression.arguments])
    if name == FALLBACK:
        for part in expression.arguments:
            value = _typed(evaluator, part, receiver, file, row)
            if value is not UNKNOWN and not is_hollow(value):
                return value
        return UNKNOWN
    if name == "self":
        return instance_of(receiver)
    if name == "Self":
        return instance_of(receiver)
    if name == "none":
        return NONE
    if name.startswith(MADE):
        return made(evaluator, name.removeprefix(MADE), receiver)
    argument = argument_type(name)
    if argument is not None:
        return _argument_type(evaluator, argument.argument, argument.index, file, row)
    if name == "callback":
        return _callback(evaluator, file, row)
    arguments = tuple(_typed(evaluator, part, receiver, file, row) for part in expression.arguments)
    if name == "type":
        first = arguments[0] if arguments else UNKNOWN
        return ClassValue(first.symbol, first.arguments) if isinstance(first, InstanceValue) else UNKNOWN
    if "." not in name:
        parameter = type_parameter(evaluator, name, receiver)
        if parameter is not None:
            return parameter
        return InstanceValue(f"builtins.{name}", arguments)
    symbol = evaluator.catalogue.canonical(name)
    return InstanceValue(evaluator.user_model() if symbol == _ANY_USER else symbol, arguments)


def type_parameter(evaluator: Evaluator, name: str, receiver: Value | None) -> Value | None:
    """The type argument that the receiver has for a type parameter of its class."""
    if not isinstance(receiver, InstanceValue | ClassValue):
        return None
    for ancestor in evaluator.classes.order(receiver.symbol):
        entry = evaluator.classes.library_class(ancestor)
        if entry is not None and name in entry.parameters:
            position = entry.parameters.index(name)
            declared = _declared_argument(evaluator, receiver.symbol, ancestor, position)
            if declared is not None:
                return declared
            if position < len(receiver.arguments):
                return receiver.arguments[position]
            given = evaluator.generics.of_library(receiver.symbol, ancestor)
            return given[position] if position < len(given) else UNKNOWN
    return None


def _declared_argument(evaluator: Evaluator, symbol: str, base: str, position: int) -> Value | None:
    """The type argument that a project class gives a library's generic base: `class Orders(Repository[Order])`."""
    for ancestor in evaluator.classes.order(symbol):
        cls = evaluator.classes.project_class(ancestor)
        for term in () if cls is None else cls.summary.bases:
            if cls is None:
                continue
            row = cls.file.summary.terms[term]
            if not isinstance(row, Item) or evaluator.symbol_of(cls.file, row.base) != base:
                continue
            key = cls.file.summary.terms[row.key]
            terms = key.items if isinstance(key, Sequence) else (row.key,)
            value = evaluator.value(cls.file, terms[position]) if position < len(terms) else UNKNOWN
            if isinstance(value, ClassValue):
                return InstanceValue(value.symbol, value.arguments)
    return None


def made(evaluator: Evaluator, keyword: str, receiver: Value | None) -> Value:
    """What the functions give that the project passes by a keyword in files that use the receiver's library.

    `GraphQLRouter(schema, context_getter=get_context)` says what `info.context` is.
    """
    if not isinstance(receiver, InstanceValue):
        return UNKNOWN
    library = receiver.symbol.partition(".")[0]
    known = evaluator.made.get((library, keyword))
    if known is None:
        evaluator.made[library, keyword] = UNKNOWN
        found = [
            evaluator.produced(function)
            for file in evaluator.index.files
            if library in file.summary.mentions
            for function in _passed_by(evaluator, file, keyword)
        ]
        known = evaluator.made[library, keyword] = union([one for one in found if one is not UNKNOWN])
    return known


def _passed_by(evaluator: Evaluator, file: FileNode, keyword: str) -> Iterator[FunctionValue]:
    for row in file.summary.terms:
        for name, term in row.keywords if isinstance(row, Call) else ():
            value = evaluator.value(file, term) if name == keyword else UNKNOWN
            if isinstance(value, FunctionValue):
                yield value


def _argument_type(
    evaluator: Evaluator, argument: int | str, index: int | None, file: FileNode | None, row: Call | None
) -> Value:
    if file is None or row is None:
        return UNKNOWN
    term = call_argument(row, argument)
    if term is None:
        return UNKNOWN
    value = evaluator.value(file, term)
    if isinstance(value, ConstantValue) and isinstance(value.value, str):
        value = evaluator.class_named(value.value, file)
    elif isinstance(value, ExternalValue) and value.symbol.endswith("settings.AUTH_USER_MODEL"):
        value = InstanceValue(evaluator.user_model())
    if isinstance(value, ClassValue):
        value = InstanceValue(value.symbol, value.arguments)
    if index is None:
        return value
    if isinstance(value, InstanceValue) and index < len(value.arguments):
        return value.arguments[index]
    return evaluator.element(value) if index == 0 else UNKNOWN


def _callback(evaluator: Evaluator, file: FileNode | None, row: Call | None) -> Value:
    if file is None or row is None:
        return UNKNOWN
    for term in (*row.arguments, *(term for _, term in row.keywords)):
        value = evaluator.value(file, term)
        if isinstance(value, FunctionValue):
            return evaluator.produced(value)
        if isinstance(value, ClassValue | LibraryFunction):
            return evaluator.call(value, file, None)
        if isinstance(value, InstanceValue):
            return evaluator._call_instance(value, file, None)
    return UNKNOWN
