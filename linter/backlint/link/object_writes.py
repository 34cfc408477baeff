"""What changes or deletes an object: assignments, methods, queries, sessions, serializers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.libraries.entry import QueryStep
from backlint.link.callers import strip
from backlint.link.sql import sql_verb
from backlint.link.sql_parameters import given
from backlint.summary import EventKind
from backlint.term import Attr, Item, Name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backlint.finding import Span
    from backlint.link.callers import Mentions
    from backlint.link.graph import CallSite
    from backlint.link.object_access import Lookup
    from backlint.link.project import Project

_METHODS = {
    "save": "changes",
    "asave": "changes",
    "update": "changes",
    "set": "changes",
    "delete": "deletes",
    "adelete": "deletes",
    "delete_instance": "deletes",
    "soft_delete": "deletes",
}
_MANAGED = frozenset({"add", "remove", "set", "clear", "append", "create"})
_GIVEN = frozenset({"delete", "adelete", "setattr"})
_FORMS = re.compile(r"\w*(?:Serializer|Form)")


def write_of(
    project: Project, mentions: Mentions, object_of: Callable[[int], Lookup | None]
) -> Iterator[tuple[Lookup, str, Span]]:
    """Each change of a looked-up object in a function: the object, `changes` or `deletes`, and where."""
    terms = mentions.file.summary.terms
    set_to = [event for event in mentions.function.summary.events if event.kind == EventKind.SET_ATTR]
    claimed: set[tuple[str, str]] = set()
    """Objects of which nothing is set but who calls: saving one takes it for the caller."""
    for event in mentions.function.summary.events:
        if event.kind == EventKind.SET_ATTR and event.term >= 0:
            row = terms[event.term]
            known = object_of(row.base) if isinstance(row, Attr) else None
            if known is not None and not mentions.caller(event.value):
                yield known, "changes", event.span
            elif known is not None and len(set_to) == 1 and mentions.is_caller(event.value):
                claimed.add((known.model, known.text))
    for call in mentions.function.calls:
        yield from (
            one
            for one in _by_call(project, mentions, call, object_of)
            if (one[0].model, one[0].text) not in claimed or one[1] != "changes"
        )


def _by_call(
    project: Project, mentions: Mentions, call: CallSite, object_of: Callable[[int], Lookup | None]
) -> Iterator[tuple[Lookup, str, Span]]:
    own = object_of(call.event.term)
    verb = _query_verb(project, mentions, call)
    if verb:
        named = [own] if own is not None else _named_by_id(project, mentions, call, object_of)
        yield from ((known, verb, call.span) for known in named)
    function = mentions.file.summary.terms[call.row.function]
    passed = (*call.row.arguments, *(term for _, term in call.row.keywords))
    name = function.name if isinstance(function, Attr) else ""
    if isinstance(function, Name):
        name = function.symbol.rpartition(".")[2]
    if isinstance(function, Attr):
        known = object_of(function.base)
        if known is not None and name in _METHODS:
            yield known, _METHODS[name], call.span
        inner = mentions.file.summary.terms[strip(mentions.file, function.base)]
        if isinstance(inner, Attr) and name in _MANAGED and not any(mentions.caller(term) for term in passed):
            known = object_of(inner.base)
            if known is not None and _is_many(project, known, inner.name):
                yield known, "changes", call.span
    if name in _GIVEN and passed:
        known = object_of(passed[0])
        if known is not None:
            yield known, "changes" if name == "setattr" else "deletes", call.span
    if _FORMS.fullmatch(name) and call.argument(1, "data") is not None:
        known = object_of(call.argument(0, "instance") or -1)
        if known is not None:
            yield known, "changes", call.span


def _named_by_id(
    project: Project, mentions: Mentions, call: CallSite, object_of: Callable[[int], Lookup | None]
) -> list[Lookup]:
    """Looked-up objects whose ids a changing query asks for: `UPDATE … WHERE id = row["id"]`."""
    query = project.query(mentions.function, call.event.term)
    if query is None:
        return []
    terms = mentions.file.summary.terms
    if query.sql is not None:
        asked = [
            one.term
            for one in given(project, call, query.sql) or ()
            if one.placeholder.filters and one.placeholder.column == "id"
        ]
    else:
        asked = [
            one.value
            for one in project.filters(query)
            if one.equals and one.column in ("id", "pk") and one.file is mentions.file
        ]
    found: list[Lookup] = []
    for term in asked:
        row = terms[strip(mentions.file, term)] if term >= 0 else None
        if isinstance(row, Attr | Item) and _is_key(mentions, row):
            known = object_of(row.base)
            if known is not None:
                found.append(known)
    return found


def _is_key(mentions: Mentions, row: Attr | Item) -> bool:
    name = row.name if isinstance(row, Attr) else getattr(mentions.file.summary.terms[row.key], "value", "")
    return name in ("id", "pk")


def _is_many(project: Project, lookup: Lookup, name: str) -> bool:
    relation = project.relation(lookup.model, name)
    return relation is not None and relation.many and not relation.reverse


def _query_verb(project: Project, mentions: Mentions, call: CallSite) -> str:
    query = project.query(mentions.function, call.event.term)
    if query is None:
        return ""
    if query.sql is not None:
        return {"update": "changes", "delete": "deletes"}.get(str(sql_verb(query.sql) or "").lower(), "")
    if query.may_have(QueryStep.DELETES):
        return "deletes"
    return "changes" if query.may_have(QueryStep.UPDATES) else ""
