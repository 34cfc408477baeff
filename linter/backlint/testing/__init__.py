"""For tests of rules: projects in memory, and Markdown fixtures that say what a rule must report."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backlint.testing.check import CaseResult, run_case
    from backlint.testing.fixture import Case, Fixture, find_fixtures, parse_fixture, read_fixture
    from backlint.testing.markers import FixtureError
    from backlint.testing.project import catalogue, link_files, project_from, summarise_files

__all__ = [
    "Case",
    "CaseResult",
    "Fixture",
    "FixtureError",
    "catalogue",
    "find_fixtures",
    "link_files",
    "parse_fixture",
    "project_from",
    "read_fixture",
    "run_case",
    "summarise_files",
]

_MODULES = {
    "CaseResult": "check",
    "FixtureError": "markers",
    "catalogue": "project",
    "link_files": "project",
    "project_from": "project",
    "run_case": "check",
    "summarise_files": "project",
}
"""Those of `__all__` that are not in `fixture`."""


def __getattr__(name: str) -> object:
    # Every pytest run on a machine with backlint imports this package for the plugin: it must cost nothing.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'fixture')}"), name)
