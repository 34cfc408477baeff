"""Login, registration and reset endpoints that anyone may call as often as they like."""

import re

from backlint.api import (
    Attr,
    Compare,
    Confidence,
    Const,
    Effect,
    Evidence,
    Findings,
    FunctionValue,
    Item,
    LinkedFunction,
    Name,
    Project,
    Role,
    Route,
    Rule,
    Severity,
    Value,
    options,
)
from backlint_rules.access._codes import checks_code, makes_code
from backlint_rules.access._routes import (
    CREDENTIALS,
    changes_state,
    gives_access,
    one_line,
    plays,
    runs,
    words,
)

_LIMITS = re.compile(r"rate_?limit|throttl|limiter|too_?many|bucket", re.IGNORECASE)
_VERIFIES = re.compile(r"verify|check|compare", re.IGNORECASE)
_ADDRESSES = frozenset(
    {"email", "email_address", "phone", "phone_number", "recipient", "recipients", "identity"}
)
_STAFF = re.compile(r"admin|staff|superuser", re.IGNORECASE)
_MODELS = frozenset({"llm", "gpt", "chatgpt", "openai", "anthropic", "claude", "gemini"})
_TEXTS = frozenset({"sms", "twilio"})
_GUESSED = frozenset({"code", "otp", "pin"})
_CODES = frozenset({"code", "codes", "otp", "verify", "verification", "link"})
_CHANGING = frozenset({"POST", "PUT", "PATCH"})
_WHY = {
    "login": "passwords and tokens can be guessed without end",
    "registration": "accounts can be made by the thousand",
    "password reset": "codes can be guessed, and mail sent to anyone, without end",
    "one-time code": "a six-digit code can be guessed in minutes",
    "verification": "codes can be guessed without end",
    "mail": "anybody can have mail sent to any address, without end",
    "text message": "each message is paid for, and phones can be rung without end",
    "mail with a code": "mail can be sent without end, and each is another code to guess",
    "invitation": "mail can be sent to anyone without end, in the name of the service",
    "password": "the password it asks for can be guessed without end",
    "account": "accounts can be made by the thousand, and mail sent to anyone",
    "language model": "each call is paid for, and one client can run up the bill without end",
    "intake": "anybody can fill the tables and the queue",
}
"""What an endpoint is for, and what calling it without end gives."""


class MissingRateLimit(Rule):
    """Checks for login, token, registration, reset, verification and invitation endpoints without a rate limit.

    ## Why is this bad?
    Most of these endpoints can be called by people who have not proved who they are, and each call is a guess at a
    password or code, an e-mail sent, or an account made. Lists of leaked passwords are tried at thousands a minute; a
    six-digit code falls in minutes; and the mail provider's bill and reputation are yours.

    ## What to do instead
    Put a limiter on the route: per address and per account, in a store that all workers share. slowapi,
    Flask-Limiter, django-ratelimit, django-axes and DRF's throttles do it in a line.

    ## Confidence
    High; medium where a guard on the route could not be resolved, or the methods are not known.

    ## What it leaves alone
    Routes that ask for a signed-in caller, carry a token or signature in the address, only read, or have a
    limiter: on the route, the router, the application, in the handler, or in the framework's throttle
    settings.

    ## How to tune it
    Give the role `limits-rate` to a limiter of yours. A limiter in front of the service (a gateway, nginx)
    is not in the code: say so in a comment, or ignore the rule.

    ## References
    - [OWASP API4:2023 unrestricted resource consumption](https://owasp.org/API-Security/editions/2023/en/0xa4-unrestricted-resource-consumption/)
    - [OWASP authentication cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html)
    - [CWE-307](https://cwe.mitre.org/data/definitions/307.html)
    """

    severity = Severity.WARNING
    tags = ("CWE-307", "OWASP-API4")
    security_severity = 6.5
    independent = True

    def check(self, project: Project, findings: Findings) -> None:
        """Look at each route whose address, handler or doing says that it lets people in, sends mail or guesses."""
        told: set[object] = set()
        for route in project.routes:
            key = route.handler or route.location
            if key in told or route.limits:
                continue
            if route.methods and not _CHANGING.intersection(route.methods):
                continue
            handler = None if route.handler is None else project.graph.functions[route.handler]
            if handler is not None and not findings.wants(handler):
                continue
            purpose, confidence = _purpose(project, route, handler)
            if purpose:
                told.add(key)
                _report(project, findings, route, handler, purpose, confidence)


