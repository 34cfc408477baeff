"""Routes that let strangers do what others have to sign in for."""

import re

from backlint.api import (
    Attr,
    Confidence,
    Effect,
    Evidence,
    Findings,
    Guard,
    GuardKind,
    InstanceValue,
    LinkedFunction,
    Project,
    Role,
    Route,
    RouteKind,
    Rule,
    Severity,
    Unscoped,
    options,
)
from backlint_rules.access._open_views import open_views
from backlint_rules.access._routes import (
    CREDENTIALS,
    changes_state,
    gives_access,
    is_public_by_name,
    matches,
    one_line,
    plays,
    route_words,
    runs,
    takes_calls_of_others,
    words,
)

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE", "MUTATION"})
_GUARDS = re.compile(r"authori[sz]|authenticat|login|requires?_|_required|permission", re.IGNORECASE)
_PROOFS = frozenset({"token", "signature", "otp", "nonce", "hmac"})
"""Fields of a body that prove the right to what it asks for, such as to accept an invitation."""
_FEW = 2
_MOST = 0.6
_MANY = 0.3
_CHECKS = re.compile(
    r"authenticat|require_(?:user|login|auth)|current_user|get_user_from|verify_(?:token|jwt|signature|api_?key)"
    r"|check_(?:auth|token|signature)|compare_digest|construct_event|unsign|signing|signed",
    re.IGNORECASE,
)


_SIGNATURES = re.compile(r"compare_digest|construct_event|verify_signature")
_FOR_STAFF = frozenset({"moderation", "moderator", "moderators", "admin", "staff", "backoffice"})


class MissingAuthentication(Rule):
    """Checks for routes that change state or hand out data without asking who calls.

    ## Why is this bad?
    One handler without the dependency, decorator or permission class that all others have is open to
    everybody on the internet, and nothing looks wrong: it works in every test. Scanners find such
    routes within hours.

    ## What to do instead
    Make authentication the default of the application, router or blueprint, and mark the public routes. Where it
    is put on each handler, put it on this one.

    ## Confidence
    The more of the other routes ask who calls, the surer it is that this one was meant to: high from 60 %
    of all routes on, medium from 30 %, low below. A default that guards all other routes and does not reach
    this one makes it high. Of GraphQL's mutations only each other tells.

    ## What it leaves alone
    Projects in which no route is protected; reading routes, unless a default passes them by; login,
    registration, reset, health, documentation, static and webhook addresses; handlers that check the caller
    or refuse with 401 or 403 themselves, or that take a token, signature or code; routes with a guard that
    could not be resolved.

    ## How to tune it
    List what is public on purpose under `public-routes`. Where a guard of yours is not recognised, give it
    the role `authenticates`.

    ## References
    - [OWASP API2:2023 broken authentication](https://owasp.org/API-Security/editions/2023/en/0xa2-broken-authentication/)
    - [CWE-306](https://cwe.mitre.org/data/definitions/306.html)
    """

    severity = Severity.ERROR
    independent = True
    tags = ("CWE-306", "OWASP-API2")
    security_severity = 8.6

    def check(self, project: Project, findings: Findings) -> None:
        """Compare each unprotected route with how the project protects the others."""
        protected = [route for route in project.routes if route.is_protected]
        told: set[object] = set()
        public: list[Route] = []
        for route in project.routes:
            key = route.handler or route.location
            if key in told or route.handler is None or route.is_protected is not False:
                continue
            if route.kind is RouteKind.GRAPHQL_FIELD or (
                route.is_for_development
                or gives_access(route)
                or _is_listed(route, project.facts.public_routes)
            ):
                continue
            told.add(key)
            handler = project.graph.functions[route.handler]
            if not protected or not findings.wants(handler) or _checks_inside(project, handler):
                continue
            if route.is_marked_public or is_public_by_name(route, project.facts.public_routes):
                public.append(route)
            elif not _holds_credential(project, route) and not _judge(
                project, findings, route, handler, protected
            ):
                _judge_others(project, findings, route, handler)
        _judge_public(project, findings, public)
        _judge_views(project, findings, protected)


