"""Internals that failures show to clients."""

import re
from typing import NamedTuple

from backlint.api import (
    Attr,
    Awaited,
    BlockKind,
    Call,
    CallSite,
    Caught,
    Confidence,
    Element,
    EventKind,
    Evidence,
    Findings,
    InstanceValue,
    Item,
    Join,
    LinkedFunction,
    Local,
    Mapping,
    Operation,
    Param,
    Project,
    Rule,
    Sequence,
    Severity,
    Span,
    Star,
    Text,
    identifier_words,
    options,
    short_name,
)
from backlint_rules.errors._answers import answers, caught_names, fails, raised, refuses, shown_exceptions
from backlint_rules.errors._settings import settings_shown

_BROAD = frozenset({"builtins.Exception", "builtins.BaseException"})
_LAYERS = frozenset(
    {
        "SQLAlchemyError", "DBAPIError", "DatabaseError", "OperationalError", "ProgrammingError", "IntegrityError",
        "DataError", "RequestException", "RedisError", "ClientError", "BotoCoreError", "PyMongoError", "OSError",
        "IOError", "RuntimeError", "PostgresError", "HTTPError", "HTTPStatusError", "TransportError", "ConnectError",
        "SMTPException", "S3Error", "StripeError", "RpcError",
    }
)  # fmt: skip
"""Exceptions of a whole layer: their text has statements, paths, hosts and parameters."""
_DRIVERS = frozenset({"psycopg", "psycopg2", "sqlite3", "aiosqlite", "asyncpg", "pymysql", "MySQLdb"})
_FORMATS = frozenset(
    {
        "builtins.str", "builtins.repr", "builtins.format", "builtins.dict", "builtins.list", "builtins.tuple",
        "builtins.getattr", "json.dumps", "builtins.vars",
    }
)  # fmt: skip
_TEXT_METHODS = frozenset(
    {
        "strip",
        "lower",
        "upper",
        "replace",
        "split",
        "splitlines",
        "format",
        "join",
        "encode",
        "decode",
        "__str__",
    }
)
_CONTENT = frozenset({"args", "orig", "stderr", "stdout", "output", "statement", "__cause__", "__dict__"})
"""Attributes of exceptions that have what their text has."""
_ASGI = frozenset({"scope", "receive", "send"})
_PLAIN = frozenset(
    {
        "builtins.ValueError",
        "builtins.TypeError",
        "builtins.KeyError",
        "builtins.LookupError",
        "builtins.RuntimeError",
    }
)
"""What any code raises, the standard library's included."""
_FOR_PEOPLE = re.compile(
    r"Validation|Http404|HTTPException|^Invalid|DoesNotExist|PermissionDenied|^Abort|Warning$"
)
"""Exceptions whose text says what the client did wrong."""
_DEVELOPMENT = frozenset({"debug", "dev", "development", "local", "localhost", "testing"})
_PROBES = frozenset({"health", "healthz", "healthcheck", "ready", "readiness", "readyz", "liveness", "probe"})
_DEPTH = 12


class _Leak(NamedTuple):
    words: str
    what: str
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()


class _Frame(NamedTuple):
    function: LinkedFunction
    block: int
    call: CallSite | None = None
    outer: "_Frame | None" = None
    depth: int = 0


class LeakedInternals(Rule):
    """Checks for the text of unexpected exceptions, and tracebacks, that are sent to the client.

    ## Why is this bad?
    Nobody wrote the text of an exception that nobody expected: it has SQL with its parameters, host names, file
    paths, the URL of an upstream with its key, fields of other users. Attackers read it as a map, users can't
    do anything with it, and clients start to parse it.

    ## What to do instead
    Log the exception with its traceback, and answer with a fixed text and an identifier of the request by which
    the log entry is found. Where the client can do something about the failure, catch that exception by its
    own type, and answer with a message that was written for people.

    ## Confidence
    High for any exception's text and for tracebacks; medium for the exceptions of a layer (database, HTTP,
    files), and in health checks.

    ## What it leaves alone
    Messages of exceptions that the project defines, of specific exceptions, of exceptions that the code
    tells apart first, and what only a development server shows.

    ## References
    - [CWE-209: Error Message Containing Sensitive Information](https://cwe.mitre.org/data/definitions/209.html)
    - [OWASP error handling cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Error_Handling_Cheat_Sheet.html)
    """

    severity = Severity.ERROR
    independent = True
    tags = ("CWE-209", "OWASP-API8")
    security_severity = 5.3

    def check(self, project: Project, findings: Findings) -> None:
        """Look at what responses, error details and the answers of handlers are made of."""
        shown = shown_exceptions(project)
        for function in project.functions:
            if not findings.wants(function):
                continue
            told: set[int] = set()
            for place, block, terms in (*answers(project, function), *raised(project, function, shown)):
                if place.line in told:
                    continue
                frame = _Frame(function, block)
                found = next((leak for term in terms if (leak := _leak(project, frame, term))), None)
                if found is None and (held := settings_shown(project, function, block, terms)):
                    found = _Leak(held[0], held[1], Confidence.HIGH, held[2])
                if found is None or _in_development(project, function, block):
                    continue
                told.update(range(place.line, place.end_line + 1))
                findings.add(
                    function,
                    f"{found.words}, {found.what}, is sent to the client",
                    span=place,
                    confidence=_confidence(project, function, found, place),
                    advice="log the exception, and answer with a fixed text that says what the client can do",
                    evidence=found.evidence,
                )


