"""Summaries and links of whatever source text: real files, pieces of them, and mutations."""

from __future__ import annotations

import ast
import os
import random
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlint.link.check import check_project
from backlint.link.project import Project
from backlint.registry import load_rules
from backlint.summarise.file import FileOutcome, FileTask, summarise
from backlint.summary import FileKind, FileSummary, decode, encode
from backlint.term import Attr, Call, Const, Item, Join, Local
from backlint.testing import catalogue, summarise_files

if TYPE_CHECKING:
    from backlint.link.outcome import Outcome
    from backlint.testing.project import SummarisedFiles

REPOSITORY = Path(__file__).parents[2]
SOURCES = (REPOSITORY / "fixtures" / "projects", REPOSITORY / "tests", REPOSITORY / "linter")
TOKENS = (
    *("(", ")", "[", "]", "{", "}", ":", ",", ".", "=", "==", ":=", "->", "@", "*", "**", "%", "+", "-", "~"),
    *(
        "\\",
        "'",
        '"',
        '"""',
        "é",
        "𝒳",
        "...",
        "0x",
        "1e999",
        "9" * 400,
        "b'\\xff'",
        "f'{x!r:{y}}'",
        "x: 'x['",
    ),
    *("lambda", "yield", "await", "async", "return", "case", "try:", "except*", "finally:", "super()"),
    *(
        "x: 'x['",
        "def f():",
        "class A(A):",
        "for x in x:",
        "global x",
        "del x",
        "match x:",
        "with x as x:",
        "# type:",
    ),
    *(
        "import a.b.a",
        "from . import *",
        "__all__ = [",
        "if TYPE_CHECKING:",
        "# backlint: ignore[",
        "# type:",
    ),
    *("\n", "\n    ", "\t", " ", "\r", "\f", "\ufeff", "\x00"),
)
PATHS = (
    "app/main.py",
    "app/__init__.py",
    "app/models.py",
    "app/api/routes.py",
    "lib/app/main.py",
    "tests/test_app.py",
)
EXAMPLES = int(os.environ.get("BACKLINT_FUZZ_EXAMPLES", "60"))
"""Inputs for each of the tests below, by default as many as every run can bear."""
many = settings(deadline=None, max_examples=EXAMPLES, print_blob=True)


@cache
def files() -> tuple[str, ...]:
    """The text of every Python file at hand, in order of path."""
    paths = sorted(path for folder in SOURCES for path in folder.rglob("*.py"))
    return tuple(path.read_text(encoding="utf-8") for path in paths)


@cache
def fragments() -> tuple[str, ...]:
    """Top-level statements of these files, and the statements inside their functions and classes."""
    found: dict[str, None] = {}
    for text in files():
        for node in ast.walk(ast.parse(text)):
            body = getattr(node, "body", None)
            for statement in body if isinstance(body, list) else ():
                found[ast.unparse(statement)] = None
    return tuple(found)


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Statements of several files, some of them moved into a function, loop, class or branch."""
    lines: list[str] = []
    for fragment in draw(st.lists(st.sampled_from(fragments()), min_size=1, max_size=8)):
        heads = draw(st.sampled_from(HEADS))
        for depth, head in enumerate(heads):
            lines.append("    " * depth + head)
        lines += ["    " * len(heads) + line for line in fragment.split("\n")]
    return "\n".join(lines) + "\n"


HEADS: tuple[tuple[str, ...], ...] = (
    (),
    ("def function(request, db, *args, **kwargs):",),
    ("async def function(self):", "async for item in self.items():"),
    ("class Inner(Base, metaclass=Meta):", "def method(self):"),
    ("for index, (key, value) in enumerate(items):", "if key:"),
    ("with open(path) as file, lock:",),
    ("while (chunk := read()):",),
)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A real file with a few places overwritten, cut out or doubled."""
    text = draw(st.sampled_from(files()))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        other = draw(st.sampled_from((*TOKENS, text[start:end] * 2, "")))
        text = text[:start] + other + text[end:]
    return text


@pytest.fixture(scope="session", autouse=True)
def _prepared() -> None:
    """Read the files outside the time that hypothesis measures."""
    fragments()


