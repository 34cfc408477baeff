"""One run, top to bottom: discover, summarise, link, select."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backlint.cache.keys import program_fingerprint, summary_key
from backlint.cache.store import Cache, open_cache
from backlint.config.settings import Settings
from backlint.discovery import Discovery, SourceFile, classify, discover, is_generated, read
from backlint.finding import Finding, Notice
from backlint.fixes.source import SourceText, read_source
from backlint.libraries.catalogue import Catalogue, compile_entries, decode_catalogue, encode_catalogue
from backlint.link.check import Outcome, check_project
from backlint.link.facts import ProjectFacts
from backlint.registry import Registry, library_folders, load_rules
from backlint.report import Report, Statistics
from backlint.select.selection import Selection, select
from backlint.summarise.file import FileTask
from backlint.summarise.pool import summarise_all
from backlint.summary import FileSummary, Suppression, decode, encode
from backlint.syntax.parse import MAX_BYTES

if TYPE_CHECKING:
    from backlint.link.project import Project


_LARGEST_MANIFEST = 1_000_000


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to check, and how."""

    paths: tuple[Path, ...]
    """Files and folders to report on; the whole project is read whatever they are."""
    settings: Settings
    jobs: int | None = None
    """Worker processes; one a core when None."""
    cache_dir: Path | None = None
    use_cache: bool = True
    stdin: tuple[str, bytes] | None = None
    """A file's path, relative to the root, and the content that stands for what is on disk."""
    progress: Callable[[int, int], None] | None = None
    """Told the number of files read and of all files to read."""
    baseline: Path | None = None
    """A file of known findings, which are not reported."""


class Summaries(msgspec.Struct):
    """The summaries of a project, with what identifies them."""

    files: list[tuple[FileSummary, str]] = []
    """Each with its source root."""
    keys: list[str] = []
    notices: list[Notice] = []
    read_anew: int = 0
    lines: int = 0


class Analysis(msgspec.Struct, frozen=True):
    """A project in one state of its files, linked."""

    summaries: Summaries
    outcome: Outcome


class Clock:
    """Wall-clock seconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self._last
        self._last = now


class Session:
    """What the analyses of one run share."""

    def __init__(self, request: CheckRequest) -> None:
        self.clock = Clock()
        self.request = request
        self.settings = request.settings
        self.registry = load_rules()
        self.cache = open_cache(request.cache_dir if request.use_cache else None)
        self.fingerprint = _fingerprint(self.registry)


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


def analyse(
    session: Session,
    files: Iterable[SourceFile],
    contents: Mapping[str, bytes],
    previous: Analysis | None = None,
    *,
    manifests: Mapping[str, str] | None = None,
    new_files: frozenset[str] = frozenset(),
) -> Analysis:
    """Summarise files and link them.

    Args:
        contents: What stands for the file on disk, by path.
        previous: An analysis of another state of the project: summaries of files that `contents` doesn't
            name are taken from it, and nothing is read from the disk.
        manifests: Text of each manifest by path.
        new_files: Paths of migrations that the change under review adds.
    """
    summaries = _summarise(session, files, contents, previous)
    session.clock.lap("summarise")
    outcome = _link(session, summaries, _facts(session, manifests, new_files))
    session.clock.lap("link")
    return Analysis(summaries, outcome)


def read_manifests(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """The texts of manifests by path; one that can't be read, or is far too large, is left out."""
    texts = {}
    for path in paths:
        source = read_source(root, path)
        if source is not None and len(source.data) <= _LARGEST_MANIFEST:
            texts[path] = source.text.encode("utf-8", "replace").decode()
    return texts


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
    analysis = analyse(session, discovery.files, overlay, manifests=manifests)
    summaries, outcome = analysis.summaries, analysis.outcome
    shown = shown_paths(request, discovery)
    source = source_reader(settings.root, overlay)
    selection = select_findings(
        session,
        analysis,
        [finding for finding in outcome.findings if shown is None or finding.path in shown],
        source,
        shown,
    )
    fresh = without_known(selection.findings, request.baseline, source)
    findings = with_fixes(fresh, registry, source)
    session.clock.lap("select")
    notices = (
        *registry.notices,
        *(note for note in (*discovery.notices, *summaries.notices) if concerns(note, shown)),
        *outcome.notices,
        *selection.notices,
        *session.cache.notices,
    )
    return Report(
        findings=findings,
        notices=notices,
        not_evaluated=outcome.not_evaluated,
        suppressed=selection.suppressed,
        statistics=Statistics(
            files=len(summaries.files),
            lines=summaries.lines,
            summarised=summaries.read_anew,
            suppressed=len(selection.suppressed),
            baselined=len(selection.findings) - len(fresh),
            hidden=selection.hidden,
            timings=session.clock.stages,
        ),
        rules=tuple(registry.rules),
    )


