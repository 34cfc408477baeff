"""Jobs enqueued inside an open transaction."""

from typing import NamedTuple

from backlint.api import (
    Attr,
    CallSite,
    Confidence,
    Effect,
    Evidence,
    Findings,
    InstanceValue,
    LinkedFunction,
    Project,
    Role,
    Rule,
    Severity,
    Site,
    Span,
    Value,
    bare,
    options,
    short_name,
)


class EnqueueInTransaction(Rule):
    """Checks for jobs that are enqueued while the transaction they depend on is still open.

    ## Why is this bad?
    A worker can take the job before the commit: it looks for a row that isn't there yet, fails, or works on
    the old values. When the transaction rolls back, the job runs for something that never happened: a
    confirmation for an order that doesn't exist.

    ## What to do instead
    Enqueue after the commit: `transaction.on_commit(lambda: task.delay(…))` or `delay_on_commit` in Django,
    after `session.commit()` or in an `after_commit` hook in SQLAlchemy, or write the job to an outbox table
    in the same transaction.

    ## Confidence
    High where it is certain that the call enqueues; medium where one of several functions may be called.

    ## What it leaves alone
    `on_commit`, `delay_on_commit`, enqueueing below the commit, retries of the job itself, and autocommit.

    ## How to tune it
    A helper of yours that runs its callback after the commit has the role `runs-later`; one that opens a
    transaction, `opens-transaction`.

    ## References
    - [Celery: database transactions](https://docs.celeryq.dev/en/stable/userguide/tasks.html#database-transactions)
    - [Django: performing actions after commit](https://docs.djangoproject.com/en/stable/topics/db/transactions/#performing-actions-after-commit)
    """

    severity = Severity.ERROR

    def check(self, project: Project, findings: Findings) -> None:
        """Look at what enqueues, and at calls that lead to it, inside a transaction."""
        through: dict[int, list[_Through]] = {}
        hazards: list[tuple[CallSite, CallSite]] = []
        told: set[tuple[object, Span]] = set()
        for call in project.calls():
            target = None
            if Effect.ENQUEUES not in call.effects:
                target = project.effects.target(call, Effect.ENQUEUES)
                if target is None:
                    continue
            elif call.entry is not None and call.entry.retry is not None:
                continue
            site = None if target is None else project.effects.last(target, Effect.ENQUEUES)
            if not any(findings.wants(place.function) for place in (call, site) if place is not None):
                continue
            opened = project.open_transaction(call)
            if opened is None and target is None:
                # What a request does all over is told where it enqueues, not at every call on the way there.
                opened = project.request_transaction(call)
            if opened is None:
                if target is None:
                    written = _written_before(project, call)
                    if written is not None:
                        hazards.append((call, written))
                continue
            if target is None:
                told.add((call.function.key, call.span))
                _report_direct(project, findings, call, opened)
                continue
            through.setdefault(id(site or call), []).append(_Through(call, target, opened, site))
        for calls in through.values():
            if calls[0].site is not None and (calls[0].site.function.key, calls[0].site.span) in told:
                continue
            at_once = 1 if _has_hook(project) else _FEW_CALLS
            if len(calls) > at_once and calls[0].site is not None:
                _report_site(project, findings, calls[0].site, calls)
            else:
                for one in calls:
                    _report_call(project, findings, one)
        led_to = {
            (one.site.function.key, one.site.span) for calls in through.values() for one in calls if one.site
        }
        for call, written in hazards:
            if (call.function.key, call.span) not in led_to:
                _report_hazard(project, findings, call, written)


_FEW_CALLS = 3
"""Calls that can each be moved below their commit."""


class _Through(NamedTuple):
    """A call inside a transaction that leads to what enqueues."""

    call: CallSite
    target: LinkedFunction
    opened: Evidence
    site: Site | None


