"""Runs a fixture's case through the whole pipeline and compares what is reported with what is marked."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from backlint.config.load import DEFAULT, Overrides, load_settings
from backlint.config.settings import Profile, Settings
from backlint.errors import ConfigurationError
from backlint.finding import Finding
from backlint.fixes.edits import OverlappingEdits, apply_fixes
from backlint.fixes.source import SourceText
from backlint.link.check import check_project
from backlint.registry import load_rules
from backlint.select.selection import select
from backlint.syntax.parse import ParseFailure
from backlint.testing.fixture import CONFIGURATION
from backlint.testing.project import ROOT, link_files, summarise_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from backlint.finding import Fix, Notice
    from backlint.link.outcome import Outcome
    from backlint.registry import RuleInfo
    from backlint.testing.fixture import Case
    from backlint.testing.markers import Expectation


class CaseResult(msgspec.Struct, frozen=True):
    """What came of a case."""

    problems: tuple[str, ...]
    """One line or block each, beginning with the fixture's file and line; empty when all is as marked."""
    findings: tuple[Finding, ...] = ()
    """What the rule reported."""


def run_case(case: Case) -> CaseResult:
    """Run one case with its rule; its fixes are judged by all installed rules."""
    registry = load_rules()
    info = registry.rules.get(case.rule)
    if info is None:
        return CaseResult((f"{case.fixture}:1: there is no rule {case.rule!r}",))
    try:
        settings = _settings(case)
    except ConfigurationError as error:
        return CaseResult((f"{case.fixture}:{case.line}: {error}",))
    outcome, notices = _check(case.files, settings, [info])
    problems = [_notice_words(case, notice) for notice in notices]
    findings = _shown(outcome, case.files, settings)
    problems += compare(case, findings)
    if problems and outcome.not_evaluated:
        problems.append(f"{case.fixture}:{case.line}: not evaluated: {outcome.not_evaluated[0].reason}")
    if not problems:
        problems += _check_each_file(case, info, settings, outcome)
        problems += _check_fixes(case, info, findings, settings)
    return CaseResult(tuple(problems), findings)


def compare(case: Case, findings: Iterable[Finding]) -> list[str]:
    """Lines that lack a finding they are marked with, and findings on lines that are not marked so."""
    left = list(findings)
    missing: list[Expectation] = []
    problems: list[str] = []
    # The most exact expectations choose first, so that a plain `# finding` takes what they leave.
    for expected in sorted(case.expected, key=_exactness, reverse=True):
        found = next((finding for finding in left if _fits(expected, finding)), None)
        if found is not None:
            left.remove(found)
        if expected.todo and found is not None:
            problems.append(f"{_place(case, expected.path, expected.line)}: found by now; drop the `todo-`")
        elif not expected.todo and found is None:
            missing.append(expected)
    for expected in sorted(missing, key=lambda one: (one.path, one.line)):
        problems.append(f"{_place(case, expected.path, expected.line)}: missing: {expected}")
    for finding in left:
        words = f"[{finding.severity}, {finding.confidence}] {finding.message}"
        problems.append(f"{_place(case, finding.path, finding.span.line)}: unexpected: {words}")
    return problems


def _exactness(expected: Expectation) -> tuple[bool, int, bool, bool]:
    return (
        not expected.todo,
        len(expected.text),
        expected.confidence is not None,
        expected.severity is not None,
    )


def _fits(expected: Expectation, finding: Finding) -> bool:
    return (
        finding.path == expected.path
        and finding.span.line == expected.line
        and expected.text in finding.message
        and expected.confidence in (None, finding.confidence)
        and expected.severity in (None, finding.severity)
    )


def _place(case: Case, path: str, line: int) -> str:
    first = case.first_lines.get(path)
    fixture = f"{case.fixture}:{first + line - 1}" if first else f"{case.fixture}:{case.line}"
    return f"{fixture}: {path}:{line}"


def _settings(case: Case) -> Settings:
    """Everything is shown, unless the case's own configuration has a profile."""
    if CONFIGURATION not in case.files:
        return Settings(root=ROOT, profile=Profile.AUDIT)
    with tempfile.TemporaryDirectory() as folder:
        for path, data in case.files.items():
            file = Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        settings = load_settings(Path(folder), Overrides(config=Path(folder, CONFIGURATION)))
    profile = Profile.AUDIT if settings.origins["profile"] == DEFAULT else settings.profile
    return msgspec.structs.replace(settings, root=ROOT, profile=profile)


