"""Whatever is wrong with a project: one clear line, the right exit status, and every other finding."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from backlint.cli import main
from backlint.config.settings import Settings
from backlint.run import CheckRequest, check

if TYPE_CHECKING:
    from backlint.registry import Registry

GOOD = "good.py:1:1: warning[print-call] `print` is called"
FINDING = re.compile(r"\S+:\d+:\d+: (?:note|warning|error)\[")


class Result(NamedTuple):
    status: int
    findings: list[str]
    notices: list[str]
    """All other lines, those on standard error included."""


@pytest.fixture
def backlint(project: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def run(*arguments: str) -> Result:
        status = main(["check", "--no-cache", "--format", "concise", "--color", "never", *arguments])
        captured = capsys.readouterr()
        lines = [*captured.out.splitlines(), *captured.err.splitlines()]
        findings = [line for line in lines if FINDING.match(line)]
        return Result(status, findings, [line for line in lines if line not in findings])

    return run


Run = Callable[..., Result]


def test_nothing_wrong(pack: Registry, backlint: Run) -> None:
    assert backlint() == Result(1, [GOOD], [])


def test_a_missing_path(pack: Registry, backlint: Run) -> None:
    result = backlint("nowhere.py")
    assert (result.status, result.findings) == (2, [])
    (line,) = result.notices
    assert "nowhere.py" in line


def test_an_empty_folder(pack: Registry, backlint: Run, project: Path) -> None:
    (project / "good.py").unlink()
    result = backlint()
    assert (result.status, result.findings) == (0, [])
    assert len(result.notices) == 1
    assert "there are no Python files to review" in result.notices[0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"def f(:\n", "bad.py:1: "),
        (b"name = 'caf\xe9'\n", "bad.py:1: "),
        (b"x = " + b"(" * 2000 + b")" * 2000 + b"\n", "nested too deep"),
        (b"x = " + b"[" * 250 + b"]" * 250 + b"\n", "nested too deep"),
        (b"x = 1\n" * 900_000, "5.4 MB, more than the 2 MB"),
        (b"x = 1\n\0y = 2\n", "null byte"),
        (b"\xff\xfex\0=\0001\0", "UTF-16"),
        (b"# coding: klingon\n", "encoding"),
    ],
    ids=["syntax", "latin-1", "2000 brackets", "250 brackets", "5 MB", "null byte", "utf-16", "coding"],
)
def test_a_file_that_cannot_be_read_as_python(
    pack: Registry, backlint: Run, project: Path, content: bytes, words: str
) -> None:
    (project / "bad.py").write_bytes(content)
    result = backlint()
    assert (result.status, result.findings) == (3, [GOOD])
    (line,) = result.notices
    assert "bad.py" in line
    assert words in line


def test_a_large_generated_file(pack: Registry, backlint: Run, project: Path) -> None:
    (project / "made.py").write_bytes(b"# @generated\n" + b"print(1)\n" * 600_000)
    result = backlint()
    assert (result.status, result.findings) == (1, [GOOD])
    (line,) = result.notices
    assert "made.py" in line
    assert "generated and large" in line


def test_links_that_lead_in_circles(pack: Registry, backlint: Run, project: Path) -> None:
    (project / "inner").mkdir()
    (project / "inner" / "again").symlink_to(project)
    (project / "self.py").symlink_to(project / "self.py")
    (project / "inner" / "dangling.py").symlink_to(project / "gone.py")
    assert backlint() == Result(1, [GOOD], [])


def test_a_link_out_of_the_project(pack: Registry, backlint: Run, project: Path) -> None:
    outside = project.parent / "outside.py"
    outside.write_text("print(1)\n", encoding="utf-8")
    (project / "link.py").symlink_to(outside)
    result = backlint()
    assert (result.status, result.findings) == (1, [GOOD])
    (line,) = result.notices
    assert "link.py" in line
    assert "leads out of the project" in line


def test_an_unreadable_file(
    pack: Registry, backlint: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "secret.py").write_text("print(1)\n", encoding="utf-8")
    original = os.open

    def refusing(path: str | Path, flags: int, *more: int) -> int:
        if Path(path).name == "secret.py":
            raise PermissionError(13, "Permission denied")
        return original(path, flags, *more)

    # Permission bits don't stop the administrator, whom tests in containers run as.
    monkeypatch.setattr(os, "open", refusing)
    result = backlint()
    assert (result.status, result.findings) == (3, [GOOD])
    (line,) = result.notices
    assert "secret.py" in line
    assert "permission denied" in line


def test_a_pipe_instead_of_a_file(pack: Registry, backlint: Run, project: Path) -> None:
    os.mkfifo(project / "pipe.py")
    assert backlint() == Result(1, [GOOD], [])


@pytest.mark.parametrize("after", [None, b"", b"def (", b"x = 1\n" * 50, b"\xff\xfe\xfd"])
def test_a_file_that_changes_while_it_is_reviewed(pack: Registry, project: Path, after: bytes | None) -> None:
    changing = project / "changing.py"
    changing.write_text("\n\nprint(1); print(2)\n", encoding="utf-8")

    def change(done: int, total: int) -> None:
        if after is None:
            changing.unlink(missing_ok=True)
        else:
            changing.write_bytes(after)

    report = check(
        CheckRequest(paths=(project,), settings=Settings(root=project), use_cache=False, progress=change)
    )
    found = [(finding.path, finding.span.line) for finding in report.findings]
    assert found == [("changing.py", 3), ("changing.py", 3), ("good.py", 1)]
    assert len({finding.fingerprint for finding in report.findings}) == 3
    assert report.notices == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("select = [\n", "backlint.toml"),
        ("selects = []\n", 'did you mean "select"?'),
        ("profile = 3\n", "profile"),
        ("select = ['print-cal']\n", 'did you mean "print-call"?'),
    ],
)
def test_a_broken_configuration(pack: Registry, backlint: Run, project: Path, text: str, words: str) -> None:
    (project / "backlint.toml").write_text(text, encoding="utf-8")
    result = backlint()
    assert (result.status, result.findings) == (2, [])
    (line,) = result.notices
    assert "backlint.toml:1" in line
    assert words in line


def test_a_rule_that_raises_in_a_file(pack: Registry, backlint: Run, project: Path) -> None:
    (project / "bad.py").write_text("print(1)\nexplode\nprint(explode)\n", encoding="utf-8")
    result = backlint()
    assert result.status == 3
    assert [line.split(" ")[0] for line in result.findings] == ["bad.py:1:1:", "bad.py:3:1:", "good.py:1:1:"]
    (line,) = result.notices
    assert "bad.py:2" in line
    assert "raises-in-file failed here and skips the file: LookupError" in line


def test_a_rule_that_raises_over_the_project(pack: Registry, backlint: Run, project: Path) -> None:
    (project / "bad.py").write_text("def found(): ...\ndef explode_later(): ...\n", encoding="utf-8")
    result = backlint()
    assert result.status == 3
    assert [line.split(" ")[0] for line in result.findings] == ["bad.py:1:1:", "good.py:1:1:"]
    (line,) = result.notices
    assert "raises-in-project failed on the project: LookupError: bang" in line


def test_a_fix_that_raises(write_pack: Callable[..., Registry], backlint: Run, project: Path) -> None:
    write_pack(
        breaks_fixes='''
from backlint.api import Rule


class BreaksFixes(Rule):
    """Checks for the name `fixable`, and fails to fix it."""

    def visit_Name(self, node, ctx):
        if node.id == "fixable":
            ctx.report(node, "`fixable` is used")

    def fix(self, finding, source):
        raise LookupError("no\\nidea")
'''
    )
    (project / "bad.py").write_text("fixable\nprint(1)\n", encoding="utf-8")
    for words in ((), ("--show-fixes",), ("--fix",)):
        result = backlint(*words)
        assert result.status == 3
    assert [line.split(" ")[0] for line in result.findings] == ["bad.py:1:1:", "bad.py:2:1:", "good.py:1:1:"]
    (line,) = result.notices
    assert "bad.py:1: failure[rule-error] breaks-fixes has no fix here" in line
    assert "LookupError: no idea" in line


@pytest.mark.parametrize("text", ["import nothing_like_this\n", "raise SystemExit(7)", "x = (\n", "1 / 0\n"])
def test_a_plugin_that_fails_to_import(write_pack: Callable[..., Registry], backlint: Run, text: str) -> None:
    write_pack(broken=text)
    result = backlint()
    assert (result.status, result.findings) == (3, [GOOD])
    (line,) = result.notices
    assert "trial_pack.demo.broken" in line


def test_several_things_at_once(write_pack: Callable[..., Registry], backlint: Run, project: Path) -> None:
    write_pack(broken="1 / 0\n")
    (project / "a.py").write_bytes(b"x = (\n")
    (project / "b.py").write_bytes(b"explode\nprint(1)\n")
    result = backlint()
    assert result.status == 3
    assert result.findings == ["b.py:2:1: warning[print-call] `print` is called", GOOD]
    assert len(result.notices) == 3


def test_the_cache_keeps_no_failure(
    pack: Registry, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "bad.py").write_text("def explode_later(): ...\nexplode\n", encoding="utf-8")
    (project / "worse.py").write_text("(", encoding="utf-8")
    outputs = []
    for _ in range(2):
        assert main(["check", "--format", "concise", "--color", "never"]) == 3
        outputs.append(capsys.readouterr())
    assert outputs[0] == outputs[1]
    assert len(outputs[0].out.splitlines()) == 4
    assert outputs[0].err == ""
