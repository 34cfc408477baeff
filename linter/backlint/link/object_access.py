"""What a request handler does with the objects that the client names by their keys, and who may have them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Span
from backlint.libraries.entry import QueryStep
from backlint.link.annotations import annotation_value
from backlint.link.callers import CALLER_NAME, Env, Mentions, inner_terms, parts, strip
from backlint.link.checks import objects_in, ties_by_test
from backlint.link.flow.access import passed
from backlint.link.graph import FunctionKey
from backlint.link.object_keys import Keys
from backlint.link.object_writes import write_of
from backlint.link.routes.model import ParameterSource
from backlint.link.routes.parameters import path_names
from backlint.link.sql import sql_verb
from backlint.link.values import UNKNOWN, FunctionValue, InstanceValue, Value, options
from backlint.term import Attr, Call, Const, Name, Param

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.link.graph import CallSite, LinkedFunction
    from backlint.link.project import Project
    from backlint.link.routes.model import Route

_CHOSEN = frozenset(
    {
        ParameterSource.PATH,
        ParameterSource.QUERY,
        ParameterSource.BODY,
        ParameterSource.FORM,
        ParameterSource.UNKNOWN,
    }
)
_CHECKS = re.compile(
    r"check_?\w*(?:perm|access|owner|member|role|polic|author|allow|user|tenant)\w*|has_\w*perm\w*|has_(?:access|role|scope)\w*|authori[sz]e\w*|enforce\w*"
    r"|(?:ensure|assert|verify|validate|require|raise_\w*if)_\w*(?:owner|access|perm|member|role|admin|tenant|allowed|author|user|can)\w*"
    r"|is_(?:owner|member|admin|allowed|author|staff)\w*|can_\w+|may_\w+|\w*permission\w*|\w*_policy|user_passes_test|owns\w*",
    re.IGNORECASE,
)
_SERVICE = re.compile(
    r"(?:Service|Services|Repository|Repo|Store|Manager|Gateway|Client|DAO|Dao|UnitOfWork|UoW)$"
)
_NO_LIST = (
    QueryStep.ONE,
    QueryStep.CREATES,
    QueryStep.BY_KEY,
    QueryStep.AGGREGATES,
    QueryStep.COUNTS,
    QueryStep.EXISTS,
)
_CAPABILITY = re.compile(r"(?:token|secret|signature|nonce)\W*$", re.IGNORECASE)
"""Keys that nobody can guess: who has one, was given it."""
_MAX_DEPTH = 4
_MAX_FUNCTIONS = 40


class Lookup(msgspec.Struct, frozen=True):
    """An object that is found by a key which the client chose."""

    function: FunctionKey
    path: str
    span: Span
    model: str
    """The ORM class; `sql:` and the table for a statement written as text."""
    text: str
    """The key's value as written."""
    tied: bool
    """The query itself asks for the caller."""
    by_view: bool = False
    """The view's own `get_object` looks it up, and has its object permissions asked."""
    on_show: bool = False
    """The query asks for rows in a state that is written out, such as published ones: what it gives is for others."""
    of_owner: bool = False
    """The client names whose rows it wants, and not the rows."""


class Use(msgspec.Struct, frozen=True):
    """Something that is done to a looked-up object."""

    lookup: Lookup
    verb: str
    path: str
    span: Span


