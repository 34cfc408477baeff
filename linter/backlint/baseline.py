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
from backlint.links import leads_out
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
_DEFINITION = re.compile(r"[ \t]*(?:async[ \t]+def|def|class)[ \t]+(\w+)")


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
    """The project's baseline, where it has one in the usual place.

    Raises:
        UsageError: it is a link that leads out of the project.
    """
    path = root / FILE_NAME
    if leads_out(path, root):
        raise UsageError(f"{path}: a link that leads out of the project is not followed")
    return path if path.is_file() else None


def entry_of(finding: Finding, sources: Sources) -> Entry:
    """The entry that stands for a finding, which must have its fingerprint."""
    return _entry(finding, _Chain(sources))


def entries_of(findings: Iterable[Finding], sources: Sources) -> list[Entry]:
    """The entries that stand for findings."""
    chain = _Chain(sources)
    return [_entry(finding, chain) for finding in findings]


def _entry(finding: Finding, chain: _Chain) -> Entry:
    return Entry(
        path=finding.path,
        rule=finding.rule,
        symbol=stable_symbol(finding.symbol),
        fingerprint=finding.fingerprint,
        snippet=_digest([snippet(chain.source(finding.path), finding.span)]),
        evidence=_evidence(finding, chain),
        message=_LINE_NUMBER.sub(r"\1 …", finding.message),
    )


def split(findings: Iterable[Finding], entries: Iterable[Entry], sources: Sources) -> Split:
    """Tell new findings from known ones.

    A finding is known when an entry has its fingerprint and its evidence. In a file that was renamed it is
    also known by rule, symbol, code and evidence, as long as the file of the entry is gone. Each
    entry answers for one finding.
    """
    chain = _Chain(sources)
    exact = {(entry.fingerprint, entry.evidence): entry for entry in entries}
    fingerprints = {entry.fingerprint for entry in exact.values()}
    matched: dict[int, Entry] = {}
    judged = list(findings)
    for index, finding in enumerate(judged):
        if finding.fingerprint in fingerprints:
            match = exact.get((finding.fingerprint, _evidence(finding, chain)))
            if match is not None:
                matched[index] = match
    unused = set(exact.values()) - set(matched.values())
    if len(matched) < len(judged) and unused:
        for index, match in _renamed(judged, matched, unused, chain):
            matched[index] = match
            unused.remove(match)
    return Split(
        new=tuple(finding for index, finding in enumerate(judged) if index not in matched),
        known=tuple(judged[index] for index in sorted(matched)),
        stale=tuple(sorted(unused)),
    )


def _renamed(
    findings: Sequence[Finding], matched: Collection[int], unused: Iterable[Entry], chain: _Chain
) -> Iterator[tuple[int, Entry]]:
    """Findings, by index, that entries of files that are gone answer for."""
    moved: dict[tuple[str, str, str, str], list[Entry]] = {}
    present = {finding.path for finding in findings}
    for entry in sorted(unused, reverse=True):
        if entry.path not in present and chain.source(entry.path) is None:
            moved.setdefault(_content(entry), []).append(entry)
    if not moved:
        return
    for index, finding in enumerate(findings):
        if index not in matched:
            candidates = moved.get(_content(_entry(finding, chain)))
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


def _evidence(finding: Finding, chain: _Chain) -> str:
    """Digest of the chain; the finding's own file counts as itself, whatever it is called."""
    parts: list[str] = []
    for step in finding.evidence:
        parts.append("." if step.path == finding.path else step.path)
        parts += chain.code(step.path, step.span)
    return _digest(parts) if parts else ""


class _Chain:
    """The code of evidence; many findings share a loop or a query."""

    def __init__(self, sources: Sources) -> None:
        self.source = cache(sources)
        self.code = cache(self._code)
        self._definitions = cache(self._find_definitions)

    def _code(self, path: str, span: Span) -> tuple[str, str]:
        """The functions and classes around a place, and what the code in it says."""
        return self._enclosing(path, span.line), snippet(self.source(path), span)

    def _enclosing(self, path: str, line: int) -> str:
        """Found by indentation, for parsing takes too long."""
        source = self.source(path)
        if source is None or not 1 <= line <= len(source.lines):
            return ""
        indent = _indent(source.lines[line - 1])
        names: list[str] = []
        for number, column, name in self._definitions(path):
            if number < line and column < indent:
                names.append(name)
                indent = column
        return ".".join(reversed(names))

    def _find_definitions(self, path: str) -> list[tuple[int, int, str]]:
        """Line, indentation and name of each definition in a file, the last one first."""
        source = self.source(path)
        lines = [] if source is None else source.lines
        found = [
            (number, _indent(line), match[1])
            for number, line in enumerate(lines, 1)
            if ("def " in line or "class " in line) and (match := _DEFINITION.match(line)) is not None
        ]
        return found[::-1]


def _indent(line: str) -> int:
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())


def _digest(parts: Iterable[str]) -> str:
    text = "\0".join(parts)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
