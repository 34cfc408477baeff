"""Secrets in the source code."""

import ast
import json
import re
from collections.abc import Iterator

from backlint.api import (
    Confidence,
    Edit,
    FileContext,
    Finding,
    Findings,
    Fix,
    LinkedFunction,
    Project,
    Rule,
    Severity,
    SourceText,
    Span,
)
from backlint_rules.credentials._literals import address_confidence, is_known_token, judge

_LOOK_UPS = frozenset({"os.getenv", "os.environ.get", "os.environ.setdefault", "decouple.config"})
_SOURCES = frozenset({"env", "environ", "config", "settings", "cfg", "conf", "Env"})
_WRAPPERS = frozenset({"SecretStr", "SecretBytes", "Field", "Secret", "field", "Setting"})
_DEVELOPMENT = re.compile(r"debug|\bdev|_dev|local|test", re.IGNORECASE)
_NEGATED = re.compile(r"^not |!=|prod| not in ", re.IGNORECASE)
_DEVELOPMENT_FILE = re.compile(
    r"(^|[/_.])(local|dev|develop|development|test|tests|testing|ci|docker|example|sample)([/_.]|$)"
)
_REFUSED_NAMES = re.compile(r"insecure|weak|placeholder|forbidden|default", re.IGNORECASE)
_DESCRIBING = frozenset(
    {"Field", "Form", "Header", "Query", "Body", "add_argument", "option", "Option", "Argument"}
)


