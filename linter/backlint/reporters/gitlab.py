"""GitLab's Code Quality report.

Source: GitLab's "Code Quality", section on custom tools.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from backlint.finding import Severity
from backlint.reporters.escape import escape, escape_json

if TYPE_CHECKING:
    from backlint.finding import Finding
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "major", Severity.NOTE: "minor"}


def render(report: Report, context: ReporterContext) -> str:
    """A JSON list with an object for every finding and for every failure."""
    data = [_finding(finding, context) for finding in report.findings]
    data += [
        _issue(notice.kind, notice.message, "critical", context.repository_path(notice.path), notice.line, "")
        for notice in report.notices
        if notice.failure and notice.path
    ]
    return escape_json(json.dumps(data, ensure_ascii=False, indent=2)) + "\n"


def _finding(finding: Finding, context: ReporterContext) -> dict[str, object]:
    description = escape(finding.message)
    if finding.advice:
        description += f"; {escape(finding.advice)}"
    return _issue(
        finding.rule,
        description,
        _SEVERITIES[finding.severity],
        context.repository_path(finding.path),
        finding.span.line,
        finding.fingerprint,
    )


def _issue(
    name: str, description: str, severity: str, path: str, line: int, fingerprint: str
) -> dict[str, object]:
    identity = "\0".join((name, description, path)).encode("utf-8", "surrogatepass")
    return {
        "description": escape(description),
        "check_name": name,
        "fingerprint": fingerprint or blake2b(identity, digest_size=16).hexdigest(),
        "severity": severity,
        "location": {"path": path, "lines": {"begin": max(line, 1)}},
    }
