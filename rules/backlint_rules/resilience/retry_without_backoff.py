"""Retries that don't wait, or always wait the same time."""

import re

from backlint.api import (
    NO_CONSTANT,
    Call,
    CallSite,
    Confidence,
    Effect,
    Evidence,
    Findings,
    Project,
    Retry,
    Rule,
    Severity,
    bare,
    short_name,
)
from backlint_rules.resilience._retries import RetryLoop, retry_loops, sleeps
from backlint_rules.resilience._retry_settings import is_unlimited, retry_settings

_WAITS_FOR_IT = re.compile(r"wait_?(?:for|until|till)|(?:^|_)(?:is_)?(?:ready|health|ping|poll|reachable)")
"""Words of functions whose purpose is to look again and again until something is there."""


class RetryWithoutBackoff(Rule):
    """Checks for retries of a remote service that do not wait, or always wait the same time.

    ## Why is this bad?
    Tries without a pause are over before the service has recovered, and triple its load just when it can't bear
    it. With a constant pause all clients that failed together come back together, again and again.

    ## What to do instead
    Wait longer after each failure, up to a limit, with a random part (`wait_random_exponential`,
    `retry_backoff=True`), and honour `Retry-After` where the service sends it.

    ## Confidence
    Medium: whether a service suffers from it is not in the code.

    ## What it leaves alone
    Waits that grow, a library's own backoff, loops over different things, work inside the process, and
    retries without end, of which unbounded-retry speaks.

    ## References
    - [AWS Architecture Blog: exponential backoff and jitter](https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/)
    """

    severity = Severity.NOTE
    independent = True

    def check(self, project: Project, findings: Findings) -> None:
        """Look at retry settings without a wait, and at loops that count their tries."""
        for call, retry in retry_settings(project, findings):
            waits = [(name, call.argument(None, name)) for name in retry.waits]
            evenly = [name for name, term in waits if term is not None and name in retry.fixed]
            asks = (*retry.bounds, "autoretry_for")
            asked = any(call.argument(None, name) is not None for name in asks) or _is_told_to(call, evenly)
            given = any(
                term is not None and _grows(project, call, term, fixed=name in retry.fixed)
                for name, term in waits
            )
            waits_evenly = retry.waits and not retry.backs_off and not given and not call.passes_unknown
            if (
                asked
                and waits_evenly
                and not is_unlimited(project, call, retry)
                and (_retries_by_itself(call) or _is_told_to(call, evenly))
                and not _tries_once_more(project, call, retry)
            ):
                _report_setting(project, findings, call, retry.waits)
        for found in retry_loops(project, findings):
            if found.bounded and found.remote:
                _check_loop(project, findings, found)


def _retries_by_itself(call: CallSite) -> bool:
    """A job's settings only matter where it retries on its own: a limit alone says what `retry()` may do."""
    names = {name for name, _ in call.row.keywords}
    return "autoretry_for" in names or "max_retries" not in names


def _is_told_to(call: CallSite, evenly: list[str]) -> bool:
    """Whether a running job asks to be tried again: `self.retry(countdown=30)`, and no decorator's settings."""
    return bool(evenly) and Effect.ENQUEUES in call.effects


def _grows(project: Project, call: CallSite, term: int, *, fixed: bool) -> bool:
    """Whether an argument asks for waits that differ: anything but none, or a constant of the library."""
    value = project.constant(call.function, term)
    if value in (None, False, 0) or (fixed and isinstance(value, int | float)):
        return False
    row = project.term(call.function, bare(call.function.file, term))
    made = project.value(call.function, row.function) if isinstance(row, Call) else None
    entry = None if made is None else project.evaluator.entry_of(made)
    return entry is None or entry.retry is None or not entry.retry.constant


def _tries_once_more(project: Project, call: CallSite, retry: Retry) -> bool:
    """Whether there is one more try at most: no queue of tries to spread."""
    given = [term for name in retry.bounds if (term := call.argument(None, name)) is not None]
    return any(project.constant(call.function, term) in (0, 1) for term in given)


def _report_setting(project: Project, findings: Findings, call: CallSite, waits: tuple[str, ...]) -> None:
    name = project.words(call.function, call.row.function)
    findings.add(
        call,
        f"`{name}(…)` retries without waiting longer each time",
        confidence=Confidence.MEDIUM,
        advice=f"pass `{waits[0]}`, growing and with a random part",
    )


def _check_loop(project: Project, findings: Findings, found: RetryLoop) -> None:
    waiting = sleeps(project, found)
    tried = project.words(found.function, found.call.event.term)
    if not waiting:
        message = f"the loop tries `{tried}` again at once when it fails"
    elif _WAITS_FOR_IT.search(short_name(found.function)):
        return
    elif all(_is_constant(project, call) for call in waiting):
        message = f"the loop tries `{tried}` again after the same wait each time"
    else:
        return
    findings.add(
        found.function,
        message,
        span=found.loop.span,
        confidence=Confidence.MEDIUM,
        advice=f"wait longer after each failure in `{short_name(found.function)}`, with a random part: "
        "`time.sleep(min(30, 2**attempt) * random.random())`",
        evidence=(Evidence(found.function.path, found.handler.span, "after this failure it is tried again"),),
    )


def _is_constant(project: Project, call: CallSite) -> bool:
    term = call.argument(0, "delay", "seconds", "secs")
    return term is not None and project.constant(call.function, term) is not NO_CONSTANT
