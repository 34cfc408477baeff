"""A limit on the time that a piece of work may take."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

WAITING = 6.0
"""How many times its seconds the work may take when it computes nothing: it waits, or the machine is busy."""
_TICK = 0.5


class TimeLimitReached(BaseException):
    """The work took longer than it may: an interruption, which no `except Exception` swallows."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Interrupt what runs inside after this much processor time, or `WAITING` times as much wall-clock time.

    Processor time, so that a busy or sleeping machine changes nothing in what is reported. The exception can
    come up anywhere, so whatever the work was changing is to be thrown away. Limits don't nest. Where the
    system has no interval timer (Windows), and outside of the main thread, there is no limit.

    Raises:
        TimeLimitReached: inside the block.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    started, started_waiting = time.process_time(), time.monotonic()

    def look(_number: int, _frame: FrameType | None) -> None:
        waited = time.monotonic() - started_waiting
        if time.process_time() - started > seconds or waited > seconds * WAITING:
            raise TimeLimitReached

    # The clock ticks on after the limit: an exception that a callback of C code swallows comes up again.
    tick = min(_TICK, seconds)
    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, tick, tick)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        # Once more, for the last tick may have come just before the line above.
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
