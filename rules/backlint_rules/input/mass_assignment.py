"""Bodies that set whatever columns they name."""

from backlint.api import (
    REQUEST_BODY,
    CallSite,
    ClassValue,
    Confidence,
    Const,
    Findings,
    InstanceValue,
    Mapping,
    Origin,
    Project,
    Rule,
    Severity,
    bare,
    options,
)
from backlint_rules.input._statements import Frame, is_open, pieces

_PRIVILEGED = frozenset(
    {
        "role", "roles", "is_admin", "is_staff", "is_superuser", "admin", "owner_id", "owner", "user_id", "tenant_id",
        "organization_id", "balance", "credit", "credits", "points", "status", "is_active", "is_verified", "verified",
        "approved", "permissions", "password", "password_hash", "hashed_password", "otp", "price", "paid", "tickets_sold",
    }
)  # fmt: skip


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
    High where the body reaches the model directly; low where it has passed through other functions, which
    may have cut it down. A serializer with all fields is high where the model has a privileged column, low
    otherwise. The severity is error where a privileged column can be set.

    ## What it leaves alone
    Bodies that a schema has read (`model_dump`, `validated_data`, `cleaned_data`), dicts that are spelled
    out, and serializers that name their fields or make the others read-only.

    ## References
    - [CWE-915: Improperly Controlled Modification of Dynamically-Determined Object Attributes](https://cwe.mitre.org/data/definitions/915.html)
    - [OWASP API3:2023 broken object property level authorization](https://owasp.org/API-Security/editions/2023/en/0xa3-broken-object-property-level-authorization/)
    """

    severity = Severity.WARNING
    tags = ("CWE-915", "OWASP-API3")
    security_severity = 7.1

    def check(self, project: Project, findings: Findings) -> None:
        """Look at models that are made from `**body`, and at serializers with all fields."""
        for call in project.calls():
            if call.function.kind in self.kinds and any(name == "**" for name, _ in call.row.keywords):
                _judge_call(project, findings, call)
            if call.symbol == "builtins.setattr" and call.function.kind in self.kinds:
                _judge_setattr(project, findings, call)
        _judge_serializers(project, findings)


def _judge_call(project: Project, findings: Findings, call: CallSite) -> None:
    symbol = _model(project, call)
    model = project.model(symbol) if symbol else None
    if model is None:
        return
    for name, term in call.row.keywords:
        if name != "**":
            continue
        origin = project.flow.origin(call.function, term, REQUEST_BODY, call.block)
        words = project.words(call.function, term)
        if isinstance(project.term(call.function, bare(call.function.file, term)), Mapping):
            continue
        read = any(one in words for one in ("model_dump", ".dict(", "validated", "cleaned"))
        if origin is None or origin.named or read:
            continue
        open_to = sorted(_PRIVILEGED.intersection(model.fields) - {name for name, _ in call.row.keywords})
        short = symbol.rpartition(".")[2]
        which = f", `{open_to[0]}` among them" if open_to else ""
        findings.add(
            call,
            f"`{words}`, which the client sends, sets any column of `{short}`{which}",
            severity=Severity.ERROR if open_to else Severity.WARNING,
            confidence=_confidence(origin),
            advice=f"pass the fields of `{short}` that a client may set by name",
            evidence=origin.evidence,
        )


def _confidence(origin: Origin) -> Confidence:
    """What has passed through other functions may have been cut down on the way."""
    return origin.confidence if len(origin.evidence) <= 1 else Confidence.LOW


def _judge_setattr(project: Project, findings: Findings, call: CallSite) -> None:
    """`for name, value in body.items(): setattr(user, name, value)`, where no schema has read the body."""
    if len(call.row.arguments) < 2 or any(
        word in project.words(call.function, one.row.function)
        for one in call.function.calls
        for word in ("model_dump", ".dict", "validated", "cleaned")
    ):
        return
    if not is_open(pieces(project, Frame(call.function), call.row.arguments[1])):
        return
    origin = project.flow.origin(call.function, call.row.arguments[1], REQUEST_BODY, call.block)
    if origin is not None and not origin.named:
        name = project.words(call.function, call.row.arguments[1])
        findings.add(
            call,
            f"`{name}`, which the client sends, names the attribute that is set",
            confidence=min(Confidence.MEDIUM, _confidence(origin), key=lambda found: found.rank),
            advice=f"compare `{name}` with the fields that a client may set",
            evidence=origin.evidence,
        )


def _model(project: Project, call: CallSite) -> str:
    """The ORM class that a call makes a row of: `User(**x)`, `User.objects.create(**x)`."""
    for value in options(call.callee):
        if isinstance(value, ClassValue):
            return value.symbol
    words = project.words(call.function, call.row.function)
    if words.endswith((".objects.create", ".objects.create_user")):
        made = project.value(call.function, call.event.term)
        for value in options(made):
            if isinstance(value, InstanceValue):
                return value.symbol
    return ""


def _judge_serializers(project: Project, findings: Findings) -> None:
    """`fields = "__all__"` in the `Meta` of a serializer that clients write with."""
    classes = project.evaluator.classes
    for file in project.files:
        for summary in file.summary.classes:
            owner, _, last = summary.name.rpartition(".")
            if last != "Meta" or not owner:
                continue
            if not any("Serializer" in one for one in classes.order(f"{file.summary.module}.{owner}")[1:]):
                continue
            set_to = {attribute.name: attribute for attribute in summary.attributes}
            fields = set_to.get("fields")
            row = file.summary.terms[fields.value] if fields is not None and fields.value >= 0 else None
            if (
                fields is None
                or not isinstance(row, Const)
                or row.value != "__all__"
                or "model" not in set_to
            ):
                continue
            value = project.evaluator.value(file, set_to["model"].value)
            model = project.model(value.symbol) if isinstance(value, ClassValue) else None
            closed = (
                _texts(project, file.index, set_to["read_only_fields"].value)
                if "read_only_fields" in set_to
                else set()
            )
            declared = {
                one.name for other in file.summary.classes if other.name == owner for one in other.attributes
            }
            open_to = (
                sorted(_PRIVILEGED.intersection(model.fields) - closed - declared)
                if model is not None
                else []
            )
            which = f": `{open_to[0]}` is among them" if open_to else ""
            findings.add(
                project.graph.functions[file.index, 0],
                f"clients may write every field of the model through `{owner}`{which}",
                span=fields.span,
                severity=Severity.ERROR if open_to else Severity.WARNING,
                confidence=Confidence.HIGH if open_to else Confidence.LOW,
                advice=f"list the fields of `{owner}`, and put those that the server sets in `read_only_fields`",
            )


def _texts(project: Project, file: int, term: int) -> set[str]:
    terms = project.graph.functions[file, 0].file.summary.terms
    row = terms[term]
    items = getattr(row, "items", ())
    return {str(one.value) for item in items if isinstance(one := terms[item], Const)}
