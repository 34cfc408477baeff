"""What the framework modules share: spelling paths, finding arguments and places."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from backlint.link.routes.conditions import Condition, conditions_around
from backlint.link.routes.model import UNKNOWN_PART
from backlint.link.routes.origins import Origins, definition
from backlint.link.routes.spelling import spelled
from backlint.link.values import FunctionValue, InstanceValue, Value, options
from backlint.summary import ClassSummary, EventKind, FileKind
from backlint.term import Call, Join, Operation, Sequence, Star

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.effect import Role
    from backlint.finding import Span
    from backlint.link.graph import CallSite, FunctionKey, LinkedFunction
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass
    from backlint.link.project import Project
    from backlint.link.routes.spelling import Bound

_DEPTH = 10
SKIPPED_KINDS = frozenset({FileKind.TEST, FileKind.EXAMPLE, FileKind.MIGRATION})


class Context:
    """Look-ups over one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.evaluator = project.evaluator
        self.origins = Origins(project.evaluator)
        self._spans: dict[int, dict[int, list[Span]]] = {}
        self._calls_at: dict[int, dict[Span, tuple[int, int]]] = {}
        self._methods: dict[tuple[str, str], FunctionKey | None] = {}
        self.registrations: dict[str, list[CallSite]] | None = None

    @cached_property
    def files(self) -> list[FileNode]:
        """The files that may define routes."""
        return [file for file in self.project.files if file.summary.kind not in SKIPPED_KINDS]

    def functions(self) -> Iterator[LinkedFunction]:
        """Functions of these files, module-level code included."""
        functions = self.project.graph.functions
        for file in self.files:
            for number in range(len(file.summary.functions)):
                yield functions[file.index, number]

    def classes(self) -> Iterator[tuple[FileNode, ClassSummary, str]]:
        """Classes of these files with their absolute names."""
        for file in self.files:
            for cls in file.summary.classes:
                yield file, cls, f"{file.summary.module}.{cls.name}"

    @cached_property
    def callers(self) -> dict[FunctionKey, list[CallSite]]:
        """The calls of these files that run each function."""
        found: dict[FunctionKey, list[CallSite]] = {}
        for call in self.calls():
            for target in call.targets:
                found.setdefault(target, []).append(call)
        return found

    def calls(self) -> Iterator[CallSite]:
        for function in self.functions():
            yield from function.calls

    def text(self, file: FileNode, term: int | None, bound: Bound | None = None) -> str:
        """A string as far as it is spelled out, `…` for the rest; `bound` says what parameters hold."""
        return UNKNOWN_PART if term is None else spelled(self, file, term, bound or {})

    def class_attribute(self, symbol: str, name: str) -> tuple[ProjectClass, int] | None:
        """The class along the order of resolution that sets an attribute in its body, and its term."""
        classes = self.evaluator.classes
        for ancestor in classes.order(symbol):
            cls = classes.project_class(ancestor)
            for attribute in () if cls is None else reversed(cls.attributes.get(name, [])):
                if cls is not None and not attribute.instance:
                    return cls, attribute.value
        return None

    def class_method(self, symbol: str, name: str) -> FunctionKey | None:
        """The project method of this name that an instance of the class has."""
        key = (symbol, name)
        if key not in self._methods:
            self._methods[key] = self._find_method(symbol, name)
        return self._methods[key]

    def _find_method(self, symbol: str, name: str) -> FunctionKey | None:
        classes = self.evaluator.classes
        for ancestor in classes.order(symbol):
            cls = classes.project_class(ancestor)
            if cls is not None and (method := cls.method(name)) is not None:
                return cls.file.index, method
        return None

    def items(self, file: FileNode, term: int | None, depth: int = 0) -> Iterator[tuple[FileNode, int]]:
        """The items of a list or tuple that is written down: through names, `+`, stars and branches."""
        if term is None or term < 0 or depth > _DEPTH:
            return
        file, term = definition(self.evaluator, file, term)
        row = file.summary.terms[term]
        if isinstance(row, Sequence):
            for item in row.items:
                inner = file.summary.terms[item]
                if isinstance(inner, Star):
                    yield from self.items(file, inner.base, depth + 1)
                else:
                    yield file, item
        elif isinstance(row, Operation) and row.operator in ("+", "or"):
            for operand in row.operands:
                yield from self.items(file, operand, depth + 1)
        elif isinstance(row, Join):
            for option in row.options:
                yield from self.items(file, option, depth + 1)

    def strings(self, file: FileNode, term: int | None) -> tuple[str, ...]:
        """The strings of a list, tuple or set that is written down."""
        return tuple(dict.fromkeys(self.text(owner, item) for owner, item in self.items(file, term)))

    def span(self, file: FileNode, term: int, before: int = 0) -> Span | None:
        """Where a call stands: of several equal calls the last at or before line `before`."""
        found = self._spans.get(file.index)
        if found is None:
            found = self._spans[file.index] = {}
            for function in file.summary.functions:
                for event in function.events:
                    if event.kind == EventKind.CALL:
                        found.setdefault(event.term, []).append(event.span)
        spans = found.get(term)
        if not spans:
            return None
        earlier = [span for span in spans if span.line <= before]
        return earlier[-1] if earlier else spans[0]

    def conditions_at(self, file: FileNode, span: Span) -> tuple[Condition, ...]:
        """The conditions around the call that stands at a span."""
        found = self._calls_at.get(file.index)
        if found is None:
            found = self._calls_at[file.index] = {}
            for number, function in enumerate(file.summary.functions):
                for event in function.events:
                    if event.kind == EventKind.CALL:
                        found.setdefault(event.span, (number, event.block))
        at = found.get(span)
        if at is None:
            return ()
        return conditions_around(self.project.graph.functions[file.index, at[0]], at[1])

    def function_of(self, value: Value) -> FunctionKey | None:
        """The project function that a value is."""
        for single in options(value):
            if isinstance(single, FunctionValue):
                return single.file, single.function
        return None

    def has_role(self, symbol: str, role: Role) -> bool:
        """Whether a class is given a role, by the entry of itself or of an ancestor."""
        return role in self.evaluator.roles(InstanceValue(symbol))


def argument(row: Call, position: int | None, *names: str) -> int | None:
    """The term passed by position or by one of several names."""
    for keyword, term in row.keywords:
        if keyword in names:
            return term
    if position is not None and position < len(row.arguments):
        return row.arguments[position]
    return None


def join_paths(*parts: str) -> str:
    """Parts of a path with one slash between them; a slash at the end is kept."""
    whole = ""
    for part in parts:
        if not part:
            continue
        whole = f"{whole.rstrip('/')}/{part.lstrip('/')}" if whole else part
    return whole if whole.startswith("/") or not whole else f"/{whole}"
