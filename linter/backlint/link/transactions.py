"""Open transactions: which code runs inside one, and what shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Effect, Role
from backlint.finding import Evidence, Span
from backlint.libraries.entry import QueryStep
from backlint.link.graph import bare
from backlint.summary import BlockKind, FileKind
from backlint.term import Call, Const, Mapping

if TYPE_CHECKING:
    from backlint.link.graph import CallSite, LinkedFunction
    from backlint.link.project import Project

_PARKS = frozenset({QueryStep.CREATES, QueryStep.UPDATES, QueryStep.DELETES})
_WRITES = frozenset({Effect.WRITES, Effect.FLUSHES})


def open_transaction(project: Project, function: LinkedFunction, call: CallSite) -> Evidence | None:
    """What keeps a transaction open around a call: a block, a decorator, or a commit that comes after it."""
    for block in function.blocks(call.block):
        if block.kind == BlockKind.WITH and _opens(project, function, block.terms[0]):
            return Evidence(function.path, block.span, "the transaction is open in this block")
    for term in function.summary.decorators:
        if _opens(project, function, term):
            return Evidence(function.path, function.summary.span, "the decorator opens a transaction")
    return _commit_after(function, call)


def _opens(project: Project, function: LinkedFunction, term: int) -> bool:
    index = bare(function.file, term)
    row = project.term(function, index)
    callee = row.function if isinstance(row, Call) else index
    return Role.OPENS_TRANSACTION in project.evaluator.roles(project.value(function, callee))


def _commit_after(function: LinkedFunction, call: CallSite) -> Evidence | None:
    """A commit further down that the call's path leads to, with something written before the call."""
    around = {
        index for index, _ in enumerate(function.summary.blocks) if _encloses(function, index, call.block)
    }
    commit = next(
        (
            other
            for other in function.calls
            if other.order > call.order and Effect.COMMITS in other.effects and other.block in around
        ),
        None,
    )
    if commit is None:
        return None
    since = max(
        (
            other.order
            for other in function.calls
            if other.order < call.order and Effect.COMMITS in other.effects
        ),
        default=-1,
    )
    if any(since < other.order < call.order and writes(other) for other in function.calls):
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
