"""Entry points are found as importlib.metadata finds them."""

from __future__ import annotations

import importlib.metadata
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from backlint.entry_points import EntryPoint, find_entry_points

if TYPE_CHECKING:
    from pathlib import Path


def install(folder: Path, name: str, version: str, entries: str, kind: str = "dist-info") -> None:
    metadata = folder / f"{name}-{version}.{kind}"
    metadata.mkdir(parents=True)
    file = "METADATA" if kind == "dist-info" else "PKG-INFO"
    (metadata / file).write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(entries, encoding="utf-8")


def test_group_is_read_and_sorted(tmp_path: Path) -> None:
    install(
        tmp_path, "zeta_rules", "2.0", "[console_scripts]\nz = z:main\n\n[backlint.rules]\nz = zeta_rules\n"
    )
    install(tmp_path, "acme", "1.0", "[backlint.rules]\n# a comment\nb = acme.b\na = acme.a\n", "egg-info")
    install(tmp_path, "other", "1.0", "[backlint.rules.more]\nx = other\n")
    assert find_entry_points("backlint.rules", [str(tmp_path)]) == (
        EntryPoint("acme", "1.0", "a", "acme.a"),
        EntryPoint("acme", "1.0", "b", "acme.b"),
        EntryPoint("zeta-rules", "2.0", "z", "zeta_rules"),
    )


def test_first_on_the_search_path_counts(tmp_path: Path) -> None:
    install(tmp_path / "one", "acme_rules", "1.0", "[backlint.rules]\na = one\n")
    install(tmp_path / "two", "Acme.Rules", "2.0", "[backlint.rules]\na = two\n")
    found = find_entry_points("backlint.rules", [str(tmp_path / "one"), str(tmp_path / "two")])
    assert [entry.value for entry in found] == ["one"]


def test_broken_and_missing_folders(tmp_path: Path) -> None:
    install(tmp_path, "acme", "1.0", "")
    (tmp_path / "acme-1.0.dist-info" / "entry_points.txt").write_bytes(b"[backlint.rules]\n\xff = x\n")
    (tmp_path / "bare.dist-info").mkdir()
    assert find_entry_points("backlint.rules", [str(tmp_path), str(tmp_path / "none")]) == ()


def test_zip_files_on_the_search_path(tmp_path: Path) -> None:
    archive = tmp_path / "pack.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("acme-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        file.writestr("acme-1.0.dist-info/entry_points.txt", "[backlint.rules]\na = acme\n")
    assert find_entry_points("backlint.rules", [str(archive)]) == (EntryPoint("acme", "1.0", "a", "acme"),)


@pytest.mark.parametrize("group", ["console_scripts", "pytest11", "backlint.rules"])
def test_agrees_with_the_standard_library(group: str) -> None:
    expected = {(entry.name, entry.value) for entry in importlib.metadata.entry_points(group=group)}
    assert {(entry.name, entry.value) for entry in find_entry_points(group, sys.path)} == expected
