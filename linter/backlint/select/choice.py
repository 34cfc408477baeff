"""Which rules the settings choose, for a project and for a path."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from backlint.config.settings import Settings


def is_chosen(rule: str, family: str, settings: Settings) -> bool:
    """Whether `select` and `ignore` let a rule run. A rule's own name weighs more than its family's,
    and between equals `ignore` does."""
    if rule in settings.ignore:
        return False
    if rule in settings.select:
        return True
    if family in settings.ignore:
        return False
    return not settings.select or family in settings.select


def path_ignores(settings: Settings) -> Callable[[str], Collection[str]]:
    """A function from a path to the rules and families that `per_path_ignores` switches off there."""
    if not settings.per_path_ignores:
        return lambda path: ()
    # Takes 40 ms to import, which projects without such settings need not wait for.
    from pathspec import GitIgnoreSpec

    specs = [
        (GitIgnoreSpec.from_lines([pattern]), names) for pattern, names in settings.per_path_ignores.items()
    ]

    @cache
    def ignored(path: str) -> Collection[str]:
        return {name for spec, names in specs if spec.match_file(path) for name in names}

    return ignored
