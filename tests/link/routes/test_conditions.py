"""Routes that are registered or mounted only under a condition."""

from __future__ import annotations

import pytest

from backlint.testing.project import project_from

FASTAPI = """
    from fastapi import APIRouter, FastAPI
    from app.core import settings
    app = FastAPI()
    api, private = APIRouter(), APIRouter(prefix="/private")

    @private.post("/users")
    async def make(): ...
    @api.get("/users")
    async def users(): ...

    app.include_router(api)
    {test}
        app.include_router(private)
    """
SETTINGS = "class Settings:\n    ENVIRONMENT: str = 'local'\n    DEBUG: bool = False\nsettings = Settings()\n"


def development(source: str) -> dict[str, bool]:
    project = project_from({"app/main.py": source, "app/core.py": SETTINGS, "app/__init__.py": ""})
    return {route.path: route.is_for_development for route in project.routes}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('if settings.ENVIRONMENT == "local":', True),
        ('if settings.ENVIRONMENT in ("local", "test"):', True),
        ('if settings.ENVIRONMENT != "production":', True),
        ("if settings.DEBUG:", True),
        ("if not settings.is_production:", True),
        ("if settings.DEBUG and settings.EXTRA:", True),
        ('if settings.ENVIRONMENT != "local":', False),
        ('if settings.ENVIRONMENT in ("local", "production"):', False),
        ("if settings.DEBUG or settings.EXTRA:", False),
        ("if not settings.DEBUG:", False),
        ("if settings.SIGN_UP:", False),
    ],
)
def test_routers_that_are_mounted_under_a_condition(test: str, expected: bool) -> None:
    assert development(FASTAPI.format(test=test)) == {"/users": False, "/private/users": expected}


def test_the_condition_is_told() -> None:
    project = project_from(
        {
            "app/main.py": FASTAPI.format(test='if settings.ENVIRONMENT == "local":'),
            "app/core.py": SETTINGS,
            "app/__init__.py": "",
        }
    )
    told = {route.path: [one.text for one in route.conditions] for route in project.routes}
    assert told == {"/users": [], "/private/users": ["settings.ENVIRONMENT == 'local'"]}


def test_else_branches() -> None:
    source = """
        from flask import Flask
        app = Flask("x")
        if app.config["X"]:
            @app.get("/a")
            def a(): ...
        if app.debug:
            pass
        else:
            @app.get("/b")
            def b(): ...
        """
    project = project_from({"app/main.py": source})
    assert {route.path: len(route.conditions) for route in project.routes} == {"/a": 1, "/b": 1}
    assert not any(route.is_for_development for route in project.routes)


DJANGO = {
    "manage.py": "",
    "site/__init__.py": "",
    "site/settings.py": "ROOT_URLCONF = 'site.urls'\nDEBUG = False\n",
    "site/views.py": "def a(request): ...\ndef b(request): ...\ndef c(request): ...\n",
    "site/tools.py": """
        from django.urls import path
        from site import views
        urlpatterns = [path("b/", views.b)]
        """,
    "site/urls.py": """
        from django.conf import settings
        from django.urls import include, path
        from site import views
        urlpatterns = [path("a/", views.a)]
        if settings.DEBUG:
            urlpatterns += [path("tools/", include("site.tools")), path("c/", views.c)]
        """,
}


def test_django_patterns() -> None:
    project = project_from(DJANGO)
    assert {route.path: route.is_for_development for route in project.routes} == {
        "/a/": False,
        "/tools/b/": True,
        "/c/": True,
    }


AIOHTTP = """
    from aiohttp import web
    async def a(request): ...
    async def b(request): ...
    def make(debug: bool):
        app = web.Application()
        app.router.add_get("/a", a)
        if debug:
            app.router.add_get("/b", b)
        return app
    """


def test_aiohttp() -> None:
    assert development(AIOHTTP) == {"/a": False, "/b": True}
