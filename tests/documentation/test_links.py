"""Links of README and docs lead somewhere, and the project's address is the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from sitepages.snippets import PAGES, ROOT

LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^( *)(`{3,}|~{3,}).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
FILES = (*PAGES, "CHANGELOG.md")


def prose(page: str) -> str:
    """A page without its code."""
    return FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    titles = (
        re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "")
        for title in HEADING.findall(prose(page))
    )
    return {re.sub(r"[ \t]", "-", re.sub(r"[^\w\s-]", "", title.lower())) for title in titles}


@pytest.mark.parametrize("page", FILES)
def test_links_lead_somewhere(page: str) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if target.startswith(("https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        if not file.exists() or (
            anchor
            and file.suffix == ".md"
            and anchor not in anchors(file.resolve().relative_to(ROOT).as_posix())
        ):
            broken.append(target)
    assert broken == []


def test_the_address_is_the_same_everywhere() -> None:
    repository = re.search(
        r"^  repository: https://github.com/(\S+)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE
    )
    assert repository is not None
    others = {
        name
        for page in FILES
        for name in re.findall(
            r"(?:github\.com/|uses: )([\w-]+/backlint)\b", (ROOT / page).read_text(encoding="utf-8")
        )
    }
    assert others <= {repository[1]}, "mkdocs.yml has the address; README and docs must say the same"


def test_every_page_is_in_the_navigation() -> None:
    class Loader(yaml.SafeLoader):
        """Tags of mkdocs are of no interest here."""

    Loader.add_multi_constructor("", lambda loader, suffix, node: None)
    nav = str(yaml.load((ROOT / "mkdocs.yml").read_text("utf-8"), Loader)["nav"])
    assert [path.name for path in sorted((ROOT / "docs").glob("*.md")) if path.name not in nav] == []


def test_external_addresses_are_encrypted() -> None:
    for page in FILES:
        assert "http://" not in (ROOT / page).read_text(encoding="utf-8"), page


def test_markdown_files_are_all_looked_at() -> None:
    at_the_top = {path.name for path in ROOT.glob("*.md")}
    assert at_the_top <= {Path(name).name for name in FILES}
