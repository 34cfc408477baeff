"""Code that sets whatever columns a mapping names, and the mappings that come to it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    REQUEST_BODY,
    Attr,
    Awaited,
    Call,
    CallSite,
    ClassValue,
    Compare,
    Comprehension,
    Const,
    Element,
    InstanceValue,
    Item,
    Join,
    LinkedFunction,
    Local,
    Mapping,
    Name,
    Operation,
    Origin,
    Param,
    Project,
    QueryStep,
    Sequence,
    Term,
    bare,
    options,
    passed,
    sink_arguments,
)
from backlint_rules.input._statements import checked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.api import FunctionKey, Parameter

DUMPS = frozenset({"model_dump", "dict", "asdict", "to_dict", "dump"})
_LOADS = frozenset({"load", "loads"})
"""Methods of a schema that give the fields which it declares: marshmallow's."""
_COPIES = frozenset({"copy", "items", "keys", "pop"})
_SETS = frozenset({"update", "values", "set", "create", "acreate", "aupdate", "update_or_create", "patch"})
_INSERTS = re.compile(
    r"(?:insert|replace|update)_(?:one|many)|find_one_and_(?:update|replace)|get_or_create|(?:a?update_or_)create"
)
_SETTING = frozenset({"update_from_dict"})
"""Methods that set whatever a mapping names, where the object's class is unknown."""
_OPERATORS = frozenset({"$set", "$setOnInsert"})
_NARROWS = frozenset({"difference", "issubset", "issuperset", "intersection", "symmetric_difference"})
_SETTERS = frozenset({"builtins.setattr", "setattr"})
_DEPTH = 3
_FIELD_NAMES = frozenset(
    {
        "__struct_fields__",
        "__fields_set__",
        "__fields__",
        "__dataclass_fields__",
        "model_fields",
        "model_fields_set",
    }
)
"""Attributes of an object of a schema that name its fields: msgspec, Pydantic, dataclasses."""
_LEAVES = 12


class Sink(NamedTuple):
    """A call that sets every column which a mapping names."""

    call: CallSite
    term: int
    """The mapping."""
    model: str
    """The ORM class, where known."""
    beside: frozenset[str] = frozenset()
    """Columns that the code names itself."""
    makes: bool = False
    """It makes a new row rather than changing one."""
    by_name: bool = False
    """`setattr`: the attribute is named, one at a time."""


class Leaf(NamedTuple):
    """What a mapping is made from."""

    term: int
    dumped: bool = False
    """Its declared fields, as a mapping."""
    without: frozenset[str] = frozenset()


class Opening(NamedTuple):
    """A mapping whose keys the client chooses."""

    term: int
    origin: Origin | None
    schema: str = ""
    """The class whose declared fields are the keys; empty where the client may send any."""
    without: frozenset[str] = frozenset()


def sinks(project: Project, call: CallSite) -> Iterator[Sink]:
    """The mappings whose keys a call sets."""
    row, function = call.row, call.function
    named = frozenset(name for name, _ in row.keywords if name != "**")
    spread = [term for name, term in row.keywords if name == "**"]
    callee = project.term(function, row.function)
    name = callee.name if isinstance(callee, Attr) else ""
    if isinstance(callee, Name):
        name = callee.symbol.rpartition(".")[2]
    if name == "setattr" and len(row.arguments) > 1:
        mapping = _named_in(project, function, row.arguments[1])
        if mapping >= 0:
            yield Sink(call, mapping, _class_of(project, function, row.arguments[0]), by_name=True)
        return
    for value in options(call.callee):
        if isinstance(value, ClassValue) and project.model(value.symbol) is not None:
            yield from (Sink(call, term, value.symbol, named, makes=True) for term in spread)
            return
    given = [argument.term for argument in sink_arguments(call, "columns")]
    if not given and name in _SETTING and call.entry is None and not call.targets:
        given = list(row.arguments[:1])
    if given:
        model = _class_of(project, function, callee.base) if isinstance(callee, Attr) else ""
        yield from (Sink(call, term, model, by_name=not model) for term in given)
        return
    yield from _by_query(project, call, name, named, spread)
    for statement in project.statements(call):
        yield from _by_text(project, call, statement.term)


