"""Queries that give as many rows as there are."""

from collections.abc import Iterator

from backlint.api import (
    SERVICE_CODE,
    Attr,
    Call,
    CallSite,
    Confidence,
    Effect,
    EventKind,
    Evidence,
    Findings,
    FunctionValue,
    LinkedFunction,
    Mapping,
    Project,
    Query,
    QueryStep,
    Role,
    Rule,
    Sequence,
    Severity,
    Span,
    Use,
    bare,
    options,
    short_name,
    statement_effects,
)
from backlint_rules.data._growth import Fetch, confidence, narrowed, plain
from backlint_rules.data._listing import list_views

_WRITES = (QueryStep.CREATES, QueryStep.UPDATES, QueryStep.DELETES)

_NARROWS = frozenset({QueryStep.FILTERS, QueryStep.EXCLUDES})

_READERS = 4
"""Places that are named beside the one that is told."""


class UnboundedQuery(Rule):
    """Checks for queries in handlers and jobs that load as many rows as the table has.

    ## Why is this bad?
    With a hundred rows in development the list is instant. With a million in production the same
    request reads them all, builds an object for each and serialises it: the worker runs out of memory, the
    database connection is held for minutes, and anybody who knows the address can make it happen.

    ## What to do instead
    Give a list a limit and a way to the next page (a cursor on an indexed key). Let a job work in
    batches: `iterator()`, `yield_per`, or `LIMIT` until nothing is left. Where only a number is needed,
    let the database count.

    ## Confidence
    It goes by who fetches and for what: high for a handler that hands out rows of a table that grows with
    time, and for jobs; medium for other functions whose rows a handler answers with, and for workers and programs
    of the service's own; lower where the rows are those of one parent (a tenant that owns most tables is none, nor
    one of a few categories), where the table keeps no date at all, or where the rows are used inside only. Tables whose
    names say that they are small, code that nothing runs, and deletes in jobs for which Django loads the rows, are low.

    ## What it leaves alone
    Limits, slices, look-ups by key, aggregates, counts, `IN` over a bounded list, streaming (`iterator`,
    `yield_per`), and pagination by default settings.

    ## How to tune it
    In `review` a list of one customer's few rows may still be shown; raise what you accept with a comment
    that says why it stays small.

    ## References
    - [OWASP API4:2023 Unrestricted Resource Consumption](https://owasp.org/API-Security/editions/2023/en/0xa4-unrestricted-resource-consumption/)
    - [Django: iterator()](https://docs.djangoproject.com/en/stable/ref/models/querysets/#iterator)
    """

    severity = Severity.WARNING
    tags = ("CWE-770", "OWASP-API4")

    def check(self, project: Project, findings: Findings) -> None:
        """Look at every place where rows are fetched, and at views that list a query set by themselves."""
        reported: set[object] = set()
        for function in project.functions:
            if not function.index or not findings.wants(function):
                continue
            for place in _fetches(project, function):
                query = project.query(function, place.term)
                if query is None or query.origin is None or _identity(query) in reported:
                    continue
                if _is_unbounded(project, function, query):
                    again = (query.origin, query.model) in reported
                    reported |= {_identity(query), (query.origin, query.model)}
                    _report(project, findings, place, query, again=again)
            _check_deletes(project, findings, function)
        for view in list_views(project):
            if not project.bounds(view.query) and not view.query.streamed:
                findings.add(
                    view.place,
                    f"`{view.name}` lists every `{_model(view.query) or 'row'}`: "
                    + (
                        "no pagination class here or by default" if view.has_default else f"no `{view.pages}`"
                    ),
                    span=view.span,
                    evidence=(Evidence(view.place.path, view.head, "the view, which sets no pagination"),),
                    advice=f"set `{view.pages}` on the view"
                    + (", or DEFAULT_PAGINATION_CLASS and PAGE_SIZE for all" if view.has_default else ""),
                )


