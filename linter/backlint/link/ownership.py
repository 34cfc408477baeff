"""Whose the rows of a table are: the columns that tie a row to a user or tenant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.term import Attr, Call, Const, Name

if TYPE_CHECKING:
    from backlint.link.index import FileNode
    from backlint.link.models import Model
    from backlint.link.project import Project
    from backlint.link.relations import Relation
    from backlint.term import Term

_OWNER = re.compile(
    r"(?:user|owner|author|account|customer|tenant|organi[sz]ation|org|workspace|team|company|organi[sz]er|member"
    r"|sender|receiver|recipient|patient|client|seller|merchant|vendor|employee|host|profile)(?:_?(?:id|uuid|pk|fk))?",
    re.IGNORECASE,
)
"""Names of columns that say whose a row is. `created_by` and the like are records of what happened."""
_PEOPLE = frozenset({"user", "users", "account", "accounts", "customuser", "appuser", "auth_user"})
_TENANTS = frozenset(
    {
        "tenant",
        "organization",
        "organisation",
        "workspace",
        "team",
        "company",
        "tenants",
        "organizations",
        "teams",
    }
)
_PASSWORD = re.compile(
    r"(?:hashed_?)?(?:password|passwd|pwd|pw)(?:_?(?:hash|digest|hashed|enc))?", re.IGNORECASE
)
"""Columns that only those have who sign in."""
_ROLE = re.compile(r"(?:user_?|account_?)?roles?|kind|user_?type", re.IGNORECASE)
_MAX_DEPTH = 2
_RECORD = re.compile(r"(?:created|updated|modified|deleted|approved|assigned|closed)_?by", re.IGNORECASE)


class Owner(msgspec.Struct, frozen=True):
    """The way from a row to whose it is."""

    column: str
    """The attribute, or the path of attributes joined by `__`: `order__user`."""
    direct: bool
    """The row itself names its owner; else its parent does."""


class Owners:
    """Owners of the ORM classes of a project, each looked for once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._found: dict[str, Owner | None] = {}
        self._first: frozenset[str] | None = None

    def of(self, symbol: str) -> Owner | None:
        """What ties rows of a class to a user or tenant; None where nothing does."""
        if symbol not in self._found:
            self._found[symbol] = None
            self._found[symbol] = self._search(symbol, 0)
        return self._found[symbol]

    def is_person(self, symbol: str) -> bool:
        """Whether a class stores the users themselves."""
        if symbol == self._project.evaluator.user_model() or _last(symbol) in _PEOPLE:
            return True
        model = self._project.model(symbol)
        return model is not None and any(_PASSWORD.fullmatch(name) for name in model.fields)

    def is_tenant(self, symbol: str) -> bool:
        """Whether a class stores the tenants themselves."""
        return _last(symbol) in _TENANTS

    def columns(self, symbol: str) -> frozenset[str]:
        """The columns of a class that name, by themselves and by what they point to, the user a row belongs to."""
        model = self._project.model(symbol)
        if model is None:
            return frozenset()
        found = {
            name
            for relation in model.relations.values()
            if not relation.many and not relation.reverse and self.is_person(relation.target)
            for name in (relation.name, f"{relation.name}_id")
        }
        found |= {
            field.name
            for field in model.fields.values()
            if not field.primary and field.references and self._points_at_people(field.references)
        }
        return frozenset(name for name in found if _OWNER.fullmatch(name))

    def parents(self, symbol: str) -> list[str]:
        """The classes that rows of a class belong to, people left out."""
        model = self._project.model(symbol)
        if model is None:
            return []
        relations = [one for one in model.relations.values() if not one.many and not one.reverse]
        found = dict.fromkeys(target for _, target in self._parents(model, relations))
        return [target for target in found if target != symbol and not self.is_person(target)]

    def first_roles(self) -> frozenset[str]:
        """Roles that people have from the start, in lower case: the default of their `role`."""
        if self._first is None:
            found: set[str] = set()
            classes = self._project.evaluator.classes
            for model in self._project.models:
                cls = classes.project_class(model.symbol) if self.is_person(model.symbol) else None
                for attribute in () if cls is None else cls.summary.attributes:
                    if cls is not None and _ROLE.fullmatch(attribute.name) and attribute.value >= 0:
                        found |= _default(cls.file, attribute.value)
            self._first = frozenset(found)
        return self._first

    def _search(self, symbol: str, depth: int) -> Owner | None:
        model = self._project.model(symbol)
        if model is None or depth > _MAX_DEPTH:
            return None
        relations = [
            relation
            for relation in model.relations.values()
            if not relation.many and not relation.reverse and not _RECORD.fullmatch(relation.name)
        ]
        direct = self._direct(model, relations)
        if direct:
            return Owner(direct, direct=True)
        for name, target in self._parents(model, relations):
            if target != symbol and not self.is_person(target):
                above = self._search(target, depth + 1)
                if above is not None:
                    return Owner(f"{name}__{above.column}", direct=False)
        return None

    def _direct(self, model: Model, relations: list[Relation]) -> str:
        for relation in relations:
            if self.is_person(relation.target) or self.is_tenant(relation.target):
                return relation.name
        for field in model.fields.values():
            if field.primary or _RECORD.fullmatch(field.name.removesuffix("_id")):
                continue
            if field.references and self._points_at_people(field.references):
                return field.name
        for field in model.fields.values():
            if (
                not field.primary
                and _OWNER.fullmatch(field.name)
                and field.name.lower().endswith(("_id", "id"))
            ) and (not field.references or self._owner_table(field.references)):
                return field.name
        return ""

    def _points_at_people(self, reference: str) -> bool:
        table = reference.rpartition(".")[0].rpartition(".")[2] if reference.islower() else reference
        return _last(table) in _PEOPLE or _last(table) in _TENANTS

    def _owner_table(self, reference: str) -> bool:
        return _OWNER.search(reference) is not None

    def _parents(self, model: Model, relations: list[Relation]) -> list[tuple[str, str]]:
        found = [(relation.name, relation.target) for relation in relations if relation.target]
        for field in model.fields.values():
            target = self._class_of(field.references)
            if target:
                found.append((field.name.removesuffix("_id"), target))
        return found

    def _class_of(self, reference: str) -> str:
        """The ORM class that a foreign key points to, named by its class or its table."""
        if not reference:
            return ""
        if self._project.model(reference) is not None:
            return reference
        table = reference.rpartition(".")[0].rpartition(".")[2].replace("_", "").lower()
        for model in self._project.models:
            name = _last(model.symbol)
            plural = {name, f"{name}s", f"{name}es", f"{name[:-1]}ies"}
            if table in plural:
                return model.symbol
        return ""


def _default(file: FileNode, term: int) -> set[str]:
    """The value that a field has where nothing else is given: itself a constant, or its `default`."""
    row = file.summary.terms[term]
    terms = [term]
    if isinstance(row, Call):
        terms = [
            value for name, value in row.keywords if name in ("default", "server_default", "insert_default")
        ]
    rows = (file.summary.terms[one] for one in terms)
    return {name for one in rows if (name := role_name(one))}


def role_name(row: Term) -> str:
    """`"cook"` and `Role.COOK` as one name."""
    if isinstance(row, Const):
        return row.value.lower() if isinstance(row.value, str) else ""
    name = (
        row.name if isinstance(row, Attr) else row.symbol.rpartition(".")[2] if isinstance(row, Name) else ""
    )
    return name.lower()


def _last(symbol: str) -> str:
    return symbol.rpartition(".")[2].lower()
