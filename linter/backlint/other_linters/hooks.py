"""Hooks of pre-commit that run other linters.

Source: https://pre-commit.com/#adding-pre-commit-plugins-to-your-project.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from backlint.other_linters.files import strings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.other_linters.files import Files

CONFIGURATION = ".pre-commit-config.yaml"
_LITERAL = re.compile(r"(?P<start>\^?)(?P<text>(?:[\w/-]|\\[./-])*)(?P<any>(?:\.\*)?)(?P<end>\$?)")
_COMMITS = frozenset({"commit", "pre-commit", "push", "pre-push"})


class Hook(msgspec.Struct, frozen=True):
    """One hook."""

    id: str
    arguments: tuple[str, ...] = ()
    files: str = ""
    """Regular expressions of the files that it sees, and of those that it doesn't; the project's too."""
    exclude: tuple[str, ...] = ()
    path: str = CONFIGURATION

    def option(self, *names: str) -> list[str]:
        """The words that are given for an option: `--name a,b`, `--name=a,b`, `-na,b`."""
        found: list[str] = []
        for index, argument in enumerate(self.arguments):
            for name in names:
                if argument == name:
                    found += strings(next(iter(self.arguments[index + 1 : index + 2]), ""))
                elif name.startswith("--") and argument.startswith(f"{name}="):
                    found += strings(argument.partition("=")[2])
                elif len(name) == 2 and argument.startswith(name) and not argument.startswith("--"):
                    found += strings(argument[2:])
        return found

    def sees(self, path: str) -> bool:
        """Whether it is sure to be run on a file. Expressions from the project are never run as such."""
        if self.files and _begins(self.files, path) is not True:
            return False
        return all(_begins(pattern, path) is False for pattern in self.exclude)


def read_hooks(files: Files) -> list[Hook]:
    """The hooks of a repository that run when somebody commits or pushes."""
    data = files.yaml(CONFIGURATION)
    if data is None:
        return []
    outer = data.get("files"), data.get("exclude")
    stages = data.get("default_stages")
    return [
        Hook(
            id=str(item["id"]),
            arguments=tuple(_arguments(item)),
            files=str(item.get("files") or outer[0] or ""),
            exclude=tuple(str(pattern) for pattern in (item.get("exclude"), outer[1]) if pattern),
        )
        for item in _items(data)
        if "id" in item and _runs(item.get("stages", stages))
    ]


def _items(data: dict[str, object]) -> Iterator[dict[str, object]]:
    repositories = data.get("repos")
    for repository in repositories if isinstance(repositories, list) else ():
        hooks = repository.get("hooks") if isinstance(repository, dict) else None
        for item in hooks if isinstance(hooks, list) else ():
            if isinstance(item, dict):
                yield item


def _arguments(item: dict[str, object]) -> list[str]:
    given = item.get("args")
    return [str(one) for one in given] if isinstance(given, list) else []


def _runs(stages: object) -> bool:
    return not isinstance(stages, list) or not stages or not _COMMITS.isdisjoint(map(str, stages))


def _begins(pattern: str, path: str) -> bool | None:
    """Whether a simple expression, `^src/` or `^(src|lib)/`, matches a path; None for any other.

    Expressions of others could take for ever.
    """
    results = [_one(alternative, path) for alternative in _alternatives(pattern)]
    if None in results:
        return None
    return any(results)


def _alternatives(pattern: str) -> list[str]:
    found = re.fullmatch(r"(\^?)\(([^()]*)\)([^()]*)", pattern)
    if found is None:
        return pattern.split("|")
    return [f"{found[1]}{one}{found[3]}" for one in found[2].split("|")]


def _one(pattern: str, path: str) -> bool | None:
    found = _LITERAL.fullmatch(pattern.strip())
    if found is None:
        return None
    text = found["text"].replace("\\", "")
    ends_with_it = bool(found["end"]) and not found["any"]
    if found["start"]:
        return path == text if ends_with_it else path.startswith(text)
    return path.endswith(text) if ends_with_it else text in path
