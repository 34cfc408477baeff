"""How long calls and clients wait: what the code says of their timeouts."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from backlint.api import (
    Call,
    CallSite,
    Confidence,
    Const,
    EventKind,
    FileNode,
    Join,
    LinkedFunction,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Project,
    Sequence,
    Star,
    Text,
    Timeout,
    bare,
    literal_text,
)
from backlint_rules.resilience._timeouts.versions import declared_since

SHORT = 60
"""Seconds up to which a library's own default is left alone."""
LONG = 300
_DSN = frozenset({"url", "dsn", "conninfo", "uri", "name_or_url"})
_LOCATION = re.compile(r"\b(?:timeout|total|read|sock_read|delay|when)$|timeout", re.IGNORECASE)
_DEPTH = 8


class Bound(IntEnum):
    """Whether an argument bounds the wait."""

    NONE = 0
    PERHAPS = 1
    """A parameter whose default is None, and no caller that is known gives another value."""
    SURE = 2


@dataclass(frozen=True)
class Wait:
    """A wait that is too long."""

    seconds: float | None
    """None for ever."""
    confidence: Confidence
    told: str = ""
    """The argument that asks for it: `timeout=None`."""


class Waits:
    """Judges the arguments of calls by what library entries say of timeouts."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._callers: dict[tuple[int, int], list[CallSite]] = {}
        for call in project.calls():
            for target in call.targets:
                self._callers.setdefault(target, []).append(call)

    def callers(self, key: tuple[int, int]) -> list[CallSite]:
        """The calls that run a function of the project."""
        return self._callers.get(key, [])

    def of_call(self, function: LinkedFunction, row: Call, timeout: Timeout, symbol: str) -> Wait | None:
        """How long a call or construction may wait; None where it is bounded, or may be by what can't be read."""
        file = function.file
        told = ""
        doubtful = False
        for name, term in _given(file, row, timeout):
            bound = self.bound_as(file, name, term)
            if bound is Bound.SURE:
                return None
            doubtful = doubtful or bound is Bound.PERHAPS
            if bound is Bound.NONE and _LOCATION.search(name):
                told = f"{name}={self._words(file, term)}"
        if self._may_hold(function, row, timeout):
            return None
        wait = self._unbounded(timeout, symbol, told)
        if wait is None:
            return None
        confidence = min(wait.confidence, self._clarity(file, row, timeout), key=lambda one: one.rank)
        return replace(wait, confidence=Confidence.LOW if doubtful else confidence)

    def bound_as(self, file: FileNode, name: str, term: int) -> Bound:
        """The same for the parameter of a name: `block=True` waits, `async_=True` does not."""
        row = file.summary.terms[bare(file, term)]
        if isinstance(row, Const) and isinstance(row.value, bool):
            return Bound.NONE if row.value is name.startswith("block") else Bound.SURE
        return self.bound(file, term)

    def bound(self, file: FileNode, term: int, depth: int = 0) -> Bound:
        """Whether a value that is passed as a timeout bounds the wait; what can't be known does."""
        term = bare(file, term)
        row = file.summary.terms[term]
        match row:
            case Const(value):
                return _constant_bound(value)
            case Sequence("tuple", items) if items:
                return min(self.bound(file, item, depth + 1) for item in items)
            case Join(choices) if depth < _DEPTH:
                return max(self.bound(file, choice, depth + 1) for choice in choices)
            case Param() if depth < _DEPTH:
                return self._parameter_bound(file, row, depth)
        module = self._project.graph.functions[file.index, 0]
        known = self._project.constant(module, term)
        if known is None:
            return Bound.NONE if isinstance(row, Name) else Bound.PERHAPS
        return _constant_bound(known) if isinstance(known, str | int | float) else Bound.SURE

    def _parameter_bound(self, file: FileNode, row: Param, depth: int) -> Bound:
        function = self._project.graph.functions[file.index, row.function]
        for position, parameter in enumerate(function.summary.parameters):
            if parameter.name != row.name:
                continue
            if parameter.default < 0 or self.bound(file, parameter.default, depth + 1) is not Bound.NONE:
                return Bound.SURE
            for call in self.callers(function.key):
                receiver = 1 if function.summary.cls >= 0 else 0
                passed = call.argument(position - receiver if position >= receiver else None, row.name)
                if call.passes_unknown or (
                    passed is not None and self.bound(call.function.file, passed, depth + 1) is not Bound.NONE
                ):
                    return Bound.SURE
            return Bound.PERHAPS
        return Bound.SURE

    def _unbounded(self, timeout: Timeout, symbol: str, told: str) -> Wait | None:
        if told:
            return Wait(None, Confidence.HIGH, told)
        default = timeout.default
        confidence = Confidence.HIGH
        for version, later in timeout.since.items():
            since = declared_since(self._project, symbol, version)
            if since is True:
                default = later
            elif since is None:
                confidence = Confidence.MEDIUM
        if default is None:
            return Wait(None, confidence)
        if default < SHORT:
            return None
        if default == SHORT:
            return Wait(default, Confidence.LOW)
        return Wait(default, Confidence.HIGH if default >= LONG else Confidence.MEDIUM)

    def _may_hold(self, function: LinkedFunction, row: Call, timeout: Timeout) -> bool:
        """Whether arguments that aren't the timeout itself may carry it: `**options`, a DSN, a client, a partial."""
        file = function.file
        terms = file.summary.terms
        if timeout.position is not None and any(isinstance(terms[term], Star) for term in row.arguments):
            return True
        nested = timeout.suggestion.partition("=")[0]
        for keyword, term in row.keywords:
            if keyword == "**" and not self._plain_mapping(function, term, timeout):
                return True
            if timeout.keys and keyword == nested and not self._readable(function, file, term):
                return True
        passed = (*row.arguments, *(term for _, term in row.keywords))
        return any(self._carries(file, term, timeout.parameters) for term in passed) or any(
            not from_env and _names_key(text, timeout.keys)
            for term in passed
            if timeout.keys
            for text, from_env in self._texts(file, term)
        )

    def _plain_mapping(self, function: LinkedFunction, term: int, timeout: Timeout) -> bool:
        """Whether `**options` is a dict display that nothing adds to and that holds no timeout."""
        file = function.file
        bare_term = bare(file, term)
        row = file.summary.terms[bare_term]
        if not isinstance(row, Mapping):
            return False
        names = set()
        for key, _ in row.entries:
            constant = file.summary.terms[key] if key >= 0 else None
            if not isinstance(constant, Const):
                return False
            names.add(constant.value)
        wanted = {*timeout.parameters, timeout.suggestion.partition("=")[0]}
        if names & wanted:
            return False
        return not self._is_changed(function, file, bare_term)

    def _is_changed(self, function: LinkedFunction, file: FileNode, mapping: int) -> bool:
        """Whether an item is set on a dict display, or a method of it called: here, or where it is defined."""
        summaries = (function.summary,) if function.file is file else ()
        return any(
            self._changes(file, event.term, mapping)
            for summary in (*summaries, file.summary.functions[0])
            for event in summary.events
            if event.kind in (EventKind.SET_ITEM, EventKind.CALL)
        )

    def _changes(self, file: FileNode, event_term: int, mapping: int) -> bool:
        row = file.summary.terms[event_term]
        base = getattr(row, "base", -1)
        if isinstance(row, Call):
            base = getattr(file.summary.terms[row.function], "base", -1)
        return base >= 0 and bare(file, base) == mapping

    def _carries(self, file: FileNode, term: int, names: tuple[str, ...]) -> bool:
        """Whether an argument is itself made with a timeout: `partial(request, timeout=10)`."""
        row = file.summary.terms[bare(file, term)]
        return isinstance(row, Call) and any(
            (keyword == "timeout" or keyword in names) and self.bound(file, passed) is Bound.SURE
            for keyword, passed in row.keywords
        )

    def _readable(self, function: LinkedFunction, file: FileNode, term: int) -> bool:
        """Whether all that a dict argument holds is written in the code."""
        term = bare(file, term)
        row = file.summary.terms[term]
        if isinstance(row, Mapping):
            return all(key >= 0 for key, _ in row.entries) and not self._is_changed(function, file, term)
        if isinstance(row, Name):
            place = self.named(row.symbol, file.root)
            return place is not None and self._readable(function, *place)
        return isinstance(row, Const)

    def named(self, symbol: str, root: str, depth: int = 0) -> tuple[FileNode, int] | None:
        """The file and term of what a module-level name is bound to."""
        file, names = self._project.index.split(symbol, root)
        if file is None or len(names) != 1 or depth > _DEPTH:
            return None
        term = file.summary.names.get(names[0])
        if term is not None and not isinstance(file.summary.terms[term], Name):
            return file, term
        target = file.aliases.get(names[0]) if term is None else self._symbol(file, term)
        return self.named(target, file.root, depth + 1) if target and target != symbol else None

    @staticmethod
    def _symbol(file: FileNode, term: int) -> str:
        row = file.summary.terms[term]
        return row.symbol if isinstance(row, Name) else ""

    def _clarity(self, file: FileNode, row: Call, timeout: Timeout) -> Confidence:
        """How much of what could hold the timeout is written in the code."""
        if not timeout.keys:
            return Confidence.HIGH
        carriers = [*row.arguments[:1], *(term for keyword, term in row.keywords if keyword in _DSN)]
        texts = [text for term in carriers for text in self._texts(file, term)]
        if any(from_env and _names_key(text, timeout.keys) for text, from_env in texts):
            return Confidence.LOW
        written = all(literal_text(file, term) is not None for term in carriers)
        return Confidence.HIGH if written else Confidence.MEDIUM

    def _texts(
        self, file: FileNode, term: int, from_env: bool = False, depth: int = 0
    ) -> Iterator[tuple[str, bool]]:
        """All strings written inside a value, and whether each only stands in for an environment variable."""
        if term < 0 or depth > _DEPTH:
            return
        row = file.summary.terms[term]
        parts: Iterable[int] = ()
        match row:
            case Const(str() as value):
                yield value, from_env
            case Local(_, base):
                parts = (base,)
            case Text(_, pieces) | Sequence(_, pieces) | Join(pieces) | Operation(_, pieces):
                parts = pieces
            case Mapping(entries):
                parts = (part for entry in entries for part in entry)
            case Call(function, arguments, keywords):
                callee = self._project.evaluator.value(file, function)
                entry = self._project.evaluator.entry_of(callee)
                from_env = from_env or (entry is not None and entry.source == "env")
                yield from ((keyword, from_env) for keyword, _ in keywords)
                parts = (*arguments, *(part for _, part in keywords))
            case Name(symbol):
                place = self.named(symbol, file.root)
                if place is not None:
                    yield from self._texts(*place, from_env, depth + 1)
            case _:
                module = self._project.graph.functions[file.index, 0]
                constant = self._project.constant(module, term)
                if isinstance(constant, str):
                    yield constant, True
        for part in parts:
            yield from self._texts(file, part, from_env, depth + 1)

    def _words(self, file: FileNode, term: int) -> str:
        return self._project.words(self._project.graph.functions[file.index, 0], bare(file, term))


def _given(file: FileNode, row: Call, timeout: Timeout) -> Iterator[tuple[str, int]]:
    """The arguments that are timeouts, by the name of the parameter."""
    for keyword, term in row.keywords:
        if keyword in timeout.parameters:
            yield keyword, term
    if timeout.position is not None:
        for name, term in zip(timeout.parameters, row.arguments[timeout.position :], strict=False):
            if not isinstance(file.summary.terms[term], Star):
                yield name, term


def _constant_bound(value: object) -> Bound:
    if value is None:
        return Bound.NONE
    if isinstance(value, int | float) and value < 0:
        return Bound.NONE
    return Bound.SURE


def _names_key(text: str, keys: tuple[str, ...]) -> bool:
    return any(re.search(rf"(?<![A-Za-z_]){re.escape(key)}(?![A-Za-z_])", text) for key in keys)
