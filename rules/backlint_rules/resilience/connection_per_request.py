"""Connections, pools and clients made per request."""

from backlint.api import CallSite, Confidence, Effect, Findings, Project, Rule, Severity, short_name

_ENGINE_WORDS = ("engine", "pool")


class ConnectionPerRequest(Rule):
    """Checks for engines, pools, connections and clients that are created anew for every request or job.

    ## Why is this bad?
    A new client means a TCP and a TLS handshake before any work is done, and nothing is reused: two to
    fifty milliseconds on every request. A new database engine brings a new pool each time, so that the
    database runs out of connections under load while each pool holds one.

    ## What to do instead
    Make the engine, pool or client once, at module level, in the application factory or in the lifespan
    handler, and hand it to the code that needs it. A session checked out of such a pool per request is fine.

    ## Confidence
    High where a request runs it; low where only a job does. A database engine in a request is an error.

    ## What it leaves alone
    Module level, application factories, lifespan handlers, cached factories, values that are kept by hand,
    sessions that are checked out of a pool, scripts and tests.

    ## References
    - [SQLAlchemy: how do I use engines and connections](https://docs.sqlalchemy.org/en/20/core/connections.html#basic-usage)
    - [httpx: clients, why use one](https://www.python-httpx.org/advanced/clients/)
    """

    severity = Severity.WARNING

    def check(self, project: Project, findings: Findings) -> None:
        """Look at what opens connections in functions that run for a request or a job."""
        for call in project.calls_with(Effect.CONNECTS):
            function = call.function
            if call.block in function.memo_blocks or function.memoised:
                continue
            for reach, what in ((project.per_request, "request"), (project.per_job, "job")):
                if function in reach:
                    _report(project, findings, call, what)
                    break


def _report(project: Project, findings: Findings, call: CallSite, what: str) -> None:
    function = call.function
    reach = project.per_request if what == "request" else project.per_job
    name = project.words(function, call.row.function)
    is_engine = any(word in call.symbol.lower() for word in _ENGINE_WORDS)
    entry = reach.entry(function)
    where = f"in `{short_name(function)}`"
    if entry is not function:
        where += f", which runs for `{short_name(entry)}`"
    findings.add(
        call,
        f"`{name}(…)` opens a new {'pool' if is_engine else 'client or connection'} for every {what} {where}",
        severity=Severity.ERROR if is_engine and what == "request" else Severity.WARNING,
        confidence=Confidence.HIGH if what == "request" else Confidence.LOW,
        advice=f"make it once, at module level or when the application starts, and reuse it in `{short_name(function)}`",
        evidence=reach.chain(function),
    )
