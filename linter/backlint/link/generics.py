"""Type parameters of the project's own classes, and what they stand for in a subclass or object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.link.values import UNKNOWN, ClassValue, FunctionValue, InstanceValue, Value, options, union
from backlint.term import Call, Item, Local, Name, Operation, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass

_TYPE_VARIABLES = frozenset({"typing.TypeVar", "typing_extensions.TypeVar"})
_DECLARING = frozenset(
    {"typing.Generic", "typing.Protocol", "typing_extensions.Generic", "typing_extensions.Protocol"}
)
_CLASS_OF = frozenset({"builtins.type", "typing.Type"})
_DEPTH = 12


class Generics:
    """Type variables, and what subclasses and objects put in their place."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._parameters: dict[str, tuple[str, ...]] = {}
        self._variables: dict[tuple[str, str], str] = {}

    def variable(self, file: FileNode, term: int) -> str:
        """The absolute name of the type variable that a term names; empty for anything else."""
        row = file.summary.terms[term]
        while isinstance(row, Local):
            row = file.summary.terms[row.base]
        if not isinstance(row, Name):
            return ""
        key = (row.symbol, file.root)
        if key not in self._variables:
            self._variables[key] = self._find(row.symbol, file.root)
        return self._variables[key]

    def _find(self, symbol: str, root: str) -> str:
        for _ in range(_DEPTH):
            file, names = self._evaluator.index.split(symbol, root)
            if file is None or len(names) != 1:
                return ""
            term = file.summary.names.get(names[0])
            row = None if term is None else file.summary.terms[term]
            if isinstance(row, Call):
                made = self._evaluator.symbol_of(file, row.function)
                return f"{file.summary.module}.{names[0]}" if made in _TYPE_VARIABLES else ""
            target = file.aliases.get(names[0])
            if row is not None or target is None or target == symbol:
                return ""
            symbol, root = target, file.root
        return ""

    def bound(self, symbol: str) -> Value:
        """What a type variable is at least: an object of its bound, or of one of its constraints."""
        file, names = self._evaluator.index.split(symbol, "")
        term = None if file is None or len(names) != 1 else file.summary.names.get(names[0])
        row = None if file is None or term is None else file.summary.terms[term]
        if file is None or not isinstance(row, Call):
            return UNKNOWN
        given = [value for name, value in row.keywords if name == "bound"] or list(row.arguments[1:])
        return union([self._evaluator.annotated(file, term) for term in given]) if given else UNKNOWN

    def parameters(self, cls: ProjectClass) -> tuple[str, ...]:
        """The type variables of a class in order, by absolute name; empty where it has none."""
        if cls.symbol not in self._parameters:
            self._parameters[cls.symbol] = tuple(dict.fromkeys(self._declared(cls)))
        return self._parameters[cls.symbol]

    def _declared(self, cls: ProjectClass) -> Iterator[str]:
        bases = [(term, cls.file.summary.terms[term]) for term in cls.summary.bases]
        generic = [row for _, row in bases if isinstance(row, Item)]
        declaring = [row for row in generic if self._evaluator.symbol_of(cls.file, row.base) in _DECLARING]
        for row in declaring or generic:
            for part in _parts(cls.file, row):
                name = self.variable(cls.file, part)
                if name:
                    yield name

    def arguments(self, receiver: ClassValue | InstanceValue, ancestor: str) -> dict[str, Value]:
        """What the type variables of an ancestor stand for, as an object or class sees it."""
        return self._seen_from(receiver.symbol, receiver.arguments, ancestor, 0) or {}

    def _seen_from(
        self, symbol: str, arguments: tuple[Value, ...], ancestor: str, depth: int
    ) -> dict[str, Value] | None:
        cls = self._evaluator.classes.project_class(symbol)
        if cls is None or depth > _DEPTH:
            return None
        here = dict(zip(self.parameters(cls), arguments, strict=False))
        if symbol == ancestor:
            return here
        for term in cls.summary.bases:
            row = cls.file.summary.terms[term]
            given = (
                tuple(self._argument(cls.file, part, here) for part in _parts(cls.file, row))
                if isinstance(row, Item)
                else ()
            )
            for base in options(self._evaluator.value(cls.file, term)):
                if isinstance(base, ClassValue):
                    found = self._seen_from(base.symbol, given, ancestor, depth + 1)
                    if found is not None:
                        return found
        return None

    def of_library(self, symbol: str, ancestor: str, depth: int = 0) -> tuple[Value, ...]:
        """The type arguments that a class of the project, or an ancestor of it, gives to a library's class."""
        cls = self._evaluator.classes.project_class(symbol)
        if cls is None or depth > _DEPTH:
            return ()
        for term in cls.summary.bases:
            row = cls.file.summary.terms[term]
            for base in options(self._evaluator.value(cls.file, term)):
                if not isinstance(base, ClassValue):
                    continue
                found = self.of_library(base.symbol, ancestor, depth + 1)
                if found:
                    return found
                if isinstance(row, Item) and ancestor in self._evaluator.classes.order(base.symbol):
                    return tuple(self._argument(cls.file, part, {}) for part in _parts(cls.file, row))
        return ()

    def _argument(self, file: FileNode, term: int, here: dict[str, Value]) -> Value:
        name = self.variable(file, term)
        return here.get(name, UNKNOWN) if name else self._evaluator.annotated(file, term)

    def inferred(self, cls: ProjectClass, file: FileNode, row: Call) -> tuple[Value, ...]:
        """The type arguments of an object, from what its class is called with: `Repository(User, db)`."""
        names = self.parameters(cls)
        method = cls.method("__init__") if names else None
        if method is None:
            return ()
        found: dict[str, Value] = {}
        named = dict(row.keywords)
        for position, parameter in enumerate(cls.file.summary.functions[method].parameters[1:]):
            term = named.get(parameter.name)
            if term is None and position < len(row.arguments):
                term = row.arguments[position]
            if term is not None and parameter.annotation >= 0:
                self._match(cls.file, parameter.annotation, self._evaluator.value(file, term), found)
        return tuple(found.get(name, UNKNOWN) for name in names) if found else ()

    def _match(self, file: FileNode, annotation: int, value: Value, found: dict[str, Value]) -> None:
        """Note what a parameter annotated `T` or `type[T]` says of `T`."""
        name = self.variable(file, annotation)
        if name and isinstance(value, InstanceValue):
            found.setdefault(name, value)
        row = file.summary.terms[annotation]
        if isinstance(row, Item) and isinstance(value, ClassValue):
            inner = self.variable(file, row.key)
            if inner and self._evaluator.symbol_of(file, row.base) in ("builtins.type", "typing.Type"):
                found.setdefault(inner, InstanceValue(value.symbol, value.arguments))


