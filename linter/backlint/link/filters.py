"""What the steps of a query compare: columns, operators and values."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from backlint.libraries.entry import QueryStep
from backlint.link.queries.columns import column_of, column_owner
from backlint.term import Attr, Call, Compare, Const, Local, Mapping, Name, Operation, Sequence, Star

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.index import FileNode
    from backlint.link.queries import Queries
    from backlint.link.query import Query, Step

_LOOKUPS = frozenset(
    {
        *("exact", "iexact", "contains", "icontains", "in", "gt", "gte", "lt", "lte", "ne", "not", "range"),
        *("startswith", "istartswith", "endswith", "iendswith", "regex", "iregex", "search", "isnull", "nin"),
        *("date", "year", "month", "day", "week", "week_day", "quarter", "time", "hour", "minute", "second"),
        *("not_in", "has_key", "overlap", "contained_by", "all", "size", "mod", "exists"),
    }
)
_OPERATORS = {
    "exact": "==",
    "eq": "==",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "ne": "!=",
    "not": "!=",
}
_METHODS = {
    "in_": "in",
    "not_in": "not in",
    "notin_": "not in",
    "is_": "is",
    "is_not": "is not",
    "isnot": "is not",
    "between": "range",
    "contains": "contains",
    "icontains": "icontains",
    "startswith": "startswith",
    "endswith": "endswith",
    "like": "like",
    "ilike": "like",
    "op": "op",
    "any": "any",
    "has": "any",
}
_SQL = re.compile(
    r"\b(?P<word>where|and|or|on|having)\s+\(*\s*(?P<column>[\w.\"`]+)\s*"
    r"(?P<operator>=\s*any|<>|!=|<=|>=|=|<|>|\bnot\s+in\b|\bin\b|\bilike\b|\blike\b|\bis\b)\s*(?P<value>\S*)",
    re.IGNORECASE,
)
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Filter:
    """One comparison of a query."""

    column: str
    """The attribute, or the path of attributes joined by `__`, such as `author__id`."""
    operator: str
    """Its Python spelling, or a word: `in`, `range`, `contains`, `like`, `is`, `isnull` …"""
    value: int = -1
    """Term of `file`; -1 in raw SQL."""
    file: FileNode | None = None
    model: str = ""
    """The class that is named beside the column, as in `Post.author_id == x`; else empty."""
    always: bool = True
    """False below an `or`, or in a step that only some paths take."""

    @property
    def equals(self) -> bool:
        """Whether the column must have one value."""
        return self.operator == "=="


def filters(queries: Queries, query: Query) -> tuple[Filter, ...]:
    """The comparisons of a query; those of `exclude` are left out."""
    found: list[Filter] = []
    for step in query.steps:
        if QueryStep.EXCLUDES in step.kinds:
            continue
        if QueryStep.FILTERS in step.kinds or (QueryStep.ONE in step.kinds and step.keywords):
            found.extend(_of_step(queries, step))
    if query.sql is not None:
        found.extend(_of_sql(query.sql))
    return tuple(found)


def _of_step(queries: Queries, step: Step) -> Iterator[Filter]:
    file = step.place.file
    for name, term in step.keywords:
        if name not in ("**", "defaults"):
            yield _lookup(name, term, file, step.always)
    for term in step.arguments:
        for one in _conditions(queries, file, term):
            yield one if step.always else replace(one, always=False)


def _lookup(name: str, term: int, file: FileNode, always: bool) -> Filter:
    path, _, last = name.rpartition("__")
    if path and last in _LOOKUPS:
        return Filter(path, _OPERATORS.get(last, last), term, file, always=always)
    return Filter(name, "==", term, file, always=always)


def _conditions(queries: Queries, file: FileNode, term: int, depth: int = 0) -> Iterator[Filter]:
    terms = file.summary.terms
    row = terms[term]
    while isinstance(row, Local | Star):
        row = terms[row.base]
    if depth > _DEPTH:
        return
    match row:
        case Compare(operator, left, right):
            yield from _compared(queries, file, operator, left, right)
        case Operation(operator, operands):
            for operand in operands:
                for one in _conditions(queries, file, operand, depth + 1):
                    if operator != "not" and operator != "~":
                        yield one if operator in ("&", "and") else replace(one, always=False)
        case Call():
            yield from _called(queries, file, row, depth)
        case Sequence(_, items):
            for item in items:
                yield from _conditions(queries, file, item, depth + 1)
        case Mapping(entries):
            for key, value in entries:
                name = terms[key] if key >= 0 else None
                if isinstance(name, Const) and isinstance(name.value, str):
                    yield _document(file, name.value, value)
        case Name(symbol):
            owner = queries.module_variable(file, symbol)
            if owner is not None:
                yield from _conditions(queries, owner[0], owner[1], depth + 1)
        case _:
            return


def _document(file: FileNode, column: str, value: int) -> Filter:
    """A comparison as MongoDB writes it: `{"age": 5}`, `{"age": {"$gt": 5}}`."""
    row = file.summary.terms[value]
    if not isinstance(row, Mapping):
        return Filter(column, "==", value, file)
    if len(row.entries) == 1 and row.entries[0][0] >= 0:
        key = file.summary.terms[row.entries[0][0]]
        if isinstance(key, Const) and isinstance(key.value, str) and key.value.startswith("$"):
            name = key.value[1:]
            return Filter(column, _OPERATORS.get(name, name), row.entries[0][1], file)
    return Filter(column, "", value, file)


def _compared(queries: Queries, file: FileNode, operator: str, left: int, right: int) -> Iterator[Filter]:
    column = column_of(queries, file, left)
    if column is None:
        column = column_of(queries, file, right)
        left, right = right, left
    if column is not None:
        yield Filter(column[1], operator, right, file, column[0])


def _called(queries: Queries, file: FileNode, row: Call, depth: int) -> Iterator[Filter]:
    function = file.summary.terms[row.function]
    if isinstance(function, Attr) or (isinstance(function, Name) and "." in function.symbol):
        name = function.name if isinstance(function, Attr) else function.symbol.rpartition(".")[2]
        column = column_owner(queries, file, row.function)
        if column is not None and name in _METHODS:
            value = row.arguments[0] if row.arguments else -1
            yield Filter(column[1], _METHODS[name], value, file, column[0])
            return
    symbol = queries.symbol_of(file, row.function).rpartition(".")[2]
    if symbol in ("Q", "and_", "or_"):
        always = symbol != "or_"
        for key, term in row.keywords:
            yield _lookup(key, term, file, always)
        for term in row.arguments:
            for one in _conditions(queries, file, term, depth + 1):
                yield one if always else replace(one, always=False)


def _of_sql(text: str) -> Iterator[Filter]:
    start = re.search(r"\bwhere\b", text, re.IGNORECASE)
    if start is None:
        return
    plain = re.search(r"\bor\b", text[start.start() :], re.IGNORECASE) is None
    for match in _SQL.finditer(text, start.start()):
        if match["word"].lower() == "on":
            continue
        operator = " ".join(match["operator"].lower().split())
        spelled = {"=": "==", "<>": "!=", "= any": "in", "=any": "in"}.get(operator, operator)
        if spelled == "==" and match["value"].lower().startswith("any("):
            spelled = "in"
        column = match["column"].replace('"', "").replace("`", "")
        yield Filter(column.rpartition(".")[2], spelled, always=plain or match["word"].lower() == "and")
