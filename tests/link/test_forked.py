"""Tasks in copies of the process: every answer once, whatever ends a worker, and none is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from backlint.link import forked

pytestmark = pytest.mark.skipif(not forked.can_fork(), reason="no fork here")


def children() -> list[str]:
    tasks = Path(f"/proc/{os.getpid()}/task")
    return [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


@pytest.mark.parametrize("workers", [1, 2, 5, 40])
def test_answers_of_any_size_by_task(workers: int) -> None:
    def work(number: int) -> tuple[bytes, bool]:
        return bytes([number]) * number * 40_000, False

    before = children()
    results, deaths = forked.run(work, range(20), workers)
    assert results == {number: bytes([number]) * number * 40_000 for number in range(20)}
    assert deaths == {}
    assert children() == before


def test_tasks_do_not_see_what_others_change_here() -> None:
    seen: list[int] = []

    def work(number: int) -> tuple[bytes, bool]:
        seen.append(number)
        return bytes(seen), True

    results, _ = forked.run(work, range(6), 2)
    assert results == {number: bytes([number]) for number in range(6)}
    assert seen == []


def test_a_worker_that_dies_costs_its_own_task_and_that_is_begun_again(tmp_path: Path) -> None:
    def work(number: int) -> tuple[bytes, bool]:
        if number == 3 or (number == 5 and not (tmp_path / "died").exists()):
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return str(number).encode(), False

    before = children()
    results, deaths = forked.run(work, range(8), 2)
    assert results == {number: str(number).encode() for number in range(8) if number != 3}
    assert deaths[3] == forked.ATTEMPTS
    assert children() == before


def test_an_interrupted_run_ends_its_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(number: int) -> tuple[bytes, bool]:
        if number:
            time.sleep(60)
        return b"", False

    def interrupted(self: object) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(forked._Worker, "read", interrupted)
    before = children()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        forked.run(work, range(4), 2)
    assert time.monotonic() - started < 30
    assert children() == before


def test_workers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, time
from pathlib import Path
from backlint.link import forked
def work(number):
    Path({str(tmp_path)!r}, str(os.getpid())).touch()
    time.sleep(600)
    return b"", False
forked.run(work, range(3), 2)
"""
    run = subprocess.Popen([sys.executable, "-c", script])
    while len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.05)
    run.kill()
    run.wait()
    deadline = time.monotonic() + 60
    pids = [int(path.name) for path in tmp_path.iterdir()]
    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
