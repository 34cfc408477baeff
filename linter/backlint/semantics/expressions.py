"""Lowers expressions: each becomes a term, and what happens on the way becomes events."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from backlint.finding import Span
from backlint.semantics.state import Lowering, call_span, encodable, node_span
from backlint.summary import BlockKind, ClassAttribute, EventKind, Parameter, Use
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Compare,
    Comprehension,
    Const,
    Element,
    Function,
    Instance,
    Item,
    Join,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Sequence,
    Slice,
    Star,
    Super,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT = 4000
"""Characters kept of a string literal: enough for a long SQL statement."""
MAX_ITEMS = 64
"""Items kept of a display of constants."""

_BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitOr: "|",
    ast.BitAnd: "&",
    ast.BitXor: "^",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.MatMult: "@",
}
_UNARY = {ast.Not: "not", ast.USub: "-", ast.UAdd: "+", ast.Invert: "~"}
_COMPARE = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def lower(low: Lowering, node: ast.expr) -> int:
    """Lower one expression in the current scope; returns its term."""
    kind = node.__class__
    handlers = low.handlers.get(kind)
    if handlers is not None and not low.muted:
        for handler in handlers:
            handler(node)
    function = _LOWER.get(kind)
    return low.terms.unknown if function is None else function(low, node)


def lower_use(low: Lowering, node: ast.expr, use: Use) -> int:
    """Lower an expression, noting what becomes of its value when it is a call."""
    if isinstance(node, ast.Call):
        _handle(low, node)
        return lower_call(low, node, use=use)
    if isinstance(node, ast.Await):
        _handle(low, node)
        return _await(low, node, use)
    return lower(low, node)


def lower_quietly(low: Lowering, node: ast.expr) -> int:
    """Lower without events or handlers: annotations, and look-ups by rules."""
    low.muted += 1
    try:
        return lower(low, node)
    finally:
        low.muted -= 1


def lower_annotation(low: Lowering, node: ast.expr | None) -> int:
    """Lower an annotation, quoted ones included; -1 for none."""
    if node is None:
        return -1
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return low.terms.unknown
    return lower_quietly(low, node)


def lower_test(low: Lowering, node: ast.expr) -> int:
    """Lower an expression that is used for its truth."""
    if isinstance(node, ast.BoolOp):
        _handle(low, node)
        operands = tuple(lower_test(low, value) for value in node.values)
        return low.terms.add(Operation("and" if isinstance(node.op, ast.And) else "or", operands))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        _handle(low, node)
        return low.terms.add(Operation("not", (lower_test(low, node.operand),)))
    term = lower_use(low, node, Use.OTHER)
    if not isinstance(node, ast.Compare | ast.Constant):
        low.event(EventKind.TEST, term, node_span(node))
    return term


def _handle(low: Lowering, node: ast.AST) -> None:
    handlers = low.handlers.get(node.__class__)
    if handlers is not None and not low.muted:
        for handler in handlers:
            handler(node)


def _name(low: Lowering, node: ast.Name) -> int:
    return low.look_up(node.id)


def _constant(low: Lowering, node: ast.Constant) -> int:
    value = node.value
    if isinstance(value, str):
        return low.terms.add(Const(encodable(value[:MAX_TEXT])))
    if value is None or isinstance(value, bool | float):
        return low.terms.add(Const(value))
    if isinstance(value, int):
        return low.terms.add(Const(value if -(2**63) <= value < 2**63 else float("inf")))
    if isinstance(value, bytes):
        return low.terms.add(Const(value[:MAX_TEXT].decode("latin-1")))
    return low.terms.unknown


def _attribute(low: Lowering, node: ast.Attribute) -> int:
    base = lower(low, node.value)
    row = low.terms.rows[base]
    if isinstance(row, Name):
        return low.terms.add(Name(f"{row.symbol}.{node.attr}"))
    term = low.terms.add(Attr(base, node.attr))
    if not low.muted and base != low.terms.unknown:
        _note_read(low, node, base, term)
    return term


def _note_read(low: Lowering, node: ast.Attribute, base: int, term: int) -> None:
    scope = low.code_scope()
    if (scope.block, term) in scope.reads:
        return
    row = low.terms.rows[base]
    if (
        isinstance(row, Param)
        and row.name == scope.self_name
        and scope.cls >= 0
        and node.attr not in low.classes[scope.cls].method_names
    ):
        return
    scope.reads.add((scope.block, term))
    end = node.end_col_offset or 0
    line = node.end_lineno or node.lineno
    low.event(EventKind.READ, term, Span(line, max(0, end - len(node.attr.encode())), line, end))


def lower_callee(low: Lowering, func: ast.expr) -> int:
    """The function of a call: an attribute here is no read."""
    if not isinstance(func, ast.Attribute):
        return lower(low, func)
    _handle(low, func)
    base = lower(low, func.value)
    row = low.terms.rows[base]
    if isinstance(row, Name):
        return low.terms.add(Name(f"{row.symbol}.{func.attr}"))
    return low.terms.add(Attr(base, func.attr))


def lower_call(low: Lowering, node: ast.Call, awaited: bool = False, use: Use = Use.OTHER) -> int:
    """Lower a call: function, arguments, then the call's own event."""
    terms = low.terms
    func = node.func
    if isinstance(func, ast.Name) and func.id == "super" and not node.args:
        return _super(low)
    function = lower_callee(low, func)
    arguments = tuple(_argument(low, argument) for argument in node.args)
    keywords = tuple(
        (keyword.arg or "**", lower_use(low, keyword.value, Use.ARGUMENT)) for keyword in node.keywords
    )
    row = terms.rows[function]
    if isinstance(row, Attr) and row.name == "format" and _is_text(low, row.base):
        return terms.add(Text("format", (row.base, *arguments, *(value for _, value in keywords))))
    if isinstance(row, Name) and row.symbol in ("builtins.map", "builtins.filter") and len(arguments) == 2:
        return _mapped(low, node, row.symbol, arguments)
    term = terms.add(Call(function, arguments, keywords))
    low.event(EventKind.CALL, term, call_span(node), awaited=awaited, use=use)
    return term


