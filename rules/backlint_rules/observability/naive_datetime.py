"""Datetimes without a time zone."""

import ast

from backlint.api import (
    CallSite,
    Confidence,
    Edit,
    Evidence,
    FileContext,
    Finding,
    Findings,
    Fix,
    Project,
    Rule,
    Severity,
    SourceText,
    Span,
)
from backlint_rules.observability._naive_columns import NaiveColumn, naive_columns

_UTC = frozenset({"datetime.datetime.utcnow", "datetime.datetime.utcfromtimestamp"})
_ZONE_ARGUMENT = {"datetime.datetime.now": 0, "datetime.datetime.fromtimestamp": 1}
_FACTORIES = frozenset({*_UTC, *_ZONE_ARGUMENT, "datetime.datetime.today"})
Place = tuple[str, int, int]
_DATE_PARTS = frozenset({"year", "month", "day", "weekday", "strftime", "time"})
_DAY = "date"
_CLOCK = "clock"
"""A time of day that is written for somebody to read."""


class NaiveDatetime(Rule):
    """Checks for points in time that carry no time zone: `utcnow()`, `now()` without a zone, naive columns.

    ## Why is this bad?
    A naive datetime means nothing by itself. Python takes it for local time wherever it has to know
    (`timestamp()`, `astimezone()`, comparison in the database session's zone), so that `utcnow()` is off
    by the server's offset, and the same code gives other results on a laptop than in a container. Naive
    and aware values can't be compared, which fails at run time. `utcnow()` and `utcfromtimestamp()` are
    deprecated since Python 3.12.

    ## What to do instead
    `datetime.now(timezone.utc)`, `datetime.fromtimestamp(ts, tz=timezone.utc)`, Django's `timezone.now()`,
    and columns with a zone: `DateTime(timezone=True)`. Change code and columns together: a naive column gives
    naive values back.

    ## Confidence
    High for `utcnow` and `utcfromtimestamp`, which are deprecated; medium for `now()` and `today()` without
    a zone, for the day that they give (`now().date()`), and for columns of instants; low where only another part
    of the date, the name of a file or a difference is made of it at once.

    ## What it leaves alone
    Values that get a zone at once, Django's own time functions and columns, the project's own helpers and
    types of those names, and tests.

    ## References
    - [Python: aware and naive objects](https://docs.python.org/3/library/datetime.html#aware-and-naive-objects)
    - [PostgreSQL wiki: don't use timestamp without time zone](https://wiki.postgresql.org/wiki/Don%27t_Do_This#Don.27t_use_timestamp_.28without_time_zone.29)
    """

    severity = Severity.WARNING
    same_as = ("ruff:DTZ002", "ruff:DTZ003", "ruff:DTZ004", "ruff:DTZ005", "ruff:DTZ006")
    independent = True

    def visit_Call(self, node: ast.Call, ctx: FileContext) -> None:
        """Factories handed over without a call (`default=datetime.utcnow`), and calls that give a zone."""
        if isinstance(node.func, ast.Attribute):
            if node.func.attr in ("localize", "make_aware") and node.args:
                _note(ctx, node.args[0], "aware")
            zoned = node.func.attr == "replace" and any(keyword.arg == "tzinfo" for keyword in node.keywords)
            if zoned:
                _note(ctx, node.func.value, "aware")
            if node.func.attr == "strftime":
                _note(ctx, node.func.value, _CLOCK if _shows_time(node.args) else "strftime")
        elif isinstance(node.func, ast.Name) and node.func.id == "make_aware" and node.args:
            _note(ctx, node.args[0], "aware")
        for keyword in node.keywords:
            if not isinstance(keyword.value, ast.Attribute):
                continue
            symbol = ctx.name(keyword.value)
            if symbol in _FACTORIES:
                name = f"{keyword.arg}={ast.unparse(keyword.value)}"
                ctx.report(keyword.value, f"`{name}` makes datetimes without a time zone", advice=_ADVICE)

    def visit_Attribute(self, node: ast.Attribute, ctx: FileContext) -> None:
        """What is read at once from a new datetime."""
        if isinstance(node.value, ast.Call) and node.attr not in ("replace", "strftime"):
            _note(ctx, node.value, node.attr)

    def visit_BinOp(self, node: ast.BinOp, ctx: FileContext) -> None:
        """Differences of two points in time."""
        if isinstance(node.op, ast.Sub) and isinstance(node.right, ast.Name | ast.Attribute):
            _note(ctx, node.left, "-")

    def check(self, project: Project, findings: Findings) -> None:
        """Look at calls that make a naive datetime and are not given a zone at once, and at naive columns."""
        uses = _uses(project, self.id)
        for call in project.calls():
            if findings.wants(call.function) and _makes_naive(project, call):
                place = (call.function.path, call.span.line, call.span.column)
                _report_call(findings, call, uses.get(place, ""))
        for columns in naive_columns(project):
            _report_columns(project, findings, columns)

    def fix(self, finding: Finding, source: SourceText) -> Fix | None:
        """`datetime.utcnow()` becomes `datetime.now(timezone.utc)`: not safe beside values that stay naive."""
        node = _call_ending_at(source, finding.span)
        if node is None or not isinstance(node.func, ast.Attribute):
            return None
        owner = ast.unparse(node.func.value)
        name = node.func.attr
        module, _, cls = owner.rpartition(".")
        if cls != "datetime" or name not in _FIXED:
            return None
        if len(node.args) != _FIXED[name] or node.keywords:
            return None
        zone = f"{module}.timezone.utc" if module else "timezone.utc"
        given = [ast.get_source_segment(source.text, argument) or "" for argument in node.args]
        span = Span(node.func.end_lineno or 0, (node.func.end_col_offset or 0) - len(name), *_end(node))
        target = "fromtimestamp" if given else "now"
        text = f"{target}({', '.join([*given, f'tz={zone}' if given else zone])})"
        imports = () if module else ("from datetime import timezone",)
        return Fix(f"use `{owner}.{text}`", (Edit(span, text),), imports)


