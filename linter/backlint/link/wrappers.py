"""What decorators of the project pass to the functions they wrap: `func(*args, user, **kwargs)`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.callers import strip as bare
from backlint.link.values import UNKNOWN, FunctionValue, Value, options, union
from backlint.summary import EventKind
from backlint.term import Call, Param, Star

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode

_DEPTH = 3


def passed_by_wrappers(
    evaluator: Evaluator, file: FileNode, function: int, position: int, name: str
) -> Value:
    """The value of a parameter that a decorator's wrapper fills in; UNKNOWN where none is seen to."""
    summary = file.summary.functions[function]
    found: list[Value] = []
    for term in summary.decorators:
        for owner, decorator in _decorators(evaluator, file, term):
            for call in _wrapped_calls(owner, decorator):
                given = _given(owner, call, position, name, is_method=summary.cls >= 0)
                if given is not None:
                    found.append(evaluator.value(owner, given))
    return union(found) if found else UNKNOWN


def wrapping(evaluator: Evaluator, file: FileNode, function: int) -> Iterator[tuple[int, int]]:
    """The inner functions that decorators of the project run in a function's stead."""
    summary = file.summary.functions[function]
    for term in summary.decorators:
        for owner, decorator in _decorators(evaluator, file, term):
            for index, inner in enumerate(owner.summary.functions):
                if inner.parent == decorator and index != decorator:
                    yield owner.index, index


def _decorators(evaluator: Evaluator, file: FileNode, term: int) -> Iterator[tuple[FileNode, int]]:
    """The project functions that take the decorated function: of a factory, the one it returns."""
    row = file.summary.terms[term]
    callee = row.function if isinstance(row, Call) else term
    for value in options(evaluator.value(file, callee)):
        if not isinstance(value, FunctionValue):
            continue
        owner = evaluator.index.files[value.file]
        if isinstance(row, Call):
            for event in owner.summary.functions[value.function].events:
                if event.kind == EventKind.RETURN:
                    for made in options(evaluator.value(owner, event.term)):
                        if isinstance(made, FunctionValue):
                            yield evaluator.index.files[made.file], made.function
        else:
            yield owner, value.function


def _wrapped_calls(file: FileNode, decorator: int) -> Iterator[Call]:
    """Calls of the decorated function in the functions inside the decorator."""
    functions = file.summary.functions
    parameters = functions[decorator].parameters
    if not parameters:
        return
    wrapped = Param(decorator, parameters[0].name)
    for number in range(decorator + 1, len(functions)):
        if not _inside(file, number, decorator):
            continue
        for event in functions[number].events:
            row = file.summary.terms[event.term] if event.kind == EventKind.CALL else None
            if isinstance(row, Call) and file.summary.terms[bare(file, row.function)] == wrapped:
                yield row


def _inside(file: FileNode, function: int, outer: int) -> bool:
    for _ in range(_DEPTH):
        function = file.summary.functions[function].parent
        if function == outer:
            return True
        if function < 0:
            return False
    return False


def _given(file: FileNode, call: Call, position: int, name: str, *, is_method: bool) -> int | None:
    """The term passed for a parameter; after `*args`, which then is only `self`, or nothing."""
    for keyword, term in call.keywords:
        if keyword == name:
            return term
    terms = file.summary.terms
    star = next((at for at, term in enumerate(call.arguments) if isinstance(terms[term], Star)), None)
    if star is None or position < star:
        return call.arguments[position] if position < len(call.arguments) else None
    at = star + 1 + position - (1 if is_method else 0)
    return call.arguments[at] if star < at < len(call.arguments) else None
