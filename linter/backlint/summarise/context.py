"""What a rule's `visit_<Node>` methods can ask and say while a file is walked."""

from __future__ import annotations

import ast
import re
from functools import cached_property
from typing import TYPE_CHECKING

from backlint.finding import Confidence, Evidence, Fix, Severity, Span
from backlint.semantics.expressions import lower_quietly
from backlint.semantics.state import Lowering, Scope, call_span, encodable, node_span
from backlint.summary import Block, BlockKind, Fact, FileKind, PendingFinding
from backlint.term import Call, Local, Name

if TYPE_CHECKING:
    from backlint.condition import Condition
    from backlint.rule import Rule

_BREAK = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"""^(?:[^#"']|"[^"]*"|'[^']*')*#+(.*)$""")
_LOOPS = (BlockKind.FOR, BlockKind.WHILE, BlockKind.COMPREHENSION)


class FileContext:
    """One rule's view of the file that is being walked."""

    def __init__(
        self, low: Lowering, rule: type[Rule], findings: list[PendingFinding], facts: list[Fact]
    ) -> None:
        self._low = low
        self._rule = rule
        self._findings = findings
        self._facts = facts

    @property
    def path(self) -> str:
        return self._low.path

    @property
    def module(self) -> str:
        return self._low.module

    @property
    def kind(self) -> FileKind:
        return self._low.kind

    @property
    def function(self) -> str:
        """Dotted name of the enclosing function inside the module; empty at module level."""
        scope = self._low.code_scope()
        return scope.name

    @property
    def class_name(self) -> str:
        """Dotted name of the innermost enclosing class; empty outside classes."""
        scope: Scope | None = self._low.scope
        while scope is not None:
            if scope.cls >= 0:
                return self._low.classes[scope.cls].name
            scope = scope.parent
        return ""

    @property
    def is_async(self) -> bool:
        """Whether the enclosing function is an `async def`."""
        summary = self._low.functions[self._low.code_scope().function]
        return summary is not None and summary.is_async

    @property
    def at_module_level(self) -> bool:
        """Whether the code runs on import: not in a function."""
        return self._low.code_scope().is_module

    @property
    def blocks(self) -> list[Block]:
        """Blocks around the current place inside its function, innermost first."""
        scope = self._low.code_scope()
        found = []
        index = scope.block
        while index >= 0:
            found.append(scope.blocks[index])
            index = scope.blocks[index].parent
        return found

    @property
    def loops(self) -> list[Block]:
        """Loops and comprehensions around the current place, innermost first."""
        return [block for block in self.blocks if block.kind in _LOOPS]

    def comments(self, node: ast.stmt | ast.excepthandler) -> list[str]:
        """What the comments in a node's lines say, and those that end its body, without the `#`."""
        lines = self._lines
        last = node.end_lineno or node.lineno
        inside = " " * (node.col_offset + 1)
        while (
            last < len(lines)
            and lines[last].expandtabs().startswith(inside)
            and lines[last].lstrip()[:1] == "#"
        ):
            last += 1
        found = (_COMMENT.search(line) for line in lines[node.lineno - 1 : last])
        return [comment[1].strip() for comment in found if comment]

    def comments_above(self, node: ast.stmt) -> list[str]:
        """What the comment lines just above a statement say, without the `#`."""
        lines = self._lines
        first = node.lineno - 1
        while first > 0 and lines[first - 1].lstrip()[:1] == "#":
            first -= 1
        return [line.lstrip().lstrip("#").strip() for line in lines[first : node.lineno - 1]]

    @cached_property
    def _lines(self) -> list[str]:
        return _BREAK.split(self._low.text)

    def name(self, node: ast.expr) -> str:
        """The absolute dotted name that an expression stands for, as the file's imports tell; empty for none.

        Of a call, the name of what is called.
        """
        rows = self._low.terms.rows
        row = rows[lower_quietly(self._low, node)]
        while isinstance(row, Local):
            row = rows[row.base]
        if isinstance(row, Call):
            row = rows[row.function]
        return row.symbol if isinstance(row, Name) else ""

    def term(self, node: ast.expr) -> int:
        """The term of an expression, for conditions and facts."""
        return lower_quietly(self._low, node)

    def span(self, node: ast.AST) -> Span:
        """Where a finding about this node points: of a method call, from the method's name on."""
        return call_span(node) if isinstance(node, ast.Call) else node_span(node)

    def report(
        self,
        node: ast.AST,
        message: str,
        *,
        confidence: Confidence = Confidence.HIGH,
        severity: Severity | None = None,
        advice: str = "",
        evidence: tuple[Evidence, ...] = (),
        when: Condition | None = None,
        fix: Fix | None = None,
    ) -> None:
        """Report a fault at a node; with `when`, only if the linked project bears the condition out."""
        self._findings.append(
            PendingFinding(
                rule=self._rule.id,
                span=self.span(node),
                message=encodable(message),
                function=self._low.code_scope().function,
                confidence=confidence,
                severity=self._rule.severity if severity is None else severity,
                advice=encodable(advice),
                evidence=evidence,
                when=when,
                fix=fix,
            )
        )

    def fact(self, node: ast.AST, kind: str, *, terms: tuple[int, ...] = (), text: str = "") -> None:
        """Note something for the rule's second half, which gets it from `Project.facts`."""
        self._facts.append(
            Fact(
                self._rule.id, kind, self.span(node), self._low.code_scope().function, terms, encodable(text)
            )
        )
