"""Walks terms back to the query behind them: through chains, variables, project functions and classes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from backlint.effect import Effect, Role
from backlint.libraries.entry import ClassEntry, FunctionEntry, QueryStep
from backlint.link.arguments import call_argument
from backlint.link.entry_types import type_parameter
from backlint.link.index import FileNode
from backlint.link.parts import parts_of
from backlint.link.query import Place, Query, Step, merged
from backlint.link.sql import literal_text, sql_verb
from backlint.link.values import (
    UNKNOWN,
    ClassValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    Value,
    options,
)
from backlint.summary import MODULE_FUNCTION, BlockKind, EventKind
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Carried,
    Comprehension,
    Const,
    Element,
    Entered,
    Item,
    Join,
    Local,
    Name,
    Operation,
    Param,
    Sequence,
    Slice,
    Super,
    Text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from backlint.link.evaluate import Evaluator
    from backlint.link.graph import LinkedFunction

_COMPARED = 8
_DEPTH = 60
_SPACE = re.compile(r"\s")
_WALKS = 4000
_IMPORTS = 8
_STREAMING = frozenset({"yield_per", "stream_results"})
_EXECUTORS = frozenset(
    {"execute", "fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "fetch_val", "exec", "raw"}
)
_ONE_ROW = frozenset({"fetchrow", "fetchval", "fetch_one", "fetch_val"})


class Frame(msgspec.Struct, frozen=True, eq=False):
    """The function whose terms are walked, and the call that led into it."""

    file: FileNode
    function: int = MODULE_FUNCTION
    call: Call | None = None
    caller: Frame | None = None
    receiver: Value | None = None
    itself: Query | None = None
    """The query that `self` is, in a method of a manager or query set."""
    bound: int = 0
    memo: dict[int, Query | None] = {}
    """What its terms turned out to be."""

    def place(self, term: int) -> Place:
        return Place(self.file, self.function, term)


class Queries:
    """The queries behind the terms of a project."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._frames: dict[tuple[int, int], Frame] = {}
        self._query_classes: dict[str, bool] = {}
        self._depth = 0
        self._walks = 0
        self._cut = False
        """A walk was given up half-way: what was found on the way is not kept."""

    def of(self, function: LinkedFunction, term: int) -> Query | None:
        """The query that a term of a function is, or whose rows or result it holds; None where it is none."""
        return self._walk(self._root(function.file, function.index), term)

    def _root(self, file: FileNode, function: int = MODULE_FUNCTION) -> Frame:
        """A function as such, whoever calls it."""
        frame = self._frames.get((file.index, function))
        if frame is None:
            frame = self._frames[file.index, function] = Frame(file, function)
        return frame

    def of_term(self, file: FileNode, term: int) -> Query | None:
        """The query behind a term of a file whose function does not matter."""
        return self._walk(self._root(file), term)

    def of_attribute(self, symbol: str, name: str) -> Query | None:
        """The query that an attribute in the body of a class is: `queryset = Post.objects.all()`."""
        return self._class_attribute(symbol, name, self._root(self._evaluator.index.files[0]))

    def of_class(self, symbol: str) -> Query | None:
        """The query that a class-based view shows: its `get_queryset`, else its `queryset` or `model`."""
        for ancestor in self._evaluator.classes.order(symbol):
            cls = self._evaluator.classes.project_class(ancestor)
            if cls is not None and cls.method("get_queryset") is not None:
                return self.of_method(symbol, "get_queryset")
        frame = self._root(self._evaluator.index.files[0])
        return self._class_attribute(symbol, "queryset", frame) or self._modelled(frame, symbol)

    def of_method(self, symbol: str, name: str) -> Query | None:
        """The query that a method of a class (or of an ancestor in the project) returns."""
        for ancestor in self._evaluator.classes.order(symbol):
            cls = self._evaluator.classes.project_class(ancestor)
            method = None if cls is None else cls.method(name)
            if cls is not None and method is not None:
                function = FunctionValue(cls.file.index, method, InstanceValue(symbol))
                return self._returned(self._root(cls.file), function, None, None)
        return None

    def value(self, file: FileNode, term: int) -> Value:
        """What a term stands for."""
        return self._evaluator.value(file, term)

    def symbol_of(self, file: FileNode, term: int) -> str:
        """The absolute name behind a term; empty where unknown."""
        return self._evaluator.symbol_of(file, term)

    def file(self, index: int) -> FileNode:
        return self._evaluator.index.files[index]

    def file_of_class(self, symbol: str) -> FileNode | None:
        """The file that defines a class of the project."""
        cls = self._evaluator.classes.project_class(symbol)
        return None if cls is None else cls.file

    def module_variable(self, file: FileNode, symbol: str) -> tuple[FileNode, int] | None:
        """The file and term of a variable at module level, through imports."""
        for _ in range(_IMPORTS):
            owner, names = self._evaluator.index.split(symbol, file.root)
            if owner is None or len(names) != 1:
                return None
            term = owner.summary.names.get(names[0])
            if term is not None and not isinstance(owner.summary.terms[term], Name):
                return owner, term
            target = owner.aliases.get(names[0])
            if target is None or target == symbol:
                return None
            symbol, file = target, owner
        return None

    def stores_rows(self, symbol: str) -> bool:
        """Whether a class is an ORM class."""
        return Role.STORES_ROWS in self._evaluator.roles(InstanceValue(symbol))

    def is_query_class(self, symbol: str) -> bool:
        """Whether instances of a class are queries, or what queries start from (managers, collections)."""
        found = self._query_classes.get(symbol)
        if found is None:
            entries = (
                self._evaluator.classes.library_class(name) for name in self._evaluator.classes.order(symbol)
            )
            found = not self.stores_rows(symbol) and any(
                _queries(entry) for entry in entries if entry is not None
            )
            self._query_classes[symbol] = found
        return found

    def _walk(self, frame: Frame, term: int) -> Query | None:
        if term < 0:
            return None
        if term in frame.memo:
            return frame.memo[term]
        if self._depth == 0:
            self._walks, self._cut = 0, False
        self._walks += 1
        if self._depth > _DEPTH or self._walks > _WALKS:
            self._cut = True
            return None
        frame.memo[term] = None
        self._depth += 1
        try:
            found = self._walked(frame, term)
        finally:
            self._depth -= 1
        if self._cut and self._depth:
            del frame.memo[term]
        else:
            frame.memo[term] = found
        return found

    def _walked(self, frame: Frame, term: int) -> Query | None:
        row = frame.file.summary.terms[term]
        find = _WALKS_OF.get(row.__class__)
        found = None if find is None else find(self, frame, term, row)
        if (
            isinstance(row, Name | Attr)
            and found is not None
            and not found.steps
            and found.origin is not None
        ):
            started = found.origin
            if started.term < 0 and (started.file, started.function) == (frame.file, frame.function):
                return replace(found, origin=frame.place(term))
        return found

    def _operation(self, frame: Frame, operator: str, operands: tuple[int, ...]) -> Query | None:
        if operator not in ("|", "&", "or", "and"):
            return None
        found = operands[-1:] if operator == "and" else operands
        return merged([self._walk(frame, operand) for operand in found])

    def _awaited(self, frame: Frame, term: int, base: int) -> Query | None:
        """Some queries are sent when they are awaited."""
        query = self._walk(frame, base)
        if query is None or query.executed or not query.type:
            return query
        found = self._evaluator.classes.library_method(query.type, "__await__")
        if found is None:
            return query
        return query.with_step(Step(found[1].query, "await", frame.place(term)), executed=True)

    def _join(self, frame: Frame, found: tuple[int, ...]) -> Query | None:
        terms = frame.file.summary.terms
        kept = [option for option in found if not _is_nothing(terms[option])]
        passes = [option for option in kept if not isinstance(terms[option], Carried)]
        query = merged([self._walk(frame, option) for option in passes])
        if query is not None and len(passes) < len(kept):
            return replace(query, complete=False)
        return query

    def _element(self, frame: Frame, base: int) -> Query | None:
        row = frame.file.summary.terms[base]
        while isinstance(row, Local):
            row = frame.file.summary.terms[row.base]
        if isinstance(row, Sequence):
            return merged([self._walk(frame, item) for item in row.items])
        return None

    def _comprehension(self, frame: Frame, term: int, element: int) -> Query | None:
        row = frame.file.summary.terms[element]
        while isinstance(row, Local | Awaited):
            row = frame.file.summary.terms[row.base]
        if not isinstance(row, Element):
            return None
        query = self._walk(frame, row.base)
        if query is None:
            return None
        return query.with_step(Step((QueryStep.ALL,), "list", frame.place(term)), executed=True)

    def _item(self, frame: Frame, term: int, base: int, key: int) -> Query | None:
        query = self._walk(frame, base)
        if query is None:
            return None
        bounds = frame.file.summary.terms[key]
        place = frame.place(term)
        if not isinstance(bounds, Slice):
            return query.with_step(Step((QueryStep.ONE,), "[]", place, (key,)), executed=True)
        kinds = [QueryStep.LIMITS] if bounds.upper >= 0 else []
        if bounds.lower >= 0 and not _is_zero(frame.file, bounds.lower):
            kinds.append(QueryStep.OFFSETS)
        return query.with_step(Step(tuple(kinds), "[]", place, (bounds.lower, bounds.upper)))

    def _text(self, frame: Frame, term: int) -> Query | None:
        text = literal_text(frame.file, term)
        if text is None or not sql_verb(text) or not _SPACE.search(text.strip()):
            return None
        return Query(sql=text, origin=frame.place(term))

    def _parameter(self, frame: Frame, term: int, row: Param) -> Query | None:
        at: Frame | None = frame
        while at is not None and not (at.file is frame.file and at.function == row.function):
            at = at.caller
        if at is not None and at.call is not None and at.caller is not None:
            parameters = at.file.summary.functions[at.function].parameters
            position = next((i for i, one in enumerate(parameters) if one.name == row.name), -1)
            if position == 0 and at.bound:
                return at.itself
            passed = next((value for name, value in at.call.keywords if name == row.name), None)
            if passed is None and 0 <= position - at.bound < len(at.call.arguments):
                passed = at.call.arguments[position - at.bound]
            if passed is not None:
                return self._walk(at.caller, passed)
            if position >= 0 and parameters[position].default >= 0:
                return self._walk(self._root(at.file), parameters[position].default)
        elif at is not None and at.itself is not None and self._is_first(at, row):
            return at.itself
        return self._opened(frame, term)

    def _is_first(self, frame: Frame, row: Param) -> bool:
        function = frame.file.summary.functions[frame.function]
        return function.cls >= 0 and function.parameters[:1] != () and function.parameters[0].name == row.name

    def _opened(self, frame: Frame, term: int) -> Query | None:
        """A query of which only the type is known."""
        for value in options(self._evaluator.value(frame.file, term)):
            if isinstance(value, InstanceValue) and self.is_query_class(value.symbol):
                start = not self._is_consumed(value.symbol)
                return Query(self._model_of(value), origin=frame.place(term), complete=start)
        return None

    def _is_consumed(self, symbol: str) -> bool:
        """Whether a query class holds a query already; managers and collections are where one starts."""
        entries = map(self._evaluator.classes.library_class, self._evaluator.classes.order(symbol))
        return any(entry is not None and Effect.QUERIES in entry.consume for entry in entries)

    def _model_of(self, value: Value) -> str:
        """The ORM class in the type arguments of a query."""
        for argument in value.arguments if isinstance(value, InstanceValue) else ():
            for single in options(argument):
                if isinstance(single, InstanceValue):
                    if self.stores_rows(single.symbol):
                        return single.symbol
                    return self._model_of(single)
        return ""

    def _symbol(self, frame: Frame, symbol: str) -> Query | None:
        """A name: a manager, a class attribute, or a variable of a module."""
        evaluator = self._evaluator
        owner, _, name = symbol.rpartition(".")
        root = frame.file.root
        holder = evaluator.symbol(owner, root) if owner else UNKNOWN
        if isinstance(holder, ClassValue):
            if self.stores_rows(holder.symbol):
                return self._of_model(frame, holder.symbol, name)
            return self._class_attribute(holder.symbol, name, frame)
        if isinstance(holder, InstanceValue):
            return None
        variable = self.module_variable(frame.file, symbol)
        return None if variable is None else self._walk(self._root(variable[0]), variable[1])

    def _of_model(self, frame: Frame, model: str, name: str) -> Query | None:
        """`Post.objects`, `Post.query`: where a query starts, with the manager's default query set."""
        value = self._evaluator.attribute(ClassValue(model), name)
        start = Query(model, origin=Place(frame.file, frame.function, -1))
        for single in options(value):
            if not isinstance(single, InstanceValue) or not self.is_query_class(single.symbol):
                continue
            for ancestor in self._evaluator.classes.order(single.symbol):
                cls = self._evaluator.classes.project_class(ancestor)
                method = None if cls is None else cls.method("get_queryset")
                if cls is not None and method is not None:
                    function = FunctionValue(cls.file.index, method, single)
                    return self._returned(frame, function, None, start) or replace(start, complete=False)
            return start
        return None

    def _class_attribute(self, symbol: str, name: str, frame: Frame) -> Query | None:
        for ancestor in self._evaluator.classes.order(symbol):
            cls = self._evaluator.classes.project_class(ancestor)
            if cls is None or name not in cls.attributes:
                continue
            found = [
                self._walk(self._root(cls.file), attribute.value)
                for attribute in cls.attributes[name]
                if attribute.value >= 0 and not _is_nothing(cls.file.summary.terms[attribute.value])
            ]
            return merged(found)
        return None

    def _attribute(self, frame: Frame, term: int, row: Attr) -> Query | None:
        base = self._evaluator.value(frame.file, row.base)
        for value in options(base):
            if not isinstance(value, InstanceValue):
                continue
            if self.stores_rows(value.symbol):
                found = self._related(frame, term, value.symbol, row.name)
            else:
                found = self._class_attribute(value.symbol, row.name, frame)
            if found is not None:
                return found
            method = self._property(value, row.name)
            if method is not None:
                return self._returned(frame, method, None, None)
        query = self._walk(frame, row.base)
        if query is not None and query.may_have(QueryStep.PAGINATES):
            return query
        if query is not None and query.model and query.may_have(QueryStep.ONE, QueryStep.BY_KEY):
            found = self._related(frame, term, query.model, row.name)
            if found is not None:
                return found
        return self._opened(frame, term) if query is None else None

    def _related(self, frame: Frame, term: int, model: str, name: str) -> Query | None:
        relation = self._evaluator.relations.find(model, name)
        if relation is None or not relation.many:
            return None
        if relation.attribute is not None and not relation.target:
            return None
        kind = self._evaluator.relations.value(relation) if relation.reverse else UNKNOWN
        symbol = kind.symbol if isinstance(kind, InstanceValue) else ""
        return Query(relation.target, origin=frame.place(term), parent=relation, type=symbol)

    def _property(self, value: InstanceValue, name: str) -> FunctionValue | None:
        for ancestor in self._evaluator.classes.order(value.symbol):
            cls = self._evaluator.classes.project_class(ancestor)
            method = None if cls is None else cls.method(name)
            if cls is not None and method is not None:
                function = FunctionValue(cls.file.index, method, value)
                return function if self._evaluator.is_property(function) else None
        return None

    def _call(self, frame: Frame, term: int, row: Call) -> Query | None:
        for callee in self._callees(frame, row):
            if isinstance(callee, FunctionValue):
                found = self._returned(frame, callee, row, self._receiver(frame, row))
            elif isinstance(callee, LibraryFunction):
                found = self._library(frame, term, row, callee.entry, callee.receiver)
            else:
                entry = self._evaluator.entry_of(callee)
                if entry is None:
                    continue
                found = self._library(frame, term, row, entry, callee)
            if found is not None:
                return found
        return self._unknown_call(frame, term, row)

    def _callees(self, frame: Frame, row: Call) -> Iterable[Value]:
        """What a call may run; methods of `self` and `super()` as the class of the known receiver has them."""
        function = frame.file.summary.terms[row.function]
        if isinstance(function, Attr) and isinstance(frame.receiver, InstanceValue | ClassValue):
            base = frame.file.summary.terms[function.base]
            value = UNKNOWN
            if isinstance(base, Param) and self._is_first(frame, base):
                value = self._evaluator.attribute(frame.receiver, function.name)
            elif isinstance(base, Super):
                value = self._above(frame, frame.receiver, function.name)
            if value is not UNKNOWN:
                return options(value)
        return options(self._evaluator.value(frame.file, row.function))

    def _above(self, frame: Frame, receiver: InstanceValue | ClassValue, name: str) -> Value:
        """The method that `super()` means: the next one in the order of the receiver's ancestors."""
        order = self._evaluator.classes.order(receiver.symbol)
        classes = [self._evaluator.classes.project_class(symbol) for symbol in order]
        own = frame.file.summary.functions[frame.function].cls
        passed = False
        for cls in classes:
            if cls is None:
                continue
            method = cls.method(name) if passed else None
            if method is not None:
                return FunctionValue(cls.file.index, method, receiver)
            passed = passed or (own >= 0 and cls.summary is frame.file.summary.classes[own])
        return UNKNOWN

    def _given(self, frame: Frame, term: int) -> Value:
        """What an argument stands for; an attribute of `self` as the class of the known receiver sets it."""
        row = frame.file.summary.terms[term]
        if isinstance(row, Attr) and isinstance(frame.receiver, InstanceValue | ClassValue):
            base = frame.file.summary.terms[row.base]
            if isinstance(base, Param) and self._is_first(frame, base):
                value = self._evaluator.attribute(ClassValue(frame.receiver.symbol), row.name)
                if value is not UNKNOWN:
                    return value
        return self._evaluator.value(frame.file, term)

    def _receiver(self, frame: Frame, row: Call) -> Query | None:
        """The query that a method is called on."""
        function = frame.file.summary.terms[row.function]
        while isinstance(function, Local):
            function = frame.file.summary.terms[function.base]
        if isinstance(function, Attr):
            return self._walk(frame, function.base)
        if isinstance(function, Name):
            owner = function.symbol.rpartition(".")[0]
            value = self._evaluator.symbol(owner, frame.file.root) if owner else UNKNOWN
            if isinstance(value, ClassValue) and self.stores_rows(value.symbol):
                return Query(value.symbol, origin=Place(frame.file, frame.function, -1))
            if isinstance(value, InstanceValue) and self.is_query_class(value.symbol):
                found = self._symbol(frame, owner)
                return found or Query(self._model_of(value), origin=Place(frame.file, frame.function, -1))
        return None

    def _library(
        self, frame: Frame, term: int, row: Call, entry: FunctionEntry, receiver: Value | None
    ) -> Query | None:
        """A call that a library entry describes, as one more step."""
        base = self._receiver(frame, row) or self._from_class(frame, receiver)
        if base is None and isinstance(receiver, InstanceValue):
            base = self._default(frame, receiver, entry) or self._kept(frame, term, receiver, entry)
        projected: tuple[QueryStep, ...] = ()
        if base is None:
            base, projected = self._argument(frame, term, row, entry)
        if base is None:
            base = self._statement(frame, row, entry) or self._cursor(frame, term, row, entry)
        if base is None and isinstance(receiver, InstanceValue) and entry.query and not entry.lazy:
            base = self._stored_by(frame, term, receiver)
        if base is None:
            value = self._evaluator.value(frame.file, term)
            if (
                not entry.lazy
                or not isinstance(value, InstanceValue)
                or not self.is_query_class(value.symbol)
            ):
                return None
            base = Query(self._model_of(value), origin=frame.place(term))
        if not _continues(entry):
            return None
        if base.sql is None and entry.lazy and "sql" in entry.sinks:
            statement = self._statement(frame, row, entry)
            base = base if statement is None else replace(base, sql=statement.sql)
        value = self._evaluator.value(frame.file, term)
        kind = value.symbol if isinstance(value, InstanceValue) else ""
        kinds = (*entry.query, *projected, *self._bounds_given(frame, row))
        executed = Effect.QUERIES in entry.effects and not entry.lazy
        if entry.consumes and not entry.lazy:
            executed, kinds = True, (*kinds, QueryStep.ALL)
        if any(name in _STREAMING for name, _ in row.keywords):
            kinds = (*kinds, QueryStep.STREAMS)
        step = Step(kinds, _called(frame.file, row), frame.place(term), row.arguments, row.keywords)
        if base.origin is None or base.origin.term < 0:
            base = replace(base, origin=frame.place(term))
        if not base.model and QueryStep.JOINS in entry.query:
            base = replace(base, model=self._first_class(frame, row))
        if not base.model and base.sql is None and QueryStep.FILTERS in entry.query and base.steps:
            base = replace(base, model=self._filtered_class(frame, row))
        return base.with_step(step, executed=executed, kind=kind)

    def _kept(self, frame: Frame, term: int, receiver: InstanceValue, entry: FunctionEntry) -> Query | None:
        """What a method of a repository asks for: rows of the class that the repository keeps."""
        if not entry.query or entry.lazy:
            return None
        for value in options(type_parameter(self._evaluator, "Model", receiver) or UNKNOWN):
            if isinstance(value, InstanceValue) and self.stores_rows(value.symbol):
                return Query(value.symbol, origin=frame.place(term))
        return None

    def _bounds_given(self, frame: Frame, row: Call) -> tuple[QueryStep, ...]:
        """Limits that a call is handed as an object: `rows.list(LimitOffset(20, 0))`."""
        found: list[QueryStep] = []
        for argument in row.arguments:
            for value in options(self._evaluator.value(frame.file, argument)):
                entry = (
                    self._evaluator.classes.library_class(value.symbol)
                    if isinstance(value, InstanceValue)
                    else None
                )
                found.extend(entry.init.query if entry is not None else ())
        return tuple(found)

    def _first_class(self, frame: Frame, row: Call) -> str:
        """The ORM class that a query without one goes on with: `select(func.count()).select_from(User)`."""
        for argument in row.arguments[:1]:
            for value in options(self._evaluator.value(frame.file, argument)):
                if isinstance(value, ClassValue) and self.stores_rows(value.symbol):
                    return value.symbol
        return ""

    def _filtered_class(self, frame: Frame, row: Call) -> str:
        """The ORM class whose columns a query of no class compares: `select(func.count()).where(User.active)`."""
        terms = frame.file.summary.terms
        pending = list(row.arguments[:1])
        for _ in range(_COMPARED):
            if not pending:
                break
            term = pending.pop(0)
            inner = terms[term]
            owner: Value = UNKNOWN
            if isinstance(inner, Attr):
                owner = self._evaluator.value(frame.file, inner.base)
            elif isinstance(inner, Name):
                owner = self._evaluator.symbol(inner.symbol.rpartition(".")[0], frame.file.root)
            if isinstance(owner, ClassValue) and self.stores_rows(owner.symbol):
                return owner.symbol
            pending.extend(part for part in parts_of(inner) if part >= 0)
        return ""

    def _from_class(self, frame: Frame, receiver: Value | None) -> Query | None:
        """`User.filter(…)` of a class that a local name holds."""
        if isinstance(receiver, ClassValue) and self.stores_rows(receiver.symbol):
            return Query(receiver.symbol, origin=Place(frame.file, frame.function, -1))
        return None

    def _default(self, frame: Frame, receiver: InstanceValue, entry: FunctionEntry) -> Query | None:
        """What the inherited `get_queryset` of a view gives: the `queryset` of its class."""
        if entry.returns or entry.effects or entry.lazy or entry.query:
            return None
        return self._class_attribute(receiver.symbol, "queryset", frame) or self._modelled(
            frame, receiver.symbol
        )

    def _stored_by(self, frame: Frame, term: int, receiver: InstanceValue) -> Query | None:
        """The rows that a library's repository is generic in: `users.get_one(…)` of a `Repository[User]`."""
        if self.is_query_class(receiver.symbol):
            return None
        model = type_parameter(self._evaluator, "Model", receiver)
        if isinstance(model, InstanceValue) and self.stores_rows(model.symbol):
            return Query(model.symbol, origin=frame.place(term))
        return None

    def _modelled(self, frame: Frame, symbol: str) -> Query | None:
        """Generic views may name a `model` instead of a query set."""
        for ancestor in self._evaluator.classes.order(symbol):
            cls = self._evaluator.classes.project_class(ancestor)
            for attribute in cls.attributes.get("model", ()) if cls is not None else ():
                value = self._evaluator.value(cls.file, attribute.value) if cls is not None else UNKNOWN
                if isinstance(value, ClassValue) and self.stores_rows(value.symbol):
                    return Query(value.symbol, origin=Place(frame.file, frame.function, -1))
        return None

    def _argument(
        self, frame: Frame, term: int, row: Call, entry: FunctionEntry
    ) -> tuple[Query | None, tuple[QueryStep, ...]]:
        """The query, class or columns that a call is given: `select(User)`, `scalars(statement)`."""
        for argument in _carried(entry):
            passed = call_argument(row, argument)
            if passed is None:
                continue
            query = self._walk(frame, passed)
            if query is not None:
                return query, ()
            for value in options(self._given(frame, passed)):
                if isinstance(value, ClassValue) and self.stores_rows(value.symbol):
                    kinds = (QueryStep.PROJECTS,) if len(row.arguments) > 1 and entry.lazy else ()
                    return Query(value.symbol, origin=frame.place(term)), kinds
            if entry.lazy and self._makes_query(frame, term):
                return self._columns(frame, term, row), (QueryStep.PROJECTS, *self._aggregates(frame, row))
        return None, ()

    def _makes_query(self, frame: Frame, term: int) -> bool:
        value = self._evaluator.value(frame.file, term)
        return isinstance(value, InstanceValue) and self.is_query_class(value.symbol)

    def _columns(self, frame: Frame, term: int, row: Call) -> Query:
        for argument in row.arguments:
            found = self._inner_column(frame, argument)
            if found:
                return Query(found, origin=frame.place(term))
        return Query(origin=frame.place(term))

    def _inner_column(self, frame: Frame, term: int, depth: int = 0) -> str:
        """The class of the first column in an expression such as `func.count(User.id).label("n")`."""
        found = self.column(frame.file, term)
        if found is not None:
            return found[0]
        row = frame.file.summary.terms[term]
        while isinstance(row, Local):
            row = frame.file.summary.terms[row.base]
        if depth > 3:
            return ""
        if isinstance(row, Operation):
            return next(
                (name for one in row.operands if (name := self._inner_column(frame, one, depth + 1))), ""
            )
        if not isinstance(row, Call):
            return ""
        function = frame.file.summary.terms[row.function]
        inner = (function.base, *row.arguments) if isinstance(function, Attr) else row.arguments
        return next(
            (name for one in inner if (name := self._inner_column(frame, one, depth + 1))),
            "",
        )

    def _aggregates(self, frame: Frame, row: Call) -> tuple[QueryStep, ...]:
        """`select(func.count())`: one row, when every column is an aggregate."""
        kinds = [self._column_kinds(frame, argument) for argument in row.arguments]
        if kinds and all(QueryStep.AGGREGATES in one for one in kinds):
            counts = all(QueryStep.COUNTS in one for one in kinds)
            return (QueryStep.AGGREGATES, QueryStep.COUNTS) if counts else (QueryStep.AGGREGATES,)
        return ()

    def _column_kinds(self, frame: Frame, term: int, depth: int = 0) -> tuple[QueryStep, ...]:
        row = frame.file.summary.terms[term]
        while isinstance(row, Local):
            row = frame.file.summary.terms[row.base]
        if not isinstance(row, Call) or depth > 6:
            return ()
        entry = self._evaluator.entry_of(self._evaluator.value(frame.file, row.function))
        kinds = () if entry is None else entry.query
        if not kinds:
            inner = frame.file.summary.terms[row.function]
            nested = (inner.base, *row.arguments) if isinstance(inner, Attr) else row.arguments
            for other in nested:
                kinds = (*kinds, *self._column_kinds(frame, other, depth + 1))
        return kinds

    def column(self, file: FileNode, term: int) -> tuple[str, str] | None:
        """The model and attribute behind `User.email`; None for anything else."""
        row = file.summary.terms[term]
        while isinstance(row, Local):
            row = file.summary.terms[row.base]
        if isinstance(row, Name):
            return self._named_column(file, row.symbol)
        if isinstance(row, Attr):
            value = self._evaluator.value(file, row.base)
            if isinstance(value, ClassValue) and self.stores_rows(value.symbol):
                return value.symbol, row.name
        return None

    def column_owner(self, file: FileNode, function: int) -> tuple[str, str] | None:
        """The column that a method is called on: `User.id` of `User.id.in_`."""
        row = file.summary.terms[function]
        if isinstance(row, Attr):
            return self.column(file, row.base)
        if isinstance(row, Name):
            return self._named_column(file, row.symbol.rpartition(".")[0])
        return None

    def _named_column(self, file: FileNode, symbol: str) -> tuple[str, str] | None:
        owner, _, name = symbol.rpartition(".")
        value = self._evaluator.symbol(owner, file.root) if owner else UNKNOWN
        return (
            (value.symbol, name) if isinstance(value, ClassValue) and self.stores_rows(value.symbol) else None
        )

    def _statement(self, frame: Frame, row: Call, entry: FunctionEntry) -> Query | None:
        """The SQL text that a call is given."""
        for argument in entry.sinks.get("sql", ()):
            passed = None if argument == "*" else call_argument(row, argument)
            if passed is not None:
                found = self._walk(frame, passed)
                return found or Query(origin=frame.place(passed), complete=False)
        return None

    def _cursor(self, frame: Frame, term: int, row: Call, entry: FunctionEntry) -> Query | None:
        """`cursor.fetchall()`: the statement that the same cursor executed last."""
        function = frame.file.summary.terms[row.function]
        if not entry.query or entry.effects or not isinstance(function, Attr):
            return None
        return self._executed_on(frame, function.base, before=term)

    def _executed_on(self, frame: Frame, cursor: int, before: int) -> Query | None:
        terms = frame.file.summary.terms
        last: Query | None = None
        for event in frame.file.summary.functions[frame.function].events:
            if event.kind != EventKind.CALL:
                continue
            if event.term == before:
                if last is not None:
                    break
                continue
            row = terms[event.term]
            function = terms[row.function] if isinstance(row, Call) else None
            if isinstance(row, Call) and isinstance(function, Attr) and function.base == cursor:
                entry = self._evaluator.entry_of(self._evaluator.value(frame.file, row.function))
                if entry is not None and entry.sinks.get("sql"):
                    query = self._statement(frame, row, entry)
                    step = Step(
                        entry.query, function.name, frame.place(event.term), row.arguments, row.keywords
                    )
                    last = None if query is None else query.with_step(step, executed=True)
        return last

    def _unknown_call(self, frame: Frame, term: int, row: Call) -> Query | None:
        """A method that nobody describes: it executes SQL it is given, or does something to a query."""
        function = frame.file.summary.terms[row.function]
        if not isinstance(function, Attr | Name):
            return None
        callee = self._evaluator.value(frame.file, row.function)
        name = function.name if isinstance(function, Attr) else function.symbol.rpartition(".")[2]
        if name in _EXECUTORS and row.arguments and (callee is UNKNOWN or isinstance(callee, ExternalValue)):
            query = self._walk(frame, row.arguments[0])
            if query is not None:
                kinds = (QueryStep.ONE,) if name in _ONE_ROW else ()
                return query.with_step(Step(kinds, name, frame.place(term), row.arguments), executed=True)
        if isinstance(callee, FunctionValue | ClassValue):
            return None
        base = self._receiver(frame, row)
        if base is None or base.sql is not None:
            return base
        method = self._evaluator.classes.library_method(base.type, name) if base.type else None
        if method is not None:
            entry = method[1]
            step = Step(entry.query, name, frame.place(term), row.arguments, row.keywords)
            executed = Effect.QUERIES in entry.effects and not entry.lazy
            kept = base.type if entry.returns in ("self", "Self") else self._query_class(entry.returns)
            return replace(base.with_step(step, executed=executed), type=kept)
        step = Step((), name, frame.place(term), row.arguments, row.keywords)
        return replace(base.with_step(step), complete=False)

    def _query_class(self, returns: str) -> str:
        """The query class that a type expression names; empty where it names none."""
        name = returns.partition("[")[0]
        return name if "." in name and self.is_query_class(name) else ""

    def _returned(
        self, frame: Frame, callee: FunctionValue, row: Call | None, itself: Query | None
    ) -> Query | None:
        """The query that a project function returns."""
        at: Frame | None = frame
        while at is not None:
            if at.file.index == callee.file and at.function == callee.function:
                return None
            at = at.caller
        file = self._evaluator.index.files[callee.file]
        summary = file.summary.functions[callee.function]
        inner = Frame(
            file,
            callee.function,
            row or Call(-1, (), ()),
            frame,
            callee.receiver,
            itself,
            1 if callee.receiver is not None else 0,
        )
        terms = file.summary.terms
        results = [event.term for event in summary.events if event.kind == EventKind.RETURN]
        if summary.is_generator:
            results = [
                block.terms[0]
                for block in summary.blocks
                if block.kind == BlockKind.FOR and self._yields_element(file, callee.function, block.terms[0])
            ]
        return merged([self._walk(inner, term) for term in results if not _is_nothing(terms[term])])

    def _yields_element(self, file: FileNode, function: int, iterable: int) -> bool:
        """Whether a generator hands on the elements of an iterable."""
        terms = file.summary.terms
        for event in file.summary.functions[function].events:
            if event.kind == EventKind.YIELD:
                row = terms[event.term]
                while isinstance(row, Local):
                    row = terms[row.base]
                if isinstance(row, Element) and row.base == iterable:
                    return True
        return False


