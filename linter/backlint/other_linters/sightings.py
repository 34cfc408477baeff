"""Where rules of ruff and bandit report, worked out from one file as those rules do it.

Read for ruff 0.17 (https://docs.astral.sh/ruff/rules/) and bandit 1.9
(https://bandit.readthedocs.io/en/latest/plugins/). Both resolve imports inside the file, and see
neither types nor other files. Where in doubt less is seen here: then a fault is reported twice, and not
never.
"""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from typing import TYPE_CHECKING

from backlint.semantics.state import call_span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.finding import Span

Place = tuple[int, int]
"""Line and column, as in a `Span`."""

_METHODS = ("get", "options", "head", "post", "put", "patch", "delete", "request")
_REQUESTS = frozenset(f"requests.{name}" for name in _METHODS)
_HTTPX = frozenset(f"httpx.{name}" for name in (*_METHODS, "stream"))
_HTTPX_CLIENTS = frozenset({"httpx.Client", "httpx.AsyncClient"})
_ASYNC = {
    "ASYNC210": (_REQUESTS | _HTTPX | {"urllib.request.urlopen", "urllib3.request"}) - {"httpx.stream"},
    "ASYNC220": frozenset({"subprocess.Popen", "os.popen"}),
    "ASYNC221": frozenset(
        {f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "getoutput")}
        | {"subprocess.getstatusoutput", "os.system", "os.posix_spawn", "os.posix_spawnp"}
        | {f"os.spawn{name}" for name in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")}
    ),
    "ASYNC222": frozenset({"os.wait", "os.wait3", "os.wait4", "os.waitid", "os.waitpid"}),
    "ASYNC230": frozenset({"builtins.open", "io.open", "io.open_code"}),
    "ASYNC251": frozenset({"time.sleep"}),
}
_NAIVE = {
    "DTZ002": "datetime.datetime.today",
    "DTZ003": "datetime.datetime.utcnow",
    "DTZ004": "datetime.datetime.utcfromtimestamp",
}
_ZONED = {"DTZ005": ("datetime.datetime.now", 0), "DTZ006": ("datetime.datetime.fromtimestamp", 1)}
_PASSWORD = re.compile(r"(?:^|_)(?:pas+wo?r?d|pass(?:phrase)?|pwd|token|secrete?)(?:$|_)", re.IGNORECASE)
_SQL = re.compile(
    r"select\s[\s\S]*\sfrom\s|delete\s+from\s|insert\s+into\s[\s\S]*\svalues[\s(]|update\s[\s\S]*\sset\s",
    re.IGNORECASE,
)
_LONGEST = 5_000
"""Characters of a string that are searched."""
_BROAD = frozenset({"Exception", "BaseException"})
_LIKE_RUFF = {"B106": "S106", "B107": "S107", "B113": "S113"}
_WITHIN = frozenset({"S105", "B105", "S106", "S107", "S608", "B608", "S610", "S611"})
"""Codes that are reported at a part of what we report."""


