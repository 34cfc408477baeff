"""Paths of the command line: what is checked, and where the project is looked for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from backlint.errors import UsageError
from backlint.links import leads_out

if TYPE_CHECKING:
    from collections.abc import Sequence

STANDARD_INPUT = "-"
STANDARD_INPUT_NAME = "stdin.py"
CACHE_FOLDER = ".backlint_cache"


def absolute(path: str | Path) -> Path:
    """The path from the top, `..` taken out by name: links stay as they are written."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links


def existing_paths(words: Sequence[str]) -> tuple[Path, ...]:
    """The paths, absolute.

    Raises:
        UsageError: one of them does not exist.
    """
    paths = tuple(absolute(word) for word in words)
    for word, path in zip(words, paths, strict=True):
        if not path.exists():
            raise UsageError(f"{word}: no such file or folder")
    return paths


def start_folder(paths: Sequence[Path]) -> Path:
    """The folder from which the configuration is looked for upwards: the deepest that holds all paths.

    Raises:
        UsageError: the paths have no folder in common but the top of the file system.
    """
    if not paths:
        return Path.cwd()
    folders = [path if path.is_dir() else _existing_parent(path) for path in paths]
    try:
        common = Path(os.path.commonpath(folders))
    except ValueError:
        common = Path(folders[0].anchor)
    if common == Path(common.anchor) and common not in folders:
        raise UsageError(f"{paths[0]} and {paths[-1]} are not in one project; check them in separate runs")
    return common


def relative_name(path: Path, root: Path) -> str:
    """The path from the project root, with forward slashes.

    Raises:
        UsageError: it lies outside.
    """
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        raise UsageError(f"{path} is not in the project {root}") from None


def refuse_links_out(path: Path, root: Path) -> None:
    """Refuse a path in the project that leads out of it: whoever wrote the code under review may have put a
    link there.

    Raises:
        UsageError: it does.
    """
    if leads_out(path, root):
        raise UsageError(f"{path}: a link that leads out of the project is not followed")


def repository_prefix(root: Path) -> str:
    """The folder as seen from the top of the git repository it lies in; empty for the top or without one."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            relative = root.relative_to(folder).as_posix()
            return "" if relative == "." else relative
    return ""


def _existing_parent(path: Path) -> Path:
    """The nearest folder above a path that exists: a file from standard input need not."""
    return next((parent for parent in path.parents if parent.is_dir()), Path(path.anchor))
