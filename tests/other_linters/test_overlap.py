"""What another linter of the project reports by itself is left to it; what only we see is reported."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from backlint.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


CLIENT = """import requests
from requests import Session

from app.http import fetch


def plain(url):
    return requests.get(url)


def through_a_session(url):
    session = Session()
    return session.get(url)


def through_a_wrapper(url):
    return fetch(url)
"""
WRAPPER = """import requests

fetch = requests.get
"""
LOOP = """import time


async def only_what_ruff_sees():
    time.sleep(1)


async def more_than_that(client):
    time.sleep(1)
    pause()


def pause():
    time.sleep(2)
"""
RUFF = "[tool.ruff.lint]\nselect = ['S113', 'ASYNC251']\n"


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[list[str], list[str], dict[str, Any]]]:
    """Reviews files given by path and text; gives places, reasons, and the report."""

    def run(files: dict[str, str], *options: str) -> tuple[list[str], list[str], dict[str, Any]]:
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        main(["check", "--profile", "audit", "--format", "json", *options])
        report = json.loads(capsys.readouterr().out)
        rules = ("missing-timeout", "blocking-call-in-async", "hardcoded-secret", "swallowed-exception")
        places = [f"{item['path']}:{item['line']}" for item in report["findings"] if item["rule"] in rules]
        reasons = [f"{item['rule']}: {item['reason']}" for item in report["not_evaluated"]]
        return places, [reason for reason in reasons if "left to" in reason], report

    return run


def test_the_plain_case_is_left_to_ruff(check: Callable[..., Any]) -> None:
    files = {"app/client.py": CLIENT, "app/http.py": WRAPPER, "app/__init__.py": "", "pyproject.toml": ""}
    everything, reasons, _ = check(files)
    assert "app/client.py:8" in everything
    assert "app/client.py:13" in everything
    assert reasons == []
    for _ in range(2):
        left, reasons, report = check({"pyproject.toml": RUFF})
        assert left == [place for place in everything if place != "app/client.py:8"]
        assert reasons == [
            "missing-timeout: 1 place is left to ruff's S113, which pyproject.toml switches on"
        ]
        assert report["notices"] == []


def test_a_finding_that_gathers_more_is_reported(check: Callable[..., Any]) -> None:
    places, reasons, _ = check({"app.py": LOOP, "pyproject.toml": RUFF})
    assert places == ["app.py:9"]
    assert reasons == [
        "blocking-call-in-async: 1 place is left to ruff's ASYNC251, which pyproject.toml switches on"
    ]


def test_bandit(check: Callable[..., Any]) -> None:
    code = 'import os\n\nDB_PASSWORD = "Xk29sLq0vRt7"\nAPI_KEY = os.getenv("API_KEY", "Xk29sLq0vRt7")\n'
    everything, _, _ = check({"app.py": code, "pyproject.toml": ""})
    assert everything == ["app.py:3", "app.py:4"]
    left, reasons, _ = check({"pyproject.toml": "[tool.bandit]\nskips = ['B101']\n"})
    assert left == ["app.py:4"]
    assert reasons == ["hardcoded-secret: 1 place is left to bandit's B105, which pyproject.toml switches on"]


def test_defer_to(check: Callable[..., Any]) -> None:
    files = {"app/client.py": CLIENT, "app/http.py": WRAPPER, "app/__init__.py": ""}
    for words, is_left in (("[]", False), ("['bandit']", False), ("['ruff']", True)):
        places, _, _ = check(files | {"pyproject.toml": f"{RUFF}[tool.backlint]\ndefer-to = {words}\n"})
        assert ("app/client.py:8" in places) is not is_left


def test_a_comment_at_such_a_place_is_used(check: Callable[..., Any]) -> None:
    code = CLIENT.replace(
        "requests.get(url)",
        "requests.get(url)  # backlint: ignore[missing-timeout] the peer is a local socket",
    )
    files = {"app/client.py": code, "app/http.py": WRAPPER, "app/__init__.py": "", "pyproject.toml": RUFF}
    _, reasons, report = check(files)
    assert reasons == []
    assert report["notices"] == []
    assert report["summary"]["suppressed"] == 1


def test_a_project_in_a_folder_of_the_repository(check: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    files = {
        "ruff.toml": 'lint.select = ["S113"]\nlint.per-file-ignores = { "api/old/*" = ["S"] }\n',
        "api/pyproject.toml": "[project]\nname = 'api'\n",
        "api/new/client.py": CLIENT,
        "api/old/client.py": CLIENT,
    }
    places, reasons, _ = check(files, "api")
    assert "old/client.py:8" in places
    assert "new/client.py:8" not in places
    assert reasons == ["missing-timeout: 1 place is left to ruff's S113, which ruff.toml switches on"]


def test_in_a_diff_review(check: Callable[..., Any], tmp_path: Path) -> None:
    import subprocess

    def git(*words: str) -> None:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q", "-b", "main")
    (tmp_path / "pyproject.toml").write_text(RUFF, encoding="utf-8")
    git("add", ".")
    git("commit", "-qm", "base")
    git("checkout", "-qb", "change")
    places, reasons, _ = check(
        {"app.py": CLIENT.replace("from app.http import fetch", "fetch = print")}, "--diff"
    )
    assert places == ["app.py:13"]
    assert reasons == ["missing-timeout: 1 place is left to ruff's S113, which pyproject.toml switches on"]