def _confidence(project: Project, function: LinkedFunction, found: _Leak, place: Span) -> Confidence:
    if found.confidence is Confidence.LOW and fails(project, function, place):
        return Confidence.MEDIUM
    if found.confidence is not Confidence.HIGH:
        return found.confidence
    is_probe = bool(_PROBES.intersection(identifier_words(function.name)))
    return Confidence.MEDIUM if is_probe or refuses(project, function, place) else Confidence.HIGH


def _in_development(project: Project, function: LinkedFunction, block: int) -> bool:
    return any(
        found.kind == BlockKind.IF
        and found.terms
        and _DEVELOPMENT.intersection(identifier_words(project.words(function, found.terms[0])))
        for found in function.blocks(block)
    )


def _leak(project: Project, frame: _Frame, term: int) -> _Leak | None:
    """The exception's text, or a traceback, that a value shows."""
    if term < 0 or frame.depth > _DEPTH:
        return None
    deeper = frame._replace(depth=frame.depth + 1)
    row = project.term(frame.function, term)
    match row:
        case Caught():
            return _caught(project, frame, row)
        case Local(_, base) | Awaited(base) | Star(base) | Element(base, _):
            return _leak(project, deeper, base)
        case Join(found) | Operation(_, found) | Text(_, found) | Sequence(_, found):
            return _first(project, deeper, found)
        case Mapping(entries):
            return _first(project, deeper, tuple(value for _, value in entries))
        case Item(base, _):
            return _leak(project, deeper, base)
        case Attr(base, name) if name in _CONTENT:
            return _leak(project, deeper, base)
        case Attr(base, name):
            return _stored(project, frame, base, name)
        case Param():
            return _parameter(project, deeper, row)
        case Call():
            return _call(project, deeper, term, row)
        case _:
            return None


def _stored(project: Project, frame: _Frame, base: int, name: str) -> _Leak | None:
    """The failure that an object of a library keeps: `result.exc_string` of a job that failed."""
    held = project.value(frame.function, base)
    if any(
        isinstance(one, InstanceValue) and project.attribute_source(one.symbol, name) == "exception"
        for one in options(held)
    ):
        return _Leak(f"`{project.words(frame.function, base)}.{name}`", "the traceback", Confidence.HIGH)
    return None


def _first(project: Project, frame: _Frame, terms: tuple[int, ...]) -> _Leak | None:
    found = [leak for term in terms if (leak := _leak(project, frame, term)) is not None]
    return max(found, key=lambda leak: leak.confidence.rank, default=None)


def _caught(project: Project, frame: _Frame, row: Caught) -> _Leak | None:
    function = frame.function
    names = caught_names(project, function, row)
    if _is_told_apart(project, frame):
        return None
    if _is_around_everything(project, frame):
        plain = next((name.rpartition(".")[2] for name in names if name in _PLAIN), "")
        if plain:
            what = "which any code below may have raised"
            return _Leak(f"the text of any `{plain}`", what, Confidence.MEDIUM)
    name = next((name for name in names if name in _BROAD), "")
    if name:
        short = name.rpartition(".")[2]
        return _Leak(f"the text of any `{short}`", "whatever it says", Confidence.HIGH)
    for name in names:
        short = name.rpartition(".")[2]
        if _is_own(project, name) or _FOR_PEOPLE.search(short):
            continue
        words = f"the text of `{short}`"
        if short in _LAYERS or _is_drivers(name):
            return _Leak(words, "which was not written for clients", Confidence.MEDIUM)
        if "." in name and not name.startswith("builtins."):
            return _Leak(words, "which another library wrote", Confidence.LOW)
    return None


