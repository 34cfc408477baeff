"""The page about a rule: one text for `backlint explain`, SARIF help and the documentation site.

What only the rule's author can say is in the docstring of its class. What follows from the rule's
declaration (which files it looks at, how to set its severity) is written here, so that it can't go stale.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from backlint.finding import Severity
from backlint.summary import FileKind

if TYPE_CHECKING:
    from backlint.registry import RuleInfo

WHY = "Why is this bad?"
REMEDY = "What to do instead"
CONFIDENCE = "Confidence"
LEFT_ALONE = "What it leaves alone"
TUNING = "How to tune it"
REFERENCES = "References"
SECTIONS = (WHY, REMEDY, CONFIDENCE, LEFT_ALONE, TUNING, REFERENCES)
"""In the order in which a page has them."""
REQUIRED = (WHY, REMEDY, REFERENCES)
"""What a docstring must say itself."""

_KINDS = {
    FileKind.SOURCE: "service code",
    FileKind.SETTINGS: "settings",
    FileKind.MIGRATION: "migrations",
    FileKind.SCRIPT: "scripts and management commands",
    FileKind.TEST: "tests",
    FileKind.EXAMPLE: "examples",
}
_OTHER_SEVERITY = {
    Severity.ERROR: Severity.WARNING,
    Severity.WARNING: Severity.ERROR,
    Severity.NOTE: Severity.WARNING,
}
_PROFILES = (
    "Each finding says how sure it is. The profile `gate` shows those of high confidence, `review` (the default) "
    "those of medium confidence too, `audit` all."
)
_HEADING = re.compile(r"^## +(.+?)\s*$", re.MULTILINE)


class Section(NamedTuple):
    """A part of the page, in Markdown without its heading."""

    title: str
    text: str


def sections(info: RuleInfo) -> tuple[Section, ...]:
    """The parts of a rule's page below the introduction; those that the docstring lacks are derived or left out."""
    written = _written(info)
    derived = {CONFIDENCE: _PROFILES, LEFT_ALONE: _left_alone(info), TUNING: _tuning(info)}
    if offers_fixes(info):
        derived[REMEDY] = (
            f"`backlint check --select {info.id} --show-fixes` shows the edits where one is sure to be right; "
            "`--fix` applies the safe ones."
        )
    titles = [*(title for title in written if title not in SECTIONS), *SECTIONS]
    found: list[Section] = []
    for title in titles:
        parts = [text for text in (written.get(title, ""), derived.get(title, "")) if text]
        if parts:
            found.append(Section(title, "\n\n".join(parts)))
    return tuple(found)


def introduction(info: RuleInfo) -> str:
    """What stands before the first section: what the rule checks for."""
    return _HEADING.split(info.documentation, maxsplit=1)[0].strip() or info.id


def rule_help(info: RuleInfo) -> str:
    """The page without its title, in Markdown."""
    parts = [introduction(info), *(f"## {title}\n\n{text}" for title, text in sections(info))]
    return "\n\n".join(parts)


def rule_page(info: RuleInfo) -> str:
    """The page with its title and the facts of the rule, in Markdown."""
    return f"# {info.id}\n\n{' '.join(_facts(info))}\n\n{rule_help(info)}\n"


def offers_fixes(info: RuleInfo) -> bool:
    """Whether the rule can give edits; not every finding need have one."""
    return info.has_fix


def _facts(info: RuleInfo) -> list[str]:
    facts = [f"Family {info.family}, severity {info.severity}, since {info.since}."]
    if info.needs:
        facts.append(f"Evaluated in projects that import {_listed(info.needs, 'or')}.")
    if info.same_as:
        facts.append(f"The plain case is also reported by {', '.join(info.same_as)}.")
    if info.tags:
        facts.append(f"See {', '.join(info.tags)}.")
    return facts


def _written(info: RuleInfo) -> dict[str, str]:
    """The docstring's sections by title."""
    parts = _HEADING.split(info.documentation)[1:]
    return {title: text.strip() for title, text in zip(parts[::2], parts[1::2], strict=True)}


def _left_alone(info: RuleInfo) -> str:
    judged = [words for kind, words in _KINDS.items() if kind in info.kinds]
    passed = [words for kind, words in _KINDS.items() if kind not in info.kinds]
    text = f"It looks at {_listed(judged, 'and')}"
    if passed:
        text += f", not at {_listed(passed, 'or')}"
    text += ". Where something can't be followed, it stays silent."
    if info.same_as:
        text += (
            f" Places that {_listed(_by_tool(info.same_as), 'or')} reports too are left to it where the project has "
            "that rule switched on."
        )
    if info.needs:
        text += (
            f" Where a project imports no {_listed(info.needs, 'or')}, it has nothing to look at, "
            "and `--verbose` says so."
        )
    return text


def _by_tool(names: tuple[str, ...]) -> list[str]:
    """`ruff:S113` and its like as a sentence has them: the tool, then its rules."""
    rules: dict[str, list[str]] = {}
    for name in names:
        tool, _, rule = name.partition(":")
        rules.setdefault(tool, []).append(rule)
    return [f"{tool} ({', '.join(found)})" for tool, found in rules.items()]


def _tuning(info: RuleInfo) -> str:
    return f"""\
In `pyproject.toml`, for all of the project or some of its paths:

```toml
[tool.backlint.severity]
{info.id} = "{_OTHER_SEVERITY[info.severity]}"

[tool.backlint.per-path-ignores]
"tools/**" = ["{info.id}"]
```

At one place, with the reason, which is required:

```py
# backlint: ignore[{info.id}] the reason
```"""


def _listed(names: tuple[str, ...] | list[str], word: str) -> str:
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last
