"""What the rules about access share: what a route is for, told by its address and handler."""

import re

from backlint.api import Effect, LinkedFunction, Project, Role, Route, Span

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
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
_VERIFIED = frozenset({"email", "otp", "code", "account", "phone"})
_PASSWORD = frozenset({"reset", "forgot", "forget", "forgotten", "recover", "recovery", "change"})
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
    if "logout" in found or "signout" in found:
        return ""
    if "password" in found and found & _PASSWORD:
        return "password reset"
    if found & _SECOND_FACTOR:
        return "one-time code"
    if "verify" in found and found & _VERIFIED:
        return "verification"
    if last & _REGISTER or {"sign", "up"} <= last:
        return "registration"
    if "refresh" in last and found & _OF_A_SESSION:
        return "login"
    if any("token" in found and found <= _TOKEN for found in (segment, name)):
        return "login"
    if last & _LOGIN or {"sign", "in"} <= last or {"log", "in"} <= last:
        return "login"
    return ""


def is_public_by_name(route: Route, public: tuple[str, ...]) -> bool:
    """Whether a route is public on purpose: by its address, or by the configuration."""
    if any(_matches(route.path, pattern) for pattern in public):
        return True
    told = route_words(route) | words(route.location[0].rpartition("/")[2])
    return bool(gives_access(route)) or bool(told & _PUBLIC) or route.path in ("", "/")


def _matches(path: str, pattern: str) -> bool:
    escaped = re.escape(pattern).replace(r"\*", ".*")
    return re.fullmatch(escaped + "/?", path) is not None


def changes_state(project: Project, handler: LinkedFunction) -> bool:
    """Whether a handler writes, enqueues or sends, itself or through what it calls."""
    effects = (Effect.WRITES, Effect.COMMITS, Effect.ENQUEUES, Effect.SENDS_MAIL)
    return any(handler.key in project.effects.steps(effect) for effect in effects)


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
