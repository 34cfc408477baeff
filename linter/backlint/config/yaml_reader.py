"""YAML as plain data, with the place of every key.

Read from the parser's events rather than with a loader: nothing is constructed but strings,
numbers, booleans, null, lists and dicts, and every limit holds before memory is spent.
Scalars follow YAML 1.2's core schema, so `no` and `on` are words, and `1:30` is not a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Never

import msgspec

from backlint.errors import ConfigurationError

if TYPE_CHECKING:
    from yaml.events import Event, ScalarEvent

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the top of the document: `("classes", "acme.Client", "bases", 0)`."""
Positions = Mapping[KeyPath, tuple[int, int]]
"""Line and column, both from 1, of the key (or list item) at a path; `()` is the document."""

MAX_CHARACTERS = 2_000_000
MAX_DEPTH = 40
MAX_ALIASES = 500
MAX_NODES = 200_000
"""Nodes of one document, each counted as often as aliases repeat it."""

_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"
_NULL = re.compile(r"~|null|Null|NULL|")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = re.compile(r"[-+]?[0-9]{1,30}")
_BASED = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)")
_NOT_A_NUMBER = re.compile(r"\.(?:nan|NaN|NAN)")


def read_yaml(text: str, source_name: str) -> tuple[object, Positions]:
    """Read one YAML document.

    Keys are always strings, as they are written. A merge key (`<<`) takes over the entries of
    other mappings. Positions are recorded where a key is written: what an alias repeats has none
    of its own, so ask with `position`.

    Args:
        text: The document; an empty one is None.
        source_name: What messages call it, such as `backlint.yaml`.

    Raises:
        ConfigurationError: bad syntax, a repeated key, a tag, several documents, an alias to
            itself, or more aliases, depth or size than allowed; the message begins `name:line:`.
    """
    import yaml

    if len(text) > MAX_CHARACTERS:
        raise ConfigurationError(f"{source_name}:1: longer than {MAX_CHARACTERS:,} characters")
    loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(source_name)
    try:
        for event in yaml.parse(text, Loader=loader):
            builder.take(event)
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise ConfigurationError(f"{source_name}:{line}: a character that is no text") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(_syntax_error(error, text, source_name)) from None
    return builder.document, builder.positions


def position(positions: Positions, path: KeyPath) -> tuple[int, int]:
    """Line and column of `path`, or of the nearest key above it that is written out."""
    for length in range(len(path), -1, -1):
        place = positions.get(path[:length])
        if place is not None:
            return place
    return (1, 1)


def _syntax_error(error: Exception, text: str, source_name: str) -> str:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        problem = getattr(error, "problem", None) or "bad syntax"
        # PyYAML 6.0.4 has a limit of its own, which the scanner meets before the first event comes.
        if "nesting depth" in problem:
            problem = f"nested deeper than {MAX_DEPTH} levels"
        return f"{source_name}:{mark.line + 1}: {problem}"
    offset = getattr(error, "position", 0)
    line = text.count("\n", 0, offset) + 1 if isinstance(offset, int) else 1
    return f"{source_name}:{line}: {getattr(error, 'reason', None) or 'bad syntax'}"


class _Open(msgspec.Struct):
    """A list or mapping that is being read. `key` is the key whose value comes next."""

    value: list[object] | dict[str, object]
    path: KeyPath
    anchor: str | None
    nodes_before: int
    key: str | None = None
    merged: list[object] = []