def _purpose(project: Project, route: Route, handler: LinkedFunction | None) -> tuple[str, Confidence]:
    """What a route is for that should be bounded, and how sure that is; empty for others."""
    named = gives_access(route)
    if named and not route.is_protected:
        if any(words(parameter.name) & (CREDENTIALS | {"signed"}) for parameter in route.parameters):
            return "", Confidence.LOW
        if handler is not None and not route.methods and not _takes_posts(project, handler):
            return "", Confidence.LOW
        doubtful = any(guard.unresolved for guard in route.guards) or not route.methods
        return named, Confidence.MEDIUM if doubtful else Confidence.HIGH
    if handler is None:
        return "", Confidence.LOW
    if named == "verification" and not route.is_admin_path and _reads_code(project, handler):
        return named, Confidence.MEDIUM
    return _by_doing(project, route, handler)


def _by_doing(project: Project, route: Route, handler: LinkedFunction) -> tuple[str, Confidence]:
    """What a handler does that strangers, or anybody with an account, should not do without end."""
    anonymous = route.is_protected is False
    functions = runs(project, handler)
    invites = bool(words(route.name) & {"invite", "invitation", "invitations"}) or any(
        "invite" in words(one.name.rpartition(".")[2]) for one in functions
    )
    mails = _sends_mail(project, functions)
    if anonymous and mails and _names_address(project, functions):
        return "mail", Confidence.MEDIUM
    if _sends_texts(project, functions) and (anonymous or words(route.name) & _CODES):
        return "text message", Confidence.MEDIUM
    if mails and makes_code(route, functions):
        return "mail with a code", Confidence.MEDIUM
    if checks_code(route, functions):
        return "one-time code", Confidence.MEDIUM
    if _asks_model(project, functions):
        return "language model", Confidence.LOW if route.is_admin_path else Confidence.MEDIUM
    if invites and not anonymous and mails:
        staff = any(_STAFF.search(guard.symbol.rpartition(".")[2]) for guard in route.authorisation)
        return "invitation", Confidence.LOW if staff or route.is_admin_path else Confidence.MEDIUM
    if _guesses(project, functions):
        return "password", Confidence.MEDIUM if anonymous else Confidence.LOW
    if not anonymous and not route.limits and _makes_people(project, route, functions):
        return "account", Confidence.LOW
    if (
        anonymous
        and handler.key in project.effects.steps(Effect.ENQUEUES)
        and changes_state(project, handler)
    ):
        return "intake", Confidence.LOW
    return "", Confidence.LOW


def _takes_posts(project: Project, handler: LinkedFunction) -> bool:
    """Whether a handler of any method changes something, or asks if the method is POST."""
    if changes_state(project, handler):
        return True
    for term in {event.term for event in handler.summary.events if event.term >= 0}:
        for inner in project.terms_of(handler, term):
            row = project.term(handler, inner)
            if isinstance(row, Attr) and row.name == "POST":
                return True
            if isinstance(row, Compare) and project.constant(handler, row.right) == "POST":
                return True
    return any(
        isinstance(row := project.term(handler, block.terms[0]), Compare)
        and project.constant(handler, row.right) == "POST"
        for block in handler.summary.blocks
        if block.terms
    )


def _sends_mail(project: Project, functions: list[LinkedFunction]) -> bool:
    """Whether functions send mail, or hand it to a job that does."""
    sends = project.effects.steps(Effect.SENDS_MAIL)
    if functions[0].key in sends:
        return True
    for function in functions:
        for call in function.calls:
            if Effect.ENQUEUES not in call.effects:
                continue
            given = (call.row.function, *call.row.arguments)
            for term in given:
                for value in options(_job(project, function, term)):
                    if isinstance(value, FunctionValue) and (value.file, value.function) in sends:
                        return True
                name = project.constant(function, term)
                if isinstance(name, str) and _is_mail_job(project, name):
                    return True
    return False


def _reads_code(project: Project, handler: LinkedFunction) -> bool:
    """Whether a handler is sent a code that is short enough to guess, and not a token."""
    for event in handler.summary.events:
        for term in project.terms_of(handler, event.term) if event.term >= 0 else ():
            row = project.term(handler, term)
            name = row.name if isinstance(row, Attr) else getattr(row, "value", "")
            if isinstance(name, str) and name.lower() in _GUESSED:
                return True
    return False


def _sends_texts(project: Project, functions: list[LinkedFunction]) -> bool:
    """Whether text messages are sent: by a function of the project that calls a service, and is named for it."""
    network = project.effects.steps(Effect.CALLS_NETWORK)
    return any(
        function.key in network
        and _TEXTS
        & (words(function.file.summary.module.rpartition(".")[2]) | words(function.name.rpartition(".")[2]))
        for function in functions
    )


