"""The command line. `main` is the console entry point."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and give the exit status.

    0: nothing at or above `--fail-on`; 1: findings; 2: wrong usage or configuration; 3: part of the
    analysis failed, whatever was found besides.

    Args:
        arguments: Without the program's name; those of the process where left out.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words in (["--version"], ["-V"]):
        from backlint.version import VERSION

        sys.stdout.write(f"backlint {VERSION}\n")
        return 0
    if arguments is None:
        # The process ends with the command: collecting hundreds of thousands of live summaries before, or
        # once more while the interpreter shuts down, costs as much as reading them did.
        gc.disable()
    try:
        from backlint.cli.app import run

        status = run(words)
    except KeyboardInterrupt:
        sys.stderr.write("backlint: interrupted\n")
        status = INTERRUPTED
    if arguments is None:
        if status == INTERRUPTED:
            # At a normal exit, Python would wait for the threads of a pool whose workers are gone.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        gc.freeze()
    return status
