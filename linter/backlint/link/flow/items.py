"""What one item of a container carries, where the code spells the container out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.flow.access import returned_terms
from backlint.link.flow.answers import Answer, Frame, best
from backlint.link.flow.parameters import item_of_parameter
from backlint.term import Awaited, Call, Const, Join, Local, Mapping, Name, Param, Sequence, Star

if TYPE_CHECKING:
    from backlint.link.flow.walk import Walk

MAX_DOWN = 5


def item(walk: Walk, frame: Frame, term: int, key: str | int, block: int) -> Answer:
    """The item under a constant key or index, through names, branches, parameters and returned displays."""
    terms = frame.function.file.summary.terms
    row = terms[term]
    match row:
        case Local(_, base) | Awaited(base) | Star(base):
            return walk.item(frame, base, key, block)
        case Join(choices):
            return best(walk.item(frame, choice, key, block) for choice in choices)
        case Sequence(_, items) if isinstance(key, int):
            plain = not any(isinstance(terms[part], Star) for part in items)
            return walk.term(frame, items[key], block) if plain and -len(items) <= key < len(items) else None
        case Mapping(entries):
            for name, value in entries:
                shown = terms[name] if name >= 0 else None
                if isinstance(shown, Const) and shown.value == key:
                    return _under(walk, frame, key, value, block)
            return best(walk.item(frame, value, key, block) for name, value in entries if name < 0)
        case Call():
            return _of_call(walk, frame, term, row, key, block)
        case Param() if isinstance(key, str):
            return item_of_parameter(walk, frame, row, key, block)
    return None


def _under(walk: Walk, frame: Frame, key: str | int, value: int, block: int) -> Answer:
    return walk.pair(frame, key, value, block) if isinstance(key, str) else walk.term(frame, value, block)


def _of_call(walk: Walk, frame: Frame, term: int, row: Call, key: str | int, block: int) -> Answer:
    """`dict(key=value)`, or what the project function returns."""
    terms = frame.function.file.summary.terms
    if isinstance(terms[row.function], Name):
        for keyword, value in row.keywords:
            if keyword == key:
                return _under(walk, frame, key, value, block)
    site = walk.flow.site(frame.function, term)
    if site is None or not site.targets or frame.down >= MAX_DOWN:
        return None
    answers: list[Answer] = []
    for target in site.targets[:4]:
        function = walk.flow.graph.functions[target]
        inner = Frame(function, site, frame, frame.down + 1, frame.up)
        answers.extend(walk.item(inner, value, key, place) for value, place in returned_terms(function))
    return best(answers)
