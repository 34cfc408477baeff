"""Addresses and handlers of FastAPI, Flask, Django and DRF, with prefixes from other files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.testing.project import project_from

if TYPE_CHECKING:
    from backlint.link.project import Project


def urls(project: Project) -> set[str]:
    return {
        f"{','.join(route.methods) or '*'} {route.path}{'' if route.mounted else ' ?'} {route.name}"
        for route in project.routes
    }


def test_fastapi_prefixes_add_up_across_files() -> None:
    project = project_from(
        {
            "app/users.py": """
                from fastapi import APIRouter
                router = APIRouter(prefix="/users")

                @router.get("/{user_id}")
                async def read(user_id: int): ...

                @router.api_route("", methods=["POST", "PUT"])
                async def write(): ...
                """,
            "app/api.py": """
                from fastapi import APIRouter
                from app.users import router as users
                from app.config import settings

                api = APIRouter()
                api.include_router(users, prefix="/v1")
                """,
            "app/config.py": """
                class Settings:
                    API: str = "/api"
                settings = Settings()
                """,
            "app/main.py": """
                from fastapi import FastAPI
                from app.api import api
                from app.config import settings

                def create_app():
                    app = FastAPI()
                    app.include_router(api, prefix=settings.API)

                    @app.get("/health")
                    def health(): ...

                    return app
                """,
        }
    )
    assert urls(project) == {
        "GET /api/v1/users/{user_id} read",
        "POST,PUT /api/v1/users write",
        "GET /health create_app.<locals>.health",
    }


def test_two_routers_of_one_file_are_told_apart() -> None:
    project = project_from(
        {
            "app/main.py": """
                from fastapi import APIRouter, FastAPI
                a = APIRouter()
                b = APIRouter()

                @a.get("/x")
                def x(): ...

                @b.get("/y")
                def y(): ...

                app = FastAPI()
                app.include_router(a, prefix="/a")
                """
        }
    )
    assert urls(project) == {"GET /a/x x", "GET /y ? y"}


def test_unknown_prefix_is_unknown() -> None:
    project = project_from(
        {
            "app/main.py": """
                import os
                from fastapi import APIRouter, FastAPI
                router = APIRouter(prefix=os.environ["PREFIX"])

                @router.get("/x")
                def x(): ...

                app = FastAPI()
                app.include_router(router)
                """
        }
    )
    assert urls(project) == {"GET /…/x x"}


def test_flask_blueprints_nest_and_are_overridden() -> None:
    project = project_from(
        {
            "app/admin.py": """
                from flask import Blueprint
                admin = Blueprint("admin", __name__, url_prefix="/admin")
                child = Blueprint("child", __name__, url_prefix="/child")
                admin.register_blueprint(child)

                @admin.route("/", methods=["GET", "POST"])
                def index(): ...

                @child.get("/<int:id>")
                def one(id): ...
                """,
            "app/main.py": """
                from flask import Flask
                from flask.views import MethodView

                class Things(MethodView):
                    def get(self): ...
                    def post(self): ...
                    def helper(self): ...

                def create_app():
                    app = Flask(__name__)
                    register(app)
                    app.add_url_rule("/things", view_func=Things.as_view("things"))
                    return app

                def register(app):
                    from app.admin import admin
                    app.register_blueprint(admin, url_prefix="/backoffice")
                """,
        }
    )
    assert urls(project) == {
        "GET,POST /backoffice/ index",
        "GET /backoffice/child/<int:id> one",
        "GET /things Things.get",
        "POST /things Things.post",
    }
    handlers = {
        function.name for function in project.functions if function.index and project.is_handler(function)
    }
    assert handlers == {"index", "one", "Things.get", "Things.post"}


def test_restx_namespaces() -> None:
    project = project_from(
        {
            "app/api.py": """
                from flask import Blueprint
                from flask_restx import Api, Namespace, Resource
                bp = Blueprint("api", __name__, url_prefix="/api")
                api = Api(bp)
                users = Namespace("users")
                teams = Namespace("teams")

                @users.route("/<int:id>")
                class User(Resource):
                    def get(self, id): ...

                @teams.route("")
                class Teams(Resource):
                    def post(self): ...

                api.add_namespace(users)
                api.add_namespace(teams, "/groups")
                """,
            "app/main.py": """
                from flask import Flask
                from app.api import bp
                app = Flask(__name__)
                app.register_blueprint(bp)
                """,
        }
    )
    assert urls(project) == {"GET /api/users/<int:id> User.get", "POST /api/groups Teams.post"}


def test_django_urls_are_included() -> None:
    project = project_from(
        {
            "manage.py": "",
            "site/settings.py": 'ROOT_URLCONF = "site.urls"\n',
            "site/urls.py": """
                from django.contrib.auth.decorators import login_required
                from django.urls import include, path, re_path
                from shop import views

                urlpatterns = [
                    path("shop/", include("shop.urls")),
                    re_path(r"^old/(?P<year>[0-9]{4})/$", views.old),
                ]
                urlpatterns += [path("secret/", login_required(views.Secret.as_view()))]
                """,
            "shop/__init__.py": "",
            "shop/urls.py": """
                from django.urls import include, path
                from rest_framework.routers import DefaultRouter
                from shop import views, api

                router = DefaultRouter()
                router.register("orders", api.OrderViewSet)
                inner = ([path("two/", views.two)], "inner")
                urlpatterns = [
                    path("", views.index), path("one/", include(inner)), path("api/", include(router.urls))
                ]
                """,
            "shop/views.py": """
                from django.views import View
                def index(request): ...
                def old(request, year): ...
                def two(request): ...
                class Secret(View):
                    def get(self, request): ...
                """,
            "shop/api.py": """
                from rest_framework import viewsets
                from rest_framework.decorators import action

                class OrderViewSet(viewsets.ReadOnlyModelViewSet):
                    lookup_field = "number"
                    def retrieve(self, request, number): ...
                    def get_queryset(self): ...

                    @action(detail=True, methods=["post"], url_path="pay")
                    def pay_now(self, request, number): ...
                """,
        }
    )
    assert urls(project) == {
        "* /shop/ index",
        "* /shop/one/two/ two",
        "GET /shop/api/orders/ OrderViewSet",
        "GET /shop/api/orders/{number}/ OrderViewSet.retrieve",
        "POST /shop/api/orders/{number}/pay/ OrderViewSet.pay_now",
        "* /old/<year>/ old",
        "GET /secret/ Secret.get",
    }


def test_jobs() -> None:
    project = project_from(
        {
            "app/jobs.py": """
                from celery import shared_task
                from rq import Queue
                from apscheduler.schedulers.background import BackgroundScheduler

                queue = Queue()
                scheduler = BackgroundScheduler()

                @shared_task
                def a(): ...

                def b(): ...
                def c(): ...
                def d(): ...

                @scheduler.scheduled_job("interval", minutes=5)
                def e(): ...

                queue.enqueue(b, 1)
                scheduler.add_job(c, "cron")
                """
        }
    )
    names = {project.graph.functions[key].name for key in project.jobs}
    assert names == {"a", "b", "c", "e"}
