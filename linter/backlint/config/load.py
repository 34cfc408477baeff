"""Settings from the project's configuration file and the command line.

The file belongs to the project under review and is not trusted: it is data only, and it can
name no path outside the project.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backlint.config import values
from backlint.config.files import ConfigurationFile, find_configuration, find_root, read_configuration
from backlint.config.settings import Linter, Profile, Settings
from backlint.effect import Role
from backlint.errors import ConfigurationError, UsageError
from backlint.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from enum import StrEnum

    from backlint.config.yaml_reader import KeyPath
    from backlint.libraries.entry import LibraryEntry

COMMAND_LINE = "command line"
DEFAULT = "default"

_MAX_LIBRARY_BYTES = 1_000_000


class Overrides(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line says about settings; None where it says nothing."""

    config: Path | None = None
    """The configuration file to use instead of the nearest one."""
    select: tuple[str, ...] | None = None
    """Replaces the file's `select`, and lifts its `ignore` of the same names."""
    ignore: tuple[str, ...] | None = None
    """Comes on top of the file's `ignore`."""
    profile: Profile | None = None
    min_severity: Severity | None = None
    fail_on: Severity | None = None


def load_settings(start: Path, overrides: Overrides) -> Settings:
    """The settings in force for the code at and below `start`.

    The nearest configuration from `start` upwards applies, and its folder is the project root. A
    file named by `overrides.config` is taken instead; then the root is its folder if `start` lies
    below that, else the folder that `find_root` gives.

    Args:
        start: A folder; need not be absolute.

    Raises:
        UsageError: `overrides.config` names no file.
        ConfigurationError: the configuration can't be read as meant; names file, line and key.
    """
    start = Path(os.path.abspath(start))  # noqa: PTH100 - Path.resolve would follow symlinks
    if overrides.config is None:
        file = find_configuration(start)
        root = find_root(start) if file is None else file.path.parent
    else:
        path = Path(os.path.abspath(overrides.config))  # noqa: PTH100
        file = read_configuration(path)
        root = path.parent if start.is_relative_to(path.parent) else find_root(start)
    settings = Settings(root=root) if file is None else _from_file(root, file)
    return _with_overrides(settings, overrides)


def check_rule_names(
    settings: Settings, known_rules: Collection[str], known_families: Collection[str]
) -> None:
    """Raise for the first name in the settings that is no rule or family.

    Raises:
        ConfigurationError: from the configuration file; names the key, where it stands and the
            nearest valid name.
        UsageError: from the command line.
    """
    names = {*known_rules, *known_families}
    for key, words in (("select", settings.select), ("ignore", settings.ignore)):
        for word in words:
            if word not in names:
                _unknown_rule(settings, key, word, "rule or family", names)
    for pattern, words in settings.per_path_ignores.items():
        for word in words:
            if word not in names:
                _unknown_rule(settings, f"per-path-ignores.{pattern}", word, "rule or family", names)
    for word in settings.severity:
        if word in known_families and word not in known_rules:
            where = settings.origins.get(f"severity.{word}", "configuration")
            raise ConfigurationError(f'{where}: "severity" takes rules, and "{word}" is a family')
        if word not in known_rules:
            _unknown_rule(settings, f"severity.{word}", word, "rule", known_rules)


def _unknown_rule(settings: Settings, key: str, word: str, what: str, names: Collection[str]) -> None:
    origin = settings.origins.get(f"{key}.{word}") or settings.origins.get(key, "configuration")
    shown = key.split(".")[0]
    message = f'there is no {what} "{word}" (in "{shown}"){values.nearest(word, names)}'
    if origin == COMMAND_LINE:
        raise UsageError(f"--{shown}: {message}")
    raise ConfigurationError(f"{origin}: {message}")


def _from_file(root: Path, file: ConfigurationFile) -> Settings:
    values.check_keys(file, (), file.values, _READERS)
    fields: dict[str, object] = {}
    origins: dict[str, str] = {}
    for name, value in file.values.items():
        key: KeyPath = (name,)
        fields[name.replace("-", "_")] = _READERS[name](file, key, value)
        origins[name] = file.where(key)
        if isinstance(value, dict):
            origins |= {f"{name}.{inner}": file.where((name, inner)) for inner in value}
    return msgspec.structs.replace(Settings(root=root, origins=origins), **fields)