def _judge_views(project: Project, findings: Findings, protected: list[Route]) -> None:
    """View classes that leave everything to the library, which asks nobody."""

    def is_open(route: Route) -> bool:
        return route.is_protected is False and not (
            route.is_for_development
            or route.is_marked_public
            or gives_access(route)
            or is_public_by_name(route, project.facts.public_routes)
        )

    for view in open_views(project, is_open) if protected else ():
        others = len(protected)
        example = max(protected, key=lambda other: _likeness(view.route, other))
        guard = (*example.authentication, *example.authorisation)[0]
        name = guard.symbol.rpartition(".")[2]
        short = view.route.view.rpartition(".")[2]
        findings.add_at(
            project,
            view.path,
            view.span,
            f"`{'/'.join(view.methods)} {view.route.path}` asks nobody who they are, and `{short}` lets everybody change "
            f"`{view.model.rpartition('.')[2]}`; {others} other routes ask",
            confidence=_confidence(project, view.route, others, bypassed=False),
            advice=f"put `{name}` on `{short}`, or list the path under public-routes if everybody may call it",
            evidence=(Evidence(guard.path, one_line(guard.span), f"`{name}` guards `{example.name}`"),),
        )


def _opening(project: Project, route: Route) -> Unscoped | None:
    """The object that a handler which asks nobody who they are opens to all."""
    if not project.objects.may_concern(route):
        return None
    found = [
        fault
        for fault in project.objects.unscoped
        if fault.handler == route.handler and fault.anonymous and fault.lookup is not None
    ]
    return found[-1] if found else None


def _is_listed(route: Route, public: tuple[str, ...]) -> bool:
    """Whether the configuration of the project says that everybody may call a route."""
    return any(matches(route.path, pattern) for pattern in public)


def _judge_others(project: Project, findings: Findings, route: Route, handler: LinkedFunction) -> None:
    """Routes that change nothing: for staff by their name, somebody's own by what others do, or the only open one."""
    fault = _opening(project, route)
    if fault is not None:
        _report_object(findings, route, handler, fault)
    elif route.kind is not RouteKind.HTTP:
        return
    elif (route.is_admin_path or route_words(route) & _FOR_STAFF) and handler.key in project.effects.steps(
        Effect.QUERIES
    ):
        method = "/".join(route.methods) or "ANY"
        findings.add(
            handler,
            f"`{method} {route.path}` asks nobody who they are, and its name says that it is for staff",
            confidence=Confidence.MEDIUM,
            advice=f"put the check that other routes for staff have on `{route.name}` or on its router",
        )
    elif (exposed := project.objects.exposed(route)) and not project.objects.knows_caller(handler.key):
        method = "/".join(route.methods) or "ANY"
        table = exposed.removeprefix("sql:").rpartition(".")[2]
        findings.add(
            handler,
            f"`{method} {route.path}` asks nobody who they are, and lists every `{table}`: others show them to their owners",
            confidence=Confidence.MEDIUM,
            advice="ask who calls, and whether they may see them all",
        )
    else:
        _judge_beside(project, findings, route, handler)


def _judge_beside(project: Project, findings: Findings, route: Route, handler: LinkedFunction) -> None:
    """A route that posts to a database or another service, and is the only one of its file that asks nobody."""
    if not _CHANGING.intersection(route.methods) or route.kind is not RouteKind.HTTP:
        return
    if project.objects.knows_caller(handler.key):
        return
    if not any(
        handler.key in project.effects.steps(effect) for effect in (Effect.QUERIES, Effect.CALLS_NETWORK)
    ):
        return
    alike = [
        other
        for other in project.routes
        if other.kind is route.kind
        and other.handler not in (None, route.handler)
        and other.location[0] == route.location[0]
        and _CHANGING.intersection(other.methods)
        and not gives_access(other)
        and not takes_calls_of_others(other)
        and not _holds_credential(project, other)
    ]
    if len(alike) < _FEW or not all(other.is_protected for other in alike):
        return
    method = "/".join(route.methods) or "ANY"
    example = max(alike, key=lambda other: _likeness(route, other))
    guard = next(iter((*example.authentication, *example.authorisation)), None)
    if guard is None:
        return
    name = guard.symbol.rpartition(".")[2]
    findings.add(
        handler,
        f"`{method} {route.path}` asks nobody who they are, as all {len(alike)} others of its file do that are posted to",
        confidence=Confidence.MEDIUM,
        advice=f"put `{name}` on `{route.name}`, or list the path under public-routes if everybody may call it",
        evidence=(Evidence(guard.path, one_line(guard.span), f"`{name}` guards `{example.name}`"),),
    )


