"""Lowers statements: bindings, blocks with their branches merged, and definitions."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import msgspec

from backlint.semantics.expressions import (
    annotated,
    bind_target,
    lower,
    lower_annotation,
    lower_parameters,
    lower_test,
    lower_use,
    target_names,
)
from backlint.semantics.imports import lower_import, lower_import_from
from backlint.semantics.state import ClassBuilder, Lowering, Scope, encodable, first_docstring_line, node_span
from backlint.summary import (
    Block,
    BlockKind,
    ClassAttribute,
    EventKind,
    FunctionSummary,
    Use,
)
from backlint.term import (
    Carried,
    Caught,
    Const,
    Element,
    Entered,
    Function,
    Name,
    Operation,
    Param,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def lower_body(low: Lowering, body: Sequence[ast.stmt]) -> None:
    """Lower statements in order."""
    handlers = low.handlers
    for node in body:
        kind = node.__class__
        found = handlers.get(kind)
        if found is not None:
            for handler in found:
                handler(node)
        function = _LOWER.get(kind)
        if function is not None:
            function(low, node)


def leaves(body: Sequence[ast.stmt]) -> bool:
    """Whether a body always ends in `return`, `raise`, `break` or `continue`."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, _LEAVING):
        return True
    if isinstance(last, ast.If):
        return bool(last.orelse) and leaves(last.body) and leaves(last.orelse)
    if isinstance(last, ast.With | ast.AsyncWith):
        return leaves(last.body)
    if isinstance(last, ast.Try):
        return bool(last.finalbody and leaves(last.finalbody)) or (
            leaves([*last.body, *last.orelse]) and all(leaves(handler.body) for handler in last.handlers)
        )
    return False


def _runs_once(body: Sequence[ast.stmt]) -> bool:
    """Whether a loop's body never comes to a second pass."""
    return leaves(body) and not any(isinstance(node, ast.Continue) for node in _own_statements(body))


def _own_statements(body: Iterable[ast.stmt]) -> Iterable[ast.stmt]:
    """Statements of a body at any depth, without those of inner loops and definitions."""
    for node in body:
        yield node
        if isinstance(node, ast.For | ast.AsyncFor | ast.While | FunctionNode | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            yield from _own_statements(getattr(node, field, ()))
        for handler in getattr(node, "handlers", ()):
            yield from _own_statements(handler.body)
        for case in getattr(node, "cases", ()):
            yield from _own_statements(case.body)


def _assigned(body: Iterable[ast.stmt]) -> set[str]:
    """Names that a body assigns by statement, inner loops included."""
    names: set[str] = set()
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                names.update(target_names(target))
        elif isinstance(node, (ast.AugAssign | ast.AnnAssign, ast.For | ast.AsyncFor)):
            names.update(target_names(node.target))
        if isinstance(node, FunctionNode | ast.ClassDef):
            continue
        for field in ("body", "orelse", "finalbody"):
            names |= _assigned(getattr(node, field, ()))
        for handler in getattr(node, "handlers", ()):
            names |= _assigned(handler.body)
    return names


def _merge(low: Lowering, environments: Sequence[dict[str, int]]) -> dict[str, int]:
    """The bindings after a branch: where the paths differ, one of their values."""
    first, *rest = environments
    merged = dict(first)
    for other in rest:
        if other is first:
            continue
        for name, value in other.items():
            here = merged.get(name)
            if here is None:
                merged[name] = value
            elif here != value:
                merged[name] = low.terms.join((here, value))
    return merged


def _branch(low: Lowering, environment: dict[str, int], body: Sequence[ast.stmt]) -> dict[str, int]:
    low.scope.env = dict(environment)
    lower_body(low, body)
    return low.scope.env


def _expression(low: Lowering, node: ast.Expr) -> None:
    if not isinstance(node.value, ast.Constant):
        lower_use(low, node.value, Use.DISCARDED)


def _assign(low: Lowering, node: ast.Assign) -> None:
    value = lower_use(low, node.value, Use.ASSIGNED)
    for target in node.targets:
        bind_target(low, target, value)
        _note_class_attribute(low, target, value, -1)
    if low.scope.is_module and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
        low.exports = _string_list(node.value)


def _string_list(node: ast.expr) -> tuple[str, ...] | None:
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(
            encodable(item.value)
            for item in node.elts
            if isinstance(item, ast.Constant) and isinstance(item.value, str)
        )
    return None


def _note_class_attribute(low: Lowering, target: ast.expr, value: int, annotation: int) -> None:
    if low.scope.is_class and isinstance(target, ast.Name):
        low.classes[low.scope.cls].attributes.append(
            ClassAttribute(target.id, value, annotation, node_span(target))
        )


def _annotated_assign(low: Lowering, node: ast.AnnAssign) -> None:
    annotation = lower_annotation(low, node.annotation)
    plain = None if node.value is None else lower_use(low, node.value, Use.ASSIGNED)
    bind_target(low, node.target, annotated(low, annotation, plain))
    _note_class_attribute(low, node.target, -1 if plain is None else plain, annotation)


def _augmented_assign(low: Lowering, node: ast.AugAssign) -> None:
    terms = low.terms
    old = lower(low, node.target)
    value = lower_use(low, node.value, Use.OTHER)
    operator = _AUGMENTED.get(type(node.op), "?")
    row = terms.rows[value]
    if operator == "+" and (isinstance(row, Text) or (isinstance(row, Const) and isinstance(row.value, str))):
        combined = terms.add(Text("+", (old, value)))
    else:
        combined = terms.add(Operation(operator, (old, value)))
    bind_target(low, node.target, combined)


_AUGMENTED = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.BitOr: "|", ast.BitAnd: "&"}


