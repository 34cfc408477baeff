"""Syntax newer than the running interpreter, made readable for it.

`mask` rewrites newer constructs into older ones of exactly the same shape: every line and every
byte column stays where it is. `restore` then puts right what the rewriting changed in the tree.

* PEP 695, 696: type parameters of `def`, `class` and `type` are blanked, `type X = …` becomes `X = …`.
* PEP 701: an f-string that older grammars can't read becomes a tuple of its expressions, and a
  `JoinedStr` again in the tree.
* PEP 750: `t"…"` becomes `f"…"`, its place kept in `Mask.templates`.
* PEP 758: `except A, B:` becomes `except A < B:`, and a tuple again in the tree.
* PEP 810: `lazy import x` becomes `import x`.
"""

from __future__ import annotations

import ast
import keyword
import re
from typing import TYPE_CHECKING

from backlint.syntax.restore import FieldPart, Mask, MaskedText, Place
from backlint.syntax.scan import (
    Field,
    Kind,
    Piece,
    ScanError,
    String,
    Token,
    bracket_change,
    fields,
    line_starts,
    place,
    scan,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONVERSIONS = {"": -1, "s": ord("s"), "r": ord("r"), "a": ord("a")}
_VISIBLE = re.compile(rb"[^\r\n]")
_QUOTE = re.compile(r'(\\.)|"', re.DOTALL)
_FILLER = b"0;"


def mask(text: str) -> Mask | None:
    """The text with newer syntax masked; None where there is nothing to mask or no way to."""
    source = text.encode()
    try:
        tokens = scan(source)
    except ScanError:
        return None
    masker = _Masker(source)
    masker.mask_strings(tokens, inside=False)
    masker.mask_statements([token for token in tokens if token.kind is not Kind.COMMENT])
    if masker.masked == source:
        return None
    return Mask(
        text=masker.masked.decode(),
        strings=masker.strings,
        handlers=masker.handlers,
        fillers=frozenset(masker.fillers),
        templates=frozenset(masker.templates),
    )


class _Masker:
    """The masked copy of a source, and the notes that `restore` needs."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.masked = bytearray(source)
        self.strings: dict[Place, MaskedText] = {}
        self.handlers: dict[Place, int] = {}
        self.fillers: set[Place] = set()
        self.templates: set[Place] = set()
        self._starts = line_starts(source)
        self._closing: dict[int, int] = {}
        self._blanked = 0

    def mask_statements(self, code: Sequence[Token]) -> None:
        """Mask keywords and type parameters; `code` holds no comments."""
        self._closing = self._bracket_pairs(code)
        depth = 0
        fresh = True
        for index, token in enumerate(code):
            if token.kind is Kind.NEWLINE:
                fresh = fresh or depth == 0
                continue
            word = self._word(token)
            if word in (b"def", b"class"):
                self._mask_parameters(code, index)
            elif fresh and word == b"type":
                self._mask_alias(code, index)
            elif fresh and word == b"lazy" and self._words(code, index + 1, 1) in ([b"import"], [b"from"]):
                self._fill(token)
            elif fresh and word == b"except":
                self._mask_handler(code, index)
            depth = max(0, depth + bracket_change(word))
            fresh = depth == 0 and word in (b";", b":")

    def mask_strings(self, tokens: Sequence[Token], inside: bool) -> None:
        """Mask f-strings and t-strings; `inside` brackets a string may go on in the next line."""
        for group in self._string_groups(tokens, inside):
            parts = [part for part in (token.string for token in group) if part is not None]
            if any("t" in string.prefix for string in parts):
                self.templates.add(place(self._starts, group[0].start))
            if any(self._is_modern(string) for string in parts) and not any(
                "b" in string.prefix for string in parts
            ):
                self._mask_group(group)
                continue
            for token, string in zip(group, parts, strict=True):
                if "t" in string.prefix:
                    self.masked[token.start + string.prefix.index("t")] = ord("f")
                for field in fields(string.parts):
                    self.mask_strings(field.tokens, inside=True)

    def _word(self, token: Token) -> bytes:
        return self.source[token.start : token.end]

    def _words(self, code: Sequence[Token], index: int, count: int) -> list[bytes]:
        return [self._word(token) for token in code[index : index + count]]

    def _fill(self, token: Token) -> None:
        self.masked[token.start : token.end] = _FILLER.ljust(token.end - token.start)
        self.fillers.add(place(self._starts, token.start))

    def _blank(self, start: int, end: int) -> None:
        self.masked[start:end] = _VISIBLE.sub(b" ", self.source[start:end])

    def _bracket_pairs(self, code: Sequence[Token]) -> dict[int, int]:
        """The index of each opening bracket's closing one."""
        pairs: dict[int, int] = {}
        opened: list[int] = []
        for index, token in enumerate(code):
            change = bracket_change(self._word(token)) if token.kind is Kind.OPERATOR else 0
            if change > 0:
                opened.append(index)
            elif change < 0 and opened:
                pairs[opened.pop()] = index
        return pairs

    def _mask_parameters(self, code: Sequence[Token], index: int) -> None:
        """`def f[T](x)` becomes `def f(    x)`, so that line breaks stay inside brackets."""
        if self._words(code, index + 2, 1) != [b"["] or code[index + 1].kind is not Kind.NAME:
            return
        closing = self._closing.get(index + 2)
        start = code[index + 2].start
        if closing is None or start < self._blanked:
            return
        end = self._blanked = code[closing].end
        self._blank(start, end)
        self.masked[start] = ord("(")
        if self._words(code, closing + 1, 1) == [b"("]:
            self.masked[code[closing + 1].start] = ord(" ")
        else:
            self.masked[end - 1] = ord(")")

    def _mask_alias(self, code: Sequence[Token], index: int) -> None:
        words = self._words(code, index + 1, 2)
        if len(words) < 2 or code[index + 1].kind is not Kind.NAME or keyword.iskeyword(words[0].decode()):
            return
        if words[1] == b"[":
            closing = self._closing.get(index + 2)
            if closing is None or self._words(code, closing + 1, 1) != [b"="]:
                return
            self._mask_alias_parameters(code[index + 2].start, code[closing].end)
        elif words[1] != b"=":
            return
        self._fill(code[index])

    def _mask_alias_parameters(self, start: int, end: int) -> None:
        several_lines = b"\n" in self.source[start:end] or b"\r" in self.source[start:end]
        self._blank(start, end)
        if several_lines:
            self.masked[start] = ord("[")
            self.masked[end - 1] = ord("]")
            inner = _VISIBLE.search(self.source, start + 1, end - 1)
            if inner is not None:
                self.masked[inner.start()] = ord("0")

    def _mask_handler(self, code: Sequence[Token], index: int) -> None:
        commas: list[int] = []
        depth = 0
        for token in (code[position] for position in range(index + 1, len(code))):
            word = self._word(token)
            depth += bracket_change(word)
            if depth == 0 and word == b":":
                break
            if depth < 0 or (depth == 0 and (word == b"as" or token.kind is Kind.NEWLINE)):
                return
            if depth == 0 and word == b",":
                commas.append(token.start)
        else:
            return
        if commas:
            for comma in commas:
                self.masked[comma] = ord("<")
            self.handlers[place(self._starts, code[index].start)] = len(commas)

    def _string_groups(self, tokens: Sequence[Token], inside: bool) -> Iterator[list[Token]]:
        """Strings that the parser joins into one."""
        group: list[Token] = []
        depth = 1 if inside else 0
        for token in tokens:
            if token.kind is Kind.STRING:
                group.append(token)
                continue
            if token.kind is Kind.COMMENT or (token.kind is Kind.NEWLINE and depth > 0):
                continue
            if group:
                yield group
                group = []
            if token.kind is Kind.OPERATOR:
                depth = max(0, depth + bracket_change(self._word(token)))
        if group:
            yield group

    def _is_modern(self, string: String) -> bool:
        return any(self._is_modern_field(field, string.quote, 0) for field in _own_fields(string.parts))

    def _is_modern_field(self, field: Field, quote: bytes, level: int) -> bool:
        stop = field.end - 1 if field.colon < 0 else field.colon
        expression = self.source[field.start + 1 : field.expression_end]
        rest = self.source[field.expression_end : stop]
        return (
            level > 1
            or b"\\" in expression
            or quote in expression
            or (len(quote) == 1 and re.search(rb"[\r\n]", expression + rest) is not None)
            or b"#" in rest
            or (bool(field.conversion) and rest != rest.strip())
            or any(
                token.kind is Kind.COMMENT or (token.string is not None and self._is_modern(token.string))
                for token in field.tokens
            )
            or any(
                self._is_modern_field(inner, quote, level + 1)
                for inner in _own_fields(field.specification or ())
            )
        )

    def _mask_group(self, group: Sequence[Token]) -> None:
        start, end = group[0].start, group[-1].end
        self._blank(start, end)
        self.masked[start] = ord("(")
        self.masked[end - 1] = ord(")")
        parts: list[str | FieldPart] = []
        for token in group:
            string = token.string
            if string is not None and string.formatted:
                parts += self._parts(string.parts, raw="r" in string.prefix)
            else:
                parts.append(str(ast.literal_eval(self._word(token).decode())))
        self.strings[place(self._starts, start)] = MaskedText(tuple(parts), place(self._starts, end))

    def _parts(self, parts: Sequence[Piece | Field], raw: bool) -> list[str | FieldPart]:
        found: list[str | FieldPart] = []
        for part in parts:
            if isinstance(part, Piece):
                found.append(_literal(self.source[part.start : part.end].decode(), raw))
                continue
            if part.explained >= 0:
                found.append(self.source[part.start + 1 : part.explained].decode())
            found.append(self._expose(part, raw))
        return found

    def _expose(self, field: Field, raw: bool) -> FieldPart:
        """Bring back the field's expression, as elements of the masking tuple."""
        start, end = field.start + 1, field.expression_end
        self.masked[start:end] = self.source[start:end]
        code = [token for token in field.tokens if token.kind not in (Kind.COMMENT, Kind.NEWLINE)]
        elements, ends_in_comma = self._elements(code)
        self.masked[end] = ord(" " if ends_in_comma else ",")
        self.mask_strings(field.tokens, inside=True)
        if code and self._word(code[0]) == b"yield":
            self._blank(start, end)
            self.masked[code[0].start] = ord("0")
            elements, ends_in_comma = 1, False
        conversion = field.conversion
        if field.explained >= 0 and not conversion and field.specification is None:
            conversion = "r"
        specification = None
        if field.specification is not None:
            specification = tuple(self._parts(field.specification, raw))
        return FieldPart(
            elements=elements,
            is_tuple=elements > 1 or ends_in_comma,
            conversion=_CONVERSIONS.get(conversion, -1),
            specification=specification,
        )

    def _elements(self, code: Sequence[Token]) -> tuple[int, bool]:
        """How many expressions the field's commas part, and whether the last comma ends it."""
        depth = 0
        commas = 0
        for token in code:
            word = self._word(token)
            depth += bracket_change(word)
            commas += depth == 0 and word == b","
        ends_in_comma = bool(commas) and self._word(code[-1]) == b","
        return commas + (not ends_in_comma), ends_in_comma


def _own_fields(parts: Sequence[Piece | Field]) -> Iterator[Field]:
    return (part for part in parts if isinstance(part, Field))


def _literal(text: str, raw: bool) -> str:
    text = text.replace("{{", "{").replace("}}", "}")
    if raw or "\\" not in text:
        return text
    quoted = _QUOTE.sub(lambda match: match[1] or '\\"', text)
    if (len(quoted) - len(quoted.rstrip("\\"))) % 2:
        quoted += "\\"
    try:
        return str(ast.literal_eval(f'"""{quoted}"""'))
    except (SyntaxError, ValueError):
        return text
