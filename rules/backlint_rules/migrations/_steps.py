"""What a revision of Django or Alembic does to the schema, step by step."""

import ast
import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from backlint.api import (
    BlockKind,
    Const,
    FileContext,
    FileKind,
    FileNode,
    LinkedFunction,
    Project,
    Sequence,
    Span,
    bare,
)

_DJANGO = "django.db.migrations."
_POSTGRES_OPERATIONS = "django.contrib.postgres.operations."
_INDEX_SQL = re.compile(
    r"create\s+(?:unique\s+)?index\s+(?P<how>concurrently\s+)?(?:if\s+not\s+exists\s+)?(?P<name>[\w.\"]+\s+)?"
    r"on\s+(?:only\s+)?(?P<table>[\w.\"{}]+)",
    re.IGNORECASE,
)
_TABLE_SQL = re.compile(
    r"create\s+(?:temp\w*\s+)?table\s+(?:if\s+not\s+exists\s+)?(?P<table>[\w.\"]+)", re.IGNORECASE
)
_ALTER_SQL = re.compile(
    r"alter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?P<table>[\w.\"]+)\s+(?P<rest>[^;]+)", re.IGNORECASE
)
_ADD_SQL = re.compile(
    r"^\s*add\s+(?:column\s+)?(?:if\s+not\s+exists\s+)?(?P<name>(?!constraint\b|primary\b|foreign\b|unique\b|check\b)"
    r"[\w\"]+)\s+(?P<rest>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_EXECUTING = frozenset({"execute", "execute_query", "execute_script", "execute_sql"})
"""Methods of connections, cursors and Tortoise's and peewee's clients that run a statement."""
_MANY = 10
"""A revision that so many follow has run everywhere long ago."""


class Step(NamedTuple):
    """One change of the schema."""

    kind: str
    """`creates`, `column`, `index`, `concurrent`, `alters`; `autocommit`, `state-only`, `initial` and
    `not-atomic` say how others are to be read."""
    table: str = ""
    name: str = ""
    """The column or index."""
    words: str = ""
    """The operation as it is called."""
    required: bool = False
    """Of a column: NOT NULL without a default that the database knows."""
    indexed: bool = False
    sure: bool = True
    """Whether the field or type is known to behave so."""
    last_line: int = 0


class Placed(NamedTuple):
    """A step where it stands."""

    step: Step
    function: LinkedFunction
    span: Span


def note_class(node: ast.ClassDef, ctx: FileContext) -> None:
    """Note what a Django migration says of itself."""
    for statement in node.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="initial")], value=ast.Constant(value=True)):
                note(ctx, statement, Step("initial"))
            case ast.Assign(targets=[ast.Name(id="atomic")], value=ast.Constant(value=False)):
                note(ctx, statement, Step("not-atomic"))


def note_with(node: ast.With, ctx: FileContext) -> None:
    """Note Alembic's blocks outside transactions, and what its batches do."""
    for item in node.items:
        call = item.context_expr
        if not isinstance(call, ast.Call):
            continue
        if isinstance(call.func, ast.Attribute) and call.func.attr == "autocommit_block":
            note(ctx, node, Step("autocommit", last_line=node.end_lineno or node.lineno))
        if ctx.name(call) == "alembic.op.batch_alter_table" and isinstance(item.optional_vars, ast.Name):
            table = _text(_argument(call, 0, "table_name"))
            for inner in ast.walk(ast.Module(node.body, [])):
                match inner:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if (
                        name == item.optional_vars.id
                    ):
                        for step in _alembic(attribute, inner, ctx, table):
                            note(ctx, inner, step)


def note_call(node: ast.Call, ctx: FileContext) -> None:
    """Note what one operation does."""
    symbol = ctx.name(node)
    steps: Iterable[Step] = ()
    if symbol.startswith("alembic.op."):
        steps = _alembic(symbol.removeprefix("alembic.op."), node, ctx, None)
    elif symbol.startswith(_POSTGRES_OPERATIONS):
        steps = _django(symbol.removeprefix(_POSTGRES_OPERATIONS), node, ctx)
    elif symbol.startswith(_DJANGO) or _is_subclass_of_operation(symbol):
        steps = _django(symbol.rpartition(".")[2], node, ctx)
    elif isinstance(node.func, ast.Attribute) and node.func.attr in _EXECUTING and node.args:
        steps = _sql(node.args[0])
    for step in steps:
        note(ctx, node, step)


