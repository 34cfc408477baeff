"""The whole program, as a user starts it, on sample services."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

REPOSITORY = Path(__file__).parents[2]
PROJECTS = REPOSITORY / "fixtures" / "projects"
SCHEMA = json.loads((REPOSITORY / "docs" / "report.schema.json").read_text(encoding="utf-8"))
NAMES = sorted(folder.name for folder in PROJECTS.iterdir() if folder.is_dir())


@pytest.fixture(params=NAMES)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy outside this repository, whose own configuration would count otherwise."""
    return Path(shutil.copytree(PROJECTS / request.param, tmp_path / request.param))


def backlint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "NO_COLOR": "1"}
    command = [sys.executable, "-m", "backlint.cli", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def report_of(folder: Path, *arguments: str) -> dict[str, Any]:
    result = backlint(folder, "check", "--format", "json", *arguments)
    assert result.returncode == 1, result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(report, SCHEMA)
    return report


def test_a_sample_service_is_reviewed_in_the_documented_format(project: Path) -> None:
    report = report_of(project)
    assert report["findings"]
    assert not [notice for notice in report["notices"] if notice["failure"]]
    for finding in report["findings"]:
        lines = (project / finding["path"]).read_text(encoding="utf-8").splitlines()
        assert 1 <= finding["line"] <= len(lines)
        for step in finding["evidence"]:
            assert (project / step["path"]).is_file()


def test_the_cache_changes_nothing_that_is_reported(project: Path) -> None:
    cold, warm = report_of(project), report_of(project)
    assert (project / ".backlint_cache").is_dir()
    assert warm["findings"] == cold["findings"] == report_of(project, "--no-cache")["findings"]


def test_text_goes_to_a_pipe_without_escape_sequences(project: Path) -> None:
    result = backlint(project, "check", "--no-cache")
    assert result.returncode == 1
    assert result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_one_file_is_reported_with_the_whole_project_in_view(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.backlint]\n", encoding="utf-8")
    everything = report_of(project, "--no-cache")["findings"]
    path = everything[0]["path"]
    some = report_of(project, "--no-cache", path)["findings"]
    assert some == [finding for finding in everything if finding["path"] == path]
