"""Secrets in logs."""

from collections.abc import Iterator

from backlint.api import (
    SECRET,
    SERVICE_CODE,
    BlockKind,
    Call,
    CallSite,
    Confidence,
    Const,
    Evidence,
    FileKind,
    Findings,
    InstanceValue,
    LinkedFunction,
    Name,
    Origin,
    Project,
    Rule,
    Sequence,
    Severity,
    identifier_words,
    names_cleaning,
    sink_arguments,
)

_DEVELOPMENT = frozenset({"debug", "dev", "development", "local", "localhost"})
_TRACEBACK = "the traceback of an exception"
_TRACEBACKS = frozenset({"exception", "aexception", "print_exc", "capture_exception"})


class SecretInLog(Rule):
    """Checks for passwords, tokens, keys and other secrets that are written to logs, traces or output.

    ## Why is this bad?
    Logs are read by many more people and systems than the secret's own store: they go to files, to
    aggregators, to vendors, to backups, and are kept for years. A password or token in one of them has to be
    changed, and nobody knows who has read it. What counts is the value: the rule follows it through
    variables, f-strings, containers, calls and the text of exceptions (a failed request's exception repeats
    its URL with the query string), and leaves hashes, masked values, identifiers, lengths and names alone.

    ## What to do instead
    Log who or what it belongs to (`user.id`, the key's identifier) instead of the secret, or its last
    characters. Hold secrets in a type that masks itself (`pydantic.SecretStr`), send keys in a header
    rather than in the URL's query, and let a filter or processor redact what slips through.

    ## Confidence
    High where the value is followed from a secret to the log; medium where its name says so; low in
    scripts, in branches for development, for a command that prints the secret it made, and where the
    project's logging redacts.

    ## What it leaves alone
    Hashes, masked values, lengths, identifiers, names of secrets, and types that mask themselves.

    ## How to tune it
    Give the role `redacts` to a function of yours whose result is harmless.

    ## References
    - [CWE-532: Insertion of Sensitive Information into Log File](https://cwe.mitre.org/data/definitions/532.html)
    - [OWASP Logging Cheat Sheet: data to exclude](https://cheatsheetseries.owasp.org/cheatsheets/Logging_Cheat_Sheet.html#data-to-exclude)
    """

    severity = Severity.ERROR
    kinds = frozenset({FileKind.SOURCE, FileKind.SETTINGS, FileKind.SCRIPT})
    independent = True
    tags = ("CWE-532", "OWASP-A09")
    security_severity = 7.5

    def check(self, project: Project, findings: Findings) -> None:
        redacted = _redacted_fields(project)
        found = [
            (call, logged)
            for call in project.calls()
            if findings.wants(call.function) and (logged := _logged(project, call, redacted)) is not None
        ]
        redactor = _redactor(project) if found and not redacted else None
        for call, (words, origin) in found:
            confidence = _confidence(project, call, origin, in_traceback=words == _TRACEBACK)
            if redactor is not None:
                confidence = None if origin.named else Confidence.LOW
            if confidence is None:
                continue
            done = "is printed" if call.symbol == "builtins.print" else "is written to the log"
            findings.add(
                call,
                f"{words}, {origin.what}, {done}",
                confidence=confidence,
                advice="log an identifier or a masked value instead, and change the secret if this has run",
                evidence=origin.evidence if redactor is None else (*origin.evidence, redactor),
            )


def _confidence(project: Project, call: CallSite, origin: Origin, *, in_traceback: bool) -> Confidence | None:
    if call.function.kind == FileKind.SCRIPT or _shows_on_purpose(call) or _in_development(project, call):
        return Confidence.LOW
    return Confidence.MEDIUM if in_traceback and origin.confidence is Confidence.HIGH else origin.confidence


def _shows_on_purpose(call: CallSite) -> bool:
    """`print(generate_key())`: a command whose result is the new secret."""
    if call.symbol != "builtins.print" or len(call.row.arguments) != 1:
        return False
    return isinstance(call.function.file.summary.terms[call.row.arguments[0]], Call)


