"""Texts of configurations of other tools, and whether they are what they were."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from backlint.fixes.source import read_source

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_MAX_BYTES = 1_000_000


def top_of(root: Path) -> Path:
    """The top of the repository that a project lies in; the project itself outside of one."""
    return next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)


def read_text(top: Path, path: str) -> str | None:
    """The text of a file; None without one, for a link that leads out, and for one that is too large."""
    try:
        if (top / path).stat().st_size > _MAX_BYTES:
            return None
    except (OSError, ValueError):
        return None
    source = read_source(top, path)
    return None if source is None else source.text


def summed(texts: Mapping[str, str | None]) -> dict[str, str]:
    """A hash of each text by path; empty where there is none."""
    return {
        path: "" if text is None else blake2b(text.encode("utf-8", "replace"), digest_size=20).hexdigest()
        for path, text in texts.items()
    }


def still_hold(root: Path, top: str, sums: Mapping[str, str]) -> bool:
    """Whether the files below the top of a project's repository are those that the sums were made of."""
    found = top_of(root)
    return str(found) == top and summed({path: read_text(found, path) for path in sums}) == sums