def _return(low: Lowering, node: ast.Return) -> None:
    value = low.terms.add(Const(None)) if node.value is None else lower_use(low, node.value, Use.RETURNED)
    low.event(EventKind.RETURN, value, node_span(node))


def _raise(low: Lowering, node: ast.Raise) -> None:
    term = -1 if node.exc is None else lower(low, node.exc)
    cause = -1 if node.cause is None else lower(low, node.cause)
    low.event(EventKind.RAISE, term, node_span(node), value=cause)


def _assert(low: Lowering, node: ast.Assert) -> None:
    low.event(EventKind.ASSERT, lower_test(low, node.test), node_span(node))
    if node.msg is not None:
        lower(low, node.msg)


def _delete(low: Lowering, node: ast.Delete) -> None:
    for target in node.targets:
        low.event(EventKind.DELETE, lower(low, target), node_span(target))


def _leave(low: Lowering, node: ast.Break | ast.Continue) -> None:
    low.event(EventKind.LEAVE, -1, node_span(node), name=type(node).__name__.lower())


def _if(low: Lowering, node: ast.If) -> None:
    test = lower_test(low, node.test)
    before = low.scope.env
    guard = low.guard
    if _is_type_checking(low, test):
        low.guard = "typing"
    outer = low.open_block(BlockKind.IF, node, (test,), leaves=leaves(node.body), head=node.test)
    then = _branch(low, before, node.body)
    low.close_block(outer)
    low.guard = guard
    otherwise = before
    if node.orelse:
        outer = low.open_block(
            BlockKind.ELSE, node.orelse[-1], (test,), leaves=leaves(node.orelse), head=node.orelse[0]
        )
        otherwise = _branch(low, before, node.orelse)
        low.close_block(outer)
    kept = [
        environment for environment, body in ((then, node.body), (otherwise, node.orelse)) if not leaves(body)
    ]
    low.scope.env = _merge(low, kept or [before])


def _is_type_checking(low: Lowering, test: int) -> bool:
    row = low.terms.rows[test]
    return isinstance(row, Name) and row.symbol.endswith(".TYPE_CHECKING")


def _while(low: Lowering, node: ast.While) -> None:
    before = _with_carried(low, node.body)
    low.scope.env = dict(before)
    outer = low.open_block(BlockKind.WHILE, node, (), leaves_loop=_runs_once(node.body), head=node.test)
    index = low.code_scope().block
    test = lower_test(low, node.test)
    blocks = low.code_scope().blocks
    old = blocks[index]
    assigned = tuple(sorted(_assigned(node.body)))
    blocks[index] = msgspec.structs.replace(old, terms=(test,), targets=assigned)
    lower_body(low, node.body)
    low.close_block(outer)
    low.scope.env = _merge(low, [low.scope.env, before])
    _otherwise(low, node.orelse)


def _with_carried(low: Lowering, body: Sequence[ast.stmt]) -> dict[str, int]:
    """The bindings at the head of a loop: what the body assigns may come from an earlier pass."""
    before = dict(low.scope.env)
    if low.scope.is_module:
        return before
    for name in _assigned(body):
        if name in before:
            before[name] = low.terms.join((before[name], low.terms.add(Carried(name))))
    return before


def _for(low: Lowering, node: ast.For | ast.AsyncFor) -> None:
    iterable = lower_use(low, node.iter, Use.ITERATED)
    before = _with_carried(low, node.body)
    low.scope.env = dict(before)
    outer = low.open_block(
        BlockKind.FOR,
        node,
        (iterable,),
        target_names(node.target),
        isinstance(node, ast.AsyncFor),
        leaves_loop=_runs_once(node.body),
        head=node.iter,
    )
    bind_target(low, node.target, low.terms.add(Element(iterable)))
    lower_body(low, node.body)
    low.close_block(outer)
    low.scope.env = _merge(low, [low.scope.env, before])
    _otherwise(low, node.orelse)


