"""Where the size of a page comes from, and whether anything bounds it on the way."""

from __future__ import annotations

from typing import NamedTuple

from backlint.api import (
    Attr,
    Awaited,
    BlockKind,
    Call,
    CallSite,
    Compare,
    Confidence,
    Const,
    EventKind,
    FileNode,
    FunctionValue,
    InstanceValue,
    Item,
    Join,
    Label,
    LinkedFunction,
    Local,
    Name,
    Operation,
    Param,
    ParameterSource,
    Project,
    Sequence,
    Span,
    Term,
    bare,
    options,
)

_CLIENT = Label(
    "request",
    sources=frozenset({"request", "request-query", "request-body"}),
    wholes=frozenset({"request-query", "request-body"}),
    harmless=frozenset(),
)
_GIVEN = frozenset({"query", "body", "form", "path", "header"})
_BOUNDS = frozenset({"le", "lt", "max", "max_value", "maximum", "max_digits"})
_SCHEMA_BOUNDS = _BOUNDS | {"validate", "validators", "choices", "enum"}
_VALIDATORS = frozenset({"AfterValidator", "BeforeValidator", "PlainValidator", "WrapValidator"})
"""A function of the project's own looks at the number (Pydantic 2.12, functional validators)."""
_CONVERTS = frozenset({"builtins.int", "builtins.float", "builtins.abs", "builtins.round"})
_DEPTH = 14
_HUGE = 100_000


class Size(NamedTuple):
    """A size that a client chooses, and that nothing bounds."""

    words: str
    function: LinkedFunction
    """The function in which it enters."""
    calls: tuple[CallSite, ...]
    """The calls that hand it on to where it limits a query, the outermost first."""
    read: Span | None = None
    """Where it is read from the request, if it is by a call."""


class Frame(NamedTuple):
    function: LinkedFunction
    call: CallSite | None = None
    outer: Frame | None = None
    depth: int = 0
    injected: bool = False
    """A framework runs the function to make a parameter, and reads plain numbers from the query string."""


def unbounded(project: Project, frame: Frame, term: int) -> Size | None:
    """The client's choice behind a number; None where it is bounded, a constant, or unknown."""
    if term < 0 or frame.depth > _DEPTH:
        return None
    function = frame.function
    deeper = frame._replace(depth=frame.depth + 1)
    row = project.term(function, term)
    if _is_checked(project, function, term):
        return None
    match row:
        case Local(_, base) | Awaited(base):
            return unbounded(project, deeper, base)
        case Join(found) | Operation("or", found) | Operation("and", found):
            return _first(project, deeper, found)
        case Operation(operator, operands) if operator in ("+", "*", "-"):
            return _first(project, deeper, operands)
        case Param():
            return _parameter(project, deeper, row)
        case Call():
            return _call(project, deeper, term, row)
        case Item(base, key):
            return _item(project, deeper, term, base, key)
        case Attr(base, name):
            return _attribute(project, deeper, term, base, name)
        case Name():
            return _leaf(project, deeper, term)
        case _:
            return None


def _first(project: Project, frame: Frame, terms: tuple[int, ...]) -> Size | None:
    return next((found for term in terms if (found := unbounded(project, frame, term))), None)


def _leaf(project: Project, frame: Frame, term: int) -> Size | None:
    origin = project.flow.origin(frame.function, term, _CLIENT)
    if origin is None or origin.named or origin.confidence is Confidence.LOW:
        return None
    return Size(project.words(frame.function, term), frame.function, (), _span(frame.function, term))


def _span(function: LinkedFunction, term: int) -> Span | None:
    index = bare(function.file, term)
    return next(
        (one.span for one in function.summary.events if one.kind == EventKind.CALL and one.term == index),
        None,
    )


def _call(project: Project, frame: Frame, term: int, row: Call) -> Size | None:
    for value in options(project.value(frame.function, row.function)):
        symbol = getattr(value, "symbol", "")
        if symbol in _CONVERTS:
            return _first(project, frame, row.arguments[:1])
        if symbol == "builtins.max":
            return _first(project, frame, row.arguments)
        if symbol == "builtins.min":
            found = [unbounded(project, frame, argument) for argument in row.arguments]
            return found[0] if found and all(found) else None
        if isinstance(value, FunctionValue):
            site = project.flow.site(frame.function, term)
            return None if site is None else _returned(project, frame, value, site, -1)
    return _leaf(project, frame, term)


def _returned(
    project: Project, frame: Frame, value: FunctionValue, site: CallSite, position: int
) -> Size | None:
    target = project.graph.functions[value.file, value.function]
    inner = Frame(target, site, frame, frame.depth + 1)
    for event in target.summary.events:
        if event.kind != EventKind.RETURN:
            continue
        term = event.term
        row = project.term(target, term)
        if position >= 0:
            if not isinstance(row, Sequence) or position >= len(row.items):
                continue
            term = row.items[position]
        found = unbounded(project, inner, term)
        if found is not None:
            return found
    return None


