"""Finds calls and clients that can wait too long."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from backlint.api import (
    SERVICE_CODE,
    Attr,
    Call,
    CallSite,
    ClassValue,
    Confidence,
    Effect,
    ExternalValue,
    FileKind,
    Findings,
    FunctionEntry,
    InstanceValue,
    LibraryFunction,
    LinkedFunction,
    Name,
    Project,
    Role,
    Timeout,
    bare,
    options,
)
from backlint_rules.resilience._timeouts.bounds import Bounds
from backlint_rules.resilience._timeouts.clients import Clients, Origin, Receiver, mentions_timeout
from backlint_rules.resilience._timeouts.waits import Wait, Waits

KINDS = SERVICE_CODE | {FileKind.SCRIPT}
ARGUMENT = re.compile(r"^(?P<name>\w+)=(?!=)")
"""A suggestion that is an argument of the call: `timeout=10`."""


_CONTENT = frozenset({"content", "text", "read", "getvalue"})
"""Attributes and methods of answers and streams that give what they hold."""


@dataclass(frozen=True)
class Fault:
    """A call or construction whose wait is too long."""

    call: CallSite
    timeout: Timeout
    wait: Wait
    effects: frozenset[Effect]
    uses: tuple[CallSite, ...] = ()
    """Of a client: calls that go through it."""
    made: CallSite | None = None
    """Of a call: where its session is made."""
    handed: bool = False
    """The function is handed to another that calls it."""


class Search:
    """Looks for the faults of one project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._evaluator = project.evaluator
        self._waits = Waits(project)
        self._clients = Clients(project)
        self._bounds = Bounds(project, self._waits, self._clients)

    def faults(self, findings: Findings) -> Iterator[Fault]:
        for call in self._project.calls():
            if (
                not findings.wants(call.function)
                or call.function.kind not in KINDS
                or not isinstance(call.row, Call)
            ):
                continue
            made = self._construction(call)
            if made is not None:
                yield from self._judge_client(call, *made)
            elif call.entry is not None and call.entry.timeout is not None:
                yield from self._judge_call(call, call.entry.timeout)
            elif call.entry is None and not call.targets:
                yield from self._judge_stub(call)
            elif call.entry is not None and Role.RUNS_IN_THREAD in call.entry.roles:
                yield from self._judge_handed_over(call, call.entry)

    def _construction(self, call: CallSite) -> tuple[Timeout, str] | None:
        """How a call that makes a client bounds it, and the client's class."""
        for value in options(call.callee):
            if isinstance(value, ClassValue):
                timeout = self._clients.timeout_of(value.symbol)
                if timeout is not None:
                    return timeout, value.symbol
            elif isinstance(value, LibraryFunction) and Effect.CONNECTS in value.entry.effects:
                made = self._evaluator.call(value, call.function.file, call.row)
                symbol = made.symbol if isinstance(made, InstanceValue) else ""
                timeout = value.entry.timeout or self._clients.timeout_of(symbol)
                if timeout is not None:
                    return timeout, symbol
        return None

    def _judge_client(self, call: CallSite, timeout: Timeout, symbol: str) -> Iterator[Fault]:
        row = call.row
        if call.function.kind is FileKind.SETTINGS or timeout.settings:
            return
        own = next(iter(self._clients.overrides(symbol, ("__init__",))), None)
        if own is not None:
            passed = _super_call(own)
            if passed is None or mentions_timeout(own, timeout.parameters):
                return
            row = passed.row
        maker = call.function if own is None else own
        wait = self._waits.of_call(maker, row, timeout, self._clients.library_class(symbol) or call.symbol)
        if wait is None:
            return
        uses = self._uses_of(call)
        library = self._evaluator.classes.library_class(self._clients.library_class(symbol))
        is_limit = library is not None and not any(method.effects for method in library.methods.values())
        if (
            not settable(timeout)
            and not (is_limit and library is not None and library.timeout)
            and (
                any(use.entry and use.entry.timeout and use.entry.timeout.parameters for use in uses)
                or not any(Effect.CALLS_NETWORK in use.effects for use in uses)
                or any(use.effects and Effect.CALLS_NETWORK not in use.effects for use in uses)
            )
        ):
            return
        if self._bounds.is_set(call.function, timeout, frozenset({self._origin(call)}), None, None):
            return
        if self._bounds.time_is_bounded(call) or (uses and all(self._use_is_bounded(use) for use in uses)):
            return
        effects = frozenset(call.effects).union(*(use.effects for use in uses))
        yield Fault(call, timeout, wait, effects, uses)

    def _use_is_bounded(self, use: CallSite) -> bool:
        timeout = use.entry.timeout if use.entry is not None else None
        if timeout is None or not timeout.inherits:
            return False
        given = bool(timeout.parameters) and self._bounds.passes(use, timeout)
        return given or self._bounds.is_derived_with(use, timeout) or self._bounds.time_is_bounded(use)

    def _uses_of(self, call: CallSite) -> tuple[CallSite, ...]:
        """The calls that go through the client a call makes: of equal clients, those of the same function."""
        uses = self._uses.get(self._origin(call), [])
        own = tuple(use for use in uses if use.function is call.function)
        several = len(self._sites.get(self._origin(call), ())) > 1
        return own if several and own else tuple(uses)

    def _judge_call(self, call: CallSite, timeout: Timeout) -> Iterator[Fault]:
        entry = call.entry
        if entry is None or Role.DEFINES_JOB in entry.roles:
            return
        if not entry.effects and not (entry.is_async and Role.BOUNDS_TIME in entry.roles):
            return
        if self._is_content(call, entry):
            return
        wait = self._waits.of_call(call.function, call.row, timeout, call.symbol)
        if (
            wait is None
            or self._bounds.is_partial(call, timeout)
            or self._bounds.is_derived_with(call, timeout)
        ):
            return
        if Role.BOUNDS_TIME in entry.roles and not wait.told:
            return
        receiver = self._clients.receiver_of(call)
        made = None
        origins = receiver.origins if receiver is not None else frozenset()
        if timeout.inherits and receiver is not None and not wait.told:
            made = self._made(call, origins)
            if self._is_left_to_client(timeout, receiver) or self._bounds.overridden(receiver, timeout):
                return
            if made is None and not receiver.root.startswith(call.symbol.partition(".")[0] + "."):
                wait = replace(wait, confidence=min(wait.confidence, Confidence.MEDIUM, key=rank))
        if not wait.told and self._bounds.is_set(call.function, timeout, origins, receiver, call):
            return
        left = self._bounds.settings_leave(timeout) if timeout.settings else wait.confidence
        if left is None or self._bounds.time_is_bounded(call) or self._bounds.is_done(call):
            return
        wait = replace(wait, confidence=min(wait.confidence, left, key=rank))
        yield Fault(call, timeout, wait, frozenset(entry.effects), (), made)

    def _is_content(self, call: CallSite, entry: FunctionEntry) -> bool:
        """Whether a call that fetches addresses is given what was fetched already."""
        terms = call.function.file.summary.terms
        for argument in entry.sinks.get("url", ())[:1]:
            term = call.argument(argument if isinstance(argument, int) else None, *_names(entry))
            if term is None:
                continue
            row = terms[bare(call.function.file, term)]
            name = row.name if isinstance(row, Attr) else ""
            if isinstance(row, Call):
                callee = terms[row.function]
                name = callee.name if isinstance(callee, Attr) else ""
            value = self._evaluator.value(call.function.file, term)
            if name in _CONTENT or self._project.is_instance(
                value, "builtins.bytes", "io.BytesIO", "io.StringIO"
            ):
                return True
        return False

    def _judge_handed_over(self, call: CallSite, entry: FunctionEntry) -> Iterator[Fault]:
        """A library function that runs in another thread: `to_thread(requests.get, url)`."""
        file, row = call.function.file, call.row
        for argument in (*entry.calls, *entry.defers):
            term = call.argument(argument) if isinstance(argument, int) else None
            for value in options(self._evaluator.value(file, term)) if term is not None else ():
                if not isinstance(value, LibraryFunction) or value.entry.timeout is None or term is None:
                    continue
                made = file.summary.terms[bare(file, term)]
                first = int(argument) + 1
                if isinstance(made, Call):
                    inner = (
                        Call(made.arguments[0], made.arguments[1:], made.keywords) if made.arguments else row
                    )
                else:
                    inner = Call(term, row.arguments[first:], row.keywords)
                handed = CallSite(call.function, call.event, call.order, inner, value)
                handed.entry, handed.symbol = value.entry, value.symbol
                yield from (
                    replace(fault, handed=True) for fault in self._judge_call(handed, value.entry.timeout)
                )

    def _judge_stub(self, call: CallSite) -> Iterator[Fault]:
        """A remote call through a generated stub, which no entry can know: an object made of a channel."""
        file = call.function.file
        row = file.summary.terms[bare(file, call.row.function)]
        name = row.symbol.rpartition(".")[2] if isinstance(row, Name) else getattr(row, "name", "")
        if not name[:1].isupper() or not isinstance(call.callee, ExternalValue):
            return
        receiver = self._clients.receiver_of(call)
        if receiver is None or not call.callee.symbol.endswith(f"().{name}"):
            return
        for origin in _sorted(receiver.origins):
            for site in self._sites.get(origin, ()):
                method = self._remote_call(site)
                timeout = method.timeout if method is not None else None
                if method is None or timeout is None:
                    continue
                wait = self._waits.of_call(call.function, call.row, timeout, "")
                if wait is not None and not self._bounds.time_is_bounded(call):
                    yield Fault(call, timeout, wait, frozenset(method.effects), (), site)
                return

    def _remote_call(self, site: CallSite) -> FunctionEntry | None:
        """What calling a method of a stub does, if a call is given a channel to make the stub of."""
        classes = self._evaluator.classes
        for term in site.row.arguments:
            value = self._evaluator.value(site.function.file, term)
            if not isinstance(value, InstanceValue):
                continue
            channel = classes.library_class(self._clients.library_class(value.symbol))
            for method in channel.methods.values() if channel is not None else ():
                made = classes.library_class(method.returns)
                if made is not None and made.call is not None and made.call.timeout is not None:
                    return made.call
        return None

    def _is_left_to_client(self, timeout: Timeout, receiver: Receiver) -> bool:
        """Whether the client, which is judged where it is made, is the place for the timeout."""
        bounds = [
            self._clients.timeout_of(value.symbol)
            for value in options(receiver.value)
            if isinstance(value, InstanceValue)
        ]
        sites = [site for origin in _sorted(receiver.origins) for site in self._sites.get(origin, ())]
        if timeout.settings:
            return any(self._is_bounded_client(site) for site in sites)
        bounds += [made[0] for site in sites if (made := self._construction(site)) is not None]
        client = next((bound for bound in bounds if bound is not None), None)
        if client is not None:
            return settable(client) or not timeout.parameters
        return not timeout.settings and not _is_library_symbol(self._project, receiver.root)

    def _is_bounded_client(self, site: CallSite) -> bool:
        made = self._construction(site)
        return made is not None and self._waits.of_call(site.function, site.row, made[0], site.symbol) is None

    def _made(self, call: CallSite, origins: frozenset[Origin]) -> CallSite | None:
        """Where a call's client is made; of equal clients, the one of the same function."""
        sites = [
            site
            for origin in _sorted(origins)
            for site in self._sites.get(origin, ())
            if not isinstance(site.callee, ExternalValue)
        ]
        called = {target for other in call.function.calls for target in other.targets}

        def nearness(site: CallSite) -> int:
            if site.function is call.function:
                return 3
            return 2 if site.function.key in called else int(_same_class(site.function, call.function))

        return max(sites, key=nearness, default=None)

    def _origin(self, call: CallSite) -> Origin:
        return Origin(call.function.file.index, call.event.term)

    @cached_property
    def _sites(self) -> dict[Origin, list[CallSite]]:
        found: dict[Origin, list[CallSite]] = {}
        for call in self._project.calls():
            found.setdefault(self._origin(call), []).append(call)
        return found

    @cached_property
    def _uses(self) -> dict[Origin, list[CallSite]]:
        """The calls that go through each client."""
        found: dict[Origin, list[CallSite]] = {}
        for call in self._project.calls():
            timeout = call.entry.timeout if call.entry is not None else None
            if timeout is None or not timeout.inherits:
                continue
            receiver = self._clients.receiver_of(call)
            for origin in receiver.origins if receiver is not None else ():
                found.setdefault(origin, []).append(call)
        return found


def _names(entry: FunctionEntry) -> tuple[str, ...]:
    return tuple(argument for argument in entry.sinks.get("url", ()) if isinstance(argument, str))


def settable(timeout: Timeout) -> bool:
    """Whether the timeout belongs into the arguments of the construction."""
    argument = ARGUMENT.match(timeout.suggestion)
    return argument is not None and (argument["name"] in timeout.parameters or bool(timeout.keys))


def _super_call(function: LinkedFunction) -> CallSite | None:
    terms = function.file.summary.terms
    for call in function.calls:
        row = terms[call.row.function]
        if isinstance(row, Attr) and row.name == "__init__":
            return call
    return None


def _is_library_symbol(project: Project, symbol: str) -> bool:
    head = symbol.partition(".")[0]
    return bool(head) and head in project.catalogue.modules and head not in project.index.top_level


def _same_class(one: LinkedFunction, other: LinkedFunction) -> bool:
    return one.file is other.file and one.summary.cls == other.summary.cls >= 0


def _sorted(origins: frozenset[Origin]) -> list[Origin]:
    return sorted(origins, key=lambda origin: (origin.file, origin.term))


def rank(confidence: Confidence) -> int:
    return confidence.rank
