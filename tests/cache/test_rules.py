"""What the cache keeps of rules, and that nothing outdated comes from it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from backlint.cache.rules import RuleMemory
from backlint.cache.store import open_cache
from backlint.entry_points import EntryPoint
from backlint.registry import RememberedRule, load_packs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = '''
from backlint.api import Rule, Severity

class KeptRule(Rule):
    """Checks for nothing."""
    severity = Severity.{0}
'''
PACKS = [EntryPoint("kept", "1.0", "kept", "kept_pack")]


@pytest.fixture
def rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "packs" / "kept_pack" / "demo" / "kept_rule.py"
    path.parent.mkdir(parents=True)
    for package in (path.parent.parent, path.parent):
        (package / "__init__.py").write_text("", encoding="utf-8")
    write(path, "ERROR")
    monkeypatch.syspath_prepend(tmp_path / "packs")
    yield path
    forget()


def write(path: Path, severity: str, age: float = 60) -> None:
    path.write_text(RULE.format(severity), encoding="utf-8")
    for file in (path, *path.parent.parent.rglob("*.py")):
        then = file.stat().st_mtime - age
        os.utime(file, (then, then))


def forget() -> None:
    for name in [name for name in sys.modules if name.startswith("kept_pack")]:
        del sys.modules[name]


def test_rules_are_known_without_their_code(rule: Path, tmp_path: Path) -> None:
    RuleMemory(open_cache(tmp_path / "cache")).keep(load_packs(PACKS))
    forget()
    memory = RuleMemory(open_cache(tmp_path / "cache"))
    registry = memory.recall(PACKS)
    assert registry is not None
    (info,) = registry.rules.values()
    assert isinstance(info, RememberedRule)
    assert (info.id, info.family, info.severity, info.has_fix) == ("kept-rule", "demo", "error", False)
    assert registry.families == ("demo",)
    assert not any(name.startswith("kept_pack") for name in sys.modules)


@pytest.mark.parametrize("age", [0.0, 60.0])
def test_a_changed_rule_is_not_recalled(rule: Path, tmp_path: Path, age: float) -> None:
    cache = open_cache(tmp_path / "cache")
    memory = RuleMemory(cache)
    memory.keep(load_packs(PACKS))
    before = memory.fingerprint(PACKS)
    write(rule, "NOTE", age)
    assert RuleMemory(cache).recall(PACKS) is None
    assert RuleMemory(cache).fingerprint(PACKS) != before


def test_another_version_is_not_recalled(rule: Path, tmp_path: Path) -> None:
    cache = open_cache(tmp_path / "cache")
    RuleMemory(cache).keep(load_packs(PACKS))
    assert RuleMemory(cache).recall([EntryPoint("kept", "1.1", "kept", "kept_pack")]) is None


def test_a_pack_that_fails_is_tried_again(rule: Path, tmp_path: Path) -> None:
    rule.write_text("import nothing_of_this_name", encoding="utf-8")
    memory = RuleMemory(open_cache(tmp_path / "cache"))
    memory.keep(load_packs(PACKS))
    assert memory.recall(PACKS) is None


@pytest.mark.parametrize("data", [b"", b"\x90", b"\x91\x01", b"\xff" * 40])
def test_a_forged_record_costs_the_imports(rule: Path, tmp_path: Path, data: bytes) -> None:
    cache = open_cache(tmp_path / "cache")
    memory = RuleMemory(cache)
    memory.keep(load_packs(PACKS))
    cache.save_blob("rules", memory.fingerprint(PACKS), data)
    assert memory.recall(PACKS) is None
