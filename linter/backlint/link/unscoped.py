"""Objects that a request names by key, and that nothing ties to who calls."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from backlint.effect import Effect
from backlint.libraries.entry import QueryStep
from backlint.link.callers import Env, Mentions, inner_terms, note_callers, parts
from backlint.link.graph import FunctionKey
from backlint.link.meant import is_meant_guarded
from backlint.link.object_access import Access, Lookup, ObjectAccess, Use
from backlint.link.ownership import Owner, Owners
from backlint.link.path_convention import SAFE, Roles, Untied, is_for_administrators, roles_asked, untied
from backlint.link.routes.model import Guard, GuardKind, Route, RouteKind
from backlint.link.routes.parameters import path_names
from backlint.term import Attr, Const, Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.project import Project

_PRIVATE = re.compile(
    r"message|notification|ticket|order|invoice|payment|transaction|export|document|appointment|booking|reservation"
    r"|prescription|patient|medical|statement|conversation|wallet|cart|credential|apikey|api_key|bankaccount|subscription"
    r"|enrol|payout|refund|payslip|salary|diagnos|medication|shipment",
    re.IGNORECASE,
)
_PRIVILEGED = re.compile(
    r"admin|staff|superuser|super_user|root|operator|internal|support|moderator|manager|owner|supervisor|chief|lead",
    re.IGNORECASE,
)
_ORDINARY = re.compile(
    r"user|member|customer|client|author|writer|reader|seller|buyer|vendor|merchant|student|teacher|patient|guest|host|player|driver",
    re.IGNORECASE,
)
_FEW = 2
_CONVENTION = 3
"""So many handlers behind the same guards make a convention."""
_NAMED_BY_CLIENT = frozenset({"match_info", "path_params", "view_args", "kwargs", "match_args", "get_json"})
_COLUMN = re.compile(
    r"\b(?:user|owner|author|account|customer|tenant|org(?:anization)?|workspace|team|company)_?id\s*=\s*(?:%s|\?|:|\$|{|%\()",
    re.IGNORECASE,
)


class Unscoped(msgspec.Struct, frozen=True, kw_only=True):
    """One handler, or one view class, that gives strangers what is somebody's."""

    route: Route
    handler: FunctionKey | None
    model: str
    """The class, or `sql:` and the table."""
    owner: Owner
    verbs: tuple[str, ...]
    """`changes`, `deletes`, `reads`; `uses` where it only makes something with the object."""
    lookup: Lookup | None
    """None where the library's view looks the object up."""
    use: Use | None = None
    methods: tuple[str, ...] = ()
    """HTTP methods of a view class."""
    parent: str = ""
    """The class that the object belongs to, where the way to its owner leads through it."""
    parent_siblings: int = 0
    """Handlers that tie objects of the parent's class to the caller."""
    siblings: int = 0
    """Other handlers that tie objects of the class to the caller."""
    peers: int = 0
    """Handlers that name objects of the class by key, this one included."""
    example: Route | None = None
    """A handler that does it right."""
    anonymous: bool = False
    """Nothing asks who calls at all."""
    meant: bool = False
    """Somebody wrote a guard for it that no request passes."""
    convention: bool = False
    """Somewhere the project ties objects to callers."""

    @property
    def private(self) -> bool:
        """Whether the name of the table says that strangers should not even read it."""
        return _PRIVATE.search(self.model.rpartition(".")[2]) is not None


