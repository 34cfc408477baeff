"""Queries inside loops."""

from backlint.api import (
    Attr,
    Block,
    BlockKind,
    Call,
    CallSite,
    Confidence,
    Effect,
    Evidence,
    Findings,
    LinkedFunction,
    Project,
    Role,
    Rule,
    Severity,
    Site,
    bare,
    short_name,
)


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

    ## References
    - [SQLAlchemy: what kind of loading to use](https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html)
    - [Django: database access optimization](https://docs.djangoproject.com/en/stable/topics/db/optimization/)
    """

    severity = Severity.WARNING
    tags = ("CWE-1073",)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at every place that queries, and at every call that leads to one, inside a loop."""
        for function in project.functions:
            if not function.index:
                continue
            seen: set[tuple[int, int]] = set()
            for site in function.sites:
                if Effect.QUERIES not in site.effects:
                    continue
                loop = project.repeating_loop(function, site.block)
                key = (site.term, loop.span.line) if loop is not None else (-1, -1)
                if loop is not None and key not in seen:
                    seen.add(key)
                    _report_site(project, findings, site, loop)
            for call in function.calls:
                if Effect.QUERIES in call.effects:
                    continue
                target = project.effects.target(call, Effect.QUERIES)
                loop = None if target is None else project.repeating_loop(function, call.block)
                if target is not None and loop is not None and target is not function:
                    _report_call(project, findings, call, target, loop)


def _report_site(project: Project, findings: Findings, site: Site, loop: Block) -> None:
    function = site.function
    query = project.words(function, site.term)
    findings.add(
        site,
        f"`{query}` queries the database once per {_pass(project, function, loop)}",
        confidence=_confidence(project, loop, site, plain=site.event is None or _is_resolved(site)),
        severity=_severity(project, function, loop),
        advice=_advice(project, function, loop, site.term),
        evidence=(_loop_evidence(project, function, loop),),
    )


def _report_call(
    project: Project, findings: Findings, call: CallSite, target: LinkedFunction, loop: Block
) -> None:
    function = call.function
    name = short_name(target)
    last = project.effects.last(target, Effect.QUERIES)
    over = _iterable(project, function, loop)
    findings.add(
        call,
        f"`{name}` queries the database, and is called once per {_pass(project, function, loop)}",
        confidence=_confidence(project, loop, last, plain=_is_plain(project, call, target)),
        severity=_severity(project, function, loop),
        advice=f"load what `{name}` needs for all of {over} before the loop, and hand it in",
        evidence=(
            _loop_evidence(project, function, loop),
            *project.effects.chain(target, Effect.QUERIES),
        ),
    )


def _is_resolved(site: Site) -> bool:
    """Whether the query is known by type, not only by the SQL text it is given."""
    call = next((call for call in site.function.calls if call.event is site.event), None)
    return call is not None and call.entry is not None


def _pass(project: Project, function: LinkedFunction, loop: Block) -> str:
    if loop.kind == BlockKind.WHILE:
        return f"pass of the `while` loop at line {loop.line}"
    variable = ", ".join(loop.targets)
    return f"`{variable}` of {_iterable(project, function, loop)}" if variable else "element"


def _iterable(project: Project, function: LinkedFunction, loop: Block) -> str:
    return f"`{project.words(function, loop.terms[0])}`" if loop.terms else "the loop"


def _loop_evidence(project: Project, function: LinkedFunction, loop: Block) -> Evidence:
    kind = "comprehension" if loop.kind == BlockKind.COMPREHENSION else "loop"
    rows = " over the rows of a query" if project.iterates_rows(function, loop) else ""
    return Evidence(function.path, loop.span, f"the {kind}{rows}")


def _severity(project: Project, function: LinkedFunction, loop: Block) -> Severity:
    if project.is_handler(function) and project.iterates_rows(function, loop):
        return Severity.ERROR
    return Severity.WARNING


def _confidence(project: Project, loop: Block, site: Site | None, *, plain: bool) -> Confidence:
    if loop.kind == BlockKind.WHILE or not plain:
        return Confidence.MEDIUM
    if site is not None and _reads_relation(project, site):
        return Confidence.MEDIUM
    return Confidence.HIGH


def _is_plain(project: Project, call: CallSite, target: LinkedFunction) -> bool:
    """Whether a call can only mean one function, and leads to the query over a few such calls."""
    return len(call.targets) == 1 and project.effects.is_plain(target, Effect.QUERIES)


def _reads_relation(project: Project, site: Site) -> bool:
    """Whether a query reads all rows of a relation: no query is sent when an outer query has loaded them."""
    row = project.term(site.function, bare(site.function.file, site.term))
    while isinstance(row, Call):
        callee = project.term(site.function, row.function)
        if not isinstance(callee, Attr) or callee.name != "all":
            return False
        base = bare(site.function.file, callee.base)
        if Role.RELATES in project.evaluator.roles(project.value(site.function, base)):
            return True
        row = project.term(site.function, base)
    return False


def _advice(project: Project, function: LinkedFunction, loop: Block, term: int) -> str:
    variables = [name for name in loop.targets if name != "_"]
    if loop.kind != BlockKind.WHILE and variables and not project.depends_on_loop(function, term, loop):
        return f"the query does not depend on `{variables[0]}`: run it once before the loop"
    over = _iterable(project, function, loop)
    return (
        f"query once before the loop for all of {over} (`IN`, a join or an aggregate), and look the result up "
        "inside"
    )
