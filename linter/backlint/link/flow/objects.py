"""What objects hold and show, for `Flow`: described attributes, declared fields, what `repr` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.finding import Confidence
from backlint.link.annotations import annotation_value
from backlint.link.flow.access import returned_terms
from backlint.link.flow.answers import Frame, Origin
from backlint.link.flow.identifiers import names_secret
from backlint.link.values import ClassValue, InstanceValue, Value, options
from backlint.summary import EventKind
from backlint.term import Call, Const, Function, Item, Operation, Sequence

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator
    from backlint.link.flow.walk import Walk
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass
    from backlint.summary import ClassAttribute

_SCHEMAS = frozenset({"pydantic.BaseModel", "pydantic.main.BaseModel", "sqlmodel.SQLModel", "ninja.Schema"})
_SETTINGS = frozenset(
    {"pydantic_settings.BaseSettings", "pydantic.BaseSettings", "pydantic_settings.main.BaseSettings"}
)
_RECORDS = frozenset(
    {
        "dataclasses.dataclass",
        "attr.s",
        "attr.define",
        "attrs.define",
        "attr.dataclass",
        "pydantic.dataclasses.dataclass",
    }
)


def holder(evaluator: Evaluator, value: InstanceValue) -> str:
    """The library entries' word for what instances of a class are, such as `settings`."""
    for ancestor in evaluator.classes.order(value.symbol):
        entry = evaluator.classes.library_class(ancestor)
        if entry is not None and entry.source:
            return entry.source
    return ""


def described_attribute(walk: Walk, base: Value, name: str) -> tuple[str, str, list[tuple[FileNode, int]]]:
    """What is known of `base.name`: the entries' word for it, its kind of field, and what is assigned to it.

    The kind is a clause such as "a column of `User`", empty where the attribute is none that the
    class declares as data.
    """
    classes = walk.evaluator.classes
    source = kind = ""
    values: list[tuple[FileNode, int]] = []
    for single in options(base):
        if not isinstance(single, InstanceValue | ClassValue):
            continue
        order = classes.order(single.symbol)
        for ancestor in order:
            entry = classes.library_class(ancestor)
            if entry is not None and name in entry.attributes:
                source = source or entry.attributes[name].source
            cls = classes.project_class(ancestor)
            for attribute in () if cls is None else cls.attributes.get(name, ()):
                if cls is not None:
                    values.extend((cls.file, term) for term in _assigned(cls.file, attribute.value))
                    kind = kind or _kind(walk, order, cls, attribute)
    return source, kind, values[:4]


def _assigned(file: FileNode, value: int) -> list[int]:
    """What a field is set to: the value, or what its factory returns (`field(default_factory=lambda: …)`)."""
    terms = file.summary.terms
    row = terms[value] if value >= 0 else None
    if isinstance(row, Call):
        for name, term in row.keywords:
            factory = terms[term]
            if name == "default_factory" and isinstance(factory, Function):
                events = file.summary.functions[factory.function].events
                return [event.term for event in events if event.kind == EventKind.RETURN]
    return [value]


def _kind(walk: Walk, order: tuple[str, ...], cls: ProjectClass, attribute: ClassAttribute) -> str:
    short = cls.summary.name.rpartition(".")[2]
    if attribute.instance:
        return ""
    if _SETTINGS.intersection(order):
        return f"a setting of `{short}`"
    if Role.STORES_ROWS in walk.evaluator.roles(InstanceValue(cls.symbol)):
        return f"a column of `{short}`"
    if _SCHEMAS.intersection(order) or _is_record(walk, cls):
        return f"a field of `{short}`"
    return ""


def _is_record(walk: Walk, cls: ProjectClass) -> bool:
    return any(walk.evaluator.symbol_of(cls.file, term) in _RECORDS for term in cls.summary.decorators)


_PLAIN_FIELDS = frozenset(
    {
        "UUIDField", "UUID", "Uuid", "GUID", "BooleanField", "Boolean", "DateTimeField", "DateTime",
        "DateField", "IntegerField", "PositiveIntegerField", "BigIntegerField", "Integer", "BigInteger", "DurationField",
        "ForeignKey", "OneToOneField", "ManyToManyField", "relationship",
    }
)  # fmt: skip