def _job(project: Project, function: LinkedFunction, term: int) -> Value:
    """What `send_code.delay` is a method of; of anything else the value itself."""
    row = project.term(function, term)
    if isinstance(row, Name):
        value = project.value(function, term)
        if isinstance(value, FunctionValue):
            return value
        return project.evaluator.symbol(row.symbol.rpartition(".")[0], function.file.root)
    return project.value(function, row.base if isinstance(row, Attr) else term)


def _is_mail_job(project: Project, name: str) -> bool:
    """Whether a text names a function that sends mail: by its full name, or as a job of that name."""
    for key in project.effects.steps(Effect.SENDS_MAIL):
        function = project.graph.functions[key]
        if name == f"{function.file.summary.module}.{function.summary.name}":
            return True
        if key in project.jobs and function.summary.name == name:
            return True
    return False


def _names_address(project: Project, functions: list[LinkedFunction]) -> bool:
    """Whether the first of the functions is told an address."""
    function = functions[0]
    for event in function.summary.events:
        for term in project.terms_of(function, event.term) if event.term >= 0 else ():
            row = project.term(function, term)
            if isinstance(row, Attr) and row.name.lower() in _ADDRESSES:
                return True
            key = project.term(function, row.key) if isinstance(row, Item) else row
            if isinstance(key, Const) and isinstance(key.value, str) and key.value.lower() in _ADDRESSES:
                return True
    return any(parameter.name.lower() in _ADDRESSES for parameter in function.summary.parameters)


def _asks_model(project: Project, functions: list[LinkedFunction]) -> bool:
    """Whether a language model answers: through a library, or a client of the project that is named for it."""
    if functions[0].key in project.effects.steps(Effect.ASKS_MODEL):
        return True
    network = project.effects.steps(Effect.CALLS_NETWORK)
    return any(
        function.summary.cls >= 0
        and function.key in network
        and words(function.file.summary.classes[function.summary.cls].name) & _MODELS
        for function in functions
    )


def _guesses(project: Project, functions: list[LinkedFunction]) -> bool:
    """Whether a password that was sent is compared with a stored one."""
    return any(
        _VERIFIES.search(project.words(function, call.row.function).rpartition(".")[2])
        and (
            Effect.HASHES_PASSWORD in call.effects
            or any(key in project.effects.steps(Effect.HASHES_PASSWORD) for key in call.targets)
        )
        for function in functions[:1]
        for call in function.calls
    )


def _makes_people(project: Project, route: Route, functions: list[LinkedFunction]) -> bool:
    """Whether a collection of users takes new ones."""
    last = route.path.rstrip("/").rpartition("/")[2].lower()
    if last not in ("users", "accounts", "members", "customers"):
        return False
    return functions[0].key in project.effects.steps(Effect.WRITES) or functions[
        0
    ].key in project.effects.steps(Effect.COMMITS)


def _is_limited(project: Project, handler: LinkedFunction) -> bool:
    return any(plays(project, function, Role.LIMITS_RATE, _LIMITS) for function in runs(project, handler))


def _report(
    project: Project,
    findings: Findings,
    route: Route,
    handler: LinkedFunction | None,
    purpose: str,
    confidence: Confidence,
) -> None:
    if handler is not None and _is_limited(project, handler):
        return
    method = "/".join(route.methods) or "ANY"
    limited = sorted(other.name for other in project.routes if other.limits)
    example = f", as `{limited[0]}` does" if limited else ""
    findings.add_at(
        project,
        route.location[0],
        one_line(route.location[1]),
        f"`{method} {route.path}` ({purpose}) has no rate limit: {_WHY[purpose]}",
        handler=handler,
        confidence=confidence,
        advice=f"put a limiter on `{route.name}`{example}: per address and per account, in a shared store",
        evidence=(*_posted(project, handler), *_view(project, route)),
    )


def _posted(project: Project, handler: LinkedFunction | None) -> tuple[Evidence, ...]:
    """Where a handler of any method begins to look at what is sent."""
    for block in handler.summary.blocks if handler is not None else ():
        row = project.term(handler, block.terms[0]) if handler is not None and block.terms else None
        if (
            handler is not None
            and isinstance(row, Compare)
            and project.constant(handler, row.right) == "POST"
        ):
            return (Evidence(handler.path, one_line(block.span), "each try is taken here"),)
    return ()


def _view(project: Project, route: Route) -> tuple[Evidence, ...]:
    """The view class, where a limit for all its methods would stand."""
    cls = project.evaluator.classes.project_class(route.view) if route.view and route.handler else None
    if cls is None:
        return ()
    name = route.view.rpartition(".")[2]
    return (Evidence(cls.file.summary.path, one_line(cls.summary.span), f"`{name}` sets no limit either"),)
