"""Queries inside loops."""

from backlint.api import (
    Attr,
    Block,
    BlockKind,
    Call,
    CallSite,
    ClassValue,
    Confidence,
    Const,
    Effect,
    EventKind,
    Evidence,
    Findings,
    FunctionValue,
    Item,
    LinkedFunction,
    Mapping,
    Name,
    Project,
    Role,
    Rule,
    Sequence,
    Severity,
    Site,
    Slice,
    bare,
    short_name,
)

_FEW = 5
"""A loop written out over this many items costs this many queries and no more."""
_CHUNK_WORDS = frozenset({"chunk", "chunks", "batch", "batches", "page", "pages", "attempt", "attempts", "retry"})
_TAKES = frozenset({"pop", "popleft", "get_nowait", "heappop"})


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
                loop = _repeating_loop(project, function, site.block)
                key = (site.term, loop.span.line) if loop is not None else (-1, -1)
                if loop is not None and key not in seen:
                    seen.add(key)
                    _report_site(project, findings, site, loop)
            for call in function.calls:
                if Effect.QUERIES in call.effects:
                    continue
                target = project.effects.target(call, Effect.QUERIES)
                loop = None if target is None else _repeating_loop(project, function, call.block)
                if target is not None and loop is not None and target is not function:
                    _report_call(project, findings, call, target, loop)


def _report_site(project: Project, findings: Findings, site: Site, loop: Block) -> None:
    function = site.function
    query = project.words(function, site.term)
    findings.add(
        site,
        f"`{query}` queries the database once per {_pass(project, function, loop)}",
        confidence=_confidence(project, function, loop, resolved=site.event is None or _is_resolved(site)),
        severity=_severity(project, function, loop),
        advice=_advice(project, function, loop, site.term),
        evidence=(_loop_evidence(project, function, loop),),
    )


