"""OFFSET pagination."""

import re

from backlint.api import (
    Attr,
    Call,
    CallSite,
    ClassValue,
    Confidence,
    Effect,
    Event,
    EventKind,
    Evidence,
    Findings,
    InstanceValue,
    Item,
    LinkedFunction,
    Project,
    QueryStep,
    Role,
    Rule,
    Severity,
    Slice,
    Span,
    bare,
    options,
)

_SQL_OFFSET = re.compile(
    r"\b(?:offset\s+(?P<amount>[%:?@$({\w]\S*)|limit\s+(?P<first>[%:?@${]\S*)\s*,\s*[%:?@${\w])",
    re.IGNORECASE,
)
_IN_MEMORY = frozenset({"builtins.list", "builtins.tuple", "builtins.dict"})
_SMALL = 1000
"""A constant offset below this skips a known handful of rows."""
_SHOWN = 4
"""Views that are named beside a paginator."""
_ADMIN = re.compile(r"(^|[_\W])(admin|backoffice|staff|internal)", re.IGNORECASE)


class OffsetPagination(Rule):
    """Checks for lists that are paged with OFFSET, whose cost grows with the page number.

    ## Why is this bad?
    The database reads and throws away every row before the offset. Page 1 of 20 costs 20 rows, page
    10,000 costs 200,000, and a crawler that walks the list to its end makes the database read half
    the table squared. Rows inserted or deleted meanwhile shift the pages, so that clients see an item
    twice or never.

    ## What to do instead
    Page by key: order by a unique, indexed column (or `created_at, id`), return the last key as a
    cursor, and ask for `WHERE id > :cursor ORDER BY id LIMIT :n`. Every page then costs the same.

    ## Confidence
    High; medium in code for administrators, who page over few rows.

    ## What it leaves alone
    Cursors, constant small offsets, and what is only called offset (a place in a file, a time zone).

    ## How to tune it
    For a catalogue of a few hundred rows OFFSET is fine: `per-path-ignores`, or a comment at the paginator.

    ## References
    - [PostgreSQL: LIMIT and OFFSET](https://www.postgresql.org/docs/current/queries-limit.html)
    - [Django REST framework: CursorPagination](https://www.django-rest-framework.org/api-guide/pagination/#cursorpagination)
    - [Use The Index, Luke: paging without OFFSET](https://use-the-index-luke.com/no-offset)
    """

    severity = Severity.WARNING
    independent = True

    def check(self, project: Project, findings: Findings) -> None:
        """Look at calls that add an offset, at slices of queries, at SQL text and at paginator classes."""
        for function in project.functions:
            if not findings.wants(function):
                continue
            paged: set[int] = set()
            for call in function.calls:
                if call.entry is not None and QueryStep.OFFSETS in call.entry.query:
                    _check_call(project, findings, call, paged)
                else:
                    _check_sql(project, findings, call)
            for event in function.summary.events:
                if event.kind == EventKind.SLICE:
                    _check_slice(project, findings, function, event)
            _check_decorators(project, findings, function)
        _check_pagination_classes(project, findings)


def _confidence(function: LinkedFunction, base: Confidence = Confidence.HIGH) -> Confidence:
    """Screens for administrators page over few rows and have few readers."""
    place = f"{function.path}/{function.name}"
    return Confidence.MEDIUM if _ADMIN.search(place) and base is Confidence.HIGH else base


def _check_call(project: Project, findings: Findings, call: CallSite, paged: set[int]) -> None:
    """A call that adds an offset; of a paginator's pages, the first that is asked for stands for all.

    Args:
        paged: The paginators of the function that have been told of.
    """
    steps = call.entry.query if call.entry is not None else ()
    amount = call.argument(0, "offset", "skip", "start")
    if not call.function.index and Role.PAGINATES in project.roles(call):
        return
    if QueryStep.PAGINATES not in steps:
        if amount is None:
            return
        constant = project.constant(call.function, amount)
        if constant is None or (isinstance(constant, int) and constant < _SMALL):
            return
    elif amount is not None:
        paginator = _paginator(project, call)
        if isinstance(project.constant(call.function, amount), int) or paginator in paged:
            return
        if _pages_a_list(project, call, paginator):
            return
        paged.add(paginator)
    name = call.symbol.rpartition(".")[2]
    what = project.words(call.function, amount) if amount is not None else "the page number"
    findings.add(
        call,
        f"`.{name}({what})` pages by OFFSET: the database reads and drops every row before the page",
        confidence=_confidence(call.function),
        advice=_advice(_model(call)),
    )


def _paginator(project: Project, call: CallSite) -> int:
    """The term of the object whose page is asked for."""
    callee = project.term(call.function, call.row.function)
    return bare(call.function.file, callee.base) if isinstance(callee, Attr) else call.event.term


def _pages_a_list(project: Project, call: CallSite, paginator: int) -> bool:
    """Whether a paginator was made for a list in memory: no database is asked for its pages."""
    made = project.term(call.function, paginator)
    if not isinstance(made, Call) or not made.arguments:
        return False
    given = made.arguments[0]
    return project.query(call.function, given) is None and all(
        isinstance(one, InstanceValue) and one.symbol in _IN_MEMORY
        for one in options(project.value(call.function, given))
    )


