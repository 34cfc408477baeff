"""One field, from the attribute that declares it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.annotations import annotation_value
from backlint.link.graph import bare
from backlint.link.schemas.model import SchemaField
from backlint.link.values import (
    ConstantValue,
    ExternalValue,
    InstanceValue,
    LibraryFunction,
    Value,
    options,
)
from backlint.term import Call, Const, Item, Local, Name, Operation, Sequence, Unknown

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode
    from backlint.summary import ClassAttribute

_HIDDEN = frozenset({"model_config", "objects", "media", "base_fields", "declared_fields", "query"})
_CLASS_LEVEL = ("ClassVar", "InitVar", "Relationship")
_DEFAULTS = ("default", "default_factory", "factory", "load_default", "missing", "initial", "server_default")
BOUNDS = frozenset(
    {
        "max_length",
        "min_length",
        "max_value",
        "min_value",
        "max_digits",
        "decimal_places",
        "ge",
        "gt",
        "le",
        "lt",
        "pattern",
        "regex",
        "choices",
        "validate",
        "validators",
        "max_items",
        "min_items",
        "multiple_of",
    }
)
_REQUIRED_UNLESS_TOLD = {"rest_framework": True, "django": True, "marshmallow": False, "wtforms": False}
_VALUES_OF_REQUIRED = frozenset({"DataRequired", "InputRequired"})


def is_hidden(name: str) -> bool:
    return name.startswith("_") or name in _HIDDEN


def annotated_field(
    evaluator: Evaluator, file: FileNode, attribute: ClassAttribute, library: str
) -> SchemaField | None:
    """`name: str = Field(max_length=80)`; None for class variables and plain attributes."""
    if attribute.annotation < 0 or _short(file, attribute.annotation) in _CLASS_LEVEL:
        return None
    declared = annotation_value(evaluator, file, attribute.annotation)
    calls = [*_calls(evaluator, file, attribute.annotation)]
    default = attribute.value
    if default >= 0 and isinstance(file.summary.terms[bare(file, default)], Call):
        made = file.summary.terms[bare(file, default)]
        if isinstance(made, Call) and _short(file, made.function) in ("Field", "field", "attrib", "ib"):
            calls.append((file, made))
            default = -1
    required = default < 0 or _is_ellipsis(file, default)
    bounds = {name for _, call in calls for name, _ in call.keywords if name in BOUNDS}
    for at, call in calls:
        names = dict(call.keywords)
        if any(name in names for name in _DEFAULTS):
            required = False
        elif call.arguments and _short(at, call.function) in ("Field", "Query", "Body", "Form"):
            required = _is_ellipsis(at, call.arguments[0])
    nullable = _allows_none(evaluator, file, attribute.annotation)
    bounds |= _bounds_of_type(evaluator, file, attribute.annotation)
    # Without a default, `int | None` must be given since Pydantic 2, and need not be before it.
    optional = library == "pydantic" and nullable and default < 0 and not calls
    return SchemaField(
        attribute.name,
        declared,
        attribute.line,
        None if optional else required,
        nullable,
        bounds=frozenset(bounds),
    )


def assigned_field(
    evaluator: Evaluator, file: FileNode, attribute: ClassAttribute, library: str
) -> SchemaField | None:
    """`name = serializers.CharField(max_length=80)`; None for what holds no field."""
    if attribute.value < 0:
        return None
    call = file.summary.terms[bare(file, attribute.value)]
    if not isinstance(call, Call):
        return None
    made = evaluator.value(file, attribute.value)
    if not any(_is_field(evaluator, single, library) for single in options(made)):
        return None
    names = dict(call.keywords)
    flags = {name: evaluator.value(file, term) for name, term in call.keywords}
    read_only = _is_true(flags.get("read_only")) or _is_true(flags.get("dump_only"))
    read_only = read_only or _short(file, call.function) in (
        "SerializerMethodField",
        "ReadOnlyField",
        "HiddenField",
    )
    required: bool | None = _REQUIRED_UNLESS_TOLD.get(library)
    if library == "django" and _short(file, call.function) in ("BooleanField", "NullBooleanField"):
        required = required and "required" not in names
    if read_only or any(
        name in names for name in _DEFAULTS if not (library == "django" and name == "initial")
    ):
        required = False
    if "required" in names:
        told = flags["required"]
        required = told.value is True if isinstance(told, ConstantValue) else None
    if library == "wtforms":
        required = any(_names_required(file, term) for term in (*call.arguments, *names.values()))
    return SchemaField(
        attribute.name,
        made,
        attribute.line,
        required,
        _is_true(flags.get("allow_null")) or _is_true(flags.get("allow_none")),
        read_only,
        _is_true(flags.get("write_only")) or _is_true(flags.get("load_only")),
        frozenset(name for name in names if name in BOUNDS),
    )


def _is_field(evaluator: Evaluator, value: Value, library: str) -> bool:
    if isinstance(value, InstanceValue):
        order = evaluator.classes.order(value.symbol)
        return (
            Role.HOLDS_FIELD in evaluator.roles(value)
            or any(
                name.startswith(f"{library}.") and ("ield" in name.rpartition(".")[2] or ".fields." in name)
                for name in order
            )
            or _is_nested(evaluator, value)
        )
    symbol = value.symbol if isinstance(value, ExternalValue | LibraryFunction) else ""
    return symbol.startswith(f"{library}.")


def _is_nested(evaluator: Evaluator, value: InstanceValue) -> bool:
    """A serializer inside a serializer."""
    return Role.DESCRIBES_DATA in evaluator.roles(value)


def _calls(evaluator: Evaluator, file: FileNode, term: int) -> list[tuple[FileNode, Call]]:
    """The calls in the metadata of `Annotated[str, Field(…)]`."""
    row = file.summary.terms[bare(file, term)]
    if not isinstance(row, Item) or _short(file, row.base) != "Annotated":
        return []
    key = file.summary.terms[row.key]
    parts = key.items[1:] if isinstance(key, Sequence) else ()
    found = [file.summary.terms[bare(file, part)] for part in parts]
    return [(file, call) for call in found if isinstance(call, Call)]


def _bounds_of_type(evaluator: Evaluator, file: FileNode, term: int) -> set[str]:
    """What a constrained type bounds: `constr(max_length=80)`, `PositiveInt`, `Literal["a", "b"]`, an enum."""
    row = file.summary.terms[bare(file, term)]
    if isinstance(row, Call):
        return {name for name, _ in row.keywords if name in BOUNDS}
    if isinstance(row, Item):
        name = _short(file, row.base)
        if name == "Literal":
            return {"choices"}
        key = file.summary.terms[row.key]
        parts = key.items if isinstance(key, Sequence) else (row.key,)
        inner = parts[:1] if name == "Annotated" else parts
        return set().union(*(_bounds_of_type(evaluator, file, part) for part in inner)) if inner else set()
    if isinstance(row, Operation):
        return set().union(*(_bounds_of_type(evaluator, file, part) for part in row.operands))
    name = _short(file, term)
    if name in ("EmailStr", "HttpUrl", "AnyUrl", "UUID", "bool", "date", "datetime"):
        return {"format"}
    if name.startswith(("Positive", "NonNegative", "Negative", "NonPositive")):
        return {"ge"}
    value = annotation_value(evaluator, file, term)
    if isinstance(value, InstanceValue):
        order = evaluator.classes.order(value.symbol)
        if any(base in ("enum.Enum", "enum.StrEnum", "enum.IntEnum") for base in order):
            return {"choices"}
    return set()


def _allows_none(evaluator: Evaluator, file: FileNode, term: int) -> bool:
    row = file.summary.terms[bare(file, term)]
    if isinstance(row, Const):
        return row.value is None
    if isinstance(row, Operation):
        return any(_allows_none(evaluator, file, part) for part in row.operands)
    if isinstance(row, Item):
        name = _short(file, row.base)
        key = file.summary.terms[row.key]
        parts = key.items if isinstance(key, Sequence) else (row.key,)
        if name == "Optional":
            return True
        if name in ("Union", "Annotated"):
            return any(_allows_none(evaluator, file, part) for part in parts)
    return False


def _is_ellipsis(file: FileNode, term: int) -> bool:
    return isinstance(file.summary.terms[bare(file, term)], Unknown)


def _is_true(value: Value | None) -> bool:
    return isinstance(value, ConstantValue) and value.value is True


def _names_required(file: FileNode, term: int) -> bool:
    row = file.summary.terms[bare(file, term)]
    if isinstance(row, Sequence):
        return any(_names_required(file, item) for item in row.items)
    return isinstance(row, Call) and _short(file, row.function) in _VALUES_OF_REQUIRED


def _short(file: FileNode, term: int) -> str:
    """The last part of a name; of a call or a generic, of what is called."""
    row = file.summary.terms[term]
    while isinstance(row, Local):
        row = file.summary.terms[row.base]
    if isinstance(row, Call):
        return _short(file, row.function)
    if isinstance(row, Item):
        return _short(file, row.base)
    if isinstance(row, Name):
        return row.symbol.rpartition(".")[2]
    return str(getattr(row, "name", ""))