def select_findings(
    session: Session,
    analysis: Analysis,
    findings: Iterable[Finding],
    source: Callable[[str], SourceText | None],
    shown: frozenset[str] | None,
) -> Selection:
    """Select from findings of an analysis: all those in the paths `shown`, or in all where None."""
    outcome = analysis.outcome
    return select(
        findings,
        _suppressions(analysis.summaries, shown),
        session.settings,
        source,
        {info.id: info.family for info in session.registry.rules.values()},
        shown is None,
        {entry.rule for entry in outcome.not_evaluated}
        | {notice.message.partition(" ")[0] for notice in outcome.notices},
    )


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


def _suppressions(summaries: Summaries, shown: frozenset[str] | None) -> dict[str, tuple[Suppression, ...]]:
    return {
        summary.path: summary.suppressions
        for summary, _ in summaries.files
        if summary.suppressions and (shown is None or summary.path in shown)
    }


def _fingerprint(registry: Registry) -> str:
    """What summaries and results depend on besides the analysed files."""
    import backlint

    packages = {Path(backlint.__file__).parent}
    for info in registry.rules.values():
        module = sys.modules[info.cls.__module__.partition(".")[0]]
        if module.__file__:
            packages.add(Path(module.__file__).parent)
    return program_fingerprint(sorted(packages), {pack.distribution: pack.version for pack in registry.packs})


def _summarise(
    session: Session,
    files: Iterable[SourceFile],
    contents: Mapping[str, bytes],
    previous: Analysis | None,
) -> Summaries:
    result = Summaries([], [], [])
    known = {} if previous is None else _by_path(previous.summaries)
    keyed: list[tuple[SourceFile, bytes, str]] = []
    for file in files:
        if previous is not None and file.path not in contents:
            if file.path in known:
                summary, key = known[file.path]
                result.files.append((summary, file.root))
                result.keys.append(key)
            continue
        data = contents[file.path] if file.path in contents else read(file, MAX_BYTES)
        if isinstance(data, Notice):
            result.notices.append(data)
        elif file.explicit or not is_generated(data):
            key = summary_key(data, file.path, file.module, session.fingerprint, file.kind)
            keyed.append((file, data, key))
    stored = session.cache.load([key for _, _, key in keyed])
    missing = []
    for file, data, key in keyed:
        if key in stored:
            try:
                result.files.append((decode(stored[key]), file.root))
                result.keys.append(key)
                continue
            except msgspec.DecodeError:
                pass
        kind = classify(file.path, data, file.kind)
        missing.append((FileTask(file.path, file.module, file.is_package, kind, data), file.root, key))
    request = session.request
    outcomes = summarise_all([task for task, _, _ in missing], request.jobs, request.progress)
    fresh: dict[str, bytes] = {}
    for task, root, key in missing:
        outcome = outcomes[task.path]
        result.notices.extend(outcome.notices)
        if outcome.summary is not None:
            result.files.append((outcome.summary, root))
            result.keys.append(key)
            if not outcome.notices:
                fresh[key] = encode(outcome.summary)
    result.read_anew = len(missing)
    result.lines = sum(summary.lines for summary, _ in result.files)
    session.cache.save(fresh, result.keys)
    return result


