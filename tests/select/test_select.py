import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.config.settings import Profile, Settings
from backlint.finding import Confidence, Evidence, Finding, Severity, Span
from backlint.fixes.source import SourceText
from backlint.select.choice import is_chosen
from backlint.select.selection import Selection, select
from backlint.select.suppression import nearest
from backlint.summary import Suppression

RULES = {
    "missing-timeout": "resilience",
    "unbounded-retry": "resilience",
    "query-in-loop": "data",
    "offset-pagination": "data",
    "secret-in-log": "secrets",
}
TEXT = "call(1)\n" * 40
"""Equal lines, so that only the number of its occurrence tells one finding from another."""


def settings(**changes: object) -> Settings:
    return msgspec.structs.replace(Settings(root=Path("/project")), **changes)


def finding(
    rule: str = "missing-timeout",
    line: int = 1,
    *,
    path: str = "app/a.py",
    confidence: Confidence = Confidence.HIGH,
    severity: Severity = Severity.WARNING,
    message: str = "no timeout",
) -> Finding:
    return Finding(
        rule=rule,
        family=RULES[rule],
        path=path,
        span=Span(line, 0, line, 6),
        message=message,
        severity=severity,
        confidence=confidence,
    )


def comment(
    *rules: str, first: int = 1, last: int = 1, problem: str = "", reason: str = "why"
) -> Suppression:
    return Suppression(Span(first, 20, first, 60), rules, reason, first, last, problem)


def run(
    findings: Sequence[Finding],
    comments: Mapping[str, Sequence[Suppression]] | None = None,
    in_force: Settings | None = None,
    *,
    full_run: bool = True,
    not_evaluated: Sequence[str] = (),
) -> Selection:
    return select(
        findings,
        comments or {},
        in_force or settings(),
        lambda path: SourceText(path, TEXT.encode()),
        RULES,
        full_run,
        not_evaluated,
    )


def rules_of(findings: Sequence[Finding]) -> list[str]:
    return [item.rule for item in findings]


@pytest.mark.parametrize(
    ("selected", "ignored", "expected"),
    [
        ((), (), {"missing-timeout", "unbounded-retry", "query-in-loop"}),
        (("resilience",), (), {"missing-timeout", "unbounded-retry"}),
        (("query-in-loop",), (), {"query-in-loop"}),
        ((), ("resilience",), {"query-in-loop"}),
        (("resilience",), ("unbounded-retry",), {"missing-timeout"}),
        (("unbounded-retry",), ("resilience",), {"unbounded-retry"}),
        (("missing-timeout",), ("missing-timeout",), set()),
        (("resilience",), ("resilience",), set()),
    ],
)
def test_rules_and_families_are_chosen(
    selected: tuple[str, ...], ignored: tuple[str, ...], expected: set[str]
) -> None:
    in_force = settings(select=selected, ignore=ignored)
    rules = ("missing-timeout", "unbounded-retry", "query-in-loop")
    assert {rule for rule in rules if is_chosen(rule, RULES[rule], in_force)} == expected
    selection = run([finding(rule) for rule in rules], in_force=in_force)
    assert set(rules_of(selection.findings)) == expected
    assert selection.hidden == 0


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("scripts/", "app/scripts/a.py", True),
        ("/scripts/", "app/scripts/a.py", False),
        ("app/**/legacy_*.py", "app/x/y/legacy_a.py", True),
        ("*.py", "app/a.py", True),
        ("app/b.py", "app/a.py", False),
    ],
)
def test_patterns_switch_rules_off_in_paths(pattern: str, path: str, matches: bool) -> None:
    in_force = settings(per_path_ignores={pattern: ("data", "missing-timeout")})
    found = [finding(path=path), finding("query-in-loop", path=path), finding("secret-in-log", path=path)]
    kept = rules_of(run(found, in_force=in_force).findings)
    assert kept == (["secret-in-log"] if matches else ["missing-timeout", "query-in-loop", "secret-in-log"])


def test_severities_are_overridden_before_the_least_one_counts() -> None:
    in_force = settings(
        severity={"missing-timeout": Severity.NOTE, "query-in-loop": Severity.ERROR},
        min_severity=Severity.WARNING,
    )
    selection = run([finding(), finding("query-in-loop", severity=Severity.NOTE)], in_force=in_force)
    assert [(item.rule, item.severity) for item in selection.findings] == [("query-in-loop", Severity.ERROR)]
    assert selection.hidden == 1


