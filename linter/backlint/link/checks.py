"""Tests that compare the caller with something, or ask what the caller may do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.link.callers import inner_terms, parts, strip
from backlint.summary import BlockKind, EventKind
from backlint.term import Attr, Call, Compare, Const, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.callers import Mentions
    from backlint.link.project import Project

_ROLE = re.compile(
    r"admin|staff|super|role|perm|scope|owner|moderator|group|is_manager|access|privileg", re.IGNORECASE
)
_TESTS = frozenset({BlockKind.IF, BlockKind.ELSE, BlockKind.WHILE, BlockKind.MATCH})
_EQUALS = frozenset({"==", "!=", "in", "not in", "is", "is not"})


def ties_by_test(project: Project, mentions: Mentions) -> bool:
    """Whether a function compares the caller with something of an object, or tests a role."""
    for term in _all_terms(mentions):
        row = mentions.file.summary.terms[term]
        if isinstance(row, Compare) and _compares(project, mentions, row):
            return True
    return any(_asks(mentions, term) for term in _tested(mentions))


def _compares(project: Project, mentions: Mentions, row: Compare) -> bool:
    if row.operator not in _EQUALS:
        return False
    left, right = mentions.caller(row.left), mentions.caller(row.right)
    if not (left or right):
        return False
    if project.queries.column(mentions.file, row.left) or project.queries.column(mentions.file, row.right):
        return False
    other = mentions.file.summary.terms[strip(mentions.file, row.right if left else row.left)]
    if isinstance(other, Const):
        return _ROLE.search(project.words(mentions.function, row.left if left else row.right)) is not None
    return True


def _tested(mentions: Mentions) -> Iterator[int]:
    summary = mentions.function.summary
    for block in summary.blocks:
        if block.kind in _TESTS:
            yield from block.terms[:1]
    for event in summary.events:
        if event.kind in (EventKind.TEST, EventKind.ASSERT) and event.term >= 0:
            yield event.term


def _asks(mentions: Mentions, term: int, depth: int = 0) -> bool:
    """Whether a condition asks the caller's role, or calls something with the caller."""
    if depth > 8 or term < 0:
        return False
    at = strip(mentions.file, term)
    match mentions.file.summary.terms[at]:
        case Operation(_, operands):
            return any(_asks(mentions, operand, depth + 1) for operand in operands)
        case Attr(_, name):
            return bool(_ROLE.search(name)) and mentions.caller(at)
        case Call() as call:
            given = (*call.arguments, *(value for _, value in call.keywords))
            function = mentions.file.summary.terms[call.function]
            base = function.base if isinstance(function, Attr) else -1
            return any(mentions.caller(one) for one in (*given, base)) and not _is_caller_itself(mentions, at)
        case _:
            return False


def _is_caller_itself(mentions: Mentions, term: int) -> bool:
    """`if not get_current_user(request)`: whether anybody has signed in at all."""
    return not any(mentions.caller(part) for part in parts(mentions.file, term))


def _all_terms(mentions: Mentions) -> set[int]:
    summary = mentions.function.summary
    pending = [term for block in summary.blocks for term in block.terms]
    for event in summary.events:
        pending.extend((event.term, event.value))
    return inner_terms(mentions.file, pending)
