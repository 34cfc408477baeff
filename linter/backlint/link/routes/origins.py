"""Which object a name stands for: an application, router or blueprint keeps its identity across files.

Values know the class of an object only; two routers of one class are told apart here, by the
variable they were first bound to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.link.graph import bare
from backlint.link.values import ClassValue, FunctionValue, InstanceValue, ModuleValue
from backlint.summary import EventKind
from backlint.term import Attr, Awaited, Call, Element, Join, Local, Name, Param, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.graph import CallSite
    from backlint.link.index import FileNode

_DEPTH = 12


class Origin(msgspec.Struct, frozen=True):
    """Where an object is made."""

    key: str
    """Equal for the same object."""
    file: int
    term: int
    """The call that makes it, in that file."""


class Origins:
    """Follows names, parameters and returns to the calls that make objects."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._index = evaluator.index

    def of_term(self, file: FileNode, term: int, depth: int = 0) -> tuple[Origin, ...]:
        """The objects a term may stand for; empty where unknown."""
        return tuple(dict.fromkeys(self._term(file, term, "", depth)))

    def of_symbol(self, symbol: str, file: FileNode, depth: int = 0) -> tuple[Origin, ...]:
        """The objects an absolute name may stand for, as `file` sees it."""
        return tuple(dict.fromkeys(self._symbol(symbol, file.root, depth)))

    def bound(self, site: CallSite) -> tuple[Origin, ...]:
        """The object that a call inside a function makes, by the local variable it is bound to."""
        file = site.function.file
        names = [
            row.name for row in file.summary.terms if isinstance(row, Local) and row.base == site.event.term
        ] or [""]
        term = site.event.term
        return tuple(
            Origin(f"{file.summary.path}:{f'<{name}>' if name else ''}#{term}", file.index, term)
            for name in names
        )

    def receiver(self, file: FileNode, callee: int) -> tuple[Origin, ...]:
        """The objects whose method the term `callee` is: of `router.get`, the router."""
        row = file.summary.terms[callee]
        while isinstance(row, Local):
            row = file.summary.terms[row.base]
        if isinstance(row, Name):
            return self.of_symbol(row.symbol.rpartition(".")[0], file)
        if isinstance(row, Attr):
            return self.of_term(file, row.base)
        return ()

    def _term(self, file: FileNode, term: int, name: str, depth: int) -> Iterator[Origin]:
        if depth > _DEPTH or term < 0:
            return
        row = file.summary.terms[term]
        if isinstance(row, Local):
            yield from self._term(file, row.base, f"<{row.name}>", depth + 1)
        elif isinstance(row, Name):
            yield from self._symbol(row.symbol, file.root, depth + 1)
        elif isinstance(row, Call):
            yield from self._made(file, term, row, name, depth)
        elif isinstance(row, Join):
            for option in row.options:
                yield from self._term(file, option, name, depth + 1)
        elif isinstance(row, Awaited):
            yield from self._term(file, row.base, name, depth + 1)
        elif isinstance(row, Attr):
            yield from self._attribute(file, row, depth)
        elif isinstance(row, Param):
            yield from self._passed(file, row, depth)
        elif isinstance(row, Element):
            for item in self._items(file, term):
                yield from self._term(file, item, "", depth + 1)

    def _items(self, file: FileNode, term: int) -> tuple[int, ...]:
        """The items that a loop variable takes, where the loop goes over a display: `for router in (a, b)`."""
        row = file.summary.terms[bare(file, term)]
        if not isinstance(row, Element) or row.position >= 0:
            return ()
        display = file.summary.terms[bare(file, row.base)]
        return display.items if isinstance(display, Sequence) else ()

    def _of_modules(self, file: FileNode, term: int, name: str, depth: int) -> Iterator[Origin]:
        """`module.bp` for a loop variable that goes over modules."""
        for item in self._items(file, term):
            value = self._evaluator.value(file, item)
            if isinstance(value, ModuleValue):
                yield from self._symbol(f"{value.symbol}.{name}", file.root, depth + 1)

    def _made(self, file: FileNode, term: int, row: Call, name: str, depth: int) -> Iterator[Origin]:
        callee = self._evaluator.value(file, row.function)
        if isinstance(callee, FunctionValue):
            owner = self._index.files[callee.file]
            found: list[Origin] = []
            for event in owner.summary.functions[callee.function].events:
                if event.kind == EventKind.RETURN:
                    found.extend(self._term(owner, event.term, "", depth + 1))
            yield from found
            return
        yield Origin(f"{file.summary.path}:{name}#{term}", file.index, term)

    def _symbol(self, symbol: str, root: str, depth: int) -> Iterator[Origin]:
        if depth > _DEPTH:
            return
        file, names = self._index.split(symbol, root)
        if file is None or not names:
            return
        first, *rest = names
        term = file.summary.names.get(first)
        if term is not None and not rest:
            found = list(self._term(file, term, first, depth + 1))
            if found:
                yield from found
                return
        cls = self._index.classes[file.index].get(first)
        if cls is not None and len(rest) == 1:
            yield from self._member(f"{file.summary.module}.{first}", rest[0], depth)
            return
        if term is not None and len(rest) == 1:
            value = self._evaluator.value(file, term)
            if isinstance(value, InstanceValue):
                yield from self._member(value.symbol, rest[0], depth)
                return
            found = list(self._of_modules(file, term, rest[0], depth))
            if found:
                yield from found
                return
        target = file.aliases.get(first)
        if target is not None:
            full = ".".join([target, *rest])
            if full != symbol:
                yield from self._symbol(full, root, depth + 1)
                return
        for star in file.stars:
            if self._index.module(star, root) is not None:
                yield from self._symbol(".".join([star, *names]), root, depth + 1)

    def _attribute(self, file: FileNode, row: Attr, depth: int) -> Iterator[Origin]:
        value = self._evaluator.value(file, row.base)
        if isinstance(value, InstanceValue | ClassValue):
            yield from self._member(value.symbol, row.name, depth)
        else:
            yield from self._of_modules(file, row.base, row.name, depth)

    def _member(self, symbol: str, name: str, depth: int) -> Iterator[Origin]:
        for ancestor in self._evaluator.classes.order(symbol):
            cls = self._evaluator.classes.project_class(ancestor)
            attributes = () if cls is None else cls.attributes.get(name, ())
            if cls is not None and attributes:
                for attribute in attributes:
                    yield from self._term(cls.file, attribute.value, f"{ancestor}.{name}", depth + 1)
                return

    def _passed(self, file: FileNode, row: Param, depth: int) -> Iterator[Origin]:
        parameters = file.summary.functions[row.function].parameters
        position = next((at for at, found in enumerate(parameters) if found.name == row.name), None)
        if position is None:
            return
        for caller, call, bound in self._evaluator.callers.get((file.index, row.function), ())[:24]:
            term = next((term for name, term in call.keywords if name == row.name), None)
            if term is None and 0 <= position - bound < len(call.arguments):
                term = call.arguments[position - bound]
            if term is not None:
                yield from self._term(caller, term, "", depth + 1)


