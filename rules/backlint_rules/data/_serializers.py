"""Lists that are put through serializers, and what the fields of these read of each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from backlint.api import (
    Attr,
    Call,
    CallSite,
    ClassValue,
    Const,
    Effect,
    EventKind,
    InstanceValue,
    LinkedFunction,
    Param,
    Project,
    Query,
    QueryStep,
    Role,
    RouteKind,
    Sequence,
    Site,
    Span,
    bare,
    options,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.api import FileNode

_ONE = (QueryStep.ONE, QueryStep.BY_KEY)
_COUNTS = frozenset({"count", "exists", "first", "last", "filter", "order_by", "aggregate"})


class Serialized(NamedTuple):
    """Rows of a query that go through a serializer."""

    name: str
    """Of the view or handler."""
    path: str
    span: Span
    query: Query
    serializer: str
    sure: bool


class Field(NamedTuple):
    """A field of a serializer, as far as it reads relations."""

    name: str
    serializer: str
    path: str
    span: Span
    reads: tuple[str, ...]
    """Attributes that are read of a row, one after the other."""
    nested: str = ""
    """The serializer that what is read goes through."""
    queries: bool = False
    """A query is sent whatever is loaded."""
    site: Site | None = None
    """What sends it, in a method of the serializer."""
    prefetchable: bool = False


def serialized_lists(project: Project) -> Iterator[Serialized]:
    """Lists that views answer with: those of view classes, of calls with `many`, and of response models."""
    yield from _of_views(project)
    for function in project.functions:
        if function.summary.name and function.index:
            for call in function.calls:
                yield from _of_call(project, function, call)
    yield from _of_answers(project)


def _of_views(project: Project) -> Iterator[Serialized]:
    classes = project.evaluator.classes
    for file in project.files:
        for summary in file.summary.classes:
            symbol = f"{file.summary.module}.{summary.name}"
            if QueryStep.ALL not in project.method_steps(symbol, "list") or _overrides(
                project, symbol, "list"
            ):
                continue
            serializer = _class_of(project, symbol, "serializer_class")
            if not serializer or _overrides(project, symbol, "get_serializer_class"):
                continue
            query = project.class_query(symbol)
            cls = classes.project_class(symbol)
            if query is None or cls is None or not query.model:
                continue
            yield Serialized(
                summary.name, file.summary.path, _line(summary.span), query, serializer, query.complete
            )


def _overrides(project: Project, symbol: str, name: str) -> bool:
    classes = project.evaluator.classes
    found = (classes.project_class(ancestor) for ancestor in classes.order(symbol))
    return any(cls is not None and cls.method(name) is not None for cls in found)


def _class_of(project: Project, symbol: str, name: str) -> str:
    for value in options(project.class_attribute(symbol, name)):
        if isinstance(value, ClassValue):
            return value.symbol
    return ""


def _of_call(project: Project, function: LinkedFunction, call: CallSite) -> Iterator[Serialized]:
    """`PostSerializer(posts, many=True)` in a handler."""
    many = call.argument(None, "many")
    if many is None or project.constant(function, many) is not True:
        return
    given = call.argument(0, "instance")
    for value in options(call.callee):
        if isinstance(value, ClassValue) and given is not None:
            query = project.query(function, given)
            if query is not None and query.model and not query.may_have(*_ONE):
                name = function.summary.name.replace("<locals>.", "")
                yield Serialized(name, function.path, call.span, query, value.symbol, query.complete)


def _of_answers(project: Project) -> Iterator[Serialized]:
    """Handlers that return rows where the response model is a list of schemas."""
    told: set[object] = set()
    for route in project.routes:
        if (
            route.kind != RouteKind.HTTP
            or route.handler is None
            or not route.response
            or route.handler in told
        ):
            continue
        told.add(route.handler)
        if not _reads_attributes(project, route.response):
            continue
        function = project.graph.functions[route.handler]
        for event in function.summary.events:
            if event.kind != EventKind.RETURN or event.term < 0:
                continue
            query = project.query(function, event.term)
            if query is None or not query.model or query.may_have(*_ONE):
                continue
            if not query.has(QueryStep.ALL) and not project.is_lazy_query(
                project.value(function, event.term)
            ):
                continue
            yield Serialized(
                function.summary.name, function.path, event.span, query, route.response, query.complete
            )


def _reads_attributes(project: Project, symbol: str) -> bool:
    """Whether a schema reads attributes of objects: by its kind, `from_attributes`, or `orm_mode` of old."""
    classes = project.evaluator.classes
    if Role.READS_ATTRIBUTES in project.evaluator.roles(ClassValue(symbol)):
        return True
    for ancestor in classes.order(symbol):
        cls = classes.project_class(ancestor)
        if cls is None:
            continue
        for attribute in cls.attributes.get("model_config", ()):
            row = cls.file.summary.terms[attribute.value] if attribute.value >= 0 else None
            if isinstance(row, Call) and any(name == "from_attributes" for name, _ in row.keywords):
                return True
        inner = classes.project_class(f"{ancestor}.Config")
        if inner is not None and {"orm_mode", "from_attributes"}.intersection(inner.attributes):
            return True
    return False


def serializer_fields(project: Project, symbol: str) -> Iterator[Field]:
    """The fields that a serializer or schema declares, inherited ones included."""
    classes = project.evaluator.classes
    seen: set[str] = set()
    schema = _reads_attributes(project, symbol)
    for ancestor in classes.order(symbol):
        cls = classes.project_class(ancestor)
        if cls is None:
            continue
        for attribute in cls.summary.attributes:
            if attribute.name in seen or attribute.instance:
                continue
            seen.add(attribute.name)
            found = None
            resolver = cls.method(f"resolve_{attribute.name}") if schema else None
            if resolver is not None:
                found = _resolved(project, cls.file, ancestor, attribute.name, resolver)
            elif schema and attribute.annotation >= 0:
                found = _annotated(
                    project, cls.file, ancestor, attribute.name, attribute.annotation, attribute.span
                )
            elif attribute.value >= 0:
                found = _declared(
                    project, cls.file, ancestor, attribute.name, attribute.value, attribute.span
                )
            if found is not None:
                yield found
        if not schema:
            yield from _from_meta(project, ancestor, seen)


def _annotated(
    project: Project, file: FileNode, owner: str, name: str, annotation: int, span: Span
) -> Field | None:
    for symbol in _schemas(project, file, annotation):
        if _reads_attributes(project, symbol):
            return Field(name, owner, file.summary.path, span, (name,), symbol)
    return Field(name, owner, file.summary.path, span, (name,))


def _schemas(project: Project, file: FileNode, term: int, depth: int = 0) -> Iterator[str]:
    """Classes that an annotation names, inside lists and unions too."""
    row = file.summary.terms[term]
    value = project.evaluator.value(file, term)
    for one in options(value):
        if isinstance(one, ClassValue | InstanceValue) and project.evaluator.classes.project_class(
            one.symbol
        ):
            yield one.symbol
    inner = (*getattr(row, "operands", ()), *getattr(row, "items", ()))
    key = getattr(row, "key", -1)
    for part in (*inner, *((key,) if key >= 0 else ())):
        if depth < 4:
            yield from _schemas(project, file, part, depth + 1)


def _declared(project: Project, file: FileNode, owner: str, name: str, term: int, span: Span) -> Field | None:
    row = file.summary.terms[term]
    if not isinstance(row, Call):
        return None
    keywords = dict(row.keywords)
    if _is_true(file, keywords.get("write_only")):
        return None
    value = project.evaluator.value(file, row.function)
    kind = next((one.symbol for one in options(value) if isinstance(one, ClassValue)), "")
    kind = kind or project.evaluator.symbol_of(file, row.function)
    roles = project.evaluator.roles(value)
    path = file.summary.path
    if Role.FIELD_BY_METHOD in roles:
        return _method_field(project, file, owner, name, keywords, span)
    source = file.summary.terms[keywords["source"]] if "source" in keywords else None
    text = source.value if isinstance(source, Const) and isinstance(source.value, str) else name
    reads = tuple(text.split(".")) if text != "*" else ()
    nested = kind if project.evaluator.classes.project_class(kind) is not None else ""
    many = _is_true(file, keywords.get("many"))
    if reads and reads[-1] in ("count", "exists") and len(reads) > 1:
        return Field(name, owner, path, span, reads[:-1], queries=True, prefetchable=reads[-1] == "count")
    related = Role.FIELD_OF_RELATION in roles or (many and Role.FIELD_OF_KEY in roles)
    if nested or related or len(reads) > 1:
        return Field(name, owner, path, span, reads, nested)
    return None


def _method_field(
    project: Project, file: FileNode, owner: str, name: str, keywords: dict[str, int], span: Span
) -> Field | None:
    """A field that a method of its serializer gives."""
    cls = project.evaluator.classes.project_class(owner)
    given = file.summary.terms[keywords["method_name"]] if "method_name" in keywords else None
    method = given.value if isinstance(given, Const) and isinstance(given.value, str) else f"get_{name}"
    number = None if cls is None else cls.method(method)
    if number is None:
        return None
    function = project.graph.functions[file.index, number]
    if len(function.summary.parameters) < 2:
        return None
    return by_method(project, owner, name, function, function.summary.parameters[1].name)


def _resolved(project: Project, file: FileNode, owner: str, name: str, number: int) -> Field | None:
    """A field that a resolver of the schema gives from the object it is given first."""
    function = project.graph.functions[file.index, number]
    parameters = [one.name for one in function.summary.parameters if one.name not in ("self", "cls")]
    return by_method(project, owner, name, function, parameters[0]) if parameters else None


def by_method(project: Project, owner: str, name: str, function: LinkedFunction, row: str) -> Field | None:
    """The first relation or query that a method needs of the row that its parameter is."""
    if function.memoised:
        return None
    place = _head(function)
    for site in function.sites:
        if Effect.QUERIES not in site.effects or not project.depends_on_parameter(
            function, site.term, function, row
        ):
            continue
        names, plain = _receiver(function, site.term, row)
        if names and plain == "all":
            return Field(name, owner, function.path, place, names)
        return Field(name, owner, function.path, place, names, "", True, site, plain in ("count", "exists"))
    file = function.file
    for event in function.summary.events:
        called = file.summary.terms[event.term] if event.kind == EventKind.CALL else None
        callee = file.summary.terms[called.function] if isinstance(called, Call) else None
        if isinstance(callee, Attr) and callee.name in _COUNTS:
            names, plain = _receiver(function, event.term, row)
            if names:
                fits = plain in ("count", "exists")
                return Field(name, owner, function.path, place, names, queries=True, prefetchable=fits)
    for event in function.summary.events:
        if event.kind == EventKind.READ:
            names, _ = _receiver(function, event.term, row)
            if names:
                return Field(name, owner, function.path, place, names)
    return None


def _head(function: LinkedFunction) -> Span:
    span = function.summary.span
    return Span(
        span.line, span.column, span.line, span.column + 4 + len(function.summary.name.rpartition(".")[2])
    )


def _receiver(function: LinkedFunction, term: int, row: str) -> tuple[tuple[str, ...], str]:
    """The relations of a row that a term reads, and the only method that is called on them."""
    terms = function.file.summary.terms
    names: list[str] = []
    called: list[str] = []
    index = bare(function.file, term)
    while True:
        one = terms[index]
        if isinstance(one, Call):
            callee = terms[one.function]
            if not isinstance(callee, Attr):
                return (), ""
            called.append(callee.name if not one.arguments and not one.keywords else "")
            index = bare(function.file, callee.base)
        elif isinstance(one, Attr):
            names.append(one.name)
            index = bare(function.file, one.base)
        elif isinstance(one, Param):
            found = tuple(reversed(names)) if one.name == row and one.function == function.index else ()
            steps = [name for name in called if name != "all"] or called[:1]
            return found, steps[0] if len(steps) == 1 else ("all" if not called else "")
        else:
            return (), ""


def _from_meta(project: Project, owner: str, seen: set[str]) -> Iterator[Field]:
    """Many-to-many relations among the fields that a serializer makes from its model: their keys are read."""
    meta = project.evaluator.classes.project_class(f"{owner}.Meta")
    if meta is None or "fields" not in meta.attributes:
        return
    fields = meta.attributes["fields"][0]
    row = meta.file.summary.terms[fields.value]
    model = _class_of(project, f"{owner}.Meta", "model")
    names: set[str] = set()
    if isinstance(row, Sequence):
        items = (meta.file.summary.terms[item] for item in row.items)
        names = {str(one.value) for one in items if isinstance(one, Const)}
    every = isinstance(row, Const) and row.value == "__all__"
    known = project.model(model)
    for relation in () if known is None else known.relations.values():
        if (
            relation.many
            and relation.name not in seen
            and (relation.name in names or (every and not relation.reverse))
        ):
            yield Field(relation.name, owner, meta.file.summary.path, fields.span, (relation.name,))


def _line(span: Span) -> Span:
    return span if span.end_line == span.line else Span(span.line, span.column, span.line, span.column + 5)


def _is_true(file: FileNode, term: int | None) -> bool:
    row = file.summary.terms[term] if term is not None else None
    return isinstance(row, Const) and row.value is True
