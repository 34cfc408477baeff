"""Queries as values: what a chain of calls asks a database for, step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from backlint.libraries.entry import QueryStep
from backlint.link.index import FileNode
from backlint.link.relations import Relation
from backlint.summary import BlockKind, EventKind

if TYPE_CHECKING:
    from backlint.finding import Span

_BOUNDS = frozenset(
    {
        QueryStep.LIMITS,
        QueryStep.ONE,
        QueryStep.BY_KEY,
        QueryStep.AGGREGATES,
        QueryStep.COUNTS,
        QueryStep.EXISTS,
        QueryStep.PAGINATES,
    }
)


class Place(msgspec.Struct, frozen=True):
    """A term of a function: what tells equal terms of different functions apart."""

    file: FileNode
    function: int
    term: int

    @property
    def span(self) -> Span:
        """Where the term is called, or looped over; the function's own place where neither is known."""
        summary = self.file.summary
        for index in dict.fromkeys((self.function, *range(len(summary.functions)))):
            for event in summary.functions[index].events:
                if event.kind == EventKind.CALL and event.term == self.term:
                    span: Span = event.span
                    return span
        for block in summary.functions[self.function].blocks:
            if block.kind in (BlockKind.FOR, BlockKind.COMPREHENSION) and block.terms[:1] == (self.term,):
                head: Span = block.span
                return head
        whole: Span = summary.functions[self.function].span
        return whole


class Step(msgspec.Struct, frozen=True):
    """One call (or slice) that a query goes through."""

    kinds: tuple[QueryStep, ...]
    name: str
    """The method or function as written; `[]` of a slice."""
    place: Place
    arguments: tuple[int, ...] = ()
    """Terms of `place.file`; of a slice its bounds, -1 where left out."""
    keywords: tuple[tuple[str, int], ...] = ()
    always: bool = True
    """False when the query goes through it on some paths only."""


class Query(msgspec.Struct, frozen=True):
    """A query as far as the code spells it out."""

    model: str = ""
    """Absolute name of the ORM class whose rows it gives; empty where unknown, and of raw SQL."""
    steps: tuple[Step, ...] = ()
    origin: Place | None = None
    """Where it begins: the first call, or the text of a statement."""
    executed: bool = False
    """It has been sent; a query that is only built has not."""
    sql: str | None = None
    """The statement where it is written as text, `{}` for computed parts."""
    complete: bool = True
    """Every part of the chain is known. Of an incomplete query the steps are those that are known."""
    parent: Relation | None = None
    """The relation it is read from: `user.posts.all()`."""
    type: str = ""
    """The class of the query object itself, where known; methods that it lets us look up."""

    def has(self, *kinds: QueryStep) -> bool:
        """Whether every path goes through a step of one of these kinds."""
        return any(kind in step.kinds for step in self.steps if step.always for kind in kinds)

    def may_have(self, *kinds: QueryStep) -> bool:
        """Whether some path goes through a step of one of these kinds."""
        return any(kind in step.kinds for step in self.steps for kind in kinds)

    @property
    def lazy(self) -> bool:
        """It is built and not sent yet."""
        return not self.executed

    @property
    def paginated(self) -> bool:
        """A page of it is asked for, by a paginator."""
        return self.has(QueryStep.PAGINATES)

    @property
    def bounded_by_step(self) -> bool:
        """A step says that it gives few rows: a limit, a slice, one row, an aggregate."""
        return self.has(*_BOUNDS)

    @property
    def streamed(self) -> bool:
        """Its rows are read a part at a time."""
        return self.has(QueryStep.STREAMS)

    def with_step(self, step: Step, *, executed: bool = False, kind: str = "") -> Query:
        """The query after one more step."""
        return replace(
            self, steps=(*self.steps, step), executed=self.executed or executed, type=kind or self.type
        )


def merged(found: list[Query | None]) -> Query | None:
    """One query for several paths: a step that not all of them take is not `always`."""
    known = [query for query in found if query is not None]
    if not known:
        return None
    if len(known) == 1 and len(found) == 1:
        return known[0]
    longest = max(known, key=lambda query: len(query.steps))
    models = {query.model for query in known}
    places = [{step.place for step in query.steps if step.always} for query in known]
    steps: dict[Place, Step] = {}
    for query in (longest, *known):
        for step in query.steps:
            always = all(step.place in taken for taken in places)
            steps.setdefault(step.place, replace(step, always=always))
    kinds = [{kind for step in query.steps if step.always for kind in step.kinds} for query in known]
    agreed = set.intersection(*kinds)
    missing = agreed - {kind for step in steps.values() if step.always for kind in step.kinds}
    kept = tuple(
        replace(step, always=True) if missing.intersection(step.kinds) else step for step in steps.values()
    )
    return replace(
        longest,
        model=longest.model if len(models) == 1 else "",
        steps=kept,
        executed=any(query.executed for query in known),
        complete=len(known) == len(found) and all(query.complete for query in known),
        sql=_longest_text([query.sql for query in known]),
        parent=longest.parent if all(query.parent == longest.parent for query in known) else None,
    )


def _longest_text(texts: list[str | None]) -> str | None:
    """The statement that all paths write, some of them only its beginning; None where they differ."""
    longest = max((text or "" for text in texts), key=len)
    return longest if all(text is not None and longest.startswith(text) for text in texts) else None
