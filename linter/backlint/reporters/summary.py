"""Counts and notices in words, shared by the reporters people read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from backlint.finding import Finding, Notice, Severity
from backlint.reporters.escape import escape

if TYPE_CHECKING:
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext


def plural(count: int, noun: str, plural_noun: str = "") -> str:
    """`1 file`, `12,345 files`."""
    return f"{count:,} {noun if count == 1 else plural_noun or noun + 's'}"


def count_severities(findings: tuple[Finding, ...]) -> dict[Severity, int]:
    """The number of findings of each severity, the worst first."""
    counted = Counter(finding.severity for finding in findings)
    return {severity: counted[severity] for severity in reversed(Severity)}


def summary_line(report: Report) -> str:
    """`3 errors, 12 warnings in 48 files; 2 suppressed`."""
    found = [
        plural(count, severity.value)
        for severity, count in count_severities(report.findings).items()
        if count
    ]
    statistics = report.statistics
    line = f"{', '.join(found) or 'nothing found'} in {plural(statistics.files, 'file')}"
    failures = sum(notice.failure for notice in report.notices)
    asides = [
        (statistics.suppressed, f"{statistics.suppressed:,} suppressed"),
        (statistics.baselined, f"{statistics.baselined:,} in the baseline"),
        (statistics.hidden, f"{statistics.hidden:,} not shown"),
        (failures, plural(failures, "failure")),
    ]
    shown = [text for count, text in asides if count]
    return f"{line}; {', '.join(shown)}" if shown else line


def notice_line(notice: Notice, context: ReporterContext) -> str:
    """`path:line: failure[kind] message`."""
    kind = f"{'failure' if notice.failure else 'notice'}[{escape(notice.kind)}]"
    if not notice.path:
        return f"{kind} {escape(notice.message)}"
    place = escape(context.shown_path(notice.path)) + (f":{notice.line}" if notice.line else "")
    return f"{place}: {kind} {escape(notice.message)}"


def statistics_lines(report: Report) -> list[str]:
    """One line a rule, the most frequent first, and what was read."""
    counted = Counter(finding.rule for finding in report.findings)
    severities = {finding.rule: finding.severity for finding in report.findings}
    rows = sorted(counted.items(), key=lambda row: (-row[1], row[0]))
    digits = len(str(rows[0][1])) if rows else 1
    aligned = max((len(rule) for rule, _ in rows), default=0)
    lines = [f"{count:>{digits}}  {escape(rule):<{aligned}}  {severities[rule]}" for rule, count in rows]
    read = f"{plural(report.statistics.files, 'file')}, {plural(report.statistics.lines, 'line')}"
    return [*lines, f"{read}, {plural(len(report.rules), 'rule')} run"]


def not_evaluated_lines(report: Report) -> list[str]:
    """One line for each rule that had nothing to look at."""
    return [f"{escape(item.rule)}: {escape(item.reason)}" for item in report.not_evaluated]
