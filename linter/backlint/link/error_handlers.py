"""Functions that frameworks call for exceptions: which answers for which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.graph import bare
from backlint.link.values import FunctionValue, options
from backlint.term import Attr, Call, Const, Mapping, Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey, LinkedFunction
    from backlint.link.index import FileNode
    from backlint.link.project import Project
    from backlint.term import Term

_DECORATORS = frozenset(
    {"exception_handler", "errorhandler", "app_errorhandler", "error_handler", "exception"}
)
_METHODS = frozenset({"add_exception_handler", "register_error_handler"})
_ARGUMENT = "exception_handlers"


def error_handlers(project: Project) -> dict[FunctionKey, tuple[str, ...]]:
    """The exceptions, or status codes as empty names, that functions are registered for.

    Flask's and Sanic's decorators, FastAPI's and Starlette's, Ninja's; the methods of the same meaning;
    the argument `exception_handlers` of Starlette, FastAPI and Litestar; and the setting of Django REST framework.
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
        for file, exception, handler in _registered(project, call.function, call.row):
            name = project.evaluator.symbol_of(file, exception) or _by_status(file, exception)
            for value in options(project.evaluator.value(file, handler)):
                if isinstance(value, FunctionValue):
                    found.setdefault((value.file, value.function), []).append(name)
    for key in _of_settings(project):
        found.setdefault(key, []).append("builtins.Exception")
    return {key: tuple(names) for key, names in found.items()}


def _of_settings(project: Project) -> Iterator[FunctionKey]:
    """What Django REST framework calls for every exception of a view: `EXCEPTION_HANDLER` of its settings.

    https://www.django-rest-framework.org/api-guide/exceptions/#custom-exception-handling
    """
    for file in project.files:
        term = file.summary.names.get("REST_FRAMEWORK")
        row = None if term is None else file.summary.terms[term]
        for key, value in row.entries if isinstance(row, Mapping) else ():
            name, text = (file.summary.terms[one] if one >= 0 else None for one in (key, value))
            if not (isinstance(name, Const) and name.value == "EXCEPTION_HANDLER"):
                continue
            if isinstance(text, Const) and isinstance(text.value, str):
                for handler in options(project.evaluator.symbol(text.value, file.root)):
                    if isinstance(handler, FunctionValue):
                        yield handler.file, handler.function


def _by_status(file: FileNode, term: int) -> str:
    """Starlette gives the handler of 500 every exception that no other handles, as it was raised.

    https://www.starlette.io/exceptions/
    """
    row = file.summary.terms[bare(file, term)]
    return "builtins.Exception" if isinstance(row, Const) and row.value == 500 else ""


def _registered(project: Project, function: LinkedFunction, row: Call) -> Iterator[tuple[FileNode, int, int]]:
    if len(row.arguments) == 2 and _last(project, function, row.function) in _METHODS:
        yield function.file, row.arguments[0], row.arguments[1]
    for name, term in row.keywords:
        if name == _ARGUMENT:
            file, given = _display(project, function.file, bare(function.file, term))
            if isinstance(given, Mapping):
                yield from ((file, key, handler) for key, handler in given.entries if key >= 0)


def _display(project: Project, file: FileNode, term: int) -> tuple[FileNode, Term]:
    """The dict that an argument is, written there or bound to a name of a module."""
    row = file.summary.terms[term]
    if isinstance(row, Name):
        owner, names = project.index.split(row.symbol, file.root)
        if owner is not None and len(names) == 1 and names[0] in owner.summary.names:
            return owner, owner.summary.terms[owner.summary.names[names[0]]]
    return file, row


def _last(project: Project, function: LinkedFunction, term: int) -> str:
    row = project.term(function, term)
    if isinstance(row, Attr):
        return row.name
    return row.symbol.rpartition(".")[2] if isinstance(row, Name) else ""
