"""What project code that runs before a handler does: refuse strangers, ask for rights, or bound the rate.

Inferred from the answers it gives (401, 403, 429, a redirect to the login page), from the library
functions it calls, and from the conditions these stand under. A guard that lets requests through
on a condition that has nothing to do with the caller (a setting, the path) says nothing certain.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.effect import Role
from backlint.link.graph import bare
from backlint.link.routes.origins import definition
from backlint.link.routes.path_tests import PathTest, PathTests, negated
from backlint.link.routes.spelling import passed
from backlint.link.values import UNKNOWN, ClassValue, ExternalValue, FunctionValue, InstanceValue, options
from backlint.link.words import words
from backlint.summary import BlockKind, EventKind
from backlint.term import Attr, Call, Compare, Const, Join, Local, Name, Operation, Param, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.link.graph import CallSite, FunctionKey, LinkedFunction
    from backlint.link.index import FileNode
    from backlint.link.routes.context import Context
    from backlint.summary import Block, Event

GUARDING = frozenset({Role.AUTHENTICATES, Role.AUTHORISES, Role.LIMITS_RATE, Role.VERIFIES_SIGNATURE})
_DEPTH = 5
_STATUS = {401: Role.AUTHENTICATES, 407: Role.AUTHENTICATES, 403: Role.AUTHORISES, 429: Role.LIMITS_RATE}
_EXCEPTIONS = {
    "aiohttp.web.HTTPForbidden": 403,
    "aiohttp.web.HTTPTooManyRequests": 429,
    "aiohttp.web.HTTPUnauthorized": 401,
    "django.core.exceptions.PermissionDenied": 403,
    "django.http.HttpResponseForbidden": 403,
    "litestar.exceptions.NotAuthorizedException": 401,
    "litestar.exceptions.PermissionDeniedException": 403,
    "litestar.exceptions.TooManyRequestsException": 429,
    "ninja.errors.AuthenticationError": 401,
    "ninja.errors.AuthorizationError": 403,
    "ninja.errors.Throttled": 429,
    "rest_framework.exceptions.AuthenticationFailed": 401,
    "rest_framework.exceptions.NotAuthenticated": 401,
    "rest_framework.exceptions.PermissionDenied": 403,
    "rest_framework.exceptions.Throttled": 429,
    "sanic.exceptions.Forbidden": 403,
    "sanic.exceptions.Unauthorized": 401,
    "werkzeug.exceptions.Forbidden": 403,
    "werkzeug.exceptions.TooManyRequests": 429,
    "werkzeug.exceptions.Unauthorized": 401,
}
_STATUS_WORD = re.compile(r"(?:HTTP_)?(401|403|407|429)(?:_|$)")
_STATUS_NAMES = {"UNAUTHORIZED": 401, "FORBIDDEN": 403, "TOO_MANY_REQUESTS": 429}
_NAMED_401 = re.compile(
    r"unauthori[sz]ed|unauthenticated|notauthenticated|authentication|invalidtoken|credential|login", re.I
)
_NAMED_403 = re.compile(r"forbidden|permissiondenied|accessdenied|notallowed|insufficient", re.I)
_REDIRECTS = frozenset(
    {
        "flask.redirect",
        "django.shortcuts.redirect",
        "django.http.HttpResponseRedirect",
        "starlette.responses.RedirectResponse",
        "sanic.response.redirect",
        "quart.redirect",
    }
)
_LOGIN = re.compile(r"log_?in|sign_?in", re.I)
_CALLER = re.compile(
    r"auth|user|token|credential|session|perm|role|admin|owner|scope|staff|group|member|tenant|account|claim|jwt|payload"
    r"|identity|principal|secret|signature|api_?key|header|bearer|access|limit|rate|attempt|organi[sz]ation|\bsub\b|\bme\b",
    re.I,
)
_ASGI_SCOPE = re.compile(r"\bscope(?=\[|\.get\b)")
"""What an ASGI server tells of a request says nothing of who calls, for all its name."""
_RIGHTS = re.compile(
    r"user|perm|role|admin|owner|scope|staff|group|member|tenant|account|organi[sz]ation|superuser|allowed|can_|access",
    re.I,
)
_OPAQUE = re.compile(
    r"auth|token|user|login|perm|verif|jwt|credential|guard|require|principal|identity|role", re.I
)
_DECODES = frozenset({"jwt.decode", "jose.jwt.decode", "authlib.jose.jwt.decode"})


class Answer(msgspec.Struct, frozen=True):
    roles: frozenset[Role] = frozenset()
    unresolved: bool = False
    opaque: bool = False
    """Unresolved only because something it calls is not known."""
    exempts: tuple[PathTest, ...] = ()
    """Addresses at which it asks nothing."""
    optional: bool = False
    """It asks who calls, and lets those through who show nothing."""


class Answers:
    """Infers what functions do as guards, each once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[tuple[FunctionKey, ...], Answer] = {}
        self._nested: dict[int, dict[int, list[int]]] = {}

    def of(self, *keys: FunctionKey) -> Answer:
        """What calling the functions may do to a request."""
        found = self._known.get(keys)
        if found is None:
            walk = _Walk(self._context, self)
            for key in keys:
                walk.function(key, 0, True)
            found = self._known[keys] = walk.answer()
        return found

    def nested(self, key: FunctionKey) -> Iterator[FunctionKey]:
        """Functions defined inside a function, at any depth."""
        children = self._nested.get(key[0])
        if children is None:
            children = self._nested[key[0]] = {}
            for number, summary in enumerate(self._context.project.files[key[0]].summary.functions):
                if summary.parent >= 0:
                    children.setdefault(summary.parent, []).append(number)
        for child in children.get(key[1], ()):
            yield key[0], child
            yield from self.nested((key[0], child))


