"""JUnit XML, for build servers that show test results.

Source: the format as Jenkins, GitLab and Azure Pipelines read it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape as escape_xml
from xml.sax.saxutils import quoteattr

from backlint.reporters.escape import escape

if TYPE_CHECKING:
    from backlint.finding import Finding, Notice
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

_NOT_XML = re.compile("[\ufdd0-\ufdef\ufffe\uffff]|[\U0001fffe\U0001ffff]")


def render(report: Report, context: ReporterContext) -> str:
    """One failed test case a finding, one with an error a failure of the run; else one that passed."""
    failures = [notice for notice in report.notices if notice.failure]
    cases = [_finding(finding, context) for finding in report.findings]
    cases += [_notice(notice, context) for notice in failures]
    cases = cases or ['    <testcase classname="backlint" name="backlint"/>\n']
    counts = f'tests="{len(cases)}" failures="{len(report.findings)}" errors="{len(failures)}"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<testsuites name="backlint" {counts}>\n'
        f'  <testsuite name="backlint" {counts}>\n{"".join(cases)}  </testsuite>\n'
        "</testsuites>\n"
    )


def _finding(finding: Finding, context: ReporterContext) -> str:
    path = context.repository_path(finding.path)
    body = [f"{path}:{finding.span.line}: {finding.message}"]
    body += [
        f"because {context.repository_path(step.path)}:{step.span.line}: {step.message}"
        for step in finding.evidence
    ]
    if finding.advice:
        body.append(f"help: {finding.advice}")
    inside = f"{finding.symbol}: " if finding.symbol else ""
    name = f"{finding.rule} ({inside}line {finding.span.line})"
    return _case(path, name, finding.span.line, "failure", finding.message, finding.severity.value, body)


def _notice(notice: Notice, context: ReporterContext) -> str:
    path = context.repository_path(notice.path) if notice.path else ""
    place = f"{path}:{notice.line}: " if notice.line else f"{path}: " if path else ""
    body = [place + notice.message]
    return _case(path, notice.kind, notice.line, "error", notice.message, notice.kind, body)


def _case(path: str, name: str, line: int, outcome: str, message: str, kind: str, body: list[str]) -> str:
    file = f" file={_attribute(path)}" if path else ""
    if line:
        file += f' line="{line}"'
    text = "\n".join(escape_xml(_legal(part)) for part in body)
    group = path or "backlint"
    return (
        f"    <testcase classname={_attribute(group)} name={_attribute(name)}{file}>\n"
        f"      <{outcome} type={_attribute(kind)} message={_attribute(message)}>{text}</{outcome}>\n"
        "    </testcase>\n"
    )


def _attribute(text: str) -> str:
    return quoteattr(_legal(text))


def _legal(text: str) -> str:
    """The text without characters that XML forbids, written out as Python would."""
    return _NOT_XML.sub(lambda found: f"\\U{ord(found[0]):08x}", escape(text))
