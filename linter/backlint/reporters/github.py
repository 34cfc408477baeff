"""Annotations of a GitHub Actions workflow, and its job summary.

Source: GitHub's "Workflow commands for GitHub Actions". GitHub shows the first ten annotations of each level
a step makes, so the worst come first; the job summary has all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.finding import Severity
from backlint.reporters.escape import escape
from backlint.reporters.markdown import document
from backlint.reporters.ranking import by_importance
from backlint.reporters.sources import character_column

if TYPE_CHECKING:
    from backlint.finding import Finding, Notice
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
MOST_SUMMARY_BYTES = 1_000_000
"""GitHub takes a mebibyte of summary a step, and nothing of a longer one."""


def render(report: Report, context: ReporterContext) -> str:
    """One workflow command a line."""
    lines = [_finding(report.findings[index], context) for index in by_importance(report.findings)]
    lines += [_notice(notice, context) for notice in report.notices if notice.failure or not context.quiet]
    return "".join(f"{line}\n" for line in lines)


def job_summary(report: Report, context: ReporterContext) -> str:
    """The report in Markdown for `$GITHUB_STEP_SUMMARY`."""
    return document(report, context, MOST_SUMMARY_BYTES)


def _finding(finding: Finding, context: ReporterContext) -> str:
    line = context.sources.line(finding.path, finding.span.line)
    properties = {
        "file": context.repository_path(finding.path),
        "line": str(finding.span.line),
        "endLine": str(finding.span.end_line),
        "col": str(character_column(line, finding.span.column)),
        "title": f"backlint: {finding.rule}",
    }
    if finding.span.end_line == finding.span.line:
        properties["endColumn"] = str(character_column(line, finding.span.end_column))
    parts = [escape(finding.message)]
    parts += [
        f"because {escape(context.repository_path(step.path))}:{step.span.line}: {escape(step.message)}"
        for step in finding.evidence
    ]
    if finding.advice:
        parts.append(f"help: {escape(finding.advice)}")
    return _command(_COMMANDS[finding.severity], properties, "\n".join(parts))


def _notice(notice: Notice, context: ReporterContext) -> str:
    properties = {"title": f"backlint: {notice.kind}"}
    if notice.path:
        properties["file"] = context.repository_path(notice.path)
    if notice.line:
        properties["line"] = str(notice.line)
    return _command("error" if notice.failure else "notice", properties, escape(notice.message))


def _command(name: str, properties: dict[str, str], text: str) -> str:
    """A workflow command; no text in it can end it or begin another one."""
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(escape(text)).replace(":", "%3A").replace(",", "%2C")