def _argument(low: Lowering, node: ast.expr) -> int:
    if isinstance(node, ast.Starred):
        return low.terms.add(Star(lower_use(low, node.value, Use.ARGUMENT)))
    return lower_use(low, node, Use.ARGUMENT)


def _super(low: Lowering) -> int:
    scope = low.code_scope()
    while scope.cls < 0 and scope.parent is not None:
        scope = scope.parent
    return low.terms.add(Super(scope.cls)) if scope.cls >= 0 else low.terms.unknown


def _mapped(low: Lowering, node: ast.Call, symbol: str, arguments: tuple[int, ...]) -> int:
    """`map(f, xs)` is a comprehension that calls `f` on each element."""
    terms = low.terms
    outer = low.open_block(BlockKind.COMPREHENSION, node, (arguments[1],))
    block = low.code_scope().block
    element = terms.add(Element(arguments[1]))
    call = terms.add(Call(arguments[0], (element,), ()))
    low.event(EventKind.CALL, call, node_span(node))
    low.close_block(outer)
    kept = element if symbol == "builtins.filter" else call
    return terms.add(Comprehension("generator", kept, block))


def _is_text(low: Lowering, term: int) -> bool:
    row = low.terms.rows[term]
    while isinstance(row, Local):
        row = low.terms.rows[row.base]
    if isinstance(row, Join):
        return all(_is_text(low, option) for option in row.options)
    return isinstance(row, Text) or (isinstance(row, Const) and isinstance(row.value, str))


def _await(low: Lowering, node: ast.Await, use: Use = Use.OTHER) -> int:
    if isinstance(node.value, ast.Call):
        _handle(low, node.value)
        return low.terms.add(Awaited(lower_call(low, node.value, awaited=True, use=use)))
    value = lower(low, node.value)
    low.event(EventKind.TEST, value, node_span(node), awaited=True)
    return low.terms.add(Awaited(value))


def _subscript(low: Lowering, node: ast.Subscript) -> int:
    base = lower(low, node.value)
    term = low.terms.add(Item(base, lower(low, node.slice)))
    if isinstance(node.slice, ast.Slice) and base != low.terms.unknown:
        low.event(EventKind.SLICE, term, node_span(node))
    return term


def _slice(low: Lowering, node: ast.Slice) -> int:
    def bound(part: ast.expr | None) -> int:
        return -1 if part is None else lower(low, part)

    return low.terms.add(Slice(bound(node.lower), bound(node.upper), bound(node.step)))


def _display(kind: str) -> Callable[[Lowering, Any], int]:
    def lower_display(low: Lowering, node: ast.List | ast.Tuple | ast.Set) -> int:
        items = node.elts
        if len(items) > MAX_ITEMS and all(isinstance(item, ast.Constant) for item in items):
            items = items[:MAX_ITEMS]
        return low.terms.add(Sequence(kind, tuple(_argument(low, item) for item in items)))

    return lower_display


def _dict(low: Lowering, node: ast.Dict) -> int:
    pairs = list(zip(node.keys, node.values, strict=True))
    if len(pairs) > MAX_ITEMS and all(isinstance(value, ast.Constant) for _, value in pairs):
        pairs = pairs[:MAX_ITEMS]
    return low.terms.add(
        Mapping(
            tuple(
                (-1 if key is None else lower(low, key), lower_use(low, value, Use.ARGUMENT))
                for key, value in pairs
            )
        )
    )


