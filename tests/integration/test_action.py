"""The GitHub action and the pre-commit hooks: they parse, and say nothing the command line doesn't know."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from backlint.cli.app import commands

ROOT = Path(__file__).resolve().parents[2]
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
SOURCE = "import requests\n\n\ndef fetch(url: str) -> bytes:\n    return requests.get(url).content\n"


def action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return loaded


def hooks() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = yaml.safe_load(
        (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
    )
    return loaded


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = action()["runs"]["steps"]
    return found


def step(name: str) -> dict[str, Any]:
    (found,) = (step for step in steps() if step["name"] == name)
    return found


def options_of(command: str) -> set[str]:
    known = commands.commands[command]
    return {name for option in known.params if isinstance(option, click.Option) for name in option.opts}


def test_actions_are_pinned_by_hash() -> None:
    used = [step["uses"] for step in steps() if "uses" in step]
    assert len(used) == 4
    for name in used:
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", name)


def test_scripts_take_inputs_from_the_environment_only() -> None:
    """An expression inside a script is replaced before the shell reads it: whoever fills it in writes code."""
    scripts = [step["run"] for step in steps() if "run" in step]
    assert len(scripts) == 4
    assert not [script for script in scripts if "${{" in script]


def test_every_input_is_used_and_every_used_one_is_declared() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action()["inputs"])
    documented = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert [name for name in action()["inputs"] if f"| `{name}` |" not in documented] == []


def test_steps_refer_to_steps_before_them() -> None:
    seen: set[str] = set()
    for item in steps():
        assert set(re.findall(r"steps\.([\w-]+)\.", str(item))) <= seen
        seen |= {item["id"]} if "id" in item else set()
    assert set(re.findall(r"steps\.([\w-]+)\.", str(action()["outputs"]))) <= seen


def test_scripts_use_options_that_exist() -> None:
    script = step("Review")["run"]
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", script))
    assert {"--output", "--diff", "--category", "--fail-on"} <= named
    assert named <= options_of("check")


def test_hooks_use_options_that_exist() -> None:
    by_id = {hook["id"]: hook for hook in hooks()}
    assert list(by_id) == ["backlint", "backlint-diff"]
    for hook in by_id.values():
        program, command, *options = shlex.split(hook["entry"])
        assert (program, command) == ("backlint", "check")
        assert set(options) <= options_of("check")
        assert hook["language"] == "python"
        assert hook["types"] == ["python"]
        assert hook["require_serial"] is True
    assert by_id["backlint-diff"]["pass_filenames"] is False
    assert "pass_filenames" not in by_id["backlint"]


def test_documented_commands_use_options_that_exist() -> None:
    for name in ("ci.md", "diff-review.md", "pre-commit.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        for line in re.findall(r"backlint check\b([^`\n]*)", text):
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)) <= options_of("check"), line


class Runner:
    """What the steps of the action find on a machine: a repository and the folder with backlint in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repository = root / "repository"
        self.folder = root / "temp" / "backlint"
        self.output = root / "output"
        self.repository.mkdir()
        self.output.touch()
        (self.repository / "backlint.toml").write_text('profile = "audit"\n', encoding="utf-8")
        (self.repository / "app.py").write_text(SOURCE, encoding="utf-8")
        (self.repository / "a b.py").write_text(SOURCE, encoding="utf-8")
        program = self.folder / "venv" / "bin" / "backlint"
        program.parent.mkdir(parents=True)
        path = os.pathsep.join(map(str, filter(None, sys.path)))
        program.write_text(
            f'#!/bin/sh\nPYTHONPATH={shlex.quote(path)} exec {shlex.quote(sys.executable)} -m backlint.cli "$@"\n',
            encoding="utf-8",
        )
        program.chmod(0o755)

    def run(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the script of a step, its inputs as the environment."""
        found = step(name)
        variables = {
            variable: inputs.get(variable.lower(), "")
            for variable in found.get("env", {})
            if variable != "FOLDER"
        }
        script = self.root / "script.sh"
        script.write_text(found["run"], encoding="utf-8")
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_"))},
            **variables,
            "FOLDER": str(self.folder),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.root / "summary.md"),
        }
        return subprocess.run(
            [*BASH, str(script)],
            cwd=self.repository,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def outputs(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.output.read_text(encoding="utf-8").splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def test_review_step(runner: Runner) -> None:
    done = runner.run("Review", category="backlint")
    assert done.returncode == 0, done.stderr
    assert "missing-timeout" in done.stdout
    assert runner.outputs["status"] == "1"
    assert Path(runner.outputs["sarif"]).is_file()
    assert "::" in runner.run("Annotate").stdout
    assert (runner.root / "summary.md").stat().st_size
    assert runner.run("Result", status=runner.outputs["status"]).returncode == 1


def test_inputs_reach_the_command_line(runner: Runner) -> None:
    done = runner.run("Review", paths="a b.py\r\n\n", profile="audit", fail_on="error", category="one")
    assert done.returncode == 0, done.stderr
    assert "a b.py:5" in done.stdout
    assert "app.py:5" not in done.stdout
    assert runner.outputs["status"] == "0"
    assert runner.run("Review", fail_on="never", category="two").returncode == 0
    assert runner.outputs["status"] == "0"


def test_wrong_inputs_fail_the_step(runner: Runner) -> None:
    done = runner.run("Review", diff_base="HEAD^1", category="x")
    assert done.returncode == 2
    assert "no work tree of a git repository" in done.stderr


@pytest.mark.parametrize("name", ["paths", "profile", "fail_on", "diff_base", "category"])
def test_inputs_are_no_code(runner: Runner, name: str) -> None:
    for text in (
        "$(touch gotcha)",
        "`touch gotcha`",
        "'; touch gotcha; '",
        '"; touch gotcha; "',
        "a\ntouch gotcha",
    ):
        runner.run("Review", **{"category": "x", name: text})
    assert list(runner.root.rglob("gotcha")) == []


@pytest.mark.parametrize("version", ["1.0 --index-url x", "x", "1.0;touch gotcha", "1.0\nx", "../other"])
def test_version_must_be_one(runner: Runner, version: str) -> None:
    done = runner.run("Install backlint", python="/bin/false", version=version, action=".")
    assert (done.returncode, done.stdout) == (2, '::error::backlint: the input "version" is no version\n')
