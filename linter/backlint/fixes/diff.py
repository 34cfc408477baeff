"""Fixes as a unified diff."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from backlint.fixes.source import SourceText

if TYPE_CHECKING:
    from backlint.fixes.apply import FixedFile

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_NO_END = "\n\\ No newline at end of file\n"


def unified_diff(fixed: FixedFile) -> str:
    """The change to a file as `git apply` and `patch` take it; empty where nothing changed."""
    if fixed.before == fixed.after:
        return ""
    before = SourceText(fixed.path, fixed.before).text
    after = SourceText(fixed.path, fixed.after).text
    lines = difflib.unified_diff(
        _LINES.findall(before), _LINES.findall(after), f"a/{fixed.path}", f"b/{fixed.path}"
    )
    return "".join(line if line.endswith("\n") else line + _NO_END for line in lines)
