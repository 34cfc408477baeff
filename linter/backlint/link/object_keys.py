"""Keys in queries: which row a query asks for, and whether the client chose it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.libraries.entry import QueryStep
from backlint.link.callers import Mentions, strip
from backlint.link.flow.access import passed as passed_terms
from backlint.link.sql_parameters import given
from backlint.link.values import InstanceValue, options
from backlint.term import Attr, Const, Name, Param, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import CallSite, LinkedFunction
    from backlint.link.index import FileNode
    from backlint.link.project import Project
    from backlint.link.query import Query
    from backlint.term import Call

_GONE = re.compile(r"delet|remov|archiv|active|enabled", re.IGNORECASE)
"""Columns that say whether a row is still there, which is no leave to see it."""
_MAX_DEPTH = 2
_MAX_TARGETS = 4
_TABLE = re.compile(r"\b(?:from|update|into)\s+[\"`]?(?:\w+\.)?(\w+)", re.IGNORECASE)
_BY_ID = re.compile(r"where\b.*?\bid\s*=", re.IGNORECASE | re.DOTALL)


class Keys:
    """Reads the keys of the queries of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._general = _general(project)

    def shown(self, call: CallSite) -> str:
        """The model of `self.get_object()` in a view: the object that the path names."""
        function = call.function
        terms = function.file.summary.terms
        row = terms[call.row.function]
        if not isinstance(row, Attr) or row.name != "get_object" or call.targets or function.summary.cls < 0:
            return ""
        base = terms[strip(function.file, row.base)]
        if not isinstance(base, Param) or base.name != "self":
            return ""
        cls = function.file.summary.classes[function.summary.cls]
        query = self._project.class_query(f"{function.file.summary.module}.{cls.name}")
        return "" if query is None else query.model

    def chosen(self, mentions: Mentions, call: CallSite, query: Query) -> str:
        """The value of the primary key, as written, where the client chose it; empty where it did not."""
        for file, term, function in self._key_values(query):
            if file is mentions.file and function == mentions.function.index:
                if mentions.client(term):
                    return self._project.words(mentions.function, term)
            else:
                given = self.passed(mentions, call, file, term)
                if given >= 0:
                    return self._project.words(mentions.function, given)
        if query.sql is not None and _BY_ID.search(query.sql):
            for term in self._compared(call, query.sql) or _arguments(mentions, call.row):
                if mentions.client(term):
                    return self._project.words(mentions.function, term)
        return ""

    def of_owner(self, mentions: Mentions, call: CallSite, query: Query) -> str:
        """The client's value that a query compares with whose a row is, as written: `Payslip.filter(user_id=user_id)`."""
        if query.sql is not None or not query.may_have(QueryStep.FILTERS):
            return ""
        chosen: dict[str, int] = {}
        for one in self._project.filters(query):
            if one.value < 0 or one.file is None:
                continue
            own = one.file is mentions.file
            term = one.value if own else self.passed(mentions, call, one.file, one.value)
            if term >= 0 and mentions.client(term) and not mentions.caller(term):
                chosen[one.column if one.equals else ""] = term
        # With another value of the client's beside it, such as a licence's key, that is what it knows the row by.
        if len(chosen) != 1 or not chosen.keys() & self._project.owner_columns(query.model):
            return ""
        return self._project.words(mentions.function, next(iter(chosen.values())))

    def asked(self, mentions: Mentions, call: CallSite, query: Query) -> Iterator[int]:
        """The terms, of the function that calls, which a query compares with its primary key."""
        for file, term, function in self._key_values(query):
            if file is mentions.file and function == mentions.function.index:
                yield term
            else:
                row = file.summary.terms[strip(file, term)]
                if isinstance(row, Param):
                    yield from self._handed(call, file, row)

    def _compared(self, call: CallSite, sql: str) -> list[int]:
        """What a call hands to a statement as the id that it asks for; empty where that can't be told."""
        found = given(self._project, call, sql) or ()
        return [
            one.term
            for one in found
            if one.placeholder.filters and one.placeholder.equals and one.placeholder.column == "id"
        ]

    def tied(self, mentions: Mentions, call: CallSite, query: Query) -> bool:
        """Whether a query asks for the caller: what it only writes down (`closed_by = …`) does not count."""
        if not mentions.caller(call.event.term):
            return False
        if query.sql is not None:
            found = given(self._project, call, query.sql)
            return found is None or any(
                one.placeholder.filters and mentions.caller(one.term) for one in found
            )
        written = frozenset(
            term
            for step in query.steps
            if QueryStep.UPDATES in step.kinds and step.place.function == mentions.function.index
            for term in (*step.arguments, *(value for _, value in step.keywords))
        )
        if not written:
            return True
        beyond = Mentions(mentions.function, mentions.env, mentions.self_is_row, mentions.apart | written)
        return beyond.caller(call.event.term)

    def passed(self, mentions: Mentions, call: CallSite, file: FileNode, term: int) -> int:
        """What a call passes for the parameter that a query of its callee compares; -1 where no client chose it."""
        row = file.summary.terms[strip(file, term)]
        if not isinstance(row, Param):
            return -1
        return next((given for given in self._handed(call, file, row) if mentions.client(given)), -1)

    def _handed(self, call: CallSite, file: FileNode, row: Param, depth: int = 0) -> Iterator[int]:
        """What a call hands to a parameter of a function that it reaches, itself or through what it calls."""
        for target in call.targets[:_MAX_TARGETS]:
            callee = self._project.graph.functions[target]
            if callee.file is file and callee.index == row.function:
                yield from (term for term, _ in passed_terms(call, callee, row.name))
                continue
            for inner in callee.calls if depth < _MAX_DEPTH else ():
                for term in self._handed(inner, file, row, depth + 1):
                    own = callee.file.summary.terms[strip(callee.file, term)]
                    if isinstance(own, Param) and own.function == callee.index:
                        yield from (outer for outer, _ in passed_terms(call, callee, own.name))

    def on_show(self, query: Query) -> bool:
        """Whether a query asks for rows in a state that is written out: `status="open"`, `Post.published.is_(True)`."""
        if query.sql is not None:
            return False
        return any(
            one.always
            and one.file is not None
            and one.value >= 0
            and not _GONE.search(one.column)
            and _is_state(one.file.summary.terms[strip(one.file, one.value)])
            for one in self._project.filters(query)
        )

    def table(self, function: LinkedFunction, term: int, query: Query) -> str:
        """The ORM class of a query; `sql:` and the table of a statement written as text; else empty.

        A repository that is generic in its class names only a base: there the result says which.
        """
        if query.sql is not None:
            match = _TABLE.search(query.sql)
            return f"sql:{match[1].lower()}" if match else ""
        general = query.model in self._general
        if query.model and (general or self._project.model(query.model) is None):
            for value in options(self._project.value(function, term)):
                for one in (value, *getattr(value, "arguments", ())):
                    if isinstance(one, InstanceValue) and self._project.model(one.symbol) is not None:
                        return "" if one.symbol in self._general else one.symbol
        return "" if general else query.model

    def _key_values(self, query: Query) -> Iterator[tuple[FileNode, int, int]]:
        model = self._project.model(query.model)
        keys = model.primary_keys if model is not None else frozenset({"pk", "id"})
        if model is not None and sum(field.primary for field in model.fields.values()) > 1:
            return
        places = {id(step.place.file): step.place.function for step in query.steps}
        for one in self._project.filters(query):
            if one.equals and one.column in keys and one.value >= 0 and one.file is not None:
                yield one.file, one.value, places.get(id(one.file), -1)
        for step in query.steps:
            if QueryStep.BY_KEY in step.kinds and QueryStep.BULK not in step.kinds:
                named = [value for name, value in step.keywords if name in ("ident", "id", "pk", "item_id")]
                for term in named or step.arguments:
                    yield step.place.file, term, step.place.function