class _Walk:
    def __init__(self, context: Context, answers: Answers) -> None:
        self._context = context
        self._answers = answers
        self._seen: set[FunctionKey] = set()
        self.roles: set[Role] = set()
        self.opaque = False
        self.open = False
        self.optional = False
        self.refuses = False
        self.exempts: list[PathTest] = []
        self.told: set[Role] = set()
        """Roles of library functions that say whether somebody may pass, and leave it to the caller to refuse."""

    def answer(self) -> Answer:
        if self.refuses:
            self.roles |= self.told
        if not self.roles:
            asks = Role.AUTHENTICATES in self.told
            return Answer(frozenset(), self.opaque, self.opaque, optional=asks)
        if self.optional:
            kept = frozenset(self.roles - {Role.AUTHENTICATES, Role.AUTHORISES})
            return Answer(kept, optional=Role.AUTHENTICATES in self.roles | self.told)
        if Role.AUTHENTICATES in self.roles:
            self.roles.discard(Role.VERIFIES_SIGNATURE)
        if self.open:
            return Answer(frozenset(), True)
        return Answer(frozenset(self.roles), exempts=tuple(self.exempts))

    def function(self, key: FunctionKey, depth: int, outermost: bool) -> None:
        if key in self._seen or depth > _DEPTH or len(self._seen) > 80:
            return
        self._seen.add(key)
        bodies = [key, *self._answers.nested(key)]
        self._seen.update(bodies)
        functions = [self._context.project.graph.functions[body] for body in bodies]
        refusals: dict[FunctionKey, list[Event]] = {}
        for function in functions:
            refusals[function.key] = list(self._read(function, depth))
        if outermost:
            for function in functions:
                for event in self._passes(function, len(functions) > 1):
                    if self._is_open(function, event, refusals[function.key]):
                        self._exempt(function, event)
            self._confine(functions, refusals)
            firm = [
                self._is_firm(function, event) for function in functions for event in refusals[function.key]
            ]
            self.optional = self.optional or (bool(firm) and not any(firm))

    def _exempt(self, function: LinkedFunction, event: Event) -> None:
        """Notes at which addresses a request is let through; where it is not for the address, all may be open."""
        test = self._tests_of_path.around(function, event.block, self._is_about_caller)
        if test is None:
            self.open = True
        else:
            self.exempts.append(test)

    def _confine(self, functions: list[LinkedFunction], refusals: dict[FunctionKey, list[Event]]) -> None:
        """Notes that a guard asks at some addresses only, where every refusal stands under such a condition."""
        found: list[PathTest] = []
        for function in functions:
            for event in refusals[function.key]:
                tests = [
                    test
                    for block in function.blocks(event.block)
                    if block.kind == BlockKind.IF
                    and block.terms
                    and (test := self._tests_of_path.of(function.file, block.terms[0], self._is_about_caller))
                    and test.how != "never"
                ]
                if not tests:
                    return
                found.append(tests[-1])
        if found:
            self.exempts.append(negated(PathTest("or", parts=tuple(dict.fromkeys(found)))))

    @property
    def _tests_of_path(self) -> PathTests:
        return PathTests(self._context)

    def _is_about_caller(self, file: FileNode, term: int) -> bool:
        return bool(_CALLER.search(self._test(file, term)))

    def _read(self, function: LinkedFunction, depth: int) -> Iterator[Event]:
        """Notes roles; gives the events at which a request is refused."""
        sites = {id(site.event): site for site in function.calls}
        for event in function.summary.events:
            role: Role | None = None
            if event.kind == EventKind.RAISE and event.term >= 0:
                role = self._refusal(function, event, self._raised(function, event.term))
            elif event.kind == EventKind.RETURN:
                role = self._refusal(function, event, self._returned(function.file, event.term))
            elif event.kind == EventKind.SET_ATTR:
                row = function.file.summary.terms[event.term]
                if isinstance(row, Attr) and row.name == "status_code" and event.value >= 0:
                    role = self._refusal(function, event, self._status(function.file, event.value))
            elif event.kind == EventKind.CALL:
                site = sites.get(id(event))
                if site is None:
                    continue
                if self._is_swallowed(function, event.block):
                    self._hear(site, depth)
                    continue
                name = site.symbol.rpartition(".")[2]
                if name == "abort" or site.symbol == "rest_framework.views.APIView.permission_denied":
                    term = site.argument(0, "status_code", "http_status_code", "status")
                    status = 403 if term is None else self._status(function.file, term)
                    role = self._refusal(function, event, status)
                elif (
                    (site.symbol in _REDIRECTS and self._mentions_login(function.file, site.row))
                    or name in ("redirect_to_login", "unauthorized")
                    or site.symbol in _DECODES
                ):
                    role = Role.AUTHENTICATES
                elif status := self._answered(function, site):
                    role = self._refusal(function, event, status)
                entry = site.entry
                found = GUARDING.intersection(entry.roles if entry is not None else ())
                if entry is not None and _only_tells(site.symbol, entry.returns):
                    self.told.update(found)
                else:
                    self.roles.update(found)
                    if found:
                        yield event
                self._note_opaque(function, site.row.function, site.callee)
                before = len(self.roles)
                for target in site.targets:
                    self.function(target, depth + 1, False)
                if len(self.roles) > before:
                    yield event
            if role is not None:
                self.refuses = True
                self.roles.add(role)
                yield event

    def _answered(self, function: LinkedFunction, site: CallSite) -> int:
        """The status of a response that is called, as pure ASGI middleware sends it: `await Response(…)(scope, …)`."""
        made = function.file.summary.terms[bare(function.file, site.row.function)]
        return self._returned(function.file, site.row.function) if isinstance(made, Call) else 0

    def _hear(self, site: CallSite, depth: int) -> None:
        """Notes what a call tells of the caller where its refusals are caught and refuse nobody."""
        roles, refuses, seen = set(self.roles), self.refuses, set(self._seen)
        if site.symbol in _DECODES:
            self.roles.add(Role.AUTHENTICATES)
        self.roles.update(GUARDING.intersection(site.entry.roles if site.entry is not None else ()))
        for target in site.targets:
            self.function(target, depth + 1, False)
        self.told |= self.roles - roles
        self.roles, self.refuses, self._seen = roles, refuses, seen

    def _is_swallowed(self, function: LinkedFunction, block: int) -> bool:
        """Whether exceptions end in a handler around that goes on, or gives a plain value."""
        blocks = function.summary.blocks
        while block > 0:
            if blocks[block].kind == BlockKind.TRY:
                handlers = _handlers(blocks, block)
                if handlers:
                    return all(self._goes_on(function, handler) for handler in handlers)
            block = blocks[block].parent
        return False

    def _goes_on(self, function: LinkedFunction, handler: int) -> bool:
        blocks, terms = function.summary.blocks, function.file.summary.terms
        for event in function.summary.events:
            if event.kind not in (EventKind.RAISE, EventKind.RETURN, EventKind.CALL):
                continue
            block = event.block
            while block > handler:
                block = blocks[block].parent
            if block != handler:
                continue
            if event.kind == EventKind.RAISE:
                return False
            row = terms[bare(function.file, event.term)] if event.term >= 0 else None
            if event.kind == EventKind.CALL:
                callee = terms[row.function] if isinstance(row, Call) else None
                if "abort" in (getattr(callee, "name", ""), getattr(callee, "symbol", "").rpartition(".")[2]):
                    return False
            elif isinstance(row, Call):
                callee = terms[bare(function.file, row.function)]
                if not isinstance(callee, Param):
                    return False
            elif row is not None and not isinstance(row, Const):
                return False
        return True

    def _note_opaque(self, function: LinkedFunction, callee: int, value: object) -> None:
        row = function.file.summary.terms[callee]
        if isinstance(row, Param):
            return
        if value is UNKNOWN or isinstance(value, ExternalValue):
            symbol = (
                value.symbol if isinstance(value, ExternalValue) else words(function.file.summary, callee)
            )
            self.opaque = self.opaque or bool(_OPAQUE.search(symbol))

    def _refusal(self, function: LinkedFunction, event: Event, status: int) -> Role | None:
        role = _STATUS.get(status)
        if role is not Role.AUTHORISES:
            return role
        tests = list(self._tests(function, event.block))
        if not tests:
            tests = [
                words(function.file.summary, block.terms[0])
                for block in function.summary.blocks
                if block.kind == BlockKind.IF and block.terms
            ]
            tests.append(function.summary.name)
        return role if any(_RIGHTS.search(test) for test in tests) else None

    def _tests(self, function: LinkedFunction, block: int) -> Iterator[str]:
        """The conditions around a block, as text; `a or b` counts only where both are about the caller."""
        for found in function.blocks(block):
            if found.kind in (BlockKind.IF, BlockKind.ELSE) and found.terms:
                yield self._test(function.file, found.terms[0])

    def _test(self, file: FileNode, term: int) -> str:
        term = bare(file, term)
        row = file.summary.terms[term]
        if isinstance(row, Operation) and row.operator in ("or", "and", "not"):
            parts = [self._test(file, operand) for operand in row.operands]
            if row.operator == "or" and not all(_CALLER.search(part) for part in parts):
                return ""
            return f" {row.operator} ".join(parts) if len(parts) > 1 else f"not {parts[0]}"
        if isinstance(row, Compare):
            return f"{self._test(file, row.left)} {row.operator} {self._test(file, row.right)}"
        if isinstance(row, Call):
            inside = " ".join(self._test(file, argument) for argument in row.arguments)
            return f"{_ASGI_SCOPE.sub('', words(file.summary, row.function))}({inside})"
        if isinstance(row, Name):
            # Constants say nothing of the caller: `AccountVisibility.PUBLIC`, `get_config(USER_MODE)`.
            last = row.symbol.rpartition(".")[2]
            return "" if last.isupper() else last
        if isinstance(row, Const | Sequence):
            return str(row.value) if isinstance(row, Const) and not isinstance(row.value, str) else ""
        return _ASGI_SCOPE.sub("", words(file.summary, term))

    def _raised(self, function: LinkedFunction, term: int, depth: int = 0) -> int:
        file, term = definition(self._context.evaluator, function.file, term)
        row = file.summary.terms[term]
        if isinstance(row, Join):
            return next((found for option in row.options if (found := self._answer_of(file, option))), 0)
        return self._answer_of(file, term)

    def _answer_of(self, file: FileNode, term: int) -> int:
        """The HTTP status that an exception or response object stands for; 0 for none."""
        file, term = definition(self._context.evaluator, file, term)
        row = file.summary.terms[term]
        call = row if isinstance(row, Call) else None
        callee = term if call is None else call.function
        value = self._context.evaluator.value(file, callee)
        symbols = self._ancestors(value)
        if call is not None:
            for name, given in call.keywords:
                if name in ("status_code", "status", "code", "http_status"):
                    return self._status(file, given)
            if call.arguments and any(_takes_status(symbol) for symbol in symbols):
                return self._status(file, call.arguments[0])
        for symbol in symbols:
            if symbol in _EXCEPTIONS:
                return _EXCEPTIONS[symbol]
        for single in options(value):
            if isinstance(single, ClassValue | InstanceValue):
                status = self._class_status(single.symbol)
                if status:
                    return status
        name = symbols[0].rpartition(".")[2] if symbols else ""
        if _NAMED_401.search(name):
            return 401
        return 403 if _NAMED_403.search(name) else 0

    def _class_status(self, symbol: str) -> int:
        """The status that a project's exception class sets."""
        for name in ("status_code", "code", "status"):
            found = self._context.class_attribute(symbol, name)
            if found is not None and (status := self._status(found[0].file, found[1])):
                return status
        key = self._context.class_method(symbol, "__init__")
        if key is None:
            return 0
        function = self._context.project.graph.functions[key]
        for call in function.calls:
            term = call.argument(None, "status_code", "code", "status")
            if term is not None and (status := self._status(function.file, term)):
                return status
        return 0

    def _ancestors(self, value: object) -> list[str]:
        found: list[str] = []
        for single in options(value):  # type: ignore[arg-type]
            if isinstance(single, ClassValue | InstanceValue):
                found.extend(self._context.evaluator.classes.order(single.symbol))
            elif symbol := self._context.evaluator.value_symbol(single):
                found.append(symbol)
        return found

    def _returned(self, file: FileNode, term: int) -> int:
        """The status of what is returned: `…, 401`, `Response(status=401)`, `JSONResponse(status_code=401)`."""
        file, term = definition(self._context.evaluator, file, term)
        row = file.summary.terms[term]
        if isinstance(row, Sequence) and row.kind == "tuple" and len(row.items) > 1:
            return self._status(file, row.items[1])
        if isinstance(row, Call):
            for name, given in row.keywords:
                if name in ("status", "status_code"):
                    return self._status(file, given)
            symbol = self._context.evaluator.symbol_of(file, row.function)
            return _EXCEPTIONS.get(symbol, 0) or self._passed_status(file, row)
        return 0

    def _passed_status(self, file: FileNode, row: Call) -> int:
        """The status that a function of the project is given for the response it makes: `error("no key", 401)`."""
        context = self._context
        for callee in options(context.evaluator.value(file, row.function)):
            if not isinstance(callee, FunctionValue):
                continue
            owner = context.project.files[callee.file]
            named = {name: (at, term) for name, at, term in passed(context, file, row, callee)}
            for event in owner.summary.functions[callee.function].events:
                if event.kind != EventKind.RETURN:
                    continue
                at, found = definition(context.evaluator, owner, event.term)
                made = at.summary.terms[found]
                given = _status_argument(made)
                param = None if given is None else at.summary.terms[bare(at, given)]
                if isinstance(param, Param) and param.name in named:
                    return self._status(*named[param.name])
        return 0

    def _status(self, file: FileNode, term: int) -> int:
        constant = self._context.project.constant
        function = self._context.project.graph.functions[file.index, 0]
        value = constant(function, term)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        row = file.summary.terms[bare(file, term)]
        name = row.symbol if isinstance(row, Name) else row.name if isinstance(row, Attr) else ""
        last = name.removesuffix(".value").rpartition(".")[2]
        found = _STATUS_WORD.search(last)
        if found:
            return int(found[1])
        if isinstance(row, Attr):
            base = self._context.evaluator.value(file, row.base)
            if isinstance(base, InstanceValue | ClassValue):
                attribute = self._context.class_attribute(base.symbol, row.name)
                if attribute is not None and attribute[1] >= 0:
                    inner = attribute[0].file.summary.terms[attribute[1]]
                    text = inner.symbol if isinstance(inner, Name) else ""
                    match = _STATUS_WORD.search(text.rpartition(".")[2])
                    return int(match[1]) if match else 0
        return _STATUS_NAMES.get(last, 0)

    def _mentions_login(self, file: FileNode, row: Call) -> bool:
        return any(_LOGIN.search(text) for term in row.arguments for text in _strings(file, term))

    def _passes(self, function: LinkedFunction, wraps: bool) -> Iterable[Event]:
        """The events at which a request is let through: a wrapped function is called, or a dependency returns."""
        terms = function.file.summary.terms
        for event in function.summary.events:
            if event.kind == EventKind.CALL:
                row = terms[event.term]
                callee = terms[row.function] if isinstance(row, Call) else None
                if wraps and isinstance(callee, Param) and callee.function != function.index:
                    yield event
            elif event.kind in (EventKind.RETURN, EventKind.YIELD) and not wraps:
                yield event

    def _is_open(self, function: LinkedFunction, event: Event, refusals: list[Event]) -> bool:
        """Whether a request is let through without anything having been asked about the caller."""
        if any(found is event for found in refusals):
            return False
        if event.kind == EventKind.RETURN and any(
            found.block == event.block and found.span.line <= event.span.line for found in refusals
        ):
            return False
        tests = list(self._tests(function, event.block))
        asked = [test for test in tests if _CALLER.search(test)]
        if event.kind == EventKind.RETURN and asked and self._gives_nothing(function, event):
            if any(test.startswith("not ") or " is None" in test or " == None" in test for test in asked):
                self.optional = True
            return False
        if asked or not tests:
            return False
        order = function.summary.events.index(event)
        return not any(function.summary.events.index(found) < order for found in refusals)

    def _is_firm(self, function: LinkedFunction, event: Event) -> bool:
        """Whether a request that shows nothing is refused too: no `if token:` stands around the refusal."""
        return not any(
            found.kind == BlockKind.IF and found.terms and _is_presence(function.file, found.terms[0])
            for found in function.blocks(event.block)
        )

    def _gives_nothing(self, function: LinkedFunction, event: Event) -> bool:
        row = function.file.summary.terms[event.term] if event.term >= 0 else None
        return row is None or (isinstance(row, Const) and row.value is None)


