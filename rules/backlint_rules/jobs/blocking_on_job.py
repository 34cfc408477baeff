"""Waiting for a job where it was enqueued."""

from backlint.api import (
    BlockKind,
    CallSite,
    Confidence,
    Effect,
    Findings,
    InstanceValue,
    Project,
    Rule,
    Severity,
    options,
    short_name,
)


class BlockingOnJob(Rule):
    """Checks for handlers and jobs that enqueue a job and then wait for its result.

    ## Why is this bad?
    The request holds its worker and connection while the job waits in a queue behind all others: what was moved
    out of the request to make it fast now makes it slower. When jobs wait for jobs on the same workers, all
    of them can wait for each other and nothing runs again until someone restarts it.

    ## What to do instead
    Answer at once with the job's id and let the client ask for its state, or run the work in the request if it is
    needed there. Jobs that need each other are joined with a chain, a chord or a callback.

    ## References
    - [Celery: avoid launching synchronous subtasks](https://docs.celeryq.dev/en/stable/userguide/tasks.html#avoid-launching-synchronous-subtasks)
    """

    severity = Severity.ERROR

    def check(self, project: Project, findings: Findings) -> None:
        """Look at calls that wait, on objects that enqueueing gives."""
        results = _result_classes(project)
        for call in project.calls():
            waits = Effect.WAITS in call.effects
            if (waits or _is_polled(project, call)) and _is_result(project, call, results):
                _report(project, findings, call, waits)


def _result_classes(project: Project) -> frozenset[str]:
    """Classes that library functions which enqueue return: `AsyncResult`, `Job`."""
    entries = [*project.catalogue.functions.values()]
    for cls in project.catalogue.classes.values():
        entries.extend(cls.methods.values())
        if cls.call is not None:
            entries.append(cls.call)
    return frozenset(
        entry.returns for entry in entries if Effect.ENQUEUES in entry.effects and "." in entry.returns
    )


def _is_result(project: Project, call: CallSite, results: frozenset[str]) -> bool:
    receiver = getattr(call.callee, "receiver", None)
    return receiver is not None and any(
        isinstance(value, InstanceValue) and project.evaluator.classes.is_subclass(value.symbol, results)
        for value in options(receiver)
    )


def _is_polled(project: Project, call: CallSite) -> bool:
    """Whether a call is made over and over in a loop that sleeps in between."""
    loops = [block for block in call.function.blocks(call.block) if block.kind == BlockKind.WHILE]
    if not loops:
        return False
    index = call.function.summary.blocks.index(loops[0])
    return any(
        Effect.SLEEPS in other.effects and index in project.enclosing(call.function, other.block)
        for other in call.function.calls
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