def _is_state(row: object) -> bool:
    """A text, a truth or a member of an enumeration."""
    if isinstance(row, Const):
        return isinstance(row.value, str | bool)
    return isinstance(row, Name | Attr) and _of_enumeration(row)


def _of_enumeration(row: Name | Attr) -> bool:
    name = row.name if isinstance(row, Attr) else row.symbol.rpartition(".")[2]
    return name.isupper()


def _general(project: Project) -> frozenset[str]:
    """Classes that only others are made from: no table is theirs, so a query on one names no rows."""
    classes = project.evaluator.classes
    found: set[str] = set()
    for model in project.models:
        for ancestor in classes.order(model.symbol)[1:]:
            cls = classes.project_class(ancestor)
            if cls is not None and not any(one.name == "__tablename__" for one in cls.summary.attributes):
                found.add(ancestor)
    return frozenset(
        symbol for symbol in found if not classes.is_subclass(symbol, ("django.db.models.Model",))
    )


def _arguments(mentions: Mentions, row: Call) -> Iterator[int]:
    """The arguments of a call, and the items of those that are lists."""
    for term in (*row.arguments, *(value for _, value in row.keywords)):
        inner = mentions.file.summary.terms[strip(mentions.file, term)]
        if isinstance(inner, Sequence):
            yield from reversed(inner.items)
        else:
            yield term