def _model(call: CallSite) -> str:
    """The short name of the ORM class that a query is about; empty where unknown."""
    receiver = getattr(call.callee, "receiver", None)
    for value in options(receiver) if receiver is not None else ():
        if isinstance(value, InstanceValue) and value.arguments:
            first = value.arguments[0]
            if isinstance(first, InstanceValue) and not first.symbol.startswith("builtins."):
                return first.symbol.rpartition(".")[2]
    return ""


def _advice(model: str) -> str:
    column = f"{model}.id" if model else "a unique, indexed column"
    return (
        f"page by key instead: order by {column}, take the last value seen as the cursor, and filter on "
        f"{column} > cursor with a LIMIT"
    )


def _check_slice(project: Project, findings: Findings, function: LinkedFunction, event: Event) -> None:
    item = project.term(function, event.term)
    key = project.term(function, item.key) if isinstance(item, Item) else None
    if not isinstance(item, Item) or not isinstance(key, Slice) or key.lower < 0:
        return
    lower = project.constant(function, key.lower)
    if lower is None or isinstance(lower, int | float):
        return
    if not project.is_lazy_query(project.value(function, item.base)):
        return
    findings.add(
        function,
        f"the slice from `{project.words(function, key.lower)}` becomes OFFSET: the database reads and drops "
        "every row before the page",
        span=event.span,
        confidence=_confidence(function),
        advice=_advice(""),
    )


def _check_sql(project: Project, findings: Findings, call: CallSite) -> None:
    """A statement with a computed OFFSET that is handed to something which runs it."""
    target = project.effects.target(call, Effect.QUERIES)
    if target is None and Effect.QUERIES not in call.effects:
        return
    for term in (*call.row.arguments, *(value for _, value in call.row.keywords)):
        text = project.sql(call.function, term)
        match = _SQL_OFFSET.search(text) if text else None
        if match is None:
            continue
        amount = match["amount"] or match["first"]
        if amount.isdigit() and int(amount) < _SMALL:
            continue
        evidence: tuple[Evidence, ...] = ()
        if target is not None:
            evidence = project.effects.chain(target, Effect.QUERIES)
        findings.add(
            call,
            f"the statement ends in `{match[0].strip()[:40]}`: the database reads and drops every row before "
            "the page",
            confidence=_confidence(call.function),
            advice="page by key instead: order by a unique, indexed column, and replace OFFSET by a condition on "
            "the last value seen (`WHERE id > %s ORDER BY id LIMIT %s`)",
            evidence=evidence,
        )
        return


def _check_decorators(project: Project, findings: Findings, function: LinkedFunction) -> None:
    """Handlers whose answer a decorator pages: by the class it is given, else by its default."""
    for term, callee in project.decorated(function, Role.PAGINATES):
        row = project.term(function, term)
        steps = getattr(getattr(callee, "entry", None), "query", ())
        name = "the default paginator"
        if isinstance(row, Call) and row.arguments:
            name = f"`{project.words(function, row.arguments[0])}`"
            given = options(project.value(function, row.arguments[0]))
            symbol = next((one.symbol for one in given if isinstance(one, ClassValue)), "")
            steps = project.method_steps(symbol, "paginate_queryset")
        if QueryStep.OFFSETS in steps:
            findings.add(
                function,
                f"{name} pages by OFFSET: the database reads and drops every row before the page",
                confidence=_confidence(function),
                advice="use a paginator that pages by key, on a unique, indexed ordering",
            )


def _check_pagination_classes(project: Project, findings: Findings) -> None:
    """Views and settings that name a paginator which counts in pages or offsets; one of the project's own where it is declared."""
    own: dict[str, list[Evidence]] = {}
    for function, attribute, value in project.class_settings("pagination_class", "pagination"):
        symbol = getattr(value, "symbol", "")
        steps = project.method_steps(symbol, "paginate_queryset")
        if not symbol or QueryStep.OFFSETS not in steps:
            continue
        if project.evaluator.classes.project_class(symbol) is not None:
            evidence = Evidence(function.path, attribute, "a view whose list it pages")
            own.setdefault(symbol, []).append(evidence)
            continue
        findings.add(
            function,
            f"`{symbol.rpartition('.')[2]}` pages by OFFSET: the database reads and drops every row before "
            "the page",
            span=attribute,
            confidence=_confidence(function),
            advice="use a paginator that pages by key, such as `CursorPagination` with an indexed ordering",
        )
    for symbol, views in own.items():
        _tell_of_class(project, findings, symbol, views)


def _tell_of_class(project: Project, findings: Findings, symbol: str, views: list[Evidence]) -> None:
    cls = project.evaluator.classes.project_class(symbol)
    place = project.module_code(cls.file.summary.path) if cls is not None else None
    if cls is None or place is None:
        return
    head = cls.summary.span
    findings.add(
        place,
        f"`{cls.summary.name}` pages by OFFSET: the database reads and drops every row before the page",
        span=Span(head.line, head.column, head.line, head.column + len("class ") + len(cls.summary.name)),
        confidence=max(_confidence(project.module_code(one.path) or place) for one in views),
        advice="derive it from a paginator that pages by key, such as `CursorPagination` with an indexed ordering",
        evidence=tuple(views[:_SHOWN]),
    )
