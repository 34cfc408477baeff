"""One run, top to bottom: discover, summarise, link, select."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from backlint.analysis import (
    ChangedMeanwhileError,
    Session,
    is_lasting,
    read_manifests,
    read_project,
    review,
)
from backlint.analysis import CheckRequest as CheckRequest
from backlint.analysis import load_project as load_project
from backlint.discovery import Discovery, discover
from backlint.finding import Finding, NotEvaluated, Notice
from backlint.fixes.source import SourceText, read_source
from backlint.report import Report, Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from backlint.analysis import Contents, Known
    from backlint.config.settings import Settings
    from backlint.link.outcome import Outcome
    from backlint.other_linters.overlap import Overlap
    from backlint.registry import Registry
    from backlint.select.selection import Selection
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
    request, settings = session.request, session.settings
    discovery = discover((settings.root, *request.paths), settings)
    session.clock.lap("discover")
    overlay = dict([request.stdin]) if request.stdin else {}
    manifests = read_manifests(settings.root, discovery.manifests)
    try:
        return _reviewed(session, discovery, overlay, manifests, trusts=True)
    except ChangedMeanwhileError:
        return _reviewed(session, discovery, overlay, manifests, trusts=False)


def _reviewed(
    session: Session,
    discovery: Discovery,
    overlay: Mapping[str, bytes],
    manifests: Mapping[str, str],
    *,
    trusts: bool,
) -> Report:
    request, settings, registry = session.request, session.settings, session.registry
    contents, key = read_project(session, discovery.files, overlay, manifests, trusts=trusts)
    shown = shown_paths(request, discovery)
    kept_as = _report_key(settings, key) if shown is None and request.baseline is None else ""
    chosen = _kept(session, kept_as)
    if chosen is None:
        known = review(session, contents, key, manifests, _named(request, shown))
        about_files = tuple(note for note in known.notices if note not in contents.notices)
        known = msgspec.structs.replace(known, notices=about_files)
        chosen = _chosen(session, known, contents, overlay, shown)
        if kept_as and is_lasting(known) and not session.registry.notices and not chosen.unfixed:
            session.cache.save_blob("report", kept_as, msgspec.msgpack.encode(chosen))
    session.clock.lap("select")
    notices = (
        *registry.notices,
        *(
            note
            for note in (*discovery.notices, *contents.notices, *chosen.about_files)
            if concerns(note, shown)
        ),
        *chosen.about_rules,
        *chosen.unfixed,
        *session.cache.notices,
    )
    return Report(
        findings=chosen.findings,
        notices=notices,
        not_evaluated=chosen.not_evaluated,
        suppressed=chosen.suppressed,
        statistics=Statistics(
            files=chosen.files,
            lines=chosen.lines,
            summarised=chosen.read_anew,
            suppressed=len(chosen.suppressed),
            baselined=chosen.baselined,
            hidden=chosen.hidden,
            timings=session.clock.stages,
        ),
        rules=tuple(registry.rules),
    )


class _Chosen(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What a report says, all but the figures of the run."""

    findings: tuple[Finding, ...]
    suppressed: tuple[Finding, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    about_files: tuple[Notice, ...]
    about_rules: tuple[Notice, ...]
    unfixed: tuple[Notice, ...]
    """About fixes that could not be made."""
    files: int
    lines: int
    hidden: int
    baselined: int
    read_anew: int = 0
    top: str = ""
    configurations: dict[str, str] = {}
    """Sums of the configurations of other linters that it depends on, by path from the repository's top."""


def _report_key(settings: Settings, key: str) -> str:
    """A key for the report of a full run: what is known of the project, and every setting."""
    said = msgspec.json.encode(settings, enc_hook=str, order="sorted")
    return blake2b(key.encode() + said, digest_size=20).hexdigest()


def _kept(session: Session, key: str) -> _Chosen | None:
    """What an equal run before has reported: then neither rules nor files are asked again."""
    stored = session.cache.load_blob("report", key) if key else None
    if stored is None:
        return None
    try:
        kept = msgspec.msgpack.decode(stored, type=_Chosen)
    except msgspec.DecodeError:
        return None
    if kept.configurations:
        from backlint.other_linters.texts import still_hold

        if not still_hold(session.settings.root, kept.top, kept.configurations):
            return None
    return msgspec.structs.replace(kept, read_anew=0)


def _chosen(
    session: Session,
    known: Known,
    contents: Contents,
    overlay: Mapping[str, bytes],
    shown: frozenset[str] | None,
) -> _Chosen:
    request, settings = session.request, session.settings
    outcome = known.outcome
    # What was analysed, for a file may have changed since.
    read = contents.of({finding.path for finding in outcome.findings})
    source = source_reader(settings.root, {**overlay, **read})
    selection = select_findings(
        session,
        outcome,
        known.suppressions,
        [finding for finding in outcome.findings if shown is None or finding.path in shown],
        source,
        shown,
    )
    fresh = without_known(selection.findings, request.baseline, source)
    findings, unfixed = with_fixes(fresh, session.registry, source)
    top, configurations = session.overlap.looked_at() if session.overlap is not None else ("", {})
    return _Chosen(
        top=top,
        configurations=configurations,
        findings=findings,
        suppressed=selection.suppressed,
        not_evaluated=(*outcome.not_evaluated, *selection.left),
        about_files=known.notices,
        about_rules=(*outcome.notices, *selection.notices),
        unfixed=tuple(unfixed),
        files=known.files,
        lines=known.lines,
        hidden=selection.hidden,
        baselined=len(selection.findings) - len(fresh),
        read_anew=known.read_anew,
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
    from backlint.select.selection import select  # a report that was kept needs none of it

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

        session.overlap = Overlap(settings.root, rules, source, settings.defer_to)
        return session.overlap

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


def _named(request: CheckRequest, shown: frozenset[str] | None) -> frozenset[str] | None:
    """The files that rules need to look at: those named one by one, as commit hooks do; None for all.

    What is found in folders is worked out with everything else: the next run may ask for another folder.
    """
    if request.stdin is None and any(path.is_dir() for path in request.paths):
        return None
    return shown


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
