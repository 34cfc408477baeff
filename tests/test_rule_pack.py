"""The conventions that every rule of the built-in pack keeps."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backlint.documentation import CONFIDENCE, LEFT_ALONE, REQUIRED, SECTIONS
from backlint.registry import RuleInfo, load_rules
from backlint.rule import Rule
from backlint.testing import Fixture, catalogue, find_fixtures, read_fixture, run_case

if TYPE_CHECKING:
    from backlint.finding import Finding

FIXTURES = Path(__file__).parents[1] / "fixtures"
RULES = [info for info in load_rules().rules.values() if info.cls.__module__.startswith("backlint_rules.")]
LONGEST_SUMMARY = 110

each_rule = pytest.mark.parametrize("info", [pytest.param(info, id=info.id) for info in RULES])


def fixture_path(info: RuleInfo) -> Path:
    return FIXTURES / info.family / f"{info.id}.md"


@cache
def fixture(info_id: str) -> Fixture:
    return read_fixture(fixture_path(load_rules().rules[info_id]))


@cache
def reported(info_id: str) -> tuple[Finding, ...]:
    """Everything that a rule says in its fixture."""
    return tuple(finding for case in fixture(info_id).cases for finding in run_case(case).findings)


def test_there_are_rules_and_all_of_them_load() -> None:
    assert RULES
    assert load_rules().notices == ()


def test_every_fixture_belongs_to_a_rule() -> None:
    expected = {fixture_path(info) for info in RULES}
    assert set(find_fixtures(FIXTURES)) - expected == set()


@each_rule
def test_a_rule_is_one_class_in_a_module_named_like_it(info: RuleInfo) -> None:
    module = info.cls.__module__
    assert re.fullmatch(r"backlint_rules(\.[a-z_]+)+\.[a-z][a-z0-9_]*", module)
    assert info.id == module.rpartition(".")[2].replace("_", "-")
    assert info.cls.__name__.lower() == info.id.replace("-", "")
    classes = [
        name
        for name, value in vars(sys.modules[module]).items()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module
    ]
    assert classes == [info.cls.__name__]


@each_rule
def test_the_documentation_has_its_parts(info: RuleInfo) -> None:
    page = info.documentation
    assert page.startswith("Checks for ")
    assert len(info.summary) <= LONGEST_SUMMARY
    assert info.summary.endswith(".")
    assert page.splitlines()[1].strip() == ""
    written = re.findall(r"^## (.+)$", page, re.MULTILINE)
    assert written == [title for title in SECTIONS if title in written]
    assert {*REQUIRED, CONFIDENCE, LEFT_ALONE} <= set(written)
    for text in re.split(r"^## .+$", page, flags=re.MULTILINE)[1:]:
        assert text.strip()
    references = page.partition("## References\n")[2]
    assert re.findall(r"^- \[[^\]]+\]\(https://[^)\s]+\)$", references, re.MULTILINE)
    assert all(line.startswith(("- ", "  ")) for line in references.splitlines() if line)


@each_rule
def test_what_a_rule_declares_is_known(info: RuleInfo) -> None:
    known = catalogue().modules
    assert set(info.needs) <= known
    assert all(
        re.fullmatch(r"(?:ruff|bandit|pylint|flake8|mypy):[A-Z]{1,5}\d{2,4}", name) for name in info.same_as
    )
    assert all(re.fullmatch(r"CWE-\d+|OWASP-(?:API|A)\d+(?::\d{4})?|RFC-\d+", tag) for tag in info.tags)
    assert info.kinds
    assert info.security_severity is None or 0 < info.security_severity <= 10
    assert re.fullmatch(r"\d+\.\d+\.\d+", info.since)


@each_rule
def test_a_rule_looks_at_something(info: RuleInfo) -> None:
    visits = [name for name in dir(info.cls) if name.startswith("visit_")]
    assert visits or info.cls.check is not Rule.check


@each_rule
def test_the_fixture_says_what_is_bad_and_what_is_good(info: RuleInfo) -> None:
    read = fixture(info.id)
    assert read.rule == info.id
    for case in read.section("Good"):
        assert run_case(case).findings == ()
    assert read.section("Cases"), "cases beyond the published examples"


@each_rule
def test_a_rule_with_fixes_shows_one(info: RuleInfo) -> None:
    offers = info.cls.fix is not Rule.fix or any(finding.fix for finding in reported(info.id))
    assert offers == any(case.fixed for case in fixture(info.id).cases)


@each_rule
def test_messages_read_as_part_of_a_sentence(info: RuleInfo) -> None:
    assert reported(info.id)
    for finding in reported(info.id):
        texts = [finding.message, finding.advice, *(step.message for step in finding.evidence)]
        for text in filter(None, texts):
            assert re.match(r"[a-z`\d]", text), text
            assert not text.endswith((".", "…", " ")), text
            assert "\n" not in text
        assert finding.message != finding.advice
        assert finding.advice or finding.fix, f"say what to do: {finding.message}"


@each_rule
def test_findings_are_where_the_rule_says(info: RuleInfo) -> None:
    for finding in reported(info.id):
        assert (finding.rule, finding.family) == (info.id, info.family)
        span = finding.span
        assert (span.line, span.column) < (span.end_line, span.end_column)