def _by_query(
    project: Project, call: CallSite, name: str, named: frozenset[str], spread: list[int]
) -> Iterator[Sink]:
    row, function = call.row, call.function
    if name not in _SETS and not _INSERTS.fullmatch(name):
        return
    callee = project.term(function, row.function)
    base = callee.base if isinstance(callee, Attr) else -1
    held = project.term(function, bare(function.file, base)) if base >= 0 else None
    if isinstance(held, Attr) and held.name == "__dict__":
        yield from (Sink(call, term, "", by_name=True) for term in row.arguments[:1])
        return
    query = project.query(function, call.event.term)
    steps = (QueryStep.CREATES, QueryStep.UPDATES)
    model = query.model if query is not None else ""
    if query is None or not query.may_have(*steps):
        words = project.words(function, row.function)
        model = _manager(project, function, words) or (
            _class_of(project, function, base) if base >= 0 else ""
        )
        if not model:
            return
    makes = query is not None and query.may_have(QueryStep.CREATES)
    given = [*spread, *row.arguments, *(term for key, term in row.keywords if key == "defaults")]
    for term in given:
        yield Sink(call, _inside(project, function, term), model, named, makes=makes)


def _manager(project: Project, function: LinkedFunction, words: str) -> str:
    """The model of `User.objects.create`, where the query behind it is not known."""
    if not words.endswith((".objects.create", ".objects.create_user")):
        return ""
    value = project.value(
        function,
        next(
            (
                call.event.term
                for call in function.calls
                if project.words(function, call.row.function) == words
            ),
            -1,
        ),
    )
    return next((one.symbol for one in options(value) if isinstance(one, InstanceValue)), "")


def _inside(project: Project, function: LinkedFunction, term: int) -> int:
    """The mapping inside `{"$set": mapping}`."""
    row = project.term(function, bare(function.file, term))
    if isinstance(row, Mapping):
        for key, value in row.entries:
            operator = project.term(function, key) if key >= 0 else None
            if isinstance(operator, Const) and operator.value in _OPERATORS:
                return value
    return term


def _by_text(project: Project, call: CallSite, term: int) -> Iterator[Sink]:
    """SQL whose column names are the keys of a mapping."""
    function = call.function
    query = project.query(function, term)
    if query is not None and query.sql is None:
        return
    tested = checked(project, function)
    for inner in project.terms_of(function, term):
        row = project.term(function, inner)
        if isinstance(row, Element) and inner not in tested:
            yield Sink(call, _iterated(project, function, row.base), "")
        elif isinstance(row, Call) and _iterated(project, function, inner) != inner:
            yield Sink(call, _iterated(project, function, inner), "")


def _class_of(project: Project, function: LinkedFunction, term: int) -> str:
    for value in options(project.value(function, term)):
        if isinstance(value, InstanceValue) and project.model(value.symbol) is not None:
            return value.symbol
    return ""


def _named_in(project: Project, function: LinkedFunction, key: int) -> int:
    """The mapping whose key is the name of an attribute; -1 where the name is tested, or something else."""
    row = project.term(function, bare(function.file, key))
    if not isinstance(row, Element) or bare(function.file, key) in checked(project, function):
        return -1
    return _iterated(project, function, row.base) if row.position <= 0 else -1


def _iterated(project: Project, function: LinkedFunction, term: int) -> int:
    """The mapping that a loop goes over: through `.items()` and `enumerate`."""
    row = project.term(function, bare(function.file, term))
    if isinstance(row, Call):
        callee = project.term(function, row.function)
        if isinstance(callee, Attr) and callee.name in ("items", "keys"):
            return callee.base
        if (
            isinstance(callee, Name)
            and callee.symbol in ("builtins.enumerate", "builtins.list")
            and row.arguments
        ):
            return _iterated(project, function, row.arguments[0])
    return term


