"""Relations that are loaded row by row."""

from typing import NamedTuple

from backlint.api import (
    Confidence,
    Evidence,
    Findings,
    InstanceValue,
    LinkedFunction,
    Project,
    Relation,
    Rule,
    Severity,
    options,
    short_name,
)
from backlint_rules.data._eager_code import is_manager, loading
from backlint_rules.data._loading import Access, Rows, accesses, missing, rows_of, walked


class Lazy(NamedTuple):
    """A read of a loop variable that loads a relation."""

    access: Access
    rows: Rows
    relation: Relation
    path: tuple[str, ...]
    """All relations of the chain, from the query's rows."""

    @property
    def names(self) -> tuple[str, ...]:
        """What is read, up to the relation that is loaded first."""
        return self.access.names[: self.access.names.index(self.relation.name) + 1]


class LazyLoadInLoop(Rule):
    """Checks for relations of a loop variable that are loaded one row at a time.

    ## Why is this bad?
    Reading `post.author` of a row that was loaded without its author sends a query. In a loop over a
    hundred posts that is a hundred and one queries where two would do, and nothing in the line shows
    it. In asynchronous SQLAlchemy it fails instead: a lazy load outside of the session's greenlet raises
    `MissingGreenlet`.

    ## What to do instead
    Load the relation with the rows: `select_related` for one object and `prefetch_related` for many in
    Django and Tortoise, `.options(selectinload(Post.author))` or `joinedload` in SQLAlchemy. Where only
    the key is needed, read `post.author_id`, which is there already.

    ## Confidence
    High where the loop reads the relation itself or through one call; medium through more; lower where the
    rows belong to one parent, so that they are few or share it.

    ## What it leaves alone
    Relations that the query, the model, a manager or a helper loads; `author_id` and the like; the way back
    to the parent that the rows came from; a query whose loading is not known whole.

    ## References
    - [SQLAlchemy: relationship loading techniques](https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html)
    - [Django: select_related and prefetch_related](https://docs.djangoproject.com/en/stable/ref/models/querysets/#select-related)
    """

    severity = Severity.WARNING
    independent = True
    tags = ("CWE-1073",)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at what every function reads of the rows that its loops go over."""
        for function in project.functions:
            if not findings.wants(function) or not any(block.targets for block in function.summary.blocks):
                continue
            found: dict[tuple[object, int], list[Lazy]] = {}
            for access in accesses(project, function):
                rows = rows_of(project, function, access.root, access.event.block)
                if rows is None or project.repeating_loop(function, access.event.block) is None:
                    continue
                lacking = missing(project, rows, access.names)
                if lacking is None or not _loads(project, access, rows, lacking[0].name):
                    continue
                relation, path = lacking
                if not relation.many and _is_known_parent(rows, relation):
                    continue
                key = (rows.query.origin, rows.loop.span.line)
                found.setdefault(key, []).append(Lazy(access, rows, relation, path))
            for group in found.values():
                _report(project, findings, function, sorted(group, key=lambda one: len(one.access.calls)))


def _is_known_parent(rows: Rows, relation: Relation) -> bool:
    """Whether a relation leads back to the object that the rows were read from, which is at hand."""
    return relation.target in rows.parents


def _loads(project: Project, access: Access, rows: Rows, name: str) -> bool:
    """Whether the read itself sends a query: a manager only does when its rows are asked for."""
    position = access.names.index(name) if name in access.names else -1
    if position < 0:
        return False
    index = access.event.term if not access.calls else -1
    relation = project.relation(rows.model, access.names[0])
    if relation is None:
        return False
    if project.is_query_relation(relation):
        return False
    if not relation.many:
        return True
    function = access.function
    if index < 0:
        return not is_manager(project, relation.target)
    value = project.value(function, index)
    managed = any(
        isinstance(single, InstanceValue) and project.queries.is_query_class(single.symbol)
        for single in options(value)
    )
    return walked(function, index) if managed else True


def _report(project: Project, findings: Findings, function: LinkedFunction, group: list[Lazy]) -> None:
    first = group[0]
    access, rows = first.access, first.rows
    variable = next((name for name in reversed(rows.loop.targets) if name != "_"), "row")
    target = _target(project, rows, first.names)
    if access.calls:
        reader = short_name(access.function)
        what = f"`{reader}` reads `{'.'.join(first.names)}` of each `{variable}`, which"
    else:
        what = f"`{project.words(function, access.event.term)}`"
    others = [
        name for name in dict.fromkeys(one.relation.name for one in group) if name != first.relation.name
    ]
    also = f" (`{'`, `'.join(others)}` too)" if others else ""
    findings.add(
        function,
        f"{what} loads a `{target}` from the database once per `{variable}`{also}",
        span=access.event.span,
        confidence=_confidence(project, first),
        advice=_advice(project, rows, [one.path for one in group]),
        evidence=_evidence(function, group),
    )


def _confidence(project: Project, lazy: Lazy) -> Confidence:
    name = lazy.relation.name
    filters = project.filters(lazy.rows.query)
    if lazy.rows.owned:
        return Confidence.LOW
    if any(one.equals and one.column in (name, f"{name}_id") for one in filters):
        return Confidence.MEDIUM if _is_column(project, lazy) else Confidence.LOW
    return Confidence.HIGH if len(lazy.access.calls) < 2 else Confidence.MEDIUM


def _is_column(project: Project, lazy: Lazy) -> bool:
    """Whether the relation is a column of its own, as in ORMs that load the same row again for each that refers to it."""
    model = project.model(lazy.relation.owner)
    return model is not None and lazy.relation.name in model.fields


def _target(project: Project, rows: Rows, names: tuple[str, ...]) -> str:
    model = rows.model
    for name in names:
        relation = project.relation(model, name)
        model = relation.target if relation is not None else model
    return model.rpartition(".")[2]


def _evidence(function: LinkedFunction, group: list[Lazy]) -> tuple[Evidence, ...]:
    first = group[0]
    rows = first.rows
    found = [Evidence(function.path, rows.loop.span, "the loop goes over the rows of this query")]
    origin = rows.query.origin
    if origin is not None and (origin.file is not function.file or origin.span.line != rows.loop.span.line):
        found.append(Evidence(origin.file.summary.path, origin.span, "the query, which does not load it"))
    calls = first.access.calls
    found.extend(
        Evidence(one.function.path, one.span, f"`{short_name(one.function)}` hands it on")
        for one in calls[1:]
    )
    if calls:
        found.append(Evidence(first.access.function.path, first.access.read, "it is read here"))
    seen = {first.relation.name}
    for one in group[1:]:
        if one.relation.name not in seen:
            seen.add(one.relation.name)
            message = f"`{one.relation.name}` is read here"
            found.append(Evidence(one.access.function.path, one.access.read, message))
    return tuple(found)


def _advice(project: Project, rows: Rows, paths: list[tuple[str, ...]]) -> str:
    origin = rows.query.origin
    where = f" at line {origin.span.line}" if origin is not None else ""
    return f"add `{loading(project, rows.query.model, paths)}` to the query{where}"
