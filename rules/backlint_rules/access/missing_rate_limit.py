"""Login, registration and reset endpoints that anyone may call as often as they like."""

import re

from backlint.api import Confidence, Findings, Project, Role, Route, Rule, Severity
from backlint_rules.access._routes import CREDENTIALS, changes_state, gives_access, one_line, plays, words

_LIMITS = re.compile(r"rate_?limit|throttl|limiter|too_?many|bucket", re.IGNORECASE)
_CHANGING = frozenset({"POST", "PUT", "PATCH"})
_WHY = {
    "login": "passwords and tokens can be guessed without end",
    "registration": "accounts can be made by the thousand",
    "password reset": "codes can be guessed, and mail sent to anyone, without end",
    "one-time code": "a six-digit code can be guessed in minutes",
    "verification": "codes can be guessed without end",
}


class MissingRateLimit(Rule):
    """Checks for login, token, registration, reset and verification endpoints without a rate limit.

    ## Why is this bad?
    These endpoints can be called by people who have not proved who they are, and each call is a guess at a
    password or code, an e-mail sent, or an account made. Lists of leaked passwords are tried at thousands a minute; a
    six-digit code falls in minutes; and the mail provider's bill and reputation are yours.

    ## What to do instead
    Put a limiter on the route: per address and per account, in a store that all workers share. slowapi,
    Flask-Limiter, django-ratelimit, django-axes and DRF's throttles do it in a line.

    ## References
    - [OWASP API4:2023 unrestricted resource consumption](https://owasp.org/API-Security/editions/2023/en/0xa4-unrestricted-resource-consumption/)
    - [OWASP authentication cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Authentication_Cheat_Sheet.html)
    - CWE-307
    """

    severity = Severity.WARNING
    tags = ("CWE-307", "OWASP-API4")
    security_severity = 6.5

    def check(self, project: Project, findings: Findings) -> None:
        """Look at each route whose address or handler says that it lets people in."""
        told: set[object] = set()
        for route in project.routes:
            purpose = gives_access(route)
            key = route.handler or route.location
            if not purpose or key in told or route.limits or route.is_protected:
                continue
            if any(words(parameter.name) & (CREDENTIALS | {"signed"}) for parameter in route.parameters):
                continue
            if route.methods and not _CHANGING.intersection(route.methods):
                continue
            told.add(key)
            _report(project, findings, route, purpose)


def _report(project: Project, findings: Findings, route: Route, purpose: str) -> None:
    handler = None if route.handler is None else project.graph.functions[route.handler]
    if handler is not None and plays(project, handler, Role.LIMITS_RATE, _LIMITS):
        return
    if handler is not None and not route.methods and not changes_state(project, handler):
        return
    doubtful = any(guard.unresolved for guard in route.guards)
    method = "/".join(route.methods) or "ANY"
    limited = sorted(other.name for other in project.routes if other.limits)
    example = f", as `{limited[0]}` does" if limited else ""
    findings.add_at(
        project,
        route.location[0],
        one_line(route.location[1]),
        f"`{method} {route.path}` ({purpose}) has no rate limit: {_WHY[purpose]}",
        handler=handler,
        confidence=Confidence.MEDIUM if doubtful or route.methods == () else Confidence.HIGH,
        advice=f"put a limiter on `{route.name}`{example}: per address and per account, in a shared store",
    )
