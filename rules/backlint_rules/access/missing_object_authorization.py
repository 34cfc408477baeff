"""Handlers that take an id and act on whoever's object it is."""

from backlint.api import Confidence, Evidence, Findings, Project, Route, Rule, Severity, Unscoped, Untied

_MANY = 3
"""So many others that all do the same leave no doubt."""
_DOES = {"changes": "changes", "deletes": "deletes", "reads": "hands out", "uses": "takes"}


class MissingObjectAuthorization(Rule):
    """Checks for handlers that load, change or delete an object by an id from the request, whoever owns it.

    ## Why is this bad?
    Being signed in is not enough: ids can be counted up or copied from a link, so any user reaches the
    orders, messages and files of all others. Broken object level authorization is the most common
    serious fault of web APIs, and no test of the happy path notices it.

    ## What to do instead
    Put the owner or tenant into the query itself, so that a stranger's object is simply not found, or compare
    the object's owner with the caller before anything is done with it. One helper or dependency that does
    both keeps new handlers right.

    ## Confidence
    High where other handlers tie the same model to the caller and this one writes or the data is private;
    medium where the model has an owner of its own and nothing else speaks for or against; low where the
    project has no such convention. An id of the path that most of the handlers beside it tie to the caller is
    medium, high where all of them do.

    ## What it leaves alone
    Objects that have no owner, public catalogues, handlers behind a role check, look-ups through the user
    (`user.orders`), filters and comparisons with the caller anywhere on the way, object permissions, scoped
    sessions and managers, and the caller's own record; reads of rows in a state that is for show (`status="open"`), and
    tokens that nobody can guess.

    ## How to tune it
    Give the role `authorises` to a helper or dependency that checks the object and is not recognised.

    ## References
    - [OWASP API1:2023 broken object level authorization](https://owasp.org/API-Security/editions/2023/en/0xa1-broken-object-level-authorization/)
    - [CWE-639](https://cwe.mitre.org/data/definitions/639.html)
    """

    severity = Severity.ERROR
    independent = True
    tags = ("CWE-639", "OWASP-API1")
    security_severity = 8.2

    def check(self, project: Project, findings: Findings) -> None:
        """Report each handler and view class whose objects nothing ties to the caller."""
        if not any(_is_wanted(project, findings, route) for route in project.routes):
            return
        for fault in project.objects.unscoped:
            if fault.anonymous and not fault.meant:
                continue
            if fault.lookup is None:
                _report_class(project, findings, fault)
            else:
                _report_handler(project, findings, fault)
        for one in project.objects.untied:
            _report_untied(project, findings, one)


def _is_wanted(project: Project, findings: Findings, route: Route) -> bool:
    """Whether what is found of a route may be kept: it is told of at its handler or view class."""
    if route.handler is not None:
        is_wanted = findings.wants(project.graph.functions[route.handler])
    else:
        cls = project.evaluator.classes.project_class(route.view) if route.view else None
        is_wanted = cls is not None and findings.wants_file(cls.file)
    return is_wanted and project.objects.may_concern(route)


def _report_untied(project: Project, findings: Findings, one: Untied) -> None:
    handler = project.graph.functions[one.handler]
    path, span = one.example.location
    line = type(span)(span.line, span.column, span.line, span.column + 1)
    findings.add(
        handler,
        f"`{one.route.name}` takes any `{one.parameter}`: nothing ties it to the caller, as {one.kept} of "
        f"{one.others} other handlers do",
        span=one.span,
        confidence=Confidence.HIGH if one.kept >= _MANY and one.kept == one.others else Confidence.MEDIUM,
        advice=f"check `{one.parameter}` as `{one.example.name}` does, or put the caller into the query",
        evidence=(Evidence(path, line, f"`{one.example.name}` ties `{one.parameter}` to the caller"),),
    )


