"""Walks terms back to the query behind them: through chains, variables, project functions and classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from backlint.effect import Effect, Role
from backlint.link.queries.frame import Frame
from backlint.link.queries.returned import returned
from backlint.link.queries.starts import class_attribute, modelled
from backlint.link.queries.terms import WALKS_OF
from backlint.link.values import FunctionValue, InstanceValue, Value
from backlint.summary import MODULE_FUNCTION
from backlint.term import Attr, Name

if TYPE_CHECKING:
    from backlint.libraries.entry import ClassEntry
    from backlint.link.evaluate import Evaluator
    from backlint.link.graph import LinkedFunction
    from backlint.link.index import FileNode
    from backlint.link.query import Query


_DEPTH = 60
_WALKS = 4000
_IMPORTS = 8


class Queries:
    """The queries behind the terms of a project."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self._frames: dict[tuple[int, int], Frame] = {}
        self._query_classes: dict[str, bool] = {}
        self._depth = 0
        self._walks = 0
        self._cut = False
        """A walk was given up half-way: what was found on the way is not kept."""

    def of(self, function: LinkedFunction, term: int) -> Query | None:
        """The query that a term of a function is, or whose rows or result it holds; None where it is none."""
        return self.walk(self.root(function.file, function.index), term)

    def root(self, file: FileNode, function: int = MODULE_FUNCTION) -> Frame:
        """A function as such, whoever calls it."""
        frame = self._frames.get((file.index, function))
        if frame is None:
            frame = self._frames[file.index, function] = Frame(file, function)
        return frame

    def of_term(self, file: FileNode, term: int) -> Query | None:
        """The query behind a term of a file whose function does not matter."""
        return self.walk(self.root(file), term)

    def of_attribute(self, symbol: str, name: str) -> Query | None:
        """The query that an attribute in the body of a class is: `queryset = Post.objects.all()`."""
        return class_attribute(self, symbol, name, self.root(self.evaluator.index.files[0]))

    def of_class(self, symbol: str) -> Query | None:
        """The query that a class-based view shows: its `get_queryset`, else its `queryset` or `model`."""
        for ancestor in self.evaluator.classes.order(symbol):
            cls = self.evaluator.classes.project_class(ancestor)
            if cls is not None and cls.method("get_queryset") is not None:
                return self.of_method(symbol, "get_queryset")
        frame = self.root(self.evaluator.index.files[0])
        return class_attribute(self, symbol, "queryset", frame) or modelled(self, frame, symbol)

    def of_method(self, symbol: str, name: str) -> Query | None:
        """The query that a method of a class (or of an ancestor in the project) returns."""
        for ancestor in self.evaluator.classes.order(symbol):
            cls = self.evaluator.classes.project_class(ancestor)
            method = None if cls is None else cls.method(name)
            if cls is not None and method is not None:
                function = FunctionValue(cls.file.index, method, InstanceValue(symbol))
                return returned(self, self.root(cls.file), function, None, None)
        return None

    def value(self, file: FileNode, term: int) -> Value:
        """What a term stands for."""
        return self.evaluator.value(file, term)

    def symbol_of(self, file: FileNode, term: int) -> str:
        """The absolute name behind a term; empty where unknown."""
        return self.evaluator.symbol_of(file, term)

    def file(self, index: int) -> FileNode:
        return self.evaluator.index.files[index]

    def file_of_class(self, symbol: str) -> FileNode | None:
        """The file that defines a class of the project."""
        cls = self.evaluator.classes.project_class(symbol)
        return None if cls is None else cls.file

    def module_variable(self, file: FileNode, symbol: str) -> tuple[FileNode, int] | None:
        """The file and term of a variable at module level, through imports."""
        for _ in range(_IMPORTS):
            owner, names = self.evaluator.index.split(symbol, file.root)
            if owner is None or len(names) != 1:
                return None
            term = owner.summary.names.get(names[0])
            if term is not None and not isinstance(owner.summary.terms[term], Name):
                return owner, term
            target = owner.aliases.get(names[0])
            if target is None or target == symbol:
                return None
            symbol, file = target, owner
        return None

    def stores_rows(self, symbol: str) -> bool:
        """Whether a class is an ORM class."""
        return Role.STORES_ROWS in self.evaluator.roles(InstanceValue(symbol))

    def is_query_class(self, symbol: str) -> bool:
        """Whether instances of a class are queries, or what queries start from (managers, collections)."""
        found = self._query_classes.get(symbol)
        if found is None:
            entries = (
                self.evaluator.classes.library_class(name) for name in self.evaluator.classes.order(symbol)
            )
            found = not self.stores_rows(symbol) and any(
                _queries(entry) for entry in entries if entry is not None
            )
            self._query_classes[symbol] = found
        return found

    def walk(self, frame: Frame, term: int) -> Query | None:
        """The query behind a term of the function that is walked."""
        if term < 0:
            return None
        if term in frame.memo:
            return frame.memo[term]
        if self._depth == 0:
            self._walks, self._cut = 0, False
        self._walks += 1
        if self._depth > _DEPTH or self._walks > _WALKS:
            self._cut = True
            return None
        frame.memo[term] = None
        self._depth += 1
        try:
            found = self._walked(frame, term)
        finally:
            self._depth -= 1
        if self._cut and self._depth:
            del frame.memo[term]
        else:
            frame.memo[term] = found
        return found

    def _walked(self, frame: Frame, term: int) -> Query | None:
        row = frame.file.summary.terms[term]
        find = WALKS_OF.get(row.__class__)
        found = None if find is None else find(self, frame, term, row)
        if (
            isinstance(row, Name | Attr)
            and found is not None
            and not found.steps
            and found.origin is not None
        ):
            started = found.origin
            if started.term < 0 and (started.file, started.function) == (frame.file, frame.function):
                return replace(found, origin=frame.place(term))
        return found


def _queries(entry: ClassEntry) -> bool:
    return Effect.QUERIES in entry.consume or any(
        method.lazy and method.query for method in entry.methods.values()
    )
