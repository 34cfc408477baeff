"""A snippet of code reduced to what it says, however it is laid out.

Two snippets that a formatter could turn into each other have one canonical form, on every Python version:
a fingerprint made on one machine must be found again on another, so `ast.unparse` and `ast.dump`, whose
output changes between versions, won't do.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from backlint.syntax.parse import ParseFailure, parse
from backlint.syntax.scan import Kind, ScanError, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATEMENT = re.compile(
    r"(?:assert|async\s+(?:def|for|with)|break|class|continue|def|del|elif|else|except|finally|for|from"
    r"|global|if|import|nonlocal|pass|raise|return|try|while|with)\b"
)
_NO_MEANING = frozenset({"ctx", "kind", "type_comment"})
_BODIES = frozenset({"body", "orelse", "finalbody", "cases"})


def canonical(snippet: str, indent: str = "") -> str:
    """The canonical form of an expression, a statement or a piece of one.

    `indent` is the white space before the snippet in its first line. Of a compound statement only the head
    counts: a finding on a function is still the same when its body is edited. Text that is no Python
    loses its white space, parentheses and trailing commas.
    """
    for source in _readings(snippet.strip(), indent):
        words = _read(source)
        if words is not None:
            return " ".join(words)
    return " ".join(_tokens(snippet))


def _readings(text: str, indent: str) -> Iterator[str]:
    """Complete sources that the snippet may be the text of, the first statement being a wrapper."""
    found = _STATEMENT.match(text)
    keyword = found.group() if found else ""
    if not keyword:
        # Parentheses allow the line breaks that the brackets around the snippet allowed in its place.
        yield f"if 1:\n (\n{text}\n)"
    # Later lines are indented as they are in the file, so the first one has to be as well.
    indent = indent or " "
    pieces = [text, f"{text} pass"] if text.endswith(":") else [text]
    for piece in pieces:
        if keyword == "except":
            yield f"if 1:\n{indent}try: pass\n{indent}{piece}"
        elif keyword == "elif":
            yield f"if 1:\n{indent}{piece[2:]}"
        else:
            yield f"if 1:\n{indent}{piece}"


def _read(source: str) -> list[str] | None:
    try:
        wrapper = parse(source.encode("utf-8", "replace"), "<snippet>").tree.body
        if len(wrapper) != 1 or not isinstance(wrapper[0], ast.If):
            return None
        return [word for node in wrapper[0].body for word in _words(node)]
    except (ParseFailure, RecursionError, ValueError):
        return None


def _words(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Expr):
        yield from _words(node.value)
        return
    is_block = isinstance(node, ast.stmt | ast.excepthandler)
    yield f"({type(node).__name__}"
    for name in node._fields:
        value: object = getattr(node, name, None)
        # Fields that a newer Python adds are empty in older code.
        if name in _NO_MEANING or (is_block and name in _BODIES) or value == []:
            continue
        if value is not None or isinstance(node, ast.Constant):
            yield f"{name}="
            yield from _value(value)
    yield ")"


def _value(value: object) -> Iterator[str]:
    if isinstance(value, ast.AST):
        yield from _words(value)
    elif isinstance(value, list):
        yield "["
        for item in value:
            yield from _value(item)
        yield "]"
    else:
        yield ascii(value)


def _tokens(snippet: str) -> list[str]:
    source = snippet.encode("utf-8", "replace")
    try:
        tokens = [token for token in scan(source) if token.kind not in (Kind.NEWLINE, Kind.COMMENT)]
    except ScanError:
        return snippet.split()
    texts = [(token.kind, source[token.start : token.end].decode("utf-8", "replace")) for token in tokens]
    after = [text for _, text in texts[1:]] + [")"]
    words: list[str] = []
    for (kind, text), following in zip(texts, after, strict=True):
        if kind is Kind.STRING:
            words.extend(_read(f"if 1:\n {text}") or [text])
        elif text not in ("(", ")") and not (text == "," and following in (")", "]", "}")):
            words.append(text)
    return words
