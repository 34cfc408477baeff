"""Bytes of a file, read so that nothing in the analysed project can block or mislead the run."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from backlint.discovery.generated import is_generated
from backlint.finding import Notice

if TYPE_CHECKING:
    from backlint.discovery.files import SourceFile

_HEAD = 4096
_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


def read(file: SourceFile, limit: int) -> bytes | Notice:
    """The bytes of a file of at most `limit` bytes, or why there are none.

    Links and pipes put in the file's place since discovery are refused. A large file that says it
    is generated is left out with a notice that is no failure.
    """
    try:
        descriptor = os.open(file.place, _FLAGS)
    except (OSError, ValueError) as error:
        return _notice(file, "unreadable", f"the file can't be opened: {_reason(error)}")
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return _notice(file, "unreadable", "it is no regular file any more")
        with open(descriptor, "rb", closefd=False) as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        return _notice(file, "unreadable", f"the file can't be read: {_reason(error)}")
    finally:
        os.close(descriptor)
    if len(data) <= limit:
        return data
    if is_generated(data[:_HEAD]) and not file.explicit:
        return _notice(file, "generated", "the file is generated and large, so it is left out", failure=False)
    size = max(status.st_size, len(data)) / 1e6
    return _notice(
        file, "too-large", f"the file has {size:.1f} MB, more than the {limit / 1e6:g} MB that are read"
    )


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()


def _notice(file: SourceFile, kind: str, message: str, failure: bool = True) -> Notice:
    return Notice(kind=kind, message=message, path=file.path, failure=failure)
