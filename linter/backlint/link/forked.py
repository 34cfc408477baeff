"""Runs numbered tasks in forked copies of this process, which share what it has worked out so far.

A copy is made when all is prepared, so nothing has to be sent to it, and what it changes nobody else sees:
each task starts from the same state as far as it depends on what other tasks do.
"""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import struct
import sys
import threading
from collections import deque
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NUMBER = struct.Struct("<i")
_ANSWER = struct.Struct("<qb")
_PIECE = 1 << 20
ATTEMPTS = 2
"""How often a task is begun whose worker dies: another process may have ended it."""


def can_fork() -> bool:
    """Whether this process may be copied: Linux, and no other thread that could hold a lock at that moment."""
    return sys.platform == "linux" and threading.active_count() == 1


def run(
    work: Callable[[int], tuple[bytes, bool]], tasks: Sequence[int], workers: int
) -> tuple[dict[int, bytes], dict[int, int]]:
    """Do tasks in forked workers: what `work` gives for each, and how many workers died over which task.

    `work` also says whether the worker is of no more use afterwards; the next task gets a new one. Neighbours in
    `tasks` tend to be done by the same worker: half of the workers begin at the end. A task over which
    `ATTEMPTS` workers have died has no result. When this function is left, for whatever reason, no worker is.
    """
    pending = deque(tasks)
    results: dict[int, bytes] = {}
    deaths: dict[int, int] = {}
    free = list(range(min(workers, len(pending))))
    running: dict[int, _Worker] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while pending or running:
                while free and pending:
                    worker = _Worker(free.pop(0), work, list(running.values()))
                    running[worker.answers] = worker
                    selector.register(worker.answers, selectors.EVENT_READ)
                    worker.give(pending)
                for key, _ in selector.select():
                    worker = running[key.fd]
                    if not worker.read():
                        if worker.task is not None:
                            deaths[worker.task] = deaths.get(worker.task, 0) + 1
                            if deaths[worker.task] < ATTEMPTS:
                                pending.append(worker.task)
                    elif not worker.is_done:
                        continue
                    else:
                        results[worker.task or 0] = worker.answer
                        if not worker.is_spent and pending:
                            worker.give(pending)
                            continue
                    selector.unregister(key.fd)
                    del running[key.fd]
                    worker.end()
                    free.append(worker.number)
        finally:
            for worker in running.values():
                worker.end()
    return results, deaths


class _Worker:
    """One copy, seen from the process that made it."""

    def __init__(
        self, number: int, work: Callable[[int], tuple[bytes, bool]], others: Sequence[_Worker]
    ) -> None:
        self.number = number
        self.task: int | None = None
        self._received = bytearray()
        questions, self._questions = os.pipe()
        self.answers, answers = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            with contextlib.suppress(BaseException):
                # The terminal sends Ctrl-C to all processes; the first of them ends the others.
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                # With these open, a worker would not notice that the process it works for is gone.
                for other in others:
                    os.close(other._questions)
                    os.close(other.answers)
                os.close(self._questions)
                os.close(self.answers)
                _work(work, questions, answers)
            os._exit(1)
        os.close(questions)
        os.close(answers)

    def give(self, pending: deque[int]) -> None:
        """Hand over the next task."""
        self.task = pending.pop() if self.number % 2 else pending.popleft()
        self._received.clear()
        # A worker that has died is noticed where its answer is read.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._questions, _NUMBER.pack(self.task))

    def read(self) -> bool:
        """Take what has come; False when there is no more to come."""
        piece = os.read(self.answers, _PIECE)
        self._received += piece
        return bool(piece)

    @property
    def is_done(self) -> bool:
        return (
            len(self._received) >= _ANSWER.size
            and len(self._received) == _ANSWER.size + _ANSWER.unpack_from(self._received)[0]
        )

    @property
    def is_spent(self) -> bool:
        return bool(_ANSWER.unpack_from(self._received)[1])

    @property
    def answer(self) -> bytes:
        return bytes(self._received[_ANSWER.size :])

    def end(self) -> None:
        """End the process, whatever it does, and wait for that."""
        os.close(self._questions)
        os.close(self.answers)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._process, 0)


def _work(work: Callable[[int], tuple[bytes, bool]], questions: int, answers: int) -> None:
    """What a worker does, until it is ended."""
    gc.disable()
    tasks: SimpleQueue[int] = SimpleQueue()
    threading.Thread(target=_listen, args=(questions, tasks), daemon=True).start()
    while True:
        answer, is_spent = work(tasks.get())
        with contextlib.suppress(BrokenPipeError):
            _write_all(answers, _ANSWER.pack(len(answer), is_spent) + answer)


def _listen(questions: int, tasks: SimpleQueue[int]) -> None:
    """Takes tasks, and ends the worker when the process that it works for is gone, whatever it is doing."""
    # Signals are for the thread that works.
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    while question := os.read(questions, _NUMBER.size):
        tasks.put(*_NUMBER.unpack(question))
    os._exit(1)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
