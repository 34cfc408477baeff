"""Jobs enqueued inside an open transaction."""

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
        for call in project.calls():
            target = None
            if Effect.ENQUEUES not in call.effects:
                target = project.effects.target(call, Effect.ENQUEUES)
                if target is None:
                    continue
            elif call.entry is not None and call.entry.retry is not None:
                continue
            opened = project.open_transaction(call)
            if opened is not None:
                _report(project, findings, call, target, opened)


def _report(
    project: Project, findings: Findings, call: CallSite, target: LinkedFunction | None, opened: Evidence
) -> None:
    function = call.function
    if target is None:
        queued = project.words(function, call.row.function)
        message = f"`{queued}(…)` enqueues a job before the transaction is committed"
        advice = (
            f"enqueue after the commit: `transaction.on_commit(lambda: {queued}(…))`, or below the commit"
        )
        evidence: tuple[Evidence, ...] = (opened,)
    else:
        name = short_name(target)
        message = f"`{name}` enqueues a job, and is called before the transaction is committed"
        advice = f"call `{name}` after the commit, or let it enqueue with `transaction.on_commit`"
        evidence = (opened, *project.effects.chain(target, Effect.ENQUEUES))
    plain = target is None or project.effects.is_plain(target, Effect.ENQUEUES)
    findings.add(
        call,
        message,
        confidence=Confidence.HIGH if plain else Confidence.MEDIUM,
        advice=advice,
        evidence=evidence,
    )
