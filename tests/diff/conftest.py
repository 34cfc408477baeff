"""A git repository made by the test, and backlint run in it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from backlint.cli import main

if TYPE_CHECKING:
    from pathlib import Path

_IDENTITY = {
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


_MODELS = """\
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
"""

_PURE_HELPER = """\
from sqlalchemy.orm import Session

from app.models import Author


def describe(session: Session, number: int) -> str:
    return f"author {number}"
"""

_QUERYING_HELPER = """\
from sqlalchemy.orm import Session

from app.models import Author


def describe(session: Session, number: int) -> str:
    author = session.get(Author, number)
    return author.name
"""

_LOOP = """\
from sqlalchemy.orm import Session

from app.helpers import describe


def listing(session: Session, numbers: list[int]) -> list[str]:
    lines = []
    for number in numbers:
        lines.append(describe(session, number))
    return lines
"""

_DIRECT = """\
from sqlalchemy.orm import Session

from app.models import Author


def names(session: Session, numbers: list[int]) -> list[str]:
    found = []
    for number in numbers:
        found.append(session.get(Author, number).name)
    return found
"""


class Found(NamedTuple):
    """A finding, for comparison."""

    path: str
    line: int
    rule: str


class Result(NamedTuple):
    status: int
    output: str
    error: str

    @property
    def report(self) -> dict[str, Any]:
        assert self.output, self.error
        report: dict[str, Any] = json.loads(self.output)
        return report

    @property
    def found(self) -> list[Found]:
        return [
            Found(finding["path"], finding["line"], finding["rule"]) for finding in self.report["findings"]
        ]


class Work:
    """A work tree: write files, run git, check."""

    pure_helper = _PURE_HELPER
    querying_helper = _QUERYING_HELPER
    loop = _LOOP
    """Calls the helper once an element."""
    direct = _DIRECT
    """Queries once an element, at line 9."""

    def __init__(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.root = root
        self._monkeypatch = monkeypatch
        self._capfd = capfd

    def at(self, root: Path) -> Work:
        """The same for another folder."""
        return Work(root, self._monkeypatch, self._capfd)

    def write(self, **files: str | None) -> None:
        """Write `name=text` to name.py; None deletes it, two underscores are a folder."""
        for name, text in files.items():
            path = self.root / (name.replace("__", "/") + ".py")
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def git(self, *words: str, **variables: str) -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**os.environ, **_IDENTITY, **variables},
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    def commit(self, message: str = "change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def check(self, *words: str, standard_input: str | bytes = "") -> Result:
        """Run `backlint check` in the work tree, without a cache."""
        data = standard_input.encode() if isinstance(standard_input, str) else standard_input
        self._monkeypatch.chdir(self.root)
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        self._capfd.readouterr()
        status = main(["check", "--no-cache", "--format", "json", *words])
        return Result(status, *self._capfd.readouterr())


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in _IDENTITY.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Work:
    """A service whose loop calls a helper that only computes; one commit on main."""
    root = tmp_path / "work"
    root.mkdir()
    work = Work(root, monkeypatch, capfd)
    work.git("init", "-q", "-b", "main")
    work.write(app____init__="", app__models=_MODELS, app__helpers=_PURE_HELPER, app__views=_LOOP)
    work.commit("first")
    return work