def _otherwise(low: Lowering, body: Sequence[ast.stmt]) -> None:
    if body:
        outer = low.open_block(BlockKind.ELSE, body[0], leaves=leaves(body))
        lower_body(low, body)
        low.close_block(outer)


def _with(low: Lowering, node: ast.With | ast.AsyncWith) -> None:
    outers = []
    for item in node.items:
        manager = lower_use(low, item.context_expr, Use.OTHER)
        names = () if item.optional_vars is None else target_names(item.optional_vars)
        outers.append(
            low.open_block(
                BlockKind.WITH,
                node,
                (manager,),
                names,
                isinstance(node, ast.AsyncWith),
                leaves(node.body),
                head=item.context_expr,
            )
        )
        if item.optional_vars is not None:
            bind_target(low, item.optional_vars, low.terms.add(Entered(manager)))
    lower_body(low, node.body)
    for outer in reversed(outers):
        low.close_block(outer)


def _try(low: Lowering, node: ast.Try) -> None:
    before = low.scope.env
    guard = low.guard
    caught = [() if handler.type is None else _caught_types(low, handler.type) for handler in node.handlers]
    if any("ImportError" in name or "ModuleNotFound" in name for name in _handler_names(node)):
        low.guard = "optional"
    outer = low.open_block(
        BlockKind.TRY,
        node,
        () if () in caught else tuple(term for types in caught for term in types),
        leaves=leaves(node.body),
    )
    after = _branch(low, before, node.body)
    low.close_block(outer)
    kept = []
    if node.orelse:
        low.scope.env = after
        _otherwise(low, node.orelse)
        after = low.scope.env
    if not leaves([*node.body, *node.orelse]):
        kept.append(after)
    start = _merge(low, [before, after])
    for handler, types in zip(node.handlers, caught, strict=True):
        for visit in low.handlers.get(ast.ExceptHandler, ()):
            visit(handler)
        names = (handler.name,) if handler.name else ()
        outer = low.open_block(BlockKind.EXCEPT, handler, types, names, leaves=leaves(handler.body))
        low.scope.env = dict(start)
        if handler.name:
            exception = low.terms.join(types) if types else low.terms.add(Name("builtins.BaseException"))
            low.bind(handler.name, low.terms.add(Caught(exception)))
        lower_body(low, handler.body)
        low.close_block(outer)
        if not leaves(handler.body):
            kept.append(low.scope.env)
    low.guard = guard
    low.scope.env = _merge(low, kept or [start])
    if node.finalbody:
        outer = low.open_block(BlockKind.FINALLY, node.finalbody[0], leaves=leaves(node.finalbody))
        lower_body(low, node.finalbody)
        low.close_block(outer)


def _caught_types(low: Lowering, node: ast.expr) -> tuple[int, ...]:
    if isinstance(node, ast.Tuple):
        return tuple(lower(low, item) for item in node.elts)
    return (lower(low, node),)


def _handler_names(node: ast.Try) -> Iterable[str]:
    for handler in node.handlers:
        if handler.type is not None:
            yield from (part.id for part in ast.walk(handler.type) if isinstance(part, ast.Name))


def _match(low: Lowering, node: ast.Match) -> None:
    subject = lower(low, node.subject)
    before = low.scope.env
    kept = [before]
    for case in node.cases:
        outer = low.open_block(BlockKind.MATCH, case.body[0], (subject,), leaves=leaves(case.body))
        low.scope.env = dict(before)
        for part in ast.walk(case.pattern):
            name = getattr(part, "name", None) or getattr(part, "rest", None)
            if isinstance(name, str):
                low.bind(name, low.terms.add(Element(subject)))
        if case.guard is not None:
            lower_test(low, case.guard)
        lower_body(low, case.body)
        low.close_block(outer)
        if not leaves(case.body):
            kept.append(low.scope.env)
    low.scope.env = _merge(low, kept)


def _global(low: Lowering, node: ast.Global) -> None:
    low.scope.global_names.update(node.names)


def _nonlocal(low: Lowering, node: ast.Nonlocal) -> None:
    low.scope.nonlocal_names.update(node.names)


def _class(low: Lowering, node: ast.ClassDef) -> None:
    terms = low.terms
    index = len(low.classes)
    outer = low.scope
    builder = ClassBuilder(_dotted(outer, node.name), node)
    low.classes.append(builder)
    builder.bases = tuple(lower(low, base) for base in node.bases)
    builder.keywords = tuple((keyword.arg or "**", lower(low, keyword.value)) for keyword in node.keywords)
    builder.decorators = tuple(lower(low, decorator) for decorator in node.decorator_list)
    builder.method_names = {item.name for item in node.body if isinstance(item, FunctionNode)}
    if not outer.is_module:
        outer.env[node.name] = terms.add(Name(f"{low.module}.{builder.name}"))
    scope = Scope(outer.function, outer, builder.name)
    scope.is_class = True
    scope.cls = index
    low.scope = scope
    lower_body(low, node.body)
    low.scope = outer


