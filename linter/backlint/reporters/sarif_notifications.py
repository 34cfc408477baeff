"""What the run could not do, as SARIF's tool execution notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sarif_om  # type: ignore[import-untyped]

from backlint.reporters.escape import escape
from backlint.reporters.sarif_text import artifact_location, message, pascal_name, plain, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backlint.finding import NotEvaluated, Notice
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

MOST_NOTICES = 1_000
_NOT_EVALUATED = "not-evaluated"
_LEFT_OUT = "left-out"


def notifications(
    report: Report, context: ReporterContext, left_out: Sequence[str]
) -> list[sarif_om.Notification]:
    """What is left out of the file, then the notices, failures first, then the rules not evaluated."""
    notices = sorted(report.notices, key=lambda notice: not notice.failure)
    missing = list(left_out)
    if len(notices) > MOST_NOTICES:
        missing.append(f"{len(notices) - MOST_NOTICES:,} of {len(notices):,} notices are left out.")
    return [
        *(_notification(_LEFT_OUT, words, "warning") for words in missing),
        *(_notice(notice, context) for notice in notices[:MOST_NOTICES]),
        *(_not_evaluated(item) for item in report.not_evaluated),
    ]


def kinds(notified: Sequence[sarif_om.Notification]) -> list[sarif_om.ReportingDescriptor] | None:
    """Declarations of the kinds of notification that occur."""
    declared = []
    for name in sorted({item.descriptor.id for item in notified}):
        text = message(_DESCRIPTIONS.get(name, f"A notice about {name}."))
        declared.append(
            sarif_om.ReportingDescriptor(
                id=name, name=pascal_name(name), short_description=text, full_description=text, help=text
            )
        )
    return declared or None


_DESCRIPTIONS = {
    _LEFT_OUT: "Part of the report is left out to stay within the limits of code scanning.",
    _NOT_EVALUATED: "A rule had nothing to look at.",
    "encoding": "A file can't be decoded.",
    "plugin": "A rule pack can't be loaded.",
    "rule-error": "A rule failed.",
    "suppression": "A comment that silences findings is wrong or unused.",
    "syntax": "A file can't be parsed.",
    "too-deep": "A file is nested too deep.",
    "too-large": "A file is too large.",
    "too-slow": "A rule or file takes too long.",
    "unreadable": "A file can't be read.",
}


def _notification(kind: str, words: str, level: str) -> sarif_om.Notification:
    return sarif_om.Notification(
        message=message(words), level=level, descriptor=sarif_om.ReportingDescriptorReference(id=kind)
    )


def _notice(notice: Notice, context: ReporterContext) -> sarif_om.Notification:
    made = _notification(notice.kind, sentence(plain(notice.message)), "error" if notice.failure else "note")
    if notice.path:
        region = sarif_om.Region(start_line=notice.line) if notice.line else None
        place = sarif_om.PhysicalLocation(
            artifact_location=artifact_location(context, notice.path), region=region
        )
        made.locations = [sarif_om.Location(physical_location=place)]
    return made


def _not_evaluated(item: NotEvaluated) -> sarif_om.Notification:
    words = f"{escape(item.rule)} was not evaluated: {plain(item.reason)}"
    made = _notification(_NOT_EVALUATED, sentence(words), "note")
    made.associated_rule = sarif_om.ReportingDescriptorReference(id=item.rule)
    return made