def is_harmless_annotation(walk: Walk, file: FileNode, annotation: int) -> bool:
    """Whether a declared type holds nothing but numbers, times, truths and identifiers: `int | None`."""
    if annotation < 0:
        return False
    row = file.summary.terms[annotation]
    if isinstance(row, Operation) and row.operator == "|":
        parts = [part for part in row.operands if file.summary.terms[part] != Const(None)]
        return bool(parts) and all(is_harmless_annotation(walk, file, part) for part in parts)
    if isinstance(row, Item):
        inside = file.summary.terms[row.key]
        first = inside.items[0] if isinstance(inside, Sequence) and inside.items else row.key
        symbol = walk.evaluator.symbol_of(file, row.base)
        return symbol.rpartition(".")[2] in ("Optional", "Annotated", "Mapped") and is_harmless_annotation(
            walk, file, first
        )
    symbol = walk.evaluator.symbol_of(file, annotation)
    return symbol in walk.label.harmless or symbol == "uuid.UUID"


def is_plain_field(walk: Walk, base: Value, name: str) -> bool:
    """Whether a class declares an attribute as an identifier, number, time or relation: no secret's text."""
    classes = walk.evaluator.classes
    for single in options(base):
        if not isinstance(single, InstanceValue | ClassValue):
            continue
        for ancestor in classes.order(single.symbol):
            cls = classes.project_class(ancestor)
            for attribute in () if cls is None else cls.attributes.get(name, ()):
                if cls is not None and not attribute.instance and _is_plain(walk, cls, attribute):
                    return True
    return False


def _is_plain(walk: Walk, cls: ProjectClass, attribute: ClassAttribute) -> bool:
    if is_harmless_annotation(walk, cls.file, attribute.annotation):
        return True
    row = cls.file.summary.terms[attribute.value] if attribute.value >= 0 else None
    if not isinstance(row, Call):
        return False
    symbols = [walk.evaluator.symbol_of(cls.file, term) for term in (row.function, *row.arguments[:2])]
    return any(symbol.rpartition(".")[2] in _PLAIN_FIELDS for symbol in symbols if symbol)


def shown_fields(walk: Walk, frame: Frame, value: Value, carrier: str, forced: bool = False) -> Origin | None:
    """A secret that the text of an object shows: by its own `__repr__`, or as dataclasses print fields.

    `carrier` is how the code writes the object. With `forced` the fields are taken out (`vars(x)`,
    `x.model_dump()`), whatever the class prints.
    """
    classes = walk.evaluator.classes
    for single in options(value):
        if not isinstance(single, InstanceValue) or classes.project_class(single.symbol) is None:
            continue
        order = classes.order(single.symbol)
        printed = None if forced else _own_text(walk, frame, order)
        if printed is not None:
            return _found(walk, frame, printed)
        prints = bool((_SCHEMAS | _SETTINGS).intersection(order))
        for ancestor in order:
            cls = classes.project_class(ancestor)
            if cls is None or not (forced or prints or _is_record(walk, cls)):
                continue
            for name, attributes in cls.attributes.items():
                attribute = attributes[0]
                if _is_plain(walk, cls, attribute):
                    continue
                if names_secret(name) and _is_shown(walk, cls, attribute):
                    what = f"whose text shows the field `{name}` of `{cls.summary.name}`"
                    return walk.origin(
                        carrier, what, Confidence.HIGH if _SETTINGS.intersection(order) else Confidence.MEDIUM
                    )
    return None


def _own_text(walk: Walk, frame: Frame, order: tuple[str, ...]) -> tuple[int, int] | None:
    for ancestor in order:
        cls = walk.evaluator.classes.project_class(ancestor)
        if cls is None:
            return None
        for name in ("__str__", "__repr__"):
            method = cls.method(name)
            if method is not None:
                return cls.file.index, method
    return None


def _found(walk: Walk, frame: Frame, key: tuple[int, int]) -> Origin | None:

    function = walk.flow.graph.functions[key]
    for term, block in returned_terms(function):
        answer = walk.term(Frame(function, up=frame.up + 1, down=frame.down + 1), term, block)
        if isinstance(answer, Origin):
            return answer
    return None


def _is_shown(walk: Walk, cls: ProjectClass, attribute: ClassAttribute) -> bool:
    row = cls.file.summary.terms[attribute.value] if attribute.value >= 0 else None
    if isinstance(row, Call):
        for keyword, value in row.keywords:
            shown = cls.file.summary.terms[value]
            if isinstance(shown, Const) and (keyword, shown.value) in (("repr", False), ("exclude", True)):
                return False
    declared = (
        annotation_value(walk.evaluator, cls.file, attribute.annotation)
        if attribute.annotation >= 0
        else walk.evaluator.value(cls.file, attribute.value)
    )
    found = options(declared)
    if walk.label.ending.intersection(walk.evaluator.roles(declared)):
        return False
    return not all(
        isinstance(single, InstanceValue) and single.symbol in walk.label.harmless for single in found
    )
