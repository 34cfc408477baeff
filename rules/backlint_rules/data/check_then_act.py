"""Rows that are made after a look whether they exist, with nothing that keeps others from doing the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.api import (
    Block,
    BlockKind,
    Call,
    CallSite,
    ClassValue,
    Confidence,
    Evidence,
    Findings,
    LinkedFunction,
    Project,
    Query,
    QueryStep,
    Rule,
    Severity,
    options,
    short_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOKS = (QueryStep.ONE, QueryStep.BY_KEY, QueryStep.EXISTS, QueryStep.COUNTS)
_VIOLATIONS = re.compile(
    r"(?:IntegrityError|UniqueViolation|UniqueViolationError|DuplicateKeyError|NotUniqueError|Exception)$"
)
_LOCKS = re.compile(r"(?:^|_)(?:lock|locked|mutex|advisory|for_update)(?:_|$)", re.IGNORECASE)


class CheckThenAct(Rule):
    """Checks for rows that are created after a query found none, without a constraint or lock behind it.

    ## Why is this bad?
    Between the query and the insert another request can do the same. Both find nothing, and both insert: a
    duplicate row, a booking above the capacity, or, where the column is unique, an error 500 for one of
    them. Double clicks and retried webhooks are enough.

    ## What to do instead
    Let the database decide: a unique constraint with an upsert (`ON CONFLICT`, `get_or_create`) or with the
    `IntegrityError` handled. Where a count or a balance is checked, lock the parent row first
    (`select_for_update`, `with_for_update`).

    ## References
    - [CWE-367: time-of-check time-of-use race condition](https://cwe.mitre.org/data/definitions/367.html)
    - [Django: get_or_create](https://docs.djangoproject.com/en/stable/ref/models/querysets/#get-or-create)
    - [PostgreSQL: INSERT … ON CONFLICT](https://www.postgresql.org/docs/current/sql-insert.html#SQL-ON-CONFLICT)
    """

    severity = Severity.WARNING
    tags = ("CWE-367",)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at every branch that depends on a query, and at what is created after it."""
        for function in project.functions:
            if not function.index or not any(block.kind == BlockKind.IF for block in function.summary.blocks):
                continue
            told: set[str] = set()
            for number, block in enumerate(function.summary.blocks):
                if block.kind not in (BlockKind.IF, BlockKind.ELSE) or not block.terms:
                    continue
                for query in _queries(project, function, block.terms[0]):
                    made = _created(project, function, query, number, block)
                    if made is None or query.model in told or _is_guarded(project, function, block, made):
                        continue
                    told.add(query.model)
                    _report(project, findings, function, block, query, made)


def _queries(project: Project, function: LinkedFunction, test: int) -> Iterator[Query]:
    """Queries for a row, or for how many there are, that a test depends on."""
    for index in project.terms_of(function, test):
        if not isinstance(project.term(function, index), Call):
            continue
        query = project.query(function, index)
        if query is None or not query.model or not query.may_have(*_LOOKS):
            continue
        if not query.may_have(QueryStep.LOCKS, QueryStep.CREATES, QueryStep.UPDATES, QueryStep.DELETES):
            yield query


def _created(
    project: Project, function: LinkedFunction, query: Query, number: int, block: Block
) -> CallSite | None:
    """The first row of the same table that is made where the test said that there is none."""
    counts = query.may_have(QueryStep.COUNTS)
    for call in function.calls:
        inside = number in project.enclosing(function, call.block)
        after = call.span.line > block.end_line and block.leaves
        if call.span.line < block.line or not (inside or (after and block.kind == BlockKind.IF)):
            continue
        if any(isinstance(one, ClassValue) and one.symbol == query.model for one in options(call.callee)):
            return call
        steps = call.entry.query if call.entry is not None else ()
        if QueryStep.CREATES in steps and not call.row.arguments:
            name = project.words(function, call.row.function).rpartition(".")[2]
            made = project.query(function, call.event.term)
            if made is not None and made.model == query.model and (counts or "_or_" not in name):
                return call
    return None


def _is_guarded(project: Project, function: LinkedFunction, block: Block, made: CallSite) -> bool:
    """Whether a violation is handled, or a lock is taken before the look."""
    for one in function.summary.blocks:
        if one.kind == BlockKind.TRY and one.end_line >= made.span.line:
            names = [project.words(function, term) for term in one.terms]
            if not names or any(_VIOLATIONS.search(name) for name in names):
                return True
        if one.kind == BlockKind.WITH and any(_LOCKS.search(project.words(function, t)) for t in one.terms):
            return True
    for call in function.calls:
        if call.span.line > block.line:
            continue
        if call.entry is not None and QueryStep.LOCKS in call.entry.query:
            return True
        if _LOCKS.search(project.words(function, call.row.function).replace(".", "_")):
            return True
        for key in call.targets:
            target = project.graph.functions[key]
            if any(
                inner.entry is not None and QueryStep.LOCKS in inner.entry.query for inner in target.calls
            ):
                return True
    return False


def _report(
    project: Project, findings: Findings, function: LinkedFunction, block: Block, query: Query, made: CallSite
) -> None:
    name = query.model.rpartition(".")[2]
    counts = query.may_have(QueryStep.COUNTS)
    model = project.model(query.model)
    columns = {one.column for one in project.filters(query) if one.equals}
    unique = model is not None and bool(columns) and model.is_key(columns)
    if counts:
        end = f"two requests at once both pass, and make one `{name}` too many"
        advice = (
            f"lock the row that the `{name}` rows belong to before counting them, in the same transaction"
        )
    elif unique:
        end = "two requests at once both find none, and one of them fails with an unhandled unique violation"
        advice = f"make the `{name}` with an upsert or get-or-create, or handle the unique violation"
    else:
        end = f"two requests at once both find none, and make a `{name}` each"
        on = f" on {', '.join(f'`{one}`' for one in sorted(columns))}" if columns else ""
        advice = f"add a unique constraint{on}, and make the `{name}` with an upsert or handle the violation"
    evidence = [Evidence(function.path, made.span, f"the `{name}` is made here")]
    if query.origin is not None:
        evidence.insert(
            0, Evidence(query.origin.file.summary.path, query.origin.span, "the look whether there is one")
        )
    reached = project.is_handler(function) or function in project.per_request or function in project.per_job
    findings.add(
        function,
        f"`{short_name(function)}` makes a `{name}` after looking whether there is one: {end}",
        span=block.span,
        confidence=Confidence.MEDIUM if reached and query.complete else Confidence.LOW,
        advice=advice,
        evidence=tuple(evidence),
    )
