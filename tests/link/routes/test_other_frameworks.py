"""Starlette, aiohttp, Sanic, Litestar, Django Ninja and GraphQL."""

from __future__ import annotations

import pytest

from backlint.link.routes.context import Context
from backlint.link.routes.graphql import find_loaders
from backlint.testing.project import project_from

STARLETTE = """
    from starlette.applications import Starlette
    from starlette.endpoints import HTTPEndpoint
    from starlette.routing import Mount, Route, WebSocketRoute

    async def home(request): ...
    async def chat(socket): ...
    class Users(HTTPEndpoint):
        async def get(self, request): ...
        async def post(self, request): ...
    inner = [Route("/users", Users)]
    app = Starlette(routes=[
        Route("/", home, methods=["GET", "HEAD"]), Mount("/api", routes=inner), WebSocketRoute("/ws", chat)
    ])
    """
AIOHTTP = """
    from aiohttp import web
    routes = web.RouteTableDef()

    @routes.get("/a")
    async def a(request): ...
    async def b(request): ...
    async def c(request): ...
    class V(web.View):
        async def put(self): ...

    def make():
        sub = web.Application()
        sub.router.add_post("/b/{id}", b)
        app = web.Application()
        app.add_routes(routes)
        app.add_routes([web.delete("/c", c), web.view("/v", V)])
        app.add_subapp("/sub", sub)
        return app
    """
SANIC = """
    from sanic import Blueprint, Sanic
    app = Sanic("x")
    users = Blueprint("users", url_prefix="/users")
    posts = Blueprint("posts", url_prefix="/posts")
    api = Blueprint.group(users, posts, url_prefix="/api")

    @users.get("/<id:int>")
    async def user(request, id): ...

    @posts.route("/", methods=["POST"])
    async def post(request): ...
    async def plain(request): ...
    app.add_route(plain, "/plain", methods=["GET"])
    app.blueprint(api)
    """
LITESTAR = """
    from litestar import Controller, Litestar, Router, get, post

    @get("/health")
    async def health() -> dict: ...

    class Orders(Controller):
        path = "/orders"

        @get("/{order_id:int}")
        async def one(self, order_id: int) -> dict: ...

        @post()
        async def create(self, data: dict) -> dict: ...

    @get("/lost")
    async def lost() -> dict: ...

    api = Router(path="/api", route_handlers=[Orders])
    app = Litestar(route_handlers=[health, api])
    """
NINJA = """
    from django.urls import path
    from ninja import NinjaAPI, Router, Schema
    from ninja.security import HttpBearer

    class Auth(HttpBearer):
        def authenticate(self, request, token): ...

    class In(Schema):
        name: str

    api = NinjaAPI(auth=Auth())
    router = Router()

    @router.post("/items/{item_id}")
    def create(request, item_id: int, data: In): ...

    @api.get("/open", auth=None)
    def free(request): ...

    api.add_router("/v1/", router)
    urlpatterns = [path("api/", api.urls)]
    """


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            STARLETTE,
            {
                "GET,HEAD / home",
                "GET /api/users Users.get",
                "POST /api/users Users.post",
                "WEBSOCKET /ws chat",
            },
        ),
        (AIOHTTP, {"GET /a a", "POST /sub/b/{id} b", "DELETE /c c", "PUT /v V.put"}),
        (SANIC, {"GET /api/users/<id:int> user", "POST /api/posts/ post", "GET /plain plain"}),
        (
            LITESTAR,
            {
                "GET /health health",
                "GET /api/orders/{order_id:int} Orders.one",
                "POST /api/orders Orders.create",
                "GET /lost ? lost",
            },
        ),
        (NINJA, {"POST /api/v1/items/{item_id} create", "GET /api/open free"}),
    ],
)
def test_addresses(source: str, expected: set[str]) -> None:
    project = project_from({"app/main.py": source})
    found = {
        f"{','.join(route.methods)} {route.path}{'' if route.mounted else ' ?'} {route.name}"
        for route in project.routes
    }
    assert found == expected


def test_ninja_auth_of_the_operation_replaces_that_of_the_api() -> None:
    project = project_from({"app/main.py": NINJA})
    protected = {route.name: route.is_protected for route in project.routes}
    assert protected == {"create": True, "free": False}
    create = next(route for route in project.routes if route.name == "create")
    assert create.body == "app.main.In"
    assert [item.source.value for item in create.parameters] == ["request", "path", "body"]


STRAWBERRY = """
    import strawberry
    from strawberry.dataloader import DataLoader

    async def load_users(keys): ...
    loader = DataLoader(load_fn=load_users)

    @strawberry.type
    class User:
        name: str

        @strawberry.field
        def posts(self) -> list[str]: ...

    def resolve_me() -> User: ...

    @strawberry.type
    class Query:
        me: User = strawberry.field(resolver=resolve_me)

        @strawberry.field
        def users(self) -> list[User]: ...

    schema = strawberry.Schema(query=Query)
    """
GRAPHENE = """
    import graphene

    class UserType(graphene.ObjectType):
        posts = graphene.List(graphene.String)
        def resolve_posts(self, info): ...

    class UserQueries(graphene.ObjectType):
        def resolve_users(self, info): ...

    class Query(UserQueries, graphene.ObjectType):
        def resolve_me(self, info): ...

    class CreateUser(graphene.Mutation):
        def mutate(self, info, name): ...

    schema = graphene.Schema(query=Query)
    """
ARIADNE = """
    from ariadne import MutationType, ObjectType, QueryType
    query = QueryType()
    user = ObjectType("User")

    @query.field("users")
    def users(_, info): ...

    @user.field("posts")
    def posts(obj, info): ...
    """


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (STRAWBERRY, {"QUERY Query.me", "QUERY Query.users", "FIELD User.posts"}),
        (
            GRAPHENE,
            {
                "FIELD UserType.posts",
                "QUERY UserQueries.users",
                "QUERY Query.me",
                "MUTATION CreateUser.mutate",
            },
        ),
        (ARIADNE, {"QUERY Query.users", "FIELD User.posts"}),
    ],
)
def test_graphql_root_fields_and_resolvers(source: str, expected: set[str]) -> None:
    project = project_from({"app/schema.py": source})
    assert {f"{route.methods[0]} {route.path}" for route in project.routes} == expected


def test_data_loaders() -> None:
    project = project_from({"app/schema.py": STRAWBERRY})
    keys = find_loaders(Context(project))
    assert [project.graph.functions[key].name for key in keys] == ["load_users"]