def _item(project: Project, frame: Frame, term: int, base: int, key: int) -> Size | None:
    """`limit, offset = paging()`: the part of what a function returns."""
    function = frame.function
    row = _bare(project, function, base)
    position = _bare(project, function, key)
    if isinstance(row, Param) and isinstance(position, Const):
        declared = _declared(project, frame, row, str(position.value))
        if declared is not None:
            return declared
    if isinstance(row, Call) and isinstance(position, Const) and isinstance(position.value, int):
        for value in options(project.value(function, row.function)):
            if isinstance(value, FunctionValue):
                index = base
                while isinstance(outer := project.term(function, index), Local | Awaited):
                    index = outer.base
                site = project.flow.site(function, index)
                return None if site is None else _returned(project, frame, value, site, position.value)
    return _leaf(project, frame, term)


def _declared(project: Project, frame: Frame, row: Param, name: str) -> Size | None:
    """`args["limit"]`: a field without a maximum of the schema that a decorator reads the request with."""
    for route in project.handlers.get(frame.function.key, ()):
        schema = project.schema(route.body) if route.body else None
        field = schema.fields.get(name) if schema is not None else None
        sources = {one.name: one.source for one in route.parameters}
        if field is None or sources.get(row.name) != ParameterSource.UNKNOWN:
            continue
        if not field.bounds & _SCHEMA_BOUNDS and not field.read_only:
            return Size(f'{row.name}["{name}"]', frame.function, ())
    return None


def _attribute(project: Project, frame: Frame, term: int, base: int, name: str) -> Size | None:
    """`query.limit`: a field of what the request is read into."""
    row = _bare(project, frame.function, base)
    if isinstance(row, Param):
        for value in options(project.value(frame.function, base)):
            if isinstance(value, InstanceValue):
                return _field(project, frame, value, row, name)
    return _leaf(project, frame, term)


def _field(project: Project, frame: Frame, value: InstanceValue, row: Param, name: str) -> Size | None:
    given = project.flow.given(frame.function, row.name)
    if given not in _GIVEN and given != "dependency":
        return None
    if given == "dependency":
        made, found = _made_by_dependency(project, frame, value, name)
        if made:
            return found
    for ancestor in project.evaluator.classes.order(value.symbol):
        cls = project.evaluator.classes.project_class(ancestor)
        for attribute in cls.attributes.get(name, ()) if cls is not None else ():
            assert cls is not None
            default, annotation = attribute.value, attribute.annotation
            held = cls.file.summary.terms[default] if default >= 0 else None
            if isinstance(held, Param):
                declared = cls.file.summary.functions[held.function].parameters
                one = next((one for one in declared if one.name == held.name), None)
                default, annotation = (one.default, one.annotation) if one else (-1, -1)
            if is_constrained(project, cls.file, annotation, default) or _is_validated(cls.file, name):
                return None
            return Size(f"{row.name}.{name}", frame.function, ())
    return None


def _made_by_dependency(
    project: Project, frame: Frame, value: InstanceValue, name: str
) -> tuple[bool, Size | None]:
    """Whether a function makes what is injected, and the size that it puts into a field."""
    made = False
    for file, term in project.injected(frame.function):
        for callee in options(project.evaluator.value(file, term)):
            if not isinstance(callee, FunctionValue):
                continue
            if value not in options(project.evaluator.returned(callee)):
                continue
            made = True
            target = project.graph.functions[callee.file, callee.function]
            for event in target.summary.events:
                if event.kind == EventKind.RETURN:
                    held = _given_field(project, target, event.term, value, name)
                    found = (
                        None
                        if held is None
                        else unbounded(project, Frame(target, depth=frame.depth + 1, injected=True), held)
                    )
                    if found is not None:
                        return True, found
    return made, None


def _given_field(
    project: Project, function: LinkedFunction, term: int, value: InstanceValue, name: str
) -> int | None:
    """What a call that makes an object gives for one of its fields."""
    row = _bare(project, function, term)
    if not isinstance(row, Call):
        return None
    named = next((held for keyword, held in row.keywords if keyword == name), None)
    if named is not None:
        return named
    cls = project.evaluator.classes.project_class(value.symbol)
    fields = [one.name for one in cls.summary.attributes if not one.instance] if cls is not None else []
    position = fields.index(name) if name in fields else -1
    return row.arguments[position] if 0 <= position < len(row.arguments) else None


def _is_validated(file: FileNode, name: str) -> bool:
    """Whether a method is decorated as the validator of a field."""
    terms = file.summary.terms
    for function in file.summary.functions:
        for decorator in function.decorators:
            row = terms[decorator]
            for argument in row.arguments if isinstance(row, Call) else ():
                given = terms[argument]
                if isinstance(given, Const) and given.value == name:
                    return True
    return False


