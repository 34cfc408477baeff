"""Configuration files: which one applies, and what it says, with the line of every key."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import msgspec

from backlint.config.yaml_reader import KeyPath, Positions, position, read_yaml
from backlint.errors import ConfigurationError, UsageError

PYPROJECT = "pyproject.toml"
NAMES = (PYPROJECT, "backlint.toml", "backlint.yaml")
MAX_BYTES = 1_000_000
_SECTION = ("tool", "backlint")
_TOML_KEY = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(\.?)""")
_PROJECT_MARKS = (".git", *NAMES)
_REQUIREMENTS = ("requirements.txt", "setup.py", "setup.cfg", "Pipfile", "manage.py")


class ConfigurationFile(msgspec.Struct, frozen=True):
    """The settings of one file, unchecked."""

    path: Path
    shown: str
    """How messages name it: relative to the current folder where it lies below that."""
    values: dict[str, object]
    positions: Positions
    """Line and column of every key that is written on a line of its own."""

    def where(self, key: KeyPath) -> str:
        """`path:line` of a key or the nearest written one above it: the beginning of a message."""
        return f"{self.shown}:{position(self.positions, key)[0]}"


def find_configuration(start: Path) -> ConfigurationFile | None:
    """The nearest configuration from `start` upwards, no further than the repository's top folder.

    A pyproject.toml without a `[tool.backlint]` table is no configuration.

    Raises:
        ConfigurationError: two configurations in one folder, or one that can't be read.
    """
    for folder in _upwards(start):
        found = [file for name in NAMES if (file := _read_if_there(folder / name, start)) is not None]
        if len(found) > 1:
            names = " and ".join(file.path.name for file in found)
            raise ConfigurationError(
                f"{found[0].path.parent}: both {names} configure backlint; keep one of them"
            )
        if found:
            return found[0]
    return None


def read_configuration(path: Path) -> ConfigurationFile:
    """Read a file that was named on the command line; of a pyproject.toml, its `[tool.backlint]`.

    Raises:
        UsageError: there is no such file.
        ConfigurationError: it can't be read as a table of settings.
    """
    shown = shown_path(path)
    text = _read_text(path, shown)
    if text is None:
        raise UsageError(f"{shown}: no such file")
    if path.suffix in (".yaml", ".yml"):
        return _from_yaml(path, text)
    file = _from_toml(path, text, _SECTION if path.name == PYPROJECT else ())
    if file is None:
        raise ConfigurationError(f"{shown}:1: there is no [tool.backlint] table in it")
    return file


def find_root(start: Path) -> Path:
    """The project `start` belongs to where nothing configures it.

    The nearest folder upwards with a pyproject.toml or a repository in it, else one with another list of
    requirements, else the current folder where `start` lies below it, else `start` itself.
    """
    folders = _upwards(start)
    for marks in (_PROJECT_MARKS, _REQUIREMENTS):
        for folder in folders:
            if any(os.path.lexists(folder / mark) for mark in marks):
                return folder
    current = Path.cwd()
    return current if start.is_relative_to(current) else start


def shown_path(path: Path) -> str:
    """A path for a message: relative to the current folder where it lies below that."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _upwards(start: Path) -> list[Path]:
    """`start` and the folders above it, up to the top of the repository."""
    folders: list[Path] = []
    for folder in (start, *start.parents):
        folders.append(folder)
        if os.path.lexists(folder / ".git"):
            break
    return folders


def _read_if_there(path: Path, start: Path) -> ConfigurationFile | None:
    if not os.path.lexists(path):
        return None
    if path.is_symlink():
        _refuse_outside(path, start)
    text = _read_text(path, shown_path(path))
    if text is None:
        return None
    if path.suffix == ".yaml":
        return _from_yaml(path, text)
    return _from_toml(path, text, _SECTION if path.name == PYPROJECT else ())


def _refuse_outside(path: Path, start: Path) -> None:
    """A repository must not be able to have any file of this machine read and quoted."""
    top = _upwards(start)[-1] if os.path.lexists(_upwards(start)[-1] / ".git") else path.parent
    if not path.resolve().is_relative_to(top.resolve()):
        raise ConfigurationError(f"{shown_path(path)}: a link that leads out of the project is not followed")


def _read_text(path: Path, shown: str) -> str | None:
    """The file's text, or None where there is no regular file."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return None
        if status.st_size > MAX_BYTES:
            raise ConfigurationError(f"{shown}:1: larger than {MAX_BYTES:,} bytes")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{shown}:1: not UTF-8") from None
    except OSError as error:
        raise ConfigurationError(f"{shown}: can't be read: {error.strerror or error}") from None