class HardcodedSecret(Rule):
    """Checks for keys, passwords, tokens and addresses with a password in the source code.

    ## Why is this bad?
    Everybody who can read the repository, a backup of it or a container image has the secret: whoever has the
    signing key makes sessions of any user. It stays in the history for ever, is the same in every
    environment, and can't be changed without a release. A default in a look-up (`getenv("SECRET_KEY",
    "change-me")`) is worse than it looks: where the variable is missing the service starts, and runs with it.

    ## What to do instead
    Read secrets from the environment or a secret manager, and fail at start-up where one is missing:
    `os.environ["SECRET_KEY"]`, or a settings class field without a default. Change every secret that
    has been committed.

    ## Confidence
    High for known token formats and settings that the service runs with; medium where a name and a likely
    value are the evidence; low in branches, classes and files for development.

    ## What it leaves alone
    Names alone are no evidence: values that are empty, placeholders of a template, labels, enum members or
    paths are left alone, and so are values that the service refuses to start with.

    ## References
    - [CWE-798: Use of Hard-coded Credentials](https://cwe.mitre.org/data/definitions/798.html)
    - [OWASP Secrets Management Cheat Sheet](https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html)
    - [The Twelve-Factor App: config](https://12factor.net/config)
    """

    severity = Severity.ERROR
    tags = ("CWE-798", "CWE-321", "OWASP-A07")
    security_severity = 8.6
    same_as = ("ruff:S105", "ruff:S106", "ruff:S107", "bandit:B105", "bandit:B106", "bandit:B107")

    def visit_Constant(self, node: ast.Constant, ctx: FileContext) -> None:
        """Credentials that give themselves away wherever they stand."""
        if not isinstance(node.value, str) or len(node.value) < 12:
            return
        if is_known_token(node.value):
            _note(ctx, node, Confidence.HIGH, "a credential stands in the source code", "", node.value)
        elif "://" in node.value:
            confidence = address_confidence(node.value)
            if confidence is not None:
                what = "an address with its password stands in the source code"
                _note(ctx, node, confidence, what, "", node.value)

    def visit_Assign(self, node: ast.Assign, ctx: FileContext) -> None:
        """`SECRET_KEY = "…"`, `app.config["SECRET_KEY"] = "…"`; lists of values that are refused."""
        for target in node.targets:
            name = _target_name(target)
            if name:
                configures = ctx.at_module_level or isinstance(target, ast.Subscript | ast.Attribute)
                _check(ctx, node, name, node.value, configures=configures)
                if _REFUSED_NAMES.search(name):
                    for text in _strings(node.value):
                        ctx.fact(node, "refused", text=text)

    def visit_AnnAssign(self, node: ast.AnnAssign, ctx: FileContext) -> None:
        """`secret_key: str = "…"` of a settings class."""
        name = _target_name(node.target)
        if name and node.value is not None:
            in_settings = bool(re.search(r"Settings|Config", ctx.class_name))
            configures = (in_settings or not ctx.class_name) and not ctx.function
            _check(ctx, node, name, node.value, configures=configures, falls_back=in_settings and configures)

    def visit_Dict(self, node: ast.Dict, ctx: FileContext) -> None:
        """`{"PASSWORD": "…"}` of a settings module."""
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isupper():
                _check(ctx, value, key.value, value, configures=True)

    def visit_FunctionDef(self, node: ast.FunctionDef, ctx: FileContext) -> None:
        """Defaults of parameters."""
        arguments = [*node.args.posonlyargs, *node.args.args]
        pairs = [
            *zip(arguments[len(arguments) - len(node.args.defaults) :], node.args.defaults, strict=True),
            *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True),
        ]
        for argument, default in pairs:
            if default is not None:
                _check(ctx, default, argument.arg, default, configures=False)

    def visit_Call(self, node: ast.Call, ctx: FileContext) -> None:
        """Look-ups with a default, and arguments."""
        last = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        found = _look_up(node, ctx)
        if found is not None:
            key, default = found
            if default is not None:
                _fall_back(ctx, node, key, default)
        elif last not in _DESCRIBING and last not in _WRAPPERS:
            for keyword in node.keywords:
                if keyword.arg:
                    _check(ctx, keyword.value, keyword.arg, keyword.value, configures=_connects(last))

    def visit_BoolOp(self, node: ast.BoolOp, ctx: FileContext) -> None:
        """`os.environ.get("SECRET_KEY") or "…"`."""
        default = _literal(node)
        for value in node.values[:-1] if default is not None else ():
            found = _look_up(value, ctx) if isinstance(value, ast.Call) else None
            if found is not None and default is not None:
                _fall_back(ctx, node, found[0], default)
                return

    def visit_If(self, node: ast.If, ctx: FileContext) -> None:
        """Note branches for development only, and values with which the service refuses to start."""
        test = ast.unparse(node.test)
        if _DEVELOPMENT.search(test) or _NEGATED.search(test):
            branch = node.orelse if _NEGATED.search(test) else node.body
            if branch and (_DEVELOPMENT.search(test) or "prod" in test.lower()):
                lines = (branch[0].lineno, branch[-1].end_lineno or branch[-1].lineno)
                ctx.fact(node, "range", text=json.dumps(lines))
        if any(_stops(statement) for statement in node.body):
            for text in _strings(node.test):
                ctx.fact(node, "refused", text=text)

    def visit_ClassDef(self, node: ast.ClassDef, ctx: FileContext) -> None:
        """Note enumerations: their members are labels."""
        if any(re.search(r"Enum|Choices", ast.unparse(base)) for base in node.bases):
            ctx.fact(node, "enum", text=json.dumps((node.lineno, node.end_lineno or node.lineno)))
        elif re.search(r"^(Dev|Local|Test|Debug)", node.name):
            ctx.fact(node, "range", text=json.dumps((node.lineno, node.end_lineno or node.lineno)))

    def check(self, project: Project, findings: Findings) -> None:
        """Report what no guard refuses, with less confidence where it is for development."""
        refused = {fact.text for _, fact in project.noted(self.id, "refused") if len(fact.text) >= 3}
        enums = _ranges(project, self.id, "enum")
        development = _ranges(project, self.id, "range")
        for function, fact in project.noted(self.id, "secret"):
            found = json.loads(fact.text)
            if _within(fact.span, enums.get(function.path, [])):
                continue
            if any(found["value"] == text or found["value"].startswith(text) for text in refused):
                continue
            confidence = Confidence(found["confidence"])
            if (
                _within(fact.span, development.get(function.path, []))
                or _DEVELOPMENT_FILE.search(function.path)
                or _is_called_in(project, function, development)
            ):
                confidence = Confidence.LOW
            findings.add(
                function,
                found["message"],
                span=fact.span,
                confidence=confidence,
                advice=_advice(found["instead"]),
            )

    def fix(self, finding: Finding, source: SourceText) -> Fix | None:
        """A look-up loses its default: the service no longer starts without the variable."""
        for node in ast.walk(source.tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and ast.unparse(node.func) in ("os.getenv", "os.environ.get")
                and (node.func.end_lineno, (node.func.end_col_offset or 0) - len(node.func.attr))
                == (finding.span.line, finding.span.column)
                and isinstance(node.args[0], ast.Constant)
            ):
                key = str(node.args[0].value)
                span = Span(node.lineno, node.col_offset, node.end_lineno or 0, node.end_col_offset or 0)
                return Fix(f'read `os.environ["{key}"]`', (Edit(span, f'os.environ["{key}"]'),))
        return None


