"""ORM classes as tables: fields, keys, indexes, uniqueness, defaults and relations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.effect import Role
from backlint.link.relations import Relation
from backlint.link.values import ClassValue, ConstantValue, InstanceValue
from backlint.term import Attr, Call, Const, Item, Local, Mapping, Name, Operation, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass
    from backlint.summary import ClassAttribute

_PRIMARY = ("primary_key", "pk")
_UNIQUE = ("unique",)
_INDEX = ("index", "db_index")
_NULLABLE = ("nullable", "null")
_DEFAULT = ("default", "server_default", "default_factory", "db_default", "insert_default")
_FIELD_WORDS = ("Field", "Column", "column", "Mapped", "Indexed")
_NOT_FIELDS = frozenset(
    {"relationship", "Relationship", "association_proxy", "hybrid_property", "declared_attr"}
)
_UNIQUE_SETS = frozenset({"UniqueConstraint", "unique_together", "PrimaryKeyConstraint"})
_INDEX_SETS = frozenset({"Index", "index_together", "IndexModel"})
_DEPTH = 6


class Field(msgspec.Struct, frozen=True):
    """A column or document field."""

    name: str
    type: str
    """The field's class or column type by its short name, such as `CharField`; empty where unknown."""
    line: int
    primary: bool = False
    unique: bool = False
    index: bool = False
    """It has an index of its own, or one by being primary or unique."""
    nullable: bool = False
    default: bool = False
    stamps: bool = False
    """It keeps when the row was made: rows of such a table pile up with time."""
    references: str = ""
    """The ORM class that it points to, or the table and column as written: `users.id`."""


class Model(msgspec.Struct, frozen=True):
    """An ORM class of the project."""

    symbol: str
    path: str
    line: int
    fields: dict[str, Field]
    relations: dict[str, Relation]
    unique_sets: tuple[tuple[str, ...], ...] = ()
    """Columns that are unique together."""
    index_sets: tuple[tuple[str, ...], ...] = ()
    """Columns of each index that is declared for the table, in order."""
    implicit_key: bool = False
    """No field is declared as primary key: the ORM adds `id`."""

    @property
    def primary_keys(self) -> frozenset[str]:
        """Names that mean the primary key in a filter."""
        named = {field.name for field in self.fields.values() if field.primary}
        return frozenset(named | {"pk"} | ({"id", "_id"} if not named else set()))

    def is_key(self, columns: set[str]) -> bool:
        """Whether values for these columns select one row at most."""
        keys = [field.name for field in self.fields.values() if field.primary]
        if len(keys) > 1:
            single = frozenset(
                field.name for field in self.fields.values() if field.unique and not field.primary
            )
            if columns.issuperset(keys):
                return True
        else:
            single = self.primary_keys | {field.name for field in self.fields.values() if field.unique}
        plain = columns | {name.removesuffix("_id") for name in columns}
        if plain & single or columns & single:
            return True
        return any(
            plain.issuperset(together) or columns.issuperset(together) for together in self.unique_sets
        )


