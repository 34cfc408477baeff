"""Exceptions that vanish."""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from backlint.api import (
    SERVICE_CODE,
    BlockKind,
    CallSite,
    Confidence,
    Edit,
    Effect,
    Evidence,
    FileContext,
    FileKind,
    Finding,
    Findings,
    Fix,
    InstanceValue,
    LinkedFunction,
    Project,
    Rule,
    Severity,
    SourceText,
    Span,
)
from backlint_rules.errors._lost import report_unraised, report_unread_futures

_BROAD = frozenset({"Exception", "BaseException"})
_INFRASTRUCTURE = frozenset(
    {
        "SQLAlchemyError", "DatabaseError", "OperationalError", "RequestException", "HTTPError", "RedisError",
        "StripeError", "ClientError", "BotoCoreError", "PyMongoError", "OSError", "IOError", "SMTPException",
        "ConnectionError",
    }
)  # fmt: skip
_CLEANUP = frozenset(
    {
        "close", "aclose", "rollback", "unlink", "remove", "rmtree", "rmdir", "disconnect", "cancel", "terminate",
        "kill", "killpg", "shutdown", "stop", "release", "cleanup", "quit", "unsubscribe", "detach", "unregister",
        "wait_closed", "dispose", "discard", "logout", "expunge", "seek", "reset", "aunlink", "join",
        "remove_handler", "delete_file",
    }
)  # fmt: skip
_CLEANERS = re.compile(
    r"^(__del__|__a?exit__|a?close|shutdown|clean_?up|stop|tear_?down|dispose|disconnect)|_(shutdown|cleanup)$"
)
_PROBES = re.compile(
    r"health|ready|readiness|live(ness)?$|ping|alive|heartbeat|is_available|check_connection|probe|__repr__|__str__"
)
_CONVERSIONS = frozenset(
    {
        "int", "float", "str", "bool", "Decimal", "UUID", "loads", "dumps", "fromisoformat", "strptime", "strftime",
        "parse", "isoparse", "split", "rsplit", "strip", "removeprefix", "removesuffix", "lower", "upper", "get", "getattr", "urlparse", "urlsplit",
        "b64decode", "urlsafe_b64decode", "literal_eval", "len", "isinstance", "ip_address", "ip_network", "format",
        "join", "ZoneInfo", "index", "encode", "decode", "items", "keys", "values", "list", "dict", "set", "tuple",
        "fromtimestamp", "type", "get_type_hints", "signature", "verify", "checkpw", "replace", "round", "min", "max", "sum", "sorted", "next", "iter", "match",
        "search", "group", "startswith", "endswith", "unquote", "quote", "hex", "fromhex", "from_bytes", "range",
    }
)  # fmt: skip
_CONVERTER = re.compile(
    r"_?(?:from|to|parse|as|is)_(?!thread)|(?:un|de)?seriali[sz]e$|^validate$|(?:^|_)(?:de|en)code(?:_|$)"
)
_WAITING = (
    Effect.QUERIES, Effect.WRITES, Effect.COMMITS, Effect.CALLS_NETWORK, Effect.SENDS_MAIL, Effect.ENQUEUES,
    Effect.RUNS_PROCESS, Effect.WRITES_FILE,
)  # fmt: skip
_WORDS_OF_A_REASON = 4
_PLAIN_STEPS = 5
"""Statements that only take a text or value apart, all of which fail for the same reason."""
_ABOUT_FAILURE = re.compile(
    r"\b(?:errors?|exceptions?|rais(?:es?|ed)|fail(?:s|ed|ures?)?|ignore)\b", re.IGNORECASE
)
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DIRECTIVE = re.compile(r"^(noqa|type:|pragma|pylint|nosec|mypy|ruff|fmt|backlint)", re.IGNORECASE)


class _Swallowed(NamedTuple):
    caught: str
    outcome: str
    doubt: str
    """Why the code may well mean it; empty for no such sign."""
    first_line: int
    last_line: int
    """The lines of the `try` body."""


