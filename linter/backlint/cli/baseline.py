"""`backlint baseline`, and the options of a check that use it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from backlint.cli.paths import CACHE_FOLDER, absolute, refuse_links_out
from backlint.cli.terminal import is_terminal, write, write_error
from backlint.config.load import Overrides, check_rule_names, load_settings
from backlint.config.settings import Profile, Settings
from backlint.errors import UsageError
from backlint.finding import Severity
from backlint.reporters.escape import escape, plain_path
from backlint.reporters.summary import plural

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from backlint.baseline import Entry
    from backlint.finding import Notice
    from backlint.report import Report

FAILURE = 3


def baseline_options(command: Callable[..., int]) -> Callable[..., int]:
    """Options that choose the baseline of a check."""
    command = click.option(
        "--no-baseline",
        "use_baseline",
        is_flag=True,
        flag_value=False,
        default=True,
        help="Report known findings too.",
    )(command)
    return click.option(
        "--baseline",
        type=click.Path(),
        help="Report nothing that this file knows; by default backlint-baseline.json in the project.",
    )(command)


def chosen_baseline(path: str | None, wanted: bool, root: Path) -> Path | None:
    """The baseline to use: the named one, or the project's where it has one.

    Raises:
        UsageError: the options contradict each other, or there is no such file.
    """
    if not wanted:
        if path is not None:
            raise UsageError("--baseline and --no-baseline exclude each other")
        return None
    if path is None:
        from backlint.baseline import default_baseline

        return default_baseline(root)
    named = absolute(path)
    refuse_links_out(named, root)
    if not named.is_file():
        raise UsageError(f"--baseline: there is no file {path}")
    return named


@click.command(short_help="Write down today's findings, so that check reports only new ones.")
@click.option(
    "--output", type=click.Path(), help="The file, by default backlint-baseline.json in the project."
)
@click.option("--prune", is_flag=True, help="Only take out findings that are gone; add none.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Worker processes; by default one a core.")
@click.option("--no-cache", "cache", is_flag=True, flag_value=False, default=True, help="Keep nothing.")
@click.option("--cache-dir", type=click.Path(), help="Where to keep what was worked out.")
@click.option("--config", type=click.Path(), help="Use this configuration file instead of the nearest.")
def baseline(
    output: str | None,
    prune: bool,
    jobs: int | None,
    cache: bool,
    cache_dir: str | None,
    config: str | None,
) -> int:
    """Write the findings of the whole project, of any confidence and severity, to a file that later runs of
    `backlint check` leave out of their reports.

    Exit status: 0 done, 2 wrong usage or configuration, 3 part of the analysis failed.
    """
    from backlint.baseline import FILE_NAME

    settings = _settings(config)
    path = absolute(output) if output else settings.root / FILE_NAME
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{path}: no file can be written there")
    refuse_links_out(path, settings.root)
    folder = absolute(cache_dir) if cache_dir else settings.root / CACHE_FOLDER
    entries = _read(path) if prune else []
    report = _check(settings, folder if cache else None, jobs)
    failures = [notice for notice in report.notices if notice.failure]
    for notice in failures:
        write_error(f"backlint: {notice.path or notice.kind}: {notice.message}")
    if prune:
        _prune(path, entries, report, settings, failures)
    else:
        _write(path, report, settings)
    return FAILURE if failures else 0


def _settings(config: str | None) -> Settings:
    """The project's settings, with everything shown: what a later run shows is up to that run."""
    from backlint.registry import load_rules

    overrides = Overrides(
        config=None if config is None else absolute(config),
        profile=Profile.AUDIT,
        min_severity=Severity.NOTE,
    )
    settings = load_settings(absolute("."), overrides)
    registry = load_rules()
    if not registry.rules:
        raise UsageError("no rules are installed")
    check_rule_names(settings, registry.rules, registry.families)
    return settings


def _read(path: Path) -> list[Entry]:
    from backlint.baseline import read_baseline

    if not path.is_file():
        raise UsageError(f"{path}: there is no baseline to prune")
    return read_baseline(path)


def _check(settings: Settings, cache_dir: Path | None, jobs: int | None) -> Report:
    from backlint import run
    from backlint.cli.progress import ProgressBar

    with ProgressBar() as progress:
        request = run.CheckRequest(
            paths=(settings.root,),
            settings=settings,
            jobs=jobs,
            cache_dir=cache_dir,
            use_cache=cache_dir is not None,
            progress=progress if is_terminal(sys.stderr) else None,
        )
        return run.check(request)


def _write(path: Path, report: Report, settings: Settings) -> None:
    from backlint.baseline import entries_of, write_baseline
    from backlint.run import source_reader

    write_baseline(path, entries_of(report.findings, source_reader(settings.root, {})))
    write(f"{plural(len(report.findings), 'finding')} written to {escape(str(path))}\n")


def _prune(
    path: Path, entries: list[Entry], report: Report, settings: Settings, failures: list[Notice]
) -> None:
    """Take out what is gone, save for what could not be looked at."""
    from backlint.baseline import split, write_baseline
    from backlint.run import source_reader

    if any(not notice.path for notice in failures):
        write_error("backlint: nothing is pruned, for part of the analysis is missing")
        return
    unread = {notice.path for notice in failures}
    stale = split(report.findings, entries, source_reader(settings.root, {})).stale
    gone = {entry for entry in stale if entry.path not in unread}
    for entry in sorted(gone):
        write(f"{escape(plain_path(entry.path))}: {escape(entry.rule)}: {escape(entry.message)}\n")
    if gone:
        write_baseline(path, [entry for entry in entries if entry not in gone])
    write(f"{plural(len(gone), 'finding')} pruned from {escape(str(path))}\n")
