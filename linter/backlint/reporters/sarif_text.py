"""Text, places and objects as SARIF writes them."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sarif_om  # type: ignore[import-untyped]

from backlint.reporters.escape import escape
from backlint.reporters.sources import character_column

if TYPE_CHECKING:
    from backlint.finding import Span
    from backlint.reporters.context import ReporterContext

BASE = "%SRCROOT%"
"""Stands for the top of the repository in addresses."""
LONGEST_DESCRIPTION = 1024
_LINK_LIKE = re.compile(r"\[([^\[\]]*)\](?=\()")
_FIRST_WORD = re.compile(r"\A[a-z]+(?=[\s,:;])")
_PLAIN = frozenset((str, int, float, bool))
_IN_LINK = re.compile(r"[\\\[\]]")


def plain(text: str) -> str:
    """A text on one line in which nothing is taken for a link."""
    return _LINK_LIKE.sub(r"\\[\1\\]", escape(text))


def link(text: str, target: int) -> str:
    """A link to the related location with this id."""
    return f"[{_IN_LINK.sub(lambda found: chr(92) + found[0], escape(text))}]({target})"


def message(text: str) -> sarif_om.Message:
    """A message; SARIF has no empty ones."""
    return sarif_om.Message(text=text or "(no text)")


def sentence(words: str) -> str:
    """With a full stop, and with a capital unless it begins with a name."""
    words = _FIRST_WORD.sub(lambda found: found[0].capitalize(), words.strip())
    return words if words.endswith((".", "!", "?")) else f"{words}."


def pascal_name(identifier: str) -> str | None:
    """The identifier in PascalCase; None where that is the identifier itself, which SARIF forbids."""
    name = "".join(word.capitalize() for word in re.split(r"[\W_]+", identifier))
    return None if name.casefold() == identifier.casefold() or not name else name


def cut(text: str, longest: int) -> str:
    """At most `longest` characters, with an ellipsis where something is missing."""
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def physical_location(
    context: ReporterContext, path: str, span: Span, *, one_line: bool
) -> sarif_om.PhysicalLocation:
    """A place by its path from the top of the repository.

    Args:
        one_line: End the region with its first line, as GitHub shows an alert in a pull request only
            when all lines of its region have changed.
    """
    return sarif_om.PhysicalLocation(
        artifact_location=artifact_location(context, path), region=_region(context, path, span, one_line)
    )


def edited_region(context: ReporterContext, path: str, span: Span) -> sarif_om.Region:
    """The text that an edit replaces; empty where it only inserts."""
    return sarif_om.Region(
        start_line=span.line,
        start_column=character_column(context.sources.line(path, span.line), span.column),
        end_line=span.end_line,
        end_column=character_column(context.sources.line(path, span.end_line), span.end_column),
    )


def artifact_location(context: ReporterContext, path: str) -> sarif_om.ArtifactLocation:
    """A file as an address relative to the top of the repository, its bytes percent-encoded."""
    return sarif_om.ArtifactLocation(uri=_uri(context.repository_path(path)), uri_base_id=BASE)


def to_plain(value: object) -> object:
    """Objects of sarif-om as lists and dictionaries; what is left at its default is left out.

    Levels are always written: without one, a result has that of its rule and not the model's default.
    """
    if value.__class__ in _PLAIN:
        return value
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    cls: Any = type(value)
    fields = _fields(cls)
    return {
        name: to_plain(item)
        for attribute, item in vars(value).items()
        if item is not None
        for name, default in (fields[attribute],)
        if item != default or name == "level"
    }


@cache
def _fields(cls: Any) -> dict[str, tuple[str, object]]:
    """Property and default of each attribute of a class of sarif-om."""
    import attr

    return {
        field.name: (field.metadata["schema_property_name"], _default(field.default))
        for field in attr.fields(cls)
    }


@lru_cache(maxsize=1000)
def _uri(path: str) -> str:
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raw = path.encode("utf-8", "replace")
    return quote(raw, safe="/")


def _default(default: Any) -> object:
    return default.factory() if hasattr(default, "factory") else default


def _region(context: ReporterContext, path: str, span: Span, one_line: bool) -> sarif_om.Region:
    line = max(span.line, 1)
    first = context.sources.line(path, line)
    start = character_column(first, max(span.column, 0))
    if one_line and span.end_line > line:
        end_line, end = line, len(first.rstrip()) + 1
    else:
        end_line = max(span.end_line, line)
        end = character_column(context.sources.line(path, end_line), max(span.end_column, 0))
    if end_line == line and end <= start:
        end = start + 1
    return sarif_om.Region(start_line=line, start_column=start, end_line=end_line, end_column=end)
