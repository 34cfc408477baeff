"""Decides the conditions of pending findings.

Three-valued: a condition over something unresolved is neither true nor false, so it satisfies nothing,
negated or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.condition import All, AnyOf, Condition, HasEffect, HasRole, IsInstance, Names, Not
from backlint.link.values import (
    UNKNOWN,
    ClassValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    options,
)

if TYPE_CHECKING:
    from backlint.finding import Evidence
    from backlint.link.index import FileNode
    from backlint.link.project import Project


def decide(
    project: Project, file: FileNode, condition: Condition
) -> tuple[bool | None, tuple[Evidence, ...]]:
    """Whether a condition holds (None: can't be known), and what shows it."""
    match condition:
        case HasEffect(term, effect):
            return _has_effect(project, file, term, effect)
        case HasRole(term, role):
            value = project.evaluator.value(file, term)
            return (None if value is UNKNOWN else role in project.evaluator.roles(value)), ()
        case IsInstance(term, classes):
            return _is_instance(project, file, term, classes), ()
        case Names(term, symbols):
            symbol = project.evaluator.symbol_of(file, term)
            return (symbol in symbols if symbol else None), ()
        case Not(inner):
            held, _ = decide(project, file, inner)
            return (None if held is None else not held), ()
        case All(conditions):
            return _all(project, file, conditions)
        case AnyOf(conditions):
            decided = [decide(project, file, part) for part in conditions]
            for held, evidence in decided:
                if held:
                    return True, evidence
            return (None if any(held is None for held, _ in decided) else False), ()


def _all(
    project: Project, file: FileNode, conditions: tuple[Condition, ...]
) -> tuple[bool | None, tuple[Evidence, ...]]:
    evidence: tuple[Evidence, ...] = ()
    unknown = False
    for part in conditions:
        held, shown = decide(project, file, part)
        if held is False:
            return False, ()
        unknown = unknown or held is None
        evidence += shown
    return (None if unknown else True), () if unknown else evidence


def _has_effect(
    project: Project, file: FileNode, term: int, effect: str
) -> tuple[bool | None, tuple[Evidence, ...]]:
    from backlint.effect import Effect

    known = False
    for value in options(project.evaluator.value(file, term)):
        entry = project.evaluator.entry_of(value)
        if entry is not None:
            known = True
            if effect in entry.effects and not entry.lazy:
                return True, ()
        if isinstance(value, FunctionValue):
            known = True
            function = project.graph.functions[value.file, value.function]
            if function.key in project.effects.steps(Effect(effect)):
                return True, project.effects.chain(function, Effect(effect))
    return (False if known else None), ()


def _is_instance(project: Project, file: FileNode, term: int, classes: tuple[str, ...]) -> bool | None:
    value = project.evaluator.value(file, term)
    for single in options(value):
        if isinstance(single, InstanceValue) and project.evaluator.classes.is_subclass(
            single.symbol, classes
        ):
            return True
    known = isinstance(value, InstanceValue | ClassValue | LibraryFunction | FunctionValue)
    return False if known and not isinstance(value, ExternalValue) else None
