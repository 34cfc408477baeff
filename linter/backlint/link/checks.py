"""Tests that compare the caller with something, or ask what the caller may do."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backlint.link.callers import inner_terms, parts, strip
from backlint.link.queries.columns import column_of
from backlint.summary import BlockKind, EventKind
from backlint.term import Attr, Call, Compare, Const, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from backlint.link.callers import Mentions
    from backlint.link.graph import LinkedFunction
    from backlint.link.object_access import Lookup
    from backlint.link.project import Project

_ROLE = re.compile(
    r"admin|staff|super|role|perm|scope|owner|moderator|group|is_manager|access|privileg", re.IGNORECASE
)
_TESTS = frozenset({BlockKind.IF, BlockKind.ELSE, BlockKind.WHILE, BlockKind.MATCH})
_ORDERS = frozenset({"<", "<=", ">", ">="})
_EQUALS = frozenset({"==", "!=", "in", "not in", "is", "is not"})


@dataclass(slots=True)
class Ties:
    """What tests of a function tie to the caller."""

    everything: bool = False
    """A test asks about the caller without naming an object: it decides for the whole request."""
    objects: list[Lookup] = field(default_factory=list)
    links: list[tuple[Lookup, Lookup]] = field(default_factory=list)
    """Objects that are compared with each other: who has one, has the other."""

    def add(self, found: list[Lookup]) -> None:
        """One test that asks about the caller and these objects."""
        self.objects.extend(found)
        self.everything = self.everything or not found

    free: set[int] = field(default_factory=set)
    """Questions about the caller that only say whom a limit does not bind."""

    @property
    def asks(self) -> bool:
        return self.everything or bool(self.objects)


def ties_by_test(project: Project, mentions: Mentions, object_of: Callable[[int], Lookup | None]) -> Ties:
    """What a function compares with the caller, or asks a role or check about."""
    ties = Ties()
    for row in comparisons(mentions.function):
        if _compares(project, mentions, row):
            ties.add(objects_in(mentions, (row.left, row.right), object_of))
        elif row.operator in _EQUALS:
            left, right = (objects_in(mentions, (side,), object_of) for side in (row.left, row.right))
            ties.links.extend(zip(left[:1], right[:1], strict=False))
    tested = list(_tested(mentions))
    ties.free = {term for one in tested for term in _exempting(mentions, one)}
    for term in tested:
        if strip(mentions.file, term) in ties.free:
            continue
        for call in _asks(mentions, term):
            ties.add([] if call < 0 else objects_in(mentions, (call,), object_of))
    return ties


def objects_in(
    mentions: Mentions, terms: Iterable[int], object_of: Callable[[int], Lookup | None]
) -> list[Lookup]:
    """The looked-up objects that terms are made of, and those that these were found with."""
    found: list[Lookup] = []
    pending, seen = list(terms), set[int]()
    while pending:
        term = pending.pop()
        if term < 0 or term in seen:
            continue
        seen.add(term)
        known = object_of(term)
        if known is not None and known not in found:
            found.append(known)
        pending.extend(parts(mentions.file, term))
    return found


def _compares(project: Project, mentions: Mentions, row: Compare) -> bool:
    if row.operator not in _EQUALS:
        return False
    left, right = mentions.caller(row.left), mentions.caller(row.right)
    if not (left or right):
        return False
    if column_of(project.queries, mentions.file, row.left) or column_of(
        project.queries, mentions.file, row.right
    ):
        return False
    other = mentions.file.summary.terms[strip(mentions.file, row.right if left else row.left)]
    if isinstance(other, Const):
        asked = row.left if left else row.right
        if other.value is None and _is_found_by_client(project, mentions, asked):
            return False
        return _ROLE.search(project.words(mentions.function, row.left if left else row.right)) is not None
    return True


def _is_found_by_client(project: Project, mentions: Mentions, term: int) -> bool:
    """Whether a value is a row that is asked for by a key of the client's: that it is there says nothing of others."""
    query = project.query(mentions.function, strip(mentions.file, term))
    if query is None or query.sql is not None:
        return False
    return any(
        one.equals and one.column in ("id", "pk") and one.file is mentions.file and mentions.client(one.value)
        for one in project.filters(query)
    )


def _tested(mentions: Mentions) -> Iterator[int]:
    summary = mentions.function.summary
    for block in summary.blocks:
        if block.kind in _TESTS:
            yield from block.terms[:1]
    for event in summary.events:
        if event.kind in (EventKind.TEST, EventKind.ASSERT) and event.term >= 0:
            yield event.term


def _asks(mentions: Mentions, term: int, depth: int = 0) -> Iterator[int]:
    """Where a condition asks the caller's role (-1), or calls something with the caller (the call)."""
    if depth > 8 or term < 0:
        return
    at = strip(mentions.file, term)
    match mentions.file.summary.terms[at]:
        case Operation(operator, operands):
            if operator == "and" and _limits_others(mentions, operands):
                return
            for operand in operands:
                yield from _asks(mentions, operand, depth + 1)
        case Attr(_, name):
            if _ROLE.search(name) and mentions.caller(at):
                yield -1
        case Call() as call:
            given = (*call.arguments, *(value for _, value in call.keywords))
            function = mentions.file.summary.terms[call.function]
            base = function.base if isinstance(function, Attr) else -1
            if any(mentions.caller(one) for one in (*given, base)) and not _is_caller_itself(mentions, at):
                yield at
        case _:
            return


def _limits_others(mentions: Mentions, operands: Iterable[int]) -> bool:
    """`not user.is_staff and start - now < HOUR`: a limit that some are free of; everybody else stays within it."""
    rows = [mentions.file.summary.terms[strip(mentions.file, operand)] for operand in operands]
    negated = [row for row in rows if isinstance(row, Operation) and row.operator == "not"]
    others = [row for row in rows if row not in negated]
    return (
        bool(negated)
        and bool(others)
        and all(
            isinstance(row, Compare)
            and row.operator in _ORDERS
            and not mentions.caller(row.left)
            and not mentions.caller(row.right)
            for row in others
        )
    )


def _exempting(mentions: Mentions, term: int) -> Iterator[int]:
    """The questions about the caller in a condition that only limits others."""
    row = mentions.file.summary.terms[strip(mentions.file, term)] if term >= 0 else None
    if isinstance(row, Operation) and row.operator == "and" and _limits_others(mentions, row.operands):
        for operand in row.operands:
            at = strip(mentions.file, operand)
            yield at
            inner = mentions.file.summary.terms[at]
            if isinstance(inner, Operation):
                yield from (strip(mentions.file, one) for one in inner.operands)


def _is_caller_itself(mentions: Mentions, term: int) -> bool:
    """`if not get_current_user(request)`: whether anybody has signed in at all."""
    return not any(mentions.caller(part) for part in parts(mentions.file, term))


def comparisons(function: LinkedFunction) -> tuple[Compare, ...]:
    """Every comparison that a function makes."""
    if function.comparisons is None:
        summary, terms = function.summary, function.file.summary.terms
        pending = [term for block in summary.blocks for term in block.terms]
        for event in summary.events:
            pending.extend((event.term, event.value))
        rows = (terms[term] for term in inner_terms(function.file, pending))
        function.comparisons = tuple(row for row in rows if isinstance(row, Compare))
    return function.comparisons
