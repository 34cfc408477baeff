"""Functions of the project that register what they are given: `api.add_org_resource(Orders, "/orders")`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from backlint.link.graph import CallSite, bare
from backlint.link.routes.spelling import ITEM, Bound, passed
from backlint.link.values import FunctionValue, options
from backlint.term import Attr, Call, Element, Param, Sequence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.index import FileNode
    from backlint.link.routes.context import Context

_MOST_CALLERS = 400


class Use(msgspec.Struct, frozen=True):
    """One run of a registering call: for whose sake, and with what."""

    site: CallSite
    """The call that stands in the code: the registering one, or that of the function around it."""
    bound: Bound

    def term(self, file: FileNode, term: int) -> tuple[FileNode, int]:
        """The term itself, or what was passed or gone over for the variable that it is."""
        inner = bare(file, term)
        row = file.summary.terms[inner]
        if isinstance(row, Param):
            return self.bound.get((file.index, row.function, row.name), (file, term))
        if isinstance(row, Element):
            return self.bound.get((file.index, inner, ITEM), (file, term))
        return file, term


def uses(context: Context, site: CallSite, *terms: int | None) -> Iterator[Use]:
    """The runs of a registering call: one for each caller or pass of a loop whose values it registers."""
    file = site.function.file
    wanted = [term for term in terms if term is not None and term >= 0]
    for bound in _passes(file, wanted):
        yield from _callers(context, site, wanted, bound)


def _callers(context: Context, site: CallSite, terms: list[int], bound: Bound) -> Iterator[Use]:
    file = site.function.file
    given = any(isinstance(file.summary.terms[bare(file, term)], Param) for term in terms)
    callers = context.callers.get(site.function.key, ()) if given and site.function.index else ()
    if not callers:
        yield Use(site, bound)
    for caller in callers[:_MOST_CALLERS]:
        for passed_in in _bound(context, caller, site):
            yield Use(caller, {**bound, **passed_in})


def _passes(file: FileNode, terms: list[int]) -> Iterator[Bound]:
    """What the loop variables among the terms hold in each pass of a loop over a display; once without one."""
    elements = [term for term in map(partial(bare, file), terms) if _loop(file, term)]
    display = _loop(file, elements[0]) if elements else ()
    if not display:
        yield {}
    looped = {
        number
        for number, row in enumerate(file.summary.terms)
        if display and isinstance(row, Element) and _loop(file, number) == display
    }
    for item in display:
        found: Bound = {}
        for number in looped:
            element = file.summary.terms[number]
            inner = file.summary.terms[bare(file, item)]
            position = element.position if isinstance(element, Element) else -1
            if position < 0:
                found[file.index, number, ITEM] = (file, item)
            elif isinstance(inner, Sequence) and position < len(inner.items):
                found[file.index, number, ITEM] = (file, inner.items[position])
        yield found


def _loop(file: FileNode, term: int) -> tuple[int, ...]:
    """The items of the display that a loop variable goes over; empty for anything else."""
    row = file.summary.terms[term]
    if not isinstance(row, Element):
        return ()
    display = file.summary.terms[bare(file, row.base)]
    return display.items if isinstance(display, Sequence) else ()


def _bound(context: Context, caller: CallSite, site: CallSite) -> Iterator[Bound]:
    """What a caller passes; once for each argument that a `*` parameter takes."""
    file, key = caller.function.file, site.function.key
    callee = next(
        (
            value
            for value in options(caller.callee)
            if isinstance(value, FunctionValue) and (value.file, value.function) == key
        ),
        None,
    )
    if callee is None:
        return
    bound = {(*key, name): (at, term) for name, at, term in passed(context, file, caller.row, callee)}
    yield bound
    star = next((found.name for found in site.function.summary.parameters if found.kind == "*"), None)
    taken = bound.get((*key, star)) if star is not None else None
    if star is None or taken is None or taken[1] not in caller.row.arguments:
        return
    for term in caller.row.arguments[caller.row.arguments.index(taken[1]) + 1 :]:
        yield {**bound, (*key, star): (file, term)}


def receiving_call(use: Use, site: CallSite) -> tuple[FileNode, int] | None:
    """What stands for the object that is registered with: the caller's callee where that is `self`."""
    file = site.function.file
    callee = file.summary.terms[bare(file, site.row.function)]
    if use.site is site or not isinstance(callee, Attr):
        return None
    row = file.summary.terms[bare(file, callee.base)]
    if not isinstance(row, Param):
        return None
    parameters = site.function.summary.parameters
    if site.function.summary.cls >= 0 and parameters and parameters[0].name == row.name:
        made = use.site.function.file.summary.terms[bare(use.site.function.file, use.site.row.function)]
        if isinstance(made, Call):
            return None
        return use.site.function.file, use.site.row.function
    return None


def given_object(use: Use, site: CallSite) -> tuple[FileNode, int] | None:
    """The argument that is registered with, where the function is given it: `def add(app, path): app.…`."""
    file = site.function.file
    callee = file.summary.terms[bare(file, site.row.function)]
    if use.site is site or not isinstance(callee, Attr):
        return None
    row = file.summary.terms[bare(file, callee.base)]
    if not isinstance(row, Param):
        return None
    return use.bound.get((file.index, row.function, row.name))
