"""What the rules about database work inside loops share: finding it, and saying how sure that is."""

from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import (
    Attr,
    Block,
    BlockKind,
    Call,
    CallSite,
    Confidence,
    Effect,
    Element,
    Evidence,
    Findings,
    LinkedFunction,
    Project,
    Role,
    Site,
    bare,
    options,
)
from backlint_rules.data._loading import Rows, chain, missing, rows_of, through

_READS = frozenset({"read_text", "read", "strip"})
WRITING = (Effect.WRITES, Effect.COMMITS, Effect.FLUSHES)


class InLoop(NamedTuple):
    """A place inside a loop that has an effect: a direct site, or a call that leads to one."""

    place: Site | CallSite
    loop: Block
    effect: Effect
    target: LinkedFunction | None
    """The project function that is called; None where the place has the effect itself."""
    last: Site | None
    """The direct site at the end of the chain."""

    @property
    def function(self) -> LinkedFunction:
        return self.place.function


def places_in_loops(project: Project, findings: Findings, effect: Effect) -> Iterator[InLoop]:
    """Places that have an effect once per pass of a loop whose passes grow with the data."""
    for function in project.functions:
        if not function.index or not findings.wants(function):
            continue
        seen: set[tuple[int, int]] = set()
        for site in function.sites:
            loop = project.repeating_loop(function, site.block) if effect in site.effects else None
            if (
                loop is not None
                and (site.term, loop.span.line) not in seen
                and not _polls(project, function, loop)
            ):
                seen.add((site.term, loop.span.line))
                yield InLoop(site, loop, effect, None, site)
        for call in function.calls:
            target = None if effect in call.effects else project.effects.target(call, effect)
            loop = None if target is None else project.repeating_loop(function, call.block)
            if (
                target is not None
                and loop is not None
                and target is not function
                and not _polls(project, function, loop)
                and not project.receives_messages(function, loop)
            ):
                yield InLoop(call, loop, effect, target, project.effects.last(target, effect))


def _polls(project: Project, function: LinkedFunction, loop: Block) -> bool:
    """Whether a loop asks the same thing again and again, and sleeps in between."""
    if any(name != "_" for name in loop.targets):
        return False
    number = function.summary.blocks.index(loop)
    return any(
        Effect.SLEEPS in site.effects and number in project.enclosing(function, site.block)
        for site in function.sites
    )


def nearness(project: Project, place: InLoop, effect: Effect) -> tuple[int, int] | None:
    """How many calls lie between the loop and an effect, and how early it comes; None where it hasn't the effect."""
    if place.target is None:
        return (0, 0) if effect in place.place.effects else None
    calls = project.effects.distance(place.target, effect)
    return None if calls is None else (calls, project.effects.steps(effect)[place.target.key].order)


def writes_first(project: Project, place: InLoop) -> bool:
    """Whether writing is what the place is about: rows are changed nearer, or earlier, than rows are read."""
    reads = nearness(project, place, Effect.QUERIES)
    writes = [found for effect in WRITING if (found := nearness(project, place, effect)) is not None]
    return bool(writes) and (reads is None or min(writes) <= reads)


def confidence(project: Project, place: InLoop) -> Confidence:
    """High when types show the statement and a reader can check the way to it."""
    if _runs_what_is_given(project, place):
        return Confidence.LOW
    if place.loop.kind == BlockKind.WHILE or not _is_plain(project, place):
        return Confidence.MEDIUM
    if place.last is not None and _relation(project, place.last) >= 0:
        return Confidence.MEDIUM
    return Confidence.HIGH


def _runs_what_is_given(project: Project, place: InLoop) -> bool:
    """Whether the loop goes over statements, or files of them, and sends each: a script can't become one query."""
    if place.target is not None or place.loop not in place.function.summary.blocks:
        return False
    number = place.function.summary.blocks.index(place.loop)
    return any(
        _is_given(project, place, statement.term)
        for call in place.function.calls
        if number in project.enclosing(place.function, call.block)
        for statement in project.statements(call)
    )


def _is_given(project: Project, place: InLoop, term: int) -> bool:
    """Whether a statement is what the loop is at, or is read from it: `path.read_text()`."""
    row = project.term(place.function, bare(place.function.file, term))
    if isinstance(row, Call):
        callee = project.term(place.function, row.function)
        if not isinstance(callee, Attr) or callee.name not in _READS:
            return False
        row = project.term(place.function, bare(place.function.file, callee.base))
    return isinstance(row, Element) and row.position < 0 and row.base in place.loop.terms


def _is_plain(project: Project, place: InLoop) -> bool:
    call = place.place
    if place.target is not None and isinstance(call, CallSite):
        return len(call.targets) == 1 and project.effects.is_plain(place.target, place.effect)
    return True


def _relation(project: Project, site: Site) -> int:
    """The relation all of whose rows a query reads, for which none is sent when an outer query has loaded them; else -1."""
    index = bare(site.function.file, site.term)
    row = project.term(site.function, index)
    while isinstance(row, Call):
        callee = project.term(site.function, row.function)
        if not isinstance(callee, Attr) or callee.name != "all":
            return -1
        index = bare(site.function.file, callee.base)
        row = project.term(site.function, index)
    held = options(project.value(site.function, index))
    relates = any(Role.RELATES in project.evaluator.roles(one) for one in held)
    return index if relates and isinstance(row, Attr) else -1


def is_lazy_load(project: Project, place: InLoop) -> bool:
    """Whether a place is the loop's own read of a relation that its query has not loaded, of which lazy-load-in-loop tells."""
    return place.target is None and any(
        not rows.owned and missing(project, rows, names) is not None
        for rows, names in _related(project, place)
    )


def is_loaded(project: Project, place: InLoop) -> bool:
    """Whether a place reads all rows of a relation of the loop's row, which the query behind the loop has loaded."""
    return any(missing(project, rows, names) is None for rows, names in _related(project, place))


def _related(project: Project, place: InLoop) -> Iterator[tuple[Rows, tuple[str, ...]]]:
    """The rows of a relation that a place reads whole, and the relation's chain of names from the loop's row."""
    last = place.last
    relation = -1 if last is None else _relation(project, last)
    if last is None or relation < 0:
        return
    function = place.function
    terms = function.file.summary.terms
    if isinstance(place.place, CallSite):
        read = [
            (root, access.names)
            for root, access in through(
                project, place.place, 0, lambda term: isinstance(terms[term], Element)
            )
            if access.function is last.function and bare(last.function.file, access.event.term) == relation
        ]
    else:
        read = [chain(project, function, relation)]
    for root, names in read:
        rows = rows_of(project, function, root, place.place.block)
        if rows is not None and names:
            yield rows, names


def pass_words(project: Project, place: InLoop) -> str:
    """One pass of the loop, in words."""
    loop = place.loop
    if loop.kind == BlockKind.WHILE:
        return f"pass of the `while` loop at line {loop.line}"
    variable = ", ".join(loop.targets)
    return f"`{variable}` of {iterable_words(project, place)}" if variable else "element"


def iterable_words(project: Project, place: InLoop) -> str:
    """What the loop goes over, in words."""
    loop = place.loop
    return f"`{project.words(place.function, loop.terms[0])}`" if loop.terms else "the loop"


def loop_evidence(project: Project, place: InLoop) -> Evidence:
    """The loop as a step of the evidence."""
    kind = "comprehension" if place.loop.kind == BlockKind.COMPREHENSION else "loop"
    rows = " over the rows of a query" if project.iterates_rows(place.function, place.loop) else ""
    return Evidence(place.function.path, place.loop.span, f"the {kind}{rows}")
