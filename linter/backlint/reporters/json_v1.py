"""Version 1 of the JSON format: docs/json-format.md says what everything means.

The format is a promise of its own: a field is added when it helps, none is renamed, moved or given
another meaning without a new version. It holds nothing that depends on the machine, the
cache or the clock.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from backlint.reporters.escape import escape_json
from backlint.reporters.sources import SourceReader, character_column
from backlint.reporters.summary import count_severities

if TYPE_CHECKING:
    from backlint.finding import Evidence, Finding, Fix, Notice, Span
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

VERSION = 1


def render(report: Report, context: ReporterContext) -> str:
    """The report as one JSON object; docs/report.schema.json is its schema."""
    data: dict[str, object] = {
        "version": VERSION,
        "tool": {
            "name": "backlint",
            "version": context.version,
            "profile": context.profile.value,
            "rules": list(report.rules),
        },
        "findings": [_finding(finding, context.sources) for finding in report.findings],
        "notices": [_notice(notice) for notice in report.notices],
        "not_evaluated": [{"rule": item.rule, "reason": item.reason} for item in report.not_evaluated],
        "summary": _summary(report),
    }
    if context.show_suppressed:
        data["suppressed"] = [_finding(finding, context.sources) for finding in report.suppressed]
    return escape_json(json.dumps(data, ensure_ascii=False, indent=2)) + "\n"


def _finding(finding: Finding, sources: SourceReader) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "family": finding.family,
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "message": finding.message,
        "path": finding.path,
        **_region(finding.path, finding.span, sources),
        "symbol": finding.symbol,
        "fingerprint": finding.fingerprint,
        "advice": finding.advice,
        "evidence": [_evidence(step) for step in finding.evidence],
        "fix": None if finding.fix is None else _fix(finding.path, finding.fix, sources),
    }


def _region(path: str, span: Span, sources: SourceReader) -> dict[str, int]:
    return {
        "line": span.line,
        "column": character_column(sources.line(path, span.line), span.column),
        "end_line": span.end_line,
        "end_column": character_column(sources.line(path, span.end_line), span.end_column),
    }


def _evidence(step: Evidence) -> dict[str, object]:
    return {
        "path": step.path,
        "line": step.span.line,
        "end_line": step.span.end_line,
        "message": step.message,
    }


def _fix(path: str, fix: Fix, sources: SourceReader) -> dict[str, object]:
    return {
        "message": fix.message,
        "safe": fix.safe,
        "edits": [{**_region(path, edit.span, sources), "text": edit.text} for edit in fix.edits],
        "imports": list(fix.imports),
    }


def _notice(notice: Notice) -> dict[str, object]:
    return {
        "kind": notice.kind,
        "message": notice.message,
        "path": notice.path or None,
        "line": notice.line or None,
        "failure": notice.failure,
    }


def _summary(report: Report) -> dict[str, object]:
    statistics = report.statistics
    by_rule = Counter(finding.rule for finding in report.findings)
    return {
        "files": statistics.files,
        "lines": statistics.lines,
        "findings": len(report.findings),
        "by_severity": {
            severity.value: count for severity, count in count_severities(report.findings).items()
        },
        "by_rule": dict(sorted(by_rule.items())),
        "suppressed": statistics.suppressed,
        "baselined": statistics.baselined,
        "hidden": statistics.hidden,
        "failures": sum(notice.failure for notice in report.notices),
    }
