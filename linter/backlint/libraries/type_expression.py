"""The small language in which library entries name types: `list[X]`, `X | Y`, `arg0.0`, `type[X]`.

Grammar, loosest first::

    type     = option (" | " option)*          one of several
    option   = single (" or " single)*         the first that the call lets us know
    single   = name ("[" type ("," type)* "]")?
    name     = a dotted name | argument
    argument = "arg" position ("." index)? | "arg:" keyword ("." index)?
             | "made:" keyword                 what functions give that are passed as this keyword
"""

from __future__ import annotations

import re
from functools import cache

import msgspec

UNION = "|"
FALLBACK = "or"
MADE = "made:"

_TOKEN = re.compile(r"\s*((?:made:[A-Za-z_]\w*)|arg:[A-Za-z_]\w*(?:\.\d+)?|[A-Za-z_]\w*(?:\.\w+)*|[\[\],|])")
_ARGUMENT = re.compile(r"arg(?:(?P<position>\d+)|:(?P<keyword>[A-Za-z_]\w*))(?:\.(?P<index>\d+))?")


class TypeExpression(msgspec.Struct, frozen=True, array_like=True):
    """A parsed type expression.

    `name` is a class's full name, a type parameter, one of the words `self`, `Self`, `none`, `callback`,
    `list`, `dict`, `type`, an argument (`arg0`, `arg0.0`, `arg:name`), `made:name`, or `UNION` or `FALLBACK`, whose
    options are the `arguments`.
    """

    name: str
    arguments: tuple[TypeExpression, ...] = ()


class ArgumentType(msgspec.Struct, frozen=True):
    """What `arg0.1` or `arg:name` refers to."""

    argument: int | str
    """Position (0 is the first after `self`) or keyword."""
    index: int | None = None
    """Which type argument of the argument's type; None for the argument itself."""


@cache
def parse_type(text: str) -> TypeExpression:
    """Parse a type expression.

    Raises:
        ValueError: it isn't one; the message says where it goes wrong.
    """
    tokens = _tokens(text)
    expression, rest = _union(tokens, text)
    if rest:
        raise ValueError(f"unexpected `{rest[0]}` in the type `{text}`")
    return expression


def argument_type(name: str) -> ArgumentType | None:
    """Read the name of an expression as a reference to an argument; None where it is something else."""
    match = _ARGUMENT.fullmatch(name)
    if match is None:
        return None
    position, keyword, index = match["position"], match["keyword"], match["index"]
    argument: int | str = keyword if position is None else int(position)
    return ArgumentType(argument, None if index is None else int(index))


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"unexpected `{text[at:].strip()[0]}` in the type `{text}`")
        tokens.append(match[1])
        at = match.end()
    return tokens


def _union(tokens: list[str], text: str) -> tuple[TypeExpression, list[str]]:
    options: list[TypeExpression] = []
    while True:
        option, tokens = _fallback(tokens, text)
        options.append(option)
        if tokens[:1] != [UNION]:
            break
        tokens = tokens[1:]
    return (options[0] if len(options) == 1 else TypeExpression(UNION, tuple(options))), tokens


def _fallback(tokens: list[str], text: str) -> tuple[TypeExpression, list[str]]:
    options: list[TypeExpression] = []
    while True:
        option, tokens = _single(tokens, text)
        options.append(option)
        if tokens[:1] != [FALLBACK]:
            break
        tokens = tokens[1:]
    return (options[0] if len(options) == 1 else TypeExpression(FALLBACK, tuple(options))), tokens


def _single(tokens: list[str], text: str) -> tuple[TypeExpression, list[str]]:
    if not tokens:
        raise ValueError(f"the type `{text}` ends too early")
    name, tokens = tokens[0], tokens[1:]
    if name in {"[", "]", ",", UNION, FALLBACK}:
        raise ValueError(f"unexpected `{name}` in the type `{text}`")
    if tokens[:1] != ["["]:
        return TypeExpression(name), tokens
    arguments: list[TypeExpression] = []
    while tokens[:1] in (["["], [","]):
        argument, tokens = _union(tokens[1:], text)
        arguments.append(argument)
    if tokens[:1] != ["]"]:
        raise ValueError(f"a `]` is missing in the type `{text}`")
    return TypeExpression(name, tuple(arguments)), tokens[1:]
