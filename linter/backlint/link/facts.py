"""What the run knows of the project besides its Python files."""

from __future__ import annotations

import msgspec

from backlint.effect import Role


class ProjectFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Settings and texts that rules may ask for."""

    public_routes: tuple[str, ...] = ()
    roles: dict[str, tuple[Role, ...]] = {}
    """Roles that the configuration gives to symbols of the project."""
    manifests: dict[str, str] = {}
    """Text of each manifest by path."""
    new_files: frozenset[str] = frozenset()
    """Paths of the migrations that the change under review adds; empty outside of a diff review."""
