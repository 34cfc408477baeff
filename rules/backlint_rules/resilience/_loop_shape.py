"""How a `try` stands in a loop, and what leads out of the loop."""

from collections.abc import Iterator

from backlint.api import BlockKind, Event, EventKind, LinkedFunction, Project


def loop_of(function: LinkedFunction, block: int) -> int | None:
    parent = function.summary.blocks[block].parent
    while parent >= 0:
        if function.summary.blocks[parent].kind in (BlockKind.FOR, BlockKind.WHILE):
            return parent
        parent = function.summary.blocks[parent].parent
    return None


def siblings(function: LinkedFunction, tried: int) -> list[int]:
    """The handlers and the `else` of a `try`: the blocks after it with the same parent, up to the next `try`."""
    blocks = function.summary.blocks
    found = []
    for number in range(tried + 1, len(blocks)):
        if blocks[number].parent == blocks[tried].parent:
            if blocks[number].kind not in (BlockKind.EXCEPT, BlockKind.ELSE, BlockKind.FINALLY):
                break
            found.append(number)
    return found


def leaves(function: LinkedFunction, blocks: set[int], loop: int) -> bool:
    return any(True for _ in leaving(function, blocks, loop))


def leaving(function: LinkedFunction, blocks: set[int], loop: int) -> Iterator[Event]:
    for event in function.summary.events:
        if event.block in blocks and ends_loop(function, event, loop):
            yield event


def ends_loop(function: LinkedFunction, event: Event, loop: int) -> bool:
    """Whether an event leaves a loop: a `break` counts for the innermost loop only."""
    if event.kind == EventKind.LEAVE:
        return event.name == "break" and function.loops(event.block)[0] is function.summary.blocks[loop]
    return event.kind in (EventKind.RETURN, EventKind.RAISE)


def goes_on(function: LinkedFunction, handler: int) -> bool:
    """Whether what follows the `try` is left out after a failure."""
    return any(
        event.kind == EventKind.LEAVE and event.name == "continue" and event.block == handler
        for event in function.summary.events
    )


def after_try(project: Project, function: LinkedFunction, loop: int, tried: int) -> set[int]:
    """The loop's own block and those in it that come after a `try` of it."""
    blocks = function.summary.blocks
    if blocks[tried].parent != loop:
        return set()
    own = {tried, *siblings(function, tried)}
    last = max(own)
    return {loop} | {
        number
        for number in range(last + 1, len(blocks))
        if loop in (around := project.enclosing(function, number)) and own.isdisjoint(around)
    }
