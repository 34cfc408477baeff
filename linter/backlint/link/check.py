"""Runs the second half of linking: pending findings are decided and project-wide rules asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Evidence, Finding, NotEvaluated, Notice
from backlint.link.decide import decide
from backlint.link.findings import Findings
from backlint.rule import Rule
from backlint.time_limit import TimeLimitReached, time_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from backlint.link.project import Project
    from backlint.registry import RuleInfo
    from backlint.summary import PendingFinding


SECONDS = 30.0
"""Of processor time that a rule may take on a project of any size."""
_LINES_A_SECOND = 10_000
"""Grants large projects more: hundreds of times what a rule needs."""


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """Everything found, before anything is selected or suppressed."""

    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()


def check_project(
    project: Project, rules: Iterable[RuleInfo], renew: Callable[[], Project] | None = None
) -> Outcome:
    """Ask every rule; one that raises, or takes too long, costs its own second half only.

    Args:
        renew: Makes the project anew, for the rules after one that was interrupted in the middle of it.
    """
    findings: list[Finding] = []
    notices: list[Notice] = []
    not_evaluated: list[NotEvaluated] = []
    evaluated: dict[str, RuleInfo] = {}
    seconds = SECONDS + sum(file.summary.lines for file in project.files) / _LINES_A_SECOND
    for info in rules:
        if info.needs and not project.mentions.intersection(info.needs):
            names = ", ".join(info.needs)
            not_evaluated.append(NotEvaluated(info.id, f"the project imports none of: {names}"))
            continue
        evaluated[info.id] = info
        if info.cls.check is Rule.check:
            continue
        collector = Findings(info.cls)
        try:
            with time_limit(seconds):
                info.cls().check(project, collector)
        except TimeLimitReached:
            notices.append(
                Notice("too-slow", f"{info.id} takes longer than {seconds:.0f} s and skips the project")
            )
            # What it had found by then hangs on the clock, and what it was working out is half done.
            project = renew() if renew is not None else project
            continue
        except Exception as error:
            reason = " ".join(str(error).split())
            notices.append(
                Notice("rule-error", f"{info.id} failed on the project: {type(error).__name__}: {reason}")
            )
        findings.extend(collector.found)
    findings.extend(_decided(project, evaluated))
    return Outcome(tuple(findings), tuple(notices), tuple(not_evaluated))


def _decided(project: Project, rules: dict[str, RuleInfo]) -> Iterable[Finding]:
    for file in project.files:
        for pending in file.summary.findings:
            info = rules.get(pending.rule)
            if info is None or file.kind not in info.kinds:
                continue
            evidence = pending.evidence
            if pending.when is not None:
                held, shown = decide(project, file, pending.when)
                if not held:
                    continue
                evidence = (*evidence, *shown)
            function = file.summary.functions[pending.function]
            symbol = function.name if pending.function else ""
            yield _finding(pending, info, file.summary.path, symbol, evidence)


def _finding(
    pending: PendingFinding, info: RuleInfo, path: str, symbol: str, evidence: tuple[Evidence, ...]
) -> Finding:
    return Finding(
        rule=info.id,
        family=info.family,
        path=path,
        span=pending.span,
        message=pending.message,
        severity=pending.severity,
        confidence=pending.confidence,
        symbol=symbol,
        advice=pending.advice,
        evidence=evidence,
        fix=pending.fix,
    )