def _note(
    ctx: FileContext, node: ast.AST, confidence: Confidence, message: str, instead: str, value: str
) -> None:
    content = {"confidence": confidence.value, "message": message, "instead": instead, "value": value}
    ctx.fact(node, "secret", text=json.dumps(content))


def _fall_back(ctx: FileContext, node: ast.AST, key: str, default: str) -> None:
    confidence = judge(key, default, configures=True, falls_back=True)
    if confidence is not None and not _gives_itself_away(default):
        message = f"where `{key}` is not set, the service runs with a secret from the source code"
        _note(ctx, node, confidence, message, f'os.environ["{key}"]', default)


def _check(
    ctx: FileContext,
    node: ast.AST,
    name: str,
    value: ast.expr,
    *,
    configures: bool,
    falls_back: bool = False,
) -> None:
    found = _literal(value)
    if found is None or _gives_itself_away(found):
        return
    if isinstance(value, ast.BoolOp) and any(
        isinstance(part, ast.Call) and _look_up(part, ctx) for part in value.values
    ):
        return
    confidence = judge(name, found, configures=configures, falls_back=falls_back)
    if confidence is not None:
        _note(ctx, node, confidence, f"`{name}` is a secret in the source code", "", found)


def _gives_itself_away(value: str) -> bool:
    """Whether `visit_Constant` sees it."""
    return is_known_token(value) or address_confidence(value) is not None


def _advice(instead: str) -> str:
    read = f"read it with `{instead}`" if instead else "read it from the environment or a secret manager"
    return f"{read}, fail at start-up where it is missing, and change the secret: the history keeps this one"


def _literal(node: ast.expr) -> str | None:
    """The text of a literal: wrapped in `SecretStr`, encoded, or after `or`."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=bytes(data)):
            return data.decode("latin-1")
        case ast.BoolOp(op=ast.Or(), values=[*_, last]):
            return _literal(last)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="encode")):
            return text
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in _WRAPPERS:
            default = next((keyword.value for keyword in node.keywords if keyword.arg == "default"), None)
            first = default or (node.args[0] if node.args else None)
            return None if first is None else _literal(first)
    return None


def _look_up(node: ast.Call, ctx: FileContext) -> tuple[str, str | None] | None:
    """The variable that a call reads, and the literal it falls back to, None without one."""
    if not node.args or not isinstance(node.args[0], ast.Constant) or not isinstance(node.args[0].value, str):
        return None
    match node.func:
        case ast.Name(id=base):
            is_source = base in _SOURCES
        case ast.Attribute(value=ast.Name(id=base) | ast.Attribute(attr=base), attr=name):
            is_source = base in _SOURCES and name in ("get", "str", "getenv", "setdefault", "config")
        case _:
            is_source = False
    if not is_source and ctx.name(node) not in _LOOK_UPS:
        return None
    default = next((keyword.value for keyword in node.keywords if keyword.arg == "default"), None)
    if default is None and len(node.args) > 1:
        default = node.args[1]
    return node.args[0].value, None if default is None else _literal(default)


def _connects(name: str) -> bool:
    return bool(
        re.search(r"connect|engine|client|pool|redis|login|smtp|session|database", name, re.IGNORECASE)
    )


def _target_name(target: ast.expr) -> str:
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def _stops(statement: ast.stmt) -> bool:
    match statement:
        case ast.Raise():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="exit") | ast.Name(id="exit"))):
            return True
    return False


def _strings(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _ranges(project: Project, rule: str, kind: str) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for function, fact in project.noted(rule, kind):
        first, last = json.loads(fact.text)
        found.setdefault(function.path, []).append((first, last))
    return found


def _is_called_in(
    project: Project, function: LinkedFunction, ranges: dict[str, list[tuple[int, int]]]
) -> bool:
    """Whether a function is called in such ranges only."""
    callers = project.callers(function)
    return bool(callers) and all(
        _within(call.event.span, ranges.get(call.function.path, [])) for call in callers
    )


def _within(span: Span, ranges: list[tuple[int, int]]) -> bool:
    return any(first <= span.line <= last for first, last in ranges)
