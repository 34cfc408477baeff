"""The cache folder: content-addressed, shared without locks, never trusted.

Every file in it is written once under a temporary name and moved into place, and nothing is ever changed
in place, so readers see whole files whoever else writes. A run adds one small pack with what it made;
when packs get many, one run merges them. The worst that a damaged, forged or vanishing file can cost is
work done again.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from backlint.cache import pack
from backlint.errors import UsageError
from backlint.finding import Notice

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MOST_PACKS = 16
UNUSED_LIMIT = 16 << 20
"""Bytes of entries that the current run did not use and that a merge keeps, at least."""
BLOBS_KEPT = 8
"""Of each name, the newest."""

_TAG = "CACHEDIR.TAG"
_SIGNATURE = b"Signature: 8a477f597d28d172789f06886806bc55"
_TAG_TEXT = (
    _SIGNATURE + b"\n"
    b"# This file is a cache directory tag created by backlint.\n"
    b"# For information about cache directory tags see https://bford.info/cachedir/\n"
)
_TEMPORARY = "tmp-"
_OUR_NAMES = re.compile(
    r"CACHEDIR\.TAG|\.gitignore|tmp-[0-9a-f]{16}|summaries-[0-9a-f]{16}\.pack|[a-z]+-[0-9a-f]{40}\.blob"
)
_STALE = 3600.0
_READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class Cache:
    """Summaries and other bytes by key, in a folder or nowhere.

    Keys are 40 hexadecimal digits. No method raises for the state of the disk: what can't be read is
    missing, what can't be written is dropped, and `notices` says once if that needs saying.
    """

    def __init__(self, directory: Path | None, notices: Iterable[Notice] = ()) -> None:
        self.notices = list(notices)
        self._directory = directory
        self._writable = directory is not None
        self._loaded = 0
        self._owners = _trusted(directory)

    def load(self, keys: Collection[str]) -> dict[str, bytes]:
        """The entries that are there, by key."""
        wanted = {bytes.fromhex(key) for key in keys}
        found: dict[bytes, bytes] = {}
        # Another run may merge packs between listing and opening; then the second look finds the merged one.
        for _ in range(2):
            vanished = False
            for _, path in self._files("summaries-", ".pack"):
                missing = wanted - found.keys()
                if not missing:
                    break
                try:
                    found.update(pack.read(path, missing, self._owners))
                except FileNotFoundError:
                    vanished = True
                except OSError:
                    continue
            if not vanished:
                break
        self._loaded += sum(map(len, found.values()))
        return {key.hex(): content for key, content in found.items()}

    def save(self, entries: Mapping[str, bytes], keep: Collection[str]) -> None:
        """Add `entries`. `keep` are the keys this run used: they outlive others when room is short."""
        if not entries or not self._writable:
            return
        fresh = {bytes.fromhex(key): content for key, content in sorted(entries.items())}
        packs = self._files("summaries-", ".pack")
        total = sum(size for size, _ in packs)
        in_use = self._loaded + sum(map(len, fresh.values()))
        if len(packs) < MOST_PACKS and total <= 2 * in_use + UNUSED_LIMIT:
            self._write_pack(fresh)
        else:
            self._merge(fresh, {bytes.fromhex(key) for key in keep}, [path for _, path in packs])

    def load_result(self, key: str) -> bytes | None:
        """The outcome of a whole run."""
        return self.load_blob("result", key)

    def save_result(self, key: str, data: bytes) -> None:
        """Keep the outcome of a whole run."""
        self.save_blob("result", key, data)

    def load_blob(self, name: str, key: str) -> bytes | None:
        """The bytes saved under this name and key, or None. `name` is a word of lower-case letters."""
        if self._directory is None:
            return None
        digest = bytes.fromhex(key)
        try:
            return pack.read(self._directory / f"{name}-{key}.blob", {digest}, self._owners).get(digest)
        except OSError:
            return None

    def save_blob(self, name: str, key: str, data: bytes) -> None:
        """Keep `data`; older blobs of the same name are dropped in time."""
        if self._write(f"{name}-{key}.blob", pack.write([(bytes.fromhex(key), data)])):
            _remove(path for _, path in self._files(f"{name}-", ".blob")[BLOBS_KEPT:])

    def discard(self) -> None:
        """Remove all entries: they are sound by their checksums, and wrong all the same."""
        self._loaded = 0
        _remove(path for _, path in self._files("") if path.suffix in (".pack", ".blob"))
        self.notices.append(
            Notice("cache", "what the cache held can't be right, so everything was read anew", failure=False)
        )

    def _merge(self, fresh: dict[bytes, bytes], keep: set[bytes], packs: list[Path]) -> None:
        merged = dict(fresh)
        for path in packs:
            try:
                for key, content in pack.read(path, None, self._owners).items():
                    merged.setdefault(key, content)
            except OSError:
                continue
        used = {key: content for key, content in merged.items() if key in keep or key in fresh}
        left = max(UNUSED_LIMIT, sum(map(len, used.values())))
        # `merged` goes from the newest pack to the oldest, and a merged pack from entries in use to those
        # longest unused, so what falls off the end was unused the longest.
        for key, content in merged.items():
            if key not in used:
                left -= len(content)
                if left < 0:
                    break
                used[key] = content
        name = self._write_pack(used)
        if name:
            _remove(path for path in packs if path.name != name)
            self._remove_stale()

    def _write_pack(self, records: dict[bytes, bytes]) -> str:
        data = pack.write(records.items())
        name = f"summaries-{blake2b(data, digest_size=8).hexdigest()}.pack"
        return name if self._write(name, data) else ""

    def _write(self, name: str, data: bytes) -> bool:
        if self._directory is None or not self._writable:
            return False
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            if not _is_tag(_read_tag(self._directory)):
                _replace(self._directory, _TAG, _TAG_TEXT)
                _replace(self._directory, ".gitignore", b"*\n")
            _replace(self._directory, name, data)
        except OSError as error:
            self._writable = False
            if error.errno not in _READ_ONLY:
                self.notices.append(_notice(f"{self._directory} can't be written: {error.strerror}"))
            return False
        return True

    def _files(self, prefix: str, suffix: str = "") -> list[tuple[int, Path]]:
        """Size and path of plain files named so, the last written first."""
        if self._directory is None:
            return []
        found: list[tuple[int, str, int]] = []
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    name = entry.name
                    if name.endswith(suffix) and name.startswith(prefix):
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            found.append((-status.st_mtime_ns, name, status.st_size))
        except OSError:
            pass
        return [(size, self._directory / name) for _, name, size in sorted(found)]

    def _remove_stale(self) -> None:
        """Remove what runs that were killed while writing have left."""
        now = time.time()
        for _, path in self._files(_TEMPORARY):
            try:
                if now - path.lstat().st_mtime > _STALE:
                    _remove([path])
            except OSError:
                continue


def open_cache(directory: Path | None) -> Cache:
    """The cache in `directory`, which is made when first written; None, or a folder that is not a
    cache of ours, gives a cache that keeps nothing."""
    if directory is None:
        return Cache(None)
    problem = _problem(directory)
    if problem:
        return Cache(None, [_notice(f"{directory} {problem}")])
    return Cache(directory)


def clean(directory: Path) -> int:
    """Remove the cache in `directory` and say how many bytes that were. Files of others in it stay.

    Raises:
        UsageError: `directory` is not a cache of ours, or can't be removed.
    """
    if not os.path.lexists(directory):
        return 0
    if directory.is_symlink() or not directory.is_dir() or not _is_tag(_read_tag(directory)):
        raise UsageError(f"{directory} is not a cache of backlint, so nothing was removed")
    removed = 0
    try:
        # The tag goes last: a clean that was cut short can be done again.
        for entry in sorted(os.scandir(directory), key=lambda entry: entry.name == _TAG):
            if _is_ours(entry.name) and not entry.is_dir(follow_symlinks=False):
                size = entry.stat(follow_symlinks=False).st_size
                Path(entry.path).unlink()
                removed += size
        if not any(directory.iterdir()):
            directory.rmdir()
    except OSError as error:
        raise UsageError(f"{directory} can't be removed: {error.strerror}") from error
    return removed


def _trusted(directory: Path | None) -> frozenset[int] | None:
    """The users whose entries are used: the one who runs this, root, and the owner of the folder around.

    Whoever can write valid entries can say what is found. None where files have no owners.
    """
    if directory is None or not hasattr(os, "geteuid"):
        return None
    owners = {os.geteuid(), 0}
    with suppress(OSError):
        owners.add(directory.parent.stat().st_uid)
    return frozenset(owners)


def _problem(directory: Path) -> str:
    if directory.is_symlink():
        # A link in a checked-out project could lead our files anywhere.
        return "is a symbolic link"
    if not directory.is_dir():
        return "is not a folder" if os.path.lexists(directory) else ""
    try:
        tag = _read_tag(directory)
        if _is_tag(tag) or (
            not tag.startswith(_SIGNATURE) and all(_is_ours(entry.name) for entry in directory.iterdir())
        ):
            return ""
    except OSError:
        return ""
    return "is not a cache of backlint"


def _read_tag(directory: Path) -> bytes:
    try:
        with open(directory / _TAG, "rb", opener=pack.open_plain) as file:
            return file.read(len(_TAG_TEXT)) or b""
    except OSError:
        return b""


def _is_tag(text: bytes) -> bool:
    return text.startswith(_SIGNATURE) and b"backlint" in text


def _is_ours(name: str) -> bool:
    return _OUR_NAMES.fullmatch(name) is not None


def _replace(directory: Path, name: str, data: bytes) -> None:
    temporary = directory / f"{_TEMPORARY}{os.urandom(8).hex()}"
    try:
        with temporary.open("xb") as file:
            file.write(data)
        temporary.replace(directory / name)
    except BaseException:
        _remove([temporary])
        raise


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            path.unlink()
        except OSError:
            continue


def _notice(message: str) -> Notice:
    return Notice(kind="cache", message=f"{message}; this run keeps nothing for the next", failure=False)
