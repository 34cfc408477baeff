"""Where the clients, sessions and sockets that calls go through are made, and what is set on them later."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from backlint.api import (
    Attr,
    Awaited,
    Call,
    CallSite,
    ClassValue,
    Effect,
    Entered,
    EventKind,
    ExternalValue,
    FileNode,
    FunctionValue,
    InstanceValue,
    Item,
    Join,
    LibraryFunction,
    LinkedFunction,
    Local,
    Name,
    Operation,
    Param,
    Project,
    Role,
    Star,
    Timeout,
    Value,
    bare,
    options,
)

_DEPTH = 10
_SETS = frozenset({"update", "setdefault", "__setitem__"})


class Origin(NamedTuple):
    """A call that makes a client, as the term it is in its file."""

    file: int
    term: int


@dataclass(frozen=True)
class Receiver:
    """The object that an attribute or method of it is asked of, with all that is known of it."""

    file: FileNode
    term: int
    """-1 for a module-level name."""
    value: Value
    origins: frozenset[Origin]
    root: str
    """The symbol it is an attribute of, or is itself; empty for what a call makes."""


class Clients:
    """Follows values back to where they were made."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._evaluator = project.evaluator
        self._receivers: dict[tuple[int, int], Receiver | None] = {}

    def receiver_of(self, call: CallSite) -> Receiver | None:
        """The receiver of the method that is called."""
        key = call.function.file.index, call.row.function
        if key not in self._receivers:
            self._receivers[key] = self.receiver(call.function.file, call.row.function)
        return self._receivers[key]

    def receiver(self, file: FileNode, term: int) -> Receiver | None:
        """Of a term `receiver.name`, the receiver."""
        row = file.summary.terms[bare(file, term)]
        if isinstance(row, Attr):
            value = self._evaluator.value(file, row.base)
            found = frozenset(self.origins(file, row.base))
            return Receiver(file, row.base, value, found, self._root(file, row.base))
        if isinstance(row, Name) and "." in row.symbol:
            symbol = row.symbol.rpartition(".")[0]
            value = self._evaluator.symbol(symbol, file.root)
            return Receiver(file, -1, value, frozenset(self._named(symbol, file.root, 0)), symbol)
        return None

    def _root(self, file: FileNode, term: int) -> str:
        row = file.summary.terms[bare(file, term)]
        while isinstance(row, Attr | Item):
            row = file.summary.terms[bare(file, row.base)]
        return row.symbol if isinstance(row, Name) else ""

    def origins(self, file: FileNode, term: int, depth: int = 0) -> Iterator[Origin]:
        """The calls that may have made a value; derived objects count as what they derive from."""
        if term < 0 or depth > _DEPTH:
            return
        row = file.summary.terms[term]
        parts: tuple[int, ...] = ()
        match row:
            case Local(_, base) | Entered(base) | Awaited(base) | Star(base) | Item(base):
                parts = (base,)
            case Join(choices) | Operation("or" | "and", choices):
                parts = choices
            case Name(symbol):
                yield from self._named(symbol, file.root, depth)
            case Attr(base, name):
                value = self._evaluator.value(file, base)
                found = list(self._attribute(value, name, depth))
                yield from found
                if not found:
                    parts = (base,)
            case Param():
                yield from self._passed(file, row, depth)
            case Call():
                yield from self._called(file, term, row, depth)
        for part in parts:
            yield from self.origins(file, part, depth + 1)

    def _named(self, symbol: str, root: str, depth: int) -> Iterator[Origin]:
        file, names = self._project.index.split(symbol, root)
        if file is None or not names or depth > _DEPTH:
            return
        term = file.summary.names.get(names[0])
        if term is None:
            target = file.aliases.get(names[0])
            if target is not None:
                yield from self._named(".".join((target, *names[1:])), file.root, depth + 1)
                return
        if len(names) == 1:
            if term is not None:
                yield from self.origins(file, term, depth + 1)
            return
        owner = symbol.rpartition(".")[0]
        found = list(self._attribute(self._evaluator.symbol(owner, root), names[-1], depth))
        yield from found or self._named(owner, root, depth + 1)

    def _attribute(self, value: Value, name: str, depth: int) -> Iterator[Origin]:
        classes = self._evaluator.classes
        for single in options(value):
            if not isinstance(single, InstanceValue | ClassValue):
                continue
            for ancestor in classes.order(single.symbol):
                cls = classes.project_class(ancestor)
                if cls is None:
                    continue
                for attribute in cls.attributes.get(name, ()):
                    yield from self.origins(cls.file, attribute.value, depth + 1)
                method = cls.method(name)
                if method is not None:
                    yield from self._results(cls.file.index, method, depth)

    def _passed(self, file: FileNode, row: Param, depth: int) -> Iterator[Origin]:
        summary = file.summary.functions[row.function]
        for position, parameter in enumerate(summary.parameters):
            if parameter.name != row.name:
                continue
            yield from self._injected(file, parameter.default, depth)
            for caller, call, bound in self._evaluator.callers.get((file.index, row.function), ())[:24]:
                term = next((term for name, term in call.keywords if name == row.name), None)
                if term is None and 0 <= position - bound < len(call.arguments):
                    term = call.arguments[position - bound]
                if term is not None:
                    yield from self.origins(caller, term, depth + 1)

    def _injected(self, file: FileNode, default: int, depth: int) -> Iterator[Origin]:
        """A default value, or what a dependency named in it hands over."""
        if default < 0:
            return
        yield from self.origins(file, default, depth + 1)
        row = file.summary.terms[default]
        if isinstance(row, Call):
            for term in row.arguments:
                for value in options(self._evaluator.value(file, term)):
                    if isinstance(value, FunctionValue):
                        yield from self._results(value.file, value.function, depth)

    def _called(self, file: FileNode, term: int, row: Call, depth: int) -> Iterator[Origin]:
        callee = self._evaluator.value(file, row.function)
        for value in options(callee):
            if isinstance(value, FunctionValue):
                yield from self._results(value.file, value.function, depth)
            elif isinstance(value, ExternalValue) or (
                isinstance(value, ClassValue) and self.library_class(value.symbol)
            ):
                yield Origin(file.index, term)
            elif isinstance(value, LibraryFunction):
                function = file.summary.terms[bare(file, row.function)]
                if Effect.CONNECTS in value.entry.effects or (
                    value.entry.timeout is not None and not isinstance(function, Attr)
                ):
                    yield Origin(file.index, term)
                elif Role.IDENTITY in value.entry.roles and row.arguments:
                    yield from self.origins(file, row.arguments[0], depth + 1)
                elif isinstance(function, Attr):
                    yield from self.origins(file, function.base, depth + 1)
                elif isinstance(function, Name) and "." in function.symbol:
                    yield from self._named(function.symbol.rpartition(".")[0], file.root, depth + 1)

    def _results(self, file: int, function: int, depth: int) -> Iterator[Origin]:
        node = self._project.files[file]
        for event in node.summary.functions[function].events:
            if event.kind in (EventKind.RETURN, EventKind.YIELD) and event.term >= 0:
                yield from self.origins(node, event.term, depth + 1)

    def library_class(self, symbol: str) -> str:
        """The nearest ancestor, itself included, of which a library entry speaks."""
        classes = self._evaluator.classes
        return next((name for name in classes.order(symbol) if classes.library_class(name)), "")

    def timeout_of(self, symbol: str) -> Timeout | None:
        """How a class or the nearest ancestor that says so bounds what its methods wait for."""
        classes = self._evaluator.classes
        for ancestor in classes.order(symbol):
            entry = classes.library_class(ancestor)
            if entry is not None and entry.timeout is not None:
                return entry.timeout
        return None

    def overrides(self, symbol: str, names: tuple[str, ...]) -> Iterator[LinkedFunction]:
        """The project's own versions of methods that a class has from a library."""
        for ancestor in self._evaluator.classes.order(symbol):
            cls = self._evaluator.classes.project_class(ancestor)
            for name in names if cls is not None else ():
                method = None if cls is None else cls.method(name)
                if cls is not None and method is not None:
                    yield self._project.graph.functions[cls.file.index, method]


def mentions_timeout(function: LinkedFunction, names: tuple[str, ...]) -> bool:
    """Whether a function passes, sets or reads a timeout."""
    terms = function.file.summary.terms
    wanted = {"timeout", *names}
    for event in function.summary.events:
        if event.term < 0:
            continue
        row = terms[event.term]
        if isinstance(row, Call):
            if any(keyword in wanted for keyword, _ in row.keywords):
                return True
            callee = terms[row.function]
            first = terms[row.arguments[0]] if row.arguments else None
            if isinstance(callee, Attr) and callee.name in _SETS and getattr(first, "value", None) in wanted:
                return True
        elif (isinstance(row, Item) and getattr(terms[row.key], "value", None) in wanted) or (
            event.kind == EventKind.SET_ATTR and "timeout" in event.name
        ):
            return True
    return False


def calls_on(call: CallSite) -> str:
    """The name of the method that is called."""
    row = call.function.file.summary.terms[bare(call.function.file, call.row.function)]
    if isinstance(row, Attr):
        return row.name
    return row.symbol.rpartition(".")[2] if isinstance(row, Name) else ""
