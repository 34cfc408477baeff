"""Summarises one file: parse, walk once, encode."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Notice
from backlint.semantics.lowering import finish, lower_imports, lower_module
from backlint.semantics.state import Lowering
from backlint.summarise.visitors import Visitors
from backlint.summary import FileKind, FileSummary
from backlint.syntax.comments import suppressions
from backlint.syntax.parse import ParseFailure, parse
from backlint.time_limit import TimeLimitReached, time_limit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backlint.rule import Rule

RECURSION_LIMIT = 5000
"""Deep enough for any code a person or agent writes; the parser gives up before it."""


SECONDS = 10.0
"""Of processor time that a file may take: fifty times what the largest that is read needs."""


class FileTask(msgspec.Struct, frozen=True, array_like=True):
    """What summarising a file needs to know of it."""

    path: str
    module: str
    is_package: bool
    kind: FileKind
    data: bytes


class FileOutcome(msgspec.Struct, frozen=True, array_like=True):
    """A summary, or the notices that say why there is none or what is missing from it."""

    summary: FileSummary | None = None
    notices: tuple[Notice, ...] = ()


def summarise(task: FileTask, rules: Iterable[type[Rule]]) -> FileOutcome:
    """Summarise one file. Never raises for what the file holds.

    When it takes longer than `SECONDS`, the rule that was at work is left out and the file is read once more
    without it: what the interruption left half done is never used.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        return _within_time(task, list(rules))
    except ParseFailure as failure:
        return FileOutcome(notices=(Notice(failure.kind, failure.message, task.path, failure.line),))
    except (RecursionError, MemoryError):
        message = "the code is nested too deep to be analysed"
        return FileOutcome(notices=(Notice("too-deep", message, task.path),))
    finally:
        sys.setrecursionlimit(limit)


def _within_time(task: FileTask, rules: list[type[Rule]]) -> FileOutcome:
    notices: tuple[Notice, ...] = ()
    while True:
        visitors = Visitors(rules)
        try:
            with time_limit(SECONDS):
                outcome = _summarise(task, visitors)
        except TimeLimitReached:
            slow = visitors.running
            if not slow:
                message = f"reading the file takes longer than {SECONDS:g} s, so it is left out"
                return FileOutcome(notices=(*notices, Notice("too-slow", message, task.path)))
            message = f"{slow} takes longer than {SECONDS:g} s here and skips the file"
            notices += (Notice("too-slow", message, task.path),)
            rules = [rule for rule in rules if rule.id != slow]
        else:
            return msgspec.structs.replace(outcome, notices=(*notices, *outcome.notices))


def _summarise(task: FileTask, visitors: Visitors) -> FileOutcome:
    parsed = parse(task.data, task.path)
    low = Lowering(task.path, task.module, task.is_package, task.kind, {})
    low.text = parsed.text
    if task.kind is FileKind.TEST and not visitors.apply_to(FileKind.TEST):
        lower_imports(low, parsed.tree)
    else:
        visitors.attach(low)
        lower_module(low, parsed.tree)
    summary = msgspec.structs.replace(
        finish(low, parsed.text.count("\n") + 1),
        suppressions=suppressions(parsed.text, parsed.tree) if b"backlint" in task.data else (),
        findings=tuple(visitors.findings),
        facts=tuple(visitors.facts),
    )
    return FileOutcome(summary, tuple(visitors.notices))