def _check_deletes(project: Project, findings: Findings, function: LinkedFunction) -> None:
    """Look at the deletes of a job for which the ORM loads the rows, and those that hang on them."""
    if function.key not in project.jobs and function not in project.per_job:
        return
    for call in function.calls:
        if call.entry is None or QueryStep.FETCHES not in call.entry.query:
            continue
        query = project.query(function, call.event.term)
        hanging = _hanging(project, query.model) if query is not None and query.model else ""
        if query is None or not hanging or not query.complete or query.parent is not None:
            continue
        if not project.filters(query) or narrowed(project, query, all_shown=False) or project.bounds(query):
            continue
        model = _model(query)
        findings.add(
            function,
            f"`delete()` loads every `{model}` that matches, and each `{hanging}` that hangs on it, however many there are",
            span=call.span,
            confidence=Confidence.LOW,
            advice=f"delete in batches: take the keys of a limited number of `{model}` rows at a time",
        )


def _hanging(project: Project, symbol: str) -> str:
    """A class whose rows refer to those of another, so that deleting these has to look at them."""
    for model in project.models:
        for one in model.relations.values():
            if one.target == symbol and not one.many and not one.reverse and model.symbol != symbol:
                return model.symbol.rpartition(".")[2]
    return ""


def _identity(query: Query) -> tuple[object, ...]:
    """What makes two fetches those of one query: where it begins, and the function that last says which rows."""
    narrowed = next((step.place for step in reversed(query.steps) if _NARROWS.intersection(step.kinds)), None)
    place = narrowed or query.origin
    return query.origin, query.model, place and (place.file.index, place.function)


def _fetches(project: Project, function: LinkedFunction) -> Iterator[Fetch]:
    """Where a function sends queries, hands queries on to be shown, or has a helper run its statement."""
    parents = _receivers(function)
    for site in function.sites:
        if Effect.QUERIES not in site.effects:
            continue
        if site.event is not None and site.event.use is Use.DISCARDED:
            continue
        own = project.query(function, site.term)
        for tip in _tips(parents, bare(function.file, site.term)):
            query = project.query(function, tip)
            if own is None or query is None or query.origin == own.origin:
                yield Fetch(function, tip, site.span)
    for call in function.calls:
        entry = call.entry
        if entry is not None and QueryStep.ALL in entry.query and not entry.effects:
            yield Fetch(function, call.event.term, call.span)
        elif entry is not None and not entry.query and not entry.lazy:
            for term in _shown(project, call):
                yield Fetch(function, term, _span_of(function, term) or call.span, True)
        elif entry is None and any(isinstance(value, FunctionValue) for value in options(call.callee)):
            query = project.query(function, call.event.term)
            if query is None or not query.executed:
                continue
            starts_here = query.sql is not None and _starts_in(query, function)
            if starts_here or (query.model and _is_general(project, call)):
                yield Fetch(function, call.event.term, call.span)
    answers = function.key in project.handlers or (project.is_handler(function) and function.summary.cls < 0)
    if answers and not any(project.decorated(function, Role.PAGINATES)):
        for event in function.summary.events:
            if event.kind == EventKind.RETURN and project.is_lazy_query(project.value(function, event.term)):
                yield Fetch(function, event.term, _span_of(function, event.term) or event.span)


def _is_general(project: Project, call: CallSite) -> bool:
    """Whether the function that is called reads any table: which one, this call says."""
    for term in (*call.row.arguments, *(term for _, term in call.row.keywords)):
        given = project.query(call.function, term)
        if given is not None and given.executed:
            return False
    for key in call.targets:
        target = project.graph.functions[key]
        for event in target.summary.events:
            if event.kind == EventKind.RETURN and event.term >= 0:
                own = project.query(target, event.term)
                if own is not None and own.model:
                    return False
    return bool(call.targets)


def _starts_in(query: Query, function: LinkedFunction) -> bool:
    origin = query.origin
    return origin is not None and origin.file is function.file and origin.function == function.index


def _receivers(function: LinkedFunction) -> dict[int, list[int]]:
    """For each value, the calls of its methods."""
    found: dict[int, list[int]] = {}
    terms = function.file.summary.terms
    for event in function.summary.events:
        row = terms[event.term] if event.kind == EventKind.CALL else None
        callee = terms[row.function] if isinstance(row, Call) else None
        if isinstance(callee, Attr):
            found.setdefault(plain(function, callee.base), []).append(event.term)
    return found


def _tips(parents: dict[int, list[int]], term: int, depth: int = 0) -> Iterator[int]:
    """The ends of the chains of calls that start at a value."""
    after = parents.get(term, [])
    if not after or depth > 12:
        yield term
    for other in after:
        yield from _tips(parents, other, depth + 1)


