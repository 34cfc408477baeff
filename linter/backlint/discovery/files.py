"""What discovery finds."""

from __future__ import annotations

import msgspec

from backlint.finding import Notice
from backlint.summary import FileKind


class SourceFile(msgspec.Struct, frozen=True):
    """A file to be read, and its name as a module."""

    path: str
    """Relative to the project root, with forward slashes."""
    top: str
    """The project root."""
    module: str
    """Dotted, from the file's source root; a package has the name of its folder."""
    is_package: bool
    kind: FileKind
    """By path alone; `classify` refines it once the file is read."""
    root: str
    """The source root, relative to the project root: `.` for that itself, `..` when it lies in a package.

    Files of different source roots may share a module name; an import means its own root's first.
    """
    aliases: tuple[str, ...] = ()
    """Other names by which the file can be imported when another folder above it is on the path.

    An import means one of these only where no module has the name outright.
    """
    explicit: bool = False
    """Named by the user, not found in a folder: read even when it looks generated."""

    @property
    def place(self) -> str:
        """Where the file lies."""
        return f"{self.top.rstrip('/')}/{self.path}"


class Discovery(msgspec.Struct, frozen=True):
    """Files in the order of their paths, and what stood in the way."""

    files: tuple[SourceFile, ...]
    manifests: tuple[str, ...] = ()
    """Paths of pyproject.toml, requirements files and the like, relative to the project root, sorted."""
    notices: tuple[Notice, ...] = ()
