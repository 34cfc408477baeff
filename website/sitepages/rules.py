"""The rules index and one page a rule, its examples run through the whole pipeline while they are written."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from backlint.documentation import REMEDY, WHY, introduction, offers_fixes, sections
from backlint.registry import RuleInfo, load_rules
from backlint.report import Report
from backlint.reporters.context import ReporterContext
from backlint.reporters.sources import SourceReader
from backlint.reporters.text import render
from backlint.testing import Case, Fixture, read_fixture, run_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from backlint.finding import Finding

PACK = "backlint_rules."
FRAMEWORKS = {
    "django": "Django",
    "rest_framework": "DRF",
    "ninja": "Django Ninja",
    "flask": "Flask",
    "fastapi": "FastAPI",
    "starlette": "Starlette",
    "aiohttp": "aiohttp",
    "sanic": "Sanic",
    "litestar": "Litestar",
    "strawberry": "Strawberry",
    "graphene": "Graphene",
    "ariadne": "Ariadne",
    "sqlalchemy": "SQLAlchemy",
    "sqlmodel": "SQLModel",
    "tortoise": "Tortoise",
    "peewee": "Peewee",
    "celery": "Celery",
    "rq": "RQ",
    "arq": "arq",
    "dramatiq": "Dramatiq",
    "alembic": "Alembic",
    "pymongo": "PyMongo",
    "motor": "Motor",
    "beanie": "Beanie",
    "mongoengine": "MongoEngine",
}
"""Top-level modules that readers filter by, with the names that they know them by."""
_IMPORT = re.compile(r"^\s*(?:from|import)\s+([A-Za-z_]\w*)", re.MULTILINE)
_CWE = re.compile(r"CWE-(\d+)")
_BAR = re.compile(r"(`[^`]*`)|\|")
_NO_FRAMEWORK = "any"
_REPORT_COLUMNS = 78
"""What fits beside the navigation."""


def navigation() -> list[dict[str, list[str]]]:
    """The rules of each family, for the site's navigation."""
    families: dict[str, list[str]] = {}
    for info in _rules():
        families.setdefault(info.family, []).append(f"rules/{info.id}.md")
    return [{family: pages} for family, pages in sorted(families.items())]


def pages(fixtures: Path) -> dict[str, str]:
    """Markdown by path below docs/: the index and the rules' pages."""
    written = {f"rules/{info.id}.md": _page(info, _fixture(fixtures, info)) for info in _rules()}
    written["rules/index.md"] = _index(fixtures)
    return written


@cache
def _rules() -> tuple[RuleInfo, ...]:
    return tuple(info for info in load_rules().rules.values() if info.cls.__module__.startswith(PACK))


@cache
def _fixture(fixtures: Path, info: RuleInfo) -> Fixture:
    return read_fixture(fixtures / info.family / f"{info.id}.md")


def _index(fixtures: Path) -> str:
    rows = [
        f"| [{info.id}]({info.id}.md) | {info.family} | {info.severity} | "
        f"{', '.join(_frameworks(_fixture(fixtures, info)))} | {_cell(_summary(info))} |"
        for info in sorted(_rules(), key=lambda info: (info.family, info.id))
    ]
    return f"""\
---
title: All rules
hide: [toc]
---

# Rules

{len(rows)} rules in {len(navigation())} families. A rule speaks in effects, types and roles, so it is not bound to the frameworks
named here: they are those that its fixture runs with. `backlint rules` prints the same list, `backlint explain RULE` a page.

<div id="rule-filter"></div>

| rule | family | severity | runs with | finds |
|---|---|---|---|---|
{chr(10).join(rows)}
"""


def _summary(info: RuleInfo) -> str:
    text = info.summary.removeprefix("Checks for ")
    return text[:1].upper() + text[1:]


