"""What `except` clauses catch and do, as they are written."""

import ast
import re
from collections.abc import Sequence

from backlint.api import BlockKind, FileContext

BROAD = frozenset({"Exception", "BaseException"})
_INFRASTRUCTURE = frozenset(
    {
        "SQLAlchemyError", "DatabaseError", "OperationalError", "RequestException", "HTTPError", "RedisError",
        "StripeError", "ClientError", "BotoCoreError", "PyMongoError", "OSError", "IOError", "SMTPException",
        "ConnectionError",
    }
)  # fmt: skip
_DATABASES = frozenset({"psycopg", "psycopg2", "sqlite3", "aiosqlite", "pymysql", "MySQLdb"})
"""Drivers whose `Error` is any failure of theirs."""
LOSES_ROWS = frozenset({"SQLAlchemyError", "DatabaseError", "PyMongoError", "Error"})
"""Failures of a whole database layer. Its narrower ones often are an answer: the row is there already."""
SKIPS = "goes on with the next"
"""The outcome of a clause that leaves the item of a loop out."""
TRIES_AGAIN = "waits and tries again"
"""The outcome of a clause that only sleeps."""
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
    r"health|ready|readiness|live(ness)?$|(?:^|_)ping$|alive|heartbeat|is_available|check_connection|probe|__repr__|__str__"
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
_WORDS_OF_A_REASON = 4
_PLAIN_STEPS = 5
"""Statements that only take a text or value apart, all of which fail for the same reason."""
_ABOUT_FAILURE = re.compile(
    r"\b(?:errors?|exceptions?|rais(?:es?|ed)|fail(?:s|ed|ures?)?|ignore)\b", re.IGNORECASE
)
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_DIRECTIVE = re.compile(r"^(noqa|type:|pragma|pylint|nosec|mypy|ruff|fmt|backlint)", re.IGNORECASE)


def caught_words(node: ast.expr | None) -> str:
    """How the clause reads when it catches everything or a whole layer's failures; empty for narrow types."""
    if node is None:
        return "except:"
    return widest(node.elts if isinstance(node, ast.Tuple) else [node])


def widest(types: Sequence[ast.expr]) -> str:
    names = [
        kind.attr if isinstance(kind, ast.Attribute) else kind.id
        for kind in types
        if isinstance(kind, ast.Name | ast.Attribute)
    ]
    if any(
        isinstance(kind, ast.Attribute)
        and kind.attr == "Error"
        and isinstance(kind.value, ast.Name)
        and kind.value.id in _DATABASES
        for kind in types
    ):
        return "except Error"
    for wide in (BROAD, _INFRASTRUCTURE):
        name = next((name for name in names if name in wide), "")
        if name:
            return f"except {name}"
    return ""


def outcome_of(handler: ast.ExceptHandler) -> str:
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
                outcome = SKIPS if isinstance(statement, ast.Continue) else "leaves the loop"
            case ast.Return(value=value) if value is None or _is_default(value):
                outcome = f"returns `{_short(value)}`"
            case ast.Return(value=ast.Call() as answer) if _is_fixed_answer(answer):
                outcome = f"answers with `{_short(answer)}`"
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _is_default(value):
                outcome = f"sets `{name}` to `{_short(value)}`"
            case ast.Expr(value=ast.Call() | ast.Await(value=ast.Call())) if _is_cleaning(statement):
                continue
            case ast.Expr(value=ast.Call(func=function) | ast.Await(value=ast.Call(func=function))) if (
                last_name(function) == "sleep"
            ):
                outcome = TRIES_AGAIN
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
        case ast.Dict(values=values):
            # A text in it may be what tells the reader that something failed.
            return any(_is_nothing(part) for part in values) and all(
                _is_nothing(part) or isinstance(part, ast.Name | ast.Attribute | ast.Subscript)
                for part in values
            )
        case ast.Call(func=ast.Name(id="dict" | "list" | "set" | "tuple" | "str"), args=[], keywords=[]):
            return True
    return False


def _is_nothing(value: ast.expr) -> bool:
    """What stands where the work's result would: `None`, `[]`, `{}`."""
    match value:
        case ast.Constant(value=None) | ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
    return False


def _is_fixed_answer(call: ast.Call) -> bool:
    """Whether a response is made of literals: the client is told that something failed, and nobody else is."""
    name = last_name(call.func)
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


def is_cleanup(body: list[ast.stmt], ctx: FileContext) -> bool:
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
            return last_name(function) in _CLEANUP
        case ast.If(body=body, orelse=[]):
            return all(_is_cleaning(inner) for inner in body)
    return False


def last_name(function: ast.expr) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _is_reason(text: str) -> bool:
    """Whether a comment is a sentence; some scripts put no spaces between words."""
    if _DIRECTIVE.match(text):
        return False
    return len(text.split()) >= _WORDS_OF_A_REASON or len(_IDEOGRAPH.findall(text)) >= _WORDS_OF_A_REASON


def doubt_of(body: list[ast.stmt], ctx: FileContext, comments: list[str], before: list[str]) -> str:
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
        (last_name(call.func) in _CONVERSIONS or _CONVERTER.match(last_name(call.func)))
        and len(call.args) + len(call.keywords) <= 2
        for call in calls
    )
    return "conversion" if len(body) <= (_PLAIN_STEPS if calls else 2) and converts else ""
