"""Times reviews of a change: ten changed files in a project, the cache warm.

    python benchmarks/changes.py FOLDER [--files 10] [--rounds 5]

FOLDER is copied, so nothing in it changes. Times are those of whole processes, start-up included; the
processor time is the better figure on a machine that does other things too.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

IDENTITY = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com")


class Cost(NamedTuple):
    """Seconds."""

    wall: float
    processor: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time reviews of a change.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary) / "project"
        shutil.copytree(
            arguments.folder, project, symlinks=True, ignore=shutil.ignore_patterns(".git", ".backlint_cache")
        )
        _measure(project, arguments.files, arguments.rounds)


def _measure(project: Path, count: int, rounds: int) -> None:
    (project / ".gitignore").write_text(".backlint_cache/\n", encoding="utf-8")
    _git(project, "init", "-q")
    _git(project, "add", "-A")
    _git(project, "commit", "-q", "-m", "first")
    files = [name for name in _git(project, "ls-files", "-z", "*.py").split("\0") if name]
    lines = sum((project / name).read_bytes().count(b"\n") for name in files)
    print(f"{len(files):,} files, {lines:,} lines, {count} changed")
    _run(project, ())
    _run(project, ("--staged",))
    costs: dict[str, list[Cost]] = {"staged changes": [], "changed files": [], "the same again": []}
    for number in range(rounds):
        _change(project, files[:: max(1, len(files) // count)][:count], f"staged_{number}")
        costs["staged changes"].append(_run(project, ("--staged",)))
        costs["the same again"].append(_run(project, ("--staged",)))
        _git(project, "commit", "-q", "-m", "change")
        changed = files[1 :: max(1, len(files) // count)][:count]
        _change(project, changed, f"named_{number}")
        costs["changed files"].append(_run(project, changed))
        _git(project, "commit", "-q", "-m", "change")
    for name, measured in costs.items():
        wall, processor = (min(getattr(cost, field) for cost in measured) for field in Cost._fields)
        print(f"{name:<16} {wall:6.2f} s, processor {processor:6.2f} s (least of {rounds})")


def _change(project: Path, files: list[str], name: str) -> None:
    for file in files:
        with (project / file).open("a", encoding="utf-8") as stream:
            stream.write(f"\n\ndef {name}() -> int:\n    return 1\n")
    _git(project, "add", "-A")


def _run(project: Path, words: tuple[str, ...] | list[str]) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, "-m", "backlint.cli", "check", "--format", "concise", *words]
    done = subprocess.run(
        command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1, 3):
        sys.exit(done.stderr.decode())
    return Cost(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def _git(project: Path, *words: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *IDENTITY, *words],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
