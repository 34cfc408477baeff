"""What the rules about access share: what a route is for, told by its address and handler."""

import re

from backlint.api import (
    CallSite,
    ClassValue,
    Effect,
    LinkedFunction,
    Project,
    Role,
    Route,
    RouteKind,
    Span,
    options,
)

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_CHECKS_FIELDS = re.compile(r"clean|validate|is_valid")
_MANY = 40
_LOGIN = frozenset({"login", "signin", "logon", "authenticate"})
_TOKEN = frozenset(
    {
        "token",
        "tokens",
        "get",
        "obtain",
        "create",
        "issue",
        "access",
        "auth",
        "jwt",
        "for",
        "user",
        "post",
        "view",
    }
)
"""An endpoint that gives out tokens is called nothing else."""
_OF_A_SESSION = frozenset({"auth", "token", "tokens", "jwt", "session", "access", "login"})
_REGISTER = frozenset({"register", "registration", "signup"})
_SECOND_FACTOR = frozenset({"otp", "totp", "2fa", "mfa"})
_LOOKS_AT_CODES = (
    frozenset(
        {
            "verify",
            "verification",
            "check",
            "confirm",
            "validate",
            "login",
            "challenge",
            "authenticate",
            "code",
        }
    )
    | _SECOND_FACTOR
)
_VERBS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_VERIFIED = frozenset({"email", "otp", "code", "account", "phone"})
_FORGOTTEN = frozenset({"reset", "forgot", "forgotten", "recover", "recovery"})
_OF_ACCOUNTS = frozenset({"auth", "account", "accounts", "user", "users", "login"})
_KEYS = frozenset({"webauthn", "passkey", "passkeys", "fido", "fido2", "u2f", "saml", "sso", "oauth", "oidc"})
"""Ways in that nothing can be guessed at: another party, or a signature, answers for the caller."""
_PASSWORD = frozenset({"reset", "forgot", "forget", "forgotten", "recover", "recovery", "change"})
_RESETS = frozenset({"reset", "forgot", "forgotten", "recover", "recovery"})
_SIGNED_IN = frozenset({"auth", "account", "accounts", "login"})
_PUBLIC = frozenset(
    {
        "health", "healthz", "healthcheck", "live", "livez", "ready", "readyz", "ping", "status", "version", "metrics",
        "docs", "redoc", "openapi", "swagger", "schema", "static", "media", "favicon", "robots", "sitemap", "public",
        "logout", "signout", "unsubscribe", "contact", "csp", "oauth", "oauth2", "sso", "saml", "oidc", "callback",
        "webhook", "webhooks", "hook", "hooks", "ipn", "setup", "install",
    }
)  # fmt: skip
CREDENTIALS = frozenset(
    {
        "token",
        "signature",
        "code",
        "key",
        "secret",
        "otp",
        "credential",
        "credentials",
        "nonce",
        "hmac",
        "apikey",
    }
)


def words(text: str) -> frozenset[str]:
    """The words of a path or name in lower case: `/password/forgot`, `LoginView.post`."""
    return frozenset(word.lower() for word in _WORD.findall(text))


def route_words(route: Route) -> frozenset[str]:
    """The words of a route's path without its parameters, and of what handles it."""
    return words(_literal(route.path)) | words(route.name.rpartition(".<locals>.")[2] or route.name)


def _literal(path: str) -> str:
    """A path without its parameters."""
    return re.sub(r"/?[{<(][^}>)]*[}>)]", "", path)


def gives_access(route: Route) -> str:
    """What somebody gets at a route without having proved who they are; empty for an ordinary route."""
    found = route_words(route)
    segment, name = words(_literal(route.path).rstrip("/").rpartition("/")[2]), words(route.name)
    last = segment | name
    if "logout" in found or "signout" in found or found & _KEYS:
        return ""
    if found & _PASSWORD and ("password" in found or (last & _FORGOTTEN and found & _OF_ACCOUNTS)):
        return "password reset"
    if found & _RESETS and found & _SIGNED_IN:
        return "password reset"
    if found & _SECOND_FACTOR and _takes_code(route, segment):
        return "one-time code"
    if "verify" in found and found & _VERIFIED:
        return "verification"
    if last & _REGISTER or {"sign", "up"} <= last:
        return "registration"
    if "refresh" in last and found & _OF_A_SESSION:
        return "login"
    if any("token" in found and found <= _TOKEN for found in (segment, name)):
        return "login"
    if {"magic", "link"} <= last or {"login", "link"} <= last:
        return "login"
    if last & _LOGIN or {"sign", "in"} <= last or {"log", "in"} <= last:
        return "login"
    return ""


