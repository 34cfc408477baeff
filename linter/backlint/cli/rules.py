"""`backlint rules` and `backlint explain`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from backlint.cli.options import color_option, names
from backlint.cli.terminal import is_terminal, terminal_width, wants_color, write, write_error
from backlint.config.values import nearest
from backlint.errors import UsageError
from backlint.finding import Severity

if TYPE_CHECKING:
    from backlint.registry import Registry, RuleInfo

FAILURE = 3
JSON_VERSION = 1
_HEADINGS = ("rule", "family", "severity", "summary")


@click.command(short_help="List the rules.")
@click.option("--family", "families", multiple=True, metavar="NAMES", help="Only rules of these families.")
@click.option("--severity", "severities", multiple=True, metavar="NAMES", help="Only of these severities.")
@click.option("--format", "output_format", type=click.Choice(["text", "json"]), default="text")
def rules(families: tuple[str, ...], severities: tuple[str, ...], output_format: str) -> int:
    """List the installed rules with family, severity and a line on each."""
    registry = _load()
    chosen = select_rules(registry, names(families, "--family"), names(severities, "--severity"))
    if output_format == "json":
        write(rules_json(chosen), utf8=True)
    else:
        write(rules_table(chosen, terminal_width(sys.stdout)))
    return FAILURE if registry.notices else 0


@click.command(short_help="Show the documentation of a rule.")
@click.argument("rule")
@color_option
def explain(rule: str, color: str) -> int:
    """Show what RULE checks for, why it hurts, and what to do instead."""
    registry = _load()
    info = registry.rules.get(rule.strip())
    if info is None:
        raise UsageError(f'there is no rule "{rule}"{nearest(rule, registry.rules)}')
    from backlint.documentation import rule_page

    page = rule_page(info)
    if wants_color(color, is_terminal(sys.stdout), os.environ):
        _write_markdown(page)
    else:
        write(page)
    return 0


def select_rules(
    registry: Registry, families: tuple[str, ...] | None, severities: tuple[str, ...] | None
) -> list[RuleInfo]:
    """The rules of these families and severities; None stands for all.

    Raises:
        UsageError: there is no such family or severity.
    """
    for what, given, known in (
        ("family", families, registry.families),
        ("severity", severities, [severity.value for severity in Severity]),
    ):
        for name in given or ():
            if name not in known:
                raise UsageError(f'there is no {what} "{name}"{nearest(name, known)}')
    return [
        info
        for info in registry.rules.values()
        if (families is None or info.family in families)
        and (severities is None or info.severity.value in severities)
    ]


def rules_table(rules: list[RuleInfo], width: int) -> str:
    """Aligned columns; the last is cut to the width where that is not 0."""
    rows = [_HEADINGS, *((info.id, info.family, info.severity.value, info.summary) for info in rules)]
    sizes = [max(len(row[column]) for row in rows) for column in range(3)]
    lines: list[str] = []
    for row in rows:
        line = "  ".join(
            [*(text.ljust(size) for text, size in zip(row, sizes, strict=False)), row[3]]
        ).rstrip()
        lines.append(line if not width or len(line) <= width else line[: width - 3].rstrip() + "...")
    return "\n".join(lines) + "\n"


def rules_json(rules: list[RuleInfo]) -> str:
    """The rules as JSON; docs/json-format.md describes it."""
    import json

    data = {
        "version": JSON_VERSION,
        "rules": [
            {
                "id": info.id,
                "family": info.family,
                "severity": info.severity.value,
                "summary": info.summary,
                "needs": list(info.needs),
                "same_as": list(info.same_as),
                "tags": list(info.tags),
                "security_severity": info.security_severity,
                "kinds": sorted(kind.value for kind in info.kinds),
                "since": info.since,
                "pack": info.pack,
            }
            for info in rules
        ],
    }
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _load() -> Registry:
    from backlint.registry import load_rules

    registry = load_rules()
    for notice in registry.notices:
        write_error(f"backlint: {notice.message}")
    if not registry.rules and not registry.notices:
        raise UsageError("no rules are installed")
    return registry


def _write_markdown(page: str) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(force_terminal=True)
    with console.capture() as capture:
        console.print(Markdown(page))
    write(capture.get())
