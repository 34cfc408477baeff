"""A route as the framework modules find it, before parameters and guards are worked out."""

from __future__ import annotations

import msgspec

from backlint.finding import Span
from backlint.link.graph import FunctionKey
from backlint.link.routes.conditions import Condition
from backlint.link.routes.model import RouteKind
from backlint.link.routes.mounts import PendingGuard


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    framework: str
    methods: tuple[str, ...]
    path: str
    mounted: bool = True
    kind: RouteKind = RouteKind.HTTP
    handler: FunctionKey | None = None
    view: str = ""
    file: int
    span: Span
    """Where it is registered."""
    guards: tuple[PendingGuard, ...] = ()
    conditions: tuple[Condition, ...] = ()
    """The conditions under which what it is registered with is mounted."""
    call: int = -1
    """The registering call in that file, whose keywords may name body and response."""
    guarded_class: bool = False
    """The view's own attributes (`permission_classes`, mixins, `decorators`) guard it."""
    action: str = ""
    """The DRF action, such as `list`."""
    action_term: int = -1
    """The `@action(…)` call in the handler's file, whose keywords override the view's attributes."""
