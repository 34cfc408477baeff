"""The type of a view's `request` where it is not annotated."""

from __future__ import annotations

import pytest

from backlint.link.values import UNKNOWN
from backlint.term import Param
from backlint.testing.project import project_from

SOURCE = """
    from django.views import View
    from rest_framework.decorators import api_view
    from rest_framework.views import APIView

    class Base(APIView): ...

    class Api(Base):
        def get(self, request, pk): ...

    class Page(View):
        def get(self, request): ...

    class Other:
        def get(self, request): ...

    @api_view(["GET"])
    def function(request): ...

    def plain(request): ...

    def helper(pk, request): ...
    """


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("Api.get", "rest_framework.request.Request"),
        ("Page.get", "django.http.HttpRequest"),
        ("Other.get", ""),
        ("function", "rest_framework.request.Request"),
        ("plain", "django.http.HttpRequest"),
        ("helper", ""),
    ],
)
def test_request(function: str, expected: str) -> None:
    project = project_from({"shop/views.py": SOURCE})
    found = next(item for item in project.functions if item.name == function)
    value = project.evaluator.parameter(found.file, Param(found.index, "request"))
    assert getattr(value, "symbol", "") == expected
    assert (value is UNKNOWN) is not bool(expected)
