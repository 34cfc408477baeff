"""What the results of calls carry, and what the exceptions of calls tell, for `Flow`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.effect import Effect, Role
from backlint.finding import Confidence, Evidence
from backlint.link.arguments import call_argument
from backlint.link.effects import short_name
from backlint.link.flow.access import GETTERS, keyed_access, returned_terms
from backlint.link.flow.answers import HARMLESS, Answer, Frame, Origin, best
from backlint.link.flow.attributes import keyed, member
from backlint.link.flow.identifiers import (
    identifier_words,
    names_checking,
    names_cleaning,
    names_credential_address,
    names_secret,
    names_secret_header,
)
from backlint.link.flow.objects import shown_fields
from backlint.link.flow.raised import calls_in, catches, caught_by, escapes, raises_in, tried
from backlint.link.graph import bare
from backlint.link.values import UNKNOWN, options
from backlint.term import Attr, Awaited, Call, Const, Entered, Join, Local, Mapping, Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.libraries.entry import FunctionEntry
    from backlint.link.flow.walk import Walk
    from backlint.link.graph import CallSite
    from backlint.summary import Event
    from backlint.term import Term

MAX_DOWN = 5
_TEXT_METHODS = frozenset(
    [
        "encode",
        "decode",
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "casefold",
        "replace",
        "split",
        "rsplit",
        "partition",
        "rpartition",
        "splitlines",
        "removeprefix",
        "removesuffix",
        "ljust",
        "rjust",
        "zfill",
        "center",
        "format",
        "format_map",
        "copy",
        "items",
        "values",
        "hex",
        "tobytes",
    ]
)
"""Methods of text, bytes and dicts whose result has the receiver's content."""
_DUMPS = frozenset(
    {"model_dump", "model_dump_json", "dict", "json", "asdict", "to_dict", "as_dict", "astuple", "vars"}
)
_PRODUCERS = frozenset(
    [
        "create",
        "generate",
        "make",
        "issue",
        "get",
        "build",
        "new",
        "mint",
        "sign",
        "encode",
        "fetch",
        "refresh",
        "read",
        "load",
        "random",
        "obtain",
        "acquire",
    ]
)
_KEY = re.compile(r"[\w. -]+")

_SOURCES = {
    "request": "what the client sends",
    "request-body": "the body of the request",
    "request-query": "the query string of the request",
    "request-headers": "the headers of the request",
    "request-cookies": "the cookies of the request",
    "request-files": "a file that the client sends",
    "secret": "a secret",
    "personal-data": "personal data",
    "exception": "the text of an exception",
    "settings-object": "all settings",
}
"""What a library entry's `source` is called in evidence; others by their own name."""


