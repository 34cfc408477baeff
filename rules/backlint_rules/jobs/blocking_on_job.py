"""Waiting for a job where it was enqueued."""

from collections.abc import Iterator

from backlint.api import (
    Attr,
    BlockKind,
    CallSite,
    Confidence,
    Effect,
    Evidence,
    Findings,
    LibraryFunction,
    LinkedFunction,
    Local,
    Param,
    Project,
    Role,
    Rule,
    Severity,
    options,
    short_name,
)
from backlint_rules.jobs._results import is_job_result, is_of_job_result

_LOOKS = (Effect.QUERIES, Effect.CACHES)


class BlockingOnJob(Rule):
    """Checks for handlers and jobs that enqueue a job and then wait for its result.

    ## Why is this bad?
    The request holds its worker and connection while the job waits in a queue behind all others: what was moved
    out of the request to make it fast now makes it slower. When jobs wait for jobs on the same workers, all
    of them can wait for each other and nothing runs again until someone restarts it.

    ## What to do instead
    Answer at once with the job's id and let the client ask for its state, or run the work in the request if it is
    needed there. Jobs that need each other are joined with a chain, a chord or a callback.

    ## Confidence
    High inside a request or another job; medium where it is not known who calls the code.

    ## What it leaves alone
    Tests, scripts, chains and chords, and other objects that have a `get`.

    ## References
    - [Celery: avoid launching synchronous subtasks](https://docs.celeryq.dev/en/stable/userguide/tasks.html#avoid-launching-synchronous-subtasks)
    """

    severity = Severity.ERROR
    independent = True

    def check(self, project: Project, findings: Findings) -> None:
        """Look at calls that wait, on objects that enqueueing gives."""
        for call in project.calls():
            if not findings.wants(call.function):
                continue
            waits = Effect.WAITS in call.effects and not _is_told_not_to(project, call)
            if Role.RUNS_IN_THREAD in project.roles(call) and _hands_over_wait(project, call):
                _report(project, findings, call, True)
            if (waits or _is_polled(project, call)) and is_job_result(project, call):
                _report(project, findings, call, waits)
        for function in project.functions:
            for call, polled in _polls_outcome(project, function) if findings.wants(function) else ():
                if function in project.per_request or function in project.per_job:
                    _report_outcome(project, findings, call, polled)


def _is_told_not_to(project: Project, call: CallSite) -> bool:
    """Whether a call that may wait is told not to: `get_result(block=False)`, `timeout=0`."""
    timeout = call.entry.timeout if call.entry is not None else None
    given = [call.argument(None, name) for name in timeout.parameters] if timeout is not None else []
    return any(project.constant(call.function, term) in (False, 0) for term in given if term is not None)


def _hands_over_wait(project: Project, call: CallSite) -> bool:
    """Whether a thread is given the wait for a job: the loop is free then, and the request waits all the same."""
    entry = call.entry
    for argument in (*entry.calls, *entry.defers) if entry is not None else ():
        term = call.argument(argument) if isinstance(argument, int) else None
        for value in options(project.value(call.function, term)) if term is not None else ():
            if (
                isinstance(value, LibraryFunction)
                and Effect.WAITS in value.entry.effects
                and is_of_job_result(project, value)
            ):
                return call.event.awaited
    return False


def _is_polled(project: Project, call: CallSite) -> bool:
    """Whether a call is made over and over in a loop that sleeps in between."""
    loops = [
        block for block in call.function.blocks(call.block) if block.kind in (BlockKind.WHILE, BlockKind.FOR)
    ]
    if not loops:
        return False
    index = call.function.summary.blocks.index(loops[0])
    return any(
        Effect.SLEEPS in other.effects and index in project.enclosing(call.function, other.block)
        for other in call.function.calls
    )


def _polls_outcome(
    project: Project, function: LinkedFunction
) -> Iterator[tuple[CallSite, tuple[Evidence, ...]]]:
    """Calls that look again and again for what a job was given to do, after it was enqueued."""
    enqueued: set[int] = set()
    handles: set[int] = set()
    for call in function.calls:
        if any(effect in call.effects for effect in _LOOKS) and not handles.isdisjoint(_given(project, call)):
            if _is_polled(project, call):
                yield call, ()
        elif Effect.ENQUEUES in call.effects or project.effects.target(call, Effect.ENQUEUES) is not None:
            enqueued.update(_shared(project, call))
            handles.add(call.event.term)
        elif enqueued and not enqueued.isdisjoint(_shared(project, call)):
            for target in call.targets:
                polled = _polling(project, project.graph.functions[target])
                if polled is not None:
                    yield call, (polled,)
            if any(effect in call.effects for effect in _LOOKS) and _is_polled(project, call):
                yield call, ()


def _given(project: Project, call: CallSite) -> set[int]:
    """The terms of all that a call is given."""
    given = (*call.row.arguments, *(term for _, term in call.row.keywords))
    return {term for argument in given for term in project.terms_of(call.function, argument)}


def _shared(project: Project, call: CallSite) -> set[int]:
    """What a call is given that says which thing it is about: no constants, functions or modules."""
    return {
        term
        for term in _given(project, call)
        if isinstance(project.term(call.function, term), Attr | Param | Local)
    }


def _polling(project: Project, function: LinkedFunction) -> Evidence | None:
    """The loop in which a function sleeps and looks whether something is done."""
    for call in function.calls:
        looks = any(
            effect in call.effects or project.effects.target(call, effect) is not None for effect in _LOOKS
        )
        for block in function.loops(call.block) if looks else ():
            index = function.summary.blocks.index(block)
            if any(
                Effect.SLEEPS in other.effects and index in project.enclosing(function, other.block)
                for other in function.calls
            ):
                return Evidence(
                    function.path, block.span, f"`{short_name(function)}` looks and sleeps in this loop"
                )
    return None


def _report_outcome(
    project: Project, findings: Findings, call: CallSite, polled: tuple[Evidence, ...]
) -> None:
    function = call.function
    reach = project.per_request if function in project.per_request else project.per_job
    place = "request" if function in project.per_request else "job"
    findings.add(
        call,
        f"`{project.words(function, call.event.term)}` polls inside a {place} for what the job leaves behind",
        confidence=Confidence.MEDIUM,
        advice=f"hand the id to the caller of `{short_name(function)}`, which asks for the state later",
        evidence=(*polled, *reach.chain(function)),
    )


def _report(project: Project, findings: Findings, call: CallSite, waits: bool) -> None:
    function = call.function
    in_request, in_job = function in project.per_request, function in project.per_job
    reach = project.per_request if in_request else project.per_job
    place = "request" if in_request else "job"
    what = project.words(function, call.event.term)
    verb = "waits for a job" if waits else "polls a job"
    if in_request or in_job:
        message = f"`{what}` {verb} inside a {place}"
    else:
        message = f"`{what}` {verb} where it was enqueued"
    findings.add(
        call,
        message,
        confidence=Confidence.HIGH if in_request or in_job else Confidence.MEDIUM,
        severity=Severity.ERROR if in_request or in_job else Severity.WARNING,
        advice=f"hand the job's id to the caller of `{short_name(function)}`, or join the jobs with a chain or callback",
        evidence=reach.chain(function) if in_request or in_job else (),
    )
