"""The real pre-commit, a real repository: install, block a commit, pass after the fix."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sitepages.snippets import snippets

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ("linter", "rules", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}

QUERYING = """\
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def describe(session: Session, number: int) -> str:
    return session.get(Author, number).name
"""
PURE = QUERYING.replace("session.get(Author, number).name", "str(number)")
LOOP = """\
from sqlalchemy.orm import Session

from app.authors import describe


def listing(session: Session, numbers: list[int]) -> list[str]:
    lines = []
    for number in numbers:
        lines.append(describe(session, number))
    return lines
"""


class Machine:
    """A folder with repositories, and pre-commit with a home of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT"))
        }
        # pip must not see the packages under test: it installs its own copy of them.
        kept.pop("PYTHONPATH", None)
        self.environment = (
            kept | IDENTITY | {"PRE_COMMIT_HOME": str(root / "home"), "PRE_COMMIT_COLOR": "never"}
        )

    def run(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def succeed(self, folder: Path, *words: str) -> str:
        done = self.run(folder, *words)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def pre_commit(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(folder, sys.executable, "-m", "pre_commit", *words)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    machine = Machine(tmp_path_factory.mktemp("machine"))
    command = ("-m", "pip", "download", "--quiet", "--no-deps", "--dest", "wheels", "hatchling", "msgspec")
    done = machine.run(machine.root, sys.executable, *command)
    if done.returncode:
        pytest.skip(f"the package index can't be reached: {done.stdout.strip().splitlines()[-1]}")
    return machine


@pytest.fixture(scope="module")
def hooks(machine: Machine) -> tuple[Path, str]:
    """A repository with the hooks, and the revision to take."""
    repository = machine.root / "hooks"
    repository.mkdir()
    for name in INSTALLED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, repository / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, repository / name)
    machine.succeed(repository, "git", "init", "-q")
    machine.succeed(repository, "git", "add", "-A", "-f")
    machine.succeed(repository, "git", "commit", "-q", "-m", "hooks")
    return repository, machine.succeed(repository, "git", "rev-parse", "HEAD").strip()


@pytest.fixture
def project(machine: Machine, hooks: tuple[Path, str], tmp_path: Path) -> Path:
    """A repository without hooks yet, its first commit made."""
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    for name, text in {"__init__": "", "authors": PURE, "views": LOOP}.items():
        (root / "app" / f"{name}.py").write_text(text, encoding="utf-8")
    (root / "backlint.toml").write_text('select = ["query-in-loop"]\n', encoding="utf-8")
    machine.succeed(root, "git", "init", "-q", "-b", "main")
    machine.succeed(root, "git", "add", "-A")
    machine.succeed(root, "git", "commit", "-q", "-m", "first")
    return root


def install(machine: Machine, project: Path, hooks: tuple[Path, str], hook: str) -> None:
    """Copy what README says into the project, with our repository in place of the public one."""
    repository, revision = hooks
    text = next(snippet.text for snippet in snippets("README.md") if snippet.what == "hooks")
    for shown, meant in (
        ("https://github.com/OWNER/backlint", repository.as_uri()),
        ("v0.1.0", revision),
        ("backlint-diff", hook),
    ):
        assert shown in text
        text = text.replace(shown, meant)
    (project / ".pre-commit-config.yaml").write_text(text, encoding="utf-8")
    machine.succeed(project, "git", "add", "-A")
    machine.succeed(project, "git", "commit", "-q", "-m", "hooks")
    done = machine.pre_commit(project, "install", "--install-hooks")
    assert done.returncode == 0, done.stdout


def commit(machine: Machine, project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return machine.run(project, "git", "commit", "-m", "change", *words)


def test_staged_changes(machine: Machine, project: Path, hooks: tuple[Path, str]) -> None:
    install(machine, project, hooks, "backlint-diff")
    helper = project / "app" / "authors.py"
    helper.write_text(QUERYING, encoding="utf-8")
    machine.succeed(project, "git", "add", "-A")
    blocked = commit(machine, project)
    assert blocked.returncode == 1
    assert "app/authors.py:15" in blocked.stdout
    assert "app/views.py:9" in blocked.stdout
    # What is not staged is not in the commit.
    helper.write_text(PURE, encoding="utf-8")
    assert commit(machine, project).returncode == 1
    machine.succeed(project, "git", "add", "-A")
    (project / "app" / "more.py").write_text("value = 1\n", encoding="utf-8")
    machine.succeed(project, "git", "add", "-A")
    helper.write_text(QUERYING, encoding="utf-8")
    passed = commit(machine, project)
    assert passed.returncode == 0, passed.stdout
    assert "Passed" in passed.stdout
    # `git commit --all` has an index of its own.
    assert commit(machine, project, "--all").returncode == 1
    assert machine.succeed(project, "git", "status", "--short") == " M app/authors.py\n"


def test_changed_files(machine: Machine, project: Path, hooks: tuple[Path, str]) -> None:
    (project / "app" / "authors.py").write_text(QUERYING, encoding="utf-8")
    install(machine, project, hooks, "backlint")
    # The loop's file holds the fault; a change of another file is not stopped by it.
    (project / "app" / "more.py").write_text("value = 1\n", encoding="utf-8")
    machine.succeed(project, "git", "add", "-A")
    assert commit(machine, project).returncode == 0
    views = project / "app" / "views.py"
    views.write_text(LOOP + "\n\nLIMIT = 10\n", encoding="utf-8")
    machine.succeed(project, "git", "add", "-A")
    blocked = commit(machine, project)
    assert blocked.returncode == 1
    # Known from a file that pre-commit did not name.
    assert "app/views.py:9" in blocked.stdout
    assert "app/authors.py:15" in blocked.stdout
    views.write_text(
        LOOP.replace("    for number in numbers:\n        lines.append(describe(session, number))\n", ""),
        encoding="utf-8",
    )
    machine.succeed(project, "git", "add", "-A")
    passed = commit(machine, project)
    assert passed.returncode == 0, passed.stdout
    everything = machine.pre_commit(project, "run", "--all-files")
    assert everything.returncode == 0, everything.stdout
