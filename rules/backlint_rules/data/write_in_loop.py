"""Writes inside loops."""

from backlint.api import (
    BlockKind,
    CallSite,
    Confidence,
    Effect,
    EventKind,
    Evidence,
    Findings,
    LinkedFunction,
    Project,
    QueryStep,
    Rule,
    Severity,
    Site,
    bare,
    short_name,
)
from backlint_rules.data._in_loop import (
    WRITING,
    InLoop,
    confidence,
    iterable_words,
    loop_evidence,
    nearness,
    pass_words,
    places_in_loops,
    writes_first,
)

_VERBS = {
    Effect.WRITES: "writes to the database",
    Effect.COMMITS: "commits",
    Effect.FLUSHES: "flushes the session",
}

_CHANGES = (QueryStep.CREATES, QueryStep.UPDATES, QueryStep.DELETES)
_NEAR = 2
"""Calls between a loop and a write, up to which the write is told beside a query that comes first."""


class WriteInLoop(Rule):
    """Checks for rows that are written, flushed or committed one at a time in a loop.

    ## Why is this bad?
    Each statement costs a round trip, and each commit a write to disk. A thousand rows take seconds
    that one statement would do in milliseconds; locks and the connection are held all the while, and
    a failure in the middle leaves the first half done when every pass commits.

    ## What to do instead
    Collect the rows in the loop and write them at once: `bulk_create`, `bulk_update`, `session.add_all`
    with one flush, `insert().values([...])`, `executemany`, `execute_values`, or one `UPDATE … FROM`. Commit once after the
    loop, or once per chunk in a long job.

    ## Confidence
    High where it is certain what is called; medium where one of several may be, and for a commit beside a
    call to another service, which may want a transaction for each item. Low where what is called asks another
    service first: its answers come one at a time.

    ## What it leaves alone
    `session.add` with one flush outside, bulk calls, chunks, branches that are taken once a chunk, flushes and
    commits that the call leaves switched off, a handful of literal items, and what a query
    in the same call says already (query-in-loop). Work on the messages of a queue or stream, one after the other,
    and a scope that commits around code which only reads.

    ## References
    - [Django: insert in bulk](https://docs.djangoproject.com/en/stable/topics/db/optimization/#insert-in-bulk)
    - [SQLAlchemy: ORM bulk statements](https://docs.sqlalchemy.org/en/20/orm/queryguide/dml.html)
    """

    severity = Severity.WARNING
    independent = True

    def check(self, project: Project, findings: Findings) -> None:
        """Look at every write, flush and commit inside a loop, and at every call that leads to one."""
        told: set[tuple[str, int, int]] = set()
        for effect in WRITING:
            for place in places_in_loops(project, findings, effect):
                key = (place.function.path, place.place.span.line, place.place.span.column)
                if key in told or not _speaks(project, place):
                    continue
                told.add(key)
                _report(project, findings, place)


def _speaks(project: Project, place: InLoop) -> bool:
    """Whether writing is what the place is about, or follows soon after what it reads."""
    if _commits_nothing(project, place):
        return False
    nearest = nearness(project, place, place.effect)
    return writes_first(project, place) or (nearest is not None and nearest[0] <= _NEAR)


def _commits_nothing(project: Project, place: InLoop) -> bool:
    """Whether a context manager that commits when it is left surrounds code that only reads."""
    function, target = place.function, place.target
    if target is None or place.effect is not Effect.COMMITS or not target.summary.is_generator:
        return False
    entered = {
        number
        for number, block in enumerate(function.summary.blocks)
        if block.kind == BlockKind.WITH and bare(function.file, block.terms[0]) == _called(place)
    }
    if not entered or any(
        target.key in project.effects.steps(one) for one in (Effect.WRITES, Effect.FLUSHES)
    ):
        return False
    if any(
        event.kind == EventKind.SET_ATTR and entered & project.enclosing(function, event.block)
        for event in function.summary.events
    ):
        return False
    return not any(
        entered & project.enclosing(function, call.block) and _may_write(project, call)
        for call in function.calls
    )


def _called(place: InLoop) -> int:
    return place.place.event.term if isinstance(place.place, CallSite) else -1


def _may_write(project: Project, call: CallSite) -> bool:
    """Whether a call changes rows, or nothing is known of what it does."""
    if call.entry is None and not call.targets:
        return True
    if call.entry is not None and any(kind in call.entry.query for kind in _CHANGES):
        return True
    return any(
        effect in call.effects or project.effects.target(call, effect) is not None
        for effect in (Effect.WRITES, Effect.FLUSHES, Effect.COMMITS)
    )


def _report(project: Project, findings: Findings, place: InLoop) -> None:
    verb = _VERBS[place.effect]
    evidence: tuple[Evidence, ...] = (loop_evidence(project, place),)
    if place.target is None:
        written = project.words(place.function, place.last.term) if place.last else "it"
        message = f"`{written}` {verb} once per {pass_words(project, place)}"
    else:
        message = f"`{short_name(place.target)}` {verb}, and is called once per {pass_words(project, place)}"
        evidence += project.effects.chain(place.target, place.effect)
    findings.add(
        place.place,
        message,
        confidence=_confidence(project, place),
        advice=_advice(project, place),
        evidence=evidence,
    )


def _confidence(project: Project, place: InLoop) -> Confidence:
    """Work that reaches out to others for each item may want a transaction for each item."""
    found = confidence(project, place)
    if place.target is not None and _goes_out(project, place.target):
        return Confidence.LOW
    if found is Confidence.HIGH and place.effect is Effect.COMMITS and _reaches_out(project, place):
        return Confidence.MEDIUM
    return found


def _goes_out(project: Project, target: LinkedFunction) -> bool:
    """Whether a function asks another service before it writes: what it writes comes one at a time."""
    asks = project.effects.steps(Effect.CALLS_NETWORK).get(target.key)
    writes = [project.effects.steps(effect).get(target.key) for effect in WRITING]
    return asks is not None and all(step is None or asks.order < step.order for step in writes)


def _reaches_out(project: Project, place: InLoop) -> bool:
    index = place.function.summary.blocks.index(place.loop)
    for call in place.function.calls:
        inside = index in project.enclosing(place.function, call.block)
        if inside and _has_any(project, call):
            return True
    return False


def _has_any(project: Project, call: CallSite | Site) -> bool:
    outside = (Effect.CALLS_NETWORK, Effect.SENDS_MAIL, Effect.ENQUEUES)
    if any(effect in call.effects for effect in outside):
        return True
    return isinstance(call, CallSite) and any(project.effects.target(call, effect) for effect in outside)


def _advice(project: Project, place: InLoop) -> str:
    over = iterable_words(project, place)
    if place.effect is Effect.WRITES:
        return f"collect the rows for all of {over} and write them in one statement after the loop"
    if place.effect is Effect.FLUSHES:
        return "flush once after the loop; give the rows their keys beforehand where the loop needs them"
    return "commit once after the loop, or once per chunk where the loop is long"
