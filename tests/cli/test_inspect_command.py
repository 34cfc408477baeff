"""`backlint inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from backlint.cli.app import commands, run

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """\
from fastapi import FastAPI

app = FastAPI()

@app.get("/x")
def x(): ...
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "a.py").write_text(SOURCE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.py").write_text(SOURCE.replace("/x", "/y"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def inspect(*arguments: str) -> str:
    result = CliRunner().invoke(commands, ["inspect", "--no-cache", *arguments], standalone_mode=False)
    assert result.exception is None
    return result.stdout


@pytest.mark.usefixtures("project")
def test_routes_of_the_project_and_of_a_folder() -> None:
    assert inspect("--routes").splitlines() == [
        "GET /x → x (a.py:6) | no guards | no parameters",
        "GET /y → x (sub/b.py:6) | no guards | no parameters",
        "2 routes",
    ]
    assert inspect("--routes", "sub").splitlines()[-1] == "1 route"


@pytest.mark.usefixtures("project")
def test_a_place() -> None:
    assert inspect("a.py:6").startswith("in a.x (handler)\n")
    assert inspect("a.py").startswith("1: module\n")


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("arguments", [[], ["missing.py"], ["pyproject.toml"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "--no-cache", *arguments]) == 2
    assert capsys.readouterr().err.startswith("backlint: ")