@pytest.mark.parametrize(("profile", "shown"), [(Profile.GATE, 1), (Profile.REVIEW, 2), (Profile.AUDIT, 3)])
def test_the_profile_hides_what_is_not_sure_enough(profile: Profile, shown: int) -> None:
    found = [finding(line=index + 1, confidence=confidence) for index, confidence in enumerate(Confidence)]
    selection = run(found, in_force=settings(profile=profile))
    assert (len(selection.findings), selection.hidden) == (shown, 3 - shown)


@pytest.mark.parametrize(
    ("names", "line", "silent"),
    [
        (("missing-timeout",), 5, True),
        (("missing-timeout",), 8, True),
        (("missing-timeout",), 4, False),
        (("missing-timeout",), 9, False),
        (("resilience",), 6, True),
        (("query-in-loop", "missing-timeout"), 6, True),
        (("query-in-loop",), 6, False),
        (("data",), 6, False),
    ],
)
def test_a_comment_silences_its_rules_in_its_lines(names: tuple[str, ...], line: int, silent: bool) -> None:
    selection = run([finding(line=line)], {"app/a.py": [comment(*names, first=5, last=8)]})
    assert (len(selection.suppressed), len(selection.findings)) == ((1, 0) if silent else (0, 1))
    assert all(item.fingerprint for item in (*selection.suppressed, *selection.findings))


def test_a_comment_of_another_file_silences_nothing() -> None:
    assert len(run([finding()], {"app/b.py": [comment("missing-timeout")]}).findings) == 1


@pytest.mark.parametrize("written", ["missing-timeout", "missing_timeout", "Missing-Timeout"])
def test_a_malformed_comment_silences_nothing_and_is_reported(written: str) -> None:
    broken = comment(written, first=3, last=3, problem="it gives no reason; write `# b`", reason="")
    selection = run([finding(line=3)], {"app/a.py": [broken]}, full_run=False)
    assert len(selection.findings) == 1
    (notice,) = selection.notices
    assert (notice.kind, notice.path, notice.line, notice.failure) == ("suppression", "app/a.py", 3, False)
    assert notice.message == (
        "this comment ignores nothing: it gives no reason; write `# backlint: ignore[missing-timeout] reason`"
    )


def test_a_name_that_is_no_rule_is_reported_with_the_nearest_and_the_others_count() -> None:
    selection = run(
        [finding()], {"app/a.py": [comment("query-in-lop", "missing-timeout", "zzz")]}, full_run=False
    )
    assert len(selection.suppressed) == 1
    assert [notice.message for notice in selection.notices] == [
        "there is no rule or family query-in-lop, so nothing is ignored for it; did you mean query-in-loop?",
        "there is no rule or family zzz, so nothing is ignored for it",
    ]


def test_nearest_reads_over_case_and_underscores() -> None:
    assert nearest("Missing_Timeout", RULES) == "missing-timeout"
    assert nearest("qqqqqq", RULES) is None


def unused(selection: Selection) -> list[str]:
    return [notice.message for notice in selection.notices if notice.message.startswith("nothing to ignore")]


def test_an_unused_name_is_reported_on_full_runs_only() -> None:
    comments = {"app/a.py": [comment("missing-timeout", "query-in-loop")]}
    assert unused(run([finding()], comments)) == [
        "nothing to ignore here for query-in-loop; remove it from the comment"
    ]
    assert unused(run([finding()], comments, full_run=False)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"ignore": ("missing-timeout",)},
        {"ignore": ("resilience",)},
        {"select": ("data",)},
        {"per_path_ignores": {"app/": ("resilience",)}},
    ],
)
@pytest.mark.parametrize("name", ["missing-timeout", "resilience"])
def test_a_comment_whose_rules_were_not_asked_is_dormant(name: str, changes: dict[str, object]) -> None:
    assert unused(run([], {"app/a.py": [comment(name)]}, settings(**changes))) == []
    assert len(unused(run([], {"app/a.py": [comment(name)]}))) == 1


