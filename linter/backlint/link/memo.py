"""Values computed once and kept by hand: `if self._x is None: self._x = …`, `if key not in cache: cache[key] = …`.

What runs inside such a branch runs once, so its effects are not those of every call. The same holds for a
function that begins with `if _x is not None: return _x` and fills in what it asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.summary import BlockKind, EventKind, FunctionSummary
from backlint.term import Attr, Call, Compare, Const, Item, Join, Local, Name, Operation

if TYPE_CHECKING:
    from backlint.link.index import FileNode

_DEPTH = 6


def memo_blocks(file: FileNode, function: FunctionSummary) -> frozenset[int]:
    """Indices of the blocks of a function that fill in a kept value, with the blocks inside them."""
    candidates = {
        index: kept
        for index, block in enumerate(function.blocks)
        if block.kind == BlockKind.IF and block.terms and (kept := _absent(file, block.terms[0]))
    }
    if not candidates:
        return frozenset()
    filled = _filled(file, function)
    found = {
        index
        for index, kept in candidates.items()
        if any(kept & filled.get(inner, set()) for inner in _inside(function, index))
    }
    return frozenset(inner for index in found for inner in _inside(function, index))


def returns_kept(file: FileNode, function: FunctionSummary) -> bool:
    """Whether a function first returns what it has kept, and only then works it out and keeps it."""
    for index, block in enumerate(function.blocks):
        if block.kind != BlockKind.IF or block.parent != 0 or not block.leaves or not block.terms:
            continue
        there = _there(file, block.terms[0])
        kept = {one for one in there if isinstance(one, str)} | (there & _given_back(file, function, index))
        if not kept:
            continue
        if any(event.kind == EventKind.CALL and event.span.line < block.line for event in function.events):
            return False
        return any(kept & found for found in _filled(file, function, block.end_line).values())
    return False


def _given_back(file: FileNode, function: FunctionSummary, block: int) -> set[object]:
    """What a branch returns, as `_subject` names it.

    An attribute that is only asked for is a state of its object, and keeps nothing: `if self.paid: return`.
    """
    return {
        one
        for event in function.events
        if event.kind == EventKind.RETURN and event.block == block and event.term >= 0
        for one in _subject(file, event.term)
    }


def _filled(file: FileNode, function: FunctionSummary, after: int = 0) -> dict[int, set[object]]:
    """What is written below a line, by block: attribute terms, names, `("item", container)`."""
    terms = file.summary.terms
    filled: dict[int, set[object]] = {}
    for event in function.events:
        if event.span.line <= after:
            continue
        if event.kind == EventKind.SET_ATTR:
            row = terms[event.term]
            filled.setdefault(event.block, set()).add(
                event.term if isinstance(row, Attr) else getattr(row, "symbol", event.term)
            )
        elif event.kind == EventKind.GLOBAL_WRITE:
            filled.setdefault(event.block, set()).add(getattr(terms[event.term], "symbol", event.term))
        elif event.kind == EventKind.SET_ITEM:
            row = terms[event.term]
            if isinstance(row, Item):
                filled.setdefault(event.block, set()).add(("item", _bare(file, row.base)))
    return filled


def _inside(function: FunctionSummary, index: int) -> list[int]:
    found = [index]
    for number, block in enumerate(function.blocks):
        if block.parent in found:
            found.append(number)
    return found


def _bare(file: FileNode, term: int) -> int:
    row = file.summary.terms[term]
    while isinstance(row, Local):
        term = row.base
        row = file.summary.terms[term]
    return term


def _absent(file: FileNode, term: int, depth: int = 0) -> set[object]:
    """What a test says to be missing: attribute terms, `("item", container)`, names."""
    if depth > _DEPTH:
        return set()
    row = file.summary.terms[_bare(file, term)]
    if isinstance(row, Operation):
        if row.operator == "not":
            return _subject(file, row.operands[0])
        if row.operator in ("and", "or"):
            return {kept for operand in row.operands for kept in _absent(file, operand, depth + 1)}
    if isinstance(row, Compare):
        right = file.summary.terms[_bare(file, row.right)]
        if row.operator in ("is", "==") and isinstance(right, Const) and right.value is None:
            return _subject(file, row.left)
        if row.operator == "not in":
            return {("item", _bare(file, row.right))}
    return set()


def _there(file: FileNode, term: int) -> set[object]:
    """What a test says to be there already, named as `_absent` names it."""
    row = file.summary.terms[_bare(file, term)]
    if isinstance(row, Compare):
        right = file.summary.terms[_bare(file, row.right)]
        if row.operator in ("is not", "!=") and isinstance(right, Const) and right.value is None:
            return _subject(file, row.left)
        return {("item", _bare(file, row.right))} if row.operator == "in" else set()
    return _subject(file, term)


def _subject(file: FileNode, term: int) -> set[object]:
    """The attribute, container or name that a value was read from."""
    index = _bare(file, term)
    row = file.summary.terms[index]
    if isinstance(row, Attr):
        return {index}
    if isinstance(row, Name):
        return {row.symbol}
    if isinstance(row, Item):
        return {("item", _bare(file, row.base))}
    if isinstance(row, Join):
        return {kept for option in row.options for kept in _subject(file, option)}
    if isinstance(row, Call):
        callee = file.summary.terms[row.function]
        if isinstance(callee, Name) and callee.symbol in ("builtins.hasattr", "builtins.getattr"):
            return _named_attribute(file, row)
        if isinstance(callee, Attr) and callee.name == "get":
            return {("item", _bare(file, callee.base))}
    return set()


def _named_attribute(file: FileNode, row: Call) -> set[object]:
    """`hasattr(x, "name")`: the term of `x.name` where the file has one."""
    if len(row.arguments) < 2:
        return set()
    name = file.summary.terms[row.arguments[1]]
    if not isinstance(name, Const) or not isinstance(name.value, str):
        return set()
    wanted = Attr(row.arguments[0], name.value)
    return {index for index, term in enumerate(file.summary.terms) if term == wanted}
