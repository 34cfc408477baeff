"""View classes whose methods are the library's own, and that change rows for whoever calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backlint.api import Effect, Project, Route, RouteKind, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_OWN_SAY = frozenset({"dispatch", "initial", "setup", "get_permissions", "check_permissions", "get_object"})
"""Methods of a view in which a project may refuse callers by itself."""


class OpenView(NamedTuple):
    """A view class that strangers change rows through."""

    route: Route
    methods: tuple[str, ...]
    path: str
    span: Span
    """The line of the class."""
    model: str


def open_views(project: Project, is_open: Callable[[Route], bool]) -> Iterator[OpenView]:
    """Views with neither a guard nor a method of their own that could refuse, once each.

    Args:
        is_open: Whether nothing else says that everybody may call a route, or that it is not for production.
    """
    views: dict[str, list[Route]] = {}
    for route in project.routes:
        if route.view and route.handler is None and route.kind is RouteKind.HTTP and is_open(route):
            views.setdefault(route.view, []).append(route)
    for view, routes in views.items():
        methods = tuple(
            dict.fromkeys(
                method for route in routes for method in route.methods if _writes(project, view, method)
            )
        )
        if not methods or any(_has_a_say(project, route) for route in routes):
            continue
        query = project.class_query(view)
        cls = project.evaluator.classes.project_class(view)
        if query is not None and query.model and cls is not None:
            span = cls.summary.span
            line = Span(span.line, span.column, span.line, span.column + 1)
            yield OpenView(routes[0], methods, cls.file.summary.path, line, query.model)


def _writes(project: Project, view: str, method: str) -> bool:
    """Whether the library's own code for an HTTP method changes what is stored."""
    if method not in _CHANGING:
        return False
    for name in _CODE.get(method, ()):
        found = project.evaluator.classes.library_method(view, name)
        if found is not None and Effect.WRITES in found[1].effects:
            return True
    return False


_CODE = {
    "POST": ("post", "create"),
    "PUT": ("put", "update"),
    "PATCH": ("patch", "partial_update"),
    "DELETE": ("delete", "destroy"),
}


def _has_a_say(project: Project, route: Route) -> bool:
    if any(guard.level in ("class", "route") for guard in route.guards):
        return True
    names = (project.graph.functions[key].summary.name.rpartition(".")[2] for key in route.hooks)
    return any(name in _OWN_SAY for name in names)
