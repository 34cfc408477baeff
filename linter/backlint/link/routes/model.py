"""What is known of a request handler: its address, what it is given and what guards it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from backlint.effect import Role
from backlint.finding import Span
from backlint.link.graph import FunctionKey
from backlint.link.routes.conditions import Condition
from backlint.link.routes.path_tests import UNKNOWN_PART, PathTest
from backlint.link.values import Value


class RouteKind(StrEnum):
    HTTP = "http"
    WEBSOCKET = "websocket"
    GRAPHQL_ROOT = "graphql-root"
    """A field of the query, mutation or subscription type: runs once a request."""
    GRAPHQL_FIELD = "graphql-field"
    """A field of another type: runs once for every parent object."""


class ParameterSource(StrEnum):
    PATH = "path"
    QUERY = "query"
    BODY = "body"
    FORM = "form"
    FILE = "file"
    HEADER = "header"
    COOKIE = "cookie"
    DEPENDENCY = "dependency"
    REQUEST = "request"
    """The request, response or another object that the framework makes itself."""
    UNKNOWN = "unknown"


class GuardKind(StrEnum):
    DEPENDENCY = "dependency"
    DECORATOR = "decorator"
    MIDDLEWARE = "middleware"
    HOOK = "hook"
    """A function that runs before every request of an application or blueprint."""
    PERMISSION = "permission"
    AUTHENTICATION = "authentication"
    """Says who calls, by itself without refusing anybody (DRF's authentication classes)."""
    THROTTLE = "throttle"
    MIXIN = "mixin"
    AUTH = "auth"
    """An `auth=` argument, as of Django Ninja."""


class RouteParameter(msgspec.Struct, frozen=True):
    name: str
    source: ParameterSource
    annotation: Value
    """A value of the annotated type; UNKNOWN without one."""
    term: int = -1
    """The annotation, in the handler's file; -1 without one."""


class Guard(msgspec.Struct, frozen=True):
    """Something that runs before the handler and may refuse the request."""

    kind: GuardKind
    symbol: str
    """Absolute name of what guards; as written where that is unknown, empty of `auth=None`."""
    path: str
    span: Span
    """Where it is put on the route."""
    level: str
    """`settings`, `app`, `router`, `include`, `class`, `route`, or `dependency` for one of another's own."""
    roles: tuple[Role, ...] = ()
    unresolved: bool = False
    """What it does can't be known: it may authenticate. `roles` is empty then."""
    function: FunctionKey | None = None
    """The project function that runs, where there is one."""
    given: tuple[str, ...] = ()
    """The constants that it is made with, as text: the roles of `require_role("owner", "editor")`."""
    exempts: tuple[PathTest, ...] = ()
    """Addresses at which it asks nothing; a route has its guards without those that leave it alone."""
    optional: bool = False
    """It asks who calls, and lets those through who show nothing: the route is meant for strangers too."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One handler at one address."""

    kind: RouteKind = RouteKind.HTTP
    framework: str
    """The import name of the framework."""
    methods: tuple[str, ...]
    """In capitals; empty for any method."""
    path: str
    """With every prefix on the way, as the framework spells parameters; `…` for what is not known."""
    mounted: bool
    """Whether the way from an application to the handler was found; if not, `path` may lack a prefix."""
    handler: FunctionKey | None
    """None where the library's own code answers (a generic view without that method)."""
    view: str = ""
    """Absolute name of the view class."""
    name: str
    """What the handler is called, for people."""
    location: tuple[str, Span]
    """Path and span of the handler, or of the class or registration where the library answers."""
    hooks: tuple[FunctionKey, ...] = ()
    """Project methods that a library's view runs for this request, such as `get_queryset`."""
    parameters: tuple[RouteParameter, ...] = ()
    body: str = ""
    """Absolute name of the class that the request's body is read into."""
    response: str = ""
    """Absolute name of the class of what is answered."""
    guards: tuple[Guard, ...] = ()
    conditions: tuple[Condition, ...] = ()
    """The `if`s under which it is registered and mounted; none for a route that is always there."""

    @property
    def is_for_development(self) -> bool:
        """Whether a condition says that it is there only in development or tests."""
        return any(condition.development for condition in self.conditions)

    @property
    def authentication(self) -> tuple[Guard, ...]:
        """Guards that let nobody in who hasn't proved who they are."""
        return tuple(guard for guard in self.guards if Role.AUTHENTICATES in guard.roles)

    @property
    def authorisation(self) -> tuple[Guard, ...]:
        """Guards that ask what the caller may do."""
        return tuple(guard for guard in self.guards if Role.AUTHORISES in guard.roles)

    @property
    def limits(self) -> tuple[Guard, ...]:
        """Guards that bound how often the route may be called."""
        return tuple(guard for guard in self.guards if Role.LIMITS_RATE in guard.roles)

    @property
    def is_protected(self) -> bool | None:
        """Whether a guard refuses strangers; None where that can't be known."""
        if self.authentication or self.authorisation:
            return True
        return None if any(guard.unresolved for guard in self.guards) else False

    @property
    def is_marked_public(self) -> bool:
        """Whether the code says of the route, or of its router, that everybody may call it."""
        return any(guard.kind is GuardKind.AUTH and not guard.symbol for guard in self.guards)

    @property
    def is_admin_path(self) -> bool:
        """Whether a part of the path says that it is for administrators or staff."""
        parts = self.path.lower().replace("_", "-").split("/")
        return any(part in _ADMIN or part.startswith(("admin-", "internal-")) for part in parts)


_ADMIN = frozenset(
    {"admin", "admins", "administration", "administrator", "internal", "staff", "backoffice", "superuser"}
)

__all__ = [
    "UNKNOWN_PART",
    "Guard",
    "GuardKind",
    "ParameterSource",
    "Route",
    "RouteKind",
    "RouteParameter",
]
