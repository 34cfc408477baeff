"""Findings for a coding agent to act on: one block each, with the exact edit or the advice.

Nothing depends on the terminal, the clock or the folder the program is started in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.reporters.escape import escape, plain_path
from backlint.reporters.sources import character_column
from backlint.reporters.summary import summary_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.finding import Edit, Finding, Fix, Notice
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

_LINE_END = re.compile(r"\r\n|\r|\n")


def render(report: Report, context: ReporterContext) -> str:
    """Blocks parted by empty lines; paths are from the project root. The last line has the counts."""
    blocks = ["\n".join(_finding(finding, context)) for finding in report.findings]
    failures = [_notice(notice) for notice in report.notices if notice.failure]
    if failures:
        blocks.append("\n".join(failures))
    blocks.append(summary_line(report))
    return "\n\n".join(blocks) + "\n"


def _finding(finding: Finding, context: ReporterContext) -> Iterator[str]:
    line = context.sources.line(finding.path, finding.span.line)
    column = character_column(line, finding.span.column)
    place = f"{escape(plain_path(finding.path))}:{finding.span.line}:{column}"
    inside = f" in {escape(finding.symbol)}" if finding.symbol else ""
    yield f"{place}{inside} {finding.severity} {escape(finding.rule)} ({finding.confidence})"
    yield f"problem: {escape(finding.message)}"
    for step in finding.evidence:
        yield f"because: {escape(step.path)}:{step.span.line} {escape(step.message)}"
    if finding.advice:
        yield f"do: {escape(finding.advice)}"
    if finding.fix is not None:
        yield from _fix(finding.path, finding.fix, context)


def _fix(path: str, fix: Fix, context: ReporterContext) -> Iterator[str]:
    yield f"edit ({'safe' if fix.safe else 'may change behaviour'}): {escape(fix.message)}"
    for edit in sorted(fix.edits, key=lambda edit: (edit.span.line, edit.span.column)):
        yield from _edit(path, edit, context)
    for name in fix.imports:
        yield f"import: {escape(name)}"


def _edit(path: str, edit: Edit, context: ReporterContext) -> Iterator[str]:
    """The lines that an edit touches, as they are and as they become."""
    span = edit.span
    old = [context.sources.line(path, number) for number in range(span.line, span.end_line + 1)]
    before = old[0][: character_column(old[0], span.column) - 1]
    after = old[-1][character_column(old[-1], span.end_column) - 1 :]
    new = _LINE_END.split(before + edit.text + after) if before + edit.text + after else []
    yield f"@ line {span.line}"
    yield from (f"- {_shown(text)}" for text in old)
    yield from (f"+ {_shown(text)}" for text in new)


def _shown(line: str) -> str:
    """A line of code; tabs stay, for an agent copies them."""
    return "\t".join(escape(part) for part in line.split("\t"))


def _notice(notice: Notice) -> str:
    place = f"{escape(plain_path(notice.path))}:{notice.line}: " if notice.path else ""
    return f"{place}failure {escape(notice.kind)}: {escape(notice.message)}"