def _parts(file: FileNode, row: Item) -> tuple[int, ...]:
    key = file.summary.terms[row.key]
    return key.items if isinstance(key, Sequence) else (row.key,)


def given_class(evaluator: Evaluator, callee: FunctionValue, file: FileNode, row: Call) -> Value | None:
    """What a call gives of a function that makes an instance of the class it is handed: `def body(…, model: type[T]) -> T`."""
    owner = evaluator.index.files[callee.file]
    summary = owner.summary.functions[callee.function]
    if summary.returns < 0:
        return None
    wanted = owner.summary.terms[summary.returns]
    if isinstance(wanted, Operation) and wanted.operator == "|":
        wanted = owner.summary.terms[wanted.operands[0]]
    if not isinstance(wanted, Name):
        return None
    bound = 1 if callee.receiver is not None else 0
    for position, parameter in enumerate(summary.parameters):
        annotation = owner.summary.terms[parameter.annotation] if parameter.annotation >= 0 else None
        if not isinstance(annotation, Item) or owner.summary.terms[annotation.key] != wanted:
            continue
        if evaluator.symbol_of(owner, annotation.base) not in _CLASS_OF:
            continue
        term = next((value for keyword, value in row.keywords if keyword == parameter.name), None)
        if term is None and 0 <= position - bound < len(row.arguments):
            term = row.arguments[position - bound]
        value = UNKNOWN if term is None else evaluator.value(file, term)
        return InstanceValue(value.symbol, value.arguments) if isinstance(value, ClassValue) else None
    return None
