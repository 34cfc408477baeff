"""What a query of the flow of values finds, and where it stands while it looks."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from backlint.finding import Confidence, Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backlint.link.graph import CallSite, LinkedFunction


class Origin(msgspec.Struct, frozen=True):
    """What a value carries, and how that is known."""

    label: str
    words: str
    """The part of the value that carries it, as the code writes it: `user.password`."""
    what: str
    """Where it comes from, as a clause about `words`: "which `jwt.encode` returns"."""
    confidence: Confidence
    named: bool = False
    """Known by a name only."""
    whole: bool = False
    """A container of which some parts carry it: all headers, all settings."""
    evidence: tuple[Evidence, ...] = ()
    """The steps from the value back to its source, that of the sink left out."""


class Frame(NamedTuple):
    """A function that is being looked at, and the call through which the walk came into it."""

    function: LinkedFunction
    call: CallSite | None = None
    outer: Frame | None = None
    down: int = 0
    """Calls entered on the way here."""
    up: int = 0
    """Callers gone out to on the way here."""


class Known(Enum):
    """What can be known of a value besides its origin."""

    HARMLESS = 0


HARMLESS = Known.HARMLESS
Answer = Origin | Known | None


def best(answers: Iterable[Answer]) -> Answer:
    """The surest origin; harmless where every answer is."""
    found: Origin | None = None
    unknown = False
    count = 0
    for answer in answers:
        count += 1
        if isinstance(answer, Origin):
            if found is None or _rank(answer) > _rank(found):
                found = answer
        elif answer is None:
            unknown = True
    return found or (None if unknown or not count else HARMLESS)


def _rank(origin: Origin) -> tuple[int, bool, int]:
    return origin.confidence.rank, not origin.named, -len(origin.evidence)
