"""Conditions on the address of a request, under which a guard lets everybody through."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from backlint.link.graph import bare
from backlint.link.routes.origins import definition, named
from backlint.summary import BlockKind
from backlint.term import (
    Attr,
    Call,
    Compare,
    Comprehension,
    Const,
    Element,
    Item,
    Join,
    Mapping,
    Name,
    Operation,
)

if TYPE_CHECKING:
    from backlint.link.graph import LinkedFunction
    from backlint.link.index import FileNode
    from backlint.link.routes.context import Context
    from backlint.term import Term

UNKNOWN_PART = "…"
"""Stands in a path for what the code does not spell out."""
_PATHS = frozenset({"path", "path_info", "full_path", "raw_path"})
_HANDLERS = frozenset({"endpoint", "url_name"})
_MAKES_SETS = frozenset({"builtins.frozenset", "builtins.set", "builtins.tuple", "builtins.list"})
_NEGATED = {"not in": "in", "!=": "==", "is not": "is"}
_DEPTH = 8

Subject = Literal["path", "method", "endpoint"]


class PathTest(msgspec.Struct, frozen=True):
    """What a condition asks of a request's address."""

    how: Literal["prefix", "suffix", "equal", "pattern", "not", "and", "or", "never"]
    """`never` stands for a question about the caller: it lets nobody through for the address alone."""
    subject: Subject = "path"
    texts: tuple[str, ...] = ()
    parts: tuple[PathTest, ...] = ()

    def holds(self, path: str, methods: tuple[str, ...], name: str) -> bool | None:
        """Whether requests to a route meet the condition; None where only some may."""
        found = [part.holds(path, methods, name) for part in self.parts]
        match self.how:
            case "never":
                return False
            case "not":
                return None if found[0] is None else not found[0]
            case "and":
                return False if False in found else None if None in found else True
            case "or":
                return True if True in found else None if None in found else False
        if UNKNOWN_PART in self.texts:
            return None
        if self.subject == "method":
            return _all_or_none([method in self.texts for method in methods]) if methods else None
        if self.subject == "endpoint":
            return any(text.rpartition(".")[2] == name for text in self.texts)
        return self._matches(path)

    def _matches(self, path: str) -> bool | None:
        if path.startswith((UNKNOWN_PART, f"/{UNKNOWN_PART}")) or "^" in path:
            return None
        literal = path.partition("{")[0].partition("<")[0]
        if self.how == "prefix":
            if any(literal.startswith(text) for text in self.texts):
                return True
            longer = literal != path and any(text.startswith(literal) for text in self.texts)
            return None if longer else False
        if self.how == "pattern":
            return any(_found(text, path) for text in self.texts)
        if self.how == "suffix":
            return any(path.endswith(text) for text in self.texts)
        return any(path.rstrip("/") == text.rstrip("/") for text in self.texts)


def _found(pattern: str, path: str) -> bool:
    try:
        return re.search(pattern, path) is not None
    except (re.error, RecursionError):
        return False


def _all_or_none(found: list[bool]) -> bool | None:
    return found[0] if len(set(found)) == 1 else None


def negated(test: PathTest) -> PathTest:
    return PathTest("not", parts=(test,))


