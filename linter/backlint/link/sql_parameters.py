"""Which values of a call land where in a statement that is written as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backlint.link.callers import inner_terms, strip
from backlint.link.flow.access import passed
from backlint.link.sql import literal_text
from backlint.term import Const, Mapping, Param, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import CallSite
    from backlint.link.project import Project

_TOKEN = re.compile(
    r"'(?:[^']|'')*'|(?P<where>\bwhere\b)|(?P<set>\bset\b)"
    r"|(?:(?P<column>[\w.\"`]+)\s*(?P<operator>=|<>|!=|<=|>=|<|>|\blike\b|\bilike\b|\bin\b)\s*\(?\s*(?:any\s*\(\s*)?)?"
    r"(?:\w+\(\s*)?(?P<mark>\$(?P<number>\d+)|%s|%\((?P<percent>\w+)\)s|(?<![:\w]):(?P<colon>[A-Za-z_]\w*)|\?(?![?|&]))",
    re.IGNORECASE,
)
_DEPTH = 4


class Placeholder(NamedTuple):
    """One parameter mark of a statement."""

    column: str
    """What it is compared with, or assigned to; empty where neither is seen."""
    equals: bool
    mark: int | str
    """Its number from 0, or its name."""
    filters: bool
    """It stands in a WHERE clause."""


class Given(NamedTuple):
    """A value that a call hands to a statement."""

    placeholder: Placeholder
    term: int
    """Of the function that calls."""


def placeholders(sql: str) -> list[Placeholder]:
    """The parameter marks of a statement, in order."""
    found: list[Placeholder] = []
    filters, position = False, 0
    for match in _TOKEN.finditer(sql):
        if match["where"] or match["set"]:
            filters = bool(match["where"])
            continue
        if match["mark"] is None:
            continue
        mark: int | str
        if match["number"]:
            mark = int(match["number"]) - 1
        elif match["percent"] or match["colon"]:
            mark = match["percent"] or match["colon"]
        else:
            mark = position
            position += 1
        column = (match["column"] or "").replace('"', "").replace("`", "").rpartition(".")[2].lower()
        found.append(Placeholder(column, match["operator"] == "=", mark, filters))
    return found


def given(project: Project, call: CallSite, sql: str, depth: int = 0) -> list[Given] | None:
    """The values that a call, or what it calls, hands to a statement; None where that can't be told."""
    marks = placeholders(sql)
    if not marks or depth > _DEPTH:
        return None
    if not call.targets:
        return _here(call, marks)
    for target in call.targets:
        callee = project.graph.functions[target]
        for inner in callee.calls:
            query = project.query(callee, inner.event.term)
            if query is None or query.sql != sql:
                continue
            below = given(project, inner, sql, depth + 1)
            if below is None:
                continue
            return [
                Given(one.placeholder, term)
                for one in below
                for found in inner_terms(callee.file, [one.term])
                if isinstance(row := callee.file.summary.terms[found], Param) and row.function == callee.index
                for term, _ in passed(call, callee, row.name)
            ]
    return None


def _here(call: CallSite, marks: list[Placeholder]) -> list[Given] | None:
    """Parameters beside the statement: one by one, or as one list, tuple or dict."""
    file = call.function.file
    terms = file.summary.terms
    arguments = [*call.row.arguments, *(term for _, term in call.row.keywords)]
    at = next((at for at, term in enumerate(arguments) if literal_text(file, term) is not None), -1)
    rest = arguments[at + 1 :]
    if not rest:
        return None
    named: dict[str, int] = {}
    for term in rest:
        row = terms[strip(file, term)]
        if isinstance(row, Mapping):
            for key, value in row.entries:
                name = terms[key] if key >= 0 else None
                if isinstance(name, Const) and isinstance(name.value, str):
                    named[name.value] = value
    first = terms[strip(file, rest[0])]
    ordered = list(first.items) if isinstance(first, Sequence) else rest
    found = list(_matched(marks, ordered, named))
    return found or None


def _matched(marks: list[Placeholder], ordered: list[int], named: dict[str, int]) -> Iterator[Given]:
    for mark in marks:
        if isinstance(mark.mark, str):
            if mark.mark in named:
                yield Given(mark, named[mark.mark])
        elif not named and mark.mark < len(ordered):
            yield Given(mark, ordered[mark.mark])
