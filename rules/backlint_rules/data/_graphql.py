"""How the types of a GraphQL schema are used: one at a time, or in lists."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from backlint.api import (
    Attr,
    Call,
    ClassValue,
    ConstantValue,
    FileNode,
    FunctionValue,
    InstanceValue,
    Item,
    Name,
    Operation,
    Project,
    RouteKind,
    Sequence,
    options,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_MANY = ("list", "sequence", "iterable", "connection", "connectionfield", "set", "tuple", "page", "edge")
_DEPTH = 6


class Uses(IntEnum):
    """Where fields of the schema give a type."""

    UNSEEN = 0
    ALONE = 1
    LISTED = 2


def uses_of_types(project: Project) -> dict[str, Uses]:
    """For each class that a field gives, whether some field gives many of it."""
    found: dict[str, Uses] = {}
    views: set[str] = set()
    for route in project.routes:
        if route.kind in (RouteKind.GRAPHQL_ROOT, RouteKind.GRAPHQL_FIELD):
            views.add(route.view)
            if route.handler is not None:
                function = project.graph.functions[route.handler]
                _note(project, function.file, function.summary.returns, found)
    for file in project.files:
        for cls in file.summary.classes:
            if f"{file.summary.module}.{cls.name}" not in views:
                continue
            for attribute in cls.attributes:
                _note(project, file, attribute.annotation, found)
                _note(project, file, attribute.value, found)
    return _spread(project, views, found)


def _spread(project: Project, views: set[str], found: dict[str, Uses]) -> dict[str, Uses]:
    """A type below one that comes in lists comes many times too."""
    edges: dict[str, set[str]] = {}
    for file in project.files:
        for cls in file.summary.classes:
            owner = f"{file.summary.module}.{cls.name}"
            if owner in views:
                terms = [term for one in cls.attributes for term in (one.annotation, one.value)]
                terms += [file.summary.functions[number].returns for number in cls.methods]
                edges[owner] = {name for term in terms for name, _ in _types(project, file, term)}
    pending = [name for name, use in found.items() if use == Uses.LISTED]
    while pending:
        for name in edges.get(pending.pop(), ()):
            if found.get(name) != Uses.LISTED:
                found[name] = Uses.LISTED
                pending.append(name)
    return found


def _note(project: Project, file: FileNode, term: int, found: dict[str, Uses]) -> None:
    for name, many in _types(project, file, term):
        found[name] = max(found.get(name, Uses.UNSEEN), Uses.LISTED if many else Uses.ALONE)


def _types(
    project: Project, file: FileNode, term: int, many: bool = False, depth: int = 0
) -> Iterator[tuple[str, bool]]:
    """Classes that an annotation or a field's declaration names, and whether inside a list."""
    if term < 0 or depth > _DEPTH:
        return
    row = file.summary.terms[term]
    parts: tuple[int, ...] = ()
    if isinstance(row, Item):
        many = many or _is_many(project, file, row.base)
        parts = (row.key,)
    elif isinstance(row, Call):
        many = many or _is_many(project, file, row.function)
        parts = (*row.arguments, *(term for name, term in row.keywords if name in ("of_type", "type_", "of")))
    elif isinstance(row, Operation):
        parts = row.operands
    elif isinstance(row, Sequence):
        parts = row.items
    for part in parts:
        yield from _types(project, file, part, many, depth + 1)
    if parts:
        return
    for value in options(project.evaluator.value(file, term)):
        if isinstance(value, ClassValue | InstanceValue):
            yield value.symbol, many
        elif isinstance(value, ConstantValue) and isinstance(value.value, str):
            named = project.evaluator.class_named(value.value.strip("\"'"), file)
            if isinstance(named, ClassValue):
                yield named.symbol, many
        elif isinstance(value, FunctionValue):
            inner = project.index.files[value.file]
            for event in inner.summary.functions[value.function].events:
                if event.name == "" and event.term >= 0 and isinstance(inner.summary.terms[event.term], Name):
                    yield from _types(project, inner, event.term, many, depth + 1)


def _is_many(project: Project, file: FileNode, term: int) -> bool:
    row = file.summary.terms[term]
    name = ""
    if isinstance(row, Attr):
        name = row.name
    elif isinstance(row, Name):
        name = row.symbol.rpartition(".")[2]
    return name.lower().endswith(_MANY)
