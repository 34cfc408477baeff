"""Reports in the formats people and machines read.

A reporter is a module with a pure function `render(report, context) -> str`; its name here is what
`--format` takes. Modules are imported when asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

    Renderer = Callable[[Report, ReporterContext], str]

FORMATS: dict[str, str] = {
    "text": "backlint.reporters.text",
    "concise": "backlint.reporters.concise",
    "json": "backlint.reporters.json_v1",
    "sarif": "backlint.reporters.sarif",
    "github": "backlint.reporters.github",
    "gitlab": "backlint.reporters.gitlab",
    "junit": "backlint.reporters.junit",
    "markdown": "backlint.reporters.markdown",
    "agent": "backlint.reporters.agent",
}
"""Format name to the module whose `render` writes it."""
PLAIN_TEXT = frozenset({"text", "concise"})
"""Formats for people, which follow the terminal's encoding; all others are UTF-8."""


def load_renderer(name: str) -> Renderer:
    """The renderer of a format.

    Raises:
        KeyError: there is no such format.
    """
    renderer: Renderer = import_module(FORMATS[name]).render
    return renderer
