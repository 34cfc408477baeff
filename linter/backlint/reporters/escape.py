"""Text from the analysed code, made harmless for a terminal or a JSON reader.

Control characters could move the cursor or hide a line, bidirectional marks could make code read
other than it runs (CVE-2021-42574), invisible ones could hide text in it. The marks that begin a command
in the log of a build server could have it carried out.
"""

from __future__ import annotations

import re

_BEYOND_C0 = (
    "\x7f-\x9f"  # DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks, embeddings, isolates
    "\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb"  # invisible
    "\u2028\u2029"  # line and paragraph separator
    "\ud800-\udfff"  # halves of a pair
    "\U000e0000-\U000e007f"  # tags
)
# Build servers take these anywhere in a line of a log for commands: GitHub and Azure (`##[`, `##vso[`), TeamCity.
_COMMAND = r"(?<=\#)\#(?=(?:vso|teamcity)?\[)"
_UNSAFE = re.compile(f"[\x00-\x1f{_BEYOND_C0}]|{_COMMAND}", re.IGNORECASE)
_UNSAFE_IN_JSON = re.compile(f"[{_BEYOND_C0}]|{_COMMAND}", re.IGNORECASE)
_SHORT = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def escape(text: str) -> str:
    """`text` on one line, every unsafe character written as Python would: `\\x1b`, `\\u202e`."""
    return _UNSAFE.sub(lambda found: escape_character(found[0]), text)


def escape_json(text: str) -> str:
    """JSON text with every unsafe character inside its strings as `\\uXXXX`; it means the same."""
    return _UNSAFE_IN_JSON.sub(lambda found: _json_escape(found[0]), text)


def escape_character(character: str) -> str:
    """One unsafe character, written out."""
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def is_unsafe(text: str) -> bool:
    """True for text that holds what `escape` replaces."""
    return _UNSAFE.search(text) is not None


def plain_path(path: str) -> str:
    """A relative path that begins a line as a path: `./::error::x.py` is no command of a build server."""
    return f"./{path}" if path.lstrip().startswith(":") else path


def unsafe_places(text: str) -> frozenset[int]:
    """Where the characters stand that `escape` replaces."""
    return frozenset(found.start() for found in _UNSAFE.finditer(text))


def _json_escape(character: str) -> str:
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
