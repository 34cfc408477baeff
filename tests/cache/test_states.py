"""Files that nobody touched are not read again, and any touch is seen."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from backlint import analysis, run
from backlint.cache import states
from backlint.cache.states import FileStates
from backlint.cache.store import open_cache
from backlint.config.settings import Profile, Settings
from backlint.discovery import read

if TYPE_CHECKING:
    from pathlib import Path

    from backlint.discovery import SourceFile
    from backlint.finding import Notice
    from backlint.report import Report

SECRET = 'PASSWORD = "hunter2-%s"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    project = tmp_path / "project"
    project.mkdir()
    for name in ("a", "b"):
        (project / f"{name}.py").write_text("import os\n")
    return project


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files were written long enough ago."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 2 * states.RACY)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that are read."""
    found: list[str] = []

    def counting(file: SourceFile, limit: int) -> bytes | Notice:
        found.append(file.path)
        return read(file, limit)

    monkeypatch.setattr(analysis, "read", counting)
    return found


def check(root: Path, **options: Any) -> Report:
    chosen = Settings(root=root, profile=Profile.AUDIT)
    request = {"paths": (root,), "settings": chosen, "cache_dir": root.parent / "cache", "jobs": 1, **options}
    return run.check(run.CheckRequest(**request))


@pytest.mark.usefixtures("later")
def test_what_nobody_touched_is_not_read(root: Path, reads: list[str]) -> None:
    first = check(root)
    assert reads == ["a.py", "b.py"]
    reads.clear()
    assert check(root).findings == first.findings
    assert reads == []
    (root / "b.py").write_text("import sys\n")
    check(root)
    assert reads == ["b.py"]


def test_what_was_written_a_moment_ago_is_read_again(root: Path, reads: list[str]) -> None:
    check(root)
    reads.clear()
    check(root)
    assert reads == ["a.py", "b.py"]


@pytest.mark.usefixtures("later")
def test_times_that_are_set_back_hide_nothing(root: Path, reads: list[str]) -> None:
    path = root / "a.py"
    path.write_text(SECRET % "a")
    first = check(root)
    before = path.stat()
    path.write_text(SECRET % "b")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    reads.clear()
    check(root)
    assert reads == ["a.py"]
    path.unlink()
    path.symlink_to(root / "b.py")
    assert [finding.path for finding in check(root).findings] != [finding.path for finding in first.findings]


@pytest.mark.usefixtures("later")
def test_a_file_that_changes_while_it_is_left_unread(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its summary is gone from the cache, so it is read after all, and then holds something else."""
    check(root)
    for pack in (root.parent / "cache").glob("*.pack"):
        pack.unlink()
    for blob in (root.parent / "cache").glob("re*.blob"):
        blob.unlink()
    (root / "a.py").write_text(SECRET % "a")
    unchanged = {name: os.lstat(root / name) for name in ("a.py", "b.py")}
    known = FileStates.recall

    def trusting(self: FileStates, path: str, place: str) -> states.State | None:
        return self._known.get(path) if path in unchanged else known(self, path, place)

    monkeypatch.setattr(FileStates, "recall", trusting)
    found = check(root).findings
    monkeypatch.undo()
    assert found == check(root, use_cache=False).findings
    assert [finding.path for finding in found] == ["a.py"]


def test_damage_costs_reading(root: Path) -> None:
    kept = FileStates(open_cache(root.parent / "cache"), str(root), "00")
    kept._latest = time.time_ns()
    kept.note("a.py", kept.status(str(root / "a.py")), b"1", False)
    kept.save()
    again = FileStates(open_cache(root.parent / "cache"), str(root), "00")
    assert again.recall("a.py", str(root / "a.py")) is not None
    assert again.recall("b.py", str(root / "b.py")) is None
    cache = open_cache(root.parent / "cache")
    cache.save_blob("files", again._key.hexdigest(), b"\xc1")
    assert FileStates(cache, str(root), "00").recall("a.py", str(root / "a.py")) is None
