"""Finds every route of the project, framework by framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from backlint.link.routes.context import Context, argument
from backlint.link.routes.decorated import decorated_routes, registered_routes
from backlint.link.routes.django import UrlConfigurations
from backlint.link.routes.graphql import graphql_routes
from backlint.link.routes.guards import Guards
from backlint.link.routes.listed import listed_routes
from backlint.link.routes.model import GuardKind, Route, RouteKind
from backlint.link.routes.mounts import Mounts
from backlint.link.routes.parameters import parameters, schemas
from backlint.link.routes.view_guards import ViewGuards
from backlint.link.routes.views import HOOKS, VERBS, hooks, is_view
from backlint.link.values import ConstantValue
from backlint.term import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey
    from backlint.link.project import Project
    from backlint.link.routes.draft import Draft
    from backlint.link.routes.model import Guard
    from backlint.link.routes.mounts import PendingGuard

_GRAPHQL = frozenset({"strawberry", "strawberry_django", "graphene", "graphene_django", "ariadne"})
_DJANGO = frozenset({"django", "rest_framework", "ninja"})


def find_routes(project: Project) -> tuple[Route, ...]:
    """Every route, in the order of the files that register them."""
    context = Context(project)
    mounts = Mounts(context)
    drafts: list[Draft] = []
    if project.mentions & _DJANGO:
        drafts.extend(UrlConfigurations(context, mounts).routes())
    drafts.extend(listed_routes(context, mounts))
    drafts.extend(decorated_routes(context, mounts))
    drafts.extend(registered_routes(context, mounts))
    if project.mentions & _GRAPHQL:
        drafts.extend(graphql_routes(context))
    guards = Guards(context)
    views = ViewGuards(guards)
    everywhere = tuple(mounts.everywhere)
    routes = [_finish(guards, views, everywhere, draft) for draft in dict.fromkeys(drafts)]
    return tuple(sorted(routes, key=lambda route: (route.location[0], route.location[1].line, route.path)))


def _finish(guards: Guards, views: ViewGuards, everywhere: tuple[PendingGuard, ...], draft: Draft) -> Route:
    context = guards.context
    project = context.project
    if draft.handler is not None:
        function = project.graph.functions[draft.handler]
        name, location = function.name, (function.path, function.summary.span)
    else:
        name = draft.view.rpartition(".")[2] or "?"
        location = project.files[draft.file].summary.path, draft.span
    given = parameters(context, draft)
    body, response = schemas(context, draft, given)
    carried = draft.guards if draft.framework != "flask" else (*everywhere, *draft.guards)
    chain = [guard for pending in carried for guard in guards.of(pending)]
    chain.extend(views.of(draft))
    return Route(
        kind=draft.kind,
        framework=draft.framework,
        methods=draft.methods,
        path=draft.path,
        mounted=draft.mounted,
        handler=draft.handler,
        view=draft.view,
        name=name,
        location=location,
        hooks=hooks(context, draft.view) if draft.view else (),
        parameters=given,
        body=body,
        response=response,
        guards=_effective(draft, [*_asking(context, chain, draft, name)]),
        conditions=tuple(
            dict.fromkeys((*draft.conditions, *context.conditions_at(project.files[draft.file], draft.span)))
        ),
    )


def _asking(context: Context, chain: list[Guard], draft: Draft, name: str) -> Iterator[Guard]:
    """The guards that ask something at this address."""
    opened = draft.framework == "litestar" and _says_so(context, draft)
    for guard in chain:
        if opened and guard.symbol.startswith("litestar.security."):
            continue
        found = [test.holds(draft.path, draft.methods, name) for test in guard.exempts]
        addressed = draft.kind in (RouteKind.HTTP, RouteKind.WEBSOCKET)
        if addressed and True in found:
            continue
        if found and (not addressed or None in found):
            yield replace(guard, roles=(), unresolved=True)
        else:
            yield guard


def _says_so(context: Context, draft: Draft) -> bool:
    """Whether a Litestar handler is declared with `exclude_from_auth=True`."""
    if draft.call < 0 or draft.handler is None:
        return False
    file = context.project.files[draft.handler[0]]
    row = file.summary.terms[draft.call]
    given = argument(row, None, "exclude_from_auth") if isinstance(row, Call) else None
    return given is not None and context.evaluator.value(file, given) == ConstantValue(True)


def _effective(draft: Draft, chain: list[Guard]) -> tuple[Guard, ...]:
    """The guards without repeats; of Django Ninja's `auth=` and `throttle=`, the nearest replaces those further out."""
    kept = list(dict.fromkeys(chain))
    if draft.framework == "ninja":
        for kind in (GuardKind.AUTH, GuardKind.THROTTLE):
            levels = [guard.level for guard in kept if guard.kind is kind]
            nearest = next((level for level in ("route", "include", "router") if level in levels), None)
            if nearest is not None:
                kept = [guard for guard in kept if guard.kind is not kind or guard.level == nearest]
    return tuple(kept)


def view_methods(project: Project) -> frozenset[FunctionKey]:
    """Methods that answer requests or that view code runs for one, of every view class, mounted or not."""
    context = Context(project)
    found: set[FunctionKey] = set()
    for file, cls, symbol in context.classes():
        if not is_view(context, symbol):
            continue
        names = {*VERBS, *HOOKS}
        if any(name.startswith("rest_framework.") for name in context.evaluator.classes.order(symbol)):
            names.update(_ACTIONS)
        for number in cls.methods:
            summary = file.summary.functions[number]
            decorated = any(
                context.evaluator.symbol_of(file, term) == "rest_framework.decorators.action"
                for term in summary.decorators
            )
            if decorated or summary.name.rpartition(".")[2] in names:
                found.add((file.index, number))
    return frozenset(found)


_ACTIONS = ("list", "create", "retrieve", "update", "partial_update", "destroy")
