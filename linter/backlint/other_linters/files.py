"""Configurations of other tools, read as data: nothing in them is run, and none outside the repository is read.

What can't be read, or not be understood, switches nothing on.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import tomllib
from typing import TYPE_CHECKING

from backlint.config.yaml_reader import read_yaml
from backlint.errors import ConfigurationError
from backlint.other_linters.texts import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Table = dict[str, object]
_MOST_ALTERNATIVES = 100
_LONGEST_PATTERN = 1_000
_BRACES = re.compile(r"\{([^{}]*)\}")


class Files:
    """The files of a repository by path from its top; each is read once."""

    def __init__(self, top: Path) -> None:
        self._top = top
        self._texts: dict[str, str | None] = {}
        self._tables: dict[str, Table | None] = {}

    def text(self, path: str) -> str | None:
        """The text of a file; None without one, for a link that leads out, and for one that is too large."""
        if path not in self._texts:
            self._texts[path] = read_text(self._top, path)
        return self._texts[path]

    def toml(self, path: str) -> Table | None:
        """A TOML file as a table."""
        if path not in self._tables:
            text = self.text(path)
            try:
                self._tables[path] = None if text is None else tomllib.loads(text)
            except (tomllib.TOMLDecodeError, RecursionError, ValueError):
                self._tables[path] = None
        return self._tables[path]

    def yaml(self, path: str) -> Table | None:
        """A YAML file as a table."""
        text = self.text(path)
        if text is None:
            return None
        try:
            data, _ = read_yaml(text, path)
        except ConfigurationError:
            return None
        return data if isinstance(data, dict) else None

    @property
    def looked_at(self) -> Mapping[str, str | None]:
        """The text of each file that was asked for, by path."""
        return self._texts


def table(value: object, *keys: str) -> Table:
    """The table that keys lead to; an empty one where they lead to none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def strings(value: object) -> list[str]:
    """A list of strings, or one string with commas in it; everything else is no string."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def inside(folder: str, path: str) -> str | None:
    """A path that a file in `folder` names, from the top of the repository; None where it leads out."""
    if path.startswith(("/", "~")) or "$" in path:
        return None
    joined = posixpath.normpath(posixpath.join(folder, path))
    return None if joined == ".." or joined.startswith("../") else joined


def folders(path: str) -> list[str]:
    """The folders above a file, the nearest first; the top is empty."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts), -1, -1)]


def below(path: str, folder: str) -> str:
    """A path as seen from a folder above it."""
    return path[len(folder) + 1 :] if folder and path.startswith(f"{folder}/") else path


def matches(pattern: str, path: str) -> bool:
    """Whether a glob means a file, by its path, its name, or one of the folders it lies in; rather too often."""
    if len(pattern) > _LONGEST_PATTERN:
        return True
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return any(
        fnmatch.fnmatchcase(candidate, single.removeprefix("./").rstrip("/"))
        for single in _alternatives(pattern)
        for candidate in (*above, *parts)
    )


def _alternatives(pattern: str) -> Iterator[str]:
    """A pattern without braces for each of its alternatives."""
    pending = [pattern.replace("**/", "*") if pattern.startswith("**/") else pattern]
    for _ in range(_MOST_ALTERNATIVES):
        if not pending:
            return
        single = pending.pop()
        found = _BRACES.search(single)
        if found is None:
            yield single
        else:
            pending += [
                f"{single[: found.start()]}{one}{single[found.end() :]}" for one in found[1].split(",")
            ]
