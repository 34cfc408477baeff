"""The text report, whole and in parts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backlint.report import Report
from backlint.reporters.escape import is_unsafe
from backlint.reporters.text import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.reporters.context import ReporterContext

    MakeContext = Callable[..., ReporterContext]


def only(report: Report, count: int = 1) -> Report:
    return msgspec.structs.replace(report, findings=report.findings[:count], notices=(), not_evaluated=())


def test_a_finding_with_everything(odd: Report, context: MakeContext) -> None:
    assert render(only(odd), context()) == (
        "app/views.py:3:13 error query-in-loop (high)\n"
        "3 |         é = order.items  # \\u202e\\x1b[31m 世界\n"
        "  |             ^^^^^^^^^^^\n"
        "  `order.items` sends one query for every `order`\n"
        "  because\n"
        "    app/views.py:2          the loop over orders\n"
        "    app/models/order.py:31  Order.items is loaded when it is read\n"
        "  help: add `.options(selectinload(Order.items))` to the query at line 2\n"
        "\n"
        "1 error in 48 files; 2 suppressed, 1 in the baseline, 3 not shown\n"
    )


def test_several_lines_and_a_fix(odd: Report, context: MakeContext) -> None:
    report = Report(findings=(odd.findings[1],))
    assert render(report, context()) == (
        "app/views.py:4:9 warning missing-timeout (medium)\n"
        "4 |         call(\n"
        "  |         ^^^^^\n"
        "5 |             é,\n"
        "  |             ^^\n"
        "6 |         )\n"
        "  |         ^\n"
        "  waits for ever \\x1b[2J\\nand\\u202e ever\n"
        "  fix: pass timeout=10\n"
        "\n"
        "1 warning in 0 files\n"
    )


def test_a_file_that_is_gone_has_no_frame(odd: Report, context: MakeContext) -> None:
    text = render(Report(findings=(odd.findings[2],)), context())
    assert text.startswith("app/na\\x1bme\\udcff.py:7:3 note secret-in-log (low)\n  \\ud800 <b>")


def test_nothing_found(clean: Report, context: MakeContext) -> None:
    assert render(clean, context()) == "nothing found in 1 file\n"
    assert render(clean, context(quiet=True)) == ""


def test_notices_always_show_failures(odd: Report, context: MakeContext) -> None:
    text = render(odd, context(quiet=True))
    assert "app/broken.py:4: failure[syntax] invalid syntax \\x1b\n" in text
    assert "failure[plugin] rule pack x" in text
    assert "unused" not in text
    assert "suppressed" not in text
    assert "app/views.py:9: notice[suppression] unused" in render(odd, context())
    assert text.endswith("can't be imported\n")


def test_summary_counts_failures(odd: Report, context: MakeContext) -> None:
    last = render(odd, context()).splitlines()[-1]
    assert last == (
        "1 error, 1 warning, 1 note in 48 files; 2 suppressed, 1 in the baseline, 3 not shown, 2 failures"
    )


def test_statistics_and_what_was_not_evaluated(odd: Report, context: MakeContext) -> None:
    report = msgspec.structs.replace(odd, findings=(odd.findings[0], odd.findings[1], odd.findings[1]))
    plain = render(report, context())
    full = render(report, context(statistics=True, verbose=True))
    assert "offset-pagination" not in plain
    assert "not evaluated\n  offset-pagination: the project imports no ORM\n" in full
    assert (
        "2  missing-timeout  warning\n1  query-in-loop    error\n48 files, 12,345 lines, 3 rules run\n"
        in full
    )


def test_colours_change_nothing_but_colours(odd: Report, context: MakeContext) -> None:
    plain = render(odd, context())
    colored = render(odd, context(color=True))
    assert "\x1b[31m" in colored
    assert re.sub(r"\x1b\[\d+m", "", colored) == plain


def test_no_unsafe_character_reaches_the_terminal(odd: Report, context: MakeContext) -> None:
    text = render(odd, context(verbose=True, statistics=True))
    assert not any(is_unsafe(character) for line in text.split("\n") for character in line)


def test_prose_is_wrapped_to_the_width(odd: Report, context: MakeContext) -> None:
    finding = msgspec.structs.replace(odd.findings[0], message="word " * 60, advice="help " * 60)
    text = render(Report(findings=(finding,)), context(width=72))
    assert all(len(line) <= 72 for line in text.splitlines() if "Order.items is loaded" not in line)
    assert "\n        help help" in text
    narrow = render(Report(findings=(finding,)), context(width=10))
    assert "word word word" in narrow


def test_paths_are_as_seen_from_the_working_directory(odd: Report, context: MakeContext) -> None:
    report = only(odd)
    assert "\nviews.py:3:13 " in "\n" + render(report, context(working_directory=Path("/project/app")))
    assert "    models/order.py:31 " in render(report, context(working_directory=Path("/project/app")))
    assert "../app/views.py:3:13 " in render(report, context(working_directory=Path("/project/tests")))
    assert "project/app/views.py:3:13 " in render(report, context(working_directory=Path("/")))
    assert "/project/app/views.py:3:13 " in render(report, context(working_directory=Path("/elsewhere")))
