"""The settings of a project by name: Django's module, settings classes, Flask's and Celery's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Span
from backlint.link.constants import NO_CONSTANT, Constant, NoConstant, constant
from backlint.link.graph import bare
from backlint.link.values import ClassValue, InstanceValue, ModuleValue, Value, options
from backlint.summary import EventKind, FileKind
from backlint.term import Attr, Call, Const, Item, Mapping, Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.evaluate import Evaluator
    from backlint.link.graph import CallSite, Graph
    from backlint.link.index import FileNode
    from backlint.summary import Event

_SETTINGS_CLASSES = frozenset({"pydantic_settings.BaseSettings", "pydantic.BaseSettings"})
_FLASK_CONFIG = frozenset({"flask.Flask", "quart.Quart"})
_CELERY = "celery.Celery"


class Setting(msgspec.Struct, frozen=True):
    """One place that gives a setting its value."""

    name: str
    """As it is written: Celery's in small or capital letters."""
    source: str
    """`django`, `flask`, `celery`, or `class` for a settings class."""
    file: int
    term: int
    """What it is set to, in that file."""
    path: str
    span: Span
    value: Constant | NoConstant
    """Its constant; NO_CONSTANT where the environment or other code decides."""


class ProjectSettings:
    """Every setting that the project's code gives a value, by name."""

    def __init__(self, evaluator: Evaluator, graph: Graph) -> None:
        self._evaluator = evaluator
        self._graph = graph
        self._by_name: dict[str, list[Setting]] = {}
        self._seen: set[tuple[int, str]] = set()
        for file in evaluator.index.files:
            if file.kind is FileKind.SETTINGS:
                self._module(file, "django")
            self._classes(file)
            self._assigned(file)
        for function in graph.functions.values():
            for call in function.calls:
                self._called(call)

    def get(self, name: str) -> tuple[Setting, ...]:
        """The places that set a name, in the order of the files; none where no code does."""
        return tuple(self._by_name.get(name, ()))

    def __iter__(self) -> Iterator[Setting]:
        for found in self._by_name.values():
            yield from found

    def _note(self, name: str, source: str, file: FileNode, term: int, span: Span) -> None:
        value = constant(self._evaluator, file, term) if term >= 0 else NO_CONSTANT
        self._by_name.setdefault(name, []).append(
            Setting(name, source, file.index, term, file.summary.path, span, value)
        )

    def _module(self, file: FileNode, source: str) -> None:
        """The names in capitals that a settings module binds; one that is bound twice has no constant."""
        if (file.index, source) in self._seen or not file.summary.functions:
            return
        self._seen.add((file.index, source))
        spans = {
            event.name: event.span
            for event in file.summary.functions[0].events
            if event.kind == EventKind.ASSIGN
        }
        for name, term in file.summary.names.items():
            if source == "celery" or (name.isupper() and not name.startswith("_")):
                self._note(name, source, file, term, spans.get(name, _FIRST))

    def _classes(self, file: FileNode) -> None:
        for summary in file.summary.classes:
            symbol = f"{file.summary.module}.{summary.name}"
            if _SETTINGS_CLASSES.intersection(self._evaluator.classes.order(symbol)[1:]):
                self._class(symbol, "class")

    def _class(self, symbol: str, source: str) -> None:
        cls = self._evaluator.classes.project_class(symbol)
        if cls is None or (cls.file.index, f"{source}:{symbol}") in self._seen:
            return
        self._seen.add((cls.file.index, f"{source}:{symbol}"))
        for attribute in cls.summary.attributes:
            plain = attribute.annotation >= 0 or attribute.name.isupper()
            if plain and not attribute.instance and not attribute.name.startswith("_"):
                term = self._default(cls.file, attribute.value)
                self._note(attribute.name, source, cls.file, term, attribute.span)
        if source == "flask":
            for ancestor in self._evaluator.classes.order(symbol)[1:]:
                self._class(ancestor, source)

    def _default(self, file: FileNode, term: int) -> int:
        """The default inside `Field(30, …)` or `Field(default=30)`; the term itself for anything else."""
        row = file.summary.terms[bare(file, term)] if term >= 0 else None
        if not isinstance(row, Call) or self._evaluator.symbol_of(file, term).rpartition(".")[2] != "Field":
            return term
        return dict(row.keywords).get("default", row.arguments[0] if row.arguments else -1)

    def _assigned(self, file: FileNode) -> None:
        """`app.config["X"] = 1` and `app.conf.x = 1`."""
        terms = file.summary.terms
        for function in file.summary.functions:
            for event in function.events:
                row = terms[event.term] if event.term >= 0 else None
                if event.kind == EventKind.SET_ITEM and isinstance(row, Item):
                    key = terms[bare(file, row.key)]
                    source = self._holder(file, row.base)
                    if source and isinstance(key, Const) and isinstance(key.value, str):
                        self._note(key.value, source, file, event.value, event.span)
                elif event.kind == EventKind.SET_ATTR:
                    self._set_attribute(file, event, row)

    def _set_attribute(self, file: FileNode, event: Event, row: object) -> None:
        if isinstance(row, Attr) and self._holder(file, row.base) == "celery":
            self._note(row.name, "celery", file, event.value, event.span)
        elif isinstance(row, Name):
            symbol, _, name = row.symbol.rpartition(".")
            if self._held_by_name(file, symbol) == "celery":
                self._note(name, "celery", file, event.value, event.span)

    def _holder(self, file: FileNode, term: int) -> str:
        """Whose configuration a term is: `flask` for `app.config`, `celery` for `app.conf`."""
        row = file.summary.terms[bare(file, term)]
        if isinstance(row, Attr):
            return self._held(self._evaluator.value(file, row.base), row.name)
        return self._held_by_name(file, row.symbol) if isinstance(row, Name) else ""

    def _held_by_name(self, file: FileNode, symbol: str) -> str:
        owner, _, name = symbol.rpartition(".")
        return self._held(self._evaluator.symbol(owner, file.root), name) if owner else ""

    def _held(self, owner: Value, name: str) -> str:
        for single in options(owner):
            if isinstance(single, InstanceValue):
                order = self._evaluator.classes.order(single.symbol)
                if name == "config" and _FLASK_CONFIG.intersection(order):
                    return "flask"
                if name == "conf" and _CELERY in order:
                    return "celery"
        return ""

    def _called(self, call: CallSite) -> None:
        """`app.config.update(…)`, `.from_mapping(…)`, `.from_object(…)`, `app.conf.update(…)`, `Celery(…)`."""
        file = call.function.file
        row = file.summary.terms[bare(file, call.row.function)]
        if call.symbol == _CELERY:
            for name, term in call.row.keywords:
                self._note(name, "celery", file, term, call.span)
            return
        if isinstance(row, Attr):
            name, base = row.name, row.base
            source = self._holder(file, base) if name in _FILLING else ""
            if not source and name == "config_from_object" and self._is_celery(file, base):
                source = "celery"
        elif isinstance(row, Name):
            head, _, name = row.symbol.rpartition(".")
            source = self._named_holder(file, head, name)
        else:
            return
        if source and name in ("update", "from_mapping"):
            self._filled(call, source)
        elif source and name in ("from_object", "config_from_object"):
            self._taken(call, source)

    def _named_holder(self, file: FileNode, head: str, name: str) -> str:
        if name == "config_from_object":
            owner = self._evaluator.symbol(head, file.root)
            return "celery" if self._is_celery_value(owner) else ""
        return self._held_by_name(file, head) if name in _FILLING else ""

    def _is_celery(self, file: FileNode, term: int) -> bool:
        return self._is_celery_value(self._evaluator.value(file, term))

    def _is_celery_value(self, value: object) -> bool:
        return isinstance(value, InstanceValue) and _CELERY in self._evaluator.classes.order(value.symbol)

    def _filled(self, call: CallSite, source: str) -> None:
        file = call.function.file
        for name, term in call.row.keywords:
            if name != "**":
                self._note(name, source, file, term, call.span)
        for given in call.row.arguments[:1]:
            row = file.summary.terms[bare(file, given)]
            for key, value in row.entries if isinstance(row, Mapping) else ():
                named = file.summary.terms[key] if key >= 0 else None
                if isinstance(named, Const) and isinstance(named.value, str):
                    self._note(named.value, source, file, value, call.span)

    def _taken(self, call: CallSite, source: str) -> None:
        """The settings of a module or class that is handed over, or named by a string."""
        file = call.function.file
        for given in call.row.arguments[:1]:
            value = self._evaluator.value(file, given)
            text = constant(self._evaluator, file, given)
            if isinstance(text, str):
                value = self._evaluator.symbol(text, file.root)
            for single in options(value):
                if isinstance(single, ClassValue | InstanceValue):
                    self._class(single.symbol, source)
                elif isinstance(single, ModuleValue):
                    module = self._evaluator.index.module(single.symbol, file.root)
                    if module is not None and module.kind is not FileKind.SETTINGS:
                        self._module(module, source)


_FILLING = frozenset({"update", "from_mapping", "from_object"})
_FIRST = Span(1, 0, 1, 0)