class PathTests:
    """Reads conditions of guards."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def around(self, function: LinkedFunction, block: int, asks: object) -> PathTest | None:
        """What the conditions around a block ask of the address; None where they ask something else as well."""
        found: list[PathTest] = []
        for one in function.blocks(block):
            if one.kind not in (BlockKind.IF, BlockKind.ELSE) or not one.terms:
                continue
            test = self.of(function.file, one.terms[0], asks)
            if test is None:
                return None
            found.append(negated(test) if one.kind is BlockKind.ELSE else test)
        if not found:
            return None
        return found[0] if len(found) == 1 else PathTest("and", parts=tuple(found))

    def of(self, file: FileNode, term: int, asks: object, depth: int = 0) -> PathTest | None:
        """What one condition asks of the address; `asks` says of a term whether it is about the caller."""
        term = bare(file, term)
        row = file.summary.terms[term]
        if depth > _DEPTH:
            return None
        if isinstance(row, Operation) and row.operator in ("or", "and", "not"):
            parts = [self.of(file, operand, asks, depth + 1) for operand in row.operands]
            if any(part is None for part in parts):
                return None
            return PathTest(row.operator, parts=tuple(part for part in parts if part is not None))  # type: ignore[arg-type]
        if isinstance(row, Join):
            kept = [one for one in row.options if not _is_none(file, one)]
            return self.of(file, kept[0], asks, depth + 1) if len(kept) == 1 else None
        if isinstance(row, Compare):
            found = self._compared(file, row)
        elif isinstance(row, Call):
            found = self._called(file, row, asks, depth)
        else:
            subject = self._subject(file, term)
            found = None if subject is None else PathTest("prefix", subject, ("",))
        if found is None and callable(asks) and asks(file, term):
            return PathTest("never")
        return found

    def _compared(self, file: FileNode, row: Compare) -> PathTest | None:
        operator = _NEGATED.get(row.operator, row.operator)
        if operator not in ("in", "=="):
            return None
        subject = self._subject(file, row.left)
        protocol = subject is None and self._key(file, row.left) == "type"
        if subject is None and not protocol:
            return None
        texts = self._strings(file, row.right) if operator == "in" else (self._context.text(file, row.right),)
        if not texts:
            return None
        if subject is None:
            # The type of an ASGI scope (ASGI 3.0): routes are asked for by HTTP, so this is always or never so.
            holds = ("http" in texts) == (operator == row.operator)
            return negated(PathTest("never")) if holds else PathTest("never")
        test = PathTest("equal", subject, texts)
        return negated(test) if operator != row.operator else test

    def _called(self, file: FileNode, row: Call, asks: object, depth: int) -> PathTest | None:
        callee = file.summary.terms[bare(file, row.function)]
        if isinstance(callee, Name) and callee.symbol == "builtins.any" and row.arguments:
            inner = file.summary.terms[bare(file, row.arguments[0])]
            return self.of(file, inner.element, asks, depth + 1) if isinstance(inner, Comprehension) else None
        if not row.arguments:
            return None
        name = callee.symbol if isinstance(callee, Name) else getattr(callee, "name", "")
        if name.rpartition(".")[2] == "get" and self._subject(file, row.arguments[0]) == "path":
            keys = self._keys_of(file, row)
            return PathTest("equal", "path", keys) if keys else None
        how = {"startswith": "prefix", "endswith": "suffix"}.get(name.rpartition(".")[2])
        if how is None:
            return None
        if isinstance(callee, Attr):
            subject = self._subject(file, callee.base)
        else:
            subject = _of_names(name.split(".")[-2:-1])
        texts = self._strings(file, row.arguments[0])
        if subject is None or not texts:
            return None
        return PathTest(how, subject, texts)  # type: ignore[arg-type]

    def _subject(self, file: FileNode, term: int) -> Subject | None:
        row = file.summary.terms[bare(file, term)]
        if isinstance(row, Attr):
            return _of_names([row.name])
        if isinstance(row, Name):
            return _of_names(row.symbol.split(".")[-1:])
        if isinstance(row, Item):
            key = file.summary.terms[row.key]
            return _of_names([str(key.value)]) if isinstance(key, Const) else None
        if isinstance(row, Call):
            callee = file.summary.terms[bare(file, row.function)]
            if isinstance(callee, Attr) and callee.name in ("rstrip", "strip", "lower", "upper"):
                return self._subject(file, callee.base)
            looked_up = self._key(file, term)
            return _of_names([looked_up]) if looked_up else None
        return None

    def _key(self, file: FileNode, term: int) -> str:
        """The constant key that a value is looked up by: `scope["path"]`, `scope.get("path", "")`."""
        row = file.summary.terms[bare(file, term)]
        key = row.key if isinstance(row, Item) else -1
        if isinstance(row, Call) and row.arguments:
            callee = file.summary.terms[bare(file, row.function)]
            name = callee.symbol if isinstance(callee, Name) else str(getattr(callee, "name", ""))
            key = row.arguments[0] if name.rpartition(".")[2] == "get" else -1
        found = file.summary.terms[key] if key >= 0 else None
        return found.value if isinstance(found, Const) and isinstance(found.value, str) else ""

    def _keys_of(self, file: FileNode, row: Call) -> tuple[str, ...]:
        """The keys of the dict display that a value is looked up in."""
        callee = file.summary.terms[bare(file, row.function)]
        if isinstance(callee, Attr):
            owner, at = definition(self._context.evaluator, file, callee.base)
            mapping: Term | None = owner.summary.terms[at]
        else:
            symbol = callee.symbol.rpartition(".")[0] if isinstance(callee, Name) else ""
            found = next(iter(named(self._context.evaluator, symbol, file.root)), None)
            owner = file if found is None else found[0]
            mapping = None if found is None else owner.summary.terms[found[1]]
        if not isinstance(mapping, Mapping):
            return ()
        return tuple(self._context.text(owner, key) for key, _ in mapping.entries if key >= 0)

    def _strings(self, file: FileNode, term: int) -> tuple[str, ...]:
        """The strings that a tuple, list, set or single string holds."""
        row = file.summary.terms[bare(file, term)]
        if isinstance(row, Element):
            return self._strings(file, row.base)
        owner, at = definition(self._context.evaluator, file, term)
        row = owner.summary.terms[at]
        if isinstance(row, Call) and row.arguments:
            symbol = self._context.evaluator.symbol_of(owner, row.function)
            return self._strings(owner, row.arguments[0]) if symbol in _MAKES_SETS else ()
        found = self._context.strings(file, term)
        if found:
            return found
        text = self._context.text(file, term)
        return () if text == UNKNOWN_PART else (text,)


def _is_none(file: FileNode, term: int) -> bool:
    row = file.summary.terms[bare(file, term)]
    return isinstance(row, Const) and row.value is None


def _of_names(names: list[str]) -> Subject | None:
    for name in names:
        if name in _PATHS:
            return "path"
        if name in _HANDLERS:
            return "endpoint"
        if name == "method":
            return "method"
    return None
