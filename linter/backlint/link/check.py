"""Runs the second half of linking: pending findings are decided and project-wide rules asked."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Evidence, Finding, NotEvaluated, Notice
from backlint.link import forked
from backlint.link.decide import decide
from backlint.link.findings import Findings
from backlint.link.outcome import Outcome
from backlint.rule import Rule
from backlint.time_limit import TimeLimitReached, time_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from backlint.link.project import Project
    from backlint.registry import RuleInfo
    from backlint.summary import PendingFinding


SECONDS = 30.0
"""Of processor time that a rule may take on a project of any size."""
_LINES_A_SECOND = 10_000
"""Grants large projects more: hundreds of times what a rule needs."""
LARGE = 10_000
"""Lines of a project below which copies of the process cost more than they save."""


class _Judged(msgspec.Struct, frozen=True, array_like=True):
    """What one rule says of the project."""

    findings: tuple[Finding, ...] = ()
    notice: Notice | None = None


def check_project(
    project: Project,
    rules: Iterable[RuleInfo],
    renew: Callable[[], Project] | None = None,
    jobs: int = 1,
    paths: Collection[str] | None = None,
) -> Outcome:
    """Ask every rule; one that raises, or takes too long, costs its own second half only.

    Args:
        renew: Makes the project anew, for the rules after one that was interrupted in the middle of it.
        jobs: How many rules may look at a large project at the same time, each in a process of its own.
        paths: The files whose findings are asked for, in the light of the whole project; all where None.
    """
    not_evaluated: list[NotEvaluated] = []
    evaluated: dict[str, RuleInfo] = {}
    lines = sum(file.summary.lines for file in project.files)
    for info in rules:
        if info.needs and not project.mentions.intersection(info.needs):
            names = ", ".join(info.needs)
            not_evaluated.append(NotEvaluated(info.id, f"the project imports none of: {names}"))
        else:
            evaluated[info.id] = info
    asked = [info for info in evaluated.values() if info.cls.check is not Rule.check]
    seconds = SECONDS + lines / _LINES_A_SECOND
    judged = None
    # About a few files, rules have little to ask: less than what copies would each work out for themselves.
    if paths is None and jobs > 1 and lines >= LARGE and len(asked) > 1 and forked.can_fork():
        try:
            with time_limit(seconds):
                project.prepare()
        except TimeLimitReached:
            project = renew() if renew is not None else project
        except Exception:
            pass  # it comes up again in the rules that ask for it, and is told there
        with suppress(OSError):
            judged = _judged_in_workers(project, asked, seconds, jobs)
    if judged is None:
        judged = _judged_here(project, asked, seconds, renew, paths)
    return Outcome(
        findings=(
            *(finding for one in judged for finding in one.findings),
            *_decided(project, evaluated, paths),
        ),
        notices=tuple(one.notice for one in judged if one.notice is not None),
        not_evaluated=tuple(not_evaluated),
    )


def _judged_here(
    project: Project,
    rules: list[RuleInfo],
    seconds: float,
    renew: Callable[[], Project] | None,
    paths: Collection[str] | None,
) -> list[_Judged]:
    judged = []
    for info in rules:
        found, is_interrupted = _judge(project, info, seconds, paths)
        judged.append(found)
        if is_interrupted and renew is not None:
            project = renew()
    return judged


def _judged_in_workers(
    project: Project, rules: list[RuleInfo], seconds: float, workers: int
) -> list[_Judged]:
    """What each rule says, in the order of the rules, whoever was done first."""

    def work(number: int) -> tuple[bytes, bool]:
        found, is_interrupted = _judge(project, rules[number], seconds)
        return msgspec.msgpack.encode(found), is_interrupted

    # Rules of a family tend to ask the same questions, and a worker answers each once.
    tasks = sorted(range(len(rules)), key=lambda number: (rules[number].family, number))
    results, deaths = forked.run(work, tasks, workers)
    judged = []
    for number, info in enumerate(rules):
        if number in results:
            judged.append(msgspec.msgpack.decode(results[number], type=_Judged))
        else:
            message = (
                f"{info.id} failed on the project: a worker process died over it, {deaths[number]} times"
            )
            judged.append(_Judged(notice=Notice("worker", message)))
    return judged


def _judge(
    project: Project, info: RuleInfo, seconds: float, paths: Collection[str] | None = None
) -> tuple[_Judged, bool]:
    """What a rule says, and whether it was interrupted, which leaves the project of no use."""
    collector = Findings(info.cls, paths)
    notice = None
    try:
        with time_limit(seconds):
            info.cls().check(project, collector)
            if paths is not None and collector.found and not info.cls.independent:
                # What it passed over may have a say in which of several places is reported.
                collector = Findings(info.cls, paths, looks_everywhere=True)
                info.cls().check(project, collector)
    except TimeLimitReached:
        # What it had found by then hangs on the clock, and what it was working out is half done.
        message = f"{info.id} takes longer than {seconds:.0f} s and skips the project"
        return _Judged(notice=Notice("too-slow", message)), True
    except Exception as error:
        reason = " ".join(str(error).split())
        notice = Notice("rule-error", f"{info.id} failed on the project: {type(error).__name__}: {reason}")
    return _Judged(tuple(collector.found), notice), False


def _decided(
    project: Project, rules: dict[str, RuleInfo], paths: Collection[str] | None
) -> Iterable[Finding]:
    for file in project.files:
        if paths is not None and file.summary.path not in paths:
            continue
        for pending in file.summary.findings:
            info = rules.get(pending.rule)
            if info is None or file.kind not in info.kinds:
                continue
            evidence = pending.evidence
            if pending.when is not None:
                held, shown = decide(project, file, pending.when)
                if not held:
                    continue
                evidence = (*evidence, *shown)
            function = file.summary.functions[pending.function]
            symbol = function.name if pending.function else ""
            yield _finding(pending, info, file.summary.path, symbol, evidence)


def _finding(
    pending: PendingFinding, info: RuleInfo, path: str, symbol: str, evidence: tuple[Evidence, ...]
) -> Finding:
    return Finding(
        rule=info.id,
        family=info.family,
        path=path,
        span=pending.span,
        message=pending.message,
        severity=pending.severity,
        confidence=pending.confidence,
        symbol=symbol,
        advice=pending.advice,
        evidence=evidence,
        fix=pending.fix,
    )
