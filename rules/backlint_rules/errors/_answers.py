"""What services answer with: the places, and what is said there of the failure."""

import re
from collections.abc import Iterator

from backlint.api import (
    BlockKind,
    Caught,
    ClassValue,
    EventKind,
    Join,
    LinkedFunction,
    Param,
    Project,
    Sequence,
    Span,
    sink_arguments,
)

_REFUSES = re.compile(r"ValidationError|BadRequest|ParseError|UnprocessableEntity|(?:HTTP_|\b)4\d\d")
"""Answers that tell the client what to send instead."""
_FAILS = re.compile(r"(?:HTTP_|^)5\d\d|InternalServer|BadGateway|ServiceUnavailable")
"""Answers that say the service, or one behind it, failed."""


def refuses(project: Project, function: LinkedFunction, place: Span) -> bool:
    """Whether the answer blames the request: what is wrong with it has to be said somehow."""
    return any(_REFUSES.search(text) for text in _told(project, function, place))


def fails(project: Project, function: LinkedFunction, place: Span) -> bool:
    """Whether the answer says that the service failed."""
    return any(_FAILS.search(text) for text in _told(project, function, place))


def _told(project: Project, function: LinkedFunction, place: Span) -> Iterator[str]:
    """What answers, and what it is given, in words."""
    for call in function.calls:
        if call.span == place:
            yield project.words(function, call.row.function)
            for term in (*call.row.arguments, *(term for _, term in call.row.keywords)):
                yield project.words(function, term)
    for event in function.summary.events:
        if event.kind == EventKind.RETURN and event.span.line <= place.line <= event.span.end_line:
            row = project.term(function, event.term)
            for term in row.items if isinstance(row, Sequence) else ():
                yield project.words(function, term)


def answers(project: Project, function: LinkedFunction) -> Iterator[tuple[Span, int, tuple[int, ...]]]:
    """What a function sends to clients: the place, its block and the terms that are sent."""
    for call in function.calls:
        terms = tuple(argument.term for argument in sink_arguments(call, "response"))
        if terms:
            yield call.span, call.block, terms
    if project.is_handler(function) or function.key in project.error_handlers:
        for event in function.summary.events:
            if event.kind in (EventKind.RETURN, EventKind.YIELD) and event.term >= 0:
                yield event.span, event.block, (event.term,)


def shown_exceptions(project: Project) -> frozenset[str]:
    """Exceptions of the project whose text an error handler or a middleware answers with."""
    found: set[str] = set()
    for function in project.functions:
        for name in _handled(project, function):
            own = project.evaluator.classes.project_class(name)
            if own is not None and name not in found and _answers_with(project, function, name):
                found.add(name)
    return frozenset(found)


def _handled(project: Project, function: LinkedFunction) -> Iterator[str]:
    """Exceptions that a function gets as the error handler it is registered as, or catches."""
    yield from project.error_handlers.get(function.key, ())
    for block in function.summary.blocks:
        if block.kind == BlockKind.EXCEPT:
            for term in block.terms:
                yield project.evaluator.symbol_of(function.file, term)


def _answers_with(project: Project, function: LinkedFunction, name: str) -> bool:
    """Whether an answer of a function holds what an exception carries: its text or an attribute."""
    rows = function.file.summary.terms
    exceptions = {
        parameter.name for parameter in function.summary.parameters[:1] + function.summary.parameters[-1:]
    }
    exceptions -= {"self", "request", "req", "_"}
    registered = name in project.error_handlers.get(function.key, ())
    for call in function.calls:
        for argument in sink_arguments(call, "response"):
            for term in project.terms_of(function, argument.term):
                row = rows[term]
                if isinstance(row, Caught) and name in caught_names(project, function, row):
                    return True
                if registered and isinstance(row, Param) and row.name in exceptions:
                    return True
    return False


def caught_names(project: Project, function: LinkedFunction, row: Caught) -> list[str]:
    types = project.term(function, row.exception)
    terms = types.options if isinstance(types, Join) else (row.exception,)
    return [project.evaluator.symbol_of(function.file, term) for term in terms]


def raised(
    project: Project, function: LinkedFunction, shown: frozenset[str]
) -> Iterator[tuple[Span, int, tuple[int, ...]]]:
    """What an exception is made of that clients are shown."""
    for call in function.calls if shown and function in project.per_request else ():
        if isinstance(call.callee, ClassValue) and shown.intersection(
            project.evaluator.classes.order(call.callee.symbol)
        ):
            yield call.span, call.block, (*call.row.arguments, *(term for _, term in call.row.keywords))
