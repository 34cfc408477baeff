"""Evaluates terms: what a name, a call or an attribute of one file stands for in the whole project."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from backlint.effect import Role
from backlint.libraries.type_expression import FALLBACK, UNION, TypeExpression, argument_type, parse_type
from backlint.link.annotations import annotation_value
from backlint.link.members import Classes, ProjectClass
from backlint.link.relations import Relations
from backlint.link.values import (
    NONE,
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
    options,
    union,
)
from backlint.summary import ClassAttribute, EventKind, FunctionSummary
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Carried,
    Caught,
    Compare,
    Comprehension,
    Const,
    Element,
    Entered,
    Function,
    Instance,
    Item,
    Join,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Sequence,
    Slice,
    Star,
    Super,
    Text,
    Unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.libraries.catalogue import Catalogue
    from backlint.libraries.entry import ClassEntry, FunctionEntry
    from backlint.link.index import FileNode, SymbolIndex

STRING = instance("builtins.str")
BOOLEAN = instance("builtins.bool")
PROPERTIES = frozenset(
    {"builtins.property", "functools.cached_property", "django.utils.functional.cached_property"}
)
_CONTEXT_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})
_CONTAINERS = frozenset(
    {"builtins.list", "builtins.tuple", "builtins.set", "builtins.frozenset", "builtins.dict"}
)
sys.setrecursionlimit(max(sys.getrecursionlimit(), 6000))


class Evaluator:
    """Resolves terms to values, each once."""

    def __init__(self, index: SymbolIndex, catalogue: Catalogue) -> None:
        self.index = index
        self.catalogue = catalogue
        self.classes = Classes(index, catalogue, self)
        self._symbols: dict[tuple[str, str], Value] = {}
        self._returns: dict[tuple[int, int], Value] = {}
        self._yields: dict[tuple[int, int], Value] = {}
        self.callers: dict[tuple[int, int], list[tuple[FileNode, Call, int]]] = {}
        """Call sites of each project function: file, call, and how many leading parameters are bound."""
        self._relations: Relations | None = None
        self._short_names: dict[str, list[str]] | None = None

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
        values[term] = UNKNOWN
        row = file.summary.terms[term]
        result = _EVALUATE[row.__class__](self, file, row)
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
                if name.startswith("_") and name not in (source.summary.exports or ()):
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
        if owner and (owner in self.catalogue.classes or owner in self.catalogue.attributes):
            value = self.attribute(self.library_symbol(owner), name)
            if value is not UNKNOWN:
                return value
        return ExternalValue(symbol)

    def attribute(self, value: Value, name: str) -> Value:
        """`value.name`."""
        if isinstance(value, InstanceValue):
            return self._instance_attribute(value, name)
        if isinstance(value, ClassValue):
            return self._class_attribute(value, name)
        if isinstance(value, ModuleValue):
            file = self.index.module(value.symbol, "")
            if file is not None:
                return self.module_member(file, name)
            return self.symbol(f"{value.symbol}.{name}", "")
        if isinstance(value, ExternalValue):
            return self.library_symbol(f"{value.symbol}.{name}")
        if isinstance(value, FunctionValue | LibraryFunction):
            return self._function_attribute(value, name)
        if isinstance(value, ConstantValue):
            return self._instance_attribute(instance(f"builtins.{type(value.value).__name__}"), name)
        found = options(value)
        return union([self.attribute(option, name) for option in found]) if len(found) > 1 else UNKNOWN

    def _function_attribute(self, value: FunctionValue | LibraryFunction, name: str) -> Value:
        """An attribute of a function: what its decorator adds, such as a task's `delay`."""
        if isinstance(value, FunctionValue):
            decorated = self.decorated_as(value)
            if decorated is not None:
                return self.attribute(decorated, name)
        return UNKNOWN

    def decorated_as(self, value: FunctionValue) -> Value | None:
        """The object a decorator puts in the function's place, where a library entry says what it is."""
        file = self.index.files[value.file]
        for term in file.summary.functions[value.function].decorators:
            row = file.summary.terms[term]
            if isinstance(row, Call):
                decorator = self.value(file, row.function)
                made = self.call(decorator, file, row)
            else:
                decorator = self.value(file, term)
                made = self.call(decorator, file, None) if isinstance(decorator, LibraryFunction) else UNKNOWN
            for single in options(made):
                if isinstance(single, InstanceValue) and self.classes.library_class(single.symbol):
                    return single
        return None

    def _instance_attribute(self, value: InstanceValue, name: str) -> Value:
        order = self.classes.order(value.symbol)
        if value.after:
            order = order[order.index(value.after) + 1 :] if value.after in order else order
        for ancestor in order:
            cls = self.classes.project_class(ancestor)
            if cls is not None:
                found = self._project_member(cls, name, value)
                if found is not None:
                    return found
                continue
            entry = self.classes.library_class(ancestor)
            if entry is not None:
                found = self._library_member(ancestor, entry, name, value)
                if found is not None:
                    return found
        stored = False
        for ancestor in order:
            entry = self.classes.library_class(ancestor)
            if entry is None:
                continue
            if entry.default_method is not None:
                return LibraryFunction(f"{ancestor}.{name}", entry.default_method, value)
            if entry.default_attribute:
                return self.typed(entry.default_attribute, value, None, None)
            stored = stored or Role.STORES_ROWS in entry.roles
        if stored:
            relation = self.relations.find(value.symbol, name)
            if relation is not None:
                return self.relations.value(relation)
        unknown_base = self._external_ancestor(order)
        return ExternalValue(f"{unknown_base}.{name}") if unknown_base else UNKNOWN

    def _external_ancestor(self, order: tuple[str, ...]) -> str:
        """The first ancestor that neither the project nor an entry describes."""
        for ancestor in order:
            if self.classes.project_class(ancestor) is None:
                return ancestor
        return ""

    def _project_member(self, cls: ProjectClass, name: str, receiver: Value) -> Value | None:
        method = cls.method(name)
        if method is not None:
            function = FunctionValue(cls.file.index, method, receiver)
            if self.is_property(function):
                return self.returned(function)
            return function
        attributes = cls.attributes.get(name)
        if attributes is None:
            return None
        values = [self._attribute_value(cls.file, attribute, receiver) for attribute in attributes]
        return union(values)

    def _attribute_value(self, file: FileNode, attribute: ClassAttribute, receiver: Value) -> Value:
        if attribute.annotation >= 0:
            declared = annotation_value(self, file, attribute.annotation)
            if declared is not UNKNOWN:
                return declared
        value = self.value(file, attribute.value)
        if isinstance(value, InstanceValue) and isinstance(receiver, InstanceValue):
            entry = self.classes.library_class(value.symbol)
            if entry is not None and entry.descriptor:
                return self.typed(entry.descriptor, value, None, None)
        if isinstance(value, FunctionValue) and value.receiver is None:
            return FunctionValue(value.file, value.function, receiver)
        return value

    def _library_member(
        self, symbol: str, entry: ClassEntry, name: str, receiver: InstanceValue | ClassValue
    ) -> Value | None:
        method = entry.methods.get(name)
        if method is not None:
            return LibraryFunction(f"{symbol}.{name}", method, receiver)
        attribute = entry.attributes.get(name)
        if attribute is not None:
            return self.typed(attribute.type, receiver, None, None)
        return None

    def _class_attribute(self, value: ClassValue, name: str) -> Value:
        for ancestor in self.classes.order(value.symbol):
            cls = self.classes.project_class(ancestor)
            if cls is not None:
                method = cls.method(name)
                if method is not None:
                    static = self._decorated_with(cls.file, method, {"builtins.staticmethod"})
                    return FunctionValue(cls.file.index, method, None if static else value)
                attributes = cls.attributes.get(name)
                if attributes is not None:
                    return union([self._class_level(cls.file, attribute) for attribute in attributes])
                nested = self.classes.project_class(f"{ancestor}.{name}")
                if nested is not None:
                    return ClassValue(nested.symbol)
                continue
            entry = self.classes.library_class(ancestor)
            if entry is not None:
                found = self._library_member(ancestor, entry, name, value)
                if found is not None:
                    return found
        unknown_base = self._external_ancestor(self.classes.order(value.symbol))
        return ExternalValue(f"{unknown_base}.{name}") if unknown_base else UNKNOWN

    def _class_level(self, file: FileNode, attribute: ClassAttribute) -> Value:
        value = self.value(file, attribute.value)
        if value is UNKNOWN and attribute.annotation >= 0:
            return annotation_value(self, file, attribute.annotation)
        return value

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
        if isinstance(value, ClassValue | LibraryFunction | ExternalValue | ModuleValue):
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
            return InstanceValue(callee.symbol, callee.arguments)
        if isinstance(callee, FunctionValue):
            return self.returned(callee)
        if isinstance(callee, LibraryFunction):
            return self.typed(callee.entry.returns, callee.receiver, file, row)
        if isinstance(callee, InstanceValue):
            return self._call_instance(callee, file, row)
        if isinstance(callee, ExternalValue):
            return ExternalValue(f"{callee.symbol}()") if callee.symbol.count("()") < 4 else UNKNOWN
        found = options(callee)
        return union([self.call(option, file, row) for option in found]) if len(found) > 1 else UNKNOWN

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
        return self._typed(parse_type(text), receiver, file, row) if text else UNKNOWN

    def _typed(
        self, expression: TypeExpression, receiver: Value | None, file: FileNode | None, row: Call | None
    ) -> Value:
        name = expression.name
        if name == UNION:
            return union([self._typed(part, receiver, file, row) for part in expression.arguments])
        if name == FALLBACK:
            for part in expression.arguments:
                value = self._typed(part, receiver, file, row)
                if value is not UNKNOWN and not _hollow(value):
                    return value
            return UNKNOWN
        if name == "self":
            return instance_of(receiver)
        if name == "Self":
            return instance_of(receiver)
        if name == "none":
            return NONE
        argument = argument_type(name)
        if argument is not None:
            return self._argument_type(argument.argument, argument.index, file, row)
        if name == "callback":
            return self._callback(file, row)
        arguments = tuple(self._typed(part, receiver, file, row) for part in expression.arguments)
        if name == "type":
            first = arguments[0] if arguments else UNKNOWN
            return ClassValue(first.symbol, first.arguments) if isinstance(first, InstanceValue) else UNKNOWN
        if "." not in name:
            parameter = self._type_parameter(name, receiver)
            if parameter is not None:
                return parameter
            return InstanceValue(f"builtins.{name}", arguments)
        symbol = self.catalogue.canonical(name)
        return InstanceValue(symbol, arguments)

    def _type_parameter(self, name: str, receiver: Value | None) -> Value | None:
        """The type argument that the receiver has for a type parameter of its class."""
        if not isinstance(receiver, InstanceValue | ClassValue):
            return None
        for ancestor in self.classes.order(receiver.symbol):
            entry = self.classes.library_class(ancestor)
            if entry is not None and name in entry.parameters:
                position = entry.parameters.index(name)
                if position < len(receiver.arguments):
                    return receiver.arguments[position]
                return UNKNOWN
        return None

    def _argument_type(
        self, argument: int | str, index: int | None, file: FileNode | None, row: Call | None
    ) -> Value:
        if file is None or row is None:
            return UNKNOWN
        term = call_argument(row, argument)
        if term is None:
            return UNKNOWN
        value = self.value(file, term)
        if isinstance(value, ConstantValue) and isinstance(value.value, str):
            value = self.class_named(value.value, file)
        elif isinstance(value, ExternalValue) and value.symbol.endswith("settings.AUTH_USER_MODEL"):
            value = InstanceValue(self.user_model())
        if isinstance(value, ClassValue):
            value = InstanceValue(value.symbol, value.arguments)
        if index is None:
            return value
        if isinstance(value, InstanceValue) and index < len(value.arguments):
            return value.arguments[index]
        return self.element(value) if index == 0 else UNKNOWN

    def _callback(self, file: FileNode | None, row: Call | None) -> Value:
        if file is None or row is None:
            return UNKNOWN
        for term in (*row.arguments, *(term for _, term in row.keywords)):
            value = self.value(file, term)
            if isinstance(value, FunctionValue):
                return self.produced(value)
            if isinstance(value, ClassValue | LibraryFunction):
                return self.call(value, file, None)
            if isinstance(value, InstanceValue):
                return self._call_instance(value, file, None)
        return UNKNOWN

    def produced(self, function: FunctionValue) -> Value:
        """What a dependency or context manager hands over: what it yields, else what it returns."""
        summary = self.index.function(function.file, function.function)
        return self.yielded(function) if summary.is_generator else self.returned(function)

    def returned(self, function: FunctionValue) -> Value:
        """The value of calling a project function."""
        key = (function.file, function.function)
        found = self._returns.get(key)
        if found is None:
            self._returns[key] = UNKNOWN
            found = self._returns[key] = self._returned(function)
        if (
            function.receiver is not None
            and isinstance(found, InstanceValue)
            and found.symbol == "typing.Self"
        ):
            return instance_of(function.receiver)
        return found

    def _returned(self, function: FunctionValue) -> Value:
        file = self.index.files[function.file]
        summary = file.summary.functions[function.function]
        if summary.returns >= 0:
            declared = annotation_value(self, file, summary.returns)
            if declared is not UNKNOWN and not _hollow(declared):
                return declared
        if summary.is_generator:
            return instance("typing.Iterator", self.yielded(function))
        results = [self.value(file, event.term) for event in summary.events if event.kind == EventKind.RETURN]
        return union(results)

    def yielded(self, function: FunctionValue) -> Value:
        """What a project generator yields."""
        key = (function.file, function.function)
        found = self._yields.get(key)
        if found is None:
            self._yields[key] = UNKNOWN
            file = self.index.files[function.file]
            summary = file.summary.functions[function.function]
            found = union(
                [self.value(file, event.term) for event in summary.events if event.kind == EventKind.YIELD]
            )
            if found is UNKNOWN and summary.returns >= 0:
                found = self.element(annotation_value(self, file, summary.returns))
            self._yields[key] = found
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
            if position == 0 and summary.cls >= 0:
                owner = self.owner(file, summary)
                if not self._decorated_with(file, row.function, {"builtins.staticmethod"}):
                    if self._decorated_with(file, row.function, {"builtins.classmethod"}):
                        return ClassValue(owner)
                    return InstanceValue(owner)
            if parameter.annotation >= 0:
                declared = annotation_value(self, file, parameter.annotation)
                if declared is not UNKNOWN:
                    if parameter.kind == "*":
                        return instance("builtins.tuple", declared)
                    return declared
            if parameter.default >= 0:
                default = self.value(file, parameter.default)
                if default is not UNKNOWN and not isinstance(default, ConstantValue):
                    return default
            if parameter.kind in ("*", "**"):
                return UNKNOWN
            return self._passed(file, row, position)
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
        """The roles that library entries give a function, class or instance."""
        if isinstance(value, LibraryFunction):
            return value.entry.roles
        if isinstance(value, ClassValue | InstanceValue):
            return tuple(
                role
                for ancestor in self.classes.order(value.symbol)
                if (entry := self.classes.library_class(ancestor)) is not None
                for role in (*entry.roles, *(entry.init.roles if isinstance(value, ClassValue) else ()))
            )
        return ()

    def entry_of(self, value: Value) -> FunctionEntry | None:
        """What a library entry says of calling this value."""
        if isinstance(value, LibraryFunction):
            return value.entry
        if isinstance(value, ClassValue):
            for ancestor in self.classes.order(value.symbol):
                entry = self.classes.library_class(ancestor)
                if entry is not None:
                    return entry.init
        if isinstance(value, InstanceValue):
            for ancestor in self.classes.order(value.symbol):
                entry = self.classes.library_class(ancestor)
                if entry is not None:
                    return entry.call
        return None


