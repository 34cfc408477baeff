"""Standard output and error: colours, width, encodings, readers that go away."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from backlint.errors import UsageError
from backlint.reporters.escape import escape

if TYPE_CHECKING:
    from collections.abc import Mapping


def wants_color(choice: str, is_terminal: bool, environment: Mapping[str, str]) -> bool:
    """Whether to use colours.

    `--color always` and `never` settle it; then NO_COLOR and FORCE_COLOR, where not empty; then a
    terminal gets them unless it is a dumb one.

    Args:
        choice: `auto`, `always` or `never`.
    """
    if choice != "auto":
        return choice == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return is_terminal and environment.get("TERM") != "dumb"


def is_terminal(stream: TextIO | None) -> bool:
    """True for a stream that a person is looking at."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def terminal_width(stream: TextIO | None) -> int:
    """Columns of the terminal behind a stream, 0 where it is none."""
    if not is_terminal(stream):
        return 0
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


def write(text: str, *, utf8: bool = False) -> None:
    """Write to standard output; a reader that has gone away is no error.

    Args:
        utf8: Write UTF-8 whatever the locale says, as machines expect it. Otherwise characters that
            the locale's encoding lacks are escaped.

    Raises:
        UsageError: that is not possible, as on a full disk.
    """
    stream = sys.stdout
    if not text or stream is None:
        return
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(text)
        return
    encoding = "utf-8" if utf8 else stream.encoding or "utf-8"
    try:
        stream.flush()
        buffer.write(text.encode(encoding, "backslashreplace"))
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
    except OSError as error:
        _silence(stream)
        raise UsageError(f"standard output can't be written: {error.strerror or error}") from None


def write_error(message: str) -> None:
    """Write one line to standard error."""
    stream = sys.stderr
    if stream is None:
        return
    line = escape(" ".join(message.split()))
    try:
        stream.write(
            line.encode(stream.encoding or "utf-8", "backslashreplace").decode(stream.encoding or "utf-8")
        )
        stream.write("\n")
        stream.flush()
    except OSError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Point a stream nowhere, so that the interpreter's own flush at exit doesn't fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