def _by_path(summaries: Summaries) -> dict[str, tuple[FileSummary, str]]:
    return {
        summary.path: (summary, key)
        for (summary, _), key in zip(summaries.files, summaries.keys, strict=True)
    }


def _link(session: Session, summaries: Summaries, facts: ProjectFacts) -> Outcome:
    """The linked outcome; taken whole from the cache when nothing has changed."""
    settings, cache, fingerprint = session.settings, session.cache, session.fingerprint
    registry = session.registry
    digest = blake2b(digest_size=20)
    for part in (
        fingerprint.encode(),
        msgspec.json.encode((settings.libraries, settings.roles, facts), order="sorted"),
        *(key.encode() for key in sorted(summaries.keys)),
        *(root.encode() for root in sorted(f"{summary.path}:{root}" for summary, root in summaries.files)),
    ):
        digest.update(part)
        digest.update(b"\0")
    key = digest.hexdigest()
    stored = cache.load_result(key)
    if stored is not None:
        try:
            return msgspec.msgpack.decode(stored, type=Outcome)
        except msgspec.DecodeError:
            pass
    project = _project(session, summaries, facts)
    outcome = check_project(project, registry.rules.values())
    if not outcome.notices:
        cache.save_result(key, msgspec.msgpack.encode(outcome))
    return outcome


def load_project(request: CheckRequest) -> Project:
    """The linked project, for questions other than which findings there are.

    Raises:
        UsageError: a path doesn't exist, or a library entry of the project can't be read.
    """
    session = Session(request)
    discovery = discover((request.settings.root, *request.paths), request.settings)
    contents = dict([request.stdin]) if request.stdin else {}
    facts = _facts(session, read_manifests(request.settings.root, discovery.manifests))
    return _project(session, _summarise(session, discovery.files, contents, None), facts)


def _facts(
    session: Session, manifests: Mapping[str, str] | None, new_files: frozenset[str] = frozenset()
) -> ProjectFacts:
    return ProjectFacts(
        public_routes=session.settings.public_routes, manifests=dict(manifests or {}), new_files=new_files
    )


def _project(session: Session, summaries: Summaries, facts: ProjectFacts) -> Project:
    from backlint.link.project import Project

    settings = session.settings
    catalogue = _catalogue(session.registry, settings, session.cache, session.fingerprint)
    return Project(summaries.files, catalogue, facts)


def _catalogue(registry: Registry, settings: Settings, cache: Cache, fingerprint: str) -> Catalogue:
    """The library entries of all rule packs and of the project, from the cache where they are compiled."""
    if not settings.libraries:
        stored = cache.load_blob("catalogue", fingerprint)
        if stored is not None:
            try:
                return decode_catalogue(stored)
            except msgspec.DecodeError:
                pass
    from backlint.libraries.load import load_entries

    catalogue = compile_entries(load_entries(library_folders(registry), settings.libraries))
    if not settings.libraries:
        cache.save_blob("catalogue", fingerprint, encode_catalogue(catalogue))
    return catalogue


def with_fixes(
    findings: tuple[Finding, ...], registry: Registry, source: Callable[[str], SourceText | None]
) -> tuple[Finding, ...]:
    """Ask the rules for the edits of the findings that are shown."""
    from backlint.rule import Rule

    texts: dict[str, SourceText | None] = {}
    result = []
    for finding in findings:
        info = registry.rules[finding.rule]
        if finding.fix is None and info.cls.fix is not Rule.fix:
            if finding.path not in texts:
                texts[finding.path] = source(finding.path)
            text = texts[finding.path]
            fix = None if text is None else info.cls().fix(finding, text)
            if fix is not None:
                finding = msgspec.structs.replace(finding, fix=fix)
        result.append(finding)
    return tuple(result)
