"""Mixins that come too late among the bases of a view to guard it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.api import Confidence, Findings, InstanceValue, Project, Role

if TYPE_CHECKING:
    from backlint.api import FileNode

_GUARDS = frozenset({Role.AUTHENTICATES, Role.AUTHORISES, Role.LIMITS_RATE})


def report_order(project: Project, findings: Findings, file: FileNode, number: int) -> None:
    """Report a guarding mixin after the view: Python finds the view's own `dispatch` first, which calls no other."""
    cls = file.summary.classes[number]
    bases = _direct(project, file, number)
    for position, view in enumerate(bases):
        if not _is_view(project, view):
            continue
        order = project.evaluator.classes.order(view)
        for mixin in bases[position + 1 :]:
            guards = _GUARDS.intersection(project.evaluator.roles(InstanceValue(mixin)))
            if not guards or _is_view(project, mixin) or mixin in order:
                continue
            short, of = mixin.rpartition(".")[2], view.rpartition(".")[2]
            findings.add(
                project.graph.functions[file.index, 0],
                f"`{short}` comes after `{of}` among the bases of `{cls.name}`: `{of}.dispatch` answers without asking it",
                span=cls.span,
                confidence=Confidence.HIGH,
                advice=f"put `{short}` before `{of}`",
            )
            return
        return


def _direct(project: Project, file: FileNode, number: int) -> list[str]:
    values = (project.evaluator.value(file, term) for term in file.summary.classes[number].bases)
    return [symbol for value in values if isinstance(symbol := getattr(value, "symbol", None), str)]


def _is_view(project: Project, symbol: str) -> bool:
    return Role.DEFINES_ROUTE in project.evaluator.roles(InstanceValue(symbol))