def note_return(node: ast.Return, ctx: FileContext) -> None:
    """Note what the statements do that an upgrade of Aerich gives to be run (aerich 0.9)."""
    text = node.value
    if (
        not isinstance(text, ast.Constant)
        or not isinstance(text.value, str)
        or ctx.function.rpartition(".")[2] != "upgrade"
        or ctx.kind != FileKind.MIGRATION
    ):
        return
    line = text.lineno
    for statement in text.value.split(";"):
        blank = len(statement) - len(statement.lstrip())
        written = ast.Constant(statement)
        written.lineno = written.end_lineno = line + statement.count("\n", 0, blank)
        written.col_offset, written.end_col_offset = 0, 1
        for step in _sql(written):
            note(ctx, written, step)
        line += statement.count("\n")


def _is_subclass_of_operation(symbol: str) -> bool:
    return ".migrations.operations." in symbol


def note(ctx: FileContext, node: ast.AST, step: Step) -> None:
    """Keep a step for the rule's second half."""
    ctx.fact(node, step.kind, text=json.dumps(step))


def revisions(project: Project, rule: str) -> Iterator[tuple[FileNode, list[Placed]]]:
    """The steps of each revision on the way up, those that change no table left out."""
    by_file: dict[int, list[Placed]] = {}
    for function, fact in project.noted(rule):
        if "downgrade" not in function.name and function.kind == FileKind.MIGRATION:
            placed = Placed(Step(*json.loads(fact.text)), function, fact.span)
            by_file.setdefault(function.file.index, []).extend(_for_each(project, placed))
    for index in sorted(by_file):
        steps = by_file[index]
        if _runs_outside(project.files[index]):
            steps.append(steps[0]._replace(step=Step("not-atomic")))
        unreal = [(one.span.line, one.step.last_line) for one in steps if one.step.kind == "state-only"]
        yield (
            project.files[index],
            [one for one in steps if not any(first <= one.span.line <= last for first, last in unreal)],
        )


def _runs_outside(file: FileNode) -> bool:
    """Whether a revision of Aerich says that it runs outside of a transaction (aerich 0.9)."""
    term = file.summary.names.get("RUN_IN_TRANSACTION")
    row = None if term is None else file.summary.terms[term]
    return isinstance(row, Const) and row.value is False


def _for_each(project: Project, one: Placed) -> list[Placed]:
    """A step for each table that a loop over a literal names: `for table in ("posts", "tags"):`."""
    terms = one.function.file.summary.terms
    for block in one.function.summary.blocks:
        inside = block.kind == BlockKind.FOR and block.line <= one.span.line <= block.end_line
        if not inside or one.step.table not in block.targets:
            continue
        listed = terms[bare(one.function.file, block.terms[0])]
        rows = [terms[item] for item in listed.items] if isinstance(listed, Sequence) else []
        at = block.targets.index(one.step.table)
        found: list[Placed] = []
        for row in rows:
            name = terms[row.items[at]] if isinstance(row, Sequence) and at < len(row.items) else row
            if not isinstance(name, Const) or not isinstance(name.value, str):
                return [one]
            found.append(one._replace(step=one.step._replace(table=name.value)))
        return found or [one]
    return [one]


def once(steps: Iterable[Placed]) -> list[Placed]:
    """The first step of each place: a loop has one for each of its tables."""
    found: dict[tuple[object, ...], Placed] = {}
    for one in steps:
        found.setdefault((one.span, one.step.kind, one.step.name), one)
    return list(found.values())


def new_tables(
    project: Project, file: FileNode, steps: Iterable[Placed], everything: Iterable[Placed]
) -> set[str]:
    """Tables that a revision creates itself, or that an earlier revision of the same change does."""
    own = list(steps)
    if file.summary.path in project.facts.new_files:
        own += [one for one in everything if one.function.path in project.facts.new_files]
    return {table for one in own if one.step.kind == "creates" for table in _created(project, one)}


def _created(project: Project, one: Placed) -> Iterator[str]:
    """The table a step creates; of a helper that is given its name, those that it is called with."""
    yield one.step.table
    names = {parameter.name for parameter in one.function.summary.parameters}
    if one.step.table in names:
        for call in project.calls_in_file(one.function.file):
            if one.function.key in call.targets:
                for term in (*call.row.arguments, *(term for _, term in call.row.keywords)):
                    value = project.constant(call.function, term)
                    if isinstance(value, str):
                        yield value


def is_initial(steps: Iterable[Placed]) -> bool:
    """Whether Django made the revision together with its tables."""
    return any(one.step.kind == "initial" for one in steps)


