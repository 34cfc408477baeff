"""Injected dependencies: what FastAPI's `Depends` and `Security` name, through aliases of other files, and Litestar's `Provide`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.routes.context import argument
from backlint.link.routes.origins import definition, named
from backlint.summary import Parameter
from backlint.term import Call, Item, Local, Mapping, Name, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey
    from backlint.link.index import FileNode
    from backlint.link.project import Project
    from backlint.link.routes.context import Context
    from backlint.summary import FunctionSummary

_INJECTS = frozenset({"fastapi.Depends", "fastapi.Security", "fastapi.params.Security"})
_ANNOTATED = frozenset({"typing.Annotated", "typing_extensions.Annotated"})
_DEPTH = 10


def dependency_of(context: Context, file: FileNode, term: int) -> tuple[FileNode, int] | None:
    """What a `Depends(…)` term names, or None for any other term (and for a bare `Depends()`)."""
    owner, found = definition(context.evaluator, file, term)
    row = owner.summary.terms[found]
    if not isinstance(row, Call) or context.evaluator.symbol_of(owner, row.function) not in _INJECTS:
        return None
    given = argument(row, 0, "dependency")
    return None if given is None else (owner, given)


def is_injection(context: Context, file: FileNode, term: int) -> bool:
    """Whether a term is a call of `Depends` or `Security`."""
    owner, found = definition(context.evaluator, file, term)
    row = owner.summary.terms[found]
    return isinstance(row, Call) and context.evaluator.symbol_of(owner, row.function) in _INJECTS


def scopes_of(context: Context, file: FileNode, term: int) -> tuple[str, ...]:
    """The scopes that `Security(…, scopes=[…])` asks for; empty for `Depends`."""
    owner, found = definition(context.evaluator, file, term)
    row = owner.summary.terms[found]
    given = argument(row, 1, "scopes") if isinstance(row, Call) else None
    if given is None or not is_injection(context, file, term):
        return ()
    return tuple(context.text(at, item) for at, item in context.items(owner, given))


def unfolded(
    context: Context, file: FileNode, term: int, depth: int = 0
) -> tuple[FileNode, int, list[tuple[FileNode, int]]]:
    """An annotation without `Annotated`: its type, and the metadata; aliases of other files are followed."""
    row = file.summary.terms[term]
    if depth > _DEPTH:
        return file, term, []
    if isinstance(row, Local):
        return unfolded(context, file, row.base, depth + 1)
    if isinstance(row, Name):
        for owner, found in named(context.evaluator, row.symbol, file.root):
            inner = owner.summary.terms[found]
            if isinstance(inner, Item | Name):
                return unfolded(context, owner, found, depth + 1)
        return file, term, []
    if isinstance(row, Item) and context.evaluator.symbol_of(file, row.base) in _ANNOTATED:
        key = file.summary.terms[row.key]
        if isinstance(key, Sequence) and key.items:
            owner, inner_term, more = unfolded(context, file, key.items[0], depth + 1)
            return owner, inner_term, [*more, *((file, item) for item in key.items[1:])]
    return file, term, []


def parameter_dependency(
    context: Context, file: FileNode, parameter: Parameter
) -> tuple[FileNode, int] | None:
    """What is injected for a parameter, or None where nothing is."""
    found = _injection(context, file, parameter)
    return None if found is None else found[0]


def _injection(
    context: Context, file: FileNode, parameter: Parameter
) -> tuple[tuple[FileNode, int], tuple[str, ...]] | None:
    """What is injected for a parameter, and the scopes that are asked for."""
    candidates: list[tuple[FileNode, int]] = []
    if parameter.default >= 0:
        candidates.append((file, parameter.default))
    declared: tuple[FileNode, int] | None = None
    if parameter.annotation >= 0:
        owner, term, metadata = unfolded(context, file, parameter.annotation)
        declared = owner, term
        candidates.extend(metadata)
    for at, term in candidates:
        if is_injection(context, at, term):
            found = dependency_of(context, at, term) or declared
            return None if found is None else (found, scopes_of(context, at, term))
    return None


def parameter_scopes(context: Context, key: FunctionKey) -> dict[tuple[int, int], tuple[str, ...]]:
    """The scopes asked for by the parameters of a function, by file and term of what is injected."""
    file = context.project.files[key[0]]
    found: dict[tuple[int, int], tuple[str, ...]] = {}
    for parameter in file.summary.functions[key[1]].parameters:
        injected = _injection(context, file, parameter)
        if injected is not None and injected[1]:
            (owner, term), scopes = injected
            found[owner.index, term] = scopes
    return found


def dependencies_of(context: Context, key: FunctionKey) -> Iterator[tuple[FileNode, int]]:
    """What is injected into the parameters of a function, and into the class of a class-based view."""
    file = context.project.files[key[0]]
    function = file.summary.functions[key[1]]
    for parameter in function.parameters:
        found = parameter_dependency(context, file, parameter)
        if found is not None:
            yield found
    owner = context.evaluator.owner(file, function) if function.cls >= 0 else ""
    layers = context.project.layer_dependencies
    if owner or layers:
        for parameter in function.parameters:
            given = provided(context, owner, parameter.name) if owner else None
            if given is not None:
                yield given
            elif _is_litestar(context, file, function):
                yield from layers.get(parameter.name, ())
    if owner:
        yield from _class_dependencies(context, owner)


def _is_litestar(context: Context, file: FileNode, function: FunctionSummary) -> bool:
    return any(
        context.evaluator.symbol_of(file, term).startswith("litestar.") for term in function.decorators
    )


def layer_dependencies(project: Project) -> dict[str, list[tuple[FileNode, int]]]:
    """What Litestar's applications, routers and route decorators hand to parameters, by the parameters' names."""
    from backlint.link.routes.context import Context

    found: dict[str, list[tuple[FileNode, int]]] = {}
    context = Context(project)
    for call in project.calls() if "litestar" in project.mentions else ():
        if call.symbol.startswith("litestar."):
            given = call.argument(None, "dependencies")
            for name, place in () if given is None else _entries(context, call.function.file, given):
                found.setdefault(name, []).append(place)
    return found


def _entries(context: Context, file: FileNode, term: int) -> Iterator[tuple[str, tuple[FileNode, int]]]:
    """The names and functions of `{"name": Provide(function)}`."""
    row = file.summary.terms[term]
    for key, value in row.entries if isinstance(row, Mapping) else ():
        if key >= 0:
            made = file.summary.terms[value]
            held = made.arguments[0] if isinstance(made, Call) and made.arguments else value
            yield context.text(file, key), (file, held)


def provided(context: Context, symbol: str, name: str) -> tuple[FileNode, int] | None:
    """What a controller's `dependencies = {"name": Provide(function)}` hands to parameters of that name."""
    found = context.class_attribute(symbol, "dependencies")
    if found is None:
        return None
    return next((place for key, place in _entries(context, found[0].file, found[1]) if key == name), None)


def _class_dependencies(context: Context, symbol: str) -> Iterator[tuple[FileNode, int]]:
    """Dependencies that a class declares as attributes, inherited ones included (fastapi-utils' `cbv`)."""
    classes = context.evaluator.classes
    for ancestor in classes.order(symbol):
        cls = classes.project_class(ancestor)
        for attributes in cls.attributes.values() if cls is not None else ():
            for attribute in attributes:
                declared = Parameter(attribute.name, attribute.annotation, attribute.value)
                found = None if cls is None else parameter_dependency(context, cls.file, declared)
                if found is not None:
                    yield found
