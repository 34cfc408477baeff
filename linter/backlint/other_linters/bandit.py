"""Which of bandit's tests the project's own configuration has run.

Source: https://bandit.readthedocs.io/en/latest/config.html and the options of 1.9. Bandit runs all its
tests by default, so that a project which configures it has them on, save for those it leaves out.
"""

from __future__ import annotations

import configparser
import re
from typing import TYPE_CHECKING

import msgspec

from backlint.other_linters.files import Files, Table, inside, matches, strings, table
from backlint.other_linters.hooks import Hook

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEVELS = ("low", "medium", "high")
_OF_TEST = {
    "B105": (0, 1),
    "B106": (0, 1),
    "B107": (0, 1),
    "B110": (0, 2),
    "B112": (0, 2),
    "B113": (1, 0),
    "B608": (1, 0),
}
"""Severity and confidence, as indices of `_LEVELS`; the least that a test reports with."""


class _Run(msgspec.Struct, frozen=True):
    """One way in which the project runs bandit."""

    path: str
    tests: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    severity: int = 0
    confidence: int = 0
    hook: Hook | None = None

    def reports(self, test: str, path: str) -> bool:
        severity, confidence = _OF_TEST.get(test, (-1, -1))
        if severity < self.severity or confidence < self.confidence:
            return False
        if (self.tests and test not in self.tests) or test in self.skips:
            return False
        if any(pattern in path or matches(pattern.lstrip("/"), path) for pattern in self.exclude):
            return False
        return self.hook is None or self.hook.sees(path)


class Bandit:
    """Bandit as a repository has it configured."""

    def __init__(self, files: Files, folder: str = "", hooks: Iterable[Hook] = ()) -> None:
        """
        Args:
            folder: The project, from the top of the repository.
        """
        self._files = files
        hooked = [hook for hook in hooks if hook.id == "bandit"]
        self._runs = [run for hook in hooked for run in self._of_hook(hook)]
        if not hooked:
            self._runs = list(self._of_files(dict.fromkeys((folder, ""))))

    def switched_on(self, test: str, path: str) -> str:
        """The file that has a test run on a file; empty where none is known to."""
        return next((run.path for run in self._runs if run.reports(test, path)), "")

    def _of_files(self, folders: Iterable[str]) -> Iterator[_Run]:
        for folder in folders:
            prefix = f"{folder}/" if folder else ""
            settings = table(self._files.toml(f"{prefix}pyproject.toml"), "tool").get("bandit")
            if isinstance(settings, dict):
                yield _run(f"{prefix}pyproject.toml", settings)
            text = self._files.text(f"{prefix}.bandit")
            run = None if text is None else _of_ini(f"{prefix}.bandit", text)
            if run is not None:
                yield run

    def _of_hook(self, hook: Hook) -> Iterator[_Run]:
        base = _Run(hook.path)
        named = hook.option("-c", "--configfile")
        if named:
            path = inside("", named[-1])
            settings = None if path is None else self._settings(path)
            if path is None or settings is None:
                return
            base = _run(path, settings)
        severity, confidence = _level(hook, "l", "severity"), _level(hook, "i", "confidence")
        if severity is None or confidence is None or hook.option("-p", "--profile", "--ini"):
            return
        yield msgspec.structs.replace(
            base,
            tests=tuple(hook.option("-t", "--tests")) or base.tests,
            skips=(*base.skips, *hook.option("-s", "--skip")),
            exclude=(*base.exclude, *hook.option("-x", "--exclude")),
            severity=severity,
            confidence=confidence,
            hook=hook,
        )

    def _settings(self, path: str) -> Table | None:
        if path.endswith(".toml"):
            found = table(self._files.toml(path), "tool").get("bandit")
            return found if isinstance(found, dict) else None
        return self._files.yaml(path)


def _run(path: str, settings: Table) -> _Run:
    return _Run(
        path,
        tests=tuple(strings(settings.get("tests"))),
        skips=tuple(strings(settings.get("skips"))),
        exclude=tuple(strings(settings.get("exclude_dirs"))),
    )


def _of_ini(path: str, text: str) -> _Run | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
        settings = dict(parser.items("bandit"))
    except (configparser.Error, ValueError):
        return None
    severity, confidence = (settings.get(key, "1").strip() for key in ("level", "confidence"))
    if not re.fullmatch("[0-3]", severity) or not re.fullmatch("[0-3]", confidence):
        return None
    return _Run(
        path,
        tests=tuple(strings(settings.get("tests"))),
        skips=tuple(strings(settings.get("skips"))),
        exclude=tuple(strings(settings.get("exclude"))),
        severity=max(int(severity) - 1, 0),
        confidence=max(int(confidence) - 1, 0),
    )


def _level(hook: Hook, letter: str, word: str) -> int | None:
    """The least level that is reported, as `-ll`, `--level` or `--severity-level medium` say; None if unclear."""
    least = max(sum(_repeats(argument, letter) for argument in hook.arguments) - 1, 0)
    for name in hook.option(f"--{word}-level"):
        if name != "all" and name not in _LEVELS:
            return None
        least = max(least, 0 if name == "all" else _LEVELS.index(name))
    return min(least, 2)


def _repeats(argument: str, letter: str) -> int:
    if argument == {"l": "--level", "i": "--confidence"}[letter]:
        return 1
    return len(argument) - 1 if re.fullmatch(f"-{letter}+", argument) else 0
