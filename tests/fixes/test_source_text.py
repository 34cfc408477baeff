import ast
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.finding import Span
from backlint.fixes.source import SourceText, read_source
from backlint.syntax.parse import ParseFailure


def span_of(node: ast.expr | ast.stmt) -> Span:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def test_lines_end_where_python_ends_them() -> None:
    source = SourceText("a.py", b"a = 1\r\nb = '\x0c'\rc = '\xe2\x80\xa8'\n")
    assert source.lines == ["a = 1", "b = '\x0c'", "c = '\u2028'", ""]


def test_segments_are_what_the_tree_says() -> None:
    data = 'début = "é😀"; after(début, 1)\r\nif x:\r\n    call(\r\n        "ü", y)\r\n'.encode()
    source = SourceText("a.py", data)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.expr | ast.stmt):
            text = source.segment(span_of(node))
            assert text == ast.get_source_segment("\n".join(source.lines), node)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfcall(1)\n",
        b"# coding: latin-1\nx = '\xe9'; call(1)\n",
    ],
)
def test_marks_and_other_encodings_do_not_move_columns(data: bytes) -> None:
    source = SourceText("a.py", data)
    call = next(node for node in ast.walk(source.tree) if isinstance(node, ast.Call))
    assert source.segment(span_of(call)) == "call(1)"


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20))
def test_columns_count_characters(text: str) -> None:
    source = SourceText("a.py", text.encode())
    if source.text != text:
        return
    for characters in range(len(text) + 1):
        assert source.byte_to_char_column(1, len(text[:characters].encode())) == characters


@given(st.binary(max_size=60), st.integers(-2, 6), st.integers(-2, 9), st.integers(-2, 6), st.integers(-2, 9))
def test_no_bytes_and_no_place_raise(data: bytes, line: int, column: int, end: int, end_column: int) -> None:
    source = SourceText("a.py", data)
    span = Span(line, column, end, end_column)
    assert source.segment(span) in "\n".join(source.lines)
    source.node_at(span)


def test_the_innermost_node_is_found() -> None:
    source = SourceText("a.py", b"def f():\n    save(x)\n")
    assert isinstance(source.node_at(Span(2, 4, 2, 11)), ast.Call)
    assert isinstance(source.node_at(Span(2, 4, 2, 8)), ast.Name)
    assert isinstance(source.node_at(Span(1, 0, 2, 11)), ast.FunctionDef)
    assert source.node_at(Span(2, 4, 2, 10)) is None


def test_a_file_without_a_tree_has_no_nodes_but_text() -> None:
    source = SourceText("a.py", b"def (:\n")
    with pytest.raises(ParseFailure):
        _ = source.tree
    assert source.node_at(Span(1, 0, 1, 3)) is None
    assert source.segment(Span(1, 0, 1, 3)) == "def"


def test_files_of_the_project_are_read(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.py").write_bytes(b"x = 1\n")
    source = read_source(tmp_path, "app/a.py")
    assert source is not None
    assert (source.path, source.data) == ("app/a.py", b"x = 1\n")


def test_nothing_outside_the_project_is_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret.py").write_text("x = 1\n")
    (root / "link.py").symlink_to(tmp_path / "secret.py")
    (root / "loop.py").symlink_to(root / "loop.py")
    os.mkfifo(root / "pipe.py")
    (root / "folder.py").mkdir()
    outside = str(tmp_path / "secret.py")
    for path in ("../secret.py", outside, "link.py", "loop.py", "pipe.py", "folder.py", "no.py", "a\0b", ""):
        assert read_source(root, path) is None
