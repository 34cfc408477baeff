"""How values get from one place of the code to another: keys, arguments, returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backlint.link.arguments import call_argument
from backlint.link.flow.identifiers import identifier_words
from backlint.link.values import ClassValue, FunctionValue, InstanceValue, options
from backlint.summary import EventKind
from backlint.term import Attr, Call, Const, Item, Local, Name, Param

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import CallSite, LinkedFunction
    from backlint.link.index import FileNode
    from backlint.link.values import Value

GETTERS = frozenset({"get", "pop", "setdefault", "getlist", "getfirst"})


def keyed_access(file: FileNode, row: Call | Item) -> tuple[int, str] | None:
    """The container and the constant key of `data["key"]` or `data.get("key")`."""
    terms = file.summary.terms
    if isinstance(row, Item):
        key = terms[row.key]
        return (row.base, key.value) if isinstance(key, Const) and isinstance(key.value, str) else None
    function = terms[row.function]
    if isinstance(function, Attr) and function.name in GETTERS and row.arguments:
        key = terms[row.arguments[0]]
        if isinstance(key, Const) and isinstance(key.value, str):
            return function.base, key.value
    return None


def passed(call: CallSite, target: LinkedFunction, name: str) -> Iterator[tuple[int, str]]:
    """The terms that a call passes for a parameter: each with the key to take of it, or an empty string.

    A parameter that only `**` of the call may fill has that term with the parameter's name as the key.
    """
    if not _is_direct(call, target):
        return
    parameters = target.summary.parameters
    position = next((at for at, parameter in enumerate(parameters) if parameter.name == name), None)
    if position is None:
        return
    kind = parameters[position].kind
    names = {parameter.name for parameter in parameters}
    bound = _bound(call, target)
    if kind == "**":
        for keyword, term in call.row.keywords:
            if keyword == "**" or keyword not in names:
                yield term, ""
        return
    if kind == "*":
        for term in call.row.arguments[max(position - bound, 0) :]:
            yield term, ""
        return
    plain = position - bound if kind != "keyword" and position >= bound else None
    found = call.argument(plain, name)
    if found is not None:
        yield found, ""
        return
    spread = call_argument(call.row, "**")
    if spread is not None:
        yield spread, name


def _is_direct(call: CallSite, target: LinkedFunction) -> bool:
    """Whether the arguments of a call are the target's own: it is no callback of the callee."""
    for value in options(call.callee):
        if isinstance(value, FunctionValue) and (value.file, value.function) == target.key:
            return True
        if isinstance(value, FunctionValue | ClassValue | InstanceValue) and target.summary.cls >= 0:
            return True
    return False


def _bound(call: CallSite, target: LinkedFunction) -> int:
    """How many leading parameters the call fills by itself: `self` or `cls`."""
    if target.summary.cls < 0:
        return 0
    terms = target.file.summary.terms
    static = any(terms[term] == Name("builtins.staticmethod") for term in target.summary.decorators) or any(
        isinstance(value, FunctionValue) and value.receiver is None for value in options(call.callee)
    )
    return 0 if static else 1


def returned_terms(function: LinkedFunction) -> Iterator[tuple[int, int]]:
    """What a function hands back: the term and the block of each `return` and `yield`."""
    for event in function.summary.events:
        if event.kind == EventKind.RETURN or event.kind == EventKind.YIELD:
            yield event.term, event.block


def is_identifier(value: Value) -> bool:
    """Whether a value is a UUID, which names a thing rather than opening it."""
    return isinstance(value, InstanceValue) and value.symbol == "uuid.UUID"


def own_name(row: Any) -> str:
    """The identifier by which a term is known."""
    return row.name if isinstance(row, Local | Param | Attr) else ""


def removes(function: LinkedFunction, term: int, key: str) -> bool:
    """Whether a function takes a key out of a value or overwrites it with a literal."""
    terms = function.file.summary.terms
    for event in function.summary.events:
        row = terms[event.term] if event.term >= 0 else None
        if not isinstance(row, Item | Call) or keyed_access(function.file, row) != (term, key):
            continue
        if event.kind == EventKind.DELETE:
            return True
        if event.kind == EventKind.SET_ITEM and event.value >= 0 and isinstance(terms[event.value], Const):
            return True
        if event.kind == EventKind.CALL and isinstance(row, Call):
            method = terms[row.function]
            if isinstance(method, Attr) and method.name == "pop":
                return True
    return False


def speaks_of_devices(function: LinkedFunction) -> bool:
    """Whether `token` in a function is a device's push token, or a piece of text."""
    return bool(_OTHER_TOKENS.intersection(identifier_words(function.symbol)))


def speaks_of_passcodes(function: LinkedFunction) -> bool:
    """Whether a `code` in a function is a one-time password."""
    return bool(_PASSCODES.intersection(identifier_words(function.summary.name.rpartition(".")[2])))


_PASSCODES = frozenset({"otp", "totp", "passcode", "mfa"})
_OTHER_TOKENS = frozenset(
    {
        "push",
        "fcm",
        "apns",
        "device",
        "notification",
        "tokenizer",
        "tokenize",
        "tokens",
        "lexer",
        "parser",
        "lex",
    }
)