class Models:
    """Every ORM class of the project, by absolute name."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._found: dict[str, Model | None] = {}
        self._all: tuple[Model, ...] | None = None

    def get(self, symbol: str) -> Model | None:
        """The facts of a class; None for a library's class or one that stores no rows."""
        if symbol not in self._found:
            cls = self._evaluator.classes.project_class(symbol)
            stores = Role.STORES_ROWS in self._evaluator.roles(InstanceValue(symbol))
            self._found[symbol] = self._model(cls) if cls is not None and stores else None
        return self._found[symbol]

    def __iter__(self) -> Iterator[Model]:
        if self._all is None:
            symbols = (
                f"{file.summary.module}.{summary.name}"
                for file in self._evaluator.index.files
                for summary in file.summary.classes
            )
            self._all = tuple(found for symbol in symbols if (found := self.get(symbol)) is not None)
        return iter(self._all)

    def _model(self, cls: ProjectClass) -> Model:
        fields: dict[str, Field] = {}
        relations: dict[str, Relation] = {}
        unique: list[tuple[str, ...]] = []
        indexes: list[tuple[str, ...]] = []
        for ancestor in reversed(self._evaluator.classes.order(cls.symbol)):
            owner = self._evaluator.classes.project_class(ancestor)
            if owner is None:
                continue
            for attribute in owner.summary.attributes:
                if attribute.instance:
                    continue
                self._add(owner, attribute, fields, relations)
                if attribute.name in ("__table_args__", "indexes"):
                    self._sets(owner.file, attribute.value, attribute.name, unique, indexes)
            self._meta(owner, unique, indexes)
        for relation in self._evaluator.relations.of(cls.symbol):
            relations.setdefault(relation.name, relation)
        return Model(
            cls.symbol,
            cls.file.summary.path,
            cls.summary.span.line,
            fields,
            relations,
            tuple(unique),
            tuple(indexes),
            not any(field.primary for field in fields.values()),
        )

    def _add(
        self,
        owner: ProjectClass,
        attribute: ClassAttribute,
        fields: dict[str, Field],
        relations: dict[str, Relation],
    ) -> None:
        relation = self._evaluator.relations.find(owner.symbol, attribute.name)
        if relation is not None and not relation.reverse:
            relations[attribute.name] = relation
            if relation.many or self._short(owner.file, attribute.value) in _NOT_FIELDS:
                return
        field = self._field(owner.file, attribute, relation)
        if field is not None:
            fields[attribute.name] = field

    def _field(self, file: FileNode, attribute: ClassAttribute, relation: Relation | None) -> Field | None:
        if attribute.name.startswith("__") or attribute.name in (
            "objects",
            "Meta",
            "Config",
            "Settings",
            "model_config",
        ):
            return None
        row = _bare(file, attribute.value) if attribute.value >= 0 else None
        declared = self._annotated(file, attribute.annotation)
        if not isinstance(row, Call):
            if declared is None or self._short(file, attribute.annotation) in ("ClassVar", "Relationship"):
                return None
            return Field(
                attribute.name,
                declared[0],
                attribute.line,
                nullable=declared[1],
                default=attribute.value >= 0,
                index=declared[2],
                references=self._linked(file, attribute.annotation),
            )
        kind = self._short(file, row.function)
        if kind in _NOT_FIELDS or not (relation or declared or _is_field(kind)):
            return None
        if relation is None and declared is None and self._is_other(file, row):
            return None
        flags = {name: self._flag(file, term) for name, term in row.keywords}
        primary = any(flags.get(name) for name in _PRIMARY)
        unique = primary or any(flags.get(name) for name in _UNIQUE)
        references, type_name = self._column(file, row, kind, declared[0] if declared else "")
        foreign = relation is not None and kind in ("ForeignKey", "OneToOneField", "ForeignKeyField")
        return Field(
            attribute.name,
            type_name,
            attribute.line,
            primary=primary,
            unique=unique or kind.startswith("OneToOne"),
            index=unique
            or any(flags.get(name) for name in _INDEX)
            or (foreign and flags.get("db_index") is not False)
            or (declared is not None and declared[2]),
            nullable=bool(
                next(
                    (flags[name] for name in _NULLABLE if name in flags),
                    declared[1] if declared is not None else kind == "Column" and not primary,
                )
            ),
            default=any(name in flags for name in _DEFAULT),
            stamps=_is_time(type_name) and any(name in flags for name in (*_DEFAULT, "auto_now_add")),
            references=relation.target if relation is not None else references,
        )

    def _linked(self, file: FileNode, annotation: int) -> str:
        """The class that an annotation alone relates to: Beanie's `Link[User]`."""
        row = _bare(file, annotation)
        if not isinstance(row, Item):
            return ""
        relates = Role.RELATES in self._evaluator.roles(self._evaluator.value(file, row.base))
        target = self._evaluator.value(file, row.key) if relates else None
        return target.symbol if isinstance(target, ClassValue) else ""

    def _is_other(self, file: FileNode, row: Call) -> bool:
        """A call that makes something else than a field: a manager, a project object."""
        value = self._evaluator.value(file, row.function)
        return (
            isinstance(value, ClassValue) and self._evaluator.classes.project_class(value.symbol) is not None
        )

    def _flag(self, file: FileNode, term: int) -> bool | None:
        row = _bare(file, term)
        if isinstance(row, Const):
            return bool(row.value) if isinstance(row.value, bool) else True
        return None if isinstance(row, Name) and self._constant(file, term) is None else True

    def _constant(self, file: FileNode, term: int) -> object:
        value = self._evaluator.value(file, term)
        return value.value if isinstance(value, ConstantValue) else True

    def _column(self, file: FileNode, row: Call, kind: str, declared: str) -> tuple[str, str]:
        """What a column refers to, and its type: `Column(Integer, ForeignKey("users.id"))`."""
        references, type_name = "", declared
        for term in row.arguments:
            inner = _bare(file, term)
            short = self._short(file, term)
            if short == "ForeignKey" and isinstance(inner, Call) and inner.arguments:
                target = _bare(file, inner.arguments[0])
                if isinstance(target, Const) and isinstance(target.value, str):
                    references = target.value
            elif not isinstance(inner, Const) and short and not type_name and _is_column(kind):
                type_name = short
        for name, term in row.keywords:
            target = _bare(file, term)
            if name == "foreign_key" and isinstance(target, Const) and isinstance(target.value, str):
                references = target.value
        return references, type_name or ("" if _is_column(kind) else kind)

    def _annotated(self, file: FileNode, annotation: int, depth: int = 0) -> tuple[str, bool, bool] | None:
        """Type name, whether None is allowed, and whether it is indexed; None for no annotation."""
        if annotation < 0 or depth > _DEPTH:
            return None
        row = _bare(file, annotation)
        if isinstance(row, Item):
            short = self._short(file, row.base)
            key = _bare(file, row.key)
            first = key.items[0] if isinstance(key, Sequence) and key.items else row.key
            if short in ("Mapped", "Annotated", "Optional", "Final", "Required"):
                inner = self._annotated(file, first, depth + 1) or ("", False, False)
                return inner[0], inner[1] or short == "Optional", inner[2]
            if short == "Indexed":
                return self._short(file, first), False, True
            return short, False, False
        if isinstance(row, Operation) and row.operator == "|":
            parts = [self._annotated(file, part, depth + 1) for part in row.operands]
            named = [part for part in parts if part is not None and part[0] != "None"]
            return (named[0][0] if named else "", len(named) < len(parts), any(part[2] for part in named))
        if isinstance(row, Call):
            if self._short(file, row.function) == "Indexed" and row.arguments:
                return self._short(file, row.arguments[0]), False, True
            return None
        if isinstance(row, Const):
            return ("None" if row.value is None else str(row.value), False, False)
        short = self._short(file, annotation)
        return (short, False, False) if short else None

    def _short(self, file: FileNode, term: int) -> str:
        """The last part of the name behind a term (of a call: of what is called)."""
        if term < 0:
            return ""
        row = _bare(file, term)
        if isinstance(row, Call):
            return self._short(file, row.function)
        if isinstance(row, Attr):
            return row.name
        if isinstance(row, Name):
            symbol = self._evaluator.symbol_of(file, term) or row.symbol
            return symbol.rpartition(".")[2]
        return ""

    def _meta(self, cls: ProjectClass, unique: list[tuple[str, ...]], indexes: list[tuple[str, ...]]) -> None:
        meta = self._evaluator.classes.project_class(f"{cls.symbol}.Meta")
        attributes = () if meta is None else meta.summary.attributes
        for attribute in (*attributes, *(one for one in cls.summary.attributes if one.name == "meta")):
            self._sets(cls.file, attribute.value, attribute.name, unique, indexes)

    def _sets(
        self,
        file: FileNode,
        term: int,
        name: str,
        unique: list[tuple[str, ...]],
        indexes: list[tuple[str, ...]],
        depth: int = 0,
    ) -> None:
        """Column sets in `Meta.constraints`, `unique_together`, `__table_args__` and their like."""
        if term < 0 or depth > _DEPTH:
            return
        row = _bare(file, term)
        if isinstance(row, Call):
            kind = self._short(file, row.function)
            flags = dict(row.keywords)
            listed = flags.get("fields", flags.get("columns", -1))
            terms = row.arguments if listed < 0 else (listed,)
            columns = tuple(column for one in terms for column in self._columns(file, one))
            if kind in _INDEX_SETS and listed < 0:
                columns = columns[1:]
            if kind in _UNIQUE_SETS and "condition" not in flags and columns:
                unique.append(columns)
            elif kind in _INDEX_SETS and columns:
                (unique if "unique" in flags and self._flag(file, flags["unique"]) else indexes).append(
                    columns
                )
        elif isinstance(row, Sequence):
            columns = self._columns(file, term)
            if name in _UNIQUE_SETS and columns and len(columns) == len(row.items):
                unique.append(columns)
            elif name in ("index_together",) and columns and len(columns) == len(row.items):
                indexes.append(columns)
            else:
                for item in row.items:
                    self._sets(file, item, name, unique, indexes, depth + 1)
        elif isinstance(row, Mapping) and name == "meta":
            for key, value in row.entries:
                label = _bare(file, key) if key >= 0 else None
                if isinstance(label, Const) and label.value == "indexes":
                    indexes.extend((column,) for column in self._columns(file, value))

    def _columns(self, file: FileNode, term: int) -> tuple[str, ...]:
        row = _bare(file, term)
        if isinstance(row, Const) and isinstance(row.value, str):
            return (row.value.lstrip("-+"),)
        if isinstance(row, Sequence):
            return tuple(column for item in row.items for column in self._columns(file, item))
        if isinstance(row, Name | Attr):
            return (self._short(file, term),)
        return ()


def _bare(file: FileNode, term: int) -> object:
    row = file.summary.terms[term]
    while isinstance(row, Local):
        row = file.summary.terms[row.base]
    return row


def _is_time(type_name: str) -> bool:
    return type_name.lower().startswith(("datetime", "date", "timestamp"))


def _is_column(kind: str) -> bool:
    return kind in ("Column", "mapped_column", "Field", "deferred", "column_property")


def _is_field(kind: str) -> bool:
    return kind.endswith(_FIELD_WORDS) or kind == "ForeignKey"
