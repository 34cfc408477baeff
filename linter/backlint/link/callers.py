"""Which terms speak of who calls, and which of what the request asks for."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from backlint.term import (
    Attr,
    Awaited,
    Call,
    Compare,
    Comprehension,
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
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.link.graph import LinkedFunction
    from backlint.link.index import FileNode

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
_SESSIONS = ("flask.session.", "quart.session.", "bottle.session.")
_DEPTH = 30


@dataclass(frozen=True, slots=True)
class Env:
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
    _caller: dict[int, bool] = field(default_factory=dict)
    _client: dict[int, bool] = field(default_factory=dict)

    @property
    def file(self) -> FileNode:
        return self.function.file

    def caller(self, term: int, depth: int = 0) -> bool:
        """Whether a term is, holds or was found with something of who calls."""
        if term < 0 or depth > _DEPTH:
            return False
        if term not in self._caller:
            self._caller[term] = False
            self._caller[term] = self._is_caller(term) or any(
                self.caller(part, depth + 1) for part in parts(self.file, term)
            )
        return self._caller[term]

    def client(self, term: int, depth: int = 0) -> bool:
        """Whether the client chose a value: a parameter of the request as it came."""
        if term < 0 or depth > _DEPTH:
            return False
        if term not in self._client:
            self._client[term] = False
            self._client[term] = self._is_client(term, depth)
        return self._client[term]

    def holds_object(self, term: int) -> bool:
        """Whether a term is a parameter that was given the object."""
        row = self.file.summary.terms[strip(self.file, term)]
        return isinstance(row, Param) and row.name in self.env.objects

    def _is_caller(self, term: int) -> bool:
        terms = self.file.summary.terms
        row = terms[term]
        match row:
            case Param(_, name):
                return name in self.env.caller
            case Name(symbol):
                return _names_caller(symbol)
            case Attr(base, name):
                return bool(CALLER_NAME.fullmatch(name)) and self._is_holder(base)
            case Call(function, arguments, _):
                called = terms[function]
                name = called.name if isinstance(called, Attr) else _last(called)
                if _CALLER_CALL.fullmatch(name):
                    return True
                if isinstance(called, Name) and called.symbol.startswith(_SESSIONS):
                    return True
                if isinstance(called, Attr) and name in ("get", "getattr") and arguments:
                    return self._is_session(called.base)
                if name == "getattr" and len(arguments) > 1:
                    key = getattr(terms[arguments[1]], "value", "")
                    return (
                        isinstance(key, str)
                        and bool(CALLER_NAME.fullmatch(key))
                        and self._is_holder(arguments[0])
                    )
                return False
            case Item(base, _):
                return self._is_session(base)
            case _:
                return False

    def _is_session(self, term: int) -> bool:
        row = self.file.summary.terms[strip(self.file, term)]
        if isinstance(row, Attr):
            base = self.file.summary.terms[strip(self.file, row.base)]
            return row.name in ("session", "scope") and (
                (isinstance(base, Attr | Param) and getattr(base, "name", "") in _REQUESTS)
                or (isinstance(base, Name) and base.symbol.rpartition(".")[2] in _REQUESTS)
            )
        return isinstance(row, Name) and f"{row.symbol}.".startswith(_SESSIONS)

    def _is_holder(self, term: int) -> bool:
        row = self.file.summary.terms[strip(self.file, term)]
        if isinstance(row, Attr):
            return row.name in _HOLDERS
        if isinstance(row, Param):
            return row.name in _HOLDERS and not (row.name == "self" and self.self_is_row)
        return isinstance(row, Name) and row.symbol.rpartition(".")[2] in _HOLDERS

    def _is_client(self, term: int, depth: int) -> bool:
        terms = self.file.summary.terms
        row = terms[term]
        match row:
            case Param(_, name):
                return name in self.env.client
            case Name(symbol):
                return _names_request(symbol)
            case Attr(base, name):
                return (name in _DATA and self._is_holder(base)) or self.client(base, depth + 1)
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
            case Call(function, arguments, _):
                called = terms[function]
                name = called.name if isinstance(called, Attr) else _last(called)
                if name not in _CONVERTS:
                    return False
                if self.client(function, depth + 1):
                    return True
                return any(self.client(argument, depth + 1) for argument in arguments)
            case _:
                return False


def _names_caller(symbol: str) -> bool:
    """`flask_login.current_user.id`, `flask.g.user`: a module's global that stands for who calls."""
    names = symbol.split(".")
    if any(_CALLER_SYMBOL.fullmatch(name) for name in names[1:]):
        return names[-1].islower()
    return any(
        holder in ("g", "request", "context") and CALLER_NAME.fullmatch(name)
        for holder, name in itertools.pairwise(names[1:])
    )


def _names_request(symbol: str) -> bool:
    """`flask.request.json`, `flask.request.args.get`."""
    return any(
        holder in _REQUESTS and name in _DATA for holder, name in itertools.pairwise(symbol.split("."))
    )


def strip(file: FileNode, term: int) -> int:
    """The term below local names and awaits."""
    row = file.summary.terms[term]
    while isinstance(row, Local | Awaited | Entered | Star):
        term = row.base
        row = file.summary.terms[term]
    return term


def parts(file: FileNode, term: int) -> Iterator[int]:
    """The terms that a term is made of."""
    match file.summary.terms[term]:
        case Attr(base, _) | Local(_, base) | Awaited(base) | Element(base, _) | Star(base) | Entered(base):
            yield base
        case Call(function, arguments, keywords):
            yield function
            yield from arguments
            for _, value in keywords:
                yield value
        case Item(base, key):
            yield from (base, key)
        case Join(options):
            yield from options
        case Sequence(_, items):
            yield from items
        case Mapping(entries):
            for key, value in entries:
                yield from (key, value)
        case Text(_, pieces):
            yield from pieces
        case Operation(_, operands):
            yield from operands
        case Compare(_, left, right):
            yield from (left, right)
        case Comprehension(_, element, _):
            yield element
        case _:
            return


def inner_terms(file: FileNode, terms: Iterable[int]) -> set[int]:
    """Terms, and everything that they are made of."""
    pending = list(terms)
    found: set[int] = set()
    while pending:
        term = pending.pop()
        if term >= 0 and term not in found:
            found.add(term)
            pending.extend(parts(file, term))
    return found


def _last(row: object) -> str:
    return row.symbol.rpartition(".")[2] if isinstance(row, Name) else ""
