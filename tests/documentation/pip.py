"""Stands in for `pip install -e .` in snippets: the same names and entry points, without network and build.

What is installed lands in the folder that the session put on PYTHONPATH. tests/integration has the real pip.
"""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

if __name__ == "__main__":
    if sys.argv[1:] != ["install", "-e", "."]:
        sys.exit(f"this pip only knows `install -e .`, not {sys.argv[1:]}")
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    target = Path(os.environ["SNIPPET_PACKAGES"])
    info = target / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n", encoding="utf-8"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{entry} = {value}" for entry, value in entries.items())]
        for value in entries.values():
            (target / value).symlink_to(Path.cwd() / value)
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
