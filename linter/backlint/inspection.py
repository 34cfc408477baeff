"""What is known at a place of a project, as text: types, callees, effects, context, routes, queries.

It uses the words of the interface that rules use, so that what is printed can be asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Effect
from backlint.link.routes.model import RouteKind
from backlint.link.values import (
    ClassValue,
    ConstantValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    ModuleValue,
    UnionValue,
    Value,
)
from backlint.summary import BlockKind, EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from backlint.finding import Evidence
    from backlint.link.graph import CallSite, LinkedFunction
    from backlint.link.project import Project
    from backlint.link.routes.model import Guard, Route
    from backlint.link.schemas import Schema, SchemaField
    from backlint.summary import Block

UNKNOWN_WORD = "unknown"
_TAGS = {
    BlockKind.FOR: "for",
    BlockKind.COMPREHENSION: "for (comprehension)",
    BlockKind.WHILE: "while",
    BlockKind.TRY: "try, except",
    BlockKind.EXCEPT: "in except",
    BlockKind.FINALLY: "in finally",
    BlockKind.WITH: "with",
    BlockKind.IF: "if",
    BlockKind.ELSE: "if not",
    BlockKind.MATCH: "match",
    BlockKind.LAMBDA: "deferred",
}


def list_routes(project: Project, shown: Callable[[str], bool] | None = None) -> list[str]:
    """A line for each route whose handler lies in a shown path: methods, path, handler, guards, parameters."""
    return [route_line(route) for route in project.routes if shown is None or shown(route.location[0])]


def route_line(route: Route) -> str:
    """`GET /users/{id} → read_user (app/main.py:12) | guards | parameters`."""
    path, span = route.location
    methods = ",".join(route.methods) or "ANY"
    address = route.path if route.mounted or route.kind in _GRAPHQL else f"{route.path} (not mounted)"
    guards = ", ".join(map(guard_words, route.guards)) or "no guards"
    parameters = ", ".join(f"{item.name}: {item.source}" for item in route.parameters) or "no parameters"
    under = " and ".join(condition.text for condition in route.conditions)
    when = f" | only if {under}" if under else ""
    return f"{methods} {address} → {route.name} ({path}:{span.line}) | {guards} | {parameters}{when}"


_GRAPHQL = (RouteKind.GRAPHQL_ROOT, RouteKind.GRAPHQL_FIELD)


def guard_words(guard: Guard) -> str:
    """A guard's name with its roles: `get_user [authenticates]`, `check [unknown]`, `get_db`."""
    name = guard.symbol.rpartition(".")[2] or guard.symbol
    if guard.unresolved:
        return f"{name} [{UNKNOWN_WORD}]"
    return f"{name} [{', '.join(guard.roles)}]" if guard.roles else name


def inspect_file(project: Project, path: str) -> list[str]:
    """Every function of a file, with its routes and effects. Empty where the project has no such file."""
    lines: list[str] = []
    for function in _functions(project, path):
        tags = [tag for tag in (_kind_words(project, function), _effect_names(project, function)) if tag]
        name = function.name or "module"
        lines.append(f"{function.summary.span.line}: {name}{' | ' + ' | '.join(tags) if tags else ''}")
        lines.extend(f"    {route_line(route)}" for route in project.handlers.get(function.key, ()))
    lines.extend(schema_line(schema) for schema in project.schemas if schema.path == path)
    return lines


def schema_line(schema: Schema) -> str:
    """`12: schema Order of pydantic | name: str, required, max_length | other keys: forbid`."""
    fields = "; ".join(_field_words(field) for field in schema.fields.values()) or "no fields"
    model = f" of the model {schema.model}" if schema.model else ""
    every = ", every field of it" if schema.every_field else ""
    rest = "" if schema.complete or every else " | not all of it known"
    name = schema.symbol.rpartition(".")[2]
    return f"{schema.line}: schema {name} of {schema.library}{model}{every} | {fields} | other keys: {schema.extra}{rest}"


