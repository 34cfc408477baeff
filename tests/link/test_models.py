"""ORM classes as tables: fields, keys, uniqueness, indexes and relations, in every framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.testing import project_from

if TYPE_CHECKING:
    from backlint.link.models import Model

SOURCES = {
    "django": """
        from django.db import models

        class Hero(models.Model):
            name = models.CharField(max_length=10, unique=True)
            team = models.ForeignKey("Team", on_delete=models.CASCADE, related_name="heroes", null=True)
            age = models.IntegerField(default=3, db_index=True)
            made = models.DateTimeField(auto_now_add=True)
            objects = models.Manager()

            class Meta:
                unique_together = [("team", "age")]
                indexes = [models.Index(fields=["-made", "age"])]

        class Team(models.Model):
            pass
    """,
    "sqlalchemy": """
        from datetime import datetime
        from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

        class Base(DeclarativeBase):
            pass

        class Hero(Base):
            __tablename__ = "heroes"
            __table_args__ = (UniqueConstraint("team_id", "age"), Index("ix_made", "made", "age"))
            id: Mapped[int] = mapped_column(primary_key=True)
            name: Mapped[str] = mapped_column(String(10), unique=True)
            team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"))
            team: Mapped["Team"] = relationship(back_populates="heroes")
            age: Mapped[int] = mapped_column(default=3, index=True)
            made: Mapped[datetime] = mapped_column(default=datetime.now)

        class Team(Base):
            __tablename__ = "teams"
            id: Mapped[int] = mapped_column(primary_key=True)
            heroes: Mapped[list[Hero]] = relationship(back_populates="team")
    """,
    "flask_sqlalchemy": """
        from flask_sqlalchemy import SQLAlchemy

        db = SQLAlchemy()

        class Hero(db.Model):
            __table_args__ = (db.UniqueConstraint("team_id", "age"), db.Index("ix_made", "made", "age"))
            id = db.Column(db.Integer, primary_key=True)
            name = db.Column(db.String(10), unique=True)
            team_id = db.Column(db.Integer, db.ForeignKey("team.id"), nullable=True)
            team = db.relationship("Team", backref="heroes")
            age = db.Column(db.Integer, default=3, index=True)
            made = db.Column(db.DateTime, default=db.func.now())

        class Team(db.Model):
            id = db.Column(db.Integer, primary_key=True)
    """,
    "sqlmodel": """
        from datetime import datetime
        from sqlmodel import Field, Relationship, SQLModel

        class Team(SQLModel, table=True):
            id: int | None = Field(default=None, primary_key=True)
            heroes: list["Hero"] = Relationship(back_populates="team")

        class Hero(SQLModel, table=True):
            id: int | None = Field(default=None, primary_key=True)
            name: str = Field(unique=True)
            team_id: int | None = Field(default=None, foreign_key="team.id")
            team: Team = Relationship(back_populates="heroes")
            age: int = Field(default=3, index=True)
            made: datetime = Field(default_factory=datetime.now)
    """,
    "tortoise": """
        from tortoise import fields
        from tortoise.models import Model

        class Hero(Model):
            name = fields.CharField(max_length=10, unique=True)
            team = fields.ForeignKeyField("models.Team", related_name="heroes", null=True)
            age = fields.IntField(default=3, index=True)
            made = fields.DatetimeField(auto_now_add=True)

            class Meta:
                unique_together = (("team", "age"),)

        class Team(Model):
            pass
    """,
    "peewee": """
        from datetime import datetime
        from peewee import CharField, DateTimeField, ForeignKeyField, IntegerField, Model

        class Team(Model):
            pass

        class Hero(Model):
            name = CharField(unique=True)
            team = ForeignKeyField(Team, backref="heroes", null=True)
            age = IntegerField(default=3, index=True)
            made = DateTimeField(default=datetime.now)
    """,
    "mongoengine": """
        from datetime import datetime
        from mongoengine import DateTimeField, Document, IntField, StringField
        from mongoengine.fields import ReferenceField

        class Team(Document):
            pass

        class Hero(Document):
            name = StringField(unique=True)
            team = ReferenceField(Team, null=True)
            age = IntField(default=3)
            made = DateTimeField(default=datetime.now)
            meta = {"indexes": ["age"]}
    """,
    "beanie": """
        from datetime import datetime
        from typing import Annotated
        from beanie import Document, Indexed
        from pydantic import Field

        class Hero(Document):
            name: Annotated[str, Indexed(unique=True)]
            age: Indexed(int) = 3
            made: datetime = Field(default_factory=datetime.now)
    """,
}


def hero(name: str) -> Model:
    model = project_from({"app.py": SOURCES[name]}).model("app.Hero")
    assert model is not None
    return model


@pytest.mark.parametrize("name", SOURCES)
def test_fields_with_defaults_and_times(name: str) -> None:
    model = hero(name)
    assert {"name", "age", "made"} <= set(model.fields)
    assert model.fields["age"].default
    assert not model.fields["name"].default
    assert model.fields["made"].stamps
    assert not model.fields["age"].stamps
    assert not {"objects", "Meta", "meta"} & set(model.fields)


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - {"beanie"}))
def test_unique_fields_are_keys(name: str) -> None:
    model = hero(name)
    assert model.fields["name"].unique
    assert model.is_key({"name"})
    assert model.is_key({"id", "age"})
    assert not model.is_key({"age"})
    assert not model.is_key(set())


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - {"beanie"}))
def test_relations_to_one_row(name: str) -> None:
    model = hero(name)
    assert model.relations["team"].target == "app.Team"
    assert not model.relations["team"].many
    column = model.fields.get("team") or model.fields["team_id"]
    assert column.references
    assert column.nullable


@pytest.mark.parametrize("name", ["django", "sqlalchemy", "flask_sqlalchemy", "sqlmodel"])
def test_relations_to_many_rows_from_the_other_side(name: str) -> None:
    team = project_from({"app.py": SOURCES[name]}).model("app.Team")
    assert team is not None
    assert team.relations["heroes"].many
    assert team.relations["heroes"].target == "app.Hero"


@pytest.mark.parametrize("name", ["django", "sqlalchemy", "flask_sqlalchemy", "tortoise"])
def test_columns_that_are_unique_together(name: str) -> None:
    model = hero(name)
    assert model.is_key({"team_id", "age"})
    assert not model.is_key({"team_id"})


@pytest.mark.parametrize("name", ["django", "sqlalchemy", "flask_sqlalchemy"])
def test_indexes_of_several_columns(name: str) -> None:
    assert hero(name).index_sets == (("made", "age"),)


@pytest.mark.parametrize("name", ["django", "sqlalchemy", "flask_sqlalchemy", "sqlmodel", "peewee", "beanie"])
def test_indexed_fields(name: str) -> None:
    model = hero(name)
    assert model.fields["age"].index
    assert not model.fields["made"].index


def test_a_primary_key_of_several_columns_is_no_key_in_part() -> None:
    source = """
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

        class Base(DeclarativeBase):
            pass

        class Membership(Base):
            user_id: Mapped[int] = mapped_column(primary_key=True)
            group_id: Mapped[int] = mapped_column(primary_key=True)
    """
    model = project_from({"app.py": source}).model("app.Membership")
    assert model is not None
    assert model.is_key({"user_id", "group_id"})
    assert not model.is_key({"user_id"})


def test_fields_of_mixins_are_inherited() -> None:
    source = """
        from django.db import models

        class Stamped(models.Model):
            created = models.DateTimeField(auto_now_add=True)

            class Meta:
                abstract = True

        class Post(Stamped):
            title = models.TextField()
    """
    model = project_from({"app.py": source}).model("app.Post")
    assert model is not None
    assert set(model.fields) == {"created", "title"}


@pytest.mark.parametrize("symbol", ["app.Plain", "app.Missing", "django.contrib.auth.models.User"])
def test_what_stores_no_rows_of_the_project_is_no_model(symbol: str) -> None:
    source = "from pydantic import BaseModel\nclass Plain(BaseModel):\n    id: int\n"
    assert project_from({"app.py": source}).model(symbol) is None
