"""Rules as SARIF declares them, with the properties that GitHub code scanning reads.

Source: GitHub's "SARIF support for code scanning".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sarif_om  # type: ignore[import-untyped]

from backlint.config.settings import Profile
from backlint.documentation import rule_help
from backlint.finding import Severity
from backlint.reporters.escape import escape
from backlint.reporters.sarif_text import LONGEST_DESCRIPTION, cut, pascal_name

if TYPE_CHECKING:
    from backlint.registry import RuleInfo
    from backlint.reporters.context import ReporterContext

MOST_TAGS = 20
PROBLEM_SEVERITIES = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "recommendation",
}
PRECISIONS = {Profile.GATE: "very-high", Profile.REVIEW: "high", Profile.AUDIT: "medium"}
"""By how often a report is right in a profile: 49 of 50, 9 of 10, less."""
_HEADING = re.compile(r"^##+[ \t]*(.*)$", re.MULTILINE)
_LINK = re.compile(r"\[([^\[\]]*)\]\(([^()\s]*)\)")
_CWE = re.compile(r"CWE-(\d+)", re.IGNORECASE)


def descriptor(rule: str, context: ReporterContext) -> sarif_om.ReportingDescriptor:
    """What a rule is; of a rule that is not loaded only its id."""
    info = context.rules.get(rule)
    name = pascal_name(rule)
    if info is None:
        text = sarif_om.MultiformatMessageString(text=escape(rule) or "rule")
        return sarif_om.ReportingDescriptor(
            id=rule, name=name, short_description=text, full_description=text, help=text
        )
    page = rule_help(info)
    return sarif_om.ReportingDescriptor(
        id=rule,
        name=name,
        short_description=_text(info.summary or info.id),
        full_description=_text(_opening(page)),
        help=sarif_om.MultiformatMessageString(text=as_text(page), markdown=page),
        default_configuration=sarif_om.ReportingConfiguration(level=info.severity.value),
        properties=_properties(info, context),
    )


def as_text(markdown: str) -> str:
    """Documentation for readers that don't render Markdown."""
    return _LINK.sub(r"\1 (\2)", _HEADING.sub(r"\1", markdown))


def _text(text: str) -> sarif_om.MultiformatMessageString:
    return sarif_om.MultiformatMessageString(text=cut(text, LONGEST_DESCRIPTION))


def _opening(page: str) -> str:
    """The first line and the first section, on one line."""
    sections = re.split(r"^#+.*$", page, maxsplit=2, flags=re.MULTILINE)
    return " ".join(" ".join(sections[:2]).split())


def _properties(info: RuleInfo, context: ReporterContext) -> dict[str, object]:
    properties: dict[str, object] = {
        "precision": PRECISIONS[context.profile],
        "problem.severity": PROBLEM_SEVERITIES[info.severity],
        "tags": _tags(info),
    }
    if info.security_severity is not None:
        properties["security-severity"] = f"{info.security_severity:.1f}"
    return properties


def _tags(info: RuleInfo) -> list[str]:
    """`security` first, as GitHub goes by it; CWE numbers as GitHub spells them; no more than it takes."""
    tags = ["security"] if info.security_severity is not None else []
    tags.append(info.family)
    for tag in info.tags:
        found = _CWE.fullmatch(tag)
        tags.append(f"external/cwe/cwe-{int(found[1]):03d}" if found else tag)
    return list(dict.fromkeys(tags))[:MOST_TAGS]
