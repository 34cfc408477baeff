"""Columns that store points in time without a zone."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import (
    Attr,
    Call,
    ClassValue,
    Const,
    FileNode,
    InstanceValue,
    Item,
    Local,
    Mapping,
    Operation,
    Project,
    Role,
    Span,
)

_COLUMNS = frozenset({"Column", "mapped_column"})
_COLUMN_TYPES = frozenset({"DateTime", "TIMESTAMP", "DATETIME"})
_INSTANT = re.compile(
    r"(?:_at|_on|_ts|_until|_since|_time)$|timestamp|created|updated|modified|deleted|expir|last_|issued|sent|paid",
    re.IGNORECASE,
)
_STANDARD_BASES = frozenset(
    {"abc", "builtins", "enum", "typing", "typing_extensions", "dataclasses", "pydantic"}
)


class NaiveColumn(NamedTuple):
    """A column of an ORM class."""

    file: FileNode
    cls: str
    name: str
    span: Span
    is_instant: bool
    """Its name says that it holds a point in time, not a time on a wall clock."""


def naive_columns(project: Project) -> Iterator[list[NaiveColumn]]:
    """Columns of type `DateTime` without `timezone=True`, class by class."""
    if not project.mentions & {"sqlalchemy", "flask_sqlalchemy", "sqlmodel"}:
        return
    mapped = _maps_datetime(project)
    for file in project.files:
        for cls in file.summary.classes:
            if _is_protocol(project, file, cls.bases):
                continue
            found = [
                NaiveColumn(
                    file, cls.name, column.name, column.span, _INSTANT.search(column.name) is not None
                )
                for column in cls.attributes
                if not column.instance
                and _is_naive(
                    project,
                    file,
                    column.value,
                    column.annotation,
                    mapped or _has_other_base(project, file, cls.name),
                )
            ]
            if found:
                yield found


def _is_protocol(project: Project, file: FileNode, bases: tuple[int, ...]) -> bool:
    """Whether a class only says what others have."""
    return any(project.evaluator.symbol_of(file, base).rpartition(".")[2] == "Protocol" for base in bases)


def _is_naive(project: Project, file: FileNode, value: int, annotation: int, mapped: bool) -> bool:
    terms = file.summary.terms
    row = terms[value] if value >= 0 else None
    if isinstance(row, Call) and _last_name(file, row.function) in _COLUMNS:
        symbol = project.evaluator.symbol_of(file, row.function)
        if not _of_sqlalchemy(symbol):
            return False
        for argument in (
            *row.arguments,
            *(term for name, term in row.keywords if name in ("type_", "sa_type")),
        ):
            naive = _naive_type(project, file, argument)
            if naive is not None:
                return naive
        if row.arguments and not isinstance(terms[row.arguments[0]], Call) and annotation < 0:
            return False
    elif row is not None:
        return False
    if annotation < 0 or not _is_mapped_datetime(project, file, annotation):
        return False
    return not mapped


def _of_sqlalchemy(symbol: str) -> bool:
    return symbol.startswith(("sqlalchemy.", "flask_sqlalchemy.", "sqlmodel."))


def _naive_type(project: Project, file: FileNode, term: int) -> bool | None:
    """Whether an argument is a datetime type without a zone; None when it is no datetime type."""
    row = file.summary.terms[_bare(file, term)]
    symbol = project.evaluator.symbol_of(file, term)
    if symbol.rpartition(".")[2] not in _COLUMN_TYPES or not _of_sqlalchemy(symbol):
        value = project.evaluator.value(file, term)
        own_type = isinstance(value, ClassValue) and "sqlalchemy" not in value.symbol
        return False if own_type else None
    if not isinstance(row, Call):
        return True
    zone = next((argument for name, argument in row.keywords if name == "timezone"), None)
    if zone is None and row.arguments:
        zone = row.arguments[0]
    if zone is None:
        return True
    return file.summary.terms[zone] == Const(False)


def _is_mapped_datetime(project: Project, file: FileNode, annotation: int) -> bool:
    """`Mapped[datetime]` and `Mapped[datetime | None]`."""
    row = file.summary.terms[annotation]
    if not isinstance(row, Item):
        return False
    key = row.key
    if project.evaluator.symbol_of(file, row.base).rpartition(".")[2] != "Mapped":
        return False
    inner = file.summary.terms[key]
    candidates: tuple[int, ...] = (key,)
    if isinstance(inner, Operation):
        candidates = inner.operands
    elif isinstance(inner, Item) and _last_name(file, inner.base) == "Optional":
        candidates = (inner.key,)
    return any(project.evaluator.symbol_of(file, one) == "datetime.datetime" for one in candidates)


def _maps_datetime(project: Project) -> bool:
    """Whether some base class has a `type_annotation_map` with an entry for `datetime`.

    Mixins take it from a base they don't name, so one anywhere in the project counts.
    """
    for file in project.files:
        for cls in file.summary.classes:
            for attribute in cls.attributes:
                if attribute.name == "type_annotation_map" and _has_datetime(project, file, attribute.value):
                    return True
        for row in file.summary.terms:
            if isinstance(row, Call):
                for name, term in row.keywords:
                    if name == "type_annotation_map" and _has_datetime(project, file, term):
                        return True
    return False


def _has_other_base(project: Project, file: FileNode, name: str) -> bool:
    """Whether a class inherits from a third party's, whose registry may map `datetime` to a type with a zone."""
    ancestors = project.evaluator.classes.order(f"{file.summary.module}.{name}")
    return any(
        (
            not _of_sqlalchemy(symbol)
            and project.evaluator.classes.project_class(symbol) is None
            and project.evaluator.classes.library_class(symbol) is None
            and symbol.partition(".")[0] not in _STANDARD_BASES
        )
        or Role.MAPS_ZONES in project.evaluator.roles(InstanceValue(symbol))
        for symbol in ancestors
    )


def _has_datetime(project: Project, file: FileNode, term: int) -> bool:
    row = file.summary.terms[term] if term >= 0 else None
    return not isinstance(row, Mapping) or any(
        key >= 0 and project.evaluator.symbol_of(file, key) == "datetime.datetime" for key, _ in row.entries
    )


def _last_name(file: FileNode, term: int) -> str:
    row = file.summary.terms[term]
    return row.name if isinstance(row, Attr) else getattr(row, "symbol", "").rpartition(".")[2]


def _bare(file: FileNode, term: int) -> int:
    row = file.summary.terms[term]
    while isinstance(row, Local):
        term = row.base
        row = file.summary.terms[term]
    return term
