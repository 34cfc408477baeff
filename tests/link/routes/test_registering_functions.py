"""Routes that the project's own functions and methods register, and paths that its functions put together."""

from __future__ import annotations

import pytest

from backlint.testing.project import project_from


def addresses(files: dict[str, str] | str) -> list[str]:
    """`GET /a` for each mounted route, `GET /a?` for the others."""
    project = project_from({"app/main.py": files} if isinstance(files, str) else files)
    return sorted(
        f"{','.join(route.methods) or 'ANY'} {route.path}{'' if route.mounted else '?'}"
        for route in project.routes
    )


RESTFUL = """
    from flask import Flask
    from flask_restful import Api, Resource

    def scoped(path):
        return f"/v1{path}"

    class ScopedApi(Api):
        def add_scoped(self, resource, *urls, **kwargs):
            urls = [scoped(url) for url in urls]
            return self.add_resource(resource, *urls, **kwargs)

    api = ScopedApi()

    class Barn(Resource):
        def get(self, barn_id): ...
    class Barns(Resource):
        def post(self): ...

    api.add_scoped(Barn, "/barns/<barn_id>", "/stables/<barn_id>", endpoint="barn")
    api.add_scoped(Barns, "/barns")

    def create_app():
        app = Flask("x")
        api.init_app(app)
        return app
    """


def test_a_method_of_the_project_registers_resources() -> None:
    assert addresses(RESTFUL) == [
        "GET /v1/barns/<barn_id>",
        "GET /v1/stables/<barn_id>",
        "POST /v1/barns",
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            """
            from fastapi import FastAPI, APIRouter
            app = FastAPI()
            herds = APIRouter()

            @herds.get("/{herd_id}")
            async def herd(herd_id: int): ...

            def publish(application, router, prefix):
                application.include_router(router, prefix=f"/api{prefix}")

            publish(app, herds, "/herds")
            """,
            ["GET /api/herds/{herd_id}"],
            id="fastapi-include",
        ),
        pytest.param(
            """
            from aiohttp import web

            async def feed(request): ...
            async def weigh(request): ...

            def serve(app, path, handler):
                app.router.add_post(path, handler)

            app = web.Application()
            serve(app, "/feed", feed)
            serve(app, "/weigh", handler=weigh)
            """,
            ["POST /feed", "POST /weigh"],
            id="aiohttp-function",
        ),
        pytest.param(
            """
            from flask import Flask
            app = Flask("x")

            def crud(path, view, methods):
                app.add_url_rule(path, view_func=view, methods=methods)

            def milk(): ...
            crud("/milk", milk, ["GET", "PUT"])
            """,
            ["GET,PUT /milk"],
            id="flask-add_url_rule",
        ),
        pytest.param(
            """
            from sanic import Sanic
            app = Sanic("x")

            async def shear(request): ...

            def mount(handler, uri):
                app.add_route(handler, uri, methods=["POST"])

            mount(shear, "/shear")
            """,
            ["POST /shear"],
            id="sanic-add_route",
        ),
    ],
)
def test_functions_that_register_what_they_are_given(source: str, expected: list[str]) -> None:
    assert addresses(source) == expected


def test_a_function_that_may_give_two_paths_leaves_a_gap() -> None:
    source = """
        from flask import Flask
        from app import settings
        app = Flask("x")

        def scoped(rule):
            if settings.MANY:
                return "/<farm>{}".format(rule)
            return rule

        @app.route(scoped("/fields/<field_id>"))
        def field(field_id): ...
        """
    assert addresses({"app/main.py": source, "app/settings.py": "MANY = load()"}) == [
        "GET /…/fields/<field_id>"
    ]


def test_a_path_from_a_library_stays_unknown() -> None:
    source = """
        from flask import Flask
        from slugs import make
        app = Flask("x")

        @app.route(make("/fields"))
        def field(): ...
        """
    assert addresses(source) == ["GET /…"]


def test_a_view_that_nobody_passes_is_no_route() -> None:
    source = """
        from flask import Flask
        app = Flask("x")

        def publish(path, view):
            app.add_url_rule(path, view_func=view)
        """
    assert addresses(source) == []


def test_a_route_decorator_that_is_called_by_hand() -> None:
    source = """
        from fastapi import APIRouter, FastAPI
        app = FastAPI()
        docks = APIRouter(prefix="/docks")

        async def moor(): ...
        if settings.OPEN:
            moor = docks.post("/moor")(moor)
        app.include_router(docks)
        """
    assert addresses(source) == ["POST /docks/moor"]