_WALKS_OF: dict[type, Callable[[Queries, Frame, int, Any], Query | None]] = {
    Local: lambda self, frame, _, row: self._walk(frame, row.base),
    Awaited: lambda self, frame, term, row: self._awaited(frame, term, row.base),
    Entered: lambda self, frame, term, row: self._walk(frame, row.base) or self._opened(frame, term),
    Call: Queries._call,
    Attr: Queries._attribute,
    Name: lambda self, frame, _, row: self._symbol(frame, row.symbol),
    Param: Queries._parameter,
    Super: lambda _, frame, term, row: frame.itself,
    Join: lambda self, frame, _, row: self._join(frame, row.options),
    Operation: lambda self, frame, _, row: self._operation(frame, row.operator, row.operands),
    Item: lambda self, frame, term, row: self._item(frame, term, row.base, row.key),
    Element: lambda self, frame, _, row: self._element(frame, row.base),
    Comprehension: lambda self, frame, term, row: self._comprehension(frame, term, row.element),
    Const: lambda self, frame, term, _: self._text(frame, term),
    Text: lambda self, frame, term, _: self._text(frame, term),
}


def _queries(entry: ClassEntry) -> bool:
    return Effect.QUERIES in entry.consume or any(
        method.lazy and method.query for method in entry.methods.values()
    )


