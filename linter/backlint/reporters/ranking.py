"""Which findings to keep where a format has no room for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backlint.finding import Finding


def by_importance(findings: Sequence[Finding]) -> list[int]:
    """Indices of the findings: the worst first, of equals the surest, then in the order they are shown."""
    return sorted(
        range(len(findings)),
        key=lambda index: (-findings[index].severity.rank, -findings[index].confidence.rank, index),
    )


def most_important(findings: Sequence[Finding], count: int) -> tuple[Finding, ...]:
    """At most `count` findings, in the order they are shown."""
    if len(findings) <= count:
        return tuple(findings)
    return tuple(findings[index] for index in sorted(by_importance(findings)[:count]))
