"""Request bodies that are used as they come."""

from collections.abc import Iterator

from backlint.api import (
    REQUEST_BODY,
    Attr,
    Call,
    CallSite,
    ClassValue,
    Confidence,
    Const,
    Event,
    Findings,
    FunctionValue,
    InstanceValue,
    Item,
    LinkedFunction,
    Local,
    Mapping,
    Name,
    Param,
    ParameterSource,
    Project,
    Role,
    RouteParameter,
    Rule,
    Sequence,
    Severity,
    Span,
    bare,
    identifier_words,
    options,
    sink_arguments,
)
from backlint_rules.input._assignments import reached
from backlint_rules.input._statements import Frame, is_open, pieces

_READS = frozenset({"get", "getlist", "pop"})
_VALIDATES = frozenset(
    {"validate", "validator", "validated", "schema", "load", "parse", "serializer", "form", "check", "verify",
     "model", "structure", "convert", "clean", "construct", "signature"}
)  # fmt: skip
_DECLARED = frozenset({"parse_args", "parse"})
"""Of parsers whose arguments are declared one by one, with a type each: reqparse, webargs."""
_COMPARES = frozenset({"compare_digest", "constant_time_compare"})
"""What a sender who signs is told by: its bodies are what both sides agreed on."""
_READERS = frozenset({"get_json", "json", "loads", "body", "get_data", "form", "decode"})


class UnvalidatedBody(Rule):
    """Checks for handlers that take fields from the raw request body without a schema.

    ## Why is this bad?
    JSON has types, and the client chooses them: a list where a string is expected, null, a string of ten
    megabytes, a negative number. What the code did not think of is a 500 at best; else it is stored, and
    breaks whatever reads it later.

    ## What to do instead
    Say what the body is in one place: a Pydantic model, a serializer, a form, a marshmallow, attrs or msgspec
    schema. It refuses the rest with a 400 or 422 that names the field, and the handler gets values of known type.

    ## Confidence
    Medium; low for HTML forms, whose fields are strings. A body parameter that is declared as `dict` is
    high.

    ## What it leaves alone
    Bodies that a schema, serializer, form or signature check gets, objects that the body was read into, and
    fields that become part of SQL, of which sql-injection speaks.

    ## References
    - [CWE-20: Improper Input Validation](https://cwe.mitre.org/data/definitions/20.html)
    - [OWASP input validation cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/Input_Validation_Cheat_Sheet.html)
    """

    severity = Severity.WARNING
    independent = True
    tags = ("CWE-20",)
    security_severity = 4.3

    def check(self, project: Project, findings: Findings) -> None:
        """Look at what each handler reads."""
        for function in project.functions:
            if not findings.wants(function) or not project.is_handler(function):
                continue
            if _is_validated(project, function):
                continue
            if not _declared(project, findings, function):
                _judge(project, findings, function)


def _declared(project: Project, findings: Findings, function: LinkedFunction) -> bool:
    """`payload: dict`: a body parameter that takes anything."""
    for route in project.handlers.get(function.key, ()):
        for parameter in route.parameters:
            if _takes_anything(project, function, parameter):
                findings.add(
                    function,
                    f"`{parameter.name}` takes any body: its type says nothing of the fields",
                    advice=f"declare a model with the fields of `{parameter.name}`",
                )
                return True
    return False


def _takes_anything(project: Project, function: LinkedFunction, parameter: RouteParameter) -> bool:
    """`dict`, `dict[str, Any]`, or `Any` that is said to be the body."""
    if parameter.term < 0 or parameter.source not in (ParameterSource.BODY, ParameterSource.UNKNOWN):
        return False
    row = project.term(function, parameter.term)
    term = row.base if isinstance(row, Item) else parameter.term
    symbol = project.evaluator.symbol_of(function.file, term)
    if symbol in ("builtins.dict", "typing.Dict"):
        return True
    return parameter.source is ParameterSource.BODY and (
        symbol == "typing.Any"
        or any(
            isinstance(one, InstanceValue) and one.symbol == "builtins.dict"
            for one in options(parameter.annotation)
        )
    )


def _judge(project: Project, findings: Findings, function: LinkedFunction) -> None:
    first: Span | None = None
    names: list[str] = []
    form = True
    for event in function.summary.events:
        if event.term < 0 or _is_injected(project, function, event):
            continue
        for term, name in _fields(project, function, event):
            base = project.term(function, term)
            held = base.function if isinstance(base, Call) else term
            words = project.words(function, held)
            body = _base(project, function, term)
            origin = project.flow.origin(function, body, REQUEST_BODY, event.block)
            if origin is None or origin.named or _is_read(project, function, body):
                continue
            first = first or event.span
            form = form and (
                ".form" in origin.words or "POST" in origin.words or "POST" in words or ".form" in words
            )
            if name not in names:
                names.append(name)
    if first is None:
        _judge_whole(project, findings, function)
        return
    shown = ", ".join(f"`{name}`" for name in names[:3])
    more = " and more" if len(names) > 3 else ""
    findings.add(
        function,
        f"{shown}{more} {'come' if len(names) > 1 else 'comes'} from the raw body, and no schema says what may be in it",
        span=first,
        confidence=Confidence.LOW if form else Confidence.MEDIUM,
        advice=f"read the body of `{function.summary.name.rpartition('.')[2]}` into a schema first",
    )


def _judge_whole(project: Project, findings: Findings, function: LinkedFunction) -> None:
    """A body that is handed on as it came, to code that sets whatever it names."""
    for call in function.calls:
        for _, found in reached(project, function, call):
            if found.schema or found.origin is None:
                continue
            words = project.words(function, found.term)
            read = bare(function.file, found.term)
            span = next((event.span for event in function.summary.events if event.term == read), call.span)
            findings.add(
                function,
                f"`{words}` is used as it came, and no schema says what may be in it",
                span=span,
                advice=f"read the body of `{function.summary.name.rpartition('.')[2]}` into a schema first",
            )
            return


