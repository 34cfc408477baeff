"""Branches that are taken by whether a row is there, or by how many there are."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    Attr,
    Block,
    BlockKind,
    Call,
    CallSite,
    ClassValue,
    Compare,
    Const,
    EventKind,
    Evidence,
    InstanceValue,
    LinkedFunction,
    Name,
    Operation,
    Project,
    Query,
    QueryStep,
    bare,
    options,
    sql_table,
    sql_verb,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROW = (QueryStep.ONE, QueryStep.BY_KEY, QueryStep.EXISTS, QueryStep.COUNTS, QueryStep.ALL)
_CHANGES = (
    QueryStep.LOCKS,
    QueryStep.CREATES,
    QueryStep.UPDATES,
    QueryStep.DELETES,
    QueryStep.UPSERTS,
)
_AGGREGATE = re.compile(r"\b(?:count|sum)\s*\(", re.IGNORECASE)
_NOT_FOUND = re.compile(r"(?:DoesNotExist|NoResultFound|NotFound|NotFoundError)$")
_DEPTH = 3


class LookKind(IntEnum):
    """What the branch asks."""

    ROW = 0
    """Whether there is one."""
    COUNT = 1
    """How many there are, or how much they sum up to."""


class Look(NamedTuple):
    """A branch of a function that is taken where the database has no such row, or not too many."""

    kind: LookKind
    key: str
    """The ORM class, the table, or the collection as it is written."""
    block: int
    inside: bool
    """The branch is the block; else what follows the block, which leaves."""
    query: Query | None
    evidence: Evidence


class Found(NamedTuple):
    """What a test looks at, and what it says."""

    kind: LookKind
    key: str
    query: Query | None
    absent: bool | None
    """Whether there is none where the test is true; None where it doesn't say so."""


def looks(project: Project, function: LinkedFunction) -> Iterator[Look]:
    """Every branch of a function that depends on whether, or how many, rows there are."""
    for number, block in enumerate(function.summary.blocks):
        if block.kind in (BlockKind.IF, BlockKind.ELSE) and block.terms:
            truth = block.kind == BlockKind.IF
            for found in _of_test(project, function, block.terms[0]):
                evidence = _evidence(function, block, found)
                if found.absent is None or found.absent == truth:
                    yield Look(found.kind, found.key, number, True, found.query, evidence)
                if (found.absent is None or found.absent != truth) and project.leaves(function, number):
                    yield Look(found.kind, found.key, number, False, found.query, evidence)
        elif block.kind == BlockKind.EXCEPT:
            yield from _of_except(project, function, number, block)


def lies_after(function: LinkedFunction, look: Look, block: int, line: int) -> bool:
    """Whether a place runs in the branch of a look."""
    around = set(_path(function, block))
    if look.inside:
        return look.block in around
    return line > function.summary.blocks[look.block].end_line and not is_other_side(
        function, look.block, around
    )


def is_other_side(function: LinkedFunction, block: int, around: set[int]) -> bool:
    """Whether a place is in the `else` of a branch that a block lies in."""
    blocks = function.summary.blocks
    sides = {blocks[one].terms for one in _path(function, block) if blocks[one].kind == BlockKind.IF}
    return any(blocks[one].kind == BlockKind.ELSE and blocks[one].terms in sides for one in around)


def _path(function: LinkedFunction, block: int) -> Iterator[int]:
    while block >= 0:
        yield block
        block = function.summary.blocks[block].parent


def key_of(project: Project, function: LinkedFunction, call: int, query: Query) -> str:
    """What a query reads or changes: its ORM class, its table, or the collection it is called on."""
    if query.model:
        return query.model
    if query.sql is not None:
        return sql_table(query.sql)
    row = project.term(function, bare(function.file, call))
    callee = project.term(function, row.function) if isinstance(row, Call) else None
    if isinstance(callee, Attr) and query.may_have(QueryStep.FILTERS, QueryStep.COUNTS, QueryStep.CREATES):
        return project.words(function, bare(function.file, callee.base))
    return ""


