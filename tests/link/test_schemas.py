"""Classes that describe data, library by library: fields, what is required, bounds, strictness."""

from __future__ import annotations

import textwrap

import pytest

from backlint.link.schemas import Extra, Schema
from backlint.testing import project_from

MODELS = """
    from django.db import models
    class Boat(models.Model):
        name = models.CharField(max_length=80)
        owner = models.CharField(max_length=80)
    """


def schema(source: str, name: str = "Body") -> Schema | None:
    files = {"app/main.py": textwrap.dedent(source), "app/models.py": MODELS, "app/__init__.py": ""}
    return project_from(files).schema(f"app.main.{name}")


def shown(found: Schema) -> dict[str, str]:
    """`required` or not, `?` where unknown, then bounds and flags."""
    words = {True: "required", False: "optional", None: "?"}
    return {
        field.name: " ".join(
            [
                words[field.required],
                *sorted(field.bounds),
                *(["read-only"] if field.read_only else []),
                *(["write-only"] if field.write_only else []),
                *(["null"] if field.nullable else []),
            ]
        )
        for field in found.fields.values()
    }


@pytest.mark.parametrize(
    ("source", "fields", "extra"),
    [
        pytest.param(
            """
            from typing import Annotated, ClassVar, Literal, Optional
            from pydantic import BaseModel, ConfigDict, Field
            class Base(BaseModel):
                model_config = ConfigDict(extra="forbid")
            class Body(Base):
                kind: ClassVar[str] = "x"
                name: str = Field(..., max_length=80)
                size: Annotated[int, Field(ge=1, le=9)] = 3
                hull: Literal["wood", "steel"]
                note: Optional[str] = None
                tag: int | None
                tags: list[str] = Field(default_factory=list)
            """,
            {
                "name": "required max_length",
                "size": "optional ge le",
                "hull": "required choices",
                "note": "optional null",
                "tag": "? null",
                "tags": "optional",
            },
            Extra.FORBID,
            id="pydantic-2",
        ),
        pytest.param(
            """
            from pydantic import BaseModel, Extra, constr
            class Body(BaseModel):
                name: constr(max_length=80)
                size = 3
                class Config:
                    extra = Extra.allow
            """,
            {"name": "required max_length"},
            Extra.ALLOW,
            id="pydantic-1",
        ),
        pytest.param(
            """
            from dataclasses import dataclass, field
            @dataclass
            class Body:
                name: str
                tags: list[str] = field(default_factory=list)
            """,
            {"name": "required", "tags": "optional"},
            Extra.FORBID,
            id="dataclass",
        ),
        pytest.param(
            """
            import attrs
            @attrs.define
            class Body:
                name: str
                size: int = 1
            """,
            {"name": "required", "size": "optional"},
            Extra.FORBID,
            id="attrs",
        ),
        pytest.param(
            """
            import msgspec
            class Body(msgspec.Struct, forbid_unknown_fields=True):
                name: str
                size: int = 1
            """,
            {"name": "required", "size": "optional"},
            Extra.FORBID,
            id="msgspec",
        ),
        pytest.param(
            """
            from marshmallow import EXCLUDE, Schema, fields, validate
            class Body(Schema):
                name = fields.Str(required=True, validate=validate.Length(max=80))
                size = fields.Int(load_default=1)
                id = fields.Int(dump_only=True)
                pin = fields.Str(load_only=True, allow_none=True)
                class Meta:
                    unknown = EXCLUDE
            """,
            {
                "name": "required validate",
                "size": "optional",
                "id": "optional read-only",
                "pin": "optional write-only null",
            },
            Extra.IGNORE,
            id="marshmallow",
        ),
        pytest.param(
            """
            from rest_framework import serializers
            class Body(serializers.Serializer):
                name = serializers.CharField(max_length=80)
                size = serializers.IntegerField(required=False)
                boat = serializers.SerializerMethodField()
                pin = serializers.CharField(write_only=True)
            """,
            {
                "name": "required max_length",
                "size": "optional",
                "boat": "optional read-only",
                "pin": "required write-only",
            },
            Extra.IGNORE,
            id="drf",
        ),
        pytest.param(
            """
            from django import forms
            class Body(forms.Form):
                name = forms.CharField(max_length=80)
                size = forms.IntegerField(required=False)
                agree = forms.BooleanField()
                helper = build()
            """,
            {"name": "required max_length", "size": "optional", "agree": "required"},
            Extra.IGNORE,
            id="django-form",
        ),
        pytest.param(
            """
            from flask_wtf import FlaskForm
            from wtforms import StringField
            from wtforms.validators import DataRequired
            class Body(FlaskForm):
                name = StringField("Name", validators=[DataRequired()])
                note = StringField("Note")
            """,
            {"name": "required validators", "note": "optional"},
            Extra.IGNORE,
            id="wtforms",
        ),
        pytest.param(
            """
            from ninja import Schema
            class Body(Schema):
                name: str
            """,
            {"name": "required"},
            Extra.IGNORE,
            id="ninja",
        ),
        pytest.param(
            """
            from pydantic_settings import BaseSettings
            class Body(BaseSettings):
                token: str
                debug: bool = False
            """,
            {"token": "required", "debug": "optional format"},
            Extra.FORBID,
            id="pydantic-settings",
        ),
    ],
)
def test_fields(source: str, fields: dict[str, str], extra: Extra) -> None:
    found = schema(source)
    assert found is not None
    assert shown(found) == fields
    assert found.extra is extra
    assert found.complete


@pytest.mark.parametrize(
    ("meta", "fields", "every"),
    [
        ('fields = ["name", "length"]', ["name", "length"], False),
        ('fields = "__all__"', ["length"], True),
        ('exclude = ["owner"]', ["length"], True),
        ("fields = chosen()", ["length"], False),
    ],
)
@pytest.mark.parametrize(
    "base", ["rest_framework import serializers as lib", "django import forms as lib"], ids=["drf", "form"]
)
def test_fields_of_a_model(base: str, meta: str, fields: list[str], every: bool) -> None:
    kind = "ModelSerializer" if "rest_framework" in base else "ModelForm"
    found = schema(
        f"""
        from {base}
        from app.models import Boat
        class Body(lib.{kind}):
            length = lib.IntegerField()
            class Meta:
                model = Boat
                {meta}
        """
    )
    assert found is not None
    assert (found.model, sorted(found.fields), found.every_field) == (
        "app.models.Boat",
        sorted(fields),
        every,
    )
    assert found.complete is (meta.startswith('fields = ["'))


def test_an_unknown_base_leaves_it_open() -> None:
    found = schema(
        """
        from pydantic import BaseModel
        from mystery import Mixin
        class Body(Mixin, BaseModel):
            name: str
        """
    )
    assert found is not None
    assert not found.complete
    assert found.extra is Extra.UNKNOWN


@pytest.mark.parametrize(
    "source",
    [
        "class Body:\n    name: str",
        "from mystery import Base\nclass Body(Base):\n    name: str",
        "from enum import Enum\nclass Body(Enum):\n    A = 1",
    ],
)
def test_other_classes_are_no_schemas(source: str) -> None:
    assert schema(source) is None
