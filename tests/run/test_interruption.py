"""Runs that are interrupted or killed, and workers that are: whole processes, with real signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that two workers need some seconds for."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "backlint.toml").write_text("", encoding="utf-8")
    for number in range(3):
        for part in ("linter", "rules"):
            shutil.copytree(
                REPOSITORY / part,
                folder / f"copy_{number}" / part,
                ignore=shutil.ignore_patterns("__pycache__", "*.yaml"),
            )
    return folder


def start(project: Path, *more: str) -> subprocess.Popen[str]:
    """A check in a process group of its own, which a terminal's Ctrl-C would reach."""
    words = [sys.executable, "-m", "backlint", "check", "--jobs", "2", "--format", "json", *more]
    return subprocess.Popen(
        words,
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def workers(process: subprocess.Popen[str]) -> list[int]:
    try:
        text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def wait_for(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def both_workers(process: subprocess.Popen[str]) -> list[int]:
    def found() -> list[int]:
        pids = workers(process)
        return pids if len(pids) == 2 else []

    pids: list[int] = wait_for(found)
    time.sleep(0.3)
    return pids


def report_of(project: Path, *more: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "backlint", "check", "--format", "json", *more],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout)


def test_interrupting(large: Path) -> None:
    seconds = []
    for _ in range(3):
        process = start(large)
        pids = both_workers(process)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        seconds.append(time.monotonic() - began)
        assert process.returncode == 130
        assert output == ""
        assert errors.split() == ["backlint:", "interrupted"]
        assert not any(map(is_alive, pids))
    # The least, for other programs share the machine.
    assert min(seconds) < 1
    assert report_of(large) == report_of(large, "--no-cache")


def test_interrupting_before_and_after_reading(large: Path) -> None:
    for delay in (0.0, 0.05, 0.15, 0.4):
        process = start(large)
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        # The interpreter itself may be starting, and has no handler then.
        assert process.returncode in (130, -signal.SIGINT, 1)
        if process.returncode == 130:
            assert errors.split() == ["backlint:", "interrupted"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killing_the_run_ends_its_workers(large: Path, how: signal.Signals) -> None:
    process = start(large, "--no-cache")
    pids = both_workers(process)
    process.send_signal(how)
    process.communicate(timeout=60)
    wait_for(lambda: not any(map(is_alive, pids)), 5)


def test_killing_a_worker(large: Path) -> None:
    process = start(large, "--no-cache")
    os.kill(both_workers(process)[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    report = json.loads(output)
    whole = report_of(large, "--no-cache")
    assert report["findings"] == whole["findings"]
    (notice,) = report["notices"]
    assert (notice["kind"], notice["failure"]) == ("worker", False)
    assert notice["message"] == "a worker process was killed; the files it had were read again"
    assert whole["notices"] == []
