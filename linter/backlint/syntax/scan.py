"""Tokens of Python source, up to the newest syntax, whatever interpreter runs this.

The scanner knows f-strings as PEP 701 defines them: a replacement field holds tokens of its own,
strings with the same quotes included. It works on UTF-8 bytes, so that offsets are the columns
that `ast` uses, and reads each byte a bounded number of times.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DEEPEST = 40
"""f-strings nested in each other's fields; nobody writes ten."""

_TOKEN = re.compile(
    rb"""
      (?P<blank>[ \t\f]+ | \\(?:\r\n|\r|\n))
    | (?P<newline>\r\n|\r|\n)
    | (?P<comment>\#[^\r\n]*)
    | (?P<string>[A-Za-z]{0,2}(?:'''|\"\"\"|'|"))
    | (?P<name>[A-Za-z_\x80-\xff][0-9A-Za-z_\x80-\xff]*)
    | (?P<number>\.?[0-9](?:[eE][+-](?=[0-9])|[0-9A-Za-z_.])*)
    | (?P<operator>==|!=|<=|>=|->|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PREFIXES = frozenset(("", "f", "t", "r", "b", "u", "fr", "rf", "tr", "rt", "br", "rb"))
_STRING_END = {
    quote: re.compile(rb"(?:[^\\" + stop + rb"]|\\.)*?" + quote, re.DOTALL)
    for quote, stop in ((b"'", b"'\r\n"), (b'"', b'"\r\n'), (b"'''", b""), (b'"""', b""))
}
_LITERAL_STOP = re.compile(rb"[\\{}'\"\r\n]")
_NAMED_ESCAPE = re.compile(rb"\\N\{[^{}'\"\r\n]*\}")
_CONVERSION = re.compile(rb"![ \t]*([A-Za-z]+)\s*")
_BRACKETS = {b"(": 1, b"[": 1, b"{": 1, b")": -1, b"]": -1, b"}": -1}


class ScanError(Exception):
    """The text is no Python: a string or field doesn't end."""


class Kind(IntEnum):
    NAME = 0
    NUMBER = 1
    STRING = 2
    COMMENT = 3
    NEWLINE = 4
    """A line break, inside brackets too."""
    OPERATOR = 5


class Piece(NamedTuple):
    """Literal text of an f-string, as written: bytes `start` to `end`, exclusive."""

    start: int
    end: int


class Field(NamedTuple):
    """One `{…}` of an f-string; offsets are those of its braces, the end exclusive."""

    start: int
    end: int
    expression_end: int
    """Where the expression stops: at `=`, `!`, `:` or the closing brace."""
    tokens: tuple[Token, ...]
    explained: int
    """Offset behind the `=` of `{x=}`, or -1."""
    conversion: str
    """`r`, `s`, `a` or empty."""
    specification: tuple[Piece | Field, ...] | None
    """None without a colon."""
    colon: int
    """Offset of the colon, or -1."""


class String(NamedTuple):
    """The parts of a string token."""

    prefix: str
    """In lower case: `f`, `rb`, empty …"""
    quote: bytes
    parts: tuple[Piece | Field, ...]
    """Of an f-string or t-string; empty for others."""

    @property
    def formatted(self) -> bool:
        """True for f-strings and t-strings."""
        return "f" in self.prefix or "t" in self.prefix


class Token(NamedTuple):
    """A token with its byte range; blanks and line continuations have none."""

    kind: Kind
    start: int
    end: int
    string: String | None = None


_KINDS = {
    "name": Kind.NAME,
    "number": Kind.NUMBER,
    "comment": Kind.COMMENT,
    "newline": Kind.NEWLINE,
    "operator": Kind.OPERATOR,
}


def scan(source: bytes) -> list[Token]:
    """The tokens of UTF-8 encoded source.

    Raises:
        ScanError: a string or replacement field doesn't end.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(source):
        position = _next(source, position, tokens, 0)
    return tokens


def scan_leniently(source: bytes) -> list[Token]:
    """The tokens of UTF-8 encoded source, up to the first place that can't be read."""
    tokens: list[Token] = []
    position = 0
    try:
        while position < len(source):
            position = _next(source, position, tokens, 0)
    except ScanError:
        pass
    return tokens


def fields(parts: Iterable[Piece | Field]) -> Iterator[Field]:
    """The fields of an f-string, and those in their format specifications."""
    for part in parts:
        if isinstance(part, Field):
            yield part
            yield from fields(part.specification or ())


def line_starts(source: bytes) -> list[int]:
    """Byte offsets of the lines' beginnings, as `ast` counts lines."""
    return [0, *(match.end() for match in re.finditer(rb"\r\n|\r|\n", source))]


def place(starts: list[int], offset: int) -> tuple[int, int]:
    """Line (from 1) and column (bytes from 0) of an offset; `starts` is what `line_starts` gave."""
    line = bisect_right(starts, offset)
    return line, offset - starts[line - 1]


def bracket_change(word: bytes) -> int:
    """1 for an opening bracket, -1 for a closing one, otherwise 0."""
    return _BRACKETS.get(word, 0)