class SwallowedException(Rule):
    """Checks for `except` clauses that take every exception and leave no trace of it.

    ## Why is this bad?
    `except Exception: pass` and `except Exception: return None` catch what was expected together with
    everything else: a typing error, a lost connection, a full disk, a renamed column. Nobody is told: the
    log is silent, the job counts as done, the caller takes the default for an answer. Such faults are found
    weeks later, in the data.

    ## What to do instead
    Catch the exceptions that are expected at this place and say what they mean (`except KeyError: return
    None`). Let the rest rise to the framework, which logs it and answers 500, or log it with its traceback
    (`logger.exception(…)`) where the work has to go on.

    The same holds for an exception that is made and not raised, and for one that stays in the future of a
    thread pool, because nobody asks the future for its result.

    ## Confidence
    High where what fails waits for a database, a network or a file; medium elsewhere; low where a comment
    gives the reason, the code is a probe or a conversion, or only a layer's exceptions are caught. An
    answer with a fixed text is one step lower.

    ## What it leaves alone
    Clauses that log, report, raise, use the exception, keep a record of the failure, or do anything else
    about it; narrow types, optional imports, and cleaning up.

    ## References
    - [CWE-390: Detection of Error Condition Without Action](https://cwe.mitre.org/data/definitions/390.html)
    - [Python: errors and exceptions](https://docs.python.org/3/tutorial/errors.html#handling-exceptions)
    """

    severity = Severity.WARNING
    kinds = SERVICE_CODE | {FileKind.SCRIPT}
    tags = ("CWE-390", "CWE-755")
    same_as = ("ruff:S110", "ruff:S112", "bandit:B110", "bandit:B112")

    def visit_Try(self, node: ast.Try, ctx: FileContext) -> None:
        """Note the clauses that do nothing about what they catch."""
        if isinstance(node.body[0], ast.Import | ast.ImportFrom) or _is_cleanup(node.body, ctx):
            return
        around = [*ctx.comments_above(node), *ctx.comments(node)] if node.handlers else []
        for handler in node.handlers:
            caught = _caught(handler.type)
            outcome = _outcome(handler)
            if caught and outcome:
                own = ctx.comments(handler)
                before = [text for text in around if text not in own]
                _note(ctx, handler, caught, outcome, _doubt(node.body, ctx, own, before), node.body)

    def visit_With(self, node: ast.With, ctx: FileContext) -> None:
        """Note `contextlib.suppress(Exception)`."""
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and ctx.name(call) == "contextlib.suppress":
                caught = _widest(call.args)
                if caught in ("except Exception", "except BaseException") and not _is_cleanup(node.body, ctx):
                    name = caught.removeprefix("except ")
                    doubt = _doubt(node.body, ctx, [], [*ctx.comments_above(node), *ctx.comments(node)])
                    _note(ctx, call, f"suppress({name})", "goes on", doubt, node.body)

    def check(self, project: Project, findings: Findings) -> None:
        """Judge how much the code may lose by what it waits for in there."""
        for function, fact in project.noted(self.id, "swallowed"):
            found = _read(fact.text)
            failing = next(_failing(project, function, found), None)
            evidence: tuple[Evidence, ...] = ()
            if failing is not None:
                call, effect = failing
                target = project.effects.target(call, effect)
                name = project.words(function, call.event.term)
                chain = () if target is None else project.effects.chain(target, effect)
                evidence = (Evidence(function.path, call.span, f"`{name}` may fail here"), *chain)
            confidence = _confidence(found, failing is not None)
            if confidence is not None and function.kind is FileKind.SCRIPT:
                confidence = Confidence.LOW
            if confidence is not None:
                findings.add(
                    function,
                    f"`{found.caught}` {found.outcome}, and nobody learns what failed",
                    span=fact.span,
                    confidence=confidence,
                    advice=_advice(project, function),
                    evidence=evidence,
                )
        report_unraised(project, findings, self.kinds)
        report_unread_futures(project, findings)

    def fix(self, finding: Finding, source: SourceText) -> Fix | None:
        """An exception that is only made is raised; every other finding needs a decision."""
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
                continue
            made = node.value.func
            named = (made.end_lineno, (made.end_col_offset or 0) - len(_last_name(made)))
            if named == (finding.span.line, finding.span.column):
                start = Span(node.lineno, node.col_offset, node.lineno, node.col_offset)
                return Fix(f"raise `{_last_name(made)}`", (Edit(start, "raise "),))
        return None


def _note(
    ctx: FileContext, node: ast.AST, caught: str, outcome: str, doubt: str, body: list[ast.stmt]
) -> None:
    last = body[-1].end_lineno or body[-1].lineno
    ctx.fact(node, "swallowed", text="\t".join((caught, outcome, doubt, str(body[0].lineno), str(last))))


def _read(text: str) -> _Swallowed:
    caught, outcome, doubt, first, last = text.split("\t")
    return _Swallowed(caught, outcome, doubt, int(first), int(last))


def _confidence(found: _Swallowed, fails: bool) -> Confidence | None:
    if not any(found.caught in (f"except {name}", f"suppress({name})", "except:") for name in _BROAD):
        return Confidence.LOW if fails and not found.doubt else None
    if found.doubt:
        return Confidence.LOW
    if found.outcome.startswith("answers"):
        return Confidence.MEDIUM if fails else Confidence.LOW
    return Confidence.HIGH if fails else Confidence.MEDIUM


def _advice(project: Project, function: LinkedFunction) -> str:
    logger = "logger"
    for name, term in function.file.summary.names.items():
        value = project.evaluator.value(function.file, term)
        if isinstance(value, InstanceValue) and "log" in value.symbol.lower():
            logger = name
            break
    return f"catch only what is expected here, or log the rest with `{logger}.exception(…)`"


def _failing(
    project: Project, function: LinkedFunction, found: _Swallowed
) -> Iterator[tuple[CallSite, Effect]]:
    """Calls in the `try` body that wait for something outside the process."""
    for call in function.calls:
        if found.first_line <= call.span.line <= found.last_line:
            for effect in _WAITING:
                if effect in call.effects or project.effects.target(call, effect) is not None:
                    yield call, effect