def leaves(project: Project, function: LinkedFunction, term: int, depth: int = 0) -> Iterator[Leaf]:
    """What a mapping is made from: through copies, spreads, merges and comprehensions."""
    if term < 0 or depth > _LEAVES:
        return
    row = project.term(function, term)
    match row:
        case Local(_, base) | Awaited(base):
            found = list(leaves(project, function, base, depth + 1))
            yield from found or ([Leaf(term)] if isinstance(project.term(function, base), Param) else [])
        case Join(joined):
            for one in joined:
                yield from leaves(project, function, one, depth + 1)
        case Operation("|" | "or", operands):
            for one in operands:
                yield from leaves(project, function, one, depth + 1)
        case Mapping(entries):
            named = frozenset(
                str(key.value)
                for at, _ in entries
                if at >= 0 and isinstance(key := project.term(function, at), Const)
            )
            for key_term, value in entries:
                if key_term < 0:
                    for leaf in leaves(project, function, value, depth + 1):
                        yield leaf._replace(without=leaf.without | named)
        case Comprehension("dict", _, block):
            yield from _of_comprehension(project, function, block, depth)
        case Call():
            yield from _of_call(project, function, term, row, depth)
        case Attr(base, name) if name in _FIELD_NAMES:
            yield Leaf(base, dumped=True)
        case Param() | Attr() | Item() | Element():
            yield Leaf(term)
        case _:
            return


def _of_comprehension(project: Project, function: LinkedFunction, block: int, depth: int) -> Iterator[Leaf]:
    """`{name: value for name, value in given.items()}`, where the names are not tested."""
    terms = function.summary.blocks[block].terms if 0 <= block < len(function.summary.blocks) else ()
    for iterable in terms[:1]:
        mapping = _iterated(project, function, iterable)
        if any(_tests_names(project, function, row, iterable) for row in function.file.summary.terms):
            return
        yield from leaves(project, function, mapping, depth + 1)


def _tests_names(project: Project, function: LinkedFunction, row: Term, iterable: int) -> bool:
    """`name in ALLOWED` for the names that a comprehension takes from `iterable`."""
    if not isinstance(row, Compare) or row.operator not in ("in", "not in", "==", "!="):
        return False
    left = project.term(function, bare(function.file, row.left))
    return isinstance(left, Element) and left.position <= 0 and left.base == iterable


def _of_call(project: Project, function: LinkedFunction, term: int, row: Call, depth: int) -> Iterator[Leaf]:
    callee = project.term(function, row.function)
    name = callee.name if isinstance(callee, Attr) else ""
    if isinstance(callee, Name):
        name = callee.symbol.rpartition(".")[2]
        if callee.symbol == "builtins.dict" and row.arguments:
            yield from leaves(project, function, row.arguments[0], depth + 1)
            return
    if isinstance(callee, Attr) and name in DUMPS and not _has_rows(project, function, callee.base):
        without = frozenset(
            text
            for keyword, value in row.keywords
            if keyword == "exclude"
            for text in _texts(project, function, value)
        )
        if not any(keyword == "include" for keyword, _ in row.keywords):
            yield Leaf(callee.base, dumped=True, without=without)
        return
    if isinstance(callee, Attr) and name in _LOADS and schema_of(project, function, callee.base):
        yield Leaf(callee.base, dumped=True)
        return
    if isinstance(callee, Attr) and name in _COPIES:
        yield from leaves(project, function, callee.base, depth + 1)
        return
    given = next((one for one in row.arguments if schema_of(project, function, one)), -1)
    yield Leaf(term) if given < 0 else Leaf(given, dumped=True)


def _has_rows(project: Project, function: LinkedFunction, term: int) -> bool:
    return bool(_class_of(project, function, term))


def _texts(project: Project, function: LinkedFunction, term: int) -> Iterator[str]:
    row = project.term(function, bare(function.file, term))
    for item in row.items if isinstance(row, Sequence) else ():
        value = project.term(function, item)
        if isinstance(value, Const):
            yield str(value.value)


