"""Reads unified diffs, as git, diff and coding agents write them, and applies them to bytes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.diff.lines import LineRanges
from backlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abfnrtv"\\])')
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_TIME = re.compile(rb"\t.*|\s+\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*")
_NOWHERE = b"/dev/null"
_NO_NEWLINE = b"\\"


class Hunk(msgspec.Struct, frozen=True):
    """Lines of both sides with their line ends; first lines count from 1."""

    old_line: int
    old: tuple[bytes, ...]
    new_line: int
    new: tuple[bytes, ...]
    added: tuple[tuple[int, int], ...]
    """Ranges of new lines that are not in the old file."""


class FileDiff(msgspec.Struct, frozen=True):
    """The change of one file. A path is None where there is no file on that side."""

    old_path: str | None
    new_path: str | None
    hunks: tuple[Hunk, ...]
    is_link: bool = False
    """A symbolic link or submodule, whose text is no code."""

    @property
    def added(self) -> LineRanges:
        """Lines of the new file that the change wrote."""
        return LineRanges(tuple(pair for hunk in self.hunks for pair in hunk.added))


class DoesNotApplyError(Exception):
    """The text a diff is applied to is not what the diff says; the message tells where."""


def parse_diff(data: bytes) -> tuple[FileDiff, ...]:
    """Read a diff of any number of files; text around it (a mail, a commit message) is passed over.

    Raises:
        UsageError: it is damaged, or the combined diff of a merge.
    """
    return tuple(_Parser(data).files())


def apply(diff: FileDiff, data: bytes, *, reverse: bool = False) -> bytes:
    """The other side of a change: the new file from the old one, or the other way round.

    Raises:
        DoesNotApplyError: `data` is not the side it should be.
    """
    lines = data.splitlines(keepends=True) if b"\r" not in data else _split(data)
    result: list[bytes] = []
    at = 0
    for hunk in diff.hunks:
        before, after = (hunk.new, hunk.old) if reverse else (hunk.old, hunk.new)
        number = hunk.new_line if reverse else hunk.old_line
        # A hunk without lines of its own names the line it comes after.
        start = number - 1 if before else number
        found = tuple(lines[start : start + len(before)])
        if start < at or start > len(lines) or not _same(found, before):
            raise DoesNotApplyError(f"line {number} is not what the diff says")
        result += lines[at:start]
        result += after
        at = start + len(before)
    return b"".join(result + lines[at:])


def _same(found: tuple[bytes, ...], wanted: tuple[bytes, ...]) -> bool:
    # Files checked out with CRLF have diffs with LF.
    return found == wanted or [line.rstrip(b"\r\n") for line in found] == [
        line.rstrip(b"\r\n") for line in wanted
    ]


def _split(data: bytes) -> list[bytes]:
    """Lines as diffs count them: only a line feed ends one."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


