"""Every entry of the built-in pack loads, and what it says hangs together."""

import builtins
from functools import cache
from pathlib import Path

import pytest

import backlint_rules
from backlint.effect import Effect, Role
from backlint.libraries.catalogue import Catalogue, compile_entries
from backlint.libraries.entry import ClassEntry, FunctionEntry, LibraryEntry, QueryStep
from backlint.libraries.load import load_entry, type_texts
from backlint.libraries.type_expression import (
    FALLBACK,
    MADE,
    UNION,
    TypeExpression,
    argument_type,
    parse_type,
)

FOLDER = Path(backlint_rules.__path__[0]) / "libraries"
FILES = sorted(FOLDER.glob("*.yaml"))

WORDS = {"self", "Self", "none", "callback", UNION, FALLBACK, *dir(builtins)}


@cache
def load(path: Path) -> LibraryEntry:
    return load_entry(path)


@cache
def catalogue() -> Catalogue:
    return compile_entries(load(path) for path in FILES)


def defined() -> set[str]:
    everything = catalogue()
    return {*everything.functions, *everything.classes, *everything.attributes}


def functions_of(entry: LibraryEntry) -> dict[str, FunctionEntry]:
    found = dict(entry.functions)
    for name, cls in entry.classes.items():
        found[f"{name}()"] = cls.init
        found |= {f"{name}.{method}": value for method, value in cls.methods.items()}
    return found


def names_in(expression: TypeExpression) -> set[str]:
    return {expression.name}.union(*(names_in(argument) for argument in expression.arguments))


