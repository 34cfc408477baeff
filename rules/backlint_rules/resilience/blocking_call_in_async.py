"""Blocking calls inside `async def`."""

from typing import NamedTuple

from backlint.api import (
    CallSite,
    Confidence,
    Effect,
    EventKind,
    Evidence,
    Findings,
    LinkedFunction,
    Project,
    Rule,
    Severity,
    Site,
    short_name,
)

_LOUD = (
    Effect.SLEEPS,
    Effect.CALLS_NETWORK,
    Effect.SENDS_MAIL,
    Effect.QUERIES,
    Effect.WRITES,
    Effect.COMMITS,
    Effect.RUNS_PROCESS,
    Effect.CACHES,
    Effect.HASHES_PASSWORD,
    Effect.WAITS,
    Effect.RENDERS,
    Effect.CONNECTS,
)
"""What blocks for milliseconds or longer whatever the input is."""
_AS_LONG_AS_THE_FILE = (Effect.READS_FILE, Effect.WRITES_FILE)
"""What blocks for as long as a file is large: it counts where requests or jobs wait meanwhile."""
_AT_START = ("lifespan", "startup", "shutdown", "on_startup", "on_shutdown")


class _Blocking(NamedTuple):
    place: Site | CallSite
    target: LinkedFunction | None
    last: Site


class BlockingCallInAsync(Rule):
    """Checks for synchronous work that holds the event loop inside an `async def` function.

    ## Why is this bad?
    An event loop runs one thing at a time. While a synchronous request, query, sleep or password hash waits,
    every other request of the process waits too, health checks included: one slow upstream turns into an
    outage of everything.

    ## What to do instead
    Use the asynchronous client, or move the call off the loop with `asyncio.to_thread`,
    `run_in_threadpool` or `sync_to_async`. A FastAPI handler or dependency that awaits nothing is better off as
    plain `def`: the framework then runs it in a thread.

    ## Confidence
    High for network, database, mail, sleeps, processes and password hashes; medium where one of several
    functions may be called, or a file's content is moved while a request waits; low for other work on
    files, and in code that runs when the application starts.

    ## What it leaves alone
    What is moved to a thread (`to_thread`, `run_in_executor`, `run_in_threadpool`, `sync_to_async`),
    asynchronous clients, plain `def` handlers, and coroutines that are awaited elsewhere.

    ## How to tune it
    Give the role `runs-in-thread` to a helper of yours that moves its callback off the loop.

    ## References
    - [FastAPI: concurrency and async / await](https://fastapi.tiangolo.com/async/)
    - [Python: developing with asyncio, running blocking code](https://docs.python.org/3/library/asyncio-dev.html#running-blocking-code)
    """

    severity = Severity.WARNING
    same_as = (
        "ruff:ASYNC210",
        "ruff:ASYNC220",
        "ruff:ASYNC221",
        "ruff:ASYNC222",
        "ruff:ASYNC230",
        "ruff:ASYNC251",
    )
    gathers = True
    independent = True

    def check(self, project: Project, findings: Findings) -> None:
        """Report each async function once, at its first blocking call, with the others as evidence."""
        for function in project.functions:
            if function.summary.is_async and findings.wants(function):
                found = _blocking(project, function)
                if found:
                    _report(project, findings, function, found)


def _blocking(project: Project, function: LinkedFunction) -> list[_Blocking]:
    """The places of an async function that block, the loudest first, then in order."""
    found: list[_Blocking] = []
    for site in function.sites:
        if Effect.BLOCKS in site.effects and not (site.event is not None and site.event.awaited):
            found.append(_Blocking(site, None, site))
    for call in function.calls:
        target = None if Effect.BLOCKS in call.effects else project.effects.target(call, Effect.BLOCKS)
        last = None if target is None else project.effects.last(target, Effect.BLOCKS)
        if target is not None and last is not None and not call.event.awaited:
            found.append(_Blocking(call, target, last))
    return sorted(found, key=lambda one: (not _is_loud(one.last), one.place.order))


def _is_loud(site: Site) -> bool:
    return any(effect in site.effects for effect in _LOUD)


def _report(project: Project, findings: Findings, function: LinkedFunction, found: list[_Blocking]) -> None:
    first, *others = found
    name = short_name(function)
    does = _does(first.last)
    if first.target is None:
        message = f"`{project.words(function, first.last.term)}` {does} and blocks the event loop in `{name}`"
    else:
        message = f"`{short_name(first.target)}` {does} and blocks the event loop in `{name}`"
    if others:
        message += f", and so {'do' if len(others) > 1 else 'does'} {len(others)} more of its calls"
    evidence = () if first.target is None else project.effects.chain(first.target, Effect.BLOCKS)
    findings.add(
        first.place,
        message,
        severity=Severity.ERROR
        if project.is_handler(function) and _is_loud(first.last)
        else Severity.WARNING,
        confidence=_confidence(project, function, first),
        advice=_advice(project, function, first),
        evidence=(
            *evidence,
            *(
                Evidence(
                    function.path, other.place.span, f"{_called(project, function, other)} blocks as well"
                )
                for other in others[:8]
            ),
        ),
    )


def _called(project: Project, function: LinkedFunction, one: _Blocking) -> str:
    name = project.words(function, one.last.term) if one.target is None else short_name(one.target)
    return f"`{name}`"


_VERBS = (
    (Effect.SLEEPS, "sleeps"),
    (Effect.RUNS_PROCESS, "waits for a process"),
    (Effect.SENDS_MAIL, "sends mail"),
    (Effect.HASHES_PASSWORD, "hashes a password"),
    (Effect.QUERIES, "queries the database"),
    (Effect.WRITES, "writes to the database"),
    (Effect.COMMITS, "commits"),
    (Effect.CALLS_NETWORK, "calls another service"),
    (Effect.CACHES, "asks the cache"),
    (Effect.WAITS, "waits"),
    (Effect.CONNECTS, "opens a connection"),
    (Effect.RENDERS, "does heavy work"),
    (Effect.READS_FILE, "reads a file"),
    (Effect.WRITES_FILE, "writes a file"),
    (Effect.CHANGES_FOLDER, "changes a folder"),
)


def _does(site: Site) -> str:
    return next((verb for effect, verb in _VERBS if effect in site.effects), "works synchronously")


def _confidence(project: Project, function: LinkedFunction, first: _Blocking) -> Confidence:
    if function.summary.name.rpartition(".")[2] in _AT_START:
        return Confidence.LOW
    if not _is_loud(first.last):
        moves_content = any(effect in first.last.effects for effect in _AS_LONG_AS_THE_FILE)
        served = function in project.per_request or function in project.per_job
        return Confidence.MEDIUM if moves_content and served else Confidence.LOW
    if first.target is not None and not project.effects.is_plain(first.target, Effect.BLOCKS):
        return Confidence.MEDIUM
    return Confidence.HIGH


def _advice(project: Project, function: LinkedFunction, first: _Blocking) -> str:
    called = _called(project, function, first)
    if project.is_handler(function) and not _awaits(function):
        return (
            f"`{short_name(function)}` awaits nothing: make it a plain `def`, which the framework runs in a thread, "
            f"or call {called} with `await asyncio.to_thread(…)`"
        )
    return f"use an asynchronous client, or run {called} in a thread with `await asyncio.to_thread(…)`"


def _awaits(function: LinkedFunction) -> bool:
    summary = function.summary
    return any(block.is_async for block in summary.blocks) or any(
        event.awaited for event in summary.events if event.kind in (EventKind.CALL, EventKind.TEST)
    )
