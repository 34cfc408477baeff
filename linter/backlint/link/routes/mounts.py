"""How applications, routers and blueprints are put together: prefixes, and what guards a whole branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Span
from backlint.link.routes.answers import GUARDING
from backlint.link.routes.conditions import Condition, conditions_around
from backlint.link.routes.context import Context, argument, join_paths
from backlint.link.routes.model import UNKNOWN_PART, GuardKind
from backlint.link.routes.origins import Origin
from backlint.link.routes.wrapped import Use, given_object, receiving_call, uses
from backlint.link.values import ConstantValue
from backlint.term import Call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import CallSite
    from backlint.link.index import FileNode

_MAX_WAYS = 8


class PendingGuard(msgspec.Struct, frozen=True):
    """A term that guards, before it is known what it does."""

    kind: GuardKind
    file: int
    term: int
    span: Span
    level: str


class Mount(msgspec.Struct, frozen=True):
    """One object put under another."""

    parent: Origin | None
    """None for what is reached directly, such as through Django's URL configuration."""
    prefix: str
    replaces: bool = False
    """The prefix stands instead of the child's own."""
    guards: tuple[PendingGuard, ...] = ()
    conditions: tuple[Condition, ...] = ()


class Way(msgspec.Struct, frozen=True):
    """One way from an application down to an object."""

    prefix: str
    guards: tuple[PendingGuard, ...]
    mounted: bool
    conditions: tuple[Condition, ...] = ()
    """The conditions under which it is put together."""


_APPLICATIONS = frozenset(
    {
        "fastapi.FastAPI",
        "flask.Flask",
        "sanic.Sanic",
        "starlette.applications.Starlette",
        "aiohttp.web.Application",
        "litestar.Litestar",
        "quart.Quart",
    }
)
_PREFIX_KEYWORDS = ("prefix", "url_prefix", "path", "uri")
_MOUNTING = {
    "include_router": (0, None, "router"),
    "register_blueprint": (0, None, "blueprint"),
    "blueprint": (0, None, "blueprint"),
    "mount": (1, 0, "app"),
    "add_router": (1, 0, "router"),
    "add_subapp": (1, 0, "subapp"),
    "add_namespace": (0, 1, "ns"),
}
"""Method: position of the child, position of the prefix, keyword of the child."""
_FRAMEWORKS = frozenset(
    {
        "fastapi",
        "starlette",
        "flask",
        "flask_restful",
        "flask_restx",
        "flask_smorest",
        "sanic",
        "aiohttp",
        "ninja",
        "litestar",
        "quart",
    }
)


