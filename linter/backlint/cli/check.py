"""`backlint check`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from backlint.cli.baseline import baseline_options, chosen_baseline
from backlint.cli.changes import check_diff_options, diff_options, find_change
from backlint.cli.fixing import check_fixable, fix_and_check_again, fix_diff, fix_options
from backlint.cli.options import color_option, names, report_options
from backlint.cli.outputs import append_job_summary, check_links, plan_outputs, write_file
from backlint.cli.paths import (
    CACHE_FOLDER,
    STANDARD_INPUT,
    STANDARD_INPUT_NAME,
    absolute,
    existing_paths,
    relative_name,
    repository_prefix,
    start_folder,
)
from backlint.cli.terminal import is_terminal, terminal_width, wants_color, write, write_error
from backlint.config.load import Overrides, check_rule_names, load_settings
from backlint.config.settings import Profile, Settings
from backlint.errors import UsageError
from backlint.finding import Severity
from backlint.reporters import FORMATS, PLAIN_TEXT, load_renderer

if TYPE_CHECKING:
    from backlint.cache.rules import RuleMemory
    from backlint.cli.outputs import Output
    from backlint.diff.changes import ChangeSet
    from backlint.registry import Registry
    from backlint.report import Report

FINDINGS, FAILURE = 1, 3


class CheckOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The command line of one check, as click reads it."""

    paths: tuple[str, ...]
    diff: str | None
    """None for a full run, empty for the default base, `-` for a diff on standard input."""
    staged: bool
    formats: tuple[str, ...]
    outputs: tuple[str, ...]
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    profile: str | None
    min_severity: str | None
    fail_on: str | None
    exit_zero: bool
    statistics: bool
    verbose: bool
    quiet: bool
    timings: bool
    jobs: int | None
    stdin_filename: str | None
    cache: bool
    cache_dir: str | None
    config: str | None
    show_config: bool
    category: str
    show_suppressed: bool
    baseline: str | None
    use_baseline: bool
    fix: bool
    unsafe_fixes: bool
    show_fixes: bool
    color: str


_SEVERITIES = click.Choice([severity.value for severity in reversed(Severity)])
_PROFILES = click.Choice([profile.value for profile in Profile])


