"""Links in the code under review, which could lead what is read or written anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def leads_out(path: Path, root: Path) -> bool:
    """Whether a path lies in the project by name, and links put it elsewhere; it need not exist."""
    try:
        return path.is_relative_to(root) and not path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError):
        return True
