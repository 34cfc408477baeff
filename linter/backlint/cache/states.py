"""Which files are as they were when they were last read, by what their file system says of them."""

from __future__ import annotations

import os
import stat
import time
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from backlint.cache.pack import KEY_SIZE

if TYPE_CHECKING:
    from backlint.cache.store import Cache

RACY = 2.0
"""Seconds within which a file may change again without its times showing it, on some file systems."""


class State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A file as it was when it was read."""

    size: int
    written: int
    changed: int
    """When anything of the file changed last, its times included: nobody can set this one back."""
    number: int
    content: bytes = b""
    """The hash of its bytes."""
    is_generated: bool = False

    def is_of(self, status: os.stat_result) -> bool:
        """Whether nothing has touched the file since."""
        return (self.size, self.written, self.changed, self.number) == (
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
        )


class FileStates:
    """Remembers the files of a project in a cache, so that those that nobody touched need not be read.

    A file that was written so shortly before it was read that it may have been written once more without
    its times showing it is read again, as git does.
    """

    def __init__(self, cache: Cache, root: str, fingerprint: str) -> None:
        self._cache = cache
        self._key = blake2b(f"{root}\0{fingerprint}".encode("utf-8", "surrogateescape"), digest_size=KEY_SIZE)
        self._known: dict[str, State] = {}
        self._seen: dict[str, State] = {}
        self._latest = int((time.time() - RACY) * 1e9)
        data = cache.load_blob("files", self._key.hexdigest())
        if data is not None:
            try:
                self._known = msgspec.msgpack.decode(data, type=dict[str, State])
            except msgspec.DecodeError:
                self._known = {}

    @staticmethod
    def status(place: str) -> os.stat_result | None:
        """What the file system says of a file; None where there is none."""
        try:
            return os.lstat(place)
        except (OSError, ValueError):
            return None

    def recall(self, path: str, place: str) -> State | None:
        """What is known of the file at a place, if it is as it was."""
        known = self._known.get(path)
        if known is None:
            return None
        status = self.status(place)
        if status is None or not stat.S_ISREG(status.st_mode) or not known.is_of(status):
            return None
        self._seen[path] = known
        return known

    def note(self, path: str, before: os.stat_result | None, content: bytes, is_generated: bool) -> None:
        """Keep what was read of a file, with what its file system said of it before."""
        if before is not None and max(before.st_mtime_ns, before.st_ctime_ns) < self._latest:
            times = before.st_mtime_ns, before.st_ctime_ns, before.st_ino
            self._seen[path] = State(before.st_size, *times, content, is_generated)

    def save(self) -> None:
        """Keep what was seen for the next run."""
        if self._seen != self._known:
            self._cache.save_blob("files", self._key.hexdigest(), msgspec.msgpack.encode(self._seen))
