"""Which version of a library the project's manifests ask for."""

import re

from backlint.api import Project


def declared_since(project: Project, symbol: str, version: str) -> bool | None:
    """Whether the project's manifests ask for at least this version of the library a symbol belongs to.

    None where they don't say, or allow older ones as well.
    """
    distribution = symbol.partition(".")[0]
    pattern = re.compile(
        rf"""(?:^|["'])\s*{re.escape(distribution)}(?:\[[^\]]*\])?["']?\s*=?\s*["']?"""
        r"(?P<how>==|>=|~=|\^|<=|<|)\s*v?(?P<version>\d+(?:\.\d+)*)",
        re.MULTILINE | re.IGNORECASE,
    )
    locked = re.compile(
        rf"""^name = "{re.escape(distribution)}"\s+version = "(?P<version>\d+(?:\.\d+)*)""", re.MULTILINE
    )
    verdict: bool | None = None
    for text in project.facts.manifests.values():
        for match in locked.finditer(text):
            return _numbers(match["version"]) >= _numbers(version)
    for text in project.facts.manifests.values():
        for match in pattern.finditer(text):
            reached = _numbers(match["version"]) >= _numbers(version)
            if match["how"] in ("<=", "<"):
                return False if _numbers(match["version"]) <= _numbers(version) else verdict
            if reached:
                return True
            if match["how"] != ">=":
                verdict = False
    return verdict


def _numbers(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))
