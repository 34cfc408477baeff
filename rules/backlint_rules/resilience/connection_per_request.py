"""Connections, pools and clients made per request."""

from backlint.api import (
    Attr,
    BlockKind,
    CallSite,
    Confidence,
    Effect,
    EventKind,
    Evidence,
    Findings,
    InstanceValue,
    Name,
    Project,
    Rule,
    Severity,
    Use,
    bare,
    short_name,
)

_ENGINE_WORDS = ("engine", "pool")
_CLOSES = frozenset({"close", "aclose", "dispose", "disconnect", "shutdown", "quit", "wait_closed"})


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
    High where a request runs it. Where only a job does: medium where nothing closes it, or where the project keeps
    one that could be used; else low. Low for a database in a file, which is opened in no time. A database engine in
    a request is an error.

    ## What it leaves alone
    Module level, application factories, lifespan handlers, cached factories, values that are kept by hand,
    sessions that are checked out of a pool, scripts and tests.

    ## References
    - [SQLAlchemy: how do I use engines and connections](https://docs.sqlalchemy.org/en/20/core/connections.html#basic-usage)
    - [httpx: clients, why use one](https://www.python-httpx.org/advanced/clients/)
    """

    independent = True
    severity = Severity.WARNING

    def check(self, project: Project, findings: Findings) -> None:
        """Look at what opens connections in functions that run for a request or a job."""
        calls = list(project.calls_with(Effect.CONNECTS))
        kept = {_client(call) for call in calls if _is_kept(call) or not call.function.index}
        for call in calls:
            function = call.function
            if not findings.wants(function) or _is_kept(call) or _is_of_module(project, call):
                continue
            if _made_for_some(project, call) is not None:
                continue
            for reach, what in ((project.per_request, "request"), (project.per_job, "job")):
                if function in reach:
                    _report(project, findings, call, what, _client(call) in kept)
                    break
        for made in project.calls():
            opened = _opened_by(project, made)
            if opened is not None and made in (_made_for_some(project, opened) or ()):
                _report_made(project, findings, made, opened)


def _opened_by(project: Project, made: CallSite) -> CallSite | None:
    """What opens a connection while an object of the project is made."""
    for key in made.targets:
        target = project.graph.functions[key]
        if target.summary.name.endswith(".__init__"):
            for call in target.calls:
                if (
                    Effect.CONNECTS in call.effects
                    and not _is_kept(call)
                    and not _is_of_module(project, call)
                ):
                    return call
    return None


def _made_for_some(project: Project, call: CallSite) -> list[CallSite] | None:
    """Where a class that opens a client when it is made is made again, besides once for all; None where it isn't both."""
    if not call.function.summary.name.endswith(".__init__"):
        return None
    makers = project.callers(call.function)
    if not any(one.function.index == 0 or _is_kept(one) for one in makers):
        return None
    return [one for one in makers if one.function.index and not _is_kept(one)]


def _report_made(project: Project, findings: Findings, made: CallSite, opened: CallSite) -> None:
    """The object that a request or job makes for itself, where the same class serves others once for all."""
    function = made.function
    for reach, what in ((project.per_request, "request"), (project.per_job, "job")):
        if function in reach:
            name = project.words(function, made.row.function)
            findings.add(
                made,
                f"`{name}(…)` opens a new client or connection for every {what} in `{short_name(function)}`",
                confidence=Confidence.HIGH if what == "request" else Confidence.MEDIUM,
                advice=f"make it once, at module level or when the application starts, and reuse it in `{short_name(function)}`",
                evidence=(
                    *reach.chain(function),
                    Evidence(opened.function.path, opened.span, "the client is opened here"),
                ),
            )
            return


def _client(call: CallSite) -> str:
    """Whose client a call makes: of psycopg and its pools alike, `psycopg`."""
    return call.symbol.partition(".")[0].partition("_")[0]


def _is_kept(call: CallSite) -> bool:
    """Whether what is made is kept for later calls."""
    return call.block in call.function.memo_blocks or call.function.memoised


def _is_of_module(project: Project, call: CallSite) -> bool:
    """Whether what is opened is a pool or client that a module holds: it opens once, whoever asks."""
    return isinstance(project.term(call.function, call.row.function), Name) and isinstance(
        getattr(call.callee, "receiver", None), InstanceValue
    )


def _is_left_open(project: Project, call: CallSite) -> bool:
    """Whether a function keeps what it opened to itself, and never closes it."""
    function = call.function
    made = bare(function.file, call.event.term)
    if call.event.use is not Use.ASSIGNED:
        return False
    for block in function.summary.blocks:
        if block.kind == BlockKind.WITH:
            entered = bare(function.file, block.terms[0])
            given = getattr(project.term(function, entered), "arguments", ())
            if made in (entered, *(bare(function.file, term) for term in given)):
                return False
    for other in function.calls:
        callee = project.term(function, other.row.function)
        if isinstance(callee, Attr) and callee.name in _CLOSES and bare(function.file, callee.base) == made:
            return False
    handed_on = (EventKind.RETURN, EventKind.YIELD, EventKind.SET_ATTR, EventKind.SET_ITEM)
    return not any(
        bare(function.file, term) == made
        for event in function.summary.events
        if event.kind in handed_on
        for term in (event.term, event.value)
        if term >= 0
    )


def _confidence(project: Project, call: CallSite, what: str, kept: bool) -> Confidence:
    if Effect.READS_FILE in call.effects:
        return Confidence.LOW
    if what == "request":
        return Confidence.HIGH
    return Confidence.MEDIUM if kept or _is_left_open(project, call) else Confidence.LOW


def _report(project: Project, findings: Findings, call: CallSite, what: str, kept: bool) -> None:
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
        confidence=_confidence(project, call, what, kept),
        advice=f"make it once, at module level or when the application starts, and reuse it in `{short_name(function)}`",
        evidence=reach.chain(function),
    )
