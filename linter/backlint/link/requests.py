"""The request that a framework hands to views: its type where the code doesn't annotate it.

A view is known by its class, its decorator or its place: the first parameter of a module-level function, called
`request`, in a file that imports the framework.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.values import UNKNOWN, InstanceValue, Value
from backlint.summary import FileKind

if TYPE_CHECKING:
    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode

_BY_CLASS = (
    ("rest_framework.views.APIView", "rest_framework.request.Request"),
    ("rest_framework.permissions.BasePermission", "rest_framework.request.Request"),
    ("rest_framework.throttling.BaseThrottle", "rest_framework.request.Request"),
    ("rest_framework.authentication.BaseAuthentication", "rest_framework.request.Request"),
    ("django.views.View", "django.http.HttpRequest"),
    ("starlette.endpoints.HTTPEndpoint", "starlette.requests.Request"),
)
_BY_MODULE = (
    ("django", "django.http.HttpRequest"),
    ("ninja", "django.http.HttpRequest"),
    ("aiohttp", "aiohttp.web.Request"),
    ("sanic", "sanic.Request"),
    ("starlette", "starlette.requests.Request"),
)
_API_VIEW = "rest_framework.decorators.api_view"


def request_parameter(evaluator: Evaluator, file: FileNode, function: int, position: int, name: str) -> Value:
    """The request that a parameter without annotation holds; UNKNOWN for any other parameter."""
    if name != "request":
        return UNKNOWN
    summary = file.summary.functions[function]
    if summary.cls >= 0:
        order = evaluator.classes.order(evaluator.owner(file, summary))
        found = next((request for cls, request in _BY_CLASS if cls in order), "")
        return InstanceValue(found) if position == 1 and found else UNKNOWN
    if position != 0 or summary.parent >= 0 or file.summary.kind is FileKind.TEST:
        return UNKNOWN
    if any(evaluator.symbol_of(file, term) == _API_VIEW for term in summary.decorators):
        return InstanceValue("rest_framework.request.Request")
    found = next((request for module, request in _BY_MODULE if module in file.summary.mentions), "")
    return InstanceValue(found) if found else UNKNOWN
