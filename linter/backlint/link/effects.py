"""Carries effects from callees to callers, with the shortest chain of calls that shows each."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from backlint.effect import Effect
from backlint.finding import Evidence
from backlint.link.graph import CallSite, FunctionKey, Graph, LinkedFunction, Site
from backlint.link.switches import Switch, passes, switch_of

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CHAIN = 12
OF_THE_THREAD = frozenset({Effect.BLOCKS, Effect.SLEEPS, Effect.WAITS})
"""Effects on the thread that runs the code: they end where a callback is moved to another one."""
_PLAIN_CHAIN = 4
"""Calls between a loop and what it leads to, above which a reader can hardly check the claim."""


class Effects:
    """The effects of every function, direct and through what it calls."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._callers: dict[FunctionKey, list[CallSite]] = {}
        for function in graph.functions.values():
            for call in function.calls:
                for target in call.targets:
                    self._callers.setdefault(target, []).append(call)
        self._steps: dict[Effect, dict[FunctionKey, Site | CallSite]] = {}
        self._switches: dict[tuple[Effect, FunctionKey], Switch] = {}
        """Parameters that turn the only place of an effect in a function on."""

    def callers(self, key: FunctionKey) -> list[CallSite]:
        """The calls of the project that run a function."""
        return self._callers.get(key, [])

    def steps(self, effect: Effect) -> dict[FunctionKey, Site | CallSite]:
        """For each function that has the effect, the place that gives it: a direct site or a call."""
        found = self._steps.get(effect)
        if found is None:
            found = self._steps[effect] = self._spread(effect)
        return found

    def _spread(self, effect: Effect) -> dict[FunctionKey, Site | CallSite]:
        steps: dict[FunctionKey, Site | CallSite] = {}
        pending: deque[FunctionKey] = deque()
        for key, function in self._graph.functions.items():
            if key[1] == 0:
                continue
            sites = [
                site
                for site in function.sites
                if effect in site.effects and site.block not in function.memo_blocks
            ]
            if sites:
                plain = next((site for site in sites if switch_of(function, site.block) is None), None)
                steps[key] = plain or sites[0]
                switch = switch_of(function, sites[0].block) if plain is None else None
                if switch is not None:
                    self._switches[effect, key] = switch
                pending.append(key)
        while pending:
            key = pending.popleft()
            if not self._carries(key, effect):
                continue
            for call in self._callers.get(key, ()):
                caller = call.function.key
                if caller[1] == 0 or call.block in call.function.memo_blocks or effect in call.settles:
                    continue
                if not self._is_on(call, key, effect):
                    continue
                if caller in steps and not self._is_better(steps, key, caller, effect):
                    continue
                self._switches.pop((effect, caller), None)
                if effect not in OF_THE_THREAD or not call.moves_off_thread:
                    steps[caller] = call
                    pending.append(caller)
        return steps

    def _is_better(
        self, steps: dict[FunctionKey, Site | CallSite], key: FunctionKey, caller: FunctionKey, effect: Effect
    ) -> bool:
        """Whether a way through `key` needs no switch, where the one that is known does; ways in a circle are none."""
        if (effect, caller) not in self._switches:
            return False
        for _ in range(MAX_CHAIN):
            if key == caller:
                return False
            step = steps[key]
            if isinstance(step, Site):
                return True
            following = next((one for one in step.targets if one in steps), None)
            if following is None:
                return False
            key = following
        return False

    def _is_on(self, call: CallSite, key: FunctionKey, effect: Effect) -> bool:
        """Whether a call leaves on what switches the effect of the function that it runs."""
        switch = self._switches.get((effect, key))
        return switch is None or passes(call, self._graph.functions[key], switch)

    def _carries(self, key: FunctionKey, effect: Effect) -> bool:
        """Whether a function's effect is one of its callers too."""
        function = self._graph.functions[key]
        if function.memoised:
            return False
        return effect not in OF_THE_THREAD or not (function.summary.is_async or function.runs_in_thread)

    def target(self, call: CallSite, effect: Effect) -> LinkedFunction | None:
        """The project function through which a call has the effect; None where it has not, or is memoised."""
        if not call.targets:
            return None
        steps = self.steps(effect)
        for key in () if effect in call.settles else call.targets:
            function = self._graph.functions[key]
            stays = effect not in OF_THE_THREAD or not call.moves_off_thread
            if stays and key in steps and self._carries(key, effect) and self._is_on(call, key, effect):
                return function
        return None

    def is_plain(self, function: LinkedFunction, effect: Effect) -> bool:
        """Whether the chain to an effect is short and every call on it can only mean one function."""
        steps = self.steps(effect)
        for _ in range(_PLAIN_CHAIN):
            step = steps[function.key]
            if isinstance(step, Site):
                return True
            called = self.target(step, effect)
            if called is None or len(step.targets) > 1:
                return False
            function = called
        return False

    def distance(self, function: LinkedFunction, effect: Effect) -> int | None:
        """How many calls lead from a function's caller to the direct site; None where it hasn't the effect."""
        steps = self.steps(effect)
        if function.key not in steps or function.memoised:
            return None
        for count in range(1, MAX_CHAIN * 4):
            step = steps[function.key]
            if isinstance(step, Site):
                return count
            called = self.target(step, effect)
            if called is None:
                return None
            function = called
        return None

    def last(self, function: LinkedFunction, effect: Effect) -> Site | None:
        """The direct site at the end of the chain to an effect."""
        steps = self.steps(effect)
        for _ in range(MAX_CHAIN * 4):
            step = steps[function.key]
            if isinstance(step, Site):
                return step
            called = self.target(step, effect)
            if called is None:
                return None
            function = called
        return None

    def chain(
        self, function: LinkedFunction, effect: Effect, words: Callable[[Site], str] | None = None
    ) -> tuple[Evidence, ...]:
        """How a function comes to have an effect: each call on the way, the direct site last."""
        steps = self.steps(effect)
        evidence: list[Evidence] = []
        while len(evidence) < MAX_CHAIN:
            step = steps[function.key]
            name = short_name(function)
            if isinstance(step, Site):
                message = words(step) if words is not None else f"`{step.what}` {_VERBS[effect]}"
                evidence.append(Evidence(function.path, step.span, message))
                break
            called = self.target(step, effect)
            if called is None:
                break
            evidence.append(
                Evidence(function.path, step.span, f"`{name}` calls {self._called(step, called)}")
            )
            function = called
        return tuple(evidence)

    def _called(self, call: CallSite, one: LinkedFunction) -> str:
        """What a call runs, in words: of a method that subclasses write, one of them stands for all."""
        method = one.summary.name.rpartition(".")[2]
        names = {self._graph.functions[key].summary.name for key in call.targets}
        if len(names) > 1 and {name.rpartition(".")[2] for name in names} == {method}:
            return f"`{method}` of a subclass, such as `{short_name(one)}`"
        return f"`{short_name(one)}`"


def short_name(function: LinkedFunction) -> str:
    """The function's name without its module, for messages."""
    return function.summary.name.replace("<locals>.", "")


_VERBS = {
    Effect.QUERIES: "queries the database",
    Effect.WRITES: "writes to the database",
    Effect.COMMITS: "commits",
    Effect.FLUSHES: "flushes",
    Effect.CALLS_NETWORK: "calls another service",
    Effect.SENDS_MAIL: "sends mail",
    Effect.BLOCKS: "blocks",
    Effect.SLEEPS: "sleeps",
    Effect.WAITS: "waits",
    Effect.ENQUEUES: "enqueues a job",
    Effect.SPAWNS: "starts a thread or task",
    Effect.RUNS_PROCESS: "runs a process",
    Effect.LOGS: "logs",
    Effect.CACHES: "uses the cache",
    Effect.CONNECTS: "opens a connection",
    Effect.READS_FILE: "reads a file",
    Effect.WRITES_FILE: "writes a file",
    Effect.CHANGES_FOLDER: "changes a folder",
    Effect.ASKS_MODEL: "asks a language model",
    Effect.HASHES_PASSWORD: "hashes a password",
    Effect.RENDERS: "does heavy work",
}
