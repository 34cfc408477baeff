"""Rows that are made after a look, by the function itself or by what it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    Attr,
    CallSite,
    EventKind,
    Evidence,
    InstanceValue,
    LinkedFunction,
    Project,
    QueryStep,
    bare,
    options,
    short_name,
    sql_table,
    sql_upserts,
    sql_verb,
)
from backlint_rules.data._looks import Look, LookKind, is_created, key_of, lies_after, looks
from backlint_rules.data._races import handles_violation

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEPTH = 3
_SAVES = frozenset({"save", "asave", "insert", "ainsert", "create", "put"})


class Act(NamedTuple):
    """A row that is made."""

    call: CallSite
    """The call in the function that looked."""
    evidence: tuple[Evidence, ...]


class Acts:
    """Finds what makes rows, each function looked at once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._made: dict[tuple[tuple[int, int], str], tuple[Evidence, ...]] = {}

    def after(self, function: LinkedFunction, look: Look) -> Act | None:
        """The first row of the looked-for kind that is made in the branch of a look."""
        for call in function.calls:
            if lies_after(function, look, call.block, call.span.line):
                evidence = self._makes(call, look.key, look.kind == LookKind.COUNT, 0)
                if evidence:
                    return Act(call, evidence)
        return self._joined(function, look) if look.kind == LookKind.COUNT else None

    def _joined(self, function: LinkedFunction, look: Look) -> Act | None:
        """A row of the counted kind that is changed, and may count from then on; what saves it is the act."""
        for event in function.summary.events:
            if event.kind != EventKind.SET_ATTR or not lies_after(
                function, look, event.block, event.span.line
            ):
                continue
            row = self._project.term(function, event.term)
            if not isinstance(row, Attr) or not self._compares(look, row.name):
                continue
            if self._project.is_instance(self._project.value(function, row.base), look.key):
                name = look.key.rpartition(".")[2]
                evidence = Evidence(function.path, event.span, f"the `{name}` counts from here on")
                saved = next(
                    (call for call in function.calls if call.order > 0 and call.span.line >= event.span.line),
                    None,
                )
                return None if saved is None else Act(saved, (evidence,))
        return None

    def _compares(self, look: Look, column: str) -> bool:
        """Whether a count depends on a column."""
        if look.query is None:
            return False
        return any(one.column == column for one in self._project.filters(look.query))

    def _makes(self, call: CallSite, key: str, counted: bool, depth: int) -> tuple[Evidence, ...]:
        """How a call makes a row; empty where it doesn't."""
        function = call.function
        if self._is_made(function, call, key, counted):
            name = key.rpartition(".")[2]
            return (Evidence(function.path, call.span, f"the `{name}` is made here"),)
        if depth >= _DEPTH:
            return ()
        for number in call.targets:
            target = self._project.graph.functions[number]
            inner = self._in_target(target, key, depth + 1)
            inner = inner or self._in_base(target, call, key, depth + 1)
            if inner:
                message = f"`{short_name(function)}` calls `{short_name(target)}`"
                return (Evidence(function.path, call.span, message), *inner)
        return ()

    def _in_base(self, target: LinkedFunction, call: CallSite, key: str, depth: int) -> tuple[Evidence, ...]:
        """How a generic repository makes a row of the kind that it hands back: `self.model(**values)` of its base."""
        given = options(self._project.value(call.function, call.event.term))
        if not any(isinstance(one, InstanceValue) and one.symbol == key for one in given):
            return ()
        for base in self._project.evaluator.classes.order(key)[1:]:
            if self._project.evaluator.classes.project_class(base) is not None:
                found = self._in_target(target, base, depth)
                if found:
                    return found
        return ()

    def _in_target(self, target: LinkedFunction, key: str, depth: int) -> tuple[Evidence, ...]:
        """How a function makes a row of a kind, unless it looks or settles conflicts itself."""
        known = self._made.get((target.key, key))
        if known is not None:
            return known
        self._made[target.key, key] = ()
        found: tuple[Evidence, ...] = ()
        for call in target.calls:
            found = self._makes(call, key, False, depth)
            if found:
                if handles_violation(self._project, target, call.block, call.span.line) or any(
                    look.key == key for look in looks(self._project, target)
                ):
                    found = ()
                break
        self._made[target.key, key] = found
        return found

    def _is_made(self, function: LinkedFunction, call: CallSite, key: str, counted: bool) -> bool:
        if is_created(call, key):
            return self._is_kept(function, call)
        steps = call.entry.query if call.entry is not None else ()
        query = self._project.query(function, call.event.term)
        if query is None:
            return any(
                text and sql_verb(text) == "insert" and not sql_upserts(text) and sql_table(text) == key
                for statement in self._project.statements(call)
                for text in (self._project.text(function, statement.term),)
            )
        if query.sql is not None:
            return (
                sql_verb(query.sql) == "insert"
                and not sql_upserts(query.sql)
                and key_of(self._project, function, call.event.term, query) == key
            )
        if QueryStep.CREATES not in steps or QueryStep.DELETES in steps:
            return False
        if key_of(self._project, function, call.event.term, query) != key:
            return False
        return counted or not query.may_have(QueryStep.UPSERTS)

    def _is_kept(self, function: LinkedFunction, made: CallSite) -> bool:
        """Whether a new object is handed to something that may save it."""
        wanted = bare(function.file, made.event.term)
        terms = function.file.summary.terms
        for call in function.calls:
            if call is made:
                continue
            given = (*call.row.arguments, *(term for _, term in call.row.keywords))
            if any(wanted in self._project.terms_of(function, term) for term in given):
                return True
            callee = terms[bare(function.file, call.row.function)]
            held = callee.base if isinstance(callee, Attr) and callee.name in _SAVES else -1
            if wanted in self._project.terms_of(function, held):
                return True
        return any(wanted in self._project.terms_of(function, value) for value in _assigned(function))


def _assigned(function: LinkedFunction) -> Iterator[int]:
    for event in function.summary.events:
        if event.kind == EventKind.SET_ATTR and event.value >= 0:
            yield event.value
