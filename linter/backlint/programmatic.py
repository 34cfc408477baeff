"""backlint for other programs: `backlint.check`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from backlint.baseline import default_baseline
from backlint.cli.paths import existing_paths, start_folder
from backlint.config.load import Overrides, check_rule_names, load_settings
from backlint.errors import UsageError
from backlint.registry import load_rules
from backlint.run import CheckRequest
from backlint.run import check as run_check

if TYPE_CHECKING:
    from backlint.report import Report

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def check(paths: Paths = ".", config: str | os.PathLike[str] | None = None) -> Report:
    """Review a project, and report on some of its files and folders or on all of it.

    Does what `backlint check PATHS --no-cache` does in one process: the nearest configuration applies, and so
    does the project's baseline. Nothing is printed or written, and no code of the project is run.

    Args:
        paths: Files and folders of one project to report on; the whole project is read whatever they are.
        config: A configuration file to use instead of the nearest one.

    Returns:
        Findings by path, line, column and rule, with notices about what could not be done.

    Raises:
        backlint.errors.UsageError: a path does not exist, the paths are not in one project, or
            configuration or baseline can't be read.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    targets = existing_paths([os.fspath(path) for path in given])
    if not targets:
        raise UsageError("there is nothing to check: no paths are given")
    overrides = Overrides(config=None if config is None else Path(config))
    settings = load_settings(start_folder(targets), overrides)
    registry = load_rules()
    check_rule_names(settings, registry.rules, registry.families)
    return run_check(
        CheckRequest(
            paths=targets,
            settings=settings,
            jobs=1,
            use_cache=False,
            baseline=default_baseline(settings.root),
        )
    )