def called(walk: Walk, frame: Frame, term: int, row: Call, block: int) -> Answer:
    """What the result of a call carries."""
    file = frame.function.file
    terms = file.summary.terms
    function = terms[row.function]
    site = walk.flow.site(frame.function, term)
    value = walk.evaluator.value(file, row.function)
    entry = site.entry if site is not None else None
    if entry is None:
        entry = next((found for one in options(value) if (found := walk.evaluator.entry_of(one))), None)
    name = _last_name(walk, function, value)
    label = walk.label
    if entry is not None:
        told = _described(walk, frame, term, row, entry, name, site)
        if told is not None:
            return told
    accessed = keyed_access(file, row)
    if accessed is not None and _KEY.fullmatch(accessed[1]) and (entry is None or not entry.effects):
        return keyed(walk, frame, term, *accessed, block)
    named_key = _named_access(terms, function, row)
    if named_key is not None and (entry is None or not entry.effects):
        return keyed(walk, frame, term, *named_key, block)
    if name in _DUMPS and label.named:
        if any(keyword in ("exclude", "include") for keyword, _ in row.keywords):
            return HARMLESS
        if isinstance(function, Name) and not row.arguments:
            held = walk.evaluator.symbol(function.symbol.rpartition(".")[0], file.root)
        elif isinstance(function, Attr):
            held = walk.value(frame, function.base)
        else:
            held = walk.value(frame, row.arguments[0]) if row.arguments else UNKNOWN
        fields = shown_fields(walk, frame, held, walk.words(frame, term), forced=True)
        if fields is not None:
            return fields
    if name == "getattr" and len(row.arguments) > 1:
        key = terms[row.arguments[1]]
        if isinstance(key, Const) and isinstance(key.value, str):
            base = walk.evaluator.value(file, row.arguments[0])
            return member(
                walk, frame, term, key.value, base, lambda: walk.term(frame, row.arguments[0], block), block
            )
    if isinstance(function, Attr) and (entry is None or not entry.passes) and not (site and site.targets):
        kept = _text_method(walk, frame, function, row, block)
        if kept is not None:
            return kept
    if name in GETTERS and isinstance(function, Attr):
        held_in = terms[bare(file, function.base)]
        if isinstance(held_in, Mapping):
            choices = [value for _, value in held_in.entries] + list(row.arguments[1:])
            return best(walk.term(frame, choice, block) for choice in choices)
    if (label.caught or label.queried) and isinstance(function, Attr) and not (site and site.targets):
        return walk.term(frame, function.base, block)
    if label.named and entry is None and (names_cleaning(name) or names_checking(name)):
        return HARMLESS
    if entry is not None and (entry.passes or Role.IDENTITY in entry.roles):
        return _passed_on(walk, frame, row, entry, block)
    answer = _returned(walk, frame, site)
    if (
        answer is None
        and entry is None
        and label.named
        and _makes_secret(name)
        and walk.can_be_text(frame, term)
    ):
        given = () if site is None else (Evidence(frame.function.path, site.span, f"`{name}` gives it"),)
        return walk.origin(f"{name}()", "a secret by its name", Confidence.MEDIUM, named=True, evidence=given)
    return answer


def _makes_secret(name: str) -> bool:
    """Whether a function's name says that it hands a secret out: `create_access_token`."""
    return names_secret(name) and identifier_words(name)[0] in _PRODUCERS


def _named_access(terms: tuple[Term, ...], function: Term, row: Call) -> tuple[str, str] | None:
    """The container and the key of `module.container.get("key")`."""
    if not isinstance(function, Name) or not row.arguments:
        return None
    owner, _, method = function.symbol.rpartition(".")
    key = terms[row.arguments[0]]
    if method not in GETTERS or owner.count(".") < 1 or not isinstance(key, Const):
        return None
    return (owner, key.value) if isinstance(key.value, str) and _KEY.fullmatch(key.value) else None


def _last_name(walk: Walk, function: object, value: object) -> str:
    if isinstance(function, Attr | Local):
        return function.name
    if isinstance(function, Name):
        return function.symbol.rpartition(".")[2]
    return str(getattr(value, "symbol", "")).rpartition(".")[2]


def _described(
    walk: Walk, frame: Frame, term: int, row: Call, entry: FunctionEntry, name: str, site: CallSite | None
) -> Answer:
    """What a library entry says of the result."""
    label = walk.label
    terms = frame.function.file.summary.terms
    evidence: tuple[Evidence, ...] = ()
    if site is not None:
        evidence = (
            Evidence(
                frame.function.path, site.span, f"`{name}` gives {_SOURCES.get(entry.source, entry.source)}"
            ),
        )
    if entry.source in label.wholes and row.arguments:
        key = terms[row.arguments[0]]
        if not isinstance(key, Const) or not isinstance(key.value, str):
            return None
        kind = "one of the settings" if entry.source == "settings" else "read from the environment"
        if names_secret_header(key.value):
            return walk.origin(walk.words(frame, term), kind, Confidence.HIGH, evidence=evidence)
        if names_credential_address(key.value):
            return walk.origin(
                walk.words(frame, term), f"{kind}, an address with its password", Confidence.MEDIUM
            )
        return HARMLESS
    if entry.source in label.sources or entry.source in label.wholes:
        answer = walk.by_source(frame, term, entry.source, f"which `{name}` gives")
        if isinstance(answer, Origin):
            return msgspec.structs.replace(answer, evidence=evidence)
    if label.queried and Effect.QUERIES in entry.effects:
        return walk.origin(
            walk.words(frame, term), f"which `{name}` reads from the database", Confidence.HIGH
        )
    if label.cleaned.intersection(entry.cleans) or label.ending.intersection(entry.roles):
        return HARMLESS
    return None


