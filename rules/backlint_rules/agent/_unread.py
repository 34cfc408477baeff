"""Attributes, arguments and settings by which code means to protect something, and that nothing reads."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from backlint.api import (
    Attr,
    Call,
    Confidence,
    Const,
    FileContext,
    FileKind,
    Findings,
    InstanceValue,
    LibraryFunction,
    LinkedFunction,
    Name,
    Operation,
    Project,
    Role,
    Sequence,
    short_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.api import FileNode, Setting

_KEYS = (
    "DEFAULT_PERMISSION_CLASSES",
    "DEFAULT_AUTHENTICATION_CLASSES",
    "DEFAULT_THROTTLE_CLASSES",
    "DEFAULT_THROTTLE_RATES",
)
_GUARDS = frozenset({Role.AUTHENTICATES, Role.AUTHORISES, Role.LIMITS_RATE})
_SETTING = _GUARDS | {Role.CONFIGURES_ROUTE}
GUARD_NAME = re.compile(
    r"^(?:(?:\w+_)?(?:login|auth|admin|staff|superuser|role|roles|permission|permissions|token|jwt|api_?key)_required"
    r"|require[sd]?_(?:login|auth|authentication|admin|staff|role|roles|permission|permissions|token|user|api_?key))$"
)
"""Names of decorators that guard, by what they are called."""
_TOLD_BY = re.compile(r"role|permission|auth|allow|scope|throttle|access|guard", re.IGNORECASE)
"""Names of attributes by which a project's own views say who may call them."""
_DISPATCHING = frozenset({"dispatch", "dispatch_request", "as_view", "has_permission"})
_CLOSE = 0.87
_CLOSE_SETTING = 0.93


def note_settings(node: ast.Assign, ctx: FileContext) -> None:
    """Note where settings stand, and keys of `REST_FRAMEWORK = {…}` that are nearly ones which the framework reads."""
    target = node.targets[0]
    if ctx.kind != FileKind.SETTINGS or not ctx.at_module_level or not isinstance(target, ast.Name):
        return
    if target.id.isupper():
        ctx.fact(target, "setting", text=target.id)
    if isinstance(node.value, ast.Dict) and target.id.endswith("FRAMEWORK"):
        keys = [key for key in node.value.keys if isinstance(key, ast.Constant)]
        for key in keys:
            text = str(key.value)
            near = _near(text, _KEYS) or (f"DEFAULT_{text}" if f"DEFAULT_{text}" in _KEYS else "")
            if near and all(other.value != near for other in keys):
                ctx.fact(key, "key", text=f"{text}={near}")


def report_attributes(
    project: Project, findings: Findings, file: FileNode, number: int, elsewhere: dict[str, str]
) -> None:
    """Report attributes of a view that are nearly ones which its framework reads, or that another framework reads.

    Args:
        elsewhere: What `readers` gives.
    """
    cls = file.summary.classes[number]
    symbol = f"{file.summary.module}.{cls.name}"
    set_to = [one for one in cls.attributes if one.value >= 0 and not one.instance]
    if not set_to or Role.DEFINES_ROUTE not in project.evaluator.roles(InstanceValue(symbol)):
        return
    known = _protecting(project, symbol)
    names = {one.name for one in cls.attributes}
    for attribute in set_to:
        if attribute.name in known or not _says_something(file, attribute.value):
            continue
        meant = next(iter(get_close_matches(attribute.name, known, 1, _CLOSE)), "")
        told = (
            (
                "is no attribute that the framework reads: the view keeps its default",
                f"spell it `{meant}`",
            )
            if meant
            else _unread(project, symbol, attribute.name, known, elsewhere)
        )
        if told is None or meant in names or is_read(project, attribute.name):
            continue
        findings.add(
            project.graph.functions[file.index, 0],
            f"`{cls.name}.{attribute.name}` {told[0]}",
            span=attribute.span,
            confidence=Confidence.HIGH,
            advice=told[1],
        )


def _unread(
    project: Project, symbol: str, name: str, known: list[str], elsewhere: dict[str, str]
) -> tuple[str, str] | None:
    """What to say of an attribute that would guard a view of another framework, and what to do about it."""
    if decides_itself(project, symbol):
        return None
    view = symbol.rpartition(".")[2]
    attribute, reader = _other_reader(elsewhere, name)
    if reader:
        inherit = f"inherit from `{reader}`"
        if attribute != name:
            inherit = f"spell it `{attribute}` and {inherit}"
        elif len(known) == 1:
            inherit = f"use `{known[0]}`, which this view reads, or {inherit}"
        what = "is" if attribute == name else f"is meant to be `{attribute}`, which is"
        return f"{what} read by `{reader}` only, which `{view}` is not: it protects nothing", inherit
    if GUARD_NAME.match(name):
        return "is an attribute that nothing reads: it protects nothing", (
            f"put the check on `{view}.dispatch`, or inherit from a mixin that makes it"
        )
    return None


