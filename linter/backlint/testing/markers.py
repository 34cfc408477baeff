"""The comments of a fixture that say what is reported on their line."""

from __future__ import annotations

import io
import re
import tokenize
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = re.compile(r"#\s*(?=(?:todo-)?finding\b)")
_MARKER = re.compile(
    r"""(?P<todo>todo-)?finding(?:\[(?P<words>[^\]]*)\])?(?::\s*"(?P<text>(?:[^"\\]|\\.)*)")?(?:\s*,\s*|\s+\#\s*|\s*$)""",
    re.VERBOSE,
)


class FixtureError(ValueError):
    """A fixture that can't be read as meant; the message begins with file and line."""


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """One finding that a line must have, or with `todo` must not have yet."""

    path: str
    line: int
    text: str = ""
    """Part of the message."""
    confidence: Confidence | None = None
    severity: Severity | None = None
    todo: bool = False

    def __str__(self) -> str:
        words = ", ".join(word.value for word in (self.severity, self.confidence) if word is not None)
        text = f': "{self.text}"' if self.text else ""
        return f"{'todo-' if self.todo else ''}finding{f'[{words}]' if words else ''}{text}"


def take_markers(text: str, path: str, place: str, first: int) -> tuple[str, list[Expectation]]:
    """A Python file's text without markers, and what they say.

    Args:
        path: the file, for the expectations.
        place: the fixture, for messages.
        first: the fixture's line that holds the text's first line.

    Raises:
        FixtureError: a marker is not written as the format wants it.
    """
    lines = text.split("\n")
    expected: list[Expectation] = []
    for number, column in _comments(text):
        line = lines[number - 1]
        start = _START.search(line, column)
        if start is not None:
            expected += _markers(line[start.end() :], path, number, f"{place}:{first + number - 1}")
            lines[number - 1] = line[: start.start()].rstrip()
    return "\n".join(lines), expected


def _comments(text: str) -> list[tuple[int, int]]:
    """Line and column of every comment; of text that Python can't read, of every line's first `#`."""
    try:
        return [
            token.start
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type == tokenize.COMMENT
        ]
    except (tokenize.TokenError, SyntaxError):
        lines = enumerate(text.split("\n"), start=1)
        return [(number, line.index("#")) for number, line in lines if "#" in line]


def _markers(text: str, path: str, line: int, place: str) -> Iterator[Expectation]:
    position = 0
    while position < len(text):
        found = _MARKER.match(text, position)
        if found is None:
            raise FixtureError(f"{place}: unknown marker {text[position:].strip()!r}")
        confidence, severity = _words(found["words"] or "", place)
        yield Expectation(
            path=path,
            line=line,
            text=re.sub(r"\\(.)", r"\1", found["text"] or ""),
            confidence=confidence,
            severity=severity,
            todo=found["todo"] is not None,
        )
        position = found.end()


def _words(words: str, place: str) -> tuple[Confidence | None, Severity | None]:
    confidence: Confidence | None = None
    severity: Severity | None = None
    for word in filter(None, re.split(r"[\s,]+", words)):
        if word in list(Confidence):
            confidence = Confidence(word)
        elif word in list(Severity):
            severity = Severity(word)
        else:
            valid = ", ".join((*Confidence, *Severity))
            raise FixtureError(f"{place}: {word!r} is no confidence and no severity; there are {valid}")
    return confidence, severity
