"""What attributes, items by key and module-level names carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.finding import Confidence
from backlint.link.flow.access import own_name
from backlint.link.flow.answers import HARMLESS, Answer, Frame, Origin, best
from backlint.link.flow.declared_form import TEXT_SINK, field_has_known_form
from backlint.link.flow.identifiers import (
    identifier_words,
    names_credential_address,
    names_number,
    names_secret,
    names_secret_header,
)
from backlint.link.flow.labels import REQUEST, WHOLES
from backlint.link.flow.objects import described_attribute, holder, is_plain_field, shown_fields
from backlint.link.values import UNKNOWN, InstanceValue, Value, options

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.link.flow.walk import Walk
    from backlint.term import (
        Attr,
        Name,
    )


def attribute(walk: Walk, frame: Frame, term: int, row: Attr, block: int) -> Answer:
    file = frame.function.file
    base = walk.evaluator.value(file, row.base)
    if walk.label.named and names_secret(row.name):
        likely = base
        if base is UNKNOWN:
            likely = walk.evaluator.class_named(_class_name(own_name(file.summary.terms[row.base])), file)
        if is_plain_field(walk, likely, row.name) and not names_number(row.name):
            return HARMLESS
    return member(walk, frame, term, row.name, base, lambda: walk.term(frame, row.base, block), block)


def member(
    walk: Walk, frame: Frame, term: int, name: str, base: Value, walk_base: Callable[[], Answer], block: int
) -> Answer:
    """An attribute of an object: by its entry, by what is assigned to it, by the object, by its name."""
    described, kind, values = described_attribute(walk, base, name)
    if described:
        answer = walk.by_source(frame, term, described, f"an attribute `{name}` that holds one")
        if answer is not None:
            return answer
    if name == "__dict__" and walk.label.named:
        return shown_fields(walk, frame, base, walk.words(frame, term), forced=True)
    assigned = best(
        walk.term(Frame(walk.flow.graph.functions[file.index, 0], up=frame.up + 1), value, 0)
        for file, value in values
    )
    if assigned is None or (assigned is HARMLESS and kind):
        assigned = None
    if isinstance(assigned, Origin):
        return walk.named_value(frame, term, name, assigned, kind)
    if walk.label.parts:
        owner = walk_base()
        if not isinstance(owner, Origin):
            return assigned
        checked = TEXT_SINK in walk.label.cleaned and field_has_known_form(walk.evaluator, base, name)
        return HARMLESS if checked else owner
    if assigned is HARMLESS and not kind:
        return assigned
    if walk.label.named and names_credential_address(name) and _is_of_settings(walk, base):
        what = "an address of the settings, which holds a password"
        return walk.origin(walk.words(frame, term), what, Confidence.MEDIUM)
    owner = walk_base() if walk.label.wholes and names_any(name) else None
    if isinstance(owner, Origin) and owner.whole:
        kind = f"one of {owner.what}"
        if names_credential_address(name):
            return walk.origin(walk.words(frame, term), f"{kind} that holds a password", Confidence.MEDIUM)
    return walk.named_value(frame, term, name, None, kind)


def _is_of_settings(walk: Walk, base: Value) -> bool:
    return any(
        isinstance(single, InstanceValue) and holder(walk.evaluator, single) == "settings-object"
        for single in options(base)
    )


def of_name(walk: Walk, frame: Frame, term: int, row: Name, block: int) -> Answer:
    """A module-level value, or an attribute of one."""
    file = frame.function.file
    owner, _, name = row.symbol.rpartition(".")
    defined, names = walk.evaluator.index.split(row.symbol, file.root)
    if defined is not None:
        if len(names) == 1:
            target = defined.summary.names.get(name)
            if target is None:
                return None
            module = walk.flow.graph.functions[defined.index, 0]
            answer = walk.term(Frame(module, up=frame.up + 1, down=frame.down), target, 0)
            return walk.named_value(frame, term, name, answer)
        if not names:
            return None
    attribute = walk.evaluator.catalogue.attributes.get(walk.evaluator.catalogue.canonical(row.symbol))
    if attribute is not None and attribute.source:
        return walk.by_source(frame, term, attribute.source, "a value that the library keeps secret")
    base = walk.evaluator.symbol(owner, file.root) if owner else UNKNOWN
    return member(walk, frame, term, name, base, lambda: _owner(walk, frame, owner, base), block)


def _owner(walk: Walk, frame: Frame, symbol: str, base: Value) -> Answer:
    """What the object behind a dotted name carries."""
    catalogue = walk.evaluator.catalogue
    attribute = catalogue.attributes.get(catalogue.canonical(symbol))
    source = attribute.source if attribute is not None else ""
    if not source:
        owner, _, name = symbol.rpartition(".")
        outer = walk.evaluator.symbol(owner, frame.function.file.root) if owner else UNKNOWN
        source = described_attribute(walk, outer, name)[0] or next(
            (holder(walk.evaluator, one) for one in options(base) if isinstance(one, InstanceValue)), ""
        )
    short = symbol.rpartition(".")[2]
    if source in walk.label.sources:
        return walk.origin(short, f"part of `{short}`", Confidence.HIGH)
    if source in walk.label.wholes:
        return walk.origin(short, WHOLES[source], Confidence.HIGH, whole=True)
    return None


def keyed(walk: Walk, frame: Frame, term: int, base: int | str, key: str, block: int) -> Answer:
    """`base[key]` or `base.get(key)` with a constant key; `base` is a term or an absolute name."""
    spelled = walk.item(frame, base, key, block) if isinstance(base, int) else None
    if spelled is not None:
        return spelled
    owner = container(walk, frame, base, block) if walk.label.parts or walk.label.wholes else None
    if walk.label.parts:
        return owner
    if isinstance(owner, Origin) and owner.whole:
        kind = f"one of {owner.what}"
        if names_secret_header(key):
            return walk.origin(walk.words(frame, term), kind, Confidence.HIGH, evidence=owner.evidence)
        if names_credential_address(key):
            what = f"{kind} that holds a password"
            return walk.origin(walk.words(frame, term), what, Confidence.MEDIUM, evidence=owner.evidence)
        return HARMLESS
    if not walk.label.named or not (names_secret(key) or identifier_words(key) in _HEADERS):
        return None
    request = container(walk.again(REQUEST), frame, base, block)
    kind = "which the client sends" if isinstance(request, Origin) else ""
    return walk.named(frame, term, key, kind)


def container(walk: Walk, frame: Frame, base: int | str, block: int) -> Answer:
    """What the object behind a term or an absolute name carries."""
    if isinstance(base, int):
        return walk.term(frame, base, block)
    return _owner(walk, frame, base, walk.evaluator.symbol(base, frame.function.file.root))


_HEADERS = frozenset({("authorization",), ("proxy", "authorization"), ("x", "api", "key"), ("cookie",)})


def names_any(name: str) -> bool:
    """Whether an attribute of settings may be looked at closer for its name."""
    return names_secret(name) or names_credential_address(name)


def _class_name(name: str) -> str:
    """The class that a variable is likely named for: `transaction_item` → `TransactionItem`."""
    return "".join(word.capitalize() for word in identifier_words(name))
