"""What keeps two requests apart: locks that are taken, and unique violations that are handled."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
_LOCKS = re.compile(
    r"(?:^|_)(?:lock|locks|locked|locker|mutex|semaphore|advisory|for_update)(?:_|$)", re.IGNORECASE
)
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_DEPTH = 2


def handles_violation(project: Project, function: LinkedFunction, block: int, line: int) -> bool:
    """Whether an exception of the database is caught around a place, or around what follows it."""
    around = project.enclosing(function, block)
    for number, one in enumerate(function.summary.blocks):
        if one.kind == BlockKind.TRY and (number in around or one.line > line):
            names = [project.words(function, term) for term in one.terms]
            if number in around and not names:
                return True
            if any(_VIOLATIONS.search(name) for name in names):
                return True
        if one.kind == BlockKind.WITH and number in around:
            words = project.words(function, one.terms[0]) if one.terms else ""
            if "suppress" in words:
                return True
    return False


def callers_handle(project: Project, function: LinkedFunction) -> bool:
    """Whether some caller catches exceptions of the database around its call."""
    return any(
        handles_violation(project, call.function, call.block, call.span.line)
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


class Locks:
    """Which functions take a lock, each looked at once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._taken: dict[tuple[int, int], tuple[tuple[int, int], ...]] = {}

    def held(self, function: LinkedFunction, block: int, line: int) -> bool:
        """Whether a function, or a caller of it, holds a lock at a place."""
        if self._holds(function, block, line):
            return True
        return any(
            self._holds(call.function, call.block, call.span.line) for call in self._project.callers(function)
        )

    def _holds(self, function: LinkedFunction, block: int, line: int) -> bool:
        around = self._project.enclosing(function, block)
        return any(taken <= line and inside in around for taken, inside in self._places(function, 0))

    def _places(self, function: LinkedFunction, depth: int) -> tuple[tuple[int, int], ...]:
        """The lines from which on a function holds a lock, and the block of each."""
        known = self._taken.get(function.key)
        if known is not None:
            return known
        self._taken[function.key] = ()
        found = tuple(self._find(function, depth))
        if depth == 0 or found:
            self._taken[function.key] = found
        else:
            del self._taken[function.key]
        return found

    def _find(self, function: LinkedFunction, depth: int) -> Iterator[tuple[int, int]]:
        project = self._project
        if any(_names_lock(project.words(function, term)) for term in function.summary.decorators):
            yield 0, 0
        for number, block in enumerate(function.summary.blocks):
            if block.kind == BlockKind.WITH and any(
                _names_lock(project.words(function, t)) for t in block.terms
            ):
                yield block.line, number
        for call in function.calls:
            if self._locks(call, depth):
                yield call.span.line, call.block

    def _locks(self, call: CallSite, depth: int) -> bool:
        if call.entry is not None and QueryStep.LOCKS in call.entry.query:
            return True
        terms = call.function.file.summary.terms
        for name, term in call.row.keywords:
            row = terms[term]
            if _names_lock(name) and not (isinstance(row, Const) and not row.value):
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