def _written_before(project: Project, call: CallSite) -> CallSite | None:
    """The call just before that saves the very row which the job is given, uncommitted in this function."""
    function = call.function
    if function.key in project.jobs or function.index == 0 or project.is_handler(function):
        return None
    given = {
        term
        for argument in (*call.row.arguments, *(term for _, term in call.row.keywords))
        for term in project.terms_of(function, argument)
    }
    found = None
    for other in function.calls:
        if other.order >= call.order:
            break
        if Effect.COMMITS in other.effects or project.effects.target(other, Effect.COMMITS) is not None:
            found = None
        elif Effect.WRITES in other.effects and not given.isdisjoint(_row_of(project, other)):
            found = other
    return found


def _row_of(project: Project, call: CallSite) -> tuple[int, ...]:
    """The terms of the row that a call saves or makes."""
    callee = project.term(call.function, call.row.function)
    saved = (callee.base, bare(call.function.file, callee.base)) if isinstance(callee, Attr) else ()
    made = (call.event.term,) if _is_row(project, project.value(call.function, call.event.term)) else ()
    kept = saved if saved and _is_row(project, project.value(call.function, saved[0])) else ()
    return (*made, *kept)


def _is_row(project: Project, value: Value) -> bool:
    return any(
        isinstance(one, InstanceValue) and Role.STORES_ROWS in project.evaluator.roles(one)
        for one in options(value)
    )


def _report_hazard(project: Project, findings: Findings, call: CallSite, written: CallSite) -> None:
    queued = project.words(call.function, call.row.function)
    findings.add(
        call,
        f"`{queued}(…)` enqueues a job for a row that was just written: a caller's transaction may still be open",
        confidence=Confidence.LOW,
        advice=f"enqueue after the commit, whoever calls `{short_name(call.function)}`: "
        f"{_after(project, f'{queued}(…)')}",
        evidence=(Evidence(call.function.path, written.span, "the row is written here"),),
    )


def _has_hook(project: Project) -> bool:
    """Whether the place that enqueues can wait for the commit by itself: Django's `on_commit`."""
    return "django" in project.mentions


def _report_direct(project: Project, findings: Findings, call: CallSite, opened: Evidence) -> None:
    queued = project.words(call.function, call.row.function)
    findings.add(
        call,
        f"`{queued}(…)` enqueues a job before the transaction is committed",
        advice=f"enqueue after the commit: {_after(project, f'{queued}(…)')}",
        evidence=(opened,),
    )


def _after(project: Project, queued: str) -> str:
    return (
        f"`transaction.on_commit(lambda: {queued})`"
        if _has_hook(project)
        else f"move `{queued}` below the commit"
    )


def _report_call(project: Project, findings: Findings, one: _Through) -> None:
    name = short_name(one.target)
    hook = ", or let it enqueue with `transaction.on_commit`" if _has_hook(project) else ""
    findings.add(
        one.call,
        f"`{name}` enqueues a job, and is called before the transaction is committed",
        confidence=_confidence(project, one),
        advice=f"call `{name}` after the commit{hook}",
        evidence=(one.opened, *project.effects.chain(one.target, Effect.ENQUEUES)),
    )


def _report_site(project: Project, findings: Findings, site: Site, calls: list[_Through]) -> None:
    """One report where one change mends all of the calls."""
    name = short_name(site.function)
    evidence = []
    for one in calls:
        evidence += [
            Evidence(
                one.call.function.path, one.call.span, f"called here, in `{short_name(one.call.function)}`"
            ),
            one.opened,
        ]
    findings.add(
        site,
        f"`{name}` enqueues a job before the commit: {len(calls)} calls lead here inside a transaction",
        confidence=max((_confidence(project, one) for one in calls), key=lambda found: found.rank),
        advice=f"let `{name}` enqueue with `transaction.on_commit`, which runs at once where no transaction is open"
        if _has_hook(project)
        else f"let `{name}` keep the job until the session has committed, or write it to an outbox table",
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _confidence(project: Project, one: _Through) -> Confidence:
    return Confidence.HIGH if project.effects.is_plain(one.target, Effect.ENQUEUES) else Confidence.MEDIUM
