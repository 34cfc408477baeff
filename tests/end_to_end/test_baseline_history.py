"""A project's life with a baseline: what is new is reported, and nothing else is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import backlint
from backlint.cli import main
from backlint.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

VIEWS = """\
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.crud import author_name
from app.models import Post


def show(db: Session) -> list[str]:
    names = []
    for post in db.scalars(select(Post)):
        names.append(author_name(db, post))
    return names
"""
CRUD = """\
from sqlalchemy.orm import Session

from app.models import Author, Post


def author_name(db: Session, post: Post) -> str:
    return db.get(Author, post.author_id).name
"""
MODELS = """\
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Post(Base):
    __tablename__ = "posts"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    (root / "app").mkdir(parents=True)
    files = {"__init__": "", "views": VIEWS, "crud": CRUD, "models": MODELS}
    for name, text in files.items():
        (root / "app" / f"{name}.py").write_text(text, encoding="utf-8")
    (root / "backlint.toml").write_text('select = ["query-in-loop"]\n', encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def found(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[list[str], int]:
    """Places of the findings, and how many the baseline holds back."""
    status = main(["check", "--no-cache", "--format", "json", *arguments])
    data = json.loads(capsys.readouterr().out)
    assert status == (1 if data["findings"] else 0), data["notices"]
    return [f"{item['path']}:{item['line']}" for item in data["findings"]], data["summary"]["baselined"]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_history(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    views, crud = project / "app" / "views.py", project / "app" / "crud.py"
    baseline = project / "backlint-baseline.json"
    assert found(capsys=capsys) == (["app/views.py:11"], 0)

    assert main(["baseline", "--no-cache"]) == 0
    assert "1 finding written" in capsys.readouterr().out
    assert found(capsys=capsys) == ([], 1)
    assert found("--no-baseline", capsys=capsys) == (["app/views.py:11"], 0)

    # Lines above, another layout and another place in the file change nothing.
    edit(views, "def show", "LIMIT = 10\n\n\ndef first() -> None:\n    pass\n\n\ndef show")
    edit(views, "author_name(db, post)", "author_name(\n            db,\n            post,\n        )")
    edit(crud, "from app.models", "# the models\n\nfrom app.models")
    assert found(capsys=capsys) == ([], 1)

    # Nor do confidence and severity, or a rename.
    assert found("--profile", "audit", "--min-severity", "warning", capsys=capsys) == ([], 1)
    views.rename(project / "app" / "pages.py")
    assert found(capsys=capsys) == ([], 1)
    (project / "app" / "pages.py").rename(views)

    # A second fault is new.
    views.write_text(
        views.read_text(encoding="utf-8")
        + "\n\ndef again(db: Session, posts: list[Post]) -> list[str]:\n"
        + "    return [author_name(db, post) for post in posts]\n",
        encoding="utf-8",
    )
    places, held = found(capsys=capsys)
    assert (len(places), held) == (1, 1)

    # The loop is as it was, and what it runs is not.
    assert main(["baseline", "--no-cache"]) == 0
    capsys.readouterr()
    assert found(capsys=capsys) == ([], 2)
    edit(
        crud,
        "db.get(Author, post.author_id).name",
        "db.get(Author, post.author_id, with_for_update=True).name",
    )
    places, held = found(capsys=capsys)
    assert (len(places), held) == (2, 0)

    # What is mended is pruned, and nothing is added.
    assert main(["baseline", "--no-cache"]) == 0
    before = baseline.read_text(encoding="utf-8")
    edit(views, "    return [author_name(db, post) for post in posts]\n", "    return []\n")
    capsys.readouterr()
    assert main(["baseline", "--no-cache", "--prune"]) == 0
    assert "1 finding pruned" in capsys.readouterr().out
    entries = json.loads(baseline.read_text(encoding="utf-8"))["findings"]
    assert [entry["symbol"] for entry in entries] == ["show"]
    assert len(json.loads(before)["findings"]) == 2
    assert found(capsys=capsys) == ([], 1)


def test_pruning_keeps_what_could_not_be_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    baseline = project / "backlint-baseline.json"
    assert main(["baseline", "--no-cache"]) == 0
    before = baseline.read_bytes()
    (project / "app" / "views.py").write_text("def broken(:\n", encoding="utf-8")
    assert main(["baseline", "--no-cache", "--prune"]) == 3
    assert baseline.read_bytes() == before
    assert "app/views.py" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "<<<<<<< HEAD\n", '{"version": 2}', "[]"])
def test_a_bad_baseline_is_one_line(project: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    baseline = project / "backlint-baseline.json"
    baseline.write_text(content, encoding="utf-8")
    for words in (["check", "--no-cache", "--output", "json=r.json"], ["baseline", "--no-cache", "--prune"]):
        assert main(words) == 2
        captured = capsys.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert baseline.read_text(encoding="utf-8") == content
    assert not (project / "r.json").exists()
    assert main(["baseline", "--no-cache"]) == 0, "it can be written anew"


def test_bad_places_for_a_baseline(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "--no-cache", "--output", "none/b.json"]) == 2
    assert main(["baseline", "--no-cache", "--output", "app"]) == 2
    assert main(["baseline", "--no-cache", "--prune"]) == 2
    assert capsys.readouterr().err.count("\n") == 3


def test_python_api(project: Path) -> None:
    report = backlint.check(project / "app")
    assert [(found.path, found.span.line) for found in report.findings] == [("app/views.py", 11)]
    assert backlint.check([project / "app" / "crud.py", str(project / "app" / "models.py")]).findings == ()
    other = project.parent / "other.toml"
    other.write_text('ignore = ["query-in-loop"]\n', encoding="utf-8")
    assert backlint.check(project, config=other).findings == ()
    assert main(["baseline", "--no-cache"]) == 0
    assert backlint.check(project).statistics.baselined == 1
    assert not (project / ".backlint_cache").exists()
    with pytest.raises(UsageError, match="no such file"):
        backlint.check(project / "none")
    with pytest.raises(UsageError, match="no paths"):
        backlint.check([])
    with pytest.raises(AttributeError, match="nothing"):
        backlint.nothing  # noqa: B018
