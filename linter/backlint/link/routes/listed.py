"""Routes that are listed: Starlette's `Route`s, aiohttp's `web.get(…)`s and Litestar's route handlers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.effect import Role
from backlint.finding import Span
from backlint.link.graph import FunctionKey
from backlint.link.routes.context import Context, argument, join_paths
from backlint.link.routes.decorated import answers_of, decorator_guards
from backlint.link.routes.draft import Draft
from backlint.link.routes.model import UNKNOWN_PART, GuardKind, RouteKind
from backlint.link.routes.mounts import Mount, PendingGuard, Way
from backlint.link.routes.origins import Origin, definition
from backlint.link.values import ClassValue, LibraryFunction, options
from backlint.term import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import CallSite
    from backlint.link.index import FileNode
    from backlint.link.routes.mounts import Mounts

_ROUTES = {"Route": RouteKind.HTTP, "APIRoute": RouteKind.HTTP, "WebSocketRoute": RouteKind.WEBSOCKET}
_AIOHTTP = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})


def listed_routes(context: Context, mounts: Mounts) -> Iterator[Draft]:
    """Routes in lists given to applications and routers."""
    sites = list(context.calls())
    for site in sites:
        _mount_tables(context, mounts, site)
    for site in sites:
        top, _, rest = site.symbol.partition(".")
        name = rest.rpartition(".")[2]
        if top in ("starlette", "fastapi") and name in ("Starlette", "FastAPI", "Router", "APIRouter"):
            given = site.argument(1 if name == "Starlette" else None, "routes")
            if given is not None:
                for way in _made_ways(context, mounts, site):
                    yield from _starlette(context, mounts, site.function.file, given, way, 0)
        elif top == "aiohttp" and name == "add_routes":
            yield from _aiohttp(context, mounts, site)
    yield from _litestar(context, mounts, sites)


def _made_ways(context: Context, mounts: Mounts, site: CallSite) -> tuple[Way, ...]:
    """The ways to the object that a call makes; directly where the object has no name."""
    found = [way for origin in mounts.made(site) for way in mounts.ways(origin)]
    return tuple(dict.fromkeys(found))


def _mount_tables(context: Context, mounts: Mounts, site: CallSite) -> None:
    """Objects inside lists: `Mount("/x", app=other)`, `app.add_routes(table)`, `Router(route_handlers=[other])`."""
    top, _, rest = site.symbol.partition(".")
    name = rest.rpartition(".")[2]
    file = site.function.file
    parents: tuple[Origin, ...]
    if top == "aiohttp" and name == "add_routes":
        parents = context.origins.receiver(file, site.row.function)
        given = site.argument(0, "routes")
        prefix = ""
    elif top == "litestar" and name in ("Litestar", "Router"):
        parents = mounts.made(site)
        given = site.argument(0 if name == "Litestar" else None, "route_handlers")
        prefix = ""
    else:
        return
    if given is None:
        return
    items = list(context.items(file, given)) or [(file, given)]
    for owner, item in items:
        for child in _objects(context, owner, item):
            for parent in parents:
                mounts.add(child, Mount(parent, prefix))


def _objects(context: Context, file: FileNode, term: int) -> tuple[Origin, ...]:
    """The routers or tables a term stands for; nothing for functions, classes and single routes."""
    found = []
    for origin in context.origins.of_term(file, term):
        owner = context.project.files[origin.file]
        row = owner.summary.terms[origin.term]
        symbol = context.evaluator.symbol_of(owner, row.function) if isinstance(row, Call) else ""
        if symbol.rpartition(".")[2] in ("RouteTableDef", "Router"):
            found.append(origin)
    return tuple(found)


def _starlette(
    context: Context, mounts: Mounts, file: FileNode, given: int, way: Way, depth: int
) -> Iterator[Draft]:
    for owner, item in context.items(file, given):
        at, term = definition(context.evaluator, owner, item)
        row = at.summary.terms[term]
        if not isinstance(row, Call) or depth > 8:
            continue
        name = context.evaluator.symbol_of(at, term).rpartition(".")[2]
        span = context.span(at, term) or Span(1, 0, 1, 0)
        path = context.text(at, argument(row, 0, "path"))
        guards = tuple(mounts.guards(at, row, term, "route"))
        if name == "Mount":
            here = Way(join_paths(way.prefix, path), (*way.guards, *guards), way.mounted, way.conditions)
            inner = argument(row, 2, "routes")
            if inner is not None:
                yield from _starlette(context, mounts, at, inner, here, depth + 1)
            app = argument(row, 1, "app")
            for origin in () if app is None else context.origins.of_term(at, app):
                mounts.add(origin, Mount(None, here.prefix, False, here.guards))
        elif name in _ROUTES:
            view = argument(row, 1, "endpoint")
            listed = argument(row, None, "methods")
            methods = (
                tuple(text.upper() for text in context.strings(at, listed))
                if listed is not None
                else ("GET",)
            )
            if _ROUTES[name] is RouteKind.WEBSOCKET:
                methods = ("WEBSOCKET",)
            draft = Draft(
                framework="starlette",
                methods=methods,
                path=join_paths(way.prefix, path),
                mounted=way.mounted,
                conditions=way.conditions,
                kind=_ROUTES[name],
                file=at.index,
                span=span,
                guards=(*way.guards, *guards),
            )
            yield from answers_of(context, draft, at, view)


def _aiohttp(context: Context, mounts: Mounts, site: CallSite) -> Iterator[Draft]:
    """`app.add_routes([web.get("/x", handler), …])`."""
    file = site.function.file
    given = site.argument(0, "routes")
    ways = [
        way for origin in context.origins.receiver(file, site.row.function) for way in mounts.ways(origin)
    ]
    for owner, item in () if given is None else context.items(file, given):
        at, term = definition(context.evaluator, owner, item)
        row = at.summary.terms[term]
        symbol = context.evaluator.symbol_of(at, term) if isinstance(row, Call) else ""
        name = symbol.rpartition(".")[2]
        if not isinstance(row, Call) or not symbol.startswith("aiohttp.web."):
            continue
        first = 1 if name == "route" else 0
        methods: tuple[str, ...] = (name.upper(),) if name in _AIOHTTP else ()
        if name == "route":
            method = context.text(at, argument(row, 0, "method"))
            methods = () if method == "*" else (method.upper(),)
        elif name not in _AIOHTTP and name != "view":
            continue
        for way in dict.fromkeys(ways) or [Way("", (), False)]:
            draft = Draft(
                framework="aiohttp",
                methods=methods,
                path=join_paths(way.prefix, context.text(at, argument(row, first, "path"))),
                mounted=way.mounted,
                conditions=way.conditions,
                file=at.index,
                span=context.span(at, term) or site.span,
                guards=way.guards,
            )
            yield from answers_of(context, draft, at, argument(row, first + 1, "handler"))


class _Handler(msgspec.Struct, frozen=True):
    key: FunctionKey
    term: int
    name: str
    """The name of the decorator: `get`, `route` …"""
    call: Call | None


def _litestar(context: Context, mounts: Mounts, sites: list[CallSite]) -> Iterator[Draft]:
    handlers = {handler.key: handler for handler in _litestar_handlers(context)}
    if not handlers:
        return
    reached: set[FunctionKey] = set()
    for site in sites:
        if site.symbol not in ("litestar.Litestar", "litestar.Router"):
            continue
        file = site.function.file
        given = site.argument(0 if site.symbol == "litestar.Litestar" else None, "route_handlers")
        ways = _made_ways(context, mounts, site)
        for owner, item in () if given is None else context.items(file, given):
            for single in options(context.evaluator.value(owner, item)):
                key = context.function_of(single)
                if key in handlers and key is not None:
                    reached.add(key)
                    for way in ways:
                        yield from _litestar_route(context, mounts, handlers[key], way, "")
                elif isinstance(single, ClassValue):
                    for found, way in _controller(context, mounts, single.symbol, ways, handlers):
                        reached.add(found.key)
                        yield from _litestar_route(context, mounts, found, way, single.symbol)
    for key, handler in handlers.items():
        if key not in reached:
            yield from _litestar_unreached(context, mounts, handler, handlers)


def _litestar_unreached(
    context: Context, mounts: Mounts, handler: _Handler, handlers: dict[FunctionKey, _Handler]
) -> Iterator[Draft]:
    """A handler that no application is seen to be given: plugins may find controllers by themselves."""
    file = context.project.files[handler.key[0]]
    summary = file.summary.functions[handler.key[1]]
    view = context.evaluator.owner(file, summary) if summary.cls >= 0 else ""
    somewhere = Way("", (), False)
    ways = (
        [way for found, way in _controller(context, mounts, view, (somewhere,), handlers) if found is handler]
        if view
        else [somewhere]
    )
    for way in ways:
        yield from _litestar_route(context, mounts, handler, way, view)


def _litestar_handlers(context: Context) -> Iterator[_Handler]:
    for function in context.functions():
        for term in function.summary.decorators:
            row = function.file.summary.terms[term]
            call = row if isinstance(row, Call) else None
            value = context.evaluator.value(function.file, term if call is None else call.function)
            for single in options(value):
                if (
                    isinstance(single, LibraryFunction)
                    and Role.DEFINES_ROUTE in single.entry.roles
                    and single.symbol.startswith("litestar.")
                ):
                    yield _Handler(function.key, term, single.symbol.rpartition(".")[2], call)


def _controller(
    context: Context,
    mounts: Mounts,
    symbol: str,
    ways: tuple[Way, ...],
    handlers: dict[FunctionKey, _Handler],
) -> Iterator[tuple[_Handler, Way]]:
    found = context.class_attribute(symbol, "path")
    prefix = "" if found is None else context.text(found[0].file, found[1])
    guards: list[PendingGuard] = []
    for name, kind in (("guards", GuardKind.DEPENDENCY), ("middleware", GuardKind.MIDDLEWARE)):
        listed = context.class_attribute(symbol, name)
        if listed is not None:
            for file, item in context.items(listed[0].file, listed[1]):
                guards.append(PendingGuard(kind, file.index, item, listed[0].summary.span, "class"))
    for ancestor in context.evaluator.classes.order(symbol):
        cls = context.evaluator.classes.project_class(ancestor)
        for number in () if cls is None else cls.summary.methods:
            handler = None if cls is None else handlers.get((cls.file.index, number))
            if handler is not None:
                for way in ways:
                    whole = join_paths(way.prefix, prefix)
                    yield handler, Way(whole, (*way.guards, *guards), way.mounted, way.conditions)


def _litestar_route(
    context: Context, mounts: Mounts, handler: _Handler, way: Way, view: str
) -> Iterator[Draft]:
    file = context.project.files[handler.key[0]]
    summary = file.summary.functions[handler.key[1]]
    call = handler.call
    given = None if call is None else argument(call, 0, "path")
    paths = ("",) if given is None else (context.strings(file, given) or (context.text(file, given),))
    socket = handler.name.startswith("websocket")
    methods: tuple[str, ...] = ("WEBSOCKET",) if socket else (handler.name.upper(),)
    if handler.name == "route":
        listed = None if call is None else argument(call, None, "http_method")
        methods = (UNKNOWN_PART,) if listed is None else context.strings(file, listed)
    own = () if call is None else tuple(mounts.guards(file, call, handler.term, "route"))
    others = [term for term in summary.decorators if term != handler.term]
    span = context.span(file, handler.term, summary.span.line) or summary.span
    for path in paths:
        yield Draft(
            framework="litestar",
            methods=methods,
            path=join_paths(way.prefix, path) or "/",
            mounted=way.mounted,
            conditions=way.conditions,
            kind=RouteKind.WEBSOCKET if socket else RouteKind.HTTP,
            handler=handler.key,
            view=view,
            file=file.index,
            span=span,
            guards=(*way.guards, *own, *decorator_guards(file, others, span, context, summary.span.line)),
            call=handler.term if call is not None else -1,
        )
