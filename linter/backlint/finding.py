"""What a rule reports: plain, frozen data without syntax nodes."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """How bad the fault is when it happens."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        """0 for a note, 1 for a warning, 2 for an error."""
        return _SEVERITIES.index(self)


class Confidence(StrEnum):
    """How sure this finding is: a property of its evidence, not of its rule."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for low, 1 for medium, 2 for high."""
        return _CONFIDENCES.index(self)


_SEVERITIES = list(Severity)
_CONFIDENCES = list(Confidence)


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A range of source text.

    Lines count from 1. Columns count from 0 in UTF-8 bytes, as `ast` gives them; reporters
    turn them into characters counted from 1. The end is exclusive.
    """

    line: int
    column: int
    end_line: int
    end_column: int


class Evidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One step of the chain that makes a finding true."""

    path: str
    span: Span
    message: str


class Edit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Replace the text in `span` by `text`."""

    span: Span
    text: str


class Fix(msgspec.Struct, frozen=True):
    """Edits of the finding's own file that mend the fault."""

    message: str
    """What the edit does, as an imperative: "pass timeout=10"."""
    edits: tuple[Edit, ...]
    imports: tuple[str, ...] = ()
    """Modules that the edited text needs imported, such as `asyncio`."""
    safe: bool = False
    """True when the edit can't change what the program does apart from the fault."""


class Finding(msgspec.Struct, frozen=True):
    """One fault at one place."""

    rule: str
    family: str
    path: str
    """Relative to the project root, with forward slashes."""
    span: Span
    message: str
    """Specific and for a person: names the loop variable, the query, the relation."""
    severity: Severity
    confidence: Confidence
    symbol: str = ""
    """The enclosing function or class inside the module, such as `OrderView.list`; empty at module level."""
    advice: str = ""
    """What to do about it in terms of this code."""
    evidence: tuple[Evidence, ...] = ()
    fix: Fix | None = None
    fingerprint: str = ""
    """Set by the select stage: survives moved and reformatted code."""


class Notice(msgspec.Struct, frozen=True):
    """Something the run could not do; it never hides a finding."""

    kind: str
    """`unreadable`, `syntax`, `encoding`, `too-deep`, `too-large`, `too-slow`, `rule-error`, `plugin`, `suppression`,
    `worker`, `cache`, and of discovery `empty`, `generated`, `skipped`, `symlink`."""
    message: str
    path: str = ""
    line: int = 0
    failure: bool = True
    """True when part of the analysis is missing because of it: the run ends with status 3."""


class NotEvaluated(msgspec.Struct, frozen=True):
    """A rule that had nothing to look at, and why."""

    rule: str
    reason: str
