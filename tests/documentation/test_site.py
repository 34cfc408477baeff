"""The documentation site builds without a warning, and needs nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from backlint.documentation import SECTIONS
from backlint.registry import load_rules
from sitepages.snippets import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("mkdocs", reason="the group docs is not installed")

RULES = [info for info in load_rules().rules.values() if info.cls.__module__.startswith("backlint_rules.")]
LOADING = {("img", "src"), ("script", "src"), ("link", "href"), ("source", "src"), ("iframe", "src")}


class Page(HTMLParser):
    """The links, loaded files and anchors of an HTML page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name == "id" and value:
                self.anchors.add(value)
            elif (tag, name) in LOADING and value:
                self.loaded.append(value)
            elif (tag, name) == ("a", "href") and value:
                self.links.append(value)


def test_site(tmp_path: Path) -> None:
    """One test, so that parallel runs build it once."""
    site = build(tmp_path / "site")
    check_nothing_is_loaded_from_elsewhere(site)
    check_links_lead_somewhere(site)
    check_every_rule_has_a_page(site)
    check_what_is_generated_is_there(site)


def build(folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


def pages(site: Path) -> Iterator[tuple[Path, Page]]:
    for path in sorted(site.rglob("*.html")):
        if path.name != "404.html":
            yield path, Page(path.read_text(encoding="utf-8"))


def check_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for path, page in pages(site):
        assert [name for name in page.loaded if re.match(r"(https?:)?//", name)] == [], path
    for path in site.rglob("*.css"):
        assert re.search(r"(@import|url\()\s*['\"]?(https?:)?//", path.read_text(encoding="utf-8")) is None, (
            path
        )
    picture = (site / "assets" / "report.svg").read_text(encoding="utf-8")
    assert "@font-face" not in picture


def check_links_lead_somewhere(site: Path) -> None:
    parsed = dict(pages(site))
    broken = []
    for path, page in parsed.items():
        for target in page.links:
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            known = parsed.get(file)
            if not file.exists() or (anchor and known is not None and anchor not in known.anchors):
                broken.append(f"{path.relative_to(site)}: {target}")
    assert broken == []


def check_every_rule_has_a_page(site: Path) -> None:
    index = (site / "rules" / "index.html").read_text(encoding="utf-8")
    for info in RULES:
        page = (site / "rules" / f"{info.id}.html").read_text(encoding="utf-8")
        titles = re.findall(r'<h2 id="[^"]*">(.*?)<a', page)
        assert [title for title in titles if title not in ("Bad", "Good")] == list(SECTIONS)
        assert {"Bad", "Good"} <= set(titles)
        assert "backlint says:" in page
        assert f'href="{info.id}.html"' in index
        assert info.cls.id in page


def check_what_is_generated_is_there(site: Path) -> None:
    text = (site / "configuration.html").read_text(encoding="utf-8")
    assert "<code>public-routes</code>" in text
    assert "<!-- generated" not in text
    assert "<code>--profile gate|review|audit</code>" in (site / "command-line.html").read_text(
        encoding="utf-8"
    )
    for name in ("changelog.html", "contributing.html", "search/search_index.json"):
        assert (site / name).is_file()
    for path, _ in pages(site):
        assert "<!-- snippet" not in path.read_text(encoding="utf-8"), path