def summary_of(data: bytes) -> FileOutcome:
    rules = [info.cls for info in load_rules().rules.values()]
    return summarise(FileTask("app/main.py", "app.main", False, FileKind.SOURCE, data), rules)


def check_indices(summary: FileSummary) -> None:
    """Every index in a summary points at something."""
    terms, functions = range(len(summary.terms)), range(len(summary.functions))
    for row in summary.terms:
        match row:
            case Attr(base) | Local(_, base):
                assert base in terms
            case Call(function, arguments, keywords):
                assert {function, *arguments, *(value for _, value in keywords)} <= set(terms)
            case Item(base, key):
                assert {base, key} <= set(terms)
            case Join(options):
                assert set(options) <= set(terms)
                assert len(options) > 1
    for code in summary.functions:
        assert -1 <= code.parent < len(functions)
        assert -1 <= code.cls < len(summary.classes)
        assert code.blocks[0].parent == -1
        for number, block in enumerate(code.blocks[1:], start=1):
            assert 0 <= block.parent < number
            assert set(block.terms) <= set(terms)
        for event in code.events:
            assert 0 <= event.block < len(code.blocks)
            assert -1 <= event.term < len(terms)
            assert -1 <= event.value < len(terms)
    for cls in summary.classes:
        assert all(functions[index] for index in cls.methods)
        assert {attribute.value for attribute in cls.attributes} <= {-1, *terms}


def check_summary(text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    found = summary_of(data)
    if found.summary is None:
        assert found.notices
        return
    encoded = encode(found.summary)
    assert decode(encoded) == found.summary
    assert encode(decode(encoded)) == encoded
    assert found.notices == ()
    check_indices(found.summary)
    assert summary_of(data) == found


@pytest.mark.parametrize("number", range(5))
def test_real_files(number: int) -> None:
    for text in files()[number::5]:
        check_summary(text)


@many
@given(programs())
def test_programs_of_real_statements(text: str) -> None:
    ast.parse(text)
    check_summary(text)


@many
@given(mutations())
def test_mutated_files(text: str) -> None:
    check_summary(text)


@many
@given(st.binary(max_size=300) | st.text(max_size=200))
def test_any_bytes_and_any_text(text: str | bytes) -> None:
    check_summary(text)


@many
@given(st.floats(allow_nan=False) | st.integers() | st.text(st.characters(codec=None)) | st.binary())
def test_any_constant(value: float | str | bytes) -> None:
    found = summary_of(f"x = [{value!r}, 1e999, None]\n".encode("utf-8", "surrogatepass"))
    assert found.summary is not None
    assert decode(encode(found.summary)) == found.summary
    assert Const(None) in found.summary.terms


def linked(read: SummarisedFiles, seed: int | None = None) -> Outcome:
    pairs = list(read.summaries)
    if seed is not None:
        random.Random(seed).shuffle(pairs)
    return check_project(Project(pairs, catalogue()), load_rules().rules.values())


def read(texts: list[str]) -> SummarisedFiles:
    return summarise_files(
        {path: text.encode("utf-8", "surrogatepass") for path, text in zip(PATHS, texts, strict=False)}
    )


@many
@given(st.lists(programs(), min_size=1, max_size=len(PATHS)), st.integers(0, 9))
def test_programs_are_linked(texts: list[str], seed: int) -> None:
    summarised = read(texts)
    found = linked(summarised)
    assert found.notices == ()
    assert linked(summarised, seed) == found


@many
@given(st.lists(mutations(), min_size=1, max_size=3), st.integers(0, 9))
def test_mutated_files_are_linked(texts: list[str], seed: int) -> None:
    summarised = read(texts)
    found = linked(summarised)
    assert found.notices == ()
    assert linked(summarised, seed) == found


@settings(many, max_examples=8)
@given(st.randoms(use_true_random=False))
def test_the_order_of_files_makes_no_difference(generator: random.Random) -> None:
    texts = {f"app/module_{number}.py": text.encode() for number, text in enumerate(files()[:60])}
    summarised = summarise_files(texts)
    assert linked(summarised, generator.randrange(1000)) == linked(summarised)
