"""Spells out strings that code puts together: through names, parts, and functions of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.graph import bare
from backlint.link.routes.model import UNKNOWN_PART
from backlint.link.routes.origins import definition
from backlint.link.values import ClassValue, ConstantValue, FunctionValue, InstanceValue
from backlint.summary import EventKind
from backlint.term import (
    Attr,
    Call,
    Comprehension,
    Const,
    Element,
    Join,
    Local,
    Name,
    Operation,
    Param,
    Star,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.link.index import FileNode
    from backlint.link.routes.context import Context

Bound = dict[tuple[int, int, str], tuple["FileNode", int]]
"""What callers pass: by file, function and name of a parameter, the term and the file it is written in.

A `*urls` parameter is bound to one of the arguments that it takes, a loop variable to one item of the display.
"""
ITEM = ""
"""Stands for the name where a loop variable is bound: the second number is its term then."""
_PREFIXES = ("url_prefix", "prefix")
_DEPTH = 10
_TRANSLATES = frozenset(
    f"django.utils.translation.{name}" for name in ("gettext_lazy", "gettext", "pgettext_lazy")
)


def spelled(context: Context, file: FileNode, term: int, bound: Bound, depth: int = 0) -> str:
    """A string as far as it is spelled out, `…` for the rest."""
    if term < 0 or depth > _DEPTH:
        return UNKNOWN_PART
    row = file.summary.terms[term]
    match row:
        case Local(_, base):
            return spelled(context, file, base, bound, depth + 1)
        case Star(base):
            row = file.summary.terms[bare(file, base)]
            inner = row.element if isinstance(row, Comprehension) else base
            return spelled(context, file, inner, bound, depth + 1)
        case Const(literal):
            return literal if isinstance(literal, str) else UNKNOWN_PART
        case Text("f" | "+", parts):
            return "".join(spelled(context, file, part, bound, depth + 1) for part in parts)
        case Text("format", parts):
            return _formatted([spelled(context, file, part, bound, depth + 1) for part in parts])
        case Call():
            return _called(context, file, row, bound, depth)
        case Join(joined):
            return common(spelled(context, file, option, bound, depth + 1) for option in joined)
        case Element() if (file.index, term, ITEM) in bound:
            owner, given = bound[file.index, term, ITEM]
            return spelled(context, owner, given, bound, depth + 1)
        case Attr(base, name) if name in _PREFIXES:
            own = _own_prefix(context, file, base, bound)
            if own is not None:
                return own
        case Operation("or", operands):
            found = [spelled(context, file, operand, bound, depth + 1) for operand in operands]
            return next((text for text in found if text), "")
        case Element(base, position) if position < 0:
            whole = file.summary.terms[bare(file, base)]
            if isinstance(whole, Param) and (file.index, whole.function, whole.name) in bound:
                return spelled(context, file, bare(file, base), bound, depth + 1)
        case Param(function, name) if (file.index, function, name) in bound:
            owner, given = bound[file.index, function, name]
            return spelled(context, owner, given, bound, depth + 1)
    value = context.evaluator.value(file, term)
    if isinstance(value, ConstantValue):
        return value.value if isinstance(value.value, str) else UNKNOWN_PART
    owner, found_term = definition(context.evaluator, file, term)
    if (owner, found_term) != (file, term):
        return spelled(context, owner, found_term, bound, depth + 1)
    default = _attribute_default(context, file, row)
    return default if default is not None else UNKNOWN_PART


def _formatted(parts: list[str]) -> str:
    """`"/{}/x".format(y)` with plain placeholders."""
    template, *given = parts
    pieces = template.split("{}")
    if len(pieces) != len(given) + 1:
        return UNKNOWN_PART
    return pieces[0] + "".join(value + piece for value, piece in zip(given, pieces[1:], strict=True))


def _called(context: Context, file: FileNode, row: Call, bound: Bound, depth: int) -> str:
    """The string that a call gives: of a function of the project, what it returns for these arguments."""
    if context.evaluator.symbol_of(file, row.function) in _TRANSLATES and row.arguments:
        return spelled(context, file, row.arguments[0], bound, depth + 1)
    callee = context.evaluator.value(file, row.function)
    if not isinstance(callee, FunctionValue):
        return UNKNOWN_PART
    owner = context.project.files[callee.file]
    summary = owner.summary.functions[callee.function]
    if summary.is_generator or summary.is_async:
        return UNKNOWN_PART
    inner = dict(bound)
    for name, at, given in passed(context, file, row, callee):
        inner[callee.file, callee.function, name] = (at, given)
    returns = [event.term for event in summary.events if event.kind == EventKind.RETURN]
    return common(spelled(context, owner, term, inner, depth + 2) for term in returns)


def passed(
    context: Context, file: FileNode, row: Call, callee: FunctionValue
) -> Iterator[tuple[str, FileNode, int]]:
    """The parameters of a function with what a call passes for each; of `*args` the first."""
    summary = context.project.files[callee.file].summary.functions[callee.function]
    position = 1 if callee.receiver is not None else 0
    named = dict(row.keywords)
    for parameter in summary.parameters[position:]:
        if parameter.name in named:
            yield parameter.name, file, named[parameter.name]
        elif parameter.kind == "*":
            yield from ((parameter.name, file, given) for given in row.arguments[:1])
            return
        elif row.arguments and parameter.kind in ("", "positional"):
            yield parameter.name, file, row.arguments[0]
            row = Call(row.function, row.arguments[1:], row.keywords)
        elif parameter.default >= 0:
            yield parameter.name, context.project.files[callee.file], parameter.default


def common(texts: Iterable[str]) -> str:
    """What several spellings share at both ends, part by part, with `…` between where they differ."""
    found = list(dict.fromkeys(texts))
    if len(found) <= 1:
        return found[0] if found else UNKNOWN_PART
    parts = [text.split("/") for text in found]
    shortest = min(map(len, parts))
    left = 0
    while left < shortest and len({part[left] for part in parts}) == 1:
        left += 1
    right = 0
    while right < shortest - left and len({part[-1 - right] for part in parts}) == 1:
        right += 1
    first = parts[0]
    return "/".join([*first[:left], UNKNOWN_PART, *(first[-right:] if right else ())])


def _own_prefix(context: Context, file: FileNode, term: int, bound: Bound) -> str | None:
    """`blueprint.url_prefix`: empty where it was made without; None where the object isn't known."""
    owner, given = bound.get((file.index, bare(file, term), ITEM), (file, term))
    for origin in context.origins.of_term(owner, given):
        at = context.project.files[origin.file]
        row = at.summary.terms[origin.term]
        if isinstance(row, Call):
            prefix = next((value for name, value in row.keywords if name in _PREFIXES), None)
            return "" if prefix is None else spelled(context, at, prefix, {}, 1)
    return None


def _attribute_default(context: Context, file: FileNode, row: object) -> str | None:
    """`settings.API_PREFIX`, where the class of `settings` gives the attribute a literal."""
    if isinstance(row, Name):
        owner, _, name = row.symbol.rpartition(".")
        value = context.evaluator.symbol(owner, file.root) if owner else None
    elif isinstance(row, Attr):
        value, name = context.evaluator.value(file, row.base), row.name
    else:
        return None
    if not isinstance(value, InstanceValue | ClassValue):
        return None
    attribute = context.class_attribute(value.symbol, name)
    if attribute is None:
        return None
    cls, term = attribute
    found = cls.file.summary.terms[term] if term >= 0 else None
    return found.value if isinstance(found, Const) and isinstance(found.value, str) else None
