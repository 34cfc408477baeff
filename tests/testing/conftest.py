"""Rules of the tests' own, which stand for those of a rule pack."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from backlint.finding import Confidence, Edit, Finding, Fix, Severity
from backlint.registry import Registry, RuleInfo
from backlint.rule import SERVICE_CODE, Rule
from backlint.testing import check, project

if TYPE_CHECKING:
    from backlint.fixes.source import SourceText
    from backlint.summarise.context import FileContext


class OldCall(Rule):
    """Reports calls of `old`, and mends those with one argument."""

    def visit_Call(self, node: ast.Call, ctx: FileContext) -> None:
        if isinstance(node.func, ast.Name) and node.func.id.startswith("old"):
            sure = Confidence.HIGH if node.args else Confidence.LOW
            ctx.report(node, f"`{node.func.id}` is called", confidence=sure)

    def fix(self, finding: Finding, source: SourceText) -> Fix | None:
        node = source.node_at(finding.span)
        if not isinstance(node, ast.Call) or len(node.args) != 1:
            return None
        made = {"1": "new(1)", "2": "old(3)", "3": "old(", "4": "worse()"}
        new = made.get(ast.unparse(node.args[0]))
        if new is None:
            return None
        return Fix(
            "call the new one", (Edit(finding.span, new),), imports=("json",) if new == "new(1)" else ()
        )


class WorseCall(Rule):
    """Reports calls of `worse`."""

    def visit_Call(self, node: ast.Call, ctx: FileContext) -> None:
        if isinstance(node.func, ast.Name) and node.func.id == "worse":
            ctx.report(node, "`worse` is called", severity=Severity.NOTE)


def info(cls: type[Rule], name: str) -> RuleInfo:
    cls.id, cls.family = name, "demo"
    return RuleInfo(
        id=name,
        family="demo",
        severity=Severity.WARNING,
        kinds=SERVICE_CODE,
        needs=(),
        same_as=(),
        tags=(),
        security_severity=None,
        since="0.1.0",
        cls=cls,
        pack="demo",
    )


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry(
        rules={"old-call": info(OldCall, "old-call"), "worse-call": info(WorseCall, "worse-call")},
        families=("demo",),
    )
    for module in (check, project):
        monkeypatch.setattr(module, "load_rules", lambda *_: registry)
    return registry