def _handlers(blocks: tuple[Block, ...], tried: int) -> list[int]:
    """The indices of the `except` blocks of a `try`."""
    found = []
    for index in range(tried + 1, len(blocks)):
        if blocks[index].parent != blocks[tried].parent:
            if blocks[index].parent < tried:
                break
            continue
        if blocks[index].kind == BlockKind.EXCEPT:
            found.append(index)
        elif not (blocks[index].kind == BlockKind.ELSE and not blocks[index].terms):
            break
    return found


def _status_argument(row: object) -> int | None:
    """The status in `Response(…, status=s)` or `body, s`."""
    if isinstance(row, Sequence) and row.kind == "tuple" and len(row.items) > 1:
        return row.items[1]
    if isinstance(row, Call):
        return next((term for name, term in row.keywords if name in ("status", "status_code")), None)
    return None


def _is_presence(file: FileNode, term: int) -> bool:
    """Whether a test only asks if something was sent: `token`, `token is not None`, `token and …`."""
    row = file.summary.terms[term]
    if isinstance(row, Call):
        callee = file.summary.terms[bare(file, row.function)]
        name = callee.symbol.rpartition(".")[2] if isinstance(callee, Name) else getattr(callee, "name", "")
        return bool(_SIGNED_IN.search(name))
    if isinstance(row, Attr) and _SIGNED_IN.search(row.name):
        return True
    if isinstance(row, Local | Param | Attr):
        return bool(_PRESENTED.search(row.name))
    if isinstance(row, Operation) and row.operator == "and":
        return any(_is_presence(file, operand) for operand in row.operands)
    return isinstance(row, Compare) and row.operator == "is not" and _is_presence(file, row.left)


