"""The outcome of a run: what every reporter and the exit status are made from."""

from __future__ import annotations

import msgspec

from backlint.finding import Finding, NotEvaluated, Notice


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one run; times are wall-clock seconds."""

    files: int = 0
    lines: int = 0
    summarised: int = 0
    """Files that were read anew rather than taken from the cache."""
    suppressed: int = 0
    """Findings silenced by a comment."""
    baselined: int = 0
    hidden: int = 0
    """Findings below the profile's confidence or the least severity."""
    timings: dict[str, float] = {}
    """Seconds by stage: discover, summarise, link, select."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Findings in the order they are shown: by path, line, column, rule."""

    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()
    not_evaluated: tuple[NotEvaluated, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    statistics: Statistics = Statistics()
    rules: tuple[str, ...] = ()
    """Ids of the rules that ran."""
