"""Every snippet in README and docs does what the page says of it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from backlint import check
from backlint.cli import main
from backlint.config.load import Overrides, check_rule_names, load_settings
from backlint.libraries.load import convert_entry
from backlint.registry import load_rules
from sitepages.snippets import EMPTY, PAGES, ROOT, Snippet, indented_blocks, project_of, snippets

IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}
CHANGED = "app/main.py"
PIP = Path(__file__).with_name("pip.py")


class Session:
    """A project that a page speaks of: committed on main, with a change in the work tree."""

    def __init__(self, root: Path, project: str) -> None:
        self.root = root / "project"
        if project == EMPTY:
            self.root.mkdir()
        else:
            shutil.copytree(ROOT / project, self.root)
        programs = root / "programs"
        programs.mkdir()
        pip = programs / "pip"
        pip.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(PIP))} "$@"\n', encoding="utf-8"
        )
        pip.chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        path = os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"]))
        packages = str(root / "packages")
        self.environment = {
            **kept,
            **IDENTITY,
            "PATH": path,
            "PYTHONPATH": packages,
            "SNIPPET_PACKAGES": packages,
            "NO_COLOR": "1",
            "HOME": str(root),
        }
        self.output = ""
        self.run("git init -q -b main && git add -A && git commit -q --allow-empty -m first", 0)
        if (self.root / CHANGED).is_file():
            with (self.root / CHANGED).open("a", encoding="utf-8") as file:
                file.write("\n\nLIMIT = 10\n")

    def run(self, script: str, status: int | None, folder: Path | None = None) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder or self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
            encoding="utf-8",
        )
        self.output = done.stdout
        assert done.returncode == (status or 0), f"status {done.returncode}:\n{done.stdout}"


def run_all(session: Session, snippet: Snippet) -> None:
    """Run a block line by line where no status is asked for: findings are no reason to stop."""
    if snippet.status is not None:
        session.run(snippet.text, snippet.status)
        return
    output = ""
    for whole in re.sub(r"\\\n\s*", "", snippet.text).splitlines():
        line = re.sub(r"\s+#.*", "", whole)
        if line.strip():
            ends_with_findings = re.search(r"\bbacklint (check|baseline)\b", line) is not None
            folder = ROOT if "in=checkout" in snippet.rest else None
            session.run(f"{line} || [ $? = 1 ]" if ends_with_findings else line, 0, folder)
            output += session.output
    session.output = output


def matches(expected: str, output: str) -> bool:
    """Whether the output holds what is expected, `…` at the end of a line or on one of its own standing for anything."""
    parts = [re.escape(part.strip("\n")) for part in re.split(r"…\s*$", expected, flags=re.MULTILINE)]
    plain = "\n".join(line.rstrip() for line in output.splitlines())
    return re.search("(?s)" + ".*?".join(parts), plain) is not None


def check_config(snippet: Snippet, folder: Path) -> None:
    (folder / snippet.rest).write_text(snippet.text, encoding="utf-8")
    for name in set(re.findall(r'"([\w/]+\.yaml)"', snippet.text)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(
            "library: acme\nversion: '1'\nurl: https://example.com\nmodules: [acme]\n", encoding="utf-8"
        )
    settings = load_settings(folder, Overrides())
    rules = load_rules()
    check_rule_names(settings, rules.rules, rules.families)
    assert set(settings.origins.values()) != {"default"}


def check_suppressed(snippet: Snippet, folder: Path) -> None:
    (folder / "backlint.toml").write_text('profile = "audit"\n', encoding="utf-8")
    (folder / "requirements.txt").write_text("requests\n", encoding="utf-8")
    (folder / "ping.py").write_text(snippet.text, encoding="utf-8")
    report = check(folder)
    assert (report.findings, report.notices) == ((), ())
    assert report.suppressed


def check_workflow(snippet: Snippet) -> None:
    document = yaml.safe_load(snippet.text)
    steps = document["steps"] if "steps" in document else document["jobs"]["backlint"]["steps"]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    (ours,) = (step for step in steps if re.match(r"OWNER/backlint@v[\d.]+$", step["uses"]))
    assert set(ours.get("with", {})) <= set(inputs)


def check_hooks(snippet: Snippet) -> None:
    known = {
        hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    }
    document: Any = yaml.safe_load(snippet.text)
    hooks = document["repos"][0]["hooks"] if isinstance(document, dict) else document
    assert hooks
    assert {hook["id"] for hook in hooks} <= known
    for hook in hooks:
        assert main(["check", *hook.get("args", []), "--show-config"]) == 0


def check_entry(snippet: Snippet) -> None:
    document = {"library": "x", "version": "1", "url": "https://example.com", "modules": ["x"]}
    convert_entry({**document, **yaml.safe_load(snippet.text)}, "snippet", {}, ())


@pytest.mark.parametrize("page", PAGES)
def test_snippets(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session: Session | None = None
    for number, snippet in enumerate(snippets(page)):
        place = f"{page}:{snippet.line}"
        folder = tmp_path / str(number)
        folder.mkdir()
        if snippet.what in ("run", "file", "append", "output", "python") and session is None:
            session = Session(tmp_path, project_of(page))
        try:
            match snippet.what, session:
                case "run", Session():
                    run_all(session, snippet)
                case "output", Session():
                    assert matches(snippet.text, session.output), f"it printed:\n{session.output}"
                case "file", Session():
                    target = session.root / snippet.rest
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_text(snippet.text, encoding="utf-8")
                case "append", Session():
                    with (session.root / snippet.rest).open("a", encoding="utf-8") as file:
                        file.write("\n" + snippet.text)
                case "python", Session():
                    script = session.root / "snippet.py"
                    script.write_text(snippet.text, encoding="utf-8")
                    session.run("python snippet.py; rm snippet.py", 0)
                case "config", _:
                    check_config(snippet, folder)
                case "entry", _:
                    check_entry(snippet)
                case "suppressed", _:
                    check_suppressed(snippet, folder)
                case "workflow", _:
                    check_workflow(snippet)
                case "hooks", _:
                    monkeypatch.chdir(ROOT)
                    check_hooks(snippet)
                case "skip", _:
                    assert len(snippet.rest.split()) > 3, "say why"
                case _:
                    pytest.fail("say in a comment above it what the tests should do with it")
        except AssertionError as error:
            pytest.fail(f"{place}: {error}", pytrace=False)
        except Exception as error:
            pytest.fail(f"{place}: {type(error).__name__}: {error}", pytrace=False)


@pytest.mark.parametrize("page", PAGES)
def test_code_is_fenced(page: str) -> None:
    """An indented block would escape the tests of snippets."""
    assert indented_blocks((ROOT / page).read_text(encoding="utf-8")) == []
