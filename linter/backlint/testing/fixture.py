"""Reads Markdown fixtures: what a rule must report, and where it must be silent.

A fixture is one file for one rule:

    # rule-id
    ## Bad          published in the documentation; every line to be reported is marked
    ## Good         published too; nothing may be reported
    ## Cases        one `###` heading a case

`###` headings split `Bad` and `Good` into cases as well. The fences of a case are its files: a line
that holds nothing but `` `app/helpers.py`: `` before a fence names the file, and the one fence
without a name is `app/main.py`. A fence of another language is read as a file where it is named
(`requirements.txt`, `pyproject.toml`; `backlint.toml` configures the case). ```` ```py fixed ```` holds
the file as it must be after the findings' fixes.

A marker at the end of a line says what is reported there; several are separated by commas:

    # finding                       any finding
    # finding: "part of message"    one whose message contains the text
    # finding[high]                 of that confidence; `[error]`, `[note, low]` with a severity
    # todo-finding                  a known miss, which fails as soon as it is found
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

import msgspec

from backlint.testing.markers import Expectation, FixtureError, take_markers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT_PATH = "app/main.py"
CONFIGURATION = "backlint.toml"
_LEFT_OUT = "projects"

_FENCE = re.compile(r"(?P<indent> {0,3})(?P<mark>`{3,}|~{3,})\s*(?P<info>[^`]*?)\s*")
_LABEL = re.compile(r"\s*`(?P<path>[^`\s]+)`:?\s*")
_HEADING = re.compile(r"(?P<level>#{1,6})\s+(?P<title>.+?)\s*#*\s*")
_SECTIONS = ("Bad", "Good", "Cases")
_PYTHON = frozenset(("py", "python"))


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Files of one small project, and what the rule must say of them."""

    rule: str
    section: str
    """`Bad`, `Good` or `Cases`."""
    heading: str
    """Empty for what stands right below `Bad` or `Good`."""
    fixture: str
    line: int
    """Where the case begins in the fixture."""
    files: dict[str, bytes]
    """By path, markers taken out."""
    first_lines: dict[str, int]
    """The fixture's line that holds the first line of each file."""
    expected: tuple[Expectation, ...]
    fixed: dict[str, str]
    """Text of files after the fixes, by path."""

    @property
    def name(self) -> str:
        """Unique in the fixture: `Bad`, `Good`, `Good: with a cursor`, or the heading of a case."""
        if self.section == "Cases":
            return self.heading
        return f"{self.section}: {self.heading}" if self.heading else self.section


class Fixture(msgspec.Struct, frozen=True):
    """All cases of one rule."""

    path: str
    rule: str
    cases: tuple[Case, ...]

    def section(self, name: str) -> tuple[Case, ...]:
        return tuple(case for case in self.cases if case.section == name)


class _Fence(msgspec.Struct):
    """A fenced block: `line` is that of its first line of content."""

    line: int
    info: str
    path: str
    text: str


class _Part(msgspec.Struct):
    """What stands between two headings."""

    section: str
    heading: str
    line: int
    fences: list[_Fence]


def find_fixtures(folder: Path) -> list[Path]:
    """Every Markdown file below `folder`, apart from those of sample projects in `projects/`, in order."""
    return [path for path in sorted(folder.rglob("*.md")) if path.relative_to(folder).parts[0] != _LEFT_OUT]