def _takes_code(route: Route, segment: frozenset[str]) -> bool:
    """Whether a route of a second factor is there to look at a code: not to set it up, to switch it off or to show it."""
    method = route.name.rpartition(".")[2]
    name = words(route.name if method.upper() in _VERBS else method)
    return bool((segment | name) & _LOOKS_AT_CODES) or bool(segment & _SECOND_FACTOR)


def takes_calls_of_others(route: Route) -> bool:
    """Whether another service calls a route, by its name: a webhook."""
    return bool(route_words(route) & {"webhook", "webhooks", "hook", "hooks", "ipn"})


def is_public_by_name(route: Route, public: tuple[str, ...]) -> bool:
    """Whether a route is public on purpose: by its address, or by the configuration."""
    if any(matches(route.path, pattern) for pattern in public):
        return True
    # A module of GraphQL is called schema, whatever it holds.
    graph = route.kind in (RouteKind.GRAPHQL_ROOT, RouteKind.GRAPHQL_FIELD)
    told = route_words(route) | (frozenset() if graph else words(route.location[0].rpartition("/")[2]))
    return bool(gives_access(route)) or bool(told & (_PUBLIC | _KEYS)) or route.path in ("", "/")


def matches(path: str, pattern: str) -> bool:
    escaped = re.escape(pattern).replace(r"\*", ".*")
    return re.fullmatch(escaped + "/?", path) is not None


def changes_state(project: Project, handler: LinkedFunction) -> bool:
    """Whether a handler writes, enqueues or sends, itself or through what it calls."""
    effects = (Effect.WRITES, Effect.COMMITS, Effect.ENQUEUES, Effect.SENDS_MAIL)
    return any(handler.key in project.effects.steps(effect) for effect in effects)


def runs(project: Project, handler: LinkedFunction, depth: int = 2) -> list[LinkedFunction]:
    """A handler and the project's functions that run for it: what it calls, and the checks of forms that it fills."""
    found = {handler.key: handler}
    pending = [(handler, 0)]
    while pending and len(found) < _MANY:
        function, at = pending.pop(0)
        for call in function.calls if at < depth else ():
            for key in (*call.targets, *_checks_of_form(project, call)):
                if key not in found:
                    found[key] = project.graph.functions[key]
                    pending.append((found[key], at + 1))
    return list(found.values())


def _checks_of_form(project: Project, call: CallSite) -> list[tuple[int, int]]:
    """The methods of a form or serializer that a call makes which look at what was sent."""
    found: list[tuple[int, int]] = []
    for value in options(call.callee):
        for ancestor in (
            project.evaluator.classes.order(value.symbol) if isinstance(value, ClassValue) else ()
        ):
            cls = project.evaluator.classes.project_class(ancestor)
            for number in () if cls is None else cls.summary.methods:
                if cls is not None and _CHECKS_FIELDS.match(
                    cls.file.summary.functions[number].name.rpartition(".")[2]
                ):
                    found.append((cls.file.index, number))
    return found


def plays(project: Project, handler: LinkedFunction, role: Role, name: re.Pattern[str]) -> bool:
    """Whether a handler calls something with a role, or something that is named so."""
    for call in handler.calls:
        if role in project.roles(call):
            return True
        if name.search(project.words(handler, call.row.function)):
            return True
    return False


def one_line(span: Span) -> Span:
    """The first line of a span: what a report points at."""
    if span.line == span.end_line:
        return span
    return Span(span.line, span.column, span.line, span.column + 1)
