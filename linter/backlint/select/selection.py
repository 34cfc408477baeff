"""From everything the rules found to what is shown. Runs after the cache: changing it re-reads nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Finding, NotEvaluated, Notice
from backlint.select.choice import is_chosen, path_ignores
from backlint.select.fingerprint import fingerprints
from backlint.select.suppression import Suppressions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from backlint.config.settings import Settings
    from backlint.fixes.source import SourceText
    from backlint.summary import Suppression


class Selection(msgspec.Struct, frozen=True):
    """The outcome. Findings carry their severity in force and their fingerprint, and stand in the order
    they are shown: path, line, column, rule."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    """Silenced by a comment; shown otherwise."""
    hidden: int
    """Findings of chosen rules below the profile's confidence or the least severity."""
    notices: tuple[Notice, ...]
    """Mistakes in suppression comments, by path and line."""
    left: tuple[NotEvaluated, ...] = ()
    """How many places of each rule are left to another linter, and to which."""


def select(
    findings: Iterable[Finding],
    suppressions: Mapping[str, Sequence[Suppression]],
    settings: Settings,
    sources: Callable[[str], SourceText | None],
    known_rules: Mapping[str, str],
    full_run: bool,
    not_evaluated: Collection[str] = (),
    elsewhere: Callable[[Finding], str] = lambda _: "",
) -> Selection:
    """Choose, suppress, identify and order findings.

    `suppressions` are those of each path; a run that shows some files only passes the findings and
    suppressions of these, all of them. `known_rules` maps every rule's id to its family. `not_evaluated`
    are rules that had nothing to look at or failed. Only a `full_run`, over the whole project, can tell
    that a suppression is unused; one whose rules were not asked is never called so. `sources` is asked
    for the paths of findings only. `elsewhere` says why a finding is another linter's to report, or nothing.
    """
    severities = settings.severity
    ordered = _without_duplicates(
        msgspec.structs.replace(finding, severity=severities[finding.rule])
        if finding.rule in severities
        else finding
        for finding in findings
    )
    ignored = path_ignores(settings)

    def is_live(path: str, rule: str, family: str) -> bool:
        names = ignored(path)
        return is_chosen(rule, family, settings) and rule not in names and family not in names

    comments = Suppressions(suppressions)
    shown: dict[int, bool] = {}
    hidden = 0
    left: Counter[tuple[str, str]] = Counter()
    for index, finding in enumerate(ordered):
        if not is_live(finding.path, finding.rule, finding.family):
            continue
        suppressed = comments.match(finding)
        if not _is_visible(finding, settings):
            hidden += 1
        elif not suppressed and (reason := elsewhere(finding)):
            left[finding.rule, reason] += 1
        else:
            shown[index] = suppressed
    notices = comments.mistakes(known_rules)
    if full_run:
        notices += comments.unused(_live_names(known_rules, set(not_evaluated), is_live))
    kept = _identified(ordered, shown.keys(), sources)
    return Selection(
        findings=tuple(kept[index] for index, suppressed in shown.items() if not suppressed),
        suppressed=tuple(kept[index] for index, suppressed in shown.items() if suppressed),
        hidden=hidden,
        notices=tuple(sorted(notices, key=lambda notice: (notice.path, notice.line, notice.message))),
        left=tuple(
            NotEvaluated(rule, f"{count} {'place is' if count == 1 else 'places are'} left to {reason}")
            for (rule, reason), count in sorted(left.items())
        ),
    )


def _is_visible(finding: Finding, settings: Settings) -> bool:
    return (
        finding.confidence.rank >= settings.profile.least.rank
        and finding.severity.rank >= settings.min_severity.rank
    )


def _without_duplicates(findings: Iterable[Finding]) -> list[Finding]:
    """In the order they are shown; of several that say the same of the same place, the surest."""
    unique: dict[tuple[str, int, int, str, int, int, str], Finding] = {}
    for finding in findings:
        key = _order(finding)
        other = unique.get(key)
        if other is None or (other != finding and _rank(finding) < _rank(other)):
            unique[key] = finding
    return [unique[key] for key in sorted(unique)]


def _order(finding: Finding) -> tuple[str, int, int, str, int, int, str]:
    span = finding.span
    return (
        finding.path,
        span.line,
        span.column,
        finding.rule,
        span.end_line,
        span.end_column,
        finding.message,
    )


def _rank(finding: Finding) -> tuple[int, int, int, str]:
    # The text at the end makes the choice the same whatever the order the findings came in.
    return -finding.confidence.rank, -finding.severity.rank, -len(finding.evidence), repr(finding)


def _identified(
    ordered: Sequence[Finding], shown: Collection[int], sources: Callable[[str], SourceText | None]
) -> dict[int, Finding]:
    """The findings at the indices `shown`, with their fingerprints."""
    paths = {ordered[index].path for index in shown}
    numbered = [index for index, finding in enumerate(ordered) if finding.path in paths]
    made = fingerprints([ordered[index] for index in numbered], sources)
    return {
        index: msgspec.structs.replace(ordered[index], fingerprint=fingerprint)
        for index, fingerprint in zip(numbered, made, strict=True)
        if index in shown
    }


def _live_names(
    known_rules: Mapping[str, str], not_evaluated: set[str], is_live: Callable[[str, str, str], bool]
) -> Callable[[str, str], bool]:
    """Whether the rule or family of this name would have reported in a path, had it found something.

    A family must have been asked in full, save for rules that had nothing to look at.
    """
    members: dict[str, list[str]] = {}
    for rule, family in known_rules.items():
        members.setdefault(family, []).append(rule)

    def would_report(path: str, name: str) -> bool:
        if name in known_rules:
            return name not in not_evaluated and is_live(path, name, known_rules[name])
        rules = members.get(name, [])
        return any(rule not in not_evaluated for rule in rules) and all(
            is_live(path, rule, name) for rule in rules
        )

    return would_report