def _shown(project: Project, call: CallSite) -> Iterator[int]:
    """Queries among what a response, template or serializer is given."""
    entry = call.entry
    if entry is None:
        return
    many = any(name == "many" for name, _ in call.row.keywords)
    shows = bool(entry.passes or "response" in entry.sinks or "template" in entry.sinks or many)
    if not shows or call.targets:
        return
    pending = [*call.row.arguments, *(term for _, term in call.row.keywords)]
    terms = call.function.file.summary.terms
    while pending:
        term = pending.pop(0)
        row = terms[bare(call.function.file, term)]
        if isinstance(row, Mapping):
            pending.extend(value for _, value in row.entries)
        elif isinstance(row, Sequence):
            pending.extend(row.items)
        elif project.is_lazy_query(project.value(call.function, term)):
            yield bare(call.function.file, term)


def _span_of(function: LinkedFunction, term: int) -> Span | None:
    index = bare(function.file, term)
    for event in function.summary.events:
        if event.kind == EventKind.CALL and event.term == index:
            return event.span
    return None


def _is_unbounded(project: Project, function: LinkedFunction, query: Query) -> bool:
    if not query.complete or query.may_have(*_WRITES, QueryStep.STREAMS, QueryStep.BULK):
        return False
    if query.sql is not None:
        if Effect.QUERIES not in statement_effects(query.sql) or "{}" in query.sql[-40:]:
            return False
    elif not query.model and (
        not query.may_have(QueryStep.FILTERS, QueryStep.ALL) or _callers_say(project, function)
    ):
        return False
    only_loads = bool(query.steps) and set(query.steps[-1].kinds) == {QueryStep.EAGER}
    if only_loads and function.key not in project.handlers:
        return False
    return not project.bounds(query)


def _callers_say(project: Project, function: LinkedFunction) -> bool:
    """Whether the callers of a function know the table that it reads, and are reported themselves."""
    for call in project.callers(function):
        query = project.query(call.function, call.event.term)
        if query is not None and query.model:
            return True
    return False


def _report(project: Project, findings: Findings, place: Fetch, query: Query, *, again: bool) -> None:
    """Tell of a fetch; `again` says that another one of the same beginning has been told of."""
    function = place.function
    reach = next(
        (one for one in (project.per_request, project.per_job, project.in_background) if function in one),
        None,
    )
    model = _model(query)
    what = f"every `{model}`" if model else "every row"
    found = project.filters(query)
    matching = " that matches" if found or query.may_have(QueryStep.FILTERS, QueryStep.EXCLUDES) else ""
    if query.parent is not None:
        owner = query.parent.owner.rpartition(".")[2]
        matching = f" of one `{owner}`{matching}"
    evidence = reach.chain(function) if reach is not None else ()
    origin = query.origin
    if origin is not None and (
        origin.file is not function.file or abs(origin.span.line - place.span.line) > 12
    ):
        evidence += (
            Evidence(origin.file.summary.path, origin.span, "the query is built here, without a limit"),
        )
    evidence += _readers(project, function, evidence)
    if reach is None or reach is project.per_request:
        advice = "take a page at a time: an upper bound for `limit`, and a cursor on an indexed key"
    else:
        advice = (
            "work in batches: stream the rows (`iterator()`, `yield_per`) or take a limited number at a time"
        )
    findings.add(
        function,
        f"`{_words(project, place)}` loads {what}{matching}, however many there are",
        span=place.span,
        confidence=Confidence.LOW if again else confidence(project, place, query),
        advice=advice,
        evidence=evidence,
    )


def _readers(project: Project, function: LinkedFunction, known: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """The other places that get the rows of a function which only fetches them."""
    if project.is_handler(function) or function.key in project.jobs:
        return ()
    seen = {(step.path, step.span.line) for step in known}
    return tuple(
        Evidence(call.function.path, call.span, f"`{short_name(call.function)}` gets all of them here")
        for call in project.callers(function)[:_READERS]
        if (call.function.path, call.span.line) not in seen and call.function.kind in SERVICE_CODE
    )


def _words(project: Project, place: Fetch) -> str:
    text = project.words(place.function, place.term)
    return text if len(text) <= 70 else short_name(place.function)


def _model(query: Query) -> str:
    return query.model.rpartition(".")[2]