def _protecting(project: Project, symbol: str) -> list[str]:
    """Attributes by which classes among a view's ancestors are told what guards it."""
    classes = project.evaluator.classes
    order = classes.order(symbol)
    found = {
        name
        for ancestor in order
        if (entry := classes.library_class(ancestor)) is not None
        for name, attribute in entry.attributes.items()
        if _SETTING.intersection(attribute.roles)
    }
    for ancestor in order[1:]:
        own = classes.project_class(ancestor)
        found.update(
            attribute.name
            for attribute in (() if own is None else own.summary.attributes)
            if not attribute.instance and _TOLD_BY.search(attribute.name)
        )
    return sorted(found)


def readers(project: Project) -> dict[str, str]:
    """Attributes by which library classes are told what guards them, each with one class that reads it."""
    return {
        attribute: reader.rpartition(".")[2]
        for reader, entry in reversed(project.catalogue.classes.items())
        for attribute, one in entry.attributes.items()
        if _SETTING.intersection(one.roles)
    }


def _other_reader(known: dict[str, str], name: str) -> tuple[str, str]:
    """The attribute that a name is or nearly is, and the library class that reads it; empty texts where there is none.

    `method_decorators` is Flask-RESTful's and means nothing on Flask's `MethodView`, `permission_classes` is
    Django REST framework's and means nothing on Django's `View`.
    """
    near = get_close_matches(name, known, 1, _CLOSE)
    return (near[0], known[near[0]]) if near else ("", "")


def decides_itself(project: Project, symbol: str) -> bool:
    """Whether a class of the project among a view's ancestors says how requests reach its methods, or one is unknown."""
    classes = project.evaluator.classes
    for ancestor in classes.order(symbol):
        own = classes.project_class(ancestor)
        if own is None and classes.library_class(ancestor) is None:
            return True
        if own is not None and any(own.method(name) is not None for name in _DISPATCHING):
            return True
    return False


def _says_something(file: FileNode, term: int) -> bool:
    """Whether an attribute holds a list, a name of one, a text or True: what a framework would read there."""
    row = file.summary.terms[term]
    return isinstance(row, Sequence | Name | Operation) or (
        isinstance(row, Const) and (row.value is True or isinstance(row.value, str))
    )


def is_read(project: Project, name: str, besides: int = -1) -> bool:
    """Whether code of the project, besides that of one file, reads an attribute of this name, by itself or as text."""
    return any(
        (isinstance(row, Attr) and row.name == name) or (isinstance(row, Const) and row.value == name)
        for file in project.files
        if file.index != besides
        for row in file.summary.terms
    )


def report_keywords(project: Project, findings: Findings, function: LinkedFunction) -> None:
    """Report arguments of a route decorator that takes any keyword, nearly one by which it is guarded."""
    for term in function.summary.decorators:
        row = project.term(function, term)
        value = project.value(function, row.function) if isinstance(row, Call) else None
        if not isinstance(row, Call) or not isinstance(value, LibraryFunction) or not value.entry.guarded_by:
            continue
        given = {name for name, _ in row.keywords}
        for name, _ in row.keywords:
            near = get_close_matches(name, value.entry.guarded_by, 1, _CLOSE)
            if near and near[0] not in given:
                findings.add(
                    next(
                        (one for one in project.calls_in_file(function.file) if one.event.term == term),
                        function,
                    ),
                    f"`{name}=` is no argument that `@{project.words(function, row.function)}` reads: "
                    f"it is kept as an option, and `{short_name(function)}` runs without it",
                    confidence=Confidence.HIGH,
                    advice=f"spell it `{near[0]}=`",
                )


def report_settings(project: Project, findings: Findings, rule: str) -> None:
    """Report settings, and keys of settings, whose names are nearly those that the framework reads."""
    places = {(module.path, fact.text): fact.span for module, fact in project.noted(rule, "setting")}
    for setting, near in _misspelt(project):
        findings.add(
            project.graph.functions[setting.file, 0],
            f"`{setting.name}` is no setting that is read: what it should set keeps its default",
            span=places.get((setting.path, setting.name), setting.span),
            advice=f"spell it `{near}`",
        )
    for module, fact in project.noted(rule, "key"):
        wrong, _, near = fact.text.partition("=")
        findings.add(
            module,
            f"`{wrong}` is no key of the framework's settings that is read: what it should set keeps its default",
            span=fact.span,
            advice=f"spell it `{near}`",
        )


def _misspelt(project: Project) -> Iterator[tuple[Setting, str]]:
    known = tuple(sorted(project.catalogue.settings))
    for setting in project.settings:
        near = _near(setting.name, known) if setting.source in ("django", "flask") else ""
        writer = setting.file if setting.source == "flask" else -1
        if near and not project.setting(near) and not is_read(project, setting.name, writer):
            yield setting, near


def _near(name: str, known: tuple[str, ...]) -> str:
    """The known name that this one nearly is; empty for a known one, and for others."""
    if name in known:
        return ""
    found = get_close_matches(name, known, 1, _CLOSE_SETTING)
    return found[0] if found and len(found[0].split("_")) == len(name.split("_")) else ""