def definition(evaluator: Evaluator, file: FileNode, term: int, depth: int = 0) -> tuple[FileNode, int]:
    """The term behind names: follows variables and module-level names, across files, to what was assigned."""
    row = file.summary.terms[term]
    if depth > _DEPTH:
        return file, term
    if isinstance(row, Local):
        return definition(evaluator, file, row.base, depth + 1)
    if isinstance(row, Name):
        for owner, found in named(evaluator, row.symbol, file.root):
            return definition(evaluator, owner, found, depth + 1)
    return file, term


def named(evaluator: Evaluator, symbol: str, root: str, depth: int = 0) -> Iterable[tuple[FileNode, int]]:
    """The term that a module-level name is bound to, through imports and star imports."""
    owner, names = evaluator.index.split(symbol, root)
    if owner is None or not names or depth > _DEPTH:
        return
    if len(names) == 1 and (term := owner.summary.names.get(names[0])) is not None:
        yield owner, term
        return
    target = owner.aliases.get(names[0])
    if target is not None:
        full = ".".join([target, *names[1:]])
        if full != symbol:
            yield from named(evaluator, full, root, depth + 1)
        return
    for star in owner.stars:
        if evaluator.index.module(star, root) is not None:
            yield from named(evaluator, ".".join([star, *names]), root, depth + 1)