class _Judge:
    def __init__(self, project: Project) -> None:
        self.project = project
        note_callers(project.files)
        self.owners = Owners(project)
        self.access = ObjectAccess(project)
        self.routes: dict[FunctionKey, tuple[Route, Access]] = {}
        self._accesses: dict[FunctionKey, Access] = {}
        self.right: dict[str, list[Route]] = {}
        self.asking: dict[str, list[Route]] = {}
        """The handlers that ask about objects of a table, and not only about the caller's role."""
        self.named: Counter[str] = Counter()
        self.narrowed: Counter[str] = Counter()
        self.narrowing: dict[str, set[FunctionKey | None]] = {}
        """Handlers that put the caller into their queries on a table."""
        self.reads_right: set[str] = set()
        self.openers: dict[str, list[Route]] = {}
        """Handlers that list a table to everybody."""
        self.listed: set[str] = set()
        """Tables that everybody may list: reading one row of them is no secret."""
        self._sql: dict[str, bool] = {}

    def access_of(self, handler: FunctionKey) -> Access:
        """What a handler does with objects, seen from the first of its routes."""
        if handler not in self._accesses:
            self._accesses[handler] = self.access.of(self.project.handlers[handler][0])
        return self._accesses[handler]

    def run(self) -> list[Unscoped]:
        for route in self.project.routes:
            if route.handler is not None and route.handler not in self.routes:
                self.routes[route.handler] = route, self.access_of(route.handler)
        for route, access in self.routes.values():
            self._learn(route, access)
        self._learn_classes()
        self.reads_right -= self.listed
        found = [one for route, access in self.routes.values() for one in self._handler(route, access)]
        found.extend(self._classes())
        if not self.right:
            return found[:1]
        return found

    def _learn(self, route: Route, access: Access) -> None:
        looked_up = {lookup.model for lookup in access.lookups}
        self.named.update(looked_up)
        by_query = access.scoped | {lookup.model for lookup in access.lookups if lookup.tied}
        self.narrowed.update(by_query)
        for model in by_query:
            self.narrowing.setdefault(model, set()).add(route.handler)
        tied = access.right | (looked_up if access.tied else set())
        for model in access.right:
            self.asking.setdefault(model, []).append(route)
        for model in tied:
            self.right.setdefault(model, []).append(route)
            if set(route.methods) <= SAFE and (model in looked_up or model in access.scoped):
                self.reads_right.add(model)
        of_parent = route.kind is RouteKind.GRAPHQL_FIELD
        if set(route.methods) <= SAFE and not access.tied and not _is_guarded(route) and not of_parent:
            for model in access.whole - access.scoped:
                self.openers.setdefault(model, []).append(route)
            self.listed |= access.open - access.scoped

    def _learn_classes(self) -> None:
        """What views of a library show, and whether only to its owner."""
        for route in self.project.routes:
            if (
                not route.view
                or route.handler is not None
                or _is_guarded(route)
                or "GET" not in route.methods
            ):
                continue
            query = self.project.class_query(route.view)
            if query is None or not query.model:
                continue
            if self._scopes(route):
                self.reads_right.add(query.model)
                self.right.setdefault(query.model, []).append(route)
            elif not any(parameter.source == "path" for parameter in route.parameters):
                self.listed.add(query.model)

    def exposed(self, route: Route) -> str:
        """The table that a route alone lists to strangers, and that others show to its owners; empty for none."""
        for model, openers in self.openers.items():
            only = all(other.handler == route.handler for other in openers)
            if not only or route.is_protected is not False or self.owners.of(model) is None:
                continue
            reading = [other for other in self.asking.get(model, ()) if set(other.methods) <= SAFE]
            if len(reading) >= _FEW and _PRIVATE.search(model.rpartition(".")[2]):
                return model
        return ""

    def _handler(self, route: Route, access: Access) -> Iterator[Unscoped]:
        anonymous = route.is_protected is False and not access.knows_caller
        if access.tied or not (route.is_protected or access.knows_caller or anonymous):
            return
        of_objects = [self._asks_of_objects(guard) for guard in route.authorisation]
        guarded, only_objects = _is_guarded(route), self._only_objects(route, of_objects)
        right = access.right
        meant = anonymous and bool(access.lookups) and is_meant_guarded(self.project, route)
        faults: dict[str, tuple[Lookup, Owner, list[Use]]] = {}
        for lookup in access.lookups:
            uses = [use for use in access.uses if use.lookup == lookup]
            tied = lookup.model in right and not self._is_another(access, lookup, uses)
            if tied or (lookup.by_view and (any(of_objects) or self._shows_own(route))):
                continue
            if guarded and not only_objects and not self._narrowed(route, lookup.model):
                continue
            told = lookup.of_owner if uses else lookup.on_show
            owner = None if told else self._owner(lookup.model, bool(uses))
            if owner is None or (anonymous and not meant and not self._harms(lookup, uses)):
                continue
            if right and not self.right.get(lookup.model) and not self._below(access, lookup, uses):
                continue
            if uses or self._shows(route, access, lookup) or self._takes(route, access, lookup):
                faults.setdefault(lookup.model, (lookup, owner, uses))
        if not faults:
            return
        model, (lookup, owner, uses) = max(faults.items(), key=lambda one: len(one[1][2]))
        verbs = tuple(dict.fromkeys(use.verb for use in uses))
        if not verbs:
            verbs = ("reads",) if self._shows(route, access, lookup) else ("uses",)
        yield self._fault(
            route, model, owner, verbs, lookup, uses[0] if uses else None, anonymous=anonymous, meant=meant
        )

    def _is_another(self, access: Access, lookup: Lookup, uses: list[Use]) -> bool:
        """Whether a handler deletes a second object of a table, and asks only the first for the caller."""
        keys = {key for model, key in access.keyed if model == lookup.model}
        return (
            any(use.verb == "deletes" for use in uses)
            and bool(keys)
            and lookup.text not in keys
            and lookup.model not in access.checked
            and not any(lookup.model in pair for pair in access.links)
        )

    def _below(self, access: Access, lookup: Lookup, uses: list[Use]) -> bool:
        """Whether a changed row belongs to something that a key of its own names and ties: `/albums/{}/photos/{}`."""
        model = self.project.model(lookup.model)
        if model is None or not uses:
            return False
        parents = {one.target for one in model.relations.values() if not one.many and not one.reverse}
        return any(parent in parents and key != lookup.text for parent, key in self._keyed(access))

    def _keyed(self, access: Access) -> set[tuple[str, str]]:
        """Tables whose objects a handler ties to the caller, with the keys that name them."""
        return access.keyed | {
            (one.model, one.text) for one in access.lookups if one.tied or one.model in access.checked
        }

    def _only_objects(self, route: Route, of_objects: list[bool]) -> bool:
        """Whether all guards of a handler ask about an object, which the handler has to hand them."""
        return (
            all(of_objects)
            and bool(of_objects)
            and not route.is_admin_path
            and not any(guard.unresolved for guard in route.guards)
        )

    def _shows_own(self, route: Route) -> bool:
        """Whether a view's `get_queryset`, from which its `get_object` takes, asks for the caller."""
        owner = route.view
        if not owner and route.handler is not None:
            handler = self.project.graph.functions[route.handler]
            owner = self.project.evaluator.owner(handler.file, handler.summary)
        classes = self.project.evaluator.classes
        for ancestor in classes.order(owner) if owner else ():
            cls = classes.project_class(ancestor)
            method = None if cls is None else cls.method("get_queryset")
            if cls is not None and method is not None:
                function = self.project.graph.functions[cls.file.index, method]
                mentions = Mentions(function, Env())
                return any(mentions.caller(event.term) for event in function.summary.events)
        return False

    def _asks_of_objects(self, guard: Guard) -> bool:
        """Whether a guard is a permission class that judges objects.

        DRF calls `has_object_permission` from `get_object` and `check_object_permissions` (3.16,
        rest_framework/generics.py and views.py), and nowhere else.
        """
        if guard.kind is not GuardKind.PERMISSION:
            return False
        classes = self.project.evaluator.classes
        found = (classes.project_class(ancestor) for ancestor in classes.order(guard.symbol))
        return any(cls is not None and cls.method("has_object_permission") is not None for cls in found)

    def _harms(self, lookup: Lookup, uses: list[Use]) -> bool:
        """Whether strangers change what others tie to the caller, or read what others show to its owner only."""
        return bool(self.right.get(lookup.model)) and (bool(uses) or lookup.model in self.reads_right)

    def _narrowed(self, route: Route, model: str) -> bool:
        """Whether other handlers behind the very same guards still ask whose the object is.

        Their authors hold that the role alone does not open everybody's rows.
        """
        if any(guard.unresolved for guard in route.guards) or any(
            self._chooses(guard, route) for guard in route.authorisation
        ):
            return False
        own = roles_asked(route)
        tables = [model, *self.owners.parents(model)]
        alike = [
            other
            for table in tables
            for other in self.asking.get(table, ())
            if other.handler != route.handler and roles_asked(other) == own
        ]
        if any(is_for_administrators(guard) for guard in route.authorisation):
            return self._is_custom(own, model, route)
        asking = [
            other
            for table in tables
            for other in self.asking.get(table, ())
            if other.handler != route.handler
        ]
        return bool(asking) and (
            bool(alike)
            or (_lets_ordinary_in(route, asking, self.owners.first_roles()) and len(asking) > 1)
            or self._mostly_ask(route, own)
        )

    def _mostly_ask(self, route: Route, roles: Roles) -> bool:
        """Whether handlers behind the very same guards mostly tie what they find, whatever the table, to the caller."""
        others = [
            access
            for other, access in self.routes.values()
            if other.handler != route.handler
            and roles_asked(other) == roles
            and (access.lookups or access.scoped)
        ]
        tying = sum(access.tied or bool(access.right) for access in others)
        return tying >= _CONVENTION and 2 * tying > len(others)

    def _is_custom(self, roles: Roles, model: str, route: Route) -> bool:
        """Whether most of the handlers that administrators reach put the caller into their queries on a table.

        One handler may tie more than it must; where several put the tenant into their queries, the others have to.
        """
        others = [
            other.handler
            for other, access in self.routes.values()
            if other.handler != route.handler
            and roles_asked(other) == roles
            and (model in access.scoped or any(lookup.model == model for lookup in access.lookups))
        ]
        narrowing = sum(other in self.narrowing.get(model, ()) for other in others)
        return narrowing > 1 and 2 * narrowing >= len(others)

    def _chooses(self, guard: Guard, route: Route) -> bool:
        """Whether a guard is given what the client names: it may ask about that very object."""
        if guard.function is None or not all(_is_constant(text) for text in guard.given):
            return True
        function = self.project.graph.functions[guard.function]
        given = {parameter.name for parameter in route.parameters if parameter.source == "path"}
        if given.intersection(parameter.name for parameter in function.summary.parameters):
            return True
        return any(
            isinstance(row, Attr | Name) and _last(row) in _NAMED_BY_CLIENT
            for term in inner_terms(
                function.file,
                (
                    event.term
                    for index, inner in enumerate(function.file.summary.functions)
                    if index == function.index or inner.parent == function.index
                    for event in inner.events
                ),
            )
            for row in (function.file.summary.terms[term],)
        )

    def _takes(self, route: Route, access: Access, lookup: Lookup) -> bool:
        """Whether a handler makes something with an object that others may not even read."""
        return (
            not (set(route.methods) & SAFE)
            and lookup.model in self.reads_right
            and route.handler is not None
            and any(
                route.handler in self.project.effects.steps(effect)
                for effect in (Effect.WRITES, Effect.COMMITS)
            )
        )

    def _fault(
        self,
        route: Route,
        model: str,
        owner: Owner,
        verbs: tuple[str, ...],
        lookup: Lookup | None,
        use: Use | None,
        methods: tuple[str, ...] = (),
        anonymous: bool = False,
        meant: bool = False,
    ) -> Unscoped:
        right = [other for other in self.right.get(model, []) if other.handler != route.handler]
        parent = self._parent(model, owner)
        above = [other for other in self.right.get(parent, []) if other.handler != route.handler]
        return Unscoped(
            route=route,
            handler=route.handler,
            model=model,
            owner=owner,
            verbs=verbs,
            lookup=lookup,
            use=use,
            methods=methods,
            parent=parent,
            parent_siblings=len(above),
            siblings=len(right),
            peers=self.named[model],
            example=next(iter((*right, *above)), None),
            anonymous=anonymous,
            meant=meant,
            convention=bool(self.right),
        )

    def _parent(self, model: str, owner: Owner) -> str:
        """The class that a row belongs to where that names the owner: of a lesson, the course."""
        first, _, rest = owner.column.partition("__")
        relation = self.project.relation(model, first) if rest else None
        return "" if relation is None else relation.target

    def _owner(self, model: str, changed: bool = False) -> Owner | None:
        """What ties a row to its owner; people and tenants own themselves, and only changing them is a fault."""
        if model.startswith("sql:"):
            owned = self.narrowed[model] or self._owned_table(model[4:])
            return Owner("user_id", direct=True) if owned else None
        if self.owners.is_person(model):
            return Owner("id", direct=True) if changed else None
        if self.owners.is_tenant(model):
            return Owner("id", direct=True) if changed and self.asking.get(model) else None
        by_convention = self.narrowed[model] > 1 and 2 * self.narrowed[model] >= self.named[model]
        return self.owners.of(model) or (Owner("", direct=False) if by_convention else None)

    def _owned_table(self, table: str) -> bool:
        """Whether any statement on a table asks whose its rows are."""
        if table not in self._sql:
            named = re.compile(rf"\b(?:from|update|into)\s+[\"`]?{re.escape(table)}\b", re.IGNORECASE)
            self._sql[table] = any(
                isinstance(term, Const)
                and isinstance(term.value, str)
                and named.search(term.value)
                and _COLUMN.search(term.value)
                for file in self.project.files
                for term in file.summary.terms
            )
        return self._sql[table]

    def _shows(self, route: Route, access: Access, lookup: Lookup) -> bool:
        """Whether a handler hands out what only its owner should read."""
        if not (set(route.methods) & SAFE) and route.methods:
            return False
        if lookup.of_owner and lookup.model not in self.reads_right:
            return False
        if any(lookup.model == other.lookup.model for other in access.uses):
            return True
        if lookup.model in self.reads_right:
            return True
        name = lookup.model.rpartition(".")[2].removeprefix("sql:")
        if _PRIVATE.search(name) and (
            self.owners_direct(lookup.model)
            or self.right.get(lookup.model)
            or self._parent_asked(lookup.model)
        ):
            return True
        return self._reads_private_children(lookup)

    def _parent_asked(self, model: str) -> bool:
        """Whether handlers tie what rows of a class belong to, such as the booking of a payment, to the caller."""
        owner = self._owner(model)
        return owner is not None and bool(self.right.get(self._parent(model, owner)))

    def owners_direct(self, model: str) -> bool:
        owner = self._owner(model)
        return owner is not None and owner.direct

    def _reads_private_children(self, lookup: Lookup) -> bool:
        """`event.tickets.all()`: rows of others that hang on the object."""
        function = self.project.graph.functions[lookup.function]
        model = self.project.model(lookup.model)
        if model is None:
            return False
        for event in function.summary.events:
            for term in (event.term, *(parts(function.file, event.term) if event.term >= 0 else ())):
                row = function.file.summary.terms[term] if term >= 0 else None
                inner = function.file.summary.terms[row.base] if isinstance(row, Attr) else None
                for one in (row, inner):
                    relation = model.relations.get(one.name) if isinstance(one, Attr) else None
                    if (
                        relation is not None
                        and relation.many
                        and _PRIVATE.search(relation.target.rpartition(".")[2])
                        and self.owners.of(relation.target)
                        and _names_people(function.file.summary.terms)
                    ):
                        return True
        return False

    def _classes(self) -> Iterator[Unscoped]:
        views: dict[str, list[Route]] = {}
        for route in self.project.routes:
            if route.view and route.handler is None and any(p.source == "path" for p in route.parameters):
                views.setdefault(route.view, []).append(route)
        for view, routes in views.items():
            query = self.project.class_query(view)
            if query is None or not query.model:
                continue
            open_routes = [
                route
                for route in routes
                if route.is_protected and (not _is_guarded(route) or self._is_open(route, query.model))
            ]
            if not open_routes:
                continue
            hooks = self.access.of_hooks(open_routes[0].hooks)
            owner = self.owners.of(query.model)
            person = self.owners.is_person(query.model)
            if hooks.tied or (owner is None and not person) or self._scopes(open_routes[0]):
                continue
            if query.may_have(QueryStep.FILTERS) and not query.complete:
                continue
            methods = tuple(dict.fromkeys(method for route in open_routes for method in route.methods))
            changing = [method for method in methods if self._changes(view, method)]
            private = _PRIVATE.search(query.model.rpartition(".")[2]) is not None
            if changing or (private and owner is not None) or query.model in self.reads_right:
                verbs = tuple(dict.fromkeys(self._changes(view, method) for method in changing)) or ("reads",)
                yield self._fault(
                    open_routes[0], query.model, owner or Owner("pk", direct=True), verbs, None, None, methods
                )

    def _changes(self, view: str, method: str) -> str:
        """What a library's view does to the row that the address names; empty where it reads, or makes another."""
        if method != "POST":
            return {"PUT": "changes", "PATCH": "changes", "DELETE": "deletes"}.get(method, "")
        steps = self.project.method_steps(view, "post")
        return "deletes" if QueryStep.DELETES in steps else "changes" if QueryStep.UPDATES in steps else ""

    def _is_open(self, route: Route, model: str) -> bool:
        """Whether the guards of a library's view ask for a role alone, which others behind it do not leave it at."""
        of_objects = any(self._asks_of_objects(guard) for guard in route.authorisation)
        return not of_objects and not route.is_admin_path and self._narrowed(route, model)

    def _scopes(self, route: Route) -> bool:
        """Whether a hook of the view narrows the rows to the caller's: `get_queryset`, `get_object`, filters."""
        for key in route.hooks:
            function = self.project.graph.functions[key]
            name = function.summary.name.rpartition(".")[2]
            if name in (
                "get_queryset",
                "get_object",
                "filter_queryset",
                "dispatch",
                "initial",
                "check_object_permissions",
                "get_permissions",
                "check_permissions",
            ):
                mentions = Mentions(function, Env())
                if any(mentions.caller(event.term) for event in function.summary.events if event.term >= 0):
                    return True
                if name in ("get_object", "check_object_permissions", "dispatch", "initial"):
                    return True
        return False


