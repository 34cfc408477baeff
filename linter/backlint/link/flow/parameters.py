"""What parameters carry: by what callers pass, by what a framework injects, by their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from backlint.finding import Confidence, Evidence
from backlint.link.flow.access import passed
from backlint.link.flow.answers import HARMLESS, Answer, Frame, Origin, best
from backlint.link.flow.declared_form import TEXT_SINK, has_known_form
from backlint.link.flow.identifiers import names_number, names_secret_header
from backlint.link.flow.objects import is_harmless_annotation
from backlint.term import (
    Call,
    Item,
    Param,
    Sequence,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.flow.walk import Walk
    from backlint.link.graph import LinkedFunction

MAX_UP = 3
MAX_CALLERS = 8


_SOURCES = {
    "path": "request",
    "query": "request-query",
    "body": "request-body",
    "form": "request-body",
    "file": "request-files",
    "header": "request",
    "cookie": "request",
}
"""The library entries' words for where a framework takes a parameter from."""


def parameter(walk: Walk, frame: Frame, term: int, row: Param, block: int) -> Answer:
    target = walk.flow.graph.functions[frame.function.file.index, row.function]
    declared = next((p for p in target.summary.parameters if p.name == row.name), None)
    if declared is None:
        return None
    if is_harmless_annotation(walk, target.file, declared.annotation) and not names_number(row.name):
        return HARMLESS
    given = walk.flow.given(target, row.name)
    source = _SOURCES.get(given, "")
    if (
        source
        and TEXT_SINK in walk.label.cleaned
        and has_known_form(walk.evaluator, target.file, declared.annotation, declared.default)
    ):
        return HARMLESS
    if source in walk.label.sources:
        return walk.origin(row.name, "which the client sends", Confidence.HIGH)
    injected = _dependency(walk, frame, term, target, declared.annotation, declared.default)
    if injected is not None:
        return injected
    answers: list[Answer] = []
    for call, inner in _into(walk, frame, target):
        for value, key in passed(call, target, row.name):
            found = walk.item(inner, value, key, call.block) if key else walk.term(inner, value, call.block)
            answers.append(_from_caller(walk, call, found, row.name))
    passed_in = best(answers)
    if passed_in is HARMLESS and frame.call is None:
        passed_in = None
    if given in ("header", "cookie") and walk.label.named and names_secret_header(row.name):
        return walk.origin(row.name, f"a {given} of the request", Confidence.HIGH)
    kind = "which the client sends" if source else ""
    return walk.named_value(frame, term, row.name, passed_in, kind)


def item_of_parameter(walk: Walk, frame: Frame, row: Param, key: str, block: int) -> Answer:
    target = walk.flow.graph.functions[frame.function.file.index, row.function]
    answers: list[Answer] = []
    spread = any(p.name == row.name and p.kind == "**" for p in target.summary.parameters)
    for call, inner in _into(walk, frame, target):
        if spread:
            for keyword, value in call.row.keywords:
                if keyword == key:
                    answers.append(
                        _from_caller(walk, call, walk.pair(inner, key, value, call.block), row.name)
                    )
        for value, _ in passed(call, target, row.name):
            answers.append(_from_caller(walk, call, walk.item(inner, value, key, call.block), row.name))
    return best(answers)


def _dependency(
    walk: Walk, frame: Frame, term: int, target: LinkedFunction, annotation: int, default: int
) -> Answer:
    """What a framework hands a parameter: `Depends(oauth2_scheme)`, `Header()`."""
    terms = target.file.summary.terms
    pending = [index for index in (default, annotation) if index >= 0]
    for index in pending:
        row = terms[index]
        inside = row.key if isinstance(row, Item) else index
        parts = terms[inside]
        for part in parts.items if isinstance(parts, Sequence) else (inside,):
            call = terms[part]
            if not isinstance(call, Call):
                continue
            for argument in (call.function, *call.arguments):
                value = walk.evaluator.value(target.file, argument)
                entry = walk.evaluator.entry_of(value)
                if entry is not None and entry.source:
                    name = walk.evaluator.value_symbol(value) or getattr(value, "symbol", "")
                    what = f"which `{name.rpartition('.')[2]}` reads from the request"
                    answer = walk.by_source(frame, term, entry.source, what)
                    if answer is not None:
                        return answer
    return None


def _into(walk: Walk, frame: Frame, target: LinkedFunction) -> Iterator[tuple[Any, Frame]]:
    """The calls that give a function its parameters: the one that was walked in by, else all callers."""
    if frame.call is not None and frame.function is target and frame.outer is not None:
        yield frame.call, frame.outer
        return
    if frame.up >= MAX_UP:
        return
    for call in walk.flow.callers(target)[:MAX_CALLERS]:
        yield call, Frame(call.function, up=frame.up + 1, down=frame.down)


def _from_caller(walk: Walk, call: Any, answer: Answer, name: str) -> Answer:
    if not isinstance(answer, Origin) or call.event.span.line == 0:
        return answer
    step = Evidence(call.function.path, call.span, f"`{answer.words}` is passed for `{name}`")
    return msgspec.structs.replace(answer, evidence=(step, *answer.evidence))
