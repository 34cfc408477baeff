"""A progress bar for runs that take longer than a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.progress import Progress, TaskID

DELAY = 1.0
"""Seconds before the bar appears."""


class ProgressBar:
    """Call it with files done and files in all; it draws on standard error.

    rich is imported when the bar first appears, so a short run never pays for it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` files are read."""
        if self._bar is None:
            if done >= total or self._clock() - self._started < DELAY:
                return
            self._bar = _new_bar()
            self._task = self._bar.add_task("reading", total=total)
            self._bar.start()
        if self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

    @property
    def visible(self) -> bool:
        """True once the bar has appeared."""
        return self._bar is not None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


def _new_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("files"))
    return Progress(*columns, console=Console(stderr=True), transient=True)
