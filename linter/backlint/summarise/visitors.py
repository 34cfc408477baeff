"""The handler table: which rules want to see which nodes of a file."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from backlint.finding import Notice
from backlint.rule import Rule
from backlint.summarise.context import FileContext

if TYPE_CHECKING:
    from backlint.semantics.state import Handler, Lowering
    from backlint.summary import Fact, FileKind, PendingFinding

VisitMethod = Callable[[Rule, ast.AST, FileContext], None]


def visit_methods(rule: type[Rule]) -> tuple[tuple[type[ast.AST], VisitMethod], ...]:
    """The `visit_<Node>` methods of a rule with their node types.

    Raises:
        AttributeError: a method names no `ast` node.
    """
    return tuple(
        (getattr(ast, name.removeprefix("visit_")), getattr(rule, name))
        for name in sorted(dir(rule))
        if name.startswith("visit_")
    )


class Visitors:
    """Calls the rules' handlers; one that raises is noted and left out for the rest of the file."""

    def __init__(self, rules: Iterable[type[Rule]]) -> None:
        self._methods = [(rule, visit_methods(rule)) for rule in rules]
        self.findings: list[PendingFinding] = []
        self.facts: list[Fact] = []
        self.notices: list[Notice] = []
        self.running = ""
        """The rule whose handler is at work; empty between handlers."""
        self._failed: set[str] = set()

    def apply_to(self, kind: FileKind) -> bool:
        """Whether any rule wants to see the syntax of files of this kind."""
        return any(methods and kind in rule.kinds for rule, methods in self._methods)

    def attach(self, low: Lowering) -> None:
        """Fill the lowering's handler table."""
        for rule, methods in self._methods:
            if not methods or low.kind not in rule.kinds:
                continue
            context = FileContext(low, rule, self.findings, self.facts)
            for node_type, method in methods:
                low.handlers.setdefault(node_type, []).append(self._handler(rule, method, context))

    def _handler(self, rule: type[Rule], method: VisitMethod, context: FileContext) -> Handler:
        instance = rule()

        def handle(node: ast.AST) -> None:
            if rule.id in self._failed:
                return
            self.running = rule.id
            try:
                method(instance, node, context)
            except RecursionError:
                raise
            except Exception as error:
                self._failed.add(rule.id)
                reason = " ".join(str(error).split())
                self.notices.append(
                    Notice(
                        kind="rule-error",
                        message=f"{rule.id} failed here and skips the file: {type(error).__name__}: {reason}",
                        path=context.path,
                        line=getattr(node, "lineno", 0),
                    )
                )
            self.running = ""

        return handle
