"""Django's URL configuration: `path`, `re_path`, `include`, and the routers of DRF and Ninja."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Span
from backlint.link.routes.conditions import Condition
from backlint.link.routes.context import Context, argument
from backlint.link.routes.decorated import unwrap_view
from backlint.link.routes.draft import Draft
from backlint.link.routes.drf import action_methods, api_view_methods, router_routes
from backlint.link.routes.model import UNKNOWN_PART, GuardKind
from backlint.link.routes.mounts import Mount, Mounts, PendingGuard
from backlint.link.routes.origins import Origin, definition, named
from backlint.link.routes.views import class_methods
from backlint.summary import EventKind
from backlint.term import Attr, Call, Join, Local, Mapping, Name, Operation, Sequence, Star

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey
    from backlint.link.index import FileNode

_PATHS = frozenset({"django.urls.path", "django.urls.conf.path"})
_PATTERNS = frozenset(
    {"django.urls.re_path", "django.urls.conf.re_path", "django.conf.urls.url", "django.urls.url"}
)
_INCLUDES = frozenset({"django.urls.include", "django.urls.conf.include", "django.conf.urls.include"})
_TRANSPARENT = frozenset(
    {
        "django.conf.urls.i18n.i18n_patterns",
        "rest_framework.urlpatterns.format_suffix_patterns",
        "builtins.list",
        "builtins.tuple",
    }
)
_DEPTH = 16
_MOST_LISTS = 5_000
"""Lists of patterns that are walked: lists which include others twice at each of many levels never end."""


class Place(msgspec.Struct, frozen=True):
    """How far a URL has come."""

    prefix: str
    mounted: bool
    guards: tuple[PendingGuard, ...] = ()
    conditions: tuple[Condition, ...] = ()


class UrlConfigurations:
    """Walks every `urlpatterns` of the project, from those that no other includes."""

    def __init__(self, context: Context, mounts: Mounts) -> None:
        self.context = context
        self.mounts = mounts
        self._included: set[int] = set()
        self._walking: list[tuple[int, int | str]] = []
        self._walked = 0
        self.unknown: list[Draft] = []

    def routes(self) -> Iterator[Draft]:
        files = [file for file in self.context.files if "urlpatterns" in file.summary.names]
        root = self._root_names()
        found = [
            (file, list(self._module(file, Place("", file.summary.module in root or not root))))
            for file in files
        ]
        for file, drafts in found:
            if file.index not in self._included:
                yield from drafts

    def _root_names(self) -> frozenset[str]:
        """The modules that settings name as `ROOT_URLCONF`."""
        names = set()
        for file in self.context.project.files:
            term = file.summary.names.get("ROOT_URLCONF")
            if term is not None:
                names.add(self.context.text(file, term))
        known = {file.summary.module for file in self.context.files}
        return frozenset(names & known)

    def _module(self, file: FileNode, place: Place) -> Iterator[Draft]:
        key = (file.index, "urlpatterns")
        if key in self._walking or len(self._walking) > _DEPTH:
            return
        self._walking.append(key)
        term = file.summary.names.get("urlpatterns")
        if term is not None:
            yield from self._list(file, term, place)
        yield from self._appended(file, place)
        self._walking.pop()

    def _list(self, file: FileNode, term: int, place: Place) -> Iterator[Draft]:
        """The routes of a list at a place of its own; none where the list includes itself."""
        key = (file.index, term)
        self._walked += 1
        if key in self._walking or len(self._walking) > _DEPTH or self._walked > _MOST_LISTS:
            return
        self._walking.append(key)
        yield from self._patterns(file, term, place, set())
        self._walking.pop()

    def _appended(self, file: FileNode, place: Place) -> Iterator[Draft]:
        """`urlpatterns.append(path(…))` and `.extend([…])` at module level."""
        prefix = f"{file.summary.module}.urlpatterns."
        for event in file.summary.functions[0].events:
            row = file.summary.terms[event.term] if event.kind == EventKind.CALL else None
            if not isinstance(row, Call) or not row.arguments:
                continue
            callee = file.summary.terms[row.function]
            if isinstance(callee, Name) and callee.symbol in (f"{prefix}append", f"{prefix}insert"):
                yield from self._list(file, row.arguments[-1], place)
            elif isinstance(callee, Name) and callee.symbol == f"{prefix}extend":
                yield from self._list(file, row.arguments[0], place)

    def _patterns(
        self, file: FileNode, term: int, place: Place, seen: set[tuple[int, int]]
    ) -> Iterator[Draft]:
        """The routes of a list of patterns, or of one."""
        if (file.index, term) in seen or term < 0:
            return
        seen.add((file.index, term))
        row = file.summary.terms[term]
        if isinstance(row, Local | Star):
            yield from self._patterns(file, row.base, place, seen)
        elif isinstance(row, Join):
            for option in row.options:
                yield from self._patterns(file, option, place, seen)
        elif isinstance(row, Operation):
            for operand in row.operands:
                yield from self._patterns(file, operand, place, seen)
        elif isinstance(row, Sequence):
            for item in row.items:
                yield from self._patterns(file, item, place, seen)
        elif isinstance(row, Call):
            yield from self._call(file, term, row, place, seen)
        elif isinstance(row, Name):
            yield from self._named(file, row.symbol, place, seen)
        elif isinstance(row, Attr) and row.name == "urls":
            yield from self._router(self.context.origins.of_term(file, row.base), place)

    def _named(
        self, file: FileNode, symbol: str, place: Place, seen: set[tuple[int, int]]
    ) -> Iterator[Draft]:
        if symbol.endswith(".urls"):
            origins = self.context.origins.of_symbol(symbol.removesuffix(".urls"), file)
            if origins:
                yield from self._router(origins, place)
                return
        for owner, found in named(self.context.evaluator, symbol, file.root):
            if owner is not file and found == owner.summary.names.get("urlpatterns"):
                self._included.add(owner.index)
            yield from self._patterns(owner, found, place, seen)
            if symbol.endswith(".urlpatterns"):
                yield from self._appended(owner, place)

    def _router(self, origins: tuple[Origin, ...], place: Place) -> Iterator[Draft]:
        for origin in origins:
            if self.mounts.framework(origin) == "ninja":
                self.mounts.add(
                    origin, Mount(None, f"/{place.prefix}", False, place.guards, place.conditions)
                )
                continue
            for draft in router_routes(self.context, origin, place.prefix, place.mounted, place.guards):
                yield msgspec.structs.replace(draft, conditions=place.conditions)

    def _call(
        self, file: FileNode, term: int, row: Call, place: Place, seen: set[tuple[int, int]]
    ) -> Iterator[Draft]:
        symbol = self.context.evaluator.symbol_of(file, row.function)
        if symbol in _TRANSPARENT:
            for given in row.arguments:
                yield from self._patterns(file, given, place, seen)
            return
        if symbol in _INCLUDES:
            yield from self._include(file, row, place, seen)
            return
        if symbol not in _PATHS and symbol not in _PATTERNS:
            return
        written = self.context.text(file, argument(row, 0, "route", "regex"))
        part = plain_pattern(written) if symbol in _PATTERNS else written
        view = argument(row, 1, "view")
        if view is None:
            return
        span = self.context.span(file, term) or Span(1, 0, 1, 0)
        conditions = (*place.conditions, *self.context.conditions_at(file, span))
        here = Place(place.prefix + part, place.mounted, place.guards, conditions)
        yield from self._view(file, view, here, span, seen)

    def _view(
        self, file: FileNode, view: int, place: Place, span: Span, seen: set[tuple[int, int]]
    ) -> Iterator[Draft]:
        owner, found = definition(self.context.evaluator, file, view)
        row = owner.summary.terms[found]
        if isinstance(row, Call) and self.context.evaluator.symbol_of(owner, row.function) in _INCLUDES:
            yield from self._include(owner, row, place, seen)
            return
        if isinstance(row, Sequence) and row.kind == "tuple" and row.items:
            yield from self._patterns(owner, row.items[0], place, set(seen))
            return
        if isinstance(row, Attr | Name):
            name = row.name if isinstance(row, Attr) else row.symbol.rpartition(".")[2]
            if name == "urls":
                yield from self._list(owner, found, place)
                return
        answered = False
        for symbol, key, wrapping in unwrap_view(self.context, file, view):
            answered = True
            guards = (
                *place.guards,
                *(PendingGuard(GuardKind.DECORATOR, at.index, term, span, "route") for at, term in wrapping),
            )
            if symbol:
                yield from self._class_view(file, view, symbol, place, span, guards)
            elif key is not None:
                yield self._function_view(file, key, place, span, guards)
        if not answered:
            yield Draft(
                framework="django",
                methods=(),
                path=f"/{place.prefix}",
                mounted=place.mounted,
                conditions=place.conditions,
                file=file.index,
                span=span,
            )

    def _class_view(
        self,
        file: FileNode,
        view: int,
        symbol: str,
        place: Place,
        span: Span,
        guards: tuple[PendingGuard, ...],
    ) -> Iterator[Draft]:
        answers = self._actions(file, view) or [
            (method, key, "") for method, key in class_methods(self.context, symbol)
        ]
        for method, key, action in answers or [("", None, "")]:
            handler = self.context.class_method(symbol, action) if action else key
            draft = Draft(
                framework="django",
                methods=(method,) if method else (),
                path=f"/{place.prefix}",
                mounted=place.mounted,
                conditions=place.conditions,
                handler=handler,
                view=symbol,
                file=file.index,
                span=span,
                guards=guards,
                guarded_class=True,
                action=action,
            )
            yield action_methods(self.context, draft)

    def _actions(self, file: FileNode, view: int) -> list[tuple[str, FunctionKey | None, str]]:
        """`ViewSet.as_view({"get": "list"})`."""
        owner, found = definition(self.context.evaluator, file, view)
        row = owner.summary.terms[found]
        if not isinstance(row, Call):
            return []
        given = argument(row, 0, "actions")
        if given is None:
            return []
        at, term = definition(self.context.evaluator, owner, given)
        mapping = at.summary.terms[term]
        if not isinstance(mapping, Mapping):
            return []
        return [
            (self.context.text(at, key).upper(), None, self.context.text(at, value))
            for key, value in mapping.entries
            if key >= 0
        ]

    def _function_view(
        self, file: FileNode, key: FunctionKey, place: Place, span: Span, guards: tuple[PendingGuard, ...]
    ) -> Draft:
        owner = self.context.project.files[key[0]]
        summary = owner.summary.functions[key[1]]
        own = tuple(
            PendingGuard(
                GuardKind.DECORATOR,
                owner.index,
                term,
                self.context.span(owner, term, summary.span.line) or summary.span,
                "route",
            )
            for term in summary.decorators
        )
        methods, restful = api_view_methods(self.context, owner, summary)
        return Draft(
            framework="rest_framework" if restful else "django",
            methods=methods,
            path=f"/{place.prefix}",
            mounted=place.mounted,
            conditions=place.conditions,
            handler=key,
            file=file.index,
            span=span,
            guards=(*guards, *own),
        )

    def _include(
        self, file: FileNode, row: Call, place: Place, seen: set[tuple[int, int]]
    ) -> Iterator[Draft]:
        given = argument(row, 0, "arg")
        if given is None:
            return
        owner, term = definition(self.context.evaluator, file, given)
        found = owner.summary.terms[term]
        if isinstance(found, Sequence) and found.kind == "tuple" and found.items:
            owner, term = definition(self.context.evaluator, owner, found.items[0])
            found = owner.summary.terms[term]
        text = self.context.text(owner, term)
        if text != UNKNOWN_PART:
            included = self.context.project.index.module(text, file.root)
        elif isinstance(found, Name):
            included = self.context.project.index.module(found.symbol, file.root)
        else:
            included = None
        if included is not None:
            self._included.add(included.index)
            yield from self._module(included, place)
            return
        drafts = list(self._list(owner, term, place))
        yield from drafts
        if not drafts and not isinstance(found, Sequence) and not self._known_elsewhere(owner, term):
            yield Draft(
                framework="django",
                methods=(),
                path=f"/{place.prefix}{UNKNOWN_PART}",
                mounted=place.mounted,
                conditions=place.conditions,
                file=file.index,
                span=self.context.span(file, _index_of(file, row)) or Span(1, 0, 1, 0),
            )

    def _known_elsewhere(self, file: FileNode, term: int) -> bool:
        """A Ninja API's URLs, whose routes come from its own decorators."""
        row = file.summary.terms[term]
        if isinstance(row, Name) and row.symbol.endswith(".urls"):
            return bool(self.context.origins.of_symbol(row.symbol.removesuffix(".urls"), file))
        return isinstance(row, Attr) and bool(self.context.origins.of_term(file, row.base))


def _index_of(file: FileNode, row: Call) -> int:
    return file.summary.terms.index(row)


_GROUP = re.compile(r"\(\?P<(\w+)>")


def plain_pattern(pattern: str) -> str:
    """A URL regular expression as a path: named groups become `<name>`, anchors go."""
    result = []
    position = 0
    while match := _GROUP.search(pattern, position):
        result.append(_unescaped(pattern[position : match.start()]))
        result.append(f"<{match[1]}>")
        depth = 1
        position = match.end()
        while position < len(pattern) and depth:
            character = pattern[position]
            if character == "\\":
                position += 1
            elif character == "(":
                depth += 1
            elif character == ")":
                depth -= 1
            position += 1
        if position < len(pattern) and pattern[position] in "+*?":
            position += 1
    result.append(_unescaped(pattern[position:]))
    return "".join(result)


def _unescaped(text: str) -> str:
    text = text.removeprefix("^").removesuffix("$").removesuffix("\\Z")
    return text.replace("/?", "/").replace("\\", "")