def test_rules_that_had_nothing_to_look_at_leave_comments_dormant() -> None:
    rule, family = {"app/a.py": [comment("missing-timeout")]}, {"app/a.py": [comment("resilience")]}
    assert unused(run([], rule, not_evaluated=["missing-timeout"])) == []
    assert len(unused(run([], family, not_evaluated=["missing-timeout"]))) == 1
    assert unused(run([], family, not_evaluated=["missing-timeout", "unbounded-retry"])) == []


def test_a_comment_on_a_hidden_finding_is_used() -> None:
    found = [finding(confidence=Confidence.LOW)]
    selection = run(found, {"app/a.py": [comment("missing-timeout")]})
    assert (selection.hidden, selection.suppressed, selection.notices) == (1, (), ())


def test_of_two_comments_that_cover_a_finding_both_are_used() -> None:
    comments = [comment("missing-timeout"), comment("resilience", last=30)]
    assert run([finding()], {"app/a.py": comments}).notices == ()


def test_duplicates_are_shown_once_at_their_surest() -> None:
    evidence = (Evidence("app/b.py", Span(1, 0, 1, 1), "called here"),)
    sure = msgspec.structs.replace(finding(), evidence=evidence)
    unsure = finding(confidence=Confidence.MEDIUM)
    selection = run([unsure, finding(), sure, sure, finding(message="other")])
    assert [(item.message, item.evidence) for item in selection.findings] == [
        ("no timeout", evidence),
        ("other", ()),
    ]


FINDINGS = st.lists(
    st.builds(
        finding,
        st.sampled_from(sorted(RULES)),
        st.integers(1, 12),
        path=st.sampled_from(["app/a.py", "app/b.py", "c.py"]),
        confidence=st.sampled_from(Confidence),
        severity=st.sampled_from(Severity),
        message=st.sampled_from(["one", "two"]),
    ),
    max_size=25,
)
COMMENTS = st.dictionaries(
    st.sampled_from(["app/a.py", "app/b.py"]),
    st.lists(
        st.builds(
            comment,
            st.sampled_from([*RULES, "data", "nothing"]),
            first=st.integers(1, 6),
            last=st.integers(1, 12),
            problem=st.sampled_from(["", "", "it gives no reason"]),
        ),
        max_size=4,
    ),
)


@given(FINDINGS, COMMENTS, st.randoms(use_true_random=False))
def test_the_order_of_findings_changes_nothing(
    found: list[Finding], comments: dict[str, list[Suppression]], shuffler: random.Random
) -> None:
    shuffled = list(found)
    shuffler.shuffle(shuffled)
    assert run(found, comments) == run(shuffled, comments)


@given(FINDINGS, COMMENTS)
def test_every_finding_is_shown_silenced_or_hidden(
    found: list[Finding], comments: dict[str, list[Suppression]]
) -> None:
    selection = run(found, comments)
    places = {(item.path, item.span, item.rule, item.message) for item in found}
    assert len(selection.findings) + len(selection.suppressed) + selection.hidden == len(places)
    shown = (*selection.findings, *selection.suppressed)
    assert len({item.fingerprint for item in shown}) == len(shown)
    keys = [(item.path, item.span.line, item.span.column, item.rule) for item in selection.findings]
    assert keys == sorted(keys)


@given(FINDINGS, COMMENTS)
def test_fingerprints_do_not_hang_on_what_is_shown(
    found: list[Finding], comments: dict[str, list[Suppression]]
) -> None:
    def by_place(selection: Selection) -> dict[tuple[object, ...], str]:
        return {
            (item.path, item.span, item.rule, item.message): item.fingerprint
            for item in (*selection.findings, *selection.suppressed)
        }

    everything = by_place(run(found, in_force=settings(profile=Profile.AUDIT)))
    narrowed = run(found, comments, settings(profile=Profile.GATE, ignore=("data",)), full_run=False)
    assert by_place(narrowed).items() <= everything.items()
    one_file = run([item for item in found if item.path == "app/a.py"])
    assert by_place(one_file).items() <= everything.items()


def test_no_source_is_read_for_files_without_shown_findings() -> None:
    asked: list[str] = []

    def sources(path: str) -> SourceText | None:
        asked.append(path)
        return None

    found = [finding(path="a.py"), finding(path="b.py", confidence=Confidence.LOW)]
    select(found, {}, settings(), sources, RULES, full_run=True)
    assert set(asked) == {"a.py"}
