"""Reads library entries from YAML files, and refuses what it can't take as meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from backlint.errors import ConfigurationError
from backlint.libraries.entry import LibraryEntry
from backlint.libraries.type_expression import parse_type
from backlint.libraries.validate import KeyPath, Problem, find_problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


def load_entries(directories: Iterable[Path], extra: Iterable[LibraryEntry] = ()) -> tuple[LibraryEntry, ...]:
    """Read every `*.yaml` file of the directories, in order of file name; `extra` entries come last.

    Raises:
        ConfigurationError: a directory or file can't be read, or isn't a valid entry.
    """
    files = [path for directory in directories for path in _entry_files(directory)]
    return (*(load_entry(path) for path in files), *extra)


def load_entry(path: Path) -> LibraryEntry:
    """Read one library entry.

    Raises:
        ConfigurationError: the file can't be read or isn't a valid entry; names file, line and key.
    """
    from backlint.config.yaml_reader import read_yaml  # a warm run must not import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: can't read the library entry: {error}") from error
    data, positions = read_yaml(text, str(path))
    return convert_entry(data, str(path), positions)


def convert_entry(
    data: object, source_name: str, positions: Mapping[KeyPath, tuple[int, int]], at: KeyPath = ()
) -> LibraryEntry:
    """Turn plain data, as YAML or TOML gives it, into a library entry.

    Args:
        data: the entry; a bare string for an attribute stands for its `type`.
        source_name: the file, for messages.
        positions: line and column, from 1, of each key path of the file; may be empty.
        at: key path of the entry in its file.

    Raises:
        ConfigurationError: names file, line, key and the nearest valid word.
    """
    spread = _spread_attributes(data)
    try:
        entry = msgspec.convert(spread, LibraryEntry, strict=True)
    except msgspec.ValidationError as error:
        problem = find_problem(spread, LibraryEntry) or Problem((), str(error))
    else:
        found = next(_type_problems(entry), None)
        if found is None:
            return entry
        problem = found
    raise ConfigurationError(_describe(problem, source_name, positions, at))


def _entry_files(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.suffix in {".yaml", ".yml"})
    except OSError as error:
        raise ConfigurationError(f"{directory}: can't list the library entries: {error}") from error


def _spread_attributes(data: object) -> object:
    """Write every attribute given as a bare string in full; leave anything else for validation."""
    if not isinstance(data, dict):
        return data
    spread = _with_full_attributes(data)
    classes = spread.get("classes")
    if isinstance(classes, dict):
        spread["classes"] = {name: _with_full_attributes(entry) for name, entry in classes.items()}
    return spread


def _with_full_attributes(data: Any) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get("attributes"), dict):
        return data.copy() if isinstance(data, dict) else data
    attributes = {
        name: {"type": value} if isinstance(value, str) else value
        for name, value in data["attributes"].items()
    }
    return {**data, "attributes": attributes}


def _type_problems(entry: LibraryEntry) -> Iterator[Problem]:
    for path, text in type_texts(entry):
        try:
            expression = parse_type(text)
        except ValueError as error:
            yield Problem(path, str(error))
            continue
        if path[2:3] == ("bases",) and expression.arguments:
            yield Problem(path, f"a base is a class's full name without type arguments, not `{text}`")


def type_texts(entry: LibraryEntry) -> Iterator[tuple[KeyPath, str]]:
    """Yield every type expression that an entry gives, with its key path."""
    return ((path, text) for path, text in _type_places(entry) if text)


def _type_places(entry: LibraryEntry) -> Iterator[tuple[KeyPath, str]]:
    for name, function in entry.functions.items():
        yield ("functions", name, "returns"), function.returns
    for name, attribute in entry.attributes.items():
        yield ("attributes", name, "type"), attribute.type
    for name, cls in entry.classes.items():
        at: KeyPath = ("classes", name)
        yield from (((*at, "bases", index), base) for index, base in enumerate(cls.bases))
        yield (*at, "init", "returns"), cls.init.returns
        if cls.call is not None:
            yield (*at, "call", "returns"), cls.call.returns
        yield from (
            ((*at, "methods", name, "returns"), method.returns) for name, method in cls.methods.items()
        )
        yield from (((*at, "attributes", name, "type"), value.type) for name, value in cls.attributes.items())
        yield (*at, "enter"), cls.enter
        yield (*at, "iterates"), cls.iterates


def _describe(
    problem: Problem, source_name: str, positions: Mapping[KeyPath, tuple[int, int]], at: KeyPath
) -> str:
    path = (*at, *problem.path)
    known = next((path[:length] for length in range(len(path), 0, -1) if path[:length] in positions), ())
    line = f":{positions[known][0]}" if known in positions else ""
    key = "".join(f"[{part}]" if isinstance(part, int) else f" → {part}" for part in path).removeprefix(" → ")
    return f"{source_name}{line}: {key or 'library entry'}: {problem.message}"
