"""What guards a route, by framework; what can't be known stays unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.testing.project import project_from

if TYPE_CHECKING:
    from backlint.link.project import Project
    from backlint.link.routes.model import Route


def route(project: Project, name: str) -> Route:
    return next(route for route in project.routes if route.name == name)


def guards(found: Route) -> list[str]:
    return [
        f"{guard.symbol.rpartition('.')[2]}:{'+'.join(guard.roles)}{'?' if guard.unresolved else ''}"
        for guard in found.guards
    ]


FASTAPI_AUTH = """
    import jwt
    from typing import Annotated
    from fastapi import Depends, Header, HTTPException, status

    def get_token(authorization: str = Header(...)): return authorization

    def get_user(token: str = Depends(get_token)):
        try:
            return jwt.decode(token, "k", algorithms=["HS256"])
        except jwt.PyJWTError:
            raise HTTPException(status_code=status.HTTP_401_UNAUTHORIZED)

    def get_admin(user=Depends(get_user)):
        if not user.is_admin:
            raise HTTPException(403)
        return user

    def optional_user(token: str | None = Header(None)):
        if token is None:
            return None
        user = find(token)
        if user is None:
            raise HTTPException(401)
        return user

    def find(token): ...
    def get_db(): yield 1

    CurrentUser = Annotated[dict, Depends(get_user)]
    """


@pytest.mark.parametrize(
    ("source", "expected", "protected"),
    [
        ("@app.get('/')\ndef f(user: CurrentUser): ...", ["get_user:authenticates", "get_token:"], True),
        (
            "@app.get('/', dependencies=[Depends(get_admin)])\ndef f(): ...",
            ["get_admin:authorises", "get_user:authenticates", "get_token:"],
            True,
        ),
        ("@app.get('/')\ndef f(db=Depends(get_db)): ...", ["get_db:"], False),
        ("@app.get('/')\ndef f(user=Depends(optional_user)): ...", ["optional_user:"], False),
        (
            (
                "from gatehouse import Gate\nusers = Gate()\n"
                "@app.get('/')\ndef f(user=Depends(users.current_user(active=True))): ..."
            ),
            ["current_user():?"],
            None,
        ),
        (
            (
                "from fastapi_users import FastAPIUsers\nusers = FastAPIUsers()\n"
                "@app.get('/')\ndef f(user=Depends(users.current_user(active=True))): ..."
            ),
            ["Authenticated:authenticates"],
            True,
        ),
        (
            (
                "from fastapi_users import FastAPIUsers\nusers = FastAPIUsers()\n"
                "@app.get('/')\ndef f(user=Depends(users.current_user(optional=True))): ..."
            ),
            ["Authenticated:"],
            False,
        ),
    ],
)
def test_fastapi_dependencies(source: str, expected: list[str], protected: bool | None) -> None:
    head = "from fastapi import FastAPI, Depends\nfrom app.auth import *\napp = FastAPI()\n"
    project = project_from({"app/auth.py": FASTAPI_AUTH, "app/main.py": head + source + "\n"})
    found = route(project, "f")
    assert guards(found) == expected
    assert found.is_protected is protected


def test_fastapi_guards_of_app_include_and_router_come_first() -> None:
    project = project_from(
        {
            "app/auth.py": FASTAPI_AUTH,
            "app/main.py": """
                from fastapi import APIRouter, Depends, FastAPI
                from app.auth import get_admin, get_db, get_token, get_user
                router = APIRouter(dependencies=[Depends(get_db)])

                @router.get("/x")
                def x(): ...

                app = FastAPI(dependencies=[Depends(get_token)])
                app.include_router(router, dependencies=[Depends(get_user)])
                """,
        }
    )
    assert [(guard.level, guard.symbol) for guard in route(project, "x").guards] == [
        ("app", "app.auth.get_token"),
        ("include", "app.auth.get_user"),
        ("dependency", "app.auth.get_token"),
        ("router", "app.auth.get_db"),
    ]


def test_project_decorator_of_flask() -> None:
    project = project_from(
        {
            "app/guards.py": """
                import functools
                from flask import abort, redirect, url_for
                from app.config import AccountVisibility, get_config
                from app.users import authed, is_admin

                def admins_only(f):
                    @functools.wraps(f)
                    def wrapper(*args, **kwargs):
                        if is_admin():
                            return f(*args, **kwargs)
                        abort(403)
                    return wrapper

                def authed_only(f):
                    @functools.wraps(f)
                    def wrapper(*args, **kwargs):
                        if authed():
                            return f(*args, **kwargs)
                        return redirect(url_for("auth.login"))
                    return wrapper

                def if_private(f):
                    @functools.wraps(f)
                    def wrapper(*args, **kwargs):
                        if get_config(AccountVisibility.ACCOUNTS) == AccountVisibility.PUBLIC:
                            return f(*args, **kwargs)
                        if authed():
                            return f(*args, **kwargs)
                        abort(401)
                    return wrapper

                def slow_down(f):
                    @functools.wraps(f)
                    def wrapper(*args, **kwargs):
                        if count() > 10:
                            return "slow down", 429
                        return f(*args, **kwargs)
                    return wrapper

                def timed(f):
                    @functools.wraps(f)
                    def wrapper(*args, **kwargs):
                        return f(*args, **kwargs)
                    return wrapper

                def count(): ...
                """,
            "app/users.py": "def authed(): ...\ndef is_admin(): ...\n",
            "app/config.py": "def get_config(key): ...\nclass AccountVisibility:\n    PUBLIC = 1\n    ACCOUNTS = 2\n",
            "app/main.py": """
                from flask import Flask
                from app.guards import *
                app = Flask(__name__)

                @app.route("/a")
                @admins_only
                def a(): ...

                @app.route("/b")
                @authed_only
                def b(): ...

                @app.route("/c")
                @if_private
                def c(): ...

                @app.route("/d")
                @slow_down
                @timed
                def d(): ...

                @authed_only
                @app.route("/e")
                def e(): ...
                """,
        }
    )
    assert guards(route(project, "a")) == ["admins_only:authorises"]
    assert guards(route(project, "b")) == ["authed_only:authenticates"]
    assert guards(route(project, "c")) == ["if_private:?"]
    assert guards(route(project, "d")) == ["slow_down:limits-rate", "timed:"]
    assert [guard.symbol for guard in route(project, "d").limits] == ["app.guards.slow_down"]
    assert guards(route(project, "e")) == [], "a decorator above the route does not guard it"


def test_flask_hooks_guard_their_blueprint() -> None:
    project = project_from(
        {
            "app/main.py": """
                from flask import Blueprint, Flask, abort, g, request
                private = Blueprint("private", __name__)
                public = Blueprint("public", __name__)

                @private.before_request
                def require_login():
                    if g.user is None:
                        abort(401)

                @private.get("/x")
                def x(): ...

                @public.get("/y")
                def y(): ...

                app = Flask(__name__)
                app.register_blueprint(private)
                app.register_blueprint(public)
                """
        }
    )
    assert guards(route(project, "x")) == ["require_login:authenticates"]
    assert route(project, "y").is_protected is False


def test_a_hook_with_exempt_endpoints_asks_at_the_others() -> None:
    project = project_from(
        {
            "app/main.py": """
                from flask import Flask, abort, g, request
                app = Flask(__name__)

                @app.before_request
                def require_login():
                    if request.endpoint in ("home", "about"):
                        return
                    if g.user is None:
                        abort(401)

                @app.get("/")
                def home(): ...

                @app.get("/x")
                def x(): ...
                """
        }
    )
    assert guards(route(project, "x")) == ["require_login:authenticates"]
    assert route(project, "home").is_protected is False


DRF = {
    "manage.py": "",
    "site/__init__.py": "",
    "site/settings.py": """
        REST_FRAMEWORK = {
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
            "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.AnonRateThrottle"],
        }
        """,
    "site/urls.py": """
        from django.urls import path
        from shop import views
        urlpatterns = [
            path("default/", views.Default.as_view()),
            path("open/", views.Open.as_view()),
            path("owner/", views.Owned.as_view()),
            path("computed/", views.Computed.as_view()),
            path("function/", views.function),
            path("mixin/", views.Page.as_view()),
        ]
        """,
    "shop/__init__.py": "",
    "shop/permissions.py": """
        from rest_framework.permissions import BasePermission
        class IsOwner(BasePermission):
            def has_permission(self, request, view):
                return request.user.is_authenticated and request.user.role == "owner"
        """,
    "shop/views.py": """
        from django.contrib.auth.mixins import LoginRequiredMixin
        from django.views import View
        from rest_framework.decorators import api_view, permission_classes
        from rest_framework.permissions import AllowAny, IsAdminUser, IsAuthenticated
        from rest_framework.views import APIView
        from shop.permissions import IsOwner

        class Default(APIView):
            def get(self, request): ...

        class Open(APIView):
            permission_classes = [AllowAny]
            throttle_classes = []
            def get(self, request): ...

        class Base(APIView):
            permission_classes = [IsOwner]
            throttle_classes = []

        class Owned(Base):
            def get(self, request): ...

        class Computed(APIView):
            throttle_classes = []
            def get_permissions(self):
                if self.request.method == "GET":
                    return [AllowAny()]
                return [IsAuthenticated()]
            def post(self, request): ...

        @api_view(["POST"])
        @permission_classes([IsAdminUser])
        def function(request): ...

        class Page(LoginRequiredMixin, View):
            def get(self, request): ...
        """,
}


@pytest.mark.parametrize(
    ("name", "expected", "protected"),
    [
        ("Default.get", ["IsAuthenticated:authenticates", "AnonRateThrottle:limits-rate"], True),
        ("Open.get", ["AllowAny:"], False),
        ("Owned.get", ["IsOwner:authenticates+authorises"], True),
        ("Computed.post", ["get_permissions:?"], None),
        ("function", ["IsAdminUser:authenticates+authorises", "AnonRateThrottle:limits-rate"], True),
        ("Page.get", ["LoginRequiredMixin:authenticates"], True),
    ],
)
def test_drf_and_django_classes(name: str, expected: list[str], protected: bool | None) -> None:
    found = route(project_from(DRF), name)
    assert guards(found) == expected
    assert found.is_protected is protected


def test_parameters_and_schemas_of_fastapi() -> None:
    project = project_from(
        {
            "app/main.py": """
                from typing import Annotated
                from fastapi import Body, Depends, FastAPI, File, Header, Query, Request, UploadFile
                from pydantic import BaseModel

                class Item(BaseModel):
                    name: str

                class Out(BaseModel): ...

                def get_db(): ...
                Db = Annotated[object, Depends(get_db)]
                app = FastAPI()

                @app.post("/items/{item_id}", response_model=list[Out])
                def create(
                    item_id: int, item: Item, q: str, db: Db, request: Request, upload: UploadFile,
                    token: Annotated[str, Header()], page: int = Query(1), flag: bool = Body(...), odd: Mystery = None,
                ): ...
                """
        }
    )
    found = route(project, "create")
    assert {item.name: item.source.value for item in found.parameters} == {
        "item_id": "path",
        "item": "body",
        "q": "query",
        "db": "dependency",
        "request": "request",
        "upload": "file",
        "token": "header",
        "page": "query",
        "flag": "body",
        "odd": "unknown",
    }
    assert (found.body, found.response) == ("app.main.Item", "app.main.Out")


def test_admin_paths() -> None:
    project = project_from(
        {
            "app/main.py": """
                from fastapi import FastAPI
                app = FastAPI()

                @app.get("/api/admin/users")
                def a(): ...

                @app.get("/administrators-guide")
                def b(): ...
                """
        }
    )
    assert route(project, "a").is_admin_path
    assert not route(project, "b").is_admin_path


def test_django_middleware_guards_where_it_refuses() -> None:
    project = project_from(
        {
            "manage.py": "",
            "site/__init__.py": "",
            "site/settings.py": """
                MIDDLEWARE = [
                    "corsheaders.middleware.CorsMiddleware",
                    "site.middleware.SignIn",
                    "site.middleware.Refuse",
                ]
                """,
            "site/middleware.py": """
                from django.contrib import auth
                from django.http import HttpResponseForbidden

                class SignIn:
                    def __init__(self, get_response): self.get_response = get_response
                    def __call__(self, request):
                        user = auth.authenticate(request, remote_user="x")
                        return self.get_response(request)

                class Refuse:
                    def __init__(self, get_response): self.get_response = get_response
                    def __call__(self, request):
                        if not request.user.is_staff:
                            return HttpResponseForbidden()
                        return self.get_response(request)
                """,
            "site/urls.py": """
                from django.urls import path
                from site import views
                urlpatterns = [path("x/", views.x)]
                """,
            "site/views.py": "def x(request): ...\n",
        }
    )
    assert guards(route(project, "x")) == ["Refuse:authorises"]


def test_decorators_of_unknown_libraries() -> None:
    project = project_from(
        {
            "app/main.py": """
                from flask import Flask
                from apidocs import describe
                from company_auth import needs_role
                app = Flask(__name__)

                @app.get("/a")
                @describe("x")
                def a(): ...

                @app.get("/b")
                @needs_role("x")
                def b(): ...
                """
        }
    )
    assert guards(route(project, "a")) == []
    assert guards(route(project, "b")) == ["needs_role:?"]


def test_views_of_unknown_libraries_are_unknown() -> None:
    project = project_from(
        {
            "site/urls.py": """
                from django.urls import include, path
                from other.views import Docs
                urlpatterns = [path("docs/", Docs.as_view()), path("x/", include("other.urls"))]
                """,
        }
    )
    assert {found.path: found.is_protected for found in project.routes} == {"/docs/": None, "/x/…": None}


HELPER = """
    from functools import wraps
    from django.http import JsonResponse

    def error(text, status=400):
        return JsonResponse({"error": text}, status=status)

    def keyed(view):
        @wraps(view)
        def wrapper(request, *args, **kwargs):
            if len(request.headers.get("X-Key", "")) != 32:
                return error("no key", CODE)
            return view(request, *args, **kwargs)
        return wrapper
    """


@pytest.mark.parametrize(
    ("code", "expected"),
    [("401", ["keyed:authenticates"]), ("status=401", ["keyed:authenticates"]), ("404", ["keyed:"])],
)
def test_a_refusal_that_a_helper_makes(code: str, expected: list[str]) -> None:
    project = project_from(
        {
            "manage.py": "",
            "site/__init__.py": "",
            "site/guard.py": HELPER.replace("CODE", code),
            "site/urls.py": """
                from django.urls import path
                from site.guard import keyed
                @keyed
                def rooms(request): ...
                urlpatterns = [path("rooms/", rooms)]
                """,
        }
    )
    assert guards(route(project, "rooms")) == expected
