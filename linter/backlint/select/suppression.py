"""What `# backlint: ignore[…]` comments silence, and what is wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.finding import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from backlint.finding import Finding
    from backlint.summary import Suppression


class Suppressions:
    """The comments of a project, and which of the names in them have silenced something."""

    def __init__(self, by_path: Mapping[str, Sequence[Suppression]]) -> None:
        self._by_path = by_path
        self._used: set[tuple[str, int, str]] = set()

    def match(self, finding: Finding) -> bool:
        """Whether a comment covers the finding; each that does counts as used."""
        matched = False
        for index, suppression in enumerate(self._by_path.get(finding.path, ())):
            if suppression.problem or not _covers(suppression, finding):
                continue
            for name in (finding.rule, finding.family):
                if name in suppression.rules:
                    self._used.add((finding.path, index, name))
                    matched = True
        return matched

    def mistakes(self, known_rules: Mapping[str, str]) -> list[Notice]:
        """A notice for every malformed comment and every name that is no rule and no family.

        `known_rules` maps rules to their families.
        """
        names = {*known_rules, *known_rules.values()}
        notices: list[Notice] = []
        for path, suppression in self._all():
            if suppression.problem:
                notices.append(_notice(path, suppression, _malformed(suppression, names)))
                continue
            for name in suppression.rules:
                if name not in names:
                    notices.append(_notice(path, suppression, _unknown(name, names)))
        return notices

    def unused(self, is_live: Callable[[str, str], bool]) -> list[Notice]:
        """A notice for every name that silenced nothing where `is_live(path, name)`: the rule, or the
        rules of the family, would have reported there."""
        notices: list[Notice] = []
        for path, suppressions in self._by_path.items():
            for index, suppression in enumerate(suppressions):
                if suppression.problem:
                    continue
                for name in suppression.rules:
                    if (path, index, name) not in self._used and is_live(path, name):
                        message = f"nothing to ignore here for {name}; remove it from the comment"
                        notices.append(_notice(path, suppression, message))
        return notices

    def _all(self) -> Iterable[tuple[str, Suppression]]:
        for path, suppressions in self._by_path.items():
            for suppression in suppressions:
                yield path, suppression


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name most like `word`, if any is; case and underscores make no difference."""
    from difflib import get_close_matches

    plain = word.lower().replace("_", "-")
    found = get_close_matches(plain, sorted(names), n=1, cutoff=0.6)
    return found[0] if found else None


def _covers(suppression: Suppression, finding: Finding) -> bool:
    return suppression.first_line <= finding.span.line <= suppression.last_line


def _malformed(suppression: Suppression, names: set[str]) -> str:
    listed = [name if name in names else nearest(name, names) or name for name in suppression.rules]
    reason = suppression.reason.strip() or "reason"
    spelling = f"# backlint: ignore[{', '.join(listed) or 'rule'}] {reason}"
    # The problem comes with the general form, which the names and the reason at hand make a better one.
    problem = suppression.problem.partition("; write `")[0]
    return f"this comment ignores nothing: {problem}; write `{spelling}`"


def _unknown(name: str, names: set[str]) -> str:
    near = nearest(name, names)
    hint = f"; did you mean {near}?" if near else ""
    return f"there is no rule or family {name}, so nothing is ignored for it{hint}"


def _notice(path: str, suppression: Suppression, message: str) -> Notice:
    return Notice(kind="suppression", message=message, path=path, line=suppression.span.line, failure=False)