def _is_injected(project: Project, function: LinkedFunction, event: Event) -> bool:
    """Whether the value lands in the text of SQL: another rule speaks of that."""
    site = project.flow.site(function, event.term)
    return site is not None and any(
        is_open(pieces(project, Frame(function), argument.term)) for argument in sink_arguments(site, "sql")
    )


def _fields(project: Project, function: LinkedFunction, event: Event) -> Iterator[tuple[int, str]]:
    """Keyed reads in the terms of an event, and whole bodies that are handed to the project's own functions."""
    pending, seen = [event.term, event.value], set[int]()
    while pending:
        term = pending.pop()
        if term < 0 or term in seen:
            continue
        seen.add(term)
        row = project.term(function, term)
        match row:
            case Item(base, key):
                at = project.term(function, key)
                if isinstance(at, Const) and isinstance(at.value, str):
                    yield term, at.value
                pending.append(base)
            case Call(callee, arguments, keywords):
                called = project.term(function, callee)
                name = _name(called)
                shown = project.constant(function, arguments[0]) if arguments and name in _READS else None
                if isinstance(shown, str):
                    yield term, shown
                site = project.flow.site(function, term)
                if (
                    site is not None
                    and site.targets
                    and arguments
                    and not _is_field(project, function, arguments[0])
                ):
                    for given in _strings(project, function, arguments[1:]):
                        yield arguments[0], given
                pending.extend(arguments)
                pending.extend(value for _, value in keywords)
            case Local(_, base):
                pending.append(base)
            case Sequence(_, items):
                pending.extend(reversed(items))
            case Mapping(entries):
                pending.extend(value for _, value in reversed(entries))
            case _:
                pass


def _is_read(project: Project, function: LinkedFunction, term: int) -> bool:
    """Whether a value is an object of a class of the project: somebody read the body into it."""
    return any(
        isinstance(one, InstanceValue) and project.evaluator.classes.project_class(one.symbol) is not None
        for one in options(project.value(function, term))
    )


def _is_field(project: Project, function: LinkedFunction, term: int) -> bool:
    """Whether a value is a field of an object that the body was read into."""
    row = project.term(function, bare(function.file, term))
    return isinstance(row, Attr) and _is_read(project, function, row.base)


def _strings(project: Project, function: LinkedFunction, terms: tuple[int, ...]) -> Iterator[str]:
    """Constant names that a project function is given beside a body: the fields that it takes."""
    for term in terms:
        row = project.term(function, bare(function.file, term))
        if isinstance(row, Const) and isinstance(row.value, str) and row.value.isidentifier():
            yield row.value
        elif isinstance(row, Sequence):
            yield from _strings(project, function, row.items)


def _name(row: object) -> str:
    if isinstance(row, Attr):
        return row.name
    return row.symbol.rpartition(".")[2] if isinstance(row, Name) else ""


def _base(project: Project, function: LinkedFunction, term: int) -> int:
    row = project.term(function, term)
    if isinstance(row, Item):
        return row.base
    if isinstance(row, Call):
        callee = project.term(function, row.function)
        return callee.base if isinstance(callee, Attr) and callee.name in _READS else term
    return term


def _is_validated(project: Project, function: LinkedFunction) -> bool:
    """Whether a schema, a form or a signature check gets the body."""
    if any(
        Role.VERIFIES_SIGNATURE in guard.roles
        for route in project.handlers.get(function.key, ())
        for guard in route.guards
    ):
        return True
    return any(_validates(project, call) or _compares(project, call) for call in function.calls)


def _compares(project: Project, call: CallSite) -> bool:
    """Whether a call compares a signature, itself or in what it calls."""
    if _name(project.term(call.function, call.row.function)) in _COMPARES:
        return True
    return any(
        _name(project.term(function, inner.row.function)) in _COMPARES
        for function in (project.graph.functions[key] for key in call.targets[:4])
        for inner in function.calls
    )


def _validates(project: Project, call: CallSite) -> bool:
    callee = project.term(call.function, call.row.function)
    name = _name(callee)
    if call.entry is not None and call.entry.source == REQUEST_BODY.name and name in _DECLARED:
        return True
    if name in _READERS or isinstance(callee, Param):
        return False
    given = (*call.row.arguments, *(term for _, term in call.row.keywords))
    is_class = any(
        isinstance(one, ClassValue) and not project.model(one.symbol) and not _is_raised(project, one.symbol)
        for one in options(call.callee)
    )
    own = any(isinstance(one, FunctionValue) for one in options(call.callee))
    named = bool(_VALIDATES.intersection(identifier_words(name)))
    named = named or Role.VERIFIES_SIGNATURE in project.roles(call)
    if not (is_class or named) or (own and not named):
        return False
    return name == "validate_on_submit" or any(
        (found := project.flow.origin(call.function, term, REQUEST_BODY, call.block)) is not None
        and not found.named
        and not _is_part(project, call.function, term)
        for term in given
    )


def _is_raised(project: Project, symbol: str) -> bool:
    """Whether a class is an exception: it quotes what was sent, and reads nothing from it."""
    return any(name.endswith(("Exception", "Error")) for name in project.evaluator.classes.order(symbol))


def _is_part(project: Project, function: LinkedFunction, term: int) -> bool:
    """Whether a value is a field of the body, or made from some."""
    row = project.term(function, bare(function.file, term))
    if isinstance(row, Call):
        return _name(project.term(function, row.function)) in _READS and bool(row.arguments)
    return isinstance(row, Item | Mapping | Sequence)