def _evidence(function: LinkedFunction, block: Block, found: Found) -> Evidence:
    words = "the look whether there is one" if found.kind == LookKind.ROW else "the count"
    if found.query is not None and found.query.origin is not None:
        return Evidence(found.query.origin.file.summary.path, found.query.origin.span, words)
    return Evidence(function.path, block.span, words)


def _of_test(
    project: Project, function: LinkedFunction, test: int, truth: bool = True, depth: int = 0
) -> Iterator[Found]:
    """What a test looks at; `truth` is its own value where the branch's test is true."""
    index = bare(function.file, test)
    row = project.term(function, index)
    if isinstance(row, Operation) and row.operator in ("and", "or"):
        for operand in row.operands:
            yield from _of_test(project, function, operand, truth, depth)
    elif isinstance(row, Operation) and row.operator == "not":
        yield from _of_test(project, function, row.operands[0], not truth, depth)
    elif isinstance(row, Compare):
        yield from _of_comparison(project, function, row, truth, depth)
    else:
        yield from _of_subject(project, function, index, not truth, depth)


def _of_comparison(
    project: Project, function: LinkedFunction, row: Compare, truth: bool, depth: int
) -> Iterator[Found]:
    for one, other in ((row.left, row.right), (row.right, row.left)):
        against = project.term(function, bare(function.file, other))
        if isinstance(against, Const) and against.value is None:
            if row.operator in ("is", "==", "is not", "!="):
                absent = truth == (row.operator in ("is", "=="))
                yield from _of_subject(project, function, bare(function.file, one), absent, depth)
            return
    for one, other in ((row.left, row.right), (row.right, row.left)):
        for query, key in _counts(project, function, one, 0):
            limit = project.constant(function, other)
            plain = project.query(function, bare(function.file, one)) is not None
            if plain and isinstance(limit, int) and limit <= 0 and row.operator in (">", "==", "!=", "<="):
                yield Found(LookKind.ROW, key, query, truth == (row.operator in ("==", "<=")))
            else:
                yield Found(LookKind.COUNT, key, query, None)


def _counts(project: Project, function: LinkedFunction, term: int, depth: int) -> Iterator[tuple[Query, str]]:
    """Counts that a number is made of, project functions followed."""
    for index in project.terms_of(function, term):
        row = project.term(function, index)
        if not isinstance(row, Call):
            continue
        query = project.query(function, index)
        if query is not None and _is_count(project, function, row, query):
            key = key_of(project, function, index, query)
            if key:
                yield query, key
        elif query is None and depth < _DEPTH:
            for target, returned in _returns(project, function, row):
                yield from _counts(project, target, returned, depth + 1)


def _is_count(project: Project, function: LinkedFunction, row: Call, query: Query) -> bool:
    if query.may_have(*_CHANGES):
        return False
    if query.may_have(QueryStep.COUNTS, QueryStep.AGGREGATES):
        return True
    if query.sql is not None and sql_verb(query.sql) == "select" and _AGGREGATE.search(query.sql):
        return True
    name = getattr(project.value(function, row.function), "symbol", "")
    return name in ("builtins.len", "builtins.sum") and query.executed


def _of_subject(
    project: Project, function: LinkedFunction, index: int, absent: bool, depth: int
) -> Iterator[Found]:
    """A value that is tested for being there."""
    row = project.term(function, index)
    if isinstance(row, Call):
        related = _has_attribute(project, function, row)
        if related:
            yield Found(LookKind.ROW, related, None, absent)
            return
    query = project.query(function, index)
    if query is not None:
        if query.may_have(*_ROW) or (query.sql is not None and sql_verb(query.sql) == "select"):
            key = key_of(project, function, _source(project, function, index), query)
            if key and not query.may_have(*_CHANGES):
                yield Found(LookKind.ROW, key, query, absent)
    elif isinstance(row, Call) and depth < _DEPTH:
        for target, returned in _returns(project, function, row):
            yield from _of_test(project, target, returned, not absent, depth + 1)
    elif isinstance(row, Attr):
        related = _single(project, function, row.base, row.name)
        if related:
            yield Found(LookKind.ROW, related, None, absent)


