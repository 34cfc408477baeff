"""Fixes of a whole report, and writing them."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from backlint.finding import Finding, Notice
from backlint.fixes.apply import FixedFile, fix_file
from backlint.fixes.write import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from backlint.fixes.source import SourceText

KIND = "fix"


class Written(msgspec.Struct, frozen=True):
    """What was fixed on disk, and what stood in the way."""

    files: tuple[str, ...] = ()
    """Paths of the files that were changed."""
    findings: int = 0
    """Findings whose fix was applied."""
    notices: tuple[Notice, ...] = ()


def fix_files(
    findings: Iterable[Finding], sources: Callable[[str], SourceText | None], *, unsafe: bool
) -> list[FixedFile]:
    """Work out the fixed contents of all files that have findings with a fix; nothing is written.

    Args:
        unsafe: Also apply fixes that may change what the program does.
    """
    fixable = sorted(
        (found for found in findings if found.fix is not None and (found.fix.safe or unsafe)),
        key=lambda found: found.path,
    )
    fixed: list[FixedFile] = []
    for path, group in groupby(fixable, key=lambda found: found.path):
        source = sources(path)
        if source is None:
            fixed.append(FixedFile(path, b"", b"", problem="it can't be read any more"))
        else:
            fixed.append(fix_file(source, group, unsafe=unsafe))
    return fixed


def fix_notices(fixed: Iterable[FixedFile]) -> list[Notice]:
    """What could not be fixed, and why."""
    notices: list[Notice] = []
    for file in fixed:
        if file.problem:
            notices.append(Notice(KIND, f"not fixed: {file.problem}", path=file.path))
        notices += [
            Notice(
                KIND,
                f"{finding.rule} is not fixed: another fix has changed the same code; run again",
                path=file.path,
                line=finding.span.line,
                failure=False,
            )
            for finding in file.overlapping
        ]
    return notices


def write_fixes(root: Path, fixed: Iterable[FixedFile]) -> Written:
    """Write fixed files, each as a whole, and only where the file is still what was analysed.

    Args:
        root: The project root, which the paths are relative to.
    """
    files: list[str] = []
    notices: list[Notice] = []
    count = 0
    for file in fixed:
        notices += fix_notices([file])
        if file.before == file.after:
            continue
        try:
            written = replace_file(root / file.path, file.after, expected=file.before)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            notices.append(Notice(KIND, f"not fixed: the file can't be written: {reason}", path=file.path))
            continue
        if not written:
            notices.append(Notice(KIND, "not fixed: the file has changed meanwhile", path=file.path))
            continue
        files.append(file.path)
        count += len(file.applied)
    return Written(tuple(files), count, tuple(notices))