def _caught(node: ast.expr | None) -> str:
    """How the clause reads when it catches everything or a whole layer's failures; empty for narrow types."""
    if node is None:
        return "except:"
    return _widest(node.elts if isinstance(node, ast.Tuple) else [node])


def _widest(types: Iterable[ast.expr]) -> str:
    names = [
        kind.attr if isinstance(kind, ast.Attribute) else kind.id
        for kind in types
        if isinstance(kind, ast.Name | ast.Attribute)
    ]
    for wide in (_BROAD, _INFRASTRUCTURE):
        name = next((name for name in names if name in wide), "")
        if name:
            return f"except {name}"
    return ""


def _outcome(handler: ast.ExceptHandler) -> str:
    """What a clause does when it only passes over the failure; empty when it does something about it."""
    if handler.name and any(
        isinstance(node, ast.Name) and node.id == handler.name
        for statement in handler.body
        for node in ast.walk(statement)
    ):
        return ""
    outcome = "goes on"
    for statement in handler.body:
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Continue() | ast.Break():
                outcome = (
                    "goes on with the next" if isinstance(statement, ast.Continue) else "leaves the loop"
                )
            case ast.Return(value=value) if value is None or _is_default(value):
                outcome = f"returns `{_short(value)}`"
            case ast.Return(value=ast.Call() as answer) if _is_fixed_answer(answer):
                outcome = f"answers with `{_short(answer)}`"
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_default(value):
                outcome = f"sets `{name}` to `{_short(value)}`"
            case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())) if _is_cleaning(statement):
                continue
            case _:
                return ""
    return outcome


def _short(value: ast.expr | None) -> str:
    text = "None" if value is None else " ".join(ast.unparse(value).split())
    return text if len(text) <= 40 else text[:39] + "…"


def _is_default(value: ast.expr) -> bool:
    """A value that is there whatever happened: a literal, an empty container, a name."""
    match value:
        case ast.Constant() | ast.Name():
            return not (
                isinstance(value, ast.Constant) and isinstance(value.value, str) and len(value.value) > 20
            )
        case ast.UnaryOp(operand=operand):
            return _is_default(operand)
        case ast.List(elts=elements) | ast.Set(elts=elements) | ast.Tuple(elts=elements):
            return all(_is_default(element) for element in elements)
        case ast.Dict(keys=[]):
            return True
        case ast.Call(func=ast.Name(id="dict" | "list" | "set" | "tuple" | "str"), args=[], keywords=[]):
            return True
    return False


def _is_fixed_answer(call: ast.Call) -> bool:
    """Whether a response is made of literals: the client is told that something failed, and nobody else is."""
    name = _last_name(call.func)
    if not re.search(r"[Rr]esponse$|^jsonify$|^make_response$|^render(?:_template)?$|^json$", name):
        return False
    return all(
        isinstance(
            node,
            ast.Constant
            | ast.Dict
            | ast.List
            | ast.Tuple
            | ast.Name
            | ast.Attribute
            | ast.Load
            | ast.keyword,
        )
        for part in (*call.args, *call.keywords)
        for node in ast.walk(part)
    )


def _is_cleanup(body: list[ast.stmt], ctx: FileContext) -> bool:
    """Whether the code only tidies up, so that its own failure does not matter."""
    name = ctx.function.rpartition(".")[2]
    if _CLEANERS.search(name) or any(block.kind == BlockKind.FINALLY for block in ctx.blocks):
        return True
    return all(_is_cleaning(statement) or isinstance(statement, ast.Delete) for statement in body)


def _is_cleaning(statement: ast.stmt) -> bool:
    match statement:
        case (
            ast.Expr(value=ast.Call(func=function)) | ast.Expr(value=ast.Await(value=ast.Call(func=function)))
        ):
            return _last_name(function) in _CLEANUP
        case ast.If(body=body, orelse=[]):
            return all(_is_cleaning(inner) for inner in body)
    return False


def _last_name(function: ast.expr) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _is_reason(text: str) -> bool:
    """Whether a comment is a sentence; some scripts put no spaces between words."""
    if _DIRECTIVE.match(text):
        return False
    return len(text.split()) >= _WORDS_OF_A_REASON or len(_IDEOGRAPH.findall(text)) >= _WORDS_OF_A_REASON


def _doubt(body: list[ast.stmt], ctx: FileContext, comments: list[str], before: list[str]) -> str:
    """A sign that the author means it: comments of the clause or before it, the function's name, what is tried."""
    if any(_is_reason(text) for text in comments):
        return "comment"
    if any(_ABOUT_FAILURE.search(text) for text in before):
        return "comment"
    if any(block.kind == BlockKind.EXCEPT for block in ctx.blocks):
        return "handling"
    if _PROBES.search(ctx.function.rpartition(".")[2]):
        return "probe"
    calls = [node for statement in body for node in ast.walk(statement) if isinstance(node, ast.Call)]
    converts = all(
        (_last_name(call.func) in _CONVERSIONS or _CONVERTER.match(_last_name(call.func)))
        and len(call.args) + len(call.keywords) <= 2
        for call in calls
    )
    return "conversion" if len(body) <= (_PLAIN_STEPS if calls else 2) and converts else ""
