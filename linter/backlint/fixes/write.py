"""Writing files as a whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace_file(path: Path, data: bytes, expected: bytes | None = None) -> bool:
    """Put `data` in the place of a file, which keeps its permissions; a link stays one.

    Args:
        expected: What the file must still hold; None to write whatever is there, or nothing.

    Returns:
        False when the file no longer holds what was expected; it is left alone then.

    Raises:
        OSError: it can't be written; nothing is changed.
    """
    target = path.resolve()
    if expected is not None and target.read_bytes() != expected:
        return False
    mode = _mode(target)
    if not os.access(target, os.W_OK) and target.exists():
        # A rename would replace a file that its owner has protected from writing.
        raise PermissionError(13, "permission denied", str(target))
    import tempfile

    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return True


def _mode(path: Path) -> int:
    """The permissions of a file; for a new one, what the umask leaves of 666."""
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