def _source(project: Project, function: LinkedFunction, index: int) -> int:
    """The call behind one of several values, `None` left out."""
    row = project.term(function, index)
    for option in getattr(row, "options", ()):
        inner = bare(function.file, option)
        if isinstance(project.term(function, inner), Call):
            return inner
    return index


def _returns(project: Project, function: LinkedFunction, row: Call) -> Iterator[tuple[LinkedFunction, int]]:
    """What the project function that a call runs returns."""
    for value in options(project.value(function, row.function)):
        key = (getattr(value, "file", None), getattr(value, "function", None))
        target = project.graph.functions.get(key) if isinstance(key[0], int) else None  # type: ignore[arg-type]
        if target is None or target.key == function.key:
            continue
        for event in target.summary.events:
            if event.kind == EventKind.RETURN and event.term >= 0:
                yield target, event.term


def _has_attribute(project: Project, function: LinkedFunction, row: Call) -> str:
    """The class on the other side of `hasattr(user, "profile")` and `getattr(user, "profile", None)`."""
    name = getattr(project.value(function, row.function), "symbol", "")
    if name not in ("builtins.hasattr", "builtins.getattr") or len(row.arguments) < 2:
        return ""
    attribute = project.text(function, row.arguments[1])
    return _single(project, function, row.arguments[0], attribute) if attribute else ""


def _single(project: Project, function: LinkedFunction, base: int, name: str) -> str:
    """The class whose one row, kept by that class, an attribute gives."""
    for value in options(project.value(function, base)):
        if isinstance(value, InstanceValue):
            relation = project.relation(value.symbol, name)
            if relation is not None and relation.reverse and not relation.many:
                return relation.target
    return ""


def _of_except(project: Project, function: LinkedFunction, number: int, block: Block) -> Iterator[Look]:
    """`try: get() except DoesNotExist:`: in the handler there is none."""
    names = [project.words(function, term) for term in block.terms]
    if not names or not all(_NOT_FOUND.search(name) for name in names):
        return
    tried = _tried(function, number, block)
    for call in reversed(function.calls):
        if tried in set(_path(function, call.block)):
            query = project.query(function, call.event.term)
            if query is not None and query.may_have(QueryStep.ONE, QueryStep.BY_KEY):
                key = _owner(project, function, block) or key_of(project, function, call.event.term, query)
                if key and not query.may_have(*_CHANGES):
                    evidence = Evidence(function.path, call.span, "the look whether there is one")
                    yield Look(LookKind.ROW, key, number, True, query, evidence)
                return
    key = _owner(project, function, block)
    if tried >= 0 and key:
        at = function.summary.blocks[tried]
        evidence = Evidence(function.path, at.span, "the look whether there is one")
        yield Look(LookKind.ROW, key, number, True, None, evidence)


def _tried(function: LinkedFunction, number: int, block: Block) -> int:
    """The `try` block that an `except` block belongs to; -1 where it isn't found."""
    for index in range(number - 1, -1, -1):
        one = function.summary.blocks[index]
        if (
            one.kind == BlockKind.TRY
            and one.parent == block.parent
            and one.line <= block.line <= one.end_line
        ):
            return index
    return -1


def _owner(project: Project, function: LinkedFunction, block: Block) -> str:
    """`Profile` of `except Profile.DoesNotExist`."""
    for term in block.terms:
        row = project.term(function, term)
        if isinstance(row, Attr):
            held = project.value(function, row.base)
        elif isinstance(row, Name):
            held = project.evaluator.symbol(row.symbol.rpartition(".")[0], function.file.root)
        else:
            continue
        for value in options(held):
            if isinstance(value, ClassValue):
                return value.symbol
    return ""


def is_created(call: CallSite, key: str) -> bool:
    """Whether a call makes an object of a class."""
    return any(isinstance(one, ClassValue) and one.symbol == key for one in options(call.callee))
