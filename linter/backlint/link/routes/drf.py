"""Django REST framework: routers, view sets and their actions, and function views."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Span
from backlint.link.routes.context import Context, argument
from backlint.link.routes.draft import Draft
from backlint.link.routes.model import UNKNOWN_PART
from backlint.link.values import ClassValue, options
from backlint.term import Attr, Call, Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import CallSite
    from backlint.link.index import FileNode
    from backlint.link.routes.mounts import PendingGuard
    from backlint.link.routes.origins import Origin
    from backlint.summary import FunctionSummary

_COLLECTION = (("GET", "list"), ("POST", "create"))
_OBJECT = (("GET", "retrieve"), ("PUT", "update"), ("PATCH", "partial_update"), ("DELETE", "destroy"))
_MIXINS = {
    "rest_framework.mixins.ListModelMixin": ("list",),
    "rest_framework.mixins.CreateModelMixin": ("create",),
    "rest_framework.mixins.RetrieveModelMixin": ("retrieve",),
    "rest_framework.mixins.UpdateModelMixin": ("update", "partial_update"),
    "rest_framework.mixins.DestroyModelMixin": ("destroy",),
    "rest_framework.viewsets.ReadOnlyModelViewSet": ("list", "retrieve"),
    "rest_framework.viewsets.ModelViewSet": (
        "list",
        "create",
        "retrieve",
        "update",
        "partial_update",
        "destroy",
    ),
}


def router_routes(
    context: Context, router: Origin, prefix: str, mounted: bool, guards: tuple[PendingGuard, ...]
) -> Iterator[Draft]:
    """The routes of everything that was registered with a router."""
    slash = _trailing_slash(context, router)
    for site in registrations(context).get(router.key, ()):
        file = site.function.file
        name = context.text(file, site.argument(0, "prefix"))
        view = site.argument(1, "viewset")
        symbol = "" if view is None else _class_symbol(context, file, view)
        base = f"/{prefix}{name}"
        if not symbol:
            yield Draft(
                framework="rest_framework",
                methods=(),
                path=base + UNKNOWN_PART,
                mounted=mounted,
                file=file.index,
                span=site.span,
            )
            continue
        for draft in _view_set(context, symbol, base, slash):
            yield msgspec.structs.replace(
                draft, mounted=mounted, guards=guards, file=file.index, span=site.span
            )


def registrations(context: Context) -> dict[str, list[CallSite]]:
    """Calls of `register`, by the key of the object they are registered with."""
    if context.registrations is None:
        found: dict[str, list[CallSite]] = {}
        for site in context.calls():
            if site.row.arguments and _is_register(site):
                for origin in context.origins.receiver(site.function.file, site.row.function):
                    found.setdefault(origin.key, []).append(site)
        context.registrations = found
    return context.registrations


def _is_register(site: CallSite) -> bool:
    row = site.function.file.summary.terms[site.row.function]
    if isinstance(row, Name):
        return row.symbol.endswith(".register")
    return isinstance(row, Attr) and row.name == "register"


def _trailing_slash(context: Context, router: Origin) -> str:
    file = context.project.files[router.file]
    row = file.summary.terms[router.term]
    term = argument(row, None, "trailing_slash") if isinstance(row, Call) else None
    if term is None:
        return "/"
    value = context.evaluator.value(file, term)
    return "" if getattr(value, "value", True) is False else "/"


def _class_symbol(context: Context, file: FileNode, term: int) -> str:
    for single in options(context.evaluator.value(file, term)):
        if isinstance(single, ClassValue):
            return single.symbol
    return ""


def _view_set(context: Context, symbol: str, base: str, slash: str) -> Iterator[Draft]:
    """What a router makes of one view set: the standard actions it has, then its own."""
    supplied = {
        name for ancestor in context.evaluator.classes.order(symbol) for name in _MIXINS.get(ancestor, ())
    }
    lookup = _lookup(context, symbol)
    allowed = context.class_attribute(symbol, "http_method_names")
    verbs = (
        None if allowed is None else {verb.upper() for verb in context.strings(allowed[0].file, allowed[1])}
    )
    for table, path in ((_COLLECTION, base + slash), (_OBJECT, f"{base}/{{{lookup}}}{slash}")):
        for method, action in table:
            key = context.class_method(symbol, action)
            if (key is not None or action in supplied) and (not verbs or method in verbs):
                yield action_methods(context, _draft(symbol, method, path, action, key))
    for ancestor in context.evaluator.classes.order(symbol):
        cls = context.evaluator.classes.project_class(ancestor)
        for number in () if cls is None else cls.summary.methods:
            if cls is None:
                continue
            summary = cls.file.summary.functions[number]
            name = summary.name.rpartition(".")[2]
            if context.class_method(symbol, name) != (cls.file.index, number):
                continue
            for term in summary.decorators:
                row = cls.file.summary.terms[term]
                called = isinstance(row, Call)
                if context.evaluator.symbol_of(cls.file, term) != "rest_framework.decorators.action":
                    continue
                detail, methods, path = _action(context, cls.file, row if called else None, name)  # type: ignore[arg-type]
                whole = f"{base}/{{{lookup}}}/{path}{slash}" if detail else f"{base}/{path}{slash}"
                for method in methods:
                    draft = _draft(symbol, method, whole, name, (cls.file.index, number))
                    yield msgspec.structs.replace(draft, action_term=term)


def _draft(symbol: str, method: str, path: str, action: str, key: tuple[int, int] | None) -> Draft:
    return Draft(
        framework="rest_framework",
        methods=(method,),
        path=path,
        handler=key,
        view=symbol,
        file=0,
        span=Span(1, 0, 1, 0),
        guarded_class=True,
        action=action,
    )


def _lookup(context: Context, symbol: str) -> str:
    for name in ("lookup_url_kwarg", "lookup_field"):
        found = context.class_attribute(symbol, name)
        if found is not None:
            text = context.text(found[0].file, found[1])
            if text != UNKNOWN_PART:
                return text
    return "pk"


def _action(
    context: Context, file: FileNode, row: Call | None, name: str
) -> tuple[bool, tuple[str, ...], str]:
    """Whether an action is on one object, its HTTP methods, and the last part of its path."""
    if row is None:
        return False, ("GET",), name
    given = argument(row, 1, "detail")
    detail = given is not None and getattr(context.evaluator.value(file, given), "value", None) is True
    term = argument(row, 0, "methods")
    methods = tuple(text.upper() for text in context.strings(file, term)) or ("GET",)
    path = argument(row, 2, "url_path")
    text = name if path is None else context.text(file, path)
    from backlint.link.routes.django import plain_pattern

    return detail, methods, plain_pattern(text)


def action_methods(context: Context, draft: Draft) -> Draft:
    """The draft with the `@action` decorator of its handler, if it has one."""
    if draft.handler is None:
        return draft
    file = context.project.files[draft.handler[0]]
    for term in file.summary.functions[draft.handler[1]].decorators:
        if context.evaluator.symbol_of(file, term) == "rest_framework.decorators.action":
            return msgspec.structs.replace(draft, action_term=term)
    return draft


def api_view_methods(
    context: Context, file: FileNode, summary: FunctionSummary
) -> tuple[tuple[str, ...], bool]:
    """HTTP methods of a function view (empty for any), and whether `@api_view` made it."""
    for term in summary.decorators:
        symbol = context.evaluator.symbol_of(file, term)
        row = file.summary.terms[term]
        given = (
            argument(row, 0, "http_method_names", "request_method_list") if isinstance(row, Call) else None
        )
        if symbol == "rest_framework.decorators.api_view":
            return tuple(text.upper() for text in context.strings(file, given)) or ("GET",), True
        if symbol == "django.views.decorators.http.require_http_methods":
            return tuple(text.upper() for text in context.strings(file, given)), False
        fixed = _REQUIRED.get(symbol)
        if fixed is not None:
            return fixed, False
    return (), False


_REQUIRED = {
    "django.views.decorators.http.require_GET": ("GET",),
    "django.views.decorators.http.require_POST": ("POST",),
    "django.views.decorators.http.require_safe": ("GET", "HEAD"),
}