_SIGNED_IN = re.compile(r"^(?:is_)?(?:authed|authenticated|logged_in|signed_in)$", re.I)
_PRESENTED = re.compile(r"token|credential|header|authorization|key|bearer|jwt|session|cookie", re.I)


def _only_tells(symbol: str, returns: str) -> bool:
    """Whether a function gives its answer as a value instead of refusing by itself."""
    return returns.removeprefix("builtins.") == "bool" or symbol.rpartition(".")[2] in (
        "authenticate",
        "aauthenticate",
    )


def _takes_status(symbol: str) -> bool:
    return symbol.rpartition(".")[2] in (
        "HTTPException",
        "HttpError",
        "StarletteHTTPException",
        "SanicException",
    )


def _strings(file: FileNode, term: int, depth: int = 0) -> Iterator[str]:
    row = file.summary.terms[term]
    if isinstance(row, Const) and isinstance(row.value, str):
        yield row.value
    elif isinstance(row, Local):
        yield from _strings(file, row.base, depth)
    elif isinstance(row, Name):
        yield row.symbol.rpartition(".")[2]
    elif isinstance(row, Attr):
        yield row.name
    elif isinstance(row, Call) and depth < 3:
        for argument in row.arguments:
            yield from _strings(file, argument, depth + 1)