def _names_people(terms: tuple[object, ...]) -> bool:
    return any(
        isinstance(row, Attr) and row.name in ("email", "phone", "phone_number", "address") for row in terms
    )


def _lets_ordinary_in(route: Route, asking: list[Route], first: frozenset[str]) -> bool:
    """Whether the guards of a route name a role that many have: `require_role("author", "admin")`.

    By the role's name, since people have it from the start, or since handlers that name it ask whose an object is.
    """
    asked = {text for other in asking for guard in other.authorisation for text in guard.given}
    return bool(route.authorisation) and all(
        any(
            not _PRIVILEGED.search(text) and (text in asked or _ORDINARY.search(text) or _role(text) in first)
            for text in guard.given
        )
        for guard in route.authorisation
    )


def _role(text: str) -> str:
    """The role that an argument, as text, names: `"cook"`, `Role.COOK`."""
    return text.rpartition(".")[2].strip("\"'").lower()


def _is_constant(text: str) -> bool:
    """Whether an argument, as text, is a literal or a member of an enumeration."""
    return text[:1] in ("'", '"') or text.rpartition(".")[2].isupper()


def _last(row: Attr | Name) -> str:
    return row.name if isinstance(row, Attr) else row.symbol.rpartition(".")[2]


def _is_guarded(route: Route) -> bool:
    """Whether something on the way to the handler asks what the caller may do, or may do so."""
    return bool(route.authorisation) or route.is_admin_path or any(guard.unresolved for guard in route.guards)