def _text_method(walk: Walk, frame: Frame, function: Attr, row: Call, block: int) -> Answer:
    """Methods of text and dicts that keep the content: `header.split(" ")`, `", ".join(parts)`."""
    if function.name == "join" and row.arguments:
        return walk.term(frame, row.arguments[0], block)
    if function.name not in _TEXT_METHODS:
        receiver = walk.evaluator.roles(walk.evaluator.value(frame.function.file, function.base))
        if walk.label.ending.intersection(receiver):
            return HARMLESS
        return None
    answer = walk.term(frame, function.base, block)
    if function.name in ("format", "format_map") and not isinstance(answer, Origin):
        return best(walk.term(frame, part, block) for part in (*row.arguments, *(v for _, v in row.keywords)))
    return answer


def _passed_on(walk: Walk, frame: Frame, row: Call, entry: FunctionEntry, block: int) -> Answer:
    """The arguments whose content is in the result."""
    terms = frame.function.file.summary.terms
    answers: list[Answer] = []
    name = _last_name(walk, terms[row.function], UNKNOWN)
    if walk.label.named and (name in GETTERS or name == "getattr"):
        return None
    for argument in entry.passes or (0,):
        if argument == "*":
            answers.extend(walk.term(frame, part, block) for part in row.arguments)
            answers.extend(walk.pair(frame, keyword, part, block) for keyword, part in row.keywords)
        elif argument == "self":
            function = terms[row.function]
            if isinstance(function, Attr):
                answers.append(walk.term(frame, function.base, block))
        else:
            part = call_argument(row, argument)
            if part is not None:
                answers.append(walk.term(frame, part, block))
    return best(answers)


def _returned(walk: Walk, frame: Frame, site: CallSite | None) -> Answer:
    """What project functions hand back."""
    if site is None or frame.down >= MAX_DOWN:
        return None
    answers: list[Answer] = []
    for key in site.targets[:4]:
        target = walk.flow.graph.functions[key]
        if target.summary.name.endswith(("__init__", "__post_init__")):
            return None
        inner = Frame(target, site, frame, frame.down + 1, frame.up)
        for term, block in returned_terms(target):
            answer = walk.term(inner, term, block)
            if isinstance(answer, Origin):
                step = Evidence(
                    frame.function.path, site.span, f"`{short_name(target)}` returns `{answer.words}`"
                )
                answer = msgspec.structs.replace(answer, evidence=(step, *answer.evidence))
            answers.append(answer)
    return best(answers)


def raised_by(walk: Walk, frame: Frame, handler: int) -> Answer:
    """What the exceptions that an `except` clause catches repeat in their text."""
    function = frame.function
    block = tried(function, handler)
    if block is None:
        return None
    caught = caught_by(walk.evaluator, function, handler)
    return best(_escaping(walk, frame, block, caught))


