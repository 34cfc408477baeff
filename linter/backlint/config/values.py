"""Checked values: each function turns one unchecked value into its type or says what is wrong.

Every function takes the file and the key, so that a message can name both.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Never, TypeVar

from backlint.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from backlint.config.files import ConfigurationFile
    from backlint.config.yaml_reader import KeyPath

Choice = TypeVar("Choice", bound=StrEnum)


def nearest(word: str, names: Iterable[str]) -> str:
    """`; did you mean "…"?` for the name most like `word`, or nothing."""
    import difflib  # slow, and only wrong configurations want it

    found = difflib.get_close_matches(word, sorted(names), n=1, cutoff=0.6)
    return f'; did you mean "{found[0]}"?' if found else ""


def dotted(key: KeyPath) -> str:
    """A key as messages write it: `severity.query-in-loop`, `select[2]`."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def fail(file: ConfigurationFile, key: KeyPath, message: str) -> Never:
    """Raise the error for a key."""
    raise ConfigurationError(f"{file.where(key)}: {message}")


def kind_of(value: object) -> str:
    """The type of a value in the words of the file's author."""
    if value is None:
        return "nothing"
    names = {bool: "true or false", str: "a string", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "a table"}
    return names.get(type(value), f"a {type(value).__name__}")


def check_keys(
    file: ConfigurationFile, key: KeyPath, table: dict[str, object], known: Collection[str]
) -> None:
    """Raise for the first key of a table that is not in `known`."""
    for name in table:
        if name not in known:
            fail(file, (*key, name), f'unknown key "{dotted((*key, name))}"{nearest(name, known)}')


def string(file: ConfigurationFile, key: KeyPath, value: object) -> str:
    """A string that is not empty."""
    if not isinstance(value, str):
        fail(file, key, f'"{dotted(key)}" must be a string, not {kind_of(value)}')
    if not value.strip():
        fail(file, key, f'"{dotted(key)}" is empty')
    return value


def strings(file: ConfigurationFile, key: KeyPath, value: object) -> tuple[str, ...]:
    """A list of strings."""
    if not isinstance(value, list):
        fail(file, key, f'"{dotted(key)}" must be a list of strings, not {kind_of(value)}')
    return tuple(string(file, (*key, index), item) for index, item in enumerate(value))


def choice(file: ConfigurationFile, key: KeyPath, value: object, choices: type[Choice]) -> Choice:
    """One word of an enumeration."""
    word = string(file, key, value)
    try:
        return choices(word)
    except ValueError:
        listed = ", ".join(choices)
        fail(file, key, f'"{dotted(key)}" can\'t be "{word}", only {listed}{nearest(word, choices)}')


def table(file: ConfigurationFile, key: KeyPath, value: object) -> dict[str, object]:
    """A table."""
    if not isinstance(value, dict):
        fail(file, key, f'"{dotted(key)}" must be a table, not {kind_of(value)}')
    return value


def inner_path(file: ConfigurationFile, key: KeyPath, value: object) -> str:
    """A path inside the project, relative to its root, with forward slashes; `.` is the root."""
    text = string(file, key, value).replace("\\", "/")
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if text.startswith("/") or ".." in parts or ":" in text or not text.isprintable():
        fail(file, key, f'"{dotted(key)}" must lie inside the project, and "{text}" does not')
    return "/".join(parts) or "."


def route_pattern(file: ConfigurationFile, key: KeyPath, value: object) -> str:
    """A pattern of URL paths."""
    text = string(file, key, value)
    if not text.startswith(("/", "*")):
        fail(file, key, f'"{dotted(key)}" must begin with "/", and "{text}" does not')
    return text