def _note(ctx: FileContext, node: ast.expr, use: str) -> None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FIXED:
        ctx.fact(node, "use", text=use)


def _shows_time(arguments: list[ast.expr]) -> bool:
    """Whether a format writes hours and minutes with a colon: for people, where names of files have none."""
    formats = [one.value for one in arguments if isinstance(one, ast.Constant)]
    return any(isinstance(text, str) and ("%H:%M" in text or "%I:%M" in text) for text in formats)


_DAY_ADVICE = "say whose day it is: `datetime.now(zone).date()`, with the zone of the users or `timezone.utc`"
_ADVICE = "use `datetime.now(timezone.utc)`, and give the columns and values it is compared with a zone too"
_FIXED = {"utcnow": 0, "now": 0, "today": 0, "utcfromtimestamp": 1, "fromtimestamp": 1}


def _end(node: ast.expr) -> tuple[int, int]:
    return node.end_lineno or 0, node.end_col_offset or 0


def _call_ending_at(source: SourceText, span: Span) -> ast.Call | None:
    """The call whose method name begins where the finding does."""
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and (node.func.end_lineno, (node.func.end_col_offset or 0) - len(node.func.attr))
            == (span.line, span.column)
        ):
            return node
    return None


def _makes_naive(project: Project, call: CallSite) -> bool:
    symbol = call.symbol or project.evaluator.symbol_of(call.function.file, call.row.function)
    if symbol in _UTC or symbol == "datetime.datetime.today":
        return True
    position = _ZONE_ARGUMENT.get(symbol)
    if position is None or call.passes_unknown:
        return False
    zone = call.argument(position, "tz")
    return zone is None or project.constant(call.function, zone) is None


def _uses(project: Project, rule: str) -> dict[Place, str]:
    """What is done at once with the value of a call, by path and start of the call."""
    return {
        (function.path, fact.span.line, fact.span.column): fact.text
        for function, fact in project.noted(rule, "use")
    }


def _report_call(findings: Findings, call: CallSite, use: str) -> None:
    name = call.symbol.rpartition(".")[2]
    utc = call.symbol in _UTC
    # `timestamp()` and `astimezone()` take naive values for local time, which `now()` is and `utcnow()` isn't.
    if use == "aware" or (use in ("timestamp", "astimezone") and not utc):
        return
    confidence = Confidence.HIGH if utc else Confidence.MEDIUM
    why = "a datetime without a time zone"
    if use == _DAY:
        confidence = Confidence.MEDIUM
        zone = "UTC" if utc else "the server's own time zone"
        why = f"the day of {zone}, which is another than the users' for hours"
    elif utc and use in ("strftime", _CLOCK):
        confidence = Confidence.MEDIUM
    elif use in _DATE_PARTS or use == "-":
        confidence = Confidence.LOW
    elif use in ("timestamp", "astimezone") and utc:
        why = f"UTC without saying so, and `.{use}()` takes it for local time"
    elif name in ("now", "today"):
        why = "local time without a time zone: another instant on every machine"
    argument = "…" if call.row.arguments and "fromtimestamp" in name else ""
    findings.add(
        call,
        f"`{name}({argument})` gives {why}",
        confidence=confidence,
        advice=_DAY_ADVICE if use == _DAY else _advice(name),
    )


def _advice(name: str) -> str:
    if name.endswith("fromtimestamp"):
        return "use `datetime.fromtimestamp(…, tz=timezone.utc)`"
    return _ADVICE


def _report_columns(project: Project, findings: Findings, columns: list[NaiveColumn]) -> None:
    """One finding a class; a column whose default is reported already is only shown with the others."""
    file = columns[0].file
    taken = {pending.span.line for pending in file.summary.findings if pending.rule == NaiveDatetime.id}
    left = [column for column in columns if column.span.line not in taken]
    if not left:
        return
    first = next((column for column in left if column.is_instant), left[0])
    others = [column for column in columns if column is not first]
    more = f" (and {len(others)} more of `{first.cls}`)" if others else ""
    path = file.summary.path
    findings.add(
        project.graph.functions[file.index, 0],
        f"column `{first.name}` of `{first.cls}` stores a point in time without a time zone{more}",
        span=first.span,
        confidence=Confidence.MEDIUM if first.is_instant else Confidence.LOW,
        advice="use `DateTime(timezone=True)`, and aware datetimes in the code that writes it",
        evidence=tuple(Evidence(path, other.span, f"`{other.name}`, likewise") for other in others[:8]),
    )
