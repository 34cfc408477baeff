"""The conditions under which routes are registered: `if settings.DEBUG:`, `if ENVIRONMENT == "local":`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.link.graph import bare
from backlint.link.words import words
from backlint.summary import BlockKind
from backlint.term import Attr, Call, Compare, Const, Name, Operation, Param, Sequence

if TYPE_CHECKING:
    from backlint.link.graph import LinkedFunction
    from backlint.link.index import FileNode

_DEVELOPMENT = re.compile(
    r"^(?:is_?)?(?:debug|local|dev|develop|development|test|tests|testing|ci)(?:_?mode)?$", re.I
)
_PRODUCTION = re.compile(r"^(?:is_?)?(?:prod|production|live|staging)(?:_?mode)?$", re.I)
_ALWAYS = frozenset({"__name__"})


class Condition(msgspec.Struct, frozen=True):
    """One `if` around a registration, as text."""

    text: str
    development: bool
    """It holds only where developers or tests run the program."""


def conditions_around(function: LinkedFunction, block: int) -> tuple[Condition, ...]:
    """The conditions around a block, outermost first."""
    found = []
    for around in function.blocks(block):
        if around.kind in (BlockKind.IF, BlockKind.ELSE) and around.terms:
            holds = around.kind is BlockKind.IF
            text = words(function.file.summary, around.terms[0])
            if text not in _ALWAYS:
                only = _means(function.file, around.terms[0], holds) is True
                found.append(Condition(text if holds else f"not ({text})", only))
    return tuple(reversed(found))


def _means(file: FileNode, term: int, holds: bool) -> bool | None:
    """Whether a test that holds (or not) says development (True) or production (False); None for neither."""
    row = file.summary.terms[bare(file, term)]
    if isinstance(row, Operation):
        if row.operator == "not":
            return _means(file, row.operands[0], not holds)
        parts = [_means(file, operand, holds) for operand in row.operands]
        if row.operator == ("and" if holds else "or"):
            return True if True in parts else None
        return True if parts and all(part is True for part in parts) else None
    if isinstance(row, Compare):
        equal = row.operator in ("==", "in", "is")
        if not equal and row.operator not in ("!=", "not in", "is not"):
            return None
        said = [_word(text) for text in _texts(file, row.right)]
        if not said or None in said or len(set(said)) > 1:
            return None
        if equal == holds:
            return said[0]
        # Where it is not production, it is development; where it is not local, it may be anything.
        return True if said[0] is False else None
    name = _name(file, term)
    word = _word(name) if name else None
    if word is None:
        return None
    return word if holds else (True if word is False else None)


def _word(text: str) -> bool | None:
    if _DEVELOPMENT.match(text):
        return True
    return False if _PRODUCTION.match(text) else None


def _name(file: FileNode, term: int) -> str:
    row = file.summary.terms[bare(file, term)]
    if isinstance(row, Call):
        return _name(file, row.function)
    if isinstance(row, Name):
        return row.symbol.rpartition(".")[2]
    return row.name if isinstance(row, Attr | Param) else ""


def _texts(file: FileNode, term: int) -> list[str]:
    row = file.summary.terms[bare(file, term)]
    if isinstance(row, Sequence):
        return [text for item in row.items for text in _texts(file, item)]
    if isinstance(row, Const):
        return [row.value] if isinstance(row.value, str) else []
    name = _name(file, term)
    return [name] if name else []