def library(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", FILES, ids=library)
def test_it_loads_and_says_where_its_facts_come_from(path: Path) -> None:
    entry = load(path)
    assert entry.modules
    assert entry.version
    assert entry.url.startswith("https://")


@pytest.mark.parametrize("path", FILES, ids=library)
def test_type_parameters_and_undotted_names_are_known(path: Path) -> None:
    entry = load(path)
    for place, text in type_texts(entry):
        cls = entry.classes.get(str(place[1])) if place[0] == "classes" else None
        parameters = inherited_parameters(cls) if cls is not None else set()
        undotted = {name for name in names_in(parse_type(text)) if "." not in name}
        unknown = {
            name
            for name in undotted - WORDS - parameters
            if argument_type(name) is None and not name.startswith(MADE)
        }
        assert not unknown, f"{place}: {text}"


def inherited_parameters(cls: ClassEntry) -> set[str]:
    found = set(cls.parameters)
    for base in cls.bases:
        parent = catalogue().classes.get(catalogue().canonical(base))
        if parent is not None and parent is not cls:
            found |= inherited_parameters(parent)
    return found


DATA_ACCESS = [
    "aiomysql",
    "aiosqlite",
    "alembic",
    "asyncpg",
    "beanie",
    "databases",
    "django",
    "elasticsearch",
    "flask_sqlalchemy",
    "mongoengine",
    "motor",
    "mysqlclient",
    "peewee",
    "psycopg",
    "psycopg2",
    "pymongo",
    "pymysql",
    "sqlalchemy",
    "sqlite3",
    "sqlmodel",
    "tortoise",
]


@pytest.mark.parametrize("name", DATA_ACCESS)
def test_types_of_data_access_are_described(name: str) -> None:
    """A misspelt class name would silently end a chain of queries."""
    path = FOLDER / f"{name}.yaml"
    modules = catalogue().modules - {"builtins"}
    for place, text in type_texts(load(path)):
        for name in names_in(parse_type(text)):
            if name.partition(".")[0] not in modules or "exceptions." in name or "errors." in name:
                continue
            symbol = catalogue().canonical(name)
            assert symbol in catalogue().classes, f"{place}: {name}"


def test_no_function_is_described_twice() -> None:
    """The later file would silently replace what the earlier one says."""
    where: dict[str, str] = {}
    for path in FILES:
        for name in load(path).functions:
            assert name not in where, f"{name}: {where.get(name)} and {path.stem}"
            where[name] = path.stem


@pytest.mark.parametrize("path", FILES, ids=library)
def test_aliases_lead_somewhere(path: Path) -> None:
    names = defined()
    for alias, target in load(path).aliases.items():
        symbol = catalogue().canonical(target)
        known = symbol in names or any(name.startswith(f"{symbol}.") for name in names)
        assert known, f"{alias}: {target}"
        assert alias not in names, f"{alias} is both an alias and defined"


@pytest.mark.parametrize("path", FILES, ids=library)
def test_names_belong_to_the_modules_of_the_file(path: Path) -> None:
    entry = load(path)
    for name in (*entry.functions, *entry.classes, *entry.attributes):
        assert name.partition(".")[0] in entry.modules, name


@pytest.mark.parametrize("path", FILES, ids=library)
def test_awaited_database_calls_do_not_block(path: Path) -> None:
    for name, function in functions_of(load(path)).items():
        if function.is_async:
            assert Effect.BLOCKS not in function.effects, name


@pytest.mark.parametrize("path", FILES, ids=library)
def test_building_a_query_does_nothing_yet(path: Path) -> None:
    for name, function in functions_of(load(path)).items():
        if function.lazy:
            assert not function.effects, name


def method(cls: str, name: str) -> FunctionEntry:
    pending = [cls]
    while pending:
        entry = catalogue().classes[catalogue().canonical(pending.pop(0))]
        if name in entry.methods:
            return entry.methods[name]
        pending += entry.bases
    raise AssertionError(f"{cls}.{name} is not described")


def test_django_chains_from_a_manager_to_rows() -> None:
    model = catalogue().classes["django.db.models.Model"]
    assert Role.STORES_ROWS in model.roles
    assert model.attributes["objects"].type == "django.db.models.Manager[Self]"
    narrowed = method("django.db.models.Manager", "filter")
    assert narrowed.lazy
    assert narrowed.returns == "django.db.models.QuerySet[Model]"
    queryset = catalogue().classes["django.db.models.QuerySet"]
    assert queryset.iterates == "Model"
    assert Effect.QUERIES in queryset.consume
    assert method("django.db.models.QuerySet", "aget").is_async
    assert Effect.QUERIES in method("django.db.models.QuerySet", "aget").effects
    both = method("django.db.models.Manager", "get_or_create").effects
    assert {Effect.QUERIES, Effect.WRITES} <= set(both)
    assert QueryStep.EAGER in method("django.db.models.QuerySet", "select_related").query


def test_django_contenttypes_lookups_are_cached() -> None:
    lookup = method("django.contrib.contenttypes.models.ContentTypeManager", "get_for_model")
    assert lookup.effects == ()
    assert Role.MEMOISES in lookup.roles


@pytest.mark.parametrize(
    "name",
    [
        "sqlalchemy.orm.session.Session",
        "sqlalchemy.orm.Session",
        "sqlalchemy.orm.scoped_session",
        "sqlmodel.Session",
        "sqlmodel.orm.session.Session",
    ],
)
def test_every_session_queries_on_execute_and_only_parks_on_add(name: str) -> None:
    assert Effect.QUERIES in method(name, "execute").effects
    assert Effect.BLOCKS in method(name, "execute").effects
    assert "sql" in method(name, "execute").sinks
    assert method(name, "add").effects == ()
    assert Effect.COMMITS in method(name, "commit").effects


def test_results_do_not_query_again() -> None:
    for name in ("sqlalchemy.Result", "sqlalchemy.ScalarResult", "sqlite3.Cursor", "psycopg.Cursor"):
        assert catalogue().classes[name].consume == ()
    assert method("sqlalchemy.ScalarResult", "all").effects == ()
    assert method("psycopg2.extras.RealDictCursor", "fetchall").effects == ()


@pytest.mark.parametrize(
    "name",
    [
        "sqlalchemy.create_engine",
        "sqlmodel.create_engine",
        "sqlalchemy.ext.asyncio.create_async_engine",
        "psycopg2.connect",
        "psycopg.connect",
        "asyncpg.connect",
        "asyncpg.create_pool",
        "pymysql.connect",
        "MySQLdb.connect",
        "aiomysql.create_pool",
        "mongoengine.connect",
    ],
)
def test_connecting_without_a_timeout_is_unbounded(name: str) -> None:
    function = catalogue().functions[catalogue().canonical(name)]
    assert Effect.CONNECTS in function.effects
    assert function.timeout is not None
    assert function.timeout.default is None
    assert function.timeout.parameters or function.timeout.keys


def test_sqlite_waits_five_seconds_for_a_lock() -> None:
    for name in ("sqlite3.connect", "aiosqlite.connect"):
        timeout = catalogue().functions[name].timeout
        assert timeout is not None
        assert timeout.default == 5


@pytest.mark.parametrize(
    ("name", "lazy", "eager"),
    [
        ("pymongo.collection.Collection", "find", "find_one"),
        ("motor.motor_asyncio.AsyncIOMotorCollection", "find", "find_one"),
        ("tortoise.models.Model", "filter", "get"),
        ("peewee.Model", "select", "get"),
        ("beanie.Document", "find", "get"),
        ("mongoengine.QuerySet", "filter", "get"),
        ("flask_sqlalchemy.query.Query", "filter_by", "get_or_404"),
    ],
)
def test_orms_build_lazily_and_get_at_once(name: str, lazy: str, eager: str) -> None:
    assert method(name, lazy).lazy
    assert Effect.QUERIES in method(name, eager).effects
