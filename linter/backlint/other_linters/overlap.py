"""Which findings another linter of the project reports by itself."""

from __future__ import annotations

import ast
from functools import cache, cached_property
from typing import TYPE_CHECKING

from backlint.other_linters.bandit import Bandit
from backlint.other_linters.files import Files
from backlint.other_linters.hooks import read_hooks
from backlint.other_linters.ruff import Ruff
from backlint.other_linters.sightings import Sightings
from backlint.other_linters.texts import summed, top_of
from backlint.syntax.parse import ParseFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from backlint.finding import Finding, Span
    from backlint.fixes.source import SourceText
    from backlint.other_linters.hooks import Hook
    from backlint.registry import RuleInfo

RUFF, BANDIT = "ruff", "bandit"


class Overlap:
    """What the project's ruff and bandit say of the same places; nothing is read before it is asked for."""

    def __init__(
        self,
        root: Path,
        rules: Mapping[str, RuleInfo],
        sources: Callable[[str], SourceText | None],
        linters: Collection[str] = (RUFF, BANDIT),
    ) -> None:
        """
        Args:
            root: The project; configurations above it count up to the top of its repository.
            sources: The text of a file by its path from the root.
            linters: Those that are asked.
        """
        self._root = root
        self._rules = rules
        self._linters = linters
        self._sightings = cache(lambda path: _sightings(sources(path)))

    def reason(self, finding: Finding) -> str:
        """Why a finding is left to another linter: `ruff's S113, which pyproject.toml switches on`; else empty."""
        info = self._rules.get(finding.rule)
        if info is None:
            return ""
        live = [name for name in info.same_as if self._switched_on(name, finding.path)]
        if not live:
            return ""
        seen = self._sightings(finding.path)

        def by(span: Span) -> str:
            return next((name for name in live if seen.has(name.partition(":")[2], span)), "")

        name = by(finding.span)
        if not name:
            return ""
        if info.cls.gathers and not all(
            by(step.span) for step in finding.evidence if step.path == finding.path
        ):
            return ""
        tool, _, code = name.partition(":")
        return f"{tool}'s {code}, which {self._switched_on(name, finding.path)} switches on"

    def looked_at(self) -> tuple[str, dict[str, str]]:
        """The top of the repository, and the sums of the configurations that were asked for below it."""
        return str(self._top), summed(self._files.looked_at)

    def _switched_on(self, name: str, path: str) -> str:
        """The configuration that has a rule such as `ruff:S113` report on a file; empty where none does."""
        tool, _, code = name.partition(":")
        if tool not in self._linters:
            return ""
        inside = f"{self._prefix}/{path}" if self._prefix else path
        if tool == RUFF:
            return self._ruff.switched_on(code, inside)
        return self._bandit.switched_on(code, inside) if tool == BANDIT else ""

    @cached_property
    def _top(self) -> Path:
        return top_of(self._root)

    @cached_property
    def _prefix(self) -> str:
        found = self._root.relative_to(self._top).as_posix()
        return "" if found == "." else found

    @cached_property
    def _files(self) -> Files:
        return Files(self._top)

    @cached_property
    def _hooks(self) -> list[Hook]:
        return read_hooks(self._files)

    @cached_property
    def _ruff(self) -> Ruff:
        return Ruff(self._files, self._hooks)

    @cached_property
    def _bandit(self) -> Bandit:
        return Bandit(self._files, self._prefix, self._hooks)


def _sightings(source: SourceText | None) -> Sightings:
    try:
        return Sightings(ast.Module([], []) if source is None else source.tree)
    except (ParseFailure, RecursionError):
        return Sightings(ast.Module([], []))
