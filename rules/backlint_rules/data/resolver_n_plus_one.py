"""GraphQL resolvers that query once per parent object."""

from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import (
    CallSite,
    ClassValue,
    Confidence,
    Effect,
    EventKind,
    Evidence,
    Findings,
    InstanceValue,
    LinkedFunction,
    Project,
    Role,
    Route,
    RouteKind,
    Rule,
    Severity,
    Site,
    Span,
    identifier_words,
    options,
    short_name,
)
from backlint_rules.data._graphql import Uses, uses_of_types

_RIGHTS = frozenset(
    {"permission", "permissions", "perm", "perms", "privilege", "privileges", "access", "authorized", "auth"}
)
_DEPTH = 2


class _Query(NamedTuple):
    """A place of a resolver that queries."""

    function: LinkedFunction
    place: Site | CallSite | None
    """None for a query that the framework sends."""
    span: Span
    term: int


class ResolverNPlusOne(Rule):
    """Checks for GraphQL field resolvers that query the database for each parent object.

    ## Why is this bad?
    A resolver of a field runs once for every object of its type in the answer. `books { reviews }` over
    a hundred books sends a hundred queries for the reviews, and a client that nests such fields
    multiplies them. The code shows no loop: the loop is in the query that the client writes.

    ## What to do instead
    Collect the keys in a data loader, whose batch function loads the rows of all parents with one query
    (`IN (…)`), and return `loader.load(key)` from the resolver. Or load the relation with the parents, where
    the root resolver can know that it is asked for.

    ## Confidence
    High where the type is used in a list and the query is about the parent; medium where it is not known
    whether it is listed; low where the query does not depend on the parent, or the resolver uses a loader
    as well.

    ## What it leaves alone
    Root queries and mutations, batch functions of data loaders, memoised resolvers, and queries that only
    ask after the caller's rights.

    ## How to tune it
    Give the role `loads-data` to a data loader of yours.

    ## References
    - [Strawberry: data loaders](https://strawberry.rocks/docs/guides/dataloaders)
    - [Graphene: data loader](https://docs.graphene-python.org/en/latest/execution/dataloader/)
    - [Ariadne: data loaders](https://ariadnegraphql.org/docs/dataloaders)
    """

    severity = Severity.WARNING
    independent = True
    tags = ("CWE-1073",)

    def check(self, project: Project, findings: Findings) -> None:
        """Look at the resolvers of fields below the root types."""
        routes = [route for route in project.routes if route.kind == RouteKind.GRAPHQL_FIELD]
        uses = uses_of_types(project) if routes else {}
        told: set[object] = set()
        for route in routes:
            if route.handler is None or route.handler in told or route.handler in project.loaders:
                continue
            told.add(route.handler)
            resolver = project.graph.functions[route.handler]
            if findings.wants(resolver) and not resolver.memoised:
                _judge(project, findings, route, resolver, uses.get(route.view, Uses.UNSEEN))


def _judge(project: Project, findings: Findings, route: Route, resolver: LinkedFunction, used: Uses) -> None:
    parent, _, field = route.path.partition(".")
    message = f"the resolver of `{field}` queries the database once per `{parent}`"
    step = _step(project, resolver)
    if step is None:
        return
    place, span, term = step.place, step.span, step.term
    evidence: tuple[Evidence, ...] = ()
    plain = True
    what = f"`{project.words(resolver, term)}` selects"
    if isinstance(place, CallSite):
        target = project.effects.target(place, Effect.QUERIES)
        if target is None:
            return
        message += f", in `{short_name(target)}`"
        what = f"`{short_name(target)}` loads"
        evidence = project.effects.chain(target, Effect.QUERIES)
        plain = len(place.targets) == 1 and project.effects.is_plain(target, Effect.QUERIES)
    else:
        message += f": `{project.words(resolver, term)}`"
    findings.add(
        step.function,
        message,
        span=span,
        confidence=_confidence(project, resolver, used, plain)
        if _is_about_parent(project, step, resolver)
        else Confidence.LOW,
        advice=_advice(project, parent, what),
        evidence=(
            Evidence(*route.location, f"this resolver runs for every `{parent}` of the answer"),
            *evidence,
        ),
    )


def _steps(project: Project, resolver: LinkedFunction, depth: int = 0) -> Iterator[_Query]:
    """Places of a resolver that query; a query that it returns is sent by the framework.

    What asks after the caller's rights is left out: it says the same for every parent.
    """
    places: list[Site | CallSite] = [*resolver.sites, *resolver.calls]
    places.sort(key=lambda place: place.order)
    for place in places:
        if place.block in resolver.memo_blocks:
            continue
        if isinstance(place, Site):
            if Effect.QUERIES in place.effects:
                yield _Query(resolver, place, place.span, place.term)
            continue
        target = None if Effect.QUERIES in place.effects else project.effects.target(place, Effect.QUERIES)
        if target is None or _RIGHTS.intersection(identifier_words(short_name(target).rpartition(".")[2])):
            continue
        if target.file is resolver.file and target.summary.parent == resolver.index:
            if depth < _DEPTH:
                yield from _steps(project, target, depth + 1)
        else:
            yield _Query(resolver, place, place.span, place.event.term)
    for event in resolver.summary.events:
        if event.kind == EventKind.RETURN and event.term >= 0:
            query = project.query(resolver, event.term)
            if (
                query is not None
                and query.lazy
                and project.is_lazy_query(project.value(resolver, event.term))
            ):
                yield _Query(resolver, None, event.span, event.term)


def _step(project: Project, resolver: LinkedFunction) -> _Query | None:
    """The first query, one that is made for the parent before others."""
    steps = list(_steps(project, resolver))
    about = (step for step in steps if _is_about_parent(project, step, resolver))
    return next(about, steps[0] if steps else None)


def _is_about_parent(project: Project, step: _Query, resolver: LinkedFunction) -> bool:
    """Whether a query uses the object that the resolver is given."""
    if not resolver.summary.parameters:
        return False
    return project.depends_on_parameter(
        step.function, step.term, resolver, resolver.summary.parameters[0].name
    )


def _confidence(project: Project, resolver: LinkedFunction, used: Uses, plain: bool) -> Confidence:
    if used == Uses.ALONE or _uses_loader(project, resolver):
        return Confidence.LOW
    return Confidence.HIGH if used == Uses.LISTED and plain else Confidence.MEDIUM


def _uses_loader(project: Project, resolver: LinkedFunction) -> bool:
    for call in resolver.calls:
        if Role.LOADS_DATA in project.roles(call):
            return True
        for value in options(call.callee):
            receiver = getattr(value, "receiver", None)
            if isinstance(receiver, ClassValue | InstanceValue) and receiver.symbol.endswith("Loader"):
                return True
    return False


def _advice(project: Project, parent: str, what: str) -> str:
    loaders = sorted(short_name(project.graph.functions[key]) for key in project.loaders)
    like = f" like `{loaders[0]}`" if loaders else ""
    return f"move what {what} into a data loader{like} that takes the keys of all `{parent}` objects, and load one key here"