def _report_object(findings: Findings, route: Route, handler: LinkedFunction, fault: Unscoped) -> None:
    if fault.lookup is None:
        return
    method = "/".join(route.methods) or "ANY"
    table = fault.model.removeprefix("sql:").rpartition(".")[2]
    does = " and ".join(fault.verbs)
    findings.add(
        handler,
        f"`{method} {route.path}` asks nobody who they are, and {does} any `{table}` by `{fault.lookup.text}`",
        confidence=Confidence.MEDIUM,
        advice=f"ask who calls, or look the `{table}` up by something that only its owner knows",
        evidence=()
        if fault.use is None
        else (Evidence(fault.use.path, fault.use.span, f"the `{table}` is changed here"),),
    )


def _judge_public(
    project: Project,
    findings: Findings,
    routes: list[Route],
) -> None:
    """Routes that are public on purpose, and do what nobody can have meant to be."""
    for route in routes:
        if route.handler is None:
            continue
        handler = project.graph.functions[route.handler]
        fault = _opening(project, route)
        if fault is not None and fault.verbs not in (("reads",), ("uses",)):
            _report_object(findings, route, handler, fault)
        elif takes_calls_of_others(route) and (
            changes_state(project, handler) or handler.key in project.effects.steps(Effect.QUERIES)
        ):
            example = _verified(project, route)
            if example is not None:
                method = "/".join(route.methods) or "ANY"
                findings.add(
                    handler,
                    f"`{method} {route.path}` asks nobody who they are; `{example.name}` beside it verifies who sends",
                    confidence=Confidence.MEDIUM,
                    advice=f"verify the signature as `{example.name}` does, or ask callers to sign in",
                    evidence=(
                        Evidence(
                            example.location[0], one_line(example.location[1]), "it verifies the signature"
                        ),
                    ),
                )


def _verified(project: Project, route: Route) -> Route | None:
    """Another webhook of the project that verifies what it is sent."""
    for other in project.routes:
        if other.handler in (None, route.handler) or not takes_calls_of_others(other):
            continue
        if other.handler is not None and _checks_inside(project, project.graph.functions[other.handler]):
            return other
    return None


def _checks_inside(project: Project, handler: LinkedFunction) -> bool:
    """Whether the handler itself asks who calls: a check it calls, or a refusal it gives."""
    if plays(project, handler, Role.AUTHENTICATES, _CHECKS) or plays(
        project, handler, Role.VERIFIES_SIGNATURE, _CHECKS
    ):
        return True
    if any(_reads_session_key(project, function) for function in runs(project, handler)):
        return True
    for call in handler.calls:
        if any(_is_guarded(project, key) or _verifies(project, key) for key in call.targets):
            return True
        terms = (*call.row.arguments, *(term for _, term in call.row.keywords))
        if any(project.constant(handler, term) in (401, 403) for term in terms):
            return True
    return False


def _reads_session_key(project: Project, function: LinkedFunction) -> bool:
    """Whether a function goes by the key of the visitor's session: what it changes is theirs, signed in or not."""
    for event in function.summary.events:
        for term in project.terms_of(function, event.term) if event.term >= 0 else ():
            row = project.term(function, term)
            if isinstance(row, Attr) and row.name == "session_key":
                return True
    return False


def _verifies(project: Project, key: tuple[int, int]) -> bool:
    """Whether a function that a handler calls compares a signature."""
    return plays(project, project.graph.functions[key], Role.VERIFIES_SIGNATURE, _SIGNATURES)


