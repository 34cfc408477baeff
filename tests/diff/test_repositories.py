"""Diff reviews in every kind of repository, and of none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

DIRECT = ("app/direct.py", 9, "query-in-loop")
SELECT = ("--select", "query-in-loop")


def fails(work: Any, *words: str, standard_input: str | bytes = "") -> str:
    """The one line on standard error of a run that ends with status 2."""
    result = work.check(*SELECT, *words, standard_input=standard_input)
    assert (result.status, result.output) == (2, "")
    assert result.error.startswith("backlint: ")
    assert result.error.count("\n") == 1
    message: str = result.error
    return message


def clone(work: Any, target: Path, *words: str) -> Any:
    work.git("clone", "-q", *words, work.root.as_uri(), str(target))
    return work.at(target)


def test_base_is_where_the_branch_left_the_default_branch(work: Any, tmp_path: Path) -> None:
    other = clone(work, tmp_path / "clone")
    other.git("checkout", "-qb", "feature")
    other.write(app__direct=other.direct)
    other.commit()
    # What happens on the default branch meanwhile is not of the feature's making.
    work.write(app__helpers=work.querying_helper)
    work.commit()
    other.git("fetch", "-q")
    assert other.check(*SELECT, "--diff").found == [DIRECT]
    assert other.check(*SELECT, "--diff", "origin/main").found == [DIRECT]
    assert other.check(*SELECT, "--diff", "HEAD").found == []


def test_default_branch_without_a_remote(work: Any) -> None:
    work.git("branch", "-m", "main", "master")
    work.git("checkout", "-qb", "feature")
    work.write(app__direct=work.direct)
    work.commit()
    assert work.check(*SELECT, "--diff").found == [DIRECT]
    work.git("branch", "-m", "master", "trunk")
    assert "name one: --diff BASE" in fails(work, "--diff")
    assert work.check(*SELECT, "--diff", "trunk").found == [DIRECT]


def test_untracked_files_are_part_of_the_change(work: Any) -> None:
    work.write(app__direct=work.direct)
    assert work.check(*SELECT, "--diff").found == [DIRECT]
    assert work.check(*SELECT, "--staged").found == []


def test_staged_content_counts_not_the_work_tree(work: Any) -> None:
    work.write(app__direct=work.direct)
    work.git("add", "app/direct.py")
    work.write(app__direct="\n\n\nvalue = 1\n", app__untracked=work.direct)
    result = work.check(*SELECT, "--diff", "--staged")
    assert result.found == [DIRECT]
    work.write(app__direct=None)
    assert work.check(*SELECT, "--staged").found == [DIRECT]
    # The other way round: the fault is in the work tree only.
    work.write(app__direct="value = 1\n")
    work.git("add", "app/direct.py")
    work.write(app__direct=work.direct, app__helpers=work.querying_helper)
    assert work.check(*SELECT, "--staged").found == []


def test_code_frames_show_staged_content(work: Any) -> None:
    work.write(app__direct=work.direct)
    work.git("add", "app/direct.py")
    work.write(app__direct="# nothing\n" * 20)
    result = work.check(*SELECT, "--staged", "--output", "text=report.txt", "--output", "json=-")
    assert result.found == [DIRECT]
    text = (work.root / "report.txt").read_text(encoding="utf-8")
    assert "session.get(Author, number)" in text
    assert "# nothing" not in text


def test_staged_against_a_branch(work: Any) -> None:
    work.git("checkout", "-qb", "feature")
    work.write(app__direct=work.direct)
    work.commit()
    assert work.check(*SELECT, "--staged").found == []
    assert work.check(*SELECT, "--staged", "--diff", "main").found == [DIRECT]


def test_index_of_a_commit_under_way(work: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git commit --all` gives its hooks an index of their own."""
    work.write(app__direct=work.direct)
    index = work.root / ".git" / "next-index-1.lock"
    work.git("add", "-A", GIT_INDEX_FILE=str(index))
    assert work.check(*SELECT, "--staged").found == []
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/next-index-1.lock")
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_PREFIX", "")
    assert work.check(*SELECT, "--staged").found == [DIRECT]
    # An index of another repository, whose hook started us, says nothing about this one.
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "elsewhere" / "index"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert work.check(*SELECT, "--staged").found == []


