"""Outbound calls that can wait for ever."""

import re
from collections import deque
from functools import cached_property

from backlint.api import (
    BlockKind,
    CallSite,
    ClassValue,
    Confidence,
    Const,
    Effect,
    Evidence,
    FileKind,
    Finding,
    Findings,
    Fix,
    InstanceValue,
    LibraryFunction,
    LinkedFunction,
    Name,
    Project,
    Role,
    Rule,
    Sequence,
    Severity,
    SourceText,
    bare,
    options,
)
from backlint_rules.jobs._results import is_job_result
from backlint_rules.resilience._timeouts.edit import call_ending, insertion
from backlint_rules.resilience._timeouts.search import ARGUMENT, KINDS, Fault, Search, rank

_PASSED = re.compile(r"pass `(?P<argument>(?P<name>\w+)=[\d.]+)`")
_MAX_EVIDENCE = 6
_MAX_TARGETS = 2


class MissingTimeout(Rule):
    """Checks for outbound calls, clients and waits that nothing bounds in time, or only minutes do.

    ## Why is this bad?
    A peer that accepts the connection and never answers keeps the caller waiting for ever: most clients have
    no timeout unless they are given one. Each stuck call holds a worker, its database
    connection and its locks. A few dozen of them stop the whole service, although only
    one dependency is slow.

    ## What to do instead
    Give each call, or the client it goes through, a timeout that is a little longer than the slowest
    answer worth waiting for: seconds in a request handler, where somebody waits. Bound both
    connecting and reading, and decide what happens when the time is up.

    ## Confidence
    High where the call and its library are resolved and no timeout is anywhere on the way; medium where a
    request waits for a library's default of a minute or more, for waits inside the process and for
    commands; low in scripts and programs that serve nobody, for workers whose work is to wait, and for
    fixed commands.

    ## What it leaves alone
    A timeout wherever the code shows it: in the call, the client or session, a mounted adapter, a subclass,
    a wrapper, a caller, a constant, the settings, or a block that bounds the time. Libraries with a short
    default, such as httpx.

    ## How to tune it
    Teach it a client of yours with a library entry (`timeout: {parameters: [timeout], default: 5}`), and
    give the role `bounds-time` to a context manager that cancels what runs in it.

    ## References
    - [CWE-400: Uncontrolled Resource Consumption](https://cwe.mitre.org/data/definitions/400.html)
    - [Requests: timeouts](https://requests.readthedocs.io/en/latest/user/advanced/#timeouts)
    - [Timeouts, retries and backoff with jitter](https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/)
    """

    severity = Severity.WARNING
    kinds = KINDS
    same_as = ("ruff:S113", "bandit:B113")
    tags = ("CWE-400",)

    def check(self, project: Project, findings: Findings) -> None:
        reporter = _Reporter(project)
        shared: dict[tuple[object, ...], list[Fault]] = {}
        for fault in Search(project).faults(findings):
            if _is_told_by_jobs(project, fault):
                continue
            shared.setdefault(reporter.remedy(fault), []).append(fault)
        for faults in shared.values():
            reporter.report(findings, faults)

    def fix(self, finding: Finding, source: SourceText) -> Fix | None:
        """Pass the advised keyword, where the advice is no more than that."""
        advised = _PASSED.fullmatch(finding.advice)
        if advised is None or "is told" in finding.message:
            return None
        node = call_ending(finding.span, source)
        if node is None:
            return None
        if any(keyword.arg in (None, advised["name"]) for keyword in node.keywords):
            return None
        edit = insertion(node, advised["argument"], source)
        return None if edit is None else Fix(f"pass {advised['argument']}", (edit,))


