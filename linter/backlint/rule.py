"""The base class of every rule.

A rule is a class in a module of its own: the module's name in kebab-case is the rule's id, the
package it lies in its family, its docstring the documentation page. It may have two halves:

* `visit_<Node>(self, node, ctx)`: called for each `ast` node of that type while a file is
  summarised, with everything the file alone can know (`backlint.summarise.FileContext`).
* `check(self, project, findings)`: called once over the linked project, which sees summaries and
  no syntax.

A rule keeps no state: what it learns it reports, or notes as a fact for its second half.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from backlint.finding import Severity
from backlint.summary import FileKind

if TYPE_CHECKING:
    from backlint.finding import Finding, Fix
    from backlint.fixes.source import SourceText
    from backlint.link.findings import Findings
    from backlint.link.project import Project

SERVICE_CODE = frozenset({FileKind.SOURCE, FileKind.SETTINGS})
"""Code that runs in the service: what most rules look at."""


class Rule:
    """What a rule declares about itself; every attribute is read by the registry."""

    id: ClassVar[str] = ""
    """Set by the registry from the module's name."""
    family: ClassVar[str] = ""
    """Set by the registry from the package's name."""
    severity: ClassVar[Severity] = Severity.WARNING
    """The severity of a finding that states none."""
    kinds: ClassVar[frozenset[FileKind]] = SERVICE_CODE
    """The kinds of file whose findings are kept."""
    needs: ClassVar[tuple[str, ...]] = ()
    """Top-level modules, one of which the project must import for the rule to be evaluated at all."""
    same_as: ClassVar[tuple[str, ...]] = ()
    """Rules of other linters that report the plain case too, such as `ruff:S113`. Where the project has one of them
    switched on, findings at places that it reports are left to it (`backlint.other_linters`)."""
    gathers: ClassVar[bool] = False
    """Its evidence in the finding's own file shows more places of the same fault: it is left to another linter
    only where that reports all of them."""
    independent: ClassVar[bool] = False
    """What its second half finds in a function is the same whichever other functions `Findings.wants` has it pass
    over. Where that is not so (of several places it reports the first), it is asked again about all as soon as
    it has found something in the files that a run asks about."""
    tags: ClassVar[tuple[str, ...]] = ()
    """References in short: `CWE-400`, `OWASP-API4`."""
    security_severity: ClassVar[float | None] = None
    """0.1 to 10.0 on the CVSS scale; only security rules have one."""
    since: ClassVar[str] = "0.1.0"

    def check(self, project: Project, findings: Findings) -> None:
        """Judge with the whole project in view."""

    def fix(self, finding: Finding, source: SourceText) -> Fix | None:
        """Edits for a confirmed finding, or None where no edit is sure to be right.

        Called only for findings that are shown, with the text and tree of the finding's file.
        """
        return None

    @classmethod
    def documentation(cls) -> str:
        """The docstring, dedented: Markdown with a summary line and sections."""
        import inspect  # slow, and only documentation wants it

        return inspect.getdoc(cls) or ""
