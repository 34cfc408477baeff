"""The call graph: what each call of the project runs, and what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Effect, Role
from backlint.link.arguments import call_argument
from backlint.link.evaluate import PROPERTIES, Evaluator
from backlint.link.memo import memo_blocks, returns_kept
from backlint.link.sql import sql_effects, sql_text
from backlint.link.values import (
    ClassValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    Value,
    options,
)
from backlint.summary import Block, BlockKind, Event, EventKind, FileKind, FunctionSummary
from backlint.term import Attr, Call, Local, Param, Star

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.finding import Span
    from backlint.libraries.entry import FunctionEntry
    from backlint.link.index import FileNode
    from backlint.term import Compare

FunctionKey = tuple[int, int]
LOOPS = frozenset({BlockKind.FOR, BlockKind.WHILE, BlockKind.COMPREHENSION})
_KEEPS = frozenset({"append", "add", "appendleft", "put", "put_nowait", "register"})
_EXECUTORS = frozenset(
    {
        "execute",
        "executemany",
        "fetch",
        "fetchrow",
        "fetchval",
        "fetch_all",
        "fetch_one",
        "fetch_val",
        "executescript",
    }
)


class Site:
    """A place that has direct effects: a call of a library, or the use of a lazy value."""

    __slots__ = ("block", "effects", "event", "function", "order", "span", "term", "what")

    def __init__(
        self,
        function: LinkedFunction,
        span: Span,
        block: int,
        term: int,
        effects: frozenset[Effect],
        what: str,
        order: int,
        event: Event | None = None,
    ) -> None:
        self.function = function
        self.span = span
        self.block = block
        self.term = term
        """The call, or the lazy value that is used."""
        self.effects = effects
        self.what = what
        """The name of what is called or used, for messages."""
        self.order = order
        """Position among the function's events."""
        self.event = event


class CallSite:
    """One call, with what it resolves to."""

    __slots__ = (
        "callee",
        "effects",
        "entry",
        "event",
        "function",
        "moves_off_thread",
        "order",
        "row",
        "settles",
        "symbol",
        "targets",
    )

    def __init__(self, function: LinkedFunction, event: Event, order: int, row: Call, callee: Value) -> None:
        self.function = function
        self.event = event
        self.order = order
        self.row = row
        self.callee = callee
        self.entry: FunctionEntry | None = None
        self.symbol = ""
        """Canonical absolute name of the callee; empty where unknown."""
        self.targets: tuple[FunctionKey, ...] = ()
        """Project functions that the call runs before it returns."""
        self.effects: frozenset[Effect] = frozenset()
        """Effects of the library function itself, targets left out."""
        self.moves_off_thread = False
        """What it runs is run in another thread: `to_thread(f)`, `sync_to_async(f)()`."""
        self.settles: frozenset[Effect] = frozenset()
        """Effects of its targets that this call decides itself, by the statement that it hands them."""

    @property
    def span(self) -> Span:
        return self.event.span

    @property
    def block(self) -> int:
        return self.event.block

    def argument(self, position: int | None, *names: str) -> int | None:
        """The term of an argument by position or any of its names; None where it isn't passed."""
        for keyword, term in self.row.keywords:
            if keyword in names:
                return term
        if position is not None and position < len(self.row.arguments):
            plain = self.row.arguments[: position + 1]
            terms = self.function.file.summary.terms
            if not any(isinstance(terms[term], Star) for term in plain):
                return self.row.arguments[position]
        return None

    @property
    def passes_unknown(self) -> bool:
        """Whether `*args` or `**kwargs` may pass more than is written."""
        terms = self.function.file.summary.terms
        return any(keyword == "**" for keyword, _ in self.row.keywords) or any(
            isinstance(terms[term], Star) for term in self.row.arguments
        )

    def __repr__(self) -> str:
        return f"<CallSite {self.symbol or '?'} at {self.function.file.summary.path}:{self.span.line}>"


