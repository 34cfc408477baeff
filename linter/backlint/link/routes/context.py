"""What the framework modules share: spelling paths, finding arguments and places."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from backlint.link.routes.model import UNKNOWN_PART
from backlint.link.routes.origins import Origins, definition
from backlint.link.values import ClassValue, ConstantValue, FunctionValue, InstanceValue, Value, options
from backlint.summary import ClassSummary, EventKind, FileKind
from backlint.term import Attr, Call, Const, Join, Local, Name, Operation, Sequence, Star, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.effect import Role
    from backlint.finding import Span
    from backlint.link.graph import CallSite, FunctionKey, LinkedFunction
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass
    from backlint.link.project import Project

_DEPTH = 10
SKIPPED_KINDS = frozenset({FileKind.TEST, FileKind.EXAMPLE, FileKind.MIGRATION})


class Context:
    """Look-ups over one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.evaluator = project.evaluator
        self.origins = Origins(project.evaluator)
        self._spans: dict[int, dict[int, list[Span]]] = {}
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

    def calls(self) -> Iterator[CallSite]:
        for function in self.functions():
            yield from function.calls

    def text(self, file: FileNode, term: int | None, depth: int = 0) -> str:
        """A string as far as it is spelled out, `…` for the rest."""
        if term is None or depth > _DEPTH:
            return UNKNOWN_PART
        row = file.summary.terms[term]
        if isinstance(row, Local):
            return self.text(file, row.base, depth + 1)
        if isinstance(row, Const):
            return row.value if isinstance(row.value, str) else UNKNOWN_PART
        if isinstance(row, Text) and row.how in ("f", "+"):
            return "".join(self.text(file, part, depth + 1) for part in row.parts)
        if isinstance(row, Call):
            if self.evaluator.symbol_of(file, row.function) in _TRANSLATES and row.arguments:
                return self.text(file, row.arguments[0], depth + 1)
            return UNKNOWN_PART
        if isinstance(row, Join):
            found = {self.text(file, option, depth + 1) for option in row.options}
            return found.pop() if len(found) == 1 else UNKNOWN_PART
        value = self.evaluator.value(file, term)
        if isinstance(value, ConstantValue):
            return value.value if isinstance(value.value, str) else UNKNOWN_PART
        owner, found_term = definition(self.evaluator, file, term)
        if (owner, found_term) != (file, term):
            return self.text(owner, found_term, depth + 1)
        default = self._attribute_default(file, row)
        return default if default is not None else UNKNOWN_PART

    def _attribute_default(self, file: FileNode, row: object) -> str | None:
        """`settings.API_PREFIX`, where the class of `settings` gives the attribute a literal."""
        if isinstance(row, Name):
            owner, _, name = row.symbol.rpartition(".")
            value = self.evaluator.symbol(owner, file.root) if owner else None
        elif isinstance(row, Attr):
            value, name = self.evaluator.value(file, row.base), row.name
        else:
            return None
        if not isinstance(value, InstanceValue | ClassValue):
            return None
        attribute = self.class_attribute(value.symbol, name)
        if attribute is None:
            return None
        cls, term = attribute
        found = cls.file.summary.terms[term] if term >= 0 else None
        return found.value if isinstance(found, Const) and isinstance(found.value, str) else None

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

    def function_of(self, value: Value) -> FunctionKey | None:
        """The project function that a value is."""
        for single in options(value):
            if isinstance(single, FunctionValue):
                return single.file, single.function
        return None

    def has_role(self, symbol: str, role: Role) -> bool:
        """Whether a class is given a role, by the entry of itself or of an ancestor."""
        return role in self.evaluator.roles(InstanceValue(symbol))


_TRANSLATES = frozenset(
    f"django.utils.translation.{name}" for name in ("gettext_lazy", "gettext", "pgettext_lazy")
)


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
