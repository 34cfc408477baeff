"""Functions that frameworks call for exceptions: which answers for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.graph import bare
from backlint.link.values import FunctionValue, options
from backlint.term import Attr, Call, Mapping, Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey, LinkedFunction
    from backlint.link.project import Project

_DECORATORS = frozenset(
    {"exception_handler", "errorhandler", "app_errorhandler", "error_handler", "exception"}
)
_METHODS = frozenset({"add_exception_handler", "register_error_handler"})
_ARGUMENT = "exception_handlers"


def error_handlers(project: Project) -> dict[FunctionKey, tuple[str, ...]]:
    """The exceptions, or status codes as empty names, that functions are registered for.

    Flask's and Sanic's decorators, FastAPI's and Starlette's, Ninja's; the methods of the same meaning; and
    the argument `exception_handlers` of Starlette, FastAPI and Litestar.
    """
    found: dict[FunctionKey, list[str]] = {}
    for function in project.functions:
        for term in function.summary.decorators:
            row = project.term(function, term)
            if (
                isinstance(row, Call)
                and row.arguments
                and _last(project, function, row.function) in _DECORATORS
            ):
                name = project.evaluator.symbol_of(function.file, row.arguments[0])
                found.setdefault(function.key, []).append(name)
    for call in project.calls():
        for exception, handler in _registered(project, call.function, call.row):
            name = project.evaluator.symbol_of(call.function.file, exception)
            for value in options(project.value(call.function, handler)):
                if isinstance(value, FunctionValue):
                    found.setdefault((value.file, value.function), []).append(name)
    return {key: tuple(names) for key, names in found.items()}


def _registered(project: Project, function: LinkedFunction, row: Call) -> Iterator[tuple[int, int]]:
    if len(row.arguments) == 2 and _last(project, function, row.function) in _METHODS:
        yield row.arguments
    for name, term in row.keywords:
        if name == _ARGUMENT:
            given = project.term(function, bare(function.file, term))
            if isinstance(given, Mapping):
                yield from (entry for entry in given.entries if entry[0] >= 0)


def _last(project: Project, function: LinkedFunction, term: int) -> str:
    row = project.term(function, term)
    if isinstance(row, Attr):
        return row.name
    return row.symbol.rpartition(".")[2] if isinstance(row, Name) else ""
