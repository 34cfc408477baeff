"""The options of a diff review, and the change they mean."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TypeVar

import click

from backlint.cli.paths import STANDARD_INPUT
from backlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backlint.config.settings import Settings
    from backlint.diff.changes import ChangeSet

_DEFAULT_BASE = ""
_Command = TypeVar("_Command", bound="Callable[..., object]")


def diff_options(command: _Command) -> _Command:
    """Add `--diff` and `--staged`."""
    for option in (
        click.option("--staged", is_flag=True, help="Report what the staged changes introduce."),
        click.option(
            "--diff",
            metavar="[BASE]",
            is_flag=False,
            flag_value=_DEFAULT_BASE,
            help="Report what the change since BASE introduces (the default branch where left out; "
            "- reads a unified diff).",
        ),
    ):
        command = option(command)
    return command


def check_diff_options(diff: str | None, staged: bool, paths: tuple[str, ...]) -> None:
    """Raise where the options contradict each other.

    Raises:
        UsageError: they do.
    """
    if diff is None and not staged:
        return
    if STANDARD_INPUT in paths:
        raise UsageError("a diff review needs files on disk; it can't read a source from standard input")
    if diff == STANDARD_INPUT and staged:
        raise UsageError("--staged and --diff - exclude each other")


def find_change(diff: str | None, staged: bool, settings: Settings) -> ChangeSet | None:
    """The change to review, or None where the whole project is.

    Raises:
        UsageError: there is no such change.
    """
    if diff is None and not staged:
        return None
    from backlint.diff.changes import diff_changes, git_changes

    if diff == STANDARD_INPUT:
        return diff_changes(settings.root, _top(settings.root), sys.stdin.buffer.read())
    try:
        return git_changes(settings.root, diff or None, staged=staged)
    except UsageError as error:
        if diff and os.path.lexists(diff) and "there is no commit" in str(error):
            raise UsageError(f"{error}; write the paths before --diff, as in: {diff} --diff") from None
        raise


def _top(root: Path) -> Path:
    """What paths in a diff are relative to: the top of the repository where there is one."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
