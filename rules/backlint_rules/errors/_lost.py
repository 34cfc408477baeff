"""Exceptions that are made and not raised, and those that stay in a future."""

import re

from backlint.api import (
    Attr,
    Block,
    BlockKind,
    CallSite,
    ClassValue,
    Confidence,
    Effect,
    Event,
    EventKind,
    Evidence,
    ExternalValue,
    FileKind,
    Findings,
    FunctionValue,
    LinkedFunction,
    Project,
    Role,
    Severity,
    Use,
    bare,
    options,
    short_name,
)

_BASE = ("builtins.BaseException", "builtins.Exception")
_NAMED = re.compile(r"(?:[a-z]Error|[a-z]Exception)$|^Http404$|^PermissionDenied$")
_FUTURE = "concurrent.futures.Future"
_READS = frozenset({"result", "exception"})
_KEEPS = "add_done_callback"


def report_unraised(project: Project, findings: Findings, kinds: frozenset[FileKind]) -> None:
    """Report exceptions that are built as a statement of their own."""
    for call in project.calls():
        if (
            call.event.use is Use.DISCARDED
            and call.function.kind in kinds
            and _makes_exception(project, call)
        ):
            name = project.words(call.function, call.row.function)
            findings.add(
                call,
                f"`{name}(…)` is made and not raised: the code goes on as if nothing were wrong",
                severity=Severity.ERROR,
                advice=f"write `raise {name}(…)`",
            )


def _makes_exception(project: Project, call: CallSite) -> bool:
    for value in options(call.callee):
        if isinstance(value, ClassValue):
            order = project.evaluator.classes.order(value.symbol)
            name = value.symbol.rpartition(".")[2]
            return any(base in _BASE for base in order) or bool(
                _NAMED.search(name) and project.evaluator.classes.project_class(value.symbol) is None
            )
        if isinstance(value, ExternalValue):
            name = value.symbol.rpartition(".")[2]
            return bool(_NAMED.search(name)) and name[:1].isupper()
    return False


def report_unread_futures(project: Project, findings: Findings) -> None:
    """Report work handed to a pool of threads or processes whose failure nobody reads."""
    for call in project.calls():
        entry = call.entry
        if entry is None or Role.RUNS_IN_THREAD not in entry.roles or not entry.returns.startswith(_FUTURE):
            continue
        if call.function.kind is FileKind.TEST or Effect.SPAWNS not in entry.effects:
            continue
        target = _submitted(project, call)
        if target is None or _catches_everything(project, target):
            continue
        lost, evidence = _is_lost(project, call)
        if lost:
            findings.add(
                call,
                f"an exception in `{short_name(target)}` stays in the future, and nobody reads it",
                confidence=Confidence.LOW if call.function.kind is FileKind.SCRIPT else Confidence.MEDIUM,
                advice=f"read `future.exception()` when it is done, or log in `{short_name(target)}` what fails",
                evidence=evidence,
            )


def _submitted(project: Project, call: CallSite) -> LinkedFunction | None:
    term = call.argument(0, "fn")
    for value in options(project.value(call.function, term)) if term is not None else ():
        if isinstance(value, FunctionValue):
            return project.graph.functions[value.file, value.function]
    return None


def _catches_everything(project: Project, function: LinkedFunction) -> bool:
    """Whether the body of a function is one `try` that catches whatever fails."""
    return any(
        block.kind == BlockKind.EXCEPT and block.parent <= 0 and _is_broad(project, function, block)
        for block in function.summary.blocks
    )


def _is_broad(project: Project, function: LinkedFunction, block: Block) -> bool:
    names = [project.evaluator.symbol_of(function.file, term) for term in block.terms]
    return not names or any(name in _BASE for name in names)


def _is_lost(project: Project, call: CallSite) -> tuple[bool, tuple[Evidence, ...]]:
    """Whether a future is dropped, or only given callbacks that don't ask for its outcome."""
    if call.event.use is Use.DISCARDED:
        return True, ()
    if call.event.use is not Use.ASSIGNED:
        return False, ()
    function = call.function
    evidence: list[Evidence] = []
    for event in function.summary.events:
        if (
            event is call.event
            or event.kind == EventKind.ASSIGN
            or not _mentions(project, function, event, call)
        ):
            continue
        callback = _callback(project, function, event, call)
        if callback is None or _reads_outcome(project, callback):
            return False, ()
        message = f"`{short_name(callback)}` gets the future, and does not ask what became of it"
        evidence.append(Evidence(callback.path, callback.summary.span, message))
    return True, tuple(evidence)


def _mentions(project: Project, function: LinkedFunction, event: Event, call: CallSite) -> bool:
    return any(
        term >= 0 and call.event.term in project.terms_of(function, term)
        for term in (event.term, event.value)
    )


def _callback(
    project: Project, function: LinkedFunction, event: Event, call: CallSite
) -> LinkedFunction | None:
    """The project's function that an event gives to the future as its callback."""
    for other in function.calls:
        row = project.term(function, other.row.function) if other.event is event else None
        if isinstance(row, Attr) and row.name == _KEEPS and bare(function.file, row.base) == call.event.term:
            for value in (
                options(project.value(function, other.row.arguments[0])) if other.row.arguments else ()
            ):
                if isinstance(value, FunctionValue):
                    return project.graph.functions[value.file, value.function]
    return None


def _reads_outcome(project: Project, function: LinkedFunction) -> bool:
    """Whether a function asks anything for its result or exception, or hands the future on."""
    names = {parameter.name for parameter in function.summary.parameters} - {"self", "cls"}
    for call in function.calls:
        row = project.term(function, call.row.function)
        if isinstance(row, Attr) and row.name in _READS:
            return True
        for term in (*call.row.arguments, *(term for _, term in call.row.keywords)):
            if any(
                getattr(project.term(function, inner), "name", "") in names
                for inner in project.terms_of(function, term)
            ):
                return True
    return False
