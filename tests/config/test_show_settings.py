"""`--show-config` tells every value and its origin."""

from __future__ import annotations

import tomllib
from pathlib import Path

from backlint.config.load import Overrides, load_settings
from backlint.config.settings import Profile, Settings
from backlint.config.show import show_settings
from sitepages.reference import table


def test_shows_values_and_origins(tmp_path: Path) -> None:
    text = 'exclude = ["gen/"]\n[severity]\nquery-in-loop = "error"\n[roles]\n"a.b" = "audits"\n'
    (tmp_path / "backlint.toml").write_text(text, encoding="utf-8")
    settings = load_settings(tmp_path, Overrides(profile=Profile.GATE))
    shown = show_settings(settings)
    lines = shown.splitlines()
    assert f"# project root: {tmp_path}" in lines
    assert 'profile = "gate"  # command line' in lines
    assert 'fail-on = "note"  # default' in lines
    assert any(
        line.startswith('exclude = ["gen/"]  # ') and line.endswith("backlint.toml:1") for line in lines
    )
    assert any(line.startswith('query-in-loop = "error"  # ') for line in lines)
    data = tomllib.loads(shown)
    assert data["roles"] == {"a.b": ["audits"]}
    assert data["severity"] == {"query-in-loop": "error"}
    assert data["select"] == []


def test_odd_characters_stay_one_line_and_valid_toml() -> None:
    settings = Settings(root=Path("/p/\x1b[31m"), exclude=('a"b\\c\n\x1b\u202e',))
    shown = show_settings(settings)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert tomllib.loads(shown)["exclude"] == ['a"b\\c\n\x1b\u202e']


def test_every_key_is_shown_and_documented(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, Overrides())
    page = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert "<!-- generated: configuration -->" in page
    page = table("configuration")
    shown = show_settings(settings)
    assert set(settings.origins) > {"select", "libraries"}
    for key in settings.origins:
        assert f"| `{key}` |" in page
        assert key in shown
