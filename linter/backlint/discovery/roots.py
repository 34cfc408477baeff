"""Where module names start: project roots, source roots and packages.

A file's module name is its path from its source root. In this order, the source root is:

1. the deepest of the configured source roots that holds the file;
2. the nearest folder above it with a pyproject.toml, setup.py, setup.cfg, manage.py or .git;
3. the nearest folder that is no package and has a requirements file, Pipfile, alembic.ini or
   Dockerfile, or is called `src`; a folder without `__init__.py` inside a package belongs to it;
4. of a package in a folder that holds nothing but packages and is called `backend` or the like,
   or lies deeper (`services/users/users_app`), that folder;
5. the project root, or above it the first folder that is no package.

Which of these the service really runs from, only its start command knows. So every other folder
above the file that could be on the path gives the file an alias.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_CERTAIN = frozenset(("pyproject.toml", "setup.py", "setup.cfg", "manage.py", ".git"))
_LIKELY = re.compile(r"requirements[\w.-]*\.(?:txt|in)|Pipfile|alembic\.ini|Dockerfile", re.ASCII)
_CONTAINERS = frozenset(("backend", "server", "service", "python", "lib", "libs"))
_CONFIGURATION = ("backlint.toml", "backlint.yaml", "backlint.yml")
_TABLE = re.compile(rb"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*[\"']?backlint[\"']?[ \t]*[\].]", re.MULTILINE)


class FolderFacts(NamedTuple):
    """What the names in a folder say about it."""

    is_package: bool
    has_modules: bool
    """Holds a `.py` file other than `__init__.py`."""
    certain: bool
    likely: bool


class Place(NamedTuple):
    """A folder's place among the modules."""

    root: str
    package: str
    """Dotted name of the folder from `root`; empty for the root itself."""
    aliases: tuple[str, ...]
    """Its dotted names from other folders that could be on the path."""
    packages: frozenset[str]
    """The folders from the project root down to this one that have an `__init__.py`."""


_NOTHING = FolderFacts(False, False, False, False)


def facts_of(names: Iterable[str]) -> FolderFacts:
    """What a folder is, from the names in it."""
    known = frozenset(names)
    return FolderFacts(
        is_package="__init__.py" in known,
        has_modules=any(name.endswith(".py") and name != "__init__.py" for name in known),
        certain=not _CERTAIN.isdisjoint(known),
        likely=any(name[0] in "rPaD" and _LIKELY.fullmatch(name) for name in known),
    )


