"""Says where plain data departs from a msgspec type, by key path and in words.

msgspec checks fast, but its message leaves out dictionary keys and near misses. This walk runs only
once msgspec has refused the data.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """The first thing wrong: where, and a phrase such as "`effects` must be a list"."""

    path: KeyPath
    message: str


def find_problem(data: object, kind: Any) -> Problem | None:
    """Return the first place where `data` (dicts, lists, scalars) doesn't fit the type `kind`, or None."""
    return next(_problems(data, inspect.type_info(kind), ()), None)


def nearest(word: str, words: Iterable[str]) -> str:
    """Return `; did you mean …?` for the nearest of `words`, or all of them where none is near."""
    known = sorted(words)
    close = difflib.get_close_matches(word, known, n=1)
    if close:
        return f"; did you mean `{close[0]}`?"
    return f"; known: {', '.join(known)}" if known else ""


def _problems(data: object, kind: inspect.Type, path: KeyPath) -> Iterator[Problem]:
    match kind:
        case inspect.StructType():
            yield from _in_struct(data, kind, path)
        case inspect.DictType():
            yield from _in_dict(data, kind, path)
        case inspect.VarTupleType() | inspect.ListType():
            yield from _in_list(data, kind.item_type, path)
        case inspect.EnumType():
            yield from _in_enum(data, kind, path)
        case inspect.UnionType():
            yield from _in_union(data, kind, path)
        case _:
            if not _fits(data, kind):
                yield Problem(path, f"expected {_describe(kind)}, found {_found(data)}")


def _in_struct(data: object, kind: inspect.StructType, path: KeyPath) -> Iterator[Problem]:
    if not isinstance(data, dict):
        yield Problem(path, f"expected a mapping, found {_found(data)}")
        return
    fields = {field.encode_name: field for field in kind.fields}
    for key, value in data.items():
        if key in fields:
            yield from _problems(value, fields[key].type, (*path, key))
        else:
            yield Problem((*path, key), f"unknown key `{key}`{nearest(str(key), fields)}")
    for name, field in fields.items():
        if field.required and name not in data:
            yield Problem(path, f"the key `{name}` is missing")


def _in_dict(data: object, kind: inspect.DictType, path: KeyPath) -> Iterator[Problem]:
    if not isinstance(data, dict):
        yield Problem(path, f"expected a mapping, found {_found(data)}")
        return
    for key, value in data.items():
        yield from _problems(value, kind.value_type, (*path, key))


def _in_list(data: object, item: inspect.Type, path: KeyPath) -> Iterator[Problem]:
    if not isinstance(data, list):
        yield Problem(path, f"expected a list, found {_found(data)}")
        return
    for index, value in enumerate(data):
        yield from _problems(value, item, (*path, index))


def _in_enum(data: object, kind: inspect.EnumType, path: KeyPath) -> Iterator[Problem]:
    values = [str(member.value) for member in kind.cls]
    if data not in values:
        noun = kind.cls.__name__.lower()
        yield Problem(path, f"unknown {noun} `{data}`{nearest(str(data), values)}")


def _in_union(data: object, kind: inspect.UnionType, path: KeyPath) -> Iterator[Problem]:
    structs = [option for option in kind.types if isinstance(option, inspect.StructType)]
    if structs and data is not None:
        yield from _in_struct(data, structs[0], path)
    elif not any(_fits(data, option) for option in kind.types):
        wanted = " or ".join(_describe(option) for option in kind.types)
        yield Problem(path, f"expected {wanted}, found {_found(data)}")


def _fits(data: object, kind: inspect.Type) -> bool:
    match kind:
        case inspect.StrType():
            return isinstance(data, str)
        case inspect.BoolType():
            return isinstance(data, bool)
        case inspect.IntType():
            return isinstance(data, int) and not isinstance(data, bool)
        case inspect.FloatType():
            return isinstance(data, int | float) and not isinstance(data, bool)
        case inspect.NoneType():
            return data is None
    return next(_problems(data, kind, ()), None) is None


_DESCRIPTIONS = {
    inspect.StrType: "text",
    inspect.BoolType: "true or false",
    inspect.IntType: "a whole number",
    inspect.FloatType: "a number",
    inspect.NoneType: "null",
}


def _describe(kind: inspect.Type) -> str:
    return _DESCRIPTIONS.get(type(kind), "another type")


def _found(data: object) -> str:
    match data:
        case None:
            return "nothing"
        case bool():
            return str(data).lower()
        case str():
            return f"the text `{data}`"
        case dict():
            return "a mapping"
        case list():
            return "a list"
    return f"`{data}`"
