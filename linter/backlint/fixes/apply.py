"""Fixes of one file, put into its text."""

from __future__ import annotations

import codecs
import io
import tokenize
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Edit, Finding
from backlint.fixes.edits import apply_fixes, overlap
from backlint.syntax.parse import ParseFailure, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backlint.fixes.source import SourceText


class FixedFile(msgspec.Struct, frozen=True):
    """What became of the fixes of one file."""

    path: str
    before: bytes
    after: bytes
    """Equal to `before` where nothing was applied."""
    applied: tuple[Finding, ...] = ()
    overlapping: tuple[Finding, ...] = ()
    """Findings whose edits touch text that an earlier one has changed."""
    problem: str = ""
    """Why the file was left as it was although there were fixes; empty when it was not."""


def fix_file(source: SourceText, findings: Iterable[Finding], *, unsafe: bool) -> FixedFile:
    """Apply the fixes of findings in one file, in their order.

    A fix is applied whole or not at all; of two that touch the same text the first wins. Missing imports
    are added. What is not edited stays as it is, byte for byte: line ends, encoding, byte order mark.

    Args:
        unsafe: Also apply fixes that may change what the program does.
    """
    accepted: list[Edit] = []
    applied: list[Finding] = []
    overlapping: list[Finding] = []
    for finding in findings:
        fix = finding.fix
        if fix is None or not (fix.safe or unsafe) or not fix.edits:
            continue
        new = [edit for edit in fix.edits if edit not in accepted]
        if any(overlap(edit.span, other.span) for edit in new for other in accepted):
            overlapping.append(finding)
            continue
        accepted += dict.fromkeys(new)
        applied.append(finding)
    unchanged = FixedFile(source.path, source.data, source.data, overlapping=tuple(overlapping))
    if not applied:
        return unchanged
    try:
        after = _encoded(source, apply_fixes(source, [fix for found in applied if (fix := found.fix)]))
        parse(after, source.path)
    except ParseFailure as failure:
        problem = f"the fixed file would not parse: {failure}"
    except (UnicodeError, LookupError):
        problem = "the fixed text can't be written in the file's encoding"
    except ValueError as error:
        problem = str(error)
    else:
        return msgspec.structs.replace(unchanged, after=after, applied=tuple(applied))
    return msgspec.structs.replace(unchanged, problem=problem)


def _encoded(source: SourceText, text: str) -> bytes:
    """The text as the file is encoded.

    Raises:
        UnicodeError: the encoding lacks a character.
        ValueError: the file does not survive being decoded and encoded.
    """
    mark = codecs.BOM_UTF8 if source.data.startswith(codecs.BOM_UTF8) else b""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(source.data).readline)
    except SyntaxError:
        raise ValueError("its encoding is not known") from None
    encoding = "utf-8" if encoding == "utf-8-sig" else encoding
    if mark + source.text.encode(encoding) != source.data:
        raise ValueError("its encoding does not survive being written again")
    return mark + text.encode(encoding)
