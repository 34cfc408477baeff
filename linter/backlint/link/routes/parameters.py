"""What a handler is given, and where each thing comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.link.annotations import annotation_value
from backlint.link.routes.context import argument
from backlint.link.routes.dependencies import parameter_dependency, provided, unfolded
from backlint.link.routes.model import ParameterSource, RouteKind, RouteParameter
from backlint.link.routes.origins import definition
from backlint.link.values import UNKNOWN, ClassValue, InstanceValue, Value, options
from backlint.term import Call, Const, Item, Name, Operation, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey
    from backlint.link.index import FileNode
    from backlint.link.routes.context import Context
    from backlint.link.routes.draft import Draft
    from backlint.summary import FunctionSummary, Parameter

_BRACES = re.compile(r"\{(\w+)[^}]*\}")
_ANGLES = re.compile(r"<(?:([\w.]+)(?:\([^)]*\))?:)?(\w+)(?::[^>]+)?>")
_MARKERS = {
    "Path": ParameterSource.PATH,
    "PathEx": ParameterSource.PATH,
    "Query": ParameterSource.QUERY,
    "QueryEx": ParameterSource.QUERY,
    "Header": ParameterSource.HEADER,
    "HeaderEx": ParameterSource.HEADER,
    "Cookie": ParameterSource.COOKIE,
    "CookieEx": ParameterSource.COOKIE,
    "Body": ParameterSource.BODY,
    "BodyEx": ParameterSource.BODY,
    "Form": ParameterSource.FORM,
    "FormEx": ParameterSource.FORM,
    "File": ParameterSource.FILE,
    "FileEx": ParameterSource.FILE,
}
_MARKING = frozenset({"fastapi", "ninja", "litestar"})
_OF_FRAMEWORK = frozenset(
    {
        "starlette.requests.Request",
        "starlette.requests.HTTPConnection",
        "starlette.responses.Response",
        "starlette.websockets.WebSocket",
        "starlette.background.BackgroundTasks",
        "fastapi.BackgroundTasks",
        "fastapi.security.SecurityScopes",
        "django.http.HttpRequest",
        "rest_framework.request.Request",
        "litestar.Request",
        "aiohttp.web.Request",
        "sanic.Request",
    }
)
_FILES = frozenset({"starlette.datastructures.UploadFile", "fastapi.UploadFile", "ninja.UploadedFile"})
_SCHEMAS = frozenset(
    {
        "pydantic.BaseModel",
        "pydantic.main.BaseModel",
        "pydantic.RootModel",
        "sqlmodel.SQLModel",
        "ninja.Schema",
        "msgspec.Struct",
    }
)
_SCALARS = frozenset(
    {
        "builtins.str",
        "builtins.int",
        "builtins.float",
        "builtins.bool",
        "builtins.bytes",
        "uuid.UUID",
        "datetime.datetime",
        "datetime.date",
        "datetime.time",
        "datetime.timedelta",
        "decimal.Decimal",
        "enum.Enum",
        "enum.StrEnum",
        "enum.IntEnum",
    }
)
_DECLARING = frozenset({"fastapi", "ninja", "litestar"})
_UNIONS = frozenset({"typing.Optional", "typing.Union"})
_GRAPHQL = frozenset({RouteKind.GRAPHQL_ROOT, RouteKind.GRAPHQL_FIELD})
_OF_RESOLVERS = frozenset({"info", "_info", "root", "_root", "parent", "obj", "_", "self", "source", "cls"})
"""What GraphQL libraries hand to resolvers themselves: all else is an argument of the field."""
_LITESTAR = frozenset({"request", "headers", "cookies", "query", "state", "scope", "socket"})


def path_names(path: str) -> frozenset[str]:
    """The names of the parameters in a path: `{id}`, `{id:path}`, `<int:id>`, `<id:int>`, `<id>`.

    Flask and Django write the type first, Sanic the name: both parts count there.
    """
    angled = {name for match in _ANGLES.finditer(path) for name in match.groups() if name}
    return frozenset(angled.union(match[1] for match in _BRACES.finditer(path)))


def parameters(context: Context, draft: Draft) -> tuple[RouteParameter, ...]:
    """The handler's parameters without `self`; of a view that the library answers, those of the path."""
    names = _django_names(draft.path) if draft.framework == "aiohttp" else path_names(draft.path)
    if draft.handler is None:
        return tuple(RouteParameter(name, ParameterSource.PATH, UNKNOWN) for name in sorted(names))
    file = context.project.files[draft.handler[0]]
    summary = file.summary.functions[draft.handler[1]]
    found = []
    for position, parameter in enumerate(_own(summary)):
        source = _source(context, draft, file, parameter, position, names)
        declared = (
            annotation_value(context.evaluator, file, parameter.annotation)
            if parameter.annotation >= 0
            else UNKNOWN
        )
        found.append(RouteParameter(parameter.name, source, declared, parameter.annotation))
    return tuple(found)