def test_first_commit(work: Any, tmp_path: Path) -> None:
    new = work.at(tmp_path / "new")
    new.root.mkdir()
    new.git("init", "-q")
    new.write(app__direct=work.direct, app__models=(work.root / "app/models.py").read_text())
    new.git("add", "-A")
    assert new.check(*SELECT, "--staged").found == [DIRECT]
    assert new.check(*SELECT, "--diff").found == [DIRECT]
    assert "no commit yet" in fails(new, "--diff", "HEAD")


def test_shallow_clone_says_how_to_deepen(work: Any, tmp_path: Path) -> None:
    for number in range(3):
        work.write(app__more=f"value = {number}\n")
        work.commit()
    work.git("checkout", "-qb", "feature")
    work.write(app__direct=work.direct)
    work.commit()
    work.git("checkout", "-q", "main")
    work.write(app__more="value = 10\n")
    work.commit()
    shallow = clone(work, tmp_path / "shallow", "--depth=1", "--branch=feature")
    message = fails(shallow, "--diff", "origin/main")
    assert '"origin/main" in this shallow clone' in message
    assert "git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'" in message
    assert "git fetch --unshallow" in fails(shallow, "--diff")
    # The branch is there, but not the commit where they parted.
    shallow.git("fetch", "-q", "--depth=1", "origin", "+refs/heads/main:refs/remotes/origin/main")
    message = fails(shallow, "--diff", "origin/main")
    assert "does not reach back to where HEAD left origin/main" in message
    assert "git fetch --deepen=100" in message
    shallow.git("fetch", "-q", "--deepen=100")
    assert shallow.check(*SELECT, "--diff", "origin/main").found == [DIRECT]
    # What needs no history works in any clone.
    assert shallow.check(*SELECT, "--diff", "HEAD").found == []


def test_detached_head(work: Any) -> None:
    work.git("checkout", "-q", "--detach")
    work.write(app__direct=work.direct)
    work.commit()
    assert work.check(*SELECT, "--diff").found == [DIRECT]


def test_linked_worktree(work: Any, tmp_path: Path) -> None:
    work.git("worktree", "add", "-q", "-b", "feature", str(tmp_path / "linked"))
    linked = work.at(tmp_path / "linked")
    linked.write(app__direct=work.direct)
    linked.git("add", "-A")
    assert linked.check(*SELECT, "--staged").found == [DIRECT]
    assert linked.check(*SELECT, "--diff").found == [DIRECT]
    assert work.check(*SELECT, "--staged").found == []


def test_submodule(work: Any, tmp_path: Path) -> None:
    outer = work.at(tmp_path / "outer")
    outer.root.mkdir()
    outer.git("init", "-q", "-b", "main")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", work.root.as_uri(), "inner")
    outer.commit()
    inner = work.at(outer.root / "inner")
    inner.write(app__direct=work.direct)
    inner.git("add", "-A")
    assert inner.check(*SELECT, "--diff").found == [DIRECT]
    assert inner.check(*SELECT, "--staged").found == [DIRECT]
    # The outer repository sees another commit of the submodule, and none of its files.
    inner.commit()
    assert outer.check(*SELECT, "--diff").status == 0


def test_project_in_a_folder_of_the_repository(work: Any, tmp_path: Path) -> None:
    top = work.at(tmp_path / "top")
    service = work.at(top.root / "services" / "billing")
    service.write(app__models=(work.root / "app/models.py").read_text(), app__old=work.direct)
    (service.root / "backlint.toml").write_text('profile = "review"\n')
    top.write(other=work.direct)
    top.git("init", "-q", "-b", "main")
    top.commit()
    top.git("mv", "services/billing/app/old.py", "services/billing/app/new.py")
    top.write(other=work.direct + "\n" + work.direct)
    service.write(app__direct=work.direct.replace("names", "labels"))
    top.git("add", "-A")
    assert service.check(*SELECT, "--diff").found == [DIRECT]
    assert service.check(*SELECT, "--staged").found == [DIRECT]
    patch = top.git("diff", "--cached")
    assert service.check(*SELECT, "--diff", "-", standard_input=patch).found == [DIRECT]


