"""Formats for GitHub Actions, GitLab, build servers, pull requests and coding agents."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import msgspec
import pytest

from backlint.finding import Edit, Evidence, Fix, Notice, Severity, Span
from backlint.report import Report
from backlint.reporters import agent, github, gitlab, junit, markdown
from backlint.reporters.markup import code, prose
from backlint.reporters.ranking import most_important

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.finding import Finding
    from backlint.reporters.context import ReporterContext

    MakeContext = Callable[..., ReporterContext]

HOSTILE = (
    "`x`\r\n::error::stop\n%0A::set-output name=a::b </failure>]]><!-- @octocat #1 GH-7 "
    "<img src=x> ![a](https://evil.example/x.png) www.evil.example \x1b[2J \u202e \ufffe | ~~x~~ **b** $x$"
)


def hostile(finding: Finding) -> Report:
    made = msgspec.structs.replace(
        finding,
        path="app/a,b:c%.py",
        message=HOSTILE,
        advice=HOSTILE,
        symbol=HOSTILE,
        evidence=(Evidence("app/a,b:c%.py", Span(1, 0, 1, 1), HOSTILE),),
    )
    return Report(findings=(made,), notices=(Notice("syntax", HOSTILE, path="app/x.py", line=2),))


def many(finding: Finding, count: int) -> Report:
    def severity(number: int) -> Severity:
        return Severity.ERROR if number % 10 == 0 else Severity.NOTE

    return Report(
        findings=tuple(
            msgspec.structs.replace(
                finding,
                path=f"app/f{number // 20:03d}.py",
                severity=severity(number),
                message=f"fault {number}",
            )
            for number in range(count)
        )
    )


def test_annotations(odd: Report, context: MakeContext) -> None:
    lines = github.render(odd, context(prefix="shop")).splitlines()
    assert lines[0] == (
        "::error file=shop/app/views.py,line=3,endLine=3,col=13,title=backlint%3A query-in-loop,endColumn=24"
        "::`order.items` sends one query for every `order`"
        "%0Abecause shop/app/views.py:2: the loop over orders"
        "%0Abecause shop/app/models/order.py:31: Order.items is loaded when it is read"
        "%0Ahelp: add `.options(selectinload(Order.items))` to the query at line 2"
    )
    assert lines[1].startswith("::warning file=shop/app/views.py,line=4,endLine=6,col=9,title=")
    assert "endColumn" not in lines[1], "columns hold for one line only"
    assert lines[3] == "::error title=backlint%3A syntax,file=shop/app/broken.py,line=4::invalid syntax \\x1b"
    assert len(lines) == 6
    assert len(github.render(odd, context(quiet=True)).splitlines()) == 5


def test_the_worst_annotations_come_first(odd: Report, context: MakeContext) -> None:
    lines = github.render(many(odd.findings[0], 40), context()).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 4 + ["::notice"] * 36


def test_no_text_ends_a_workflow_command(odd: Report, context: MakeContext) -> None:
    lines = github.render(hostile(odd.findings[0]), context()).split("\n")
    assert len(lines) == 3
    assert all(line.startswith("::error ") for line in lines[:2])
    assert lines[0].startswith("::error file=app/a%2Cb%3Ac%25.py,line=3,")
    assert "%250A" in lines[0]


def test_job_summary(odd: Report, context: MakeContext) -> None:
    summary = github.job_summary(many(odd.findings[0], 9000), context())
    assert 900_000 < len(summary.encode()) <= github.MOST_SUMMARY_BYTES
    assert "left out for want of room" in summary


def test_markdown(odd: Report, context: MakeContext) -> None:
    assert markdown.render(odd, context(prefix="shop")).splitlines()[:9] == [
        (
            "### backlint: 1 error, 1 warning, 1 note in 48 files; 2 suppressed, 1 in the baseline, "
            "3 not shown, 2 failures"
        ),
        "",
        "#### `shop/app/views.py`",
        "",
        "- **error** line 3, `query-in-loop`: `order.items` sends one query for every `order`",
        "  - because `shop/app/views.py:2` the loop over orders",
        "  - because `shop/app/models/order.py:31` Order.items is loaded when it is read",
        "  - help: add `.options(selectinload(Order.items))` to the query at line 2",
        "- **warning** line 4, `missing-timeout`: waits for ever \\\\x1b\\[2J\\\\nand\\\\u202e ever",
    ]


def test_markdown_fits_into_a_comment(odd: Report, context: MakeContext) -> None:
    text = markdown.render(many(odd.findings[0], 3000), context())
    assert len(text.encode()) <= markdown.MOST_BYTES
    assert text.count("**error**") == min(300, text.count("- **"))
    left = 3000 - text.count("- **")
    assert f"{left:,} more findings, the least severe, left out for want of room." in text


def test_markdown_counts_notices_without_room(odd: Report, context: MakeContext) -> None:
    notices = tuple(Notice("syntax", "x" * 100, path=f"a{number}.py") for number in range(1000))
    report = msgspec.structs.replace(many(odd.findings[0], 3000), notices=notices)
    text = markdown.render(report, context())
    assert len(text.encode()) <= markdown.MOST_BYTES
    assert re.search(r"\n\d+ more notices\.\n", text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`a|b` *c*", "`a|b` \\*c\\*"),
        ("[x](http://y)", "\\[x\\](http\\://y)"),
        ("<b> &amp;", "\\<b\\> \\&amp;"),
        ("see @octocat, #12", "see @<!-- -->octocat, #<!-- -->12"),
        ("a ` b", "a \\` b"),
        ("new\nline", "new\\\\nline"),
    ],
)
def test_prose(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_code() -> None:
    assert code("a`b") == "`` a`b ``"
    assert code("") == "` `"
    assert code("a``b`c") == "``` a``b`c ```"


def test_markdown_of_hostile_text(odd: Report, context: MakeContext) -> None:
    text = markdown.render(hostile(odd.findings[0]), context())
    outside = re.sub(r"(`+).*?\1", "", text)
    assert "<img" not in re.sub(r"\\.", "", outside)
    assert not re.search(r"@\w", outside)
    assert not re.search(r"(?<!\\)\[", outside)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_gitlab(odd: Report, context: MakeContext) -> None:
    data = json.loads(gitlab.render(odd, context(prefix="shop")))
    assert data[0] == {
        "description": "`order.items` sends one query for every `order`; "
        "add `.options(selectinload(Order.items))` to the query at line 2",
        "check_name": "query-in-loop",
        "fingerprint": "0123abcd",
        "severity": "critical",
        "location": {"path": "shop/app/views.py", "lines": {"begin": 3}},
    }
    assert [item["severity"] for item in data] == ["critical", "major", "minor", "critical"]
    assert data[3]["check_name"] == "syntax"
    assert len({item["fingerprint"] for item in data}) == 4
    assert json.loads(gitlab.render(Report(), context())) == []


def test_junit(odd: Report, context: MakeContext) -> None:
    root = ET.fromstring(junit.render(odd, context()))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("5", "3", "2")
    case = root.findall("./testsuite/testcase")[0]
    assert (case.get("classname"), case.get("name")) == ("app/views.py", "query-in-loop (show: line 3)")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "`order.items` sends one query for every `order`"
    assert (failure.text or "").splitlines()[1] == "because app/views.py:2: the loop over orders"


def test_junit_without_findings_has_one_case_that_passed(clean: Report, context: MakeContext) -> None:
    cases = ET.fromstring(junit.render(clean, context())).findall("./testsuite/testcase")
    assert [list(case) for case in cases] == [[]]


def test_junit_of_hostile_text(odd: Report, context: MakeContext) -> None:
    root = ET.fromstring(junit.render(hostile(odd.findings[0]), context()))
    failure = root.find("./testsuite/testcase/failure")
    assert failure is not None
    assert "</failure>]]><!--" in (failure.text or "")


def test_agent(odd: Report, context: MakeContext) -> None:
    fix = Fix(
        "pass timeout=10",
        (Edit(Span(5, 14, 5, 14), "\n            timeout=10,"), Edit(Span(4, 8, 4, 12), "fetch")),
        ("asyncio",),
    )
    report = msgspec.structs.replace(
        odd, findings=(odd.findings[0], msgspec.structs.replace(odd.findings[1], fix=fix))
    )
    assert agent.render(report, context(color=True, width=40)) == (
        "app/views.py:3:13 in show error query-in-loop (high)\n"
        "problem: `order.items` sends one query for every `order`\n"
        "because: app/views.py:2 the loop over orders\n"
        "because: app/models/order.py:31 Order.items is loaded when it is read\n"
        "do: add `.options(selectinload(Order.items))` to the query at line 2\n"
        "\n"
        "app/views.py:4:9 warning missing-timeout (medium)\n"
        "problem: waits for ever \\x1b[2J\\nand\\u202e ever\n"
        "edit (may change behaviour): pass timeout=10\n"
        "@ line 4\n"
        "-         call(\n"
        "+         fetch(\n"
        "@ line 5\n"
        "-             é,\n"
        "+             é\n"
        "+             timeout=10,,\n"
        "import: asyncio\n"
        "\n"
        "app/broken.py:4: failure syntax: invalid syntax \\x1b\n"
        "failure plugin: rule pack x: can't be imported\n"
        "\n"
        "1 error, 1 warning in 48 files; 2 suppressed, 1 in the baseline, 3 not shown, 2 failures\n"
    )


def test_most_important(odd: Report) -> None:
    findings = odd.findings
    assert most_important(findings, 3) == findings
    assert most_important(findings[::-1], 2) == (findings[1], findings[0])
