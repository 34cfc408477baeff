"""What is known of the installed rules, kept so that a run over unchanged files imports none of them."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from backlint.cache.keys import package_files, program_fingerprint
from backlint.cache.pack import KEY_SIZE
from backlint.cache.states import RACY
from backlint.finding import Severity
from backlint.registry import Registry, RememberedRule
from backlint.rule import Rule
from backlint.summary import FileKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backlint.cache.store import Cache
    from backlint.entry_points import EntryPoint
    from backlint.registry import RuleInfo


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """A rule without its code."""

    id: str
    family: str
    severity: Severity
    kinds: frozenset[FileKind]
    needs: tuple[str, ...]
    same_as: tuple[str, ...]
    tags: tuple[str, ...]
    security_severity: float | None
    since: str
    pack: str
    has_fix: bool


class RuleMemory:
    """Remembers rules in a cache, by the content of everything that they and the program are made of."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._fingerprints: dict[tuple[EntryPoint, ...], str] = {}

    def fingerprint(self, packs: Sequence[EntryPoint]) -> str:
        """What summaries and results depend on besides the analysed files."""
        key = tuple(packs)
        if key not in self._fingerprints:
            self._fingerprints[key] = _fingerprint(key, self._cache)
        return self._fingerprints[key]

    def recall(self, packs: Sequence[EntryPoint]) -> Registry | None:
        """What was kept of the rules of these packs; None where nothing was, or anything has changed."""
        data = self._cache.load_blob("rules", self.fingerprint(packs))
        if data is None:
            return None
        try:
            kept = msgspec.msgpack.decode(data, type=list[_Kept])
        except msgspec.DecodeError:
            return None
        if not kept:
            return None
        rules: dict[str, RuleInfo] = {one.id: RememberedRule(cls=Rule, **_fields(one)) for one in kept}
        families = tuple(sorted({one.family for one in kept}))
        return Registry(rules=rules, families=families, packs=tuple(packs))

    def keep(self, registry: Registry) -> None:
        """Keep what is known of rules; where a pack could not be loaded, it is tried again next time."""
        if registry.rules and not registry.notices:
            kept = [_kept(info) for info in registry.rules.values()]
            key = self.fingerprint(registry.packs)
            self._cache.save_blob("rules", key, msgspec.msgpack.encode(kept))


def _fields(kept: _Kept) -> dict[str, Any]:
    fields = msgspec.structs.asdict(kept)
    fields["knows_fix"] = fields.pop("has_fix")
    return fields


def _kept(info: RuleInfo) -> _Kept:
    names = [name for name in _Kept.__struct_fields__ if name != "has_fix"]
    return _Kept(**{name: getattr(info, name) for name in names}, has_fix=info.has_fix)


def _fingerprint(packs: Sequence[EntryPoint], cache: Cache) -> str:
    """A hash of the content of the program and of every rule pack.

    Where size, time and place of all their files
    are as they were, what was worked out then still holds, and none of them is read.
    """
    import backlint

    folders = {Path(backlint.__file__).parent}
    for pack in packs:
        folder = _folder(pack.value.partition(":")[0].strip().partition(".")[0])
        if folder is not None:
            folders.add(folder)
    versions = {pack.distribution: pack.version for pack in packs}
    packages = sorted(folders)
    key = _state(packages, versions)
    known = cache.load_blob("program", key) if key else None
    if known is not None and len(known) == KEY_SIZE:
        return known.hex()
    made = program_fingerprint(packages, versions)
    if key:
        cache.save_blob("program", key, bytes.fromhex(made))
    return made


def _folder(package: str) -> Path | None:
    """Where a package lies, which is not imported for it."""
    module = sys.modules.get(package)
    if module is not None:
        return Path(module.__file__).parent if module.__file__ else None
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _state(packages: Sequence[Path], versions: dict[str, str]) -> str:
    """A key for files by their sizes, times and places; empty where one is so new that it may still change."""
    digest = blake2b(repr((sys.version_info[:5], sorted(versions.items()))).encode(), digest_size=KEY_SIZE)
    newest = 0
    try:
        for package in packages:
            for _, path in package_files(package):
                status = os.stat(path)  # noqa: PTH116 - twice as fast as Path.stat
                newest = max(newest, status.st_mtime_ns)
                place = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\0"
                digest.update(place.encode("utf-8", "surrogateescape"))
    except OSError:
        return ""
    return "" if newest > (time.time() - RACY) * 1e9 else digest.hexdigest()
