"""What follows a branch on a row's column, and must not happen twice."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    Attr,
    CallSite,
    ClassValue,
    Const,
    Effect,
    EventKind,
    Evidence,
    FunctionValue,
    LinkedFunction,
    Operation,
    Param,
    Project,
    QueryStep,
    Span,
    bare,
    options,
    short_name,
)
from backlint_rules.data._counting import counting
from backlint_rules.data._races import settles
from backlint_rules.data._states import KEYS, State, asks_for_nothing, follows

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 2
_OUTSIDE = (Effect.ENQUEUES, Effect.SENDS_MAIL, Effect.CALLS_NETWORK)


class ChangeKind(IntEnum):
    COUNTED = 0
    """The column is counted up or down from its old value."""
    SET = 1
    """The column is set, and something is done that must not be done twice."""
    CLAIMED = 3
    """The column is set to what the caller brings, where somebody else's was refused."""
    CHARGED = 2
    """A row is made that counts against the column."""


class Change(NamedTuple):
    """What follows a branch on a column, and must not happen twice."""

    kind: ChangeKind
    evidence: tuple[Evidence, ...]
    what: str
    """What happens twice, in words."""


class Counters:
    """Columns that some code of the project counts up or down."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._names: set[str] | None = None

    def counts(self, column: str) -> bool:
        """Whether a column of that name is counted anywhere."""
        if self._names is None:
            self._names = set(self._find())
        return column in self._names

    def _find(self) -> Iterator[str]:
        for function in self._project.functions:
            for event in function.summary.events:
                set_to = event.value if event.kind == EventKind.SET_ATTR else -1
                if set_to >= 0 and _is_arithmetic(self._project, function, set_to):
                    yield event.name
            for call in function.calls:
                if call.entry is not None and QueryStep.UPDATES in call.entry.query:
                    for name, term in call.row.keywords:
                        if _is_arithmetic(self._project, function, term):
                            yield name


def _is_arithmetic(project: Project, function: LinkedFunction, term: int) -> bool:
    row = project.term(function, bare(function.file, term))
    return isinstance(row, Operation) and row.operator in ("+", "-")


def change_after(
    project: Project, function: LinkedFunction, state: State, counters: Counters
) -> Change | None:
    """The first thing after a branch that two requests at once would do twice."""
    counted = _counted(project, function, state)
    if counted is not None:
        return counted
    if state.sized and counters.counts(state.column):
        charged = _charged(project, function, state)
        if charged is not None:
            return charged
    return _set(project, function, state)


def _counted(project: Project, function: LinkedFunction, state: State) -> Change | None:
    """`row.balance -= amount` after a comparison of the balance."""
    for event in function.summary.events:
        if event.kind != EventKind.SET_ATTR or event.name != state.column or event.value < 0:
            continue
        row = project.term(function, event.term)
        if not isinstance(row, Attr) or bare(function.file, row.base) != state.row:
            continue
        if _counts_on(project, function, event.value, state) and follows(
            project, function, state, event.block, event.span.line
        ):
            message = f"`{state.name}.{state.column}` is counted on from the value that was read"
            return Change(ChangeKind.COUNTED, (Evidence(function.path, event.span, message),), "")
    for one in counting(project, function):
        own = one.row == state.row or (one.row < 0 and one.model == state.model)
        if (
            state.sized
            and own
            and one.column == state.column
            and follows(project, function, state, one.call.block, one.call.span.line)
        ):
            message = f"`{state.column}` is counted on here, whatever it is by then"
            return Change(ChangeKind.COUNTED, (Evidence(function.path, one.call.span, message),), "")
    return None


def _counts_on(project: Project, function: LinkedFunction, value: int, state: State) -> bool:
    if not _is_arithmetic(project, function, value):
        return False
    for index in project.terms_of(function, value):
        row = project.term(function, index)
        if isinstance(row, Attr) and row.name == state.column and bare(function.file, row.base) == state.row:
            return True
    return False


def _charged(project: Project, function: LinkedFunction, state: State) -> Change | None:
    """A row that refers to the one whose counter was compared."""
    for call in function.calls:
        if not follows(project, function, state, call.block, call.span.line):
            continue
        model = _made(project, function, call)
        if not model or model == state.model:
            continue
        for _, term in call.row.keywords:
            index = bare(function.file, term)
            row = project.term(function, index)
            owner = bare(function.file, row.base) if isinstance(row, Attr) and row.name in KEYS else index
            if owner == state.row:
                name = model.rpartition(".")[2]
                evidence = Evidence(function.path, call.span, f"the `{name}` is made here")
                return Change(ChangeKind.CHARGED, (evidence,), f"a `{name}`")
    return None


def _made(project: Project, function: LinkedFunction, call: CallSite) -> str:
    """The ORM class of a row that a call makes."""
    for value in options(call.callee):
        if isinstance(value, ClassValue) and project.model(value.symbol) is not None:
            return value.symbol
    if call.entry is not None and QueryStep.CREATES in call.entry.query:
        query = project.query(function, call.event.term)
        if query is not None and not query.may_have(QueryStep.UPSERTS):
            return query.model
    return ""


def _set(project: Project, function: LinkedFunction, state: State) -> Change | None:
    """The column is set in the branch, by the function or by what it calls, beside something that must be done once."""
    found = _sets(project, function, state)
    if found is None:
        return None
    evidence, inner = found
    twice = _done(project, function, state)
    if not twice and inner is not None:
        twice = _done_in(project, inner, state.model)
    if twice:
        return Change(ChangeKind.SET, evidence, twice)
    if inner is None and asks_for_nothing(project, function, state) and _is_claimed(project, function, state):
        return Change(ChangeKind.CLAIMED, evidence, "")
    return None


def _is_claimed(project: Project, function: LinkedFunction, state: State) -> bool:
    """Whether the column is set to something that the caller brings: who comes second overwrites it."""
    for event in function.summary.events:
        if event.kind != EventKind.SET_ATTR or event.name != state.column or event.value < 0:
            continue
        index = bare(function.file, event.value)
        row = project.term(function, index)
        while isinstance(row, Attr):
            index = bare(function.file, row.base)
            row = project.term(function, index)
        if isinstance(row, Param) and not isinstance(project.value(function, index), ClassValue):
            return True
    return False


def _done_in(project: Project, function: LinkedFunction, model: str) -> str:
    """What a function does that must be done once, in words."""
    for event in function.summary.events:
        set_to = event.value if event.kind == EventKind.SET_ATTR else -1
        if set_to >= 0 and _is_arithmetic(project, function, set_to):
            return f"counts `{event.name}`"
    return next((done for call in function.calls if (done := _does(project, function, call, model))), "")


def _sets(
    project: Project, function: LinkedFunction, state: State
) -> tuple[tuple[Evidence, ...], LinkedFunction | None] | None:
    for event in function.summary.events:
        if event.kind != EventKind.SET_ATTR or event.name != state.column:
            continue
        row = project.term(function, event.term)
        if not isinstance(row, Attr) or bare(function.file, row.base) != state.row:
            continue
        if not follows(project, function, state, event.block, event.span.line):
            continue
        if state.compared >= 0 and _same(function, event.value, state.compared):
            return None
        message = f"`{state.name}.{state.column}` is set here"
        return (Evidence(function.path, event.span, message),), None
    for call in function.calls:
        if follows(project, function, state, call.block, call.span.line):
            for target, name in _taking(project, function, call, state.row):
                span = _set_in(project, target, name, state.column, 0)
                if span is not None:
                    steps = (
                        Evidence(
                            function.path,
                            call.span,
                            f"`{short_name(function)}` calls `{short_name(target)}`",
                        ),
                        Evidence(target.path, span, f"`{state.column}` is set here"),
                    )
                    return steps, target
    return None


def _same(function: LinkedFunction, one: int, other: int) -> bool:
    return (
        one >= 0
        and bare(function.file, one) == bare(function.file, other)
        and not isinstance(function.file.summary.terms[bare(function.file, one)], Const)
    )


def _taking(
    project: Project, function: LinkedFunction, call: CallSite, row: int
) -> Iterator[tuple[LinkedFunction, str]]:
    """The project functions that a call runs with a row, and the parameter that holds it."""
    for value in options(call.callee):
        if not isinstance(value, FunctionValue):
            continue
        target = project.graph.functions[value.file, value.function]
        bound = 1 if value.receiver is not None else 0
        for position, parameter in enumerate(target.summary.parameters):
            if position < bound:
                callee = project.term(function, call.row.function)
                passed = callee.base if isinstance(callee, Attr) else None
            else:
                passed = call.argument(position - bound, parameter.name)
            if passed is not None and bare(function.file, passed) == row:
                yield target, parameter.name


def _set_in(project: Project, target: LinkedFunction, name: str, column: str, depth: int) -> Span | None:
    """Where a function sets a column of its parameter."""
    terms = target.file.summary.terms

    def is_it(term: int) -> bool:
        row = terms[bare(target.file, term)]
        return isinstance(row, Param) and row.name == name and row.function == target.index

    for event in target.summary.events:
        if event.kind == EventKind.SET_ATTR and event.name == column:
            row = terms[event.term]
            if isinstance(row, Attr) and is_it(row.base):
                return event.span
    if depth < _DEPTH:
        for call in target.calls:
            for position, term in enumerate(call.row.arguments):
                if is_it(term):
                    for inner, parameter in _taking(project, target, call, bare(target.file, term)):
                        found = _set_in(project, inner, parameter, column, depth + 1)
                        if found is not None and position >= 0:
                            return found
    return None


def _done(project: Project, function: LinkedFunction, state: State) -> str:
    """What is done in the branch that must be done once, in words."""
    for event in function.summary.events:
        if event.kind == EventKind.SET_ATTR and event.value >= 0:
            row = project.term(function, event.term)
            if (
                isinstance(row, Attr)
                and _is_arithmetic(project, function, event.value)
                and follows(project, function, state, event.block, event.span.line)
            ):
                return f"counts `{event.name}`"
    for call in function.calls:
        if follows(project, function, state, call.block, call.span.line) and not settles(
            project, function, call.block
        ):
            done = _does(project, function, call, state.model)
            if done:
                return done
    return ""


def _does(project: Project, function: LinkedFunction, call: CallSite, model: str) -> str:
    made = _made(project, function, call)
    if made and made != model:
        return f"makes a `{made.rpartition('.')[2]}`"
    for effect, words in zip(
        _OUTSIDE, ("enqueues a job", "sends mail", "calls another service"), strict=True
    ):
        if effect in call.effects or project.effects.target(call, effect) is not None:
            return words
    return ""
