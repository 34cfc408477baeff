"""One run, top to bottom: discover, summarise, link, select."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import msgspec

from backlint.analysis import CheckRequest as CheckRequest
from backlint.analysis import Session, read_manifests, review
from backlint.analysis import load_project as load_project
from backlint.discovery import Discovery, discover
from backlint.finding import Notice
from backlint.fixes.source import SourceText, read_source
from backlint.report import Report, Statistics
from backlint.select.selection import Selection, select

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from backlint.finding import Finding
    from backlint.link.outcome import Outcome
    from backlint.other_linters.overlap import Overlap
    from backlint.registry import Registry
    from backlint.summary import Suppression


@contextmanager
def collector_off() -> Iterator[None]:
    """Without the garbage collector: summaries are many, and none of them dies before the end."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def check(request: CheckRequest) -> Report:
    """Review a project.

    Raises:
        UsageError: a path doesn't exist, or a library entry of the project can't be read.
    """
    with collector_off():
        return _check(Session(request))


def source_reader(root: Path, contents: Mapping[str, bytes]) -> Callable[[str], SourceText | None]:
    """A function from a path to its text, which is what was analysed; each file is read once."""

    @cache
    def source(path: str) -> SourceText | None:
        if path in contents:
            return SourceText(path, contents[path])
        return read_source(root, path)

    return source


def _check(session: Session) -> Report:
    request, settings, registry = session.request, session.settings, session.registry
    discovery = discover((settings.root, *request.paths), settings)
    session.clock.lap("discover")
    overlay = dict([request.stdin]) if request.stdin else {}
    manifests = read_manifests(settings.root, discovery.manifests)
    known = review(session, discovery.files, overlay, manifests)
    outcome = known.outcome
    shown = shown_paths(request, discovery)
    source = source_reader(settings.root, overlay)
    selection = select_findings(
        session,
        outcome,
        known.suppressions,
        [finding for finding in outcome.findings if shown is None or finding.path in shown],
        source,
        shown,
    )
    fresh = without_known(selection.findings, request.baseline, source)
    findings, unfixed = with_fixes(fresh, registry, source)
    session.clock.lap("select")
    notices = (
        *registry.notices,
        *(note for note in (*discovery.notices, *known.notices) if concerns(note, shown)),
        *outcome.notices,
        *selection.notices,
        *unfixed,
        *session.cache.notices,
    )
    return Report(
        findings=findings,
        notices=notices,
        not_evaluated=(*outcome.not_evaluated, *selection.left),
        suppressed=selection.suppressed,
        statistics=Statistics(
            files=known.files,
            lines=known.lines,
            summarised=known.read_anew,
            suppressed=len(selection.suppressed),
            baselined=len(selection.findings) - len(fresh),
            hidden=selection.hidden,
            timings=session.clock.stages,
        ),
        rules=tuple(registry.rules),
    )


def select_findings(
    session: Session,
    outcome: Outcome,
    suppressions: Mapping[str, tuple[Suppression, ...]],
    findings: Iterable[Finding],
    source: Callable[[str], SourceText | None],
    shown: frozenset[str] | None,
) -> Selection:
    """Select from findings of an analysis: all those in the paths `shown`, or in all where None."""
    settings = session.settings
    return select(
        findings,
        {path: found for path, found in suppressions.items() if shown is None or path in shown},
        settings,
        source,
        {info.id: info.family for info in session.registry.rules.values()},
        shown is None,
        {entry.rule for entry in outcome.not_evaluated}
        | {notice.message.partition(" ")[0] for notice in outcome.notices},
        _left_to_others(session, source),
    )


def _left_to_others(session: Session, source: Callable[[str], SourceText | None]) -> Callable[[Finding], str]:
    """A function from a finding to why it is left to another linter; nothing is read before the first such rule."""
    rules, settings = session.registry.rules, session.settings

    @cache
    def overlap() -> Overlap:
        from backlint.other_linters.overlap import Overlap

        return Overlap(settings.root, rules, source, settings.defer_to)

    def reason(finding: Finding) -> str:
        return overlap().reason(finding) if settings.defer_to and rules[finding.rule].same_as else ""

    return reason


def without_known(
    findings: tuple[Finding, ...], baseline: Path | None, source: Callable[[str], SourceText | None]
) -> tuple[Finding, ...]:
    """The findings that are not in the baseline.

    Raises:
        UsageError: it can't be read.
    """
    if baseline is None:
        return findings
    from backlint.baseline import read_baseline, split

    return split(findings, read_baseline(baseline), source).new


def concerns(notice: Notice, shown: frozenset[str] | None) -> bool:
    """Whether a notice is about one of the paths shown, or about none in particular."""
    return shown is None or not notice.path or notice.path in shown


def shown_paths(request: CheckRequest, discovery: Discovery) -> frozenset[str] | None:
    """The paths to report on; None for the whole project."""
    if request.stdin is not None:
        return frozenset({request.stdin[0]})
    root = request.settings.root.resolve()
    # Discovery follows no links, so that its paths can be compared as text.
    resolved = [path.resolve() for path in request.paths]
    targets = {path.relative_to(root).as_posix() for path in resolved if path.is_relative_to(root)}
    if not resolved or "." in targets:
        return None
    return frozenset(
        file.path for file in discovery.files if not targets.isdisjoint(_with_folders(file.path))
    )


def _with_folders(path: str) -> list[str]:
    """A path and the folders above it."""
    parts = path.split("/")
    return ["/".join(parts[: count + 1]) for count in range(len(parts))]


def with_fixes(
    findings: tuple[Finding, ...], registry: Registry, source: Callable[[str], SourceText | None]
) -> tuple[tuple[Finding, ...], list[Notice]]:
    """Ask the rules for the edits of the findings that are shown; those that fail are in the notices."""
    texts: dict[str, SourceText | None] = {}
    result = []
    notices: list[Notice] = []
    for finding in findings:
        info = registry.rules[finding.rule]
        if finding.fix is None and info.has_fix:
            if finding.path not in texts:
                texts[finding.path] = source(finding.path)
            text = texts[finding.path]
            try:
                fix = None if text is None else info.cls().fix(finding, text)
            except Exception as error:
                fix = None
                reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
                message = f"{finding.rule} has no fix here, for it failed: {reason}"
                notices.append(Notice("rule-error", message, finding.path, finding.span.line))
            if fix is not None:
                finding = msgspec.structs.replace(finding, fix=fix)
        result.append(finding)
    return tuple(result), notices
