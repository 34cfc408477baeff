"""The JSON format keeps its promise: docs/report.schema.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.finding import Confidence, Evidence, Finding, Severity, Span
from backlint.report import Report
from backlint.reporters.escape import is_unsafe
from backlint.reporters.json_v1 import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.reporters.context import ReporterContext

    MakeContext = Callable[..., ReporterContext]

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "report.schema.json").read_text(encoding="utf-8")
)
OPTIONAL = {"suppressed"}
"""Written only when asked for."""
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def rendered(context: MakeContext, report: Report) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(render(report, context()))
    return data


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_output_fits_the_schema(odd: Report, clean: Report, context: MakeContext) -> None:
    for report in (odd, clean, Report()):
        VALIDATOR.validate(rendered(context, report))


def test_suppressed_findings_only_when_asked_for(odd: Report, context: MakeContext) -> None:
    report = Report(suppressed=odd.findings)
    data = json.loads(render(report, context(show_suppressed=True)))
    VALIDATOR.validate(data)
    assert [found["rule"] for found in data["suppressed"]] == [found.rule for found in odd.findings]
    assert "suppressed" not in rendered(context, report)


def test_schema_lists_exactly_the_fields_that_are_written(odd: Report, context: MakeContext) -> None:
    def check(schema: dict[str, Any], value: object) -> None:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        if "anyOf" in schema:
            schema = next(option for option in schema["anyOf"] if option.get("type") != "null")
            return check(schema, value)
        if isinstance(value, dict) and "properties" in schema:
            assert [name for name in schema["properties"] if name in schema["required"]] == list(value)
            assert schema["required"] == list(value)
            assert set(schema["properties"]) - set(value) <= OPTIONAL
            for name, item in value.items():
                if item is not None:
                    check(schema["properties"][name], item)
        if isinstance(value, list):
            for item in value:
                check(schema["items"], item)
        return None

    check(SCHEMA, rendered(context, odd))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"extra": 1},
        {"findings": [{}]},
        {"summary": {}},
    ],
)
def test_schema_refuses_other_shapes(change: dict[str, Any], odd: Report, context: MakeContext) -> None:
    assert not VALIDATOR.is_valid(rendered(context, odd) | change)


def test_content(odd: Report, context: MakeContext) -> None:
    data = rendered(context, odd)
    assert list(data) == ["version", "tool", "findings", "notices", "not_evaluated", "summary"]
    assert data["tool"] == {
        "name": "backlint",
        "version": "9.8.7",
        "profile": "review",
        "rules": ["missing-timeout", "query-in-loop", "secret-in-log"],
    }
    first, second, third = data["findings"]
    assert first["evidence"][0] == {
        "path": "app/views.py",
        "line": 2,
        "end_line": 6,
        "message": "the loop over orders",
    }
    place = [first[key] for key in ("line", "column", "end_line", "end_column")]
    assert place == [3, 13, 3, 24]
    assert first["fix"] is None
    assert second["message"] == "waits for ever \x1b[2J\nand\u202e ever"
    assert second["fix"] == {
        "message": "pass timeout=10",
        "safe": True,
        "edits": [
            {"line": 5, "column": 14, "end_line": 5, "end_column": 14, "text": "\n            timeout=10,"}
        ],
        "imports": ["asyncio"],
    }
    assert third["path"] == "app/na\x1bme\udcff.py"
    assert data["notices"][2] == {
        "kind": "plugin",
        "message": "rule pack x: can't be imported",
        "path": None,
        "line": None,
        "failure": True,
    }
    assert data["summary"] == {
        "files": 48,
        "lines": 12345,
        "findings": 3,
        "by_severity": {"error": 1, "warning": 1, "note": 1},
        "by_rule": {"missing-timeout": 1, "query-in-loop": 1, "secret-in-log": 1},
        "suppressed": 2,
        "baselined": 1,
        "hidden": 3,
        "failures": 2,
    }


def test_same_report_same_bytes_whatever_the_terminal(odd: Report, context: MakeContext) -> None:
    plain = render(odd, context())
    changes = {"color": True, "width": 40, "verbose": True, "statistics": True, "quiet": True}
    assert render(odd, context(**changes, working_directory=Path("/elsewhere"))) == plain
    assert plain.endswith("}\n")
    plain.encode("utf-8")


@given(text=st.text(alphabet=st.characters()), line=st.integers(0, 9), column=st.integers(0, 90))
def test_any_text_fits_the_schema(text: str, line: int, column: int, context: MakeContext) -> None:
    span = Span(line + 1, column, line + 1, column + 1)
    finding = Finding(
        rule="a-rule",
        family="family",
        path=text or "a.py",
        span=span,
        message=text,
        severity=Severity.NOTE,
        confidence=Confidence.LOW,
        symbol=text,
        advice=text,
        evidence=(Evidence("a.py", span, text),),
    )
    encoded = render(Report(findings=(finding,)), context())
    assert not any(is_unsafe(character) for row in encoded.split("\n") for character in row)
    data = json.loads(encoded)
    VALIDATOR.validate(data)
    assert data["findings"][0]["message"] == json.loads(json.dumps(text))
