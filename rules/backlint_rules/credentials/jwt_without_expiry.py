"""Tokens that are valid for ever, or for too long."""

import ast
import re
from collections.abc import Iterable, Iterator

from backlint.api import (
    NO_CONSTANT,
    Attr,
    Call,
    CallSite,
    Confidence,
    Const,
    EventKind,
    Evidence,
    FileContext,
    Findings,
    FunctionValue,
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
    Severity,
    bare,
    options,
)
from backlint_rules.credentials._refresh import check_refresh_tokens

_DAY = 86400.0
_DEPTH = 5
_OTHER_PURPOSE = re.compile(
    r"refresh|verif|reset|invit|confirm|email|activat|unsubscrib|download|share|state", re.IGNORECASE
)
_LIFETIME = re.compile(
    r"(?=.*(?:access|jwt|token|sliding))(?=.*(?:lifetime|expir|ttl|max_?age|delta))", re.IGNORECASE
)
_UNITS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86400, "week": 604800}
_BLACKLIST = "rest_framework_simplejwt.token_blacklist"


class JwtWithoutExpiry(Rule):
    """Checks for signed tokens without `exp`, and access tokens that are valid for more than a day.

    ## Why is this bad?
    A signed token is believed until it expires: nothing is looked up. One that leaks through a log, a proxy, a
    lost phone or a shared link opens the account for as long as it is valid, also after the password was
    changed and the account closed. Without `exp` that is for ever.

    ## What to do instead
    Put `exp` into the claims: minutes for access tokens. Renew them with a refresh token that is stored, can be
    revoked and is replaced at each use.

    Claims are followed through variables, updates, helper functions and callers.

    ## Confidence
    High where the claims are spelled out at the call, or a setting names access tokens; medium where they
    come from elsewhere.

    ## What it leaves alone
    Claims that get `exp` anywhere on the way (a variable, an update, a helper, a caller, a schema), and
    tokens with another purpose, such as confirming an address.

    ## References
    - [RFC 8725: JSON Web Token best current practices](https://www.rfc-editor.org/rfc/rfc8725)
    - [OWASP: JSON Web Token cheat sheet](https://cheatsheetseries.owasp.org/cheatsheets/JSON_Web_Token_for_Java_Cheat_Sheet.html#no-built-in-token-revocation-by-the-user)
    - [CWE-613: Insufficient Session Expiration](https://cwe.mitre.org/data/definitions/613.html)
    """

    severity = Severity.WARNING
    tags = ("CWE-613", "OWASP-API2")
    security_severity = 5.4
    needs = ("jwt", "jose", "authlib", "rest_framework_simplejwt", "flask_jwt_extended")
    independent = True

    def visit_Assign(self, node: ast.Assign, ctx: FileContext) -> None:
        """Note settings that say how long tokens are valid."""
        for target in node.targets:
            match target:
                case (
                    ast.Name(id=name)
                    | ast.Attribute(attr=name)
                    | ast.Subscript(slice=ast.Constant(value=str(name)))
                ):
                    _note(ctx, node, name, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign, ctx: FileContext) -> None:
        """Note fields of settings classes."""
        if isinstance(node.target, ast.Name) and node.value is not None:
            _note(ctx, node, node.target.id, node.value)

    def visit_Dict(self, node: ast.Dict, ctx: FileContext) -> None:
        """Note entries such as those of `SIMPLE_JWT`."""
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                _note(ctx, key, key.value, value)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at the claims of every token that is signed, and at settings."""
        _check_settings(project, findings, self.id)
        check_refresh_tokens(project, findings)
        for call in project.calls():
            if call.entry is not None and "claims" in call.entry.sinks:
                _check_claims(project, findings, call)
            elif not findings.wants(call.function):
                continue
            elif call.symbol == "flask_jwt_extended.create_access_token" or call.targets:
                _check_lifetime(project, findings, call)


def _note(ctx: FileContext, node: ast.AST, name: str, value: ast.expr) -> None:
    if _LIFETIME.search(name) and isinstance(value, ast.Constant | ast.Call | ast.BinOp):
        ctx.fact(node, "lifetime", terms=(ctx.term(value),), text=name)


def _check_settings(project: Project, findings: Findings, rule: str) -> None:
    reported: set[str] = set()
    refresh = []
    for function, fact in project.noted(rule, "lifetime"):
        name = fact.text
        if name == "REFRESH_TOKEN_LIFETIME":
            refresh.append((function, fact.span))
        if _OTHER_PURPOSE.search(name):
            continue
        value = _default_of(project, function, fact.terms[0])
        if name.startswith("JWT_ACCESS_TOKEN_EXPIRES") and value is False:
            message = f"`{name}` is off: access tokens never expire"
        else:
            seconds = _seconds(project, function, name, fact.terms[0], value)
            if seconds is None or seconds <= _DAY:
                continue
            message = (
                f"`{name}` makes access tokens valid for {_span_words(seconds)}, and nothing can revoke them"
            )
        reported.add(function.path)
        confidence = Confidence.HIGH if "access" in name.lower() else Confidence.MEDIUM
        findings.add(function, message, span=fact.span, confidence=confidence, advice=_ADVICE)
    if refresh and not _mentions(project, _BLACKLIST):
        for function, span in refresh:
            if function.path not in reported:
                findings.add(
                    function,
                    "refresh tokens can't be revoked: the blacklist app is not installed",
                    span=span,
                    confidence=Confidence.MEDIUM,
                    advice=f"add `{_BLACKLIST}` to INSTALLED_APPS, and rotate refresh tokens",
                )


_ADVICE = "let access tokens expire after minutes, and renew them with a refresh token that can be revoked"


def _default_of(project: Project, function: LinkedFunction, term: int) -> object:
    return project.constant(function, term)


def _seconds(project: Project, function: LinkedFunction, name: str, term: int, value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    row = project.term(function, bare(function.file, term))
    if isinstance(row, Call):
        return float(value)
    words = re.findall(r"[a-z]+", name.lower())
    unit = next(
        (_UNITS[word.removesuffix("s")] for word in reversed(words) if word.removesuffix("s") in _UNITS), None
    )
    return None if unit is None else float(value) * unit


def _span_words(seconds: float) -> str:
    days = seconds / _DAY
    return f"{days:.0f} days" if days >= 2 else f"{seconds / 3600:.0f} hours"


def _mentions(project: Project, text: str) -> bool:
    return any(
        isinstance(row, Const) and row.value == text for file in project.files for row in file.summary.terms
    )


def _check_claims(project: Project, findings: Findings, call: CallSite) -> None:
    places = call.entry.sinks["claims"] if call.entry is not None else ()
    position = next((place for place in places if isinstance(place, int)), None)
    term = call.argument(position, *(place for place in places if isinstance(place, str)))
    if term is None:
        return
    function = call.function
    without = _callers_without(project, function, term)
    for caller in without:
        findings.add(
            caller,
            "the token is signed without `exp`, which other callers give: it is valid for ever",
            confidence=Confidence.MEDIUM,
            advice='add `"exp": datetime.now(timezone.utc) + timedelta(minutes=15)` to the claims',
            evidence=(Evidence(function.path, call.span, "it is signed here"),),
        )
    if without or not findings.wants(function):
        return
    held, evidence = _has_expiry(project, function, term, 0)
    if held is False:
        findings.add(
            call,
            "the token is signed without `exp`: it is valid for ever",
            confidence=Confidence.HIGH if not evidence else Confidence.MEDIUM,
            advice='add `"exp": datetime.now(timezone.utc) + timedelta(minutes=15)` to the claims',
            evidence=evidence,
        )
        return
    if _OTHER_PURPOSE.search(function.name) or _speaks_of_other_purpose(project, function, term):
        return
    seconds = _literal_lifetime(project, function)
    if seconds is not None and seconds > _DAY:
        findings.add(
            call,
            f"the token is valid for {_span_words(seconds)}, and nothing can revoke it",
            confidence=Confidence.MEDIUM,
            advice=_ADVICE,
        )


def _speaks_of_other_purpose(project: Project, function: LinkedFunction, term: int) -> bool:
    row = project.term(function, bare(function.file, term))
    if not isinstance(row, Mapping):
        return False
    texts = [project.constant(function, part) for entry in row.entries for part in entry if part >= 0]
    return any(isinstance(text, str) and _OTHER_PURPOSE.search(text) for text in texts)


def _literal_lifetime(project: Project, function: LinkedFunction) -> float | None:
    """The longest `timedelta` of plain numbers in a function."""
    found = [
        value
        for call in function.calls
        if call.symbol == "datetime.timedelta"
        or project.evaluator.symbol_of(function.file, call.row.function) == "datetime.timedelta"
        if all(_is_plain(project, function, term) for term in _values(call.row))
        if isinstance(value := project.constant(function, call.event.term), float)
    ]
    return max(found, default=None)


def _values(row: Call) -> Iterable[int]:
    return (*row.arguments, *(term for _, term in row.keywords))


def _is_plain(project: Project, function: LinkedFunction, term: int) -> bool:
    return isinstance(project.term(function, term), Const | Operation)


def _check_lifetime(project: Project, findings: Findings, call: CallSite) -> None:
    """A project's (or library's) function that makes tokens, given more than a day."""
    name = call.symbol.rpartition(".")[2]
    if not re.search(r"access_?token|jwt", name, re.IGNORECASE) or _OTHER_PURPOSE.search(name):
        return
    for keyword, term in call.row.keywords:
        if not re.search(r"expir|lifetime|ttl|delta", keyword):
            continue
        value = project.constant(call.function, term)
        row = project.term(call.function, bare(call.function.file, term))
        if isinstance(row, Call) and isinstance(value, float) and value > _DAY:
            findings.add(
                call,
                f"`{name}` makes a token that is valid for {_span_words(value)}, and nothing can revoke it",
                confidence=Confidence.MEDIUM,
                advice=_ADVICE,
            )
        elif value is False and call.symbol.startswith("flask_jwt_extended."):
            findings.add(call, f"`{name}` makes a token that never expires", advice=_ADVICE)


def _has_expiry(
    project: Project, function: LinkedFunction, term: int, depth: int, known: str = ""
) -> tuple[bool | None, tuple[Evidence, ...]]:
    """Whether claims hold `exp`; None where that can't be followed.

    Args:
        known: The parameter `**name` of the function, where a call is followed whose keywords are all known.
    """
    if depth > _DEPTH or _sets_expiry(project, function):
        return (True if depth <= _DEPTH else None), ()
    row = project.term(function, bare(function.file, term))
    match row:
        case Mapping(entries=entries):
            return _of_mapping(project, function, entries, depth, known)
        case Join(options=terms):
            return _worst(_has_expiry(project, function, option, depth + 1) for option in terms)
        case Operation(operator="|" | "or", operands=operands):
            return _best(_has_expiry(project, function, operand, depth + 1) for operand in operands)
        case Param():
            return _of_callers(project, function, row, depth)
        case Call():
            return _of_call(project, function, row, depth)
        case Local(base=base):
            return _has_expiry(project, function, base, depth + 1)
    return _of_value(project, function, term), ()


Held = tuple[bool | None, tuple[Evidence, ...]]


def _of_mapping(
    project: Project, function: LinkedFunction, entries: Iterable[tuple[int, int]], depth: int, known: str
) -> Held:
    held: bool | None = False
    evidence: tuple[Evidence, ...] = ()
    for key, value in entries:
        if key < 0:
            row = project.term(function, bare(function.file, value))
            if known and isinstance(row, Param) and row.name == known:
                continue
            inner, shown = _has_expiry(project, function, value, depth + 1)
            if inner:
                return True, ()
            evidence += shown
            held = None if inner is None else held
        else:
            name = project.constant(function, key)
            if name == "exp":
                return True, ()
            if name is NO_CONSTANT:
                held = None
    return held, evidence


def _of_call(project: Project, function: LinkedFunction, row: Call, depth: int) -> Held:
    callee = project.term(function, row.function)
    if any(name == "exp" for name, _ in row.keywords):
        return True, ()
    if isinstance(callee, Attr) and callee.name == "copy" and not row.arguments:
        return _has_expiry(project, function, callee.base, depth + 1)
    if isinstance(callee, Attr) and callee.name in ("model_dump", "dict"):
        return _of_value(project, function, callee.base), ()
    symbol = project.evaluator.symbol_of(function.file, row.function)
    if symbol in ("builtins.dict", "copy.copy", "copy.deepcopy"):
        if any(name == "**" for name, _ in row.keywords):
            return None, ()
        if not row.arguments:
            return False, ()
        return _has_expiry(project, function, row.arguments[0], depth + 1)
    results = []
    for value in options(project.value(function, row.function)):
        if not isinstance(value, FunctionValue):
            return None, ()
        target = project.graph.functions[value.file, value.function]
        returned = [event.term for event in target.summary.events if event.kind == EventKind.RETURN]
        known = "" if any(name == "**" for name, _ in row.keywords) else _gathers(target)
        results += [_has_expiry(project, target, term, depth + 1, known) for term in returned]
    held, evidence = _worst(results) if results else (None, ())
    return held, evidence


def _gathers(function: LinkedFunction) -> str:
    """The parameter that takes all other keywords; empty where there is none."""
    found = (one.name for one in function.summary.parameters if one.kind == "**")
    return next(found, "")


def _of_callers(project: Project, function: LinkedFunction, row: Param, depth: int) -> Held:
    """What callers hand over: one that leaves `exp` out is enough."""
    held = []
    for call, inner, shown in _handed_over(project, function, row, depth):
        step = Evidence(call.function.path, call.span, "these claims have no `exp`")
        held.append((inner, (*shown, step) if inner is False else ()))
    return _worst(held) if held else (None, ())


def _handed_over(
    project: Project, function: LinkedFunction, row: Param, depth: int
) -> Iterator[tuple[CallSite, bool | None, tuple[Evidence, ...]]]:
    """Each call of a function, and whether what it passes as a parameter holds `exp`."""
    names = [parameter.name for parameter in function.summary.parameters]
    if row.name not in names:
        return
    position = names.index(row.name) - (1 if function.summary.cls >= 0 else 0)
    for call in project.callers(function):
        term = call.argument(position, row.name)
        if term is not None and not call.passes_unknown:
            yield (call, *_has_expiry(project, call.function, term, depth + 1))


def _callers_without(project: Project, function: LinkedFunction, term: int) -> list[CallSite]:
    """The callers that leave `exp` out of the claims which a function signs, where others put it in."""
    row = project.term(function, bare(function.file, term))
    while isinstance(row, Local):
        row = project.term(function, bare(function.file, row.base))
    if not isinstance(row, Param) or _sets_expiry(project, function):
        return []
    found = list(_handed_over(project, function, row, 0))
    if not any(held for _, held, _ in found):
        return []
    return [call for call, held, _ in found if held is False]


def _of_value(project: Project, function: LinkedFunction, term: int) -> bool | None:
    """A schema's fields, where its class says them."""
    for value in options(project.value(function, term)):
        if isinstance(value, InstanceValue):
            cls = project.evaluator.classes.project_class(value.symbol)
            if cls is not None and "exp" in cls.attributes:
                return True
    return None


