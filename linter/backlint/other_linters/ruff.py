"""Which of ruff's rules the project's own configuration switches on.

Source: https://docs.astral.sh/ruff/configuration/ and https://docs.astral.sh/ruff/linter/, read for 0.17. Only
what is selected by name counts: what ruff does by default differs between its versions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.other_linters.files import Files, Table, below, folders, inside, matches, strings, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backlint.other_linters.hooks import Hook

_NAMES = (".ruff.toml", "ruff.toml", "pyproject.toml")
_MOST_EXTENDED = 10
_CODE = re.compile(r"([A-Z]+)(\d*)")


class _Layer(msgspec.Struct, frozen=True):
    """The choices of one configuration; those that extend it come after it."""

    select: tuple[str, ...] | None = None
    extend_select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


class _Configuration(msgspec.Struct, frozen=True):
    """What is in force in a folder."""

    path: str
    folder: str
    layers: tuple[_Layer, ...]
    exclude: tuple[str, ...]
    ignores: tuple[tuple[str, tuple[str, ...]], ...]
    """Patterns of files with what is ignored in them."""


class Ruff:
    """Ruff as a repository has it configured."""

    def __init__(self, files: Files, hooks: Iterable[Hook] = ()) -> None:
        self._files = files
        self._hooks = [hook for hook in hooks if hook.id in ("ruff", "ruff-check")]
        self._by_folder: dict[str, _Configuration | None] = {}

    def switched_on(self, code: str, path: str) -> str:
        """The file that has a rule reported in a file; empty where none is known to."""
        configuration = self._nearest(path)
        if configuration is None:
            configuration = _Configuration("", "", (), (), ())
        inner = below(path, configuration.folder)
        if any(matches(pattern, inner) for pattern in configuration.exclude):
            return ""
        if any(
            _is_meant(pattern, inner) and _weight(codes, code) >= 0
            for pattern, codes in configuration.ignores
        ):
            return ""
        if is_selected(configuration.layers, code):
            return configuration.path
        for hook in self._hooks:
            if hook.sees(path) and is_selected((*configuration.layers, _of_hook(hook)), code):
                return hook.path
        return ""

    def _nearest(self, path: str) -> _Configuration | None:
        above = folders(path)
        if above[0] not in self._by_folder:
            found = None
            for folder in above:
                found = self._in_folder(folder)
                if found is not None:
                    break
            self._by_folder[above[0]] = found
        return self._by_folder[above[0]]

    def _in_folder(self, folder: str) -> _Configuration | None:
        for name in _NAMES:
            path = f"{folder}/{name}" if folder else name
            data = self._table(path)
            if data is not None:
                return self._configuration(path, folder, data)
        return None

    def _table(self, path: str) -> Table | None:
        data = self._files.toml(path)
        if data is None or not path.endswith("pyproject.toml"):
            return data
        found = table(data, "tool").get("ruff")
        return found if isinstance(found, dict) else None

    def _configuration(self, path: str, folder: str, data: Table) -> _Configuration:
        """A configuration with those that it extends, as far as they lie in the repository."""
        chain = [data]
        at = path
        while len(chain) <= _MOST_EXTENDED:
            extended = chain[-1].get("extend")
            if not isinstance(extended, str):
                break
            other = inside(at.rpartition("/")[0], extended)
            further = None if other is None else self._table(other)
            if other is None or further is None:
                break
            chain.append(further)
            at = other
        chain.reverse()
        exclude: list[str] = []
        ignores: list[tuple[str, tuple[str, ...]]] = []
        for one in chain:
            lint = table(one, "lint")
            # What a configuration takes over or replaces makes no difference here: rather too much is ignored.
            for options, keys in ((one, ("exclude", "extend-exclude")), (lint, ("exclude",))):
                exclude += [pattern for key in keys for pattern in strings(options.get(key))]
            for options in (one, lint):
                for key in ("per-file-ignores", "extend-per-file-ignores"):
                    for pattern, codes in table(options.get(key)).items():
                        ignores.append((pattern, tuple(strings(codes))))
        return _Configuration(path, folder, tuple(map(_layer, chain)), tuple(exclude), tuple(ignores))


def is_selected(layers: Iterable[_Layer], code: str) -> bool:
    """Whether layered choices select a rule: in each layer the most exact word decides, and of equals `ignore`."""
    selected = False
    for layer in layers:
        wanted = _weight((*(layer.select or ()), *layer.extend_select), code)
        unwanted = _weight(layer.ignore, code)
        if layer.select is not None or max(wanted, unwanted) >= 0:
            selected = wanted > unwanted
    return selected


def _weight(selectors: Iterable[str], code: str) -> int:
    """How exact the most exact of the selectors is that mean a rule; -1 where none does."""
    return max((_exactness(selector, code) for selector in selectors), default=-1)


def _exactness(selector: str, code: str) -> int:
    if selector == "ALL":
        return 0
    found, wanted = _CODE.fullmatch(selector), _CODE.fullmatch(code)
    if found is None or wanted is None or found[1] != wanted[1] or not wanted[2].startswith(found[2]):
        return -1
    return 1 + len(found[2])


def _is_meant(pattern: str, path: str) -> bool:
    if pattern.startswith("!"):
        return not matches(pattern[1:], path)
    return matches(pattern, path)


def _layer(data: Table) -> _Layer:
    lint = table(data, "lint")
    given = [options["select"] for options in (data, lint) if "select" in options]
    return _Layer(
        tuple(strings(given[-1])) if given else None,
        tuple(word for options in (data, lint) for word in strings(options.get("extend-select"))),
        tuple(
            word
            for options in (data, lint)
            for key in ("ignore", "extend-ignore")
            for word in strings(options.get(key))
        ),
    )


def _of_hook(hook: Hook) -> _Layer:
    select = hook.option("--select")
    return _Layer(
        tuple(select) if select else None,
        tuple(hook.option("--extend-select")),
        (*hook.option("--ignore"), *hook.option("--extend-ignore")),
    )
