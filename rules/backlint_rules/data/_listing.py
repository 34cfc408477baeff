"""Class-based views whose framework lists their query set."""

from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import Const, LinkedFunction, Mapping, Project, Query, QueryStep, Span

_METHODS = {"list": "pagination_class", "get": "paginate_by"}
"""Methods of a library that list a query set, and the attribute that pages what they list."""
_BY_DEFAULT = "pagination_class"
"""The attribute for which settings give a default."""


class ListView(NamedTuple):
    """A view that answers with all rows of a query."""

    place: LinkedFunction
    name: str
    span: Span
    query: Query
    head: Span
    """Where its class is declared."""
    pages: str
    """The attribute that would page it."""
    has_default: bool
    """Whether the settings could page it."""


def list_views(project: Project) -> Iterator[ListView]:
    """Views that inherit a method which lists their query set, where nothing pages it."""
    paged_by_default = pages_by_default(project)
    classes = project.evaluator.classes
    for file in project.files:
        for summary in file.summary.classes:
            symbol = f"{file.summary.module}.{summary.name}"
            name = next((one for one in _METHODS if QueryStep.ALL in project.method_steps(symbol, one)), "")
            pages = _METHODS.get(name, "")
            if not pages or (paged_by_default and pages == _BY_DEFAULT):
                continue
            if _defines(project, symbol, name) or _is_paged(project, symbol):
                continue
            own = project.class_query(symbol)
            cls = classes.project_class(symbol)
            if own is None or not own.complete or cls is None:
                continue
            place = project.graph.functions[file.index, 0]
            attribute = next((one for one in summary.attributes if one.name in ("queryset", "model")), None)
            method = cls.method("get_queryset")
            span = summary.span if attribute is None else attribute.span
            if method is not None:
                span = file.summary.functions[method].span
            head = _first_line(summary.span)
            yield ListView(
                place, summary.name, _first_line(span), own, head, pages, has_default=pages == _BY_DEFAULT
            )


def _first_line(span: Span) -> Span:
    """The part of a span on its first line, as far as that is known."""
    if span.end_line == span.line:
        return span
    return Span(span.line, span.column, span.line, span.column + 1)


def _defines(project: Project, symbol: str, name: str) -> bool:
    """Whether the project itself says how the view lists."""
    classes = project.evaluator.classes
    for ancestor in classes.order(symbol):
        cls = classes.project_class(ancestor)
        if cls is not None and cls.method(name) is not None:
            return True
    return False


def _is_paged(project: Project, symbol: str) -> bool:
    classes = project.evaluator.classes
    for ancestor in classes.order(symbol):
        cls = classes.project_class(ancestor)
        if cls is None:
            continue
        for name in _METHODS.values():
            for attribute in cls.attributes.get(name, ()):
                row = cls.file.summary.terms[attribute.value]
                return not (isinstance(row, Const) and row.value is None)
        if any(
            cls.method(name) is not None for name in ("get_paginate_by", "paginate_queryset", "paginator")
        ):
            return True
    return False


def pages_by_default(project: Project) -> bool:
    """Whether the settings name a pagination class for all views, and a page size where it needs one."""
    for file in project.files:
        for term in file.summary.names.values():
            row = file.summary.terms[term]
            if not isinstance(row, Mapping):
                continue
            found = {}
            for key, value in row.entries:
                name = file.summary.terms[key] if key >= 0 else None
                if isinstance(name, Const):
                    found[name.value] = file.summary.terms[value]
            chosen = found.get("DEFAULT_PAGINATION_CLASS")
            if chosen is None or (isinstance(chosen, Const) and chosen.value is None):
                continue
            own = not (isinstance(chosen, Const) and str(chosen.value).startswith("rest_framework."))
            size = found.get("PAGE_SIZE")
            if own or (size is not None and not (isinstance(size, Const) and size.value is None)):
                return True
    return False
