"""Where a value comes from: the one mechanism behind secrets in logs, SQL built from input and the like.

A query starts at a sink and walks back, through the terms of a function, into the functions that are
called for the value, and out to the callers that pass it. It is lazy: nothing is computed for values
that reach no sink, and a query that grows past its budget ends without an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.flow.access import keyed_access
from backlint.link.flow.answers import Frame, Origin
from backlint.link.flow.declared_form import is_of_known_form
from backlint.link.flow.walk import Walk
from backlint.term import Call, Item

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.link.flow.labels import Label
    from backlint.link.graph import CallSite, FunctionKey, Graph, LinkedFunction
    from backlint.link.index import FileNode


class Flow:
    """Answers what the values of a project carry."""

    def __init__(self, graph: Graph, given: Callable[[LinkedFunction, str], str]) -> None:
        self.graph = graph
        self.given = given
        """Where a framework takes a parameter from (`path`, `body` …); empty for functions that are no handlers."""
        self.evaluator = graph.evaluator
        self._callers: dict[FunctionKey, list[CallSite]] | None = None
        self._sites: dict[int, dict[int, CallSite]] = {}
        self._keys: dict[int, dict[int, set[str]]] = {}

    def origin(
        self, function: LinkedFunction, term: int, label: Label, block: int = 0, name: str = ""
    ) -> Origin | None:
        """What makes a value carry `label`, or None where nothing says that it does.

        `block` is the block in which the value is used; it tells which `except` clause an exception
        was caught by; `name` is the key or keyword under which the value is passed. Of several parts
        that carry the label, the surest is given.
        """
        walk = Walk(self, label)
        frame = Frame(function)
        found = walk.pair(frame, name, term, block) if name else walk.term(frame, term, block)
        return found if isinstance(found, Origin) else None

    def is_of_known_form(self, function: LinkedFunction, term: int) -> bool:
        """Whether the declared type of a parameter or field says what its text looks like: a pattern, a validator."""
        return is_of_known_form(self.evaluator, function, term)

    def raised(self, function: LinkedFunction, label: Label, block: int) -> Origin | None:
        """What the exception that is being handled in `block` says in its text: what tracebacks show."""
        found = Walk(self, label).caught(Frame(function), block)
        return found if isinstance(found, Origin) else None

    def callers(self, function: LinkedFunction) -> list[CallSite]:
        """The calls that run a project function."""
        if self._callers is None:
            self._callers = {}
            for caller in self.graph.functions.values():
                for call in caller.calls:
                    for target in call.targets:
                        self._callers.setdefault(target, []).append(call)
        return self._callers.get(function.key, [])

    def site(self, function: LinkedFunction, term: int) -> CallSite | None:
        """The resolved call behind a call's term; where equal calls share a term, that of this function."""
        file = function.file
        sites = self._sites.get(file.index)
        if sites is None:
            sites = self._sites[file.index] = {}
            for index in range(len(file.summary.functions)):
                for call in self.graph.functions[file.index, index].calls:
                    sites.setdefault(call.event.term, call)
        found = sites.get(term)
        if found is not None and found.function is not function:
            return next((call for call in function.calls if call.event.term == term), found)
        return found

    def keys(self, file: FileNode, term: int) -> set[str]:
        """The constant keys by which a file reads or sets items of a value."""
        keys = self._keys.get(file.index)
        if keys is None:
            keys = self._keys[file.index] = {}
            for row in file.summary.terms:
                accessed = keyed_access(file, row) if isinstance(row, Call | Item) else None
                if accessed is not None:
                    keys.setdefault(accessed[0], set()).add(accessed[1])
        return keys.get(term, set())
