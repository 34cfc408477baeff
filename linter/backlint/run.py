"""One run, top to bottom: discover, summarise, link, select."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import msgspec

from backlint.cache.keys import program_fingerprint, summary_key
from backlint.cache.store import Cache, open_cache
from backlint.config.settings import Settings
from backlint.discovery import Discovery, SourceFile, classify, discover, is_generated, read
from backlint.finding import Finding, Notice
from backlint.fixes.source import SourceText, read_source
from backlint.libraries.catalogue import Catalogue, compile_entries, decode_catalogue, encode_catalogue
from backlint.link.check import Outcome, check_project
from backlint.registry import Registry, library_folders, load_rules
from backlint.report import Report, Statistics
from backlint.select.selection import select
from backlint.summarise.file import FileTask
from backlint.summarise.pool import summarise_all
from backlint.summary import FileSummary, Suppression, decode, encode
from backlint.syntax.parse import MAX_BYTES


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


class Summaries(msgspec.Struct):
    """The summaries of a project, with what identifies them."""

    files: list[tuple[FileSummary, str]] = []
    """Each with its source root."""
    keys: list[str] = []
    notices: list[Notice] = []
    read_anew: int = 0
    lines: int = 0


class _Clock:
    """Wall-clock seconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + now - self._last
        self._last = now


def check(request: CheckRequest) -> Report:
    """Review a project.

    Raises:
        UsageError: a path doesn't exist, or a library entry of the project can't be read.
    """
    clock = _Clock()
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _check(request, clock)
    finally:
        if collecting:
            gc.enable()


def _check(request: CheckRequest, clock: _Clock) -> Report:
    settings = request.settings
    registry = load_rules()
    cache = open_cache(request.cache_dir if request.use_cache else None)
    discovery = discover((settings.root, *request.paths), settings)
    clock.lap("discover")
    fingerprint = _fingerprint(registry)
    summaries = _summarise(request, discovery, cache, fingerprint)
    clock.lap("summarise")
    outcome = _link(request, registry, cache, fingerprint, summaries)
    clock.lap("link")
    shown = _shown_paths(request, discovery)
    full_run = shown is None
    overlay = dict([request.stdin]) if request.stdin else {}

    def source(path: str) -> SourceText | None:
        if path in overlay:
            return SourceText(path, overlay[path])
        return read_source(settings.root, path)

    not_evaluated = {entry.rule for entry in outcome.not_evaluated}
    suppressions = _suppressions(summaries, shown)
    selection = select(
        [finding for finding in outcome.findings if shown is None or finding.path in shown],
        suppressions,
        settings,
        source,
        {info.id: info.family for info in registry.rules.values()},
        full_run,
        not_evaluated | {notice.message.partition(" ")[0] for notice in outcome.notices},
    )
    findings = _with_fixes(selection.findings, registry, source)
    clock.lap("select")
    notices = (
        *registry.notices,
        *(note for note in (*discovery.notices, *summaries.notices) if _concerns(note, shown)),
        *outcome.notices,
        *selection.notices,
        *cache.notices,
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
            hidden=selection.hidden,
            timings=clock.stages,
        ),
        rules=tuple(registry.rules),
    )


def _concerns(notice: Notice, shown: frozenset[str] | None) -> bool:
    return shown is None or not notice.path or notice.path in shown


def _shown_paths(request: CheckRequest, discovery: Discovery) -> frozenset[str] | None:
    """The paths to report on; None for the whole project."""
    root = request.settings.root
    if request.stdin is not None:
        return frozenset({request.stdin[0]})
    targets = [path.resolve() for path in request.paths]
    if not targets or root.resolve() in targets:
        return None
    folders = tuple(targets)
    return frozenset(
        file.path
        for file in discovery.files
        if any((root / file.path).resolve().is_relative_to(folder) for folder in folders)
    )


def _suppressions(
    summaries: Summaries, shown: frozenset[str] | None
) -> dict[str, tuple[Suppression, ...]]:
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
    request: CheckRequest, discovery: Discovery, cache: Cache, fingerprint: str
) -> Summaries:
    result = Summaries([], [], [])
    contents: list[tuple[SourceFile, bytes, str]] = []
    for file in discovery.files:
        data = _content(request, file)
        if isinstance(data, Notice):
            result.notices.append(data)
        elif file.explicit or not is_generated(data):
            contents.append((file, data, summary_key(data, file.path, file.module, fingerprint)))
    stored = cache.load([key for _, _, key in contents])
    missing = []
    for file, data, key in contents:
        if key in stored:
            try:
                result.files.append((decode(stored[key]), file.root))
                result.keys.append(key)
                continue
            except msgspec.DecodeError:
                pass
        kind = classify(file.path, data, file.kind)
        missing.append((FileTask(file.path, file.module, file.is_package, kind, data), file.root, key))
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
    cache.save(fresh, [key for _, _, key in contents])
    return result


def _content(request: CheckRequest, file: SourceFile) -> bytes | Notice:
    if request.stdin is not None and file.path == request.stdin[0]:
        return request.stdin[1]
    return read(file, MAX_BYTES)


def _link(
    request: CheckRequest, registry: Registry, cache: Cache, fingerprint: str, summaries: Summaries
) -> Outcome:
    """The linked outcome; taken whole from the cache when nothing has changed."""
    settings = request.settings
    digest = blake2b(digest_size=20)
    for part in (
        fingerprint.encode(),
        msgspec.json.encode((settings.libraries, settings.roles, settings.public_routes), order="sorted"),
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
    from backlint.link.project import Project, ProjectFacts

    catalogue = _catalogue(registry, settings, cache, fingerprint)
    project = Project(summaries.files, catalogue, ProjectFacts(public_routes=settings.public_routes))
    outcome = check_project(project, registry.rules.values())
    if not outcome.notices:
        cache.save_result(key, msgspec.msgpack.encode(outcome))
    return outcome


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


def _with_fixes(
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
