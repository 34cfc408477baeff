"""Guards that a view class, its handler and the settings put on a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.routes.answers import GUARDING
from backlint.link.routes.class_roles import told
from backlint.link.routes.dependencies import dependencies_of, parameter_scopes
from backlint.link.routes.model import Guard, GuardKind
from backlint.link.routes.origins import definition
from backlint.link.values import InstanceValue
from backlint.summary import EventKind
from backlint.term import Call, Mapping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backlint.finding import Span
    from backlint.link.graph import FunctionKey
    from backlint.link.index import FileNode
    from backlint.link.members import ProjectClass
    from backlint.link.routes.draft import Draft
    from backlint.link.routes.guards import Guards

_POLICIES = (
    ("permission_classes", "DEFAULT_PERMISSION_CLASSES", GuardKind.PERMISSION, "get_permissions"),
    ("throttle_classes", "DEFAULT_THROTTLE_CLASSES", GuardKind.THROTTLE, "get_throttles"),
    (
        "authentication_classes",
        "DEFAULT_AUTHENTICATION_CLASSES",
        GuardKind.AUTHENTICATION,
        "get_authenticators",
    ),
)
_VIEW = "rest_framework.views.APIView"
_SCOPED = "rest_framework.throttling.ScopedRateThrottle"
_SCOPE = "throttle_scope"


class ViewGuards:
    """Reads guards from classes, handlers and settings."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        self._context = guards.context
        self._settings: tuple[Guard, ...] | None = None
        self._classes: dict[str, tuple[Guard, ...]] = {}
        self._rest = [
            definition(self._context.evaluator, file, term)
            for file in self._context.project.files
            if (term := file.summary.names.get("REST_FRAMEWORK")) is not None
        ]

    def of(self, draft: Draft) -> Iterator[Guard]:
        """The guards of a draft besides those it carries, from the outermost in."""
        if draft.framework in ("django", "rest_framework", "ninja"):
            yield from self._middleware()
        if draft.handler is None and not draft.view:
            yield self._unseen(draft)
        if draft.view:
            if draft.action_term >= 0:
                yield from self._class(draft)
            else:
                if draft.view not in self._classes:
                    self._classes[draft.view] = tuple(self._class(draft))
                yield from self._classes[draft.view]
        if draft.handler is not None:
            if draft.guarded_class:
                yield from self._decorators(draft.handler, draft.span)
            if draft.framework in ("fastapi", ""):
                file = self._context.project.files[draft.handler[0]]
                span = file.summary.functions[draft.handler[1]].span
                scopes = parameter_scopes(self._context, draft.handler)
                for owner, term in dependencies_of(self._context, draft.handler):
                    asked = scopes.get((owner.index, term), ())
                    yield from self._guards.dependency(owner, term, span, file, "route", (), asked)
            if draft.framework == "rest_framework" and not draft.view:
                yield from self._function_view(draft.handler)

    def _unseen(self, draft: Draft) -> Guard:
        """What a view guards itself with that neither the project nor an entry shows."""
        path = self._context.project.files[draft.file].summary.path
        return Guard(GuardKind.MIXIN, draft.view or draft.path, path, draft.span, "class", unresolved=True)

    def _decorators(self, key: FunctionKey, registered: Span) -> Iterator[Guard]:
        file = self._context.project.files[key[0]]
        summary = file.summary.functions[key[1]]
        for term in summary.decorators:
            if self._context.evaluator.symbol_of(file, term) == "rest_framework.decorators.action":
                continue
            span = self._context.span(file, term, summary.span.line) or summary.span
            yield from self._guards.term(GuardKind.DECORATOR, file, term, span, "route")

    def _class(self, draft: Draft) -> Iterator[Guard]:
        context = self._context
        classes = context.evaluator.classes
        order = classes.order(draft.view)
        cls = classes.project_class(draft.view)
        if cls is None:
            if classes.library_class(draft.view) is None:
                yield self._unseen(draft)
            elif _VIEW in order:
                # A library's view may set permissions of its own, as those that sign people in do.
                yield from self._default(GuardKind.THROTTLE, "DEFAULT_THROTTLE_CLASSES")
            return
        late = self._late(cls)
        for ancestor in order:
            entry = classes.library_class(ancestor)
            roles = GUARDING.intersection(() if entry is None else entry.roles)
            if roles and ancestor not in late:
                yield Guard(
                    GuardKind.MIXIN,
                    ancestor,
                    cls.file.summary.path,
                    cls.summary.span,
                    "class",
                    tuple(sorted(roles)),
                )
        for name in ("dispatch", "test_func", "initial"):
            key = context.class_method(draft.view, name)
            if key is not None:
                guard = self._guards.value(
                    GuardKind.MIXIN, InstanceValue(draft.view), cls.file, cls.summary.span, "class"
                )
                if guard is not None and (guard.roles or guard.unresolved):
                    yield told(context, guard, draft.view, key)
                break
        for ancestor in order:
            owner = classes.project_class(ancestor)
            for term in () if owner is None else owner.summary.decorators:
                if owner is None or _routes(context.evaluator.symbol_of(owner.file, term)):
                    continue
                span = context.span(owner.file, term, owner.summary.span.line) or owner.summary.span
                yield from self._guards.term(GuardKind.DECORATOR, owner.file, term, span, "class")
        for name in self._decorating(order):
            found = context.class_attribute(draft.view, name)
            if found is not None:
                for file, item in context.items(found[0].file, found[1]):
                    yield from self._guards.term(
                        GuardKind.DECORATOR, file, item, found[0].summary.span, "class"
                    )
        if _VIEW in order:
            named = self._names_scope(draft.view)
            yield from (one for one in self._policies(draft) if named or not self._wants_scope(one))

    def _decorating(self, order: Sequence[str]) -> tuple[str, ...]:
        """The attributes in which a view lists decorators: Flask's own views know but one of the two."""
        known = {
            name
            for ancestor in order
            if (entry := self._context.evaluator.classes.library_class(ancestor)) is not None
            for name in entry.attributes
        }
        flask = "flask.views.View" in order and not any(".Resource" in ancestor for ancestor in order)
        return (
            ("decorators",)
            if flask and "method_decorators" not in known
            else ("decorators", "method_decorators")
        )

    def _late(self, cls: ProjectClass) -> frozenset[str]:
        """Mixins after the view among the bases of a class: the view's own `dispatch` is found first, and calls none."""
        evaluator = self._context.evaluator
        bases = [evaluator.value_symbol(evaluator.value(cls.file, term)) for term in cls.summary.bases]
        views = [
            position
            for position, base in enumerate(bases)
            if base and Role.DEFINES_ROUTE in evaluator.roles(InstanceValue(base))
        ]
        if not views or evaluator.classes.project_class(bases[views[0]]) is not None:
            return frozenset()
        reached = evaluator.classes.order(bases[views[0]])
        return frozenset(
            mixin
            for mixin in bases[views[0] + 1 :]
            if mixin not in reached and Role.DEFINES_ROUTE not in evaluator.roles(InstanceValue(mixin))
        )

    def _policies(self, draft: Draft) -> Iterator[Guard]:
        """Permission, throttle and authentication classes: of the action, the class or the settings."""
        context = self._context
        given = self._action_keywords(draft)
        for name, default, kind, method in _POLICIES:
            if name in given:
                file, term, span = given[name]
                yield from self._listed(kind, file, term, span, "route")
                continue
            key = context.class_method(draft.view, method)
            if key is not None:
                yield from self._computed(kind, key)
                continue
            found = context.class_attribute(draft.view, name)
            if found is not None:
                yield from self._listed(kind, found[0].file, found[1], found[0].summary.span, "class")
                continue
            yield from self._default(kind, default)

    def _names_scope(self, view: str) -> bool:
        """Whether a view says under which scope its calls are counted: in its class, or anywhere in its methods."""
        for ancestor in self._context.evaluator.classes.order(view):
            cls = self._context.evaluator.classes.project_class(ancestor)
            if cls is not None and _SCOPE in cls.attributes:
                return True
        return False

    def _wants_scope(self, guard: Guard) -> bool:
        """Whether a throttle lets every call through where the view names no scope.

        https://www.django-rest-framework.org/api-guide/throttling/#scopedratethrottle
        """
        return guard.kind is GuardKind.THROTTLE and guard.symbol == _SCOPED

    def _action_keywords(self, draft: Draft) -> dict[str, tuple[FileNode, int, Span]]:
        if draft.handler is None or draft.action_term < 0:
            return {}
        file = self._context.project.files[draft.handler[0]]
        row = file.summary.terms[draft.action_term]
        span = self._context.span(file, draft.action_term) or draft.span
        return {} if not isinstance(row, Call) else {name: (file, term, span) for name, term in row.keywords}

    def _listed(self, kind: GuardKind, file: FileNode, term: int, span: Span, level: str) -> Iterator[Guard]:
        for owner, item in self._context.items(file, term):
            yield from self._guards.term(kind, owner, item, span, level)

    def _computed(self, kind: GuardKind, key: FunctionKey) -> Iterator[Guard]:
        """`get_permissions`: certain only where every answer it may give has the same roles."""
        file = self._context.project.files[key[0]]
        summary = file.summary.functions[key[1]]
        answers: list[list[Guard]] = []
        for event in summary.events:
            if event.kind == EventKind.RETURN:
                answers.append(list(self._listed(kind, file, event.term, event.span, "class")))
        common: set[Role] | None = None
        for answer in answers:
            roles = {role for guard in answer for role in guard.roles}
            common = roles if common is None else common & roles
        symbol = self._context.project.index.function_symbol(*key)
        if common and answers:
            kept = [guard for answer in answers for guard in answer]
            yield from dict.fromkeys(kept)
        elif kind is not GuardKind.AUTHENTICATION:
            yield Guard(kind, symbol, file.summary.path, summary.span, "class", unresolved=True, function=key)

    def _function_view(self, key: FunctionKey) -> Iterator[Guard]:
        file = self._context.project.files[key[0]]
        symbols = {
            self._context.evaluator.symbol_of(file, term).rpartition(".")[2]
            for term in file.summary.functions[key[1]].decorators
        }
        for name, default, kind, _ in _POLICIES:
            if name not in symbols:
                guards = self._default(kind, default)
                yield from (one for one in guards if _SCOPE in symbols or not self._wants_scope(one))

    def _default(self, kind: GuardKind, name: str) -> Iterator[Guard]:
        for file, term in self._rest:
            mapping = file.summary.terms[term]
            for key, value in mapping.entries if isinstance(mapping, Mapping) else ():
                if key >= 0 and self._context.text(file, key) == name:
                    span = _line_span(file, "REST_FRAMEWORK")
                    yield from self._listed(kind, file, value, span, "settings")
                    return

    def _middleware(self) -> tuple[Guard, ...]:
        """What Django's `MIDDLEWARE` setting puts before every view, where it guards."""
        if self._settings is None:
            found: list[Guard] = []
            for file in self._context.files:
                term = file.summary.names.get("MIDDLEWARE")
                if term is None:
                    continue
                span = _line_span(file, "MIDDLEWARE")
                for owner, item in self._context.items(file, term):
                    for guard in self._guards.term(GuardKind.MIDDLEWARE, owner, item, span, "settings"):
                        if guard.roles or guard.unresolved:
                            found.append(guard)
                break
            self._settings = tuple(found)
        return self._settings


def _routes(symbol: str) -> bool:
    return symbol.rpartition(".")[2] in ("route", "view")


def _line_span(file: FileNode, name: str) -> Span:
    """Where a module-level name is assigned."""
    from backlint.finding import Span

    for event in file.summary.functions[0].events:
        if event.name == name:
            return event.span
    return Span(1, 0, 1, 0)
