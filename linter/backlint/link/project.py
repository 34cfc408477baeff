"""The linked project: everything a rule's second half can ask."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from backlint.effect import Effect, Role
from backlint.link.arguments import call_argument
from backlint.link.constants import NO_CONSTANT, Constant, NoConstant, constant
from backlint.link.eager import Eager, eager, is_query, loaded_by_model
from backlint.link.effects import Effects
from backlint.link.error_handlers import error_handlers
from backlint.link.evaluate import Evaluator
from backlint.link.facts import ProjectFacts
from backlint.link.filters import Filter, filters
from backlint.link.flow import Flow
from backlint.link.graph import CallSite, FunctionKey, Graph, LinkedFunction
from backlint.link.index import FileNode, SymbolIndex
from backlint.link.leaving import leaves
from backlint.link.limits import Limits
from backlint.link.loops import (
    depends_on_loop,
    depends_on_parameter,
    enclosing,
    iterates_rows,
    receives_messages,
    repeating_loop,
    terms_of,
)
from backlint.link.models import Model, Models
from backlint.link.ownership import Owners
from backlint.link.programs import programs
from backlint.link.project_settings import ProjectSettings, Setting
from backlint.link.queries import Queries
from backlint.link.reach import Reach
from backlint.link.schemas import Schema, Schemas
from backlint.link.sql import literal_text, sql_verb
from backlint.link.statements import Statement, Statements, settle
from backlint.link.transactions import Transactions
from backlint.link.values import ClassValue, FunctionValue, InstanceValue, Value, options
from backlint.link.words import words
from backlint.manifests.dependencies import Dependencies
from backlint.term import Call, Mapping, Sequence, Term

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.finding import Evidence, Span
    from backlint.libraries.catalogue import Catalogue
    from backlint.libraries.entry import QueryStep
    from backlint.link.query import Query
    from backlint.link.relations import Relation
    from backlint.link.routes.guards import Guards
    from backlint.link.routes.model import Route
    from backlint.link.unscoped import Objects
    from backlint.summary import Block, Fact, FileSummary


class Project:
    """All summaries, joined."""

    def __init__(
        self,
        summaries: Iterable[tuple[FileSummary, str]],
        catalogue: Catalogue,
        facts: ProjectFacts | None = None,
    ) -> None:
        self.facts = facts or ProjectFacts()
        self.catalogue = catalogue
        self.index = SymbolIndex(summaries)
        self.evaluator = Evaluator(self.index, catalogue, self.facts.roles)
        self.graph = Graph(self.evaluator)
        self._statements = Statements(self.graph.functions)
        settle(self.graph.functions, self._statements)
        self.effects = Effects(self.graph)

    def prepare(self) -> None:
        """Work out what most rules ask for, before the process is copied for several of them."""
        _ = self.handlers, self._view_methods

    @cached_property
    def dependencies(self) -> Dependencies:
        """What the manifests of the project declare."""
        return Dependencies(self.facts.manifests)

    @cached_property
    def queries(self) -> Queries:
        """The queries behind terms."""
        return Queries(self.evaluator)

    @cached_property
    def settings(self) -> ProjectSettings:
        """What the project's code sets: Django's module, settings classes, Flask's and Celery's configuration."""
        return ProjectSettings(self.evaluator, self.graph)

    def setting(self, name: str) -> tuple[Setting, ...]:
        """The places that give a setting a value; none where no code of the project does."""
        return self.settings.get(name)

    @cached_property
    def schemas(self) -> Schemas:
        """Classes that describe data: request bodies, serializers, forms, records."""
        return Schemas(self.evaluator)

    def schema(self, symbol: str) -> Schema | None:
        """The fields and strictness of a project's class that describes data; None for any other class."""
        return self.schemas.get(symbol)

    @cached_property
    def models(self) -> Models:
        """ORM classes as tables."""
        return Models(self.evaluator)

    @cached_property
    def _limits(self) -> Limits:
        return Limits(self.queries, self.models)

    def query(self, function: LinkedFunction, term: int) -> Query | None:
        """The query that a term is, or whose rows or result it holds; None where it is none or unknown."""
        return self.queries.of(function, term)

    def class_query(self, symbol: str) -> Query | None:
        """The query that a class-based view shows: its `get_queryset`, else its `queryset` or `model`."""
        return self.queries.of_class(symbol)

    def filters(self, query: Query) -> tuple[Filter, ...]:
        """What a query compares, step by step."""
        return filters(self.queries, query)

    def eager(self, query: Query) -> Eager:
        """The relations that a query loads with its rows."""
        return eager(self.queries, query)

    def bounds(self, query: Query) -> str:
        """Why a query gives few rows whatever the size of the table, in a word; empty where it may not."""
        return self._limits.reason(query)

    def relation(self, symbol: str, name: str) -> Relation | None:
        """The relation behind an attribute of an ORM class; None where it is none."""
        return self.evaluator.relations.find(symbol, name)

    def class_attribute(self, symbol: str, name: str) -> Value:
        """What an attribute of a class, read from the class, stands for."""
        return self.evaluator.attribute(ClassValue(symbol), name)

    def attribute_source(self, symbol: str, name: str) -> str:
        """What library entries say an attribute of a class gives, such as `exception`; empty for nothing."""
        for ancestor in self.evaluator.classes.order(symbol):
            entry = self.evaluator.classes.library_class(ancestor)
            if entry is not None and name in entry.attributes:
                return entry.attributes[name].source
        return ""

    @cached_property
    def names_of_itself(self) -> frozenset[str]:
        """Attributes of library classes that give the object itself: `row.awaitable_attrs`."""
        return frozenset(
            name
            for entry in self.catalogue.classes.values()
            for name, attribute in entry.attributes.items()
            if attribute.type == "Self"
        )

    def property_of(self, symbol: str, name: str) -> LinkedFunction | None:
        """The property of that name of a class of the project, inherited ones included."""
        for ancestor in self.evaluator.classes.order(symbol):
            cls = self.evaluator.classes.project_class(ancestor)
            method = None if cls is None else cls.method(name)
            if cls is not None and method is not None:
                found = FunctionValue(cls.file.index, method)
                return self.graph.functions[found.file, method] if self.evaluator.is_property(found) else None
        return None

    def method(self, symbol: str, name: str) -> LinkedFunction | None:
        """The method of that name of a class of the project, inherited ones included."""
        for ancestor in self.evaluator.classes.order(symbol):
            cls = self.evaluator.classes.project_class(ancestor)
            number = None if cls is None else cls.method(name)
            if cls is not None and number is not None:
                return self.graph.functions[cls.file.index, number]
        return None

    def decorated(self, function: LinkedFunction, role: Role) -> Iterator[tuple[int, Value]]:
        """The decorators of a function that have a role: the term of each, and what it calls."""
        for term in function.summary.decorators:
            row = function.file.summary.terms[term]
            callee = self.value(function, row.function if isinstance(row, Call) else term)
            if role in self.evaluator.roles(callee):
                yield term, callee

    def loads_itself(self, relation: Relation) -> bool:
        """Whether a relation comes with its row because its declaration says so."""
        return loaded_by_model(self.queries, relation)

    def is_query_relation(self, relation: Relation) -> bool:
        """Whether reading a relation gives a query, and no rows."""
        return is_query(self.queries, relation)

    def model(self, symbol: str) -> Model | None:
        """The facts of an ORM class of the project."""
        return self.models.get(symbol)

    @cached_property
    def objects(self) -> Objects:
        """How handlers treat the objects that requests name."""
        from backlint.link.unscoped import Objects

        return Objects(self)

    def owner_columns(self, symbol: str) -> frozenset[str]:
        """The columns of an ORM class that say which user a row belongs to."""
        return self._owners.columns(symbol)

    @cached_property
    def _owners(self) -> Owners:
        return Owners(self)

    @property
    def files(self) -> list[FileNode]:
        return self.index.files

    @property
    def functions(self) -> Iterable[LinkedFunction]:
        """All functions, module-level code included (index 0 of each file)."""
        return self.graph.functions.values()

    def module_code(self, path: str) -> LinkedFunction | None:
        """The module-level code of a file."""
        for file in self.files:
            if file.summary.path == path and file.summary.functions:
                return self.graph.functions[file.index, 0]
        return None

    @cached_property
    def flow(self) -> Flow:
        """What values carry, and where they got it."""
        return Flow(self.graph, self._given)

    def _given(self, function: LinkedFunction, name: str) -> str:
        """Where a framework takes a handler's parameter from, such as `body`; empty for other functions."""
        for route in self.handlers.get(function.key, ()):
            for parameter in route.parameters:
                if parameter.name == name:
                    return parameter.source
        return "unknown" if self.is_handler(function) else ""

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Top-level modules that any file imports."""
        return frozenset(name for file in self.files for name in file.summary.mentions)

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        """Every route of the project."""
        from backlint.link.routes import find_routes

        return find_routes(self)

    @cached_property
    def handlers(self) -> dict[FunctionKey, tuple[Route, ...]]:
        """The routes of each function that answers requests."""
        found: dict[FunctionKey, list[Route]] = {}
        for route in self.routes:
            if route.handler is not None:
                found.setdefault(route.handler, []).append(route)
        return {key: tuple(routes) for key, routes in found.items()}

    def guard_roles(self, function: LinkedFunction, term: int) -> frozenset[Role]:
        """What a decorator does as a guard, whether or not a framework sees it where it stands."""
        from backlint.link.routes.model import GuardKind

        guards = self._guards.term(
            GuardKind.DECORATOR, function.file, term, function.summary.span, function.name
        )
        return frozenset(role for guard in guards for role in guard.roles)

    @cached_property
    def _guards(self) -> Guards:
        from backlint.link.routes.context import Context
        from backlint.link.routes.guards import Guards

        return Guards(Context(self))

    @cached_property
    def _view_methods(self) -> frozenset[FunctionKey]:
        from backlint.link.routes.find import view_methods

        return view_methods(self)

    def is_handler(self, function: LinkedFunction) -> bool:
        """Whether a framework calls a function to answer a request: mounted or not, hooks of views included."""
        key = function.key
        return key in self.handlers or key in self._view_methods or self._has_route_decorator(function)

    def _has_route_decorator(self, function: LinkedFunction) -> bool:
        for term in function.summary.decorators:
            row = function.file.summary.terms[term]
            callee = row.function if isinstance(row, Call) else term
            if Role.DEFINES_ROUTE in self.evaluator.roles(self.evaluator.value(function.file, callee)):
                return True
        return False

    @cached_property
    def error_handlers(self) -> dict[FunctionKey, tuple[str, ...]]:
        """The exceptions that functions are registered to answer for."""
        return error_handlers(self)

    @cached_property
    def loaders(self) -> frozenset[FunctionKey]:
        """Batch functions of GraphQL data loaders."""
        from backlint.link.routes.context import Context
        from backlint.link.routes.graphql import find_loaders

        return find_loaders(Context(self))

    @cached_property
    def jobs(self) -> frozenset[FunctionKey]:
        """Functions that run as jobs of a task queue or scheduler."""
        from backlint.link.routes.context import Context
        from backlint.link.routes.jobs import find_jobs

        return find_jobs(Context(self))

    def injected(self, function: LinkedFunction) -> Iterator[tuple[FileNode, int]]:
        """The dependencies that a framework hands to a function: the file and term of each."""
        from backlint.link.routes.context import Context
        from backlint.link.routes.dependencies import dependencies_of

        return dependencies_of(Context(self), function.key)

    @cached_property
    def layer_dependencies(self) -> dict[str, list[tuple[FileNode, int]]]:
        """What applications and routers hand to the parameters of their handlers, by the parameters' names."""
        from backlint.link.routes.dependencies import layer_dependencies

        return layer_dependencies(self)

    @cached_property
    def per_request(self) -> Reach:
        """Functions that run for each request."""
        return Reach(self, (key for key, found in self.graph.functions.items() if self.is_handler(found)))

    @cached_property
    def in_background(self) -> Reach:
        """Functions that run in threads, tasks and executors of the service, or in a program of their own."""
        return Reach(self, (*self._deferred(), *programs(self)))

    def _deferred(self) -> Iterator[FunctionKey]:
        for call in self.calls():
            for argument in call.entry.defers if call.entry is not None else ():
                term = call_argument(call.row, argument)
                for value in () if term is None else options(self.evaluator.value(call.function.file, term)):
                    if isinstance(value, FunctionValue):
                        yield value.file, value.function

    @cached_property
    def per_job(self) -> Reach:
        """Functions that run for each job."""
        return Reach(self, self.jobs)

    def open_transaction(self, call: CallSite) -> Evidence | None:
        """What keeps a transaction open around a call; None where none is seen."""
        return self._transactions.around(call.function, call)

    def request_transaction(self, call: CallSite) -> Evidence | None:
        """What makes the whole request, in which a call is made, one transaction; None where nothing does."""
        return self._transactions.of_request(call.function, call)

    @cached_property
    def _transactions(self) -> Transactions:
        return Transactions(self)

    def callers(self, function: LinkedFunction) -> list[CallSite]:
        """The calls of the project that run a function."""
        return self.effects.callers(function.key)

    def calls(self) -> Iterator[CallSite]:
        """Every call of the project."""
        for function in self.functions:
            yield from function.calls

    def calls_in_file(self, file: FileNode) -> Iterator[CallSite]:
        """Every call of one file."""
        for index in range(len(file.summary.functions)):
            yield from self.graph.functions[file.index, index].calls

    def calls_with(self, effect: Effect) -> Iterator[CallSite]:
        """Calls of library functions that have an effect themselves."""
        for call in self.calls():
            if effect in call.effects:
                yield call

    def noted(self, rule: str, kind: str = "") -> Iterator[tuple[LinkedFunction, Fact]]:
        """Facts that a rule's first half noted, with the function they lie in."""
        for file in self.files:
            for fact in file.summary.facts:
                if fact.rule == rule and kind in ("", fact.kind):
                    yield self.graph.functions[file.index, fact.function], fact

    def term(self, function: LinkedFunction, index: int) -> Term:
        return function.file.summary.terms[index]

    def value(self, function: LinkedFunction, term: int) -> Value:
        """What a term of a function stands for."""
        return self.evaluator.value(function.file, term)

    def constant(self, function: LinkedFunction, term: int) -> Constant | NoConstant:
        """The constant behind a term, or NO_CONSTANT."""
        return constant(self.evaluator, function.file, term)

    def text(self, function: LinkedFunction, term: int) -> str | None:
        """A string as far as the code spells it out, `{}` for computed parts."""
        found = literal_text(function.file, term)
        if found is None:
            value = self.constant(function, term)
            return value if isinstance(value, str) else None
        return found

    def sql(self, function: LinkedFunction, term: int) -> str | None:
        """The text of a SQL statement, `{}` for computed parts; None for anything else."""
        found = self.text(function, term)
        return found if found and sql_verb(found) else None

    def is_lazy_query(self, value: Value) -> bool:
        """Whether a value is a query that runs when it is used."""
        return any(
            isinstance(single, InstanceValue) and Effect.QUERIES in self.graph.consumed(single)
            for single in options(value)
        )

    def module_literal(self, function: LinkedFunction, symbol: str) -> Sequence | Mapping | None:
        """The list, tuple, set or dict display that a project module binds a name to once; None for anything else."""
        file, names = self.index.split(symbol, function.file.root)
        if file is None or len(names) != 1:
            return None
        name = names[0]
        term = file.summary.names.get(name)
        if term is None:
            target = file.aliases.get(name)
            return None if target in (None, symbol) else self.module_literal(function, target or "")
        row = file.summary.terms[term]
        return row if isinstance(row, Sequence | Mapping) else None

    def class_settings(self, *names: str) -> Iterator[tuple[LinkedFunction, Span, Value]]:
        """Class attributes with one of these names: where they are set, and to what.

        The function is the module-level code that the class body belongs to.
        """
        for file in self.files:
            for cls in file.summary.classes:
                for attribute in cls.attributes:
                    if attribute.name in names and not attribute.instance and attribute.value >= 0:
                        value = self.evaluator.value(file, attribute.value)
                        yield self.graph.functions[file.index, 0], attribute.span, value

    def method_steps(self, symbol: str, name: str) -> tuple[QueryStep, ...]:
        """The query steps that a library method of a class does; empty where none is described."""
        found = self.evaluator.classes.library_method(symbol, name)
        return () if found is None else found[1].query

    def statements(self, call: CallSite) -> Iterator[Statement]:
        """The texts that a call has run as SQL, itself or through the project's own wrappers."""
        return self._statements.of(call)

    def words(self, function: LinkedFunction, term: int) -> str:
        """A term as short source text, for messages."""
        return words(function.file.summary, term)

    def is_instance(self, value: Value, *classes: str) -> bool:
        """Whether a value is an instance of one of the classes, or of a subclass."""
        return any(
            isinstance(single, InstanceValue) and self.evaluator.classes.is_subclass(single.symbol, classes)
            for single in options(value)
        )

    def repeating_loop(self, function: LinkedFunction, block: int) -> Block | None:
        """The innermost loop around a block whose passes grow with the data; None where there is none.

        Chunks, pages, attempts, a few literal items and loops that leave on the first pass don't count.
        """
        return repeating_loop(self, function, block)

    def leaves(self, function: LinkedFunction, block: int) -> bool:
        """Whether nothing runs on below a block: it returns, raises, or ends in a call that never returns."""
        return leaves(self.graph, function, block)

    def enclosing(self, function: LinkedFunction, block: int) -> set[int]:
        """The indices of a block and of those around it."""
        return enclosing(function, block)

    def iterates_rows(self, function: LinkedFunction, loop: Block) -> bool:
        """Whether a loop goes over the rows of a query."""
        return iterates_rows(self, function, loop)

    def receives_messages(self, function: LinkedFunction, loop: Block) -> bool:
        """Whether a loop goes over messages that a queue or stream has given, each to be worked off by itself."""
        return receives_messages(self, function, loop)

    def depends_on_loop(self, function: LinkedFunction, term: int, loop: Block) -> bool:
        """Whether a term uses what a loop binds."""
        return depends_on_loop(function, term, loop)

    def depends_on_parameter(
        self, function: LinkedFunction, term: int, owner: LinkedFunction, name: str
    ) -> bool:
        """Whether a term of a function uses a parameter of its own, or of the function around it."""
        return depends_on_parameter(function, term, owner, name)

    def terms_of(self, function: LinkedFunction, term: int) -> list[int]:
        """A term and all terms that it is made of, the outermost first."""
        return terms_of(function, term)

    def roles(self, call: CallSite) -> tuple[Role, ...]:
        """The roles of what a call calls."""
        return tuple(role for value in options(call.callee) for role in self.evaluator.roles(value))


__all__ = ["NO_CONSTANT", "Project", "ProjectFacts"]
