"""Bodies that set whatever columns they name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from backlint.api import (
    Attr,
    CallSite,
    ClassValue,
    Confidence,
    Const,
    Evidence,
    Extra,
    Findings,
    Guard,
    InstanceValue,
    LinkedFunction,
    Project,
    Route,
    Rule,
    Severity,
    options,
)
from backlint_rules.input._assignments import (
    Opening,
    Sink,
    opening,
    reached,
    sinks,
)

if TYPE_CHECKING:
    from backlint.api import ClassAttribute, ClassSummary, FileNode

_PRIVILEGED = frozenset(
    {
        "role", "roles", "is_admin", "is_staff", "is_superuser", "admin", "owner_id", "owner", "user_id", "tenant_id",
        "organization_id", "balance", "credit", "credits", "points", "status", "is_active", "is_verified", "verified",
        "approved", "permissions", "password", "password_hash", "hashed_password", "otp", "price", "paid", "tickets_sold",
    }
)  # fmt: skip
_GRANTS = re.compile(
    r"(?:is|can)_(?:admin|staff|superuser|super_user|moderator|support|vip|verified|approved)|superuser|super_user|admin"
    r"|roles?|permissions?|scopes|balance(?:_\w+)?|credits?(?:_\w+)?|verified|approved|banned|reputation"
    r"|(?:password_hash|hashed_password)|(?:owner|tenant|organi[sz]ation|org|workspace)_id",
    re.IGNORECASE,
)
"""Fields that nobody sets for themselves."""
_BELONGS = re.compile(r"member|participa|belong|enrol|subscri", re.IGNORECASE)
"""Guards that ask only whether the caller is in a group."""
_TOP = re.compile(r"admin|superuser|super_user|root", re.IGNORECASE)
_ROLES = re.compile(r"role|admin|staff|superuser|permission", re.IGNORECASE)
_WRITTEN_WITH = re.compile(r"Serializer|ModelSchema|ModelForm")
_CHANGING = frozenset({"POST", "PUT", "PATCH"})
_CONFIG = frozenset({"model_config", "Config", "Meta"})


class MassAssignment(Rule):
    """Checks for rows that take any column which the request body names.

    ## Why is this bad?
    A client may send more than the form shows: `role`, `is_admin`, `owner_id`, `balance`. Code that hands the
    whole body to the model stores them, and so does a serializer with all fields of its model. Columns that
    are added later are writable from the day they exist.

    ## What to do instead
    Name the fields that a client may set: a schema or a serializer with an explicit list of fields. Set the
    others in the handler, from who is signed in.

    ## Confidence
    High where a handler hands the mapping to a model that is known, or a schema lets clients set what
    nobody grants to themselves; medium through helpers, for attributes that are set one by one, and where
    the model is not known; low outside of handlers, and for serializers whose open fields give no rights.
    The severity is error where a privileged column can be set.

    ## What it leaves alone
    Schemas without privileged fields, mappings that are cut down or spelled out, serializers that name
    their fields or make the others read-only, handlers that look at the field or at the caller's role, and
    routes for administrators.

    ## References
    - [CWE-915: Improperly Controlled Modification of Dynamically-Determined Object Attributes](https://cwe.mitre.org/data/definitions/915.html)
    - [OWASP API3:2023 broken object property level authorization](https://owasp.org/API-Security/editions/2023/en/0xa3-broken-object-property-level-authorization/)
    """

    severity = Severity.WARNING
    tags = ("CWE-915", "OWASP-API3")
    security_severity = 7.1

    def check(self, project: Project, findings: Findings) -> None:
        """Look at the mappings that handlers hand on, and at serializers with all fields."""
        told: set[int] = set()
        for function in project.functions:
            if findings.wants(function) and project.is_handler(function):
                _judge_handler(project, findings, function, told)
        for call in project.calls():
            if findings.wants(call.function) and id(call.event) not in told:
                _judge_elsewhere(project, findings, call)
        _judge_serializers(project, findings)


def _judge_handler(project: Project, findings: Findings, handler: LinkedFunction, told: set[int]) -> None:
    for call in handler.calls:
        for sink, found in reached(project, handler, call):
            if _report(project, findings, handler, call, sink, found):
                told.add(id(sink.call.event))
                break


def _report(
    project: Project,
    findings: Findings,
    handler: LinkedFunction,
    call: CallSite,
    sink: Sink,
    found: Opening,
) -> bool:
    model = project.model(sink.model) if sink.model else None
    if model is not None and not model.fields:
        # A class that only others are made from: which of them is not known.
        model = None
    short = sink.model.rpartition(".")[2] if model is not None else ""
    words = project.words(handler, found.term)
    evidence = (
        ()
        if sink.call is call
        else (Evidence(sink.call.function.path, sink.call.span, "every column that is named is set here"),)
    )
    if found.schema:
        names = fields_of(project, found.schema) - found.without - sink.beside
        owners = project.owner_columns(sink.model)
        declared = project.schema(found.schema)
        if declared is not None and declared.extra is Extra.ALLOW:
            if model is None:
                schema = found.schema.rpartition(".")[2]
                findings.add(
                    call,
                    f"`{schema}` keeps keys that it has no field for: the client sets whatever columns it names",
                    confidence=Confidence.MEDIUM,
                    advice=f"let `{schema}` refuse or leave out unknown keys",
                    evidence=evidence,
                )
                return True
            names |= frozenset(model.fields) - found.without - sink.beside
        open_to = sorted(
            name
            for name in names
            if name in owners or (_GRANTS.fullmatch(name) and (model is None or name in model.fields))
        )
        scoping = _scoping(project, handler, sink.model)
        if sink.model in project.objects.tied(handler.key):
            scoping |= owners
        moves = sorted(names & scoping)
        if not moves:
            whole = bool(_meta_fields(project, found.schema))
            granted = [name for name in open_to if whole or not _is_granted(project, handler, name)]
            if not granted or _is_asked(project, handler, open_to):
                return False
            if not whole and _is_behind(project, handler):
                return False
            open_to = granted
        else:
            open_to = moves
        schema = found.schema.rpartition(".")[2]
        of = f" of `{short}`" if short else ""
        findings.add(
            call,
            f"`{schema}` lets the client set `{open_to[0]}`{of}",
            severity=Severity.ERROR,
            confidence=Confidence.HIGH if model is not None and not evidence else Confidence.MEDIUM,
            advice=f"take `{open_to[0]}` out of `{schema}`, and set it where only those may who can grant it",
            evidence=evidence,
        )
        return True
    columns = frozenset(model.fields) if model is not None else frozenset[str]()
    open_to = sorted(_PRIVILEGED.intersection(columns) - sink.beside - found.without)
    which = f", `{open_to[0]}` among them" if open_to else ""
    if sink.by_name and not open_to:
        message = f"`{words}`, which the client sends, names the attribute that is set"
    elif short:
        message = f"`{words}`, which the client sends, sets any column of `{short}`{which}"
    else:
        message = f"`{words}`, which the client sends, sets whatever columns it names"
    origin = found.origin
    sure = origin is not None and len(origin.evidence) <= 1 and bool(short) and not sink.by_name
    findings.add(
        call,
        message,
        severity=Severity.ERROR if open_to else Severity.WARNING,
        confidence=Confidence.HIGH
        if sure and origin is not None and origin.confidence is Confidence.HIGH
        else Confidence.MEDIUM,
        advice=f"read `{words}` into a schema with the fields that a client may set",
        evidence=(*evidence, *(origin.evidence if origin is not None else ())),
    )
    return True


def fields_of(project: Project, schema: str) -> frozenset[str]:
    """The fields that a schema class declares, those of the model that it is made from included."""
    classes = project.evaluator.classes
    found: set[str] = set()
    for ancestor in classes.order(schema):
        cls = classes.project_class(ancestor)
        if cls is None:
            continue
        found.update(
            attribute.name
            for attribute in cls.summary.attributes
            if not attribute.instance and attribute.annotation >= 0 and attribute.name not in _CONFIG
        )
        found |= _meta_fields(project, ancestor)
    declared = project.schema(schema)
    if declared is not None and declared.library == "marshmallow":
        found |= {one.name for one in declared.fields.values() if not one.read_only}
    return frozenset(found)


def _meta_fields(project: Project, symbol: str) -> set[str]:
    """The model's fields that a `Meta` or `Config` takes in: `fields`, or all but `exclude`."""
    for inner in ("Meta", "Config"):
        cls = project.evaluator.classes.project_class(f"{symbol}.{inner}")
        if cls is None:
            continue
        set_to = {attribute.name: attribute.value for attribute in cls.summary.attributes}
        value = project.evaluator.value(cls.file, set_to["model"]) if "model" in set_to else None
        model = project.model(value.symbol) if isinstance(value, ClassValue) else None
        if model is None:
            continue
        columns = set(model.fields) | {
            name for name, relation in model.relations.items() if not relation.many and not relation.reverse
        }
        for name in ("exclude", "model_exclude"):
            if name in set_to:
                return columns - _texts(project, cls.file.index, set_to[name])
        for name in ("fields", "model_fields"):
            if name in set_to:
                named = _texts(project, cls.file.index, set_to[name])
                return columns & named if named else columns
    return set()


def _is_asked(project: Project, handler: LinkedFunction, names: list[str]) -> bool:
    """Whether a handler looks at the field itself, or at the role of who calls."""
    for event in handler.summary.events:
        for term in project.terms_of(handler, event.term) if event.term >= 0 else ():
            row = project.term(handler, term)
            if isinstance(row, Attr) and (row.name in names or _ROLES.search(row.name)):
                return True
    return False


def _is_behind(project: Project, handler: LinkedFunction) -> bool:
    """Whether a handler is for staff by its address, or behind something that may ask for rights."""
    return any(
        route.is_admin_path or any(guard.unresolved for guard in route.guards)
        for route in project.handlers.get(handler.key, ())
    )


def _scoping(project: Project, handler: LinkedFunction, model: str) -> frozenset[str]:
    """The columns, as a schema may call them, by which a handler asks that a row is the caller's: its tenant.

    Who sets one of these moves the row out of what the handler guards, whatever the role.
    """
    known = project.model(model)
    found = {
        column
        for table, column in project.objects.columns(handler.key)
        if table == model and (known is None or column not in known.primary_keys)
    }
    return frozenset(found | {f"{name}_id" for name in found} | {name.removesuffix("_id") for name in found})


def _is_granted(project: Project, handler: LinkedFunction, name: str) -> bool:
    """Whether only those get here who may grant a field: staff, or for all but roles anybody with a role."""
    routes: tuple[Route, ...] = project.handlers.get(handler.key, ())
    return any(_may_grant(project, guard, name) for route in routes for guard in route.authorisation)


def _may_grant(project: Project, guard: Guard, name: str) -> bool:
    """Whether a guard lets none in but those who may set a field."""
    short = guard.symbol.rpartition(".")[2]
    if _BELONGS.search(short) and not _ROLES.search(short) and not guard.given:
        return False
    if not _ROLES.search(name) or not guard.given or _is_top(guard):
        return True
    # Another guard of the project is for administrators alone, and this one lets others in: they could become one.
    return not any(
        _is_top(other) and other.symbol == guard.symbol
        for route in project.routes
        for other in route.authorisation
    )


def _is_top(guard: Guard) -> bool:
    return bool(guard.given) and all(_TOP.search(text) for text in guard.given)


def _judge_elsewhere(project: Project, findings: Findings, call: CallSite) -> None:
    """What the body reaches through functions that no handler hands it to in a way that can be followed."""
    if project.is_handler(call.function):
        return
    for sink in sinks(project, call):
        found = opening(project, call.function, sink.term, call.block)
        if found is None or found.schema or found.origin is None:
            continue
        words = project.words(call.function, found.term)
        findings.add(
            call,
            f"`{words}`, which the client sends, sets whatever columns it names",
            confidence=Confidence.LOW,
            advice=f"pass the fields of `{words}` that a client may set by name",
            evidence=found.origin.evidence,
        )
        return


def _judge_serializers(project: Project, findings: Findings) -> None:
    """`fields = "__all__"` and `exclude` of serializers, schemas and forms that clients write with."""
    for file in project.files:
        for summary in file.summary.classes:
            owner, _, last = summary.name.rpartition(".")
            if last in ("Meta", "Config") and owner:
                _judge_meta(project, findings, file, summary, owner)


def _judge_meta(
    project: Project, findings: Findings, file: FileNode, summary: ClassSummary, owner: str
) -> None:
    symbol = f"{file.summary.module}.{owner}"
    kinds = [one for one in project.evaluator.classes.order(symbol)[1:] if _WRITTEN_WITH.search(one)]
    set_to = {attribute.name: attribute for attribute in summary.attributes}
    found = _open_list(file, set_to)
    if not kinds or found is None or "model" not in set_to:
        return
    value = project.evaluator.value(file, set_to["model"].value)
    model = project.model(value.symbol) if isinstance(value, ClassValue) else None
    closed = {
        text
        for name in ("read_only_fields", "exclude", "model_exclude")
        if name in set_to
        for text in _texts(project, file.index, set_to[name].value)
    }
    closed |= {one.name for other in file.summary.classes if other.name == owner for one in other.attributes}
    columns = set(model.fields) | set(model.relations) if model is not None else set()
    owners = project.owner_columns(value.symbol) if isinstance(value, ClassValue) else frozenset()
    open_to = sorted(
        (
            name
            for name in columns - closed
            if name in owners or name in _PRIVILEGED or _GRANTS.fullmatch(name)
        ),
        key=lambda name: (_GRANTS.fullmatch(name) is None and name not in owners, name),
    )
    written = _written(project, symbol, kinds)
    excluding = found.name != "fields"
    if written is False or (excluding and not open_to) or (written is None and not _is_serializer(kinds)):
        return
    which = f": `{open_to[0]}` is among them" if open_to else ""
    what = "every field of the model but a few" if excluding else "every field of the model"
    findings.add(
        project.graph.functions[file.index, 0],
        f"clients may write {what} through `{owner}`{which}",
        span=found.span,
        severity=Severity.ERROR if open_to else Severity.WARNING,
        confidence=_sure(open_to, excluding, owners),
        advice=f"list the fields of `{owner}`, and leave out those that the server sets",
    )


def _sure(open_to: list[str], excluding: bool, owners: frozenset[str]) -> Confidence:
    if not open_to:
        return Confidence.LOW
    certain = not excluding or open_to[0] in owners or _GRANTS.fullmatch(open_to[0])
    return Confidence.HIGH if certain else Confidence.MEDIUM


def _open_list(file: FileNode, set_to: dict[str, ClassAttribute]) -> ClassAttribute | None:
    """What lets in fields that nobody named: `fields = "__all__"`, or `exclude`."""
    for name in ("fields", "model_fields"):
        found = set_to.get(name)
        row = file.summary.terms[found.value] if found is not None and found.value >= 0 else None
        if found is not None:
            return found if isinstance(row, Const) and row.value == "__all__" else None
    return set_to.get("exclude") or set_to.get("model_exclude")


def _is_serializer(kinds: list[str]) -> bool:
    return any("Serializer" in one for one in kinds)


def _written(project: Project, symbol: str, kinds: list[str]) -> bool | None:
    """Whether requests are read into a class; None where no route says."""
    answered = False
    for route in project.routes:
        changing = not route.methods or bool(_CHANGING.intersection(route.methods))
        if route.body == symbol or any(
            isinstance(one, InstanceValue) and one.symbol == symbol
            for parameter in route.parameters
            for one in options(parameter.annotation)
        ):
            return True
        if changing and route.view and _fills(project, route.view, symbol):
            return True
        answered = answered or (route.response == symbol and not changing)
        handler = project.graph.functions[route.handler] if route.handler is not None else None
        if handler is not None and any(
            (isinstance(one, ClassValue) and one.symbol == symbol and call.argument(1, "data") is not None)
            or (
                isinstance(one, ClassValue)
                and one.symbol == symbol
                and not _is_serializer(kinds)
                and call.row.arguments
            )
            for call in handler.calls
            for one in options(call.callee)
        ):
            return True
    return False if answered else None


def _fills(project: Project, view: str, symbol: str) -> bool:
    """Whether a view's class names a form that its library's code fills with what is posted."""
    return any(
        isinstance(one, ClassValue) and one.symbol == symbol
        for one in options(project.class_attribute(view, "form_class"))
    )


def _texts(project: Project, file: int, term: int) -> set[str]:
    terms = project.graph.functions[file, 0].file.summary.terms
    row = terms[term]
    items = getattr(row, "items", ())
    return {str(one.value) for item in items if isinstance(one := terms[item], Const)}
