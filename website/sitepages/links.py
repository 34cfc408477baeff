"""Links of a page to files that are not on the site."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LINK = re.compile(r"\]\((?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?\)")
_AT_THE_TOP = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Files that the site shows as pages."""


def outside_links(text: str, page: str, root: Path, repository: str) -> str:
    """Replace relative links that leave docs/ by the repository's address of what they name.

    Args:
        page: The page's path below docs/.
        repository: The address of the repository's front page.
    """
    folder = posixpath.dirname(f"docs/{page}")

    def replaced(found: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, found["target"]))
        if target.startswith("docs/"):
            return found[0]
        anchor = found["anchor"] or ""
        if target in _AT_THE_TOP:
            shown = posixpath.relpath(f"docs/{_AT_THE_TOP[target]}", folder)
            return f"]({shown}{anchor})"
        kind = "tree" if (root / target).is_dir() else "blob"
        return f"]({repository}/{kind}/main/{target}{anchor})"

    return _LINK.sub(replaced, text)
