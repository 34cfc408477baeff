"""All library entries in one look-up: what any library symbol means."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from backlint.libraries.entry import AttributeEntry, ClassEntry, FunctionEntry, LibraryEntry

if TYPE_CHECKING:
    from collections.abc import Iterable


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The merged entries, by canonical full name. (`dict=True` makes room for the cached look-ups.)"""

    functions: dict[str, FunctionEntry] = {}
    classes: dict[str, ClassEntry] = {}
    attributes: dict[str, AttributeEntry] = {}
    aliases: dict[str, str] = {}
    modules: frozenset[str] = frozenset()
    """Top-level import names that entries speak for."""
    settings: frozenset[str] = frozenset()
    """Names of settings that protect something, as the libraries read them."""

    @cached_property
    def _canonical(self) -> dict[str, str]:
        return {}

    @cached_property
    def _aliased_modules(self) -> frozenset[str]:
        return frozenset(alias.partition(".")[0] for alias in self.aliases)

    def canonical(self, symbol: str) -> str:
        """Return the full name under which entries describe a symbol; the symbol itself where none does.

        The longest prefix that is an alias is replaced, again and again, until none is left. A name that
        an entry defines hides every alias as short as itself or shorter.
        """
        found = self._canonical.get(symbol)
        if found is None:
            found = self._resolve(symbol)
            self._canonical[symbol] = found
        return found

    def _resolve(self, symbol: str) -> str:
        seen = {symbol}
        while True:
            replaced = self._replace_prefix(symbol)
            if replaced is None or replaced in seen or len(replaced) > _LONGEST_SYMBOL:
                return symbol
            seen.add(replaced)
            symbol = replaced

    def _replace_prefix(self, symbol: str) -> str | None:
        if symbol.partition(".")[0] not in self._aliased_modules:
            return None
        prefix, rest = symbol, ""
        while prefix:
            if self._defines(prefix):
                return None
            target = self.aliases.get(prefix)
            if target is not None:
                return target + rest
            prefix, dot, last = prefix.rpartition(".")
            rest = dot + last + rest
        return None

    def _defines(self, name: str) -> bool:
        return name in self.functions or name in self.classes or name in self.attributes


_LONGEST_SYMBOL = 500
"""An alias below its own target (`a` for `a.b`) would grow for ever."""


def compile_entries(entries: Iterable[LibraryEntry]) -> Catalogue:
    """Merge entries into one catalogue; what comes later overrides what came before, key by key.

    A function or module attribute is replaced as a whole. A class is merged: methods and attributes by
    their names, every other key where the later entry gives it.
    """
    functions: dict[str, FunctionEntry] = {}
    classes: dict[str, ClassEntry] = {}
    attributes: dict[str, AttributeEntry] = {}
    aliases: dict[str, str] = {}
    modules: set[str] = set()
    settings: set[str] = set()
    for entry in entries:
        functions |= entry.functions
        attributes |= entry.attributes
        aliases |= entry.aliases
        modules.update(entry.modules)
        settings.update(entry.settings)
        for name, later in entry.classes.items():
            earlier = classes.get(name)
            classes[name] = later if earlier is None else _merge_classes(earlier, later)
    return Catalogue(
        functions=functions,
        classes=classes,
        attributes=attributes,
        aliases=aliases,
        modules=frozenset(modules),
        settings=frozenset(settings),
    )


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """Write a catalogue as MessagePack; equal catalogues give equal bytes."""
    return msgspec.msgpack.encode(catalogue, order="deterministic")


def decode_catalogue(data: bytes) -> Catalogue:
    """Read a catalogue back.

    Raises:
        msgspec.DecodeError: the bytes are no catalogue (a subclass of ValueError).
    """
    return msgspec.msgpack.decode(data, type=Catalogue)


def _merge_classes(earlier: ClassEntry, later: ClassEntry) -> ClassEntry:
    given: dict[str, object] = {
        name: value
        for name in ClassEntry.__struct_fields__
        if (value := getattr(later, name)) != getattr(_PLAIN_CLASS, name)
    }
    given["methods"] = earlier.methods | later.methods
    given["attributes"] = earlier.attributes | later.attributes
    return msgspec.structs.replace(earlier, **given)


_PLAIN_CLASS = ClassEntry()
