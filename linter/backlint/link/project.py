"""The linked project: everything a rule's second half can ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import msgspec

from backlint.effect import Effect, Role
from backlint.libraries.catalogue import Catalogue
from backlint.link.constants import NO_CONSTANT, Constant, NoConstant, constant
from backlint.link.effects import Effects
from backlint.link.evaluate import Evaluator
from backlint.link.graph import CallSite, Graph, LinkedFunction
from backlint.link.index import FileNode, SymbolIndex
from backlint.link.sql import literal_text
from backlint.link.values import InstanceValue, Value, options
from backlint.link.words import words
from backlint.summary import Fact, FileSummary
from backlint.term import Term


class ProjectFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the run knows of the project besides its Python files."""

    public_routes: tuple[str, ...] = ()
    manifests: dict[str, str] = {}
    """Text of each manifest by path."""


class Project:
    """All summaries, joined."""

    def __init__(
        self,
        summaries: Iterable[tuple[FileSummary, str]],
        catalogue: Catalogue,
        facts: ProjectFacts | None = None,
    ) -> None:
        self.facts = facts or ProjectFacts()
        self.catalogue = catalogue
        self.index = SymbolIndex(summaries)
        self.evaluator = Evaluator(self.index, catalogue)
        self.graph = Graph(self.evaluator)
        self.effects = Effects(self.graph)

    @property
    def files(self) -> list[FileNode]:
        return self.index.files

    @property
    def functions(self) -> Iterable[LinkedFunction]:
        """All functions, module-level code included (index 0 of each file)."""
        return self.graph.functions.values()

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Top-level modules that any file imports."""
        return frozenset(name for file in self.files for name in file.summary.mentions)

    def calls(self) -> Iterator[CallSite]:
        """Every call of the project."""
        for function in self.functions:
            yield from function.calls

    def calls_with(self, effect: Effect) -> Iterator[CallSite]:
        """Calls of library functions that have an effect themselves."""
        for call in self.calls():
            if effect in call.effects:
                yield call

    def noted(self, rule: str, kind: str = "") -> Iterator[tuple[LinkedFunction, Fact]]:
        """Facts that a rule's first half noted, with the function they lie in."""
        for file in self.files:
            for fact in file.summary.facts:
                if fact.rule == rule and kind in ("", fact.kind):
                    yield self.graph.functions[file.index, fact.function], fact

    def term(self, function: LinkedFunction, index: int) -> Term:
        return function.file.summary.terms[index]

    def value(self, function: LinkedFunction, term: int) -> Value:
        """What a term of a function stands for."""
        return self.evaluator.value(function.file, term)

    def constant(self, function: LinkedFunction, term: int) -> Constant | NoConstant:
        """The constant behind a term, or NO_CONSTANT."""
        return constant(self.evaluator, function.file, term)

    def text(self, function: LinkedFunction, term: int) -> str | None:
        """A string as far as the code spells it out, `{}` for computed parts."""
        found = literal_text(function.file, term)
        if found is None:
            value = self.constant(function, term)
            return value if isinstance(value, str) else None
        return found

    def words(self, function: LinkedFunction, term: int) -> str:
        """A term as short source text, for messages."""
        return words(function.file.summary, term)

    def is_instance(self, value: Value, *classes: str) -> bool:
        """Whether a value is an instance of one of the classes, or of a subclass."""
        return any(
            isinstance(single, InstanceValue) and self.evaluator.classes.is_subclass(single.symbol, classes)
            for single in options(value)
        )

    def roles(self, call: CallSite) -> tuple[Role, ...]:
        """The roles of what a call calls."""
        return tuple(role for value in options(call.callee) for role in self.evaluator.roles(value))


__all__ = ["NO_CONSTANT", "Project", "ProjectFacts"]
