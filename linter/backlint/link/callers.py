"""Which terms speak of who calls, and which of what the request asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from backlint.link.parts import parts_of
from backlint.summary import EventKind
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Const,
    Element,
    Entered,
    Item,
    Join,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Sequence,
    Star,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from backlint.link.graph import LinkedFunction
    from backlint.link.index import FileNode
    from backlint.summary import Event

_WHO = (
    r"user|account|identity|member|principal|actor|tenant|org|organi[sz]ation|workspace|team|company|customer"
    r"|profile|claims|auth|me|viewer|caller|subject|uid|business|owner|person|admin|token_data|token_payload|jwt"
)
CALLER_NAME = re.compile(
    rf"(?:current_?|auth(?:enticated)?_?|session_?|request_?|logged_in_?|active_?|my_?)*(?:{_WHO})s?"
    r"(?:_?(?:id|uuid|pk|info|data|email|name))?",
    re.IGNORECASE,
)
_CALLER_CALL = re.compile(
    rf"(?:get_|load_|require_|fetch_|_)*(?:current|auth(?:enticated)?|session|request|logged_in|active|jwt)_?"
    rf"(?:{_WHO})\w*|get_jwt\w*|get_identity|whoami|get_(?:user|tenant|org|account)_from_\w+|get_tenant(?:_id)?|require_(?:user|login|auth)",
    re.IGNORECASE,
)
_CALLER_SYMBOL = re.compile(rf"(?:current|request|logged_in)_(?:{_WHO})\w*", re.IGNORECASE)
_HOLDERS = frozenset(
    {"request", "req", "info", "context", "ctx", "state", "websocket", "g", "session", "scope", "self"}
)
_REQUESTS = frozenset({"request", "req", "websocket"})
_KEEPERS = _REQUESTS | {"context", "ctx", "scope", "state"}
"""Mappings in which middleware leaves who calls."""
_KEPT_ID = re.compile(r"(?!request|trace|correlation|span|session|message|task|job)[a-z]\w*_id")
_DATA = frozenset(
    {
        "data", "GET", "POST", "args", "form", "json", "query_params", "path_params", "match_info", "view_args", "values",
        "body", "kwargs", "params", "get_json", "FILES", "validated_data", "cleaned_data", "json_body", "query",
    }
)  # fmt: skip
_CONVERTS = frozenset(
    {
        "int",
        "str",
        "UUID",
        "get",
        "ObjectId",
        "loads",
        "strip",
        "pop",
        "model_dump",
        "dict",
        "get_json",
        "json",
        "getlist",
        "cast",
        "to_python",
        "decode",
    }
)
_READS_BODY = re.compile(
    r"(?:parse|validate|load|read|deserialize|structure|convert|model_validate|decode)(?:_?(?:json|body|obj|object|raw|request|payload|data|form))*"
)
"""Functions that read a body into an object: its fields are still the client's."""
_SESSIONS = ("flask.session.", "quart.session.", "bottle.session.")
_DEPTH = 30


class Env(NamedTuple):
    """What the parameters of a function hold, by name."""

    caller: frozenset[str] = frozenset()
    client: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    """Parameters that hold the object that the client named."""


