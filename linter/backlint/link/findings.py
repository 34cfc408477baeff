"""Where the second halves of rules put what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.finding import Confidence, Evidence, Finding, Severity, Span
from backlint.link.graph import CallSite, LinkedFunction, Site

if TYPE_CHECKING:
    from backlint.link.project import Project
    from backlint.rule import Rule


class Findings:
    """Collects the findings of one rule; those in kinds of file that it does not apply to are dropped."""

    def __init__(self, rule: type[Rule]) -> None:
        self._rule = rule
        self.found: list[Finding] = []

    def add(
        self,
        place: CallSite | Site | LinkedFunction,
        message: str,
        *,
        span: Span | None = None,
        confidence: Confidence = Confidence.HIGH,
        severity: Severity | None = None,
        advice: str = "",
        evidence: tuple[Evidence, ...] = (),
    ) -> None:
        """Report a fault at a call, a site or a function; `span` points elsewhere in the same function."""
        function = place if isinstance(place, LinkedFunction) else place.function
        if function.kind not in self._rule.kinds:
            return
        self.found.append(
            Finding(
                rule=self._rule.id,
                family=self._rule.family,
                path=function.path,
                span=span or (head(function) if isinstance(place, LinkedFunction) else place.span),
                message=message,
                severity=self._rule.severity if severity is None else severity,
                confidence=confidence,
                symbol=function.name,
                advice=advice,
                evidence=evidence,
            )
        )

    def add_at(
        self,
        project: Project,
        path: str,
        span: Span,
        message: str,
        *,
        handler: LinkedFunction | None = None,
        confidence: Confidence = Confidence.HIGH,
        severity: Severity | None = None,
        advice: str = "",
        evidence: tuple[Evidence, ...] = (),
    ) -> None:
        """Report a fault at a place that is no function of the project: a registration, a library's view."""
        place = handler or project.module_code(path)
        if place is not None:
            self.add(
                place,
                message,
                span=None if handler is not None and handler.path == path else span,
                confidence=confidence,
                severity=severity,
                advice=advice,
                evidence=evidence,
            )


def head(function: LinkedFunction) -> Span:
    """The `def` and the name of a function: one line to point at."""
    span = function.summary.span
    name = function.summary.name.rpartition(".")[2]
    keyword = "async def " if function.summary.is_async else "def "
    end = span.column + len(keyword) + len(name.encode())
    return Span(span.line, span.column, span.line, end)
