"""A project analysed: every file summarised, the summaries linked, and what of it the cache can spare."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backlint.cache.keys import content_hash, summary_key
from backlint.cache.rules import RuleMemory
from backlint.cache.states import FileStates
from backlint.cache.store import Cache, open_cache
from backlint.config.settings import Settings
from backlint.discovery import SourceFile, classify, discover, is_generated, read
from backlint.finding import Notice
from backlint.fixes.source import read_source
from backlint.link.facts import ProjectFacts
from backlint.link.outcome import Outcome
from backlint.registry import Registry, library_folders, load_rules
from backlint.summary import FileSummary, Suppression, decode, encode
from backlint.syntax.parse import MAX_BYTES

if TYPE_CHECKING:
    from backlint.libraries.catalogue import Catalogue
    from backlint.link.project import Project
    from backlint.other_linters.overlap import Overlap

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
    memory: RuleMemory | None = None
    """What is known of the rules, where somebody has asked already."""


class Summaries(msgspec.Struct):
    """The summaries of a project, with what identifies them."""

    files: list[tuple[FileSummary, str]] = []
    """Each with its source root."""
    keys: list[str] = []
    notices: list[Notice] = []
    read_anew: int = 0
    lines: int = 0

    def suppressions(self) -> dict[str, tuple[Suppression, ...]]:
        """Suppression comments by path; files without any are left out."""
        return {summary.path: summary.suppressions for summary, _ in self.files if summary.suppressions}


class Analysis(msgspec.Struct, frozen=True):
    """A project in one state of its files, linked."""

    summaries: Summaries
    outcome: Outcome


class Known(msgspec.Struct, frozen=True, array_like=True):
    """All that a report needs of an analysis, kept for the next run over the same files."""

    outcome: Outcome
    suppressions: dict[str, tuple[Suppression, ...]]
    """By path; files without any are left out."""
    notices: tuple[Notice, ...] = ()
    """Why files of the project have no summary: what their bytes alone decide."""
    files: int = 0
    lines: int = 0
    read_anew: int = 0


class Contents(msgspec.Struct, frozen=True):
    """The files of a project as they were read."""

    keyed: list[tuple[SourceFile, bytes | None, str]]
    """Each file with its bytes (None where it need not be read, for it is as it was) and the key of its summary."""
    notices: list[Notice]
    """Files that could not be read."""

    def of(self, paths: Collection[str]) -> dict[str, bytes]:
        """The bytes of some of the files by path."""
        found = {}
        for file, known, _ in self.keyed:
            if file.path in paths:
                data = read(file, MAX_BYTES) if known is None else known
                if not isinstance(data, Notice):
                    found[file.path] = data
        return found


class ChangedMeanwhileError(Exception):
    """A file is no longer what its file system said it was when the run began."""


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
        self.overlap: Overlap | None = None
        """What other linters say, once somebody has asked."""
        self.cache = open_cache(request.cache_dir if request.use_cache else None)
        memory = request.memory or RuleMemory(self.cache)
        self.registry = load_rules(memory)
        self.fingerprint = memory.fingerprint(self.registry.packs)


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


def read_project(
    session: Session,
    files: Iterable[SourceFile],
    contents: Mapping[str, bytes],
    manifests: Mapping[str, str],
    *,
    trusts: bool = True,
) -> tuple[Contents, str]:
    """The files of a project, and a key for all that linking them depends on.

    Args:
        trusts: Whether files are left unread that are by all signs as they were.
    """
    states = None
    if trusts:
        states = FileStates(session.cache, str(session.settings.root), session.fingerprint)
    read_files = _read(session, files, contents, states)
    if states is not None:
        states.save()
    facts = _facts(session, manifests)
    key = _digest(session, facts, (f"{key}:{file.root}" for file, _, key in read_files.keyed))
    session.clock.lap("read")
    return read_files, key


def review(
    session: Session,
    read_files: Contents,
    key: str,
    manifests: Mapping[str, str],
    paths: frozenset[str] | None = None,
) -> Known:
    """Analyse a project, or take all of it from the cache when no file has changed: then nothing is decoded.

    Args:
        paths: The files whose findings are asked for, in the light of the whole project; all where None.

    Raises:
        ChangedMeanwhileError: a file that was left unread has changed in these moments.
    """
    facts = _facts(session, manifests)
    for place in dict.fromkeys((key, _key_of_part(key, paths))):
        stored = session.cache.load_result(place)
        if stored is not None:
            try:
                known = msgspec.msgpack.decode(stored, type=Known)
            except msgspec.DecodeError:
                continue
            return msgspec.structs.replace(known, notices=(*read_files.notices, *known.notices))
    summaries = _obtain(session, read_files)
    session.clock.lap("summarise")
    try:
        outcome = _link(session, summaries, facts, paths)
    except Exception:
        if summaries.read_anew == len(read_files.keyed):
            raise
        session.cache.discard()
        summaries = _obtain(session, read_files)
        outcome = _link(session, summaries, facts, paths)
    session.clock.lap("link")
    known = Known(
        outcome=outcome,
        suppressions=summaries.suppressions(),
        notices=tuple(notice for notice in summaries.notices if notice not in read_files.notices),
        files=len(summaries.files),
        lines=summaries.lines,
    )
    if is_lasting(known):
        session.cache.save_result(_key_of_part(key, paths), msgspec.msgpack.encode(known))
    return msgspec.structs.replace(known, notices=tuple(summaries.notices), read_anew=summaries.read_anew)


def _key_of_part(key: str, paths: frozenset[str] | None) -> str:
    """A key for what is known of some files of a project."""
    if paths is None:
        return key
    return blake2b(
        "\0".join((key, *sorted(paths))).encode("utf-8", "surrogatepass"), digest_size=20
    ).hexdigest()


def is_lasting(known: Known) -> bool:
    """Whether another run over the same files would know the same."""
    return not known.outcome.notices and all(notice.kind in _LASTING for notice in known.notices)


_LASTING = frozenset({"syntax", "encoding", "too-deep", "too-large"})
"""Kinds of notices that the bytes of a file decide."""


def read_manifests(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """The texts of manifests by path; one that can't be read, or is far too large, is left out."""
    texts = {}
    for path in paths:
        source = read_source(root, path)
        if source is not None and len(source.data) <= _LARGEST_MANIFEST:
            texts[path] = source.text.encode("utf-8", "replace").decode()
    return texts


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


