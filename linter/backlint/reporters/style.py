"""Colours, where they are wanted: six codes every terminal knows."""

from __future__ import annotations

from backlint.finding import Severity

RED = "\x1b[31m"
YELLOW = "\x1b[33m"
BLUE = "\x1b[34m"
BOLD = "\x1b[1m"
DIM = "\x1b[2m"
RESET = "\x1b[0m"

SEVERITY_STYLES = {Severity.ERROR: RED + BOLD, Severity.WARNING: YELLOW + BOLD, Severity.NOTE: BLUE + BOLD}


def paint(text: str, style: str, color: bool) -> str:
    """`text` in a style, or as it is where colours are not wanted."""
    return f"{style}{text}{RESET}" if color and text else text
