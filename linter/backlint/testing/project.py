"""Projects of a few files that exist nowhere but in a test."""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from backlint.config.settings import Settings
from backlint.discovery.kinds import classify, kind_of_path
from backlint.discovery.roots import Layout, module_name
from backlint.finding import Notice
from backlint.libraries.catalogue import compile_entries
from backlint.libraries.load import load_entries
from backlint.link.project import Project, ProjectFacts
from backlint.registry import library_folders, load_rules
from backlint.summarise.file import FileTask, summarise
from backlint.summary import FileSummary, decode, encode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from backlint.libraries.catalogue import Catalogue
    from backlint.libraries.entry import LibraryEntry
    from backlint.rule import Rule

ROOT = Path("/project")
"""Stands for the folder of a project that is in memory only."""


class SummarisedFiles(msgspec.Struct, frozen=True):
    """The Python files of a project, each summarised alone, encoded and decoded again."""

    summaries: tuple[tuple[FileSummary, str], ...]
    """Each with its source root."""
    manifests: dict[str, str]
    """Text of the files that are no Python, by path."""
    notices: tuple[Notice, ...]


def project_from(files: Mapping[str, str], *, settings: Settings | None = None) -> Project:
    """A linked project of files given by path, relative to its root, and text.

    Text is dedented and loses an empty first line, so that it can be written inside a test. Kinds,
    module names and source roots are those that discovery would find; files that are no Python
    become manifests. All installed rules and library entries take part.

    Raises:
        ValueError: a file can't be parsed, or a rule failed on it.
    """
    plain = {path: textwrap.dedent(text).removeprefix("\n").encode() for path, text in files.items()}
    read = summarise_files(plain)
    if read.notices:
        notice = read.notices[0]
        raise ValueError(f"{notice.path}:{notice.line}: {notice.message}")
    return link_files(read, settings)


def summarise_files(files: Mapping[str, bytes], rules: Iterable[type[Rule]] | None = None) -> SummarisedFiles:
    """Summarise files given by path and content, with all installed rules or only with `rules`."""
    chosen = [info.cls for info in load_rules().rules.values()] if rules is None else list(rules)
    summaries: list[tuple[FileSummary, str]] = []
    notices: list[Notice] = []
    for task, root in _tasks(files):
        outcome = summarise(task, chosen)
        notices.extend(outcome.notices)
        if outcome.summary is not None:
            summaries.append((decode(encode(outcome.summary)), root))
    manifests = {
        path: data.decode("utf-8", "replace") for path, data in files.items() if not path.endswith(".py")
    }
    return SummarisedFiles(tuple(summaries), manifests, tuple(notices))


def link_files(read: SummarisedFiles, settings: Settings | None = None) -> Project:
    """Link what was summarised, as the settings of the project say."""
    settings = settings or Settings(root=ROOT)
    facts = ProjectFacts(public_routes=settings.public_routes, roles=settings.roles, manifests=read.manifests)
    return Project(read.summaries, catalogue(settings.libraries), facts)


def catalogue(extra: tuple[LibraryEntry, ...] = ()) -> Catalogue:
    """The library entries of all installed rule packs, and `extra` ones."""
    folders = tuple(library_folders(load_rules()))
    return compile_entries((*_entries(folders), *extra)) if extra else _catalogue(folders)


@cache
def _entries(folders: tuple[Path, ...]) -> tuple[LibraryEntry, ...]:
    return load_entries(folders)


@cache
def _catalogue(folders: tuple[Path, ...]) -> Catalogue:
    return compile_entries(_entries(folders))


def _tasks(files: Mapping[str, bytes]) -> Iterable[tuple[FileTask, str]]:
    """The Python files in order of path, each with its source root."""
    layout = _layout(files)
    for path in sorted(files):
        if not path.endswith(".py"):
            continue
        folder, _, name = path.rpartition("/")
        place = layout.place(folder)
        above, _, last = folder.rpartition("/")
        beside_env = last == "versions" and f"{above}/env.py" in files
        kind = classify(path, files[path], kind_of_path(path, packages=place.packages, beside_env=beside_env))
        task = FileTask(path, module_name(place.package, name), name == "__init__.py", kind, files[path])
        yield task, place.root


def _layout(files: Iterable[str]) -> Layout:
    names: dict[str, set[str]] = {"": set()}
    for path in files:
        parts = PurePosixPath(path).parts
        for depth, name in enumerate(parts):
            names.setdefault("/".join(parts[:depth]), set()).add(name)
    layout = Layout(str(ROOT))
    for folder, listed in names.items():
        layout.note(folder, listed)
    return layout
