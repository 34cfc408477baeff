"""Which functions run for a request or a job, and how it comes to that."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from backlint.finding import Evidence
from backlint.link.effects import short_name
from backlint.link.values import FunctionValue, options
from backlint.link.wrappers import wrapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.finding import Span
    from backlint.link.graph import FunctionKey, LinkedFunction
    from backlint.link.project import Project


class Reach:
    """Functions that run once per request or job: the entry points, and all that they call or have injected.

    What runs once and is kept (memoised functions, values filled in by hand) is left out.
    """

    def __init__(self, project: Project, entries: Iterable[FunctionKey]) -> None:
        self._project = project
        self._from: dict[FunctionKey, tuple[FunctionKey, Span] | None] = dict.fromkeys(sorted(entries))
        pending = deque(self._from)
        while pending:
            key = pending.popleft()
            for target, span in self._next(key):
                if target not in self._from:
                    self._from[target] = (key, span)
                    pending.append(target)

    def __contains__(self, function: LinkedFunction) -> bool:
        return function.key in self._from

    def chain(self, function: LinkedFunction) -> tuple[Evidence, ...]:
        """The calls that lead from an entry point to a function, the entry point first."""
        steps: list[Evidence] = []
        key = function.key
        while (step := self._from[key]) is not None and len(steps) < 12:
            caller, span = step
            found, called = self._project.graph.functions[caller], self._project.graph.functions[key]
            message = f"`{short_name(found)}` runs `{short_name(called)}`"
            steps.append(Evidence(found.path, span, message))
            key = caller
        return tuple(reversed(steps))

    def entry(self, function: LinkedFunction) -> LinkedFunction:
        """The entry point that a function runs for."""
        key = function.key
        while (step := self._from[key]) is not None:
            key = step[0]
        return self._project.graph.functions[key]

    def _next(self, key: FunctionKey) -> Iterator[tuple[FunctionKey, Span]]:
        functions = self._project.graph.functions
        function = functions[key]
        for call in function.calls:
            if call.block not in function.memo_blocks:
                for target in call.targets:
                    if not functions[target].memoised:
                        yield target, call.span
        for wrapper in wrapping(self._project.evaluator, function.file, function.index):
            if not functions[wrapper].memoised:
                yield wrapper, function.summary.span
        for file, term in self._project.injected(function):
            for value in options(self._project.evaluator.value(file, term)):
                if isinstance(value, FunctionValue) and not functions[value.file, value.function].memoised:
                    yield (value.file, value.function), function.summary.span
