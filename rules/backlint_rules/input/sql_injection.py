"""SQL whose text the client decides."""

import re
from collections.abc import Iterator

from backlint.api import (
    REQUEST,
    Attr,
    Call,
    CallSite,
    Confidence,
    Evidence,
    Findings,
    Local,
    Name,
    Origin,
    Param,
    Project,
    QueryStep,
    Rule,
    Severity,
    bare,
    identifier_words,
    passed,
    short_name,
    sink_arguments,
    sql_verb,
)
from backlint_rules.input._statements import Frame, Hole, Piece, holes, pieces

_SQL = REQUEST.into("sql")
_EXECUTES = frozenset(
    {
        "execute",
        "executemany",
        "executescript",
        "fetch",
        "fetchrow",
        "fetchval",
        "fetch_all",
        "fetch_one",
        "fetch_val",
    }
)
_QUOTED = re.compile(r"'[^']*$")
_COMPARED = re.compile(r"(?:[=<>]|\b(?:i?like|between|values\s*\(|and))\s*$", re.IGNORECASE)
_NUMBERS = frozenset(
    {"id", "ids", "pk", "count", "limit", "offset", "year", "month", "day", "days", "number", "num", "size", "index",
     "version", "now", "date", "time", "timestamp", "interval", "timeout", "seconds", "hours"}
)  # fmt: skip
_SETTINGS = frozenset(
    {"config", "configuration", "conf", "settings", "schema", "database", "keyspace", "table"}
)
_DIRECTIONS = frozenset(
    {"desc", "asc", "nullslast", "nulls_last", "nullsfirst", "nulls_first", "F", "OrderBy"}
)
_DEPTH = 3


class SqlInjection(Rule):
    """Checks for SQL that is put together from values instead of being sent with parameters.

    ## Why is this bad?
    A value inside the text of a statement is part of the statement: a quote in it ends the literal, and what
    follows is run. Whoever can choose the value reads and changes all that the database account may. Names of
    columns and directions of sorting are no different, and parameters don't work for them.

    The rule looks at what is executed. Constants, lists of placeholders, quoted identifiers, names that the
    code compares with a list of its own, numbers and times are left alone.

    ## What to do instead
    Write the statement as a constant with placeholders, and hand the values over beside it. Take the names of
    columns from a dict or set of those that are allowed, or quote them with the driver's own function.

    ## Confidence
    High where the value comes from the request; medium where it stands in the place of a value (in quotes,
    after a comparison), or chooses the column that orders a query; low for names of tables and columns that
    come from elsewhere.

    ## What it leaves alone
    It looks at what is executed. Constants, lists of placeholders, quoted identifiers, names that the code
    compares with a list of its own, numbers and times are left alone.

    ## References
    - [CWE-89: SQL injection](https://cwe.mitre.org/data/definitions/89.html)
    - [OWASP SQL injection prevention cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/SQL_Injection_Prevention_Cheat_Sheet.html)
    """

    severity = Severity.ERROR
    same_as = ("ruff:S608", "bandit:B608", "ruff:S610", "ruff:S611")
    tags = ("CWE-89", "OWASP-A03")
    security_severity = 9.8

    def check(self, project: Project, findings: Findings) -> None:
        """Look at the statements that are executed, and at what orders queries."""
        told: set[tuple[str, int]] = set()
        for call in project.calls():
            if call.function.kind not in self.kinds:
                continue
            for place, term, evidence in _statements(project, call):
                key = (place.function.path, place.span.line)
                if key not in told and _judge(project, findings, place, term, evidence):
                    told.add(key)
            if call.entry is not None and QueryStep.ORDERS in call.entry.query:
                _judge_order(project, findings, call)


def _statements(project: Project, call: CallSite) -> Iterator[tuple[CallSite, int, tuple[Evidence, ...]]]:
    """The texts that a call executes, each with the call that has it: a caller's where it is a parameter."""
    terms = [argument.term for argument in sink_arguments(call, "sql")]
    callee = project.term(call.function, call.row.function)
    if call.entry is None and not call.targets and call.row.arguments:
        name = callee.name if isinstance(callee, Attr) else ""
        if isinstance(callee, Name):
            name = callee.symbol.rpartition(".")[2]
        if name in _EXECUTES:
            terms.append(call.row.arguments[0])
    for term in terms:
        yield from _built(project, call, term, ())


