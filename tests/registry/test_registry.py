"""Rule packs are imported module by module, and a broken one costs only itself."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import pytest

from backlint.entry_points import EntryPoint
from backlint.finding import Severity
from backlint.registry import load_packs, load_rules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_numbers = itertools.count()

RULE = '''
from backlint.rule import Rule as _Rule

class {cls}(_Rule):
    """{summary}.

    More.
    """
    needs = ("django",)
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("pack"):
            del sys.modules[name]


def pack(site: Path, files: dict[str, str], distribution: str = "acme") -> EntryPoint:
    """Write a package with a name of its own, `{pack}` in `files` standing for it."""
    name = f"pack{next(_numbers)}"
    for path, text in {"__init__.py": "", **files}.items():
        file = site / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace("{pack}", name), encoding="utf-8")
        init = file.parent / "__init__.py"
        if not init.exists():
            init.write_text("", encoding="utf-8")
    return EntryPoint(distribution, "1.0", "rules", name)


def rule(cls: str, summary: str = "Says something") -> str:
    return RULE.replace("{cls}", cls).replace("{summary}", summary)


def test_rules_are_named_after_their_place(site: Path) -> None:
    entry = pack(
        site,
        {
            "data_access/query_in_loop.py": rule("QueryInLoop"),
            "network/no_tls.py": rule("NoTLS"),
            "network/_shared.py": rule("Shared"),
            "network/helpers.py": "from backlint.rule import Rule\n\nx = 1\n",
            "top.py": rule("Anything"),
        },
    )
    registry = load_packs([entry])
    assert list(registry.rules) == ["no-tls", "query-in-loop", "top"]
    assert registry.families == ("data-access", "network", entry.value)
    info = registry.rules["query-in-loop"]
    assert (info.family, info.cls.id, info.cls.family) == ("data-access", "query-in-loop", "data-access")
    assert info.summary == "Says something."
    assert info.documentation == "Says something.\n\nMore."
    assert info.needs == ("django",)
    assert info.severity is Severity.WARNING
    assert info.pack == "acme"
    assert registry.notices == ()
    assert registry.packs == (entry,)


def test_base_classes_beside_a_rule(site: Path) -> None:
    text = rule("Base") + "\n\nclass NoTls(Base):\n    '''No TLS.'''\n"
    registry = load_packs([pack(site, {"network/no_tls.py": text})])
    assert registry.rules["no-tls"].cls.__name__ == "NoTls"


def test_several_rules_in_one_module(site: Path) -> None:
    registry = load_packs(
        [pack(site, {"a/one.py": rule("Two") + rule("Three"), "a/other.py": rule("Other")})]
    )
    assert list(registry.rules) == ["other"]
    assert "it defines several rules (Two, Three)" in registry.notices[0].message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("x = (", "SyntaxError: "),
        ("raise SystemExit(4)", "SystemExit: 4"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        (rule("Broken") + "    severity = 'awful'\n", "'awful' is not a valid Severity"),
    ],
)
def test_a_broken_module_is_a_notice(site: Path, text: str, message: str) -> None:
    registry = load_packs([pack(site, {"a/broken.py": text, "a/fine.py": rule("Fine")})])
    assert list(registry.rules) == ["fine"]
    (notice,) = registry.notices
    assert notice.kind == "plugin"
    assert notice.failure
    assert message in notice.message
    assert "a.broken" in notice.message
    assert "\n" not in notice.message


def test_a_missing_pack_is_a_notice(site: Path) -> None:
    fine = pack(site, {"a/fine.py": rule("Fine")})
    registry = load_packs([EntryPoint("gone", "1.0", "rules", "pack_that_is_gone"), fine])
    assert list(registry.rules) == ["fine"]
    assert "rule pack rules (gone): pack_that_is_gone can't be imported" in registry.notices[0].message


def test_the_first_of_two_rules_with_one_id_counts(site: Path) -> None:
    first = pack(site, {"a/same.py": rule("Same", "First")})
    second = pack(site, {"b/same.py": rule("Same", "Second"), "b/more.py": rule("More")}, "other")
    registry = load_packs([first, second])
    assert registry.rules["same"].summary == "First."
    assert list(registry.rules) == ["more", "same"]
    assert "the rule same is left out" in registry.notices[0].message
    assert "other" in registry.notices[0].message


def test_installed_packs_are_found(site: Path) -> None:
    files = {"a/acme_rule_under_test.py": rule("AcmeRuleUnderTest")}
    entry = pack(site, files)
    metadata = site / "acme_rules-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(f"[backlint.rules]\nacme = {entry.value}\n", encoding="utf-8")
    load_rules.cache_clear()
    registry = load_rules()
    load_rules.cache_clear()
    assert load_rules() is load_rules()
    load_rules.cache_clear()
    assert registry.rules["acme-rule-under-test"].pack == "acme-rules"
    assert ("acme-rules", "1.0") in [(pack.distribution, pack.version) for pack in registry.packs]
