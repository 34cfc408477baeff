"""SARIF 2.1.0, as GitHub code scanning takes it.

Source: the OASIS standard, and GitHub's "SARIF support for code scanning", whose limits reject a whole
file when one is passed: the least important goes first, and a notification says what is missing.
"""

from __future__ import annotations

import gc
import gzip
import json
from typing import TYPE_CHECKING

import sarif_om  # type: ignore[import-untyped]

from backlint.finding import Confidence, Evidence
from backlint.reporters import sarif_text as text
from backlint.reporters.escape import escape, escape_json
from backlint.reporters.ranking import most_important
from backlint.reporters.sarif_notifications import kinds, notifications
from backlint.reporters.sarif_rules import descriptor
from backlint.reporters.sarif_text import sentence
from backlint.reporters.summary import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backlint.finding import Finding
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://pypi.org/project/backlint/"
MOST_RESULTS = 25_000
MOST_BYTES = 10_000_000
"""Of the file when compressed with gzip."""
MOST_LOCATIONS = 1_000
"""Of one result."""
_MOST_EVIDENCE = MOST_LOCATIONS - 2
"""Leaves room for the finding itself and for all its lines."""
_MOST_LINKS = 10
"""Places named in a message; the code flow has all."""
_RANKS = {Confidence.HIGH: 90.0, Confidence.MEDIUM: 60.0, Confidence.LOW: 30.0}


def render(report: Report, context: ReporterContext) -> str:
    """The report as one SARIF log, within GitHub's limits."""
    collecting = gc.isenabled()
    # Tens of thousands of results are millions of objects, none of which dies before the end.
    gc.disable()
    try:
        return _within_limits(report, context)
    finally:
        if collecting:
            gc.enable()


def _within_limits(report: Report, context: ReporterContext) -> str:
    findings = report.findings
    silenced: frozenset[Finding] = frozenset()
    if context.show_suppressed:
        silenced = frozenset(report.suppressed)
        findings = tuple(sorted((*findings, *silenced), key=_place))
    kept = most_important(findings, MOST_RESULTS)
    while True:
        log = _render(report, context, kept, len(findings), silenced)
        size = _compressed_size(log)
        if size <= MOST_BYTES or not kept:
            return log
        kept = most_important(kept, int(len(kept) * min(0.9, 0.95 * MOST_BYTES / size)))


def _place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.path, finding.span.line, finding.span.column, finding.rule


def _compressed_size(log: str) -> int:
    data = log.encode()
    return len(data) if len(data) <= MOST_BYTES else len(gzip.compress(data, compresslevel=6, mtime=0))


def _render(
    report: Report,
    context: ReporterContext,
    kept: Sequence[Finding],
    in_all: int,
    silenced: frozenset[Finding],
) -> str:
    rules = sorted(
        {*report.rules, *(found.rule for found in kept), *(item.rule for item in report.not_evaluated)}
    )
    indices = {rule: index for index, rule in enumerate(rules)}
    left_out = list(_left_out(kept, in_all))
    notified = notifications(report, context, left_out)
    run = sarif_om.Run(
        tool=sarif_om.Tool(
            driver=sarif_om.ToolComponent(
                name="backlint",
                version=context.version,
                semantic_version=context.version,
                information_uri=HOME,
                rules=[descriptor(rule, context) for rule in rules],
                notifications=kinds(notified),
            )
        ),
        automation_details=(
            sarif_om.RunAutomationDetails(id=context.category.rstrip("/") + "/") if context.category else None
        ),
        column_kind="unicodeCodePoints",
        original_uri_base_ids={
            text.BASE: sarif_om.ArtifactLocation(description=text.message("The top of the repository."))
        },
        invocations=[
            sarif_om.Invocation(
                execution_successful=not any(notice.failure for notice in report.notices),
                tool_execution_notifications=notified,
            )
        ],
        results=[_result(finding, indices[finding.rule], context, finding in silenced) for finding in kept],
    )
    log = sarif_om.SarifLog(runs=[run], version="2.1.0", schema_uri=SCHEMA)
    return escape_json(json.dumps(text.to_plain(log), ensure_ascii=False, separators=(",", ":"))) + "\n"