@dataclass(slots=True)
class Mentions:
    """Asks terms of one function whether they speak of the caller or of the client's choice."""

    function: LinkedFunction
    env: Env
    self_is_row: bool = False
    """`self` is a row of a table: its `user` is not who calls."""
    apart: frozenset[int] = frozenset()
    """Objects that the client named: that the caller is written into one does not make it the caller's."""
    _client: dict[int, bool] = field(default_factory=dict)
    _beyond: dict[int, bool] = field(default_factory=dict)

    @property
    def file(self) -> FileNode:
        return self.function.file

    def caller(self, term: int) -> bool:
        """Whether a term is, holds or was found with something of who calls."""
        if term < 0:
            return False
        said = _spoken(self.file, term, self.self_is_row)
        if said is False or (said is not True and said.isdisjoint(self.env.caller)):
            return False
        return not self.apart or self._speaks_beyond(term)

    def is_caller(self, term: int) -> bool:
        """Whether a term is who calls, or an attribute of theirs."""
        row = self.file.summary.terms[strip(self.file, term)] if term >= 0 else None
        if isinstance(row, Param):
            return row.name in self.env.caller and CALLER_NAME.fullmatch(row.name) is not None
        if isinstance(row, Attr) and self.is_caller(row.base):
            return True
        return _is_caller(self.file, row, self.self_is_row)

    def _speaks_beyond(self, term: int, depth: int = 0) -> bool:
        """The same, without what is inside the terms that are set apart."""
        if term < 0 or term in self.apart or depth > _DEPTH:
            return False
        if term not in self._beyond:
            self._beyond[term] = False
            row = self.file.summary.terms[term]
            if isinstance(row, Param):
                self._beyond[term] = row.name in self.env.caller
            else:
                self._beyond[term] = _is_caller(self.file, row, self.self_is_row) or any(
                    self._speaks_beyond(part, depth + 1) for part in parts(self.file, term)
                )
        return self._beyond[term]

    def client(self, term: int, depth: int = 0) -> bool:
        """Whether the client chose a value: a parameter of the request as it came."""
        if term < 0 or depth > _DEPTH:
            return False
        if term not in self._client:
            self._client[term] = False
            self._client[term] = term not in self.apart and self._is_client(term, depth)
        return self._client[term]

    def holds_object(self, term: int) -> bool:
        """Whether a term is a parameter that was given the object."""
        row = self.file.summary.terms[strip(self.file, term)]
        return isinstance(row, Param) and row.name in self.env.objects

    def _is_client(self, term: int, depth: int) -> bool:
        terms = self.file.summary.terms
        row = terms[term]
        match row:
            case Param(_, name):
                return name in self.env.client
            case Name(symbol):
                return _names_request(symbol)
            case Attr(base, name):
                return (name in _DATA and _is_holder(self.file, base, self.self_is_row)) or self.client(
                    base, depth + 1
                )
            case Item(base, _) | Local(_, base) | Awaited(base) | Element(base, _) | Star(base):
                return self.client(base, depth + 1)
            case Join(options):
                return any(self.client(option, depth + 1) for option in options)
            case Operation(_, operands):
                return any(self.client(operand, depth + 1) for operand in operands)
            case Sequence(_, items):
                return any(self.client(item, depth + 1) for item in items)
            case Mapping(entries):
                return any(self.client(value, depth + 1) for _, value in entries)
            case Call(function, arguments, keywords):
                called = terms[function]
                name = called.name if isinstance(called, Attr) else _last(called)
                if _READS_BODY.fullmatch(name) or name[:1].isupper():
                    given = (*arguments, *(value for key, value in keywords if key == "**" or key == "data"))
                    return any(_is_request(self.file, one) or self.client(one, depth + 1) for one in given)
                if name not in _CONVERTS:
                    return False
                if self.client(function, depth + 1):
                    return True
                return any(self.client(argument, depth + 1) for argument in arguments)
            case _:
                return False


def _spoken(file: FileNode, term: int, self_is_row: bool, depth: int = 0) -> bool | frozenset[str]:
    """Whether a term speaks of who calls, whatever the parameters hold; else the parameters it is made of.

    That is the same for every call of the function, so it is worked out once.
    """
    memo = file.spoken[self_is_row]
    found = memo.get(term)
    if found is not None:
        return found
    if depth > _DEPTH:
        # Terms are made of earlier ones, so that no deep nesting is left when they are taken in order.
        for inner in range(term):
            _spoken(file, inner, self_is_row)
    row = file.summary.terms[term]
    if isinstance(row, Param):
        found = frozenset((row.name,))
    elif _is_caller(file, row, self_is_row):
        found = True
    else:
        names: frozenset[str] = frozenset()
        found = False
        for part in parts(file, term):
            said = part >= 0 and _spoken(file, part, self_is_row, depth + 1)
            if said is True:
                found = True
                break
            if said:
                names |= said
        if names and not found:
            found = names
    memo[term] = found
    return found


def _is_caller(file: FileNode, row: object, self_is_row: bool) -> bool:
    terms = file.summary.terms
    match row:
        case Name(symbol):
            return _names_caller(symbol)
        case Attr(base, name):
            return bool(CALLER_NAME.fullmatch(name)) and _is_holder(file, base, self_is_row)
        case Call(function, arguments, _):
            called = terms[function]
            name = called.name if isinstance(called, Attr) else _last(called)
            if _CALLER_CALL.fullmatch(name):
                return True
            if isinstance(called, Name) and (
                called.symbol in file.callers or called.symbol.startswith(_SESSIONS)
            ):
                return True
            if isinstance(called, Attr) and name in ("get", "getattr") and arguments:
                return _is_session(file, called.base) or _is_kept(file, called.base, arguments[0])
            if name == "getattr" and len(arguments) > 1:
                key = getattr(terms[arguments[1]], "value", "")
                return (
                    isinstance(key, str)
                    and bool(CALLER_NAME.fullmatch(key))
                    and _is_holder(file, arguments[0], self_is_row)
                )
            return False
        case Item(base, key):
            return _is_session(file, base) or _is_kept(file, base, key)
        case _:
            return False


