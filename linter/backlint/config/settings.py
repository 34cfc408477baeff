"""The resolved configuration: every value in force for one project."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import msgspec

from backlint.effect import Role
from backlint.finding import Confidence, Severity
from backlint.libraries.entry import LibraryEntry


class Profile(StrEnum):
    """Which confidences are shown."""

    GATE = "gate"
    REVIEW = "review"
    AUDIT = "audit"

    @property
    def least(self) -> Confidence:
        """The lowest confidence that this profile shows."""
        return {
            Profile.GATE: Confidence.HIGH,
            Profile.REVIEW: Confidence.MEDIUM,
            Profile.AUDIT: Confidence.LOW,
        }[self]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one project. Empty tuples mean "no restriction" unless said otherwise."""

    root: Path
    """Absolute; paths in findings and patterns are relative to it."""
    select: tuple[str, ...] = ()
    """Rule ids and families to run; empty runs all."""
    ignore: tuple[str, ...] = ()
    severity: dict[str, Severity] = {}
    """Severity overrides by rule id."""
    per_path_ignores: dict[str, tuple[str, ...]] = {}
    """Gitignore-style pattern to rule ids and families."""
    exclude: tuple[str, ...] = ()
    """Gitignore-style patterns of files that are not read."""
    profile: Profile = Profile.REVIEW
    min_severity: Severity = Severity.NOTE
    fail_on: Severity = Severity.NOTE
    public_routes: tuple[str, ...] = ()
    """Path patterns (`/health`, `/docs/*`) of routes that need no authentication."""
    source_roots: tuple[str, ...] = ()
    """Folders, relative to `root`, that module names start from; empty finds them."""
    roles: dict[str, tuple[Role, ...]] = {}
    """Roles of the project's own symbols, by full name."""
    libraries: tuple[LibraryEntry, ...] = ()
    """The project's own library entries."""
    origins: dict[str, str] = {}
    """Where each key's value came from: `default`, `command line`, or `pyproject.toml`."""
