"""What keeps two requests apart: locks that are taken, and unique violations that are handled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backlint.api import BlockKind, CallSite, Const, FileKind, LinkedFunction, Project, QueryStep, sql_locks

if TYPE_CHECKING:
    from collections.abc import Iterator

_VIOLATIONS = re.compile(
    r"(?:IntegrityError|UniqueViolation|UniqueViolationError|DuplicateKeyError|NotUniqueError|(?:^|\.)Exception"
    r"|OperationError|AlreadyExists\w*|DBAPIError|SQLAlchemyError|PeeweeException)$"
)
_UNIQUE_INDEX = re.compile(
    r"create\s+unique\s+index\b.*?\bon\s+(?:only\s+)?\"?(\w+)", re.IGNORECASE | re.DOTALL
)
_UNIQUE = re.compile(r"(?:IntegrityError|UniqueViolation\w*|Duplicate\w*Error|NotUniqueError)$")
_SECOND = re.compile(
    r"(?:IntegrityError|UniqueViolation\w*|Duplicate\w*Error|NotUniqueError|Already\w+?(?:Error|Exception)?)$"
)
"""Exceptions that tell the second of two that it is the second."""
_LOCKS = re.compile(r"(?:^|_)(?:lock|locks|locked|mutex|semaphore|advisory|for_update)(?:_|$)", re.IGNORECASE)
_IF_ABSENT = "nx"
"""A key that only one can set: who comes second is told so."""
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_DEPTH = 2


def handles_violation(
    project: Project, function: LinkedFunction, block: int, line: int, *, by_name: bool = False
) -> bool:
    """Whether an exception of the database is caught around a place, or around what follows it.

    Args:
        by_name: `except Exception` and a bare `except` are not enough.
    """
    around = project.enclosing(function, block)
    for number, one in enumerate(function.summary.blocks):
        if one.kind == BlockKind.TRY and (number in around or one.line > line):
            names = [project.words(function, term) for term in one.terms]
            if number in around and not names and not by_name:
                return True
            if any(
                _VIOLATIONS.search(name) and not (by_name and name in ("Exception", "BaseException"))
                for name in names
            ):
                return True
        if one.kind == BlockKind.WITH and number in around:
            words = project.words(function, one.terms[0]) if one.terms else ""
            if "suppress" in words:
                return True
    return False


def settles(project: Project, function: LinkedFunction, block: int) -> bool:
    """Whether a place is tried, and what says that another was first is caught."""
    blocks = function.summary.blocks
    return any(
        blocks[number].kind == BlockKind.TRY
        and any(_SECOND.search(project.words(function, term)) for term in blocks[number].terms)
        for number in project.enclosing(function, block)
    )


def callers_handle(project: Project, function: LinkedFunction) -> bool:
    """Whether some caller catches exceptions of the database around its call.

    One that catches whatever goes wrong has no answer for this.
    """
    return any(
        handles_violation(project, call.function, call.block, call.span.line, by_name=True)
        for call in project.callers(function)
    )


def violations_answered(project: Project) -> frozenset[str]:
    """The unique violations that the application turns into answers in exception handlers, by their plain names."""
    names = (name for names in project.error_handlers.values() for name in names)
    return frozenset(name.rpartition(".")[2] for name in names if _UNIQUE.search(name))


def unique_tables(project: Project) -> frozenset[str]:
    """Tables to which migrations give a unique index or constraint, by their names in lower case."""
    found: set[str] = set()
    for file in project.files:
        if file.kind is not FileKind.MIGRATION:
            continue
        for call in project.calls_in_file(file):
            texts = [project.text(call.function, term) for term in call.row.arguments[:2]]
            name = project.words(call.function, call.row.function).rpartition(".")[2]
            unique = call.argument(None, "unique")
            if name == "create_unique_constraint" or (
                name == "create_index"
                and unique is not None
                and project.constant(call.function, unique) is True
            ):
                found.update(text.lower() for text in texts[1:2] if text)
            found.update(match[1].lower() for text in texts if text for match in _UNIQUE_INDEX.finditer(text))
    return frozenset(found)


class _Taken(NamedTuple):
    """A place from which on a function holds a lock."""

    line: int
    block: int
    call: CallSite | None
    """What takes it; None for a block or decorator."""


class Locks:
    """Which functions take a lock, each looked at once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._taken: dict[tuple[tuple[int, int], int], tuple[_Taken, ...]] = {}

    def held(self, function: LinkedFunction, block: int, line: int) -> bool:
        """Whether a function, or a caller of it, holds a lock at a place."""
        if self._holds(function, block, line):
            return True
        return any(
            self._holds(call.function, call.block, call.span.line, call)
            for call in self._project.callers(function)
        )

    def _holds(
        self, function: LinkedFunction, block: int, line: int, leading: CallSite | None = None
    ) -> bool:
        """Whether a lock is held at a place; one that the call which leads there takes itself comes too late."""
        around = self._project.enclosing(function, block)
        return any(
            taken.line <= line and taken.block in around and (taken.call is None or taken.call is not leading)
            for taken in self._places(function, 0)
        )

    def _places(self, function: LinkedFunction, depth: int) -> tuple[_Taken, ...]:
        """Where a function takes locks, itself or through what it calls."""
        known = self._taken.get((function.key, depth))
        if known is None:
            # What a deep search misses, a search from the function itself may find: each has its own answer.
            self._taken[function.key, depth] = ()
            known = self._taken[function.key, depth] = tuple(self._find(function, depth))
        return known

    def _find(self, function: LinkedFunction, depth: int) -> Iterator[_Taken]:
        project = self._project
        if any(_names_lock(project.words(function, term)) for term in function.summary.decorators):
            yield _Taken(0, 0, None)
        for number, block in enumerate(function.summary.blocks):
            if block.kind == BlockKind.WITH and any(
                _names_lock(project.words(function, t)) for t in block.terms
            ):
                yield _Taken(block.line, number, None)
        for call in function.calls:
            if self._locks(call, depth):
                yield _Taken(call.span.line, call.block, call)

    def _locks(self, call: CallSite, depth: int) -> bool:
        if call.entry is not None and QueryStep.LOCKS in call.entry.query:
            return True
        terms = call.function.file.summary.terms
        for name, term in call.row.keywords:
            row = terms[term]
            if (_names_lock(name) or name == _IF_ABSENT) and not (isinstance(row, Const) and not row.value):
                return True
        if _names_lock(self._project.words(call.function, call.row.function)):
            return True
        for term in call.row.arguments[:1]:
            text = self._project.text(call.function, term)
            if text is not None and " " in text and sql_locks(text):
                return True
        if depth >= _DEPTH:
            return False
        return any(self._places(self._project.graph.functions[key], depth + 1) for key in call.targets)


def _names_lock(words: str) -> bool:
    return _LOCKS.search("_".join(_WORDS.findall(words))) is not None
