"""backlint: a review linter for Python backends.

`backlint.check(paths, config=None)` reviews a project and gives a `backlint.report.Report`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backlint.programmatic import check as check

__all__ = ["check"]


def __getattr__(name: str) -> object:
    # The command line imports this package for `--version` too, which must not load the engine.
    if name == "check":
        from importlib import import_module

        return import_module("backlint.programmatic").check
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
