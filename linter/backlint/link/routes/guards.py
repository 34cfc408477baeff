"""What stands between a request and its handler, and what each of these does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from backlint.effect import Role
from backlint.link.graph import bare
from backlint.link.routes.answers import GUARDING, Answer, Answers
from backlint.link.routes.dependencies import dependencies_of, dependency_of, scopes_of
from backlint.link.routes.model import Guard, GuardKind
from backlint.link.routes.origins import definition, named
from backlint.link.routes.path_tests import PathTest
from backlint.link.values import (
    NONE,
    UNKNOWN,
    ClassValue,
    ConstantValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    Value,
    options,
)
from backlint.link.words import words
from backlint.summary import EventKind
from backlint.term import Attr, Call, Compare, Const, Item, Name, Operation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.finding import Span
    from backlint.link.graph import FunctionKey
    from backlint.link.index import FileNode
    from backlint.link.routes.context import Context
    from backlint.link.routes.mounts import PendingGuard
    from backlint.summary import Event

_MAY_GUARD = re.compile(
    r"auth|login|logged|perm|token|user|requir|role|jwt|verif|protect|secur|private|acl|access|admin|staff|member|scope"
    r"|gate|polic|right|allow|restrict|internal|key|sign|session|check|valid|guard|limit|throttle|owner|identity",
    re.I,
)
_PLAIN = frozenset(
    {
        "builtins",
        "functools",
        "typing",
        "typing_extensions",
        "contextlib",
        "abc",
        "dataclasses",
        "warnings",
        "inspect",
    }
)
_RUN = {
    GuardKind.MIDDLEWARE: ("dispatch", "__call__", "process_request", "process_view", "before_request"),
    GuardKind.DEPENDENCY: ("__call__",),
    GuardKind.PERMISSION: ("has_permission", "has_object_permission", "__call__", "__init__"),
    GuardKind.AUTH: ("authenticate", "__call__"),
    GuardKind.THROTTLE: ("allow_request",),
    GuardKind.MIXIN: ("dispatch", "test_func", "has_permission", "initial"),
    GuardKind.DECORATOR: ("__call__",),
    GuardKind.HOOK: ("__call__",),
    GuardKind.AUTHENTICATION: (),
}
_MEMBERS = frozenset({"middleware"})
"""Members by which an object that guards is put on an application or route."""
_BEFORE_ALL = frozenset({GuardKind.MIDDLEWARE, GuardKind.HOOK})
"""Most of these guard nothing, so one is taken for a guard only where it refuses somebody."""
_MAX_DEPTH = 8
_SIGNED_IN = frozenset({"is_authenticated", "is_anonymous"})
_AUTHENTICATED = "authenticated"
_RIGHTS = frozenset({"is_staff", "is_superuser", "has_perm", "has_perms", "role", "groups", "member"})
_WAY_TO_USER = _SIGNED_IN | {
    "user", "request", "context", "info", "state", "ctx", "scope", "auth", "is_active", "get", "headers", "META",
    "session", "method",
}  # fmt: skip
"""What a predicate reads that only asks whether there is a user."""


class Guards:
    """Makes guards of the terms that routes are guarded with, each once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.answers = Answers(context)
        self._known: dict[PendingGuard, tuple[Guard, ...]] = {}

    def of(self, pending: PendingGuard) -> tuple[Guard, ...]:
        """The guard itself and, of a dependency, what it depends on in turn."""
        found = self._known.get(pending)
        if found is None:
            found = self._known[pending] = tuple(dict.fromkeys(self._make(pending)))
        return found

    def _make(self, pending: PendingGuard) -> Iterator[Guard]:
        file = self.context.project.files[pending.file]
        if pending.term < 0:
            key = pending.file, -1 - pending.term
            yield self._of_function(pending, file, key)
            yield from self._nested(key, pending.span, file, ())
            return
        if pending.kind is GuardKind.DEPENDENCY:
            given = dependency_of(self.context, file, pending.term)
            if given is not None:
                asked = scopes_of(self.context, file, pending.term)
                yield from self.dependency(given[0], given[1], pending.span, file, pending.level, (), asked)
                return
        yield from self.term(pending.kind, file, pending.term, pending.span, pending.level)

    def term(self, kind: GuardKind, file: FileNode, term: int, span: Span, level: str) -> Iterator[Guard]:
        """The guards of a decorator, middleware, permission class or other term; none where it guards nothing."""
        owner, found = definition(self.context.evaluator, file, term)
        row = owner.summary.terms[found]
        symbol = self.context.evaluator.symbol_of(owner, found) if isinstance(row, Call) else ""
        if isinstance(row, Call) and symbol in _HANDS_OVER:
            kind = _HANDED_KIND.get(symbol.rpartition(".")[2], kind)
            for given in row.arguments[:1]:
                items = list(self.context.items(owner, given)) or [(owner, given)]
                for at, item in items:
                    yield from self.term(kind, at, item, span, level)
            return
        called = row.function if isinstance(row, Call) and kind is GuardKind.DECORATOR else found
        value = self.context.evaluator.value(owner, called)
        if isinstance(value, ConstantValue) and isinstance(value.value, str) and "." in value.value:
            value = self.context.evaluator.symbol(value.value, owner.root)
        holder = (
            self._holder(owner, row)
            if not GUARDING.intersection(self.context.evaluator.roles(value))
            else None
        )
        if holder is not None:
            yield from self.term(kind, *holder, span, level)
            return
        if isinstance(row, Operation) and row.operator in ("|", "&"):
            yield self._combined(kind, row, owner, span, level)
            return
        if value == NONE and kind in (GuardKind.AUTH, GuardKind.THROTTLE):
            yield Guard(kind, "", file.summary.path, span, level)
            return
        if value is UNKNOWN or isinstance(value, ConstantValue):
            text = self.context.text(file, term)
            yield Guard(
                kind,
                text if text != "…" else words(owner.summary, called),
                file.summary.path,
                span,
                level,
                unresolved=kind not in (GuardKind.AUTHENTICATION, GuardKind.MIDDLEWARE),
            )
            return
        arguments = [*row.arguments, *(given for _, given in row.keywords)] if isinstance(row, Call) else []
        for single in options(value):
            guard = self.value(kind, single, file, span, level)
            if guard is None:
                continue
            if not guard.roles and arguments:
                guard = self._from_arguments(guard, owner, arguments)
            if isinstance(row, Call):
                guard = self._optional(guard, owner, row)
            elif guard.symbol.startswith("litestar.security."):
                guard = replace(guard, exempts=self._excluded(owner, found))
            yield (
                replace(guard, given=tuple(words(owner.summary, one) for one in arguments))
                if arguments
                else guard
            )

    def _excluded(self, file: FileNode, term: int) -> tuple[PathTest, ...]:
        """The paths that a security backend of Litestar is made to leave alone, as regular expressions."""
        texts: list[str] = []
        for origin in self.context.origins.receiver(file, term):
            owner = self.context.project.files[origin.file]
            row = owner.summary.terms[origin.term]
            given = dict(row.keywords).get("exclude") if isinstance(row, Call) else None
            if given is not None:
                found = self.context.strings(owner, given) or (self.context.text(owner, given),)
                texts.extend(found)
        return (PathTest("pattern", texts=tuple(texts)),) if texts else ()

    def _optional(self, guard: Guard, file: FileNode, row: Call) -> Guard:
        """A library's guard that is told to let strangers in: `login_required(optional=True)`."""
        given = dict(row.keywords).get("optional")
        if guard.function is not None or given is None:
            return guard
        value = self.context.evaluator.value(file, given)
        if isinstance(value, ConstantValue) and value.value is True:
            return replace(guard, roles=tuple(role for role in guard.roles if role is not Role.AUTHENTICATES))
        return guard

    def _holder(self, file: FileNode, row: object) -> tuple[FileNode, int] | None:
        """The object of `limits.middleware`, where that is what guards."""
        evaluator = self.context.evaluator
        if isinstance(row, Attr) and row.name in _MEMBERS:
            found = definition(evaluator, file, row.base)
        elif isinstance(row, Name) and row.symbol.rpartition(".")[2] in _MEMBERS:
            bound = next(iter(named(evaluator, row.symbol.rpartition(".")[0], file.root)), None)
            if bound is None:
                return None
            found = bound
        else:
            return None
        made = evaluator.value(*found)
        guards = any(GUARDING.intersection(evaluator.roles(one)) for one in options(made))
        return found if guards else None

    def _combined(self, kind: GuardKind, row: Operation, file: FileNode, span: Span, level: str) -> Guard:
        """`A & B` does what either does, `A | B` only what both do."""
        sides = [list(self.term(kind, file, operand, span, level)) for operand in row.operands]
        roles = [{role for guard in side for role in guard.roles} for side in sides]
        common = set.union(*roles) if row.operator == "&" else set.intersection(*roles)
        symbol = f" {row.operator} ".join(guard.symbol for side in sides for guard in side)
        unresolved = not common and any(guard.unresolved for side in sides for guard in side)
        return Guard(kind, symbol, file.summary.path, span, level, tuple(sorted(common)), unresolved)

    def value(self, kind: GuardKind, value: Value, file: FileNode, span: Span, level: str) -> Guard | None:
        """The guard that a value makes; None for what plainly guards nothing."""
        path = file.summary.path
        evaluator = self.context.evaluator
        if isinstance(value, FunctionValue):
            key = value.file, value.function
            answer = self.answers.of(key)
            return _guard(kind, evaluator.value_symbol(value), path, span, level, answer, key)
        if isinstance(value, LibraryFunction):
            roles = GUARDING.intersection(value.entry.roles)
            if not roles and kind in (GuardKind.DECORATOR, GuardKind.MIDDLEWARE):
                return None
            return _guard(kind, value.symbol, path, span, level, Answer(roles))
        if isinstance(value, ClassValue | InstanceValue):
            return self._of_class(kind, value, path, span, level)
        if isinstance(value, ExternalValue):
            top = value.symbol.partition(".")[0]
            if kind is GuardKind.MIDDLEWARE:
                return None
            if kind is GuardKind.DECORATOR and (top in _PLAIN or not _MAY_GUARD.search(value.symbol)):
                return None
            known = kind is GuardKind.AUTHENTICATION
            return Guard(kind, value.symbol, path, span, level, unresolved=not known)
        return None

    def _of_class(
        self, kind: GuardKind, value: ClassValue | InstanceValue, path: str, span: Span, level: str
    ) -> Guard | None:
        context = self.context
        order = context.evaluator.classes.order(value.symbol)
        if kind is GuardKind.AUTHENTICATION:
            return Guard(kind, value.symbol, path, span, level)
        roles = GUARDING.intersection(context.evaluator.roles(InstanceValue(value.symbol)))
        names = _RUN[kind]
        if kind is GuardKind.DEPENDENCY and isinstance(value, ClassValue):
            names = ("__init__", "__post_init__")
        keys = [key for name in names if (key := context.class_method(value.symbol, name)) is not None]
        if roles:
            return _guard(kind, value.symbol, path, span, level, Answer(roles), keys[0] if keys else None)
        if keys:
            answer = self.answers.of(*keys)
            if not answer.roles:
                answer = self._asks(self._predicates(value.symbol)) or answer
            return _guard(kind, value.symbol, path, span, level, answer, keys[0])
        described = all(
            context.evaluator.classes.project_class(name) or context.evaluator.classes.library_class(name)
            for name in order
        )
        if kind is GuardKind.MIDDLEWARE or (kind is GuardKind.DECORATOR and described):
            return None
        return Guard(kind, value.symbol, path, span, level, unresolved=not described)

    def _predicates(self, symbol: str) -> list[FunctionKey]:
        """Methods that say by their value whether a request may pass."""
        names = ("has_permission", "has_object_permission", "test_func")
        return [key for name in names if (key := self.context.class_method(symbol, name)) is not None]

    def _asks(self, keys: list[FunctionKey]) -> Answer | None:
        """What a predicate over the request asks: whether somebody is signed in, or what they may do."""
        names: set[str] = set()
        functions = self.context.project.graph.functions
        present = [key for key in keys if _asks_presence(functions[key].file, functions[key].summary.events)]
        if present:
            names.add("is_authenticated")
        pending = [(key, 0) for key in keys if key not in present]
        while pending:
            key, depth = pending.pop()
            function = functions[key]
            names.update(_names_read(function.file, function.summary.events))
            for call in function.calls:
                pending.extend((target, depth + 1) for target in call.targets if depth < 3)
        roles: set[Role] = set()
        if names & _SIGNED_IN or ("user" in names and names <= _WAY_TO_USER):
            roles.add(Role.AUTHENTICATES)
        if "scopes" in names:
            # Starlette's scopes: `authenticated` is what everybody has who signed in.
            roles.add(Role.AUTHENTICATES)
            if _AUTHENTICATED not in names:
                roles.add(Role.AUTHORISES)
        elif names & _RIGHTS or ("user" in names and not names <= _WAY_TO_USER):
            roles.add(Role.AUTHORISES)
        return Answer(frozenset(roles)) if roles else None

    def _from_arguments(self, guard: Guard, file: FileNode, arguments: list[int]) -> Guard:
        """A guard made with classes or functions that decide: `Depends(Permissions([IsAdmin]))`."""
        keys: list[FunctionKey] = []
        unresolved = guard.unresolved
        for argument in arguments:
            for owner, item in [*self.context.items(file, argument)] or [(file, argument)]:
                for single in options(self.context.evaluator.value(owner, item)):
                    if isinstance(single, FunctionValue):
                        keys.append((single.file, single.function))
                    elif isinstance(single, ClassValue | InstanceValue):
                        keys.extend(self._methods(single.symbol))
        answers = [self.answers.of(key) for key in dict.fromkeys(keys)]
        roles = frozenset(role for answer in answers for role in answer.roles)
        if roles:
            return replace(guard, roles=_ordered(roles), unresolved=False)
        return replace(guard, unresolved=unresolved or any(answer.unresolved for answer in answers))

    def _methods(self, symbol: str) -> Iterator[FunctionKey]:
        for ancestor in self.context.evaluator.classes.order(symbol):
            cls = self.context.evaluator.classes.project_class(ancestor)
            for number in () if cls is None else cls.summary.methods:
                if cls is not None:
                    yield cls.file.index, number

    def _of_function(self, pending: PendingGuard, file: FileNode, key: FunctionKey) -> Guard:
        symbol = self.context.project.index.function_symbol(*key)
        answer = self.answers.of(key)
        return _guard(pending.kind, symbol, file.summary.path, pending.span, pending.level, answer, key)

    def dependency(
        self,
        file: FileNode,
        term: int,
        span: Span,
        at: FileNode,
        level: str,
        seen: tuple[FunctionKey, ...],
        scopes: tuple[str, ...] = (),
    ) -> Iterator[Guard]:
        """The guard of one dependency, and those of its own dependencies; `scopes` are those it is asked for."""
        if len(seen) > _MAX_DEPTH:
            return
        owner, found = definition(self.context.evaluator, file, term)
        row = owner.summary.terms[found]
        asked = tuple(repr(scope) for scope in scopes)
        for guard in self._placed(self.term(GuardKind.DEPENDENCY, owner, found, span, level), at):
            yield replace(guard, given=(*guard.given, *asked)) if asked else guard
        value = self.context.evaluator.value(owner, found)
        for single in options(value):
            key: FunctionKey | None = None
            if isinstance(single, FunctionValue):
                key = single.file, single.function
            elif isinstance(single, ClassValue):
                key = self.context.class_method(single.symbol, "__init__")
            elif isinstance(single, InstanceValue):
                key = self.context.class_method(single.symbol, "__call__")
            if key is not None and key not in seen:
                yield from self._nested(key, span, at, (*seen, key))
        if isinstance(row, Call):
            made = self.context.function_of(self.context.evaluator.value(owner, row.function))
            for inner in () if made is None else self.answers.nested(made):
                if inner not in seen:
                    yield from self._nested(inner, span, at, (*seen, inner))

    def _nested(
        self, key: FunctionKey, span: Span, at: FileNode, seen: tuple[FunctionKey, ...]
    ) -> Iterator[Guard]:
        for inner_file, inner in dependencies_of(self.context, key):
            yield from self.dependency(inner_file, inner, span, at, "dependency", seen)

    def _placed(self, guards: Iterator[Guard], at: FileNode) -> Iterator[Guard]:
        for guard in guards:
            yield replace(guard, path=at.summary.path)