def _from_yaml(path: Path, text: str) -> ConfigurationFile:
    shown = shown_path(path)
    data, positions = read_yaml(text, shown)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigurationError(f"{shown}:1: must be a mapping of settings")
    return ConfigurationFile(path, shown, data, positions)


def _from_toml(path: Path, text: str, section: tuple[str, ...]) -> ConfigurationFile | None:
    """The table at `section`, or None where the file has none."""
    import tomllib

    shown = shown_path(path)
    try:
        data: object = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(_toml_error(shown, str(error), text)) from None
    except RecursionError:
        raise ConfigurationError(f"{shown}:1: nested too deeply") from None
    for key in section:
        data = data.get(key) if isinstance(data, dict) else None
    if data is None:
        return None
    positions = _toml_positions(text)
    if not isinstance(data, dict):
        line = position(positions, section)[0]
        raise ConfigurationError(f"{shown}:{line}: [{'.'.join(section)}] must be a table")
    depth = len(section)
    inside = {key[depth:]: place for key, place in positions.items() if key[:depth] == section}
    return ConfigurationFile(path, shown, data, inside)


def _toml_error(shown: str, message: str, text: str) -> str:
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", message)
    if found is None:
        return f"{shown}:1: {message}"
    line = found[1] or str(text.rstrip().count("\n") + 1)
    return f"{shown}:{line}: {message[: found.start()]}"


def _toml_positions(text: str) -> dict[KeyPath, tuple[int, int]]:
    """Where headers and keys are written.

    tomllib keeps no positions, so this looks at line starts: keys inside a value (an inline
    table, a string of several lines) have none, and the key above stands for them.
    """
    positions: dict[KeyPath, tuple[int, int]] = {(): (1, 1)}
    arrays: dict[KeyPath, int] = {}
    header: KeyPath = ()
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.lstrip()
        place = (number, len(line) - len(stripped) + 1)
        if stripped.startswith("["):
            header = _toml_header(stripped, arrays)
            positions.setdefault(header, place)
        elif "=" in stripped and not stripped.startswith("#"):
            keys = _toml_keys(stripped)
            for length in range(1, len(keys) + 1):
                positions.setdefault((*header, *keys[:length]), place)
    return positions


def _toml_header(line: str, arrays: dict[KeyPath, int]) -> KeyPath:
    """The path that `[a.b]` or `[[a.b]]` opens; `arrays` holds the last index of each array of tables."""
    repeated = line.startswith("[[")
    keys = _toml_keys(line.lstrip("["))
    path: KeyPath = ()
    for depth, key in enumerate(keys, 1):
        path = (*path, key)
        if repeated and depth == len(keys):
            arrays[path] = arrays.get(path, -1) + 1
        if path in arrays:
            path = (*path, arrays[path])
    return path


def _toml_keys(text: str) -> list[str]:
    """The dotted key at the start of `text`: `a."b.c" = 1` gives `["a", "b.c"]`."""
    keys: list[str] = []
    offset = 0
    while (found := _TOML_KEY.match(text, offset)) is not None:
        keys.append(next(group for group in found.groups()[:3] if group is not None))
        offset = found.end()
        if not found[4]:
            break
    return keys
