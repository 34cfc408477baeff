"""Tells findings that a change introduced from those that were there, wherever they are by now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Finding
from backlint.fixes.source import SourceText
from backlint.select.fingerprint import snippet, stable_symbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from backlint.diff.lines import LineRanges
    from backlint.finding import Span


class State(msgspec.Struct, frozen=True):
    """The findings of one revision, and what tells them from each other."""

    findings: Sequence[Finding]
    source: Callable[[str], SourceText | None]


class Touched:
    """The lines that a change wrote, by path at head."""

    def __init__(self, added: Mapping[str, LineRanges]) -> None:
        self._added = added

    def span(self, path: str, span: Span) -> bool:
        """Whether the change wrote a line of a span."""
        lines = self._added.get(path)
        return lines is not None and lines.meets(span.line, span.end_line)

    def own(self, finding: Finding) -> bool:
        """Whether the change wrote a line of the finding itself."""
        return self.span(finding.path, finding.span)

    def any(self, finding: Finding) -> bool:
        """Whether the change wrote a line of the finding or of its evidence."""
        return self.own(finding) or any(self.span(step.path, step.span) for step in finding.evidence)


class _Known(msgspec.Struct, frozen=True, eq=False):
    """A finding with its identity: rule, path (at head), symbol, what the code says."""

    finding: Finding
    identity: tuple[str, str, str, str]
    evidence: tuple[str, ...]
    """What the code of each step of the evidence says, wherever it stands."""

    @property
    def movable(self) -> tuple[str, str, str, tuple[str, ...]]:
        """The identity of code that may have moved to another file or class."""
        rule, _, symbol, snippet = self.identity
        return rule, symbol.rpartition(".")[2], snippet, self.evidence


def introduced(
    head: State,
    base: State,
    touched: Touched,
    renamed: Mapping[str, str],
    changed_before: Iterable[str],
) -> list[Finding]:
    """The findings at head that the change introduced, in their order.

    A finding was there when the base has one of the same rule about the same code in the same symbol and
    file, and evidence that says the same or lies outside of the change; or in code that moved.

    Args:
        renamed: Paths at head by path at base.
        changed_before: Paths at base of the files that the change touches; code moves only out of these.
    """
    before = _known(base, renamed)
    now = _known(head, {})
    left: dict[tuple[str, str, str, str], list[_Known]] = defaultdict(list)
    for known in before:
        left[known.identity].append(known)
    # Of several alike, one is the new one: the one in lines that the change wrote.
    order = sorted(range(len(now)), key=lambda index: (touched.own(now[index].finding), index))
    open_now = []
    for index in order:
        if not _take(left[now[index].identity], now[index].evidence):
            open_now.append(index)
    new: set[int] = set()
    unmatched = []
    for index in open_now:
        others = left[now[index].identity]
        if not others:
            unmatched.append(index)
            continue
        others.pop()
        if touched.any(now[index].finding):
            new.add(index)
    sources = set(changed_before)
    movable: dict[object, int] = defaultdict(int)
    for others in left.values():
        for known in others:
            if known.finding.path in sources:
                movable[known.movable] += 1
    for index in unmatched:
        if movable[now[index].movable]:
            movable[now[index].movable] -= 1
        else:
            new.add(index)
    return [head.findings[index] for index in sorted(new)]


def _take(known: list[_Known], evidence: tuple[str, ...]) -> bool:
    for index, other in enumerate(known):
        if other.evidence == evidence:
            del known[index]
            return True
    return False


def _known(state: State, renamed: Mapping[str, str]) -> list[_Known]:
    snippets: dict[tuple[str, Span], str] = {}

    def said(path: str, span: Span) -> str:
        place = (path, span)
        if place not in snippets:
            snippets[place] = snippet(state.source(path), span)
        return snippets[place]

    return [
        _Known(
            finding,
            (
                finding.rule,
                renamed.get(finding.path, finding.path),
                stable_symbol(finding.symbol),
                said(finding.path, finding.span),
            ),
            tuple(said(step.path, step.span) for step in finding.evidence),
        )
        for finding in state.findings
    ]
