"""Which report goes where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.cli.outputs import Output, plan_outputs, write_file
from backlint.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = ("text", "concise", "json")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("formats", "outputs", "expected"),
    [
        ([], [], [("text", None)]),
        (["json"], [], [("json", None)]),
        (["json", "json"], [], [("json", None)]),
        ([], ["r.txt"], [("text", "r.txt")]),
        (["json"], ["r.json"], [("json", "r.json")]),
        ([], ["json=r.json"], [("json", "r.json"), ("text", None)]),
        (["json"], ["json=r.json"], [("json", "r.json")]),
        (["text"], ["json=r.json"], [("json", "r.json"), ("text", None)]),
        (["json", "concise"], ["json=r.json"], [("json", "r.json"), ("concise", None)]),
        (["json", "concise"], ["json=r.json", "c"], [("json", "r.json"), ("concise", "c")]),
        ([], ["json=a", "concise=b"], [("json", "a"), ("concise", "b"), ("text", None)]),
        ([], ["json=-"], [("json", None)]),
        (["json"], ["-"], [("json", None)]),
        (["json"], ["./odd=name"], [("json", "odd=name")]),
    ],
)
def test_plan(
    here: Path, formats: list[str], outputs: list[str], expected: list[tuple[str, str | None]]
) -> None:
    planned = plan_outputs(formats, outputs, KNOWN)
    assert planned == tuple(Output(name, None if path is None else here / path) for name, path in expected)


@pytest.mark.parametrize(
    ("formats", "outputs", "message"),
    [
        (["json", "text"], [], "json and text can't both go to standard output"),
        (["json", "text"], ["r"], "say which format goes there"),
        (["json"], ["a", "b"], "say which format goes there"),
        ([], ["jsn=r"], 'there is no format "jsn"; did you mean "json"?'),
        ([], ["json="], "the path is missing"),
        ([], ["json=r", "text=r"], "two reports can't both go to"),
        ([], ["json=."], "is a folder"),
        ([], ["json=none/r"], "there is no folder"),
        (["text"], ["json=-"], "can't both go to standard output"),
    ],
)
@pytest.mark.usefixtures("here")
def test_contradictions(formats: list[str], outputs: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        plan_outputs(formats, outputs, KNOWN)
    assert message in str(caught.value)


def test_write_file(here: Path) -> None:
    write_file(here / "r", "é\udcff\n")
    assert (here / "r").read_bytes() == b"\xc3\xa9\\udcff\n"
    with pytest.raises(UsageError, match="can't be written"):
        write_file(here / "none" / "r", "")
