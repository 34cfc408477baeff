"""A disk that is full: one clear line, and nothing half-written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backlint.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.registry import Registry

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="the system has no /dev/full")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for next to nothing."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a file system can't be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def run(project: Path, *words: str, output: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "backlint", *words]
    with (output or Path(os.devnull)).open("w") as stream:
        return subprocess.run(
            command, cwd=project, stdout=stream, stderr=subprocess.PIPE, text=True, check=False
        )


@needs_full
@pytest.mark.parametrize("name", ["text", "concise", "json", "sarif", "gitlab", "junit", "markdown", "agent"])
def test_standard_output(project: Path, name: str) -> None:
    done = run(project, "check", "--no-cache", "--verbose", "--format", name, output=FULL)
    assert done.returncode == 2
    assert done.stderr == "backlint: standard output can't be written: No space left on device\n"


@needs_full
def test_a_device_as_output(
    pack: Registry, project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["check", "--no-cache", "--output", f"json={FULL}"]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"backlint: {FULL}: can't be written: No space left on device\n"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(FULL))
    assert main(["check", "--no-cache", "--format", "github"]) == 2
    captured = capsys.readouterr()
    assert captured.err == f"backlint: {FULL}: the job summary can't be written: No space left on device\n"


@pytest.mark.parametrize("before", [None, "the report of yesterday"])
def test_a_report_is_written_whole_or_not_at_all(
    pack: Registry,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    before: str | None,
) -> None:
    target = project / "report.json"
    if before is not None:
        target.write_text(before, encoding="utf-8")
    names = set(project.iterdir())

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert main(["check", "--no-cache", "--output", "json=report.json"]) == 2
    assert capsys.readouterr().err == f"backlint: {target}: can't be written: No space left on device\n"
    assert set(project.iterdir()) == names
    assert before is None or target.read_text(encoding="utf-8") == before
    if before is None:
        assert main(["baseline", "--no-cache"]) == 2
        line = capsys.readouterr().err
        assert (
            line == f"backlint: {project}/backlint-baseline.json: can't be written: No space left on device\n"
        )
        assert set(project.iterdir()) == names


def test_a_small_disk(
    pack: Registry, project: Path, small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "more.py").write_text("print(1)\n" * 5_000, encoding="utf-8")
    cache, report = small_disk / "cache", small_disk / "report.json"
    words = ["check", "--format", "concise", "--color", "never", "--cache-dir", str(cache)]
    assert main(words) == 1
    lines = capsys.readouterr().out.splitlines()
    notices = [line for line in lines if "notice[" in line]
    assert notices == [
        f"notice[cache] {cache} can't be written: No space left on device; this run keeps nothing for the next"
    ]
    assert len(lines) == 5_002
    assert not [path for path in cache.rglob("*") if path.name.startswith("tmp-")]
    assert main([*words, "--output", f"json={report}"]) == 2
    assert capsys.readouterr().err == f"backlint: {report}: can't be written: No space left on device\n"
    assert not report.exists()
    assert not [path for path in small_disk.iterdir() if path != cache]


@needs_full
def test_standard_error(project: Path) -> None:
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "backlint", "check", "--no-such-option"],
            cwd=project,
            stderr=full,
            check=False,
        )
    assert done.returncode == 2
