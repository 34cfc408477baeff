"""Routes declared by decorators and registering calls: FastAPI, Flask, Sanic, aiohttp, Litestar, Ninja."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from backlint.effect import Role
from backlint.link.graph import bare
from backlint.link.routes.context import Context, argument, join_paths
from backlint.link.routes.draft import Draft
from backlint.link.routes.model import UNKNOWN_PART, GuardKind, RouteKind
from backlint.link.routes.mounts import Mounts, PendingGuard, Way
from backlint.link.routes.origins import definition
from backlint.link.routes.views import class_methods, is_view
from backlint.link.routes.wrapped import Use, given_object, receiving_call, uses
from backlint.link.values import ClassValue, LibraryFunction, options
from backlint.term import Attr, Call, Local, Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.finding import Span
    from backlint.link.graph import CallSite, FunctionKey
    from backlint.link.index import FileNode
    from backlint.link.routes.origins import Origin

_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "trace"})
_FREE = frozenset({"route", "api_route", "api_operation", "add_url_rule", "add_api_route", "add_route"})
_SOCKETS = frozenset({"websocket", "websocket_route", "websocket_listener", "add_websocket_route", "stream"})
_HOOKS = frozenset({"before_request", "before_app_request", "middleware", "on_request"})
_LITERAL_PATH = re.compile(r"^/[\w<>{}:./\-*|\\]*$")
_UNMOUNTED = (Way("", (), False),)


def decorated_routes(context: Context, mounts: Mounts) -> Iterator[Draft]:
    """Routes of decorated functions and classes; hooks that decorators register are put on `mounts` first."""
    for file, key, terms, line in _decorated_functions(context):
        for term in terms:
            _hook(context, mounts, file, key, term, line)
    for file, key, terms, line in _decorated_functions(context):
        for position, term in enumerate(terms):
            yield from _function_routes(context, mounts, file, key, term, terms[position + 1 :], line)
    for file, cls, symbol in context.classes():
        for term in cls.decorators:
            yield from _class_routes(context, mounts, file, symbol, term, cls.span)


def _decorated_functions(
    context: Context,
) -> Iterator[tuple[FileNode, FunctionKey, tuple[int, ...], int]]:
    for function in context.functions():
        if function.summary.decorators:
            yield function.file, function.key, function.summary.decorators, function.summary.span.line


def _callee(context: Context, file: FileNode, term: int) -> tuple[str, int, Call | None]:
    """Symbol and term of what a decorator calls, and the call; the symbol is empty where unknown."""
    row = file.summary.terms[term]
    call = row if isinstance(row, Call) else None
    callee = call.function if call is not None else term
    for value in options(context.evaluator.value(file, callee)):
        if isinstance(value, LibraryFunction) and Role.DEFINES_ROUTE in value.entry.roles:
            return value.symbol, callee, call
    return "", callee, call


def _hook(context: Context, mounts: Mounts, file: FileNode, key: FunctionKey, term: int, line: int) -> None:
    """`@app.before_request`, `@app.middleware("http")`."""
    row = file.summary.terms[term]
    callee = row.function if isinstance(row, Call) else term
    symbol = context.evaluator.symbol_of(file, callee)
    name = symbol.rpartition(".")[2]
    if name not in _HOOKS or symbol.partition(".")[0] not in (
        "flask",
        "fastapi",
        "starlette",
        "sanic",
        "quart",
    ):
        return
    if name == "middleware" and isinstance(row, Call) and context.text(file, argument(row, 0)) == "response":
        return
    span = context.span(file, term, line) or file.summary.functions[key[1]].span
    kind = GuardKind.MIDDLEWARE if name == "middleware" else GuardKind.HOOK
    guard = PendingGuard(kind, file.index, -1 - key[1], span, "app")
    mounts.hook(file, callee, name, guard)


def _function_routes(
    context: Context,
    mounts: Mounts,
    file: FileNode,
    key: FunctionKey,
    term: int,
    below: tuple[int, ...],
    line: int,
) -> Iterator[Draft]:
    symbol, callee, call = _callee(context, file, term)
    span = context.span(file, term, line) or file.summary.functions[key[1]].span
    if symbol:
        if call is None:
            return
        framework = symbol.partition(".")[0]
        if framework in ("rest_framework", "litestar"):
            return
        methods = _methods(context, file, symbol, call)
        kind = RouteKind.WEBSOCKET if symbol.rpartition(".")[2] in _SOCKETS else RouteKind.HTTP
        given = _paths(context, file, call)
    else:
        guessed = _unresolved_route(context, file, call)
        if guessed is None:
            return
        methods, given = guessed
        framework, kind = "", RouteKind.HTTP
    guards = (
        *decorator_guards(file, below, span, context, line),
        *(() if call is None else mounts.guards(file, call, term, "route")),
    )
    for way in _ways(context, mounts, file, callee):
        for path in given:
            yield Draft(
                framework=framework,
                methods=methods,
                kind=kind,
                path=join_paths(way.prefix, path),
                mounted=way.mounted and bool(symbol),
                conditions=way.conditions,
                handler=key,
                file=file.index,
                span=span,
                guards=(*way.guards, *guards),
                call=term if call is not None else -1,
            )


def decorator_guards(
    file: FileNode, terms: Iterable[int], span: Span, context: Context, line: int
) -> Iterator[PendingGuard]:
    for term in terms:
        at = context.span(file, term, line) or span
        yield PendingGuard(GuardKind.DECORATOR, file.index, term, at, "route")


def _ways(context: Context, mounts: Mounts, file: FileNode, callee: int) -> tuple[Way, ...]:
    row = file.summary.terms[callee]
    if isinstance(row, Name) and context.evaluator.symbol_of(file, callee).count(".") == 1:
        return _UNMOUNTED
    origins = context.origins.receiver(file, callee)
    ways = tuple(dict.fromkeys(way for origin in origins for way in mounts.ways(origin)))
    if len(ways) > 1 and any(way.mounted for way in ways):
        ways = tuple(way for way in ways if way.mounted)
    return ways or _UNMOUNTED


def _paths(context: Context, file: FileNode, call: Call | None) -> tuple[str, ...]:
    """The paths that a route decorator is given."""
    if call is None:
        return ("",)
    term = argument(call, 0, "path", "rule", "uri")
    if term is None:
        return ("",)
    texts = context.strings(file, term)
    return texts or (context.text(file, term),)


def _methods(context: Context, file: FileNode, symbol: str, call: Call | None) -> tuple[str, ...]:
    name = symbol.rpartition(".")[2]
    if name in _VERBS:
        return (name.upper(),)
    if name in _SOCKETS:
        return ("WEBSOCKET",)
    if call is None:
        return ("GET",)
    position = 0 if name == "api_operation" else None
    given = argument(call, position, "methods", "http_method")
    if given is None:
        return ("GET",)
    texts = context.strings(file, given) or (context.text(file, given),)
    return tuple(text.upper() for text in texts)


def _unresolved_route(
    context: Context, file: FileNode, call: Call | None
) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """A decorator that looks like a route of an object nothing is known of: `@app.get("/x")`."""
    if call is None or not call.arguments:
        return None
    callee = file.summary.terms[call.function]
    name = callee.name if isinstance(callee, Attr) else ""
    if isinstance(callee, Name):
        owner = file.summary.terms[call.function]
        name = callee.symbol.rpartition(".")[2] if owner is callee else ""
    if name not in _VERBS and name not in ("route", "api_route", "websocket"):
        return None
    value = context.evaluator.value(file, call.function)
    if any(isinstance(single, LibraryFunction | ClassValue) for single in options(value)):
        return None
    if context.function_of(value) is not None:
        return None
    path = context.text(file, call.arguments[0])
    if not _LITERAL_PATH.match(path):
        return None
    return _methods(context, file, f".{name}", call), (path,)


def _class_routes(
    context: Context, mounts: Mounts, file: FileNode, symbol: str, term: int, span: Span
) -> Iterator[Draft]:
    """`@blueprint.route("/x") class Things(MethodView)`."""
    found, callee, call = _callee(context, file, term)
    if not found or call is None:
        return
    at = context.span(file, term, span.line) or span
    name = found.rpartition(".")[2]
    if name in _VERBS:
        return
    arguments = call.arguments if found.startswith("flask_restx.") else call.arguments[:1]
    paths = tuple(context.text(file, given) for given in arguments)
    for way in _ways(context, mounts, file, callee):
        for path in paths:
            for method, key in class_methods(context, symbol):
                yield Draft(
                    framework=found.partition(".")[0],
                    methods=(method,),
                    path=join_paths(way.prefix, path),
                    mounted=way.mounted,
                    conditions=way.conditions,
                    handler=key,
                    view=symbol,
                    file=file.index,
                    span=at,
                    guards=way.guards,
                    guarded_class=True,
                )


def registered_routes(context: Context, mounts: Mounts) -> Iterator[Draft]:
    """Routes made by calls: `add_url_rule`, `add_api_route`, `add_resource`, `add_get` …"""
    for site in context.calls():
        yield from _applied(context, mounts, site)
        top, _, rest = site.symbol.partition(".")
        name = rest.rpartition(".")[2]
        if top in _REGISTERING and name in _REGISTERING[top]:
            yield from _registered(context, mounts, site, top, name)


def _applied(context: Context, mounts: Mounts, site: CallSite) -> Iterator[Draft]:
    """A route decorator that is called by hand: `router.post("/x")(handler)`."""
    file = site.function.file
    decorator = bare(file, site.row.function)
    if not site.row.arguments or not isinstance(file.summary.terms[decorator], Call):
        return
    if not _callee(context, file, decorator)[0]:
        return
    key = context.function_of(context.evaluator.value(file, site.row.arguments[0]))
    if key is not None:
        own = _own_decorators(context, key)
        for draft in _function_routes(context, mounts, file, key, decorator, (), site.span.line):
            yield replace(draft, guards=(*draft.guards, *own))


_AIOHTTP = frozenset({f"add_{verb}" for verb in (*_VERBS, "view", "route")})
_REGISTERING: dict[str, frozenset[str]] = {
    "fastapi": frozenset({"add_api_route", "add_route", "add_websocket_route", "add_api_websocket_route"}),
    "starlette": frozenset({"add_route", "add_websocket_route"}),
    "flask": frozenset({"add_url_rule"}),
    "quart": frozenset({"add_url_rule"}),
    "flask_smorest": frozenset({"add_url_rule"}),
    "flask_restful": frozenset({"add_resource"}),
    "flask_restx": frozenset({"add_resource"}),
    "sanic": frozenset({"add_route"}),
    "aiohttp": _AIOHTTP,
}


def _registered(
    context: Context, mounts: Mounts, site: CallSite, framework: str, name: str
) -> Iterator[Draft]:
    given, view = _registration(site, framework, name)
    if view is None:
        return
    file = site.function.file
    route_guards = tuple(mounts.guards(file, site.row, site.event.term, "route"))
    for use in uses(context, site, view, *given):
        paths = tuple(dict.fromkeys(context.text(file, term, use.bound) for term in given))
        at, term = use.term(file, view)
        span = use.site.span
        methods = _registered_methods(context, use, site, framework, name)
        for way in _receiver_ways(context, mounts, use, site, framework):
            for path in paths:
                draft = Draft(
                    framework=framework,
                    methods=methods,
                    kind=RouteKind.WEBSOCKET if "websocket" in name else RouteKind.HTTP,
                    path=join_paths(way.prefix, path),
                    mounted=way.mounted,
                    conditions=way.conditions,
                    file=use.site.function.file.index,
                    span=span,
                    guards=(*way.guards, *route_guards),
                    call=site.event.term if use.site is site else -1,
                )
                yield from (found for found in answers_of(context, draft, at, term) if _is_answered(found))


def _is_answered(draft: Draft) -> bool:
    return draft.handler is not None or bool(draft.view)


def answers_of(context: Context, draft: Draft, file: FileNode, view: int | None) -> Iterator[Draft]:
    """A listed route with its handler, one for each method of a view class; without one where it is unknown."""
    answered = False
    for symbol, key, wrapping in () if view is None else unwrap_view(context, file, view):
        answered = True
        wrapped = tuple(
            PendingGuard(GuardKind.DECORATOR, owner.index, term, draft.span, "route")
            for owner, term in wrapping
        )
        below = () if key is None else _own_decorators(context, key)
        guards = (*draft.guards, *wrapped, *below)
        if not symbol:
            yield replace(draft, handler=key, guards=guards)
            continue
        for method, found in class_methods(context, symbol):
            yield replace(
                draft, methods=(method,), handler=found, view=symbol, guards=guards, guarded_class=True
            )
    if not answered:
        yield draft


def _receiver_ways(
    context: Context, mounts: Mounts, use: Use, site: CallSite, framework: str
) -> tuple[Way, ...]:
    """The ways to the object that a route is registered on; `app.router` of aiohttp is the application."""
    given = given_object(use, site)
    if given is not None:
        return _ways_of(mounts, context.origins.of_term(*given)) or _UNMOUNTED
    file, callee = receiving_call(use, site) or (site.function.file, site.row.function)
    if framework == "aiohttp":
        row = file.summary.terms[callee]
        if isinstance(row, Attr):
            base = file.summary.terms[row.base]
            if isinstance(base, Attr) and base.name == "router":
                return _ways_of(mounts, context.origins.of_term(file, base.base)) or _UNMOUNTED
        if isinstance(row, Name):
            symbol = row.symbol.rpartition(".")[0].removesuffix(".router")
            return _ways_of(mounts, context.origins.of_symbol(symbol, file)) or _UNMOUNTED
    return _ways(context, mounts, file, callee)


def _ways_of(mounts: Mounts, origins: tuple[Origin, ...]) -> tuple[Way, ...]:
    return tuple(way for origin in origins for way in mounts.ways(origin))


def _own_decorators(context: Context, key: FunctionKey) -> tuple[PendingGuard, ...]:
    file = context.project.files[key[0]]
    summary = file.summary.functions[key[1]]
    return tuple(decorator_guards(file, summary.decorators, summary.span, context, summary.span.line))


def _registration(site: CallSite, framework: str, name: str) -> tuple[tuple[int, ...], int | None]:
    """The terms of the paths and of the view of a registering call."""
    path: int | None
    if name == "add_resource":
        return site.row.arguments[1:], site.argument(0, "resource")
    if framework == "sanic":
        path, view = site.argument(1, "uri"), site.argument(0, "handler")
    elif name == "add_url_rule":
        path, view = site.argument(0, "rule"), site.argument(2, "view_func")
        if view is None and framework == "flask_smorest":
            view = site.argument(1, "view_func")
    else:
        at = 1 if framework == "aiohttp" and name == "add_route" else 0
        path, view = site.argument(at, "path"), site.argument(at + 1, "endpoint", "handler", "route")
    return (-1 if path is None else path,), view


def _registered_methods(
    context: Context, use: Use, site: CallSite, framework: str, name: str
) -> tuple[str, ...]:
    file = site.function.file
    if framework == "aiohttp":
        if name == "add_route":
            text = context.text(file, site.argument(0, "method"), use.bound)
            return () if text == "*" else (text.upper(),)
        return () if name == "add_view" else (name.removeprefix("add_").upper(),)
    if "websocket" in name:
        return ("WEBSOCKET",)
    listed = argument(site.row, None, "methods")
    if listed is not None:
        at, term = use.term(file, listed)
        if at is not file or term != listed:
            return tuple(text.upper() for text in context.strings(at, term)) or (UNKNOWN_PART,)
    return _methods(context, file, f".{name}", site.row)


def unwrap_view(
    context: Context, file: FileNode, term: int, depth: int = 0
) -> Iterator[tuple[str, FunctionKey | None, tuple[tuple[FileNode, int], ...]]]:
    """What answers behind a term: view class or function, and what it is wrapped in, outermost first.

    Follows `View.as_view(…)`, `login_required(view)`, `cache_page(60)(view)` and names; nothing where
    unknown.
    """
    row = file.summary.terms[term]
    while isinstance(row, Local):
        term = row.base
        row = file.summary.terms[term]
    value = context.evaluator.value(file, term)
    key = context.function_of(value)
    if key is not None:
        yield "", key, ()
        return
    for single in options(value):
        if isinstance(single, ClassValue) and (
            is_view(context, single.symbol) or context.evaluator.classes.project_class(single.symbol)
        ):
            yield single.symbol, None, ()
            return
    if isinstance(row, Call):
        symbol = _viewed_class(context, file, row)
        if symbol:
            yield symbol, None, ()
            return
        if depth < 6:
            for given in row.arguments:
                found = False
                for symbol, key, wrapping in unwrap_view(context, file, given, depth + 1):
                    found = True
                    yield symbol, key, ((file, row.function), *wrapping)
                if found:
                    return
        return
    owner, found_term = definition(context.evaluator, file, term)
    if (owner, found_term) != (file, term) and depth < 6:
        yield from unwrap_view(context, owner, found_term, depth + 1)


def _viewed_class(context: Context, file: FileNode, row: Call) -> str:
    """The class of `X.as_view(…)`."""
    callee = file.summary.terms[row.function]
    if isinstance(callee, Name) and callee.symbol.endswith(".as_view"):
        value = context.evaluator.symbol(callee.symbol.removesuffix(".as_view"), file.root)
    elif isinstance(callee, Attr) and callee.name == "as_view":
        value = context.evaluator.value(file, callee.base)
    else:
        return ""
    for single in options(value):
        if isinstance(single, ClassValue):
            return single.symbol
    return getattr(value, "symbol", "")
