"""Options and values that several commands share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Use colours; auto does on a terminal unless NO_COLOR is set.",
)


def report_options(command: Callable[..., int]) -> Callable[..., int]:
    """Options of the reports for machines."""
    command = click.option(
        "--show-suppressed",
        is_flag=True,
        help="Add findings silenced by a comment, marked as such (sarif, json).",
    )(command)
    return click.option(
        "--category",
        default="",
        metavar="NAME",
        help="Tells uploads of several runs to code scanning apart (sarif).",
    )(command)


def names(values: Sequence[str], option: str) -> tuple[str, ...] | None:
    """The names of a repeatable option that takes lists with commas, or None where it was not given.

    Raises:
        UsageError: it was given without a name.
    """
    if not values:
        return None
    found = tuple(
        dict.fromkeys(name.strip() for value in values for name in value.split(",") if name.strip())
    )
    if not found:
        raise UsageError(f"{option}: a name is missing")
    return found
