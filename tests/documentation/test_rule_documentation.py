"""One text about a rule: `backlint explain` and SARIF have the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from backlint.cli import main
from backlint.config.load import load_settings
from backlint.documentation import SECTIONS, introduction, offers_fixes, rule_help, sections
from backlint.registry import RuleInfo, load_rules
from backlint.report import Report
from backlint.reporters.sarif import render

if TYPE_CHECKING:
    from pathlib import Path

from backlint.config.load import Overrides
from backlint.reporters.context import ReporterContext
from backlint.reporters.sources import SourceReader

RULES = load_rules().rules


@pytest.fixture(params=["missing-timeout", "query-in-loop", "non-concurrent-index"])
def info(request: pytest.FixtureRequest) -> RuleInfo:
    return RULES[request.param]


def test_explain_and_sarif_say_the_same(
    info: RuleInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", info.id]) == 0
    explained = capsys.readouterr().out
    context = ReporterContext(
        root=tmp_path, working_directory=tmp_path, sources=SourceReader(tmp_path), rules=RULES
    )
    (rule,) = json.loads(render(Report(rules=(info.id,)), context))["runs"][0]["tool"]["driver"]["rules"]
    assert rule["help"]["markdown"] == rule_help(info)
    assert explained.endswith(rule_help(info) + "\n")
    assert f"# backlint: ignore[{info.id}]" in rule["help"]["text"]


def test_every_part_is_there(info: RuleInfo) -> None:
    assert [section.title for section in sections(info)] == list(SECTIONS)
    assert introduction(info).startswith("Checks for ")


def test_what_is_derived_is_true(info: RuleInfo, tmp_path: Path) -> None:
    by_title = dict(sections(info))
    assert ("--show-fixes" in by_title["What to do instead"]) == offers_fixes(info)
    if info.id == "missing-timeout":
        assert "Places that ruff (S113) or bandit (B113) reports too" in by_title["What it leaves alone"]
    looks_at = by_title["What it leaves alone"].partition(", not at ")[0]
    assert ("migrations" in looks_at) == (info.id == "non-concurrent-index")
    toml = by_title["How to tune it"].partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "pyproject.toml").write_text(toml, encoding="utf-8")
    settings = load_settings(tmp_path, Overrides())
    assert settings.severity[info.id] != info.severity
    assert settings.per_path_ignores == {"tools/**": (info.id,)}