def _asks_presence(file: FileNode, events: Iterable[Event]) -> bool:
    """Whether a predicate says only whether there is a user: `return info.context.user is not None`."""
    returned = [bare(file, event.term) for event in events if event.kind == EventKind.RETURN]
    asked = [_is_presence(file, term) for term in returned if term >= 0]
    return any(asked) and all(one is not False for one in asked)


def _is_presence(file: FileNode, term: int) -> bool | None:
    """Whether a term tests that a user is there; None for a constant."""
    row = file.summary.terms[term]
    if isinstance(row, Const):
        return None
    if not isinstance(row, Compare) or row.operator not in ("is not", "!="):
        return False
    left, right = file.summary.terms[bare(file, row.left)], file.summary.terms[bare(file, row.right)]
    return isinstance(left, Attr) and left.name == "user" and isinstance(right, Const) and right.value is None


def _names_read(file: FileNode, events: Iterable[Event]) -> Iterator[str]:
    pending = [term for event in events for term in (event.term, event.value) if term >= 0]
    seen: set[int] = set()
    while pending:
        term = pending.pop()
        if term in seen or term < 0:
            continue
        seen.add(term)
        row = file.summary.terms[term]
        if isinstance(row, Attr):
            yield row.name
            pending.append(row.base)
        elif isinstance(row, Item):
            key = file.summary.terms[row.key]
            if isinstance(key, Const) and isinstance(key.value, str):
                yield key.value
            pending.append(row.base)
        elif isinstance(row, Call):
            pending.extend((row.function, *row.arguments, *(given for _, given in row.keywords)))
        elif isinstance(row, Operation):
            pending.extend(row.operands)
        elif isinstance(row, Compare):
            pending.extend((row.left, row.right))
            compared = file.summary.terms[row.left]
            if isinstance(compared, Const) and compared.value == _AUTHENTICATED:
                yield _AUTHENTICATED
        elif hasattr(row, "base"):
            pending.append(row.base)


def _ordered(roles: frozenset[Role]) -> tuple[Role, ...]:
    return tuple(sorted(roles))


def _guard(
    kind: GuardKind,
    symbol: str,
    path: str,
    span: Span,
    level: str,
    answer: Answer,
    function: FunctionKey | None = None,
) -> Guard:
    unresolved = answer.unresolved and not (answer.opaque and kind in _BEFORE_ALL)
    exempts = answer.exempts if kind in _BEFORE_ALL else ()
    optional = answer.optional and kind not in _BEFORE_ALL
    return Guard(
        kind, symbol, path, span, level, _ordered(answer.roles), unresolved, function, (), exempts, optional
    )


_HANDS_OVER = frozenset(
    {
        "django.utils.decorators.method_decorator",
        "starlette.middleware.Middleware",
        "rest_framework.decorators.permission_classes",
        "rest_framework.decorators.throttle_classes",
        "rest_framework.decorators.authentication_classes",
        "litestar.middleware.DefineMiddleware",
    }
)
_HANDED_KIND = {
    "permission_classes": GuardKind.PERMISSION,
    "throttle_classes": GuardKind.THROTTLE,
    "authentication_classes": GuardKind.AUTHENTICATION,
}
