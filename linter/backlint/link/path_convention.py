"""Handlers that take an id from their path and tie it to nobody, where those beside them do."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from backlint.effect import Effect, Role
from backlint.finding import Span
from backlint.link.callers import CALLER_NAME, Env, Mentions, inner_terms, strip
from backlint.link.checks import comparisons
from backlint.link.graph import CallSite, FunctionKey, LinkedFunction
from backlint.link.routes.model import Guard, Route
from backlint.link.routes.parameters import path_names
from backlint.link.values import FunctionValue, InstanceValue, options
from backlint.summary import EventKind
from backlint.term import Attr, Call, Const, Item, Param

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from backlint.link.index import FileNode
    from backlint.link.object_access import Access, ObjectAccess
    from backlint.link.project import Project
    from backlint.term import Term

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "QUERY"})
_GENERAL = frozenset({"id", "pk", "key", "uuid", "slug", "name", "code", "uid", "ref"})
"""Names of parameters that say nothing of what they name."""
_ADMIN = re.compile(r"admin|staff|superuser|super_user|root|operator|internal|support", re.IGNORECASE)
_REQUESTS = frozenset({"request", "req"})
_MANY = 12
_FEW = 2
"""So many handlers make a convention."""


class Untied(msgspec.Struct, frozen=True, kw_only=True):
    """A handler whose path names something by an id that others tie to the caller."""

    route: Route
    handler: FunctionKey
    parameter: str
    kept: int
    """Handlers with the same parameter that tie it."""
    others: int
    """All handlers with the same parameter but this one."""
    example: Route
    span: Span
    """Where the handler hands the id on."""


class _Member(NamedTuple):
    route: Route
    name: str
    """Of the parameter."""
    ties: bool
    used: Span | None
    """Where the id is handed to something that reaches the database."""

    @property
    def is_safe(self) -> bool:
        return bool(self.route.methods) and set(self.route.methods) <= SAFE


Roles = frozenset[tuple[str, tuple[str, ...]]]
"""What the guards of a route ask for: the name of each, and what it is given."""


def roles_asked(route: Route) -> Roles:
    """What the guards of a route ask for."""
    return frozenset((guard.symbol, guard.given) for guard in route.authorisation)


def is_for_administrators(guard: Guard) -> bool:
    """Whether a guard lets none but staff in, by its name or the roles that it is given."""
    return bool(_ADMIN.search(guard.symbol.rpartition(".")[2])) or (
        bool(guard.given) and all(_ADMIN.search(text) for text in guard.given)
    )


def untied(
    project: Project, accesses: Mapping[FunctionKey, tuple[Route, Access]], objects: ObjectAccess
) -> Iterator[Untied]:
    """Handlers that use an id of their path as it comes, where most of those beside them tie it to the caller.

    Reading is compared with reading only, and a handler with those that as many guards stand before.

    Args:
        accesses: What each handler does with objects.
    """
    groups: defaultdict[str, list[_Member]] = defaultdict(list)
    everywhere = _on_most(accesses)
    for key, (route, access) in accesses.items():
        if route.is_protected is False or route.is_admin_path or route.is_marked_public:
            continue
        env = objects.environment(route)
        for name in sorted(path_names(route.path) - everywhere):
            ties = _ties(project, key, access, env, name)
            used = None if _on_show(access, name) else _used(project, key, name)
            if ties or used is not None:
                groups[_resource(route.path, name)].append(_Member(route, name, ties, used))
    for members in groups.values():
        yield from _judged(members)


def _on_show(access: Access, name: str) -> bool:
    """Whether all that a handler finds by an id is in a state that is for others to see, and stays as it is."""
    found = [one for one in access.lookups if re.search(rf"\b{re.escape(name)}\b", one.text)]
    return bool(found) and all(one.on_show for one in found) and not access.uses


def _on_most(accesses: Mapping[FunctionKey, tuple[Route, Access]]) -> frozenset[str]:
    """Parameters of a prefix that many routes share, such as a tenant's: what stands there is asked for above."""
    counts = Counter(name for route, _ in accesses.values() for name in path_names(route.path))
    return frozenset(
        name for name, count in counts.items() if count >= _MANY and 3 * count >= 2 * len(accesses)
    )


def _judged(members: list[_Member]) -> Iterator[Untied]:
    kept = [one for one in members if one.ties]
    for member in members:
        route = member.route
        if member.ties or member.used is None or route.handler is None:
            continue
        if any(guard.unresolved or is_for_administrators(guard) for guard in route.guards):
            continue
        if 2 * len(kept) < len(members):
            continue
        own = roles_asked(route)
        alike = [
            one
            for one in members
            if one.is_safe == member.is_safe
            and own <= roles_asked(one.route)
            and (one.ties or own == roles_asked(one.route))
        ]
        ties = [one for one in alike if one.ties]
        if not _asks_itself(route) and any(_asks_itself(one.route) for one in ties):
            continue
        if len(kept) >= _FEW and ties and 2 * len(ties) >= len(alike):
            yield Untied(
                route=route,
                handler=route.handler,
                parameter=member.name,
                kept=len(kept),
                others=len(members) - 1,
                example=ties[0].route,
                span=member.used,
            )


def _asks_itself(route: Route) -> bool:
    """Whether something nearer than the application asks who calls: a handler without it may be for everybody."""
    return any(
        guard.level not in ("app", "settings") and not guard.optional and Role.AUTHENTICATES in guard.roles
        for guard in route.guards
    )


def _resource(path: str, name: str) -> str:
    """What a parameter names: by its own name, else by the segment of the path before it."""
    if name.lower() not in _GENERAL:
        return name
    found = re.search(rf"([^/{{}}<>]+)/[<{{](?:\w+:)?{re.escape(name)}\b", path)
    return f"{found[1] if found else path}/{name}"