def _dotted(scope: Scope, name: str) -> str:
    if scope.is_module:
        return name
    return f"{scope.name}.{name}" if scope.is_class else f"{scope.name}.<locals>.{name}"


def _function(low: Lowering, node: FunctionNode) -> None:
    """Reserve the function; its body is lowered after what encloses it, when its names are all bound."""
    index = len(low.functions)
    low.functions.append(None)
    scope = low.scope
    cls = scope.cls if scope.is_class else -1
    if cls >= 0:
        low.classes[cls].methods.append(index)
    if scope.is_class or not scope.is_module:
        scope.env[node.name] = low.terms.add(Function(index))
    name = _dotted(scope, node.name)
    decorators = tuple(lower(low, decorator) for decorator in node.decorator_list)
    parameters = lower_parameters(low, node.args)
    returns = lower_annotation(low, node.returns)
    summary = FunctionSummary(
        name=name,
        span=node_span(node),
        parent=low.code_scope().function if not low.code_scope().is_module else -1,
        cls=cls,
        parameters=parameters,
        decorators=decorators,
        returns=returns,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        is_stub=_is_stub(node.body),
        docstring=first_docstring_line(node),
        body_line=node.body[0].lineno,
    )
    low.functions[index] = summary
    low.code_scope().deferred.append((index, node, cls))


def _is_stub(body: Sequence[ast.stmt]) -> bool:
    for node in body:
        if isinstance(node, ast.Pass):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Raise) and node.exc is not None:
            name = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(name, ast.Name) and name.id == "NotImplementedError":
                continue
        return False
    return True


def lower_deferred(low: Lowering, outer: Scope) -> None:
    """Lower the bodies of the functions and lambdas that `outer` defines."""
    for index, node, cls in outer.deferred:
        if isinstance(node, ast.Lambda):
            _lower_lambda(low, outer, index, node)
        elif isinstance(node, FunctionNode):
            _lower_function(low, outer, index, node, cls)
    outer.deferred = []


def _lower_function(low: Lowering, outer: Scope, index: int, node: FunctionNode, cls: int) -> None:
    summary = low.functions[index]
    if summary is None:
        return
    scope = Scope(index, outer, summary.name)
    scope.cls = cls
    scope.blocks.append(Block(BlockKind.BODY, -1, node_span(node), leaves=leaves(node.body)))
    for parameter in summary.parameters:
        scope.env[parameter.name] = low.terms.add(Param(index, parameter.name))
    if cls >= 0 and summary.parameters:
        scope.self_name = summary.parameters[0].name
    previous, low.scope = low.scope, scope
    lower_body(low, node.body)
    low.scope = previous
    _finish(low, index, summary, scope)


def _lower_lambda(low: Lowering, outer: Scope, index: int, node: ast.Lambda) -> None:
    name = f"{outer.name}.<locals>.<lambda:{node.lineno}>" if outer.name else f"<lambda:{node.lineno}>"
    scope = Scope(index, outer, name)
    scope.blocks.append(Block(BlockKind.LAMBDA, -1, node_span(node)))
    previous, low.scope = low.scope, scope
    parameters = lower_parameters(low, node.args)
    for parameter in parameters:
        scope.env[parameter.name] = low.terms.add(Param(index, parameter.name))
    value = lower_use(low, node.body, Use.RETURNED)
    low.event(EventKind.RETURN, value, node_span(node.body))
    low.scope = previous
    parent = outer.function if not outer.is_module else -1
    summary = FunctionSummary(name=name, span=node_span(node), parent=parent, parameters=parameters)
    _finish(low, index, summary, scope)


def _finish(low: Lowering, index: int, summary: FunctionSummary, scope: Scope) -> None:
    low.functions[index] = FunctionSummary(
        name=summary.name,
        span=summary.span,
        parent=summary.parent,
        cls=summary.cls,
        parameters=summary.parameters,
        decorators=summary.decorators,
        returns=summary.returns,
        is_async=summary.is_async,
        is_generator=scope.is_generator,
        is_stub=summary.is_stub,
        docstring=summary.docstring,
        blocks=tuple(scope.blocks),
        events=tuple(scope.events),
        body_line=summary.body_line,
    )
    previous, low.scope = low.scope, scope
    lower_deferred(low, scope)
    low.scope = previous


_LOWER: dict[type, Callable[[Lowering, Any], None]] = {
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated_assign,
    ast.AugAssign: _augmented_assign,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Delete: _delete,
    ast.Break: _leave,
    ast.Continue: _leave,
    ast.If: _if,
    ast.While: _while,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.ClassDef: _class,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.Import: lower_import,
    ast.ImportFrom: lower_import_from,
}
