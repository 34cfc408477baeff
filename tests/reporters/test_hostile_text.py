"""Whatever the analysed code says, no report of it can be taken for something else."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlint.finding import Confidence, Edit, Evidence, Finding, Fix, Notice, Severity, Span
from backlint.report import Report
from backlint.reporters import FORMATS, load_renderer
from backlint.reporters.escape import is_unsafe
from backlint.reporters.github import job_summary
from backlint.reporters.sources import SourceReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.reporters.context import ReporterContext

PIECES = (
    *(
        "\n",
        "\r",
        "\r\n",
        "\t",
        "\x00",
        "\x07",
        "\x1b[2J",
        "\x1b]0;t\x07",
        "\x9b31m",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *("\u202e", "\u2066", "\u200b", "\U000e0041", "\ud800", "\udcff", "\ufffe", "\x7f"),
    *(
        "::error::x",
        "::set-output name=a::b",
        " ::stop-commands::t",
        "%0A",
        "%25",
        "##[error]x",
        "##vso[task.x]y",
    ),
    *(
        "##TeamCity[x]",
        "##",
        "#",
        "[",
        "]",
        "(",
        ")",
        "`",
        "```",
        "*",
        "_",
        "|",
        "~~",
        "<!--",
        "-->",
        "<img src=x>",
    ),
    *(
        "</failure>",
        "]]>",
        "&amp;",
        "&",
        "<",
        ">",
        '"',
        "'",
        "\\",
        "{",
        "}",
        "$x$",
        "@octocat",
        "#12",
        "GH-7",
    ),
    *(
        "[a](https://evil.example)",
        "![a](x)",
        "https://evil.example",
        "www.evil.example",
        "a" * 200,
        "é",
        "世界",
        " ",
    ),
)
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), min_size=1, max_size=8).map("".join)
texts = texts.filter(bool)
some = settings(max_examples=30)
HARMLESS = "harmless"


def report(path: str, text: str) -> Report:
    span = Span(2, 0, 2, 4)
    finding = Finding(
        rule="query-in-loop",
        family="data",
        path=path,
        span=span,
        message=text,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        symbol=text,
        advice=text,
        evidence=(Evidence(path, Span(1, 0, 1, 3), text), Evidence("app/b.py", span, text)),
        fix=Fix(text, (Edit(span, "fetch"),), safe=True),
        fingerprint="0123abcd",
    )
    other = msgspec.structs.replace(finding, fix=None, path="app/b.py", severity=Severity.NOTE)
    notices = (Notice("syntax", text, path=path, line=1), Notice("plugin", text, failure=True))
    return Report(findings=(finding, other), notices=notices)


@pytest.fixture(scope="module")
def render(
    context: Callable[..., ReporterContext], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str, str], str]:
    """Renders a report in which a path and every text are given, of a file whose lines are that text."""

    root = tmp_path_factory.mktemp("nothing")

    def run(name: str, path: str, text: str) -> str:
        line = " ".join(re.split(r"[\r\n]+", text))
        code = f"{line}\n{line}\n{line}\n".encode("utf-8", "surrogatepass")
        made = context(sources=SourceReader(root, {path: code, "app/b.py": code}))
        if name == "summary":
            return job_summary(report(path, text), made)
        return load_renderer(name)(report(path, text), made)

    return run


@some
@given(path=texts, text=texts)
@pytest.mark.parametrize("name", ["text", "concise", "agent"])
def test_lines(render: Callable[[str, str, str], str], name: str, path: str, text: str) -> None:
    made = render(name, path, text)
    assert len(made.split("\n")) == len(render(name, "app/a.py", HARMLESS).split("\n"))
    for line in made.split("\n"):
        assert not is_unsafe(line.replace("\t", " "))
        assert not line.lstrip().startswith("::")
        assert not re.search(r"##(vso|teamcity)?\[", line, re.IGNORECASE)


@some
@given(path=texts, text=texts)
def test_workflow_commands(render: Callable[[str, str, str], str], path: str, text: str) -> None:
    lines = render("github", path, text).split("\n")
    plain = render("github", "app/a.py", HARMLESS).split("\n")
    assert [line.partition(" ")[0] for line in lines] == [line.partition(" ")[0] for line in plain]
    for line in filter(None, lines):
        found = re.fullmatch(r"::(?:error|warning|notice) ((?:\w+=[^,:]*,?)+)::(.*)", line)
        assert found, line
        assert not is_unsafe(line)
        assert [item.partition("=")[0] for item in found[1].split(",")].count("title") == 1


@some
@given(path=texts, text=texts)
@pytest.mark.parametrize("name", ["json", "sarif", "gitlab"])
def test_json(render: Callable[[str, str, str], str], name: str, path: str, text: str) -> None:
    made = render(name, path, text)

    def shape(value: object) -> object:
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return [shape(item) for item in value] if isinstance(value, list) else type(value)

    assert shape(json.loads(made)) == shape(json.loads(render(name, "app/a.py", HARMLESS)))
    assert not is_unsafe(made.replace("\n", ""))
    for line in made.split("\n"):
        assert not line.lstrip().startswith("::")


@some
@given(path=texts, text=texts)
def test_sarif_links_lead_to_places_of_the_finding(
    render: Callable[[str, str, str], str], path: str, text: str
) -> None:
    log = json.loads(render("sarif", path, text))
    for result in log["runs"][0]["results"]:
        known = {item["id"] for item in result.get("relatedLocations", ())}
        for target in re.findall(r"(?<!\\)\]\(([^)]*)\)", result["message"]["text"]):
            assert int(target) in known
        for location in result["locations"]:
            uri = location["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[A-Za-z0-9._~/%-]*", uri)


@some
@given(path=texts, text=texts)
def test_xml(render: Callable[[str, str, str], str], path: str, text: str) -> None:
    made, plain = (
        ET.fromstring(render("junit", path, text)),
        ET.fromstring(render("junit", "app/a.py", HARMLESS)),
    )
    assert [(item.tag, sorted(item.attrib)) for item in made.iter()] == [
        (item.tag, sorted(item.attrib)) for item in plain.iter()
    ]
    for item in made.iter():
        for value in (item.text or "", *item.attrib.values()):
            assert not is_unsafe(value.replace("\n", ""))


@some
@given(path=texts, text=texts)
@pytest.mark.parametrize("name", ["markdown", "summary"])
def test_markdown(render: Callable[[str, str, str], str], name: str, path: str, text: str) -> None:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

    def shape(source: str) -> list[tuple[str, str]]:
        blocks = [(token.type, token.tag) for token in parser.parse(source)]
        inner = [
            (child.type, child.content if child.type == "html_inline" else "")
            for token in parser.parse(source)
            for child in token.children or ()
            if child.type not in ("text", "code_inline", "text_special")
        ]
        return blocks + [item for item in inner if item != ("html_inline", "<!-- -->")]

    made = render(name, path, text)
    assert shape(made) == shape(render(name, "app/a.py", HARMLESS))
    assert not is_unsafe(made.replace("\n", ""))


def test_every_format_is_tested() -> None:
    tested = {"text", "concise", "agent", "github", "json", "sarif", "gitlab", "junit", "markdown"}
    assert set(FORMATS) == tested