def note_callers(files: Collection[FileNode]) -> None:
    """Notes in each file the functions of the project that give who calls: `viewer(info)`, `tenant_id()`."""
    found: set[str] = set()
    for file in files:
        for summary in file.summary.functions:
            if summary.cls < 0 and _gives_caller(file, summary.events):
                found.add(f"{file.summary.module}.{summary.name}")
    for file in files:
        file.callers = frozenset(found)


def _gives_caller(file: FileNode, events: Iterable[Event]) -> bool:
    """Whether everything that a function returns is who calls, or an attribute of theirs; or None."""
    returned = [event.term for event in events if event.kind == EventKind.RETURN]
    known = [_is_of_caller(file, term) for term in returned]
    return any(known) and all(one is not False for one in known)


def _is_of_caller(file: FileNode, term: int, depth: int = 0) -> bool | None:
    """Whether a value is who calls or theirs; None for one that is nothing."""
    if term < 0 or depth > _DEPTH:
        return None
    row = file.summary.terms[strip(file, term)]
    if isinstance(row, Const):
        return None if row.value is None else False
    if isinstance(row, Join):
        known = [_is_of_caller(file, option, depth + 1) for option in row.options]
        return any(known) if all(one is not False for one in known) else False
    if _is_caller(file, row, False):
        return True
    return isinstance(row, Attr) and _is_of_caller(file, row.base, depth + 1) is True


def _is_kept(file: FileNode, base: int, key: int) -> bool:
    """`request["user_id"]`, `info.context["user"]`: what runs before the handler has put there."""
    name = getattr(file.summary.terms[key], "value", "") if key >= 0 else ""
    row = file.summary.terms[strip(file, base)]
    holder = row.symbol.rpartition(".")[2] if isinstance(row, Name) else getattr(row, "name", "")
    return (
        isinstance(name, str)
        and isinstance(row, Param | Attr | Name)
        and holder in _KEEPERS
        and bool(CALLER_NAME.fullmatch(name) or _KEPT_ID.fullmatch(name))
    )


def _is_request(file: FileNode, term: int) -> bool:
    row = file.summary.terms[strip(file, term)]
    return isinstance(row, Param | Attr) and row.name in _REQUESTS


def _is_session(file: FileNode, term: int) -> bool:
    row = file.summary.terms[strip(file, term)]
    if isinstance(row, Attr):
        base = file.summary.terms[strip(file, row.base)]
        return row.name in ("session", "scope") and (
            (isinstance(base, Attr | Param) and getattr(base, "name", "") in _REQUESTS)
            or (isinstance(base, Name) and base.symbol.rpartition(".")[2] in _REQUESTS)
        )
    return isinstance(row, Name) and f"{row.symbol}.".startswith(_SESSIONS)


def _is_holder(file: FileNode, term: int, self_is_row: bool) -> bool:
    row = file.summary.terms[strip(file, term)]
    if isinstance(row, Attr):
        return row.name in _HOLDERS
    if isinstance(row, Param):
        return row.name in _HOLDERS and not (row.name == "self" and self_is_row)
    if isinstance(row, Item):
        # `info.context["request"]`
        return getattr(file.summary.terms[row.key], "value", "") in _REQUESTS and _is_holder(
            file, row.base, self_is_row
        )
    return isinstance(row, Name) and row.symbol.rpartition(".")[2] in _HOLDERS


@cache
def _names_caller(symbol: str) -> bool:
    """`flask_login.current_user.id`, `flask.g.user`: a module's global that stands for who calls."""
    names = symbol.split(".")
    if any(_CALLER_SYMBOL.fullmatch(name) for name in names[1:]):
        return names[-1].islower()
    return any(
        holder in ("g", "request", "context") and CALLER_NAME.fullmatch(name)
        for holder, name in pairwise(names[1:])
    )


@cache
def _names_request(symbol: str) -> bool:
    """`flask.request.json`, `flask.request.args.get`."""
    return any(holder in _REQUESTS and name in _DATA for holder, name in pairwise(symbol.split(".")))


def strip(file: FileNode, term: int) -> int:
    """The term below local names and awaits."""
    row = file.summary.terms[term]
    while isinstance(row, Local | Awaited | Entered | Star):
        term = row.base
        row = file.summary.terms[term]
    return term


def parts(file: FileNode, term: int) -> tuple[int, ...]:
    """The terms that a term is made of."""
    return parts_of(file.summary.terms[term])


def inner_terms(file: FileNode, terms: Iterable[int]) -> set[int]:
    """Terms, and everything that they are made of."""
    rows = file.summary.terms
    pending = list(terms)
    found: set[int] = set()
    while pending:
        term = pending.pop()
        if term >= 0 and term not in found:
            found.add(term)
            pending.extend(parts_of(rows[term]))
    return found


def _last(row: object) -> str:
    return row.symbol.rpartition(".")[2] if isinstance(row, Name) else ""