def has_run(project: Project, file: FileNode) -> bool:
    """Whether so many revisions follow that this one can't be changed any more."""
    return _followers(project, file) >= _MANY


def _followers(project: Project, file: FileNode) -> int:
    name = _constants(file, "revision")
    if not name:
        folder = file.summary.path.rpartition("/")[0]
        return sum(
            other.summary.path.rpartition("/")[0] == folder and other.summary.path > file.summary.path
            for other in project.files
            if not other.summary.is_package
        )
    children: dict[str, set[str]] = {}
    for other in project.files:
        if other.kind == FileKind.MIGRATION:
            for below in _constants(other, "down_revision"):
                children.setdefault(below, set()).update(_constants(other, "revision"))
    found: set[str] = set()
    pending = list(name)
    while pending and len(found) < _MANY:
        for child in children.get(pending.pop(), ()):
            if child not in found:
                found.add(child)
                pending.append(child)
    return len(found)


def _constants(file: FileNode, name: str) -> list[str]:
    term = file.summary.names.get(name)
    row = None if term is None else file.summary.terms[term]
    rows = [file.summary.terms[item] for item in row.items] if isinstance(row, Sequence) else [row]
    return [one.value for one in rows if isinstance(one, Const) and isinstance(one.value, str)]


def _django(name: str, node: ast.Call, ctx: FileContext) -> Iterator[Step]:
    table = _text(_argument(node, 0, "model_name" if name != "CreateModel" else "name")).lower()
    match name:
        case "SeparateDatabaseAndState":
            state = _argument(node, 1, "state_operations")
            if state is not None:
                note(ctx, state, Step("state-only", last_line=state.end_lineno or state.lineno))
        case "CreateModel":
            yield Step("creates", table)
            fields = _argument(node, 1, "fields")
            for item in fields.elts if isinstance(fields, ast.List | ast.Tuple) else ():
                match item:
                    case ast.Tuple(elts=[ast.Constant(value=str(column)), ast.Call() as made]):
                        yield Step("had", table, column.lower(), indexed=_has_index(made))
        case "AddField" | "AlterField":
            yield from _field(name, table, node, ctx)
        case "AddIndex" | "AddIndexConcurrently":
            index = _argument(node, 1, "index")
            given = _keyword(index, "name") if isinstance(index, ast.Call) else None
            kind = "index" if name == "AddIndex" else "concurrent"
            yield Step(kind, table, _text(given), f"{name}({table})")
        case "AlterIndexTogether":
            together = _argument(node, 1, "index_together")
            if isinstance(together, ast.Set | ast.List | ast.Tuple) and together.elts:
                yield Step("index", table, "", f"AlterIndexTogether({table})", sure=False)
        case "RunSQL":
            statement = _argument(node, 0, "sql")
            if statement is not None:
                yield from _sql(statement)


def _field(name: str, table: str, node: ast.Call, ctx: FileContext) -> Iterator[Step]:
    column = _text(_argument(node, 1, "name"))
    field = _argument(node, 2, "field")
    if not isinstance(field, ast.Call):
        return
    symbol = ctx.name(field)
    adds = name == "AddField"
    yield Step(
        "column" if adds else "alters",
        table,
        column.lower(),
        f"{name}({table}.{column})",
        required=_is_required(field, symbol),
        # The index of a new foreign key comes with any way to add one, so only what is asked for counts.
        indexed=not _is_false(_keyword(field, "db_index")) if adds else _has_index(field),
        sure=symbol.startswith("django.db.models."),
    )
    if adds:
        yield Step("had", table, column.lower(), indexed=_has_index(field))


_OWN_VALUES = frozenset(
    {"AutoField", "BigAutoField", "SmallAutoField", "ManyToManyField", "GeneratedField", "NullBooleanField"}
)
_EMPTY_STRINGS = frozenset(
    {
        "CharField",
        "TextField",
        "SlugField",
        "EmailField",
        "URLField",
        "FileField",
        "ImageField",
        "FilePathField",
    }
)


def _is_required(field: ast.Call, symbol: str) -> bool:
    """Whether Django has no value for the rows that exist."""
    kind = symbol.rpartition(".")[2] or ast.unparse(field.func).rpartition(".")[2]
    given = {keyword.arg: keyword.value for keyword in field.keywords}
    if None in given or kind in _OWN_VALUES or not _is_false(given.get("null")):
        return False
    if not given.keys().isdisjoint(("default", "db_default", "auto_now", "auto_now_add", "through")):
        return False
    return not (kind in _EMPTY_STRINGS and not _is_false(given.get("blank")))


