"""`--fix`, `--unsafe-fixes` and `--show-fixes`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from backlint.cli.paths import STANDARD_INPUT
from backlint.cli.terminal import is_terminal, write_error
from backlint.errors import UsageError
from backlint.reporters.escape import escape
from backlint.reporters.summary import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from backlint.report import Report


def fix_options(command: Callable[..., int]) -> Callable[..., int]:
    """Options that say what becomes of fixes."""
    command = click.option(
        "--show-fixes", is_flag=True, help="Print the fixes as a diff instead of the report; write nothing."
    )(command)
    command = click.option(
        "--unsafe-fixes", is_flag=True, help="Like --fix, with fixes that may change what the program does."
    )(command)
    return click.option("--fix", is_flag=True, help="Apply safe fixes, and report what remains.")(command)


def check_fixable(paths: Sequence[str], diff: str | None, staged: bool) -> None:
    """
    Args:
        diff: As in `--diff`.

    Raises:
        UsageError: what is checked need not be what is on disk.
    """
    if STANDARD_INPUT in paths:
        raise UsageError("standard input can't be fixed; --show-fixes prints the fixes as a diff")
    if staged or diff == STANDARD_INPUT:
        raise UsageError("fixes go to the files on disk, which this change need not be; use --show-fixes")


def fix_diff(report: Report, root: Path, contents: Mapping[str, bytes], *, unsafe: bool) -> str:
    """The fixes of a report as a unified diff; on a terminal with control characters written out.

    Args:
        contents: Files by path whose content is not that on disk.
    """
    from backlint.fixes.diff import unified_diff
    from backlint.fixes.project import fix_files, fix_notices
    from backlint.run import source_reader

    fixed = fix_files(report.findings, source_reader(root, contents), unsafe=unsafe)
    for notice in fix_notices(fixed):
        write_error(f"backlint: {notice.path}: {notice.message}")
    text = "".join(unified_diff(file) for file in fixed)
    if is_terminal(sys.stdout):
        return "".join(
            f"{_tabs_kept(line.removesuffix(chr(13)))}\n" for line in text.removesuffix("\n").split("\n")
        )
    return text


def fix_and_check_again(
    report: Report, root: Path, check: Callable[[], Report], *, unsafe: bool, quiet: bool
) -> Report:
    """Write the fixes of a report; the report of what remains, with what could not be fixed."""
    from backlint.fixes.project import fix_files, write_fixes
    from backlint.run import source_reader

    written = write_fixes(root, fix_files(report.findings, source_reader(root, {}), unsafe=unsafe))
    if written.files:
        report = check()
        if not quiet:
            fixed = plural(written.findings, "finding")
            write_error(f"backlint: fixed {fixed} in {plural(len(written.files), 'file')}")
    return msgspec.structs.replace(report, notices=(*report.notices, *written.notices))


def _tabs_kept(line: str) -> str:
    return "\t".join(escape(part) for part in line.split("\t"))