class Access(msgspec.Struct):
    """Everything that one handler does with objects, through what it calls."""

    lookups: list[Lookup] = []
    uses: list[Use] = []
    tied: bool = False
    """Somewhere on the way the caller is compared or checked, whatever the object."""
    checked: set[str] = set()
    """Tables of objects that are compared or checked with the caller."""
    links: set[tuple[str, str]] = set()
    """Tables of objects that must belong together: who has one, has the other."""
    beside: set[tuple[str, str]] = set()
    """Tables of objects that are also asked for by another key of the client's, and that key as written."""
    knows_caller: bool = False
    scoped: set[str] = set()
    """Tables that it filters by the caller."""
    keyed: set[tuple[str, str]] = set()
    """Tables that it filters by the caller and a key of the client's, and that key as written."""
    open: set[str] = set()
    """Tables whose rows it selects by neither caller nor key: a list for everybody."""

    columns: set[tuple[str, str]] = set()
    """Tables and their columns that it asks to be the caller's."""
    whole: set[str] = set()
    """Those of the tables in `open` of which it takes whole rows."""

    @property
    def right(self) -> set[str]:
        """Tables of which it has nothing but the caller's."""
        found = self.scoped | self.checked | {lookup.model for lookup in self.lookups if lookup.tied}
        links = self.links | {
            (model, lookup.model)
            for model, text in self.beside
            for lookup in self.lookups
            if lookup.text == text
        }
        pending = True
        while pending:
            more = {one for pair in links if found.intersection(pair) for one in pair} - found
            found |= more
            pending = bool(more)
        return found


def _nothing() -> Access:
    return Access(
        lookups=[],
        uses=[],
        checked=set(),
        links=set(),
        beside=set(),
        scoped=set(),
        keyed=set(),
        open=set(),
        whole=set(),
        columns=set(),
    )


class _Visit:
    """What one function does when it is given certain things: the same for every handler that leads to it."""

    __slots__ = (
        "asked",
        "asks",
        "beside",
        "checked",
        "columns",
        "found",
        "given",
        "keyed",
        "knows_caller",
        "leads_to",
        "links",
        "lookups",
        "mentions",
        "open",
        "scoped",
        "tied",
        "uses",
        "whole",
    )

    def __init__(self, mentions: Mentions, given: dict[str, Lookup]) -> None:
        self.mentions = mentions
        self.given = given
        self.found: dict[int, Lookup] = {}
        """The looked-up objects by the term of the call."""
        self.lookups: list[Lookup] = []
        self.uses: list[Use] = []
        self.asks = False
        """It calls something that checks, by its name, and names no object."""
        self.asked: set[str] = set()
        """Tables of objects that it hands to something that checks, by its name."""
        self.tied = False
        self.checked: set[str] = set()
        self.links: set[tuple[str, str]] = set()
        self.beside: set[tuple[str, str]] = set()
        self.knows_caller = False
        self.scoped: set[str] = set()
        self.keyed: set[tuple[str, str]] = set()
        self.open: set[str] = set()
        self.whole: set[str] = set()
        self.columns: set[tuple[str, str]] = set()
        self.leads_to: list[tuple[LinkedFunction, Env, dict[str, Lookup]]] | None = None
        """The functions it calls with what it gives them; None where nobody has asked yet."""


