"""Queries that are written as SQL text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.link.arguments import call_argument
from backlint.link.query import Query, Step
from backlint.link.sql import literal_text, sql_verb
from backlint.summary import EventKind
from backlint.term import Attr, Call

if TYPE_CHECKING:
    from backlint.libraries.entry import FunctionEntry
    from backlint.link.queries.frame import Frame
    from backlint.link.queries.walk import Queries


_SPACE = re.compile(r"\s")


def text(queries: Queries, frame: Frame, term: int) -> Query | None:
    text = literal_text(frame.file, term)
    if text is None or not sql_verb(text) or not _SPACE.search(text.strip()):
        return None
    return Query(sql=text, origin=frame.place(term))


def statement_of(queries: Queries, frame: Frame, row: Call, entry: FunctionEntry) -> Query | None:
    """The SQL text that a call is given."""
    for argument in entry.sinks.get("sql", ()):
        passed = None if argument == "*" else call_argument(row, argument)
        if passed is not None:
            found = queries.walk(frame, passed)
            return found or Query(origin=frame.place(passed), complete=False)
    return None


def cursor(queries: Queries, frame: Frame, term: int, row: Call, entry: FunctionEntry) -> Query | None:
    """`cursor.fetchall()`: the statement that the same cursor executed last."""
    function = frame.file.summary.terms[row.function]
    if not entry.query or entry.effects or not isinstance(function, Attr):
        return None
    return _executed_on(queries, frame, function.base, before=term)


def _executed_on(queries: Queries, frame: Frame, cursor: int, before: int) -> Query | None:
    terms = frame.file.summary.terms
    last: Query | None = None
    for event in frame.file.summary.functions[frame.function].events:
        if event.kind != EventKind.CALL:
            continue
        if event.term == before:
            if last is not None:
                break
            continue
        row = terms[event.term]
        function = terms[row.function] if isinstance(row, Call) else None
        if isinstance(row, Call) and isinstance(function, Attr) and function.base == cursor:
            entry = queries.evaluator.entry_of(queries.evaluator.value(frame.file, row.function))
            if entry is not None and entry.sinks.get("sql"):
                query = statement_of(queries, frame, row, entry)
                step = Step(entry.query, function.name, frame.place(event.term), row.arguments, row.keywords)
                last = None if query is None else query.with_step(step, executed=True)
    return last
