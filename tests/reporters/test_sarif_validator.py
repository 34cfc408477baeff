"""Microsoft's SARIF validator, where npm can install it, has nothing to say about our reports."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import backlint
from backlint.registry import load_rules
from backlint.reporters.sarif import render
from backlint.reporters.sources import SourceReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

    MakeContext = Callable[..., ReporterContext]
    Validate = Callable[[Path], list[dict[str, object]]]

PROJECTS = Path(__file__).parents[2] / "fixtures" / "projects"
PACKAGE = "@microsoft/sarif-multitool"


@pytest.fixture(scope="module")
def validate(tmp_path_factory: pytest.TempPathFactory) -> Validate:
    """Gives the validator's errors and warnings about a file."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("multitool")
    options = ["--no-audit", "--no-fund", "--no-save", "--fetch-retries", "1", "--fetch-timeout", "30000"]
    command = [npm, "install", *options, "--prefix", str(folder), PACKAGE]
    try:
        installed = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=240, cwd=folder
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm can't reach its registry in time")
    if installed.returncode:
        pytest.skip(f"npm can't install {PACKAGE}: {installed.stderr.strip()[-200:]}")
    for program in folder.glob("node_modules/@microsoft/sarif-multitool-*/Sarif.Multitool"):
        program.chmod(0o755)
    script = folder / "node_modules" / "@microsoft" / "sarif-multitool" / "bin.js"

    def run(path: Path) -> list[dict[str, object]]:
        output = path.with_suffix(".validated.sarif")
        result = subprocess.run(
            # The package's script passes its arguments on to a shell.
            [
                node,
                str(script),
                "validate",
                str(path),
                "--rule-kind",
                "'Sarif;Ghas'",
                "--output",
                str(output),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        assert output.is_file(), result.stdout + result.stderr
        found = json.loads(output.read_text(encoding="utf-8-sig"))["runs"][0].get("results", [])
        return [item for item in found if item.get("level", "warning") in ("error", "warning")]

    return run


def test_the_validator_works(validate: Validate, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.sarif"
    wrong.write_text('{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": ""}}}]}', encoding="utf-8")
    assert validate(wrong)


def test_a_report_with_odd_content(
    validate: Validate, odd: Report, context: MakeContext, tmp_path: Path
) -> None:
    path = tmp_path / "odd.sarif"
    path.write_text(render(odd, context(category="api", rules=load_rules().rules)), encoding="utf-8")
    assert validate(path) == []


@pytest.mark.parametrize("project", sorted(folder.name for folder in PROJECTS.glob("*/")))
def test_reports_of_sample_projects(
    validate: Validate, context: MakeContext, tmp_path: Path, project: str
) -> None:
    root = PROJECTS / project
    report = backlint.check(root)
    path = tmp_path / "project.sarif"
    made = context(root=root, sources=SourceReader(root), rules=load_rules().rules)
    path.write_text(render(report, made), encoding="utf-8")
    assert validate(path) == []