def _field_words(field: SchemaField) -> str:
    needed = {True: "required", False: "optional", None: f"required or not {UNKNOWN_WORD}"}[field.required]
    flags = [
        word for word, holds in (("read-only", field.read_only), ("write-only", field.write_only)) if holds
    ]
    return ", ".join([f"{field.name}: {needed}", *sorted(field.bounds), *flags])


def inspect_line(project: Project, path: str, line: int) -> list[str]:
    """Everything known at a line. Empty where the project has no such file."""
    found = [
        function
        for function in _functions(project, path)
        if function.index == 0 or function.summary.span.line <= line <= function.summary.span.end_line
    ]
    if not found:
        return []
    function = max(found, key=lambda item: (item.index != 0, item.summary.span.line, item.index))
    kind = _kind_words(project, function)
    lines = [f"in {function.symbol if function.index else path}{f' ({kind})' if kind else ''}"]
    lines.extend(_route_lines(project, function))
    lines.extend(_parameter_lines(project, function, line))
    lines.extend(_context_lines(project, function, line))
    calls = [call for call in function.calls if call.span.line <= line <= call.span.end_line]
    for call in sorted(calls, key=lambda call: call.order):
        lines.extend(_call_lines(project, call))
    for event in function.summary.events:
        if event.span.line == line and event.kind == EventKind.ASSIGN and event.value >= 0:
            lines.append(f"binds {event.name} = {value_words(project, project.value(function, event.value))}")
        elif event.span.line == line and event.kind == EventKind.RETURN:
            lines.append(f"returns {value_words(project, project.value(function, event.term))}")
    for site in function.sites:
        if site.event is None and site.span.line == line:
            lines.append(f"runs {site.what} here: {_listed(site.effects)}")
    return lines


def value_words(project: Project, value: Value, depth: int = 0) -> str:
    """A value in words: the class of an object, `class X`, a function and where it lies, or unknown."""
    inner = ""
    if isinstance(value, InstanceValue | ClassValue) and value.arguments and depth < 3:
        inner = f"[{', '.join(value_words(project, item, depth + 1) for item in value.arguments)}]"
    match value:
        case InstanceValue(symbol):
            return symbol.removeprefix("builtins.") + inner
        case ClassValue(symbol):
            return f"class {symbol}{inner}"
        case FunctionValue(file, number):
            function = project.graph.functions[file, number]
            return f"{function.symbol} ({function.path}:{function.summary.span.line})"
        case LibraryFunction(symbol):
            return f"{symbol} (library entry)"
        case ExternalValue(symbol):
            return f"{symbol} (no library entry)"
        case ModuleValue(symbol):
            return f"module {symbol}"
        case ConstantValue(constant):
            return repr(constant)
        case UnionValue(options):
            return " | ".join(value_words(project, option, depth + 1) for option in options)
        case _:
            return UNKNOWN_WORD


def _functions(project: Project, path: str) -> Iterator[LinkedFunction]:
    for file in project.files:
        if file.summary.path == path:
            for number in range(len(file.summary.functions)):
                yield project.graph.functions[file.index, number]


def _kind_words(project: Project, function: LinkedFunction) -> str:
    if not function.index:
        return ""
    facts = (
        ("async", function.summary.is_async),
        ("handler", project.is_handler(function)),
        ("job", function.key in project.jobs),
        ("data loader", function.key in project.loaders),
        ("generator", function.summary.is_generator),
        ("memoised", function.memoised),
    )
    return ", ".join(word for word, holds in facts if holds)


def _effect_names(project: Project, function: LinkedFunction) -> str:
    return _listed(effect for effect in Effect if function.key in project.effects.steps(effect))


def _listed(effects: Iterable[Effect]) -> str:
    return ", ".join(sorted(effect.value for effect in effects))