def _joined(low: Lowering, node: ast.JoinedStr) -> int:
    parts = []
    for value in node.values:
        inner = value.value if isinstance(value, ast.FormattedValue) else value
        parts.append(lower(low, inner))
        if isinstance(value, ast.FormattedValue) and value.format_spec is not None:
            lower(low, value.format_spec)
    return low.terms.add(Text("f", tuple(parts)))


def _binary(low: Lowering, node: ast.BinOp) -> int:
    left, right = lower(low, node.left), lower(low, node.right)
    operator = _BINARY.get(type(node.op), "?")
    if operator == "+" and (_is_text(low, left) or _is_text(low, right)):
        return low.terms.add(Text("+", (left, right)))
    if operator == "%" and _is_text(low, left):
        return low.terms.add(Text("%", (left, right)))
    return low.terms.add(Operation(operator, (left, right)))


def _boolean(low: Lowering, node: ast.BoolOp) -> int:
    first = [lower_test(low, value) for value in node.values[:-1]]
    operands = (*first, lower(low, node.values[-1]))
    return low.terms.add(Operation("and" if isinstance(node.op, ast.And) else "or", operands))


def _unary(low: Lowering, node: ast.UnaryOp) -> int:
    if isinstance(node.op, ast.Not):
        return low.terms.add(Operation("not", (lower_test(low, node.operand),)))
    operand = lower(low, node.operand)
    row = low.terms.rows[operand]
    if isinstance(node.op, ast.USub) and isinstance(row, Const) and isinstance(row.value, int | float):
        return low.terms.add(Const(-row.value))
    return low.terms.add(Operation(_UNARY[type(node.op)], (operand,)))


def _compare(low: Lowering, node: ast.Compare) -> int:
    left = lower(low, node.left)
    parts = []
    for operator, comparator in zip(node.ops, node.comparators, strict=True):
        right = lower(low, comparator)
        parts.append(low.terms.add(Compare(_COMPARE[type(operator)], left, right)))
        left = right
    return parts[0] if len(parts) == 1 else low.terms.add(Operation("and", tuple(parts)))


def _conditional(low: Lowering, node: ast.IfExp) -> int:
    test = lower_test(low, node.test)
    outer = low.open_block(BlockKind.IF, node.body, (test,))
    body = lower(low, node.body)
    low.close_block(outer)
    outer = low.open_block(BlockKind.ELSE, node.orelse, (test,))
    otherwise = lower(low, node.orelse)
    low.close_block(outer)
    return low.terms.join((body, otherwise))


def _walrus(low: Lowering, node: ast.NamedExpr) -> int:
    value = lower_use(low, node.value, Use.ASSIGNED)
    low.bind(node.target.id, value)
    return low.look_up(node.target.id)


def _yield(low: Lowering, node: ast.Yield | ast.YieldFrom) -> int:
    low.code_scope().is_generator = True
    value = low.terms.unknown if node.value is None else lower_use(low, node.value, Use.RETURNED)
    if isinstance(node, ast.YieldFrom):
        value = low.terms.add(Element(value))
    low.event(EventKind.YIELD, value, node_span(node))
    return low.terms.unknown


def _lambda(low: Lowering, node: ast.Lambda) -> int:
    index = len(low.functions)
    low.functions.append(None)
    low.code_scope().deferred.append((index, node, -1))
    return low.terms.add(Function(index))


def _starred(low: Lowering, node: ast.Starred) -> int:
    return low.terms.add(Star(lower(low, node.value)))


