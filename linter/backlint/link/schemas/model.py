"""What is known of a class that describes data."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backlint.link.values import UNKNOWN, Value


class Extra(StrEnum):
    """What becomes of keys that no field names."""

    IGNORE = "ignore"
    ALLOW = "allow"
    FORBID = "forbid"
    UNKNOWN = "unknown"


class SchemaField(msgspec.Struct, frozen=True):
    name: str
    type: Value = UNKNOWN
    """A value of its type, where it is annotated; else an object of the field's class."""
    line: int = 0
    required: bool | None = None
    """Whether data without it is refused; None where the code does not say."""
    nullable: bool | None = None
    read_only: bool = False
    """It is never taken from data."""
    write_only: bool = False
    """It is never shown."""
    bounds: frozenset[str] = frozenset()
    """What limits its value: `max_length`, `ge`, `choices`, `pattern` …"""


class Schema(msgspec.Struct, frozen=True):
    """A class of the project that describes data."""

    symbol: str
    library: str
    """The import name of the library: `pydantic`, `dataclasses`, `marshmallow`, `rest_framework`, `django` …"""
    path: str
    line: int
    fields: dict[str, SchemaField]
    extra: Extra
    model: str = ""
    """The ORM class that its fields come from: of a `ModelSerializer` or `ModelForm`."""
    every_field: bool = False
    """It takes every field of `model`: `fields = "__all__"`, or all but some (`exclude`)."""
    complete: bool = True
    """Whether all its fields are in `fields`; not where a base is unknown or fields are computed."""
