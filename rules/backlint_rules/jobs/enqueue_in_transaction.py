"""Jobs enqueued inside an open transaction."""

from typing import NamedTuple

from backlint.api import (
    CallSite,
    Confidence,
    Effect,
    Evidence,
    Findings,
    LinkedFunction,
    Project,
    Rule,
    Severity,
    Site,
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

    ## References
    - [Celery: database transactions](https://docs.celeryq.dev/en/stable/userguide/tasks.html#database-transactions)
    - [Django: performing actions after commit](https://docs.djangoproject.com/en/stable/topics/db/transactions/#performing-actions-after-commit)
    """

    severity = Severity.ERROR

    def check(self, project: Project, findings: Findings) -> None:
        """Look at what enqueues, and at calls that lead to it, inside a transaction."""
        through: dict[int, list[_Through]] = {}
        for call in project.calls():
            target = None
            if Effect.ENQUEUES not in call.effects:
                target = project.effects.target(call, Effect.ENQUEUES)
                if target is None:
                    continue
            elif call.entry is not None and call.entry.retry is not None:
                continue
            opened = project.open_transaction(call)
            if opened is None:
                continue
            if target is None:
                _report_direct(project, findings, call, opened)
                continue
            site = project.effects.last(target, Effect.ENQUEUES)
            through.setdefault(id(site or call), []).append(_Through(call, target, opened, site))
        for calls in through.values():
            if len(calls) > 1 and calls[0].site is not None and _has_hook(project):
                _report_site(project, findings, calls[0].site, calls)
            else:
                for one in calls:
                    _report_call(project, findings, one)


class _Through(NamedTuple):
    """A call inside a transaction that leads to what enqueues."""

    call: CallSite
    target: LinkedFunction
    opened: Evidence
    site: Site | None


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
        advice=f"let `{name}` enqueue with `transaction.on_commit`, which runs at once where no transaction is open",
        evidence=tuple(dict.fromkeys(evidence)),
    )


def _confidence(project: Project, one: _Through) -> Confidence:
    return Confidence.HIGH if project.effects.is_plain(one.target, Effect.ENQUEUES) else Confidence.MEDIUM