def _django_names(path: str) -> frozenset[str]:
    return frozenset(re.findall(r"\{(\w+)", path))


def _own(summary: FunctionSummary) -> tuple[Parameter, ...]:
    return summary.parameters[1:] if summary.cls >= 0 else summary.parameters


def _source(
    context: Context,
    draft: Draft,
    file: FileNode,
    parameter: Parameter,
    position: int,
    names: frozenset[str],
) -> ParameterSource:
    if parameter.name in names:
        return ParameterSource.PATH
    if draft.kind in _GRAPHQL:
        return ParameterSource.REQUEST if parameter.name in _OF_RESOLVERS else ParameterSource.QUERY
    declaring = draft.framework in _DECLARING or not draft.framework
    if draft.framework in ("django", "rest_framework", "ninja", "aiohttp", "sanic", "starlette") and (
        position == 0 and parameter.kind == ""
    ):
        return ParameterSource.REQUEST
    if not declaring:
        return ParameterSource.UNKNOWN
    if parameter_dependency(context, file, parameter) is not None:
        return ParameterSource.DEPENDENCY
    marked = _marked(context, file, parameter)
    if marked is not None:
        return marked
    if draft.framework == "litestar":
        if draft.view and provided(context, draft.view, parameter.name) is not None:
            return ParameterSource.DEPENDENCY
        if parameter.name in context.project.layer_dependencies:
            return ParameterSource.DEPENDENCY
        if parameter.name == "data":
            return ParameterSource.BODY
        if parameter.name in _LITESTAR:
            return ParameterSource.REQUEST
    if parameter.annotation < 0:
        return ParameterSource.QUERY if draft.framework == "fastapi" else ParameterSource.UNKNOWN
    if _is_scalar(context, file, parameter.annotation):
        return ParameterSource.QUERY
    if _is_mapping(context, file, parameter.annotation):
        return ParameterSource.BODY
    return _by_type(context, annotation_value(context.evaluator, file, parameter.annotation))


def _is_mapping(context: Context, file: FileNode, annotation: int) -> bool:
    """`dict`, bare or of whatever: no framework reads one from anywhere but the body."""
    owner, term, _ = unfolded(context, file, annotation)
    row = owner.summary.terms[term]
    symbol = context.evaluator.symbol_of(owner, row.base if isinstance(row, Item) else term)
    return symbol in ("builtins.dict", "typing.Dict", "typing.Mapping", "collections.abc.Mapping")


def _marked(context: Context, file: FileNode, parameter: Parameter) -> ParameterSource | None:
    """`Query(…)` and its like, as the default or inside `Annotated`."""
    candidates = [(file, parameter.default)] if parameter.default >= 0 else []
    if parameter.annotation >= 0:
        candidates.extend(unfolded(context, file, parameter.annotation)[2])
    for at, term in candidates:
        owner, found = definition(context.evaluator, at, term)
        if not isinstance(owner.summary.terms[found], Call):
            continue
        top, _, rest = context.evaluator.symbol_of(owner, found).partition(".")
        name = rest.rpartition(".")[2]
        if top in _MARKING and name in _MARKERS:
            return _MARKERS[name]
    return None


def _is_scalar(context: Context, file: FileNode, annotation: int) -> bool:
    """Whether an annotation names plain types only: `str`, `int | None`, `Optional[date]`."""
    owner, term, _ = unfolded(context, file, annotation)
    row = owner.summary.terms[term]
    if isinstance(row, Const):
        return row.value is None
    if isinstance(row, Operation) and row.operator == "|":
        return all(_is_scalar(context, owner, operand) for operand in row.operands)
    if isinstance(row, Item):
        key = owner.summary.terms[row.key]
        parts = key.items if isinstance(key, Sequence) else (row.key,)
        symbol = context.evaluator.symbol_of(owner, row.base)
        return symbol in _UNIONS and all(_is_scalar(context, owner, part) for part in parts)
    return isinstance(row, Name) and context.evaluator.symbol_of(owner, term) in _SCALARS


