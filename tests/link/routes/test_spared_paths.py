"""Middleware and hooks that look at the path: whom they spare, and whom they cover."""

from __future__ import annotations

import pytest

from backlint.testing.project import project_from


def protection(source: str) -> dict[str, bool | None]:
    """Whether each path refuses strangers; None where that isn't known."""
    project = project_from({"app/main.py": source})
    return {route.path: route.is_protected for route in project.routes}


AIOHTTP = """
    from aiohttp import web
    OPEN = ("/health", "/auth/")

    @web.middleware
    async def signed_in(request, handler):
        {test}
            return await handler(request)
        if "Authorization" not in request.headers:
            raise web.HTTPUnauthorized()
        return await handler(request)

    routes = web.RouteTableDef()

    @routes.get("/health")
    async def health(request): ...
    @routes.post("/auth/login")
    async def login(request): ...
    @routes.get("/cows/{{cow_id}}")
    async def cow(request): ...

    app = web.Application(middlewares=[signed_in])
    app.add_routes(routes)
    """


@pytest.mark.parametrize(
    "test",
    [
        "if request.path.startswith(OPEN):",
        "if any(request.path.startswith(prefix) for prefix in OPEN):",
        'if request.path == "/health" or request.path in {"/auth/login", "/auth/logout"}:',
    ],
)
def test_spared_paths_of_a_middleware(test: str) -> None:
    assert protection(AIOHTTP.format(test=test)) == {
        "/health": False,
        "/auth/login": False,
        "/cows/{cow_id}": True,
    }


@pytest.mark.parametrize(
    "test",
    [
        "if request.path.startswith(settings.OPEN):",
        "if request.path.startswith(OPEN) or request.app.debug:",
        "if is_open(request.path):",
    ],
)
def test_other_conditions_leave_it_open(test: str) -> None:
    assert set(protection(AIOHTTP.format(test=test)).values()) == {None}


FASTAPI = """
    from fastapi import FastAPI, Request
    from fastapi.responses import JSONResponse
    app = FastAPI()

    @app.middleware("http")
    async def signed_in(request: Request, call_next):
        if request.url.path.startswith("/api/"):
            if not request.headers.get("authorization"):
                return JSONResponse({"detail": "no"}, status_code=401)
        return await call_next(request)

    @app.get("/api/cows")
    async def cows(): ...
    @app.get("/metrics")
    async def metrics(): ...
    @app.get("/{page}")
    async def page(page: str): ...
    """


def test_a_middleware_that_covers_some_paths() -> None:
    assert protection(FASTAPI) == {"/api/cows": True, "/metrics": False, "/{page}": None}


NINJA = """
    from django.urls import path
    from ninja import NinjaAPI, Router
    from ninja.security import HttpBearer

    class Token(HttpBearer):
        def authenticate(self, request, token): ...

    api = NinjaAPI(auth=Token())
    open_router, closed = Router(), Router()

    @open_router.get("/a")
    def a(request): ...
    @open_router.get("/b", auth=Token())
    def b(request): ...
    @closed.get("/c")
    def c(request): ...
    @closed.get("/d", auth=None)
    def d(request): ...

    api.add_router("/open", open_router, auth=None)
    api.add_router("/closed", closed)
    urlpatterns = [path("", api.urls)]
    """


def test_auth_none_opens_a_ninja_router() -> None:
    assert protection(NINJA) == {
        "/open/a": False,
        "/open/b": True,
        "/closed/c": True,
        "/closed/d": False,
    }


def test_the_status_of_an_exception_class_that_also_has_a_code() -> None:
    source = """
        import functools
        from aiohttp import web

        class Failure(Exception):
            status = 400
            code = "bad"
        class Slow(Failure):
            status = 429
            code = "slow"

        def limited(handler):
            @functools.wraps(handler)
            async def wrapper(request):
                if await hits(request) > 5:
                    raise Slow()
                return await handler(request)
            return wrapper

        routes = web.RouteTableDef()
        @routes.post("/milk")
        @limited
        async def milk(request): ...
        app = web.Application()
        app.add_routes(routes)
        """
    (route,) = project_from({"app/main.py": source}).routes
    assert route.limits


LITESTAR = """
    from litestar import Litestar, get, post
    from litestar.security.jwt import JWTAuth

    async def find(token, connection): ...

    auth = JWTAuth(retrieve_user_handler=find, token_secret=load(), exclude=["^/open/", "^/schema"])

    @get("/open/doors")
    async def doors() -> dict: ...
    @post("/rooms/{room_id:uuid}")
    async def room(room_id: str) -> dict: ...
    @get("/ping", exclude_from_auth=True)
    async def ping() -> dict: ...

    app = Litestar([doors, room, ping], on_app_init=[auth.on_app_init])
    """


def test_a_litestar_security_backend() -> None:
    assert protection(LITESTAR) == {"/open/doors": False, "/rooms/{room_id:uuid}": True, "/ping": False}
    project = project_from({"app/main.py": LITESTAR})
    room = next(route for route in project.routes if route.name == "room")
    assert [(item.name, item.source) for item in room.parameters] == [("room_id", "path")]
