"""Which rules there are: found by importing the installed rule packs, never from a list.

A rule pack is a package named in the entry-point group `backlint.rules`. Every module below it that
does not begin with an underscore is imported; a module holds one rule, whose id is the module's
name in kebab-case and whose family is the package the module lies in.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from backlint.entry_points import EntryPoint, find_entry_points
from backlint.finding import Notice, Severity
from backlint.rule import Rule
from backlint.summary import FileKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

GROUP = "backlint.rules"
_BUILT_IN = "backlint"


class RuleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as the engine and the reporters know it; the fields mean what `Rule`'s mean."""

    id: str
    family: str
    severity: Severity
    kinds: frozenset[FileKind]
    needs: tuple[str, ...]
    same_as: tuple[str, ...]
    tags: tuple[str, ...]
    security_severity: float | None
    since: str
    cls: type[Rule]
    pack: str
    """Name of the distribution that the rule comes with."""

    @property
    def documentation(self) -> str:
        """The documentation page, in Markdown."""
        return self.cls.documentation()

    @property
    def summary(self) -> str:
        """The first line of the documentation."""
        return self.documentation.partition("\n")[0].strip()

    @property
    def has_fix(self) -> bool:
        """Whether the rule mends some of what it finds."""
        return self.cls.fix is not Rule.fix


class RememberedRule(RuleInfo, frozen=True):
    """A rule of which an earlier run has kept all but its code, which is imported when it is asked for."""

    knows_fix: bool

    @property  # type: ignore[misc]  # a field elsewhere, and like it never assigned to
    def cls(self) -> type[Rule]:
        return load_rules().rules[self.id].cls

    @property
    def has_fix(self) -> bool:
        return self.knows_fix


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """All rules that could be loaded."""

    rules: dict[str, RuleInfo] = {}
    """By id, in order of id."""
    families: tuple[str, ...] = ()
    """In alphabetical order."""
    packs: tuple[EntryPoint, ...] = ()
    """The packs that were asked, the built-in one first; their versions belong into the cache's key."""
    notices: tuple[Notice, ...] = ()
    """What could not be loaded."""


class Memory(Protocol):
    """Where rules are kept from one run to the next."""

    def recall(self, packs: Sequence[EntryPoint]) -> Registry | None:
        """What was kept of the rules of these packs, if it still holds."""

    def keep(self, registry: Registry) -> None:
        """Keep what is known of rules."""


@cache
def load_rules(memory: Memory | None = None) -> Registry:
    """The rules of every installed pack, once a process.

    A pack or module that fails to import becomes a notice, and everything else is loaded. Where two
    packs have a rule of the same id, the built-in one counts, then the one of the distribution
    that comes first in the alphabet. Rules that `memory` knows are not imported before their code is needed.
    """
    known = memory.recall(_packs()) if memory is not None else None
    if known is not None:
        return known
    if memory is None:
        return load_packs(_packs())
    registry = load_rules()
    memory.keep(registry)
    return registry


def _packs() -> list[EntryPoint]:
    return sorted(find_entry_points(GROUP), key=lambda pack: (pack.distribution != _BUILT_IN, pack))


def library_folders(registry: Registry) -> list[Path]:
    """Where the packs that have rules keep their library entries, in alphabetical order of packs."""
    packs = sorted({info.cls.__module__.partition(".")[0] for info in registry.rules.values()})
    folders = [Path(sys.modules[pack].__file__ or "").parent / "libraries" for pack in packs]
    return [folder for folder in folders if folder.is_dir()]


def load_packs(packs: list[EntryPoint]) -> Registry:
    """Load the rules of these packs; of rules with the same id the first counts."""
    rules: dict[str, RuleInfo] = {}
    notices: list[Notice] = []
    for pack in packs:
        for item in _load_pack(pack):
            if isinstance(item, Notice):
                notices.append(item)
            elif item.id not in rules:
                rules[item.id] = item
            elif rules[item.id].cls is not item.cls:
                other = rules[item.id]
                notices.append(
                    _notice(pack, f"the rule {item.id} is left out: {_place(other.cls)} has the same id")
                )
    return Registry(
        rules=dict(sorted(rules.items())),
        families=tuple(sorted({rule.family for rule in rules.values()})),
        packs=tuple(packs),
        notices=tuple(notices),
    )


def _load_pack(pack: EntryPoint) -> Iterator[RuleInfo | Notice]:
    for module in _modules(pack.value.partition(":")[0].strip(), pack):
        if isinstance(module, Notice):
            yield module
            continue
        try:
            rule = _rule_of(module, pack)
        except Exception as error:
            yield _notice(pack, f"{module.__name__} is left out: {_describe(error)}")
            continue
        if rule is not None:
            yield rule


def _modules(name: str, pack: EntryPoint) -> Iterator[ModuleType | Notice]:
    """The module `name` and all below it, in alphabetical order, a package before its modules."""
    try:
        module = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin may even exit; no other rule must go missing for it
        yield _notice(pack, f"{name} can't be imported: {_describe(error)}")
        return
    yield module
    below = sorted(found.name for found in pkgutil.iter_modules(getattr(module, "__path__", [])))
    for child in below:
        if not child.startswith("_"):
            yield from _modules(f"{name}.{child}", pack)


def _rule_of(module: ModuleType, pack: EntryPoint) -> RuleInfo | None:
    """The rule that a module holds, its id and family set; None for a module without one."""
    package, _, name = module.__name__.rpartition(".")
    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Rule)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]
    if not own:
        return None
    named = [cls for cls in own if cls.__name__.lower() == name.replace("_", "").lower()]
    if len(own) > 1 and len(named) != 1:
        names = ", ".join(cls.__name__ for cls in own)
        raise ValueError(f"it defines several rules ({names}), none of them named like the module")
    cls = named[0] if named else own[0]
    cls.id = _kebab(name)
    cls.family = _kebab(package.rpartition(".")[2] or name)
    return RuleInfo(
        id=cls.id,
        family=cls.family,
        severity=Severity(cls.severity),
        kinds=frozenset(FileKind(kind) for kind in cls.kinds),
        needs=tuple(cls.needs),
        same_as=tuple(cls.same_as),
        tags=tuple(cls.tags),
        security_severity=cls.security_severity,
        since=cls.since,
        cls=cls,
        pack=pack.distribution,
    )


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _place(cls: type[Rule]) -> str:
    return f"{cls.__module__}.{cls.__name__}"


def _describe(error: BaseException) -> str:
    """One line, whatever the error's text holds."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _notice(pack: EntryPoint, message: str) -> Notice:
    return Notice(kind="plugin", message=f"rule pack {pack.name} ({pack.distribution}): {message}")
