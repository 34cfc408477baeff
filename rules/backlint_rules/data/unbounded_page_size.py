"""Page sizes that the client chooses without a bound."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import (
    CallSite,
    ClassValue,
    Confidence,
    Const,
    EventKind,
    Evidence,
    FileNode,
    Findings,
    LinkedFunction,
    Local,
    Mapping,
    Operation,
    Project,
    QueryStep,
    Role,
    Rule,
    Sequence,
    Severity,
    Site,
    Span,
    Statement,
    Term,
    Text,
    short_name,
)
from backlint_rules.data._sizes import Frame, Size, unbounded

_SQL_LIMIT = re.compile(r"\blimit\s+(?P<mark>%\(\w+\)s|:\w+|%s|\?|\$\d+)", re.IGNORECASE)
_ENDS_IN_LIMIT = re.compile(r"\blimit\s+$", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"%s|\?|\$\d+")
_SIZES = ("per_page", "page_size", "paginate_by", "limit", "length", "n", "size")


class Limit(NamedTuple):
    """A place that limits a query, and the number of rows it takes."""

    place: CallSite | Site
    function: LinkedFunction
    size: int


class UnboundedPageSize(Rule):
    """Checks for page sizes that a client chooses and nothing bounds from above.

    ## Why is this bad?
    `?limit=50` is what the front end sends; `?limit=10000000` is what anybody else can send. The limit that was
    meant to protect the database then protects nothing: one request loads the whole table, and a handful of
    them take the service down.

    ## What to do instead
    Say what the most is, where the number comes in: `limit: int = Query(50, ge=1, le=200)`,
    `min(limit, MAX_PAGE_SIZE)`, `max_page_size` on the pagination class.

    ## Confidence
    High where the number reaches the query through at most two calls; medium through more.

    ## What it leaves alone
    `Query(le=…)`, `min(…)`, validators, comparisons that refuse, choices, `max_page_size`, and constants.

    ## References
    - [OWASP API4:2023 Unrestricted Resource Consumption](https://owasp.org/API-Security/editions/2023/en/0xa4-unrestricted-resource-consumption/)
    - [DRF: pagination](https://www.django-rest-framework.org/api-guide/pagination/)
    """

    severity = Severity.WARNING
    tags = ("CWE-770", "OWASP-API4")

    def check(self, project: Project, findings: Findings) -> None:
        """Follow the size of every limited query back to the request, and look at pagination classes."""
        reported: set[tuple[object, ...]] = set()
        for limit in _limits(project):
            size = unbounded(project, Frame(limit.function), limit.size)
            if size is None:
                continue
            place = size.calls[0] if size.calls else limit.place
            key = (size.function.key, size.words, place.function.key if size.read is not None else None)
            if key not in reported:
                reported.add(key)
                _report(findings, limit, size, place)
        _pagination_classes(project, findings)


def _report(findings: Findings, limit: Limit, size: Size, place: CallSite | Site) -> None:
    evidence = tuple(
        Evidence(call.function.path, call.span, f"`{short_name(call.function)}` hands it on")
        for call in size.calls
    )
    if size.read is not None and size.function is not place.function:
        evidence = (Evidence(size.function.path, size.read, "it is read from the request here"), *evidence)
    if size.calls:
        evidence += (Evidence(limit.function.path, limit.place.span, "it limits the query here"),)
    findings.add(
        place,
        f"`{size.words}` is the client's choice and limits the query without an upper bound",
        confidence=Confidence.HIGH if len(size.calls) < 3 else Confidence.MEDIUM,
        advice=f"bound `{size.words}` where it comes in: `Query(le=…)` or `min({size.words}, MAX)`",
        evidence=evidence,
    )


def _limits(project: Project) -> Iterator[Limit]:
    for call in project.calls():
        steps = call.entry.query if call.entry is not None else ()
        if QueryStep.LIMITS in steps or QueryStep.PAGINATES in steps:
            size = _size_argument(call, QueryStep.PAGINATES in steps)
            if size is not None:
                yield Limit(call, call.function, size)
        elif call.entry is not None and call.entry.limited_by:
            places = call.entry.limited_by
            position = next((place for place in places if isinstance(place, int)), None)
            size = call.argument(position, *(place for place in places if isinstance(place, str)))
            if size is not None:
                yield Limit(call, call.function, size)
        for statement in project.statements(call):
            size = _sql_size(project, call, statement)
            if size is not None:
                yield Limit(call, call.function, size)
    for function in project.functions:
        if not any(event.kind == EventKind.SLICE for event in function.summary.events):
            continue
        yield from _returned_slices(project, function)
        for site in function.sites:
            for size in _slices(project, function, site.term):
                yield Limit(site, function, size)
        for call in function.calls:
            for term in (*call.row.arguments, *(value for _, value in call.row.keywords)):
                if project.is_lazy_query(project.value(function, term)):
                    for size in _slices(project, function, term):
                        yield Limit(call, function, size)


def _returned_slices(project: Project, function: LinkedFunction) -> Iterator[Limit]:
    """Slices of queries that a handler returns, for the framework to run."""
    if not project.is_handler(function):
        return
    for event in function.summary.events:
        if event.kind == EventKind.RETURN and project.is_lazy_query(project.value(function, event.term)):
            for size in _slices(project, function, event.term):
                place = Site(function, event.span, event.block, event.term, frozenset(), "[]", 0, event)
                yield Limit(place, function, size)


def _slices(project: Project, function: LinkedFunction, term: int) -> Iterator[int]:
    """The widths of the slices that a query of this function is cut to."""
    query = project.query(function, term)
    for step in query.steps if query is not None else ():
        here = step.place.file is function.file and step.place.function == function.index
        if here and step.name == "[]" and QueryStep.LIMITS in step.kinds and len(step.arguments) == 2:
            yield _width(project, function, *step.arguments)


def _size_argument(call: CallSite, pages: bool) -> int | None:
    """The number of rows that a limiting call is given."""
    named = call.argument(None, *_SIZES)
    if pages:
        if _has_maximum(call):
            return None
        return named if named is not None else call.argument(1)
    return named if named is not None else call.argument(0)


def _has_maximum(call: CallSite) -> bool:
    """Whether a call says itself what the most is: `paginate(per_page=n, max_per_page=100)`."""
    given = call.argument(None, "max_per_page")
    row = None if given is None else call.function.file.summary.terms[given]
    return row is not None and not (isinstance(row, Const) and row.value is None)


def _sql_size(project: Project, call: CallSite, given: Statement) -> int | None:
    """What stands after LIMIT in a statement: a parameter of it, or a part that is put in."""
    row = _bare(project, call.function, given.term)
    if isinstance(row, Text) and row.how == "f":
        for position, part in enumerate(row.parts[:-1]):
            text = project.term(call.function, part)
            if isinstance(text, Const) and isinstance(text.value, str) and _ENDS_IN_LIMIT.search(text.value):
                return row.parts[position + 1]
    text_of = project.text(call.function, given.term)
    match = _SQL_LIMIT.search(text_of) if text_of else None
    if match is None or text_of is None or given.values is None:
        return None
    values = _bare(project, call.function, given.values)
    mark = match["mark"]
    if isinstance(values, Mapping):
        name = mark.strip("%():s") if mark.startswith("%(") else mark[1:]
        name = mark[2:-2] if mark.startswith("%(") else name
        for key, value in values.entries:
            held = project.term(call.function, key) if key >= 0 else None
            if isinstance(held, Const) and held.value == name:
                return value
    if isinstance(values, Sequence):
        position = len(_PLACEHOLDER.findall(text_of[: match.start("mark")]))
        return values.items[position] if position < len(values.items) else None
    if mark.startswith("$"):
        return call.argument(int(mark[1:]))
    return None


def _width(project: Project, function: LinkedFunction, lower: int, upper: int) -> int:
    """The number of rows of a slice: `limit` of `[offset:offset + limit]` and `[(page - 1) * limit:page * limit]`."""
    row = _bare(project, function, upper)
    if lower < 0 or not isinstance(row, Operation) or row.operator not in ("+", "*"):
        return upper
    start = _bare(project, function, lower)
    if row.operator == "+":
        rest = [term for term in row.operands if not _same(project, function, term, lower)]
        return rest[0] if len(rest) == 1 else upper
    factors = start.operands if isinstance(start, Operation) and start.operator == "*" else ()
    shared = [
        term for term in row.operands if any(_same(project, function, term, other) for other in factors)
    ]
    return shared[0] if len(shared) == 1 else upper


def _same(project: Project, function: LinkedFunction, one: int, other: int) -> bool:
    return one == other or _bare(project, function, one) == _bare(project, function, other)


def _bare(project: Project, function: LinkedFunction, term: int) -> Term:
    row = project.term(function, term)
    while isinstance(row, Local):
        row = project.term(function, row.base)
    return row


def _pagination_classes(project: Project, findings: Findings) -> None:
    """Pagination classes that read the page size from the request and set no maximum."""
    for file in project.files:
        for summary in file.summary.classes:
            symbol = f"{file.summary.module}.{summary.name}"
            if Role.PAGINATES not in project.evaluator.roles(ClassValue(symbol)):
                continue
            own = next((one for one in summary.attributes if one.name == "page_size_query_param"), None)
            if (
                own is not None
                and not _is_none(file, own.value)
                and not _sets(project, symbol, "max_page_size")
            ):
                maximum, span = "max_page_size", own.span
            elif _takes_limit(project, symbol) and not _sets(project, symbol, "max_limit"):
                maximum, span = "max_limit", summary.span
            else:
                continue
            findings.add(
                project.graph.functions[file.index, 0],
                f"`{summary.name}` lets the client choose the page size, and sets no `{maximum}`",
                span=_line(span),
                advice=f"set `{maximum}` on `{summary.name}`",
            )
    classes = project.evaluator.classes
    for place, span, value in project.class_settings("pagination_class"):
        if not isinstance(value, ClassValue) or classes.project_class(value.symbol) is not None:
            continue
        if _takes_limit(project, value.symbol):
            name = value.symbol.rpartition(".")[2]
            findings.add(
                place,
                f"`{name}` lets the client choose the page size, and its `max_limit` is not set",
                span=_line(span),
                advice=f"derive a class from `{name}` and set `max_limit`",
            )


def _takes_limit(project: Project, symbol: str) -> bool:
    classes = project.evaluator.classes
    entries = map(classes.library_class, classes.order(symbol))
    return any(entry is not None and "max_limit" in entry.attributes for entry in entries)


def _sets(project: Project, symbol: str, name: str) -> bool:
    """Whether a class of the project gives an attribute a value."""
    classes = project.evaluator.classes
    for ancestor in classes.order(symbol):
        cls = classes.project_class(ancestor)
        for attribute in cls.attributes.get(name, ()) if cls is not None else ():
            return cls is not None and not _is_none(cls.file, attribute.value)
    return False


def _is_none(file: FileNode, term: int) -> bool:
    row = file.summary.terms[term] if term >= 0 else None
    return isinstance(row, Const) and row.value is None


def _line(span: Span) -> Span:
    return span if span.line == span.end_line else Span(span.line, span.column, span.line, span.column + 1)
