"""Fixed files on disk: whole, unchanged since they were read, with their permissions."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from backlint.finding import Confidence, Edit, Finding, Fix, Severity, Span
from backlint.fixes.diff import unified_diff
from backlint.fixes.project import fix_files, fix_notices, write_fixes
from backlint.fixes.source import read_source
from backlint.fixes.write import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from backlint.fixes.apply import FixedFile


def finding(path: str, text: str = "2", line: int = 1) -> Finding:
    return Finding(
        rule="r",
        family="f",
        path=path,
        span=Span(line, 0, line, 1),
        message="m",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        fix=Fix("write another number", (Edit(Span(line, 4, line, 5), text),), safe=True),
    )


def planned(root: Path, *findings: Finding) -> list[FixedFile]:
    return fix_files(findings, lambda path: read_source(root, path), unsafe=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_bytes(b"x = 1\r\ny = 1\r\n")
    return tmp_path


def test_files_are_fixed(root: Path) -> None:
    (root / "a.py").chmod(0o750)
    written = write_fixes(root, planned(root, finding("b.py"), finding("a.py"), finding("a.py", line=2)))
    assert (written.files, written.findings, written.notices) == (("a.py", "b.py"), 3, ())
    assert (root / "a.py").read_bytes() == b"x = 2\r\ny = 2\r\n"
    assert (root / "a.py").stat().st_mode & 0o777 == 0o750
    assert sorted(file.name for file in root.iterdir()) == ["a.py", "b.py"]


def test_planning_writes_nothing(root: Path) -> None:
    assert planned(root, finding("a.py"))
    assert (root / "a.py").read_bytes() == b"x = 1\r\ny = 1\r\n"


def test_a_file_that_changed_meanwhile_is_left_alone(root: Path) -> None:
    plan = planned(root, finding("a.py"), finding("b.py"))
    (root / "a.py").write_bytes(b"z = 1\n")
    written = write_fixes(root, plan)
    assert written.files == ("b.py",)
    assert (root / "a.py").read_bytes() == b"z = 1\n"
    (notice,) = written.notices
    assert (notice.path, notice.failure) == ("a.py", True)
    assert "changed meanwhile" in notice.message


def test_a_file_that_is_gone(root: Path) -> None:
    plan = planned(root, finding("a.py"))
    (root / "a.py").unlink()
    written = write_fixes(root, plan)
    assert (written.files, [notice.path for notice in written.notices]) == ((), ["a.py"])
    assert not (root / "a.py").exists()


def test_a_broken_fix_leaves_the_file_with_a_failure(root: Path) -> None:
    written = write_fixes(root, planned(root, finding("a.py", "("), finding("b.py")))
    assert written.files == ("b.py",)
    (notice,) = written.notices
    assert notice.failure
    assert notice.message.startswith("not fixed: the fixed file would not parse: ")
    assert (root / "a.py").read_bytes() == b"x = 1\r\ny = 1\r\n"


def test_overlapping_fixes_are_told(root: Path) -> None:
    (notice,) = fix_notices(planned(root, finding("a.py"), finding("a.py", "3")))
    assert (notice.path, notice.line, notice.failure) == ("a.py", 1, False)
    assert "run again" in notice.message


def test_a_link_stays_one(root: Path) -> None:
    (root / "link.py").symlink_to("a.py")
    assert replace_file(root / "link.py", b"new", expected=b"x = 1\r\ny = 1\r\n")
    assert (root / "link.py").is_symlink()
    assert (root / "a.py").read_bytes() == b"new"


def test_nothing_outside_the_project_is_fixed(root: Path) -> None:
    outside = root.parent / f"{root.name}-outside.py"
    outside.write_bytes(b"x = 1\n")
    (root / "link.py").symlink_to(outside)
    written = write_fixes(root, planned(root, finding("link.py"), finding(f"../{outside.name}")))
    assert written.files == ()
    assert len(written.notices) == 2
    assert outside.read_bytes() == b"x = 1\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_protected_file_stays(root: Path) -> None:
    (root / "a.py").chmod(0o444)
    written = write_fixes(root, planned(root, finding("a.py")))
    assert written.files == ()
    assert "permission denied" in written.notices[0].message


def test_nothing_is_left_behind_when_writing_fails(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    plan = planned(root, finding("a.py"))
    monkeypatch.setattr(os, "fsync", full)
    written = write_fixes(root, plan)
    assert "no space left" in written.notices[0].message
    assert sorted(file.name for file in root.iterdir()) == ["a.py", "b.py"]
    assert (root / "a.py").read_bytes() == b"x = 1\r\ny = 1\r\n"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@pytest.mark.parametrize("content", [b"x = 1\r\ny = 1\r\n", b"x = 1\ny = '\x0c'\nz", b"x = 1", b"x = 1\n"])
def test_git_applies_the_diff(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.py").write_bytes(content)
    (fixed,) = planned(tmp_path, finding("a.py"))
    patch = unified_diff(fixed).encode()
    subprocess.run(["git", "apply", "-"], input=patch, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "a.py").read_bytes() == fixed.after