def _left_out(kept: Sequence[Finding], in_all: int) -> Iterator[str]:
    """What the limits have cost, one sentence each."""
    if len(kept) < in_all:
        yield (
            f"{in_all - len(kept):,} of {in_all:,} findings are left out, the least severe and least sure, "
            f"to stay within {MOST_RESULTS:,} results and {MOST_BYTES / 1e6:g} MB (gzip)."
        )
    long = sum(len(finding.evidence) > _MOST_EVIDENCE for finding in kept)
    if long:
        yield f"Evidence beyond {_MOST_EVIDENCE:,} places is left out of {plural(long, 'finding')}."


def _result(finding: Finding, rule_index: int, context: ReporterContext, suppressed: bool) -> sarif_om.Result:
    evidence = finding.evidence[:_MOST_EVIDENCE]
    return sarif_om.Result(
        rule_id=finding.rule,
        rule_index=rule_index,
        level=finding.severity.value,
        rank=_RANKS[finding.confidence],
        message=text.message(_message(finding)),
        locations=[_primary(finding, context)],
        related_locations=_related(finding, evidence, context) or None,
        code_flows=[_code_flow(finding, evidence, context)] if evidence else None,
        partial_fingerprints=(
            {"primaryLocationLineHash": finding.fingerprint} if finding.fingerprint else None
        ),
        fixes=[_fix(finding, context)] if finding.fix is not None and not finding.fix.imports else None,
        suppressions=[sarif_om.Suppression(kind="inSource")] if suppressed else None,
        properties={"confidence": finding.confidence.value, "family": finding.family},
    )


def _message(finding: Finding) -> str:
    """One sentence that lists show, then the evidence as links, then what to do."""
    parts = [sentence(text.plain(finding.message))]
    if finding.evidence:
        links = [
            text.link(step.message or "here", number)
            for number, step in enumerate(finding.evidence[:_MOST_LINKS], 1)
        ]
        more = len(finding.evidence) - len(links)
        listed = "; ".join(links) + (f"; and {more:,} more places" if more else "")
        parts.append(sentence(f"Because: {listed}"))
    if finding.advice:
        parts.append(sentence(f"What to do: {text.plain(finding.advice)}"))
    return "\n\n".join(parts)


def _primary(finding: Finding, context: ReporterContext) -> sarif_om.Location:
    logical = None
    if finding.symbol:
        logical = [sarif_om.LogicalLocation(fully_qualified_name=escape(finding.symbol))]
    return sarif_om.Location(
        physical_location=text.physical_location(context, finding.path, finding.span, one_line=True),
        logical_locations=logical,
    )


def _related(
    finding: Finding, evidence: Sequence[Evidence], context: ReporterContext
) -> list[sarif_om.Location]:
    """The evidence, numbered from 1, and the whole of a finding of several lines."""
    related = [
        sarif_om.Location(
            id=number,
            physical_location=text.physical_location(context, step.path, step.span, one_line=False),
            message=text.message(escape(step.message)),
        )
        for number, step in enumerate(evidence, 1)
    ]
    if finding.span.end_line > finding.span.line:
        related.append(
            sarif_om.Location(
                id=len(related) + 1,
                physical_location=text.physical_location(context, finding.path, finding.span, one_line=False),
                message=text.message("all lines of it"),
            )
        )
    return related


def _code_flow(finding: Finding, evidence: Sequence[Evidence], context: ReporterContext) -> sarif_om.CodeFlow:
    """From the finding along its evidence."""
    steps = (Evidence(finding.path, finding.span, finding.message), *evidence)
    return sarif_om.CodeFlow(
        thread_flows=[
            sarif_om.ThreadFlow(
                locations=[
                    sarif_om.ThreadFlowLocation(
                        location=sarif_om.Location(
                            physical_location=text.physical_location(
                                context, step.path, step.span, one_line=number == 0
                            ),
                            message=text.message(text.plain(step.message)),
                        )
                    )
                    for number, step in enumerate(steps)
                ]
            )
        ]
    )


def _fix(finding: Finding, context: ReporterContext) -> sarif_om.Fix:
    assert finding.fix is not None
    return sarif_om.Fix(
        description=text.message(sentence(text.plain(finding.fix.message))),
        artifact_changes=[
            sarif_om.ArtifactChange(
                artifact_location=text.artifact_location(context, finding.path),
                replacements=[
                    sarif_om.Replacement(
                        deleted_region=text.edited_region(context, finding.path, edit.span),
                        inserted_content=sarif_om.ArtifactContent(text=edit.text),
                    )
                    for edit in finding.fix.edits
                ],
            )
        ],
    )
