"""Finding the files of a project."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from backlint.discovery.files import Discovery, SourceFile
from backlint.discovery.generated import is_generated_name
from backlint.discovery.ignore import Patterns
from backlint.discovery.kinds import kind_of_path
from backlint.discovery.leftout import is_left_out, is_left_out_by_name
from backlint.discovery.roots import Layout, module_name
from backlint.errors import UsageError
from backlint.finding import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backlint.config.settings import Settings

_MANIFESTS = frozenset(
    (
        *("pyproject.toml", "setup.py", "setup.cfg", "Pipfile", "environment.yml", "environment.yaml"),
        *("alembic.ini", "tox.ini", "ruff.toml", ".ruff.toml", ".bandit", "backlint.toml", "backlint.yaml"),
    )
)
_REQUIREMENTS = re.compile(r"[\w.-]*requirements[\w.-]*\.(?:txt|in)", re.ASCII)
_LARGEST_IGNORE_FILE = 1_000_000


def discover(paths: Sequence[Path], settings: Settings) -> Discovery:
    """The Python files under `paths` that belong to the project at `settings.root`.

    Relative paths count from the current directory; no paths at all mean the whole project. Folders
    are searched for `.py` files, except for what `.gitignore` and `settings.exclude` leave out,
    virtual environments, vendored and built code, hidden folders and links. A file that is named
    is always included, whatever its name's ending, unless it is a link that leaves the project.

    Raises:
        UsageError: a path doesn't exist, or lies outside the project.
    """
    search = _Search(settings)
    for path in paths or [settings.root]:
        search.add(path)
    return search.result()


def locate(path: Path, settings: Settings) -> SourceFile:
    """The module that a file at `path` is or would be; it need not exist, and nothing is searched.

    Raises:
        UsageError: the path lies outside the project.
    """
    search = _Search(settings)
    return search.source_file(search.relative(path), explicit=True)


def would_find(paths: Iterable[str], settings: Settings) -> tuple[SourceFile, ...]:
    """The files among `paths` that a search of the whole project would find, were they there.

    Paths are relative to the project root, with forward slashes; what they name need not exist: it may
    have been deleted, or be known to git only.
    """
    search = _Search(settings)
    return tuple(search.source_file(path) for path in sorted(set(paths)) if search.would_find(path))


class _Ignoring(NamedTuple):
    """The patterns in force in a folder: its own, then those of the folders above."""

    patterns: Patterns
    above: _Ignoring | None
    strip: int
    """How many characters of a path, relative to the root, lie above the patterns' folder."""
    prefix: str = ""
    """What comes before such a path where the patterns' folder is above the root."""

    def leaves_out(self, path: str, name: str, is_folder: bool) -> bool:
        """Whether the patterns leave a file or folder out; the innermost that say anything decide."""
        level: _Ignoring | None = self
        while level is not None:
            said = level.patterns.match(level.prefix + path[level.strip :], name, is_folder)
            if said is not None:
                return said
            level = level.above
        return False


