"""Parses the type expressions of library entries, such as `sqlalchemy.engine.ScalarResult[arg0.0]`."""

from __future__ import annotations

from functools import cache

import msgspec


class TypeName(msgspec.Struct, frozen=True):
    """A name with type arguments; `arg0.0` has the name `arg0` and the path `(0,)`."""

    name: str
    arguments: tuple[TypeExpression, ...] = ()
    path: tuple[int, ...] = ()


class TypeUnion(msgspec.Struct, frozen=True):
    options: tuple[TypeExpression, ...]


TypeExpression = TypeName | TypeUnion


@cache
def parse_type(text: str) -> TypeExpression | None:
    """Read a type expression; None for an empty one.

    Raises:
        ValueError: the text is no type expression.
    """
    text = text.strip()
    if not text:
        return None
    parts = _split(text, "|")
    if len(parts) > 1:
        return TypeUnion(tuple(_required(part) for part in parts))
    if "[" not in text:
        return _name(text, ())
    head, _, rest = text.partition("[")
    if not rest.endswith("]"):
        raise ValueError(f"unbalanced brackets in type {text!r}")
    return _name(head.strip(), tuple(_required(part) for part in _split(rest[:-1], ",")))


def _required(text: str) -> TypeExpression:
    parsed = parse_type(text)
    if parsed is None:
        raise ValueError("a type is missing")
    return parsed


def _split(text: str, separator: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if depth < 0:
                raise ValueError(f"unbalanced brackets in type {text!r}")
        elif character == separator and not depth:
            parts.append(text[start:position])
            start = position + 1
    if depth:
        raise ValueError(f"unbalanced brackets in type {text!r}")
    parts.append(text[start:])
    return parts


def _name(text: str, arguments: tuple[TypeExpression, ...]) -> TypeName:
    if not all(part.isidentifier() or part.isdigit() for part in text.replace("arg:", "").split(".")):
        raise ValueError(f"{text!r} is not a type name")
    head, *path = text.split(".")
    if head.startswith("arg") and (head[3:].isdigit() or head.startswith("arg:")) and all(p.isdigit() for p in path):
        return TypeName(head, arguments, tuple(int(part) for part in path))
    return TypeName(text, arguments)