class Sightings:
    """Where each code is reported in one file; codes that are not known are reported nowhere."""

    def __init__(self, tree: ast.Module) -> None:
        self._imported = _imports(tree)
        self._places: dict[str, set[Place]] = {}
        with suppress(RecursionError):
            for code, place in self._walk(tree):
                self._places.setdefault(code, set()).add(place)

    def has(self, code: str, span: Span) -> bool:
        """Whether the other linter's rule reports what a finding at this place reports."""
        code = _LIKE_RUFF.get(code, code)
        places = self._places.get(code, set())
        start = (span.line, span.column)
        if code in _WITHIN:
            return any(start <= place < (span.end_line, span.end_column) for place in places)
        return start in places

    def _walk(self, tree: ast.Module) -> Iterator[tuple[str, Place]]:
        pending: list[tuple[ast.AST, bool]] = [(tree, False)]
        while pending:
            node, is_async = pending.pop()
            match node:
                case ast.AsyncFunctionDef():
                    is_async = True
                case ast.FunctionDef() | ast.Lambda():
                    is_async = False
            yield from self._at(node, is_async)
            # A string that is put together is looked at as a whole.
            inner = (node.left, node.right) if isinstance(node, ast.BinOp) else ()
            while inner and isinstance(inner[0], ast.BinOp):
                pending.append((inner[0].right, is_async))
                inner = (inner[0].left, inner[1])
            pending += [(child, is_async) for child in inner or ast.iter_child_nodes(node)]

    def _at(self, node: ast.AST, is_async: bool) -> Iterator[tuple[str, Place]]:
        match node:
            case ast.Call():
                yield from self._call(node, is_async)
            case ast.ExceptHandler(type=kind, body=[ast.Pass() | ast.Continue() as only]):
                number = "110" if isinstance(only, ast.Pass) else "112"
                if kind is None or (isinstance(kind, ast.Name) and kind.id in _BROAD):
                    yield f"S{number}", _start(node)
                if kind is None or (isinstance(kind, ast.Name) and kind.id == "Exception"):
                    yield f"B{number}", _start(node)
            case ast.Assign(targets=targets, value=ast.Constant() as value):
                if any(map(_names_password, targets)) and _is_text(value):
                    yield "S105", _start(value)
                    yield "B105", _start(value)
            case ast.AnnAssign(target=target, value=ast.Constant() as given):
                if _names_password(target) and _is_text(given):
                    yield "S105", _start(given)
            case ast.Dict(keys=keys, values=values):
                for key, item in zip(keys, values, strict=True):
                    if _is_password(key) and _is_text(item):
                        yield "B105", _start(item)
            case ast.FunctionDef(args=arguments) | ast.AsyncFunctionDef(args=arguments):
                for place in _password_defaults(arguments):
                    yield "S107", place
            case ast.JoinedStr() | ast.BinOp(op=ast.Add() | ast.Mod()):
                parts = _parts(node)
                if _is_sql("".join(parts)) and not _is_constant(node):
                    yield "B608", _start(node)
                    if any(map(_is_sql, parts)):
                        yield "S608", _start(node)

    def _call(self, node: ast.Call, is_async: bool) -> Iterator[tuple[str, Place]]:
        name = self._name(node.func)
        span = call_span(node)
        place = (span.line, span.column)
        timeout = next((keyword.value for keyword in node.keywords if keyword.arg == "timeout"), None)
        unbounded = isinstance(timeout, ast.Constant) and timeout.value is None
        if (name in _REQUESTS and timeout is None) or (
            name in _REQUESTS | _HTTPX | _HTTPX_CLIENTS and unbounded
        ):
            yield "S113", place
        if is_async:
            for code, names in _ASYNC.items():
                if name in names:
                    yield code, place
        for code, naive in _NAIVE.items():
            if name == naive:
                yield code, place
        for code, (zoned, position) in _ZONED.items():
            if name == zoned and not _has_zone(node, position):
                yield code, place
        for keyword in node.keywords:
            if keyword.arg and _PASSWORD.search(keyword.arg) and _is_text(keyword.value):
                yield "S106", _start(keyword.value)
        if isinstance(node.func, ast.Attribute):
            if node.func.attr == "format" and _is_sql("".join(_parts(node.func.value))):
                yield "B608", _start(node)
                yield "S608", _start(node)
            given = (*node.args, *(keyword.value for keyword in node.keywords))
            if node.func.attr == "extra" and not all(map(_is_constant, given)):
                yield "S610", place
        if name == "django.db.models.expressions.RawSQL" and node.args and not _is_constant(node.args[0]):
            yield "S611", place

    def _name(self, node: ast.expr) -> str:
        """The dotted name of what is called, through the imports of the file."""
        match node:
            case ast.Name(id=name):
                return self._imported.get(name, "builtins.open" if name == "open" else "")
            case ast.Attribute(value=value, attr=name):
                base = self._name(value)
                return f"{base}.{name}" if base else ""
        return ""


def _imports(tree: ast.Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _start(node: ast.expr | ast.ExceptHandler) -> Place:
    return node.lineno, node.col_offset


def _names_password(target: ast.expr) -> bool:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _PASSWORD.search(name) is not None
        case ast.Subscript(slice=key):
            return _is_password(key)
    return False


def _is_password(node: ast.expr | None) -> bool:
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(_PASSWORD.search(node.value))
    )


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value)


def _password_defaults(arguments: ast.arguments) -> Iterator[Place]:
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    for argument, default in pairs:
        if default is not None and _PASSWORD.search(argument.arg) and _is_text(default):
            yield _start(default)


def _has_zone(node: ast.Call, position: int) -> bool:
    given = next((keyword.value for keyword in node.keywords if keyword.arg == "tz"), None)
    if given is None and len(node.args) > position:
        given = node.args[position]
    return given is not None and not (isinstance(given, ast.Constant) and given.value is None)


def _parts(node: ast.expr) -> list[str]:
    """The literal texts of a string that is put together, in order, a space for each computed part."""
    found: list[str] = []
    pending = [node]
    while pending:
        match pending.pop():
            case ast.Constant(value=str(text)):
                found.append(text)
            case ast.JoinedStr(values=values):
                found.append("".join("".join(_parts(value)) for value in values))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                pending += (right, left)
            case ast.BinOp(left=left, op=ast.Mod()):
                pending.append(left)
            case _:
                found.append(" ")
    return found


def _is_sql(text: str) -> bool:
    return _SQL.search(text[:_LONGEST]) is not None


def _is_constant(node: ast.AST) -> bool:
    return not any(
        isinstance(inner, ast.Name | ast.Call | ast.Attribute | ast.Subscript) for inner in ast.walk(node)
    )
