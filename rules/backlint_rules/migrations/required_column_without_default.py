"""NOT NULL columns without a default."""

import ast

from backlint.api import Confidence, FileContext, FileKind, Findings, Project, Rule, Severity
from backlint_rules.migrations._steps import (
    Placed,
    has_run,
    is_initial,
    new_tables,
    note_call,
    note_class,
    note_return,
    note_with,
    once,
    revisions,
)


class RequiredColumnWithoutDefault(Rule):
    """Checks for migrations that add a NOT NULL column to an existing table and give no default.

    ## Why is this bad?
    On a table with rows the statement fails, in the middle of the deployment: the rows have no value for
    the column. It works on the empty tables of a laptop and of the tests. And where it does run, instances of the
    old release, which don't know the column, can insert nothing until the last of them is replaced.

    ## What to do instead
    Give the column a default that the database knows (`server_default` in Alembic, `db_default` or
    `default` in Django; on PostgreSQL 11 or later a constant one costs nothing). Or take three steps: add the
    column nullable, fill it in batches, then set NOT NULL.

    ## Confidence
    High where the operation spells out that the column is required; medium where the field is of a class that is
    not Django's own, which may bring a default; low in revisions that many others follow, since they have run.

    ## What it leaves alone
    Tables that the same change creates, first migrations, nullable columns, and defaults that the database
    knows.

    ## References
    - [Alembic: add_column](https://alembic.sqlalchemy.org/en/latest/ops.html#alembic.operations.Operations.add_column)
    - [Django: adding fields with defaults and database constraints](https://docs.djangoproject.com/en/stable/ref/migration-operations/#addfield)
    - [Squawk: adding-required-field](https://squawkhq.com/docs/adding-required-field)
    """

    severity = Severity.ERROR
    kinds = frozenset({FileKind.MIGRATION})
    needs = ("alembic", "django", "tortoise")

    def visit_ClassDef(self, node: ast.ClassDef, ctx: FileContext) -> None:
        """Note what a Django migration says of itself."""
        note_class(node, ctx)

    def visit_With(self, node: ast.With, ctx: FileContext) -> None:
        """Note Alembic's batches."""
        note_with(node, ctx)

    def visit_Return(self, node: ast.Return, ctx: FileContext) -> None:
        """Note the statements that a revision gives to be run."""
        note_return(node, ctx)

    def visit_Call(self, node: ast.Call, ctx: FileContext) -> None:
        """Note operations."""
        note_call(node, ctx)

    def check(self, project: Project, findings: Findings) -> None:
        """Report required columns of tables that the same change does not create."""
        found = list(revisions(project, self.id))
        everything = [one for _, steps in found for one in steps]
        for file, steps in found:
            if is_initial(steps):
                continue
            new = new_tables(project, file, steps, everything)
            old = any(one.step.required for one in steps) and has_run(project, file)
            for one in once(one for one in steps if one.step.table not in new):
                if one.step.kind == "column" and one.step.required:
                    _report(findings, one, old)


def _report(findings: Findings, one: Placed, old: bool) -> None:
    step = one.step
    confidence = Confidence.HIGH if step.sure else Confidence.MEDIUM
    findings.add(
        one.function,
        f"`{step.words}` adds a NOT NULL column without a default: it fails as soon as `{step.table}` has rows",
        span=one.span,
        confidence=Confidence.LOW if old else confidence,
        advice=f"give `{step.name}` a default that the database knows, or add it nullable, fill it, and set NOT NULL later",
    )