class Mounts:
    """Every object that holds routes, and what it is put under."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._mounts: dict[str, list[Mount]] = {}
        self._guards: dict[str, list[PendingGuard]] = {}
        self._own: dict[str, tuple[str, str, tuple[PendingGuard, ...]]] = {}
        self._ways: dict[str, tuple[Way, ...]] = {}
        self.everywhere: list[PendingGuard] = []
        """What runs for every request of any application."""
        for site in context.calls():
            self._read(site)
            self._wrap(site)

    def add(self, child: Origin, mount: Mount) -> None:
        """Put an object under another."""
        self._mounts.setdefault(child.key, []).append(mount)
        self._ways.clear()

    def guard(self, origin: Origin, guard: PendingGuard) -> None:
        """Guard everything below an object."""
        self._guards.setdefault(origin.key, []).append(guard)
        self._ways.clear()

    def ways(self, origin: Origin) -> tuple[Way, ...]:
        """The ways to an object; one that is not mounted where none is found."""
        return self._find(origin, ())

    def framework(self, origin: Origin) -> str:
        """The import name of the framework whose class the object is of."""
        return self._info(origin)[0].partition(".")[0]

    def _find(self, origin: Origin, seen: tuple[str, ...]) -> tuple[Way, ...]:
        known = self._ways.get(origin.key)
        if known is not None:
            return known
        cls, prefix, own = self._info(origin)
        guards = (*own, *self._guards.get(origin.key, ()))
        found: list[Way] = []
        if origin.key not in seen and len(seen) < 12:
            for mount in dict.fromkeys(self._mounts.get(origin.key, ())):
                here = mount.prefix if mount.replaces else join_paths(mount.prefix, prefix)
                if mount.parent is None:
                    found.append(Way(here, (*mount.guards, *guards), True, mount.conditions))
                    continue
                for way in self._find(mount.parent, (*seen, origin.key)):
                    found.append(
                        Way(
                            join_paths(way.prefix, here),
                            (*way.guards, *mount.guards, *guards),
                            way.mounted,
                            (*way.conditions, *mount.conditions),
                        )
                    )
        if not found:
            found.append(Way(prefix, guards, cls in _APPLICATIONS))
        result = tuple(found[:_MAX_WAYS])
        if not seen:
            self._ways[origin.key] = result
        return result

    def _info(self, origin: Origin) -> tuple[str, str, tuple[PendingGuard, ...]]:
        """The library class, own prefix and own guards of an object."""
        found = self._own.get(origin.key)
        if found is None:
            found = self._own[origin.key] = self._construct(origin)
        return found

    def _construct(self, origin: Origin) -> tuple[str, str, tuple[PendingGuard, ...]]:
        context = self.context
        file = context.project.files[origin.file]
        row = file.summary.terms[origin.term]
        if not isinstance(row, Call):
            return "", "", ()
        cls = self._library_class(file, row)
        prefix = ""
        term = argument(row, None, *_PREFIX_KEYWORDS)
        if term is not None and not _is_none(context, file, term):
            prefix = context.text(file, term)
        elif cls.endswith(".Namespace") and row.arguments:
            prefix = f"/{context.text(file, row.arguments[0])}"
        elif cls in ("litestar.Router",) and row.arguments:
            prefix = context.text(file, row.arguments[0])
        level = "app" if cls in _APPLICATIONS else "router"
        return cls, prefix, tuple(self.guards(file, row, origin.term, level))

    def _library_class(self, file: FileNode, row: Call) -> str:
        symbol = self.context.evaluator.symbol_of(file, row.function)
        for ancestor in self.context.evaluator.classes.order(symbol) if symbol else ():
            if ancestor.partition(".")[0] in _FRAMEWORKS:
                return ancestor
        return symbol

    def guards(self, file: FileNode, row: Call, term: int, level: str) -> Iterator[PendingGuard]:
        """The guards that a call's arguments put on what it makes or includes."""
        span = self.context.span(file, term) or Span(1, 0, 1, 0)
        for keyword, kind in _GUARDING.items():
            given = argument(row, None, keyword)
            if given is None:
                continue
            items = list(self.context.items(file, given))
            if not items and keyword in ("auth", "throttle"):
                items = [(file, given)]
            for owner, item in items:
                yield PendingGuard(kind, owner.index, item, span, level)

    def _read(self, site: CallSite) -> None:
        top, _, name = site.symbol.partition(".")
        if top not in _FRAMEWORKS:
            return
        name = name.rpartition(".")[2]
        if name in _MOUNTING:
            self._mount(site, name)
        elif name in ("Api", "init_app"):
            self._api(site, name)
        elif name == "group" and top == "sanic":
            self._group(site)
        elif name in ("before_request", "add_middleware", "before_app_request", "register_middleware"):
            self._hook(site, name)

    def _wrap(self, site: CallSite) -> None:
        """`limiter.limit("60 per minute")(blueprint)`: a decorator that guards all routes of what it is given."""
        file = site.function.file
        if len(site.row.arguments) != 1 or site.row.keywords:
            return
        made = file.summary.terms[site.row.function]
        if not isinstance(made, Call):
            return
        evaluator = self.context.evaluator
        if not GUARDING.intersection(evaluator.roles(evaluator.value(file, made.function))):
            return
        guard = PendingGuard(GuardKind.DECORATOR, file.index, site.row.function, site.span, "router")
        for origin in self.context.origins.of_term(file, site.row.arguments[0]):
            self.guard(origin, guard)

    def _mount(self, site: CallSite, name: str) -> None:
        position, prefix_at, keyword = _MOUNTING[name]
        child = site.argument(position, keyword)
        file = site.function.file
        if child is None:
            return
        term = site.argument(prefix_at, *_PREFIX_KEYWORDS)
        given = term is not None and not _is_none(self.context, file, term)
        guards = tuple(self.guards(file, site.row, site.event.term, "include"))
        conditions = conditions_around(site.function, site.block)
        replaces = given and name in ("register_blueprint", "add_namespace")
        for use in uses(self.context, site, child, term):
            prefix = self.context.text(file, term, use.bound) if given else ""
            if site.passes_unknown and not given:
                prefix = UNKNOWN_PART
            for origin in self._children(*use.term(file, child)):
                for parent in self._parents(use, site) or (None,):
                    if parent is not None or name != "add_router":
                        self.add(origin, Mount(parent, prefix, replaces, guards, conditions))

    def _parents(self, use: Use, site: CallSite) -> tuple[Origin, ...]:
        """The objects that a call mounts on."""
        passed = given_object(use, site)
        if passed is not None:
            return self.context.origins.of_term(*passed)
        file, callee = receiving_call(use, site) or (site.function.file, site.row.function)
        return self.context.origins.receiver(file, callee)

    def _children(self, file: FileNode, term: int) -> Iterator[Origin]:
        text = self.context.text(file, term)
        if text != UNKNOWN_PART and "." in text:
            yield from self.context.origins.of_symbol(text, file)
            return
        yield from self.context.origins.of_term(file, term)

    def _api(self, site: CallSite, name: str) -> None:
        """`Api(app_or_blueprint, prefix=…)`, and `api.init_app(app)`."""
        given = site.argument(0, "app")
        if given is None:
            return
        file = site.function.file
        apis = self.made(site) if name == "Api" else self.context.origins.receiver(file, site.row.function)
        for parent in self.context.origins.of_term(file, given):
            for api in apis:
                self.add(api, Mount(parent, ""))

    def made(self, site: CallSite) -> tuple[Origin, ...]:
        """The object that a call makes, by the names it is bound to."""
        return tuple(self._made_here(site)) or self.context.origins.bound(site)

    def _made_here(self, site: CallSite) -> Iterator[Origin]:
        """The names that a call's result is bound to in its module."""
        file = site.function.file
        for name, term in file.summary.names.items():
            for origin in self.context.origins.of_term(file, term) if term == site.event.term else ():
                yield msgspec.structs.replace(origin, key=f"{file.summary.path}:{name}#{term}")

    def _group(self, site: CallSite) -> None:
        """`Blueprint.group(a, b, url_prefix="/x")`."""
        file = site.function.file
        groups = self.made(site)
        for child in site.row.arguments:
            for origin in self.context.origins.of_term(file, child):
                for group in groups:
                    self.add(origin, Mount(group, ""))

    def _hook(self, site: CallSite, name: str) -> None:
        file = site.function.file
        term = site.argument(0, "f", "middleware_class", "middleware")
        if term is None:
            return
        kind = GuardKind.MIDDLEWARE if "middleware" in name else GuardKind.HOOK
        guard = PendingGuard(kind, file.index, term, site.span, "app")
        self.hook(file, site.row.function, name, guard)

    def hook(self, file: FileNode, callee: int, name: str, guard: PendingGuard) -> None:
        """Put what runs before every request on the object it was registered with."""
        origins = self.context.origins.receiver(file, callee)
        if name == "before_app_request":
            self.everywhere.append(guard)
            return
        for origin in origins:
            self.guard(origin, guard)


_GUARDING = {
    "dependencies": GuardKind.DEPENDENCY,
    "guards": GuardKind.DEPENDENCY,
    "decorators": GuardKind.DECORATOR,
    "middleware": GuardKind.MIDDLEWARE,
    "middlewares": GuardKind.MIDDLEWARE,
    "auth": GuardKind.AUTH,
    "throttle": GuardKind.THROTTLE,
    "on_app_init": GuardKind.MIDDLEWARE,
}


def _is_none(context: Context, file: FileNode, term: int) -> bool:
    value = context.evaluator.value(file, term)
    return isinstance(value, ConstantValue) and value.value is None
