"""Reports with odd content, for the tests of every format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backlint.finding import (
    Confidence,
    Edit,
    Evidence,
    Finding,
    Fix,
    NotEvaluated,
    Notice,
    Severity,
    Span,
)
from backlint.report import Report, Statistics
from backlint.reporters.context import ReporterContext
from backlint.reporters.sources import SourceReader

if TYPE_CHECKING:
    from collections.abc import Callable

_ROOT = Path("/project")
_SOURCE = (
    "def show(session):\n"
    "    for order in session.scalars(query):\n"
    "        é = order.items  # \u202e\x1b[31m 世界\n"
    "        call(\n"
    "            é,\n"
    "        )\n"
)

_QUERY = Finding(
    rule="query-in-loop",
    family="database",
    path="app/views.py",
    span=Span(3, 13, 3, 24),
    message="`order.items` sends one query for every `order`",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    symbol="show",
    advice="add `.options(selectinload(Order.items))` to the query at line 2",
    evidence=(
        Evidence("app/views.py", Span(2, 4, 6, 9), "the loop over orders"),
        Evidence("app/models/order.py", Span(31, 4, 31, 20), "Order.items is loaded when it is read"),
    ),
    fingerprint="0123abcd",
)
_CALL = Finding(
    rule="missing-timeout",
    family="network",
    path="app/views.py",
    span=Span(4, 8, 6, 9),
    message="waits for ever \x1b[2J\nand\u202e ever",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    fix=Fix(
        "pass timeout=10", (Edit(Span(5, 14, 5, 14), "\n            timeout=10,"),), ("asyncio",), safe=True
    ),
)
_GONE = Finding(
    rule="secret-in-log",
    family="security",
    path="app/na\x1bme\udcff.py",
    span=Span(7, 2, 7, 9),
    message="\ud800 <b>& \"quoted\" '世界'",
    severity=Severity.NOTE,
    confidence=Confidence.LOW,
)

_ODD = Report(
    findings=(_QUERY, _CALL, _GONE),
    notices=(
        Notice("syntax", "invalid syntax \x1b", path="app/broken.py", line=4),
        Notice("suppression", "unused", path="app/views.py", line=9, failure=False),
        Notice("plugin", "rule pack x: can't be imported"),
    ),
    not_evaluated=(NotEvaluated("offset-pagination", "the project imports no ORM"),),
    statistics=Statistics(files=48, lines=12345, summarised=7, suppressed=2, baselined=1, hidden=3),
    rules=("missing-timeout", "query-in-loop", "secret-in-log"),
)
_CLEAN = Report(statistics=Statistics(files=1, lines=10), rules=("query-in-loop",))


@pytest.fixture(scope="session")
def odd() -> Report:
    """A query with evidence, a call of several lines with a fix, and a finding in a file that is gone."""
    return _ODD


@pytest.fixture(scope="session")
def clean() -> Report:
    """A report without findings."""
    return _CLEAN


@pytest.fixture(scope="session")
def context() -> Callable[..., ReporterContext]:
    """Makes contexts of the project /project, which holds `app/views.py` alone; takes any field."""

    def make(**changes: Any) -> ReporterContext:
        values: dict[str, Any] = {
            "root": _ROOT,
            "working_directory": _ROOT,
            "sources": SourceReader(_ROOT, {"app/views.py": _SOURCE.encode()}),
            "version": "9.8.7",
        }
        return ReporterContext(**(values | changes))

    return make