def _report_handler(project: Project, findings: Findings, fault: Unscoped) -> None:
    lookup = fault.lookup
    if lookup is None or fault.handler is None:
        return
    handler = project.graph.functions[fault.handler]
    name = _table(fault)
    does = " and ".join(_DOES[verb] for verb in fault.verbs)
    message = f"`{fault.route.name}` {does} any `{name}` by `{lookup.text}`: nothing ties it to the caller"
    message += _siblings(fault, name)
    found = project.graph.functions[lookup.function]
    evidence = _example(project, fault)
    here = found.key == handler.key
    if not here:
        evidence = (Evidence(lookup.path, lookup.span, f"the `{name}` is looked up by key alone"), *evidence)
    if fault.use is not None:
        evidence = (*evidence, Evidence(fault.use.path, fault.use.span, f"{_DOES[fault.use.verb]} it"))
    findings.add(
        handler,
        message,
        span=lookup.span if here else None,
        confidence=_confidence(fault),
        advice=_advice(fault, lookup.text),
        evidence=evidence,
    )


def _report_class(project: Project, findings: Findings, fault: Unscoped) -> None:
    name = _table(fault)
    view = fault.route.view.rpartition(".")[2]
    methods = "/".join(fault.methods)
    message = (
        f"`{view}` lets every caller {methods} any `{name}`: no object permission, and all rows in its query"
    )
    for file in project.files:
        for cls in file.summary.classes:
            if f"{file.summary.module}.{cls.name}" == fault.route.view:
                findings.add_at(
                    project,
                    file.summary.path,
                    cls.span,
                    message + _siblings(fault, name),
                    confidence=_confidence(fault),
                    advice=f"filter `get_queryset` by `{fault.owner.column}=self.request.user`, or add a permission class "
                    f"that compares `obj.{fault.owner.column.replace('__', '.')}` with the caller",
                    evidence=_example(project, fault),
                )
                return


def _table(fault: Unscoped) -> str:
    return fault.model.removeprefix("sql:").rpartition(".")[2]


def _siblings(fault: Unscoped, name: str) -> str:
    if not fault.siblings and fault.parent_siblings:
        parent = fault.parent.rpartition(".")[2]
        verb = "handler ties" if fault.parent_siblings == 1 else "handlers tie"
        return f"; {fault.parent_siblings} other {verb} the `{parent}` that it belongs to"
    if not fault.siblings:
        return ""
    verb = "handler ties" if fault.siblings == 1 else "handlers tie"
    return f"; {fault.siblings} other {verb} `{name}` to the caller"


def _example(project: Project, fault: Unscoped) -> tuple[Evidence, ...]:
    if fault.example is None:
        return ()
    path, span = fault.example.location
    line = type(span)(span.line, span.column, span.line, span.column + 1)
    return (Evidence(path, line, f"`{fault.example.name}` asks for the caller"),)


def _advice(fault: Unscoped, key: str) -> str:
    owner = fault.owner.column
    if fault.model.startswith("sql:"):
        return "add the caller to the statement: `WHERE id = … AND user_id = …`"
    return f"look it up with `{owner}` of the caller beside `{key}`, or compare the two and answer 404"


def _confidence(fault: Unscoped) -> Confidence:
    if not fault.convention:
        return Confidence.LOW
    if not fault.owner.column:
        certain = fault.siblings >= _MANY and fault.verbs not in (("reads",), ("uses",))
        return Confidence.MEDIUM if certain else Confidence.LOW
    if fault.verbs == ("uses",):
        return Confidence.MEDIUM
    writes = fault.verbs != ("reads",)
    if fault.siblings and (writes or fault.private):
        return Confidence.HIGH
    if writes and fault.owner.direct:
        return Confidence.HIGH if fault.private else Confidence.MEDIUM
    if fault.siblings or fault.private or fault.owner.direct or (writes and fault.parent_siblings):
        return Confidence.MEDIUM
    return Confidence.LOW