def _is_around_everything(project: Project, frame: _Frame) -> bool:
    """Whether the `try` is a middleware's, around all that answers requests: `await self.app(scope, receive, send)`."""
    function = frame.function
    names = {parameter.name for parameter in function.summary.parameters}
    for block in function.blocks(frame.block):
        if block.kind is not BlockKind.EXCEPT:
            continue
        for call in function.calls:
            callee = project.term(function, call.row.function)
            given = {getattr(project.term(function, term), "name", "") for term in call.row.arguments}
            asgi = given >= _ASGI and names >= _ASGI and isinstance(callee, Attr)
            if asgi or (isinstance(callee, Param) and callee.name == "call_next"):
                return True
    return False


def _is_own(project: Project, name: str) -> bool:
    return project.evaluator.classes.project_class(name) is not None


def _is_told_apart(project: Project, frame: _Frame) -> bool:
    """Whether a test of the exception's type or of what it is comes before."""
    for block in frame.function.blocks(frame.block):
        if block.kind == BlockKind.IF and block.terms:
            row = project.term(frame.function, block.terms[0])
            if isinstance(row, Call) and project.words(frame.function, row.function) == "isinstance":
                return True
    return False


def _parameter(project: Project, frame: _Frame, row: Param) -> _Leak | None:
    """What a caller passes, or the exception that an error handler gets."""
    if frame.call is not None and frame.outer is not None:
        parameters = [parameter.name for parameter in frame.function.summary.parameters]
        if row.name not in parameters:
            return None
        outer = frame.outer._replace(depth=frame.depth)
        if frame.function.summary.parameters[parameters.index(row.name)].kind == "**":
            rest = tuple(term for name, term in frame.call.row.keywords if name not in parameters)
            return _first(project, outer, rest)
        position = parameters.index(row.name) - (1 if frame.function.summary.cls >= 0 else 0)
        term = frame.call.argument(position if position >= 0 else None, row.name)
        if term is None:
            return None
        return _leak(project, outer, term)
    names = [parameter.name for parameter in frame.function.summary.parameters]
    # Frameworks pass the exception last; Django REST framework passes it first, before a context.
    given = names[0] if names[0] in _EXCEPTION_NAMES else names[-1]
    if row.name != given or _is_told_apart(project, frame):
        return None
    for name in project.error_handlers.get(frame.function.key, ()):
        short = name.rpartition(".")[2]
        if name in _BROAD:
            return _Leak(f"the text of any `{short}`", "whatever it says", Confidence.HIGH)
        if not _is_own(project, name) and (short in _LAYERS or _is_drivers(name)):
            return _Leak(f"the text of `{short}`", "which was not written for clients", Confidence.MEDIUM)
    return None


_EXCEPTION_NAMES = frozenset({"exc", "exception", "error", "err", "e"})


def _is_drivers(name: str) -> bool:
    """`psycopg.Error`: any failure of a database driver."""
    return name.rpartition(".")[2] == "Error" and name.partition(".")[0] in _DRIVERS


def _call(project: Project, frame: _Frame, term: int, row: Call) -> _Leak | None:
    site = project.flow.site(frame.function, term)
    if site is not None and site.entry is not None and site.entry.source == "exception":
        name = site.symbol.rpartition(".")[2]
        return _Leak(f"what `{name}()` gives", "the traceback", Confidence.HIGH)
    inside = (*row.arguments, *(value for _, value in row.keywords))
    callee = project.term(frame.function, row.function)
    if isinstance(callee, Attr) and callee.name in _TEXT_METHODS:
        return _first(project, frame, (callee.base, *inside))
    if site is None:
        return None
    if (
        site.symbol in _FORMATS
        or site.symbol.endswith(".dumps")
        or (site.entry is not None and "response" in site.entry.sinks)
    ):
        return _first(project, frame, inside)
    if site.targets:
        return _returned(project, frame, site)
    return None


def _returned(project: Project, frame: _Frame, site: CallSite) -> _Leak | None:
    """What the project's function hands back, or is built from."""
    for target in site.targets[:4]:
        function = project.graph.functions[target]
        if function.summary.name.endswith("__init__"):
            continue
        for event in function.summary.events:
            if event.kind != EventKind.RETURN or event.term < 0:
                continue
            inner = _Frame(function, event.block, site, frame, frame.depth + 1)
            found = _leak(project, inner, event.term)
            if found is not None and not _in_development(project, function, event.block):
                step = Evidence(function.path, event.span, f"`{short_name(function)}` returns it")
                return found._replace(evidence=(step, *found.evidence))
    return None
