"""Retries without end."""

from backlint.api import (
    BlockKind,
    CallSite,
    Confidence,
    Evidence,
    Findings,
    LibraryFunction,
    LinkedFunction,
    Project,
    Rule,
    Severity,
    options,
    short_name,
)
from backlint_rules.resilience._recursion import calls_itself
from backlint_rules.resilience._retries import RetryLoop, retry_loops
from backlint_rules.resilience._retry_settings import is_unlimited, retry_settings


class UnboundedRetry(Rule):
    """Checks for retries that never give up.

    ## Why is this bad?
    A service that is down for an hour keeps every caller waiting for an hour: threads, connections and jobs
    pile up behind the one that fails, and when it comes back all of them fall upon it at once. A request that
    can never succeed is repeated until someone restarts the process.

    ## What to do instead
    Give up after a number of tries or a time, with growing waits and some randomness in between, and say so:
    raise, record the failed item, or hand it to a dead-letter queue.

    ## Confidence
    High for settings and loops that say so; medium for a function that calls itself when it fails.

    ## What it leaves alone
    Counters, deadlines and failures that are raised; consumers, pollers, pagers and prompts, which go on to
    the next item; and libraries whose own default ends.

    ## References
    - [AWS Builders' Library: timeouts, retries and backoff with jitter](https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/)
    - [tenacity: stopping](https://tenacity.readthedocs.io/en/latest/#stopping)
    """

    severity = Severity.ERROR
    independent = True

    def check(self, project: Project, findings: Findings) -> None:
        """Look at retry settings, at decorators without arguments, at endless loops and at recursion."""
        listeners = _listeners(project)
        for call, retry in retry_settings(project, findings):
            if is_unlimited(project, call, retry):
                listens = (call.function.file.index, call.span.line) in listeners
                _report_setting(project, findings, call, retry.bounds, listens=listens)
        for function in project.functions:
            if not findings.wants(function):
                continue
            _check_bare_decorators(project, findings, function)
        for found in retry_loops(project, findings):
            if not found.bounded:
                _report_loop(project, findings, found)
        for call in calls_itself(project, findings):
            name = short_name(call.function)
            findings.add(
                call,
                f"`{name}` calls itself when it fails, without a limit",
                confidence=Confidence.MEDIUM,
                advice=f"count the tries in `{name}` and raise after the last one",
            )


def _listeners(project: Project) -> set[tuple[int, int]]:
    """The lines above functions that listen for ever by themselves: what starts them again is no retry."""
    return {
        (function.file.index, line)
        for function in project.functions
        if any(
            block.kind == BlockKind.WHILE and project.constant(function, block.terms[0]) in (True, 1)
            for block in function.summary.blocks
        )
        for line in range(function.summary.span.line - _DECORATOR_LINES, function.summary.span.line)
    }


_DECORATOR_LINES = 3


def _report_setting(
    project: Project, findings: Findings, call: CallSite, bounds: tuple[str, ...], *, listens: bool
) -> None:
    name = project.words(call.function, call.row.function)
    limits = " or ".join(f"`{bound}`" for bound in bounds)
    findings.add(
        call,
        f"`{name}(…)` retries without end",
        confidence=Confidence.LOW if listens else Confidence.HIGH,
        advice=f"pass {limits} so that it gives up",
    )


def _check_bare_decorators(project: Project, findings: Findings, function: LinkedFunction) -> None:
    for term in function.summary.decorators:
        for value in options(project.value(function, term)):
            if isinstance(value, LibraryFunction) and value.entry.retry and not value.entry.retry.bounded:
                limits = " or ".join(f"`{bound}`" for bound in value.entry.retry.bounds)
                findings.add(
                    function,
                    f"`@{project.words(function, term)}` on `{short_name(function)}` retries without end",
                    advice=f"pass {limits} so that it gives up",
                )


def _report_loop(project: Project, findings: Findings, found: RetryLoop) -> None:
    function = found.function
    tried = project.words(function, found.call.event.term)
    findings.add(
        function,
        f"the loop tries `{tried}` again for ever when it fails",
        span=found.loop.span,
        confidence=Confidence.HIGH if found.remote else Confidence.LOW,
        advice=f"give up after a number of tries or a time: `for attempt in range(5)`, and raise after the last one in "
        f"`{short_name(function)}`",
        evidence=(
            Evidence(function.path, found.call.span, "what is tried"),
            Evidence(function.path, found.handler.span, "after this failure it is tried again"),
        ),
    )
