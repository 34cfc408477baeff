"""Routers and blueprints that are mounted in a loop over a display."""

import pytest

from backlint.testing import project_from


def addresses(files: dict[str, str]) -> set[str]:
    return {route.path for route in project_from(files).routes if route.mounted}


def test_fastapi_routers_in_a_tuple() -> None:
    found = addresses(
        {
            "app/a.py": """
                from fastapi import APIRouter

                router = APIRouter(prefix="/a")

                @router.get("/x")
                def x():
                    return 1
            """,
            "app/main.py": """
                from fastapi import APIRouter, FastAPI

                from app import a

                app = FastAPI()
                other = APIRouter(prefix="/b")

                @other.get("/y")
                def y():
                    return 1

                for router in (a.router, other):
                    app.include_router(router, prefix="/api")
            """,
        }
    )
    assert found == {"/api/a/x", "/api/b/y"}


def test_flask_blueprints_of_modules_in_a_factory() -> None:
    found = addresses(
        {
            "app/shop.py": """
                from flask import Blueprint

                bp = Blueprint("shop", __name__)

                @bp.get("/items")
                def items():
                    return "x"
            """,
            "app/__init__.py": """
                from flask import Flask

                def create_app():
                    app = Flask(__name__)
                    from . import shop

                    for module in (shop,):
                        app.register_blueprint(module.bp, url_prefix="/api")
                    return app
            """,
        }
    )
    assert found == {"/api/items"}


def test_a_loop_over_something_computed_mounts_nothing_known() -> None:
    found = addresses(
        {
            "app/main.py": """
                from fastapi import APIRouter, FastAPI

                app = FastAPI()
                router = APIRouter()

                @router.get("/y")
                def y():
                    return 1

                for each in find_routers():
                    app.include_router(each)
            """,
        }
    )
    assert found == set()


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        (
            'for bp, at in ((cows, "/c"), (hens, "/h")):\n            app.register_blueprint(bp, url_prefix=at)',
            ["/c/all", "/h/all"],
        ),
        (
            "for bp in (cows, hens): app.register_blueprint(bp, url_prefix=f\"/api{bp.url_prefix or ''}\")",
            ["/api/all", "/api/hens/all"],
        ),
        (
            "for bp in (cows, hens):\n            app.register_blueprint(bp, url_prefix=prefix_of(bp))",
            ["/…/all", "/…/all"],
        ),
    ],
)
def test_the_prefix_belongs_to_the_pass(loop: str, expected: list[str]) -> None:
    source = f"""
    from flask import Blueprint, Flask
    cows = Blueprint("cows", __name__)
    hens = Blueprint("hens", __name__, url_prefix="/hens")

    @cows.get("/all")
    def all_cows(): ...
    @hens.get("/all")
    def all_hens(): ...

    def create_app():
        app = Flask(__name__)
        {loop}
        return app
    """
    project = project_from({"app/main.py": source})
    assert sorted(route.path for route in project.routes) == expected
