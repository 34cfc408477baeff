"""GraphQL: fields of the root types, which run once a request, and resolvers that run for every parent.

Strawberry, Graphene and Ariadne; and the batch functions of data loaders.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.routes.context import argument
from backlint.link.routes.draft import Draft
from backlint.link.routes.model import GuardKind, RouteKind
from backlint.link.routes.mounts import PendingGuard
from backlint.link.values import ClassValue, InstanceValue, options
from backlint.term import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.finding import Span
    from backlint.link.graph import FunctionKey
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass
    from backlint.link.routes.context import Context

_ROOTS = {"query": "QUERY", "mutation": "MUTATION", "subscription": "SUBSCRIPTION"}
_ARIADNE = {"QueryType": "QUERY", "MutationType": "MUTATION", "SubscriptionType": "SUBSCRIPTION"}
_STRAWBERRY_TYPES = frozenset(
    {"strawberry.type", "strawberry.interface", "strawberry_django.type", "strawberry.federation.type"}
)
_STRAWBERRY_FIELDS = frozenset(
    f"{module}.{name}"
    for module in ("strawberry", "strawberry_django", "strawberry.federation")
    for name in ("field", "mutation", "subscription")
)
_MUTATIONS = frozenset(
    {"graphene.Mutation", "graphene.relay.ClientIDMutation", "graphene.types.mutation.Mutation"}
)
_GRAPHENE_TYPES = frozenset(
    {"graphene.ObjectType", "graphene.types.objecttype.ObjectType", "graphene_django.DjangoObjectType"}
)


def graphql_routes(context: Context) -> Iterator[Draft]:
    """Every resolver, with the root type or type it belongs to."""
    roots = _roots(context)
    for file, _cls, symbol in context.classes():
        project_class = context.evaluator.classes.project_class(symbol)
        if project_class is None:
            continue
        decorated = {context.evaluator.symbol_of(file, term) for term in project_class.summary.decorators}
        order = set(context.evaluator.classes.order(symbol))
        if decorated & _STRAWBERRY_TYPES:
            yield from _strawberry(context, project_class, roots)
        elif order & _MUTATIONS:
            yield from _mutation(context, project_class)
        elif order & _GRAPHENE_TYPES or symbol in roots:
            yield from _graphene(context, project_class, roots)
    yield from _ariadne(context)


def _roots(context: Context) -> dict[str, str]:
    """The root types, with all their ancestors, by the schemas that are made."""
    found: dict[str, str] = {}
    for site in context.calls():
        top, _, rest = site.symbol.partition(".")
        if top not in ("strawberry", "graphene", "strawberry_django") or rest.rpartition(".")[2] not in (
            "Schema",
            "FederationSchema",
        ):
            continue
        for position, (name, operation) in enumerate(_ROOTS.items()):
            term = site.argument(position, name)
            for value in () if term is None else options(context.evaluator.value(site.function.file, term)):
                if isinstance(value, ClassValue | InstanceValue):
                    for ancestor in context.evaluator.classes.order(value.symbol):
                        found.setdefault(ancestor, operation)
    if not found:
        for _file, cls, symbol in context.classes():
            if cls.name.lower() in _ROOTS:
                found[symbol] = _ROOTS[cls.name.lower()]
    return found


def _draft(
    framework: str,
    operation: str,
    owner: str,
    name: str,
    key: FunctionKey,
    file: FileNode,
    span: Span,
    guards: tuple[PendingGuard, ...] = (),
) -> Draft:
    return Draft(
        framework=framework,
        methods=(operation or "FIELD",),
        path=f"{owner.rpartition('.')[2]}.{name}",
        kind=RouteKind.GRAPHQL_ROOT if operation else RouteKind.GRAPHQL_FIELD,
        handler=key,
        view=owner,
        file=file.index,
        span=span,
        guards=guards,
    )


def _strawberry(context: Context, cls: ProjectClass, roots: dict[str, str]) -> Iterator[Draft]:
    operation = roots.get(cls.symbol, "")
    file = cls.file
    for number in cls.summary.methods:
        summary = file.summary.functions[number]
        for term in summary.decorators:
            if context.evaluator.symbol_of(file, term) in _STRAWBERRY_FIELDS:
                guards = tuple(_permissions(context, file, term, summary.span))
                name = summary.name.rpartition(".")[2]
                key = file.index, number
                yield _draft("strawberry", operation, cls.symbol, name, key, file, summary.span, guards)
    for attribute in cls.summary.attributes:
        row = file.summary.terms[attribute.value] if attribute.value >= 0 else None
        if (
            not isinstance(row, Call)
            or context.evaluator.symbol_of(file, attribute.value) not in _STRAWBERRY_FIELDS
        ):
            continue
        resolver = argument(row, 0, "resolver")
        resolved = None if resolver is None else context.function_of(context.evaluator.value(file, resolver))
        if resolved is not None:
            span = context.span(file, attribute.value) or cls.summary.span
            guards = tuple(_permissions(context, file, attribute.value, span))
            yield _draft("strawberry", operation, cls.symbol, attribute.name, resolved, file, span, guards)


def _permissions(context: Context, file: FileNode, term: int, span: Span) -> Iterator[PendingGuard]:
    row = file.summary.terms[term]
    given = argument(row, None, "permission_classes") if isinstance(row, Call) else None
    if given is not None:
        for owner, item in context.items(file, given):
            yield PendingGuard(GuardKind.PERMISSION, owner.index, item, span, "route")


def _graphene(context: Context, cls: ProjectClass, roots: dict[str, str]) -> Iterator[Draft]:
    operation = roots.get(cls.symbol, "")
    yield from _methods(
        context,
        cls,
        operation,
        lambda name: name.removeprefix("resolve_") if name.startswith("resolve_") else "",
    )


def _mutation(context: Context, cls: ProjectClass) -> Iterator[Draft]:
    names = ("mutate", "mutate_and_get_payload", "perform_mutation")
    yield from _methods(context, cls, "MUTATION", lambda name: name if name in names else "")


def _methods(context: Context, cls: ProjectClass, operation: str, field: object) -> Iterator[Draft]:
    file = cls.file
    for number in cls.summary.methods:
        summary = file.summary.functions[number]
        name = field(summary.name.rpartition(".")[2])  # type: ignore[operator]
        if not name:
            continue
        guards = tuple(
            PendingGuard(GuardKind.DECORATOR, file.index, term, summary.span, "route")
            for term in summary.decorators
        )
        yield _draft(
            "graphene", operation, cls.symbol, name, (file.index, number), file, summary.span, guards
        )


def _ariadne(context: Context) -> Iterator[Draft]:
    """`@query.field("x")` and `user.set_field("x", resolve)`."""
    for function in context.functions():
        file = function.file
        for term in function.summary.decorators:
            row = file.summary.terms[term]
            top, _, name = context.evaluator.symbol_of(file, term).partition(".")
            if isinstance(row, Call) and top == "ariadne" and name.rpartition(".")[2] in ("field", "source"):
                yield from _ariadne_field(context, file, row, function.key, function.summary.span)
        for site in function.calls:
            if site.symbol.startswith("ariadne.") and site.symbol.endswith(".set_field"):
                resolver = site.argument(1, "resolver")
                key = (
                    None if resolver is None else context.function_of(context.evaluator.value(file, resolver))
                )
                if key is not None:
                    yield from _ariadne_field(context, file, site.row, key, site.span)


def _ariadne_field(
    context: Context, file: FileNode, row: Call, key: FunctionKey, span: Span
) -> Iterator[Draft]:
    name = context.text(file, argument(row, 0, "name"))
    for origin in context.origins.receiver(file, row.function):
        owner = context.project.files[origin.file]
        made = owner.summary.terms[origin.term]
        if not isinstance(made, Call):
            continue
        kind = context.evaluator.symbol_of(owner, made.function).rpartition(".")[2]
        operation = _ARIADNE.get(kind, "")
        of = operation.capitalize() if operation else context.text(owner, argument(made, 0, "name"))
        yield _draft("ariadne", operation, of, name, key, file, span)


def find_loaders(context: Context) -> frozenset[FunctionKey]:
    """Batch functions of data loaders: one call for many keys."""
    found: set[FunctionKey] = set()
    for site in context.calls():
        roles = site.entry.roles if site.entry is not None else ()
        if Role.LOADS_DATA in roles or site.symbol.endswith("DataLoader"):
            term = site.argument(0, "load_fn", "batch_load_fn")
            key = (
                None
                if term is None
                else context.function_of(context.evaluator.value(site.function.file, term))
            )
            if key is not None:
                found.add(key)
    for _file, _cls, symbol in context.classes():
        order = context.evaluator.classes.order(symbol)[1:]
        if any(ancestor.endswith("DataLoader") for ancestor in order):
            for name in ("batch_load_fn", "batch_load", "load_fn"):
                key = context.class_method(symbol, name)
                if key is not None:
                    found.add(key)
    return frozenset(found)
