"""SARIF as GitHub code scanning takes it."""

from __future__ import annotations

import gzip
import json
import random
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import msgspec
import pytest

from backlint.config.settings import Profile
from backlint.finding import Confidence, Edit, Evidence, Fix, NotEvaluated, Notice, Severity, Span
from backlint.registry import RuleInfo
from backlint.report import Report
from backlint.reporters import sarif
from backlint.reporters.sarif import render
from backlint.reporters.sarif_text import link, plain
from backlint.rule import Rule
from backlint.summary import FileKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from backlint.reporters.context import ReporterContext

    MakeContext = Callable[..., ReporterContext]

SCHEMA = Path(__file__).parents[1] / "data" / "sarif-schema-2.1.0.json"
ODD_TEXTS = (
    "a [link](1) and [image](https://example.com) `code[0](1)`",
    "<script>alert('&amp;')</script> <!-- -->",
    "\x1b]8;;file:///etc/passwd\x07 \x00 \x9b31m",
    "admin \u202e} ;)resu(kcehc\u2066 \u200b\ufeff",
    "{0} {user_id} {{}} %s %0A ::error::",
    "\ud800 lone, 世界, \U0001f600, \U000e0041",
    "| a | b |\n|---|---|\n* x\r\n# y",
    "",
)


class SqlInjection(Rule):
    """Checks for SQL put together from [input](https://example.com/<x>).

    ## Why is this bad?
    Anyone reads `everything`. {0}

    ## What to do instead
    Bind parameters.
    """


def info(**changes: Any) -> RuleInfo:
    values: dict[str, Any] = {
        "id": "sql-injection",
        "family": "security",
        "severity": Severity.ERROR,
        "kinds": frozenset({FileKind.SOURCE}),
        "needs": (),
        "same_as": (),
        "tags": ("CWE-89", "OWASP-API8"),
        "security_severity": 9,
        "since": "0.1.0",
        "cls": SqlInjection,
        "pack": "backlint",
    }
    return RuleInfo(**(values | changes))


@cache
def validator() -> jsonschema.Draft4Validator:
    return jsonschema.Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def run_of(text: str) -> dict[str, Any]:
    """The one run of a log that is valid and can be shown anywhere."""
    log = json.loads(text)
    validator().validate(log)
    assert not {character for character in text if not character.isprintable()} - {"\n"}
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


@pytest.fixture
def many(odd: Report) -> Report:
    """30,000 findings, of which 6,000 are errors and 100 of these sure."""
    base = odd.findings[0]

    def made(number: int) -> Any:
        return msgspec.structs.replace(
            base,
            path=f"app/f{number // 50:03d}.py",
            span=Span(number % 50 + 1, 0, number % 50 + 1, 5),
            fingerprint=f"{number:032x}",
            severity=Severity.ERROR if number % 5 == 0 else Severity.NOTE,
            confidence=Confidence.HIGH if number % 300 == 0 else Confidence.LOW,
            evidence=base.evidence[:1],
        )

    return Report(findings=tuple(made(number) for number in range(30_000)))


def test_a_result(odd: Report, context: MakeContext) -> None:
    run = run_of(render(odd, context(prefix="services/shop")))
    result = run["results"][0]
    assert run["columnKind"] == "unicodeCodePoints"
    assert list(run["originalUriBaseIds"]) == ["%SRCROOT%"]
    assert result["ruleId"] == "query-in-loop"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "query-in-loop"
    assert result["level"] == "error"
    assert result["message"]["text"] == (
        "`order.items` sends one query for every `order`.\n\n"
        "Because: [the loop over orders](1); [Order.items is loaded when it is read](2).\n\n"
        "What to do: add `.options(selectinload(Order.items))` to the query at line 2."
    )
    assert result["partialFingerprints"] == {"primaryLocationLineHash": "0123abcd"}
    (location,) = result["locations"]
    place = location["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "services/shop/app/views.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "startColumn": 13, "endLine": 3, "endColumn": 24}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "show"}]
    assert [related["id"] for related in result["relatedLocations"]] == [1, 2]
    (flow,) = result["codeFlows"]
    steps = flow["threadFlows"][0]["locations"]
    assert [step["location"]["physicalLocation"]["artifactLocation"]["uri"] for step in steps] == [
        "services/shop/app/views.py",
        "services/shop/app/views.py",
        "services/shop/app/models/order.py",
    ]


def test_the_primary_region_is_one_line(odd: Report, context: MakeContext) -> None:
    result = run_of(render(odd, context()))["results"][1]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 4, "startColumn": 9, "endLine": 4, "endColumn": 14}
    (whole,) = result["relatedLocations"]
    assert whole["physicalLocation"]["region"]["endLine"] == 6
    assert "codeFlows" not in result