def opening(project: Project, function: LinkedFunction, term: int, block: int) -> Opening | None:
    """Why the client chooses the keys of a mapping; None where it does not."""
    for leaf in leaves(project, function, term):
        declared = "" if leaf.dumped else _declared_body(project, function, leaf.term)
        if declared:
            return Opening(leaf.term, None, declared, leaf.without)
        if leaf.dumped:
            schema = schema_of(project, function, leaf.term)
            if schema:
                return Opening(leaf.term, None, schema, leaf.without)
            continue
        found = raw(project, function, leaf, block)
        if found is not None:
            return found
    return None


def _declared_body(project: Project, function: LinkedFunction, term: int) -> str:
    """The schema whose fields a handler is handed as a mapping: `@blp.arguments(ItemSchema)`."""
    row = project.term(function, bare(function.file, term))
    if not isinstance(row, Param) or row.function != function.index:
        return ""
    for route in project.handlers.get(function.key, ()):
        for parameter in route.parameters:
            unnamed = parameter.source == "unknown" and parameter is route.parameters[0]
            if parameter.name == row.name and route.body and (parameter.source == "body" or unnamed):
                return "" if schema_of(project, function, term) else route.body
    return ""


def raw(project: Project, function: LinkedFunction, leaf: Leaf, block: int) -> Opening | None:
    """The body as it came, which nothing has cut down."""
    origin = project.flow.origin(function, leaf.term, REQUEST_BODY, block)
    if origin is None or origin.named or narrows(project, function, leaf.term):
        return None
    if any(
        isinstance(one, InstanceValue) and "." in one.symbol and _is_own(project, one)
        for one in options(project.value(function, leaf.term))
    ):
        return None
    return Opening(leaf.term, origin, "", leaf.without)


def _is_own(project: Project, value: InstanceValue) -> bool:
    return project.evaluator.classes.project_class(value.symbol) is not None


def narrows(project: Project, function: LinkedFunction, term: int) -> bool:
    """Whether a function compares the keys of a mapping with what it allows: `set(body) - ALLOWED`."""
    known = _known(project).narrowed
    if function.key not in known:
        known[function.key] = frozenset(_narrowed(project, function))
    return bare(function.file, term) in known[function.key]


def _narrowed(project: Project, function: LinkedFunction) -> Iterator[int]:
    """The mappings whose keys a function compares."""
    seen: set[int] = set()
    for event in function.summary.events:
        for at in project.terms_of(function, event.term) if event.term >= 0 else ():
            if at in seen:
                continue
            seen.add(at)
            row = project.term(function, at)
            inside: tuple[int, ...] = ()
            if isinstance(row, Operation) and row.operator in ("-", "&", "^"):
                inside = row.operands
            elif isinstance(row, Compare) and row.operator in ("<=", "<", ">", ">="):
                inside = (row.left, row.right)
            elif isinstance(row, Call):
                callee = project.term(function, row.function)
                if isinstance(callee, Attr) and callee.name in _NARROWS:
                    inside = (callee.base, *row.arguments)
            for one in inside:
                yield from _keys_of(project, function, one)


def _keys_of(project: Project, function: LinkedFunction, term: int) -> Iterator[int]:
    """The mappings that a set of keys may be taken from: `set(body)`, `body.keys()`."""
    at = bare(function.file, term)
    row = project.term(function, at)
    if not isinstance(row, Call):
        yield at
        return
    callee = project.term(function, row.function)
    if isinstance(callee, Attr):
        if callee.name in ("keys", *_NARROWS):
            yield bare(function.file, callee.base)
        return
    yield from (bare(function.file, one) for one in row.arguments)


def schema_of(project: Project, function: LinkedFunction, term: int) -> str:
    """The class of the project that a value was read into; empty where that is none, or a row."""
    for value in options(project.value(function, term)):
        if (
            isinstance(value, InstanceValue)
            and _is_own(project, value)
            and project.model(value.symbol) is None
        ):
            return value.symbol
    return ""


