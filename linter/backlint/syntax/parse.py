"""Bytes to a tree of the standard `ast` module."""

from __future__ import annotations

import ast
import codecs
import io
import re
import tokenize
import warnings
from typing import TYPE_CHECKING

import msgspec

from backlint.errors import BacklintError

if TYPE_CHECKING:
    from backlint.syntax.restore import Mask

MAX_BYTES = 2_000_000
"""Larger files are data or generated; nobody reviews them."""

_DECLARES = re.compile(rb"\A(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n))?[ \t\f]*#[^\r\n]*coding")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UNSAFE_CODECS = frozenset(("idna", "punycode", "raw_unicode_escape", "unicode_escape", "undefined"))
"""Take quadratic time, or decode to what is no text."""
_TOO_DEEP = ("too many nested", "too many levels of indentation", "nested too deeply", "stack overflow")


class ParseFailure(BacklintError):  # noqa: N818 - the outcome of a file, not a fault of the program
    """A file has no tree.

    `kind` is `syntax`, `encoding`, `too-deep` or `too-large`; `message` one sentence without the
    path; `line` counts from 1, 0 where no line is to blame.
    """

    def __init__(self, kind: str, message: str, line: int = 0) -> None:
        super().__init__(kind, message, line)
        self.kind = kind
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return self.message


class Parsed(msgspec.Struct, frozen=True):
    """A file's tree. Its columns are bytes of `text` in UTF-8, its lines end as `ast` ends them."""

    tree: ast.Module
    text: str
    """Decoded, without a byte order mark, line ends as in the file."""
    templates: frozenset[tuple[int, int]] = frozenset()
    """Line and column of the `JoinedStr` nodes that stand for t-strings, on a Python that has none."""


def parse(data: bytes, path: str) -> Parsed:
    """The tree of a file; `path` is only the name that Python gives the source.

    Syntax newer than the running Python is understood as far as `modern` knows it. Nothing is
    printed or warned about.

    Raises:
        ParseFailure: the bytes are no Python that can be read.
    """
    if len(data) > MAX_BYTES:
        size = f"{len(data) / 1e6:.1f} MB"
        raise ParseFailure(
            "too-large", f"the file has {size}, more than the {MAX_BYTES / 1e6:g} MB that are read"
        )
    text = decode(data)
    nul = text.find("\0")
    if nul >= 0:
        raise ParseFailure("syntax", "the file contains a null byte", _line(text, nul))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Parsed(_tree(text), text)
        except SyntaxError as error:
            failure, masked = error, _masked(text)
        if masked is None:
            raise _failure(failure) from None
        return _parse_masked(text, masked)


def decode(data: bytes) -> str:
    """The text of a source file, by its byte order mark, its PEP 263 declaration, or as UTF-8.

    Raises:
        ParseFailure: of kind `encoding`.
    """
    if data.startswith(_UTF16):
        raise ParseFailure("encoding", "the file is UTF-16, which Python doesn't read; save it as UTF-8", 1)
    encoding = _declared(data) if _DECLARES.match(data) else "utf-8"
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    try:
        text = data.decode(encoding)
        text.encode()
    except UnicodeDecodeError as error:
        raise ParseFailure("encoding", _not_decodable(data, error), _line(data, error.start)) from None
    except (ValueError, LookupError):
        raise ParseFailure("encoding", f"the file can't be decoded as {encoding}", 1) from None
    return text


def _declared(data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise ParseFailure("encoding", f"the encoding declaration is wrong: {error.msg}", 1) from None
    name = codecs.lookup(encoding).name
    if name.replace("-", "_") in _UNSAFE_CODECS:
        raise ParseFailure("encoding", f"the file declares the encoding {name}, which is not read", 1)
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _not_decodable(data: bytes, error: UnicodeDecodeError) -> str:
    name = "UTF-8" if error.encoding in ("utf-8", "utf8") else error.encoding
    return f"the file is not {name}: byte 0x{data[error.start]:02x}; save it as UTF-8 or declare its encoding"


def _line(text: bytes | str, offset: int) -> int:
    before = text[:offset]
    if isinstance(before, str):
        before = before.encode()
    return len(re.findall(rb"\r\n|\r|\n", before)) + 1


def _tree(text: str) -> ast.Module:
    """
    Raises:
        ParseFailure: of kind `too-deep`.
        SyntaxError: the text is no Python for this interpreter.
    """
    try:
        return ast.parse(text)
    except (RecursionError, MemoryError):
        raise ParseFailure("too-deep", "the code is nested too deep to be parsed") from None
    except SyntaxError as error:
        if any(words in (error.msg or "") for words in _TOO_DEEP):
            raise _failure(error) from None
        raise


def _masked(text: str) -> Mask | None:
    from backlint.syntax.modern import mask

    return mask(text)


def _parse_masked(text: str, masked: Mask) -> Parsed:
    from backlint.syntax.restore import restore

    try:
        tree = _tree(masked.text)
    except SyntaxError as error:
        raise _failure(error) from None
    restore(tree, masked)
    return Parsed(tree, text, masked.templates)


def _failure(error: SyntaxError) -> ParseFailure:
    message = error.msg or "invalid syntax"
    if any(words in message for words in _TOO_DEEP):
        return ParseFailure(
            "too-deep", f"the code is nested too deep to be parsed: {message}", error.lineno or 0
        )
    return ParseFailure("syntax", message, error.lineno or 0)