@click.command(short_help="Review a project, or some of its files.")
@click.argument("paths", nargs=-1, type=click.Path(allow_dash=True))
@diff_options
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(list(FORMATS)),
    help="Report format, text by default; can be repeated.",
)
@click.option(
    "--output",
    "outputs",
    multiple=True,
    metavar="[FORMAT=]PATH",
    help="Write the report to a file; can be repeated with a format each.",
)
@click.option("--select", multiple=True, metavar="NAMES", help="Run only these rules and families.")
@click.option("--ignore", multiple=True, metavar="NAMES", help="Leave out these rules and families.")
@click.option("--profile", type=_PROFILES, help="How sure a finding must be to be shown.")
@click.option("--min-severity", type=_SEVERITIES, help="Show findings of at least this severity.")
@click.option("--fail-on", type=_SEVERITIES, help="Exit with 1 for findings of at least this severity.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when there are findings.")
@click.option("--statistics", is_flag=True, help="Add counts by rule.")
@click.option("--verbose", "-v", is_flag=True, help="Add what was not evaluated, and why.")
@click.option("--quiet", "-q", is_flag=True, help="Only findings and failures.")
@click.option("--timings", is_flag=True, help="Say on standard error how long each stage took.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), help="Worker processes; by default one a core.")
@click.option(
    "--stdin-filename",
    type=click.Path(),
    help="Path of the source that is read from standard input when PATH is -.",
)
@click.option("--no-cache", "cache", is_flag=True, flag_value=False, default=True, help="Keep nothing.")
@click.option("--cache-dir", type=click.Path(), help="Where to keep what was worked out.")
@click.option("--config", type=click.Path(), help="Use this configuration file instead of the nearest.")
@click.option("--show-config", is_flag=True, help="Print the settings in force and where each comes from.")
@baseline_options
@fix_options
@report_options
@color_option
def check(**options: object) -> int:
    """Review the project, or some of its files and folders.

    PATHS are the files and folders to report on, by default the whole project that the current
    folder lies in; - reads one file from standard input.

    Exit status: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage or configuration, 3 part
    of the analysis failed (the rest is still reported).
    """
    return run_check(msgspec.convert(options, CheckOptions))


def run_check(options: CheckOptions) -> int:
    """Check, report, and give the exit status.

    Raises:
        UsageError: the options, the paths or the configuration ask for something impossible.
    """
    from backlint.registry import load_rules

    if options.verbose and options.quiet:
        raise UsageError("--verbose and --quiet exclude each other")
    check_diff_options(options.diff, options.staged, options.paths)
    if (options.fix or options.unsafe_fixes) and not options.show_fixes:
        check_fixable(options.paths, options.diff, options.staged)
    outputs = plan_outputs(options.formats, options.outputs, FORMATS)
    paths, source = _targets(options)
    settings = load_settings(start_folder(paths), _overrides(options))
    check_links(outputs, settings.root)
    memory = _memory(options, settings)
    registry = load_rules(memory)
    if registry.rules or not registry.notices:
        check_rule_names(settings, registry.rules, registry.families)
    if options.show_config:
        from backlint.config.show import show_settings

        write(show_settings(settings))
        return 0
    if not registry.rules and not registry.notices:
        raise UsageError("no rules are installed")
    change = find_change(options.diff, options.staged, settings)
    contents = {} if source is None else {relative_name(paths[0], settings.root): source}
    report = _check(options, settings, paths, contents, change, memory)
    if change is not None:
        contents = {path: data for path, data in change.head.items() if data is not None}
    if options.show_fixes:
        write(fix_diff(report, settings.root, contents, unsafe=options.unsafe_fixes), utf8=True)
        return exit_status(report, settings.fail_on, exit_zero=options.exit_zero)
    if options.fix or options.unsafe_fixes:
        report = fix_and_check_again(
            report,
            settings.root,
            # Fixes move lines, so what has changed has to be asked again.
            lambda: _check(
                options, settings, paths, contents, find_change(options.diff, options.staged, settings)
            ),
            unsafe=options.unsafe_fixes,
            quiet=options.quiet,
        )
    _write_reports(options, outputs, report, settings, registry, contents)
    if options.timings:
        for line in timing_lines(report):
            write_error(line)
    return exit_status(report, settings.fail_on, exit_zero=options.exit_zero)


def exit_status(report: Report, fail_on: Severity, *, exit_zero: bool) -> int:
    """3 when part of the analysis failed, else 1 when a finding counts, else 0."""
    if any(notice.failure for notice in report.notices):
        return FAILURE
    if exit_zero:
        return 0
    return FINDINGS if any(found.severity.rank >= fail_on.rank for found in report.findings) else 0


def timing_lines(report: Report) -> list[str]:
    """One line a stage, in seconds."""
    timings = report.statistics.timings
    aligned = max((len(stage) for stage in timings), default=0)
    lines = [f"{stage:<{aligned}} {seconds:9.3f} s" for stage, seconds in timings.items()]
    statistics = report.statistics
    return [*lines, f"{statistics.summarised} of {statistics.files} files read anew"]


def _targets(options: CheckOptions) -> tuple[tuple[Path, ...], bytes | None]:
    """The paths to report on, and the source from standard input where it is asked for."""
    if STANDARD_INPUT not in options.paths:
        if options.stdin_filename is not None:
            raise UsageError("--stdin-filename goes with the path -, which reads standard input")
        return existing_paths(options.paths), None
    if len(options.paths) > 1:
        raise UsageError("- can't be combined with other paths")
    return (absolute(options.stdin_filename or STANDARD_INPUT_NAME),), sys.stdin.buffer.read()


def _overrides(options: CheckOptions) -> Overrides:
    return Overrides(
        config=None if options.config is None else absolute(options.config),
        select=names(options.select, "--select"),
        ignore=names(options.ignore, "--ignore"),
        profile=None if options.profile is None else Profile(options.profile),
        min_severity=None if options.min_severity is None else Severity(options.min_severity),
        fail_on=None if options.fail_on is None else Severity(options.fail_on),
    )


def _cache_folder(options: CheckOptions, settings: Settings) -> Path | None:
    if not options.cache:
        return None
    return absolute(options.cache_dir) if options.cache_dir else settings.root / CACHE_FOLDER


def _memory(options: CheckOptions, settings: Settings) -> RuleMemory:
    """Where an earlier run may have kept what is known of the rules."""
    from backlint.cache.rules import RuleMemory
    from backlint.cache.store import open_cache

    return RuleMemory(open_cache(_cache_folder(options, settings)))


def _check(
    options: CheckOptions,
    settings: Settings,
    paths: tuple[Path, ...],
    contents: dict[str, bytes],
    change: ChangeSet | None,
    memory: RuleMemory | None = None,
) -> Report:
    from backlint import run
    from backlint.cli.progress import ProgressBar

    with ProgressBar() as progress:
        request = run.CheckRequest(
            paths=paths or (settings.root,),
            settings=settings,
            jobs=options.jobs,
            cache_dir=_cache_folder(options, settings),
            use_cache=options.cache,
            stdin=next(iter(contents.items()), None),
            progress=None if options.quiet or not is_terminal(sys.stderr) else progress,
            baseline=chosen_baseline(options.baseline, options.use_baseline, settings.root),
            memory=memory,
        )
        if change is None:
            return run.check(request)
        from backlint.diff.review import review_change

        return review_change(request, change)


def _write_reports(
    options: CheckOptions,
    outputs: tuple[Output, ...],
    report: Report,
    settings: Settings,
    registry: Registry,
    contents: dict[str, bytes],
) -> None:
    from backlint.reporters.context import ReporterContext
    from backlint.reporters.sources import SourceReader

    on_screen = ReporterContext(
        root=settings.root,
        working_directory=Path.cwd(),
        sources=SourceReader(settings.root, contents),
        color=wants_color(options.color, is_terminal(sys.stdout), os.environ),
        width=terminal_width(sys.stdout),
        statistics=options.statistics,
        verbose=options.verbose,
        quiet=options.quiet,
        profile=settings.profile,
        fail_on=settings.fail_on,
        rules=registry.rules,
        prefix=repository_prefix(settings.root),
        category=options.category,
        show_suppressed=options.show_suppressed,
    )
    in_file = msgspec.structs.replace(on_screen, color=False, width=0)
    for output in outputs:
        render = load_renderer(output.format)
        if output.path is None:
            write(render(report, on_screen), utf8=output.format not in PLAIN_TEXT)
        else:
            write_file(output.path, render(report, in_file))
    if any(output.format == "github" for output in outputs):
        append_job_summary(report, in_file, os.environ)