class _Builder:
    """Puts the events of one document together."""

    def __init__(self, source_name: str) -> None:
        self.document: object = None
        self.positions: dict[KeyPath, tuple[int, int]] = {}
        self._name = source_name
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._nodes = 0
        self._aliases = 0
        self._documents = 0

    def take(self, event: Event) -> None:
        """Take the next event; `ConfigurationError` where a limit is passed."""
        import yaml

        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open({}, event)
            case yaml.SequenceStartEvent():
                self._open([], event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._fail(event, "only one document is allowed")

    def _fail(self, event: Event, message: str) -> Never:
        raise ConfigurationError(f"{self._name}:{_mark(event)[0]}: {message}")

    def _count(self, event: Event, nodes: int = 1) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            self._fail(event, f"more than {MAX_NODES:,} values")

    def _scalar(self, event: ScalarEvent) -> None:
        self._count(event)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(top, event)
            return
        value = self._scalar_value(event)
        self._place(value, event)
        self._remember(event.anchor, value, 1)

    def _key(self, top: _Open, event: ScalarEvent) -> None:
        if event.tag is not None and event.tag != _TAG + "str":
            self._fail(event, f"the tag {_shown_tag(event.tag)} is not allowed")
        key: str = event.value
        path = (*top.path, key)
        if path in self.positions:
            first = self.positions[path][0]
            self._fail(event, f'the key "{key}" is given twice (first on line {first})')
        self.positions[path] = _mark(event)
        self._remember(event.anchor, key, 1)
        top.key = key

    def _scalar_value(self, event: ScalarEvent) -> object:
        if event.tag is None or event.tag == "!":
            return _plain_value(event.value) if event.implicit[0] else event.value
        if event.tag == _TAG + "str":
            return event.value
        self._fail(event, f"the tag {_shown_tag(event.tag)} is not allowed")
        return None

    def _open(self, value: list[object] | dict[str, object], event: Event) -> None:
        self._count(event)
        if len(self._stack) >= MAX_DEPTH:
            self._fail(event, f"nested deeper than {MAX_DEPTH} levels")
        tag = getattr(event, "tag", None)
        kind = "map" if isinstance(value, dict) else "seq"
        if tag not in (None, "!", _TAG + kind):
            self._fail(event, f"the tag {_shown_tag(tag)} is not allowed")
        path = self._place(value, event)
        self._stack.append(_Open(value, path, getattr(event, "anchor", None), self._nodes))

    def _close(self, event: Event) -> None:
        opened = self._stack.pop()
        if isinstance(opened.value, dict):
            for other in opened.merged:
                self._merge(opened.value, other, event)
        self._remember(opened.anchor, opened.value, self._nodes - opened.nodes_before + 1)

    def _merge(self, into: dict[str, object], other: object, event: Event) -> None:
        for mapping in other if isinstance(other, list) else [other]:
            if not isinstance(mapping, dict):
                self._fail(event, "<< takes a mapping or a list of mappings")
            for key, value in mapping.items():
                into.setdefault(key, value)

    def _alias(self, event: Event) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            self._fail(event, f"more than {MAX_ALIASES} aliases")
        name = str(getattr(event, "anchor", ""))
        if any(opened.anchor == name for opened in self._stack):
            self._fail(event, f"the alias *{name} stands inside what it repeats")
        if name not in self._anchors:
            self._fail(event, f"the alias *{name} has no anchor")
        value, nodes = self._anchors[name]
        self._count(event, nodes)
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._fail(event, "an alias can't be a key")
        self._place(value, event)

    def _remember(self, anchor: str | None, value: object, nodes: int) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, nodes)

    def _place(self, value: object, event: Event) -> KeyPath:
        """Put a value where the reading has come to, and give the path of that place."""
        if not self._stack:
            self.document = value
            self.positions[()] = _mark(event)
            return ()
        top = self._stack[-1]
        if isinstance(top.value, list):
            path = (*top.path, len(top.value))
            self.positions[path] = _mark(event)
            top.value.append(value)
            return path
        if top.key is None:
            self._fail(event, "a key must be a plain word or string")
        key = str(top.key)
        top.key = None
        if key == _MERGE:
            top.merged.append(value)
        else:
            top.value[key] = value
        return (*top.path, key)


def _mark(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _shown_tag(tag: str | None) -> str:
    return (tag or "").replace(_TAG, "!!")


def _plain_value(text: str) -> object:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text):
        return True
    if _FALSE.fullmatch(text):
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text) or _INFINITE.fullmatch(text):
        return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf"))
    if _NOT_A_NUMBER.fullmatch(text):
        return float("nan")
    return text