def _escaping(walk: Walk, frame: Frame, outer: int, caught: frozenset[str]) -> Iterator[Answer]:
    """What exceptions that leave a block tell: those of its calls, and those it raises."""
    function = frame.function
    for call in calls_in(function, outer):
        if walk.left <= 0:
            return
        entry = call.entry
        if (
            entry is not None
            and entry.raises is not None
            and catches(caught, entry.raises)
            and escapes(walk.evaluator, function, call.block, outer, entry.raises)
        ):
            yield _told(walk, frame, call, entry)
        if frame.down < MAX_DOWN:
            for key in call.targets[:4]:
                if walk.left <= 0:
                    return
                walk.left -= 1
                inner = Frame(walk.flow.graph.functions[key], call, frame, frame.down + 1, frame.up)
                for answer in _escaping(walk, inner, 0, caught):
                    if isinstance(answer, Origin):
                        step = Evidence(function.path, call.span, f"`{short_name(inner.function)}` raises")
                        answer = msgspec.structs.replace(answer, evidence=(step, *answer.evidence))
                    yield answer
    for event in raises_in(function, outer):
        row = function.file.summary.terms[event.term]
        if isinstance(row, Call) and escapes(walk.evaluator, function, event.block, outer, None):
            kinds = _ancestors(walk, frame, event.term)
            if caught & kinds:
                for argument in row.arguments:
                    yield _messaged(walk, frame, event, walk.term(frame, argument, event.block))


def _messaged(walk: Walk, frame: Frame, event: Event, answer: Answer) -> Answer:
    """An exception that is raised with a message which carries the label."""
    if not isinstance(answer, Origin) or answer.words == "the exception":
        return answer
    step = Evidence(frame.function.path, event.span, f"an exception is raised with `{answer.words}`")
    what = f"whose message has `{answer.words}`"
    return msgspec.structs.replace(
        answer, words="the exception", what=what, evidence=(step, *answer.evidence)
    )


def _ancestors(walk: Walk, frame: Frame, term: int) -> frozenset[str]:
    symbol = walk.evaluator.symbol_of(frame.function.file, term)
    return frozenset((*walk.evaluator.classes.order(symbol), "builtins.Exception", "builtins.BaseException"))


def _told(walk: Walk, frame: Frame, call: CallSite, entry: FunctionEntry) -> Answer:
    """What the text of a library call's exceptions repeats."""
    if entry.raises is None:
        return None
    name = call.symbol.rpartition(".")[2]
    answers: list[Answer] = []
    if "self" in entry.raises.arguments:
        function = frame.function.file.summary.terms[call.row.function]
        if isinstance(function, Attr):
            for request in _requests(walk, frame, function.base):
                answers.append(_repeated(walk, frame, request, (0, "url", "params")))
    else:
        answers.append(_repeated(walk, frame, call, entry.raises.arguments))
    found = best(answers)
    if not isinstance(found, Origin):
        return None
    step = Evidence(
        frame.function.path, call.span, f"the exceptions of `{name}` repeat the URL with its query"
    )
    what = f"which repeats the URL of `{name}` with `{found.words}`"
    return msgspec.structs.replace(found, words="the exception", what=what, evidence=(step, *found.evidence))


def _repeated(walk: Walk, frame: Frame, call: CallSite, arguments: tuple[int | str, ...]) -> Answer:
    answers: list[Answer] = []
    spread = call_argument(call.row, "**")
    for argument in arguments:
        if isinstance(argument, int):
            term = call.argument(argument)
        else:
            term = call.argument(None, argument)
            if term is None and spread is not None:
                answers.append(walk.item(frame, spread, argument, call.block))
        if term is not None:
            answers.append(walk.term(frame, term, call.block))
    return best(answers)


def _requests(walk: Walk, frame: Frame, term: int) -> Iterator[CallSite]:
    """The calls that a response may be the answer of."""
    terms = frame.function.file.summary.terms
    row = terms[term]
    while isinstance(row, Local | Awaited | Entered):
        term = row.base
        row = terms[term]
    if isinstance(row, Join):
        for choice in row.options:
            yield from _requests(walk, frame, choice)
    elif isinstance(row, Call):
        site = walk.flow.site(frame.function, term)
        if site is not None and site.entry is not None and "url" in site.entry.sinks:
            yield site
