"""What the settings of a schema class say: `Meta`, `Config`, `model_config`, class keywords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.graph import bare
from backlint.link.schemas.model import Extra, SchemaField
from backlint.link.values import ClassValue, ConstantValue, options
from backlint.term import Attr, Call, Const, Mapping, Name, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass

_UNLESS_TOLD = {
    "pydantic": Extra.IGNORE,
    "pydantic_settings": Extra.FORBID,
    "sqlmodel": Extra.IGNORE,
    "ninja": Extra.IGNORE,
    "msgspec": Extra.IGNORE,
    "dataclasses": Extra.FORBID,
    "attr": Extra.FORBID,
    "attrs": Extra.FORBID,
    "marshmallow": Extra.FORBID,
    "rest_framework": Extra.IGNORE,
    "django": Extra.IGNORE,
    "wtforms": Extra.IGNORE,
}
"""From each library's documentation; marshmallow's since version 3."""
_WORDS = {
    "forbid": Extra.FORBID,
    "RAISE": Extra.FORBID,
    "raise": Extra.FORBID,
    "ignore": Extra.IGNORE,
    "EXCLUDE": Extra.IGNORE,
    "exclude": Extra.IGNORE,
    "allow": Extra.ALLOW,
    "INCLUDE": Extra.ALLOW,
    "include": Extra.ALLOW,
}


def extra_of(evaluator: Evaluator, cls: ProjectClass, library: str) -> Extra:
    """What the class, or the nearest ancestor that says so, does with keys that no field names."""
    for ancestor in evaluator.classes.order(cls.symbol):
        owner = evaluator.classes.project_class(ancestor)
        for file, term in () if owner is None else _told(evaluator, owner, library):
            return _word(evaluator, file, term)
    return _UNLESS_TOLD.get(library, Extra.UNKNOWN)


def _told(evaluator: Evaluator, cls: ProjectClass, library: str) -> Iterator[tuple[FileNode, int]]:
    for name, term in cls.summary.keywords:
        if name == "extra" or (name == "forbid_unknown_fields" and library == "msgspec"):
            yield cls.file, term
    for attribute in cls.attributes.get("model_config", ()):
        row = cls.file.summary.terms[bare(cls.file, attribute.value)] if attribute.value >= 0 else None
        if isinstance(row, Call):
            yield from ((cls.file, term) for name, term in row.keywords if name == "extra")
        elif isinstance(row, Mapping):
            for key, value in row.entries:
                named = cls.file.summary.terms[key] if key >= 0 else None
                if isinstance(named, Const) and named.value == "extra":
                    yield cls.file, value
    for inner, name in (("Config", "extra"), ("Meta", "unknown")):
        owner = evaluator.classes.project_class(f"{cls.symbol}.{inner}")
        for attribute in () if owner is None else owner.attributes.get(name, ()):
            if owner is not None and attribute.value >= 0:
                yield owner.file, attribute.value


def _word(evaluator: Evaluator, file: FileNode, term: int) -> Extra:
    value = evaluator.value(file, term)
    if isinstance(value, ConstantValue):
        if isinstance(value.value, bool):
            return Extra.FORBID if value.value else Extra.IGNORE
        return _WORDS.get(str(value.value), Extra.UNKNOWN)
    row = file.summary.terms[bare(file, term)]
    name = (
        row.symbol.rpartition(".")[2] if isinstance(row, Name) else row.name if isinstance(row, Attr) else ""
    )
    return _WORDS.get(name, Extra.UNKNOWN)


def listed_fields(
    evaluator: Evaluator, cls: ProjectClass
) -> tuple[str, bool, tuple[SchemaField, ...] | None]:
    """Of `Meta`: the ORM class, whether all its fields are taken, and those listed by name (None without a list)."""
    metas = []
    for ancestor in evaluator.classes.order(cls.symbol):
        found = evaluator.classes.project_class(f"{ancestor}.Meta")
        if found is not None:
            metas.append(found)
            break
    if not metas:
        return "", False, None
    meta = metas[0]
    model = ""
    for owner, term in _attribute(evaluator, meta, "model"):
        for value in options(evaluator.value(owner, term)):
            if isinstance(value, ClassValue):
                model = value.symbol
    read_only = {
        name
        for owner, term in _attribute(evaluator, meta, "read_only_fields")
        for name in _names(owner, term) or ()
    }
    for owner, term in _attribute(evaluator, meta, "fields"):
        row = owner.summary.terms[bare(owner, term)]
        if isinstance(row, Const) and row.value == "__all__":
            return model, True, None
        names = _names(owner, term)
        if names is None:
            return model, False, None
        line = meta.summary.span.line
        return (
            model,
            False,
            tuple(SchemaField(name, line=line, read_only=name in read_only) for name in names),
        )
    excludes = any(True for _ in _attribute(evaluator, meta, "exclude"))
    return model, excludes and bool(model), None


def _attribute(evaluator: Evaluator, meta: ProjectClass, name: str) -> Iterator[tuple[FileNode, int]]:
    for ancestor in evaluator.classes.order(meta.symbol):
        owner = evaluator.classes.project_class(ancestor)
        for attribute in () if owner is None else reversed(owner.attributes.get(name, [])):
            if owner is not None and attribute.value >= 0:
                yield owner.file, attribute.value
                return


def _names(file: FileNode, term: int) -> list[str] | None:
    """The strings of a display; None where it holds anything else."""
    row = file.summary.terms[bare(file, term)]
    if not isinstance(row, Sequence):
        return None
    rows = [file.summary.terms[bare(file, item)] for item in row.items]
    names = [one.value for one in rows if isinstance(one, Const) and isinstance(one.value, str)]
    return names if len(names) == len(rows) else None
