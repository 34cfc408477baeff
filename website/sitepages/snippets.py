"""Snippets of Markdown pages, and what the comments above them want done with them.

A comment that no reader sees stands above each fenced block:

    <!-- snippet: run -->               shell commands, run in the page's project; `status=1` wants that
                                        exit status, `in=checkout` runs them in this repository
    <!-- snippet: output -->            is part of what the commands before printed; `…` stands for anything
    <!-- snippet: file app/x.py -->     is written to that file of the project
    <!-- snippet: append app/x.py -->   is added to its end
    <!-- snippet: python -->            runs without an error
    <!-- snippet: config NAME -->       is read as the configuration file of that name
    <!-- snippet: entry -->             YAML of a part of a library entry
    <!-- snippet: suppressed -->        Python in which a comment silences all there is
    <!-- snippet: workflow -->          a GitHub workflow, or some of its steps, that uses the action
    <!-- snippet: hooks -->             a pre-commit configuration with hooks that there are
    <!-- snippet: skip: reason -->      can't be run, and why

`<!-- snippets: project FOLDER -->` at the top of a page says which project the page speaks of; `empty` is none.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
EMPTY = "empty"
DEFAULT_PROJECT = "fixtures/projects/shop"
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)

_PROJECT = re.compile(r"<!-- snippets: project (\S+) -->")
_DIRECTIVE = re.compile(r"\s*<!-- snippet: (?P<what>[a-z]+):?(?P<rest>.*?) -->\s*")
_OPENING = re.compile(r"(?P<indent> *)(?P<mark>`{3,}|~{3,})(?P<info>.*)")
_ITEM = re.compile(r"(?:\d+\.|[-*]) ")
_STATUS = re.compile(r"\bstatus=(\d+)")


class Snippet(NamedTuple):
    """A fenced block with what is to be done with it."""

    page: str
    line: int
    what: str
    """The first word of the comment; empty where there is none."""
    rest: str
    text: str

    @property
    def status(self) -> int | None:
        found = _STATUS.search(self.rest)
        return int(found[1]) if found else None


def project_of(page: str) -> str:
    found = _PROJECT.search((ROOT / page).read_text(encoding="utf-8"))
    return found[1] if found else DEFAULT_PROJECT


def snippets(page: str) -> list[Snippet]:
    """The fenced blocks of a page, in order."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    found: list[Snippet] = []
    what = rest = ""
    index = 0
    while index < len(lines):
        opening = _OPENING.fullmatch(lines[index])
        directive = _DIRECTIVE.fullmatch(lines[index])
        if opening is not None:
            start = index
            index += 1
            while lines[index].strip() != opening["mark"]:
                index += 1
            text = textwrap.dedent("\n".join(lines[start + 1 : index]) + "\n")
            found.append(Snippet(page, start + 1, what, rest, text))
            what = rest = ""
        elif directive is not None:
            what, rest = directive["what"], directive["rest"].strip()
        elif lines[index].strip():
            what = rest = ""
        index += 1
    return found


def indented_blocks(text: str) -> list[int]:
    """Lines where a block of code begins that is indented instead of fenced."""
    found: list[int] = []
    closing = ""
    in_list = blank = False
    for number, line in enumerate(text.splitlines(), start=1):
        opening = _OPENING.fullmatch(line)
        if closing:
            closing = "" if line.strip() == closing else closing
        elif opening is not None:
            closing = opening["mark"]
        elif line.startswith("    ") and blank and not in_list:
            found.append(number)
        elif line and not line.startswith(" "):
            in_list = _ITEM.match(line) is not None
        blank = not line.strip()
    return found
