"""Text from the analysed code and from rules, made harmless in Markdown."""

from __future__ import annotations

import re

from backlint.reporters.escape import escape

_CODE = re.compile(r"`([^`]+)`")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$&]|:(?=//)|(?<=www)\.)")
_MENTION = re.compile(r"@(?=\w)|#(?=\d)|(?<=\bGH)-(?=\d)")
_BETWEEN = "<!-- -->"


def prose(text: str) -> str:
    """A text on one line; its `code` stays code, and nothing else in it is markup, a link or a mention."""
    parts = _CODE.split(escape(text))
    return "".join(code(part) if index % 2 else _words(part) for index, part in enumerate(parts))


def code(text: str) -> str:
    """A code span that shows exactly `text`, on one line."""
    shown = escape(text) or " "
    longest = max((len(run) for run in re.findall(r"`+", shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest or (shown.strip() and shown != shown.strip()) else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _words(text: str) -> str:
    return _MENTION.sub(lambda found: found[0] + _BETWEEN, _SPECIAL.sub(r"\\\1", text))
