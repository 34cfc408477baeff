"""Rows that are made or changed after a look at the database, with nothing that keeps others from doing the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.api import Confidence, Evidence, Findings, LinkedFunction, Project, Rule, Severity, short_name
from backlint_rules.data._acts import Act, Acts
from backlint_rules.data._changes import Change, ChangeKind, Counters, change_after
from backlint_rules.data._looks import Look, LookKind, is_created, looks
from backlint_rules.data._races import (
    Locks,
    callers_handle,
    handles_violation,
    unique_tables,
    violations_answered,
)
from backlint_rules.data._states import Source, State, block_of, first_read, rows_in, states
from backlint_rules.data._written_counters import Counted, counted

if TYPE_CHECKING:
    from collections.abc import Iterator


_FEW_COLUMNS = 3
"""More columns than these make a likeness rather than a key."""


class CheckThenAct(Rule):
    """Checks for rows that are made or changed after a look at the database, without a constraint or lock behind it.

    That is a row that is created after a query found none, one more after they were counted or summed up, a
    balance that is compared and then counted down, a status that is checked and then set beside work that must
    be done once, and a row that is claimed after it was seen to be free.

    ## Why is this bad?
    Between the look and the change another request can do the same. Both find nothing, and both insert: a
    duplicate row, a booking above the capacity, money that is spent twice, or, where the column is unique, an
    error 500 for one of them. Double clicks and retried webhooks are enough.

    ## What to do instead
    Let the database decide: a unique constraint with an upsert (`ON CONFLICT`, `get_or_create`) or with the
    `IntegrityError` handled. Where a count or a balance is checked, lock the parent row first
    (`select_for_update`, `with_for_update`).

    ## Confidence
    Medium where a request or job runs the code and the query is known whole; low otherwise, and where a row
    whose status is checked was handed in. It is never high: whether two requests meet is not in the code.

    ## What it leaves alone
    A unique violation that is handled, here, by the callers or for the whole application; `get_or_create`,
    upserts, row locks, advisory locks and lock objects around or before the look, here or in a caller; columns
    that are set to the same value whoever comes first, with nothing else done; updates with the condition in
    their `WHERE`.

    ## References
    - [CWE-367: time-of-check time-of-use race condition](https://cwe.mitre.org/data/definitions/367.html)
    - [Django: get_or_create](https://docs.djangoproject.com/en/stable/ref/models/querysets/#get-or-create)
    - [PostgreSQL: INSERT … ON CONFLICT](https://www.postgresql.org/docs/current/sql-insert.html#SQL-ON-CONFLICT)
    """

    severity = Severity.WARNING
    independent = True
    tags = ("CWE-367",)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at every branch that depends on the database, and at what is made or changed after it."""
        acts, locks, counters = Acts(project), Locks(project), Counters(project)
        answered = violations_answered(project)
        unique = unique_tables(project) if answered else frozenset()
        for function in project.functions:
            if not function.index or not function.summary.blocks[1:] or not findings.wants(function):
                continue
            told: set[str] = set()
            for look, act in _created(project, function, acts, told):
                told.add(look.key)
                parent = function.summary.blocks[look.block].parent
                line = function.summary.blocks[look.block].line
                settled = _is_settled(project, function, look, act, answered, unique)
                if not settled and not locks.held(function, parent, line):
                    _report_created(project, findings, function, look, act)
            for one in counted(project, function):
                block = function.summary.blocks[one.block]
                if not locks.held(function, block.parent, block.line):
                    _report_counted(project, findings, function, one)
            for state, change in _changed(project, function, counters):
                block = block_of(function, state)
                if state.name not in told and not locks.held(function, block.parent, block.line):
                    _report_changed(project, findings, function, state, change)
                told.add(state.name)


def _created(
    project: Project, function: LinkedFunction, acts: Acts, told: set[str]
) -> Iterator[tuple[Look, Act]]:
    for look in looks(project, function):
        act = None if look.key in told else acts.after(function, look)
        if act is not None:
            yield look, act


def _changed(
    project: Project, function: LinkedFunction, counters: Counters
) -> Iterator[tuple[State, Change]]:
    for state in states(project, function):
        change = change_after(project, function, state, counters)
        if change is not None:
            yield state, change


def _is_settled(
    project: Project,
    function: LinkedFunction,
    look: Look,
    act: Act,
    answered: frozenset[str],
    unique: frozenset[str],
) -> bool:
    """Whether a violation of a unique constraint is handled.

    Repositories and document stores have duplicate-key errors of their own; a session raises the driver's.

    Args:
        answered: The violations that the application answers wherever they come from.
        unique: Tables whose unique columns only the migrations show.
    """
    if handles_violation(project, function, act.call.block, act.call.span.line):
        return True
    if look.kind == LookKind.COUNT:
        return False
    if callers_handle(project, function):
        return True
    raised = {name for name in answered if not is_created(act.call, look.key) or not name.startswith("Dup")}
    return bool(raised) and (_is_unique(project, look) or look.key in unique)


def _is_unique(project: Project, look: Look) -> bool:
    """Whether the columns that a look compares are a key of the table."""
    model = project.model(look.key)
    if model is None or look.query is None:
        return False
    columns = {one.column for one in project.filters(look.query) if one.equals}
    return bool(columns) and model.is_key(columns)


def _reached(project: Project, function: LinkedFunction) -> bool:
    return project.is_handler(function) or function in project.per_request or function in project.per_job


def _report_counted(project: Project, findings: Findings, function: LinkedFunction, one: Counted) -> None:
    findings.add(
        function,
        f"`{one.name}[{one.column!r}]` is checked and then counted on: two requests at once both pass",
        span=function.summary.blocks[one.block].span,
        confidence=Confidence.MEDIUM if _reached(project, function) else Confidence.LOW,
        advice=f"read the row `FOR UPDATE`, or put the check into the update (`WHERE … AND {one.column} > 0`) and "
        "look how many rows it changed",
        evidence=one.evidence,
    )


def _report_created(
    project: Project, findings: Findings, function: LinkedFunction, look: Look, act: Act
) -> None:
    name = look.key.rpartition(".")[2]
    query = look.query
    one = f"row of `{name}`" if query is not None and query.sql is not None else f"`{name}`"
    equal = [one.column for one in project.filters(query) if one.equals] if query is not None else []
    columns = {column.partition("__")[0] for column in equal}
    if look.kind == LookKind.COUNT:
        what = "counting them"
        end = f"two requests at once both pass, and make one {one} too many"
        advice = (
            f"lock the row that the `{name}` rows belong to before counting them, in the same transaction"
        )
    elif _is_unique(project, look) or (query is None):
        what = "looking whether there is one"
        end = "two requests at once both find none, and one of them fails with an unhandled unique violation"
        advice = f"make the {one} with an upsert or get-or-create, or handle the unique violation"
    else:
        what = "looking whether there is one"
        end = f"two requests at once both find none, and make a {one} each"
        named = ", ".join(f"`{one}`" for one in sorted(columns))
        on = f" on {named}" if 0 < len(columns) <= _FEW_COLUMNS else ""
        advice = f"add a unique constraint{on}, and make the {one} with an upsert or handle the violation"
    # A condition more would make a count smaller, and the race no other.
    whole = query is None or query.complete or look.kind == LookKind.COUNT
    sure = _reached(project, function) and whole and len(act.evidence) <= 2
    findings.add(
        function,
        f"`{short_name(function)}` makes a {one} after {what}: {end}",
        span=function.summary.blocks[look.block].span,
        confidence=Confidence.MEDIUM if sure else Confidence.LOW,
        advice=advice,
        evidence=(*_limited_by(project, function, look), look.evidence, *act.evidence),
    )


def _limited_by(project: Project, function: LinkedFunction, look: Look) -> Iterator[Evidence]:
    """Where the row whose column says how many there may be is first looked at."""
    block = function.summary.blocks[look.block]
    if look.kind != LookKind.COUNT:
        return
    for row, name in rows_in(project, function, block.terms[0]):
        first = first_read(project, function, row, name)
        if first is not None and first.span.line != block.line:
            yield first


def _report_changed(
    project: Project, findings: Findings, function: LinkedFunction, state: State, change: Change
) -> None:
    column = f"`{state.name}.{state.column}`"
    model = state.model.rpartition(".")[2]
    if change.kind == ChangeKind.COUNTED:
        message = (
            f"{column} is checked and then counted on: two requests at once both pass, and one change is lost"
        )
    elif change.kind == ChangeKind.CLAIMED:
        message = f"{column} is checked and then set: two requests at once both pass, and the second overwrites the first"
    elif change.kind == ChangeKind.CHARGED:
        message = (
            f"{column} is compared before {change.what} is made: two requests at once both pass the limit"
        )
    else:
        message = f"{column} is checked and then set: two requests at once both pass, and each {change.what}"
    evidence = [Evidence(function.path, block_of(function, state).span, f"{column} is checked here")]
    first = first_read(project, function, state.row, state.name)
    if first is not None and first.span.line != evidence[0].span.line:
        evidence.insert(0, first)
    known = state.source == Source.LOADED or change.kind == ChangeKind.COUNTED
    sure = known and state.source != Source.LISTED and _reached(project, function)
    findings.add(
        function,
        message,
        span=block_of(function, state).span,
        confidence=Confidence.MEDIUM if sure else Confidence.LOW,
        advice=f"lock the `{model}` before the check, or put the condition into the `WHERE` of the update and look how many rows it changed",
        evidence=(*evidence, *change.evidence),
    )