_ITERATORS = frozenset(
    f"{module}.{name}"
    for module in ("typing", "collections.abc")
    for name in ("Iterator", "AsyncIterator", "Generator", "AsyncGenerator", "Iterable", "AsyncIterable")
) | {"contextlib.AbstractContextManager", "contextlib.AbstractAsyncContextManager"}


def _hollow(value: Value) -> bool:
    """A container type that says nothing of what is in it: what the code returns may say more."""
    return (
        isinstance(value, InstanceValue)
        and not value.arguments
        and value.symbol in (*_CONTAINERS, "typing.Any", "builtins.object", "typing.Iterator")
    )


def _shared(left: list[str], right: list[str]) -> int:
    """How many leading names two module paths share."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count


def instance_of(value: Value | None) -> Value:
    """An instance of a class; an instance itself."""
    if isinstance(value, ClassValue):
        return InstanceValue(value.symbol, value.arguments)
    return UNKNOWN if value is None else value


def call_argument(row: Call, argument: int | str) -> int | None:
    """The term passed for a parameter, by position or keyword."""
    if isinstance(argument, int):
        return row.arguments[argument] if argument < len(row.arguments) else None
    name = argument.removeprefix("arg:")
    return next((term for keyword, term in row.keywords if keyword == name), None)


def _name(evaluator: Evaluator, file: FileNode, row: Name) -> Value:
    return evaluator.symbol(row.symbol, file.root)


def _attr(evaluator: Evaluator, file: FileNode, row: Attr) -> Value:
    return evaluator.attribute(evaluator.value(file, row.base), row.name)


def _call(evaluator: Evaluator, file: FileNode, row: Call) -> Value:
    return evaluator.call(evaluator.value(file, row.function), file, row)


def _const(evaluator: Evaluator, file: FileNode, row: Const) -> Value:
    return ConstantValue(row.value)


def _item(evaluator: Evaluator, file: FileNode, row: Item) -> Value:
    base = evaluator.value(file, row.base)
    key = file.summary.terms[row.key]
    if isinstance(key, Slice):
        return base
    if isinstance(base, ClassValue):
        return ClassValue(base.symbol, (instance_of(evaluator.value(file, row.key)),))
    if isinstance(base, InstanceValue) and base.symbol == "builtins.dict" and len(base.arguments) == 2:
        return base.arguments[1]
    if isinstance(key, Const) and isinstance(key.value, int):
        return evaluator.element(base, key.value) if _is_tuple(base) else evaluator.element(base)
    return evaluator.element(base)


def _is_tuple(value: Value) -> bool:
    return isinstance(value, InstanceValue) and value.symbol == "builtins.tuple"


def _element(evaluator: Evaluator, file: FileNode, row: Element) -> Value:
    return evaluator.element(evaluator.value(file, row.base), row.position)


def _entered(evaluator: Evaluator, file: FileNode, row: Entered) -> Value:
    return evaluator.entered(evaluator.value(file, row.base))


def _through(evaluator: Evaluator, file: FileNode, row: Local | Star) -> Value:
    return evaluator.value(file, row.base)


def _awaited(evaluator: Evaluator, file: FileNode, row: Awaited) -> Value:
    value = evaluator.value(file, row.base)
    if isinstance(value, InstanceValue):
        found = evaluator.classes.library_method(value.symbol, "__await__")
        if found is not None:
            return evaluator.typed(found[1].returns, value, None, None)
    return value


def _join(evaluator: Evaluator, file: FileNode, row: Join) -> Value:
    return union([evaluator.value(file, option) for option in row.options])


def _sequence(evaluator: Evaluator, file: FileNode, row: Sequence) -> Value:
    items = [evaluator.value(file, item) for item in row.items[:8]]
    if row.kind == "tuple":
        return InstanceValue("builtins.tuple", tuple(items))
    return instance(f"builtins.{row.kind}", union(items))


def _mapping(evaluator: Evaluator, file: FileNode, row: Mapping) -> Value:
    values = union([evaluator.value(file, value) for _, value in row.entries[:8]])
    return instance("builtins.dict", STRING, values)


def _comprehension(evaluator: Evaluator, file: FileNode, row: Comprehension) -> Value:
    element = evaluator.value(file, row.element)
    if row.kind == "dict":
        if isinstance(element, InstanceValue) and len(element.arguments) == 2:
            return InstanceValue("builtins.dict", element.arguments)
        return instance("builtins.dict")
    return instance("builtins.list" if row.kind == "generator" else f"builtins.{row.kind}", element)


def _text(evaluator: Evaluator, file: FileNode, row: Text) -> Value:
    return STRING


def _operation(evaluator: Evaluator, file: FileNode, row: Operation) -> Value:
    if row.operator in ("and", "or"):
        return union([evaluator.value(file, operand) for operand in row.operands])
    if row.operator == "not":
        return BOOLEAN
    if row.operator in ("|", "&", "+", "-"):
        left = evaluator.value(file, row.operands[0])
        return UNKNOWN if isinstance(left, ConstantValue) else left
    return UNKNOWN


def _compare(evaluator: Evaluator, file: FileNode, row: Compare) -> Value:
    left = evaluator.value(file, row.left)
    entry = evaluator.classes.library_class(left.symbol) if isinstance(left, InstanceValue) else None
    return left if entry is not None and entry.descriptor else BOOLEAN


def _instance(evaluator: Evaluator, file: FileNode, row: Instance) -> Value:
    return annotation_value(evaluator, file, row.annotation)


def _function(evaluator: Evaluator, file: FileNode, row: Function) -> Value:
    return FunctionValue(file.index, row.function)


def _caught(evaluator: Evaluator, file: FileNode, row: Caught) -> Value:
    return instance_of(evaluator.value(file, row.exception))


def _super(evaluator: Evaluator, file: FileNode, row: Super) -> Value:
    symbol = f"{file.summary.module}.{file.summary.classes[row.cls].name}"
    return InstanceValue(symbol, after=symbol)


def _unknown(evaluator: Evaluator, file: FileNode, row: Any) -> Value:
    return UNKNOWN


_EVALUATE: dict[type, Callable[[Evaluator, FileNode, Any], Value]] = {
    Name: _name,
    Attr: _attr,
    Call: _call,
    Const: _const,
    Param: Evaluator.parameter,
    Item: _item,
    Slice: _unknown,
    Element: _element,
    Entered: _entered,
    Awaited: _awaited,
    Local: _through,
    Star: _through,
    Join: _join,
    Sequence: _sequence,
    Mapping: _mapping,
    Text: _text,
    Operation: _operation,
    Compare: _compare,
    Instance: _instance,
    Function: _function,
    Comprehension: _comprehension,
    Caught: _caught,
    Carried: _unknown,
    Unknown: _unknown,
    Super: _super,
}
