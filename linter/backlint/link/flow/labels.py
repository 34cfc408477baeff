"""What a value may carry, and how that spreads: the questions that `Flow` answers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from backlint.effect import Role

_NUMBERS = frozenset(
    {
        "builtins.bool", "builtins.int", "builtins.float", "decimal.Decimal", "datetime.datetime",
        "datetime.date", "datetime.timedelta", "datetime.time",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Label:
    """One kind of content to look for.

    `sources` are the words of library entries (`FunctionEntry.source`) for values that carry it;
    `wholes` those for containers of which only the parts that are named like it carry it. `cleaned`
    are the words of `FunctionEntry.cleans` that end it.
    """

    name: str
    sources: frozenset[str] = frozenset()
    wholes: frozenset[str] = frozenset()
    cleaned: frozenset[str] = frozenset()
    ending: frozenset[Role] = frozenset({Role.REDACTS, Role.HASHES})
    """Roles of functions whose result does not carry it."""
    harmless: frozenset[str] = _NUMBERS
    """Types that can't carry it."""
    named: bool = False
    """Names are evidence: `access_token`."""
    parts: bool = True
    """Attributes and items of a value that carries it carry it as well."""
    caught: bool = False
    """A caught exception carries it."""
    queried: bool = False
    """What a query returns carries it."""

    def into(self, sink: str) -> Label:
        """The same, for a sink: what makes a value harmless there (`cleans: [sql]`) ends it."""
        return replace(self, cleaned=self.cleaned | {sink})


SECRET = Label(
    "secret",
    sources=frozenset({"secret"}),
    wholes=frozenset({"request-headers", "request-cookies", "settings", "env"}),
    cleaned=frozenset({"secret"}),
    named=True,
    parts=False,
)
"""Passwords, tokens, keys, and whole containers that hold some."""

SETTINGS = Label("settings", wholes=frozenset({"settings", "settings-object", "env"}), parts=False)
"""All settings or environment variables at once."""

REQUEST = Label(
    "request",
    sources=frozenset(
        {"request", "request-body", "request-query", "request-headers", "request-cookies", "request-files"}
    ),
)
"""What a client sends; ask for `REQUEST.into("sql")` and the like."""

REQUEST_BODY = Label("request-body", sources=frozenset({"request-body"}), cleaned=frozenset({"request-body"}))
PERSONAL_DATA = Label(
    "personal-data", sources=frozenset({"personal-data"}), cleaned=frozenset({"personal-data"})
)
EXCEPTION = Label("exception", sources=frozenset({"exception"}), caught=True)
QUERY_RESULT = Label("query-result", queried=True)

WHOLES = {
    "request-headers": "the request's headers",
    "request-cookies": "the request's cookies",
    "settings": "the settings",
    "settings-object": "the settings",
    "env": "the environment variables",
}
"""In words, what the containers of `Label.wholes` are."""
