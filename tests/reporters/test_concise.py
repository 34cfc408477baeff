"""The concise report: one line a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.reporters import FORMATS, PLAIN_TEXT, load_renderer
from backlint.reporters.concise import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.report import Report
    from backlint.reporters.context import ReporterContext

    MakeContext = Callable[..., ReporterContext]


def test_lines(odd: Report, context: MakeContext) -> None:
    assert render(odd, context()).split("\n") == [
        "app/views.py:3:13: error[query-in-loop] `order.items` sends one query for every `order`",
        "app/views.py:4:9: warning[missing-timeout] waits for ever \\x1b[2J\\nand\\u202e ever",
        "app/na\\x1bme\\udcff.py:7:3: note[secret-in-log] \\ud800 <b>& \"quoted\" '世界'",
        "app/broken.py:4: failure[syntax] invalid syntax \\x1b",
        "app/views.py:9: notice[suppression] unused",
        "failure[plugin] rule pack x: can't be imported",
        "",
    ]


def test_nothing_found(clean: Report, context: MakeContext) -> None:
    assert render(clean, context()) == ""


def test_additions(odd: Report, context: MakeContext) -> None:
    text = render(odd, context(quiet=True, verbose=True, statistics=True, color=True))
    assert "notice[" not in text
    assert "not evaluated: offset-pagination: the project imports no ORM\n" in text
    assert "1  query-in-loop    error\n" in text
    assert "\x1b[31m\x1b[1merror[query-in-loop]\x1b[0m" in text


def test_every_format_has_a_renderer(clean: Report, context: MakeContext) -> None:
    for name in FORMATS:
        assert load_renderer(name)(clean, context()) is not None
    assert set(FORMATS) >= PLAIN_TEXT
