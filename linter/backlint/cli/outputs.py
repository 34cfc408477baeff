"""Which report goes where: `--format` and `--output` together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backlint.cli.paths import absolute, refuse_links_out
from backlint.config.values import nearest
from backlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

DEFAULT_FORMAT = "text"


class Output(msgspec.Struct, frozen=True):
    """A report in one format; `path` is None for standard output."""

    format: str
    path: Path | None


def plan_outputs(
    formats: Sequence[str], outputs: Sequence[str], known: Collection[str]
) -> tuple[Output, ...]:
    """Pair formats and files.

    `FORMAT=PATH` writes that format to a file. A bare `PATH` takes the one format that is left, `-` is
    standard output. A format without a file goes to standard output, where only one can go; and
    text goes there when nothing else is said.

    Args:
        formats: Values of `--format`, all of them known.
        outputs: Values of `--output`.
        known: Names of all formats.

    Raises:
        UsageError: the options contradict each other, or a folder does not exist.
    """
    named: list[Output] = []
    bare: list[str] = []
    for word in outputs:
        name, equals, path = word.partition("=")
        if equals and name in known:
            named.append(Output(name, _target(path, word)))
        elif equals and name.isidentifier():
            raise UsageError(f'--output {word}: there is no format "{name}"{nearest(name, known)}')
        else:
            bare.append(word)
    placed = {output.format for output in named}
    left = [name for name in dict.fromkeys(formats) if name not in placed]
    if not formats and (bare or all(output.path is not None for output in named)):
        left = [DEFAULT_FORMAT]
    if not bare:
        named += [Output(name, None) for name in left]
    elif len(bare) == len(left) == 1:
        named.append(Output(left[0], _target(bare[0], bare[0])))
    else:
        example = f"--output {DEFAULT_FORMAT}={bare[0]}"
        raise UsageError(f"--output {bare[0]}: say which format goes there, as in {example}")
    _check(named)
    return tuple(named)


def check_links(outputs: Sequence[Output], root: Path) -> None:
    """Refuse files in the project that links in it would put elsewhere.

    Raises:
        UsageError: one of them is such.
    """
    for output in outputs:
        if output.path is not None:
            refuse_links_out(output.path, root)


def write_file(path: Path, text: str) -> None:
    """Write a report to a file in UTF-8: as a whole or not at all, but for devices and pipes.

    Raises:
        UsageError: that is not possible.
    """
    from backlint.fixes.write import replace_file

    data = text.encode("utf-8", "backslashreplace")
    try:
        if path.is_file() or not path.exists():
            replace_file(path, data)
        else:
            path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{path}: can't be written: {error.strerror or error}") from None


def append_job_summary(report: Report, context: ReporterContext, environment: Mapping[str, str]) -> None:
    """Add the report to the summary of a GitHub Actions job, where one is running.

    Raises:
        UsageError: the file that `GITHUB_STEP_SUMMARY` names can't be written.
    """
    path = environment.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    from backlint.reporters.github import job_summary

    text = job_summary(report, context)
    try:
        with absolute(path).open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"{path}: the job summary can't be written: {error.strerror or error}") from None


def _target(path: str, word: str) -> Path | None:
    if not path:
        raise UsageError(f"--output {word}: the path is missing")
    return None if path == "-" else absolute(path)


def _check(outputs: Sequence[Output]) -> None:
    on_screen = [output.format for output in outputs if output.path is None]
    if len(on_screen) > 1:
        listed = " and ".join(on_screen)
        raise UsageError(f"{listed} can't both go to standard output; use --output FORMAT=PATH")
    files = [output.path for output in outputs if output.path is not None]
    for index, path in enumerate(files):
        if path in files[:index]:
            raise UsageError(f"--output: two reports can't both go to {path}")
        if path.is_dir():
            raise UsageError(f"--output: {path} is a folder")
        if not path.parent.is_dir():
            raise UsageError(f"--output: there is no folder {path.parent}")
