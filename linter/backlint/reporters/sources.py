"""Source lines for reporters, read again when a report needs them."""

from __future__ import annotations

import re
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAX_BYTES = 20_000_000
_KEPT_FILES = 8
_LINE_END = re.compile(r"\r\n|\r|\n")
_CODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK_OR_COMMENT = re.compile(rb"^[ \t\f]*(?:#.*)?$")


class SourceReader:
    """Lines of the project's files, counted as Python counts them.

    A file that is gone, changed or unreadable by now has fewer lines or none; nothing is raised.
    """

    def __init__(self, root: Path, contents: Mapping[str, bytes] | None = None) -> None:
        """
        Args:
            root: The project root.
            contents: Files by path relative to `root` whose content is not that on disk (standard input).
        """
        self._root = root
        self._contents = dict(contents or {})
        self._files: dict[str, list[str]] = {}

    def line(self, path: str, number: int) -> str:
        """Line `number` (from 1) of a file without its line end, empty where there is none."""
        lines = self.lines(path)
        return lines[number - 1] if 0 < number <= len(lines) else ""

    def lines(self, path: str) -> list[str]:
        """All lines of a file."""
        lines = self._files.get(path)
        if lines is None:
            lines = _LINE_END.split(_decode(self._read(path)))
            while len(self._files) >= _KEPT_FILES:
                del self._files[next(iter(self._files))]
            self._files[path] = lines
        return lines

    def _read(self, path: str) -> bytes:
        if path in self._contents:
            return self._contents[path]
        try:
            file = (self._root / path).resolve()
            # Paths may come from a cache, and that from anywhere.
            if not file.is_relative_to(self._root.resolve()):
                return b""
            status = file.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
                return b""
            return file.read_bytes()
        except (OSError, ValueError, RuntimeError):
            return b""


def character_column(line: str, byte_column: int) -> int:
    """The column, from 1 in characters, of a 0-based offset in UTF-8 bytes of `line`.

    An offset beyond the line counts on from its end, so that a position in a changed file stays one.
    """
    if line.isascii():
        return byte_column + 1
    encoded = line.encode("utf-8", "surrogatepass")
    before = encoded[:byte_column].decode("utf-8", "ignore")
    return len(before) + 1 + max(0, byte_column - len(encoded))


def _decode(data: bytes) -> str:
    """Decode as Python decodes source; what doesn't fit becomes U+FFFD."""
    if data.startswith(b"\xef\xbb\xbf"):
        return data[3:].decode("utf-8", "replace")
    try:
        return data.decode(_declared_encoding(data), "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _declared_encoding(data: bytes) -> str:
    """The encoding that a comment in the first two lines declares (PEP 263)."""
    for line in data[:2000].splitlines()[:2]:
        found = _CODING.match(line)
        if found is not None:
            return found[1].decode("ascii", "replace")
        if not _BLANK_OR_COMMENT.match(line):
            break
    return "utf-8"
