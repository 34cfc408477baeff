"""What a diff review reads and links again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from backlint import run
from backlint.config.settings import Settings
from backlint.diff.changes import git_changes
from backlint.diff.review import review_change
from backlint.link.check import check_project

if TYPE_CHECKING:
    from backlint.link.outcome import Outcome
    from backlint.link.project import Project
    from backlint.report import Report


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has an element for each time a project is linked."""
    made: list[int] = []

    def counting(project: Project, rules: Any, *more: Any) -> Outcome:
        made.append(len(project.files))
        return check_project(project, rules, *more)

    monkeypatch.setattr("backlint.link.check.check_project", counting)
    return made


def request(work: Any) -> run.CheckRequest:
    return run.CheckRequest(
        paths=(work.root,),
        settings=Settings(root=work.root, select=("query-in-loop",)),
        cache_dir=work.root / "cache",
    )


def review(work: Any, staged: bool) -> Report:
    return review_change(request(work), git_changes(work.root, None, staged=staged))


def test_only_changed_files_are_read(work: Any, links: list[int]) -> None:
    (work.root / ".git" / "info" / "exclude").write_text("/cache/\n")
    run.check(request(work))
    links.clear()
    # Nothing changed: both revisions are the one of the run before.
    assert review(work, staged=False).statistics.summarised == 0
    assert links == []
    work.write(app__helpers=work.querying_helper, app__direct=work.direct)
    work.git("add", "-A")
    report = review(work, staged=True)
    assert report.statistics.summarised == 2
    assert report.statistics.files == 2
    assert len(report.findings) == 2
    assert links == [5]
    # The head of one review is the base of the next.
    work.commit()
    links.clear()
    work.write(app__views=work.loop + "\n\nLIMIT = 1\n")
    work.git("add", "-A")
    assert review(work, staged=True).statistics.summarised == 1
    assert links == [5]


def test_cold_cache_reads_each_file_once_and_changed_ones_twice(work: Any, links: list[int]) -> None:
    work.write(app__helpers=work.querying_helper)
    assert review(work, staged=False).statistics.summarised == 5
    assert links == [4, 4]