class _Reporter:
    """Says what was found, with what it means for request handlers."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._evaluator = project.evaluator
        self._predecessors = _reach(project)

    def in_handler(self, function: LinkedFunction) -> bool:
        return function.key in self._predecessors

    def remedy(self, fault: Fault) -> tuple[object, ...]:
        """Faults that are mended at one place have the same."""
        if fault.timeout.settings:
            return fault.timeout.settings
        if not fault.timeout.parameters and not fault.timeout.keys and not fault.uses:
            return (*fault.call.function.key, fault.timeout.suggestion)
        return (*fault.call.function.key, fault.call.span)

    def report(self, findings: Findings, faults: list[Fault]) -> None:
        """Report faults that are mended at one place, once."""
        faults.sort(key=lambda fault: (not self.in_handler(fault.call.function), *_place(fault.call)))
        fault = faults[0]
        call = fault.call
        handled = next((one for one in (call, *fault.uses) if self.in_handler(one.function)), None)
        network = Effect.CALLS_NETWORK in fault.effects
        severity = Severity.ERROR if handled is not None and network else Severity.WARNING
        evidence: list[Evidence] = []
        if fault.made is not None:
            evidence.append(_step(fault.made, "the client is made here, without a timeout"))
        if handled is not None and handled is not call:
            evidence.append(_step(handled, "a request handler waits here"))
        evidence += self._path(handled.function) if handled is not None else ()
        for other in faults[1:]:
            evidence.append(_step(other.call, f"the same holds for {_called(self._project, other.call)}"))
        findings.add(
            call,
            _message(self._project, fault),
            confidence=self._confidence(fault, served=handled is not None),
            severity=severity,
            advice=_advice(fault),
            evidence=tuple(evidence[:_MAX_EVIDENCE]),
        )

    def _path(self, function: LinkedFunction) -> list[Evidence]:
        """The calls that lead from a request handler to a function, the handler's first."""
        steps: list[Evidence] = []
        call = self._predecessors.get(function.key)
        while call is not None and len(steps) < 4:
            steps.append(_step(call, f"called here, in {call.function.name or call.function.path}"))
            call = self._predecessors.get(call.function.key)
        return steps[::-1]

    def _confidence(self, fault: Fault, *, served: bool) -> Confidence:
        call = fault.call
        ceiling = Confidence.HIGH
        sure = fault.wait.confidence
        if served and fault.wait.seconds is not None and Effect.CALLS_NETWORK in fault.effects:
            # A minute in which somebody waits, and which most clients spend again for each retry.
            sure = max(sure, Confidence.MEDIUM, key=rank)
        if call.function.kind is FileKind.SCRIPT or self._is_apart(call.function):
            ceiling = Confidence.LOW
        elif Effect.WAITS in fault.effects and Effect.CALLS_NETWORK not in fault.effects:
            ceiling = Confidence.LOW if self._is_local_wait(call) else Confidence.MEDIUM
        elif Effect.RUNS_PROCESS in fault.effects and not self.in_handler(call.function):
            ceiling = Confidence.LOW if _is_fixed_command(call) else Confidence.MEDIUM
        return min(sure, ceiling, key=rank)

    def _is_apart(self, function: LinkedFunction) -> bool:
        """Whether a manifest of its own makes the code a program that answers no request and runs no job."""
        manifest = self._manifest(function.path)
        return bool(manifest) and bool(self._served) and manifest not in self._served

    def _manifest(self, path: str) -> str:
        declared = self._project.dependencies.of(path)
        return "" if declared is None else declared.manifest

    @cached_property
    def _served(self) -> frozenset[str]:
        """The manifests of the project's services: code with handlers or jobs."""
        entries = [one for one in self._project.functions if self._project.is_handler(one)]
        entries += [self._project.graph.functions[key] for key in self._project.jobs]
        return frozenset(self._manifest(function.path) for function in entries)

    def _is_local_wait(self, call: CallSite) -> bool:
        """Whether waiting without a bound is what the code is for: a worker's loop, the end of a pool."""
        timeout = call.entry.timeout if call.entry is not None else None
        if timeout is not None and timeout.internal:
            return True
        for block in call.function.blocks(call.block):
            if block.kind == BlockKind.WHILE:
                return True
            if block.kind == BlockKind.WITH and self._is_executor(call, block.terms[0]):
                return True
        return False

    def _is_executor(self, call: CallSite, term: int) -> bool:
        """Whether a value runs functions in other threads, and waits for all of them at its end."""
        classes = self._evaluator.classes
        for value in options(self._evaluator.value(call.function.file, term)):
            for ancestor in classes.order(value.symbol) if isinstance(value, InstanceValue) else ():
                entry = classes.library_class(ancestor)
                if entry and any(Role.RUNS_IN_THREAD in method.roles for method in entry.methods.values()):
                    return True
        return False


