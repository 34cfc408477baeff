"""Whose rows are, and which objects of a request nothing ties to the caller."""

from __future__ import annotations

import pytest

from backlint.link.ownership import Owner, Owners
from backlint.testing import project_from

MODELS = """
from django.contrib.auth.models import User
from django.db import models

class Order(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE)

class Line(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)

class Part(models.Model):
    created_by = models.ForeignKey(User, on_delete=models.CASCADE)
    name = models.CharField(max_length=10)
"""

VIEWS = """
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from app.models import Line, Order, Part

@login_required
def remove(request, pk):
    {body}
    return HttpResponse()

@login_required
def own(request):
    return HttpResponse(list(Order.objects.filter(user=request.user)[:10]))

urlpatterns = [path("<int:pk>/", remove), path("own/", own)]
"""


@pytest.mark.parametrize(
    ("name", "owner"),
    [("Order", Owner("user", direct=True)), ("Line", Owner("order__user", direct=False)), ("Part", None)],
)
def test_owner_of_a_table(name: str, owner: Owner | None) -> None:
    project = project_from({"app/models.py": MODELS})
    assert Owners(project).of(f"app.models.{name}") == owner


@pytest.mark.parametrize(
    ("body", "verbs"),
    [
        ("get_object_or_404(Order, pk=pk).delete()", ("deletes",)),
        ("Order.objects.filter(pk=pk).update(user=None)", ("changes",)),
        ("Line.objects.get(pk=pk).delete()", ("deletes",)),
        ("Order.objects.get(pk=pk, user=request.user).delete()", None),
        ("Line.objects.get(pk=pk, order__user=request.user).delete()", None),
        ("request.user.order_set.get(pk=pk).delete()", None),
        ("Part.objects.get(pk=pk).delete()", None),
        ("Order.objects.filter(user__email='x').first().delete()", None),
    ],
)
def test_unscoped_objects(body: str, verbs: tuple[str, ...] | None) -> None:
    project = project_from({"app/models.py": MODELS, "app/urls.py": VIEWS.replace("{body}", body)})
    found = project.objects.unscoped
    assert [one.verbs for one in found] == ([] if verbs is None else [verbs])


@pytest.mark.parametrize(
    "check",
    [
        "if order.user != request.user: return HttpResponse(status=404)",
        "if not request.user.is_staff: return HttpResponse(status=403)",
        "if not request.user.has_perm('app.delete_order'): return HttpResponse(status=403)",
        "assert order.user_id == request.user.pk",
    ],
)
def test_a_check_ties_the_object(check: str) -> None:
    body = f"order = Order.objects.get(pk=pk)\n    {check}\n    order.delete()"
    project = project_from({"app/models.py": MODELS, "app/urls.py": VIEWS.replace("{body}", body)})
    assert project.objects.unscoped == []


def test_a_signed_in_caller_is_no_check() -> None:
    body = "order = Order.objects.get(pk=pk)\n    if request.user.is_authenticated:\n        order.delete()"
    project = project_from({"app/models.py": MODELS, "app/urls.py": VIEWS.replace("{body}", body)})
    assert [one.model for one in project.objects.unscoped] == ["app.models.Order"]