def _summarise(
    session: Session,
    files: Iterable[SourceFile],
    contents: Mapping[str, bytes],
    previous: Analysis | None,
) -> Summaries:
    if previous is None:
        return _obtain(session, _read(session, files, contents))
    known = _by_path(previous.summaries)
    files = list(files)
    changed = [file for file in files if file.path in contents]
    result = _obtain(session, _read(session, changed, contents))
    for file in files:
        if file.path not in contents and file.path in known:
            summary, key = known[file.path]
            result.files.append((summary, file.root))
            result.keys.append(key)
    result.lines = sum(summary.lines for summary, _ in result.files)
    return result


def _read(
    session: Session,
    files: Iterable[SourceFile],
    contents: Mapping[str, bytes],
    states: FileStates | None = None,
) -> Contents:
    keyed: list[tuple[SourceFile, bytes | None, str]] = []
    notices: list[Notice] = []
    for file in files:
        given = contents.get(file.path)
        known = None if states is None or given is not None else states.recall(file.path, file.place)
        data: bytes | None = None
        if known is not None:
            content, generated = known.content, known.is_generated
        else:
            before = None if states is None else states.status(file.place)
            found = read(file, MAX_BYTES) if given is None else given
            if isinstance(found, Notice):
                notices.append(found)
                continue
            data, content, generated = found, content_hash(found), is_generated(found)
            if states is not None and given is None:
                states.note(file.path, before, content, generated)
        if file.explicit or not generated:
            key = summary_key(content, file.path, file.module, session.fingerprint, file.kind)
            keyed.append((file, data, key))
    return Contents(keyed, notices)


def _bytes_now(session: Session, file: SourceFile, key: str) -> bytes:
    """The bytes of a file that was left unread.

    Raises:
        ChangedMeanwhileError: they are others than were expected.
    """
    data = read(file, MAX_BYTES)
    if isinstance(data, Notice):
        raise ChangedMeanwhileError
    if summary_key(content_hash(data), file.path, file.module, session.fingerprint, file.kind) != key:
        raise ChangedMeanwhileError
    return data


