"""The shape of a library entry: a hand-written summary of what a library's symbols mean.

An entry is one YAML file. The linker reads it as if the library had been summarised, so
rules know one concept whether a fact was inferred or written. docs/library-entries.md is the
guide; a project teaches its own wrappers in the same format.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backlint.effect import Effect, Role

ArgumentRef = int | str
"""A parameter, by position (0 is the first after `self`) or by keyword; ``"*"`` is every argument,
``"self"`` the receiver."""


class QueryStep(StrEnum):
    """What a call adds to a query that is being built."""

    FILTERS = "filters"
    EXCLUDES = "excludes"
    JOINS = "joins"
    ORDERS = "orders"
    LIMITS = "limits"
    OFFSETS = "offsets"
    EAGER = "eager"
    """Loads relations with the query."""
    ONE = "one"
    """Gives one row at most: `get`, `first`, `one_or_none`, `scalar`."""
    BY_KEY = "by-key"
    """Looks up by primary or unique key."""
    ALL = "all"
    """Materialises every row."""
    AGGREGATES = "aggregates"
    COUNTS = "counts"
    EXISTS = "exists"
    STREAMS = "streams"
    LOCKS = "locks"
    PAGINATES = "paginates"
    PROJECTS = "projects"
    """Gives columns instead of objects: `values`, `values_list`, `with_entities`."""
    CREATES = "creates"
    UPDATES = "updates"
    DELETES = "deletes"
    BULK = "bulk"
    """One statement for many rows."""
    FETCHES = "fetches"
    """Of a change: the rows are loaded first, with those that hang on them, so that signals and cascades see them."""
    UPSERTS = "upserts"
    """Settles by itself what becomes of a row that is already there: get-or-create, `ON CONFLICT`."""


class Timeout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a call or client is kept from waiting for ever."""

    parameters: tuple[str, ...] = ()
    """Keyword arguments, any of which bounds the wait when given and not None."""
    position: int | None = None
    """Position of the first of `parameters` when passed without its name."""
    default: float | None = None
    """Seconds it waits when nothing is given; null waits for ever (or as long as the peer likes)."""
    inherits: bool = False
    """Of a method: the receiver's own timeout bounds it as well."""
    keys: tuple[str, ...] = ()
    """Keys inside a dict argument, a DSN or URL that bound it, such as `connect_timeout`."""
    settings: tuple[str, ...] = ()
    """Settings of the project that bound it, such as Django's `EMAIL_TIMEOUT`."""
    only_with: dict[str, str] = {}
    """Settings under whose other values nothing waits: `{"EMAIL_BACKEND": "…smtp.EmailBackend"}`."""
    attributes: tuple[str, ...] = ()
    """Attributes or methods of the receiver that bound it when set or called, such as `settimeout`."""
    internal: bool = False
    """It waits for other code of the same program, which has bounds of its own: a thread's end, a group of tasks."""
    what: str = ""
    """The wait, in words for the message: "the connection and every query"."""
    suggestion: str = ""
    """The argument to pass, such as `timeout=10`."""
    since: dict[str, float] = {}
    """Later defaults, by the first version of the library that has them: `{"8.0.0": 5}`."""


class Retry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a retrying decorator, object or job ends, and how it waits between tries."""

    bounds: tuple[str, ...] = ()
    """Arguments that end it: any of them, given and not None (or negative)."""
    bounded: bool = False
    """It ends by itself when none of `bounds` is given."""
    waits: tuple[str, ...] = ()
    """Arguments that make it wait between tries."""
    fixed: tuple[str, ...] = ()
    """Those of `waits` of which a plain number is the same wait each time."""
    backs_off: bool = False
    """It waits longer and longer when none of `waits` is given."""
    constant: bool = False
    """Of what is passed as one of `waits`: it is the same wait each time."""


class Raises(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Exceptions whose text repeats what the call was given."""

    types: tuple[str, ...]
    """Their names and those of their bases: what an `except` clause would name."""
    arguments: tuple[ArgumentRef, ...]
    """What the text repeats; ``"self"`` is the request that the receiver answers."""