def test_severity_is_that_of_the_finding(odd: Report, context: MakeContext) -> None:
    run = run_of(render(odd, context()))
    assert [result["level"] for result in run["results"]] == ["error", "warning", "note"]


def test_rules_are_declared_with_what_github_reads(context: MakeContext) -> None:
    rules = {
        "sql-injection": info(),
        "slow": info(id="slow", security_severity=None, severity=Severity.NOTE, tags=("x",) * 3),
    }
    report = Report(rules=("sql-injection", "slow", "gone"))
    run = run_of(render(report, context(rules=rules, profile=Profile.GATE)))
    gone, slow, injection = run["tool"]["driver"]["rules"]
    assert run["results"] == []
    assert injection["id"] == "sql-injection"
    assert injection["name"] == "SqlInjection"
    assert injection["shortDescription"]["text"].startswith("Checks for SQL put together")
    assert "Anyone reads `everything`." in injection["fullDescription"]["text"]
    assert "Bind" not in injection["fullDescription"]["text"]
    assert "\nWhy is this bad?\n" in injection["help"]["text"]
    assert "input (https://example.com/<x>)" in injection["help"]["text"]
    assert "## Why is this bad?" in injection["help"]["markdown"]
    assert injection["properties"] == {
        "precision": "very-high",
        "problem.severity": "error",
        "security-severity": "9.0",
        "tags": ["security", "security", "external/cwe/cwe-089", "OWASP-API8"][1:],
    }
    assert "security-severity" not in slow["properties"]
    assert slow["properties"]["problem.severity"] == "recommendation"
    assert slow["properties"]["tags"] == ["security", "x"]
    assert slow["defaultConfiguration"] == {"level": "note"}
    assert "name" not in slow, "it would be the id"
    assert gone["help"] == {"text": "gone"}


def test_a_rule_has_at_most_twenty_tags(context: MakeContext) -> None:
    rules = {"sql-injection": info(tags=tuple(f"CWE-{number}" for number in range(1, 40)))}
    run = run_of(render(Report(rules=("sql-injection",)), context(rules=rules)))
    assert len(run["tool"]["driver"]["rules"][0]["properties"]["tags"]) == 20


def test_long_descriptions_are_cut(context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SqlInjection, "__doc__", "word " * 1000 + "\n\nmore " * 1000)
    run = run_of(render(Report(rules=("sql-injection",)), context(rules={"sql-injection": info()})))
    (rule,) = run["tool"]["driver"]["rules"]
    assert len(rule["shortDescription"]["text"]) <= 1024
    assert len(rule["fullDescription"]["text"]) <= 1024
    assert len(rule["help"]["text"]) > 5000


def test_notices_become_notifications(odd: Report, context: MakeContext) -> None:
    run = run_of(render(odd, context()))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    notified = invocation["toolExecutionNotifications"]
    assert [(item["descriptor"]["id"], item["level"]) for item in notified] == [
        ("syntax", "error"),
        ("plugin", "error"),
        ("suppression", "note"),
        ("not-evaluated", "note"),
    ]
    place = notified[0]["locations"][0]["physicalLocation"]
    assert (place["artifactLocation"]["uri"], place["region"]) == ("app/broken.py", {"startLine": 4})
    assert notified[3]["associatedRule"] == {"id": "offset-pagination"}
    assert notified[3]["message"]["text"] == (
        "offset-pagination was not evaluated: the project imports no ORM."
    )
    declared = {item["id"] for item in run["tool"]["driver"]["notifications"]}
    assert declared == {"syntax", "plugin", "suppression", "not-evaluated"}
    assert {"offset-pagination", *odd.rules} == {rule["id"] for rule in run["tool"]["driver"]["rules"]}


def test_a_clean_run(clean: Report, context: MakeContext) -> None:
    run = run_of(render(clean, context(version="1.2.3")))
    assert run["results"] == []
    assert run["invocations"] == [{"executionSuccessful": True}] or (
        run["invocations"][0]["toolExecutionNotifications"] == []
    )
    driver = run["tool"]["driver"]
    assert (driver["version"], driver["semanticVersion"]) == ("1.2.3", "1.2.3")
    assert "automationDetails" not in run


@pytest.mark.parametrize("category", ["api", "api/"])
def test_the_category_is_what_comes_before_the_last_slash(
    clean: Report, context: MakeContext, category: str
) -> None:
    run = run_of(render(clean, context(category=category)))
    assert run["automationDetails"] == {"id": "api/"}