def _route_lines(project: Project, function: LinkedFunction) -> Iterator[str]:
    for route in project.handlers.get(function.key, ()):
        methods = ",".join(route.methods) or "ANY"
        yield f"route {methods} {route.path}{'' if route.mounted else ' (not mounted)'}"
        for guard in route.guards:
            yield f"    {guard.kind} {guard_words(guard)}, at {guard.level} level ({guard.path}:{guard.span.line})"
        protected = {True: "yes", False: "no", None: UNKNOWN_WORD}[route.is_protected]
        yield f"    refuses strangers: {protected}"
        for item in route.parameters:
            yield f"    {item.name} from {item.source}: {value_words(project, item.annotation)}"
        if route.body or route.response:
            yield f"    body {route.body or UNKNOWN_WORD}, response {route.response or UNKNOWN_WORD}"


def _parameter_lines(project: Project, function: LinkedFunction, line: int) -> Iterator[str]:
    if function.index and line <= function.summary.body_line:
        from backlint.term import Param

        for parameter in function.summary.parameters:
            value = project.evaluator.parameter(function.file, Param(function.index, parameter.name))
            yield f"parameter {parameter.name}: {value_words(project, value)}"
        value = project.evaluator.returned(FunctionValue(*function.key))
        yield f"returns {value_words(project, value)}"
        yield from _effect_lines(project, function)


def _effect_lines(project: Project, function: LinkedFunction) -> Iterator[str]:
    for effect in Effect:
        if function.key in project.effects.steps(effect):
            yield f"{effect.value}:"
            yield from _chain(project.effects.chain(function, effect))


def _chain(evidence: Iterable[Evidence]) -> Iterator[str]:
    for step in evidence:
        yield f"    {step.path}:{step.span.line} {step.message}"


def _context_lines(project: Project, function: LinkedFunction, line: int) -> Iterator[str]:
    around = [
        block
        for block in function.summary.blocks[1:]
        if block.span.line <= line <= max(block.end_line, block.span.end_line)
    ]
    for block in sorted(around, key=lambda block: (block.span.line, block.span.column)):
        yield _block_words(project, function, block)


def _block_words(project: Project, function: LinkedFunction, block: Block) -> str:
    texts = ", ".join(project.words(function, term) for term in block.terms)
    words = f"inside {_TAGS.get(block.kind, block.kind.name.lower())} {texts or 'any'}".rstrip()
    if block.kind in (BlockKind.FOR, BlockKind.COMPREHENSION):
        names = ", ".join(block.targets)
        value = value_words(project, project.value(function, block.terms[0]))
        words = f"inside {_TAGS[block.kind]} {names} in {texts}: {value}"
        index = function.summary.blocks.index(block)
        repeats = project.repeating_loop(function, index) is block
        words += ", passes grow with the data" if repeats else ", bounded or not known to grow"
        if project.iterates_rows(function, block):
            words += ", rows of a query"
    elif block.kind is BlockKind.WITH:
        words += f": {value_words(project, project.value(function, block.terms[0]))}"
    return f"{words} (line {block.line})"


def _call_lines(project: Project, call: CallSite) -> Iterator[str]:
    function = call.function
    text = project.words(function, call.event.term)
    yield f"calls {text} → {value_words(project, call.callee)}"
    yield f"    gives {value_words(project, project.value(function, call.event.term))}, {call.event.use.name.lower()}"
    roles = project.roles(call)
    if roles:
        yield f"    roles: {', '.join(roles)}"
    if call.effects:
        yield f"    effects: {_listed(call.effects)}"
    for effect in Effect:
        target = project.effects.target(call, effect)
        if target is not None:
            yield f"    {effect.value} through {target.symbol}:"
            yield from (f"    {line}" for line in _chain(project.effects.chain(target, effect)))
    query = project.query(function, call.event.term)
    if query is not None and (query.model or query.sql or query.steps):
        steps = " → ".join("+".join(kind.value for kind in step.kinds) for step in query.steps if step.kinds)
        what = query.model or query.sql or "unknown model"
        whole = "" if query.complete else ", not all of it known"
        yield f"    query of {what}: {steps or 'nothing yet'}, {'sent' if query.executed else 'not sent'}{whole}"
