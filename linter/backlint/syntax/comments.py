"""Suppression comments: `# backlint: ignore[rule, rule] reason`.

What a comment covers:

* Behind code, anywhere in a simple statement: the whole statement, however many lines it has.
* Behind code in the header of a compound statement, `except` or `case`: the lines of the header.
* On the header of a `def` or `class`, or on one of its decorators: the whole definition.
* On a line of its own: what it would cover behind the next statement, decorators included. When
  it is indented deeper than that statement, it covers only itself.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from backlint.finding import Span
from backlint.summary import Suppression
from backlint.syntax.scan import Kind, Token, fields, line_starts, place, scan_leniently

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_FORM = "write `# backlint: ignore[rule] reason`"
_DIRECTIVE = re.compile(
    r"(?:^|(?<=\s))\#+[ \t]*backlint[ \t]*(?::|[-=]?[ \t]*(?:ignore|disable|noqa|nolint|skip|off|allow)\b).*",
    re.IGNORECASE,
)
_EXACT = re.compile(r"#[ \t]*backlint:[ \t]*ignore[ \t]*\[(?P<rules>[^\[\]]*)\](?P<reason>.*)")
_RULE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_NEXT_PRAGMA = re.compile(r"\s#\s*(?:noqa|nosec|type:|pragma:|pylint:|ruff:|fmt:|isort:|mypy:|pyright:)")
_BEFORE_REASON = " \t:-–—"


class _Unit(NamedTuple):
    """A statement, handler or case: where its header lies, and what a comment there covers."""

    first: int
    header_end: int
    last: int
    column: int


def suppressions(text: str, tree: ast.Module) -> tuple[Suppression, ...]:
    """The suppression comments of a file, malformed ones included, in order.

    `text` is the decoded file and `tree` its tree. Only comments count: the words inside a string
    mean nothing.
    """
    if "backlint" not in text.lower():
        return ()
    source = text.encode()
    tokens = scan_leniently(source)
    starts = line_starts(source)
    found = [
        (place(starts, token.start), source[token.start : token.end].decode())
        for token in _comments(tokens)
        if b"backlint" in source[token.start : token.end].lower()
    ]
    matches = [(at, match) for at, comment in found if (match := _DIRECTIVE.search(comment))]
    if not matches:
        return ()
    code = _code_lines(tokens, starts)
    behind = frozenset(code)
    cover = _Cover(_units(tree, code))
    return tuple(_suppression(at, match, cover.lines(at, at[0] in behind)) for at, match in matches)


def _comments(tokens: Sequence[Token]) -> Iterator[Token]:
    """Comments, those in the fields of f-strings included."""
    for token in tokens:
        if token.kind is Kind.COMMENT:
            yield token
        if token.string is not None:
            for field in fields(token.string.parts):
                yield from _comments(field.tokens)


def _code_lines(tokens: Sequence[Token], starts: list[int]) -> list[int]:
    """Numbers of the lines that hold code, ascending."""
    lines: dict[int, None] = {}
    for token in tokens:
        if token.kind not in (Kind.COMMENT, Kind.NEWLINE):
            first = place(starts, token.start)[0]
            last = place(starts, token.end - 1)[0] if token.kind is Kind.STRING else first
            lines.update(dict.fromkeys(range(first, last + 1)))
    return list(lines)


def _units(tree: ast.Module, code: Sequence[int]) -> Iterator[_Unit]:
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        inner = [
            child
            for name in ("body", "handlers", "cases", "orelse", "finalbody")
            for child in getattr(node, name, ())
        ]
        pending += inner
        if not isinstance(node, ast.Module):
            yield _unit(node, inner, code)


def _unit(node: ast.AST, inner: Sequence[ast.AST], code: Sequence[int]) -> _Unit:
    first, column = _start(node)
    end = getattr(node, "end_lineno", None) or first
    if not inner:
        return _Unit(first, end, end, column)
    before_body = bisect_left(code, _start(inner[0])[0]) - 1
    header_end = max(code[before_body], first) if before_body >= 0 else first
    whole = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return _Unit(first, header_end, end if whole else header_end, column)


def _start(node: ast.AST) -> tuple[int, int]:
    """First line, decorators included, and column of a statement, handler or case."""
    if isinstance(node, ast.match_case):
        return node.pattern.lineno, node.pattern.col_offset
    line: int = getattr(node, "lineno", 1)
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([line, *(item.lineno for item in decorators)]), getattr(node, "col_offset", 0)


class _Cover:
    """Which lines a comment covers, by where it stands."""

    def __init__(self, units: Iterable[_Unit]) -> None:
        self._by_line: dict[int, tuple[int, int]] = {}
        self._columns: dict[int, int] = {}
        for unit in units:
            self._columns[unit.first] = min(unit.column, self._columns.get(unit.first, unit.column))
            for line in range(unit.first, unit.header_end + 1):
                first, last = self._by_line.get(line, (unit.first, unit.last))
                self._by_line[line] = min(first, unit.first), max(last, unit.last)
        self._firsts = sorted(self._columns)

    def lines(self, at: tuple[int, int], behind_code: bool) -> tuple[int, int]:
        """First and last line covered by a comment at line and column `at`."""
        line, column = at
        if behind_code or line in self._by_line:
            return self._by_line.get(line, (line, line))
        index = bisect_right(self._firsts, line)
        if index == len(self._firsts) or column > self._columns[self._firsts[index]]:
            return line, line
        first, last = self._by_line[self._firsts[index]]
        return first, last


def _suppression(at: tuple[int, int], match: re.Match[str], lines: tuple[int, int]) -> Suppression:
    line, column = at
    comment = match[0].rstrip()
    start = column + len(match.string[: match.start()].encode())
    rules, reason, problem = _read(comment)
    return Suppression(
        span=Span(line, start, line, start + len(comment.encode())),
        rules=rules,
        reason=reason,
        first_line=lines[0],
        last_line=lines[1],
        problem=problem,
    )


def _read(comment: str) -> tuple[tuple[str, ...], str, str]:
    """Rules, reason and problem of a comment that means to be a suppression."""
    exact = _EXACT.match(comment)
    if exact is None:
        return (), "", f"{_problem(comment)}; {_FORM}"
    rules = tuple(dict.fromkeys(rule for part in exact["rules"].split(",") if (rule := part.strip())))
    reason = _NEXT_PRAGMA.split(exact["reason"], maxsplit=1)[0].strip(_BEFORE_REASON)
    wrong = next((rule for rule in rules if not _RULE.fullmatch(rule)), None)
    if not rules:
        return rules, reason, f"it names no rule; {_FORM}"
    if wrong is not None:
        return rules, reason, f"`{wrong}` is not how rules are named (`query-in-loop`); {_FORM}"
    if not any(character.isalnum() for character in reason):
        return rules, "", f"it gives no reason; {_FORM}"
    return rules, reason, ""


def _problem(comment: str) -> str:
    if _EXACT.match(comment.lower()):
        return "`backlint: ignore` is written in lower case"
    if re.search(r"backlint:[ \t]*ignore\b(?![ \t]*\[)", comment, re.IGNORECASE):
        return "it names no rules in square brackets"
    return "it is not understood"