def _sets_expiry(project: Project, function: LinkedFunction) -> bool:
    """Whether a function puts `exp` into something: `claims["exp"] = …`, `claims.update(exp=…)`."""
    for event in function.summary.events:
        row = project.term(function, event.term) if event.term >= 0 else None
        if event.kind == EventKind.SET_ITEM and isinstance(row, Item):
            if project.constant(function, row.key) == "exp":
                return True
        elif event.kind == EventKind.CALL and isinstance(row, Call):
            callee = project.term(function, row.function)
            if not isinstance(callee, Attr) or callee.name not in ("update", "setdefault"):
                continue
            if any(name == "exp" for name, _ in row.keywords):
                return True
            for argument in row.arguments:
                given = project.term(function, bare(function.file, argument))
                keys = [key for key, _ in given.entries] if isinstance(given, Mapping) else [argument]
                if any(key >= 0 and project.constant(function, key) == "exp" for key in keys):
                    return True
    return False


def _worst(found: Iterable[Held]) -> Held:
    results = list(found)
    for held, evidence in results:
        if held is False:
            return False, evidence
    return (None if any(held is None for held, _ in results) else True), ()


def _best(found: Iterable[Held]) -> Held:
    results = list(found)
    if any(held for held, _ in results):
        return True, ()
    return (None if any(held is None for held, _ in results) else False), ()