class LinkedFunction:
    """A function of the project with its calls resolved."""

    __slots__ = (
        "calls",
        "comparisons",
        "file",
        "index",
        "invoked",
        "key",
        "memo_blocks",
        "memoised",
        "runs_in_thread",
        "sites",
        "summary",
        "symbol",
    )

    def __init__(self, file: FileNode, index: int, summary: FunctionSummary) -> None:
        self.file = file
        self.index = index
        self.key: FunctionKey = (file.index, index)
        self.summary = summary
        self.symbol = f"{file.summary.module}.{summary.name}"
        self.calls: list[CallSite] = []
        self.sites: list[Site] = []
        self.memoised = returns_kept(file, summary)
        self.runs_in_thread = False
        """A decorator moves it off the caller's thread."""
        self.invoked: frozenset[str] = frozenset()
        """Parameters that it calls itself."""
        self.comparisons: tuple[Compare, ...] | None = None
        """What it compares; None until somebody asks."""
        self.memo_blocks = memo_blocks(file, summary)
        """Blocks that fill in a value which is kept: what they do is done once."""

    @property
    def kind(self) -> FileKind:
        return self.file.kind

    @property
    def path(self) -> str:
        return self.file.summary.path

    @property
    def name(self) -> str:
        """Dotted inside the module; empty for module-level code."""
        return self.summary.name if self.index else ""

    def blocks(self, block: int) -> Iterator[Block]:
        """A block and those around it, innermost first, the body last."""
        while block >= 0:
            found = self.summary.blocks[block]
            yield found
            block = found.parent

    def loops(self, block: int) -> list[Block]:
        """The loops around a block, innermost first."""
        return [found for found in self.blocks(block) if found.kind in LOOPS]

    def __repr__(self) -> str:
        return f"<LinkedFunction {self.symbol}>"


