"""Known findings, kept in a file so that a run reports only what is new.

An entry holds no line number and nothing that depends on profile or severity. It stands for one finding
with one evidence: when the evidence changes, the finding is new again.
"""

from __future__ import annotations

import re
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from backlint.errors import UsageError
from backlint.finding import Finding
from backlint.fixes.write import replace_file
from backlint.select.fingerprint import snippet, stable_symbol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from backlint.finding import Span
    from backlint.fixes.source import SourceText

    Sources = Callable[[str], SourceText | None]

FILE_NAME = "backlint-baseline.json"
VERSION = 1
_MAX_BYTES = 100_000_000
_MERGE_MARKER = re.compile(rb"^(?:<{7}|={7}|>{7}|\|{7})(?: |\r?$)", re.MULTILINE)
_LINE_NUMBER = re.compile(r"\b(lines?) \d+(?:(?:-| to | and )\d+)?")
_DEFINITION = re.compile(r"([ \t]*)(?:async[ \t]+def|def|class)[ \t]+(\w+)")


class Entry(msgspec.Struct, frozen=True, order=True):
    """One known finding; fields in the order that entries are sorted by."""

    path: str
    rule: str
    symbol: str
    fingerprint: str
    snippet: str
    """Digest of the code that is reported."""
    evidence: str
    """Digest of the chain of evidence: paths, symbols and code."""
    message: str
    """For the reader only."""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    findings: list[Entry]


class _Version(msgspec.Struct, frozen=True):
    version: int


class Split(msgspec.Struct, frozen=True):
    """Findings held against a baseline."""

    new: tuple[Finding, ...]
    known: tuple[Finding, ...]
    stale: tuple[Entry, ...]
    """Entries that no finding matches."""


def default_baseline(root: Path) -> Path | None:
    """The project's baseline, where it has one in the usual place."""
    path = root / FILE_NAME
    return path if path.is_file() else None


def entry_of(finding: Finding, sources: Sources) -> Entry:
    """The entry that stands for a finding, which must have its fingerprint."""
    return Entry(
        path=finding.path,
        rule=finding.rule,
        symbol=stable_symbol(finding.symbol),
        fingerprint=finding.fingerprint,
        snippet=_digest([snippet(sources(finding.path), finding.span)]),
        evidence=_evidence(finding, sources),
        message=_LINE_NUMBER.sub(r"\1 …", finding.message),
    )


def split(findings: Iterable[Finding], entries: Iterable[Entry], sources: Sources) -> Split:
    """Tell new findings from known ones.

    A finding is known when an entry has its fingerprint and its evidence. In a file that was renamed it is
    also known by rule, symbol, code and evidence, as long as the file of the entry is gone. Each
    entry answers for one finding.
    """
    sources = cache(sources)
    exact = {(entry.fingerprint, entry.evidence): entry for entry in entries}
    fingerprints = {entry.fingerprint for entry in exact.values()}
    matched: dict[int, Entry] = {}
    judged = list(findings)
    for index, finding in enumerate(judged):
        if finding.fingerprint in fingerprints:
            match = exact.get((finding.fingerprint, _evidence(finding, sources)))
            if match is not None:
                matched[index] = match
    unused = set(exact.values()) - set(matched.values())
    if len(matched) < len(judged) and unused:
        for index, match in _renamed(judged, matched, unused, sources):
            matched[index] = match
            unused.remove(match)
    return Split(
        new=tuple(finding for index, finding in enumerate(judged) if index not in matched),
        known=tuple(judged[index] for index in sorted(matched)),
        stale=tuple(sorted(unused)),
    )


def _renamed(
    findings: Sequence[Finding], matched: Collection[int], unused: Iterable[Entry], sources: Sources
) -> Iterator[tuple[int, Entry]]:
    """Findings, by index, that entries of files that are gone answer for."""
    moved: dict[tuple[str, str, str, str], list[Entry]] = {}
    present = {finding.path for finding in findings}
    for entry in sorted(unused, reverse=True):
        if entry.path not in present and sources(entry.path) is None:
            moved.setdefault(_content(entry), []).append(entry)
    if not moved:
        return
    for index, finding in enumerate(findings):
        if index not in matched:
            candidates = moved.get(_content(entry_of(finding, sources)))
            if candidates:
                yield index, candidates.pop()


def read_baseline(path: Path) -> list[Entry]:
    """The entries of a baseline file.

    Raises:
        UsageError: it can't be read, is no baseline of this version, or has merge markers in it.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{path}: too large for a baseline")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: the baseline can't be read: {error.strerror or error}") from None
    marker = _MERGE_MARKER.search(data)
    if marker is not None:
        line = data.count(b"\n", 0, marker.start()) + 1
        raise UsageError(f"{path}:{line}: the baseline has merge markers; resolve them or write it anew")
    try:
        version = msgspec.json.decode(data, type=_Version).version
        if version != VERSION:
            raise UsageError(
                f"{path}: the baseline has version {version}, and this backlint reads {VERSION}; "
                "write it anew with `backlint baseline`"
            )
        return msgspec.json.decode(data, type=_Document).findings
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path}: this is no baseline: {reason}") from None


def write_baseline(path: Path, entries: Iterable[Entry]) -> None:
    """Write entries in their order, a field a line, so that git can merge two versions.

    The file is replaced as a whole or not at all.

    Raises:
        UsageError: it can't be written.
    """
    document = _Document(VERSION, sorted(set(entries)))
    text = msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"
    try:
        replace_file(path, text)
    except OSError as error:
        raise UsageError(f"{path}: can't be written: {error.strerror or error}") from None


def _content(entry: Entry) -> tuple[str, str, str, str]:
    return entry.rule, entry.symbol, entry.snippet, entry.evidence


def _evidence(finding: Finding, sources: Sources) -> str:
    """Digest of the chain; the finding's own file counts as itself, whatever it is called."""
    parts: list[str] = []
    for step in finding.evidence:
        source = sources(step.path)
        parts.append("." if step.path == finding.path else step.path)
        parts.append(_enclosing(source, step.span))
        parts.append(snippet(source, step.span))
    return _digest(parts) if parts else ""


def _enclosing(source: SourceText | None, span: Span) -> str:
    """The functions and classes around a place, found by indentation: parsing takes too long."""
    if source is None or not 1 <= span.line <= len(source.lines):
        return ""
    lines = source.lines
    indent = _indent(lines[span.line - 1])
    names: list[str] = []
    for number in range(span.line - 2, -1, -1):
        if not indent:
            break
        found = _DEFINITION.match(lines[number])
        if found is not None and len(found[1].expandtabs()) < indent:
            names.append(found[2])
            indent = len(found[1].expandtabs())
    return ".".join(reversed(names))


def _indent(line: str) -> int:
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())


def _digest(parts: Iterable[str]) -> str:
    text = "\0".join(parts)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
