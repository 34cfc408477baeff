"""Where the second halves of rules put what they find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.finding import Confidence, Evidence, Finding, Severity, Span
from backlint.link.graph import CallSite, LinkedFunction, Site

if TYPE_CHECKING:
    from collections.abc import Collection

    from backlint.link.index import FileNode
    from backlint.link.project import Project
    from backlint.rule import Rule


class Findings:
    """Collects the findings of one rule; those in kinds of file that it does not apply to are dropped.

    Args:
        paths: The files that the run asks about; findings in others are dropped. None for all.
        looks_everywhere: Whether `wants` has the rule look at other files all the same.
    """

    def __init__(
        self, rule: type[Rule], paths: Collection[str] | None = None, *, looks_everywhere: bool = False
    ) -> None:
        self._rule = rule
        self._kinds = rule.kinds
        self._paths = paths
        self._looked_at = None if looks_everywhere else paths
        self.found: list[Finding] = []

    def wants(self, function: LinkedFunction) -> bool:
        """Whether a finding in a function would be kept; a rule may pass over others where all that it finds by
        looking at them lies in them."""
        file = function.file
        return file.kind in self._kinds and (self._looked_at is None or file.summary.path in self._looked_at)

    def wants_file(self, file: FileNode) -> bool:
        """Whether a finding in a file would be kept."""
        return file.kind in self._kinds and (self._looked_at is None or file.summary.path in self._looked_at)

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
        if function.kind not in self._rule.kinds or not (self._paths is None or function.path in self._paths):
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
