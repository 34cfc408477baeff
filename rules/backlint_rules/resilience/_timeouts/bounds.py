"""What bounds a wait besides the arguments of a call: objects set up before, settings, blocks around it."""

import re
from collections.abc import Iterator
from functools import cached_property

from backlint.api import (
    Attr,
    BlockKind,
    Call,
    CallSite,
    Confidence,
    ConstantValue,
    Effect,
    EventKind,
    ExternalValue,
    FileKind,
    FileNode,
    InstanceValue,
    LibraryFunction,
    LinkedFunction,
    Local,
    Name,
    Project,
    Role,
    Span,
    Timeout,
    bare,
    options,
)
from backlint_rules.resilience._timeouts.clients import Clients, Origin, Receiver, calls_on, mentions_timeout
from backlint_rules.resilience._timeouts.waits import Bound, Waits


class Bounds:
    """Looks around calls for what keeps them from waiting too long."""

    def __init__(self, project: Project, waits: Waits, clients: Clients) -> None:
        self._project = project
        self._evaluator = project.evaluator
        self._waits = waits
        self._clients = clients
        self._bounded: dict[tuple[int, int], bool] = {}

    def overridden(self, receiver: Receiver, timeout: Timeout) -> bool:
        """Whether the receiver's class, the project's own, puts a timeout into every call."""
        for value in options(receiver.value):
            if isinstance(value, InstanceValue):
                client = self._clients.timeout_of(value.symbol)
                names = (*(client.attributes if client else ()), "__init__")
                for method in self._clients.overrides(value.symbol, names):
                    if mentions_timeout(method, timeout.parameters) or self._mounts(method):
                        return True
        return False

    def _mounts(self, function: LinkedFunction) -> bool:
        return any(self._is_mount(call) for call in function.calls)

    def _is_mount(self, call: CallSite) -> bool:
        """Whether a call hands a receiver an object of the project's (or an unknown one) that sets timeouts."""
        row, file = call.row, call.function.file
        if call.entry is None or call.entry.effects or call.entry.timeout or not isinstance(row, Call):
            return False
        receiver = call.callee.receiver if isinstance(call.callee, LibraryFunction) else None
        if not isinstance(receiver, InstanceValue) or self._clients.timeout_of(receiver.symbol) is None:
            return False
        for term in (*row.arguments, *(term for _, term in row.keywords)):
            value = self._evaluator.value(file, term)
            for single in options(value):
                if isinstance(single, ExternalValue) and "timeout" in single.symbol.lower():
                    return True
                if not isinstance(single, InstanceValue):
                    continue
                library = self._evaluator.classes.library_class(self._clients.library_class(single.symbol))
                names = (
                    ()
                    if library is None
                    else tuple(name for name, method in library.methods.items() if method.timeout is not None)
                )
                if any(
                    mentions_timeout(method, ()) for method in self._clients.overrides(single.symbol, names)
                ):
                    return True
        return False

    def is_set(
        self,
        function: LinkedFunction,
        timeout: Timeout,
        origins: frozenset[Origin],
        receiver: Receiver | None,
        call: CallSite | None,
    ) -> bool:
        """Whether something set on the client, or for the whole process, bounds it."""
        names = {name.rpartition(".")[2] for name in timeout.attributes if not self._is_absolute(name)}
        client_names: tuple[str, ...] = ()
        if receiver is not None:
            for value in options(receiver.value):
                client = self._clients.timeout_of(value.symbol) if isinstance(value, InstanceValue) else None
                client_names = client.attributes if client is not None else client_names
        patched = (call.symbol,) if call is not None else ()
        if self._process_wide.intersection((*timeout.attributes, *client_names, *patched)):
            return True
        names.update(name.rpartition(".")[2] for name in client_names if not self._is_absolute(name))
        for setter, name, target in self._settings_on_objects:
            if name and name not in names:
                continue
            if origins & target.origins and (setter is function or _outlives(setter, target)):
                return True
            same = receiver is not None and receiver.value == target.value and receiver.term == target.term
            if same and setter is function:
                return True
        return False

    @cached_property
    def _settings_on_objects(self) -> list[tuple[LinkedFunction, str, Receiver]]:
        """Timeouts set on objects: where, the attribute's or method's name ("" for an adapter), and on what."""
        known = self._attribute_names
        found = []
        for function in self._project.functions:
            file = function.file
            for event in function.summary.events:
                if event.kind == EventKind.SET_ATTR and event.name in known:
                    receiver = self._clients.receiver(file, event.term)
                    if receiver is not None and self._waits.bound(file, event.value) is not Bound.NONE:
                        found.append((function, event.name, receiver))
            for call in function.calls:
                name = calls_on(call)
                mounts = self._is_mount(call)
                if not mounts and (name not in known or (call.entry is not None and call.entry.effects)):
                    continue
                receiver = self._clients.receiver_of(call)
                if receiver is not None and (mounts or self._bounds(call)):
                    found.append((function, "" if mounts else name, receiver))
        return found

    def _bounds(self, call: CallSite) -> bool:
        arguments = call.row.arguments
        return not arguments or self._waits.bound(call.function.file, arguments[0]) is not Bound.NONE

    @cached_property
    def _attribute_names(self) -> frozenset[str]:
        """Last names of what bounds an object when it is set or called."""
        return frozenset(
            name.rpartition(".")[2] for name in self._known_attributes if not self._is_absolute(name)
        )

    @cached_property
    def _absolute_names(self) -> frozenset[str]:
        return frozenset(name for name in self._known_attributes if self._is_absolute(name))

    @cached_property
    def _known_attributes(self) -> frozenset[str]:
        timeouts = [entry.timeout for entry in self._project.catalogue.functions.values()]
        for cls in self._project.catalogue.classes.values():
            timeouts += [cls.timeout, *(method.timeout for method in cls.methods.values())]
        return frozenset(name for timeout in timeouts if timeout for name in timeout.attributes)

    def _is_absolute(self, name: str) -> bool:
        """Whether an attribute is a library's own, such as `socket.setdefaulttimeout`, and no client's."""
        head, dot, _ = name.partition(".")
        return bool(dot) and head in self._project.catalogue.modules

    @cached_property
    def _process_wide(self) -> frozenset[str]:
        """Library functions called and module attributes set that bound every client of a process."""
        found = set()
        for function in self._project.functions:
            if function.kind is FileKind.TEST:
                continue
            for event in function.summary.events:
                row = function.file.summary.terms[event.term] if event.kind == EventKind.SET_ATTR else None
                if isinstance(row, Name) and self._waits.bound(function.file, event.value) is not Bound.NONE:
                    found.add(self._project.catalogue.canonical(row.symbol))
            for call in function.calls:
                if call.symbol in self._absolute_names and not call.effects and self._bounds(call):
                    found.add(call.symbol)
        return frozenset(found)

    def settings_leave(self, timeout: Timeout) -> Confidence | None:
        """How sure it is that the project's settings leave a wait unbounded; None where they bound it."""
        sure = Confidence.HIGH
        found = [file for file in self._project.files if _holds_settings(file)]
        for file in found:
            names = {name for cls in file.summary.classes for name in (one.name for one in cls.attributes)}
            if names.union(file.summary.names).intersection(timeout.settings):
                return None
            if self._changes_namespace(file):
                sure = Confidence.MEDIUM
        for name, wanted in timeout.only_with.items():
            values = [value for file in found for value in self._setting(file, name)]
            if values and wanted not in values:
                if "" not in values:
                    return None
                sure = Confidence.MEDIUM
        return sure if found or not timeout.settings else Confidence.MEDIUM

    def _setting(self, file: FileNode, name: str) -> Iterator[str]:
        """The values that a settings module gives a name; empty for what depends on more than the code."""
        if _DEVELOPMENT.search(file.summary.module):
            return
        term = file.summary.names.get(name)
        if term is not None:
            value = self._evaluator.value(file, term)
            known = isinstance(value, ConstantValue) and isinstance(value.value, str)
            yield str(value.value) if known and isinstance(value, ConstantValue) else ""

    def _changes_namespace(self, file: FileNode) -> bool:
        """Whether a module sets names that can't be read: `vars().update(…)`."""
        module = self._project.graph.functions[file.index, 0]
        return any(call.entry is not None and call.entry.source == "namespace" for call in module.calls)

    def is_partial(self, call: CallSite, timeout: Timeout) -> bool:
        """Whether what is called is a partial that already passes the timeout."""
        file = call.function.file
        term = bare(file, call.row.function)
        row = file.summary.terms[term]
        if isinstance(row, Name):
            place = self._waits.named(row.symbol, file.root)
            if place is None:
                return False
            file, term = place
            row = file.summary.terms[bare(file, term)]
        return isinstance(row, Call) and any(
            keyword in timeout.parameters and self._waits.bound(file, passed) is not Bound.NONE
            for keyword, passed in row.keywords
        )

    def is_derived_with(self, call: CallSite, timeout: Timeout) -> bool:
        """Whether a call that made the receiver passed it: `client.with_options(timeout=5).create()`."""
        file = call.function.file
        row = file.summary.terms[bare(file, call.row.function)]
        for _ in range(8):
            base = row.function if isinstance(row, Call) else getattr(row, "base", -1)
            if base < 0:
                return False
            row = file.summary.terms[bare(file, base)]
            if isinstance(row, Call) and any(
                name in timeout.parameters and self._waits.bound_as(file, name, passed) is not Bound.NONE
                for name, passed in row.keywords
            ):
                return True
        return False

    def passes(self, call: CallSite, timeout: Timeout) -> bool:
        unbounded = Timeout(parameters=timeout.parameters, position=timeout.position)
        return self._waits.of_call(call.function, call.row, unbounded, "") is None

    def time_is_bounded(self, call: CallSite) -> bool:
        """Whether a block or call around it cancels it after a time, here or at every caller."""
        return self._bounded_here(call) or self._bounded_by_callers(call.function)

    def _bounded_here(self, call: CallSite) -> bool:
        function = call.function
        terms = function.file.summary.terms
        for block in function.blocks(call.block):
            if block.kind == BlockKind.WITH and self._cancels(function.file, block.terms[0]):
                return True
        for other in function.calls:
            if other is call or Role.BOUNDS_TIME not in self._project.roles(other):
                continue
            if self._is_passed(call, other) and self._bounded_arguments(other):
                return True
        return any("timeout" in self._evaluator.symbol_of(function.file, term).rpartition(".")[2].lower()
                   or (isinstance(terms[term], Call) and self._cancels(function.file, term))
                   for term in function.summary.decorators)  # fmt: skip

    def _is_passed(self, call: CallSite, other: CallSite) -> bool:
        """Whether a call, or the variable that holds it, is the first argument of another."""
        file = call.function.file
        for term in other.row.arguments[:1]:
            held = isinstance(file.summary.terms[term], Local)
            if bare(file, term) == bare(file, call.event.term) and (held or _covers(other.span, call.span)):
                return True
        return False

    def _bounded_arguments(self, call: CallSite) -> bool:
        timeout = call.entry.timeout if call.entry is not None else None
        return timeout is None or self.passes(call, timeout)

    def _cancels(self, file: FileNode, term: int) -> bool:
        row = file.summary.terms[bare(file, term)]
        if not isinstance(row, Call):
            return False
        callee = self._evaluator.value(file, row.function)
        symbol = self._evaluator.symbol_of(file, row.function)
        if Role.BOUNDS_TIME not in self._evaluator.roles(callee):
            return "timeout" in symbol.rpartition(".")[2].lower() and isinstance(callee, ExternalValue)
        return not row.arguments or self._waits.bound(file, row.arguments[0]) is not Bound.NONE

    def _bounded_by_callers(self, function: LinkedFunction) -> bool:
        known = self._bounded.get(function.key)
        if known is None:
            self._bounded[function.key] = False
            callers = self._waits.callers(function.key)
            known = self._bounded[function.key] = bool(callers) and all(
                caller.function.kind is FileKind.TEST or self.time_is_bounded(caller) for caller in callers
            ) and any(caller.function.kind is not FileKind.TEST for caller in callers)  # fmt: skip
        return known

    def is_done(self, call: CallSite) -> bool:
        """Whether the receiver comes out of a wait, and is done already: a future of `as_completed`."""
        file = call.function.file
        row = file.summary.terms[bare(file, call.row.function)]
        if not isinstance(row, Attr):
            return False
        term = bare(file, row.base)
        for _ in range(6):
            inner = file.summary.terms[term]
            if isinstance(inner, Call):
                entry = self._evaluator.entry_of(self._evaluator.value(file, inner.function))
                return entry is not None and Effect.WAITS in entry.effects and bool(entry.consumes)
            base = getattr(inner, "base", -1)
            if base < 0:
                return False
            term = bare(file, base)
        return False


_DEVELOPMENT = re.compile(r"(?:^|[._])(?:dev|develop|development|local|tests?|testing|ci)(?:$|[._])")


def _holds_settings(file: FileNode) -> bool:
    summary = file.summary
    named = "settings" in summary.module or "config" in summary.module
    return summary.kind is FileKind.SETTINGS or (named and summary.kind is not FileKind.TEST)


def _covers(outer: Span, inner: Span) -> bool:
    return (outer.line, outer.column) <= (inner.line, inner.column) and (
        (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
    )


def _outlives(setter: LinkedFunction, target: Receiver) -> bool:
    """Whether what a function sets a timeout on is seen outside of it: an attribute, a global, what it returns."""
    if target.term < 0 or not isinstance(target.file.summary.terms[target.term], Local):
        return True
    made = bare(target.file, target.term)
    return any(
        bare(target.file, term) == made
        for event in setter.summary.events
        if event.kind in (EventKind.RETURN, EventKind.YIELD, EventKind.SET_ATTR)
        for term in (event.value if event.kind == EventKind.SET_ATTR else event.term,)
        if term >= 0
    )
