"""Lowers a whole file: module-level code first, then every function it defines."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from backlint.finding import Span
from backlint.semantics.expressions import target_names
from backlint.semantics.imports import lower_import, lower_import_from
from backlint.semantics.statements import FunctionNode, leaves, lower_body, lower_deferred
from backlint.summary import Block, BlockKind, FileSummary, FunctionSummary

if TYPE_CHECKING:
    from backlint.semantics.state import Lowering

MODULE_NAME = "<module>"


def lower_module(low: Lowering, tree: ast.Module) -> None:
    """Walk the tree once, filling `low`."""
    low.module_names = _module_names(tree.body)
    low.has_star = any(isinstance(node, ast.ImportFrom) and node.names[0].name == "*" for node in tree.body)
    scope = low.scope
    whole = Span(1, 0, tree.body[-1].end_lineno or 1, 0) if tree.body else Span(1, 0, 1, 0)
    scope.blocks.append(Block(BlockKind.BODY, -1, whole, leaves=leaves(tree.body)))
    lower_body(low, tree.body)
    low.functions[0] = None
    lower_deferred(low, scope)
    low.functions[0] = FunctionSummary(
        name=MODULE_NAME,
        span=whole,
        blocks=tuple(scope.blocks),
        events=tuple(scope.events),
    )


def lower_imports(low: Lowering, tree: ast.Module) -> None:
    """Note only what a file imports: all that linking needs of code that nothing else calls, such as tests."""
    low.functions.clear()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            lower_import(low, node)
        elif isinstance(node, ast.ImportFrom):
            lower_import_from(low, node)


def _module_names(body: list[ast.stmt]) -> set[str]:
    """Names that module-level statements define, imports left out."""
    names: set[str] = set()
    for node in body:
        if isinstance(node, FunctionNode | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                names.update(target_names(target))
        elif isinstance(node, (ast.AnnAssign | ast.AugAssign, ast.For | ast.AsyncFor)):
            names.update(target_names(node.target))
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if item.optional_vars is not None:
                    names.update(target_names(item.optional_vars))
        for field in ("body", "orelse", "finalbody"):
            if not isinstance(node, FunctionNode | ast.ClassDef):
                names |= _module_names(getattr(node, field, []))
        for handler in getattr(node, "handlers", ()):
            names |= _module_names(handler.body)
    return names


def finish(low: Lowering, lines: int) -> FileSummary:
    """The summary of a walked file, without what the rules reported."""
    return FileSummary(
        path=low.path,
        module=low.module,
        kind=low.kind,
        lines=lines,
        is_package=low.is_package,
        imports=tuple(low.imports),
        names=low.names,
        exports=low.exports,
        terms=tuple(low.terms.rows),
        functions=tuple(function for function in low.functions if function is not None),
        classes=tuple(builder.finish() for builder in low.classes),
        mentions=tuple(sorted({entry.target.partition(".")[0] for entry in low.imports} - {""})),
    )
