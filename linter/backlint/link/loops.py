"""What a loop goes over: rows of a query, chunks, pages, attempts, a few literal items, or as many as there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Effect, Role
from backlint.link.graph import LOOPS, LinkedFunction, bare
from backlint.link.parts import parts_of
from backlint.link.values import ClassValue, FunctionValue, Value
from backlint.summary import Block, BlockKind, EventKind
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Compare,
    Const,
    Element,
    Item,
    Mapping,
    Name,
    Operation,
    Param,
    Sequence,
    Slice,
)

if TYPE_CHECKING:
    from backlint.link.project import Project

FEW = 5
"""A loop written out over this many items runs this often and no more."""
_CHUNK_WORDS = frozenset(
    {"chunk", "chunks", "batch", "batches", "page", "pages", "attempt", "attempts", "retry"}
)
_TAKES = frozenset({"pop", "popleft", "get_nowait", "heappop"})
_ITEMS_OF_ARGUMENT = frozenset({"enumerate", "sorted", "list", "reversed", "tuple", "set", "zip"})
_ITEMS_OF_RECEIVER = frozenset({"items", "values", "keys"})
_ITEMS_OF_RESULT = _ITEMS_OF_RECEIVER | {"get"}
_SOURCE = 8
"""Steps from what a loop goes over back to the call that gave it."""


def depends_on_loop(function: LinkedFunction, term: int, loop: Block) -> bool:
    """Whether a term uses what the loop binds."""
    terms = function.file.summary.terms
    targets = set(loop.targets)
    pending, seen = [term], set()
    while pending:
        index = pending.pop()
        if index < 0 or index in seen:
            continue
        seen.add(index)
        row = terms[index]
        if getattr(row, "name", None) in targets and not isinstance(row, Attr):
            return True
        pending.extend(parts_of(row))
    return False


def depends_on_parameter(function: LinkedFunction, term: int, owner: LinkedFunction, name: str) -> bool:
    """Whether a term uses a parameter of a function: of `function` itself, or of one around it."""
    terms = function.file.summary.terms
    pending, seen = [term], set()
    while pending:
        index = pending.pop()
        if index < 0 or index in seen:
            continue
        seen.add(index)
        row = terms[index]
        if isinstance(row, Param) and row.function == owner.index and row.name == name:
            return True
        pending.extend(parts_of(row))
    return False


def terms_of(function: LinkedFunction, term: int) -> list[int]:
    """A term and all that it is made of, the outermost first."""
    pending, seen = [term], dict[int, None]()
    while pending:
        index = pending.pop()
        if index >= 0 and index not in seen:
            seen[index] = None
            pending.extend(parts_of(function.file.summary.terms[index]))
    return list(seen)


def repeating_loop(project: Project, function: LinkedFunction, block: int) -> Block | None:
    """The innermost loop around a block whose passes grow with the data; None where there is none."""
    path = list(function.blocks(block))
    for position, loop in enumerate(path):
        if loop.kind == BlockKind.EXCEPT and any(outer.kind in LOOPS for outer in path[position:]):
            return None
        if loop.kind not in LOOPS:
            if _leaves_loop(function, loop) or _ends_chunk(project, function, loop):
                return None
            continue
        if loop.leaves_loop:
            return None
        if not _is_bounded(project, function, loop):
            return loop
    return None


def _leaves_loop(function: LinkedFunction, block: Block) -> bool:
    """Whether a branch ends the loop it lies in: what happens there happens once."""
    if not block.leaves or block.kind not in (BlockKind.IF, BlockKind.ELSE, BlockKind.MATCH):
        return False
    index = function.summary.blocks.index(block)
    own = [event for event in function.summary.events if event.block == index]
    return any(
        event.kind in (EventKind.RETURN, EventKind.RAISE)
        or (event.kind == EventKind.LEAVE and event.name == "break")
        for event in own
    )


def _ends_chunk(project: Project, function: LinkedFunction, block: Block) -> bool:
    """Whether a branch is taken once per chunk: `if len(batch) >= 500:`, `if number % 100 == 0:`."""
    if block.kind != BlockKind.IF or not block.terms:
        return False
    return _marks_chunk(project, function, block.terms[0])


def _marks_chunk(project: Project, function: LinkedFunction, test: int) -> bool:
    row = project.term(function, bare(function.file, test))
    if isinstance(row, Operation) and row.operator == "and":
        return any(_marks_chunk(project, function, operand) for operand in row.operands)
    if isinstance(row, Operation) and row.operator == "not":
        row = project.term(function, bare(function.file, row.operands[0]))
    sides = (row.left, row.right) if isinstance(row, Compare) else (bare(function.file, test),)
    terms = [project.term(function, bare(function.file, side)) for side in sides]
    if any(isinstance(one, Operation) and one.operator == "%" for one in terms):
        return True
    if not isinstance(row, Compare) or row.operator not in ("==", ">=", ">"):
        return False
    counted = terms[0]
    if not isinstance(counted, Call):
        return False
    limit = project.constant(function, row.right)
    measures = getattr(project.value(function, counted.function), "symbol", "") == "builtins.len"
    return measures and not (isinstance(limit, int) and limit <= 1)


def _is_bounded(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether a loop's passes are few, or go over chunks, pages or attempts."""
    if loop.kind == BlockKind.WHILE:
        return not _takes_items(function, loop)
    if _CHUNK_WORDS.intersection(word for target in loop.targets for word in target.lower().split("_")):
        return True
    return _is_bounded_iterable(project, function, loop.terms[0])


