"""Reading Markdown fixtures, and what is said when they are not as the format wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.finding import Confidence, Severity
from backlint.testing import FixtureError, find_fixtures, parse_fixture

if TYPE_CHECKING:
    from pathlib import Path

GOOD = "## Good\n```py\nx = 1\n```\n"
BAD = "## Bad\n```py\nx = 1  # finding\n```\n"
START = f"# some-rule\n{BAD}{GOOD}"


def test_a_whole_fixture() -> None:
    fixture = parse_fixture(
        "# some-rule\nWords.\n\n"
        '## Bad\nIt is bad.\n```py\nfirst()\nsecond()  # finding: "it is"\n```\n'
        "## Good\n```python\nx = 1\n```\n### With two files\n`app/a.py`:\n```py\n```\n"
        "## Cases\n### Two files and a manifest\n\n`app/a.py`:\n\n```py\nx = 1  # finding[high], finding[note]\n```\n"
        "and then `app/b.py` imports it:\n```py\n```\n`requirements.txt`:\n```text\nflask\n```\n",
        "rule.md",
    )
    assert fixture.rule == "some-rule"
    assert [case.name for case in fixture.cases] == [
        "Bad",
        "Good",
        "Good: With two files",
        "Two files and a manifest",
    ]
    bad, last = fixture.cases[0], fixture.cases[-1]
    assert bad.files == {"app/main.py": b"first()\nsecond()\n"}
    assert bad.first_lines == {"app/main.py": 7}
    (expected,) = bad.expected
    assert (expected.path, expected.line, expected.text) == ("app/main.py", 2, "it is")
    assert list(last.files) == ["app/a.py", "app/main.py", "requirements.txt"]
    assert [(one.confidence, one.severity) for one in last.expected] == [
        (Confidence.HIGH, None),
        (None, Severity.NOTE),
    ]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# finding", ["finding"]),
        ("#finding", ["finding"]),
        ('# finding: "a, b"', ['finding: "a, b"']),
        ('# finding: "say \\"x\\""', ['finding: "say "x""']),
        ("# finding[error, low]", ["finding[error, low]"]),
        ("# finding, todo-finding", ["finding", "todo-finding"]),
        ('# finding: "a", finding: "b"', ['finding: "a"', 'finding: "b"']),
        ("# finding # finding", ["finding", "finding"]),
        ("# noqa: E501  # finding", ["finding"]),
        ("# findings of the court", []),
        ("# a finding", []),
    ],
)
def test_markers(comment: str, expected: list[str]) -> None:
    text = f"# r\n{BAD}{GOOD}## Cases\n### One\n```py\nx = '# finding'  {comment}\n```\n"
    case = parse_fixture(text, "r.md").cases[-1]
    assert [str(one) for one in case.expected] == expected
    kept = case.files["app/main.py"].decode()
    assert kept.startswith("x = '# finding'")
    assert kept.count("\n") == 1
    assert bool(expected) != kept.rstrip().endswith(comment)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "rule.md:1: the first heading must be `# rule-id`"),
        ("# a\n## Good\n```py\n```\n", "rule.md:1: the section `## Bad` is missing or has no code"),
        (f"# a\n{BAD}", "rule.md:1: the section `## Good` is missing or has no code"),
        (f"# a\n{BAD}# b\n", "rule.md:6: a fixture is about one rule, and this is a second `#` heading"),
        (f"{START}## Others\n", "rule.md:10: unknown section 'Others': there are Bad, Good and Cases"),
        (f"{START}## Cases\n```py\n```\n", "rule.md:11: code in `## Cases` needs a `###` heading above it"),
        (f"{START}## Cases\n### A\n", "rule.md:11: the case 'A' has no code"),
        (f"{START}## Cases\n### A\n```py\n", "rule.md:12: this fence is never closed"),
        (
            f"{START}## Cases\n### A\n```py\n```\n```py\n```\n",
            "rule.md:14: a second block without a path; write `app/other.py`: above it",
        ),
        (
            f"{START}## Cases\n### A\n```py\n```\n### A\n```py\n```\n",
            "rule.md:14: there are two cases called 'A'",
        ),
        (f"{START}## Cases\n### A\n```py broken\n```\n", "rule.md:12: unknown fence ```py broken"),
        (f"{START}## Cases\n### A\n```toml\n```\n", "rule.md:12: a fence that is no `py` needs a line"),
        (f"{START}## Cases\n### A\n`../a.py`:\n```py\n```\n", "rule.md:13: ../a.py must be a path inside"),
        (f"{START}## Cases\n### A\n`a.txt`:\n```text\n```\n", "rule.md:11: a case needs a Python file"),
        (
            f"{START}## Cases\n### A\n```py\n```\n`b.py`:\n```py fixed\n```\n",
            "rule.md:11: a `py fixed` block for b.py, and no block with the file itself",
        ),
        (f"{START}## Cases\n### A\n```py\nx  # finding: x\n```\n", "rule.md:13: unknown marker 'finding: x'"),
        (f"{START}## Cases\n### A\n```py\nx  # finding[sure]\n```\n", "rule.md:13: 'sure' is no confidence"),
        (f"# a\n## Bad\n```py\nx\n```\n{GOOD}", "rule.md:2: `## Bad` marks no line with `# finding`"),
        (
            f"# a\n{BAD}## Good\n```py\n\nx  # finding\n```\n",
            "rule.md:9: `## Good` may not hold a finding",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_line(text: str, message: str) -> None:
    with pytest.raises(FixtureError) as caught:
        parse_fixture(text, "rule.md")
    assert str(caught.value).startswith(message)


def test_fixtures_are_found_below_a_folder_apart_from_projects(tmp_path: Path) -> None:
    for name in ("data/b.md", "data/a.md", "projects/shop/README.md", "data/notes.txt", "z.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    found = [path.relative_to(tmp_path).as_posix() for path in find_fixtures(tmp_path)]
    assert found == ["data/a.md", "data/b.md", "z.md"]
