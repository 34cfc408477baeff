"""Indexes that lock their table while they are built."""

import ast
import re
from collections.abc import Iterator

from backlint.api import (
    Confidence,
    Const,
    Evidence,
    FileContext,
    FileKind,
    Findings,
    Project,
    Rule,
    Severity,
)
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

_POSTGRES = re.compile(r"postgres|psycopg|asyncpg|pg8000|cockroach", re.IGNORECASE)
_OTHERS = re.compile(r"mysql|mariadb|sqlite|oracledb|mssql|pyodbc", re.IGNORECASE)
_TOLD_SINGLY = 3


class NonConcurrentIndex(Rule):
    """Checks for migrations that build an index on an existing table without CONCURRENTLY.

    ## Why is this bad?
    On PostgreSQL, CREATE INDEX lets nobody write to the table until it is done: seconds for a million rows,
    minutes for a hundred million. Every INSERT and UPDATE waits, the connections pile up, and the service stands
    still. It also waits behind every open transaction on the table, with all later ones behind it.

    ## What to do instead
    Build it with CONCURRENTLY, which takes longer and lets writers go on, and does not run inside a
    transaction. Django: `AddIndexConcurrently` in a migration of its own with `atomic = False`. Alembic:
    `postgresql_concurrently=True` inside `with op.get_context().autocommit_block():`.

    ## Confidence
    High where the project's settings or requirements say PostgreSQL, medium where they say nothing; one
    step lower where the operation is not known whole; low in revisions that many others follow,
    since they have run.

    ## What it leaves alone
    Tables that the same change creates, which are empty; operations outside of a transaction by hand;
    foreign keys that have an index already; projects on other databases.

    ## References
    - [PostgreSQL: building indexes concurrently](https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY)
    - [Django: concurrent index operations](https://docs.djangoproject.com/en/stable/ref/contrib/postgres/operations/#concurrent-index-operations)
    - [Alembic: autocommit_block](https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.migration.MigrationContext.autocommit_block)
    """

    severity = Severity.WARNING
    kinds = frozenset({FileKind.MIGRATION})
    needs = ("alembic", "django", "tortoise")

    def visit_ClassDef(self, node: ast.ClassDef, ctx: FileContext) -> None:
        """Note what a Django migration says of itself."""
        note_class(node, ctx)

    def visit_With(self, node: ast.With, ctx: FileContext) -> None:
        """Note Alembic's batches and blocks outside transactions."""
        note_with(node, ctx)

    def visit_Return(self, node: ast.Return, ctx: FileContext) -> None:
        """Note the statements that a revision gives to be run."""
        note_return(node, ctx)

    def visit_Call(self, node: ast.Call, ctx: FileContext) -> None:
        """Note operations."""
        note_call(node, ctx)

    def check(self, project: Project, findings: Findings) -> None:
        """Report indexes on tables that the same change does not create."""
        found = list(revisions(project, self.id))
        everything = [one for _, steps in found for one in steps]
        suspects = {"index", "concurrent", "column", "alters"}
        if not any(one.step.kind in suspects for one in everything):
            return
        base = _confidence(project)
        if base is None:
            return
        for file, steps in found:
            if is_initial(steps):
                continue
            new = new_tables(project, file, steps, everything)
            old = has_run(project, file)
            problems = [
                (one, *_problem(one, steps, everything, base))
                for one in once(one for one in steps if one.step.table not in new)
            ]
            for found_here in _grouped([entry for entry in problems if entry[1]]):
                one, problem, confidence = found_here[0]
                more = found_here[1:]
                if more:
                    problem += f", and so for {len(more)} more of its indexes"
                findings.add(
                    one.function,
                    problem,
                    span=one.span,
                    confidence=Confidence.LOW if old else confidence,
                    advice=_advice(file.summary.imports[0].target if file.summary.imports else "", one),
                    evidence=tuple(
                        Evidence(file.summary.path, other.span, f"`{other.step.words}` as well")
                        for other, _, _ in more
                    ),
                )


def _grouped(
    problems: list[tuple[Placed, str, Confidence]],
) -> Iterator[list[tuple[Placed, str, Confidence]]]:
    """Problems one by one, but those of a table in one where a revision builds more indexes on it than a reader wants told singly."""
    plain: dict[str, list[tuple[Placed, str, Confidence]]] = {}
    for entry in problems:
        if entry[0].step.kind == "index":
            plain.setdefault(entry[0].step.table, []).append(entry)
    for entry in problems:
        same = plain.get(entry[0].step.table, []) if entry[0].step.kind == "index" else []
        if len(same) <= _TOLD_SINGLY:
            yield [entry]
        elif same[0] is entry:
            yield same


def _problem(
    one: Placed, steps: list[Placed], everything: list[Placed], base: Confidence
) -> tuple[str, Confidence]:
    step = one.step
    lock = f"nobody can write to `{step.table}` until it is built"
    weaker = Confidence.MEDIUM if base is Confidence.HIGH else Confidence.LOW
    match step.kind:
        case "index":
            index = f"index `{step.name}`" if step.name else "the index"
            return (
                f"`{step.words}` builds {index} without CONCURRENTLY: {lock}",
                base if step.sure else weaker,
            )
        case "concurrent" if not _is_outside_transaction(one, steps):
            return (
                f"`{step.words}` is concurrent but runs inside the migration's transaction, where PostgreSQL refuses it",
                base,
            )
        case "column" if step.indexed:
            return f"`{step.words}` adds a column with an index: {lock}", Confidence.LOW
        case "alters" if step.indexed and _had_no_index(one, everything):
            return f"`{step.words}` adds an index: {lock}", weaker
    return "", Confidence.LOW


def _is_outside_transaction(one: Placed, steps: list[Placed]) -> bool:
    return any(
        other.step.kind == "not-atomic"
        or (other.step.kind == "autocommit" and other.span.line <= one.span.line <= other.step.last_line)
        for other in steps
    )


def _had_no_index(one: Placed, everything: list[Placed]) -> bool:
    """Whether the last earlier revision of the app that defines the column gave it no index."""
    folder = one.function.path.rpartition("/")[0]
    earlier = [
        other
        for other in everything
        if other.step.kind in ("had", "alters")
        and (other.step.table, other.step.name) == (one.step.table, one.step.name)
        and other.function.path.rpartition("/")[0] == folder
        and other.function.path < one.function.path
    ]
    return bool(earlier) and not max(earlier, key=lambda other: other.function.path).step.indexed


def _confidence(project: Project) -> Confidence | None:
    """High where the project speaks of PostgreSQL, none where it only speaks of other databases."""
    texts = [*project.mentions, *project.facts.manifests.values()]
    for file in project.files:
        if file.kind != FileKind.MIGRATION:
            texts += [
                row.value
                for row in file.summary.terms
                if isinstance(row, Const) and isinstance(row.value, str)
            ]
    if any(_POSTGRES.search(text) for text in texts):
        return Confidence.HIGH
    return None if any(_OTHERS.search(text) for text in texts) else Confidence.MEDIUM


def _advice(first_import: str, one: Placed) -> str:
    if one.step.kind == "concurrent":
        if first_import.startswith("django"):
            return "set `atomic = False` on the migration"
        return "put it in `with op.get_context().autocommit_block():`"
    if first_import.startswith("django"):
        return "use `AddIndexConcurrently` in a migration of its own with `atomic = False`"
    return "pass `postgresql_concurrently=True` inside `with op.get_context().autocommit_block():`"
