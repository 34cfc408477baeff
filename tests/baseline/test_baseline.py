"""The file of known findings: what it recognises, and what it refuses."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import msgspec
import pytest

from backlint.baseline import Entry, default_baseline, entry_of, read_baseline, split, write_baseline
from backlint.errors import UsageError
from backlint.finding import Confidence, Evidence, Finding, Severity, Span
from backlint.fixes.source import SourceText
from backlint.select.fingerprint import fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Sources = Callable[[str], SourceText | None]

VIEWS = """\
from app.crud import get_author

def show(posts):
    for post in posts:
        get_author(post.author_id)
"""
CRUD = """\
def get_author(key):
    return session.get(Author, key)

def other():
    pass
"""


def sources(**files: str) -> Sources:
    def source(path: str) -> SourceText | None:
        name = path.removeprefix("app/").removesuffix(".py")
        return SourceText(path, files[name].encode()) if name in files else None

    return source


def span_of(text: str, part: str) -> Span:
    lines = text.splitlines()
    line = next(number for number, line in enumerate(lines, 1) if part in line)
    column = lines[line - 1].index(part)
    return Span(line, column, line, column + len(part))


def made(
    read: Sources,
    path: str = "app/views.py",
    call: str = "get_author(post.author_id)",
    query: str = "session.get",
) -> Finding:
    """The finding in `path`, with its evidence in crud.py, as the two files stand."""
    views, crud = read(path), read("app/crud.py")
    assert views is not None
    assert crud is not None
    line = next(line for line in crud.text.splitlines() if query in line).strip()
    finding = Finding(
        rule="query-in-loop",
        family="data",
        path=path,
        span=span_of(views.text, call),
        message=f"`get_author` queries the database, at line {span_of(crud.text, query).line}",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        symbol="show",
        evidence=(
            Evidence(path, span_of(views.text, "for post in posts:"), "the loop"),
            Evidence("app/crud.py", span_of(crud.text, line), "the query"),
        ),
    )
    return msgspec.structs.replace(finding, fingerprint=fingerprints([finding], read)[0])


@pytest.fixture
def before() -> Sources:
    return sources(views=VIEWS, crud=CRUD)


@pytest.fixture
def entries(before: Sources) -> list[Entry]:
    return [entry_of(made(before), before)]


def known(finding: Finding, entries: list[Entry], read: Sources) -> bool:
    result = split([finding], entries, read)
    assert len(result.known) + len(result.new) == 1
    assert len(result.stale) == len(result.new)
    return bool(result.known)


def test_the_same_finding_is_known(entries: list[Entry], before: Sources) -> None:
    assert known(made(before), entries, before)


def test_edits_above_and_reformatting_change_nothing(entries: list[Entry]) -> None:
    views = VIEWS.replace("\n\n", "\n\nimport os\n\n\n\n").replace("get_author(post", "get_author(  post")
    crud = '"""Queries."""\n\n' + CRUD.replace(
        "session.get(Author, key)", "session.get(\n        Author, key\n    )"
    )
    read = sources(views=views, crud=CRUD)
    assert known(made(read, call="get_author(  post.author_id)"), entries, read)
    finding = made(sources(views=VIEWS, crud='"""Queries."""\n\n' + CRUD))
    moved = sources(views=VIEWS, crud=crud)
    wide = msgspec.structs.replace(finding.evidence[1], span=Span(4, 4, 6, 5))
    changed = msgspec.structs.replace(finding, evidence=(finding.evidence[0], wide))
    assert known(changed, entries, moved)


@pytest.mark.parametrize(
    "crud",
    [
        CRUD.replace("session.get(Author, key)", "session.get(Author, key, with_for_update=True)"),
        CRUD.replace("def get_author", "def get_person"),
    ],
)
def test_other_evidence_is_a_new_finding(entries: list[Entry], crud: str) -> None:
    read = sources(views=VIEWS, crud=crud)
    assert not known(made(read), entries, read)


def test_less_evidence_is_a_new_finding(entries: list[Entry], before: Sources) -> None:
    finding = made(before)
    shorter = msgspec.structs.replace(finding, evidence=finding.evidence[:1])
    assert not known(shorter, entries, before)


def test_other_code_is_a_new_finding(entries: list[Entry]) -> None:
    read = sources(views=VIEWS.replace("post.author_id", "post.editor_id"), crud=CRUD)
    assert not known(made(read, call="get_author(post.editor_id)"), entries, read)


def test_severity_confidence_and_words_do_not_matter(entries: list[Entry], before: Sources) -> None:
    finding = msgspec.structs.replace(
        made(before), severity=Severity.NOTE, confidence=Confidence.LOW, message="other words", advice="x"
    )
    assert known(finding, entries, before)


def test_a_renamed_file_keeps_its_findings(entries: list[Entry]) -> None:
    read = sources(pages=VIEWS, crud=CRUD)
    assert known(made(read, "app/pages.py"), entries, read)


def test_a_copied_file_has_new_findings(entries: list[Entry]) -> None:
    read = sources(views="", pages=VIEWS, crud=CRUD)
    assert not known(made(read, "app/pages.py"), entries, read)


def test_an_entry_answers_for_one_finding(entries: list[Entry]) -> None:
    read = sources(one=VIEWS, two=VIEWS, crud=CRUD)
    result = split([made(read, "app/one.py"), made(read, "app/two.py")], entries, read)
    assert ([found.path for found in result.known], len(result.new)) == (["app/one.py"], 1)


def test_what_is_gone_is_stale(entries: list[Entry], before: Sources) -> None:
    assert split([], entries, before).stale == tuple(entries)


def test_the_file_holds_no_line_numbers_and_is_stable(
    entries: list[Entry], before: Sources, tmp_path: Path
) -> None:
    others = [msgspec.structs.replace(entries[0], path=path) for path in ("b.py", "a.py", "b.py")]
    path = tmp_path / "b.json"
    write_baseline(path, [*entries, *others])
    first = path.read_bytes()
    write_baseline(path, [*others[::-1], *entries])
    assert path.read_bytes() == first
    assert [entry.path for entry in read_baseline(path)] == ["a.py", "app/views.py", "b.py"]
    lines = first.decode().splitlines()
    assert sum(line.strip().startswith('"message"') for line in lines) == 3
    assert "`get_author` queries the database, at line …" in first.decode()
    findings = json.loads(first)["findings"]
    assert list(findings[0]) == ["path", "rule", "symbol", "fingerprint", "snippet", "evidence", "message"]


def test_writing_keeps_the_file_mode(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    write_baseline(path, [])
    path.chmod(0o640)
    write_baseline(path, [])
    assert path.stat().st_mode & 0o777 == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["b.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="can't be written"):
        write_baseline(tmp_path / "b.json", [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no baseline"),
        (b"not json", "no baseline: JSON is malformed"),
        (b"[]", "no baseline"),
        (b"\xff\xfe", "no baseline"),
        (b'{"findings": []}', "missing required field `version`"),
        (b'{"version": 2, "entries": {}}', "version 2, and this backlint reads 1; write it anew"),
        (b'{"version": 1, "findings": [{"rule": "x"}]}', "no baseline"),
        (b'{"version": 1, "findings": [], "extra": 1}', "no baseline"),
        (b'{\n<<<<<<< HEAD\n"version": 1\n=======\n}', ":2: the baseline has merge markers"),
        (b"{\r\n=======\r\n}", ":2: the baseline has merge markers"),
    ],
)
def test_what_is_no_baseline(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_baseline(path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        read_baseline(tmp_path / "b.json")
    assert default_baseline(tmp_path) is None
    write_baseline(tmp_path / "backlint-baseline.json", [])
    assert default_baseline(tmp_path) == tmp_path / "backlint-baseline.json"
