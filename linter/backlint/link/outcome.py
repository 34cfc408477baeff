"""What linking finds."""

from __future__ import annotations

import msgspec

from backlint.finding import Finding, NotEvaluated, Notice


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """Everything found, before anything is selected or suppressed."""

    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
