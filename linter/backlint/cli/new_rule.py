"""`backlint new-rule`."""

from __future__ import annotations

import os

import click

from backlint.cli.paths import absolute
from backlint.cli.terminal import write
from backlint.errors import UsageError


@click.command("new-rule", short_help="Write the two files of a new rule.")
@click.argument("name", metavar="FAMILY/NAME")
def new_rule(name: str) -> int:
    """Write a rule and its fixture into the rule pack that the current folder lies in.

    Both work at once; replace what they look for by what you look for.
    """
    from backlint.registry import load_rules
    from backlint.scaffold import find_pack
    from backlint.scaffold import new_rule as write_rule

    family, slash, rule = name.strip().partition("/")
    if not slash:
        raise UsageError(f'"{name}" has no family; write FAMILY/NAME, such as data/query-in-loop')
    existing = load_rules().rules.get(rule)
    if existing is not None:
        raise UsageError(f"there is a rule {rule} already, in {existing.cls.__module__}")
    here = absolute(".")
    for path in write_rule(find_pack(here), family, rule):
        write(f"wrote {os.path.relpath(path, here)}\n")
    write(f"run it: pytest --backlint-fixtures fixtures -k {rule}\n")
    return 0
