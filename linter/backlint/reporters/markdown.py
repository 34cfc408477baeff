"""Markdown for a comment on a pull request."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from backlint.reporters.escape import escape
from backlint.reporters.markup import code, prose
from backlint.reporters.ranking import by_importance
from backlint.reporters.summary import plural, summary_line

if TYPE_CHECKING:
    from backlint.finding import Finding, Notice
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

MOST_BYTES = 60_000
"""A comment on GitHub has at most 65,536 characters; some room is left for what is put around it."""
_RESERVE = 300
"""For the lines that say what is left out."""


def render(report: Report, context: ReporterContext) -> str:
    """The report as a section of Markdown that fits into one comment."""
    return document(report, context, MOST_BYTES)


def document(report: Report, context: ReporterContext, most_bytes: int) -> str:
    """The report in at most `most_bytes` bytes; what has no room is counted, the least important first."""
    head = f"### backlint: {escape(summary_line(report))}\n"
    notices = [_notice(notice, context) for notice in report.notices if notice.failure or not context.quiet]
    room = most_bytes - _RESERVE - len(head.encode())
    kept_notices = _fitting(notices, room // 4)
    room -= sum(len(line.encode()) + 1 for line in kept_notices)
    blocks = {index: _finding(report.findings[index], context) for index in range(len(report.findings))}
    shown = sorted(_chosen(report, blocks, context, room))
    parts = [head]
    for path, indices in groupby(shown, key=lambda index: report.findings[index].path):
        parts.append(_heading(path, context))
        parts += [blocks[index] for index in indices]
    if len(shown) < len(blocks):
        left = len(blocks) - len(shown)
        parts.append(f"\n{plural(left, 'more finding')}, the least severe, left out for want of room.\n")
    if kept_notices:
        parts.append("\n#### Notices\n\n" + "".join(f"{line}\n" for line in kept_notices))
    if len(kept_notices) < len(notices):
        parts.append(f"\n{plural(len(notices) - len(kept_notices), 'more notice')}.\n")
    return "".join(parts)


def _chosen(report: Report, blocks: dict[int, str], context: ReporterContext, room: int) -> list[int]:
    chosen: list[int] = []
    headed: set[str] = set()
    for index in by_importance(report.findings):
        path = report.findings[index].path
        cost = len(blocks[index].encode("utf-8", "replace"))
        cost += 0 if path in headed else len(_heading(path, context).encode("utf-8", "replace"))
        if cost > room:
            break
        room -= cost
        headed.add(path)
        chosen.append(index)
    return chosen


def _fitting(lines: list[str], room: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            break
        kept.append(line)
    return kept


def _heading(path: str, context: ReporterContext) -> str:
    return f"\n#### {code(context.repository_path(path))}\n\n"


def _finding(finding: Finding, context: ReporterContext) -> str:
    lines = [
        f"- **{finding.severity}** line {finding.span.line}, {code(finding.rule)}: {prose(finding.message)}"
    ]
    lines += [
        f"  - because {code(f'{context.repository_path(step.path)}:{step.span.line}')} {prose(step.message)}"
        for step in finding.evidence
    ]
    if finding.advice:
        lines.append(f"  - help: {prose(finding.advice)}")
    return "".join(f"{line}\n" for line in lines)


def _notice(notice: Notice, context: ReporterContext) -> str:
    place = ""
    if notice.path:
        line = f":{notice.line}" if notice.line else ""
        place = f" {code(context.repository_path(notice.path) + line)}"
    return f"- {'failure' if notice.failure else 'notice'}{place} {prose(notice.message)}"
