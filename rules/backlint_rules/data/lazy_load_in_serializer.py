"""Serializer fields that load relations or query once per row of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    Confidence,
    Evidence,
    Findings,
    Project,
    Query,
    Relation,
    Rule,
    Severity,
    Span,
)
from backlint_rules.data._eager_code import loading
from backlint_rules.data._serializers import Field, by_method, serialized_lists, serializer_fields

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint_rules.data._serializers import Serialized

_Key = tuple[str, Span, str]
"""Path, place and name of a field."""
_DEPTH = 4
_SHORT = 2


class LazyField(NamedTuple):
    """A field that needs a relation, or sends a query, for each row."""

    field: Field
    path: tuple[str, ...]
    """Relations from the rows of the list to what is loaded."""
    relation: Relation | None


class LazyLoadInSerializer(Rule):
    """Checks for serializer fields that load a relation or query for each row of a list.

    ## Why is this bad?
    A nested serializer, `source="author.name"` or a method field reads a relation of every row that it is
    given. Where the view's query did not load it, a page of fifty posts sends fifty queries for the
    authors, fifty for the comments, and one more for each author of a comment. The serializer and the query
    lie in different files, so neither shows it.

    ## What to do instead
    Load in the view's query what its serializer reads: `select_related("author")`,
    `prefetch_related("comments__user")`, `.options(selectinload(Post.comments))`. Count and test with annotations
    (`Count`, `Exists`) instead of a query in a method field.

    ## Confidence
    High where the view shows its rows for certain; medium where it follows from conventions; low where the
    way from the row to the field is long.

    ## What it leaves alone
    Views of a single object, query sets that load what is read (`select_related`, `prefetch_related`,
    `Prefetch`), relations that the model loads by itself, and query sets that are not known whole.

    ## References
    - [DRF: avoiding N+1 queries in relational fields](https://www.django-rest-framework.org/api-guide/relations/#reverse-relations)
    - [Django: select_related and prefetch_related](https://docs.djangoproject.com/en/stable/ref/models/querysets/#prefetch-related)
    - [SQLAlchemy: relationship loading techniques](https://docs.sqlalchemy.org/en/20/orm/queryguide/relationships.html)
    """

    severity = Severity.WARNING
    tags = ("CWE-1073",)

    def check(self, project: Project, findings: Findings) -> None:
        """Compare what each list view loads with what its serializer reads."""
        told: dict[_Key, list[tuple[Serialized, LazyField]]] = {}
        below: dict[_Key, dict[_Key, LazyField]] = {}
        for shown in serialized_lists(project):
            found = list(_lazy_fields(project, shown, shown.serializer, (), ()))
            for lazy in found:
                above = _above(found, lazy)
                if above is None:
                    told.setdefault(_key(lazy), []).append((shown, lazy))
                else:
                    below.setdefault(_key(above), {})[_key(lazy)] = lazy
        for key, group in told.items():
            _report(
                project, findings, group, [one for at, one in below.get(key, {}).items() if at not in told]
            )


def _key(lazy: LazyField) -> _Key:
    return lazy.field.path, lazy.field.span, lazy.field.name


def _above(found: list[LazyField], lazy: LazyField) -> LazyField | None:
    """The field that loads what the rows of a nested one belong to: both are mended at one place."""
    if lazy.relation is None:
        return None
    return next(
        (
            one
            for one in found
            if one.relation is not None
            and len(one.path) < len(lazy.path)
            and lazy.path[: len(one.path)] == one.path
        ),
        None,
    )


def _lazy_fields(
    project: Project, shown: Serialized, serializer: str, prefix: tuple[str, ...], seen: tuple[str, ...]
) -> Iterator[LazyField]:
    """Fields of a serializer, nested ones too, that the list's query does not provide for."""
    if len(seen) >= _DEPTH or serializer in seen:
        return
    eager = project.eager(shown.query)
    if not eager.complete:
        return
    for declared in serializer_fields(project, serializer):
        path = prefix
        lacking: Relation | None = None
        model = _model_at(project, shown.query, prefix)
        field = _by_property(project, model, declared)
        for name in field.reads:
            relation = project.relation(model, name)
            if relation is None or not relation.target:
                break
            path = (*path, name)
            if lacking is None and not eager.loads(path) and not project.loads_itself(relation):
                lacking = relation
            model = relation.target
        known = field.site is not None or path != prefix
        if field.queries and known and not _is_prefetched(eager.paths, prefix, field):
            yield LazyField(field, (*prefix, *field.reads), None)
        elif lacking is not None:
            yield LazyField(field, path, lacking)
        if field.nested and path != prefix:
            yield from _lazy_fields(project, shown, field.nested, path, (*seen, serializer))


def _by_property(project: Project, model: str, field: Field) -> Field:
    """A field that reads a property of the row, as what the property reads."""
    if len(field.reads) != 1 or field.nested or field.queries:
        return field
    function = project.property_of(model, field.reads[0])
    if function is None or not function.summary.parameters:
        return field
    found = by_method(project, field.serializer, field.name, function, function.summary.parameters[0].name)
    if found is None:
        return field
    return found._replace(path=field.path, span=field.span)


def _is_prefetched(paths: frozenset[tuple[str, ...]], prefix: tuple[str, ...], field: Field) -> bool:
    return field.prefetchable and any(
        path[: len(prefix) + len(field.reads)] == (*prefix, *field.reads) for path in paths
    )


def _model_at(project: Project, query: Query, path: tuple[str, ...]) -> str:
    model = query.model
    for name in path:
        relation = project.relation(model, name)
        if relation is None:
            return ""
        model = relation.target
    return model


def _report(
    project: Project,
    findings: Findings,
    group: list[tuple[Serialized, LazyField]],
    below: list[LazyField],
) -> None:
    shown, lazy = min(group, key=lambda one: len(one[1].path))
    field = lazy.field
    owner = field.serializer.rpartition(".")[2]
    views = list(dict.fromkeys([shown.name, *(one.name for one, _ in group)]))
    more = f" and {len(views) - 1} more" if len(views) > 1 else ""
    where = f"behind the list `{views[0]}`{more}"
    if lazy.relation is None:
        message = f"`{owner}.{field.name}` sends a query for each row {where}"
        advice = f"annotate the query of `{shown.name}` with it (`Count`, `Exists`, a subquery), and read the annotation"
    else:
        target = lazy.relation.target.rpartition(".")[2] if lazy.relation is not None else ""
        message = f"`{owner}.{field.name}` loads `{'.'.join(lazy.path)}` (`{target}`) for each row {where}, whose query does not"
        paths = [lazy.path, *(one.path for one in below)]
        code = loading(project, shown.query.model, paths)
        advice = f"load it with the rows: `{code}` on the query of `{shown.name}`"
    evidence = [
        Evidence(
            shown.path,
            shown.span,
            f"`{shown.name}` lists rows through `{shown.serializer.rpartition('.')[2]}`",
        )
    ]
    origin = shown.query.origin
    if origin is not None and (origin.file.summary.path, origin.span.line) != (shown.path, shown.span.line):
        evidence.append(Evidence(origin.file.summary.path, origin.span, "its query"))
    if field.site is not None:
        evidence.append(Evidence(field.site.function.path, field.site.span, "this query runs for each row"))
    evidence.extend(
        Evidence(one.field.path, one.field.span, f"`{'.'.join(one.path)}` is loaded for each of them in turn")
        for one in below
    )
    evidence.extend(
        Evidence(one.path, one.span, f"`{one.name}` lists rows through it too")
        for one, _ in group[:4]
        if one != shown
    )
    findings.add_at(
        project,
        field.path,
        field.span,
        message,
        confidence=_confidence(shown, lazy),
        advice=advice,
        evidence=tuple(evidence),
    )


def _confidence(shown: Serialized, lazy: LazyField) -> Confidence:
    """Low where the way from the rows to the field is long: it depends on data whether anything is there."""
    if len(lazy.path) > _SHORT:
        return Confidence.LOW
    return Confidence.HIGH if shown.sure else Confidence.MEDIUM