def test_suppressed_findings_only_when_asked_for(odd: Report, context: MakeContext) -> None:
    report = msgspec.structs.replace(odd, findings=odd.findings[:2], suppressed=odd.findings[2:])
    assert len(run_of(render(report, context()))["results"]) == 2
    results = run_of(render(report, context(show_suppressed=True)))["results"]
    marked = [result["ruleId"] for result in results if "suppressions" in result]
    assert (len(results), marked) == (3, ["secret-in-log"])


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_odd_text_anywhere(odd: Report, context: MakeContext, text: str) -> None:
    path = f"app/{text or 'x'} %20#?:.py".replace("\x00", "")
    finding = msgspec.structs.replace(
        odd.findings[0],
        path=path,
        message=text,
        symbol=text,
        advice=text,
        evidence=(Evidence(path, Span(1, 0, 1, 1), text),),
        fix=Fix(text, (Edit(Span(1, 0, 1, 1), text),)),
    )
    report = Report(
        findings=(finding,),
        notices=(Notice("syntax", text, path=path, line=3),),
        not_evaluated=(NotEvaluated("query-in-loop", text),),
    )
    result = run_of(render(report, context()))["results"][0]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert not set(uri) & set(' "<>\\^`{|}[]#?:\x00\n')


def test_no_link_comes_from_the_code() -> None:
    assert plain("`handlers[name](1)` and x[0]") == "`handlers\\[name\\](1)` and x[0]"
    assert link("a [b](c) \\", 7) == "[a \\[b\\](c) \\\\](7)"


def test_a_finding_at_an_impossible_place(odd: Report, context: MakeContext) -> None:
    finding = msgspec.structs.replace(odd.findings[0], span=Span(0, -1, 0, 0), path="gone.py", evidence=())
    run_of(render(Report(findings=(finding,)), context()))


def test_a_fix(odd: Report, context: MakeContext) -> None:
    fix = Fix("pass timeout=10", (Edit(Span(5, 14, 5, 14), ", timeout=10"),), safe=True)
    finding = msgspec.structs.replace(odd.findings[1], fix=fix)
    (result,) = run_of(render(Report(findings=(finding,)), context()))["results"]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 5, "startColumn": 14, "endLine": 5, "endColumn": 14},
            "insertedContent": {"text": ", timeout=10"},
        }
    ]


def test_a_fix_that_needs_imports_is_not_half_told(odd: Report, context: MakeContext) -> None:
    assert odd.findings[1].fix is not None
    assert odd.findings[1].fix.imports
    assert "fixes" not in run_of(render(odd, context()))["results"][1]


def test_thirty_thousand_findings(many: Report, context: MakeContext) -> None:
    log = json.loads(render(many, context()))
    run = log["runs"][0]
    assert len(run["results"]) == 25_000
    assert sum(result["level"] == "error" for result in run["results"]) == 6_000
    assert sum(result["rank"] == 90.0 for result in run["results"]) == 100
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]
    ]
    assert uris == sorted(uris)
    (notified,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notified["descriptor"]["id"] == "left-out"
    assert notified["message"]["text"] == (
        "5,000 of 30,000 findings are left out, the least severe and least sure, "
        "to stay within 25,000 results and 10 MB (gzip)."
    )


def test_the_compressed_size_is_limited(
    many: Report, context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sarif, "MOST_BYTES", 100_000)
    random_text = random.Random(1)
    findings = tuple(
        msgspec.structs.replace(finding, message=random_text.randbytes(200).hex())
        for finding in many.findings[:2000]
    )
    text = render(Report(findings=findings), context())
    run = run_of(text)
    assert len(gzip.compress(text.encode())) <= 100_000
    kept = len(run["results"])
    assert 200 < kept < 1000
    assert (
        f"{2000 - kept:,} of 2,000 findings are left out"
        in (run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"])
    )
    levels = [result["level"] for result in run["results"]]
    assert levels.count("error") == min(kept, 400)


def test_a_result_has_at_most_a_thousand_locations(odd: Report, context: MakeContext) -> None:
    evidence = tuple(Evidence("app/views.py", Span(1, 0, 1, 3), f"step {number}") for number in range(1500))
    finding = msgspec.structs.replace(odd.findings[1], evidence=evidence)
    run = run_of(render(Report(findings=(finding,)), context()))
    (result,) = run["results"]
    assert len(result["locations"]) + len(result["relatedLocations"]) == 1000
    assert result["relatedLocations"][0]["message"]["text"] == "step 0"
    assert "and 1,490 more places" in result["message"]["text"]
    (notified,) = run["invocations"][0]["toolExecutionNotifications"]
    assert notified["message"]["text"] == "Evidence beyond 998 places is left out of 1 finding."


def test_the_same_report_gives_the_same_bytes(odd: Report, context: MakeContext) -> None:
    assert render(odd, context()) == render(odd, context(width=40, color=True, quiet=True))
