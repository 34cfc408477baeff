"""Terms as short source text, for messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.term import (
    Attr,
    Awaited,
    Call,
    Compare,
    Const,
    Element,
    Entered,
    Function,
    Item,
    Join,
    Local,
    Name,
    Operation,
    Param,
    Sequence,
    Star,
    Super,
    Text,
)

if TYPE_CHECKING:
    from backlint.summary import FileSummary

MAX_WORDS = 60
_BINDING = {
    operator: strength
    for strength, operators in enumerate(
        (
            ("or",),
            ("and",),
            ("|",),
            ("^",),
            ("&",),
            ("<<", ">>"),
            ("+", "-"),
            ("*", "@", "/", "//", "%"),
            ("**",),
        )
    )
    for operator in operators
}
"""How strongly binary operators bind (Python 3 language reference, 6.17 Operator precedence)."""


def words(summary: FileSummary, term: int, depth: int = 0) -> str:
    """How the value would be written: `user.posts.count()`; `…` stands for what does not fit."""
    if term < 0 or depth > 8:
        return "…"
    row = summary.terms[term]
    match row:
        case Name(symbol):
            return _name(summary, symbol)
        case Param(_, name) | Local(name, _):
            return name
        case Attr(base, name):
            return f"{words(summary, base, depth + 1)}.{name}"
        case Call(function, arguments, keywords):
            inside = "…" if arguments or keywords else ""
            return f"{words(summary, function, depth + 1)}({inside})"
        case Const(value):
            return repr(value) if not isinstance(value, str) or len(value) < 24 else repr(value[:20] + "…")
        case Item(base, key):
            return f"{words(summary, base, depth + 1)}[{words(summary, key, depth + 1)}]"
        case Element(base) | Entered(base) | Awaited(base):
            return words(summary, base, depth + 1)
        case Star(base):
            return f"*{words(summary, base, depth + 1)}"
        case Join(options):
            return words(summary, options[0], depth + 1)
        case Text():
            return 'f"…"'
        case Sequence(kind, items):
            inner = ", ".join(words(summary, item, depth + 1) for item in items[:3])
            brackets = {"list": "[]", "tuple": "()", "set": "{}"}[kind]
            return f"{brackets[0]}{inner}{', …' if len(items) > 3 else ''}{brackets[1]}"
        case Operation(operator, operands) if len(operands) == 2:
            left, right = operands
            return f"{_side(summary, operator, left, depth, 0)} {operator} {_side(summary, operator, right, depth, 1)}"
        case Compare(operator, left, right):
            return f"{words(summary, left, depth + 1)} {operator} {words(summary, right, depth + 1)}"
        case Super():
            return "super()"
        case Function(index):
            name = summary.functions[index].name.rpartition(".")[2]
            return "lambda" if name.startswith("<lambda") else name
        case _:
            return "…"


def _side(summary: FileSummary, operator: str, term: int, depth: int, position: int) -> str:
    """An operand, in parentheses where it would be read otherwise without."""
    text = words(summary, term, depth + 1)
    row = summary.terms[term] if term >= 0 else None
    if not isinstance(row, Operation) or len(row.operands) != 2:
        return text
    inner, outer = _BINDING.get(row.operator, 0), _BINDING.get(operator, 0)
    same_side = 1 if operator == "**" else 0
    return text if inner > outer or (inner == outer and position == same_side) else f"({text})"


def _name(summary: FileSummary, symbol: str) -> str:
    """A symbol as the file writes it: by its own names and its imports."""
    best = None
    longest = -1
    for entry in summary.imports:
        length = len(entry.target)
        if length > longest and symbol.startswith(entry.target) and symbol[length : length + 1] in ("", "."):
            best, longest = entry, length
    if best is not None and best.alias != "*":
        return best.alias + symbol[longest:]
    return symbol.removeprefix(f"{summary.module}.").removeprefix("builtins.")