def _in_development(project: Project, call: CallSite) -> bool:
    """Whether a condition on the debug mode or environment guards the call."""
    return any(
        _DEVELOPMENT.intersection(identifier_words(project.words(call.function, block.terms[0])))
        for block in call.function.blocks(call.block)
        if block.kind == BlockKind.IF and block.terms
    )


def _logged(project: Project, call: CallSite, redacted: frozenset[str]) -> tuple[str, Origin] | None:
    """The surest secret among what a call logs, with the words for it; fields that are redacted are left out."""
    found: Origin | None = None
    for argument in sink_arguments(call, "log"):
        if argument.keyword and argument.keyword.lower() in redacted:
            continue
        origin = project.flow.origin(call.function, argument.term, SECRET, call.block, name=argument.keyword)
        if origin is not None and (found is None or origin.confidence.rank > found.confidence.rank):
            found = origin
    if found is not None:
        return f"`{found.words}`", found
    if _logs_traceback(project, call):
        raised = project.flow.raised(call.function, SECRET, call.block)
        if raised is not None:
            return _TRACEBACK, raised
    return None


def _logs_traceback(project: Project, call: CallSite) -> bool:
    """Whether a logging call adds the exception that is being handled."""
    name = call.symbol.rpartition(".")[2]
    if name in _TRACEBACKS:
        return True
    term = call.argument(None, "exc_info")
    return (
        term is not None
        and any(True for _ in sink_arguments(call, "log"))
        and bool(project.constant(call.function, term) not in (False, None))
    )


def _redacted_fields(project: Project) -> frozenset[str]:
    """The fields of events that a structlog processor of the project replaces: its own literals, and a module's."""
    found: set[str] = set()
    for function in project.functions:
        if function.kind not in SERVICE_CODE or not _is_processor(function):
            continue
        for event in function.summary.events:
            for root in (event.term, event.value):
                for term in project.terms_of(function, root) if root >= 0 else ():
                    found.update(_texts(project, function, term))
        for block in function.summary.blocks:
            for root in block.terms:
                for term in project.terms_of(function, root):
                    found.update(_texts(project, function, term))
    return frozenset(found)


def _is_processor(function: LinkedFunction) -> bool:
    """Whether a function has the shape of a structlog processor, and a name that says it hides something."""
    name = function.summary.name.rpartition(".")[2]
    return len(function.summary.parameters) == 3 and function.summary.cls < 0 and names_cleaning(name)


def _texts(project: Project, function: LinkedFunction, term: int) -> Iterator[str]:
    row = project.term(function, term)
    if isinstance(row, Name):
        display = project.module_literal(function, row.symbol)
        if isinstance(display, Sequence):
            owner = project.index.split(row.symbol, function.file.root)[0]
            rows = owner.summary.terms if owner is not None else ()
            yield from (
                value.lower()
                for item in display.items
                if isinstance(value := getattr(rows[item], "value", None), str)
            )
    elif isinstance(row, Const) and isinstance(row.value, str) and row.value.isidentifier():
        yield row.value.lower()


def _redactor(project: Project) -> Evidence | None:
    """A logging filter, formatter or structlog processor of the project that hides secrets."""
    for function in project.functions:
        if function.kind not in SERVICE_CODE or function.index == 0:
            continue
        owner, _, name = function.summary.name.rpartition(".")
        processor = _is_processor(function)
        method = name in ("filter", "format", "emit") and function.summary.cls >= 0
        if processor or (method and _is_log_class(project, function) and _hides(function, owner)):
            return Evidence(function.path, function.summary.span, f"`{function.name}` redacts what is logged")
    return None


def _is_log_class(project: Project, function: LinkedFunction) -> bool:
    summary = function.file.summary.classes[function.summary.cls]
    symbol = InstanceValue(f"{function.file.summary.module}.{summary.name}")
    return project.is_instance(symbol, "logging.Filter", "logging.Formatter", "logging.Handler")


def _hides(function: LinkedFunction, owner: str) -> bool:
    """Whether a filter redacts by its class's name, or by what it calls."""
    return names_cleaning(owner) or any(
        names_cleaning(call.symbol.rpartition(".")[2]) for call in function.calls if call.symbol
    )
