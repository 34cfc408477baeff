"""`backlint check`: options to request, report to output and exit status."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from backlint.config.settings import Profile
from backlint.errors import UsageError
from backlint.finding import Finding, NotEvaluated, Notice, Severity
from backlint.registry import Registry
from backlint.report import Report, Statistics

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


def test_default_request(engine: Any, run: Run, project: Path) -> None:
    assert run("check") == (0, "nothing found in 3 files\n", "")
    request = engine.request
    assert request.paths == (project,)
    assert request.settings.root == project
    assert request.cache_dir == project / ".backlint_cache"
    assert request.use_cache
    assert request.jobs is None
    assert request.stdin is None
    assert request.progress is None


def test_options_reach_the_engine(engine: Any, run: Run, project: Path) -> None:
    (project / "backlint.toml").write_text('ignore = ["query-in-loop"]\n', encoding="utf-8")
    words = (
        "--select database,missing-timeout --select query-in-loop --ignore network --profile gate "
        "--min-severity warning --fail-on error --jobs 3 --no-cache --cache-dir ../cache"
    )
    status, _, error = run("check", "app.py", *words.split())
    assert (status, error) == (0, "")
    request = engine.request
    assert request.paths == (project / "app.py",)
    assert request.settings.select == ("database", "missing-timeout", "query-in-loop")
    assert request.settings.ignore == ("network",)
    assert request.settings.profile is Profile.GATE
    assert request.settings.min_severity is Severity.WARNING
    assert request.settings.fail_on is Severity.ERROR
    assert request.jobs == 3
    assert request.cache_dir is None
    assert not request.use_cache


def test_cache_dir(engine: Any, run: Run, project: Path) -> None:
    run("check", "--cache-dir", "../cache")
    assert engine.request.cache_dir == project.parent / "cache"


def test_project_is_that_of_the_paths(engine: Any, run: Run, project: Path) -> None:
    other = project.parent / "other"
    (other / "src").mkdir(parents=True)
    (other / "tests").mkdir()
    (other / "backlint.toml").write_text('profile = "audit"\n', encoding="utf-8")
    run("check", "../other/src", "../other/tests")
    assert engine.request.settings.root == other
    assert engine.request.settings.profile is Profile.AUDIT
    assert engine.request.paths == (other / "src", other / "tests")


@pytest.mark.parametrize(
    ("severities", "arguments", "status"),
    [
        ([], [], 0),
        ([Severity.NOTE], [], 1),
        ([Severity.NOTE], ["--fail-on", "warning"], 0),
        ([Severity.NOTE, Severity.ERROR], ["--fail-on", "warning"], 1),
        ([Severity.WARNING], ["--fail-on", "warning"], 1),
        ([Severity.ERROR], ["--exit-zero"], 0),
    ],
)
def test_exit_status(
    engine: Any,
    run: Run,
    found: Callable[..., Finding],
    severities: list[Severity],
    arguments: list[str],
    status: int,
) -> None:
    engine.report = Report(findings=tuple(found(severity) for severity in severities))
    assert run("check", *arguments)[0] == status


@pytest.mark.parametrize("arguments", [[], ["--exit-zero"], ["--quiet"]])
def test_a_failure_outweighs_findings(
    engine: Any, run: Run, found: Callable[..., Finding], failure: Notice, arguments: list[str]
) -> None:
    engine.report = Report(findings=(found(),), notices=(failure,))
    status, out, _ = run("check", *arguments)
    assert status == 3
    assert "waits for ever" in out
    assert "app.py:1: failure[syntax] invalid syntax" in out


def test_a_notice_that_is_no_failure(engine: Any, run: Run) -> None:
    engine.report = Report(notices=(Notice("suppression", "unused", path="app.py", failure=False),))
    assert run("check")[0] == 0


def test_formats_and_files(engine: Any, run: Run, project: Path, found: Callable[..., Finding]) -> None:
    engine.report = Report(findings=(found(),))
    status, out, _ = run("check", "--format", "concise", "--output", "json=r.json", "--color", "always")
    assert status == 1
    assert out == "app.py:1:1: \x1b[33m\x1b[1mwarning[missing-timeout]\x1b[0m waits for ever\n"
    data = json.loads((project / "r.json").read_text(encoding="utf-8"))
    assert data["findings"][0]["rule"] == "missing-timeout"
    assert data["tool"]["profile"] == "review"
    run("check", "--output", "r.txt", "--color", "always")
    text = (project / "r.txt").read_text(encoding="utf-8")
    assert text.startswith(
        "app.py:1:1 warning missing-timeout (high)\n1 | get(url)\n  | ^^^\n  waits for ever\n"
    )


def test_statistics_verbose_and_quiet(engine: Any, run: Run, found: Callable[..., Finding]) -> None:
    engine.report = Report(
        findings=(found(),),
        not_evaluated=(NotEvaluated("query-in-loop", "no ORM"),),
        statistics=Statistics(files=3),
    )
    plain, full, quiet = (run("check", *more)[1] for more in ([], ["--statistics", "--verbose"], ["--quiet"]))
    assert plain.endswith("1 warning in 3 files\n")
    assert "no ORM" not in plain
    assert "  query-in-loop: no ORM\n" in full
    assert "1  missing-timeout  warning\n" in full
    assert quiet.endswith("  waits for ever\n")
    assert run("check", "--verbose", "--quiet")[0] == 2


def test_timings_go_to_standard_error(engine: Any, run: Run) -> None:
    _, out, error = run("check", "--timings", "--format", "json")
    json.loads(out)
    assert error == "discover 0.250 s\nlink 1.500 s\n0 of 3 files read anew\n"


def standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_standard_input(
    engine: Any, run: Run, project: Path, found: Callable[..., Finding], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = b"edited(url)\n"
    standard_input(monkeypatch, source)
    engine.report = Report(findings=(found(),))
    _, out, _ = run("check", "-", "--stdin-filename", "app.py")
    assert engine.request.stdin == ("app.py", source)
    assert engine.request.paths == (project / "app.py",)
    assert "1 | edited(url)\n" in out


def test_standard_input_of_a_file_that_is_new(
    engine: Any, run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard_input(monkeypatch, b"x\n")
    assert run("check", "-", "--stdin-filename", "new/folder/app.py")[0] == 0
    assert engine.request.stdin == ("new/folder/app.py", b"x\n")
    assert engine.request.settings.root == project


def test_standard_input_without_a_name(engine: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    standard_input(monkeypatch, b"x\n")
    run("check", "-")
    assert engine.request.stdin == ("stdin.py", b"x\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.py"], "nope.py: no such file or folder"),
        (["--profile", "strict"], "'strict' is not one of 'gate', 'review', 'audit'"),
        (["--format", "xml"], "'xml' is not one of"),
        (["--formt", "json"], "No such option"),
        (["--jobs", "0"], "0 is not in the range"),
        (["--select", "query-in-lop"], '--select: there is no rule or family "query-in-lop"'),
        (["--select", ","], "--select: a name is missing"),
        (["--ignore", ""], "--ignore: a name is missing"),
        (["--config", "none.toml"], "none.toml: no such file"),
        (["--output", "json=none/r"], "there is no folder"),
        (["--stdin-filename", "x.py"], "--stdin-filename goes with the path -"),
        (["-", "app.py"], "- can't be combined with other paths"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    engine: Any, run: Run, arguments: list[str], message: str
) -> None:
    status, out, error = run("check", *arguments)
    assert (status, out) == (2, "")
    assert error.startswith("backlint: ")
    assert error.count("\n") == 1
    assert message in error
    assert engine.requests == []


def test_wrong_configuration(engine: Any, run: Run, project: Path) -> None:
    (project / "backlint.toml").write_text('profil = "\\u001b"\n', encoding="utf-8")
    assert run("check") == (
        2,
        "",
        'backlint: backlint.toml:1: unknown key "profil"; did you mean "profile"?\n',
    )
    (project / "backlint.toml").write_text('select = ["\\u001b[2J"]\n', encoding="utf-8")
    _, _, error = run("check")
    assert "\x1b" not in error
    assert "\\x1b[2J" in error


def test_a_usage_error_of_the_engine(engine: Any, run: Run) -> None:
    engine.error = UsageError("two roots")
    assert run("check") == (2, "", "backlint: two roots\n")


def test_an_error_of_our_own_is_no_finding(engine: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.error = RuntimeError("what\nnow")
    assert run("check") == (3, "", "backlint: internal error: RuntimeError: what now\n")
    monkeypatch.setenv("BACKLINT_DEBUG", "1")
    assert "Traceback" in run("check")[2]


def test_interrupted(engine: Any, run: Run) -> None:
    engine.error = KeyboardInterrupt()
    status, _, error = run("check")
    assert status == 130
    assert error.strip().endswith("backlint: interrupted")


def test_show_config(engine: Any, run: Run) -> None:
    status, out, _ = run("check", "--show-config", "--profile", "gate")
    assert status == 0
    assert 'profile = "gate"  # command line\n' in out
    assert engine.requests == []


def test_no_rules_is_no_clean_bill(engine: Any, run: Run, rules: Callable[[Registry], None]) -> None:
    rules(Registry())
    assert run("check") == (2, "", "backlint: no rules are installed\n")


def test_all_rules_broken(engine: Any, run: Run, rules: Callable[[Registry], None]) -> None:
    notice = Notice("plugin", "rule pack x: can't be imported")
    rules(Registry(notices=(notice,)))
    engine.report = Report(notices=(notice,))
    assert run("check", "--select", "query-in-loop")[0] == 3
