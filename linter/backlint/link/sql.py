"""SQL statements in string literals: what they do, read from their first words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.effect import Effect
from backlint.link.values import ConstantValue
from backlint.term import Attr, Call, Const, Join, Local, Name, Text

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode

_READS = frozenset({"select", "with", "show", "explain", "values", "table"})
_WRITES = frozenset({"insert", "update", "delete", "merge", "replace", "upsert", "copy", "truncate"})
_OTHER = frozenset({"create", "alter", "drop", "set", "begin", "commit", "rollback", "lock", "savepoint", "listen",
                    "notify", "vacuum", "analyze", "pragma", "call", "grant", "declare", "fetch", "close", "release"})  # fmt: skip
_SETS_UP = frozenset(
    {"attach", "checkpoint", "comment", "deallocate", "detach", "discard", "import", "install", "load", "prepare", "refresh",
     "reindex", "reset", "use"}
)  # fmt: skip
"""Words that begin statements about the session or the server, and plain English as often."""
_COMMENT = re.compile(r"\s*(?:--[^\n]*\n|/\*.*?\*/)", re.DOTALL)
_WORD = re.compile(r"[\s(]*([A-Za-z]+)")
_TARGET = re.compile(
    r"\b(?:from|into|update(?:\s+only)?|table)\s+[\"`\[]?(?:\w+[\"`\]]?\.[\"`\[]?)?(?P<table>\w+)",
    re.IGNORECASE,
)
_LOCKS = re.compile(
    r"\bfor\s+(?:no\s+key\s+)?update\b|\block\s+table\b|\badvisory_|\bget_lock\s*\(", re.IGNORECASE
)
_UPSERTS = re.compile(
    r"\bon\s+conflict\b|\bon\s+duplicate\s+key\b|\binsert\s+(?:ignore|or)\b|\breplace\s+into\b|\bwhere\s+not\s+exists\b",
    re.IGNORECASE,
)
_CHANGES_IN_WITH = re.compile(r"\b(insert\s+into|update\s+\S+\s+set|delete\s+from)\b", re.IGNORECASE)


def sql_text(file: FileNode, term: int) -> str | None:
    """The text of a statement as far as it is literal (`{}` for the parts that are not), or None."""
    text = literal_text(file, term)
    return text if text is not None and sql_verb(text) else None


def literal_text(file: FileNode, term: int, depth: int = 0) -> str | None:
    """A string that is written in the code, `{}` standing for computed parts; None for no string."""
    row = file.summary.terms[term]
    while isinstance(row, Local):
        row = file.summary.terms[row.base]
    if depth > 8:
        return None
    if isinstance(row, Const):
        return row.value if isinstance(row.value, str) else None
    if isinstance(row, Text):
        if row.how in ("%", "format"):
            return literal_text(file, row.parts[0], depth + 1)
        return "".join(
            "{}" if (part := literal_text(file, term, depth + 1)) is None else part for term in row.parts
        )
    if isinstance(row, Join):
        return literal_text(file, row.options[0], depth + 1)
    if isinstance(row, Name):
        known = file.summary.names.get(row.symbol.removeprefix(f"{file.summary.module}."))
        return None if known is None else literal_text(file, known, depth + 1)
    if isinstance(row, Call) and isinstance(made := file.summary.terms[row.function], Attr):
        # psycopg composes statements: SQL("… ORDER BY {}").format(Identifier(column)).
        return literal_text(file, made.base, depth + 1) if made.name == "format" else None
    if isinstance(row, Call) and len(row.arguments) == 1:
        name = file.summary.terms[row.function]
        if isinstance(name, Name) and name.symbol.rpartition(".")[2] in ("text", "SQL", "dedent"):
            return literal_text(file, row.arguments[0], depth + 1)
    return None


def sql_verb(text: str) -> str:
    """The first keyword of a statement in lower case; empty where the text is no SQL."""
    verb = _first_word(text)
    return verb if verb in _READS or verb in _WRITES or verb in _OTHER else ""


def _first_word(text: str) -> str:
    while match := _COMMENT.match(text):
        text = text[match.end() :]
    word = _WORD.match(text)
    return word[1].lower() if word else ""


def statement_effects(text: str) -> frozenset[Effect]:
    """What a statement does: reads rows, or changes them."""
    verb = sql_verb(text)
    if verb in _WRITES or (verb == "with" and _CHANGES_IN_WITH.search(text)):
        return frozenset({Effect.WRITES})
    return frozenset({Effect.QUERIES}) if verb in _READS else frozenset()


def sql_table(text: str) -> str:
    """The first table that a statement reads or changes, in lower case; empty where it isn't written out."""
    found = _TARGET.search(text)
    return found["table"].lower() if found else ""


def sql_locks(text: str) -> bool:
    """Whether a statement takes a lock: `FOR UPDATE`, `LOCK TABLE`, an advisory lock."""
    return _LOCKS.search(text) is not None


def sql_upserts(text: str) -> bool:
    """Whether an insert settles by itself what becomes of a row that is already there."""
    return _UPSERTS.search(text) is not None


def sql_effects(evaluator: Evaluator, file: FileNode, term: int) -> frozenset[Effect] | None:
    """The effects of executing the statement behind a term: literal SQL, or an `insert()`/`update()` construct."""
    text = literal_text(file, term)
    if text is None:
        value = evaluator.value(file, term)
        if isinstance(value, ConstantValue) and isinstance(value.value, str):
            text = value.value
    if text is not None:
        if sql_verb(text):
            return statement_effects(text)
        return frozenset() if _first_word(text) in _SETS_UP else None
    name = getattr(evaluator.value(file, term), "symbol", "").rpartition(".")[2].lower()
    return frozenset({Effect.WRITES}) if name in ("insert", "update", "delete") else None
