"""What the text of a statement is made of: literals, and the parts that something else decides."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    REQUEST,
    Attr,
    Awaited,
    Call,
    CallSite,
    Carried,
    ClassValue,
    Compare,
    Comprehension,
    Const,
    Element,
    EventKind,
    InstanceValue,
    Item,
    Join,
    LibraryFunction,
    LinkedFunction,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Project,
    Sequence,
    Star,
    Term,
    Text,
    bare,
    identifier_words,
    options,
    passed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TEXTS = frozenset({"builtins.str", "builtins.bytes", "builtins.object", "typing.Any", "typing.AnyStr"})
_CONTAINERS = frozenset(
    {"builtins.list", "builtins.tuple", "builtins.set", "builtins.dict", "builtins.frozenset"}
)
_KEEPS = frozenset(
    {
        "strip", "lstrip", "rstrip", "lower", "upper", "title", "replace", "encode", "decode", "split", "rsplit",
        "removeprefix", "removesuffix", "casefold", "capitalize", "keys", "copy", "format", "format_map",
    }
)  # fmt: skip
_CONVERTS = frozenset(
    {
        "builtins.str", "builtins.list", "builtins.tuple", "builtins.set", "builtins.sorted", "builtins.reversed",
        "builtins.dict", "textwrap.dedent", "inspect.cleandoc", "builtins.next", "builtins.iter", "typing.cast",
    }
)  # fmt: skip
_QUOTES = frozenset(
    {"quote", "quoted", "escape", "escaped", "literal", "identifier", "ident", "sanitize", "sanitise", "mogrify",
     "placeholder", "placeholders", "compile", "validate", "validated", "whitelist", "allowlist", "safe"}
)  # fmt: skip
_OF_TABLES = re.compile(r"_meta\b|__table|__name__|\.c\.|\bop\.|db_table|\.dialect|\.tablename")
_CHECKS = frozenset(
    {"match", "fullmatch", "isidentifier", "isalnum", "isalpha", "isdigit", "isdecimal", "isnumeric"}
)
_PARSED = frozenset({"zoneinfo", "uuid", "datetime", "decimal", "ipaddress", "fractions"})
"""Modules whose objects exist only where what they were made from was well-formed."""
_DEPTH = 16
_MANY = 8


class Hole(NamedTuple):
    """A part of a text that is neither a constant nor made safe."""

    function: LinkedFunction
    term: int
    calls: tuple[CallSite, ...] = ()
    """The calls that hand it on, the innermost first."""


class Frame(NamedTuple):
    function: LinkedFunction
    call: CallSite | None = None
    outer: Frame | None = None
    depth: int = 0
    calls: tuple[CallSite, ...] = ()


Piece = str | Hole


def pieces(project: Project, frame: Frame, term: int) -> list[Piece]:
    """The literals and holes of a text, in order; what is known to be safe counts as the literal `{}`."""
    if term < 0 or frame.depth > _DEPTH:
        return ["{}"]
    deeper = frame._replace(depth=frame.depth + 1)
    row = project.term(frame.function, term)
    handler = _HANDLERS.get(type(row))
    if handler is None:
        return ["{}"]
    if not isinstance(row, Const | Text | Mapping | Sequence) and _is_safe(
        project, frame.function, term, row
    ):
        return ["{}"]
    return handler(project, deeper, term, row)


def is_open(found: list[Piece]) -> bool:
    return any(isinstance(piece, Hole) for piece in found)


def _hole(frame: Frame, term: int) -> list[Piece]:
    return [Hole(frame.function, term, frame.calls)]


def _is_safe(project: Project, function: LinkedFunction, term: int, row: Term) -> bool:
    """By its type, by what it is called, or because the function compares it with what it allows."""
    value = project.value(function, term)
    found = options(value)
    if (
        all(
            isinstance(one, InstanceValue) and one.symbol not in _TEXTS and one.symbol not in _CONTAINERS
            for one in found
        )
        and project.flow.origin(function, term, REQUEST.into("sql")) is None
    ):
        return True
    if all(isinstance(one, ClassValue) for one in found):
        return True
    if project.flow.is_of_known_form(function, term):
        return True
    if isinstance(row, Attr | Call) and _OF_TABLES.search(project.words(function, term)):
        return True
    return isinstance(row, Local | Param | Element | Item | Attr | Call) and bare(
        function.file, term
    ) in checked(project, function)


def checked(project: Project, function: LinkedFunction) -> set[int]:
    """Terms that a function tests against a list, a pattern or constants."""
    found: set[int] = set()
    tests = [block.terms[0] for block in function.summary.blocks if block.terms]
    tests += [
        event.term for event in function.summary.events if event.kind in (EventKind.TEST, EventKind.ASSERT)
    ]
    while tests:
        row = project.term(function, tests.pop())
        match row:
            case Operation(_, operands):
                tests.extend(operands)
            case Local(_, base):
                tests.append(base)
            case Compare(operator, left, right) if operator in ("in", "not in", "==", "!="):
                if (
                    operator in ("in", "not in")
                    or not isinstance(project.term(function, right), Const)
                    or _is_text(project.term(function, right))
                ):
                    found.add(bare(function.file, left))
            case Call(callee, arguments, _):
                called = project.term(function, callee)
                name = called.name if isinstance(called, Attr) else ""
                if isinstance(called, Name):
                    name = called.symbol.rpartition(".")[2]
                if name in _CHECKS or _QUOTES.intersection(identifier_words(name)):
                    inside = arguments or ((called.base,) if isinstance(called, Attr) else ())
                    found.update(bare(function.file, one) for one in inside)
            case _:
                pass
    return found


def _is_text(row: Term) -> bool:
    return isinstance(row, Const) and isinstance(row.value, str) and bool(row.value)


def _const(project: Project, frame: Frame, term: int, row: Const) -> list[Piece]:
    return [row.value] if isinstance(row.value, str) else ["{}"]


def _text(project: Project, frame: Frame, term: int, row: Text) -> list[Piece]:
    if row.how not in ("%", "format"):
        return [piece for part in row.parts for piece in pieces(project, frame, part)]
    template = pieces(project, frame, row.parts[0])
    given = row.parts[1:]
    if row.how == "%" and len(given) == 1:
        shown = project.term(frame.function, bare(frame.function.file, given[0]))
        if isinstance(shown, Sequence):
            given = shown.items
        elif isinstance(shown, Mapping):
            given = tuple(value for _, value in shown.entries)
    inserted = [pieces(project, frame, one) for one in given]
    pattern = r"%(?:\(\w+\))?[-\d.]*[srdifx]" if row.how == "%" else r"\{[^{}]*\}"
    found: list[Piece] = []
    for piece in template:
        parts = re.split(pattern, piece) if isinstance(piece, str) and piece != "{}" else [piece]
        for number, part in enumerate(parts):
            if number:
                found.extend(inserted.pop(0) if inserted else ["{}"])
            found.append(part)
    for rest in inserted:
        found.extend(rest)
    return found


def _through(project: Project, frame: Frame, term: int, row: Awaited | Star) -> list[Piece]:
    return pieces(project, frame, row.base)


def _local(project: Project, frame: Frame, term: int, row: Local) -> list[Piece]:
    found = pieces(project, frame, row.base)
    base = project.term(frame.function, row.base)
    if isinstance(base, Sequence | Join):
        for call in frame.function.calls:
            callee = project.term(frame.function, call.row.function)
            if isinstance(callee, Attr) and callee.name in ("append", "add", "insert", "extend"):
                held = project.term(frame.function, callee.base)
                if isinstance(held, Local) and held.name == row.name and call.row.arguments:
                    found = [*found, *pieces(project, frame, call.row.arguments[-1])]
    if len(found) == 1 and isinstance(found[0], Hole) and found[0].function is frame.function:
        return _hole(frame, term)
    return found


def _join(project: Project, frame: Frame, term: int, row: Join) -> list[Piece]:
    found = [pieces(project, frame, option) for option in row.options]
    return next((one for one in found if is_open(one)), found[0])


def _sequence(project: Project, frame: Frame, term: int, row: Sequence) -> list[Piece]:
    return [piece for item in row.items for piece in pieces(project, frame, item)] or [""]


def _mapping(project: Project, frame: Frame, term: int, row: Mapping) -> list[Piece]:
    """Its keys: what iterating gives."""
    return [
        piece for key, value in row.entries for piece in pieces(project, frame, key if key >= 0 else value)
    ]


def _comprehension(project: Project, frame: Frame, term: int, row: Comprehension) -> list[Piece]:
    element = row.element
    pair = project.term(frame.function, element)
    if row.kind == "dict" and isinstance(pair, Sequence):
        element = pair.items[0]
    return pieces(project, frame, element)


def _element(project: Project, frame: Frame, term: int, row: Element) -> list[Piece]:
    base = project.term(frame.function, bare(frame.function.file, row.base))
    if row.position >= 0:
        found = _part(project, frame, row.base, row.position)
        if found is not None:
            return found
    if isinstance(base, Call):
        callee = project.term(frame.function, base.function)
        if isinstance(callee, Attr) and callee.name in ("items", "keys") and row.position <= 0:
            return _keys(project, frame, callee.base, term)
        if isinstance(callee, Attr) and callee.name in ("items", "values"):
            return _values(project, frame, callee.base, term)
        if isinstance(callee, Name) and callee.symbol == "builtins.enumerate" and base.arguments:
            return (
                ["{}"]
                if row.position == 0
                else _or_hole(pieces(project, frame, base.arguments[0]), frame, term)
            )
        if isinstance(callee, Name) and callee.symbol == "builtins.range":
            return ["{}"]
    return _or_hole(pieces(project, frame, row.base), frame, term)


def _part(project: Project, frame: Frame, base: int, position: int) -> list[Piece] | None:
    """One part of the tuple that a project function returns; None where it returns none."""
    term = bare(frame.function.file, base)
    site = project.flow.site(frame.function, term)
    if not isinstance(project.term(frame.function, term), Call) or site is None:
        return None
    shown: list[Piece] | None = None
    for target in site.targets[:4]:
        function = project.graph.functions[target]
        inner = Frame(function, site, frame, frame.depth + 1, frame.calls)
        for event in function.summary.events:
            row = project.term(function, bare(function.file, event.term)) if event.term >= 0 else None
            if event.kind == EventKind.RETURN and isinstance(row, Sequence) and position < len(row.items):
                found = pieces(project, inner, row.items[position])
                if is_open(found):
                    return found
                shown = shown or found
    return shown


def _keys(project: Project, frame: Frame, term: int, shown: int) -> list[Piece]:
    return _or_hole(pieces(project, frame, term), frame, shown)


def _values(project: Project, frame: Frame, term: int, shown: int) -> list[Piece]:
    base = project.term(frame.function, bare(frame.function.file, term))
    if isinstance(base, Mapping):
        return [piece for _, value in base.entries for piece in pieces(project, frame, value)]
    return _hole(frame, shown)


def _or_hole(found: list[Piece], frame: Frame, term: int) -> list[Piece]:
    """Names the element rather than what it is taken from, where both are in the same function."""
    holes = [piece for piece in found if isinstance(piece, Hole)]
    if holes and holes[0].function is frame.function:
        return _hole(frame, term)
    return list(found)


def _item(project: Project, frame: Frame, term: int, row: Item) -> list[Piece]:
    key = project.term(frame.function, row.key)
    if isinstance(key, Const) and isinstance(key.value, int):
        found = _part(project, frame, row.base, key.value)
        if found is not None:
            return found
    return _chosen(project, frame, term, row.base)


def _chosen(project: Project, frame: Frame, term: int, base: int) -> list[Piece]:
    """One of the values of a display; anything else decides itself."""
    shown = project.term(frame.function, bare(frame.function.file, base))
    if isinstance(shown, Mapping):
        found = [piece for _, value in shown.entries for piece in pieces(project, frame, value)]
        return _hole(frame, term) if is_open(found) else ["{}"]
    if isinstance(shown, Sequence | Comprehension | Const):
        return ["{}"] if not is_open(pieces(project, frame, base)) else _hole(frame, term)
    if isinstance(shown, Name):
        return _of_name(project, frame, term, base)
    if isinstance(shown, Call | Param):
        return _or_hole(pieces(project, frame, base), frame, term)
    return _hole(frame, term)


def _of_name(project: Project, frame: Frame, term: int, name: int) -> list[Piece]:
    """A module's display has what its author wrote; what a framework puts behind a name may be the client's."""
    if project.flow.origin(frame.function, name, REQUEST.into("sql")) is None:
        return ["{}"]
    return _hole(frame, term)


def _name(project: Project, frame: Frame, term: int, row: Name) -> list[Piece]:
    value = project.constant(frame.function, term)
    return [value] if isinstance(value, str) else _of_name(project, frame, term, term)


def _attr(project: Project, frame: Frame, term: int, row: Attr) -> list[Piece]:
    if row.name.isupper() or isinstance(project.constant(frame.function, term), str | int):
        return ["{}"]
    base = project.value(frame.function, row.base)
    classes = project.evaluator.classes
    for one in options(base):
        if not isinstance(one, InstanceValue | ClassValue):
            continue
        order = classes.order(one.symbol)
        if any(name.startswith("enum.") for name in order):
            return ["{}"]
        if one.symbol.partition(".")[0] in _PARSED:
            return ["{}"]
        for ancestor in classes.order(one.symbol):
            cls = classes.project_class(ancestor)
            set_to = [] if cls is None else cls.attributes.get(row.name, [])
            if (
                cls is not None
                and set_to
                and all(
                    isinstance(cls.file.summary.terms[bare(cls.file, attribute.value)], Const | Name | Text)
                    for attribute in set_to
                    if attribute.value >= 0
                )
                and any(attribute.value >= 0 for attribute in set_to)
            ):
                return ["{}"]
    return _hole(frame, term)


def _operation(project: Project, frame: Frame, term: int, row: Operation) -> list[Piece]:
    if row.operator in ("or", "+", "|"):
        return [piece for operand in row.operands for piece in pieces(project, frame, operand)]
    if row.operator == "and":
        return pieces(project, frame, row.operands[-1])
    if row.operator == "*":
        first = project.term(frame.function, bare(frame.function.file, row.operands[0]))
        return pieces(project, frame, row.operands[0]) if isinstance(first, Text | Sequence) else ["{}"]
    return ["{}"]


def _call(project: Project, frame: Frame, term: int, row: Call) -> list[Piece]:
    callee = project.term(frame.function, row.function)
    site = project.flow.site(frame.function, term)
    name = callee.name if isinstance(callee, Attr) else ""
    if isinstance(callee, Name):
        name = callee.symbol.rpartition(".")[2]
    if name == "join" and len(row.arguments) == 1:
        return pieces(project, frame, row.arguments[0])
    if (
        site is not None
        and site.entry is not None
        and ("sql" in site.entry.cleans or "sql" in site.entry.sinks)
    ):
        return ["{}"]
    for value in options(project.value(frame.function, row.function)):
        if isinstance(value, LibraryFunction) and "sql" in value.entry.cleans:
            return ["{}"]
        if isinstance(value, LibraryFunction | ClassValue) and value.symbol in _CONVERTS and row.arguments:
            return pieces(project, frame, row.arguments[-1 if value.symbol == "typing.cast" else 0])
    if _QUOTES.intersection(identifier_words(name)):
        return ["{}"]
    if isinstance(callee, Attr) and name in _KEEPS:
        return _or_hole(pieces(project, frame, callee.base), frame, term)
    if site is not None and site.entry is not None and site.entry.source:
        return _hole(frame, term)
    if name == "get" and row.arguments:
        if isinstance(callee, Attr):
            return [*_chosen(project, frame, term, callee.base), *_default(project, frame, row)]
        if (
            isinstance(callee, Name)
            and project.module_literal(frame.function, callee.symbol.rpartition(".")[0]) is not None
        ):
            return ["{}", *_default(project, frame, row)]
    if site is not None and site.targets:
        return _returned(project, frame, term, site)
    return _hole(frame, term)


def _default(project: Project, frame: Frame, row: Call) -> list[Piece]:
    return pieces(project, frame, row.arguments[1]) if len(row.arguments) > 1 else []


def _returned(project: Project, frame: Frame, term: int, site: CallSite) -> list[Piece]:
    first: list[Piece] | None = None
    for target in site.targets[:4]:
        function = project.graph.functions[target]
        inner = Frame(function, site, frame, frame.depth + 1, frame.calls)
        for event in function.summary.events:
            if event.kind not in (EventKind.RETURN, EventKind.YIELD) or event.term < 0:
                continue
            found = pieces(project, inner, event.term)
            if is_open(found):
                return found
            first = first or found
    return first or ["{}"]


def _param(project: Project, frame: Frame, term: int, row: Param) -> list[Piece]:
    target = project.graph.functions[frame.function.file.index, row.function]
    declared = next((one for one in target.summary.parameters if one.name == row.name), None)
    if declared is None or (target.summary.cls >= 0 and declared is target.summary.parameters[0]):
        return ["{}"]
    if declared.annotation >= 0 and "Literal" in project.words(target, declared.annotation):
        return ["{}"]
    if frame.call is not None and frame.outer is not None and frame.function is target:
        outer = frame.outer._replace(depth=frame.depth)
        return _passed(project, outer, frame.call, target, row.name) or ["{}"]
    first: list[Piece] | None = None
    if len(frame.calls) < 3:
        for call in project.flow.callers(target)[:_MANY]:
            outer = Frame(call.function, depth=frame.depth, calls=(*frame.calls, call))
            found = _passed(project, outer, call, target, row.name)
            if found and is_open(found):
                return found
            first = first or found
    return first or _hole(frame, term)


def _passed(
    project: Project, outer: Frame, call: CallSite, target: LinkedFunction, name: str
) -> list[Piece] | None:
    found = [pieces(project, outer, term) for term, key in passed(call, target, name) if not key]
    if not found:
        return ["{}"] if not call.passes_unknown else None
    return next((one for one in found if is_open(one)), found[0])


def _carried(project: Project, frame: Frame, term: int, row: Carried) -> list[Piece]:
    return [""]


_HANDLERS: dict[type, Callable[..., list[Piece]]] = {
    Const: _const,
    Text: _text,
    Awaited: _through,
    Star: _through,
    Local: _local,
    Join: _join,
    Sequence: _sequence,
    Mapping: _mapping,
    Comprehension: _comprehension,
    Element: _element,
    Item: _item,
    Name: _name,
    Attr: _attr,
    Operation: _operation,
    Call: _call,
    Param: _param,
    Carried: _carried,
}


def holes(found: list[Piece]) -> Iterator[tuple[str, Hole]]:
    """Each hole with the literal text before it."""
    before = ""
    for piece in found:
        if isinstance(piece, Hole):
            yield before, piece
            before += "{}"
        else:
            before += piece