def _built(
    project: Project, call: CallSite, term: int, evidence: tuple[Evidence, ...]
) -> Iterator[tuple[CallSite, int, tuple[Evidence, ...]]]:
    row = project.term(call.function, bare(call.function.file, term))
    if isinstance(row, Param) and row.function == call.function.index and len(evidence) < _DEPTH:
        executed = f"`{short_name(call.function)}` executes it as SQL"
        step = Evidence(call.function.path, call.span, executed)
        for caller in project.flow.callers(call.function)[:16]:
            for given, key in passed(caller, call.function, row.name):
                if not key:
                    yield from _built(project, caller, given, (step, *evidence))
        if project.flow.callers(call.function):
            return
    yield call, term, evidence


def _judge(
    project: Project, findings: Findings, call: CallSite, term: int, evidence: tuple[Evidence, ...]
) -> bool:
    found = pieces(project, Frame(call.function), term)
    literal = "".join(piece for piece in found if isinstance(piece, str))
    if call.entry is None and not evidence and not sql_verb(literal.lstrip()):
        return False
    best: tuple[Confidence, str, Origin | None, Hole] | None = None
    for before, hole in holes(found):
        origin = project.flow.origin(hole.function, hole.term, _SQL)
        confidence = _confidence(project, found, before, hole, origin)
        if confidence is not None and (best is None or confidence.rank > best[0].rank):
            best = confidence, before, origin, hole
    if best is None:
        return False
    confidence, before, origin, hole = best
    words = project.words(hole.function, hole.term)
    source = ", which the client sends," if origin is not None else ""
    findings.add(
        call,
        f"`{words}`{source} becomes part of the SQL that is executed",
        confidence=confidence,
        advice=_advice(words, before),
        evidence=(
            *evidence,
            *(
                Evidence(one.function.path, one.span, f"`{words}` is passed in here")
                for one in hole.calls[-1:]
            ),
            *(origin.evidence if origin is not None else ()),
        ),
    )
    return True


def _confidence(
    project: Project, found: list[Piece], before: str, hole: Hole, origin: Origin | None
) -> Confidence | None:
    literal = "".join(piece for piece in found if isinstance(piece, str)).replace("{}", "").strip()
    if origin is not None and not origin.named:
        return origin.confidence if literal else Confidence.MEDIUM
    if not literal:
        return None
    name = project.words(hole.function, hole.term)
    if _SETTINGS.intersection(identifier_words(name)):
        return Confidence.LOW
    if before.count("'") % 2 and _QUOTED.search(before):
        return Confidence.MEDIUM
    if _COMPARED.search(before) and not _NUMBERS.intersection(identifier_words(name)):
        return Confidence.MEDIUM
    return Confidence.LOW


def _is_value(before: str) -> bool:
    return bool((before.count("'") % 2 and _QUOTED.search(before)) or _COMPARED.search(before))


def _advice(words: str, before: str) -> str:
    if _is_value(before):
        return f"put a placeholder in the statement, and pass `{words}` as its parameter"
    return f"take `{words}` from a list of names that are allowed, or pass it as a parameter if it is a value"


def _judge_order(project: Project, findings: Findings, call: CallSite) -> None:
    """`order_by(request.args["sort"])`, `order_by(getattr(Model, sort))`."""
    for argument in call.row.arguments:
        term = _column(project, call, argument)
        for _, hole in holes(pieces(project, Frame(call.function), term)):
            origin = project.flow.origin(hole.function, hole.term, _SQL)
            if origin is None or origin.named:
                continue
            words = project.words(hole.function, hole.term)
            findings.add(
                call,
                f"`{words}`, which the client sends, chooses the column that orders the query",
                confidence=Confidence.MEDIUM,
                severity=Severity.WARNING,
                advice=f"look `{words}` up among the columns that clients may order by",
                evidence=origin.evidence,
            )
            return


def _column(project: Project, call: CallSite, term: int) -> int:
    """The name behind a column: through `.desc()`, `desc(…)` and `getattr(Model, name)`."""
    for _ in range(6):
        row = project.term(call.function, term)
        if isinstance(row, Local):
            term = row.base
        elif isinstance(row, Call):
            callee = project.term(call.function, row.function)
            name = callee.symbol.rpartition(".")[2] if isinstance(callee, Name) else ""
            if isinstance(callee, Attr) and callee.name in _DIRECTIONS:
                term = callee.base
            elif name == "getattr" and len(row.arguments) > 1:
                return row.arguments[1]
            elif name in _DIRECTIONS and row.arguments:
                term = row.arguments[0]
            else:
                return term
        else:
            return term
    return term
