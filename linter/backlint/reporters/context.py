"""What a reporter needs besides the report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from backlint.config.settings import Profile
from backlint.finding import Severity
from backlint.registry import RuleInfo
from backlint.reporters.escape import plain_path
from backlint.reporters.sources import SourceReader
from backlint.version import VERSION


class ReporterContext(msgspec.Struct, frozen=True, kw_only=True):
    """Where the report goes and how much of it is wanted."""

    root: Path
    """The project root, which all paths in the report are relative to."""
    working_directory: Path
    """Where the program was started: terminals open paths relative to it."""
    sources: SourceReader
    color: bool = False
    width: int = 0
    """Columns of the terminal; 0 where lines may have any length."""
    statistics: bool = False
    verbose: bool = False
    quiet: bool = False
    profile: Profile = Profile.REVIEW
    fail_on: Severity = Severity.NOTE
    rules: Mapping[str, RuleInfo] = {}
    """Every loaded rule, by id."""
    version: str = VERSION
    prefix: str = ""
    """The project root as seen from the top of the git repository; empty when they are one."""
    category: str = ""
    """Tells uploads of several runs to code scanning apart."""
    show_suppressed: bool = False
    """Findings silenced by a comment are wanted too, marked as such."""

    def repository_path(self, path: str) -> str:
        """A path of the report as seen from the top of the repository."""
        return f"{self.prefix}/{path}" if self.prefix else path

    def shown_path(self, path: str) -> str:
        """A path of the report as seen from the working directory.

        Absolute where neither of working directory and project root lies in the other.
        """
        if self.root == self.working_directory:
            return plain_path(path)
        root, here = self.root, self.working_directory
        if root.is_relative_to(here) or here.is_relative_to(root):
            return plain_path(os.path.relpath(root / path, here).replace(os.sep, "/"))
        return str(root / path)
