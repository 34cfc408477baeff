"""A diff review: changed files at both revisions, linked twice, and what is found only at the later one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.analysis import Analysis, CheckRequest, Session, analyse, read_manifests
from backlint.diff.compare import State, Touched, introduced
from backlint.discovery import SourceFile, discover, would_find
from backlint.finding import Evidence
from backlint.report import Report, Statistics
from backlint.run import (
    collector_off,
    concerns,
    select_findings,
    shown_paths,
    source_reader,
    with_fixes,
    without_known,
)
from backlint.summary import FileKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from backlint.config.settings import Settings
    from backlint.diff.changes import ChangeSet
    from backlint.finding import Finding
    from backlint.fixes.source import SourceText
    from backlint.select.selection import Selection


def review_change(request: CheckRequest, change: ChangeSet) -> Report:
    """Report what a change introduces, in the lines it wrote and anywhere else.

    A finding outside these lines is placed on the line of its evidence that the change wrote, where
    there is one, and then names the place of the fault in its message and evidence. Such findings
    carry no fix. Files outside the change come from the cache where it has them.

    Raises:
        UsageError: a path doesn't exist, or a library entry of the project can't be read.
    """
    with collector_off():
        return _review(Session(request), change)


def _review(session: Session, change: ChangeSet) -> Report:
    request, settings = session.request, session.settings
    discovery = discover((settings.root, *request.paths), settings)
    head_files = _files(discovery.files, change.head, settings)
    base_files = _files(head_files, change.base, settings)
    session.clock.lap("discover")
    head_contents, base_contents = _contents(change.head), _contents(change.base)
    manifests = read_manifests(settings.root, discovery.manifests)
    added = {file.path for file in change.files if not file.old_path}
    # Only of migrations it matters that they are new; with more, no result would be found in the cache again.
    new_files = frozenset(
        file.path for file in head_files if file.kind is FileKind.MIGRATION and file.path in added
    )
    head = analyse(session, head_files, head_contents, manifests=manifests, new_files=new_files)
    base = analyse(session, base_files, base_contents, previous=head, manifests=manifests)
    shown = shown_paths(request, discovery)
    touched = Touched({file.path: file.added for file in change.files if file.path is not None})
    sources = (
        source_reader(settings.root, head_contents),
        source_reader(settings.root, {**head_contents, **base_contents}),
    )
    suspects = _suspects(head, base, touched)
    paths = frozenset(finding.path for finding in suspects)
    renamed = {file.old_path: file.path for file in change.files if file.old_path and file.path}
    changed_before = {file.old_path for file in change.files if file.old_path}
    old_paths = {path for path in paths if path not in renamed.values()} | changed_before
    now = _selected(session, head, paths, sources[0])
    before = _selected(session, base, old_paths, sources[1])
    blind = _failed(base)

    def new_among(findings: Sequence[Finding]) -> list[Finding]:
        found = introduced(
            State(findings, sources[0]), State(before.findings, sources[1]), touched, renamed, changed_before
        )
        # What the base could not be asked for counts as old, save in the lines of the change.
        return [finding for finding in found if finding.rule not in blind or touched.any(finding)]

    found = [finding for finding in new_among(now.findings) if shown is None or finding.path in shown]
    fresh = without_known(tuple(found), request.baseline, sources[0])
    fixed, unfixed = with_fixes(fresh, session.registry, sources[0])
    findings = [
        mended if placed is finding else placed
        for finding, placed, mended in zip(
            fresh,
            [place_in_change(finding, touched) for finding in fresh],
            fixed,
            strict=True,
        )
    ]
    findings.sort(
        key=lambda found: (found.path, found.span.line, found.span.column, found.rule, found.message)
    )
    session.clock.lap("select")
    suppressed = tuple(new_among(now.suppressed))
    changed = frozenset(file.path for file in change.files if file.path is not None)
    reviewed = [summary for summary, _ in head.summaries.files if summary.path in changed]
    return Report(
        findings=tuple(findings),
        notices=(
            *session.registry.notices,
            *(note for note in (*discovery.notices, *head.summaries.notices) if concerns(note, changed)),
            *head.outcome.notices,
            *now.notices,
            *unfixed,
            *session.cache.notices,
        ),
        not_evaluated=(*head.outcome.not_evaluated, *now.left),
        suppressed=suppressed,
        statistics=Statistics(
            files=len(reviewed),
            lines=sum(summary.lines for summary in reviewed),
            summarised=head.summaries.read_anew + base.summaries.read_anew,
            suppressed=len(suppressed),
            baselined=len(found) - len(fresh),
            timings=session.clock.stages,
        ),
        rules=tuple(session.registry.rules),
    )


def place_in_change(finding: Finding, touched: Touched) -> Finding:
    """The finding on a line that the change wrote, if one of its evidence is.

    Code hosts show what lies outside of a diff to nobody. Of several steps the last is taken, which is
    the nearest to the cause.
    """
    if touched.own(finding):
        return finding
    for step in reversed(finding.evidence):
        if touched.span(step.path, step.span):
            where = f"{finding.path}:{finding.span.line}"
            return msgspec.structs.replace(
                finding,
                path=step.path,
                span=step.span,
                message=f"{finding.message} (at {where}, because of this line)",
                evidence=(Evidence(finding.path, finding.span, "the fault is here"), *finding.evidence),
                fix=None,
            )
    return finding


def _files(
    files: Iterable[SourceFile], overlay: Mapping[str, bytes | None], settings: Settings
) -> tuple[SourceFile, ...]:
    """Files with those of an overlay that a search would find, and without those it takes away."""
    kept = [file for file in files if overlay.get(file.path, b"") is not None]
    known = {file.path for file in kept}
    added = [path for path, data in overlay.items() if data is not None and path not in known]
    return (*kept, *would_find(added, settings))


def _contents(overlay: Mapping[str, bytes | None]) -> dict[str, bytes]:
    return {path: data for path, data in overlay.items() if data is not None}


def _suspects(head: Analysis, base: Analysis, touched: Touched) -> list[Finding]:
    """Findings that the base does not have just so, or that the change touched."""
    known = set(base.outcome.findings)
    return [finding for finding in head.outcome.findings if finding not in known or touched.any(finding)]


def _selected(
    session: Session,
    analysis: Analysis,
    paths: Collection[str],
    source: Callable[[str], SourceText | None],
) -> Selection:
    findings = [finding for finding in analysis.outcome.findings if finding.path in paths]
    return select_findings(
        session, analysis.outcome, analysis.summaries.suppressions(), findings, source, frozenset(paths)
    )


def _failed(analysis: Analysis) -> frozenset[str]:
    """Rules that failed on an analysis."""
    return frozenset(notice.message.partition(" ")[0] for notice in analysis.outcome.notices)
