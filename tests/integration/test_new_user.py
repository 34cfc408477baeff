"""README from the beginning, on a copy of the repository, with nothing but Python and git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sitepages.snippets import ROOT, snippets

EVERYTHING = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", "site")


class Machine:
    """A copy of the repository, and a home without anything in it."""

    def __init__(self, root: Path) -> None:
        self.home = root
        self.clone = Path(shutil.copytree(ROOT, root / "backlint", ignore=EVERYTHING))
        self.run(self.clone, "git", "init", "-q", "-b", "main")

    def run(self, folder: Path, *words: str, status: int = 0) -> str:
        programs = os.pathsep.join((str(Path(sys.executable).resolve().parent), os.defpath))
        kept = {
            name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_", "http", "HTTP"))
        }
        done = subprocess.run(
            words,
            cwd=folder,
            env={
                **kept,
                "HOME": str(self.home),
                "PATH": programs,
                "PYTHON": sys.executable,
                "LANG": "C.UTF-8",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == status, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    words = ("-m", "pip", "download", "--quiet", "--no-deps", "--dest", "wheels", "hatchling", "msgspec")
    done = subprocess.run(
        [sys.executable, *words], cwd=machine.home, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"the package index can't be reached: {done.stderr.strip().splitlines()[-1]}")
    return machine


def test_the_first_command_of_readme(machine: Machine) -> None:
    commands = [snippet.text.strip() for snippet in snippets("README.md")]
    assert commands[:2] == ["./review.sh", "./test.sh"]
    output = machine.run(machine.clone, "./review.sh", status=1)
    assert "query-in-loop" in output
    # A second time, on a project of one's own.
    project = machine.clone / "fixtures" / "projects" / "shop"
    output = machine.run(machine.clone, "./review.sh", str(project), status=1)
    assert "app/main.py" in output
    assert "missing-object-authorization" in output


def test_install_and_a_pack_of_ones_own(machine: Machine) -> None:
    """docs/writing-rules.md word for word, with the real pip."""
    python = machine.home / "venv" / "bin"
    machine.run(machine.home, sys.executable, "-m", "venv", "venv")
    machine.run(machine.home, str(python / "pip"), "install", "-q", str(machine.clone), "pytest")
    folder = machine.home / "acme-rules"
    folder.mkdir()
    path = f"export PATH={python}:$PATH; "
    for snippet in snippets("docs/writing-rules.md"):
        if snippet.what == "file":
            (folder / snippet.rest).parent.mkdir(parents=True, exist_ok=True)
            (folder / snippet.rest).write_text(snippet.text, encoding="utf-8")
        elif snippet.what == "run" and "in=checkout" not in snippet.rest:
            machine.run(folder, "bash", "-euc", path + snippet.text)
    listed = machine.run(folder, str(python / "backlint"), "rules", "--family", "layers", "--format", "json")
    assert '"pack": "acme-rules"' in listed
