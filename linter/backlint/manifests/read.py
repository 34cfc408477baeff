"""Reads declared dependencies from manifests; none of them is ever executed."""

from __future__ import annotations

import ast
import configparser
import posixpath
import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_REQUIREMENT = re.compile(
    r"^\s*(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?:$|[<>=!~;@,(\s])"
)
_EGG = re.compile(r"[#&]egg=(?P<name>[\w.-]+)")
_REPOSITORY = re.compile(r"/(?P<name>[\w.-]+?)(?:\.git)?(?:@[^/#]*)?(?:#.*)?$")
_INCLUDE = re.compile(r"^(?:-r|--requirement)[\s=]*(?P<path>\S+)")


def normal(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(path: str, manifests: Mapping[str, str]) -> frozenset[str] | None:
    """The distributions that a manifest declares, by normal name, groups and extras included.

    `manifests` holds the texts of all by path, for files that include others. None when the file declares
    no dependencies, or can't be read.
    """
    name = path.rpartition("/")[2]
    text = manifests[path]
    try:
        if name == "pyproject.toml":
            return _pyproject(tomllib.loads(text))
        if name == "Pipfile":
            return _pipfile(tomllib.loads(text))
        if name == "setup.cfg":
            return _setup_cfg(text)
        if name == "setup.py":
            return _setup_py(text)
        if name in ("environment.yml", "environment.yaml"):
            return _conda(text)
        if name.endswith((".txt", ".in")):
            return frozenset(_requirements(path, manifests, set()))
    except (ValueError, SyntaxError, configparser.Error, RecursionError, TypeError, AttributeError):
        return None
    return None


def requirement(text: str) -> str | None:
    """The normal name of the distribution that a PEP 508 requirement asks for."""
    found = _REQUIREMENT.match(text)
    return normal(found["name"]) if found else None


def _names(requirements: Iterable[object]) -> Iterator[str]:
    for one in requirements:
        name = requirement(one) if isinstance(one, str) else None
        if name:
            yield name


def _pyproject(data: dict[str, Any]) -> frozenset[str] | None:
    project = data.get("project", {})
    tool = data.get("tool", {})
    found: set[str] = set()
    known = "dependencies" in project
    found.update(_names(project.get("dependencies", ())))
    for group in (project.get("optional-dependencies", {}), data.get("dependency-groups", {})):
        for requirements in group.values():
            known = True
            found.update(_names(requirements))
    poetry = tool.get("poetry", {})
    groups = [poetry, *poetry.get("group", {}).values()]
    for group in groups:
        for key in ("dependencies", "dev-dependencies"):
            if key in group:
                known = True
                found.update(normal(name) for name in group[key] if name != "python")
    for tool_name in ("pdm", "uv"):
        settings = tool.get(tool_name, {})
        dev = settings.get("dev-dependencies", ())
        for requirements in dev.values() if isinstance(dev, dict) else [dev]:
            found.update(_names(requirements))
        found.update(normal(name) for name in settings.get("sources", {}) if isinstance(name, str))
    for environment in tool.get("hatch", {}).get("envs", {}).values():
        found.update(_names(environment.get("dependencies", ())))
    return frozenset(found) if known else None


def _pipfile(data: dict[str, Any]) -> frozenset[str]:
    sections = [
        value for key, value in data.items() if key not in ("source", "requires", "scripts", "pipenv")
    ]
    return frozenset(normal(name) for section in sections if isinstance(section, dict) for name in section)


def _setup_cfg(text: str) -> frozenset[str] | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    lines: list[str] = []
    known = False
    for section, key in (("options", "install_requires"), ("options", "tests_require")):
        if parser.has_option(section, key):
            known = True
            lines += parser.get(section, key).splitlines()
    if parser.has_section("options.extras_require"):
        for _, value in parser.items("options.extras_require"):
            lines += value.splitlines()
    return (
        frozenset(_names(lines))
        if known and not any(line.strip().startswith("file:") for line in lines)
        else None
    )


def _setup_py(text: str) -> frozenset[str] | None:
    """Every string of `setup.py` that reads as a requirement inside a list: more than it declares, never less."""
    if "install_requires" not in text:
        return None
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.List | ast.Tuple):
            found.update(_names(item.value for item in node.elts if isinstance(item, ast.Constant)))
    return frozenset(found) or None


def _conda(text: str) -> frozenset[str]:
    lines = re.findall(r"^\s*-\s+(?:[\w-]+::)?([^\s#]+)", text, re.MULTILINE)
    return frozenset(_names(re.sub(r"(?<![<>=!~])=(?!=).*", "", line) for line in lines))


def _requirements(path: str, manifests: Mapping[str, str], seen: set[str]) -> Iterator[str]:
    seen.add(path)
    for line in manifests[path].replace("\\\n", " ").splitlines():
        text = line.strip()
        include = _INCLUDE.match(text)
        if include:
            other = posixpath.normpath(posixpath.join(posixpath.dirname(path), include["path"]))
            if other in manifests and other not in seen:
                yield from _requirements(other, manifests, seen)
        elif "://" in text and " @ " not in text:
            found = _EGG.search(text) or _REPOSITORY.search(text.split(";")[0].strip())
            if found:
                yield normal(found["name"])
        elif not text.startswith(("#", "-")):
            name = requirement(text)
            if name:
                yield name
