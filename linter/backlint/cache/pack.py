"""The pack: one file of many records, read in one go.

Layout, all integers little-endian: 16 bytes of magic with the format's version, a count, `count` index
rows (key, offset from the start of the file, length, checksum), then the records. The checksum covers the
key and the record, so that damage anywhere costs the records it touches and no others.
"""

from __future__ import annotations

import os
import stat
import struct
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

KEY_SIZE = 20
LARGEST = 1 << 30
"""Bytes; a bigger file is none of ours."""

_MAGIC = b"backlint pack 1\n"
_HEADER = struct.Struct("<16sI")
_ROW = struct.Struct(f"<{KEY_SIZE}sQII")
# Without O_NONBLOCK, a named pipe put in a pack's place would hold the run for ever.
_READ_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def write(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a pack that holds `records`, pairs of a `KEY_SIZE` byte key and its content.

    What comes first is read fastest. Records that would take the pack over `LARGEST` are left out.
    """
    kept: list[tuple[bytes, bytes]] = []
    size = _HEADER.size
    for key, content in records:
        if size + _ROW.size + len(content) <= LARGEST:
            size += _ROW.size + len(content)
            kept.append((key, content))
    parts = [_HEADER.pack(_MAGIC, len(kept))]
    offset = _HEADER.size + _ROW.size * len(kept)
    for key, content in kept:
        parts.append(_ROW.pack(key, offset, len(content), crc32(content, crc32(key))))
        offset += len(content)
    parts.extend(content for _, content in kept)
    return b"".join(parts)


def read(
    path: Path, wanted: Collection[bytes] | None, owners: Collection[int] | None = None
) -> dict[bytes, bytes]:
    """The sound records of the pack at `path` whose key is in `wanted` (None: all), in the pack's order.

    `owners` are the ids of the users whose packs are read; None reads those of all.

    Raises:
        OSError: the file can't be opened or read. Damage is no error: what it touches is left out.
    """
    with open(path, "rb", opener=open_plain) as file:
        status = os.fstat(file.fileno())
        size = status.st_size
        if owners is not None and status.st_uid not in owners:
            return {}
        if not stat.S_ISREG(status.st_mode) or not _HEADER.size <= size <= LARGEST:
            return {}
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return {}
        magic, count = _HEADER.unpack(header)
        if magic != _MAGIC:
            return {}
        index = file.read(min(count, size // _ROW.size) * _ROW.size)
        rows: list[tuple[bytes, int, int, int]] = [
            row
            for row in _ROW.iter_unpack(index[: len(index) - len(index) % _ROW.size])
            if (wanted is None or row[0] in wanted) and row[1] + row[2] <= size
        ]
        if not rows:
            return {}
        start = min(row[1] for row in rows)
        file.seek(start)
        body = file.read(max(row[1] + row[2] for row in rows) - start)
    return _sound(rows, body, start)


def _sound(rows: list[tuple[bytes, int, int, int]], body: bytes, start: int) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    # Honest records don't overlap, so together they are no longer than the body. Without this bound a
    # forged index of overlapping rows could ask for any amount of memory.
    left = len(body)
    for key, offset, length, checksum in rows:
        if length > left:
            continue
        content = body[offset - start : offset - start + length]
        if len(content) == length and crc32(content, crc32(key)) == checksum:
            if key not in found:
                left -= length
            found[key] = content
    return found


def open_plain(path: str, _: int) -> int:
    """An `opener` for `open` that follows no link and never waits."""
    return os.open(path, _READ_FLAGS)