def _takes_items(function: LinkedFunction, loop: Block) -> bool:
    """Whether a `while` loop works off a collection item by item, rather than paging, polling or retrying."""
    summary = function.summary
    index = summary.blocks.index(loop)
    terms = function.file.summary.terms
    for event in summary.events:
        if event.kind == EventKind.CALL and index in enclosing(function, event.block):
            row = terms[event.term]
            callee = terms[row.function] if isinstance(row, Call) else None
            if isinstance(callee, Attr) and callee.name in _TAKES:
                return True
    return False


def enclosing(function: LinkedFunction, block: int) -> set[int]:
    """The indices of a block and of those around it."""
    found = set()
    while block >= 0:
        found.add(block)
        block = function.summary.blocks[block].parent
    return found


def _is_bounded_iterable(project: Project, function: LinkedFunction, term: int, depth: int = 0) -> bool:
    index = bare(function.file, term)
    row = project.term(function, index)
    if isinstance(row, Sequence):
        return len(row.items) <= FEW
    if isinstance(row, Mapping):
        return len(row.entries) <= FEW
    if isinstance(row, Const):
        return True
    if isinstance(row, Name):
        return _is_constant(project, function, row)
    if isinstance(row, Attr) and _cuts_into_pages(project, project.value(function, row.base)):
        return True
    if isinstance(row, Item):
        key = project.term(function, row.key)
        upper = project.constant(function, key.upper) if isinstance(key, Slice) and key.upper >= 0 else None
        return isinstance(upper, int) and 0 <= upper <= FEW
    if isinstance(row, Call) and depth < 4:
        return _is_bounded_call(project, function, row, depth)
    return isinstance(project.value(function, index), ClassValue)


def _is_constant(project: Project, function: LinkedFunction, row: Name) -> bool:
    """A module-level literal, an enum, or settings: written by hand, so not growing with the data."""
    constant = project.module_literal(function, row.symbol)
    if constant is not None:
        return True
    value = project.evaluator.symbol(row.symbol, function.file.root)
    return isinstance(value, ClassValue) or ".settings." in row.symbol


def _is_bounded_call(project: Project, function: LinkedFunction, row: Call, depth: int) -> bool:
    callee = project.value(function, row.function)
    if _cuts_into_pages(project, callee):
        return True
    symbol = getattr(callee, "symbol", "")
    if symbol == "builtins.range":
        if len(row.arguments) == 3:
            return True
        last = project.constant(function, row.arguments[-1])
        return isinstance(last, int) or _is_attempts(project, function, row.arguments[-1])
    if isinstance(callee, FunctionValue):
        name = project.graph.functions[callee.file, callee.function].summary.name.lower()
        return any(word in _CHUNK_WORDS or word in ("chunked", "batched") for word in name.split("_"))
    inner = project.term(function, row.function)
    if isinstance(inner, Attr) and inner.name in _ITEMS_OF_RECEIVER:
        return _is_bounded_iterable(project, function, inner.base, depth + 1)
    if symbol.removeprefix("builtins.") in _ITEMS_OF_ARGUMENT and row.arguments:
        return _is_bounded_iterable(project, function, row.arguments[0], depth + 1)
    return False


def _cuts_into_pages(project: Project, value: Value) -> bool:
    return bool({Role.BATCHES, Role.PAGINATES}.intersection(project.evaluator.roles(value)))


def _is_attempts(project: Project, function: LinkedFunction, term: int) -> bool:
    text = project.words(function, term).lower()
    return "retries" in text or "attempts" in text or "max_tries" in text


def receives_messages(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether a loop goes over what a queue, topic or stream has given, which is worked off message by message."""
    term = loop.terms[0] if loop.terms and loop.kind != BlockKind.WHILE else -1
    for _ in range(_SOURCE):
        if term < 0:
            return False
        index = bare(function.file, term)
        row = project.term(function, index)
        if Role.RECEIVES in project.evaluator.roles(project.value(function, index)):
            return True
        if isinstance(row, Call):
            if Role.RECEIVES in project.evaluator.roles(project.value(function, row.function)):
                return True
            callee = project.term(function, row.function)
            term = callee.base if isinstance(callee, Attr) and callee.name in _ITEMS_OF_RESULT else -1
        else:
            term = row.base if isinstance(row, Item | Element | Awaited | Attr) else -1
    return False


def iterates_rows(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether a loop goes over the rows of a query."""
    if not loop.terms or loop.kind == BlockKind.WHILE:
        return False
    index = bare(function.file, loop.terms[0])
    if project.is_lazy_query(project.value(function, index)):
        return True
    row = project.term(function, index)
    while isinstance(row, Call):
        if any(site.term == index and Effect.QUERIES in site.effects for site in function.sites):
            return True
        callee = project.term(function, row.function)
        if not isinstance(callee, Attr):
            break
        index = bare(function.file, callee.base)
        row = project.term(function, index)
    return False
