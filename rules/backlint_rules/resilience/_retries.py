"""Retries as code writes them: decorators and settings of libraries, and loops around `try`."""

from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import (
    NO_CONSTANT,
    Block,
    BlockKind,
    Call,
    CallSite,
    Const,
    Effect,
    Event,
    EventKind,
    LinkedFunction,
    Operation,
    Project,
    Retry,
    bare,
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
    """The remote call that is tried."""


def retry_settings(project: Project) -> Iterator[tuple[CallSite, Retry]]:
    """Calls of libraries that say how retries end and wait."""
    for call in project.calls():
        if call.entry is not None and call.entry.retry is not None:
            yield call, call.entry.retry


def is_unlimited(project: Project, call: CallSite, retry: Retry) -> bool:
    """Whether the arguments switch the limit off, or none is given where the library has none."""
    given = [call.argument(None, name) for name in retry.bounds]
    values = [project.constant(call.function, term) for term in given if term is not None]
    if not values:
        return not retry.bounded and not call.passes_unknown
    return all(value is None or (isinstance(value, int) and value < 0) for value in values) and all(
        value is not NO_CONSTANT for value in values
    )


def retry_loops(project: Project, kinds: tuple[BlockKind, ...]) -> Iterator[RetryLoop]:
    """Loops of these kinds whose `try` leaves on success and is tried again after a failure."""
    for function in project.functions:
        blocks = function.summary.blocks
        for index, block in enumerate(blocks):
            if block.kind == BlockKind.TRY:
                loop = _loop_of(function, index)
                if (
                    loop is None
                    or blocks[loop].kind not in kinds
                    or _goes_over_things(project, function, blocks[loop])
                ):
                    continue
                found = _retry(project, function, loop, index)
                if found is not None and not project.depends_on_loop(
                    function, found.call.event.term, found.loop
                ):
                    yield found


def _goes_over_things(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether a `for` loop counts no tries: each pass is about something else."""
    if loop.kind != BlockKind.FOR:
        return False
    row = project.term(function, bare(function.file, loop.terms[0]))
    counting = ("builtins.range", "itertools.count")
    return (
        not isinstance(row, Call) or project.evaluator.symbol_of(function.file, row.function) not in counting
    )


def _loop_of(function: LinkedFunction, block: int) -> int | None:
    parent = function.summary.blocks[block].parent
    while parent >= 0:
        if function.summary.blocks[parent].kind in (BlockKind.FOR, BlockKind.WHILE):
            return parent
        parent = function.summary.blocks[parent].parent
    return None


def _retry(project: Project, function: LinkedFunction, loop: int, tried: int) -> RetryLoop | None:
    blocks = function.summary.blocks
    inside = [number for number, _ in enumerate(blocks) if tried in project.enclosing(function, number)]
    after = [number for number in _siblings(function, tried) if blocks[number].kind == BlockKind.ELSE]
    if not _leaves(function, {*inside, *after}, loop):
        return None
    call = next((call for call in function.calls if call.block in inside and is_remote(project, call)), None)
    if call is None:
        return None
    for number in _siblings(function, tried):
        block = blocks[number]
        if block.kind == BlockKind.EXCEPT and not _is_about_input(project, function, block):
            within = {n for n, _ in enumerate(blocks) if number in project.enclosing(function, n)}
            if not _leaves(function, within, loop):
                return RetryLoop(function, blocks[loop], block, call)
    return None


def _siblings(function: LinkedFunction, tried: int) -> list[int]:
    """The handlers and the `else` of a `try`: the blocks after it with the same parent, up to the next `try`."""
    blocks = function.summary.blocks
    found = []
    for number in range(tried + 1, len(blocks)):
        if blocks[number].parent == blocks[tried].parent:
            if blocks[number].kind not in (BlockKind.EXCEPT, BlockKind.ELSE, BlockKind.FINALLY):
                break
            found.append(number)
    return found


def _leaves(function: LinkedFunction, blocks: set[int], loop: int) -> bool:
    return any(
        event.block in blocks and _ends_loop(function, event, loop) for event in function.summary.events
    )


def _ends_loop(function: LinkedFunction, event: Event, loop: int) -> bool:
    """Whether an event leaves a loop: a `break` counts for the innermost loop only."""
    if event.kind == EventKind.LEAVE:
        return event.name == "break" and function.loops(event.block)[0] is function.summary.blocks[loop]
    return event.kind in (EventKind.RETURN, EventKind.RAISE)


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


def ends_outside(project: Project, found: RetryLoop) -> bool:
    """Whether the loop can end on the way around: by a deadline or counter outside `try` and its handlers."""
    function = found.function
    blocks = function.summary.blocks
    loop = blocks.index(found.loop)
    for event in function.summary.events:
        if not _ends_loop(function, event, loop):
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


def calls_itself(project: Project) -> Iterator[CallSite]:
    """Calls of a function by itself from an `except`, with the arguments it was given."""
    for function in project.functions:
        for call in function.calls:
            if function.key not in call.targets:
                continue
            kinds = [block.kind for block in function.blocks(call.block)]
            if BlockKind.EXCEPT in kinds and BlockKind.IF not in kinds and not _counts(project, call):
                yield call


def _counts(project: Project, call: CallSite) -> bool:
    """Whether an argument is computed, as a counter is."""
    terms = (*call.row.arguments, *(term for _, term in call.row.keywords))
    return any(isinstance(project.term(call.function, term), Operation | Const) for term in terms)
