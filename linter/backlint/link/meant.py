"""Guards that somebody wrote beside a handler, and that no request passes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.values import InstanceValue
from backlint.term import Call, Name, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import LinkedFunction
    from backlint.link.project import Project
    from backlint.link.routes.model import Route

_ASKS = frozenset({Role.AUTHENTICATES, Role.AUTHORISES})


def is_meant_guarded(project: Project, route: Route) -> bool:
    """Whether an unprotected route was meant to ask who calls: a guard stands in its class or above its handler.

    A decorator above the one that registers, a mixin after the view, an attribute of the view that nothing reads.
    """
    if route.handler is None:
        return False
    handler = project.graph.functions[route.handler]
    return any(
        _ASKS & project.guard_roles(function, term) for function, term in _written(project, route, handler)
    ) or any(
        _ASKS.intersection(project.evaluator.roles(InstanceValue(base))) for base in _bases(project, route)
    )


def _written(project: Project, route: Route, handler: LinkedFunction) -> Iterator[tuple[LinkedFunction, int]]:
    """Terms that may be guards: decorators of the handler, and what attributes of its class list."""
    for term in handler.summary.decorators:
        yield handler, term
    cls = project.evaluator.classes.project_class(route.view) if route.view else None
    for attribute in () if cls is None else cls.summary.attributes:
        if cls is None or attribute.instance or attribute.value < 0:
            continue
        module = project.graph.functions[cls.file.index, 0]
        row = cls.file.summary.terms[attribute.value]
        for item in row.items if isinstance(row, Sequence) else ():
            if isinstance(cls.file.summary.terms[item], Call | Name):
                yield module, item


def _bases(project: Project, route: Route) -> list[str]:
    return list(project.evaluator.classes.order(route.view)[1:]) if route.view else []
