"""`backlint inspect`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from backlint.cli.paths import CACHE_FOLDER, absolute, existing_paths, relative_name, start_folder
from backlint.cli.terminal import write
from backlint.config.load import Overrides, load_settings
from backlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PLACE = re.compile(r"(.+?):([0-9]+)")


@click.command(short_help="Show what is known at a place, or every route.")
@click.argument("place", metavar="[FILE[:LINE]]", required=False)
@click.option("--routes", "routes", is_flag=True, help="List the routes of the project, or below a path.")
@click.option("--no-cache", "cache", is_flag=True, flag_value=False, default=True, help="Keep nothing.")
@click.option("--cache-dir", type=click.Path(), help="Where to keep what was worked out.")
@click.option("--config", type=click.Path(), help="Use this configuration file instead of the nearest.")
def inspect(place: str | None, routes: bool, cache: bool, cache_dir: str | None, config: str | None) -> int:
    """Show what the analysis knows: types, callees, effects, context, queries and routes.

    FILE gives an overview of its functions, FILE:LINE everything known at that line. With --routes, FILE may
    be a file or folder: each route with its handler, guards and parameters.
    """
    if place is None and not routes:
        raise UsageError("name a file, FILE:LINE, or give --routes")
    path, line = _split(place, routes)
    paths = existing_paths([path]) if path else ()
    settings = load_settings(
        start_folder(paths), Overrides(config=None if config is None else absolute(config))
    )
    from backlint import inspection, run

    folder = absolute(cache_dir) if cache_dir else settings.root / CACHE_FOLDER
    with run.collector_off():
        project = run.load_project(
            run.CheckRequest(
                paths=paths or (settings.root,),
                settings=settings,
                cache_dir=folder if cache else None,
                use_cache=cache,
            )
        )
        if routes:
            lines = inspection.list_routes(project, _shown(paths, settings.root))
            lines.append(f"{len(lines)} {'route' if len(lines) == 1 else 'routes'}")
        else:
            name = relative_name(paths[0], settings.root)
            if line is None:
                lines = inspection.inspect_file(project, name)
            else:
                lines = inspection.inspect_line(project, name, line)
            if not lines:
                raise UsageError(f"{path}: not a Python file of the project that could be read")
    write("".join(f"{text}\n" for text in lines))
    return 0


def _split(place: str | None, routes: bool) -> tuple[str, int | None]:
    """The path, and the line where one is named."""
    if place is None:
        return "", None
    found = None if routes else _PLACE.fullmatch(place)
    return (found[1], int(found[2])) if found is not None else (place, None)


def _shown(paths: tuple[Path, ...], root: Path) -> Callable[[str], bool] | None:
    """Tells whether a path of the project lies in what was asked for; None for everything."""
    if not paths or paths[0] == root:
        return None
    return lambda path: (root / path).is_relative_to(paths[0])
