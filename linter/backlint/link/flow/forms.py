"""What displays, texts, operations and the other plain forms of expressions carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backlint.link.callers import inner_terms
from backlint.link.flow.access import keyed_access
from backlint.link.flow.answers import HARMLESS, Answer, Frame, Origin, best
from backlint.link.flow.attributes import keyed
from backlint.link.flow.identifiers import names_secret
from backlint.link.graph import bare
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Compare,
    Comprehension,
    Const,
    Element,
    Entered,
    Instance,
    Item,
    Join,
    Mapping,
    Operation,
    Param,
    Sequence,
    Slice,
    Star,
    Text,
)

if TYPE_CHECKING:
    from backlint.link.flow.walk import Walk


def subscript(walk: Walk, frame: Frame, term: int, row: Item, block: int) -> Answer:
    terms = frame.function.file.summary.terms
    key = terms[row.key]
    if isinstance(key, Slice):
        return HARMLESS if walk.label.named and _masks(terms, key) else walk.term(frame, row.base, block)
    if _is_scope(frame, row.base) and isinstance(key, Const) and key.value == "headers":
        return walk.by_source(frame, term, "request-headers", "the headers of the request")
    accessed = keyed_access(frame.function.file, row)
    if accessed is not None:
        return keyed(walk, frame, term, *accessed, block)
    if isinstance(key, Const) and isinstance(key.value, int):
        spelled = walk.item(frame, row.base, key.value, block)
        if spelled is not None:
            return spelled
        base = bare(frame.function.file, row.base)
        site = walk.flow.site(frame.function, base) if isinstance(terms[base], Call) else None
        if walk.label.named and site is not None and site.targets:
            return None
    answer = walk.term(frame, row.base, block)
    return None if isinstance(answer, Origin) and answer.whole else answer


def _is_scope(frame: Frame, term: int) -> bool:
    """Whether a term is the scope that an ASGI application gets, beside `receive` and `send`.

    https://asgi.readthedocs.io/en/stable/specs/www.html#http-connection-scope
    """
    row = frame.function.file.summary.terms[term]
    given = {parameter.name for parameter in frame.function.summary.parameters}
    return isinstance(row, Param) and row.name == "scope" and given >= {"receive", "send"}


def element(walk: Walk, frame: Frame, term: int, row: Element, block: int) -> Answer:
    terms = frame.function.file.summary.terms
    base = terms[row.base]
    if isinstance(base, Call) and isinstance(terms[base.function], Attr):
        method = terms[base.function]
        if isinstance(method, Attr) and (
            method.name == "keys" or (method.name == "items" and row.position == 0)
        ):
            return HARMLESS if walk.label.named else walk.term(frame, method.base, block)
    if walk.label.named and row.position >= 0:
        return None
    answer = walk.term(frame, row.base, block)
    return None if isinstance(answer, Origin) and (answer.whole or answer.named) else answer


def join(walk: Walk, frame: Frame, term: int, row: Join, block: int) -> Answer:
    terms = frame.function.file.summary.terms
    return best(
        walk.term(frame, choice, block) for choice in row.options if not isinstance(terms[choice], Instance)
    )


def mapping(walk: Walk, frame: Frame, term: int, row: Mapping, block: int) -> Answer:
    terms = frame.function.file.summary.terms
    answers = []
    replaced: set[str] = set()
    for key, value in reversed(row.entries):
        shown = terms[key] if key >= 0 else None
        if isinstance(shown, Const) and isinstance(shown.value, str):
            if shown.value not in replaced:
                answers.append(walk.pair(frame, shown.value, value, block))
            replaced.add(shown.value)
        elif key >= 0 or not _is_replaced(walk, frame, value, replaced):
            answers.append(walk.term(frame, value, block))
    return best(reversed(answers))


def _is_replaced(walk: Walk, frame: Frame, base: int, later: set[str]) -> bool:
    """Whether what makes a dict secret is set to something else after it: `{**data, "password": "***"}`."""
    secrets = {key for key in walk.flow.keys(frame.function.file, base) if names_secret(key)}
    return walk.label.named and bool(secrets) and secrets <= later


def text(walk: Walk, frame: Frame, term: int, row: Text, block: int) -> Answer:
    return best(walk.term(frame, part, block) for part in row.parts)


def sequence(walk: Walk, frame: Frame, term: int, row: Sequence, block: int) -> Answer:
    return best(walk.term(frame, item, block) for item in row.items)


def operation(walk: Walk, frame: Frame, term: int, row: Operation, block: int) -> Answer:
    if row.operator in ("or", "+", "%", "|"):
        return best(walk.term(frame, operand, block) for operand in row.operands)
    if row.operator == "and":
        return walk.term(frame, row.operands[-1], block)
    return HARMLESS


def comprehension(walk: Walk, frame: Frame, term: int, row: Comprehension, block: int) -> Answer:
    answer = walk.term(frame, row.element, row.block)
    if walk.label.named and row.kind == "dict" and not isinstance(answer, Origin):
        # `{name.decode(): value.decode() for name, value in scope["headers"]}` is all of them, in another form.
        terms = frame.function.summary.blocks[row.block].terms
        origin = walk.term(frame, terms[0], row.block) if len(terms) == 1 else None
        whole = isinstance(origin, Origin) and origin.whole
        return origin if whole and not _chooses(frame, row.element, terms[0]) else None
    return None if isinstance(answer, Origin) and answer.whole else answer


def _chooses(frame: Frame, element: int, iterable: int) -> bool:
    """Whether anything but the element itself asks about what is iterated: `if name in KEPT`."""
    file = frame.function.file
    inside = inner_terms(file, [element])
    for index, row in enumerate(file.summary.terms):
        asked: tuple[int, ...] = ()
        if isinstance(row, Compare):
            asked = (row.left, row.right)
        elif isinstance(row, Call) and index not in inside:
            called = file.summary.terms[row.function]
            asked = (*row.arguments, *((called.base,) if isinstance(called, Attr) else ()))
        for one in asked:
            held = file.summary.terms[bare(file, one)]
            if isinstance(held, Call):
                called = file.summary.terms[held.function]
                held = file.summary.terms[bare(file, called.base)] if isinstance(called, Attr) else held
            if isinstance(held, Element) and held.base == iterable:
                return True
    return False


def through(walk: Walk, frame: Frame, term: int, row: Awaited | Entered | Star, block: int) -> Answer:
    return walk.term(frame, row.base, block)


_MASK_LENGTH = 12
"""A slice up to here shows a part that is kept on purpose: `token[:8]`."""


def _masks(terms: tuple[Any, ...], row: Slice) -> bool:
    """Whether a slice keeps a few characters only: `[:4]`, `[-4:]`."""

    def number(index: int) -> int | None:
        found = terms[index] if index >= 0 else None
        return found.value if isinstance(found, Const) and isinstance(found.value, int) else None

    upper, lower = number(row.upper), number(row.lower)
    return (upper is not None and 0 < upper <= _MASK_LENGTH) or (lower is not None and lower < 0)


def harmless(walk: Walk, frame: Frame, term: int, row: Any, block: int) -> Answer:
    return HARMLESS
