"""A rule pack of its own for the tests of the run, and a project to run it on."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from backlint import analysis, registry
from backlint.entry_points import EntryPoint
from backlint.registry import Registry, load_packs
from backlint.summarise import pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RULES = {
    "__init__.py": "",
    "demo/__init__.py": "",
    "demo/print_call.py": '''
from backlint.api import Rule

class PrintCall(Rule):
    """Checks for calls of print."""

    def visit_Call(self, node, ctx):
        if ctx.name(node.func) == "builtins.print":
            ctx.report(node, "`print` is called", advice="use the log")
''',
    "demo/raises_in_file.py": '''
from backlint.api import Rule

class RaisesInFile(Rule):
    """Checks for nothing: it fails where a file mentions `explode`."""

    def visit_Name(self, node, ctx):
        if node.id == "explode":
            raise LookupError("boom")
''',
    "demo/raises_in_project.py": '''
from backlint.api import Rule

class RaisesInProject(Rule):
    """Checks for functions called `found`, and fails at those called `explode_later`."""

    def check(self, project, findings):
        for function in project.functions:
            if function.summary.name == "found":
                findings.add(function, "`found` is found")
        for function in project.functions:
            if function.summary.name == "explode_later":
                raise LookupError("bang")
''',
}


@pytest.fixture
def write_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Registry]]:
    """Writes rule modules into a pack and makes it the only one that is installed."""
    folder = tmp_path / "packs"
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)

    def write(**more: str) -> Registry:
        for name, text in (RULES | {f"demo/{name}.py": text for name, text in more.items()}).items():
            path = folder / "trial_pack" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        loaded = load_packs([EntryPoint("trial", "1.0", "trial", "trial_pack")])
        for module in (registry, analysis, pool):
            monkeypatch.setattr(module, "load_rules", lambda *_: loaded)
        return loaded

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("trial_pack"):
            del sys.modules[name]


@pytest.fixture
def pack(write_pack: Callable[..., Registry]) -> Registry:
    return write_pack()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one finding, in a file that nothing is wrong with; the current folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "backlint.toml").write_text("", encoding="utf-8")
    (folder / "good.py").write_text('print("hello")\n', encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder
