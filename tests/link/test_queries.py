"""Queries as values: what a returned term asks the database for, in every framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.libraries.entry import QueryStep
from backlint.summary import BlockKind, EventKind
from backlint.testing import project_from

if TYPE_CHECKING:
    from backlint.link.project import Project
    from backlint.link.query import Query

DJANGO = """
    from django.db import models

    class PostQuerySet(models.QuerySet):
        def published(self):
            return self.filter(published=True)

        def by(self, author):
            return self.filter(author=author)

    class LiveManager(models.Manager):
        def get_queryset(self):
            return super().get_queryset().filter(published=True).select_related("author")

    class Author(models.Model):
        name = models.CharField(max_length=10)

    class Tag(models.Model):
        label = models.CharField(max_length=10)

    class Post(models.Model):
        author = models.ForeignKey(Author, on_delete=models.CASCADE, related_name="posts")
        tags = models.ManyToManyField(Tag)
        published = models.BooleanField()
        slug = models.SlugField(unique=True)
        objects = PostQuerySet.as_manager()
        live = LiveManager()
        mixed = models.Manager.from_queryset(PostQuerySet)()
"""
SQLALCHEMY = """
    from sqlalchemy import ForeignKey, func, select, text
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, joinedload, mapped_column, relationship, selectinload

    class Base(DeclarativeBase):
        pass

    class Author(Base):
        __tablename__ = "authors"
        id: Mapped[int] = mapped_column(primary_key=True)
        posts: Mapped[list["Post"]] = relationship(back_populates="author")

    class Post(Base):
        __tablename__ = "posts"
        id: Mapped[int] = mapped_column(primary_key=True)
        slug: Mapped[str] = mapped_column(unique=True)
        author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
        author: Mapped[Author] = relationship(back_populates="posts")
"""


def returned(project: Project, name: str = "f") -> Query | None:
    """The query behind what the function returns last."""
    function = next(one for one in project.functions if one.name.rpartition(".")[2] == name)
    term = [event.term for event in function.summary.events if event.kind == EventKind.RETURN][-1]
    return project.query(function, term)


def django(body: str, **files: str) -> tuple[Project, Query | None]:
    project = project_from(
        {
            "app/__init__.py": "",
            "app/models.py": DJANGO,
            "app/views.py": f"from app.models import *\n{body}",
            **files,
        }
    )
    return project, returned(project)


def sqlalchemy(body: str) -> tuple[Project, Query | None]:
    source = "from app.models import *\nfrom app.models import Author, Post, Session, func, joinedload, select, selectinload, text\n"
    project = project_from({"app/__init__.py": "", "app/models.py": SQLALCHEMY, "app/crud.py": source + body})
    return project, returned(project)


def names(query: Query | None) -> list[str]:
    assert query is not None
    return [step.name for step in query.steps]


def known(query: Query | None) -> Query:
    assert query is not None
    assert query.complete
    return query


@pytest.mark.parametrize(
    "body",
    [
        "def f():\n    return Post.objects.filter(published=True).order_by('slug')\n",
        "def f():\n    posts = Post.objects.filter(published=True)\n    return posts.order_by('slug')\n",
        "def base():\n    return Post.objects.filter(published=True)\ndef f():\n    return base().order_by('slug')\n",
        "BASE = Post.objects.filter(published=True)\ndef f():\n    return BASE.order_by('slug')\n",
        "class View:\n    queryset = Post.objects.filter(published=True)\n    def f(self):\n        return self.queryset.order_by('slug')\n",
        "class View:\n    def get(self):\n        return Post.objects.filter(published=True)\n    def f(self):\n        return self.get().order_by('slug')\n",
        "class View:\n    @property\n    def posts(self):\n        return Post.objects.filter(published=True)\n    def f(self):\n        return self.posts.order_by('slug')\n",
        "def narrow(posts):\n    return posts.filter(published=True)\ndef f():\n    return narrow(Post.objects.all()).order_by('slug')\n",
    ],
)
def test_a_query_is_followed_through_names_functions_and_classes(body: str) -> None:
    query = known(django(body)[1])
    assert query.model == "app.models.Post"
    assert [name for name in names(query) if name != "all"] == ["filter", "order_by"]
    assert query.lazy
    assert query.has(QueryStep.ORDERS)


def test_a_manager_adds_the_steps_of_its_default_query_set() -> None:
    project, query = django("def f():\n    return Post.live.all()\n")
    assert "select_related" in names(query)
    assert project.eager(known(query)).loads(("author",))
    assert {one.column for one in project.filters(known(query))} == {"published"}


@pytest.mark.parametrize("manager", ["objects", "mixed"])
def test_methods_of_query_sets_are_followed_through_managers(manager: str) -> None:
    project, query = django(f"def f(who):\n    return Post.{manager}.published().by(who)[:20]\n")
    assert known(query).model == "app.models.Post"
    assert [one.column for one in project.filters(known(query))] == ["published", "author"]
    assert project.bounds(known(query)) == "step"


def test_a_step_that_some_paths_take_is_not_always_taken() -> None:
    body = "def f(q):\n    posts = Post.objects.all()\n    if q:\n        posts = posts.filter(slug=q)\n    return posts\n"
    project, query = django(body)
    assert [step.always for step in known(query).steps] == [True, False]
    assert project.bounds(known(query)) == ""


def test_every_path_limits_in_its_own_way() -> None:
    body = "def f(a):\n    posts = Post.objects.all()\n    if a:\n        posts = posts[:5]\n    else:\n        posts = posts[:9]\n    return posts\n"
    project, query = django(body)
    assert project.bounds(known(query)) == "step"


def test_a_related_manager_is_a_query_of_the_related_class() -> None:
    _project, query = django("def f(author: Author):\n    return author.posts.all()\n")
    assert known(query).model == "app.models.Post"
    parent = known(query).parent
    assert parent is not None
    assert parent.owner == "app.models.Author"


@pytest.mark.parametrize(
    ("call", "bound"),
    [
        ("Post.objects.get(pk=1)", "step"),
        ("Post.objects.first()", "step"),
        ("Post.objects.count()", "step"),
        ("Post.objects.filter(slug=x)", "key"),
        ("Post.objects.filter(pk=x)", "key"),
        ("Post.objects.filter(pk__in=x)", "list"),
        ("Post.objects.filter(author_id__in=[a.id for a in x])", "list"),
        ("Post.objects.filter(pk__in=Author.objects.values('id'))", ""),
        ("Post.objects.filter(author=x)", ""),
        ("Post.objects.filter(published__in=[1, 2])", ""),
        ("Post.objects.all()", ""),
        ("Post.objects.exclude(pk=1)", ""),
    ],
)
def test_what_bounds_a_django_query(call: str, bound: str) -> None:
    project, query = django(f"def f(x):\n    return {call}\n")
    assert project.bounds(known(query)) == bound


def test_eager_loading_in_django() -> None:
    body = """
from django.db.models import Prefetch
LOADED = ("author",)
def f():
    return Post.objects.select_related(*LOADED).prefetch_related(Prefetch("tags"), "author__posts")
"""
    project, query = django(body)
    loaded = project.eager(known(query))
    assert loaded.complete
    assert loaded.loads(("author",))
    assert loaded.loads(("tags",))
    assert loaded.loads(("author", "posts"))
    assert not loaded.loads(("author", "posts", "tags"))


def test_unknown_arguments_of_eager_loading_are_unknown() -> None:
    project, query = django("def f(x):\n    return Post.objects.select_related(*x)\n")
    assert not project.eager(known(query)).complete


def test_an_unknown_step_makes_a_query_incomplete() -> None:
    query = django("def f(x):\n    return x.narrow(Post.objects.all())\n")[1]
    assert query is None or not query.complete
    query = django("def f():\n    return Post.objects.all().paged_by_magic(1)\n")[1]
    assert query is not None
    assert not query.complete


@pytest.mark.parametrize(
    "expression", ["x", "x.filter(a=1)", "open('x').readlines()", "[1, 2].copy()", "Post", "len(x)"]
)
def test_what_is_no_query_is_none(expression: str) -> None:
    assert django(f"def f(x):\n    return {expression}\n")[1] is None


def test_a_view_without_its_own_get_queryset_uses_the_class_attribute() -> None:
    body = """
from rest_framework import generics
class View(generics.ListAPIView):
    queryset = Post.objects.select_related("author")
    def f(self):
        return super().get_queryset().filter(published=True)
"""
    query = known(django(body)[1])
    assert names(query)[0] == "select_related"
    assert query.model == "app.models.Post"


@pytest.mark.parametrize(
    "body",
    [
        "def f(db: Session):\n    return db.scalars(select(Post).where(Post.slug == 'a').order_by(Post.id)).all()\n",
        "def f(db: Session):\n    result = db.execute(select(Post).where(Post.slug == 'a').order_by(Post.id))\n    return result.scalars().all()\n",
        "def f(db: Session):\n    return db.query(Post).filter(Post.slug == 'a').order_by(Post.id).all()\n",
        "def f(db: Session):\n    return db.query(Post).filter_by(slug='a').order_by(Post.id).all()\n",
        "from sqlalchemy.ext.asyncio import AsyncSession\nasync def f(db: AsyncSession):\n    return (await db.scalars(select(Post).where(Post.slug == 'a').order_by(Post.id))).all()\n",
        "from sqlalchemy.ext.asyncio import AsyncSession\nasync def f(db: AsyncSession):\n    statement = select(Post).where(Post.slug == 'a')\n    result = await db.execute(statement.order_by(Post.id))\n    return result.scalars().unique().all()\n",
        "class Repo:\n    def __init__(self, db: Session):\n        self.db = db\n    def rows(self, statement):\n        return self.db.scalars(statement.order_by(Post.id)).all()\n    def f(self):\n        return self.rows(select(Post).where(Post.slug == 'a'))\n",
    ],
)
def test_sqlalchemy_in_all_its_styles(body: str) -> None:
    project, query = sqlalchemy(body)
    query = known(query)
    assert query.model == "app.models.Post"
    assert query.executed
    assert query.has(QueryStep.ORDERS, QueryStep.ALL)
    assert [(one.column, one.operator) for one in project.filters(query)] == [("slug", "==")]
    assert project.bounds(query) == "key"


@pytest.mark.parametrize(
    ("call", "bound"),
    [
        ("db.scalars(select(Post)).all()", ""),
        ("db.scalars(select(Post)).first()", "step"),
        ("db.scalar(select(func.count()).select_from(Post))", "step"),
        ("db.execute(select(func.count(Post.id), func.max(Post.id)))", "step"),
        ("db.execute(select(Post.id, func.count(Post.id)))", ""),
        ("db.execute(select(Post.author_id, func.count()).group_by(Post.author_id)).all()", "step"),
        ("db.get(Post, x)", "step"),
        ("db.scalars(select(Post).where(Post.id == x)).all()", "key"),
        ("db.scalars(select(Post).where(Post.id.in_(x))).all()", "list"),
        ("db.scalars(select(Post).where(Post.id.in_(select(Author.id)))).all()", ""),
        ("db.scalars(select(Post).join(Author).where(Author.id == x)).all()", ""),
        ("db.scalars(select(Post).limit(x)).all()", "step"),
        ("db.execute(text('SELECT * FROM posts')).fetchall()", ""),
        ("db.execute(text('SELECT * FROM posts LIMIT 10')).fetchall()", "sql"),
        ("db.execute(text('SELECT count(*) FROM posts')).all()", "sql"),
        ("db.execute(text('SELECT * FROM posts WHERE id = :id')).all()", "key"),
    ],
)
def test_what_bounds_an_sqlalchemy_query(call: str, bound: str) -> None:
    project, query = sqlalchemy(f"def f(db: Session, x):\n    return {call}\n")
    assert project.bounds(known(query)) == bound


@pytest.mark.parametrize(
    ("option", "path", "loaded"),
    [
        ("joinedload(Post.author)", ("author",), True),
        ("selectinload(Post.author).selectinload(Author.posts)", ("author", "posts"), True),
        ("selectinload(Post.author).options(joinedload(Author.posts))", ("author", "posts"), True),
        ("joinedload(Post.author)", ("author", "posts"), False),
    ],
)
def test_eager_loading_in_sqlalchemy(option: str, path: tuple[str, ...], loaded: bool) -> None:
    project, query = sqlalchemy(
        f"def f(db: Session):\n    return db.scalars(select(Post).options({option})).all()\n"
    )
    assert project.eager(known(query)).loads(path) is loaded


def test_options_from_a_function_and_a_variable() -> None:
    body = """
OPTIONS = [joinedload(Post.author)]
def options():
    return (selectinload(Post.author).selectinload(Author.posts),)
def f(db: Session):
    return db.scalars(select(Post).options(*OPTIONS).options(*options())).all()
"""
    project, query = sqlalchemy(body)
    assert project.eager(known(query)).paths == {("author",), ("author", "posts")}


OTHERS = {
    "sqlmodel": """
        from sqlmodel import Field, Session, SQLModel, select
        class Hero(SQLModel, table=True):
            id: int | None = Field(default=None, primary_key=True)
            name: str
        def f(session: Session):
            return session.exec(select(Hero).where(Hero.name == "x").order_by(Hero.id)).all()
    """,
    "flask_sqlalchemy": """
        from flask_sqlalchemy import SQLAlchemy
        db = SQLAlchemy()
        class Hero(db.Model):
            id = db.Column(db.Integer, primary_key=True)
            name = db.Column(db.String(10))
        def f():
            return Hero.query.filter_by(name="x").order_by(Hero.id).all()
    """,
    "flask_sqlalchemy_select": """
        from flask_sqlalchemy import SQLAlchemy
        db = SQLAlchemy()
        class Hero(db.Model):
            id = db.Column(db.Integer, primary_key=True)
            name = db.Column(db.String(10))
        def f():
            return db.session.execute(db.select(Hero).filter_by(name="x").order_by(Hero.id)).scalars().all()
    """,
    "tortoise": """
        from tortoise import fields
        from tortoise.models import Model
        class Hero(Model):
            name = fields.CharField(max_length=10)
        async def f():
            return await Hero.filter(name="x").order_by("id")
    """,
    "peewee": """
        from peewee import CharField, Model
        class Hero(Model):
            name = CharField()
        def f():
            return list(Hero.select().where(Hero.name == "x").order_by(Hero.id))
    """,
    "beanie": """
        from beanie import Document
        class Hero(Document):
            name: str
        async def f():
            return await Hero.find(Hero.name == "x").sort("id").to_list()
    """,
    "mongoengine": """
        from mongoengine import Document, StringField
        class Hero(Document):
            name = StringField()
        def f():
            return list(Hero.objects(name="x").order_by("id"))
    """,
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_orms(name: str) -> None:
    project = project_from({"app.py": OTHERS[name]})
    query = known(returned(project))
    assert query.model == "app.Hero"
    assert query.executed
    assert query.has(QueryStep.ORDERS)
    assert [(one.column, one.operator) for one in project.filters(query)] == [("name", "==")]
    assert project.bounds(query) == ""


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        (
            "import sqlite3",
            "con = sqlite3.connect('x')\n    cur = con.cursor()\n    cur.execute({sql})\n    return cur.fetchall()",
        ),
        ("import sqlite3", "con = sqlite3.connect('x')\n    return con.execute({sql}).fetchall()"),
        (
            "import psycopg2",
            "con = psycopg2.connect('x')\n    with con.cursor() as cur:\n        cur.execute({sql})\n        return cur.fetchall()",
        ),
        ("import psycopg", "con = psycopg.connect('x')\n    return con.execute({sql}).fetchall()"),
        (
            "import pymysql",
            "con = pymysql.connect()\n    cur = con.cursor()\n    cur.execute({sql})\n    return cur.fetchall()",
        ),
        (
            "import MySQLdb",
            "con = MySQLdb.connect()\n    cur = con.cursor()\n    cur.execute({sql})\n    return cur.fetchall()",
        ),
        (
            "from django.db import connection",
            "with connection.cursor() as cur:\n        cur.execute({sql})\n        return cur.fetchall()",
        ),
    ],
)
def test_sql_of_every_driver(imports: str, body: str) -> None:
    sql = '"SELECT * FROM heroes WHERE name = %s ORDER BY id"'
    project = project_from({"app.py": f"{imports}\ndef f():\n    {body.format(sql=sql)}\n"})
    query = known(returned(project))
    assert query.sql is not None
    assert query.sql.startswith("SELECT * FROM heroes")
    assert query.executed
    assert query.has(QueryStep.ALL)
    assert [(one.column, one.operator) for one in project.filters(query)] == [("name", "==")]
    assert project.bounds(query) == ""


@pytest.mark.parametrize(
    ("imports", "body"),
    [
        ("import asyncpg", "con = await asyncpg.connect('x')\n    return await con.fetch({sql})"),
        (
            "import aiosqlite",
            "con = await aiosqlite.connect('x')\n    cur = await con.execute({sql})\n    return await cur.fetchall()",
        ),
        ("import databases", "db = databases.Database('x')\n    return await db.fetch_all({sql})"),
    ],
)
def test_sql_of_asynchronous_drivers(imports: str, body: str) -> None:
    sql = '"SELECT * FROM heroes"'
    project = project_from({"app.py": f"{imports}\nasync def f():\n    {body.format(sql=sql)}\n"})
    query = known(returned(project))
    assert query.sql == "SELECT * FROM heroes"
    assert query.executed


def test_sql_that_a_helper_runs_for_its_caller() -> None:
    source = """
        import psycopg2
        con = psycopg2.connect("x")
        def fetch_all(sql, params=None):
            with con.cursor() as cur:
                cur.execute(sql, params)
                return cur.fetchall()
        def f():
            return fetch_all("SELECT * FROM heroes")
    """
    project = project_from({"app.py": source})
    assert known(returned(project)).sql == "SELECT * FROM heroes"
    helper = returned(project, "fetch_all")
    assert helper is not None
    assert not helper.complete


@pytest.mark.parametrize("driver", ["pymongo", "motor.motor_asyncio"])
def test_mongo_cursors(driver: str) -> None:
    client = "MongoClient" if driver == "pymongo" else "AsyncIOMotorClient"
    source = f"""
        from {driver} import {client}
        db = {client}("x").shop
        async def f():
            return db.orders.find({{"state": "open"}}).sort("id").limit(10)
        async def g():
            return db.orders.find({{"state": "open"}})
    """
    project = project_from({"app.py": source})
    query = known(returned(project))
    assert [(one.column, one.operator) for one in project.filters(query)] == [("state", "==")]
    assert project.bounds(query) == "step"
    assert project.bounds(known(returned(project, "g"))) == ""


def test_rows_of_a_comprehension_and_a_generator_are_those_of_the_query() -> None:
    query = django(
        "def f():\n    return [post for post in Post.objects.filter(slug='a') if post.published]\n"
    )[1]
    assert names(known(query))[0] == "filter"
    body = "def rows():\n    for post in Post.objects.filter(slug='a'):\n        yield post\ndef f():\n    return rows()\n"
    assert names(known(django(body)[1]))[0] == "filter"


def test_recursion_ends() -> None:
    body = "def f(n):\n    if n:\n        return f(n - 1).filter(slug='a')\n    return f(n)\n"
    assert django(body)[1] is None


def test_a_query_without_a_call_lies_where_it_is_looped_over() -> None:
    source = """
        from flask_sqlalchemy import SQLAlchemy
        db = SQLAlchemy()
        class Source(db.Model):
            id = db.Column(db.Integer, primary_key=True)

        def f():
            total = 0
            for source in Source.query:
                total += source.id
    """
    project = project_from({"app.py": source})
    function = next(one for one in project.functions if one.name == "f")
    (loop,) = (block for block in function.summary.blocks if block.kind == BlockKind.FOR)
    query = known(project.query(function, loop.terms[0]))
    assert query.origin is not None
    assert query.origin.span == loop.span


def test_a_list_that_the_function_around_made_has_no_loop_here() -> None:
    project = project_from(
        {
            "app.py": """
            def outer(connection, names):
                rows = [dict(zip(names, row)) for row in connection.execute("SELECT a FROM b")]

                def f():
                    return rows

                return f
            """
        }
    )
    assert returned(project) is None