class FunctionEntry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """What calling a function, method or class does.

    `returns` is a type expression: a class's full name, `self`, `none`, the name of a type parameter,
    `list[X]`, `dict[K, V]`, `X | Y`, `arg0` (an instance of the class given as first argument, or the
    argument's own type when it is an instance), `arg0.0` (the first type argument of its type),
    `arg:name` for a keyword, `callback` (what the callback argument returns), `type[X]` (the class X itself),
    `X or Y` (the first that the call lets us know). `type_expression.py` has the grammar.
    """

    effects: tuple[Effect, ...] = ()
    roles: tuple[Role, ...] = ()
    returns: str = ""
    is_async: bool = msgspec.field(default=False, name="async")
    timeout: Timeout | None = None
    """Of a decorator with the role `defines-job`: how long the job may run."""
    expires: Timeout | None = None
    """How long, or for how many keys, a cache keeps what the call stores; null keeps everything for ever."""
    retry: Retry | None = None
    request_commit: dict[str, tuple[str, ...]] = {}
    """Arguments, and their values under which the session of each request is committed once it is answered."""
    query: tuple[QueryStep, ...] = ()
    limited_by: tuple[ArgumentRef, ...] = ()
    """Arguments that say how many rows it gives at most, where they are given and not None."""
    lazy: bool = False
    """It only builds; the effects of its class's `consume` happen when the result is used."""
    consumes: tuple[ArgumentRef, ...] = ()
    """Arguments it iterates over or tests for truth (`list`, `len`, `sorted`)."""
    calls: tuple[ArgumentRef, ...] = ()
    """Callbacks it runs before it returns."""
    defers: tuple[ArgumentRef, ...] = ()
    """Callbacks that run later or elsewhere: another thread, process, job, after commit."""
    sinks: dict[str, tuple[ArgumentRef, ...]] = {}
    """Arguments that reach a dangerous place, by its name.

    `sql`, `log`, `shell` (of subprocess: only with `shell=True`), `code`, `path`, `url` (is fetched),
    `redirect`, `response`, `html`, `template`, `deserialise`, `claims` (of a token that is signed),
    `columns` (a mapping that names the columns to set).
    """
    source: str = ""
    """What its value is.

    `request` for a part of one (path, method), `request-body`, `request-query`, `request-headers`,
    `request-cookies`, `request-files` for the whole of that; `caller` for who is signed in, `session`;
    `secret`, `personal-data`, `env`, `settings`, `settings-object` (a class with a field for each), `namespace` (`locals()`), `exception` (the text of one, or a traceback), `random`, `time`.
    """
    cleans: tuple[str, ...] = ()
    """Kinds of value that are harmless in its result: `secret`, `sql`, `path`, `html`."""
    passes: tuple[ArgumentRef, ...] = ()
    """Arguments whose content is in the result."""
    raises: Raises | None = None
    """What the text of its exceptions tells: the URL of a request that failed."""
    guarded_by: tuple[str, ...] = ()
    """Of a route decorator that keeps keywords it does not know as options: those that guard or wrap the route."""
    note: str = ""
    """A fact a reader of the entry needs, with its source."""


class AttributeEntry(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """An attribute of a class or module. In YAML a bare string stands for `type`."""

    type: str = ""
    effects: tuple[Effect, ...] = ()
    source: str = ""
    roles: tuple[Role, ...] = ()
    """Of an attribute that a view sets: what it is there for, such as `authorises` of its permissions."""


class ClassEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a class and its instances mean."""

    bases: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    """Names of its type parameters, usable in `returns` of its methods."""
    init: FunctionEntry = FunctionEntry()
    """What constructing it does; `returns` is the instance where left out."""
    call: FunctionEntry | None = None
    """What calling an instance does."""
    methods: dict[str, FunctionEntry] = {}
    default_method: FunctionEntry | None = None
    """What every method without an entry of its own does: clients whose methods are made at run time."""
    attributes: dict[str, AttributeEntry] = {}
    default_attribute: str = ""
    """Type of every attribute without an entry of its own: the collections of a MongoDB database."""
    enter: str = "self"
    """Type of `with … as x`."""
    iterates: str = ""
    """Type of an element when iterated or indexed."""
    keys: str = ""
    """Type of the item that an instance is the key of: `T` for aiohttp's `AppKey[T]`."""
    consume: tuple[Effect, ...] = ()
    """Effects of iterating it, testing its truth, indexing or measuring it: it is lazy."""
    descriptor: str = ""
    """Type of an attribute of this class when read through an instance: `Model` for a foreign key."""
    transparent: bool = False
    """An annotation `X[T]` means a `T`: `Mapped`, `Annotated`, `Optional`."""
    roles: tuple[Role, ...] = ()
    timeout: Timeout | None = None
    """How constructing it bounds what its methods wait for."""
    source: str = ""
    note: str = ""


class LibraryEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One YAML file: one library."""

    library: str
    """Its distribution name on the package index, or `python` for the standard library."""
    version: str
    """The version whose documentation it was written from."""
    url: str
    """Where that documentation is."""
    modules: tuple[str, ...]
    """Top-level import names."""
    functions: dict[str, FunctionEntry] = {}
    """By full name: `requests.get`."""
    classes: dict[str, ClassEntry] = {}
    aliases: dict[str, str] = {}
    """Other full names of the same symbols, re-exports above all; a module name covers all below it."""
    attributes: dict[str, AttributeEntry] = {}
    """Module-level values: `flask.request`, `django.conf.settings`."""
    settings: tuple[str, ...] = ()
    """Settings it reads that protect something: a misspelt one is told."""
