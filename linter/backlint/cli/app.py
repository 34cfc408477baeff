"""The commands together, and what becomes of errors."""

from __future__ import annotations

import os
import traceback
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from backlint.cli import INTERRUPTED
from backlint.cli.baseline import baseline
from backlint.cli.check import check
from backlint.cli.inspect import inspect
from backlint.cli.new_rule import new_rule
from backlint.cli.paths import CACHE_FOLDER, absolute
from backlint.cli.rules import explain, rules
from backlint.cli.terminal import write, write_error
from backlint.config.load import Overrides, load_settings
from backlint.errors import UsageError
from backlint.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

USAGE, FAILURE = 2, 3
PROGRAM = "backlint"
_COMPLETION_VARIABLE = "_BACKLINT_COMPLETE"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, "-V", "--version", message="backlint %(version)s")
def commands() -> None:
    """A review linter for Python backends."""


@click.command(short_help="Remove the project's cache.")
@click.option("--cache-dir", type=click.Path(), help="The cache, where it is not in the project.")
def clean(cache_dir: str | None) -> int:
    """Remove what earlier runs have kept for this project."""
    from backlint.cache.store import clean as clean_cache

    folder = absolute(cache_dir) if cache_dir else _default_cache()
    removed = clean_cache(folder)
    write(f"removed {removed:,} bytes from {folder}\n" if removed else f"nothing to remove in {folder}\n")
    return 0


@click.command(short_help="Print a script for shell completion.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the script that teaches SHELL to complete the command line.

    For bash: backlint completion bash > ~/.local/share/bash-completion/completions/backlint
    """
    completer = get_completion_class(shell)
    if completer is None:
        raise UsageError(f"there is no completion for {shell}")
    write(completer(commands, {}, PROGRAM, _COMPLETION_VARIABLE).source())
    return 0


for _command in (check, baseline, inspect, rules, explain, new_rule, clean, completion):
    commands.add_command(_command)


def run(arguments: Sequence[str]) -> int:
    """Run a command and give the exit status; every error is one line on standard error.

    `BACKLINT_DEBUG=1` adds the traceback of an internal error.
    """
    words = list(arguments) or ["--help"]
    try:
        status = commands.main(
            words, prog_name=PROGRAM, complete_var=_COMPLETION_VARIABLE, standalone_mode=False
        )
    except click.Abort:
        write_error(f"{PROGRAM}: interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        write_error(f"{PROGRAM}: {error.format_message()}")
        return USAGE
    except UsageError as error:
        write_error(f"{PROGRAM}: {error}")
        return USAGE
    except Exception as error:
        if os.environ.get("BACKLINT_DEBUG"):
            traceback.print_exc()
        write_error(f"{PROGRAM}: internal error: {type(error).__name__}: {error}")
        return FAILURE
    return status if isinstance(status, int) else 0


def _default_cache() -> Path:
    return load_settings(absolute("."), Overrides()).root / CACHE_FOLDER
