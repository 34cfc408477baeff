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


class Linter(StrEnum):
    """Other linters whose configuration is heeded."""

    RUFF = "ruff"
    BANDIT = "bandit"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of one project. Empty tuples mean "no restriction" unless said otherwise."""

    root: Path
    """Absolute; paths in findings and patterns are relative to it."""
    select: tuple[str, ...] = ()
    """Rules and families to run; all where it is left out. `--select` replaces it."""
    ignore: tuple[str, ...] = ()
    """Rules and families that do not run. `--ignore` adds to it."""
    severity: dict[str, Severity] = {}
    """Severity of a rule's findings, by rule; the rule's own where it is left out."""
    per_path_ignores: dict[str, tuple[str, ...]] = {}
    """Rules and families that report nothing in files of these paths.

    Patterns are those of `.gitignore`, relative to the project root.
    """
    exclude: tuple[str, ...] = ()
    """Patterns, like those of `.gitignore`, of files that are not read at all, besides those git ignores."""
    profile: Profile = Profile.REVIEW
    """How sure a finding must be to be shown: `gate` high, `review` at least medium, `audit` any confidence."""
    min_severity: Severity = Severity.NOTE
    """The least severity that is shown."""
    fail_on: Severity = Severity.NOTE
    """The least severity that makes the exit status 1."""
    defer_to: tuple[Linter, ...] = tuple(Linter)
    """Linters that what they report by themselves is left to, where the project has it switched on; `[]` for none."""
    public_routes: tuple[str, ...] = ()
    """Path patterns (`/health`, `/docs/*`) of routes that need no authentication."""
    source_roots: tuple[str, ...] = ()
    """Folders, relative to the project root, that module names start from; they are found where it is left out."""
    roles: dict[str, tuple[Role, ...]] = {}
    """What the project's own functions, classes and decorators are for, by full name: a role or a list of them."""
    libraries: tuple[LibraryEntry, ...] = ()
    """What the project's own wrappers do: library entries, or paths of YAML files that hold one."""
    origins: dict[str, str] = {}
    """Where each key's value came from: `default`, `command line`, or `pyproject.toml`."""
