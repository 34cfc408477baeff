"""Declared types that say how the text of a value must look: a pattern, or a function that tests it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.parts import parts_of
from backlint.link.values import ClassValue, InstanceValue, Value, options
from backlint.term import Attr, Call, Const, Element, Item, Local, Name, Param

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator
    from backlint.link.graph import LinkedFunction
    from backlint.link.index import FileNode

TEXT_SINK = "sql"
"""Where the form of a text decides whether it does harm."""
_TESTS = frozenset({"Predicate", "AfterValidator", "PlainValidator", "WrapValidator"})
"""Of annotated_types and pydantic: they are given a function that may refuse the value."""
_PATTERNS = frozenset({"pattern", "regex"})
"""Of `Query`, `Field`, `constr`, `StringConstraints` (pydantic v2 and v1)."""
_MANY = 40
_STEPS = 6


def has_known_form(evaluator: Evaluator, file: FileNode, *declared: int) -> bool:
    """Whether an annotation or a default says how the text looks, type aliases followed."""
    pending = [(file, term) for term in declared if term >= 0]
    seen: set[tuple[int, int]] = set()
    while pending and len(seen) < _MANY:
        owner, term = pending.pop()
        if term < 0 or (owner.index, term) in seen:
            continue
        seen.add((owner.index, term))
        row = owner.summary.terms[term]
        if isinstance(row, Call) and _tests_form(evaluator, owner, row):
            return True
        if isinstance(row, Name):
            pending.extend(_aliased(evaluator, owner, row.symbol))
        pending.extend((owner, part) for part in parts_of(row))
    return False


def is_of_known_form(evaluator: Evaluator, function: LinkedFunction, term: int) -> bool:
    """Whether a value is a parameter or field, or a part of one, that is declared with the form of its text."""
    file = function.file
    row = file.summary.terms[term]
    for _ in range(_STEPS):
        if isinstance(row, Param):
            owner = file.summary.functions[row.function]
            return any(
                has_known_form(evaluator, file, one.annotation, one.default)
                for one in owner.parameters
                if one.name == row.name
            )
        if isinstance(row, Attr):
            return field_has_known_form(evaluator, evaluator.value(file, row.base), row.name)
        if not isinstance(row, Local | Element | Item):
            return False
        row = file.summary.terms[row.base]
    return False


def field_has_known_form(evaluator: Evaluator, base: Value, name: str) -> bool:
    """Whether the class of an object declares how the text of a field looks."""
    for single in options(base):
        if not isinstance(single, InstanceValue | ClassValue):
            continue
        for ancestor in evaluator.classes.order(single.symbol):
            cls = evaluator.classes.project_class(ancestor)
            for attribute in () if cls is None else cls.attributes.get(name, ()):
                if cls is not None and has_known_form(
                    evaluator, cls.file, attribute.annotation, attribute.value
                ):
                    return True
    return False


def _tests_form(evaluator: Evaluator, file: FileNode, row: Call) -> bool:
    name = evaluator.symbol_of(file, row.function).rpartition(".")[2]
    if name in _TESTS and row.arguments:
        return True
    return any(
        keyword in _PATTERNS and file.summary.terms[term] != Const(None) for keyword, term in row.keywords
    )


def _aliased(evaluator: Evaluator, file: FileNode, symbol: str) -> list[tuple[FileNode, int]]:
    """What a module-level name stands for, through re-exports."""
    for _ in range(4):
        owner, names = evaluator.index.split(symbol, file.root)
        if owner is None or len(names) != 1:
            return []
        term = owner.summary.names.get(names[0])
        if term is not None:
            return [(owner, term)]
        target = owner.aliases.get(names[0])
        if target is None or target == symbol:
            return []
        symbol, file = target, owner
    return []
