"""The parts that the site is made of."""

from __future__ import annotations

from enum import StrEnum

import msgspec
import pytest

from backlint.effect import Effect, Role
from sitepages import reference
from sitepages.links import outside_links
from sitepages.snippets import PAGES, ROOT, indented_blocks, snippets

REPOSITORY = "https://example.com/x/backlint"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](faq.md#b)", "[a](faq.md#b)"),
        ("[a](https://example.com/x)", "[a](https://example.com/x)"),
        ("[a](../linter/backlint/api.py)", f"[a]({REPOSITORY}/blob/main/linter/backlint/api.py)"),
        ("[a](../rules/backlint_rules)", f"[a]({REPOSITORY}/tree/main/rules/backlint_rules)"),
        ("[a](../CHANGELOG.md)", "[a](changelog.md)"),
        ("[a](../CONTRIBUTING.md#x)", "[a](contributing.md#x)"),
        ("[a](#here)", "[a](#here)"),
    ],
)
def test_links_that_leave_the_site(text: str, expected: str) -> None:
    assert outside_links(text, "page.md", ROOT, REPOSITORY) == expected


def test_a_page_in_a_folder() -> None:
    text = outside_links("[a](../../README.md) [b](../../CHANGELOG.md)", "rules/x.md", ROOT, REPOSITORY)
    assert text == f"[a]({REPOSITORY}/blob/main/README.md) [b](../changelog.md)"


class Colour(StrEnum):
    RED = "red"
    """Stop,
    or | go."""
    GREEN = "green"


class Thing(msgspec.Struct):
    name: str
    """Its name."""
    sizes: tuple[int, ...] = ()
    limit: float | None = None
    flag: bool = True
    """On `a | b`."""
    by_name: dict[str, Colour] = {}


def test_the_text_below_an_attribute_is_its_meaning() -> None:
    assert reference.attribute_docs(Colour) == {"RED": "Stop, or | go."}
    assert reference.attribute_docs(Thing) == {"name": "Its name.", "flag": "On `a | b`."}


def test_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(reference._WORD_TABLES, "colours", Colour)
    monkeypatch.setitem(reference._ENTRY_TABLES, "things", Thing)
    assert reference.table("colours").splitlines()[2:] == ["| `red` | Stop, or \\| go. |", "| `green` |  |"]
    assert reference.table("things").splitlines()[2:] == [
        "| `name` | string; required | Its name. |",
        "| `sizes` | list: whole number |  |",
        "| `limit` | number |  |",
        "| `flag` | true or false; default `true` | On `a | b`. |",
        "| `by_name` | table: string → `red`, `green` |  |",
    ]
    with pytest.raises(KeyError):
        reference.table("nothing")


def test_tables_of_the_program() -> None:
    keys = reference.table("configuration")
    for key in ("select", "per-path-ignores", "libraries"):
        assert f"\n| `{key}` |" in keys
    assert "| `root` |" not in keys
    for line in keys.splitlines()[2:]:
        assert line.split("|")[3].strip(), f"settings.py says nothing of {line}"
    assert all(f"| `{word}` |" in reference.table("effects") for word in Effect)
    assert all(f"| `{word}` |" in reference.table("roles") for word in Role)


def test_snippets_are_found() -> None:
    found = [snippet for page in PAGES for snippet in snippets(page)]
    assert len(found) > 50
    assert sum(snippet.what == "skip" for snippet in found) < len(found) / 3, "most of them should run"


def test_indented_code_is_found() -> None:
    text = "Text\n\n    code\n\n* item\n\n    more of it\n\nText\n\n````md\n```\n\n    in a fence\n```\n````\n\n    code\n"
    assert indented_blocks(text) == [3, 18]
