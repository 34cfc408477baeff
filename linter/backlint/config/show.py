"""The settings in force as text, for `--show-config`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backlint.config.settings import Settings

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_LISTS = ("select", "ignore", "exclude", "defer-to", "public-routes", "source-roots")
_WORDS = ("profile", "min-severity", "fail-on")
_TABLES = ("severity", "per-path-ignores", "roles")


def show_settings(settings: Settings) -> str:
    """TOML of every setting, each with a comment that says where its value came from.

    Library entries are listed by name only.
    """
    lines = [f"# project root: {_escaped(str(settings.root))}"]
    for key in _WORDS:
        lines.append(f"{key} = {_value(_field(settings, key))}  # {_origin(settings, key)}")
    for key in _LISTS:
        lines.append(f"{key} = {_value(_field(settings, key))}  # {_origin(settings, key)}")
    names = [entry.library for entry in settings.libraries]
    lines.append(f"# libraries: {_value(names)}  # {_origin(settings, 'libraries')}")
    for key in _TABLES:
        lines += ["", f"[{key}]  # {_origin(settings, key)}"]
        table = _field(settings, key)
        if isinstance(table, Mapping):
            for name, item in table.items():
                lines.append(f"{_key(str(name))} = {_value(item)}{_entry_origin(settings, key, str(name))}")
    return "\n".join(lines) + "\n"


def _field(settings: Settings, key: str) -> object:
    value: object = getattr(settings, key.replace("-", "_"))
    return value


def _origin(settings: Settings, key: str) -> str:
    return _escaped(settings.origins.get(key, "default"))


def _entry_origin(settings: Settings, key: str, name: str) -> str:
    origin = settings.origins.get(f"{key}.{name}", "")
    return f"  # {_escaped(origin)}" if origin else ""


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _value(name)


def _value(value: object) -> str:
    if isinstance(value, str):
        return f'"{_escaped(value)}"'
    if isinstance(value, Sequence):
        return f"[{', '.join(_value(item) for item in value)}]"
    return str(value)


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(char, char if char.isprintable() else f"\\U{ord(char):08X}") for char in text)