def _continues(entry: FunctionEntry) -> bool:
    """Whether what a call gives is the query, its rows or its result."""
    if entry.query or entry.lazy or entry.consumes or Effect.QUERIES in entry.effects or "sql" in entry.sinks:
        return True
    return (
        entry.returns in ("self", "Self")
        or "arg" in entry.returns
        or "Model" in entry.returns
        or not entry.returns
    )


def _carried(entry: FunctionEntry) -> list[int | str]:
    """The arguments whose rows the result holds, in the words of `returns`."""
    found: list[int | str] = []
    for word in entry.returns.replace("[", " ").replace("]", " ").replace(",", " ").split():
        head = word.partition(".")[0]
        if head.startswith("arg:"):
            found.append(head)
        elif head.startswith("arg") and head[3:].isdigit():
            found.append(int(head[3:]))
    found.extend(argument for argument in entry.consumes if argument != "*")
    return list(dict.fromkeys(found))


def _called(file: FileNode, row: Call) -> str:
    function = file.summary.terms[row.function]
    if isinstance(function, Attr):
        return function.name
    return function.symbol.rpartition(".")[2] if isinstance(function, Name) else ""


def _is_nothing(row: object) -> bool:
    return isinstance(row, Const) and row.value is None


def _is_zero(file: FileNode, term: int) -> bool:
    row = file.summary.terms[term]
    return isinstance(row, Const) and row.value == 0