def _is_guarded(project: Project, key: tuple[int, int]) -> bool:
    """Whether a function that a handler hands the request to has a guard of its own."""
    function = project.graph.functions[key]
    return any(_GUARDS.search(project.words(function, term)) for term in function.summary.decorators)


def _holds_credential(project: Project, route: Route) -> bool:
    """Whether the request carries a token, signature or code of its own: a capability."""
    names = [parameter.name for parameter in route.parameters]
    if any(words(name) & CREDENTIALS for name in names):
        return True
    schemas = (
        project.schema(value.symbol)
        for parameter in route.parameters
        for value in options(parameter.annotation)
        if isinstance(value, InstanceValue)
    )
    return any(words(name) & _PROOFS for schema in schemas if schema is not None for name in schema.fields)


def _judge(
    project: Project, findings: Findings, route: Route, handler: LinkedFunction, protected: list[Route]
) -> bool:
    if route.kind is RouteKind.GRAPHQL_ROOT:
        # What stands before the one address of all of them is not seen, so only each other tells.
        protected = [other for other in protected if other.kind is route.kind]
        if not protected or project.objects.knows_caller(handler.key):
            return False
    bypassed = _bypassed_default(route, protected)
    changing = bool(_CHANGING.intersection(route.methods)) or not route.methods
    changes = changing and changes_state(project, handler)
    if not changes and bypassed is None:
        return False
    method = "/".join(route.methods) or "ANY"
    others = len(protected)
    message = f"`{method} {route.path}` asks nobody who they are"
    if changes:
        message += ", and changes data"
    if bypassed is not None:
        message += f": the default that guards {others} other routes does not apply to `{route.name}`"
        advice = f"let the framework that checks the others handle `{route.name}`, or check the caller in it"
        evidence = (
            Evidence(bypassed.path, one_line(bypassed.span), f"`{bypassed.symbol}` guards the other routes"),
        )
    else:
        example = max(protected, key=lambda other: _likeness(route, other))
        guard = (*example.authentication, *example.authorisation)[0]
        name = guard.symbol.rpartition(".")[2]
        message += f"; {others} other routes do"
        advice = (
            f"put `{name}` on `{route.name}`, or list the path under public-routes if everybody may call it"
        )
        evidence = (Evidence(guard.path, one_line(guard.span), f"`{name}` guards `{example.name}`"),)
    findings.add(
        handler,
        message,
        confidence=_confidence(project, route, others, bypassed is not None),
        advice=advice,
        evidence=evidence,
    )
    return True


def _likeness(route: Route, other: Route) -> tuple[bool, bool, bool, bool]:
    """How much two routes have in common: what guards the one fits the other."""
    return (
        other.framework == route.framework,
        other.kind is route.kind,
        bool(other.view) == bool(route.view),
        other.location[0] == route.location[0],
    )


def _confidence(project: Project, route: Route, protected: int, bypassed: bool) -> Confidence:
    """The more of the other routes ask, the surer it is that this one was meant to."""
    if any(guard.optional for guard in route.guards):
        return Confidence.LOW
    alike = list(project.routes)
    if route.kind is RouteKind.GRAPHQL_ROOT:
        alike = [other for other in alike if other.kind is route.kind and other.methods == route.methods]
        protected = sum(other.is_protected is True for other in alike)
    share = protected / max(1, len(alike))
    if bypassed or share >= _MOST:
        return Confidence.HIGH
    return Confidence.MEDIUM if share >= _MANY else Confidence.LOW


def _bypassed_default(route: Route, protected: list[Route]) -> Guard | None:
    """The guard that settings put on the views of another framework of the project, which this one escapes."""
    if route.kind is not RouteKind.HTTP or any(
        guard.kind is not GuardKind.MIDDLEWARE for guard in route.guards
    ):
        return None
    if any(other.framework == route.framework for other in protected):
        # Views of this kind have a guard of their own, so that one without it was written with that in sight.
        return None
    for other in protected:
        if other.framework != route.framework:
            for guard in (*other.authentication, *other.authorisation):
                if guard.level == "settings":
                    return guard
    return None
