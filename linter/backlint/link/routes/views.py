"""Views written as classes: which methods answer which HTTP methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey
    from backlint.link.routes.context import Context

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
_LIBRARY_VERBS: dict[str, tuple[tuple[str, str], ...]] = {
    "rest_framework.generics.CreateAPIView": (("POST", "create"),),
    "rest_framework.generics.ListAPIView": (("GET", "list"),),
    "rest_framework.generics.RetrieveAPIView": (("GET", "retrieve"),),
    "rest_framework.generics.DestroyAPIView": (("DELETE", "destroy"),),
    "rest_framework.generics.UpdateAPIView": (("PUT", "update"), ("PATCH", "partial_update")),
    "rest_framework.generics.ListCreateAPIView": (("GET", "list"), ("POST", "create")),
    "rest_framework.generics.RetrieveUpdateAPIView": (
        ("GET", "retrieve"),
        ("PUT", "update"),
        ("PATCH", "partial_update"),
    ),
    "rest_framework.generics.RetrieveDestroyAPIView": (("GET", "retrieve"), ("DELETE", "destroy")),
    "rest_framework.generics.RetrieveUpdateDestroyAPIView": (
        ("GET", "retrieve"),
        ("PUT", "update"),
        ("PATCH", "partial_update"),
        ("DELETE", "destroy"),
    ),
    "django.views.generic.ListView": (("GET", "get"),),
    "django.views.generic.DetailView": (("GET", "get"),),
    "django.views.generic.FormView": (("GET", "get"), ("POST", "post")),
    "django.views.generic.CreateView": (("GET", "get"), ("POST", "post")),
    "django.views.generic.UpdateView": (("GET", "get"), ("POST", "post")),
    "django.views.generic.DeleteView": (("GET", "get"), ("POST", "post")),
    "django.views.generic.TemplateView": (("GET", "get"),),
    "django.views.generic.RedirectView": (("GET", "get"), ("POST", "post")),
}
HOOKS = (
    "dispatch",
    "initial",
    "setup",
    "http_method_not_allowed",
    "get_queryset",
    "get_object",
    "get_serializer",
    "get_serializer_class",
    "get_serializer_context",
    "filter_queryset",
    "paginate_queryset",
    "perform_create",
    "perform_update",
    "perform_destroy",
    "get_context_data",
    "get_form_kwargs",
    "get_form_class",
    "form_valid",
    "form_invalid",
    "get_success_url",
)


def is_view(context: Context, symbol: str) -> bool:
    """Whether a class is a view: a library's view class is among its ancestors."""
    return context.has_role(symbol, Role.DEFINES_ROUTE)


def class_methods(context: Context, symbol: str) -> Iterator[tuple[str, FunctionKey | None]]:
    """HTTP methods that a view class answers, each with the project method that does."""
    seen = set()
    allowed = _allowed(context, symbol)
    for verb in VERBS:
        key = context.class_method(symbol, verb)
        if key is not None and (allowed is None or verb in allowed):
            seen.add(verb.upper())
            yield verb.upper(), key
    for ancestor in context.evaluator.classes.order(symbol):
        for method, action in _LIBRARY_VERBS.get(ancestor, ()):
            if method not in seen and (allowed is None or method.lower() in allowed):
                seen.add(method)
                yield method, context.class_method(symbol, action)


def _allowed(context: Context, symbol: str) -> frozenset[str] | None:
    found = context.class_attribute(symbol, "http_method_names")
    if found is None:
        return None
    cls, term = found
    names = context.strings(cls.file, term)
    return frozenset(name.lower() for name in names) if names else None


def hooks(context: Context, symbol: str) -> tuple[FunctionKey, ...]:
    """Project methods that the library's view code runs for a request."""
    found = (context.class_method(symbol, name) for name in HOOKS)
    return tuple(key for key in found if key is not None)