def read_fixture(path: Path) -> Fixture:
    """Read one fixture.

    Raises:
        FixtureError: it is not written as the format wants it; names file and line.
        OSError: it can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise FixtureError(f"{path}:1: the fixture is not UTF-8: {error}") from None
    return parse_fixture(text, str(path))


def parse_fixture(text: str, name: str) -> Fixture:
    """Read a fixture's text; `name` stands for the file in messages.

    Raises:
        FixtureError: as `read_fixture`.
    """
    rule, parts = _split(text, name)
    cases: list[Case] = []
    names: set[str] = set()
    for part in parts:
        if not part.fences:
            if part.heading:
                _fail(name, part.line, f"the case {part.heading!r} has no code")
            continue
        case = _case(part, rule, name)
        if case.name in names:
            _fail(name, part.line, f"there are two cases called {case.name!r}")
        names.add(case.name)
        cases.append(case)
    fixture = Fixture(name, rule, tuple(cases))
    for section in ("Bad", "Good"):
        if not fixture.section(section):
            _fail(name, 1, f"the section `## {section}` is missing or has no code")
    _check_sections(fixture)
    return fixture


def _check_sections(fixture: Fixture) -> None:
    for case in fixture.section("Bad"):
        if not any(not expected.todo for expected in case.expected):
            _fail(fixture.path, case.line, "`## Bad` marks no line with `# finding`")
    for case in fixture.section("Good"):
        if case.expected:
            wrong = case.expected[0]
            line = case.first_lines[wrong.path] + wrong.line - 1
            _fail(fixture.path, line, "`## Good` may not hold a finding")


def _split(text: str, name: str) -> tuple[str, list[_Part]]:
    """The rule's id, and the document by headings."""
    rule = ""
    parts: list[_Part] = []
    section = ""
    label = ""
    lines = enumerate(text.splitlines(), start=1)
    for number, line in lines:
        opening = _FENCE.fullmatch(line)
        if opening is not None:
            fence = _read_fence(lines, opening, number, label, name)
            label = ""
            if not parts:
                _fail(name, number, "code stands before the first of the sections Bad, Good and Cases")
            if section == "Cases" and not parts[-1].heading:
                _fail(name, number, "code in `## Cases` needs a `###` heading above it")
            parts[-1].fences.append(fence)
            continue
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            label = ""
            title = heading["title"].strip("`")
            if heading["level"] == "#":
                if rule:
                    _fail(name, number, "a fixture is about one rule, and this is a second `#` heading")
                rule = title
            elif heading["level"] == "##":
                if title not in _SECTIONS:
                    _fail(name, number, f"unknown section {title!r}: there are Bad, Good and Cases")
                section = title
                parts.append(_Part(section, "", number, []))
            else:
                if not section:
                    _fail(name, number, "this heading stands before the first section")
                parts.append(_Part(section, heading["title"], number, []))
            continue
        labelled = _LABEL.fullmatch(line)
        if labelled is not None:
            label = labelled["path"]
        elif line.strip():
            label = ""
    if not rule:
        _fail(name, 1, "the first heading must be `# rule-id`")
    return rule, parts


def _read_fence(
    lines: Iterator[tuple[int, str]], opening: re.Match[str], number: int, label: str, name: str
) -> _Fence:
    mark = opening["mark"]
    closing = re.compile(rf" {{0,3}}{re.escape(mark[0])}{{{len(mark)},}}\s*")
    content: list[str] = []
    for _, line in lines:
        if closing.fullmatch(line):
            return _Fence(number + 1, opening["info"], label, "\n".join(content) + "\n")
        content.append(line)
    return _fail(name, number, "this fence is never closed")


def _case(part: _Part, rule: str, name: str) -> Case:
    files: dict[str, bytes] = {}
    first_lines: dict[str, int] = {}
    expected: list[Expectation] = []
    fixed: dict[str, str] = {}
    unnamed = False
    for fence in part.fences:
        language, _, rest = fence.info.partition(" ")
        is_python = language in _PYTHON
        if rest.strip() not in ("", "fixed") or (rest.strip() and not is_python):
            _fail(name, fence.line - 1, f"unknown fence ```{fence.info}: after `py` only `fixed` may stand")
        is_fixed = rest.strip() == "fixed"
        if not fence.path and not is_python:
            _fail(
                name, fence.line - 1, "a fence that is no `py` needs a line with its path, `like/this.txt`:"
            )
        path = fence.path or DEFAULT_PATH
        _check_path(path, name, fence.line - 1)
        if is_fixed:
            if path in fixed:
                _fail(name, fence.line - 1, f"a second `py fixed` block for {path}")
            fixed[path] = fence.text
            continue
        if not fence.path and unnamed:
            _fail(name, fence.line - 1, "a second block without a path; write `app/other.py`: above it")
        unnamed = unnamed or not fence.path
        if path in files:
            _fail(name, fence.line - 1, f"a second block for {path}")
        text = fence.text
        if path.endswith(".py"):
            text, found = take_markers(text, path, name, fence.line)
            expected += found
        files[path] = text.encode()
        first_lines[path] = fence.line
    for path in fixed:
        if path not in files:
            _fail(name, part.line, f"a `py fixed` block for {path}, and no block with the file itself")
    if not any(path.endswith(".py") for path in files):
        _fail(name, part.line, "a case needs a Python file")
    return Case(
        rule=rule,
        section=part.section,
        heading=part.heading,
        fixture=name,
        line=part.line,
        files=files,
        first_lines=first_lines,
        expected=tuple(expected),
        fixed=fixed,
    )


def _check_path(path: str, name: str, line: int) -> None:
    if path.startswith("/") or ".." in path.split("/") or "\\" in path:
        _fail(name, line, f"{path} must be a path inside the project, with forward slashes")


def _fail(name: str, line: int, message: str) -> NoReturn:
    raise FixtureError(f"{name}:{line}: {message}")