def _is_told_by_jobs(project: Project, fault: Fault) -> bool:
    """Whether the wait is for a job inside a request or another job: blocking-on-job speaks of it."""
    function = fault.call.function
    if Effect.WAITS not in fault.effects or not is_job_result(project, fault.call):
        return False
    return function in project.per_request or function in project.per_job


def _reach(project: Project) -> dict[tuple[int, int], CallSite | None]:
    """All functions that request handlers run, each with a call on the shortest way from a handler."""
    reached: dict[tuple[int, int], CallSite | None] = {}
    for function in project.functions:
        if project.is_handler(function):
            reached[function.key] = None
    queue = deque(project.graph.functions[key] for key in reached)
    while queue:
        function = queue.popleft()
        for call in function.calls:
            # A call that any of many implementations may answer says little of which one does.
            for target in call.targets if len(call.targets) <= _MAX_TARGETS else ():
                if target not in reached:
                    reached[target] = call
                    queue.append(project.graph.functions[target])
    return reached


def _is_fixed_command(call: CallSite) -> bool:
    """Whether a process is run with nothing but literals: `git rev-parse HEAD` takes as long every time."""
    terms = call.function.file.summary.terms
    rows = [terms[bare(call.function.file, term)] for term in call.row.arguments[:1]]
    return any(
        isinstance(row, Sequence) and all(isinstance(terms[item], Const) for item in row.items)
        for row in rows
    )


def _place(call: CallSite) -> tuple[str, int, int]:
    return call.function.path, call.span.line, call.span.column


def _step(call: CallSite, message: str) -> Evidence:
    return Evidence(call.function.path, call.span, message)


def _called(project: Project, call: CallSite) -> str:
    function = call.function
    words = project.words(function, call.row.function)
    if "." not in words and isinstance(call.callee, LibraryFunction | ClassValue):
        row = function.file.summary.terms[bare(function.file, call.row.function)]
        names = (row.symbol if isinstance(row, Name) else call.callee.symbol).split(".")
        if names[0] in project.index.top_level:
            return f"`{'.'.join(names[-2:])}()`"
        kept = names[1:-1] if len(names) < 4 else [name for name in names[1:-1] if name[:1].isupper()]
        words = ".".join((names[0], *kept, names[-1])) if len(names) > 1 else words
    return f"`{words}()`"


def _message(project: Project, fault: Fault) -> str:
    called = _called(project, fault.call)
    what = fault.timeout.what or "the answer"
    if fault.wait.told:
        return f"{called} is told to wait for ever for {what}: {fault.wait.told}"
    if fault.wait.seconds is not None:
        return f"{called} waits up to {_duration(fault.wait.seconds)} by default for {what}"
    return f"{called} has no timeout: it may wait for ever for {what}"


def _duration(seconds: float) -> str:
    if seconds >= 120 and seconds % 60 == 0:
        return f"{seconds / 60:g} minutes"
    return f"{seconds:g} s"


def _advice(fault: Fault) -> str:
    suggestion = fault.timeout.suggestion
    argument = ARGUMENT.match(suggestion)
    if argument is not None and (argument["name"] in fault.timeout.parameters or fault.timeout.keys):
        waits = Effect.CALLS_NETWORK not in fault.effects and Effect.CONNECTS not in fault.effects
        if fault.handed:
            return f"hand `{suggestion}` over with it, where need be by `functools.partial`"
        then = ", and handle what it raises when the time is up" if waits else ""
        return f"pass `{suggestion}`{then}"
    if not suggestion:
        return "run it inside a block that cancels it after a time"
    return f"bound it with {suggestion}" if " " in suggestion else f"bound it with `{suggestion}`"
