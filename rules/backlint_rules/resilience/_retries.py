"""Retries as code writes them: decorators and settings of libraries, and loops around `try`."""

from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import (
    NO_CONSTANT,
    Attr,
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
    Event,
    EventKind,
    Join,
    LinkedFunction,
    Local,
    Mapping,
    Operation,
    Param,
    Project,
    Retry,
    Star,
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
    """The call that is tried."""
    bounded: bool
    """A count, a deadline or a flag can end it after a failure."""
    remote: bool
    """The call is known to reach another service."""


def retry_settings(project: Project) -> Iterator[tuple[CallSite, Retry]]:
    """Calls of libraries that say how retries end and wait."""
    for call in project.calls():
        if call.entry is not None and call.entry.retry is not None:
            yield call, call.entry.retry


def is_unlimited(project: Project, call: CallSite, retry: Retry) -> bool:
    """Whether the arguments switch the limit off, or none is given where the library has none."""
    given = [call.argument(None, name) for name in retry.bounds] + _in_dicts(project, call, retry.bounds)
    values = [project.constant(call.function, term) for term in given if term is not None]
    if not values:
        return not retry.bounded and not call.passes_unknown
    return all(value is None or (isinstance(value, int) and value < 0) for value in values) and all(
        value is not NO_CONSTANT for value in values
    )


def _in_dicts(project: Project, call: CallSite, names: tuple[str, ...]) -> list[int | None]:
    """Settings inside a dict that is passed on: `retry_kwargs={"max_retries": 5}`."""
    found: list[int | None] = []
    for _, term in call.row.keywords:
        row = project.term(call.function, bare(call.function.file, term))
        if isinstance(row, Mapping):
            found += [
                value
                for key, value in row.entries
                if key >= 0 and project.constant(call.function, key) in names
            ]
    return found


def retry_loops(project: Project) -> Iterator[RetryLoop]:
    """Loops whose `try` leads out of them on success and is tried again after a failure."""
    for function in project.functions:
        blocks = function.summary.blocks
        for index, block in enumerate(blocks):
            if block.kind == BlockKind.TRY:
                loop = _loop_of(function, index)
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


def _loop_of(function: LinkedFunction, block: int) -> int | None:
    parent = function.summary.blocks[block].parent
    while parent >= 0:
        if function.summary.blocks[parent].kind in (BlockKind.FOR, BlockKind.WHILE):
            return parent
        parent = function.summary.blocks[parent].parent
    return None


def _retry(project: Project, function: LinkedFunction, loop: int, tried: int) -> RetryLoop | None:
    blocks = function.summary.blocks
    inside = {number for number, _ in enumerate(blocks) if tried in project.enclosing(function, number)}
    succeeds = inside | {n for n in _siblings(function, tried) if blocks[n].kind == BlockKind.ELSE}
    call = _tried(project, function, inside)
    if call is None:
        return None
    for number in _siblings(function, tried):
        block = blocks[number]
        if block.kind != BlockKind.EXCEPT or _is_about_input(project, function, block):
            continue
        after = _after(project, function, loop, tried) if _goes_on(function, number) else set()
        by_flag = _ends_by_result(project, function, loop, inside)
        if not by_flag and not _leaves(function, succeeds | after, loop):
            continue
        if any(event.block == number for event in _leaving(function, {number}, loop)):
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


def _goes_on(function: LinkedFunction, handler: int) -> bool:
    """Whether what follows the `try` is left out after a failure."""
    return any(
        event.kind == EventKind.LEAVE and event.name == "continue" and event.block == handler
        for event in function.summary.events
    )


def _after(project: Project, function: LinkedFunction, loop: int, tried: int) -> set[int]:
    """The loop's own block and those in it that come after a `try` of it."""
    blocks = function.summary.blocks
    if blocks[tried].parent != loop:
        return set()
    siblings = {tried, *_siblings(function, tried)}
    last = max(siblings)
    return {loop} | {
        number
        for number in range(last + 1, len(blocks))
        if loop in (around := project.enclosing(function, number)) and siblings.isdisjoint(around)
    }


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
    for event in _leaving(function, handler, loop):
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
    return any(True for _ in _leaving(function, blocks, loop))


def _leaving(function: LinkedFunction, blocks: set[int], loop: int) -> Iterator[Event]:
    for event in function.summary.events:
        if event.block in blocks and _ends_loop(function, event, loop):
            yield event


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


def _ends_around(project: Project, function: LinkedFunction, loop: int, on_success: set[int]) -> bool:
    """Whether the loop can end on the way around: by a deadline or counter outside `try` and its handlers."""
    blocks = function.summary.blocks
    for event in function.summary.events:
        if event.block in on_success or not _ends_loop(function, event, loop):
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
    """Whether an argument is another than the function was given: a counter, or a part of the work."""
    terms = [*call.row.arguments, *(term for _, term in call.row.keywords)]
    rows = [project.term(call.function, bare(call.function.file, term)) for term in terms]
    return not all(isinstance(row, Param | Star) or _is_of_self(project, call, row) for row in rows)


def _is_of_self(project: Project, call: CallSite, row: object) -> bool:
    return isinstance(row, Attr) and isinstance(project.term(call.function, row.base), Param)