def _next(source: bytes, position: int, tokens: list[Token], depth: int) -> int:
    match = _TOKEN.match(source, position)
    if match is None:
        raise ScanError(f"no token at byte {position}")
    group = match.lastgroup
    if group == "blank":
        return match.end()
    if group == "string":
        prefix = match[0].rstrip(b"'\"").decode("ascii").lower()
        if prefix in _PREFIXES:
            token = _string(source, position, prefix, match, depth)
        else:
            token = Token(Kind.NAME, position, position + len(prefix))
    else:
        token = Token(_KINDS[group or "operator"], position, match.end())
    tokens.append(token)
    return token.end


def _string(source: bytes, start: int, prefix: str, opening: re.Match[bytes], depth: int) -> Token:
    quote = opening[0][len(prefix) :]
    if "f" in prefix or "t" in prefix:
        parts, end = _formatted(source, opening.end(), quote, "r" in prefix, depth)
        return Token(Kind.STRING, start, end, String(prefix, quote, parts))
    closing = _STRING_END[quote].match(source, opening.end())
    if closing is None:
        raise ScanError(f"the string at byte {start} doesn't end")
    return Token(Kind.STRING, start, closing.end(), String(prefix, quote, ()))


def _formatted(
    source: bytes, position: int, quote: bytes, raw: bool, depth: int
) -> tuple[tuple[Piece | Field, ...], int]:
    if depth > _DEEPEST:
        raise ScanError("f-strings are nested too deep")
    parts: list[Piece | Field] = []
    begin = position
    while True:
        stop = _LITERAL_STOP.search(source, position)
        if stop is None:
            raise ScanError(f"the f-string before byte {position} doesn't end")
        position = stop.start()
        character = stop[0]
        if source.startswith(quote, position):
            if begin < position:
                parts.append(Piece(begin, position))
            return tuple(parts), position + len(quote)
        if character == b"\\":
            position = _escape_end(source, position, raw)
        elif character in b"\r\n" and len(quote) == 1:
            raise ScanError(f"the f-string doesn't end in the line of byte {position}")
        elif character == b"{" and source[position + 1 : position + 2] != b"{":
            if begin < position:
                parts.append(Piece(begin, position))
            field = _field(source, position, quote, depth + 1)
            parts.append(field)
            position = begin = field.end
        elif character in b"{}":
            position += 2
        else:
            position += 1


def _escape_end(source: bytes, position: int, raw: bool) -> int:
    named = None if raw else _NAMED_ESCAPE.match(source, position)
    if named is not None:
        return named.end()
    if source.startswith(b"\r\n", position + 1):
        return position + 3
    return position + (1 if source[position + 1 : position + 2] in (b"{", b"}") else 2)


def _field(source: bytes, start: int, quote: bytes, depth: int) -> Field:
    if depth > _DEEPEST:
        raise ScanError("replacement fields are nested too deep")
    tokens: list[Token] = []
    position = start + 1
    brackets = 0
    explained = -1
    while position < len(source):
        character = source[position : position + 1]
        if brackets == 0 and character in (b"}", b":", b"!") and source[position : position + 2] != b"!=":
            break
        known = len(tokens)
        position = _next(source, position, tokens, depth)
        if len(tokens) > known and tokens[-1].kind is Kind.OPERATOR:
            brackets += bracket_change(character)
    expression_end = position
    last = next((token for token in reversed(tokens) if token.kind not in (Kind.COMMENT, Kind.NEWLINE)), None)
    if last is not None and source[last.start : last.end] == b"=":
        expression_end = last.start
        explained = position
        tokens = [token for token in tokens if token.start < expression_end]
    conversion = ""
    converted = _CONVERSION.match(source, position)
    if converted is not None:
        conversion = converted[1].decode("ascii")
        position = converted.end()
    colon = -1
    specification: tuple[Piece | Field, ...] | None = None
    if source[position : position + 1] == b":":
        colon = position
        specification, position = _specification(source, position + 1, quote, depth)
    if source[position : position + 1] != b"}":
        raise ScanError(f"the replacement field at byte {start} doesn't end")
    return Field(
        start=start,
        end=position + 1,
        expression_end=expression_end,
        tokens=tuple(tokens),
        explained=explained,
        conversion=conversion,
        specification=specification,
        colon=colon,
    )


def _specification(
    source: bytes, position: int, quote: bytes, depth: int
) -> tuple[tuple[Piece | Field, ...], int]:
    parts: list[Piece | Field] = []
    begin = position
    while True:
        stop = _LITERAL_STOP.search(source, position)
        if stop is None or source.startswith(quote, stop.start()):
            raise ScanError(f"the format specification at byte {begin} doesn't end")
        position = stop.start()
        if stop[0] in (b"{", b"}"):
            if begin < position:
                parts.append(Piece(begin, position))
            if stop[0] == b"}":
                return tuple(parts), position
            field = _field(source, position, quote, depth + 1)
            parts.append(field)
            position = begin = field.end
        elif stop[0] == b"\\":
            position = _escape_end(source, position, True)
        elif stop[0] in b"\r\n" and len(quote) == 1:
            raise ScanError(f"the format specification at byte {begin} doesn't end in its line")
        else:
            position += 1
