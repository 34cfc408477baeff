"""Routes: which functions answer requests, at which address, with what, and what guards them."""

from backlint.link.routes.find import find_routes
from backlint.link.routes.model import Guard, GuardKind, ParameterSource, Route, RouteKind, RouteParameter

__all__ = ["Guard", "GuardKind", "ParameterSource", "Route", "RouteKind", "RouteParameter", "find_routes"]