def _with_overrides(settings: Settings, overrides: Overrides) -> Settings:
    fields: dict[str, object] = {}
    origins = dict(settings.origins)
    ignore = settings.ignore
    if overrides.select is not None:
        fields["select"] = overrides.select
        origins["select"] = COMMAND_LINE
        ignore = tuple(name for name in ignore if name not in overrides.select)
    if overrides.ignore is not None:
        ignore += tuple(name for name in overrides.ignore if name not in ignore)
        origins |= {f"ignore.{name}": COMMAND_LINE for name in overrides.ignore}
        origins["ignore"] = _joined_origin(settings, "ignore")
    fields["ignore"] = ignore
    for name in ("profile", "min_severity", "fail_on"):
        value = getattr(overrides, name)
        if value is not None:
            fields[name] = value
            origins[name.replace("_", "-")] = COMMAND_LINE
    origins = {**dict.fromkeys(_READERS, DEFAULT), **origins}
    return msgspec.structs.replace(settings, origins=origins, **fields)


def _joined_origin(settings: Settings, key: str) -> str:
    from_file = settings.origins.get(key)
    return f"{from_file}, {COMMAND_LINE}" if from_file else COMMAND_LINE


def _enumerated(choices: type[StrEnum]) -> Callable[[ConfigurationFile, KeyPath, object], object]:
    return lambda file, key, value: values.choice(file, key, value, choices)


def _severities(file: ConfigurationFile, key: KeyPath, value: object) -> dict[str, Severity]:
    table = values.table(file, key, value)
    return {name: values.choice(file, (*key, name), item, Severity) for name, item in table.items()}


def _per_path_ignores(file: ConfigurationFile, key: KeyPath, value: object) -> dict[str, tuple[str, ...]]:
    table = values.table(file, key, value)
    return {pattern: values.strings(file, (*key, pattern), item) for pattern, item in table.items()}


def _roles(file: ConfigurationFile, key: KeyPath, value: object) -> dict[str, tuple[Role, ...]]:
    roles: dict[str, tuple[Role, ...]] = {}
    for symbol, item in values.table(file, key, value).items():
        at: KeyPath = (*key, symbol)
        if isinstance(item, list):
            roles[symbol] = tuple(
                values.choice(file, (*at, index), word, Role) for index, word in enumerate(item)
            )
        else:
            roles[symbol] = (values.choice(file, at, item, Role),)
    return roles


def _linters(file: ConfigurationFile, key: KeyPath, value: object) -> tuple[Linter, ...]:
    words = values.strings(file, key, value)
    return tuple(values.choice(file, (*key, index), word, Linter) for index, word in enumerate(words))


def _source_roots(file: ConfigurationFile, key: KeyPath, value: object) -> tuple[str, ...]:
    folders = values.strings(file, key, value)
    return tuple(values.inner_path(file, (*key, index), folder) for index, folder in enumerate(folders))


def _public_routes(file: ConfigurationFile, key: KeyPath, value: object) -> tuple[str, ...]:
    patterns = values.strings(file, key, value)
    return tuple(values.route_pattern(file, (*key, index), item) for index, item in enumerate(patterns))


def _libraries(file: ConfigurationFile, key: KeyPath, value: object) -> tuple[LibraryEntry, ...]:
    if not isinstance(value, list):
        message = f'"libraries" must be a list of entries or paths, not {values.kind_of(value)}'
        values.fail(file, key, message)
    return tuple(_library(file, (*key, index), item) for index, item in enumerate(value))


def _library(file: ConfigurationFile, key: KeyPath, value: object) -> LibraryEntry:
    from backlint.libraries.load import convert_entry, load_entry

    if isinstance(value, str):
        return load_entry(_library_path(file, key, value))
    values.table(file, key, value)
    return convert_entry(value, file.shown, file.positions, key)


def _library_path(file: ConfigurationFile, key: KeyPath, value: str) -> Path:
    folder = file.path.parent
    path = folder / values.inner_path(file, key, value)
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
        regular = path.is_file()
    except OSError:
        inside, regular = True, False
    if not inside:
        values.fail(file, key, f'"{values.dotted(key)}" must lie inside the project, and "{value}" does not')
    if not regular:
        values.fail(file, key, f'"{values.dotted(key)}": there is no file "{value}"')
    if path.stat().st_size > _MAX_LIBRARY_BYTES:
        values.fail(
            file, key, f'"{values.dotted(key)}": "{value}" is larger than {_MAX_LIBRARY_BYTES:,} bytes'
        )
    return path


_READERS: dict[str, Callable[[ConfigurationFile, KeyPath, object], object]] = {
    "select": values.strings,
    "ignore": values.strings,
    "severity": _severities,
    "per-path-ignores": _per_path_ignores,
    "exclude": values.strings,
    "profile": _enumerated(Profile),
    "min-severity": _enumerated(Severity),
    "fail-on": _enumerated(Severity),
    "defer-to": _linters,
    "public-routes": _public_routes,
    "source-roots": _source_roots,
    "roles": _roles,
    "libraries": _libraries,
}
