"""What the attributes of a view class tell the guard that it inherits: `allowed_roles = {Role.VET}`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from backlint.effect import Role
from backlint.link.graph import bare
from backlint.link.words import words
from backlint.summary import BlockKind
from backlint.term import Attr, Compare, Const, Operation, Param, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey
    from backlint.link.index import FileNode
    from backlint.link.routes.context import Context
    from backlint.link.routes.model import Guard


def told(context: Context, guard: Guard, view: str, key: FunctionKey) -> Guard:
    """The guard of a view, with what the view's attributes say to it.

    Args:
        key: The method that runs before the handler, of the view or of a class above it.
    """
    function = context.project.graph.functions[key]
    given: list[str] = []
    roles = guard.roles
    for block in function.summary.blocks:
        if block.kind is not BlockKind.IF or not block.terms:
            continue
        for name in dict.fromkeys(_asked_to_be(function.file, block.terms[0])):
            found = context.class_attribute(view, name)
            if found is None or found[1] < 0:
                continue
            file, term = found[0].file, found[1]
            row = file.summary.terms[bare(file, term)]
            if _is_nothing(row):
                roles = tuple(role for role in roles if role is not Role.AUTHORISES)
            else:
                items = row.items if isinstance(row, Sequence) else (term,)
                given.extend(words(file.summary, item) for item in items)
    if not given and roles == guard.roles:
        return guard
    declaring = context.project.index.function_symbol(*key)
    return replace(guard, symbol=declaring.rpartition(".")[0], roles=roles, given=tuple(dict.fromkeys(given)))


def _asked_to_be(file: FileNode, term: int, depth: int = 0) -> Iterator[str]:
    """Attributes of `self` that a condition asks to be something, or else does not hold."""
    row = file.summary.terms[bare(file, term)]
    if isinstance(row, Operation) and row.operator == "and" and depth < 4:
        for operand in row.operands:
            yield from _asked_to_be(file, operand, depth + 1)
    elif isinstance(row, Compare) and row.operator in ("is not", "!="):
        right = file.summary.terms[bare(file, row.right)]
        if isinstance(right, Const) and right.value is None:
            yield from _asked_to_be(file, row.left, depth + 1)
    elif isinstance(row, Attr):
        base = file.summary.terms[bare(file, row.base)]
        if isinstance(base, Param) and base.name == "self":
            yield row.name


def _is_nothing(row: object) -> bool:
    return (isinstance(row, Const) and not row.value) or (isinstance(row, Sequence) and not row.items)