def _obtain(session: Session, contents: Contents) -> Summaries:
    """The summaries of files: from the cache, or made now."""
    from backlint.summarise.file import FileTask
    from backlint.summarise.pool import summarise_all

    result = Summaries([], [], list(contents.notices))
    stored = session.cache.load([key for _, _, key in contents.keyed])
    missing = []
    for file, data, key in contents.keyed:
        known = _stored_summary(stored.get(key), file)
        if known is not None:
            result.files.append((known, file.root))
            result.keys.append(key)
            continue
        if data is None:
            data = _bytes_now(session, file, key)
        kind = classify(file.path, data, file.kind)
        missing.append((FileTask(file.path, file.module, file.is_package, kind, data), file.root, key))
    request = session.request
    summarised = summarise_all([task for task, _, _ in missing], request.jobs, request.progress)
    result.notices.extend(summarised.notices)
    fresh: dict[str, bytes] = {}
    for task, root, key in missing:
        outcome = summarised.outcomes[task.path]
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


def _stored_summary(data: bytes | None, file: SourceFile) -> FileSummary | None:
    """The summary of a file that the cache gave, if it is one."""
    if data is None:
        return None
    try:
        summary = decode(data)
    except msgspec.DecodeError:
        return None
    return summary if (summary.path, summary.module) == (file.path, file.module) else None


def _by_path(summaries: Summaries) -> dict[str, tuple[FileSummary, str]]:
    return {
        summary.path: (summary, key)
        for (summary, _), key in zip(summaries.files, summaries.keys, strict=True)
    }


def _link(
    session: Session, summaries: Summaries, facts: ProjectFacts, paths: frozenset[str] | None = None
) -> Outcome:
    """The linked outcome, of some files or all; taken whole from the cache when nothing has changed."""
    cache = session.cache
    parts = [
        f"{key}:{summary.path}:{root}"
        for key, (summary, root) in zip(summaries.keys, summaries.files, strict=True)
    ]
    key = _key_of_part(_digest(session, facts, sorted(parts)), paths)
    stored = cache.load_result(key)
    if stored is not None:
        try:
            return msgspec.msgpack.decode(stored, type=Outcome)
        except msgspec.DecodeError:
            pass

    from backlint.link.check import check_project  # an unchanged project needs none of it

    def linked() -> Project:
        return _project(session, summaries, facts)

    jobs = session.request.jobs or os.cpu_count() or 1
    outcome = check_project(linked(), session.registry.rules.values(), linked, jobs, paths)
    if not outcome.notices:
        cache.save_result(key, msgspec.msgpack.encode(outcome))
    return outcome


def _digest(session: Session, facts: ProjectFacts, parts: Iterable[str]) -> str:
    """A key for what is worked out from files and everything else that matters to it."""
    digest = blake2b(digest_size=20)
    settings = session.settings
    head = msgspec.json.encode((settings.libraries, facts), order="sorted")
    for part in (
        session.fingerprint.encode(),
        head,
        *(part.encode("utf-8", "surrogatepass") for part in parts),
    ):
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()


def _facts(
    session: Session, manifests: Mapping[str, str] | None, new_files: frozenset[str] = frozenset()
) -> ProjectFacts:
    settings = session.settings
    return ProjectFacts(
        public_routes=settings.public_routes,
        roles=settings.roles,
        manifests=dict(manifests or {}),
        new_files=new_files,
    )


def _project(session: Session, summaries: Summaries, facts: ProjectFacts) -> Project:
    from backlint.link.project import Project

    settings = session.settings
    catalogue = _catalogue(session.registry, settings, session.cache, session.fingerprint)
    return Project(summaries.files, catalogue, facts)


def _catalogue(registry: Registry, settings: Settings, cache: Cache, fingerprint: str) -> Catalogue:
    """The library entries of all rule packs and of the project, from the cache where they are compiled."""
    from backlint.libraries.catalogue import compile_entries, decode_catalogue, encode_catalogue

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
