"""Gitignore-style patterns, tried only where the last part of a path can match."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPECIAL = re.compile(r"[*?\[\\]")
_FOLDER = "ps_d"
"""The group in which pathspec catches the slash behind a folder."""
_MOST_STARS = 8
"""A pattern with more could take the regular expression behind it hours to refuse."""
_LONGEST = 1000


class Patterns:
    """The patterns of one ignore file, or of the `exclude` setting; the last one that matches decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = [line for line in lines if _last_part(line) and _is_sane(line)]
        self._parts = [_last_part(line) for line in self._lines]
        self._names = frozenset(part for part in self._parts if not _SPECIAL.search(part))
        wild = sorted(set(self._parts) - self._names)
        suffixes = [part[1:] for part in wild if part[0] == "*" and not _SPECIAL.search(part[1:])]
        self._suffixes = tuple(suffix for suffix in suffixes if suffix)
        rest = [part for part in wild if part[1:] not in self._suffixes]
        self._wild = re.compile("|".join(map(_translated, rest))) if rest else None
        self._compiled: dict[int, tuple[re.Pattern[str], bool] | None] = {}

    def __bool__(self) -> bool:
        return bool(self._lines)

    def match(self, path: str, name: str, is_folder: bool) -> bool | None:
        """True where the path is left out, False where `!` brings it back, None where nothing is said.

        `path` is relative to the folder of the patterns, `name` its last part. Folders above it
        are taken to have been asked about before, as git does.
        """
        if not (
            name in self._names
            or name.endswith(self._suffixes)
            or (self._wild is not None and self._wild.match(name))
        ):
            return None
        whole = f"{path}/" if is_folder else path
        for index in range(len(self._lines) - 1, -1, -1):
            if not _can_match(self._parts[index], name):
                continue
            compiled = self._regex(index)
            if compiled is None:
                continue
            if any(_is_whole(found, whole) for found in compiled[0].finditer(whole)):
                return compiled[1]
        return None

    def _regex(self, index: int) -> tuple[re.Pattern[str], bool] | None:
        if index not in self._compiled:
            self._compiled[index] = _compile(self._lines[index])
        return self._compiled[index]


def _compile(line: str) -> tuple[re.Pattern[str], bool] | None:
    from pathspec import GitIgnoreSpec  # slow to import, and many projects never get here

    try:
        pattern = next(iter(GitIgnoreSpec.from_lines([_explicit(line)]).patterns))
    except (ValueError, re.error):
        return None
    regex = getattr(pattern, "regex", None)
    if pattern.include is None or regex is None:
        return None
    return regex, pattern.include


def _explicit(line: str) -> str:
    """Git's `a/**` means what is in `a`, and `a/**/` the folders in it; pathspec takes in `a` itself."""
    line = line if "\\" in line else line.rstrip()
    if line.endswith("/**"):
        return f"{line}/*"
    return f"{line}*/" if line.endswith("/**/") else line


def _is_whole(found: re.Match[str], path: str) -> bool:
    """Whether the path itself is matched, and not a folder above it, which has been asked about before."""
    folder_end = found.end(_FOLDER) if _FOLDER in found.re.groupindex else -1
    return folder_end in (-1, len(path))


def _is_sane(line: str) -> bool:
    return len(line) <= _LONGEST and line.count("*") <= _MOST_STARS


def _last_part(line: str) -> str:
    """What the last part of a path must look like; `*` where that can't be told, empty for no pattern."""
    line = line.rstrip("\r\n")
    if line.startswith("#") or not line.strip():
        return ""
    if "\\" in line:
        return "*"
    part = line.rstrip().lstrip("!").rstrip("/").rpartition("/")[2]
    if not part or part == "**" or "[^" in part or "[[" in part:
        return "*"
    return part


def _translated(part: str) -> str:
    # Each wildcard part ends in `\Z`, so the alternatives can be joined.
    return fnmatch.translate(part)


def _can_match(part: str, name: str) -> bool:
    if not _SPECIAL.search(part):
        return part == name
    return fnmatch.fnmatchcase(name, part)