def _report_call(
    project: Project, findings: Findings, call: CallSite, target: LinkedFunction, loop: Block
) -> None:
    function = call.function
    name = short_name(target)
    findings.add(
        call,
        f"`{name}` queries the database, and is called once per {_pass(project, function, loop)}",
        confidence=_confidence(project, function, loop, resolved=True),
        severity=_severity(project, function, loop),
        advice=f"load what `{name}` needs for all of {_iterable(project, function, loop)} before the loop, and hand it in",
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
    rows = " over the rows of a query" if _is_query(project, function, loop) else ""
    return Evidence(function.path, loop.span, f"the {kind}{rows}")


def _severity(project: Project, function: LinkedFunction, loop: Block) -> Severity:
    if project.is_handler(function) and _is_query(project, function, loop):
        return Severity.ERROR
    return Severity.WARNING


def _confidence(project: Project, function: LinkedFunction, loop: Block, *, resolved: bool) -> Confidence:
    if loop.kind == BlockKind.WHILE or not resolved:
        return Confidence.MEDIUM
    return Confidence.HIGH


def _advice(project: Project, function: LinkedFunction, loop: Block, term: int) -> str:
    variables = [name for name in loop.targets if name != "_"]
    if loop.kind != BlockKind.WHILE and variables and not _depends(function, term, loop):
        return f"the query does not depend on `{variables[0]}`: run it once before the loop"
    over = _iterable(project, function, loop)
    return f"query once before the loop for all of {over} (`IN`, a join or an aggregate), and look the result up inside"


def _depends(function: LinkedFunction, term: int, loop: Block) -> bool:
    """Whether a term uses what the loop binds."""
    terms = function.file.summary.terms
    targets = set(loop.targets)
    pending, seen = [term], set()
    while pending:
        index = pending.pop()
        if index < 0 or index in seen:
            continue
        seen.add(index)
        row = terms[index]
        if getattr(row, "name", None) in targets and not isinstance(row, Attr):
            return True
        pending.extend(_parts(row))
    return False


def _parts(row: object) -> list[int]:
    """The terms that a term is made of."""
    found: list[int] = []
    for field in getattr(row, "__struct_fields__", ()):
        value = getattr(row, field)
        if isinstance(value, bool) or field in ("position", "value", "cls", "block"):
            continue
        if isinstance(value, int):
            found.append(value)
        elif isinstance(value, tuple):
            for item in value:
                found.extend(item if isinstance(item, tuple) else (item,))
    return [index for index in found if isinstance(index, int)]


def _repeating_loop(project: Project, function: LinkedFunction, block: int) -> Block | None:
    """The innermost loop around a block whose passes grow with the data; None where there is none."""
    path = list(function.blocks(block))
    for position, loop in enumerate(path):
        if loop.kind == BlockKind.EXCEPT and any(outer.kind in _LOOPS for outer in path[position:]):
            return None
        if loop.kind not in _LOOPS:
            if _leaves_loop(function, loop):
                return None
            continue
        if loop.leaves_loop:
            return None
        if not _is_bounded(project, function, loop):
            return loop
    return None


_LOOPS = frozenset({BlockKind.FOR, BlockKind.WHILE, BlockKind.COMPREHENSION})


def _leaves_loop(function: LinkedFunction, block: Block) -> bool:
    """Whether a branch ends the loop it lies in: what happens there happens once."""
    if not block.leaves or block.kind not in (BlockKind.IF, BlockKind.ELSE, BlockKind.MATCH):
        return False
    index = function.summary.blocks.index(block)
    own = [event for event in function.summary.events if event.block == index]
    return any(
        event.kind in (EventKind.RETURN, EventKind.RAISE)
        or (event.kind == EventKind.LEAVE and event.name == "break")
        for event in own
    )


def _is_bounded(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether a loop's passes are few, or go over chunks, pages or attempts."""
    if loop.kind == BlockKind.WHILE:
        return not _takes_items(function, loop)
    if _CHUNK_WORDS.intersection(word for target in loop.targets for word in target.lower().split("_")):
        return True
    return _is_bounded_iterable(project, function, loop.terms[0])


def _takes_items(function: LinkedFunction, loop: Block) -> bool:
    """Whether a `while` loop works off a collection item by item, rather than paging, polling or retrying."""
    summary = function.summary
    index = summary.blocks.index(loop)
    terms = function.file.summary.terms
    for event in summary.events:
        if event.kind == EventKind.CALL and index in _enclosing(function, event.block):
            row = terms[event.term]
            callee = terms[row.function] if isinstance(row, Call) else None
            if isinstance(callee, Attr) and callee.name in _TAKES:
                return True
    return False


def _enclosing(function: LinkedFunction, block: int) -> set[int]:
    found = set()
    while block >= 0:
        found.add(block)
        block = function.summary.blocks[block].parent
    return found


def _is_bounded_iterable(project: Project, function: LinkedFunction, term: int, depth: int = 0) -> bool:
    index = bare(function.file, term)
    row = project.term(function, index)
    if isinstance(row, Sequence):
        return len(row.items) <= _FEW
    if isinstance(row, Mapping):
        return len(row.entries) <= _FEW
    if isinstance(row, Const):
        return True
    if isinstance(row, Name):
        return _is_constant(project, function, row)
    if isinstance(row, Item):
        key = project.term(function, row.key)
        upper = project.constant(function, key.upper) if isinstance(key, Slice) and key.upper >= 0 else None
        return isinstance(upper, int) and 0 <= upper <= _FEW
    if isinstance(row, Call) and depth < 4:
        return _is_bounded_call(project, function, row, depth)
    return isinstance(project.value(function, index), ClassValue)


def _is_constant(project: Project, function: LinkedFunction, row: Name) -> bool:
    """A module-level literal, an enum, or settings: written by hand, so not growing with the data."""
    constant = project.module_literal(function, row.symbol)
    if constant is not None:
        return True
    value = project.evaluator.symbol(row.symbol, function.file.root)
    return isinstance(value, ClassValue) or ".settings." in row.symbol


def _is_bounded_call(project: Project, function: LinkedFunction, row: Call, depth: int) -> bool:
    callee = project.value(function, row.function)
    if Role.BATCHES in project.evaluator.roles(callee) or Role.PAGINATES in project.evaluator.roles(callee):
        return True
    symbol = getattr(callee, "symbol", "")
    if symbol == "builtins.range":
        if len(row.arguments) == 3:
            return True
        last = project.constant(function, row.arguments[-1])
        return isinstance(last, int) or _is_attempts(project, function, row.arguments[-1])
    if isinstance(callee, FunctionValue):
        name = project.graph.functions[callee.file, callee.function].summary.name.lower()
        return any(word in _CHUNK_WORDS or word in ("chunked", "batched") for word in name.split("_"))
    passes_through = ("enumerate", "sorted", "list", "reversed", "tuple", "set", "zip", "items", "values", "keys")
    name = project.words(function, row.function).rpartition(".")[2]
    if name in passes_through:
        inner = project.term(function, row.function)
        base = inner.base if isinstance(inner, Attr) else (row.arguments[0] if row.arguments else -1)
        return base >= 0 and _is_bounded_iterable(project, function, base, depth + 1)
    return False


def _is_attempts(project: Project, function: LinkedFunction, term: int) -> bool:
    text = project.words(function, term).lower()
    return "retries" in text or "attempts" in text or "max_tries" in text


def _is_query(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether a loop goes over the rows of a query."""
    if not loop.terms or loop.kind == BlockKind.WHILE:
        return False
    index = bare(function.file, loop.terms[0])
    if project.is_lazy_query(project.value(function, index)):
        return True
    row = project.term(function, index)
    while isinstance(row, Call):
        if any(site.term == index and Effect.QUERIES in site.effects for site in function.sites):
            return True
        callee = project.term(function, row.function)
        if not isinstance(callee, Attr):
            break
        index = bare(function.file, callee.base)
        row = project.term(function, index)
    return False
