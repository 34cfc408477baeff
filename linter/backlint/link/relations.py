"""Relations between ORM classes: forward ones as declared, and the reverse ones they create."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.effect import Role
from backlint.link.values import ClassValue, ConstantValue, InstanceValue, Value, instance
from backlint.summary import ClassAttribute
from backlint.term import Call, Const

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass

_MANAGER = "django.db.models.manager.RelatedManager"
_LIST = "builtins.list"


class Relation(msgspec.Struct, frozen=True):
    """One side of a relation: reading `owner.name` may load rows of `target`."""

    owner: str
    """Absolute name of the ORM class that has the attribute."""
    name: str
    target: str
    """Absolute name of the related class; empty where unknown."""
    many: bool
    path: str
    line: int
    """Where it is declared."""
    reverse: bool = False
    attribute: ClassAttribute | None = None


class Relations:
    """All relations that classes of the project declare, by the class that has the attribute."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._by_owner: dict[str, dict[str, Relation]] = {}
        self._tables: dict[str, set[str]] | None = None
        for file in evaluator.index.files:
            for summary in file.summary.classes:
                cls = evaluator.classes.project_class(f"{file.summary.module}.{summary.name}")
                if cls is not None and cls.file is file:
                    self._declare(cls)

    def find(self, symbol: str, name: str) -> Relation | None:
        """The relation behind an attribute of a class, inherited ones included."""
        for ancestor in self._evaluator.classes.order(symbol):
            found = self._by_owner.get(ancestor, {}).get(name)
            if found is not None:
                return found
        return None

    def of(self, symbol: str) -> list[Relation]:
        """All relations of a class, inherited ones included, the nearest declaration of each name."""
        found: dict[str, Relation] = {}
        for ancestor in self._evaluator.classes.order(symbol):
            for name, relation in self._by_owner.get(ancestor, {}).items():
                found.setdefault(name, relation)
        return list(found.values())

    def value(self, relation: Relation) -> Value:
        """What reading a reverse relation gives."""
        target = InstanceValue(relation.target)
        if not relation.many:
            return target
        django = self._evaluator.classes.is_subclass(relation.target, ("django.db.models.Model",))
        return instance(_MANAGER if django else _LIST, target)

    def _declare(self, cls: ProjectClass) -> None:
        for attribute in cls.summary.attributes:
            row = cls.file.summary.terms[attribute.value] if attribute.value >= 0 else None
            if not isinstance(row, Call):
                continue
            value = self._evaluator.value(cls.file, row.function)
            if Role.RELATES not in self._evaluator.roles(value):
                continue
            self._relate(cls, attribute, row, self._evaluator.value_symbol(value).rpartition(".")[2])

    def _relate(self, cls: ProjectClass, attribute: ClassAttribute, row: Call, kind: str) -> None:
        target, many = self._target(cls, attribute, row, kind)
        place = cls.file.summary.path, attribute.line
        forward = Relation(cls.symbol, attribute.name, target, many, *place, attribute=attribute)
        self._by_owner.setdefault(cls.symbol, {})[attribute.name] = forward
        name = self._reverse_name(cls, row, kind)
        if target and name:
            back = Relation(target, name, cls.symbol, not kind.startswith("OneToOne"), *place, reverse=True)
            self._by_owner.setdefault(target, {}).setdefault(name, back)

    def _target(self, cls: ProjectClass, attribute: ClassAttribute, row: Call, kind: str) -> tuple[str, bool]:
        """The related class, and whether the attribute holds many of it."""
        from backlint.link.annotations import annotation_value

        if attribute.annotation >= 0:
            declared = annotation_value(self._evaluator, cls.file, attribute.annotation)
            many = isinstance(declared, InstanceValue) and declared.symbol.startswith("builtins.")
            inner = self._evaluator.element(declared) if many else declared
            if isinstance(inner, InstanceValue):
                # `ForeignKeyRelation[Author]`: the annotation names the relation, and the class in it.
                named = next((one for one in inner.arguments if isinstance(one, InstanceValue)), None)
                if named is not None and self._evaluator.classes.project_class(inner.symbol) is None:
                    return named.symbol, many or kind.startswith("ManyToMany")
                return inner.symbol, many
        term = next((term for name, term in row.keywords if name in ("to", "argument", "model_name")), None)
        if term is None and row.arguments:
            term = row.arguments[0]
        target = "" if term is None else related_class(self._evaluator, cls.file, term, cls.symbol)
        if kind == "relationship":
            return target, not self._points_to_one(cls, row, target)
        return target, kind.startswith("ManyToMany") or kind == "GenericRelation"

    def _points_to_one(self, cls: ProjectClass, row: Call, target: str) -> bool:
        """Whether the class itself has the foreign key of a relationship, or says `uselist=False`."""
        terms = cls.file.summary.terms
        for name, term in row.keywords:
            given = terms[term]
            if name == "uselist" and isinstance(given, Const):
                return given.value is False
            if name == "secondary":
                return False
        return target in self._referenced(cls)

    def _referenced(self, cls: ProjectClass) -> set[str]:
        """The classes whose tables the columns of a class refer to, by table name."""
        terms = cls.file.summary.terms
        found: set[str] = set()
        for attribute in cls.summary.attributes:
            column = terms[attribute.value] if attribute.value >= 0 else None
            for argument in column.arguments if isinstance(column, Call) else ():
                key = terms[argument]
                if not isinstance(key, Call) or not key.arguments:
                    continue
                if self._evaluator.symbol_of(cls.file, key.function).rpartition(".")[2] != "ForeignKey":
                    continue
                given = terms[key.arguments[0]]
                if isinstance(given, Const) and isinstance(given.value, str):
                    found |= self._classes_of_table(given.value.rpartition(".")[0])
        return found

    def _classes_of_table(self, table: str) -> set[str]:
        if self._tables is None:
            self._tables = {}
            for file in self._evaluator.index.files:
                for summary in file.summary.classes:
                    named = next((one for one in summary.attributes if one.name == "__tablename__"), None)
                    row = file.summary.terms[named.value] if named is not None and named.value >= 0 else None
                    default = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", summary.name).lower()
                    name = row.value if isinstance(row, Const) and isinstance(row.value, str) else default
                    self._tables.setdefault(name, set()).add(f"{file.summary.module}.{summary.name}")
        return self._tables.get(table.rpartition(".")[2], set())

    def _reverse_name(self, cls: ProjectClass, row: Call, kind: str) -> str:
        for name, term in row.keywords:
            if name in ("related_name", "backref"):
                value = self._evaluator.value(cls.file, term)
                text = value.value if isinstance(value, ConstantValue) else None
                return text.rstrip("+") if isinstance(text, str) and not text.endswith("+") else ""
        if not self._evaluator.classes.is_subclass(cls.symbol, ("django.db.models.Model",)):
            return ""
        short = cls.summary.name.rpartition(".")[2].lower()
        return short if kind.startswith("OneToOne") else f"{short}_set"


def related_class(evaluator: Evaluator, file: FileNode, term: int, owner: str) -> str:
    """The class that a relation's argument names: itself, as `"app.Model"`, `"self"` or the user model's setting."""
    value = evaluator.value(file, term)
    if isinstance(value, ClassValue | InstanceValue):
        return value.symbol
    if isinstance(value, ConstantValue) and isinstance(value.value, str):
        if value.value == "self":
            return owner
        found = evaluator.class_named(value.value, file)
        return found.symbol if isinstance(found, ClassValue) else ""
    if evaluator.symbol_of(file, term).endswith("settings.AUTH_USER_MODEL"):
        return evaluator.user_model()
    return ""
