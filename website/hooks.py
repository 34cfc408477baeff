"""What mkdocs asks for while it builds the site: the pages made from the code, and addresses outside of docs/."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files

from sitepages import reference, rules
from sitepages.links import outside_links

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
PLACEHOLDER = "OWNER/backlint"
"""How README and docs write the repository's place on GitHub."""
WHOLE_FILES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
_GENERATED = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)
_CODE = re.compile(r"`[^`]+`")
"""GitHub takes a bar for the end of a cell in code too unless it is escaped; the site shows the escape."""
_COMMENT = re.compile(r"^[ ]*<!-- snippets?: .*? -->\n", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the rules of each family below "Rules"."""
    for item in config.nav or []:
        if isinstance(item, dict) and "Rules" in item:
            item["Rules"] = ["rules/index.md", *rules.navigation()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated, and the files that lie at the top of the repository."""
    pages = rules.pages(ROOT / "fixtures")
    for name, source in WHOLE_FILES.items():
        pages[name] = _moved_down((ROOT / source).read_text(encoding="utf-8"))
    for name, text in pages.items():
        files.append(File.generated(config, name, content=text))
    return files


def _moved_down(text: str) -> str:
    """A page from the top of the repository as if it lay in docs/."""
    text = re.sub(r"\]\((?!https:|#|docs/)", "](../", text)
    return text.replace("](docs/", "](")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, **_: Any) -> str:
    """Fill in generated parts, and make links to source files lead to the repository."""
    repository = config.extra["repository"]
    text = _GENERATED.sub(lambda found: reference.table(found[1]), markdown)
    text = _COMMENT.sub("", text)
    text = _ROW.sub(lambda row: _CODE.sub(lambda code: code[0].replace("\\|", "|"), row[0]), text)
    text = outside_links(text, page.file.src_uri, ROOT, repository)
    return text.replace(PLACEHOLDER, repository.removeprefix("https://github.com/"))
