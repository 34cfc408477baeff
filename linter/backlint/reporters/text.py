"""The report for a person at a terminal: code, reason, evidence, advice."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from backlint.reporters.escape import escape
from backlint.reporters.frame import MOST_LINES, frame_lines
from backlint.reporters.sources import character_column
from backlint.reporters.style import BLUE, BOLD, DIM, RED, SEVERITY_STYLES, YELLOW, paint
from backlint.reporters.summary import not_evaluated_lines, notice_line, statistics_lines, summary_line

if TYPE_CHECKING:
    from backlint.finding import Evidence, Finding
    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

_INDENT = "  "
_NARROWEST = 30


def render(report: Report, context: ReporterContext) -> str:
    """Every finding as a block, then notices, what was not evaluated, counts and one summary line."""
    blocks = [_finding(finding, context) for finding in report.findings]
    notices = [notice for notice in report.notices if notice.failure or not context.quiet]
    if notices:
        blocks.append(
            "\n".join(
                paint(notice_line(notice, context), RED if notice.failure else YELLOW, context.color)
                for notice in notices
            )
        )
    if context.verbose and report.not_evaluated:
        lines = [_INDENT + line for line in not_evaluated_lines(report)]
        blocks.append("\n".join([paint("not evaluated", BOLD, context.color), *lines]))
    if context.statistics:
        blocks.append("\n".join(statistics_lines(report)))
    if not context.quiet:
        blocks.append(paint(summary_line(report), BOLD, context.color))
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _finding(finding: Finding, context: ReporterContext) -> str:
    lines = [_header(finding, context), *_frame(finding, context)]
    lines += _wrapped(finding.message, "", "", context)
    if finding.evidence:
        lines.append(_INDENT + paint("because", DIM, context.color))
        places = [_place(step, context) for step in finding.evidence]
        aligned = max(len(place) for place in places)
        for step, place in zip(finding.evidence, places, strict=True):
            lines += _wrapped(step.message, f"{_INDENT}{place:<{aligned}}  ", "", context)
    if finding.advice:
        lines += _wrapped(finding.advice, "help: ", BLUE, context)
    if finding.fix is not None:
        safe = "" if finding.fix.safe else " (may change behaviour)"
        lines += _wrapped(finding.fix.message + safe, "fix: ", BLUE, context)
    return "\n".join(lines)


def _header(finding: Finding, context: ReporterContext) -> str:
    line = context.sources.line(finding.path, finding.span.line)
    column = character_column(line, finding.span.column)
    place = f"{escape(context.shown_path(finding.path))}:{finding.span.line}:{column}"
    severity = paint(finding.severity, SEVERITY_STYLES[finding.severity], context.color)
    rule = paint(escape(finding.rule), BOLD, context.color)
    return f"{paint(place, BOLD, context.color)} {severity} {rule} ({finding.confidence})"


def _frame(finding: Finding, context: ReporterContext) -> list[str]:
    span = finding.span
    digits = len(str(span.line + MOST_LINES))
    room = max(context.width, _NARROWEST) - digits - 3 if context.width else 0
    shown = frame_lines(context.sources, finding.path, span, room)
    bar = paint("|", BLUE, context.color)
    style = SEVERITY_STYLES[finding.severity]
    lines: list[str] = []
    for line in shown:
        lines.append(f"{paint(f'{line.number:>{digits}}', BLUE, context.color)} {bar} {line.text}".rstrip())
        if line.end > line.start:
            mark = paint("^" * (line.end - line.start), style, context.color)
            lines.append(f"{' ' * digits} {bar} {' ' * line.start}{mark}")
    if shown and span.end_line > shown[-1].number and span.end_column > 0:
        lines.append(f"{' ' * digits} {bar} ...")
    return lines


def _place(step: Evidence, context: ReporterContext) -> str:
    return f"{escape(context.shown_path(step.path))}:{step.span.line}"


def _wrapped(text: str, label: str, style: str, context: ReporterContext) -> list[str]:
    """A paragraph, indented; its lines after the first stand under the text, not under the label."""
    first = _INDENT + (paint(label.rstrip(), style, context.color) + " " if style else label)
    words = escape(text)
    if not label and words.lstrip().startswith("::"):
        # Build servers would take the line for a command.
        words = words.replace(":", "\\x3a", 1)
    room = context.width - len(_INDENT) - len(label)
    if room < _NARROWEST:
        return [f"{first}{words}".rstrip()]
    parts = textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False) or [""]
    rest = _INDENT + " " * len(label)
    return [f"{first}{parts[0]}".rstrip(), *(rest + part for part in parts[1:])]
