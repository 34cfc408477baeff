"""Protection that the framework never sees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.api import (
    Attr,
    Call,
    Confidence,
    Const,
    EventKind,
    Evidence,
    FileContext,
    FileKind,
    Findings,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    LinkedFunction,
    Name,
    ParameterSource,
    Project,
    Role,
    RouteKind,
    Rule,
    Severity,
    Use,
    Value,
    options,
    short_name,
)
from backlint_rules.agent._base_order import report_order
from backlint_rules.agent._unread import (
    GUARD_NAME,
    decides_itself,
    note_settings,
    readers,
    report_attributes,
    report_keywords,
    report_settings,
)

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from backlint.api import CallSite, FileNode

_GUARDS = frozenset({Role.AUTHENTICATES, Role.AUTHORISES, Role.LIMITS_RATE})
_INJECTED_NAME = re.compile(
    r"^(?:(?:get_)?current_(?:\w+_)?user|require_\w+|verify_(?:token|api_?key|jwt|user|signature)|get_(?:admin|user)|"
    r"authenticate(?:_user)?)$"
)
_MISTAKEN = {
    "dispatches": "dispatch",
    "dispatch_request": "dispatch",
    "do_get": "get",
    "do_post": "post",
    "on_get": "get",
    "on_post": "post",
    "get_request": "get",
    "post_request": "post",
    "list": "get",
    "retrieve": "get",
    "create": "post",
    "update": "put",
    "destroy": "delete",
}
"""Methods that other view classes dispatch to."""
_REFUSAL = re.compile(
    r"Unauthorized|Forbidden|PermissionDenied|NotAuthenticated|AccessDenied|TooManyRequests|Throttled"
)
_NOT_SERVICE = frozenset({FileKind.TEST, FileKind.EXAMPLE})


class IneffectiveProtection(Rule):
    """Checks for permissions, guards and security settings that the framework never sees.

    ## Why is this bad?
    A framework ignores what it doesn't know: `permissions_classes` is an attribute like any other, a guard above
    the route decorator wraps a function that nobody calls, and a dependency that is created but not
    passed never runs. The code reads as if it were protected, and the route is open.

    ## What to do instead
    Spell the attribute or setting as the framework does, put the guard below the route decorator, pass the
    dependency to the route or a parameter, and test that a request without credentials is refused.

    ## Confidence
    High where the framework's own documentation settles it; medium for limiters on the wrong side of a
    route, and for methods that a view never dispatches to.

    ## What it leaves alone
    Attributes and settings that some code of the project reads, guards above decorators that only
    configure, and dependencies that are passed on.

    ## References
    - [DRF: setting the permission policy](https://www.django-rest-framework.org/api-guide/permissions/#setting-the-permission-policy)
    - [Flask: view decorators](https://flask.palletsprojects.com/en/stable/patterns/viewdecorators/)
    - [FastAPI: dependencies in path operation decorators](https://fastapi.tiangolo.com/tutorial/dependencies/dependencies-in-path-operation-decorators/)
    - [OWASP API5:2023 broken function level authorization](https://owasp.org/API-Security/editions/2023/en/0xa5-broken-function-level-authorization/)
    """

    severity = Severity.ERROR
    independent = True
    tags = ("CWE-862", "OWASP-API5")
    security_severity = 8.1

    def visit_Assign(self, node: ast.Assign, ctx: FileContext) -> None:
        """Note settings, and keys of the framework's settings that are nearly ones which it reads."""
        note_settings(node, ctx)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at the attributes of views, the order of decorators, dependencies and settings."""
        elsewhere = readers(project)
        for file in project.files:
            is_wanted = findings.wants_file(file)
            for number in range(len(file.summary.classes) if is_wanted else 0):
                report_attributes(project, findings, file, number, elsewhere)
                report_order(project, findings, file, number)
        for function in project.functions:
            if not findings.wants(function):
                continue
            _decorators(project, findings, function)
            report_keywords(project, findings, function)
            _dispatched(project, findings, function)
            _never_run(project, findings, function)
        _unused(project, findings)
        _defaults(project, findings)
        report_settings(project, findings, self.id)


def _never_run(project: Project, findings: Findings, function: LinkedFunction) -> None:
    """Dependencies that are made where nothing resolves them: thrown away, or inside a handler."""
    for call in function.calls:
        discarded = call.event.use == Use.DISCARDED
        if Role.INJECTS in project.roles(call) and (discarded or project.is_handler(function)):
            inner = project.words(function, call.row.arguments[0]) if call.row.arguments else "the dependency"
            what = "not passed on" if discarded else f"kept in `{short_name(function)}`, which is not asked"
            findings.add(
                call,
                f"the dependency on `{inner}` is created and {what}, so it never runs",
                advice=f"give it to a parameter of `{short_name(function)}`, or to the route's `dependencies`",
            )
        elif discarded and project.is_handler(function) and _makes_guard(project, call):
            name = project.words(function, call.row.function)
            findings.add(
                call,
                f"`{name}(…)` gives a dependency that is not passed on, so it never runs",
                advice=f"put `Depends({name}(…))` on a parameter of `{short_name(function)}`, or into the route's "
                "`dependencies`",
            )


def _makes_guard(project: Project, call: CallSite) -> bool:
    """Whether all that a call does is to give a function that refuses: one for the framework to run."""
    for key in call.targets:
        target = project.graph.functions[key]
        returned = [event.term for event in target.summary.events if event.kind == EventKind.RETURN]
        made = [value for term in returned for value in options(_given(project, target, term))]
        if not made or not all(
            isinstance(value, FunctionValue)
            and value.file == key[0]
            and project.index.files[value.file].summary.functions[value.function].parent == key[1]
            and _turns_away(project, project.graph.functions[value.file, value.function])
            for value in made
        ):
            return False
    return bool(call.targets)


def _given(project: Project, function: LinkedFunction, term: int) -> Value:
    """What a function returns, or what the dependency that it returns is on."""
    row = project.term(function, term)
    injects = isinstance(row, Call) and Role.INJECTS in project.evaluator.roles(
        project.value(function, row.function)
    )
    inner = row.arguments[0] if isinstance(row, Call) and injects and row.arguments else term
    return project.value(function, inner)


def _decorators(project: Project, findings: Findings, function: LinkedFunction) -> None:
    """Guards above the decorator that hands the function to the framework."""
    decorators = function.summary.decorators
    if len(decorators) < 2:
        return
    callees = [_callee(project, function, term) for term in decorators]
    for position, value in enumerate(callees):
        if not isinstance(value, LibraryFunction) or Role.DEFINES_ROUTE not in value.entry.roles:
            continue
        registers = value.receiver is not None
        for above in range(position):
            sure = _wrong_above(project, function, decorators[above], callees[above], registers)
            if sure is None:
                continue
            guard, route = (project.words(function, decorators[index]) for index in (above, position))
            what = (
                "registers the function without it"
                if registers
                else "has read the function's settings before"
            )
            findings.add(
                function,
                f"`@{guard}` stands above `@{route}`, which {what}: requests to `{short_name(function)}` do not pass it",
                confidence=sure,
                advice=f"move `@{guard}` below `@{route}`",
            )
        return


def _callee(project: Project, function: LinkedFunction, term: int) -> Value:
    row = project.term(function, term)
    return project.value(function, row.function if isinstance(row, Call) else term)


def _wrong_above(
    project: Project, function: LinkedFunction, term: int, value: Value, registers: bool
) -> Confidence | None:
    """How sure it is that a decorator above the route decorator protects nothing; None where it may."""
    roles = project.evaluator.roles(value)
    if Role.CONFIGURES_ROUTE in roles:
        return Confidence.HIGH
    if not registers:
        return None
    if Role.AUTHENTICATES in roles or Role.AUTHORISES in roles:
        return Confidence.HIGH
    if Role.LIMITS_RATE in roles:
        return Confidence.MEDIUM
    if any(isinstance(one, FunctionValue) and _refuses(project, one) for one in options(value)):
        return Confidence.HIGH
    row = project.term(function, term)
    row = project.term(function, row.function) if isinstance(row, Call) else row
    name = row.name if isinstance(row, Attr) else row.symbol if isinstance(row, Name) else ""
    return Confidence.HIGH if GUARD_NAME.match(name.rpartition(".")[2]) else None


def _refuses(project: Project, decorator: FunctionValue) -> bool:
    """Whether what a decorator of the project puts around a function turns callers away with 401, 403 or 429."""
    functions = project.index.files[decorator.file].summary.functions
    inside = {decorator.function}
    for index, inner in enumerate(functions):
        if inner.parent in inside:
            inside.add(index)
    wrappers = [project.graph.functions[decorator.file, index] for index in inside - {decorator.function}]
    called = [project.graph.functions[key] for one in wrappers for call in one.calls for key in call.targets]
    return any(_turns_away(project, one) for one in (*wrappers, *called))


def _turns_away(project: Project, function: LinkedFunction) -> bool:
    for call in function.calls:
        if _REFUSAL.search(call.symbol.rpartition(".")[2]):
            return True
        given = (*call.row.arguments, *(term for _, term in call.row.keywords))
        if any(project.constant(function, term) in (401, 403, 429) for term in given):
            return True
    return False


def _dispatched(project: Project, findings: Findings, function: LinkedFunction) -> None:
    """Guards on methods of views that neither the framework nor the project calls."""
    if function.summary.cls < 0 or not function.summary.decorators:
        return
    symbol = project.evaluator.owner(function.file, function.summary)
    if Role.DEFINES_ROUTE not in project.evaluator.roles(InstanceValue(symbol)) or project.is_handler(
        function
    ):
        return
    name = short_name(function).rpartition(".")[2]
    if name not in _MISTAKEN or project.callers(function) or _is_named_in(function.file, name):
        return
    if decides_itself(project, symbol):
        return
    for term in function.summary.decorators:
        value = _callee(project, function, term)
        roles = {*project.evaluator.roles(value), *project.guard_roles(function, term)}
        if _GUARDS & roles or any(
            isinstance(one, FunctionValue) and _refuses(project, one) for one in options(value)
        ):
            findings.add(
                function,
                f"`@{project.words(function, term)}` guards `{name}`, which the view never dispatches to",
                confidence=Confidence.MEDIUM,
                advice=f"put it on `dispatch`, on the methods that answer requests, or rename `{name}` to `{_MISTAKEN[name]}`",
            )
            return


def _is_named_in(file: FileNode, name: str) -> bool:
    """Whether code of a view's own file reads an attribute of this name, or says it as text."""
    return any(
        (isinstance(row, Attr) and row.name == name) or (isinstance(row, Const) and row.value == name)
        for row in file.summary.terms
    )


def _defaults(project: Project, findings: Findings) -> None:
    """Parameters of handlers whose default is the dependency itself, which is never called."""
    told: set[object] = set()
    for route in project.routes:
        if route.kind != RouteKind.HTTP or route.handler is None or route.handler in told:
            continue
        told.add(route.handler)
        handler = project.graph.functions[route.handler]
        if not any(one.source == ParameterSource.DEPENDENCY for one in route.parameters) and not _injects(
            project, handler
        ):
            continue
        for parameter in handler.summary.parameters:
            if parameter.default < 0:
                continue
            for value in options(project.value(handler, parameter.default)):
                if not isinstance(value, FunctionValue):
                    continue
                name = short_name(project.graph.functions[value.file, value.function])
                if _INJECTED_NAME.match(name):
                    target = project.graph.functions[value.file, value.function]
                    findings.add(
                        handler,
                        f"`{parameter.name}` defaults to the function `{name}` itself, which is never called: "
                        f"{'/'.join(route.methods)} {route.path} is not guarded by it",
                        advice=f"declare it as a dependency: `{parameter.name} = Depends({name})`",
                        evidence=(
                            Evidence(target.path, target.summary.span, f"`{name}` would check the caller"),
                        ),
                    )


def _unused(project: Project, findings: Findings) -> None:
    """Dependencies that are kept under a name of the module which nothing reads."""
    for file in project.files:
        if file.summary.kind in _NOT_SERVICE:
            continue
        module = project.graph.functions[file.index, 0]
        for call, name in _kept(module):
            _unrouted(project, findings, module, call, name)
            if Role.INJECTS not in project.roles(call) or not call.row.arguments:
                continue
            symbol = f"{file.summary.module}.{name}"
            if name in (file.summary.exports or ()) or _is_named(project, symbol, name):
                continue
            inner = project.words(module, call.row.arguments[0])
            findings.add(
                call,
                f"the dependency on `{inner}` is kept as `{name}`, and no route or router is given it: it never runs",
                confidence=Confidence.MEDIUM,
                advice=f"pass `{name}` in the `dependencies` of the router or of the routes that it is meant for",
            )


def _unrouted(
    project: Project, findings: Findings, module: LinkedFunction, call: CallSite, name: str
) -> None:
    """Report `guarded = login_required(handler)` where routes are given the handler itself."""
    given = next(iter(call.row.arguments), -1)
    value = project.value(module, given)
    if not isinstance(value, FunctionValue) or not project.guard_roles(module, call.row.function):
        return
    handler = project.graph.functions[value.file, value.function]
    if not project.is_handler(handler) or _is_named(project, f"{module.file.summary.module}.{name}", name):
        return
    guard = project.words(module, call.row.function)
    findings.add(
        call,
        f"`{name}` is `{short_name(handler)}` behind `{guard}`, and no route is given it: "
        f"requests reach `{short_name(handler)}` itself",
        confidence=Confidence.HIGH,
        advice=f"give the route `{name}`, or put `@{guard}` on `{short_name(handler)}`",
    )


def _kept(module: LinkedFunction) -> Iterator[tuple[CallSite, str]]:
    """Calls of a module that are bound to a name of it; equal calls are told apart by their order."""
    names: dict[int, list[str]] = {}
    for name, term in module.file.summary.names.items():
        names.setdefault(term, []).append(name)
    calls: dict[int, list[CallSite]] = {}
    for call in module.calls:
        if call.event.term in names:
            calls.setdefault(call.event.term, []).append(call)
    for term, found in calls.items():
        if len(found) == len(names[term]):
            for call, name in zip(found, names[term], strict=True):
                if not name.startswith("_"):
                    yield call, name


def _is_named(project: Project, symbol: str, name: str) -> bool:
    """Whether any code names a module's variable, directly or by importing it."""
    for file in project.files:
        if any(one.target == symbol for one in file.summary.imports):
            return True
        if any(isinstance(row, Name) and row.symbol == symbol for row in file.summary.terms):
            return True
        if any(isinstance(row, Attr) and row.name == name for row in file.summary.terms):
            return True
    return False


def _injects(project: Project, handler: LinkedFunction) -> bool:
    """Whether the file of a handler makes dependencies anywhere: its framework is one that injects."""
    return any(Role.INJECTS in project.roles(call) for call in project.calls_in_file(handler.file))
