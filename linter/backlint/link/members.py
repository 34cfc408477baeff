"""Classes across files and libraries: order of resolution, members, and what type expressions mean."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from backlint.link.values import ClassValue, InstanceValue, options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backlint.libraries.catalogue import Catalogue
    from backlint.libraries.entry import ClassEntry, FunctionEntry
    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode, SymbolIndex
    from backlint.summary import ClassAttribute, ClassSummary


class ProjectClass:
    """A class of the project with what it inherits."""

    __slots__ = ("attributes", "bases", "file", "methods", "number", "summary", "symbol")

    def __init__(self, file: FileNode, number: int, symbol: str) -> None:
        self.file = file
        self.number = number
        self.summary: ClassSummary = file.summary.classes[number]
        self.symbol = symbol
        self.bases: tuple[str, ...] = ()
        self.attributes: dict[str, list[ClassAttribute]] = {}
        for attribute in self.summary.attributes:
            self.attributes.setdefault(attribute.name, []).append(attribute)
        functions = file.summary.functions
        own = f"{self.summary.name}."
        self.methods = {functions[index].name.removeprefix(own): index for index in self.summary.methods}

    def method(self, name: str) -> int | None:
        """The index of the method that the class itself defines; the last of several definitions."""
        return self.methods.get(name)


class Classes:
    """Every class of the project and of the library entries, by absolute name."""

    def __init__(self, index: SymbolIndex, catalogue: Catalogue, evaluator: Evaluator) -> None:
        self._index = index
        self._catalogue = catalogue
        self._evaluator = evaluator
        self._project: dict[str, ProjectClass | None] = {}
        self._order: dict[str, tuple[str, ...]] = {}
        self._described: dict[str, ClassEntry | None] = {}
        self._depth = 0

    @cached_property
    def subclasses(self) -> dict[str, list[str]]:
        """The project's classes by the absolute name of each direct base."""
        found: dict[str, list[str]] = {}
        for file in self._index.files:
            for summary in file.summary.classes:
                symbol = f"{file.summary.module}.{summary.name}"
                cls = self.project_class(symbol)
                for base in cls.bases if cls is not None else ():
                    found.setdefault(base, []).append(symbol)
        return found

    def project_class(self, symbol: str) -> ProjectClass | None:
        """The project's class of this name, or None where it is a library's or unknown."""
        if symbol in self._project:
            return self._project[symbol]
        self._project[symbol] = None
        found = self._index.cls(symbol, "")
        if found is not None:
            file, summary = found
            number = self._index.classes[file.index][summary.name]
            cls = self._project[symbol] = ProjectClass(file, number, symbol)
            cls.bases = tuple(self._bases(file, summary))
        return self._project[symbol]

    def _bases(self, file: FileNode, summary: ClassSummary) -> Iterator[str]:
        for term in summary.bases:
            for value in options(self._evaluator.value(file, term)):
                if isinstance(value, ClassValue | InstanceValue):
                    yield value.symbol
                else:
                    symbol = getattr(value, "symbol", "")
                    if symbol:
                        yield symbol

    def library_class(self, symbol: str) -> ClassEntry | None:
        return self._catalogue.classes.get(symbol)

    @property
    def settled(self) -> bool:
        """Whether no order of resolution is being worked out: what follows from one may be kept."""
        return self._depth == 0

    def described(self, symbol: str) -> ClassEntry | None:
        """The entry of the class itself, or of the first ancestor that has one."""
        if symbol in self._described:
            return self._described[symbol]
        entries = map(self._catalogue.classes.get, self.order(symbol))
        found = next((entry for entry in entries if entry is not None), None)
        if self.settled:
            self._described[symbol] = found
        return found

    def order(self, symbol: str) -> tuple[str, ...]:
        """The class and its ancestors in the order that Python looks members up.

        Where Python would refuse the bases as inconsistent, depth first without repeats.
        """
        found = self._order.get(symbol)
        if found is None:
            if self._depth > _MOST_ANCESTORS:
                return (symbol,)
            self._order[symbol] = (symbol,)
            self._depth += 1
            try:
                found = self._order[symbol] = self._linearised(symbol)
            finally:
                self._depth -= 1
        return found

    def _linearised(self, symbol: str) -> tuple[str, ...]:
        cls = self.project_class(symbol)
        entry = self.library_class(symbol) if cls is None else None
        bases = cls.bases if cls is not None else entry.bases if entry is not None else ()
        bases = tuple(dict.fromkeys(base for base in bases if base != symbol))
        lines = [line for base in bases if symbol not in (line := self.order(base))]
        merged = _merge([*lines, bases])
        if merged is None:
            merged = list(dict.fromkeys(name for line in lines for name in line))
        return (symbol, *merged)[:_MOST_ANCESTORS]

    def is_subclass(self, symbol: str, ancestors: frozenset[str] | tuple[str, ...]) -> bool:
        """Whether a class is one of `ancestors` or inherits from one."""
        return any(name in ancestors for name in self.order(symbol))

    def library_method(self, symbol: str, name: str) -> tuple[str, FunctionEntry] | None:
        """A library method found along the order of resolution, with the name of the class that has it."""
        for ancestor in self.order(symbol):
            entry = self.library_class(ancestor)
            if entry is not None:
                method = entry.methods.get(name)
                if method is not None:
                    return ancestor, method
        return None


_MOST_ANCESTORS = 200


def _merge(lines: Sequence[Sequence[str]]) -> list[str] | None:
    """The C3 merge of orders of resolution; None where they contradict each other."""
    left = [list(line) for line in lines if line]
    merged: list[str] = []
    while left:
        later = {name for line in left for name in line[1:]}
        head = next((line[0] for line in left if line[0] not in later), None)
        if head is None:
            return None
        merged.append(head)
        left = [rest for line in left if (rest := line[1:] if line[0] == head else line)]
    return merged
