"""Retries as code writes them: loops around `try`."""

from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import (
    Awaited,
    Block,
    BlockKind,
    Call,
    CallSite,
    Carried,
    Caught,
    Compare,
    Const,
    Effect,
    Findings,
    Join,
    LinkedFunction,
    Local,
    Operation,
    Project,
    bare,
)
from backlint_rules.resilience._loop_shape import (
    after_try,
    ends_loop,
    goes_on,
    leaves,
    leaving,
    loop_of,
    siblings,
)

REMOTE = (
    Effect.CALLS_NETWORK,
    Effect.QUERIES,
    Effect.WRITES,
    Effect.COMMITS,
    Effect.SENDS_MAIL,
    Effect.CONNECTS,
    Effect.CACHES,
    Effect.ENQUEUES,
)
_NOT_FAILURES = frozenset(
    {
        "EOFError",
        "FileExistsError",
        "IndexError",
        "IntegrityError",
        "KeyError",
        "KeyboardInterrupt",
        "ResultMissing",
        "StopIteration",
        "UniqueViolation",
        "UniqueViolationError",
        "ValueError",
        "DoesNotExist",
        "Empty",
    }
)
"""Exceptions that say the input or the choice was wrong, or that nothing is there: no failure of a service."""


class RetryLoop(NamedTuple):
    """A loop that tries again when something fails, and leaves when it succeeds."""

    function: LinkedFunction
    loop: Block
    handler: Block
    """The `except` after which it tries again."""
    call: CallSite
    """The call that is tried."""
    bounded: bool
    """A count, a deadline or a flag can end it after a failure."""
    remote: bool
    """The call is known to reach another service."""


def retry_loops(project: Project, findings: Findings) -> Iterator[RetryLoop]:
    """Loops whose `try` leads out of them on success and is tried again after a failure."""
    for function in project.functions:
        blocks = function.summary.blocks if findings.wants(function) else ()
        for index, block in enumerate(blocks):
            if block.kind == BlockKind.TRY:
                loop = loop_of(function, index)
                if loop is None or _goes_over_things(project, function, blocks[loop]):
                    continue
                found = _retry(project, function, loop, index)
                if found is not None and not project.depends_on_loop(
                    function, found.call.event.term, found.loop
                ):
                    yield found