class _Parser:
    """One reading of a diff, line by line."""

    def __init__(self, data: bytes) -> None:
        self._lines = _split(data)
        self._at = 0

    def files(self) -> Iterator[FileDiff]:
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith(b"diff --git "):
                yield from self._git_file()
            elif line.startswith((b"diff --cc ", b"diff --combined ", b"@@@ ")):
                raise UsageError("the diff is the combined diff of a merge; make one against a single parent")
            elif self._is_file_head():
                old, new = self._names()
                # Only git says that a file was renamed; diff is often given a copy (`app.py.orig`).
                yield FileDiff(new if old and new else old, new, tuple(self._hunks()))
            elif _HUNK.match(line):
                raise UsageError(f"the diff is damaged: line {self._at + 1} belongs to no file")
            else:
                self._at += 1

    def _is_file_head(self) -> bool:
        following = self._lines[self._at : self._at + 3]
        return (
            len(following) == 3
            and following[0].startswith(b"--- ")
            and following[1].startswith(b"+++ ")
            and _HUNK.match(following[2]) is not None
        )

    def _git_file(self) -> Iterator[FileDiff]:
        old, new = _git_names(self._lines[self._at][len(b"diff --git ") :])
        self._at += 1
        is_link = False
        while self._at < len(self._lines) and not self._lines[self._at].startswith(b"diff --git "):
            line = self._lines[self._at].rstrip(b"\r\n")
            if self._is_file_head():
                old, new = self._names()
                break
            word, _, value = line.partition(b" ")
            if line.startswith((b"rename from ", b"copy from ")):
                old = _name(value.partition(b" ")[2], strip=False)
            elif line.startswith((b"rename to ", b"copy to ")):
                new = _name(value.partition(b" ")[2], strip=False)
            elif line.startswith(b"new file mode "):
                old = None
            elif line.startswith(b"deleted file mode "):
                new = None
            elif word not in (b"index", b"similarity", b"dissimilarity", b"old", b"new"):
                break
            is_link = is_link or line.endswith((b" 120000", b" 160000"))
            self._at += 1
        hunks = tuple(self._hunks())
        yield FileDiff(old, new, hunks, is_link)

    def _names(self) -> tuple[str | None, str | None]:
        old, new = (
            _name(self._lines[self._at + offset][4:].rstrip(b"\r\n"), strip=True) for offset in (0, 1)
        )
        self._at += 2
        return old, new

    def _hunks(self) -> Iterator[Hunk]:
        end = 0
        while self._at < len(self._lines) and (head := _HUNK.match(self._lines[self._at])):
            old_line, old_count, new_line, new_count = (
                1 if text is None else int(text) for text in head.groups()
            )
            if old_line < end:
                raise UsageError(f"the diff is damaged: line {self._at + 1} is out of order")
            self._at += 1
            yield self._hunk(old_line, old_count, new_line, new_count)
            end = old_line + old_count

    def _hunk(self, old_line: int, old_count: int, new_line: int, new_count: int) -> Hunk:
        old: list[bytes] = []
        new: list[bytes] = []
        added: list[tuple[int, int]] = []
        while len(old) < old_count or len(new) < new_count:
            line = self._lines[self._at] if self._at < len(self._lines) else b""
            mark, text = line[:1], line[1:]
            if mark == b"+":
                number = new_line + len(new)
                if added and added[-1][1] == number - 1:
                    added[-1] = (added[-1][0], number)
                else:
                    added.append((number, number))
                new.append(text)
            elif mark == b"-":
                old.append(text)
            elif mark == b" " or line in (b"\n", b"\r\n"):
                # Editors and mail programs strip the space of an empty line.
                old.append(text or line)
                new.append(text or line)
            elif mark != _NO_NEWLINE:
                raise UsageError(f"the diff is damaged: it ends or breaks off at line {self._at + 1}")
            self._at += 1
            self._drop_line_end(mark, old, new)
        return Hunk(old_line, tuple(old), new_line, tuple(new), tuple(added))

    def _drop_line_end(self, mark: bytes, old: list[bytes], new: list[bytes]) -> None:
        """Heed a `\\ No newline at end of file` that follows a line marked `mark`."""
        if self._at >= len(self._lines) or not self._lines[self._at].startswith(_NO_NEWLINE):
            return
        self._at += 1
        if old and mark in b"- ":
            old[-1] = old[-1].removesuffix(b"\n")
        if new and mark in b"+ ":
            new[-1] = new[-1].removesuffix(b"\n")


def _git_names(text: bytes) -> tuple[str | None, str | None]:
    """The names in a `diff --git` line, which count where no other line of the head gives them."""
    text = text.rstrip(b"\r\n")
    quoted = _QUOTED.match(text)
    if quoted:
        return _name(quoted[0], strip=True), _name(text[quoted.end() + 1 :], strip=True)
    # Without renames both names are the same but for the prefix, and names may hold spaces.
    for at, char in enumerate(text):
        if char == 0x20:
            old, new = _name(text[:at], strip=True), _name(text[at + 1 :], strip=True)
            if old == new:
                return old, new
    return None, None


def _name(text: bytes, *, strip: bool) -> str | None:
    """A path in a head line. `strip` takes the `a/` or `b/` off."""
    quoted = _QUOTED.match(text)
    if quoted:
        text = _ESCAPE.sub(_unescaped, quoted[0][1:-1])
    elif strip:
        text = _TIME.sub(b"", text)
    if text == _NOWHERE:
        return None
    if strip and text[:2] in (b"a/", b"b/", b"c/", b"i/", b"o/", b"w/"):
        text = text[2:]
    name = text.decode("utf-8", "surrogateescape")
    if name.startswith("/") or ".." in name.split("/") or not name or "\0" in name:
        raise UsageError(f"the diff names a file outside the project: {name!a}")
    return name


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPED.get(code, code)
