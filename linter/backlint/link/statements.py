"""Which calls have the text of a statement run: the library's own, and the project's wrappers around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backlint.effect import Effect
from backlint.link.callers import strip
from backlint.link.flow.access import passed
from backlint.link.flow.sinks import sink_arguments
from backlint.link.graph import Site
from backlint.link.sql import literal_text, sql_verb, statement_effects
from backlint.term import Attr, Param

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from backlint.link.graph import CallSite, FunctionKey, LinkedFunction

_BY_STATEMENT = frozenset({Effect.QUERIES, Effect.WRITES})
_TARGETS = 2
"""Functions that a call may run, of which is asked what they do with the text."""
_VALUES = ("params", "parameters", "args", "values", "vars", "binds")


class Statement(NamedTuple):
    """A term that a call has run as SQL."""

    term: int
    values: int | None
    """What fills in its parameters, where that is one list or mapping; None where it isn't seen."""


class Statements:
    """Answers what a call hands to a database, each function asked once."""

    def __init__(self, functions: Mapping[FunctionKey, LinkedFunction]) -> None:
        self._functions = functions
        self._parameters: dict[FunctionKey, frozenset[str]] = {}

    def of(self, call: CallSite) -> Iterator[Statement]:
        """The texts that a call has run, itself or through functions of the project that hand them on."""
        for argument in sink_arguments(call, "sql"):
            yield Statement(argument.term, self._values(call, argument.term))
        for target in call.targets[:_TARGETS]:
            callee = self._functions[target]
            names = self.parameters(callee)
            for name in sorted(names) if names else ():
                for term, key in passed(call, callee, name):
                    if not key:
                        yield Statement(term, self._values(call, term))

    def parameters(self, function: LinkedFunction) -> frozenset[str]:
        """The parameters of a function that it has run as they are."""
        found = self._parameters.get(function.key)
        if found is None:
            self._parameters[function.key] = frozenset()
            found = self._parameters[function.key] = frozenset(self._handed_on(function))
        return found

    def _handed_on(self, function: LinkedFunction) -> Iterator[str]:
        for call in function.calls:
            for statement in self.of(call):
                row = function.file.summary.terms[strip(function.file, statement.term)]
                if isinstance(row, Param) and row.function == function.index:
                    yield row.name

    def _values(self, call: CallSite, term: int) -> int | None:
        named = call.argument(None, *_VALUES)
        if named is not None:
            return named
        if term in call.row.arguments:
            return call.argument(call.row.arguments.index(term) + 1)
        return None


def settle(functions: Mapping[FunctionKey, LinkedFunction], statements: Statements) -> None:
    """Let the statement that a call hands to a function of the project say what the call does.

    `execute("UPDATE …")` writes, though the function alone may run anything.
    """
    for function in functions.values():
        for call in function.calls:
            if not call.targets or call.effects:
                continue
            for statement in statements.of(call):
                text = literal_text(function.file, statement.term)
                if text is not None and sql_verb(text):
                    call.settles, call.effects = _BY_STATEMENT, statement_effects(text)
                    if call.effects:
                        function.sites.append(_site(function, call))
                    break


def _site(function: LinkedFunction, call: CallSite) -> Site:
    row = function.file.summary.terms[call.row.function]
    what = row.name if isinstance(row, Attr) else call.symbol
    return Site(function, call.span, call.block, call.event.term, call.effects, what, call.order, call.event)
