"""Work that takes too long is given up and named, and nothing else is lost for it."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from backlint.cli import main
from backlint.config.settings import Settings
from backlint.link import check as linking
from backlint.run import CheckRequest, check
from backlint.summarise import file as summarising
from backlint.summarise import pool
from backlint.syntax.parse import parse
from backlint.time_limit import TimeLimitReached, time_limit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backlint.finding import Finding
    from backlint.registry import Registry
    from backlint.report import Report
    from backlint.syntax.parse import Parsed

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no interval timer")

SLOW_IN_FILE = '''
import re

from backlint.api import Rule


class SlowInFile(Rule):
    """Checks for nothing: it computes for ever where a file mentions `slow`, and swallows what it can."""

    def visit_Name(self, node, ctx):
        if node.id == "slow":
            ctx.report(node, "found by a slow rule")
        while node.id == "slow":
            try:
                re.match("(a*)*b", "a" * 40)
            except Exception:
                pass
'''
SLOW_ON_PROJECT = '''
from backlint.api import Rule


class SlowOnProject(Rule):
    """Checks for nothing: it computes for ever where a function is called `endless`."""

    def check(self, project, findings):
        for function in project.functions:
            findings.add(function, "found by a slow rule")
            while function.summary.name == "endless":
                project.routes
'''
WAITING = '''
import time

from backlint.api import Rule


class Waiting(Rule):
    """Checks for nothing: it waits where a file mentions `wait`."""

    def visit_Name(self, node, ctx):
        if node.id == "wait":
            time.sleep(3600)
'''


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summarising, "SECONDS", 0.3)
    monkeypatch.setattr(linking, "SECONDS", 0.3)


def review(project: Path, **options: int) -> Report:
    return check(
        CheckRequest(paths=(project,), settings=Settings(root=project), use_cache=False, **options)  # type: ignore[arg-type]
    )


def places(findings: tuple[Finding, ...]) -> list[tuple[str, int, str]]:
    return [(finding.path, finding.span.line, finding.rule) for finding in findings]


def test_a_rule_that_is_too_slow_on_a_file(write_pack: Callable[..., Registry], project: Path) -> None:
    write_pack(slow_in_file=SLOW_IN_FILE)
    (project / "bad.py").write_text("print(1)\nslow\nprint(2)\n", encoding="utf-8")
    report = review(project)
    assert places(report.findings) == [
        ("bad.py", 1, "print-call"),
        ("bad.py", 3, "print-call"),
        ("good.py", 1, "print-call"),
    ]
    (notice,) = report.notices
    assert (notice.kind, notice.path, notice.failure) == ("too-slow", "bad.py", True)
    assert notice.message == "slow-in-file takes longer than 0.3 s here and skips the file"


def test_the_same_in_workers(
    write_pack: Callable[..., Registry], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pack(slow_in_file=SLOW_IN_FILE)
    (project / "bad.py").write_text("print(1)\nslow\nprint(2)\n", encoding="utf-8")
    monkeypatch.setattr(pool, "SMALL_RUN", 0)
    monkeypatch.setattr(pool, "_CHUNK", 10)
    alone, together = review(project), review(project, jobs=2)
    assert (alone.findings, alone.notices) == (together.findings, together.notices)
    assert alone.notices


def test_a_rule_that_waits(write_pack: Callable[..., Registry], project: Path) -> None:
    write_pack(waiting=WAITING)
    (project / "bad.py").write_text("wait\nprint(1)\n", encoding="utf-8")
    report = review(project)
    assert places(report.findings) == [("bad.py", 2, "print-call"), ("good.py", 1, "print-call")]
    assert [notice.kind for notice in report.notices] == ["too-slow"]


def test_a_rule_that_is_too_slow_on_the_project(write_pack: Callable[..., Registry], project: Path) -> None:
    write_pack(slow_on_project=SLOW_ON_PROJECT)
    (project / "bad.py").write_text("def found(): ...\ndef endless(): ...\n", encoding="utf-8")
    report = review(project)
    assert places(report.findings) == [("bad.py", 1, "raises-in-project"), ("good.py", 1, "print-call")]
    (notice,) = report.notices
    assert (notice.kind, notice.path, notice.failure) == ("too-slow", "", True)
    assert notice.message.startswith("slow-on-project takes longer than")


def test_a_file_that_is_too_slow_itself(
    pack: Registry, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "bad.py").write_text("print(1)\n", encoding="utf-8")
    original = parse

    def endless(data: bytes, path: str) -> Parsed:
        while path == "bad.py":
            pass
        return original(data, path)

    monkeypatch.setattr(summarising, "parse", endless)
    report = review(project)
    assert places(report.findings) == [("good.py", 1, "print-call")]
    (notice,) = report.notices
    assert (notice.kind, notice.path, notice.failure) == ("too-slow", "bad.py", True)
    assert notice.message == "reading the file takes longer than 0.3 s, so it is left out"


def test_the_status_says_that_something_is_missing(
    write_pack: Callable[..., Registry], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pack(slow_in_file=SLOW_IN_FILE)
    (project / "bad.py").write_text("slow\n", encoding="utf-8")
    for _ in range(2):
        assert main(["check", "--format", "concise", "--color", "never"]) == 3
        lines = capsys.readouterr().out.splitlines()
        assert lines == [
            "good.py:1:1: warning[print-call] `print` is called",
            "bad.py: failure[too-slow] slow-in-file takes longer than 0.3 s here and skips the file",
        ]


def test_a_limit_is_taken_back() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(0.05):
        pass
    time.sleep(0.1)
    with pytest.raises(TimeLimitReached), time_limit(0.05):
        _compute_for_ever()
    time.sleep(0.1)
    assert signal.getsignal(signal.SIGALRM) is before


def _compute_for_ever() -> None:
    while True:
        pass


def test_other_threads_have_no_limit() -> None:
    done: list[bool] = []

    def work() -> None:
        with time_limit(0.01):
            time.sleep(0.1)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