class _Search:
    """One discovery under way."""

    def __init__(self, settings: Settings) -> None:
        self._root = os.path.realpath(settings.root)
        self._given_root = os.path.abspath(settings.root)  # noqa: PTH100
        self._absolute = Path(self._root)
        self._exclude = Patterns(settings.exclude)
        self._layout = Layout(self._root, settings.source_roots)
        self._files: dict[str, SourceFile] = {}
        self._visited: set[str] = set()
        self._manifests: set[str] = set()
        self._notices: dict[Notice, None] = {}
        self._ignoring: dict[str, _Ignoring | None] = {}

    def add(self, path: Path) -> None:
        """Add a file, or the files in a folder, that the user named."""
        relative = self.relative(path)
        real = self._real(path)
        if real is None:
            self._note("symlink", "it is a link that leads out of the project, so it is left out", relative)
            return
        try:
            mode = os.stat(self._in_root(real)).st_mode  # noqa: PTH116
        except (OSError, ValueError) as error:
            raise UsageError(f"{_shown(str(path))}: {_reason(error)}") from None
        if stat.S_ISDIR(mode):
            self._search_folder(real)
        elif stat.S_ISREG(mode):
            self._add_named(real)
        else:
            raise UsageError(f"{_shown(str(path))}: neither a file nor a folder")

    def relative(self, path: Path) -> str:
        """The path from the project root, links not followed; empty for the root.

        Raises:
            UsageError: it lies outside.
        """
        lexical = os.path.abspath(path)  # noqa: PTH100
        for root in (self._given_root, self._root):
            inside = _inside(lexical, root)
            if inside is not None:
                return inside
        real = self._real(path)
        if real is None:
            raise UsageError(f"{_shown(str(path))}: outside the project at {_shown(self._root)}")
        return real

    def source_file(self, path: str, explicit: bool = False) -> SourceFile:
        """The module at a path relative to the project root."""
        folder, _, name = path.rpartition("/")
        place = self._layout.place(folder)
        above, _, last = folder.rpartition("/")
        beside_env = last == "versions" and self._exists(above, "env.py")
        is_package = name == "__init__.py"
        return SourceFile(
            path=path,
            top=self._root,
            module=module_name(place.package, name),
            is_package=is_package,
            kind=kind_of_path(path, packages=place.packages, beside_env=beside_env),
            root=place.root,
            aliases=tuple(module_name(alias, name) for alias in place.aliases if alias or not is_package),
            explicit=explicit,
        )

    def would_find(self, path: str) -> bool:
        """Whether a search finds a Python file at this path, which need not exist."""
        folder, _, name = path.rpartition("/")
        if not name.endswith(".py"):
            return False
        above = ""
        for part in folder.split("/") if folder else ():
            inner = f"{above}/{part}" if above else part
            if is_left_out_by_name(part) or self._is_ignored(above, inner, part, is_folder=True):
                return False
            if is_left_out(self._in_root(inner), part, self._names(inner)):
                return False
            above = inner
        return self._is_wanted(folder, path, name)

    def result(self) -> Discovery:
        """What has been found so far."""
        if not self._files and not self._notices:
            self._note("empty", "there are no Python files to review", "", failure=False)
        return Discovery(
            files=tuple(self._files[path] for path in sorted(self._files)),
            manifests=tuple(sorted(self._manifests)),
            notices=tuple(sorted(self._notices, key=lambda notice: (notice.path, notice.kind))),
        )

    def _in_root(self, path: str) -> str:
        return f"{self._root.rstrip('/')}/{path}" if path else self._root

    def _real(self, path: Path) -> str | None:
        """The path from the project root with every link followed; None when that leaves it."""
        try:
            return _inside(os.path.realpath(path), self._root)
        except (OSError, ValueError) as error:
            raise UsageError(f"{_shown(str(path))}: {_reason(error)}") from None

    def _exists(self, folder: str, name: str) -> bool:
        return os.path.lexists(os.path.join(self._in_root(folder), name))  # noqa: PTH118

    def _names(self, folder: str) -> list[str]:
        try:
            return os.listdir(self._in_root(folder))  # noqa: PTH208
        except OSError:
            return []

    def _note(self, kind: str, message: str, path: str, failure: bool = False) -> None:
        self._notices[Notice(kind=kind, message=message, path=_shown(path), failure=failure)] = None

    def _add_named(self, path: str) -> None:
        name = path.rpartition("/")[2]
        if "." in name[1:] and not name.endswith(".py"):
            self._note("skipped", "it is no Python file, so it is left out", path)
        elif self._is_nameable(path):
            self._files[path] = self.source_file(path, explicit=True)

    def _is_nameable(self, path: str) -> bool:
        try:
            path.encode()
        except UnicodeEncodeError:
            self._note("unreadable", "the file's name is not UTF-8, so it is left out", path, failure=True)
            return False
        return True

    def _search_folder(self, top: str) -> None:
        pending = [top]
        while pending:
            folder = pending.pop()
            if folder not in self._visited:
                pending += self._search_one(folder, is_top=folder == top)

    def _search_one(self, folder: str, is_top: bool) -> list[str]:
        """Take a folder's files; returns the folders in it that are to be searched."""
        try:
            with os.scandir(self._in_root(folder)) as listing:
                entries = list(listing)
        except OSError as error:
            message = f"the folder can't be listed: {_reason(error)}"
            self._note("unreadable", message, folder, failure=True)
            return []
        names = [entry.name for entry in entries]
        last = folder.rpartition("/")[2]
        if not is_top and is_left_out(self._in_root(folder), last, names):
            return []
        self._visited.add(folder)
        self._layout.note(folder, names)
        self._ignoring[folder] = self._in_force(folder, ".gitignore" in names)
        return [path for entry in entries if (path := self._take(folder, entry))]

    def _take(self, folder: str, entry: os.DirEntry[str]) -> str | None:
        """Keep a file; a folder to be searched is returned."""
        name = entry.name
        is_python = name.endswith(".py")
        is_manifest = name in _MANIFESTS or (
            name.endswith((".txt", ".in")) and _is_requirements(folder, name)
        )
        if not is_python and not is_manifest and "." in name[1:] and entry.is_file(follow_symlinks=False):
            return None
        path = f"{folder}/{name}" if folder else name
        if entry.is_symlink():
            if is_python or self._leads_to_folder(path):
                self._note_link(path, name, folder)
            return None
        if entry.is_dir(follow_symlinks=False):
            if is_left_out_by_name(name) or self._is_ignored(folder, path, name, is_folder=True):
                return None
            return path
        if not entry.is_file(follow_symlinks=False):
            return None
        if is_manifest and self._is_nameable(path):
            self._manifests.add(path)
        if is_python and self._is_wanted(folder, path, name):
            self._files[path] = self.source_file(path)
        return None

    def _is_wanted(self, folder: str, path: str, name: str) -> bool:
        if is_generated_name(name) or path in self._files:
            return False
        return not self._is_ignored(folder, path, name, is_folder=False) and self._is_nameable(path)

    def _leads_to_folder(self, path: str) -> bool:
        return os.path.isdir(self._in_root(path))  # noqa: PTH112

    def _note_link(self, path: str, name: str, folder: str) -> None:
        """A link inside the project needs no word: what it leads to is found under its own name."""
        if is_left_out_by_name(name) or self._is_ignored(folder, path, name, is_folder=False):
            return
        target = os.path.realpath(self._in_root(path))
        if os.path.exists(target) and _inside(target, self._root) is None:  # noqa: PTH110
            self._note("symlink", "it is a link that leads out of the project, so it is left out", path)

    def _is_ignored(self, folder: str, path: str, name: str, is_folder: bool) -> bool:
        if self._exclude and self._exclude.match(path, name, is_folder):
            return True
        ignoring = self._patterns_in(folder)
        return ignoring is not None and ignoring.leaves_out(path, name, is_folder)

    def _in_force(self, folder: str, has_own: bool) -> _Ignoring | None:
        above = self._above(folder)
        if not has_own:
            return above
        patterns = _read_patterns(self._in_root(folder))
        return _Ignoring(patterns, above, len(folder) + 1 if folder else 0) if patterns else above

    def _above(self, folder: str) -> _Ignoring | None:
        if not folder:
            return self._outside()
        return self._patterns_in(folder.rpartition("/")[0])

    def _patterns_in(self, folder: str) -> _Ignoring | None:
        if folder not in self._ignoring:
            self._ignoring[folder] = self._in_force(folder, self._exists(folder, ".gitignore"))
        return self._ignoring[folder]

    def _outside(self) -> _Ignoring | None:
        """The patterns of the folders above the project, up to the root of its git repository."""
        folder = Path(self._root)
        above: list[Path] = []
        while not (folder / ".git").exists():
            if folder == folder.parent:
                return None
            folder = folder.parent
            above.append(folder)
        found: _Ignoring | None = None
        for outer in reversed(above):
            patterns = _read_patterns(str(outer))
            if patterns:
                found = _Ignoring(patterns, found, 0, f"{self._absolute.relative_to(outer).as_posix()}/")
        return found


def _read_patterns(folder: str) -> Patterns:
    path = f"{folder.rstrip('/')}/.gitignore"
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return Patterns(())
        with open(path, "rb") as stream:  # noqa: PTH123
            text = stream.read(_LARGEST_IGNORE_FILE).decode("utf-8", "surrogateescape")
    except OSError:
        return Patterns(())
    return Patterns(text.removeprefix("\ufeff").split("\n"))


def _is_requirements(folder: str, name: str) -> bool:
    if _REQUIREMENTS.fullmatch(name):
        return True
    return folder.rpartition("/")[2] == "requirements"


def _inside(path: str, root: str) -> str | None:
    """`path` relative to `root`, with forward slashes; None when it lies outside."""
    if path == root:
        return ""
    start = root.rstrip(os.sep) + os.sep
    return path[len(start) :].replace(os.sep, "/") if path.startswith(start) else None


def _shown(path: str) -> str:
    """A path that can be encoded, whatever bytes its name has."""
    return path.encode("utf-8", "backslashreplace").decode()


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