class Objects:
    """How the handlers of a project treat the objects that requests name, worked out once."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._judge = _Judge(project)

    def may_concern(self, route: Route) -> bool:
        """Whether anything can be found of a route, whatever other handlers do; asking costs next to nothing."""
        if route.handler is None:
            return bool(route.view)
        access = self._judge.access_of(route.handler)
        return (bool(access.lookups) and not access.tied) or bool(path_names(route.path))

    def knows_caller(self, handler: FunctionKey) -> bool:
        """Whether a handler speaks of who calls, itself or in what it calls."""
        return self._judge.access_of(handler).knows_caller

    def tied(self, handler: FunctionKey) -> frozenset[str]:
        """Tables of which a handler has nothing but the caller's."""
        return frozenset(self._judge.access_of(handler).right if handler in self._project.handlers else ())

    def columns(self, handler: FunctionKey) -> frozenset[tuple[str, str]]:
        """Tables and their columns that a handler asks to be the caller's, such as a tenant's."""
        return frozenset(self._judge.access_of(handler).columns if handler in self._project.handlers else ())

    def exposed(self, route: Route) -> str:
        """The table that a route alone lists to strangers, and that others show to its owners; empty for none."""
        return self._judge.exposed(route) if self._found and route.handler is not None else ""

    @property
    def unscoped(self) -> list[Unscoped]:
        """Every handler and view class that lets callers reach what belongs to others."""
        return self._found[0]

    @property
    def untied(self) -> list[Untied]:
        """Other handlers that leave out what those beside them do with the same parameter."""
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[list[Unscoped], list[Untied]]:
        judge = self._judge
        found = judge.run()
        surer = {fault.handler for fault in found if fault.owner.column}
        beside = untied(self._project, judge.routes, judge.access)
        left = [one for one in beside if one.handler not in surer]
        known = {one.handler for one in left}
        return [fault for fault in found if fault.handler not in known], left
