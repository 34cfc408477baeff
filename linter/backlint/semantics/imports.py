"""Lowers imports to absolute targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.semantics.state import Lowering, node_span
from backlint.summary import Import
from backlint.term import Name

if TYPE_CHECKING:
    import ast


def lower_import(low: Lowering, node: ast.Import) -> None:
    """`import a.b` binds `a`; `import a.b as c` binds `a.b`."""
    for alias in node.names:
        if alias.asname:
            _bind(low, node, alias.asname, alias.name)
        else:
            root = alias.name.partition(".")[0]
            _bind(low, node, root, root)
            if root != alias.name:
                low.imports.append(Import(alias.name, alias.name, node_span(node), _guard(low)))


def lower_import_from(low: Lowering, node: ast.ImportFrom) -> None:
    """`from .x import y as z` binds `package.x.y`; a star is kept for the linker."""
    source = absolute_module(low, node)
    for alias in node.names:
        if alias.name == "*":
            low.has_star = True
            low.imports.append(Import("*", source, node_span(node), _guard(low)))
        else:
            target = f"{source}.{alias.name}" if source else alias.name
            _bind(low, node, alias.asname or alias.name, target)


def absolute_module(low: Lowering, node: ast.ImportFrom) -> str:
    """The absolute name of the module that `from … import` names."""
    if not node.level:
        return node.module or ""
    package = low.package
    for _ in range(node.level - 1):
        package = package.rpartition(".")[0]
    return ".".join(part for part in (package, node.module) if part)


def _bind(low: Lowering, node: ast.stmt, alias: str, target: str) -> None:
    low.imports.append(Import(alias, target, node_span(node), _guard(low)))
    if low.scope.is_module:
        low.imported.setdefault(alias, target)
    else:
        low.scope.env[alias] = low.terms.add(Name(target))


def _guard(low: Lowering) -> str:
    return low.guard or ("" if low.scope.is_module else "local")
