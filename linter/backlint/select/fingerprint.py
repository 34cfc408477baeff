"""The identity of a finding: rule, path, enclosing symbol, what the code says, and which one of equals.

Line numbers are no part of it, so that baselines and code-scanning alerts survive edits above,
reformatting, and moving a function within its file.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import TYPE_CHECKING

from backlint.select.canonical import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from backlint.finding import Finding, Span
    from backlint.fixes.source import SourceText

_LAMBDA_LINE = re.compile(r"<lambda:\d+>")


def fingerprints(findings: Sequence[Finding], sources: Callable[[str], SourceText | None]) -> list[str]:
    """One fingerprint a finding, 32 hexadecimal digits each, no two the same.

    `findings` must hold every finding of the paths in it, in the order of their places: equals are told
    apart by their number, which must not hang on what is shown.
    """
    seen: dict[tuple[str, str, str, str], int] = {}
    snippets: dict[tuple[str, Span], str] = {}
    made: list[str] = []
    for finding in findings:
        place = (finding.path, finding.span)
        if place not in snippets:
            snippets[place] = snippet(sources(finding.path), finding.span)
        identity = (finding.rule, finding.path, stable_symbol(finding.symbol), snippets[place])
        occurrence = seen.get(identity, 0)
        seen[identity] = occurrence + 1
        text = "\0".join((*identity, str(occurrence)))
        made.append(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest())
    return made


def stable_symbol(symbol: str) -> str:
    """A symbol without the line numbers of lambdas."""
    return _LAMBDA_LINE.sub("<lambda>", symbol)


def snippet(source: SourceText | None, span: Span) -> str:
    """What the code in a span says, however it is laid out."""
    if source is None:
        return ""
    before = (
        source.lines[span.line - 1][: source.byte_to_char_column(span.line, span.column)]
        if (1 <= span.line <= len(source.lines))
        else ""
    )
    return canonical(source.segment(span), before if before.isspace() else "")
