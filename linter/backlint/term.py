"""Terms: values as far as one file can know them.

An expression becomes a term. What the file can't know stays a name: `crud.get(db, id)` is a
`Call` of the `Name` `app.crud.get`, and what that returns is for the linker to say. Terms refer to
each other by their index in `FileSummary.terms`, where equal terms share one row.
"""

from __future__ import annotations

import msgspec


class _Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    pass


class Name(_Row, frozen=True, tag=0):
    """An absolute dotted symbol: `app.models.User`, `requests.get`, `builtins.len`."""

    symbol: str


class Attr(_Row, frozen=True, tag=1):
    """`base.name`."""

    base: int
    name: str


class Call(_Row, frozen=True, tag=2):
    """`function(*arguments, **keywords)`; a `*args` argument is a `Star`, `**kw` has the keyword ``"**"``."""

    function: int
    arguments: tuple[int, ...]
    keywords: tuple[tuple[str, int], ...]


class Const(_Row, frozen=True, tag=3):
    """A literal. Bytes, complex numbers and very long strings are cut to what rules can use."""

    value: str | int | float | bool | None


class Param(_Row, frozen=True, tag=4):
    """A parameter of the function with this index in `FileSummary.functions`."""

    function: int
    name: str


class Item(_Row, frozen=True, tag=5):
    """`base[key]`."""

    base: int
    key: int


class Slice(_Row, frozen=True, tag=6):
    """`lower:upper:step` inside an `Item`; -1 where left out."""

    lower: int
    upper: int
    step: int


class Element(_Row, frozen=True, tag=7):
    """One element of an iterable: a loop variable, `next(it)`, an unpacked target.

    `position` is the index in an unpacked tuple (`for key, value in …`), or -1 for the whole element.
    """

    base: int
    position: int = -1


class Entered(_Row, frozen=True, tag=8):
    """What `with base as x` binds."""

    base: int


class Awaited(_Row, frozen=True, tag=9):
    base: int


class Join(_Row, frozen=True, tag=10):
    """One of several values, depending on the path taken."""

    options: tuple[int, ...]


class Sequence(_Row, frozen=True, tag=11):
    """A list, tuple or set display. `kind` is `list`, `tuple` or `set`."""

    kind: str
    items: tuple[int, ...]


class Mapping(_Row, frozen=True, tag=12):
    """A dict display; a `**other` entry has the key -1."""

    entries: tuple[tuple[int, int], ...]


class Text(_Row, frozen=True, tag=13):
    """A string built from parts: f-string, `%`, `+`, `.format`, `.join`. `how` says which."""

    how: str
    parts: tuple[int, ...]


class Operation(_Row, frozen=True, tag=14):
    """An arithmetic, boolean or unary operation: `operator` is its Python spelling."""

    operator: str
    operands: tuple[int, ...]


class Compare(_Row, frozen=True, tag=15):
    """`left operator right`; a chain becomes an `Operation` with `and`."""

    operator: str
    left: int
    right: int


class Instance(_Row, frozen=True, tag=16):
    """A value whose annotation is the term `annotation`."""

    annotation: int


class Function(_Row, frozen=True, tag=17):
    """A function of this file, by index: a lambda or a nested `def`."""

    function: int


class Comprehension(_Row, frozen=True, tag=18):
    """`kind` is `list`, `set`, `generator` or `dict`; `element` its element (of a dict: the value)."""

    kind: str
    element: int
    block: int


class Star(_Row, frozen=True, tag=19):
    base: int


class Caught(_Row, frozen=True, tag=20):
    """The exception bound by `except exception as name`."""

    exception: int


class Carried(_Row, frozen=True, tag=21):
    """A variable's value from an earlier pass of a loop."""

    name: str


class Unknown(_Row, frozen=True, tag=22):
    """Nothing is known."""


class Super(_Row, frozen=True, tag=23):
    """`super()` in a method of the class with this index in `FileSummary.classes`."""

    cls: int


class Local(_Row, frozen=True, tag=24):
    """What a local variable holds; its name is evidence of what it is for."""

    name: str
    base: int


Term = (
    Name
    | Attr
    | Call
    | Const
    | Param
    | Item
    | Slice
    | Element
    | Entered
    | Awaited
    | Join
    | Sequence
    | Mapping
    | Text
    | Operation
    | Compare
    | Instance
    | Function
    | Comprehension
    | Star
    | Caught
    | Carried
    | Unknown
    | Super
    | Local
)