def test_outside_a_repository(work: Any, tmp_path: Path) -> None:
    plain = work.at(tmp_path / "plain")
    plain.write(app__direct=work.direct)
    message = fails(plain, "--diff")
    assert "no work tree of a git repository" in message
    assert "--diff -" in message
    assert "no work tree" in fails(plain, "--staged")


def test_missing_git(work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "git can't be run" in fails(work, "--diff")


@pytest.mark.parametrize("base", ["nowhere", "HEAD~99", "main..HEAD", "a\nb", ":/first:x", "@{-1}"])
def test_base_that_does_not_exist(work: Any, base: str) -> None:
    assert "there is no commit" in fails(work, f"--diff={base}")


def test_path_taken_for_a_base(work: Any) -> None:
    assert "app/views.py --diff" in fails(work, "--diff", "app/views.py")


def test_unrelated_histories(work: Any) -> None:
    work.git("checkout", "-q", "--orphan", "other")
    work.commit()
    assert "no commit in common" in fails(work, "--diff", "main")


@pytest.mark.parametrize(
    "words",
    [("-", "--diff"), ("--diff", "-", "--staged"), ("-", "--staged")],
)
def test_options_that_contradict_each_other(work: Any, words: tuple[str, ...]) -> None:
    fails(work, *words)


HOSTILE = ["-x.py", "a b.py", "tab\tnew\nline.py", 'quo"te\\.py', "ä€.py", "$(touch gotcha).py", "a b/b.py"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names(work: Any, name: str) -> None:
    path = work.root / "app" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(work.direct)
    expected = [(f"app/{name}", 9, "query-in-loop")]
    assert work.check(*SELECT, "--diff").found == expected
    work.git("add", "-A")
    assert work.check(*SELECT, "--staged").found == expected
    patch = work.git("diff", "--cached")
    assert work.check(*SELECT, "--diff", "-", standard_input=patch).found == expected
    work.commit()
    path.write_text(work.direct.replace("number).name", "number).id"))
    assert work.check(*SELECT, "--diff").found == []
    assert not (work.root / "gotcha").exists()


def test_name_that_is_no_text(work: Any) -> None:
    raw = os.fsencode(work.root) + b"/app/\xff.py"
    try:
        with open(raw, "w") as file:  # noqa: PTH123
            file.write(work.direct)
    except OSError:
        pytest.skip("the file system takes only names that are UTF-8")
    work.write(app__direct=work.direct)
    result = work.check(*SELECT, "--diff")
    assert result.found == [DIRECT]


def test_settings_of_the_repository_do_not_matter(work: Any) -> None:
    for setting in (
        "diff.noprefix=true",
        "diff.renames=false",
        "color.ui=always",
        "diff.external=/bin/false",
        "diff.interHunkContext=10",
        "core.quotePath=false",
        "diff.relative=true",
        "diff.wordRegex=.",
        "core.fsmonitor=touch gotcha",
    ):
        work.git("config", *setting.split("=", 1))
    work.write(app__direct=work.direct)
    work.commit()
    work.git("mv", "app/direct.py", "app/moved.py")
    work.write(app__helpers=work.querying_helper)
    (work.root / "gotcha").unlink(missing_ok=True)
    assert work.check(*SELECT, "--diff", "HEAD").found == [("app/helpers.py", 7, "query-in-loop")]
    assert not (work.root / "gotcha").exists()


def test_links_are_not_followed(work: Any, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text(work.direct)
    (work.root / "app" / "link.py").symlink_to(tmp_path / "outside.py")
    assert work.check(*SELECT, "--diff").found == []
    work.git("add", "-A")
    assert work.check(*SELECT, "--staged").found == []
    patch = work.git("diff", "--cached")
    assert work.check(*SELECT, "--diff", "-", standard_input=patch).found == []
