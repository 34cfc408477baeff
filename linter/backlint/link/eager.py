"""Which relations a query loads together with its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backlint.libraries.entry import QueryStep
from backlint.link.queries.columns import column_of
from backlint.link.values import ClassValue, FunctionValue, LibraryFunction, options
from backlint.summary import EventKind
from backlint.term import Attr, Awaited, Call, Const, Join, Local, Mapping, Name, Sequence, Star

if TYPE_CHECKING:
    from backlint.link.index import FileNode
    from backlint.link.queries import Queries
    from backlint.link.query import Query, Step
    from backlint.link.relations import Relation

ANY = "*"
"""In a path: every relation from here on."""
_LOADED = frozenset({"joined", "selectin", "subquery", "immediate"})
_QUERIES = frozenset({"dynamic", "write_only"})
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Eager:
    """The relations that are loaded with the rows of a query."""

    paths: frozenset[tuple[str, ...]]
    """Each a chain of relation names from the query's model: `("author", "profile")`."""
    complete: bool
    """False when something is loaded that the code does not spell out."""

    def loads(self, path: tuple[str, ...]) -> bool:
        """Whether a relation is among those that are loaded."""
        for known in self.paths:
            for position, name in enumerate(known):
                if name == ANY:
                    return True
                if position >= len(path) or name != path[position]:
                    break
                if position == len(path) - 1:
                    return True
        return False


def eager(queries: Queries, query: Query) -> Eager:
    """What the steps of a query load; what the model itself loads is `loaded_by_model`'s to say."""
    paths: set[tuple[str, ...]] = set()
    complete = query.complete
    for step in query.steps:
        found = _of_step(queries, step, query.model)
        if found is None:
            complete = False
        else:
            paths.update(found)
    return Eager(frozenset(paths), complete)


def loaded_by_model(queries: Queries, relation: Relation) -> bool:
    """Whether the declaration of a relation says that it comes with its row: `lazy="selectin"`."""
    return _lazy(queries, relation) in _LOADED


def is_query(queries: Queries, relation: Relation) -> bool:
    """Whether reading a relation gives a query instead of rows: `lazy="dynamic"`."""
    return _lazy(queries, relation) in _QUERIES


def _lazy(queries: Queries, relation: Relation) -> str:
    if relation.attribute is None:
        return ""
    file = queries.file_of_class(relation.owner)
    if file is None:
        return "unknown"
    row = file.summary.terms[relation.attribute.value]
    if not isinstance(row, Call):
        return ""
    for name, term in row.keywords:
        value = file.summary.terms[term]
        if name == "lazy" and isinstance(value, Const):
            return {"False": "joined", "None": "noload"}.get(str(value.value), str(value.value))
        if isinstance(value, Mapping):
            for key, entry in value.entries:
                key_row, entry_row = file.summary.terms[key] if key >= 0 else None, file.summary.terms[entry]
                if isinstance(key_row, Const) and key_row.value == "lazy" and isinstance(entry_row, Const):
                    return str(entry_row.value)
    return ""


def _of_step(queries: Queries, step: Step, model: str) -> list[tuple[str, ...]] | None:
    """The paths that one step loads; None where it may load more than is written."""
    file = step.place.file
    arguments = [(file, term) for term in step.arguments]
    paths: list[tuple[str, ...]] = []
    for name, term in step.keywords:
        if name == "fetch_links":
            value = file.summary.terms[term]
            if not isinstance(value, Const) or value.value is True:
                paths.append((ANY,))
    if QueryStep.EAGER in step.kinds:
        if not arguments:
            return [(ANY,)]
        for source, term in arguments:
            given = queries.of_term(source, term)
            if given is not None:
                if given.model != model:
                    # Rows of another table are fetched to be filled in: `prefetch(posts, Comment.select())`.
                    paths.append((ANY,))
                continue
            found = _named(queries, source, term)
            if found is None:
                return None
            paths.extend(found)
        return paths
    if step.name != "options":
        return [*paths, *_selected(queries, step)]
    for source, term in arguments:
        found = _options(queries, source, term)
        if found is None:
            return None
        paths.extend(found)
    return paths


def _selected(queries: Queries, step: Step) -> list[tuple[str, ...]]:
    """A query that selects several classes fills in the relations between them: `select(Post, User)`."""
    if step.name != "select" or QueryStep.PROJECTS in step.kinds or len(step.arguments) < 2:
        return []
    values = [queries.value(step.place.file, term) for term in step.arguments]
    return [(ANY,)] if all(isinstance(value, ClassValue) for value in values) else []


