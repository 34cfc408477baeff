"""Source lines and columns as Python counts them, whatever the file holds."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.reporters.sources import SourceReader, character_column


@pytest.mark.parametrize(
    ("line", "offset", "column"),
    [
        ("abc", 0, 1),
        ("abc", 2, 3),
        ("é = x", 3, 3),
        ("世界 = x", 6, 3),
        ("👩x", 4, 2),
        ("世", 1, 1),
        ("é", 5, 5),
        ("", 4, 5),
    ],
)
def test_character_column(line: str, offset: int, column: int) -> None:
    assert character_column(line, offset) == column


@given(st.text(), st.data())
def test_character_column_undoes_encoding(line: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(line)))
    assert character_column(line, len(line[:index].encode())) == index + 1


@pytest.mark.parametrize(
    "source",
    [
        b"a = 1\r\nb = 2\rc = 3\nname = 4\n",
        b"\xef\xbb\xbfx = 1\nname = 2\n",
        b"# coding: latin-1\ns = '\xe9'; name = 3\n",
        b"#!/usr/bin/python\n# -*- coding: cp1252 -*-\ns = '\x80'; name = 3\n",
        "s = '\u2028\x0c\x85'\n\x0cname = 3\n".encode(),
        "é = 1; 世 = 2; name = 3\n".encode(),
    ],
)
def test_lines_agree_with_the_parser(source: bytes) -> None:
    reader = SourceReader(Path("/nowhere"), {"a.py": source})
    node = next(
        found for found in ast.walk(ast.parse(source)) if isinstance(found, ast.Name) and found.id == "name"
    )
    line = reader.line("a.py", node.lineno)
    column = character_column(line, node.col_offset)
    assert line[column - 1 : column + 3] == "name"


def test_reads_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"one\ntwo")
    reader = SourceReader(tmp_path)
    assert reader.line("a.py", 2) == "two"
    assert reader.line("a.py", 3) == ""
    assert reader.line("a.py", 0) == ""


def test_never_fails(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    (tmp_path / "coding").write_bytes(b"# coding: no-such-codec\nx = 1\n")
    (tmp_path / "odd").write_bytes(b"# coding: idna\nx = '\xff'\n")
    reader = SourceReader(tmp_path)
    for path in ("gone", "folder", "pipe", "loop", "a\0b", "x" * 5000):
        assert reader.line(path, 1) == ""
    assert reader.line("coding", 2) == "x = 1"
    assert reader.line("odd", 2).startswith("x = ")
    assert len(reader.lines("bytes")) == 3


def test_keeps_only_a_few_files(tmp_path: Path) -> None:
    contents = {f"{number}.py": str(number).encode() for number in range(30)}
    reader = SourceReader(tmp_path, contents)
    for number in [*range(30), *range(30)]:
        assert reader.line(f"{number}.py", 1) == str(number)
