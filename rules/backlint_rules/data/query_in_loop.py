"""Queries inside loops."""

from backlint.api import BlockKind, Effect, Evidence, Findings, Project, Rule, Severity, Site, short_name
from backlint_rules.data._in_loop import (
    WRITING,
    InLoop,
    confidence,
    is_lazy_load,
    is_loaded,
    iterable_words,
    loop_evidence,
    nearness,
    pass_words,
    places_in_loops,
    writes_first,
)

_NEAR = 2
"""Calls between a loop and a query, up to which the query is told beside a write that comes first."""


class QueryInLoop(Rule):
    """Checks for database queries that run once per iteration of a loop.

    ## Why is this bad?
    Each query costs a round trip, about a millisecond in the same data centre. Twenty rows on a laptop
    go unnoticed; two thousand in production hold a worker and a pooled connection for seconds, and
    the time grows with the customer's data. The query often hides in a helper, a property or a
    repository method in another file, where the loop can't be seen.

    ## What to do instead
    Ask once for all: load the rows before the loop with `IN (…)`, a join, an aggregate (`annotate`,
    `GROUP BY`) or eager loading, and look them up in a dict inside it. A query that does not depend on the
    loop belongs before it.

    ## Confidence
    High where it is certain which function is called and that it queries; medium where one of several may
    be called, or where an outer query may have loaded the relation that is read.

    ## What it leaves alone
    The loop over the rows of one query (that is one query), chunks and pages, retries, loops that leave on
    their first pass, a handful of literal items, relations of the loop's rows (lazy-load-in-loop tells of them), building a query without sending it, memoised helpers and
    data loaders.

    ## How to tune it
    A helper that keeps what it has loaded, in a way that is not seen: give it the role `memoises`. A
    function that cuts into chunks: `batches`.

    ## References
    - [SQLAlchemy: what kind of loading to use](https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html)
    - [Django: database access optimization](https://docs.djangoproject.com/en/stable/topics/db/optimization/)
    """

    severity = Severity.WARNING
    independent = True
    tags = ("CWE-1073",)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at every place that queries, and at every call that leads to one, inside a loop."""
        for place in places_in_loops(project, findings, Effect.QUERIES):
            if not _speaks(project, place) or is_loaded(project, place) or is_lazy_load(project, place):
                continue
            evidence: tuple[Evidence, ...] = (loop_evidence(project, place),)
            if place.target is None:
                query = project.words(place.function, place.last.term) if place.last else "it"
                message = f"`{query}` queries the database once per {pass_words(project, place)}"
                advice = _advice(project, place)
            else:
                name = short_name(place.target)
                message = (
                    f"`{name}` queries the database, and is called once per {pass_words(project, place)}"
                )
                over = iterable_words(project, place)
                advice = f"load what `{name}` needs for all of {over} before the loop, and hand it in"
                evidence += project.effects.chain(place.target, Effect.QUERIES)
            findings.add(
                place.place,
                message,
                confidence=confidence(project, place),
                severity=_severity(project, place),
                advice=advice,
                evidence=evidence,
            )


def _speaks(project: Project, place: InLoop) -> bool:
    """Whether a query is what the place is about, or comes soon after what it writes, in code of its own."""
    if not writes_first(project, place):
        return True
    nearest = nearness(project, place, Effect.QUERIES)
    return place.target is not None and nearest is not None and nearest[0] <= _NEAR and _asks(place)


def _asks(place: InLoop) -> bool:
    """Whether the last statement only reads: an upsert or a refresh belongs to what is written."""
    return place.last is not None and not place.last.effects.intersection(WRITING)


def _severity(project: Project, place: InLoop) -> Severity:
    if project.is_handler(place.function) and project.iterates_rows(place.function, place.loop):
        return Severity.ERROR
    return Severity.WARNING


def _advice(project: Project, place: InLoop) -> str:
    variables = [name for name in place.loop.targets if name != "_"]
    site = place.place
    if (
        place.loop.kind != BlockKind.WHILE
        and variables
        and isinstance(site, Site)
        and not project.depends_on_loop(place.function, site.term, place.loop)
    ):
        return f"the query does not depend on `{variables[0]}`: run it once before the loop"
    over = iterable_words(project, place)
    return f"query once before the loop for all of {over} (`IN`, a join, an aggregate); look the result up inside"
