"""What kind of table it is whose rows are read: one that grows, a small one, a tenant's."""

from __future__ import annotations

import re

from backlint.api import (
    Attr,
    Call,
    Const,
    Field,
    InstanceValue,
    Item,
    Name,
    Project,
    Query,
    bare,
    options,
    sql_table,
)

_SMALL_TABLES = (
    *("setting", "config", "configuration", "option", "role", "permission", "channel", "warehouse", "plugin"),
    *("country", "currency", "language", "plan", "flag", "status", "statu", "type", "kind", "field"),
    *("category", "categorie", "schema_version", "migration"),
)
"""How tables are called that people fill by hand."""
SHARED = ("category", "categorie", "tag", "topic", "genre", "brand", "city", "region", "skill", "label")
"""How tables are called by whose few rows those of others are sorted: each has its share of all of them."""
OWNS_MUCH = 4
"""Tables whose rows belong to one of another, from which on that one is a tenant."""
_WRITTEN = ("comment", "review", "message", "notification", "log", "history", "audit", "transaction", "visit")
"""How tables are called whose rows pile up, whether or not they keep when."""
_DATED = re.compile(r"(?i)birth|born|dob|expir|until|updat|modif|chang|last_|sync|seen")
"""How dates are called that don't say when something happened."""
_PERSON = re.compile(
    r"(?i)user|customer|member|author|owner|profile|person|contact|employee|patient|student|account"
)


def grows(project: Project, query: Query) -> bool:
    """Whether rows pile up with time: they keep when they were made. Of tables that are not known, yes."""
    model = project.model(query.model) if query.model else None
    if model is None:
        collection = _collection(project, query)
        return bool(query.model) or query.sql is not None or bool(collection and not is_small(collection))
    if any(field.stamps or _is_date(field) for field in model.fields.values()) or _is_written(query.model):
        return True
    if _PERSON.search(query.model.rpartition(".")[2]) and not project.filters(query):
        return True
    classes = project.evaluator.classes
    entries = (classes.library_class(symbol) for symbol in classes.order(query.model))
    return any(
        name.startswith("creat") and attribute.type == "datetime.datetime"
        for entry in entries
        if entry is not None
        for name, attribute in entry.attributes.items()
    )


def _is_date(field: Field) -> bool:
    """Whether each row says on which day it is, or at which time: what is noted by date piles up."""
    dated = field.type.lower().startswith(("date", "timestamp"))
    return dated and not field.nullable and not _DATED.search(field.name)


def _is_written(symbol: str) -> bool:
    return symbol.rpartition(".")[2].lower().removesuffix("s").endswith(_WRITTEN)


def table_of(project: Project, query: Query) -> str:
    """The class, table or collection that a query reads, as it is called; empty where unknown."""
    return query.model or sql_table(query.sql or "") or _collection(project, query)


def _collection(project: Project, query: Query) -> str:
    """The name of the collection that a query without a class is sent to: `events` of `database.events.find({})`."""
    if query.origin is None or query.origin.term < 0:
        return ""
    file = query.origin.file
    terms = file.summary.terms
    index = query.origin.term
    row = terms[index]
    callee = terms[row.function] if isinstance(row, Call) else None
    if isinstance(callee, Name):
        return callee.symbol.rpartition(".")[0].rpartition(".")[2]
    index = bare(file, callee.base if isinstance(callee, Attr) else index)
    held = options(project.evaluator.value(file, index))
    if not any(isinstance(one, InstanceValue) and project.queries.is_query_class(one.symbol) for one in held):
        return ""
    source = terms[index]
    if isinstance(source, Name):
        return source.symbol.rpartition(".")[2]
    if isinstance(source, Item):
        key = terms[source.key]
        return key.value if isinstance(key, Const) and isinstance(key.value, str) else ""
    return source.name if isinstance(source, Attr) else "collection"


def is_written_by_people(project: Project, symbol: str, parent: str) -> bool:
    """Whether rows of a parent name who made them, and when: messages pile up, the lines of an order don't."""
    model = project.model(symbol)
    if model is None or not (_is_written(symbol) or any(field.stamps for field in model.fields.values())):
        return False
    single = [one.target for one in model.relations.values() if not one.many and not one.reverse]
    return any(is_person(one) for one in single if one != parent)


def is_person(references: str) -> bool:
    """Whether a class, or a column as written, is one of persons."""
    return _PERSON.search(_named(references)) is not None


def _named(references: str) -> str:
    """The name of a class, or the table of a column as written: `users.id`."""
    head, _, last = references.rpartition(".")
    return head if last in ("id", "pk") else last


def is_tenant(project: Project, symbol: str) -> bool:
    """Whether most rows belong to rows of a class, and these to nobody else's."""
    model = project.model(symbol)
    belongs = model is not None and any(
        field.references
        and not field.nullable
        and not field.primary
        and not _is_nobody(symbol, field.references)
        for field in model.fields.values()
    )
    return not belongs and owned(project, symbol) >= OWNS_MUCH


def _is_nobody(symbol: str, references: str) -> bool:
    """Whether a reference leads to the class itself, to a person, or to a table that people fill by hand."""
    return references == symbol or is_small(_named(references)) or is_person(references)


def owned(project: Project, symbol: str) -> int:
    """How many tables have rows that belong to a row of a class; of persons none is counted."""
    if _PERSON.search(symbol.rpartition(".")[2]):
        return 0
    return sum(
        any(
            not other.many and not other.reverse and other.target == symbol
            for other in model.relations.values()
        )
        for model in project.models
    )


def is_small(model: str) -> bool:
    """Whether a class or table has the name of one that people fill by hand."""
    return model.rpartition(".")[2].lower().removesuffix("s").endswith(_SMALL_TABLES)