def _has_index(field: ast.Call) -> bool:
    return any(
        keyword.arg in ("db_index", "unique", "primary_key") and not _is_false(keyword.value)
        for keyword in field.keywords
    ) or ast.unparse(field.func).rpartition(".")[2] in ("ForeignKey", "OneToOneField", "SlugField")


def _is_false(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and not value.value)


def _alembic(name: str, node: ast.Call, ctx: FileContext, batch: str | None) -> Iterator[Step]:
    first = 0 if batch is not None else 1
    table = batch if batch is not None else _text(_argument(node, 0, "table_name"))
    match name:
        case "create_table":
            yield Step("creates", table)
        case "rename_table":
            yield Step("renames", table, _text(_argument(node, 1, "new_table_name")))
        case "add_column":
            column = _argument(node, first, "column")
            if isinstance(column, ast.Call) and ctx.name(column).endswith("Column"):
                yield _column(column, table)
        case "create_index":
            index = _argument(node, 0, "index_name")
            if batch is None:
                table = _text(_argument(node, 1, "table_name"))
            how = "index" if _is_false(_keyword(node, "postgresql_concurrently")) else "concurrent"
            if all(keyword.arg is not None for keyword in node.keywords):
                yield Step(how, table, _text(index), "create_index")
        case "execute":
            statement = _argument(node, 0, "sqltext")
            if statement is not None:
                yield from _sql(statement)


def _column(column: ast.Call, table: str) -> Step:
    given = {keyword.arg: keyword.value for keyword in column.keywords}
    nullable = given.get("nullable")
    required = isinstance(nullable, ast.Constant) and nullable.value is False
    makes_values = any(
        isinstance(part, ast.Call)
        and ast.unparse(part.func).rpartition(".")[2] in ("Computed", "Identity", "Sequence")
        for part in column.args
    )
    default = given.get("server_default")
    has_default = default is not None and not (isinstance(default, ast.Constant) and default.value is None)
    name = _text(column.args[0]) if column.args else ""
    return Step(
        "column",
        table,
        name,
        f"add_column({table}.{name})",
        required=required and not has_default and not makes_values and None not in given,
        indexed=not _is_false(given.get("index")),
    )


def _sql(node: ast.expr) -> Iterator[Step]:
    """What SQL does that is spelt out: one string, several, or `text(…)` of one."""
    if isinstance(node, ast.Call) and node.args:
        node = node.args[0]
    if isinstance(node, ast.List | ast.Tuple):
        for item in node.elts:
            yield from _sql(item)
        return
    statement = _literal(node)
    if statement.strip().rstrip(";").lower() == "commit":
        yield Step("autocommit", last_line=1_000_000)
    for found in _TABLE_SQL.finditer(statement):
        yield Step("creates", _plain(found["table"]))
    for found in _INDEX_SQL.finditer(statement):
        table = _plain(found["table"])
        how = "concurrent" if found["how"] else "index"
        yield Step(how, table, _plain(found["name"] or ""), "CREATE INDEX")
    for found in _ALTER_SQL.finditer(statement):
        for action in re.split(r",(?![^(]*\))", found["rest"]):
            added = _ADD_SQL.match(action)
            if added:
                rest = added["rest"].lower()
                required = "not null" in rest and not re.search(
                    r"\bdefault\b|\bgenerated\b|serial\b|\bidentity\b", rest
                )
                table, name = _plain(found["table"]), _plain(added["name"])
                yield Step("column", table, name, f"ALTER TABLE {table} ADD {name}", required=required)


def _literal(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(str(value.value) if isinstance(value, ast.Constant) else "{}" for value in values)
        case ast.BinOp(op=ast.Add(), left=left, right=right):
            return _literal(left) + _literal(right)
    return ""


def _plain(name: str) -> str:
    return name.strip().replace('"', "").rpartition(".")[2]


def _argument(node: ast.Call, position: int, name: str) -> ast.expr | None:
    found = _keyword(node, name)
    if found is None and position < len(node.args):
        return node.args[position]
    return found


def _keyword(node: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in node.keywords if keyword.arg == name), None)


def _text(node: ast.expr | None) -> str:
    """A name as it is written: a string's content, `op.f("…")` unwrapped, else the expression itself."""
    match node:
        case None:
            return ""
        case ast.Constant(value=str(text)):
            return text
        case ast.Call(args=[inner, *_], func=ast.Attribute(attr="f")):
            return _text(inner)
    return ast.unparse(node)
