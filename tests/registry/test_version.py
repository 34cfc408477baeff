"""The version is written in two places, which must agree."""

from __future__ import annotations

import tomllib
from pathlib import Path

from backlint.version import VERSION


def test_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    if "version" in project:
        assert project["version"] == VERSION
    else:
        assert "version" in project["dynamic"]
