"""Summarises many files: here when they are few, in worker processes when that pays."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
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


def summarise_all(
    tasks: Sequence[FileTask], jobs: int | None, progress: Callable[[int, int], None] | None
) -> dict[str, FileOutcome]:
    """Outcomes by path. `jobs` is the number of workers, one a core when None."""
    workers = jobs or os.cpu_count() or 1
    done: dict[str, FileOutcome] = {}
    total = len(tasks)

    def take(chunk: Sequence[FileTask], outcomes: list[FileOutcome]) -> None:
        done.update((task.path, outcome) for task, outcome in zip(chunk, outcomes, strict=True))
        if progress is not None:
            progress(len(done), total)

    if workers == 1 or sum(len(task.data) for task in tasks) < SMALL_RUN:
        for chunk in _chunks(tasks):
            take(chunk, _summarise_here(chunk))
        return done
    left = list(_chunks(tasks))
    for attempt in (1, 2):
        left = _in_workers(left, workers, take)
        if not left:
            return done
        if attempt == 1:
            left = [[task] for chunk in left for task in chunk]
    for chunk in left:
        notice = Notice("worker", "a worker process died while it read this file", chunk[0].path)
        take(chunk, [FileOutcome(notices=(notice,))])
    return done


def _in_workers(
    chunks: list[list[FileTask]],
    workers: int,
    take: Callable[[Sequence[FileTask], list[FileOutcome]], None],
) -> list[list[FileTask]]:
    """Summarise chunks in worker processes; returns those that a dying worker left behind."""
    method = "fork" if sys.platform == "linux" else "spawn"
    pending: dict[Future[bytes], list[FileTask]] = {}
    left: list[list[FileTask]] = []
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context(method), initializer=_start_worker)
    try:
        for chunk in chunks:
            pending[pool.submit(_summarise_chunk, _encoder.encode(chunk))] = chunk
        while pending:
            finished, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in finished:
                chunk = pending.pop(future)
                try:
                    outcomes = _decoder.decode(future.result())
                except BrokenProcessPool:
                    left.append(chunk)
                else:
                    take(chunk, outcomes)
    except BrokenProcessPool:
        left.extend(pending.values())
        left.extend(chunk for chunk in chunks if chunk not in pending.values() and chunk not in left)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return left


def _start_worker() -> None:
    # One tree lives at a time and is freed by reference counts; collecting only costs time.
    gc.disable()
    load_rules()


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