def _comprehension(low: Lowering, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> int:
    scope = low.scope
    saved = dict(scope.env)
    names_saved = dict(low.names) if scope.is_module else None
    opened = []
    for generator in node.generators:
        iterable = lower_use(low, generator.iter, Use.ITERATED)
        opened.append(
            low.open_block(
                BlockKind.COMPREHENSION,
                generator.iter,
                (iterable,),
                target_names(generator.target),
                bool(generator.is_async),
            )
        )
        bind_target(low, generator.target, low.terms.add(Element(iterable)), comprehension=True)
        for condition in generator.ifs:
            lower_test(low, condition)
    block = low.code_scope().block
    if isinstance(node, ast.DictComp):
        key = lower(low, node.key)
        element = low.terms.add(Sequence("tuple", (key, lower(low, node.value))))
    else:
        element = lower_use(low, node.elt, Use.OTHER)
    for outer in reversed(opened):
        low.close_block(outer)
    scope.env = saved
    if names_saved is not None:
        low.names = names_saved
    return low.terms.add(Comprehension(_COMPREHENSIONS[type(node)], element, block))


_COMPREHENSIONS = {
    ast.ListComp: "list",
    ast.SetComp: "set",
    ast.GeneratorExp: "generator",
    ast.DictComp: "dict",
}


def target_names(target: ast.expr) -> tuple[str, ...]:
    """The plain names that an assignment target binds."""
    if isinstance(target, ast.Name):
        return (target.id,)
    if isinstance(target, ast.Tuple | ast.List):
        return tuple(name for item in target.elts for name in target_names(item))
    if isinstance(target, ast.Starred):
        return target_names(target.value)
    return ()


def bind_target(low: Lowering, target: ast.expr, value: int, comprehension: bool = False) -> None:
    """Bind an assignment target to a value: names, unpacking, attributes, items."""
    terms = low.terms
    if isinstance(target, ast.Name):
        if comprehension and low.scope.is_module:
            low.names[target.id] = value
        else:
            low.bind(target.id, value)
            if target.id in low.scope.global_names:
                term = terms.add(Name(f"{low.module}.{target.id}"))
                low.event(EventKind.GLOBAL_WRITE, term, node_span(target), value=value, name=target.id)
    elif isinstance(target, ast.Tuple | ast.List):
        row = terms.rows[value]
        while isinstance(row, Local):
            row = terms.rows[row.base]
        plain = not any(isinstance(item, ast.Starred) for item in target.elts)
        for position, item in enumerate(target.elts):
            if isinstance(row, Sequence) and plain and len(row.items) == len(target.elts):
                part = row.items[position]
            elif isinstance(row, Element) and row.position == -1 and plain:
                part = terms.add(Element(row.base, position))
            else:
                part = terms.add(Item(value, terms.add(Const(position))))
            bind_target(low, item, part, comprehension)
    elif isinstance(target, ast.Starred):
        bind_target(
            low, target.value, terms.add(Sequence("list", (terms.add(Element(value)),))), comprehension
        )
    elif isinstance(target, ast.Attribute):
        base = lower(low, target.value)
        row = terms.rows[base]
        if isinstance(row, Name):
            term = terms.add(Name(f"{row.symbol}.{target.attr}"))
        else:
            term = terms.add(Attr(base, target.attr))
        _note_instance_attribute(low, target, base, value)
        low.event(EventKind.SET_ATTR, term, node_span(target), value=value, name=target.attr)
    elif isinstance(target, ast.Subscript):
        base = lower(low, target.value)
        term = terms.add(Item(base, lower(low, target.slice)))
        low.event(EventKind.SET_ITEM, term, node_span(target), value=value)


def _note_instance_attribute(low: Lowering, target: ast.Attribute, base: int, value: int) -> None:
    scope = low.code_scope()
    row = low.terms.rows[base]
    if scope.cls >= 0 and isinstance(row, Param) and row.name == scope.self_name:
        low.classes[scope.cls].attributes.append(
            ClassAttribute(target.attr, value, -1, node_span(target), instance=True)
        )


def lower_parameters(low: Lowering, arguments: ast.arguments) -> tuple[Parameter, ...]:
    """Lower a signature in the scope that defines the function."""
    parameters: list[Parameter] = []
    ordinary = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(ordinary) - len(arguments.defaults))
    defaults.extend(arguments.defaults)
    for position, (argument, default) in enumerate(zip(ordinary, defaults, strict=True)):
        kind = "positional" if position < len(arguments.posonlyargs) else ""
        parameters.append(_parameter(low, argument, default, kind))
    if arguments.vararg:
        parameters.append(_parameter(low, arguments.vararg, None, "*"))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        parameters.append(_parameter(low, argument, default, "keyword"))
    if arguments.kwarg:
        parameters.append(_parameter(low, arguments.kwarg, None, "**"))
    return tuple(parameters)


def _parameter(low: Lowering, argument: ast.arg, default: ast.expr | None, kind: str) -> Parameter:
    return Parameter(
        argument.arg,
        lower_annotation(low, argument.annotation),
        -1 if default is None else lower(low, default),
        kind,
    )


def annotated(low: Lowering, annotation: int, value: int | None) -> int:
    """A value with a declared type: the type helps where the value alone says nothing."""
    instance = low.terms.add(Instance(annotation))
    if value is None:
        return instance
    return low.terms.join((value, instance))


_LOWER: dict[type, Callable[[Lowering, Any], int]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Call: lower_call,
    ast.Await: _await,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.List: _display("list"),
    ast.Tuple: _display("tuple"),
    ast.Set: _display("set"),
    ast.Dict: _dict,
    ast.JoinedStr: _joined,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.NamedExpr: _walrus,
    ast.Yield: _yield,
    ast.YieldFrom: _yield,
    ast.Lambda: _lambda,
    ast.Starred: _starred,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
}