def _by_type(context: Context, declared: Value) -> ParameterSource:
    """Where a framework that reads annotations takes a parameter of this type from."""
    sources = {_by_class(context, single) for single in options(declared)}
    return sources.pop() if len(sources) == 1 else ParameterSource.UNKNOWN


def _by_class(context: Context, value: Value) -> ParameterSource:
    if not isinstance(value, InstanceValue):
        return ParameterSource.UNKNOWN
    order = set(context.evaluator.classes.order(value.symbol))
    if order & _OF_FRAMEWORK:
        return ParameterSource.REQUEST
    if order & _FILES:
        return ParameterSource.FILE
    if order & _SCHEMAS or _is_dataclass(context, value.symbol):
        return ParameterSource.BODY
    if order & _SCALARS:
        return ParameterSource.QUERY
    if value.symbol in ("builtins.list", "builtins.set", "builtins.tuple", "builtins.dict"):
        inner = value.arguments[0] if value.arguments else UNKNOWN
        if value.symbol == "builtins.dict":
            return ParameterSource.BODY
        return (
            ParameterSource.BODY
            if _by_class(context, inner) is ParameterSource.BODY
            else ParameterSource.UNKNOWN
        )
    return ParameterSource.UNKNOWN


def _is_dataclass(context: Context, symbol: str) -> bool:
    cls = context.evaluator.classes.project_class(symbol)
    return cls is not None and any(
        context.evaluator.symbol_of(cls.file, term).endswith("dataclass") for term in cls.summary.decorators
    )


def schemas(context: Context, draft: Draft, found: tuple[RouteParameter, ...]) -> tuple[str, str]:
    """The absolute names of the classes of the request's body and of the answer; empty where not declared."""
    body = next((_schema(item.annotation) for item in found if item.source is ParameterSource.BODY), "")
    response = ""
    if draft.call >= 0:
        file = context.project.files[draft.handler[0] if draft.handler and not draft.view else draft.file]
        row = file.summary.terms[draft.call] if draft.call < len(file.summary.terms) else None
        term = argument(row, None, "response_model", "response") if isinstance(row, Call) else None
        if term is not None:
            response = _schema(annotation_value(context.evaluator, file, term))
    if draft.handler is not None:
        declared = list(_decorated_schemas(context, draft.handler))
        body = next((symbol for name, symbol in declared if name in ("arguments", "expect")), body)
        response = response or next((symbol for name, symbol in declared if name == "response"), "")
        file = context.project.files[draft.handler[0]]
        summary = file.summary.functions[draft.handler[1]]
        if not response and draft.framework in _DECLARING and summary.returns >= 0:
            response = _schema(annotation_value(context.evaluator, file, summary.returns))
    if draft.view:
        serializer = context.class_attribute(draft.view, "serializer_class")
        if serializer is not None:
            symbol = _schema(context.evaluator.value(serializer[0].file, serializer[1]))
            response = response or symbol
            if not body and {"POST", "PUT", "PATCH"}.intersection(draft.methods):
                body = symbol
    return body, response


def _decorated_schemas(context: Context, key: FunctionKey) -> Iterator[tuple[str, str]]:
    """`@blueprint.arguments(Schema)` and `@blueprint.response(200, Schema)` of Flask-Smorest."""
    file = context.project.files[key[0]]
    for term in file.summary.functions[key[1]].decorators:
        row = file.summary.terms[term]
        if isinstance(row, Call):
            symbol = context.evaluator.symbol_of(file, term)
            name = symbol.rpartition(".")[2]
            position = {"arguments": 0, "response": 1, "expect": 0}.get(name)
            given = None if position is None else argument(row, position, "schema")
            if given is not None and symbol.startswith("flask_"):
                yield name, _schema(context.evaluator.value(file, given))


def _schema(value: Value) -> str:
    for single in options(value):
        if isinstance(single, InstanceValue | ClassValue):
            if single.symbol in ("builtins.list", "builtins.set") and single.arguments:
                return _schema(single.arguments[0])
            return "" if single.symbol.startswith(("builtins.", "typing.")) else single.symbol
    return ""
