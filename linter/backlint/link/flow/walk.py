"""Walks back from a value, term by term, for `Flow`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from backlint.finding import Confidence, Evidence
from backlint.link.flow.access import (
    is_identifier,
    own_name,
    removes,
    speaks_of_devices,
    speaks_of_passcodes,
)
from backlint.link.flow.answers import HARMLESS, Answer, Frame, Origin
from backlint.link.flow.attributes import attribute, of_name
from backlint.link.flow.calls import called, raised_by
from backlint.link.flow.forms import (
    comprehension,
    element,
    harmless,
    join,
    mapping,
    operation,
    sequence,
    subscript,
    text,
    through,
)
from backlint.link.flow.identifiers import identifier_words, names_identifier, names_number, names_secret
from backlint.link.flow.items import item
from backlint.link.flow.labels import WHOLES, Label
from backlint.link.flow.objects import holder, shown_fields
from backlint.link.flow.parameters import parameter
from backlint.link.flow.raised import handler_of
from backlint.link.graph import bare
from backlint.link.values import UNKNOWN, ClassValue, InstanceValue, Value, options
from backlint.link.words import words
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Caught,
    Compare,
    Comprehension,
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
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.link.flow.query import Flow

_CODES = (("code",), ("pin",))
_COUNTS = (("count",), ("counts",), ("total",), ("number",), ("size",), ("length",))
BUDGET = 400
"""Terms that one query looks at."""
_CREDENTIAL_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
_TEXT_TYPES = ("builtins.", "typing.", "collections.")


class Walk:
    """One query: what it looks for, what it has seen, and how much it may still look at."""

    def __init__(self, flow: Flow, label: Label) -> None:
        self.flow = flow
        self.label = label
        self.evaluator = flow.evaluator
        self.left = BUDGET
        self._answers: dict[tuple[int, int, int, int, int], Answer] = {}

    def term(self, frame: Frame, term: int, block: int) -> Answer:
        """What a term of the frame's file carries, used in `block` of the frame's function."""
        if term < 0 or self.left <= 0:
            return None
        function = frame.function
        call = id(frame.call) if frame.call is not None else 0
        key = (function.file.index, function.index, term, call, block)
        if key in self._answers:
            return self._answers[key]
        self.left -= 1
        self._answers[key] = None
        row = function.file.summary.terms[term]
        answer = self._by_type(frame, term, row)
        if answer is None:
            handler = _HANDLERS.get(row.__class__)
            answer = None if handler is None else handler(self, frame, term, row, block)
        self._answers[key] = answer
        return answer

    def _by_type(self, frame: Frame, term: int, row: Any) -> Answer:
        value = self.evaluator.value(frame.function.file, term)
        if value is UNKNOWN:
            return None
        found = options(value)
        label = self.label
        if all(isinstance(single, InstanceValue) and single.symbol in label.harmless for single in found):
            name = own_name(row)
            if label.named and name and names_number(name):
                return self.named(frame, term, name, "")
            return HARMLESS
        if label.ending.intersection(self.evaluator.roles(value)):
            return HARMLESS
        if label.named and isinstance(row, Attr | Name) and all(is_identifier(single) for single in found):
            return HARMLESS
        for single in found:
            if isinstance(single, InstanceValue):
                source = holder(self.evaluator, single)
                if source in label.sources or source in label.wholes:
                    what = f"an instance of `{single.symbol.rpartition('.')[2]}`"
                    if source in label.wholes:
                        what = WHOLES[source]
                    return self.origin(
                        self.words(frame, term), what, Confidence.HIGH, whole=source in label.wholes
                    )
        return None

    def value(self, frame: Frame, term: int) -> Value:
        return self.evaluator.value(frame.function.file, term)

    def words(self, frame: Frame, term: int) -> str:
        return words(frame.function.file.summary, term)

    def origin(
        self,
        carrier: str,
        what: str,
        confidence: Confidence,
        *,
        named: bool = False,
        whole: bool = False,
        evidence: tuple[Evidence, ...] = (),
    ) -> Origin:
        return Origin(self.label.name, carrier, what, confidence, named, whole, evidence)

    def named(self, frame: Frame, term: int, name: str, kind: str) -> Origin:
        """An origin that the name alone gives; `kind` says which field it is where that is known."""
        confidence = Confidence.HIGH if kind else Confidence.MEDIUM
        return self.origin(
            self.words(frame, term), kind or "a secret by its name", confidence, named=not kind
        )

    def by_source(self, frame: Frame, term: int, source: str, what: str) -> Answer:
        """The origin that a library entry's word for a value gives, if it is one of the label's."""
        if not source:
            return None
        if source in self.label.sources:
            return self.origin(self.words(frame, term), what, Confidence.HIGH)
        if source in self.label.wholes:
            return self.origin(self.words(frame, term), WHOLES[source], Confidence.HIGH, whole=True)
        return None

    def item(self, frame: Frame, term: int, key: str | int, block: int) -> Answer:
        """What `term[key]` carries where the code spells the container out; None where it doesn't."""
        if term < 0 or self.left <= 0:
            return None
        self.left -= 1
        return item(self, frame, term, key, block)

    def again(self, label: Label) -> Walk:
        """Another query inside this one."""
        return Walk(self.flow, label)

    def pair(self, frame: Frame, key: str, value: int, block: int) -> Answer:
        """A value under a key: its own origin, or what the key's name says of it."""
        answer = self.term(frame, value, block)
        if (
            (answer is None or (answer is HARMLESS and self._is_bearer(frame, key, value)))
            and self.label.named
            and (self._is_secret_name(frame, key) or key.lower() in _CREDENTIAL_HEADERS)
            and not self._is_count(frame, value)
            and self.can_be_text(frame, value)
        ):
            return self.origin(key, "a secret by its name", Confidence.MEDIUM, named=True)
        return answer

    def _is_count(self, frame: Frame, value: int) -> bool:
        """Whether a variable is called a number of things: `{"refresh_tokens": removed_count}`."""
        row = frame.function.file.summary.terms[value]
        name = row.name if isinstance(row, Local | Param) else ""
        return identifier_words(name)[-1:] in _COUNTS

    def _is_bearer(self, frame: Frame, key: str, value: int) -> bool:
        """Whether a header of credentials is put together of something that is no literal: `f"Bearer {key}"`."""
        rows = frame.function.file.summary.terms
        made = rows[bare(frame.function.file, value)]
        if key.lower() not in _CREDENTIAL_HEADERS or not isinstance(made, Text):
            return False
        return any(
            isinstance(rows[bare(frame.function.file, part)], Item | Attr | Name) for part in made.parts
        )

    def can_be_text(self, frame: Frame, term: int) -> bool:
        """Whether formatting a value may show its content: objects show none unless their class says so."""
        value = self.evaluator.value(frame.function.file, term)
        return all(
            not isinstance(single, InstanceValue | ClassValue) or single.symbol.startswith(_TEXT_TYPES)
            for single in options(value)
        )

    def named_value(self, frame: Frame, term: int, name: str, base: Answer, kind: str = "") -> Answer:
        """Joins what the base of a named value tells with what its name says."""
        if base is HARMLESS:
            return base
        if isinstance(base, Origin):
            if self.label.named and not base.named and names_identifier(name):
                return HARMLESS
            carrier = base.words if base.whole else self.words(frame, term)
            if base.named and not base.what.startswith(("which", "whose")) and carrier != base.words:
                return msgspec.structs.replace(base, words=carrier, what=f"which holds `{base.words}`")
            return msgspec.structs.replace(base, words=carrier)
        if self.label.named:
            shown = shown_fields(self, frame, self.value(frame, term), self.words(frame, term))
            if shown is not None:
                return shown
            if (names_secret(name) if kind else self._is_secret_name(frame, name)) and self.can_be_text(
                frame, term
            ):
                return self.named(frame, term, name, kind)
            return self._read_by_key(frame, term)
        return None

    def _is_secret_name(self, frame: Frame, name: str) -> bool:
        """Whether a name alone makes a secret here: `token` is something else in a parser."""
        if identifier_words(name) == ("token",) and speaks_of_devices(frame.function):
            return False
        if identifier_words(name) in _CODES and speaks_of_passcodes(frame.function):
            return True
        return names_secret(name)

    def _read_by_key(self, frame: Frame, term: int) -> Answer:
        """A container of which the same function reads or sets a secret by its key."""
        if not self.can_be_text(frame, term):
            return None
        file = frame.function.file
        for key in sorted(self.flow.keys(file, term)):
            if names_secret(key):
                if removes(frame.function, term, key):
                    return HARMLESS
                carrier = self.words(frame, term)
                return self.origin(
                    f"{carrier}[{key!r}]", f"part of `{carrier}`", Confidence.MEDIUM, named=True
                )
        return None

    def local(self, frame: Frame, term: int, row: Local, block: int) -> Answer:
        terms = frame.function.file.summary.terms
        if isinstance(terms[row.base], Element) and identifier_words(row.name) == ("token",):
            return self.term(frame, row.base, block)
        return self.named_value(frame, term, row.name, self.term(frame, row.base, block))

    def call(self, frame: Frame, term: int, row: Call, block: int) -> Answer:
        return called(self, frame, term, row, block)

    def exception(self, frame: Frame, term: int, row: Caught, block: int) -> Answer:
        if self.label.caught:
            return self.origin("", "the text of an exception", Confidence.HIGH)
        return self.caught(frame, block)

    def caught(self, frame: Frame, block: int) -> Answer:
        """What the exception handled in a block repeats in its text."""
        function = frame.function
        handler = handler_of(function, block)
        if handler is None:
            return None
        if self.label.caught:
            return self.origin("", "the text of an exception", Confidence.HIGH)
        return raised_by(self, frame, handler)


_HANDLERS: dict[type, Callable[[Walk, Frame, int, Any, int], Answer]] = {
    Name: of_name,
    Attr: attribute,
    Call: Walk.call,
    Const: harmless,
    Compare: harmless,
    Param: parameter,
    Item: subscript,
    Element: element,
    Entered: through,
    Awaited: through,
    Star: through,
    Join: join,
    Sequence: sequence,
    Mapping: mapping,
    Text: text,
    Operation: operation,
    Comprehension: comprehension,
    Local: Walk.local,
    Caught: Walk.exception,
}