def _named(queries: Queries, file: FileNode, term: int, depth: int = 0) -> list[tuple[str, ...]] | None:
    """Relations given by name, as `Prefetch(…)`, by class or by column; None where unknown."""
    terms = file.summary.terms
    row = terms[term]
    while isinstance(row, Local | Star | Awaited):
        row = terms[row.base]
    if depth > _DEPTH:
        return None
    if isinstance(row, Const):
        return [tuple(row.value.split("__"))] if isinstance(row.value, str) else []
    if isinstance(row, Sequence | Join):
        found: list[tuple[str, ...]] = []
        for item in row.items if isinstance(row, Sequence) else row.options:
            inner = _named(queries, file, item, depth + 1)
            if inner is None:
                return None
            found.extend(inner)
        return found
    if isinstance(row, Call) and row.arguments:
        return _prefetched(queries, file, row, depth)
    column = column_of(queries, file, term)
    if column is not None:
        return [(column[1],)]
    if isinstance(row, Name):
        variable = queries.module_variable(file, row.symbol)
        if variable is not None:
            return _named(queries, variable[0], variable[1], depth + 1)
    value = queries.value(file, term)
    if isinstance(value, ClassValue) and queries.stores_rows(value.symbol):
        return [(ANY,)]
    return None


def _prefetched(queries: Queries, file: FileNode, row: Call, depth: int) -> list[tuple[str, ...]] | None:
    """`Prefetch("calls", queryset=Call.objects.select_related("port"))`: the relation, and what its rows come with."""
    paths = _named(queries, file, row.arguments[0], depth + 1)
    given = next((term for name, term in row.keywords if name == "queryset"), None)
    if given is None and len(row.arguments) > 1:
        given = row.arguments[1]
    if given is None or paths is None:
        return paths
    inner = queries.of_term(file, given)
    loaded = None if inner is None else eager(queries, inner)
    if loaded is None or not loaded.complete:
        return None
    return [*paths, *((*path, *more) for path in paths for more in sorted(loaded.paths))]


def _options(queries: Queries, file: FileNode, term: int, depth: int = 0) -> list[tuple[str, ...]] | None:
    """Loader options: `joinedload(Post.author).selectinload(User.groups)`; None for what may hold some."""
    terms = file.summary.terms
    row = terms[term]
    while isinstance(row, Local | Star):
        row = terms[row.base]
    if depth > _DEPTH:
        return None
    if isinstance(row, Sequence | Join):
        found: list[tuple[str, ...]] = []
        for item in row.items if isinstance(row, Sequence) else row.options:
            inner = _options(queries, file, item, depth + 1)
            if inner is None:
                return None
            found.extend(inner)
        return found
    if isinstance(row, Call):
        return _loader(queries, file, row, depth)
    if isinstance(row, Name):
        variable = queries.module_variable(file, row.symbol)
        return None if variable is None else _options(queries, variable[0], variable[1], depth + 1)
    return [] if isinstance(row, Const) else None


def _loader(queries: Queries, file: FileNode, row: Call, depth: int) -> list[tuple[str, ...]] | None:
    value = queries.value(file, row.function)
    for single in options(value):
        if isinstance(single, FunctionValue):
            return _returned_options(queries, single, depth)
        if not isinstance(single, LibraryFunction):
            continue
        prefix: tuple[str, ...] = ()
        function = file.summary.terms[row.function]
        if isinstance(function, Attr):
            inner = file.summary.terms[function.base]
            before = _loader(queries, file, inner, depth + 1) if isinstance(inner, Call) else []
            if before is None:
                return None
            prefix = max(before, key=len, default=())
            if function.name == "options":
                nested = [_options(queries, file, term, depth + 1) for term in row.arguments]
                if any(one is None for one in nested):
                    return None
                return [*before, *((*prefix, *path) for one in nested for path in one or ())]
        names: list[str] = []
        for term in row.arguments:
            named = _named(queries, file, term, depth + 1)
            if named is None:
                return None
            names.extend(part for path in named[:1] for part in path)
        if QueryStep.EAGER not in single.entry.query and not names:
            return [prefix] if prefix else []
        return [(*prefix, *names)]
    return []


def _returned_options(queries: Queries, callee: FunctionValue, depth: int) -> list[tuple[str, ...]] | None:
    file = queries.file(callee.file)
    found: list[tuple[str, ...]] = []
    for event in file.summary.functions[callee.function].events:
        if event.kind == EventKind.RETURN:
            inner = _options(queries, file, event.term, depth + 1)
            if inner is None:
                return None
            found.extend(inner)
    return found