class ObjectAccess:
    """Walks handlers and what they call."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._keys = Keys(project)
        self._visits: dict[tuple[FunctionKey, Env, frozenset[tuple[str, Lookup]]], _Visit] = {}

    def of(self, route: Route) -> Access:
        """What the handler of a route does, its dependencies included."""
        access = _nothing()
        if route.handler is None:
            return access
        handler = self._project.graph.functions[route.handler]
        env = self.environment(route)
        access.knows_caller = bool(env.caller)
        seen: set[tuple[FunctionKey, Env]] = set()
        named = Env(env.caller, env.client | path_names(route.path), env.objects)
        for file, term in self._project.injected(handler):
            for value in options(self._project.evaluator.value(file, term)):
                if isinstance(value, FunctionValue):
                    self._dependency(access, (value.file, value.function), named, seen)
        self._walk(access, handler, env, {}, 0, seen)
        return access

    def of_hooks(self, keys: tuple[FunctionKey, ...]) -> Access:
        """What methods do that a library's view runs."""
        access = _nothing()
        seen: set[tuple[FunctionKey, Env]] = set()
        for key in keys:
            self._walk(access, self._project.graph.functions[key], Env(), {}, 0, seen)
        return access

    def environment(self, route: Route) -> Env:
        """Which parameters of a handler hold who calls, and which what the client chose."""
        caller: set[str] = set()
        client: set[str] = set()
        for parameter in route.parameters:
            spelled = re.search(rf"\b{re.escape(parameter.name)}\b", route.path) is not None
            if parameter.source is ParameterSource.DEPENDENCY or (
                parameter.source is ParameterSource.UNKNOWN
                and not spelled
                and CALLER_NAME.fullmatch(parameter.name)
            ):
                named = CALLER_NAME.fullmatch(parameter.name) and not _serves(parameter.annotation)
                if named or self._is_row(parameter.annotation):
                    caller.add(parameter.name)
            elif parameter.source in _CHOSEN and parameter.name not in ("self", "request"):
                client.add(parameter.name)
        return Env(frozenset(caller), frozenset(client))

    def _is_row(self, annotation: object) -> bool:
        return any(
            isinstance(value, InstanceValue) and self._project.model(value.symbol) is not None
            for value in options(annotation)  # type: ignore[arg-type]
        )

    def _dependency(
        self, access: Access, key: FunctionKey, env: Env, seen: set[tuple[FunctionKey, Env]]
    ) -> None:
        """A dependency that is given what the client chose by the same name."""
        function = self._project.graph.functions[key]
        names = {parameter.name for parameter in function.summary.parameters}
        chosen = names & env.client
        if chosen:
            caller = frozenset(
                parameter.name
                for parameter in function.summary.parameters
                if parameter.name not in chosen
                and CALLER_NAME.fullmatch(parameter.name)
                and not _serves(
                    annotation_value(self._project.evaluator, function.file, parameter.annotation)
                    if parameter.annotation >= 0
                    else UNKNOWN
                )
            )
            self._walk(access, function, Env(caller, frozenset(chosen)), {}, 0, seen)

    def _walk(
        self,
        access: Access,
        function: LinkedFunction,
        env: Env,
        given: dict[str, Lookup],
        depth: int,
        seen: set[tuple[FunctionKey, Env]],
    ) -> None:
        if (function.key, env) in seen or len(seen) > _MAX_FUNCTIONS:
            return
        seen.add((function.key, env))
        visit = self._visit(function, env, given)
        access.lookups.extend(visit.lookups)
        access.uses.extend(visit.uses)
        access.scoped |= visit.scoped
        access.keyed |= visit.keyed
        access.open |= visit.open
        access.whole |= visit.whole
        access.columns |= visit.columns
        access.checked |= visit.checked
        access.links |= visit.links
        access.beside |= visit.beside
        if depth < _MAX_DEPTH:
            access.checked |= visit.asked
        if visit.tied or (visit.asks and depth < _MAX_DEPTH):
            access.tied = True
        if visit.knows_caller:
            access.knows_caller = True
        if depth < _MAX_DEPTH:
            if visit.leads_to is None:
                visit.leads_to = [
                    self._entered(visit, call, target) for call in function.calls for target in call.targets
                ]
            for callee, handed, objects in visit.leads_to:
                self._walk(access, callee, handed, objects, depth + 1, seen)

    def _visit(self, function: LinkedFunction, env: Env, given: dict[str, Lookup]) -> _Visit:
        key = (function.key, env, frozenset(given.items()))
        visit = self._visits.get(key)
        if visit is None:
            mentions = Mentions(function, env, self._is_model_method(function))
            visit = self._visits[key] = _Visit(mentions, given)
            self._look(visit)
        return visit

    def _look(self, visit: _Visit) -> None:
        mentions, found, given = visit.mentions, visit.found, visit.given
        function = mentions.function
        for call in function.calls:
            lookup = self._lookup(visit, call)
            if lookup is not None and not self._anchored(visit, call, lookup):
                found[call.event.term] = lookup
                visit.lookups.append(lookup)
            if mentions.caller(call.event.term):
                visit.knows_caller = True
            if lookup is not None:
                mentions = visit.mentions = self._apart(visit)
        visit.knows_caller = visit.knows_caller or any(
            mentions.caller(term) for block in function.summary.blocks for term in block.terms
        )
        visit.open, visit.whole = self._open(mentions, found)

        def object_of(term: int) -> Lookup | None:
            return _object(function, term, found, given)

        self._tie(visit, object_of)
        for use, verb, span in write_of(self._project, mentions, object_of):
            visit.uses.append(Use(use, verb, function.path, span))

    def _apart(self, visit: _Visit) -> Mentions:
        """What a function's terms speak of, the objects that it has looked up so far left out."""
        known = visit.mentions
        apart = frozenset(term for term, lookup in visit.found.items() if not lookup.tied)
        return Mentions(known.function, known.env, known.self_is_row, apart)

    def _tie(self, visit: _Visit, object_of: Callable[[int], Lookup | None]) -> None:
        """Notes what the tests and checks of a function tie to the caller."""
        function = visit.mentions.function
        ties = ties_by_test(self._project, visit.mentions, object_of)
        visit.knows_caller = visit.knows_caller or ties.asks
        visit.tied = ties.everything
        visit.checked = {lookup.model for lookup in ties.objects}
        visit.links |= {(one.model, other.model) for one, other in ties.links}
        for call in function.calls:
            visit.links |= self._above(visit, call, object_of)
            if call.row.function not in ties.free and _CHECKS.fullmatch(_name(function, call.row)):
                given = (*call.row.arguments, *(term for _, term in call.row.keywords))
                objects = objects_in(visit.mentions, given, object_of)
                visit.asked.update(lookup.model for lookup in objects)
                visit.asks = visit.asks or not objects

    def _above(
        self, visit: _Visit, call: CallSite, object_of: Callable[[int], Lookup | None]
    ) -> set[tuple[str, str]]:
        """The tables of objects whose parent a query asks for together with the caller: `mine(row.album_id, user)`."""
        if not visit.found or not visit.mentions.caller(call.event.term):
            return set()
        query = self._project.query(visit.mentions.function, call.event.term)
        if query is None or query.sql is not None or not self._keys.tied(visit.mentions, call, query):
            return set()
        table = self._keys.table(visit.mentions.function, call.event.term, query)
        keys = self._keys.asked(visit.mentions, call, query) if table in visit.scoped else ()
        return {(one.model, table) for one in objects_in(visit.mentions, keys, object_of)}

    def _entered(
        self, visit: _Visit, call: CallSite, target: FunctionKey
    ) -> tuple[LinkedFunction, Env, dict[str, Lookup]]:
        """A function that is called, and what it is given."""
        mentions = visit.mentions
        callee = self._project.graph.functions[target]
        caller: set[str] = set()
        client: set[str] = set()
        objects: dict[str, Lookup] = {}
        for parameter in callee.summary.parameters:
            for term, _ in passed(call, callee, parameter.name):
                known = _object(mentions.function, term, visit.found, visit.given)
                if known is not None:
                    objects[parameter.name] = known
                elif mentions.caller(term) and not self._is_made(mentions.function, term):
                    caller.add(parameter.name)
                elif mentions.client(term):
                    client.add(parameter.name)
        return callee, Env(frozenset(caller), frozenset(client), frozenset(objects)), objects

    def _is_made(self, function: LinkedFunction, term: int) -> bool:
        """Whether a value is a row that was just written: that the caller stands in it says nothing of the caller."""
        query = self._project.query(function, term)
        if query is None:
            return False
        if query.sql is not None:
            return sql_verb(query.sql) in ("insert", "update")
        return query.may_have(QueryStep.CREATES)

    def _is_model_method(self, function: LinkedFunction) -> bool:
        if function.summary.cls < 0:
            return False
        return self._project.queries.stores_rows(
            f"{function.file.summary.module}.{function.file.summary.classes[function.summary.cls].name}"
        )

    def _lookup(self, visit: _Visit, call: CallSite) -> Lookup | None:
        mentions, function, term = visit.mentions, call.function, call.event.term
        shown = self._keys.shown(call)
        if shown:
            return Lookup(function.key, function.path, call.span, shown, "pk", tied=False, by_view=True)
        query = self._project.query(function, term)
        if query is None:
            return None
        table = self._keys.table(function, term, query)
        tied = self._keys.tied(mentions, call, query)
        narrows = query.sql is not None or query.may_have(QueryStep.FILTERS, QueryStep.ONE, QueryStep.BY_KEY)
        if tied and table and narrows and not query.may_have(QueryStep.CREATES):
            visit.scoped.add(table)
            visit.columns.update(
                (table, one.column)
                for one in self._project.filters(query)
                if one.equals and one.file is mentions.file and mentions.caller(one.value)
            )
        if not table or query.may_have(QueryStep.CREATES):
            return None
        runs = query.executed or query.may_have(QueryStep.UPDATES, QueryStep.DELETES)
        key = self._keys.chosen(mentions, call, query) if runs else ""
        of_owner = not key and runs and not tied
        if of_owner:
            key = self._keys.of_owner(mentions, call, query)
        if tied and key:
            visit.keyed.add((table, key))
        if not key or _CAPABILITY.search(key):
            return None
        on_show = self._keys.on_show(query)
        return Lookup(
            function.key, function.path, call.span, table, key, tied, on_show=on_show, of_owner=of_owner
        )

    def _open(self, mentions: Mentions, found: dict[int, Lookup]) -> tuple[set[str], set[str]]:
        """Tables that a function reads as lists, whoever calls; and those of which it takes whole rows."""
        function = mentions.function
        chosen = [call.event.term for call in function.calls if mentions.caller(call.event.term)]
        inner = inner_terms(function.file, [*chosen, *found])
        tables: set[str] = set()
        whole: set[str] = set()
        for call in function.calls:
            query = None if call.event.term in inner else self._project.query(function, call.event.term)
            if query is not None and not query.may_have(*_NO_LIST):
                table = self._keys.table(function, call.event.term, query)
                tables.add(table)
                if not query.may_have(QueryStep.PROJECTS):
                    whole.add(table)
        return tables, whole

    def _anchored(self, visit: _Visit, call: CallSite, lookup: Lookup) -> bool:
        """Whether the query also asks for a parent that was not found by the client's key: who has that, has this."""
        mentions = visit.mentions
        query = self._project.query(mentions.function, call.event.term)
        model = None if query is None else self._project.model(query.model)
        if query is None or model is None:
            return False
        keys = model.primary_keys
        for one in self._project.filters(query):
            links = one.column.endswith("_id") or one.column.split("__")[0] in model.relations
            if not one.equals or one.column in keys or not links or one.value < 0 or one.file is None:
                continue
            if one.file is not mentions.file:
                return self._keys.passed(mentions, call, one.file, one.value) < 0
            row = one.file.summary.terms[strip(one.file, one.value)]
            if isinstance(row, Const):
                continue
            if mentions.client(one.value):
                visit.beside.add((lookup.model, self._project.words(mentions.function, one.value)))
                continue
            base = row.base if isinstance(row, Attr) else one.value
            parent = _object(mentions.function, base, visit.found, visit.given)
            if parent is None:
                return True
            visit.links.add((lookup.model, parent.model))
        return False


def _serves(annotation: Value) -> bool:
    """Whether a type is that of a service or store: `users: UserService` is not who calls."""
    return any(
        isinstance(value, InstanceValue) and _SERVICE.search(value.symbol) for value in options(annotation)
    )


def _object(
    function: LinkedFunction, term: int, found: dict[int, Lookup], given: dict[str, Lookup], depth: int = 0
) -> Lookup | None:
    """The lookup whose object a term is."""
    if term < 0 or depth > 12:
        return None
    term = strip(function.file, term)
    row = function.file.summary.terms[term]
    if term in found:
        return found[term]
    if isinstance(row, Param):
        return given.get(row.name)
    if isinstance(row, Attr | Call):
        return None
    for part in parts(function.file, term):
        known = _object(function, part, found, given, depth + 1)
        if known is not None:
            return known
    return None


def _name(function: LinkedFunction, row: Call) -> str:
    called = function.file.summary.terms[row.function]
    if isinstance(called, Attr):
        return called.name
    return called.symbol.rpartition(".")[2] if isinstance(called, Name) else ""
