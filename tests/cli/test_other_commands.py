"""`rules`, `explain`, `clean`, `completion` and `--version`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import backlint.cli
from backlint.cli.app import commands
from backlint.finding import Notice
from backlint.registry import Registry
from backlint.version import VERSION

Run = Callable[..., tuple[int, str, str]]
PACKAGES = Path(backlint.cli.__file__).parents[2]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(PACKAGES), **environment},
    )


@pytest.mark.usefixtures("rules")
def test_rules_table(run: Run) -> None:
    assert run("rules") == (
        0,
        (
            "rule             family    severity  summary\n"
            "missing-timeout  network   warning   Finds calls that may wait for ever.\n"
            "query-in-loop    database  error     Finds a query for every row.\n"
        ),
        "",
    )


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--family", "database"], ["query-in-loop"]),
        (["--family", "database,network"], ["missing-timeout", "query-in-loop"]),
        (["--severity", "warning"], ["missing-timeout"]),
        (["--severity", "warning", "--family", "database"], []),
    ],
)
def test_rules_filtered_as_json(run: Run, arguments: list[str], expected: list[str]) -> None:
    status, out, _ = run("rules", "--format", "json", *arguments)
    data = json.loads(out)
    assert (status, data["version"]) == (0, 1)
    assert [rule["id"] for rule in data["rules"]] == expected


@pytest.mark.usefixtures("rules")
def test_rule_as_json(run: Run) -> None:
    rule = json.loads(run("rules", "--format", "json", "--family", "network")[1])["rules"][0]
    assert rule == {
        "id": "missing-timeout",
        "family": "network",
        "severity": "warning",
        "summary": "Finds calls that may wait for ever.",
        "needs": [],
        "same_as": ["ruff:S113"],
        "tags": ["CWE-400"],
        "security_severity": None,
        "kinds": ["source"],
        "since": "0.1.0",
        "pack": "backlint",
    }


@pytest.mark.usefixtures("rules")
def test_rules_of_unknown_families(run: Run) -> None:
    assert run("rules", "--family", "databse") == (
        2,
        "",
        'backlint: there is no family "databse"; did you mean "database"?\n',
    )
    assert run("rules", "--severity", "fatal")[0] == 2


def test_rules_say_what_failed_to_load(run: Run, rules: Callable[[Registry], None]) -> None:
    rules(Registry(notices=(Notice("plugin", "rule pack x: can't be imported"),)))
    status, _, error = run("rules")
    assert (status, error) == (3, "backlint: rule pack x: can't be imported\n")
    rules(Registry())
    assert run("rules")[0] == 2


@pytest.mark.usefixtures("rules")
def test_explain(run: Run) -> None:
    status, out, error = run("explain", "query-in-loop")
    assert (status, error) == (0, "")
    assert out.startswith(
        "# query-in-loop\n\n"
        "Family database, severity error, since 0.1.0. "
        "Evaluated in projects that import django or sqlalchemy. See CWE-400.\n\n"
        "Finds a query for every row.\n\n## Why it hurts\n\nIt is slow.\n\n## Confidence\n\n"
    )
    assert "It looks at service code, not at settings, migrations," in out
    assert '[tool.backlint.severity]\nquery-in-loop = "warning"\n' in out
    assert "# backlint: ignore[query-in-loop]" in out
    assert "also reported by ruff:S113" in run("explain", "missing-timeout")[1]


@pytest.mark.usefixtures("rules")
def test_explain_for_a_terminal(run: Run) -> None:
    status, out, _ = run("explain", "query-in-loop", "--color", "always")
    assert status == 0
    assert "\x1b[" in out
    assert "Why it hurts" in out


@pytest.mark.usefixtures("rules")
def test_explain_names_the_nearest_rule(run: Run) -> None:
    assert run("explain", "query-in-lop") == (
        2,
        "",
        'backlint: there is no rule "query-in-lop"; did you mean "query-in-loop"?\n',
    )


def test_clean(run: Run, project: Path) -> None:
    folder = project / ".backlint_cache"
    assert run("clean") == (0, f"nothing to remove in {folder}\n", "")
    folder.mkdir()
    (folder / "precious").write_text("x", encoding="utf-8")
    status, _, error = run("clean")
    assert status == 2
    assert "is not a cache of backlint" in error
    assert (folder / "precious").exists()


def test_clean_elsewhere(run: Run, project: Path) -> None:
    assert run("clean", "--cache-dir", "../cache")[1] == f"nothing to remove in {project.parent / 'cache'}\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_scripts(run: Run, shell: str) -> None:
    status, out, _ = run("completion", shell)
    assert status == 0
    assert "_BACKLINT_COMPLETE" in out
    assert run("completion", "tcsh")[0] == 2


def test_completion_answers() -> None:
    done = python(
        "-m", "backlint.cli", _BACKLINT_COMPLETE="zsh_complete", COMP_WORDS="backlint ch", COMP_CWORD="1"
    )
    assert "check" in done.stdout.split()
    assert "clean" not in done.stdout.split()


@pytest.mark.parametrize("arguments", [["--version"], ["-V"]])
def test_version(run: Run, arguments: list[str]) -> None:
    assert run(*arguments) == (0, f"backlint {VERSION}\n", "")


def test_version_imports_next_to_nothing() -> None:
    code = (
        "import sys; before = set(sys.modules); from backlint.cli import main; main(['--version']); "
        "print(sorted(name for name in set(sys.modules) - before if not name.startswith('backlint')))"
    )
    version, imported = python("-S", "-c", code).stdout.splitlines()
    assert version == f"backlint {VERSION}"
    heavy = {"click", "msgspec", "rich", "yaml", "json", "importlib.metadata", "pathlib"}
    assert not [name for name in heavy if f"'{name}'" in imported]


def test_commands_import_nothing_heavy() -> None:
    code = "import sys, backlint.cli.app; print(sorted(sys.modules))"
    imported = python("-c", code).stdout
    assert "'backlint.cli.check'" in imported
    heavy = ("rich", "yaml", "jsonschema", "importlib.metadata", "json", "sarif_om")
    assert not [name for name in heavy if f"'{name}'" in imported]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["check", "--help"], ["explain", "-h"]])
def test_help(run: Run, arguments: list[str]) -> None:
    status, out, error = run(*arguments)
    assert (status, error) == (0, "")
    assert out.startswith("Usage: backlint")


def test_unknown_command(run: Run) -> None:
    status, _, error = run("chek")
    assert status == 2
    assert error.startswith("backlint: No such command 'chek'")
    assert error.count("\n") == 1


def test_every_option_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    for name, command in commands.commands.items():
        assert f"backlint {name}" in page
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("--"):
                    assert f"`{option}" in page, f"{name} {option}"


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = (
        "import sys\n"
        "from backlint.cli import terminal\n"
        "for _ in range(3): terminal.write('x' * 200_000 + '\\n')\n"
        "sys.exit(1)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == b""
    process.stderr.close()
