"""Whether a query gives few rows whatever the size of its table, and why."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.libraries.entry import QueryStep
from backlint.link.filters import Filter, filters
from backlint.term import Call, Const, Local, Sequence

if TYPE_CHECKING:
    from backlint.link.models import Models
    from backlint.link.queries import Queries
    from backlint.link.query import Query

_LIMIT = re.compile(r"\blimit\s+\S|\bfetch\s+(?:first|next)\b|\bselect\s+top\b|\brownum\b", re.IGNORECASE)
_GROUPED = re.compile(r"\bgroup\s+by\b", re.IGNORECASE)
_GROUP_KEY = re.compile(r"\bgroup\s+by\s+(?:(?P<alias>\w+)\.)?id\b", re.IGNORECASE)
_TABLE = re.compile(r"\bfrom\s+(?:\w+\.)?(?P<table>\w+)(?:\s+(?:as\s+)?(?P<alias>\w+))?", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\b", re.IGNORECASE)
_AGGREGATE = re.compile(
    r"^\W*(?:with\b.*\))?\s*select\s+(?:distinct\s+)?(?:coalesce\s*\(|round\s*\(|\()?\s*"
    r"(?:count|sum|avg|min|max|exists|bool_and|bool_or|every|total)\s*\(",
    re.IGNORECASE | re.DOTALL,
)
_FUNCTION = re.compile(r"^\W*select\s+[\w.]+\([^()]*\)(?:\s+as\s+\w+)?\s*;?\s*$", re.IGNORECASE | re.DOTALL)


def _by_own_key(text: str) -> bool:
    """Whether a statement groups by the key of the table it reads: as many groups as the table has rows."""
    grouped = _GROUP_KEY.search(text)
    read = _TABLE.search(text)
    if grouped is None or read is None:
        return False
    return grouped["alias"] in (None, read["table"], read["alias"])


class Limits:
    """Judges queries by their steps, filters and keys."""

    def __init__(self, queries: Queries, models: Models) -> None:
        self._queries = queries
        self._models = models

    def reason(self, query: Query) -> str:
        """`step`, `key`, `list`, `sql`; empty where nothing bounds the number of rows."""
        if query.bounded_by_step:
            return "step"
        if query.sql is not None:
            bounded = self._by_text(query.sql)
            if bounded:
                return bounded
        found = [one for one in filters(self._queries, query) if one.always]
        if self._by_key(query, found):
            return "key"
        if any(self._is_list(query, one) for one in found):
            return "list"
        return ""

    def _by_text(self, text: str) -> str:
        if _LIMIT.search(text) or _FUNCTION.match(text):
            return "sql"
        if _GROUPED.search(text):
            return "" if _by_own_key(text) else "sql"
        if _AGGREGATE.match(text) or not _FROM.search(text):
            return "sql"
        return ""

    def _by_key(self, query: Query, found: list[Filter]) -> bool:
        columns = {one.column for one in found if one.equals and one.model in ("", query.model)}
        if query.has(QueryStep.JOINS) and query.model:
            columns = {one.column for one in found if one.equals and one.model == query.model}
        model = self._models.get(query.model) if query.model else None
        if model is not None:
            return model.is_key(columns)
        return bool(columns & {"id", "pk", "_id"})

    def _is_list(self, query: Query, one: Filter) -> bool:
        """`IN` over values that are at hand; a subquery may hold any number."""
        if one.operator != "in":
            return False
        if one.value < 0 or one.file is None:
            return True
        row = one.file.summary.terms[one.value]
        while isinstance(row, Local):
            row = one.file.summary.terms[row.base]
        if isinstance(row, Sequence):
            # A short list of states says nothing of how many rows have one of them.
            states = all(not isinstance(one.file.summary.terms[item], Call) for item in row.items)
            return not states or self._is_unique(query, one)
        if isinstance(row, Const):
            return False
        inner = self._queries.of_term(one.file, one.value)
        if inner is not None and not inner.executed and not (inner is not query and self.reason(inner)):
            return False
        return self._is_unique(query, one) or self._refers(query, one)

    def _refers(self, query: Query, one: Filter) -> bool:
        """Whether a column names rows of another table, a known number of them."""
        if one.column.endswith(("_id", "id", "pk")):
            return True
        model = self._models.get(query.model) if query.model else None
        return model is not None and one.column.partition("__")[0] in model.relations

    def _is_unique(self, query: Query, one: Filter) -> bool:
        model = self._models.get(query.model) if query.model else None
        return one.column in ("id", "pk", "_id") or (model is not None and model.is_key({one.column}))