def _is_endless(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether the loop's own head never ends it: `while True`, `for attempt in count()`."""
    if loop.kind == BlockKind.FOR:
        return (
            project.evaluator.symbol_of(function.file, bare(function.file, loop.terms[0]))
            == "itertools.count"
        )
    return project.constant(function, loop.terms[0]) in (True, 1)


def _goes_over_things(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether a `for` loop counts no tries: each pass is about something else."""
    if loop.kind != BlockKind.FOR:
        return False
    row = project.term(function, bare(function.file, loop.terms[0]))
    counting = ("builtins.range", "itertools.count")
    return (
        not isinstance(row, Call) or project.evaluator.symbol_of(function.file, row.function) not in counting
    )


def _retry(project: Project, function: LinkedFunction, loop: int, tried: int) -> RetryLoop | None:
    blocks = function.summary.blocks
    inside = {number for number, _ in enumerate(blocks) if tried in project.enclosing(function, number)}
    succeeds = inside | {n for n in siblings(function, tried) if blocks[n].kind == BlockKind.ELSE}
    call = _tried(project, function, inside)
    if call is None:
        return None
    for number in siblings(function, tried):
        block = blocks[number]
        if block.kind != BlockKind.EXCEPT or _is_about_input(project, function, block):
            continue
        after = after_try(project, function, loop, tried) if goes_on(function, number) else set()
        by_flag = _ends_by_result(project, function, loop, inside)
        if not by_flag and not leaves(function, succeeds | after, loop):
            continue
        if any(event.block == number for event in leaving(function, {number}, loop)):
            continue
        within = {n for n, _ in enumerate(blocks) if number in project.enclosing(function, n)}
        remote = is_remote(project, call)
        bounded = (
            not (by_flag or _is_endless(project, function, blocks[loop]))
            or _is_counted(project, function, within, loop)
            or _ends_around(project, function, loop, after)
        )
        return RetryLoop(function, blocks[loop], block, call, bounded, remote)
    return None


def _tried(project: Project, function: LinkedFunction, inside: set[int]) -> CallSite | None:
    """The remote call in a `try`, else one of which nothing is known."""
    calls = [call for call in function.calls if call.block in inside]
    remote = next((call for call in calls if is_remote(project, call)), None)
    return remote or next(
        (call for call in calls if call.entry is None and not call.targets and _may_be_remote(project, call)),
        None,
    )


def _may_be_remote(project: Project, call: CallSite) -> bool:
    """Whether an unknown call hangs on an object: `client.upload(…)`, and no `parse(…)`."""
    return "." in project.words(call.function, call.row.function)


def _ends_by_result(project: Project, function: LinkedFunction, loop: int, inside: set[int]) -> bool:
    """Whether the loop goes on until what its `try` binds is there: `while answer is None`, `while not done`."""
    if function.summary.blocks[loop].kind != BlockKind.WHILE:
        return False
    block = function.summary.blocks[loop]
    names = _tested(project, function, block.terms[0])
    calls = {call.event.term for call in function.calls if call.block in inside}
    return bool(names) and all(
        name in block.targets and _comes_with_success(function, name, calls) for name in names
    )


def _comes_with_success(function: LinkedFunction, name: str, calls: set[int]) -> bool:
    """Whether a variable is set to what a tried call gives, or to True, and never to what is computed."""
    terms = function.file.summary.terms
    bases = [row.base for row in terms if isinstance(row, Local) and row.name == name]
    given = [row.base if isinstance(row := terms[base], Awaited) else base for base in bases]
    return not any(isinstance(terms[base], Compare | Operation) for base in given) and any(
        base in calls or terms[base] == Const(True) for base in given
    )


def _tested(project: Project, function: LinkedFunction, term: int) -> set[str]:
    """The variables that a test is about; empty where it asks anything else than whether they are there."""
    row = project.term(function, term)
    match row:
        case Local(name, _) | Carried(name):
            return {name}
        case Join(parts):
            return {name for part in parts for name in _tested(project, function, part)}
        case Operation("not", (operand,)):
            return _tested(project, function, operand)
        case Compare(_, left, right) if project.term(function, right) == Const(None):
            return _tested(project, function, left)
    return set()


def _is_counted(project: Project, function: LinkedFunction, handler: set[int], loop: int) -> bool:
    """Whether a failure ends the loop under a condition that is not only about the failure itself."""
    blocks = function.summary.blocks
    for event in leaving(function, handler, loop):
        number = event.block
        while number in handler:
            block = blocks[number]
            if block.kind in (BlockKind.IF, BlockKind.ELSE) and not _is_about_failure(
                project, function, block
            ):
                return True
            number = block.parent
    return False


def _is_about_failure(project: Project, function: LinkedFunction, block: Block) -> bool:
    if not block.terms:
        return False
    rows = [project.term(function, term) for term in project.terms_of(function, block.terms[0])]
    return any(isinstance(row, Caught) for row in rows) and not any(
        isinstance(row, Operation) and row.operator in ("+", "-") for row in rows
    )


def _is_about_input(project: Project, function: LinkedFunction, handler: Block) -> bool:
    names = [
        project.evaluator.symbol_of(function.file, term).rpartition(".")[2]
        or project.words(function, term).rpartition(".")[2]
        for term in handler.terms
    ]
    return bool(names) and all(name in _NOT_FAILURES for name in names)


def is_remote(project: Project, call: CallSite) -> bool:
    """Whether a call reaches another service, itself or through what it calls."""
    if any(effect in call.effects for effect in REMOTE):
        return True
    return any(project.effects.target(call, effect) is not None for effect in REMOTE)


def _ends_around(project: Project, function: LinkedFunction, loop: int, on_success: set[int]) -> bool:
    """Whether the loop can end on the way around: by a deadline or counter outside `try` and its handlers."""
    blocks = function.summary.blocks
    for event in function.summary.events:
        if event.block in on_success or not ends_loop(function, event, loop):
            continue
        around = project.enclosing(function, event.block)
        inner = [blocks[number].kind for number in around - project.enclosing(function, loop)]
        if loop in around and BlockKind.TRY not in inner and BlockKind.EXCEPT not in inner:
            return True
    return False


def sleeps(project: Project, found: RetryLoop) -> list[CallSite]:
    """Calls in the loop that wait."""
    function = found.function
    loop = function.summary.blocks.index(found.loop)
    return [
        call
        for call in function.calls
        if loop in project.enclosing(function, call.block)
        and (Effect.SLEEPS in call.effects or project.effects.target(call, Effect.SLEEPS) is not None)
    ]
