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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backlint.rule import Rule

RECURSION_LIMIT = 5000
"""Deep enough for any code a person or agent writes; the parser gives up before it."""


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
    """Summarise one file. Never raises for what the file holds."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION_LIMIT))
    try:
        return _summarise(task, rules)
    except ParseFailure as failure:
        return FileOutcome(notices=(Notice(failure.kind, failure.message, task.path, failure.line),))
    except (RecursionError, MemoryError):
        message = "the code is nested too deep to be analysed"
        return FileOutcome(notices=(Notice("too-deep", message, task.path),))
    finally:
        sys.setrecursionlimit(limit)


def _summarise(task: FileTask, rules: Iterable[type[Rule]]) -> FileOutcome:
    parsed = parse(task.data, task.path)
    low = Lowering(task.path, task.module, task.is_package, task.kind, {})
    low.text = parsed.text
    visitors = Visitors(rules)
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