def _check(
    files: Mapping[str, bytes], settings: Settings, rules: Iterable[RuleInfo]
) -> tuple[Outcome, tuple[Notice, ...]]:
    read = summarise_files(files)
    outcome = check_project(link_files(read, settings), rules)
    return outcome, (*read.notices, *outcome.notices)


def _check_each_file(case: Case, info: RuleInfo, settings: Settings, whole: Outcome) -> list[str]:
    """Asked about a single file, a rule says what it says of that file when it is asked about all."""
    paths = [path for path in case.files if path.endswith(".py")]
    if len(paths) < 2:
        return []
    project = link_files(summarise_files(case.files), settings)
    problems = []
    for path in paths:
        alone = check_project(project, [info], paths=(path,)).findings
        if alone != tuple(finding for finding in whole.findings if finding.path == path):
            problems.append(
                f"{case.fixture}:{case.line}: asked about {path} alone, it says something else of that file: "
                f"{_listed(alone, info.id) or 'nothing'}"
            )
    return problems


def _shown(outcome: Outcome, files: Mapping[str, bytes], settings: Settings) -> tuple[Finding, ...]:
    def source(path: str) -> SourceText | None:
        return SourceText(path, files[path]) if path in files else None

    rules = {info.id: info.family for info in load_rules().rules.values()}
    read = summarise_files(files, rules=())
    suppressions = {summary.path: summary.suppressions for summary, _ in read.summaries}
    return select(outcome.findings, suppressions, settings, source, rules, full_run=False).findings


def _notice_words(case: Case, notice: Notice) -> str:
    return f"{_place(case, notice.path, notice.line)}: {notice.kind}: {notice.message}"


def _check_fixes(case: Case, info: RuleInfo, findings: tuple[Finding, ...], settings: Settings) -> list[str]:
    """A file after its fixes is what `py fixed` says, parses, and has no finding it had not before."""
    fixes = _fixes(case, info, findings)
    problems: list[str] = []
    files = dict(case.files)
    for path in {**fixes, **case.fixed}:
        place = f"{case.fixture}:{case.first_lines[path]}: {path}"
        source = SourceText(path, case.files[path])
        try:
            text = apply_fixes(source, fixes.get(path, []))
            SourceText(path, text.encode()).tree  # noqa: B018 - raises where there is none
        except OverlappingEdits as error:
            problems.append(f"{place}: {error}")
            continue
        except ParseFailure as failure:
            problems.append(f"{place}: after the fixes it can't be parsed: line {failure.line}: {failure}")
            continue
        wanted = case.fixed.get(path)
        if wanted is not None and text.rstrip("\n") != wanted.rstrip("\n"):
            problems.append(
                f"{place}: after the fixes it should read otherwise:\n{_difference(wanted, text)}"
            )
        files[path] = text.encode()
    if problems or not fixes:
        return problems
    return _check_after(case, info, files, sum(map(len, fixes.values())), settings)


def _fixes(case: Case, info: RuleInfo, findings: Iterable[Finding]) -> dict[str, list[Fix]]:
    """The fixes that the rule offers, by path."""
    fixes: dict[str, list[Fix]] = {}
    for finding in findings:
        source = SourceText(finding.path, case.files[finding.path])
        fix = finding.fix or info.cls().fix(finding, source)
        if fix is not None:
            fixes.setdefault(finding.path, []).append(fix)
    return fixes


def _check_after(
    case: Case, info: RuleInfo, files: Mapping[str, bytes], fixed: int, settings: Settings
) -> list[str]:
    rules = list(load_rules().rules.values())
    everything = msgspec.structs.replace(settings, select=(), ignore=())
    before = _shown(_check(case.files, everything, rules)[0], case.files, everything)
    after = _shown(_check(files, everything, rules)[0], files, everything)
    allowed = Counter(finding.rule for finding in before)
    allowed[info.id] -= fixed
    counted = Counter(finding.rule for finding in after)
    return [
        f"{case.fixture}:{case.line}: the fixes leave or raise findings of {rule}: {_listed(after, rule)}"
        for rule in counted
        if counted[rule] > allowed[rule]
    ]


def _listed(findings: Iterable[Finding], rule: str) -> str:
    return "; ".join(
        f"{finding.path}:{finding.span.line}: {finding.message}"
        for finding in findings
        if finding.rule == rule
    )


def _difference(wanted: str, text: str) -> str:
    from difflib import unified_diff

    lines = unified_diff(wanted.splitlines(), text.splitlines(), "py fixed", "after the fixes", lineterm="")
    return "\n".join(lines)
