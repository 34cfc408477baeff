"""Projects that are out to harm whoever reviews them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec
import pytest

from backlint import analysis
from backlint.cache import pack as packs
from backlint.cache.store import open_cache
from backlint.cli import main
from backlint.config.settings import Settings
from backlint.finding import Span
from backlint.run import CheckRequest, check
from backlint.summary import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backlint.registry import Registry
    from backlint.report import Report
    from backlint.summary import FileSummary

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "junit", "markdown", "agent")
NAMES = (
    *("::error::stop.py", "##[error]x.py", "::set-output name=a::b/x.py", "\x1b[31mred.py", "a\u202eyp.py"),
    *("new\nline.py", "`x`](evil).py", "<img src=x>.py", "--fix.py", "a,b%0A:c.py", "\x9b2J.py", "é 世界.py"),
)
SECRET = "root:x:0:0:very-secret"


def words(*more: str) -> list[str]:
    return ["check", "--no-cache", "--color", "never", *more]


@pytest.mark.parametrize("name", FORMATS)
def test_names_of_files(
    pack: Registry,
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    summary = project / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for path in NAMES:
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("print(1)  # ##vso[task.setvariable] ::error::x \x1b[2J\n", encoding="utf-8")
    assert main(words("--format", name)) == 1
    output = capsys.readouterr().out + (summary.read_text(encoding="utf-8") if summary.exists() else "")
    lines = output.split("\n")
    assert not any(char in output for char in ("\x1b", "\x9b", "\u202e"))
    assert not any("##vso[" in line or "##[" in line for line in lines)
    commands = [line for line in lines if line.lstrip().startswith("::")]
    assert len(commands) == (len(NAMES) + 1 if name == "github" else 0)
    assert all(line.startswith("::warning file=") for line in commands)


@pytest.mark.parametrize("link", ["report.json", "folder/report.json"])
def test_reports_do_not_follow_links_out(
    pack: Registry, project: Path, capsys: pytest.CaptureFixture[str], link: str
) -> None:
    outside = project.parent / "outside"
    outside.mkdir()
    target = outside / "report.json"
    target.write_text("mine", encoding="utf-8")
    if "/" in link:
        (project / "folder").symlink_to(outside)
    else:
        (project / link).symlink_to(target)
    assert main(words("--output", f"json={link}")) == 2
    assert capsys.readouterr().err.endswith("a link that leads out of the project is not followed\n")
    assert target.read_text(encoding="utf-8") == "mine"
    # What the user names outside of the project is the user's business.
    assert main(words("--output", f"json={outside / 'other.json'}")) == 1
    assert json.loads((outside / "other.json").read_text(encoding="utf-8"))["findings"]


def test_a_report_through_a_link_inside(pack: Registry, project: Path) -> None:
    (project / "real.json").write_text("", encoding="utf-8")
    (project / "link.json").symlink_to(project / "real.json")
    assert main(words("--output", "json=link.json")) == 1
    assert (project / "link.json").is_symlink()
    assert json.loads((project / "real.json").read_text(encoding="utf-8"))["findings"]


def test_baselines_do_not_follow_links_out(
    pack: Registry, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = project.parent / "outside.json"
    target.write_text(SECRET, encoding="utf-8")
    (project / "backlint-baseline.json").symlink_to(target)
    for command in (words(), ["baseline", "--no-cache"], ["baseline", "--no-cache", "--prune"]):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.endswith("a link that leads out of the project is not followed\n")
        assert SECRET not in error
    assert main(words("--baseline", "backlint-baseline.json")) == 2
    assert target.read_text(encoding="utf-8") == SECRET


def test_manifests_include_nothing_from_outside(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outside = project.parent / "outside.txt"
    outside.write_text("requests\n", encoding="utf-8")
    (project / "requirements-linked.txt").symlink_to(outside)
    (project / "requirements.txt").write_text(
        f"flask\n-r ../outside.txt\n-r ../../../../etc/passwd\n-r {outside}\n-r requirements-linked.txt\n",
        encoding="utf-8",
    )
    (project / "app.py").write_text("import flask\nimport requests\n", encoding="utf-8")
    main(words("--format", "json", "--profile", "audit", "--select", "undeclared-dependency"))
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(item["path"], item["line"]) for item in found] == [("app.py", 2)]


def test_no_configuration_is_run(project: Path) -> None:
    """Files that tools execute, each of which leaves a trace when it is."""
    trace = project.parent / "trace"
    code = f"open({str(trace)!r}, 'a').write(__file__)\n"
    for name in (
        "setup.py",
        "conftest.py",
        "sitecustomize.py",
        "usercustomize.py",
        "noxfile.py",
        "click.py",
        "yaml.py",
    ):
        (project / name).write_text(code, encoding="utf-8")
    (project / "backlint_rules").mkdir()
    (project / "backlint_rules" / "__init__.py").write_text(code, encoding="utf-8")
    (project / "backlint.toml").unlink()
    (project / "backlint.yaml").write_text(
        f"exclude: !!python/object/apply:builtins.open [{str(trace)!r}, w]\n", encoding="utf-8"
    )
    (project / ".pre-commit-config.yaml").write_text(
        f"repos: !!python/object/apply:os.system ['touch {trace}']\n", encoding="utf-8"
    )
    (project / "pyproject.toml").write_text(
        "[project]\nname = 'x'\n[project.entry-points.'backlint.rules']\nevil = 'setup'\n", encoding="utf-8"
    )
    command = [sys.executable, "-P", "-m", "backlint", "check", "--no-cache"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "the tag !!python/object/apply:builtins.open is not allowed" in done.stderr
    (project / "backlint.yaml").unlink()
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert not trace.exists()


def review(project: Path, cache: Path) -> Report:
    return check(CheckRequest(paths=(project,), settings=Settings(root=project), cache_dir=cache))


def said(report: Report) -> tuple[object, ...]:
    return report.findings, report.not_evaluated, report.suppressed


@pytest.fixture
def forged(
    pack: Registry, project: Path, tmp_path: Path
) -> Callable[[Callable[[FileSummary], FileSummary]], Path]:
    """Makes a cache whose summaries are sound by checksum, and changed; results are left out."""

    def make(change: Callable[[FileSummary], FileSummary]) -> Path:
        cache = tmp_path / "cache"
        (project / "more.py").write_text(
            "import json\n\ndef found(x):\n    return json.loads(x)\n", encoding="utf-8"
        )
        review(project, cache)
        for path in [*cache.glob("*.blob"), *cache.glob("*.pack")]:
            if path.suffix == ".pack":
                records = packs.read(path, None)
                path.write_bytes(
                    packs.write((key, encode(change(decode(data)))) for key, data in records.items())
                )
            else:
                path.unlink()
        return cache

    return make


def test_a_cache_that_is_sound_and_wrong(forged: Callable[..., Path], project: Path) -> None:
    """Terms and functions that point nowhere: everything is made anew, and the cache is right afterwards."""

    def point_nowhere(summary: FileSummary) -> FileSummary:
        functions = tuple(
            msgspec.structs.replace(
                function,
                events=tuple(
                    msgspec.structs.replace(event, term=99_999, block=77) for event in function.events
                ),
            )
            for function in summary.functions
        )
        return msgspec.structs.replace(summary, functions=functions)

    cache = forged(point_nowhere)
    plain = review(project, cache.parent / "other")
    again = review(project, cache)
    assert said(again) == said(plain)
    assert [notice.kind for notice in again.notices] == ["cache"]
    assert not again.notices[0].failure
    last = review(project, cache)
    assert said(last) == said(plain)
    assert last.notices == ()
    assert last.statistics.summarised == 0


def test_a_cache_with_the_summary_of_another_file(forged: Callable[..., Path], project: Path) -> None:
    cache = forged(lambda summary: msgspec.structs.replace(summary, path="../../etc/passwd"))
    again = review(project, cache)
    assert said(again) == said(review(project, cache.parent / "other"))
    assert again.statistics.summarised == again.statistics.files


def test_a_result_that_names_files_outside(
    pack: Registry,
    project: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever can write valid results says what is found, but has nothing outside of the project shown."""
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    original = msgspec.msgpack.decode

    def decode_other(data: bytes, **options: object) -> object:
        known = original(data, **options)  # type: ignore[call-overload]
        if isinstance(known, analysis.Known):
            findings = tuple(
                msgspec.structs.replace(finding, path="../secret", span=Span(1, 0, 1, 4))
                for finding in known.outcome.findings
            )
            known = msgspec.structs.replace(
                known, outcome=msgspec.structs.replace(known.outcome, findings=findings)
            )
        return known

    main(["check"])
    capsys.readouterr()
    monkeypatch.setattr(msgspec.msgpack, "decode", decode_other)
    for name in FORMATS:
        main(["check", "--format", name])
        assert SECRET not in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs to give files to others")
def test_a_cache_that_somebody_else_has_written(pack: Registry, project: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    review(project, cache)
    assert review(project, cache).statistics.summarised == 0
    for path in cache.iterdir():
        os.chown(path, 12_345, 12_345)
    stored = next(cache.glob("*.pack"))
    key = next(iter(packs.read(stored, None)))
    assert open_cache(cache).load([key.hex()]) == {}
    assert review(project, cache).statistics.summarised > 0
    os.chown(tmp_path, 12_345, 12_345)
    assert open_cache(cache).load([key.hex()]) != {}