def handed(call: CallSite, callee: LinkedFunction, parameter: Parameter) -> list[int]:
    """The terms that a call passes for a parameter, as far as they may be a mapping of columns."""
    if parameter.kind == "**":
        return [term for name, term in call.row.keywords if name == "**"]
    if parameter.kind == "*":
        return []
    return [term for term, key in passed(call, callee, parameter.name) if not key]


class Assigned(NamedTuple):
    """What becomes of a parameter: a sink sets the columns that it names."""

    sink: Sink
    leaf: Leaf


class _Known:
    """What has been worked out of a project."""

    def __init__(self) -> None:
        self.narrowed: dict[FunctionKey, frozenset[int]] = {}
        self.assigned: dict[tuple[FunctionKey, int], dict[str, list[Assigned]]] = {}


@lru_cache(maxsize=1)
def _known(project: Project) -> _Known:
    return _Known()


def assigned(project: Project, function: LinkedFunction, depth: int = 0) -> dict[str, list[Assigned]]:
    """The sinks that set what a parameter of a function names, by the parameter's name."""
    known = _known(project).assigned
    key = (function.key, depth)
    if key not in known:
        found: dict[str, list[Assigned]] = {}
        for name, one in _assigned(project, function, depth):
            found.setdefault(name, []).append(one)
        known[key] = found
    return known[key]


def _assigned(project: Project, function: LinkedFunction, depth: int) -> Iterator[tuple[str, Assigned]]:
    for call in function.calls:
        for sink in sinks(project, call):
            for leaf in leaves(project, function, sink.term):
                name = _parameter(project, function, leaf.term)
                if name:
                    yield name, Assigned(sink, leaf)
        for target in call.targets if depth < _DEPTH else ():
            callee = project.graph.functions[target]
            for parameter, below in assigned(project, callee, depth + 1).items():
                for leaf in _handed_on(project, function, call, callee, parameter):
                    name = _parameter(project, function, leaf.term)
                    for one in below if name else ():
                        yield name, Assigned(one.sink, _joined(leaf, one.leaf))


def _handed_on(
    project: Project, function: LinkedFunction, call: CallSite, callee: LinkedFunction, name: str
) -> Iterator[Leaf]:
    """What the mappings are made from that a call passes for a parameter."""
    parameter = next((one for one in callee.summary.parameters if one.name == name), None)
    for term in () if parameter is None else handed(call, callee, parameter):
        yield from leaves(project, function, term)


def _joined(leaf: Leaf, below: Leaf) -> Leaf:
    return Leaf(below.term, leaf.dumped or below.dumped, leaf.without | below.without)


def _parameter(project: Project, function: LinkedFunction, term: int) -> str:
    """The name of the function's parameter that a term is, as it came; empty for all else."""
    row = project.term(function, bare(function.file, term))
    if isinstance(row, Param) and row.function == function.index and not narrows(project, function, term):
        return row.name
    return ""


def reached(project: Project, handler: LinkedFunction, call: CallSite) -> list[tuple[Sink, Opening]]:
    """What a call of a handler sets from a mapping whose keys the client chooses, itself or further down."""
    found = [
        (sink, opened)
        for sink in sinks(project, call)
        if (opened := opening(project, handler, sink.term, call.block)) is not None
    ]
    if found or not call.targets:
        return found
    for target in call.targets[:4]:
        callee = project.graph.functions[target]
        for parameter, sets in assigned(project, callee).items():
            for leaf in _handed_on(project, handler, call, callee, parameter):
                for below in sets:
                    opened = _opened(project, handler, call, leaf, below)
                    if opened is not None:
                        return [(below.sink, opened)]
    return []


def _opened(
    project: Project, handler: LinkedFunction, call: CallSite, leaf: Leaf, below: Assigned
) -> Opening | None:
    without = leaf.without | below.leaf.without
    if leaf.dumped or below.leaf.dumped:
        schema = schema_of(project, handler, leaf.term)
        return Opening(leaf.term, None, schema, without) if schema else None
    return raw(project, handler, leaf, call.block)
