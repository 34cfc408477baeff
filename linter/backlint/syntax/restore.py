"""What masking changed, and how to put it right in the tree."""

from __future__ import annotations

import ast

import msgspec

Place = tuple[int, int]
"""Line from 1, column from 0 in UTF-8 bytes."""


class FieldPart(msgspec.Struct, frozen=True):
    """A replacement field: the next `elements` elements of the masking tuple are its expression."""

    elements: int
    is_tuple: bool
    conversion: int
    """As in `ast.FormattedValue`: -1 for none."""
    specification: tuple[str | FieldPart, ...] | None


class MaskedText(msgspec.Struct, frozen=True):
    """What an f-string consisted of, with the strings written right before and after it."""

    parts: tuple[str | FieldPart, ...]
    end: Place


class Mask(msgspec.Struct, frozen=True):
    """Masked source, and what is to be put right in its tree, by place."""

    text: str
    strings: dict[Place, MaskedText]
    handlers: dict[Place, int]
    """`except` keywords whose types were joined by this many `<`."""
    fillers: frozenset[Place]
    """Statements that stand in for a keyword."""
    templates: frozenset[Place]
    """Where t-strings begin."""


def restore(tree: ast.Module, mask: Mask) -> None:
    """Put the meaning back into the tree of `mask.text`, in place."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            node.type = _types(node.type, mask.handlers.get((node.lineno, node.col_offset), 0))
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [_restored(child, mask) for child in _without_fillers(value, mask)]
                pending.extend(child for child in value if isinstance(child, ast.AST))
            elif isinstance(value, ast.AST):
                child = _restored(value, mask)
                setattr(node, name, child)
                pending.append(child)


def _without_fillers(nodes: list[ast.AST], mask: Mask) -> list[ast.AST]:
    """Leave out the fillers; the statement after one begins where the filler did."""
    kept: list[ast.AST] = []
    filler: ast.Expr | None = None
    for node in nodes:
        if isinstance(node, ast.Expr) and (node.lineno, node.col_offset) in mask.fillers:
            filler = node
            continue
        if filler is not None and isinstance(node, ast.stmt):
            node.lineno, node.col_offset = filler.lineno, filler.col_offset
            filler = None
        kept.append(node)
    return kept


def _types(node: ast.expr, joints: int) -> ast.expr:
    if not isinstance(node, ast.Compare) or len(node.comparators) != joints:
        return node
    return ast.copy_location(ast.Tuple([node.left, *node.comparators], ast.Load()), node)


def _restored(node: ast.AST, mask: Mask) -> ast.AST:
    if not isinstance(node, ast.Tuple):
        return node
    masked = mask.strings.get((node.lineno, node.col_offset))
    if masked is None or masked.end != (node.end_lineno, node.end_col_offset):
        return node
    if _elements(masked.parts) != len(node.elts):
        return node
    return _joined(masked.parts, list(reversed(node.elts)), node)


def _elements(parts: tuple[str | FieldPart, ...]) -> int:
    return sum(
        part.elements + _elements(part.specification or ()) for part in parts if isinstance(part, FieldPart)
    )


def _joined(parts: tuple[str | FieldPart, ...], elements: list[ast.expr], place: ast.expr) -> ast.JoinedStr:
    """The `JoinedStr` of `parts`; takes its expressions from the end of `elements`."""
    values: list[ast.expr] = []
    for part in parts:
        if isinstance(part, str):
            values.append(ast.copy_location(ast.Constant(part), place))
            continue
        taken = [elements.pop() for _ in range(part.elements)]
        value = taken[0]
        if part.is_tuple:
            value = ast.copy_location(ast.Tuple(taken, ast.Load()), taken[0])
            value.end_lineno, value.end_col_offset = taken[-1].end_lineno, taken[-1].end_col_offset
        specification = None
        if part.specification is not None:
            specification = _joined(part.specification, elements, place)
        values.append(ast.copy_location(ast.FormattedValue(value, part.conversion, specification), value))
    return ast.copy_location(ast.JoinedStr(values), place)
