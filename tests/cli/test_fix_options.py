"""`--fix`, `--unsafe-fixes`, `--show-fixes`, and the options of baselines and reports, with a fake engine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from backlint.finding import Edit, Finding, Fix, Severity, Span
from backlint.report import Report

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., tuple[int, str, str]]
Found = Callable[..., Finding]

DIFF = "--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-get(url)\n+get(url, timeout=10)\n"


@pytest.fixture
def fixable(engine: Any, project: Path, found: Found, monkeypatch: pytest.MonkeyPatch) -> Finding:
    """A finding in app.py with a safe fix, which the engine finds until it is mended."""
    fix = Fix("pass timeout=10", (Edit(Span(1, 7, 1, 7), ", timeout=10"),), safe=True)
    finding = found(Severity.ERROR, fix=fix)
    engine.report = Report(findings=(finding,))

    def check(request: Any) -> Report:
        report: Report = engine.check(request)
        fixed = "timeout" in (project / "app.py").read_text(encoding="utf-8")
        return Report() if fixed else report

    monkeypatch.setattr(sys.modules["backlint.run"], "check", check)
    return finding


@pytest.mark.usefixtures("fixable")
def test_fix_writes_and_reports_what_remains(run: Run, project: Path) -> None:
    status, out, error = run("check", "--fix")
    assert (status, error) == (0, "backlint: fixed 1 finding in 1 file\n")
    assert out.startswith("nothing found")
    assert (project / "app.py").read_text(encoding="utf-8") == "get(url, timeout=10)\n"
    assert run("check", "--fix")[2] == "", "there is nothing to do the second time"


@pytest.mark.usefixtures("fixable")
def test_show_fixes_prints_a_diff_and_writes_nothing(run: Run, project: Path) -> None:
    assert run("check", "--show-fixes") == (1, DIFF, "")
    assert run("check", "--show-fixes", "--fix", "--exit-zero") == (0, DIFF, "")
    assert (project / "app.py").read_text(encoding="utf-8") == "get(url)\n"


def test_unsafe_fixes(engine: Any, run: Run, project: Path, fixable: Finding) -> None:
    assert fixable.fix is not None
    unsafe = msgspec.structs.replace(fixable, fix=Fix(fixable.fix.message, fixable.fix.edits))
    engine.report = Report(findings=(unsafe,))
    assert run("check", "--fix")[0] == 1
    assert run("check", "--show-fixes")[1] == ""
    assert run("check", "--show-fixes", "--unsafe-fixes")[1] == DIFF
    assert (project / "app.py").read_text(encoding="utf-8") == "get(url)\n"
    assert run("check", "--unsafe-fixes")[0] == 0
    assert "timeout" in (project / "app.py").read_text(encoding="utf-8")


def test_a_fix_that_breaks_the_file_is_a_failure(engine: Any, run: Run, project: Path, found: Found) -> None:
    fix = Fix("break it", (Edit(Span(1, 0, 1, 0), "("),), safe=True)
    engine.report = Report(findings=(found(fix=fix),))
    status, out, _ = run("check", "--fix")
    assert status == 3
    assert "failure[fix] not fixed: the fixed file would not parse" in out
    assert (project / "app.py").read_text(encoding="utf-8") == "get(url)\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-", "--fix"], "standard input can't be fixed"),
        (["--fix", "--diff", "-"], "fixes go to the files on disk"),
        (["--unsafe-fixes", "--staged"], "fixes go to the files on disk"),
        (["--baseline", "none.json"], "there is no file none.json"),
        (["--baseline", "app.py", "--no-baseline"], "exclude each other"),
    ],
)
@pytest.mark.usefixtures("engine")
def test_contradictions(run: Run, arguments: list[str], message: str) -> None:
    status, out, error = run("check", *arguments)
    assert (status, out) == (2, "")
    assert message in error
    assert error.count("\n") == 1


def test_the_baseline_of_a_request(engine: Any, run: Run, project: Path) -> None:
    run("check")
    (project / "backlint-baseline.json").write_text("{}", encoding="utf-8")
    run("check")
    run("check", "--no-baseline")
    run("check", "--baseline", "app.py")
    assert [request.baseline for request in engine.requests] == [
        None,
        project / "backlint-baseline.json",
        None,
        project / "app.py",
    ]


def test_paths_and_category_in_sarif(engine: Any, run: Run, project: Path, found: Found) -> None:
    inner = project / "services" / "shop"
    inner.mkdir(parents=True)
    (inner / "backlint.toml").write_text("", encoding="utf-8")
    (inner / "app.py").write_text("get(url)\n", encoding="utf-8")
    engine.report = Report(findings=(found(),), suppressed=(found(rule="query-in-loop"),))
    words = ("check", "services/shop", "--format", "sarif", "--category", "shop")
    results = json.loads(run(*words)[1])["runs"][0]
    assert results["automationDetails"] == {"id": "shop/"}
    (result,) = results["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "services/shop/app.py"
    assert len(json.loads(run(*words, "--show-suppressed")[1])["runs"][0]["results"]) == 2


def test_the_job_summary(
    engine: Any, run: Run, project: Path, found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.report = Report(findings=(found(),))
    summary = project / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run("check")
    assert summary.read_text(encoding="utf-8") == "before\n"
    _, out, _ = run("check", "--format", "github")
    assert out.startswith("::warning file=app.py,line=1,")
    assert summary.read_text(encoding="utf-8").startswith("before\n### backlint: 1 warning in 0 files\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "none" / "summary.md"))
    status, _, error = run("check", "--format", "github")
    assert (status, error.count("\n")) == (2, 1)
    assert "job summary can't be written" in error