def _ties(project: Project, key: FunctionKey, access: Access, env: Env, name: str) -> bool:
    """Whether a handler asks whose something is, or hands the id on together with the caller."""
    if access.tied or access.right:
        return True
    handler = project.graph.functions[key]
    called = [target for call in handler.calls for target in call.targets[:2]]
    if any(_compares_with_request(project.graph.functions[one]) for one in (key, *called)):
        return True
    mentions = Mentions(handler, env)
    if _asks_for_caller(project, handler):
        return True
    if any(
        event.kind == EventKind.SET_ATTR and mentions.is_caller(event.value)
        for event in handler.summary.events
    ):
        return True
    for call in handler.calls:
        if any(mentions.caller(term) for term in _given(call)) and (
            _is_given(call, name) or (_acts(project, call) and _names(handler, _given(call), name))
        ):
            return True
    return False


def _asks_for_caller(project: Project, handler: LinkedFunction) -> bool:
    """Whether a handler calls an object that was made for who calls: `service.close(key)`, of `Service(db, user)`."""
    made: set[str] = set()
    for file, term in project.injected(handler):
        for value in options(project.evaluator.value(file, term)):
            if not isinstance(value, FunctionValue):
                continue
            provider = project.graph.functions[value.file, value.function]
            names = (parameter.name for parameter in provider.summary.parameters)
            own = Mentions(provider, Env(frozenset(name for name in names if CALLER_NAME.fullmatch(name))))
            for event in provider.summary.events:
                if event.kind in (EventKind.RETURN, EventKind.YIELD) and own.caller(event.term):
                    given = options(project.value(provider, event.term))
                    made.update(one.symbol for one in given if isinstance(one, InstanceValue))
    if not made:
        return False
    for call in handler.calls:
        row = handler.file.summary.terms[call.row.function]
        if isinstance(row, Attr) and any(
            isinstance(one, InstanceValue) and one.symbol in made and project.model(one.symbol) is None
            for one in options(project.value(handler, row.base))
        ):
            return True
    return False


def _acts(project: Project, call: CallSite) -> bool:
    """Whether a call writes for the caller what it is given: a favourite, a vote, an enrolment."""
    steps = project.effects.steps(Effect.WRITES)
    return Effect.WRITES in call.effects or any(target in steps for target in call.targets)


def _compares_with_request(function: LinkedFunction) -> bool:
    """Whether what an object belongs to is compared with what the request stands for: `row.shop_id != request.shop.id`."""
    for row in comparisons(function):
        names = [_chain(function.file, side) for side in (row.left, row.right)]
        for ours, theirs in (names, names[::-1]):
            asked = len(theirs) > 1 and theirs[0] in _REQUESTS and bool(ours) and ours[0] not in _REQUESTS
            if asked and ours[-1].removesuffix("_id") in theirs[1:]:
                return True
    return False


def _used(project: Project, key: FunctionKey, name: str) -> Span | None:
    """Where a handler hands an id of its path to something that reaches the database."""
    steps = [project.effects.steps(effect) for effect in (Effect.QUERIES, Effect.WRITES, Effect.COMMITS)]
    if not any(key in step for step in steps):
        return None
    functions = project.graph.functions
    for call in functions[key].calls:
        reaches = call.effects.intersection((Effect.QUERIES, Effect.WRITES)) or any(
            target in step for target in call.targets for step in steps
        )
        if not reaches:
            continue
        if _names(call.function, (call.row.function, *_given(call)), name) or any(
            _hands_request(call) and _names_in_path(functions[target], name) for target in call.targets[:2]
        ):
            return call.span
    return None


def _chain(file: FileNode, term: int) -> list[str]:
    """The names of `request.shop.id`, in order; an empty one first where the object is no parameter."""
    names: list[str] = []
    row = file.summary.terms[strip(file, term)]
    while isinstance(row, Attr):
        names.append(row.name)
        row = file.summary.terms[strip(file, row.base)]
    if isinstance(row, Param):
        return [row.name, *names[::-1]]
    return ["", *names[::-1]] if names else []


def _given(call: CallSite) -> tuple[int, ...]:
    return (*call.row.arguments, *(term for _, term in call.row.keywords))


def _names(function: LinkedFunction, given: tuple[int, ...], name: str) -> bool:
    """Whether terms are made of an id of the path: `order_id`, `request.path_params["order_id"]`."""
    terms = function.file.summary.terms
    return any(_is_id(function, terms[term], name) for term in inner_terms(function.file, given))


def _is_id(function: LinkedFunction, row: Term, name: str) -> bool:
    if isinstance(row, Param):
        return row.name == name and row.function == function.index
    return isinstance(row, Item) and function.file.summary.terms[row.key] == Const(name)


def _is_given(call: CallSite, name: str) -> bool:
    """Whether a call is handed the id itself, and not something that was found by it."""
    terms = call.function.file.summary.terms
    for term in _given(call):
        row = terms[strip(call.function.file, term)]
        if isinstance(row, Call) and len(row.arguments) == 1:
            row = terms[strip(call.function.file, row.arguments[0])]
        if _is_id(call.function, row, name):
            return True
    return False


def _hands_request(call: CallSite) -> bool:
    terms = call.function.file.summary.terms
    rows = (terms[strip(call.function.file, term)] for term in _given(call))
    return any(isinstance(row, Param) and row.name in _REQUESTS for row in rows)


def _names_in_path(function: LinkedFunction, name: str) -> bool:
    """Whether a function takes an id from the path of the request that it is handed."""
    return any(event.term >= 0 and _names(function, (event.term,), name) for event in function.summary.events)
