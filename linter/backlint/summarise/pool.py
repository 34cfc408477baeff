"""Summarises many files: here when they are few, in worker processes when that pays."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Notice
from backlint.registry import load_rules
from backlint.summarise.file import FileOutcome, FileTask, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SMALL_RUN = 1_500_000
"""Bytes of source below which starting workers costs more than it saves."""
_CHUNK = 400_000
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[FileOutcome])


class Summarised(msgspec.Struct):
    """Outcomes by path, and what happened on the way to them."""

    outcomes: dict[str, FileOutcome] = {}
    notices: list[Notice] = []


def summarise_all(
    tasks: Sequence[FileTask], jobs: int | None, progress: Callable[[int, int], None] | None
) -> Summarised:
    """Summarise files in `jobs` worker processes, one a core when None.

    What a worker leaves behind that dies is read once more, file by file; a file that ends its worker then
    too is left out.
    """
    workers = jobs or os.cpu_count() or 1
    result = Summarised()
    done = result.outcomes
    total = len(tasks)

    def take(chunk: Sequence[FileTask], outcomes: list[FileOutcome]) -> None:
        done.update((task.path, outcome) for task, outcome in zip(chunk, outcomes, strict=True))
        if progress is not None:
            progress(len(done), total)

    if workers == 1 or sum(len(task.data) for task in tasks) < SMALL_RUN:
        for chunk in _chunks(tasks):
            take(chunk, _summarise_here(chunk))
        return result
    left = _in_workers(list(_chunks(tasks)), workers, take)
    # One worker takes one file after the other: it was the first that is left that ended it.
    single = again = [[task] for chunk in left for task in chunk]
    is_known = False
    while single := _in_workers(single, 1, take):
        chunk = single.pop(0)
        message = "a worker process died while it read this file, twice"
        take(chunk, [FileOutcome(notices=(Notice("worker", message, chunk[0].path),))])
        is_known = True
    if again and not is_known:
        message = "a worker process was killed; the files it had were read again"
        result.notices.append(Notice("worker", message, failure=False))
    return result


def _in_workers(
    chunks: list[list[FileTask]],
    workers: int,
    take: Callable[[Sequence[FileTask], list[FileOutcome]], None],
) -> list[list[FileTask]]:
    """Summarise chunks in worker processes; returns those that a dying worker left behind, in order."""
    if not chunks:
        return []
    method = "fork" if sys.platform == "linux" else "spawn"
    futures: dict[Future[bytes], int] = {}
    done: set[int] = set()
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context(method), initializer=_start_worker)
    is_broken = False
    try:
        try:
            for number, chunk in enumerate(chunks):
                futures[pool.submit(_summarise_chunk, _encoder.encode(chunk))] = number
        except BrokenProcessPool:
            is_broken = True
        for future in as_completed(futures):
            number = futures[future]
            try:
                outcomes = _decoder.decode(future.result())
            except BrokenProcessPool:
                is_broken = True
                continue
            done.add(number)
            take(chunks[number], outcomes)
    except BaseException:
        # Nobody waits for what an interrupted run would have found, nor for the pool's own thread, which may wait
        # for a lock that the interruption left taken.
        for process in list((pool._processes or {}).values()):
            process.kill()
        _close_tasks(pool)
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    if is_broken:
        _close_tasks(pool)
    pool.shutdown(wait=True, cancel_futures=True)
    return [chunk for number, chunk in enumerate(chunks) if number not in done]


def _close_tasks(pool: ProcessPoolExecutor) -> None:
    """Let go of tasks that no worker will take: a pool of early releases of Python 3.11 waits for ever to write
    them (python/cpython#94777)."""
    reader = getattr(getattr(pool, "_call_queue", None), "_reader", None)
    if reader is not None:
        with suppress(OSError):
            reader.close()


def _start_worker() -> None:
    # One tree lives at a time and is freed by reference counts; collecting only costs time.
    gc.disable()
    # A terminal sends Ctrl-C to all processes; the run's own answers it for all.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    load_rules()


def _end_with_parent() -> None:
    """Ends the worker when the run is killed: it would wait for work for ever."""
    if hasattr(signal, "pthread_sigmask"):
        # Signals are for the thread that works.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _summarise_chunk(data: bytes) -> bytes:
    tasks = msgspec.msgpack.decode(data, type=list[FileTask])
    return _encoder.encode(_summarise_here(tasks))


def _summarise_here(tasks: Sequence[FileTask]) -> list[FileOutcome]:
    rules = [info.cls for info in load_rules().rules.values()]
    collecting = gc.isenabled()
    gc.disable()
    try:
        return [summarise(task, rules) for task in tasks]
    finally:
        if collecting:
            gc.enable()


def _chunks(tasks: Sequence[FileTask]) -> Iterator[list[FileTask]]:
    chunk: list[FileTask] = []
    size = 0
    for task in tasks:
        chunk.append(task)
        size += len(task.data)
        if size >= _CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
