"""Open transactions: which code runs inside one, and what shows it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from backlint.effect import Effect, Role
from backlint.finding import Evidence, Span
from backlint.libraries.entry import QueryStep
from backlint.link.graph import bare
from backlint.link.values import FunctionValue, InstanceValue, options
from backlint.summary import BlockKind, EventKind, FileKind
from backlint.term import Attr, Call, Const, Mapping, Param

if TYPE_CHECKING:
    from backlint.link.graph import CallSite, FunctionKey, LinkedFunction
    from backlint.link.project import Project

_PARKS = frozenset({QueryStep.CREATES, QueryStep.UPDATES, QueryStep.DELETES})
_WRITES = frozenset({Effect.WRITES, Effect.FLUSHES})
_MANAGERS = frozenset({"contextlib.contextmanager", "contextlib.asynccontextmanager"})


class Transactions:
    """Finds what keeps a transaction open around a call."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._managers: dict[FunctionKey, Evidence | None] = {}
        self._committers: dict[FunctionKey, Evidence | None] = {}

    def around(self, function: LinkedFunction, call: CallSite) -> Evidence | None:
        """A block, a decorator, a commit that comes after the call, or one that a dependency does at the end."""
        for block in function.blocks(call.block):
            if block.kind != BlockKind.WITH:
                continue
            if self._opens(function, block.terms[0]):
                return Evidence(function.path, block.span, "the transaction is open in this block")
            ends = self._commit_at_end(function, block.terms[0]) or self._commit_at_exit(
                function, block.terms[0]
            )
            if ends and self._has_written(function, call, function.summary.blocks.index(block)):
                return Evidence(
                    function.path, block.span, "the transaction is committed at the end of this block"
                )
        for term in function.summary.decorators:
            if self._opens(function, term) or self._wraps(function, term):
                return Evidence(function.path, function.summary.span, "the decorator opens a transaction")
        return (
            self._of_callback(function)
            or self._commit_after(function, call)
            or self._commit_of_dependency(function, call)
        )

    def _of_callback(self, function: LinkedFunction) -> Evidence | None:
        """The call that runs a function inside a transaction: `session.with_transaction(move)`."""
        if function.key not in self._callbacks:
            return None
        return next(
            (
                Evidence(call.function.path, call.span, "the callback runs in a transaction")
                for call in self._project.callers(function)
                if call.entry is not None and call.entry.calls and Role.OPENS_TRANSACTION in call.entry.roles
            ),
            None,
        )

    @cached_property
    def _callbacks(self) -> frozenset[FunctionKey]:
        """The functions that calls which open transactions run."""
        return frozenset(
            target
            for call in self._project.calls()
            if call.entry is not None and call.entry.calls and Role.OPENS_TRANSACTION in call.entry.roles
            for target in call.targets
        )

    def _commit_at_exit(self, function: LinkedFunction, term: int) -> Evidence | None:
        """The commit with which an object of the project ends its `with` block: a unit of work."""
        for value in options(self._project.value(function, term)):
            if not isinstance(value, InstanceValue):
                continue
            for name in ("__aexit__", "__exit__"):
                method = self._project.method(value.symbol, name)
                for call in method.calls if method is not None else ():
                    if Effect.COMMITS in call.effects or self._project.effects.target(call, Effect.COMMITS):
                        return Evidence(call.function.path, call.span, "the block ends with this commit")
        return None

    def of_request(self, function: LinkedFunction, call: CallSite) -> Evidence | None:
        """What commits the whole request around a call, with something written before it; None where nothing does."""
        if function not in self._project.per_request:
            return None
        if self._atomic_requests is not None:
            return self._atomic_requests
        if self._request_commit is not None and self._has_written(function, call, -1):
            return self._request_commit
        return None

    @cached_property
    def _atomic_requests(self) -> Evidence | None:
        return atomic_requests(self._project)

    @cached_property
    def _request_commit(self) -> Evidence | None:
        for call in self._project.calls():
            for name, values in call.entry.request_commit.items() if call.entry is not None else ():
                term = call.argument(None, name)
                if term is not None and self._project.constant(call.function, term) in values:
                    message = "sessions are committed when the request has been answered"
                    return Evidence(call.function.path, call.span, message)
        return None

    def _opens(self, function: LinkedFunction, term: int) -> bool:
        """Whether a context manager or decorator opens a transaction, itself or as the project wrote it."""
        index = bare(function.file, term)
        row = self._project.term(function, index)
        callee = row.function if isinstance(row, Call) else index
        value = self._project.value(function, callee)
        if Role.OPENS_TRANSACTION in self._project.evaluator.roles(value):
            return True
        return any(
            isinstance(one, FunctionValue) and self._yields_inside((one.file, one.function)) is not None
            for one in options(value)
        )

    def _yields_inside(self, key: FunctionKey) -> Evidence | None:
        """Where a context manager of the project yields inside a transaction."""
        if key not in self._managers:
            self._managers[key] = None
            function = self._project.graph.functions[key]
            if self._is_manager(function):
                self._managers[key] = self._yield_in_block(function)
        return self._managers[key]

    def _yield_in_block(self, function: LinkedFunction) -> Evidence | None:
        for event in function.summary.events:
            if event.kind != EventKind.YIELD:
                continue
            for block in function.blocks(event.block):
                if block.kind == BlockKind.WITH and self._opens(function, block.terms[0]):
                    return Evidence(function.path, block.span, "the transaction is open while it yields")
        return None

    def _is_manager(self, function: LinkedFunction) -> bool:
        return function.summary.is_generator and any(
            self._project.evaluator.symbol_of(function.file, term) in _MANAGERS
            for term in function.summary.decorators
        )

    def _wraps(self, function: LinkedFunction, term: int) -> bool:
        """Whether a decorator of the project runs the function inside a transaction."""
        graph = self._project.graph
        for value in options(self._project.value(function, term)):
            if not isinstance(value, FunctionValue):
                continue
            decorator = graph.functions[value.file, value.function]
            names = {parameter.name for parameter in decorator.summary.parameters}
            for number, summary in enumerate(decorator.file.summary.functions):
                if summary.parent != value.function:
                    continue
                wrapper = graph.functions[value.file, number]
                for call in wrapper.calls:
                    row = self._project.term(wrapper, bare(wrapper.file, call.row.function))
                    if isinstance(row, Param) and row.function == value.function and row.name in names:
                        blocks = wrapper.blocks(call.block)
                        if any(
                            block.kind == BlockKind.WITH and self._opens(wrapper, block.terms[0])
                            for block in blocks
                        ):
                            return True
        return False

    def _commit_at_end(self, function: LinkedFunction, term: int) -> Evidence | None:
        """The commit with which a context manager of the project ends."""
        row = self._project.term(function, bare(function.file, term))
        callee = row.function if isinstance(row, Call) else term
        for value in options(self._project.value(function, callee)):
            if isinstance(value, FunctionValue):
                key = (value.file, value.function)
                if self._is_manager(self._project.graph.functions[key]):
                    return self._commits_after_yield(key)
        return None

    def _commits_after_yield(self, key: FunctionKey) -> Evidence | None:
        if key not in self._committers:
            self._committers[key] = None
            function = self._project.graph.functions[key]
            events = function.summary.events
            yielded = next((n for n, event in enumerate(events) if event.kind == EventKind.YIELD), None)
            if yielded is not None:
                for call in function.calls:
                    if call.order > yielded and Effect.COMMITS in call.effects:
                        message = (
                            "the transaction is committed only here, after what it was handed to has returned"
                        )
                        self._committers[key] = Evidence(function.path, call.span, message)
                        break
        return self._committers[key]

    def _commit_of_dependency(self, function: LinkedFunction, call: CallSite) -> Evidence | None:
        """The commit of an injected session, which comes when the handler has returned."""
        if not self._project.is_handler(function):
            return None
        for file, term in self._project.injected(function):
            for value in options(self._project.evaluator.value(file, term)):
                if not isinstance(value, FunctionValue):
                    continue
                key = (value.file, value.function)
                found = self._commits_after_yield(key) or self._yield_in_block(
                    self._project.graph.functions[key]
                )
                if found is not None and self._has_written(function, call, -1):
                    return found
        return None

    def _has_written(self, function: LinkedFunction, call: CallSite, block: int) -> bool:
        """Whether something is written in a block before a call or by it, and not committed in between."""
        before = [
            other
            for other in function.calls
            if other.order <= call.order and (block < 0 or _encloses(function, block, other.block))
        ]
        committed = max(
            (
                other.order
                for other in before
                if Effect.COMMITS in other.effects or self._project.effects.target(other, Effect.COMMITS)
            ),
            default=-1,
        )
        return any(
            other.order > committed
            and (
                writes(other)
                or any(self._project.effects.target(other, effect) is not None for effect in _WRITES)
                or self._parks(other)
            )
            for other in before
        )

    def _changes_row(self, function: LinkedFunction, call: CallSite) -> bool:
        """Whether an attribute of a row is set before a call, which the commit will write."""
        since = max(
            (
                other.order
                for other in function.calls
                if other.order < call.order and Effect.COMMITS in other.effects
            ),
            default=-1,
        )
        for event in function.summary.events[since + 1 : call.order]:
            row = self._project.term(function, event.term) if event.kind == EventKind.SET_ATTR else None
            if isinstance(row, Attr) and any(
                isinstance(one, InstanceValue) and Role.STORES_ROWS in self._project.evaluator.roles(one)
                for one in options(self._project.value(function, row.base))
            ):
                return True
        return False

    def _parks(self, call: CallSite) -> bool:
        """Whether what a call runs adds rows to a session, which the commit will write."""
        return any(
            writes(inner) for target in call.targets for inner in self._project.graph.functions[target].calls
        )

    def _commits(self, call: CallSite) -> bool:
        """Whether a call commits: a session's, or that of the project's own unit of work."""
        if Effect.COMMITS in call.effects:
            return True
        callee = self._project.term(call.function, call.row.function)
        named = isinstance(callee, Attr) and callee.name == "commit"
        return named and self._project.effects.target(call, Effect.COMMITS) is not None

    def _commit_after(self, function: LinkedFunction, call: CallSite) -> Evidence | None:
        """A commit further down that the call's path leads to, with something written before the call."""
        around = {
            index for index, _ in enumerate(function.summary.blocks) if _encloses(function, index, call.block)
        }
        commit = next(
            (
                other
                for other in function.calls
                if other.order > call.order and other.block in around and self._commits(other)
            ),
            None,
        )
        if commit is None:
            return None
        if self._has_written(function, call, -1) or self._changes_row(function, call):
            return Evidence(function.path, commit.span, "the transaction is committed only here")
        return None


def _encloses(function: LinkedFunction, outer: int, inner: int) -> bool:
    while inner >= 0:
        if inner == outer:
            return True
        inner = function.summary.blocks[inner].parent
    return False


def writes(call: CallSite) -> bool:
    """Whether a call changes rows, or parks a change that the commit will write."""
    if call.effects & _WRITES:
        return True
    return call.entry is not None and bool(_PARKS.intersection(call.entry.query))


def atomic_requests(project: Project) -> Evidence | None:
    """Django's `ATOMIC_REQUESTS`: every request runs in a transaction."""
    for file in project.files:
        if file.kind is not FileKind.SETTINGS:
            continue
        for term in file.summary.terms:
            if not isinstance(term, Mapping):
                continue
            for key, value in term.entries:
                name = file.summary.terms[key] if key >= 0 else None
                setting = file.summary.terms[value]
                if name == Const("ATOMIC_REQUESTS") and isinstance(setting, Const) and setting.value is True:
                    message = "`ATOMIC_REQUESTS` opens a transaction for each request"
                    return Evidence(file.summary.path, Span(1, 0, 1, 1), message)
    return None