def _frameworks(fixture: Fixture) -> list[str]:
    """Frameworks that the cases with findings import, in the order of `FRAMEWORKS`."""
    imported = {
        name
        for case in fixture.cases
        if case.expected
        for path, data in case.files.items()
        if path.endswith(".py")
        for name in _IMPORT.findall(data.decode())
    }
    return [shown for module, shown in FRAMEWORKS.items() if module in imported] or [_NO_FRAMEWORK]


def _page(info: RuleInfo, fixture: Fixture) -> str:
    parts = [
        "\n".join(
            ["---", f"title: {info.id}", f'description: "{_summary(info).replace(chr(34), chr(39))}"', "---"]
        ),
        f"# {info.id}",
        introduction(info),
        _facts(info, fixture),
    ]
    for title, text in sections(info):
        if title == REMEDY:
            parts += ["## Bad", *_examples(fixture.section("Bad"), findings=True)]
            parts += ["## Good", *_examples(fixture.section("Good"), findings=False)]
        parts += [f"## {title}", text]
        if title == REMEDY:
            parts += _fixed(fixture)
    assert WHY in "".join(parts)
    return "\n\n".join(parts) + "\n"


def _facts(info: RuleInfo, fixture: Fixture) -> str:
    rows = [
        ("Family", info.family),
        ("Severity", str(info.severity)),
        ("Fix", "edits, where one is sure to be right" if offers_fixes(info) else "advice in words"),
        ("Runs with", ", ".join(_frameworks(fixture))),
    ]
    if info.needs:
        rows.append(("Needs an import of", " or ".join(f"`{name}`" for name in info.needs)))
    if info.same_as:
        rows.append(("Plain case also in", ", ".join(info.same_as)))
    if info.tags:
        rows.append(("See", ", ".join(_tag(tag) for tag in info.tags)))
    rows.append(("Since", info.since))
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {_cell(value)} |" for name, value in rows)])


def _tag(tag: str) -> str:
    found = _CWE.fullmatch(tag)
    return f"[{tag}](https://cwe.mitre.org/data/definitions/{found[1]}.html)" if found else tag


def _examples(cases: Iterable[Case], *, findings: bool) -> Iterator[str]:
    for case in cases:
        if case.heading:
            yield f"### {case.heading}"
        found = run_case(case).findings
        assert bool(found) == findings, f"{case.fixture}: {case.name}"
        for path, data in case.files.items():
            yield _block(data.decode(), path, [finding for finding in found if finding.path == path])
        if found:
            yield "backlint says:"
            yield _fenced(_report(case, found), "text")


def _block(text: str, path: str, found: list[Finding]) -> str:
    language = {"py": "py", "toml": "toml", "yaml": "yaml", "yml": "yaml"}.get(
        path.rpartition(".")[2], "text"
    )
    lines = " ".join(sorted({str(finding.span.line) for finding in found}, key=int))
    marks = f' hl_lines="{lines}"' if lines else ""
    return _fenced(text, f'{{ .{language} title="{path}"{marks} }}')


def _fenced(text: str, info: str) -> str:
    fence = "~" * max(3, *(len(run) + 1 for run in re.findall("~{3,}", text)), 3)
    return f"{fence} {info}\n{text.rstrip(chr(10))}\n{fence}"


def _report(case: Case, found: tuple[Finding, ...]) -> str:
    root = Path("/project")
    context = ReporterContext(
        root=root,
        working_directory=root,
        sources=SourceReader(root, case.files),
        quiet=True,
        width=_REPORT_COLUMNS,
    )
    return render(Report(findings=found), context)


def _fixed(fixture: Fixture) -> Iterator[str]:
    """The first example of a fix."""
    for case in fixture.cases:
        for path, text in case.fixed.items():
            yield "For example, this:"
            yield _block(case.files[path].decode(), path, [])
            yield "becomes, with the fixes applied:"
            yield _block(text, path, [])
            return


def _cell(text: str) -> str:
    """Text for a table's cell: a bar ends it, but in code."""
    return _BAR.sub(lambda found: found[1] or "\\|", text.replace("``", "`"))
