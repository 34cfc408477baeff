"""Colours, encodings and the progress bar."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from backlint.cli import progress, terminal
from backlint.cli.paths import relative_name, start_folder
from backlint.cli.progress import ProgressBar
from backlint.errors import UsageError


@pytest.mark.parametrize(
    ("choice", "is_terminal", "environment", "expected"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("auto", False, {"FORCE_COLOR": "1"}, True),
        ("auto", False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colours(choice: str, is_terminal: bool, environment: dict[str, str], expected: bool) -> None:
    assert terminal.wants_color(choice, is_terminal, environment) is expected


def test_width_is_that_of_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "66")
    stream = io.StringIO()
    assert terminal.terminal_width(stream) == 0
    monkeypatch.setattr(stream, "isatty", lambda: True)
    assert terminal.terminal_width(stream) == 66
    assert terminal.terminal_width(None) == 0


def test_characters_that_the_encoding_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    terminal.write("é\n")
    terminal.write("é\n", utf8=True)
    assert raw.getvalue() == b"\\xe9\n\xc3\xa9\n"


def test_a_stream_of_text_only(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    terminal.write("é\n")
    assert stream.getvalue() == "é\n"


def test_progress_appears_after_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    with ProgressBar(clock=lambda: now) as bar:
        bar(1, 10)
        assert not bar.visible
        now = progress.DELAY + 0.1
        bar(10, 10)
        assert not bar.visible
        bar(5, 10)
        assert bar.visible
        bar(10, 10)
    assert capsys.readouterr().out == ""


def test_a_short_run_never_imports_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    with ProgressBar(clock=lambda: 0.0) as bar:
        bar(1, 2)
        bar(2, 2)


def test_start_folder(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    file = tmp_path / "a" / "x.py"
    file.touch()
    assert start_folder([file]) == tmp_path / "a"
    assert start_folder([tmp_path / "a" / "b", file]) == tmp_path / "a"
    assert start_folder([Path("/")]) == Path("/")
    with pytest.raises(UsageError, match="not in one project"):
        start_folder([Path("/usr"), Path("/dev")])


def test_relative_name(tmp_path: Path) -> None:
    assert relative_name(tmp_path / "a" / "b.py", tmp_path) == "a/b.py"
    with pytest.raises(UsageError, match="is not in the project"):
        relative_name(tmp_path, tmp_path / "a")