class Layout:
    """The folders of one project, listed at most once each.

    Folders are named by their path relative to the project root, with forward slashes; the root
    itself is the empty string.
    """

    def __init__(self, root: str, source_roots: Iterable[str] = ()) -> None:
        self._root = root
        self._source_roots = {_normal(folder) for folder in source_roots}
        self._facts: dict[str, FolderFacts] = {}
        self._places: dict[str, Place] = {}

    def note(self, folder: str, names: Iterable[str]) -> None:
        """Remember a listing that has been made anyway."""
        self._facts[folder] = facts_of(names)

    def facts(self, folder: str) -> FolderFacts:
        """What the folder is; nothing in particular when it can't be listed."""
        found = self._facts.get(folder)
        if found is None:
            found = self._facts[folder] = _listed(os.path.join(self._root, folder))  # noqa: PTH118
        return found

    def place(self, folder: str) -> Place:
        """Where the modules of a folder belong."""
        found = self._places.get(folder)
        if found is None:
            found = self._places[folder] = self._find_place(folder)
        return found

    def _find_place(self, folder: str) -> Place:
        chain = _chain(folder)
        root = self._source_root(chain)
        above = self._names_above() if root == "" and "" not in self._source_roots else []
        plain = _dotted(folder, root)
        full = ".".join([*above, *filter(None, [plain])])
        # A root that is a package, but where the service is installed from, may be either.
        is_inside = bool(above) and not self.facts("").likely
        package = full if is_inside else plain
        names = [
            _dotted(folder, start)
            for start in chain
            if start == "" or start == root or not self.facts(start).is_package
        ]
        return Place(
            root="/".join([".."] * len(above)) if is_inside else root or ".",
            package=package,
            aliases=tuple(name for name in dict.fromkeys([full, *names]) if name != package),
            packages=frozenset(start for start in chain if start and self.facts(start).is_package),
        )

    def _source_root(self, chain: list[str]) -> str:
        configured = [folder for folder in chain if folder in self._source_roots]
        if configured:
            return configured[-1]
        nearest = next((folder for folder in reversed(chain) if self._is_marked(folder)), "")
        inner = chain[chain.index(nearest) :]
        if self.facts(nearest).certain or nearest.rpartition("/")[2] == "src":
            return nearest
        packages = [folder for folder in inner if self.facts(folder).is_package]
        if not packages or packages[0] == nearest:
            return nearest
        between = inner[1 : inner.index(packages[0])]
        if not between or any(self.facts(folder).has_modules for folder in between):
            return nearest
        container = between[-1]
        return container if len(between) > 1 or container in _CONTAINERS else nearest

    def _is_marked(self, folder: str) -> bool:
        facts = self.facts(folder)
        if facts.certain:
            # A package may have a module of its own called `manage`.
            return not (facts.is_package and self._inside_package(folder))
        if facts.is_package or self._inside_package(folder):
            return False
        return facts.likely or folder.rpartition("/")[2] == "src"

    def _inside_package(self, folder: str) -> bool:
        for above in reversed(_chain(folder)[:-1]):
            facts = self.facts(above)
            if facts.is_package and not facts.certain:
                return above != ""
            if facts.certain or facts.likely:
                return False
        return False

    def _names_above(self) -> list[str]:
        """Names of the packages that the project root is and lies in, outermost first."""
        names: list[str] = []
        folder = Path(self._root)
        facts = self.facts("")
        while facts.is_package and not facts.certain and folder.name.isidentifier():
            names.append(folder.name)
            folder = folder.parent
            facts = _listed(str(folder))
        return list(reversed(names))


def module_name(package: str, file_name: str) -> str:
    """Dotted name of a file in a folder whose dotted name is `package`."""
    stem = file_name.removesuffix(".py").replace(".", "_") or "_"
    if stem == "__init__" and package:
        return package
    return f"{package}.{stem}" if package else stem


def project_root(start: Path) -> Path:
    """The folder that a run from `start`, a file or folder, is about; absolute.

    The nearest folder, upwards, with a backlint.toml, backlint.yaml, a pyproject.toml that has a
    `[tool.backlint]` table, or .git; otherwise the nearest with any pyproject.toml; otherwise
    `start` itself, or the folder of a file.
    """
    first = Path(os.path.abspath(start))  # noqa: PTH100 - resolve() would leave a linked folder
    if not first.is_dir():
        first = first.parent
    second_best = None
    for folder in (first, *first.parents):
        manifest = folder / "pyproject.toml"
        if any((folder / name).is_file() for name in _CONFIGURATION) or _has_table(manifest):
            return folder
        if (folder / ".git").exists():
            return folder
        if second_best is None and manifest.is_file():
            second_best = folder
    return second_best or first


def _has_table(manifest: Path) -> bool:
    try:
        return manifest.is_file() and _TABLE.search(manifest.read_bytes()) is not None
    except OSError:
        return False


def _listed(folder: str) -> FolderFacts:
    try:
        with os.scandir(folder) as entries:
            return facts_of(entry.name for entry in entries)
    except OSError:
        return _NOTHING


def _chain(folder: str) -> list[str]:
    """The folders from the project root down to `folder`."""
    chain = [""]
    for part in folder.split("/") if folder else ():
        chain.append(f"{chain[-1]}/{part}" if chain[-1] else part)
    return chain


def _dotted(folder: str, start: str) -> str:
    return folder[len(start) :].strip("/").replace(".", "_").replace("/", ".")


def _normal(folder: str) -> str:
    normal = os.path.normpath(folder).replace(os.sep, "/")
    return "" if normal == "." else normal
