"""Reference tables made from the definitions in the code: what a thing means is written where it is defined."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import types
import typing
from enum import StrEnum
from pathlib import Path

import msgspec

from backlint.config.settings import Settings
from backlint.effect import Effect, Role
from backlint.libraries.entry import (
    AttributeEntry,
    ClassEntry,
    FunctionEntry,
    LibraryEntry,
    QueryStep,
    Raises,
    Retry,
    Timeout,
)

_NOT_KEYS = ("root", "origins")
"""Fields of the settings that no configuration sets."""
_ENTRY_TABLES: dict[str, type[msgspec.Struct]] = {
    "library-keys": LibraryEntry,
    "function-keys": FunctionEntry,
    "class-keys": ClassEntry,
    "attribute-keys": AttributeEntry,
    "timeout-keys": Timeout,
    "retry-keys": Retry,
    "raises-keys": Raises,
}
_WORD_TABLES: dict[str, type[StrEnum]] = {"effects": Effect, "roles": Role, "query-steps": QueryStep}
_BAR = re.compile(r"(`[^`]*`)|\|")
_PLAIN = {str: "string", int: "whole number", float: "number", bool: "true or false", Path: "path"}


def table(name: str) -> str:
    """The Markdown table that stands for `<!-- generated: name -->` in a page.

    Raises:
        KeyError: there is no such table.
    """
    if name == "configuration":
        return _keys(Settings, dashes=True)
    if name in _WORD_TABLES:
        return _words(_WORD_TABLES[name])
    return _keys(_ENTRY_TABLES[name])


def attribute_docs(cls: type) -> dict[str, str]:
    """The string below each attribute in the source of a class, on one line."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, following in zip(tree.body, tree.body[1:], strict=False):
        match statement, following:
            case (
                (ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name))),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(inspect.cleandoc(text).split())
    return found


def _words(cls: type[StrEnum]) -> str:
    docs = attribute_docs(cls)
    rows = [f"| `{member.value}` | {_cell(docs.get(member.name, ''))} |" for member in cls]
    return "\n".join(["| word | meaning |", "|---|---|", *rows])


def _keys(cls: type[msgspec.Struct], *, dashes: bool = False) -> str:
    docs = attribute_docs(cls)
    hints = typing.get_type_hints(cls)
    rows = ["| key | value | meaning |", "|---|---|---|"]
    for field in msgspec.structs.fields(cls):
        if cls is Settings and field.name in _NOT_KEYS:
            continue
        key = field.encode_name.replace("_", "-") if dashes else field.encode_name
        value = _type(hints[field.name]) + _default(field)
        rows.append(f"| `{key}` | {_cell(value)} | {_cell(docs.get(field.name, ''))} |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    """Text for a table's cell: a bar ends it, but in code."""
    return _BAR.sub(lambda found: found[1] or "\\|", text.replace("``", "`"))


def _type(hint: object) -> str:
    """A type in the words of somebody who writes YAML or TOML."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and origin is None:
        if issubclass(hint, StrEnum):
            members = [f"`{member}`" for member in hint]
            return ", ".join(members) if len(members) <= 4 else f"word ({hint.__name__.lower()})"
        if issubclass(hint, msgspec.Struct):
            return f"table ({hint.__name__})"
        return _PLAIN.get(hint, hint.__name__)
    if origin is tuple:
        return f"list: {_type(arguments[0])}"
    if origin is dict:
        return f"table: {_type(arguments[0])} → {_type(arguments[1])}"
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(one) for one in arguments if one is not type(None))
    return str(hint)


def _default(field: msgspec.structs.FieldInfo) -> str:
    """What holds where the key is left out, behind the type; nothing where that is none or empty."""
    if field.required:
        return "; required"
    value = field.default
    if value is msgspec.NODEFAULT or isinstance(value, msgspec.Struct) or not value:
        return ""
    shown = "true" if value is True else value
    return f"; default `{shown}`"