class Graph:
    """All functions with their resolved calls."""

    def __init__(self, evaluator: Evaluator) -> None:
        self.evaluator = evaluator
        self.functions: dict[FunctionKey, LinkedFunction] = {}
        index = evaluator.index
        self._property_names: set[str] = set()
        self._consumed: dict[str, frozenset[Effect]] = {}
        """What using an object does, by its class."""
        for file in index.files:
            for number, summary in enumerate(file.summary.functions):
                self.functions[file.index, number] = LinkedFunction(file, number, summary)
        self._subclasses = evaluator.classes.subclasses
        self._collect_callers()
        for function in self.functions.values():
            self._note_decorators(function)
            function.invoked = self._invoked(function)
        for function in self.functions.values():
            self._link(function)

    def _collect_callers(self) -> None:
        """Note who calls each function by its plain name, for the types of parameters without annotation."""
        evaluator = self.evaluator
        for function in self.functions.values():
            terms = function.file.summary.terms
            for event in function.summary.events:
                if event.kind != EventKind.CALL:
                    continue
                row = terms[event.term]
                if not isinstance(row, Call):
                    continue
                callee = terms[row.function]
                if isinstance(callee, Attr | Local | Param):
                    continue
                value = evaluator.value(function.file, row.function)
                if isinstance(value, FunctionValue):
                    bound = 1 if value.receiver is not None else 0
                    evaluator.callers.setdefault((value.file, value.function), []).append(
                        (function.file, row, bound)
                    )
                elif isinstance(value, ClassValue):
                    cls = evaluator.classes.project_class(value.symbol)
                    method = None if cls is None else cls.method("__init__")
                    if cls is not None and method is not None:
                        evaluator.callers.setdefault((cls.file.index, method), []).append(
                            (function.file, row, 1)
                        )

    def _note_decorators(self, function: LinkedFunction) -> None:
        evaluator = self.evaluator
        for term in function.summary.decorators:
            symbol = evaluator.symbol_of(function.file, term)
            if symbol in PROPERTIES:
                self._property_names.add(function.summary.name.rpartition(".")[2])
            row = function.file.summary.terms[term]
            callee = row.function if isinstance(row, Call) else term
            roles = evaluator.roles(evaluator.value(function.file, callee))
            function.memoised = function.memoised or Role.MEMOISES in roles
            function.runs_in_thread = function.runs_in_thread or Role.RUNS_IN_THREAD in roles

    def _invoked(self, function: LinkedFunction) -> frozenset[str]:
        """The parameters that a function calls, but for those that it also keeps: hooks, which run later."""
        terms = function.file.summary.terms
        names: set[str] = set()
        kept: set[str] = set()
        for event in function.summary.events:
            if event.kind == EventKind.CALL:
                row = terms[event.term]
                callee = terms[row.function] if isinstance(row, Call) else None
                if isinstance(callee, Param) and callee.function == function.index:
                    names.add(callee.name)
                elif isinstance(callee, Attr) and callee.name in _KEEPS and isinstance(row, Call):
                    given = (terms[term] for term in row.arguments)
                    kept.update(one.name for one in given if isinstance(one, Param))
        return frozenset(names - kept)

    def _link(self, function: LinkedFunction) -> None:
        terms = function.file.summary.terms
        for order, event in enumerate(function.summary.events):
            kind = event.kind
            if kind == EventKind.CALL:
                row = terms[event.term]
                if isinstance(row, Call):
                    self._link_call(function, event, order, row)
            elif kind == EventKind.READ:
                self._link_read(function, event, order)
            elif kind == EventKind.TEST and not _is_kept(function.file, event):
                self._use(function, event.term, event.span, event.block, order)
        for block in function.summary.blocks:
            if block.kind == BlockKind.FOR or block.kind == BlockKind.COMPREHENSION:
                order = _order_at(function, block)
                self._use(function, block.terms[0], block.span, block.parent, order, waits=not block.is_async)
            elif block.kind == BlockKind.WITH:
                self._enter(function, block)

    def _link_call(self, function: LinkedFunction, event: Event, order: int, row: Call) -> None:
        evaluator = self.evaluator
        file = function.file
        callee = evaluator.value(file, row.function)
        site = CallSite(function, event, order, row, callee)
        function.calls.append(site)
        is_parameter = isinstance(file.summary.terms[row.function], Param)
        targets: list[FunctionKey] = []
        for value in options(callee):
            enqueuer = evaluator.enqueuer(value) if isinstance(value, FunctionValue) else None
            if enqueuer is not None:
                site.entry = evaluator.entry_of(enqueuer)
            elif isinstance(value, FunctionValue) and not is_parameter:
                targets.extend(self._implementations(value))
            elif isinstance(value, ClassValue):
                targets.extend(self._constructors(value))
            elif isinstance(value, InstanceValue):
                targets.extend(self._methods(value, ("__call__",)))
            if site.entry is None:
                site.entry = evaluator.entry_of(value)
                site.symbol = evaluator.value_symbol(value)
        if site.entry is not None:
            targets.extend(self._callbacks(site, site.entry.calls))
        for target in tuple(targets):
            targets.extend(self._handed_over(site, self.functions[target]))
        site.targets = tuple(dict.fromkeys(targets))
        site.moves_off_thread = self._moves_off_thread(site)
        site.effects = self._effects(site)
        if site.effects:
            what = _callee_words(site)
            function.sites.append(
                Site(function, event.span, event.block, event.term, site.effects, what, order, event)
            )
        if event.awaited:
            self._use(function, event.term, event.span, event.block, order)
        if site.entry is not None:
            for argument in site.entry.consumes:
                self._consume_argument(site, argument)

    def _moves_off_thread(self, site: CallSite) -> bool:
        if site.entry is not None and Role.RUNS_IN_THREAD in site.entry.roles:
            return True
        file = site.function.file
        made = file.summary.terms[bare(file, site.row.function)]
        if not isinstance(made, Call):
            return False
        return Role.RUNS_IN_THREAD in self.evaluator.roles(self.evaluator.value(file, made.function))

    def _consume_argument(self, site: CallSite, argument: int | str) -> None:
        terms = site.row.arguments if argument == "*" else ()
        if argument != "*":
            single = call_argument(site.row, argument)
            terms = () if single is None else (single,)
        for term in terms:
            self._use(site.function, term, site.span, site.block, site.order)

    def _effects(self, site: CallSite) -> frozenset[Effect]:
        found = self._own_effects(site)
        if site.moves_off_thread:
            found -= {Effect.BLOCKS}
        if site.entry is not None and Role.RUNS_LATER in site.entry.roles:
            found -= {Effect.ENQUEUES}
        return found

    def _own_effects(self, site: CallSite) -> frozenset[Effect]:
        entry = site.entry
        file = site.function.file
        if entry is not None:
            if entry.lazy or not entry.effects:
                return frozenset()
            effects = frozenset(entry.effects)
            statement = entry.sinks.get("sql")
            if statement and Effect.QUERIES in effects:
                term = call_argument(site.row, statement[0])
                refined = None if term is None else sql_effects(self.evaluator, file, term)
                if refined is not None:
                    return (effects - {Effect.QUERIES, Effect.WRITES}) | refined
            return effects
        row = file.summary.terms[site.row.function]
        if isinstance(row, Attr) and row.name in _EXECUTORS and site.row.arguments and not site.targets:
            text = sql_text(file, site.row.arguments[0])
            refined = None if text is None else sql_effects(self.evaluator, file, site.row.arguments[0])
            if refined:
                return refined | {Effect.BLOCKS} if not site.event.awaited else refined
        return frozenset()

    def _implementations(self, value: FunctionValue) -> Iterable[FunctionKey]:
        """The function itself, or what overrides it where it is abstract."""
        key = value.file, value.function
        function = self.functions[key]
        if not function.summary.is_stub or function.summary.cls < 0:
            return (key,)
        owner = self.evaluator.owner(function.file, function.summary)
        name = function.summary.name.rpartition(".")[2]
        found: list[FunctionKey] = []
        pending = list(self._subclasses.get(owner, ()))
        while pending and len(found) < 8:
            symbol = pending.pop(0)
            cls = self.evaluator.classes.project_class(symbol)
            method = None if cls is None else cls.method(name)
            if cls is not None and method is not None:
                found.append((cls.file.index, method))
            pending.extend(self._subclasses.get(symbol, ()))
        return found or (key,)

    def _constructors(self, value: ClassValue) -> Iterable[FunctionKey]:
        return self._methods(InstanceValue(value.symbol), ("__init__", "__post_init__"))

    def _methods(self, value: InstanceValue, names: tuple[str, ...]) -> Iterable[FunctionKey]:
        for name in names:
            for ancestor in self.evaluator.classes.order(value.symbol):
                cls = self.evaluator.classes.project_class(ancestor)
                method = None if cls is None else cls.method(name)
                if cls is not None and method is not None:
                    yield cls.file.index, method
                    break

    def _callbacks(self, site: CallSite, arguments: tuple[int | str, ...]) -> Iterable[FunctionKey]:
        for argument in arguments:
            term = call_argument(site.row, argument)
            if term is not None:
                for value in options(self.evaluator.value(site.function.file, term)):
                    if isinstance(value, FunctionValue):
                        yield value.file, value.function

    def _handed_over(self, site: CallSite, target: LinkedFunction) -> Iterable[FunctionKey]:
        """Functions passed to a project function that calls them."""
        if not target.invoked:
            return
        bound = 1 if isinstance(site.callee, FunctionValue) and site.callee.receiver is not None else 0
        for position, parameter in enumerate(target.summary.parameters):
            if parameter.name in target.invoked:
                term = site.argument(position - bound if position >= bound else None, parameter.name)
                if term is not None:
                    for value in options(self.evaluator.value(site.function.file, term)):
                        if isinstance(value, FunctionValue):
                            yield value.file, value.function

    def _link_read(self, function: LinkedFunction, event: Event, order: int) -> None:
        row = function.file.summary.terms[event.term]
        if not isinstance(row, Attr) or row.name not in self._property_names:
            return
        base = self.evaluator.value(function.file, row.base)
        targets: list[FunctionKey] = []
        for value in options(base):
            if isinstance(value, InstanceValue):
                targets.extend(key for key in self._methods(value, (row.name,)) if self._is_property(key))
        if targets:
            call = Call(event.term, (), ())
            site = CallSite(function, event, order, call, base)
            site.targets = tuple(targets)
            site.symbol = self.functions[targets[0]].symbol
            function.calls.append(site)

    def _is_property(self, key: FunctionKey) -> bool:
        return self.evaluator.is_property(FunctionValue(*key))

    def _enter(self, function: LinkedFunction, block: Block) -> None:
        value = self.evaluator.value(function.file, block.terms[0])
        if isinstance(value, InstanceValue) and self.evaluator.classes.project_class(value.symbol):
            names = ("__enter__", "__exit__", "__aenter__", "__aexit__")
            targets = tuple(self._methods(value, names))
            if targets:
                order = _order_at(function, block)
                event = Event(EventKind.CALL, block.terms[0], block.parent, block.span)
                site = CallSite(function, event, order, Call(block.terms[0], (), ()), value)
                site.targets = targets
                function.calls.append(site)

    def _use(
        self, function: LinkedFunction, term: int, span: Span, block: int, order: int, *, waits: bool = True
    ) -> None:
        """A value is iterated, tested, measured or awaited: a lazy query runs here.

        Args:
            waits: Whether the thread stands still meanwhile; not in `async for`.
        """
        value = self.evaluator.value(function.file, term)
        for single in options(value):
            if single.__class__ is not InstanceValue:
                continue
            effects = self.consumed(single)
            if effects and not waits:
                effects -= {Effect.BLOCKS}
            if effects:
                what = single.symbol.rpartition(".")[2]
                function.sites.append(
                    Site(function, span, block, bare(function.file, term), effects, what, order)
                )
                return

    def consumed(self, value: InstanceValue) -> frozenset[Effect]:
        """What using a value does: iterating it, testing it, measuring it. Empty for ordinary values."""
        found = self._consumed.get(value.symbol)
        if found is None:
            classes = self.evaluator.classes
            entries = map(classes.library_class, classes.order(value.symbol))
            found = next(
                (frozenset(entry.consume) for entry in entries if entry and entry.consume), frozenset()
            )
            if classes.settled:
                self._consumed[value.symbol] = found
        return found


def _is_kept(file: FileNode, event: Event) -> bool:
    """A test of a query that an object holds: its rows stay with it, so it runs once for the object."""
    return not event.awaited and isinstance(file.summary.terms[bare(file, event.term)], Attr)


def bare(file: FileNode, term: int) -> int:
    """The term without the names of the variables that held it."""
    row = file.summary.terms[term]
    while isinstance(row, Local):
        term = row.base
        row = file.summary.terms[term]
    return term


def _order_at(function: LinkedFunction, block: Block) -> int:
    """The position among the events of the first one at or after a block's head."""
    events = function.summary.events
    for order, event in enumerate(events):
        if (event.span.line, event.span.column) >= (block.span.line, block.span.column):
            return order
    return len(events)


def _callee_words(site: CallSite) -> str:
    row = site.function.file.summary.terms[site.row.function]
    if isinstance(row, Attr):
        return row.name
    if isinstance(site.callee, LibraryFunction | ClassValue):
        return site.callee.symbol
    return site.symbol