def _parameter(project: Project, frame: Frame, row: Param) -> Size | None:
    target = project.graph.functions[frame.function.file.index, row.function]
    declared = next((one for one in target.summary.parameters if one.name == row.name), None)
    if declared is None:
        return None
    given = project.flow.given(target, row.name)
    asked = frame.injected and frame.function is target and _is_number(project, target, declared.annotation)
    if asked or given in _GIVEN or _says_request(project, target, declared.default):
        if is_constrained(project, target.file, declared.annotation, declared.default):
            return None
        return Size(row.name, target, ())
    if frame.call is not None and frame.outer is not None and frame.function is target:
        passed = _passed(frame.call, target, row.name)
        return None if passed is None else unbounded(project, frame.outer._replace(depth=frame.depth), passed)
    for call in project.flow.callers(target)[:12]:
        passed = _passed(call, target, row.name)
        if passed is not None and call.function is not target:
            found = unbounded(project, Frame(call.function, depth=frame.depth + 3), passed)
            if found is not None:
                return found._replace(calls=(*found.calls, call))
    return None


def _is_number(project: Project, function: LinkedFunction, annotation: int) -> bool:
    return annotation >= 0 and project.queries.symbol_of(function.file, annotation) == "builtins.int"


def _says_request(project: Project, function: LinkedFunction, default: int) -> bool:
    """Whether a default says that a framework takes the parameter from the request: `= Query(10)`."""
    row = project.term(function, default) if default >= 0 else None
    if not isinstance(row, Call):
        return False
    entry = project.evaluator.entry_of(project.value(function, row.function))
    return entry is not None and entry.source.startswith("request")


def _passed(call: CallSite, target: LinkedFunction, name: str) -> int | None:
    bound = 1 if isinstance(call.callee, FunctionValue) and call.callee.receiver is not None else 0
    position = next((at for at, one in enumerate(target.summary.parameters) if one.name == name), -1)
    return call.argument(position - bound if position >= bound else None, name)


def is_constrained(project: Project, file: FileNode, annotation: int, default: int) -> bool:
    """Whether a declaration bounds a number from above: `Query(le=100)`, `Literal[10, 20]`, an enum."""
    pending = [term for term in (annotation, default) if term >= 0]
    seen: set[int] = set()
    while pending:
        term = pending.pop()
        if term in seen or len(seen) > 40:
            continue
        seen.add(term)
        row: Term = file.summary.terms[term]
        if isinstance(row, Call):
            if any(name in _BOUNDS and not _is_huge(file, value) for name, value in row.keywords):
                return True
            if project.queries.symbol_of(file, row.function).rpartition(".")[2] in _VALIDATORS:
                return True
            pending.extend(row.arguments)
        elif isinstance(row, Item):
            if project.queries.symbol_of(file, row.base).endswith(".Literal"):
                return True
            pending.extend((row.base, row.key))
        elif isinstance(row, Sequence):
            pending.extend(row.items)
        elif isinstance(row, Operation):
            pending.extend(row.operands)
        elif isinstance(row, Name):
            variable = project.queries.module_variable(file, row.symbol)
            if variable is not None and is_constrained(project, variable[0], variable[1], -1):
                return True
            value = project.queries.value(file, term)
            order = project.evaluator.classes.order(getattr(value, "symbol", ""))
            if any(name.startswith("enum.") for name in order):
                return True
    return False


def _is_huge(file: FileNode, term: int) -> bool:
    """A bound that only keeps a number inside its type."""
    row = file.summary.terms[term]
    return isinstance(row, Const) and isinstance(row.value, int | float) and row.value > _HUGE


def _bare(project: Project, function: LinkedFunction, term: int) -> Term:
    row = project.term(function, term)
    while isinstance(row, Local | Awaited):
        row = project.term(function, row.base)
    return row


def _is_checked(project: Project, function: LinkedFunction, term: int) -> bool:
    """Whether a branch of the function compares a value with an upper bound: `if limit > 100`."""
    if not isinstance(project.term(function, term), Local | Param | Attr):
        return False
    for number, block in enumerate(function.summary.blocks):
        if block.kind in (BlockKind.IF, BlockKind.WHILE) and block.terms:
            for compare in _comparisons(project, function, block.terms[0]):
                if _bounds_above(project, function, compare, term, project.leaves(function, number)):
                    return True
    return False


def _comparisons(project: Project, function: LinkedFunction, term: int) -> list[Compare]:
    row = project.term(function, term)
    if isinstance(row, Compare):
        return [row]
    if isinstance(row, Operation):
        return [found for operand in row.operands for found in _comparisons(project, function, operand)]
    return []


def _bounds_above(project: Project, function: LinkedFunction, row: Compare, term: int, leaves: bool) -> bool:
    left, right, operator = row.left, row.right, row.operator
    if not _same(project, function, left, term):
        left, right = right, left
        operator = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, operator)
    if not _same(project, function, left, term):
        return operator in ("in", "not in") and _same(project, function, right, term)
    if operator in ("in", "not in"):
        return True
    bound = project.constant(function, right)
    if isinstance(bound, int | float) and bound <= 1:
        return False
    return operator in (">", ">=") or (operator in ("<", "<=") and not leaves)


def _same(project: Project, function: LinkedFunction, one: int, other: int) -> bool:
    if one == other:
        return True
    left, right = project.term(function, one), project.term(function, other)
    names = (Local, Param)
    return isinstance(left, names) and isinstance(right, names) and left.name == right.name
