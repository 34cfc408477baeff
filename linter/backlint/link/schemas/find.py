"""Finds the fields of classes that describe data, library by library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.schemas.declared import annotated_field, assigned_field, is_hidden
from backlint.link.schemas.meta import extra_of, listed_fields
from backlint.link.schemas.model import Extra, Schema, SchemaField
from backlint.term import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.members import ProjectClass

_ANNOTATED = frozenset(
    {"pydantic", "pydantic_settings", "sqlmodel", "ninja", "msgspec", "dataclasses", "attr", "attrs"}
)
"""Libraries whose fields are the annotated attributes; of the others, those that hold a field object."""
_PLAIN = frozenset({"builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol", "enum.Enum"})


class Schemas:
    """Every class of the project that describes data, by absolute name."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._found: dict[str, Schema | None] = {}

    def get(self, symbol: str) -> Schema | None:
        """The schema that a class is; None for other classes and those of libraries."""
        if symbol not in self._found:
            self._found[symbol] = None
            cls = self._evaluator.classes.project_class(symbol)
            library = "" if cls is None else self._library(cls)
            if cls is not None and library:
                self._found[symbol] = self._schema(cls, library)
        return self._found[symbol]

    def __iter__(self) -> Iterator[Schema]:
        for file in self._evaluator.index.files:
            for summary in file.summary.classes:
                found = self.get(f"{file.summary.module}.{summary.name}")
                if found is not None:
                    yield found

    def _library(self, cls: ProjectClass) -> str:
        """The import name of the library that makes the class a schema; empty where none does."""
        evaluator = self._evaluator
        for term in cls.summary.decorators:
            value = evaluator.value(cls.file, _callee(cls, term))
            if Role.DESCRIBES_DATA in evaluator.roles(value):
                return evaluator.value_symbol(value).partition(".")[0]
        for ancestor in evaluator.classes.order(cls.symbol)[1:]:
            project = evaluator.classes.project_class(ancestor)
            if project is not None:
                found = self.get(ancestor)
                if found is not None:
                    return found.library
            entry = evaluator.classes.library_class(ancestor)
            if entry is not None and Role.DESCRIBES_DATA in entry.roles:
                return ancestor.partition(".")[0]
        return ""

    def _schema(self, cls: ProjectClass, library: str) -> Schema:
        fields: dict[str, SchemaField] = {}
        complete = True
        for ancestor in reversed(self._evaluator.classes.order(cls.symbol)):
            owner = self._evaluator.classes.project_class(ancestor)
            if owner is None:
                complete = complete and self._is_described(ancestor)
                continue
            fields.update(self._own(owner, library))
        model, every, listed = listed_fields(self._evaluator, cls)
        for field in listed or ():
            fields.setdefault(field.name, field)
        chosen = {field.name for field in listed} if listed is not None else None
        if model and chosen is not None:
            fields = {name: field for name, field in fields.items() if name in chosen}
        return Schema(
            cls.symbol,
            library,
            cls.file.summary.path,
            cls.summary.span.line,
            fields,
            extra_of(self._evaluator, cls, library) if complete else Extra.UNKNOWN,
            model,
            every,
            complete and not every and (not model or listed is not None),
        )

    def _is_described(self, symbol: str) -> bool:
        return symbol in _PLAIN or self._evaluator.classes.library_class(symbol) is not None

    def _own(self, cls: ProjectClass, library: str) -> Iterator[tuple[str, SchemaField]]:
        """The fields that a class itself declares."""
        for attribute in cls.summary.attributes:
            if attribute.instance or is_hidden(attribute.name):
                continue
            if library in _ANNOTATED:
                field = annotated_field(self._evaluator, cls.file, attribute, library)
            else:
                field = assigned_field(self._evaluator, cls.file, attribute, library)
            if field is not None:
                yield attribute.name, field


def _callee(cls: ProjectClass, term: int) -> int:
    row = cls.file.summary.terms[term]
    return row.function if isinstance(row, Call) else term
