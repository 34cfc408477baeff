"""A case passes when exactly what is marked is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.testing import parse_fixture, run_case

if TYPE_CHECKING:
    from backlint.registry import Registry

HEAD = "# old-call\n## Bad\n```py\nold()  # finding\n```\n## Good\n```py\nnew()\n```\n## Cases\n### It\n"


def problems(case: str) -> list[str]:
    """What is wrong with a case; its first line is line 12 of the fixture."""
    fixture = parse_fixture(HEAD + case, "f.md")
    return list(run_case(fixture.cases[-1]).problems)


@pytest.mark.parametrize(
    "code",
    [
        "old()  # finding",
        'old()  # finding: "`old` is"',
        "old()  # finding[low]",
        "old(5)  # finding[high, warning]",
        "old(); old()  # finding, finding",
        'old(); older()  # finding, finding: "older"',
        "new()  # todo-finding",
        "new()",
        "# backlint: ignore[old-call] it is only a test\nold()",
    ],
)
def test_what_is_as_marked(rules: Registry, code: str) -> None:
    assert problems(f"```py\n{code.replace('old(5)', 'old(*a)')}\n```\n") == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\nnew()  # finding", ["f.md:14: app/main.py:2: missing: finding"]),
        ("old()", ["f.md:13: app/main.py:1: unexpected: [warning, low] `old` is called"]),
        (
            'old()  # finding: "other"',
            [
                'f.md:13: app/main.py:1: missing: finding: "other"',
                "f.md:13: app/main.py:1: unexpected: [warning, low] `old` is called",
            ],
        ),
        (
            "old()  # finding[high]",
            [
                "f.md:13: app/main.py:1: missing: finding[high]",
                "f.md:13: app/main.py:1: unexpected: [warning, low] `old` is called",
            ],
        ),
        ("old()  # finding, finding", ["f.md:13: app/main.py:1: missing: finding"]),
        ("old()  # todo-finding", ["f.md:13: app/main.py:1: found by now; drop the `todo-`"]),
        ("x = (\n", ["f.md:13: app/main.py:1: syntax: '(' was never closed"]),
    ],
)
def test_what_is_not(rules: Registry, code: str, expected: list[str]) -> None:
    assert problems(f"```py\n{code}\n```\n") == expected


def test_several_files_and_their_kinds(rules: Registry) -> None:
    assert (
        problems(
            "`tests/test_x.py`:\n```py\nold()\n```\n`src/app/x.py`:\n```py\nold()  # finding\n```\n"
            "`src/app/migrations/0001_x.py`:\n```py\nold()\n```\n"
        )
        == []
    )


def test_configuration(rules: Registry) -> None:
    text = "`backlint.toml`:\n```toml\n{}\n```\n```py\nold()\nold(*a)  # finding\n```\n"
    assert problems(text.format('profile = "gate"')) == []
    assert problems(text.format('ignore = ["old-call"]')) == ["f.md:18: app/main.py:2: missing: finding"]
    (problem,) = problems(text.format("nonsense = 1"))
    assert problem.startswith("f.md:11: ")
    assert "nonsense" in problem


def test_an_unknown_rule(rules: Registry) -> None:
    fixture = parse_fixture(HEAD.replace("old-call", "no-call") + "```py\n```\n", "f.md")
    assert run_case(fixture.cases[0]).problems == ("f.md:1: there is no rule 'no-call'",)


class TestFixes:
    def test_a_fix_that_does_what_it_should(self, rules: Registry) -> None:
        code = "```py\nx = old(1)  # finding\n```\n```py fixed\nimport json\n\nx = new(1)\n```\n"
        assert problems(code) == []

    def test_a_fix_with_another_result(self, rules: Registry) -> None:
        (problem,) = problems("```py\nold(1)  # finding\n```\n```py fixed\nnew(2)\n```\n")
        assert problem.startswith("f.md:13: app/main.py: after the fixes it should read otherwise:\n")
        assert "\n-new(2)\n" in problem
        assert "\n+new(1)" in problem

    def test_a_fix_that_does_not_silence(self, rules: Registry) -> None:
        (problem,) = problems("```py\nold(2)  # finding\n```\n")
        assert problem == (
            "f.md:11: the fixes leave or raise findings of old-call: app/main.py:1: `old` is called"
        )

    def test_a_fix_that_breaks_the_file(self, rules: Registry) -> None:
        (problem,) = problems("```py\nold(3)  # finding\n```\n")
        assert problem.startswith("f.md:13: app/main.py: after the fixes it can't be parsed: line 1")

    def test_a_fix_that_raises_a_finding_of_another_rule(self, rules: Registry) -> None:
        (problem,) = problems("```py\nold(4)  # finding\n```\n")
        assert problem == (
            "f.md:11: the fixes leave or raise findings of worse-call: app/main.py:1: `worse` is called"
        )

    def test_a_fixed_block_without_a_fix(self, rules: Registry) -> None:
        (problem,) = problems("```py\nold()  # finding\n```\n```py fixed\nnew()\n```\n")
        assert "it should read otherwise" in problem
