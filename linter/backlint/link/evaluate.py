"""Evaluates terms: what a name, a call or an attribute of one file stands for in the whole project."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from backlint.effect import Effect
from backlint.link.annotations import annotation_value
from backlint.link.attributes import attribute, decorated_as
from backlint.link.entry_types import typed
from backlint.link.generics import Generics, given_class
from backlint.link.members import Classes
from backlint.link.relations import Relations
from backlint.link.requests import request_parameter
from backlint.link.term_values import EVALUATE
from backlint.link.values import (
    UNKNOWN,
    ClassValue,
    ConstantValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    ModuleValue,
    Value,
    instance,
    instance_of,
    is_hollow,
    options,
    union,
)
from backlint.link.wrappers import passed_by_wrappers
from backlint.summary import EventKind, FunctionSummary
from backlint.term import (
    Call,
    Local,
    Name,
    Param,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from backlint.effect import Role
    from backlint.libraries.catalogue import Catalogue
    from backlint.libraries.entry import FunctionEntry
    from backlint.link.concrete import ConcreteEvaluator
    from backlint.link.index import FileNode, SymbolIndex

PROPERTIES = frozenset(
    {"builtins.property", "functools.cached_property", "django.utils.functional.cached_property"}
)
_CONTAINERS = frozenset(
    {"builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "builtins.dict"}
)
sys.setrecursionlimit(max(sys.getrecursionlimit(), 6000))


class Evaluator:
    """Resolves terms to values, each once."""

    def __init__(
        self,
        index: SymbolIndex,
        catalogue: Catalogue,
        taught: Mapping[str, tuple[Role, ...]] | None = None,
    ) -> None:
        self.index = index
        self.catalogue = catalogue
        self.taught = taught or {}
        """Roles that the configuration gives to symbols."""
        self.classes = Classes(index, catalogue, self)
        self._symbols: dict[tuple[str, str], Value] = {}
        self._returns: dict[tuple[int, int], Value] = {}
        self._enqueuers: dict[tuple[int, int], InstanceValue | None] = {}
        self._roles: tuple[dict[str, tuple[Role, ...]], ...] = ({}, {})
        """Of instances and of classes, by name."""
        self._yields: dict[tuple[int, int], Value] = {}
        self.callers: dict[tuple[int, int], list[tuple[FileNode, Call, int]]] = {}
        """Call sites of each project function: file, call, and how many leading parameters are bound."""
        self.user_class = ""
        """The class of Django's users; empty until somebody asks."""
        self.handed_items: dict[str, list[tuple[FileNode, int]]] | None = None
        """What is stored in the dict that a job queue hands to every job, by its keys; None until somebody asks."""
        self._relations: Relations | None = None
        self._short_names: dict[str, list[str]] | None = None
        self.made: dict[tuple[str, str], Value] = {}
        """What functions give that are passed by a keyword, by the library they are for."""
        self.depth = 0
        """How deep in terms inside terms the evaluation is."""
        self.generics = Generics(self)
        self.plain = self
        """The evaluator that sees every class as itself."""
        self.concrete: dict[tuple[str, Value], ConcreteEvaluator] = {}
        """Evaluators of classes as seen from the objects of others."""
        self.below: dict[tuple[str, str], Value] = {}
        """What subclasses set an attribute of a class to."""
        self.dependent: dict[str, dict[int, bool]] = {}
        """By class: the terms of its file that may mean something else for a subclass."""

    @property
    def relations(self) -> Relations:
        """Relations between ORM classes, found when first asked for."""
        if self._relations is None:
            self._relations = Relations(self)
        return self._relations

    def class_named(self, name: str, file: FileNode) -> Value:
        """The project's class with a short name, as ORMs look strings up; of several, the nearest by path."""
        if self._short_names is None:
            self._short_names = {}
            for other in self.index.files:
                for cls in other.summary.classes:
                    self._short_names.setdefault(cls.name, []).append(f"{other.summary.module}.{cls.name}")
        label, _, short = name.rpartition(".")
        found = self._short_names.get(short, [])
        if label:
            found = [symbol for symbol in found if label.lower() in symbol.lower().split(".")] or found
        if not found:
            return UNKNOWN
        here = file.summary.module.split(".")
        return ClassValue(max(found, key=lambda symbol: _shared(here, symbol.split("."))))

    def user_model(self) -> str:
        """The class of Django's users: the project's own where it has one."""
        if not self.plain.user_class:
            found = self._user_class()
            if not self.classes.settled:
                return found
            self.plain.user_class = found
        return self.plain.user_class

    def _user_class(self) -> str:
        for file in self.index.files:
            for cls in file.summary.classes:
                symbol = f"{file.summary.module}.{cls.name}"
                order = self.classes.order(symbol)
                if "django.contrib.auth.models.AbstractBaseUser" in order[1:]:
                    return symbol
        return "django.contrib.auth.models.User"

    def value(self, file: FileNode, term: int) -> Value:
        """What a term stands for; UNKNOWN where the project does not say."""
        if term < 0:
            return UNKNOWN
        values = file.values
        found = values[term]
        if found is not None:
            return found
        if self.depth > DEEPEST:
            return UNKNOWN
        values[term] = UNKNOWN
        row = file.summary.terms[term]
        self.depth += 1
        try:
            result = EVALUATE[row.__class__](self, file, row)
        finally:
            self.depth -= 1
        values[term] = result
        return result

    def symbol(self, symbol: str, root: str) -> Value:
        """What an absolute name stands for, through imports, re-exports and assignments."""
        key = (symbol, root)
        found = self._symbols.get(key)
        if found is None:
            self._symbols[key] = UNKNOWN
            found = self._symbols[key] = self._resolve(symbol, root)
        return found

    def _resolve(self, symbol: str, root: str) -> Value:
        file, names = self.index.split(symbol, root)
        if file is None:
            if symbol in self.index.packages:
                return ModuleValue(symbol)
            return self.library_symbol(symbol)
        if not names:
            return ModuleValue(symbol)
        value = self.module_member(file, names[0])
        for name in names[1:]:
            value = self.attribute(value, name)
        return value

    def module_member(self, file: FileNode, name: str) -> Value:
        """A name that a project module defines, imports or gets through a star import."""
        summary = file.summary
        number = self.index.classes[file.index].get(name)
        if number is not None:
            return ClassValue(f"{summary.module}.{name}")
        function = self.index.functions[file.index].get(name)
        if function is not None:
            return FunctionValue(file.index, function)
        term = summary.names.get(name)
        if term is not None:
            value = self.value(file, term)
            if value is not UNKNOWN or name not in file.aliases:
                return value
        target = file.aliases.get(name)
        if target is not None and target != f"{summary.module}.{name}":
            return self.symbol(target, file.root)
        submodule = f"{summary.module}.{name}"
        if self.index.module(submodule, file.root) is not None or submodule in self.index.packages:
            return ModuleValue(submodule)
        for star in file.stars:
            source = self.index.module(star, file.root)
            if source is not None and source is not file:
                exports = source.summary.exports
                if name.startswith("_") if exports is None else name not in exports:
                    continue
                value = self.symbol(f"{star}.{name}", file.root)
            else:
                value = self.library_symbol(f"{star}.{name}")
                if isinstance(value, ExternalValue):
                    continue
            if value is not UNKNOWN:
                return value
        return UNKNOWN

    def library_symbol(self, symbol: str) -> Value:
        """A name outside the project, by the library entries."""
        symbol = self.catalogue.canonical(symbol)
        function = self.catalogue.functions.get(symbol)
        if function is not None:
            return LibraryFunction(symbol, function)
        if symbol in self.catalogue.classes:
            return ClassValue(symbol)
        attribute = self.catalogue.attributes.get(symbol)
        if attribute is not None and attribute.type:
            return self.typed(attribute.type, None, None, None)
        owner, _, name = symbol.rpartition(".")
        if owner and self._has_described_owner(owner):
            described = self.library_symbol(owner)
            if not isinstance(described, ExternalValue):
                value = self.attribute(described, name)
                if value is not UNKNOWN:
                    return value
        return ExternalValue(symbol)

    def _has_described_owner(self, symbol: str) -> bool:
        """Whether a symbol is a class or module attribute that an entry describes, or lies below one."""
        while symbol:
            if symbol in self.catalogue.classes or symbol in self.catalogue.attributes:
                return True
            symbol = symbol.rpartition(".")[0]
        return False

    def attribute(self, value: Value, name: str) -> Value:
        """`value.name`."""
        return attribute(self, value, name)

    def decorated_as(self, value: FunctionValue) -> Value | None:
        """The object a decorator puts in the function's place, where a library entry says what it is."""
        return decorated_as(self, value)

    def enqueuer(self, function: FunctionValue) -> InstanceValue | None:
        """What stands in a job's place where calling it enqueues it, as Huey's tasks do; None for other functions."""
        key = function.file, function.function
        if key not in self._enqueuers:
            self._enqueuers[key] = None
            if self.index.function(*key).decorators:
                made = decorated_as(self, function)
                entry = self.classes.library_class(made.symbol) if isinstance(made, InstanceValue) else None
                if entry is not None and entry.call is not None and Effect.ENQUEUES in entry.call.effects:
                    self._enqueuers[key] = made if isinstance(made, InstanceValue) else None
        return self._enqueuers[key]

    def is_property(self, function: FunctionValue) -> bool:
        """Whether reading the attribute runs the function."""
        return self._decorated_with(self.index.files[function.file], function.function, PROPERTIES)

    def _decorated_with(self, file: FileNode, function: int, symbols: frozenset[str] | set[str]) -> bool:
        return any(
            self.symbol_of(file, term) in symbols for term in file.summary.functions[function].decorators
        )

    def symbol_of(self, file: FileNode, term: int) -> str:
        """The canonical absolute name behind a term (of a call: of what is called); empty where unknown."""
        row = file.summary.terms[term]
        while isinstance(row, Local):
            row = file.summary.terms[row.base]
        if isinstance(row, Call):
            return self.symbol_of(file, row.function)
        if isinstance(row, Name) and row.symbol.partition(".")[0] not in self.index.top_level:
            return self.catalogue.canonical(row.symbol)
        return self.value_symbol(self.value(file, term))

    def value_symbol(self, value: Value) -> str:
        """The absolute name of a class, function or module; empty for anything else."""
        if value.__class__ in _NAMED:
            return value.symbol
        if isinstance(value, FunctionValue):
            return self.index.function_symbol(value.file, value.function)
        return ""

    def call(self, callee: Value, file: FileNode, row: Call | None) -> Value:
        """The value of calling something; `row` is the call, for types that depend on its arguments."""
        if isinstance(callee, ClassValue):
            entry = self.classes.library_class(callee.symbol)
            if entry is not None and entry.init.returns:
                return self.typed(entry.init.returns, callee, file, row)
            return InstanceValue(callee.symbol, callee.arguments or self._inferred(callee, file, row))
        if isinstance(callee, FunctionValue):
            enqueuer = self.enqueuer(callee)
            if enqueuer is not None:
                return self._call_instance(enqueuer, file, row)
            given = None if row is None else given_class(self, callee, file, row)
            return self.returned(callee) if given is None else given
        if isinstance(callee, LibraryFunction):
            return self.typed(callee.entry.returns, callee.receiver, file, row)
        if isinstance(callee, InstanceValue):
            return self._call_instance(callee, file, row)
        if isinstance(callee, ExternalValue):
            return ExternalValue(f"{callee.symbol}()") if callee.symbol.count("()") < 4 else UNKNOWN
        found = options(callee)
        return union([self.call(option, file, row) for option in found]) if len(found) > 1 else UNKNOWN

    def _inferred(self, callee: ClassValue, file: FileNode, row: Call | None) -> tuple[Value, ...]:
        """The type arguments that a class of the project is called with."""
        cls = self.classes.project_class(callee.symbol)
        return () if cls is None or row is None else self.generics.inferred(cls, file, row)

    def annotated(self, file: FileNode, term: int) -> Value:
        """A value of an annotated type."""
        return annotation_value(self, file, term)

    def type_variable(self, symbol: str) -> Value:
        """What a type variable stands for: of itself, an object of its bound."""
        return self.generics.bound(symbol)

    def super_of(self, file: FileNode, cls: int) -> InstanceValue:
        """What `super()` is in a class of a file."""
        symbol = f"{file.summary.module}.{file.summary.classes[cls].name}"
        return InstanceValue(symbol, after=symbol)

    def own(self, file: FileNode, function: int, summary: FunctionSummary) -> ClassValue | InstanceValue:
        """What the first parameter of a method is."""
        made = ClassValue if self._is_classmethod(file, function) else InstanceValue
        return made(self.owner(file, summary))

    def _is_static(self, file: FileNode, function: int) -> bool:
        return self._decorated_with(file, function, {"builtins.staticmethod"})

    def _is_classmethod(self, file: FileNode, function: int) -> bool:
        return self._decorated_with(file, function, {"builtins.classmethod"})

    def _call_instance(self, callee: InstanceValue, file: FileNode, row: Call | None) -> Value:
        for ancestor in self.classes.order(callee.symbol):
            cls = self.classes.project_class(ancestor)
            if cls is not None:
                method = cls.method("__call__")
                if method is not None:
                    return self.returned(FunctionValue(cls.file.index, method, callee))
                continue
            entry = self.classes.library_class(ancestor)
            if entry is not None and entry.call is not None:
                return self.typed(entry.call.returns, callee, file, row)
        return UNKNOWN

    def typed(self, text: str, receiver: Value | None, file: FileNode | None, row: Call | None) -> Value:
        """The value that a type expression of a library entry means at one call."""
        return typed(self, text, receiver, file, row)

    def produced(self, function: FunctionValue) -> Value:
        """What a dependency or context manager hands over: what it yields, else what it returns."""
        summary = self.index.function(function.file, function.function)
        return self.yielded(function) if summary.is_generator else self.returned(function)

    def returned(self, function: FunctionValue) -> Value:
        """The value of calling a project function."""
        from backlint.link.concrete import inherited

        seen = None if function.receiver is None else inherited(self, function)
        found = self._returned_plainly(function) if seen is None else seen.returned_here(function)
        if _SELF in options(found):
            found = union([self._own(function) if one == _SELF else one for one in options(found)])
        return self._with_arguments(found, function.receiver)

    def _returned_plainly(self, function: FunctionValue) -> Value:
        key = (function.file, function.function)
        found = self._returns.get(key)
        if found is None:
            self._returns[key] = UNKNOWN
            found = self._returns[key] = self._returned(function)
        return found

    def _own(self, function: FunctionValue) -> Value:
        """The object that a method is called on, or a new one of its class."""
        receiver = function.receiver
        if isinstance(receiver, InstanceValue):
            return InstanceValue(receiver.symbol, receiver.arguments)
        if receiver is not None:
            return instance_of(receiver)
        file = self.index.files[function.file]
        summary = file.summary.functions[function.function]
        return InstanceValue(self.owner(file, summary)) if summary.cls >= 0 else UNKNOWN

    def _with_arguments(self, found: Value, receiver: Value | None) -> Value:
        """A query set that a method of a manager returns is one of the manager's class."""
        if not isinstance(found, InstanceValue) or not isinstance(receiver, InstanceValue):
            return found
        if not receiver.arguments or any(one is not UNKNOWN for one in found.arguments):
            return found
        parameters = self._parameters(found.symbol)
        if not parameters or parameters != self._parameters(receiver.symbol):
            return found
        return InstanceValue(found.symbol, receiver.arguments)

    def _parameters(self, symbol: str) -> tuple[str, ...]:
        """The names of the type parameters of a class; empty where it has none."""
        for ancestor in self.classes.order(symbol):
            entry = self.classes.library_class(ancestor)
            if entry is not None and entry.parameters:
                return entry.parameters
        return ()

    def _returned(self, function: FunctionValue) -> Value:
        file = self.index.files[function.file]
        summary = file.summary.functions[function.function]
        if summary.returns >= 0:
            if self.symbol_of(file, summary.returns) in _SELF_NAMES:
                return _SELF
            declared = annotation_value(self, file, summary.returns)
            if declared is not UNKNOWN and not is_hollow(declared):
                return declared
        if summary.is_generator:
            return instance("typing.Iterator", self.yielded(function))
        returns = [event.term for event in summary.events if event.kind == EventKind.RETURN]
        return union(
            [
                _SELF if self._is_own(file, function.function, term) else self.value(file, term)
                for term in returns
            ]
        )

    def _is_own(self, file: FileNode, function: int, term: int) -> bool:
        """Whether a method returns what it is called on (`self`), or a new object of its class (`cls()`)."""
        summary = file.summary.functions[function]
        terms = file.summary.terms
        row = terms[term]
        while isinstance(row, Local):
            row = terms[row.base]
        is_call = isinstance(row, Call)
        if isinstance(row, Call):
            row = terms[row.function]
        if summary.cls < 0 or not summary.parameters or row != Param(function, summary.parameters[0].name):
            return False
        if self._is_static(file, function):
            return False
        return is_call == self._decorated_with(file, function, {"builtins.classmethod"})

    def yielded(self, function: FunctionValue) -> Value:
        """What a project generator yields."""
        key = (function.file, function.function)
        found = self._yields.get(key)
        if found is None:
            self._yields[key] = UNKNOWN
            found = self._yields[key] = self._yielded(function)
        return found

    def _yielded(self, function: FunctionValue) -> Value:
        file = self.index.files[function.file]
        summary = file.summary.functions[function.function]
        found = union(
            [self.value(file, event.term) for event in summary.events if event.kind == EventKind.YIELD]
        )
        if found is UNKNOWN and summary.returns >= 0:
            found = self.element(annotation_value(self, file, summary.returns))
        return found

    def element(self, value: Value, position: int = -1) -> Value:
        """One element of an iterable."""
        if isinstance(value, InstanceValue):
            if value.symbol == "builtins.tuple" and len(value.arguments) > max(position, 1):
                return value.arguments[position] if position >= 0 else union(list(value.arguments))
            for ancestor in self.classes.order(value.symbol):
                entry = self.classes.library_class(ancestor)
                if entry is not None and entry.iterates:
                    return self._positioned(self.typed(entry.iterates, value, None, None), position)
            if value.symbol in _CONTAINERS or value.symbol.startswith(("typing.", "collections.abc.")):
                return self._positioned(value.arguments[0] if value.arguments else UNKNOWN, position)
            return UNKNOWN
        found = options(value)
        return union([self.element(option, position) for option in found]) if len(found) > 1 else UNKNOWN

    def _positioned(self, element: Value, position: int) -> Value:
        if position < 0:
            return element
        if isinstance(element, InstanceValue) and element.symbol == "builtins.tuple":
            return element.arguments[position] if position < len(element.arguments) else UNKNOWN
        return UNKNOWN

    def entered(self, value: Value) -> Value:
        """What `with value as x` binds."""
        if isinstance(value, InstanceValue):
            if value.symbol in _ITERATORS:
                return value.arguments[0] if value.arguments else UNKNOWN
            for ancestor in self.classes.order(value.symbol):
                cls = self.classes.project_class(ancestor)
                if cls is not None:
                    for name in ("__enter__", "__aenter__"):
                        method = cls.method(name)
                        if method is not None:
                            return self.returned(FunctionValue(cls.file.index, method, value))
                    continue
                entry = self.classes.library_class(ancestor)
                if entry is not None:
                    return self.typed(entry.enter, value, None, None)
            return UNKNOWN
        if isinstance(value, ExternalValue):
            return value
        found = options(value)
        return union([self.entered(option) for option in found]) if len(found) > 1 else UNKNOWN

    def parameter(self, file: FileNode, row: Param) -> Value:
        """What a parameter holds: its annotation, default, injected dependency, or what callers pass."""
        summary = file.summary.functions[row.function]
        for position, parameter in enumerate(summary.parameters):
            if parameter.name != row.name:
                continue
            if position == 0 and summary.cls >= 0 and not self._is_static(file, row.function):
                return self.own(file, row.function, summary)
            declared: Value = UNKNOWN
            if parameter.annotation >= 0:
                declared = annotation_value(self, file, parameter.annotation)
                if declared is not UNKNOWN and not is_hollow(declared):
                    if parameter.kind == "*":
                        return instance("builtins.tuple", declared)
                    return declared
            if parameter.default >= 0:
                default = self.value(file, parameter.default)
                if default is not UNKNOWN and not isinstance(default, ConstantValue):
                    return default
            if parameter.kind in ("*", "**"):
                return UNKNOWN
            request = request_parameter(self, file, row.function, position, row.name)
            if request is not UNKNOWN:
                return request
            passed = self._passed(file, row, position)
            if passed is UNKNOWN and summary.decorators:
                passed = passed_by_wrappers(self, file, row.function, position, row.name)
            return declared if passed is UNKNOWN else passed
        return UNKNOWN

    def _passed(self, file: FileNode, row: Param, position: int) -> Value:
        found: list[Value] = []
        for caller, call, bound in self.callers.get((file.index, row.function), ())[:24]:
            term = next((term for name, term in call.keywords if name == row.name), None)
            if term is None and 0 <= position - bound < len(call.arguments):
                term = call.arguments[position - bound]
            if term is not None:
                found.append(self.value(caller, term))
        return union([value for value in found if not isinstance(value, ConstantValue)])

    def owner(self, file: FileNode, summary: FunctionSummary) -> str:
        """The absolute name of the class that a method belongs to."""
        return f"{file.summary.module}.{file.summary.classes[summary.cls].name}"

    def roles(self, value: Value) -> tuple[Role, ...]:
        """The roles that library entries and the configuration give a function, class or instance."""
        kind = value.__class__
        if isinstance(value, LibraryFunction):
            return (
                (*value.entry.roles, *self.taught.get(value.symbol, ())) if self.taught else value.entry.roles
            )
        if kind is InstanceValue or kind is ClassValue:
            assert isinstance(value, ClassValue | InstanceValue)
            made = kind is ClassValue
            known = self._roles[made].get(value.symbol)
            if known is not None:
                return known
            found = tuple(
                role
                for ancestor in self.classes.order(value.symbol)
                for role in self._class_roles(ancestor, made=made)
            )
            if self.classes.settled:
                self._roles[made][value.symbol] = found
            return found
        return self.taught.get(self.value_symbol(value), ()) if self.taught else ()

    def _class_roles(self, symbol: str, *, made: bool) -> tuple[Role, ...]:
        entry = self.classes.library_class(symbol)
        own = () if entry is None else (*entry.roles, *(entry.init.roles if made else ()))
        return (*own, *self.taught.get(symbol, ()))

    def entry_of(self, value: Value) -> FunctionEntry | None:
        """What a library entry says of calling this value."""
        if isinstance(value, LibraryFunction):
            return value.entry
        if isinstance(value, ClassValue):
            entry = self.classes.described(value.symbol)
            return None if entry is None else entry.init
        if isinstance(value, InstanceValue):
            entry = self.classes.described(value.symbol)
            return None if entry is None else entry.call
        return None


_NAMED = frozenset({ClassValue, LibraryFunction, ExternalValue, ModuleValue})
_SELF = InstanceValue("typing.Self")
_SELF_NAMES = frozenset({"typing.Self", "typing_extensions.Self"})
DEEPEST = 300
"""Terms inside terms that are followed, a few Python frames each: well below the recursion limit."""
_ITERATORS = frozenset(
    f"{module}.{name}"
    for module in ("typing", "collections.abc")
    for name in ("Iterator", "AsyncIterator", "Generator", "AsyncGenerator", "Iterable", "AsyncIterable")
) | {"contextlib.AbstractContextManager", "contextlib.AbstractAsyncContextManager"}


def _shared(left: list[str], right: list[str]) -> int:
    """How many leading names two module paths share."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count
