"""One line a finding: `path:line:column: severity[rule] message`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.reporters.escape import escape
from backlint.reporters.sources import character_column
from backlint.reporters.style import SEVERITY_STYLES, paint
from backlint.reporters.summary import not_evaluated_lines, notice_line, statistics_lines

if TYPE_CHECKING:
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext


def render(report: Report, context: ReporterContext) -> str:
    """The report for editors and `grep`; empty when there is nothing to say."""
    lines: list[str] = []
    for finding in report.findings:
        line = context.sources.line(finding.path, finding.span.line)
        column = character_column(line, finding.span.column)
        label = paint(
            f"{finding.severity}[{escape(finding.rule)}]", SEVERITY_STYLES[finding.severity], context.color
        )
        place = f"{escape(context.shown_path(finding.path))}:{finding.span.line}:{column}"
        lines.append(f"{place}: {label} {escape(finding.message)}")
    lines += [
        notice_line(notice, context) for notice in report.notices if notice.failure or not context.quiet
    ]
    if context.verbose:
        lines += [f"not evaluated: {line}" for line in not_evaluated_lines(report)]
    if context.statistics:
        lines += statistics_lines(report)
    return "".join(f"{line}\n" for line in lines)
