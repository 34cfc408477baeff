"""What the lowering of one file keeps while it walks."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Sequence

from backlint.finding import Span
from backlint.summary import (
    Block,
    BlockKind,
    ClassAttribute,
    ClassSummary,
    Event,
    EventKind,
    FileKind,
    FunctionSummary,
    Import,
    Use,
)
from backlint.term import Const, Join, Local, Name, Term, Unknown

BUILTINS = frozenset(dir(builtins))
Handler = Callable[[ast.AST], None]


class Terms:
    """The term table of a file: equal terms share one index."""

    def __init__(self) -> None:
        self.rows: list[Term] = []
        self._index: dict[object, int] = {}
        self.unknown = self.add(Unknown())

    def add(self, term: Term) -> int:
        # 1, 1.0 and True are equal in Python but not the same constant.
        key = (term, term.value.__class__) if isinstance(term, Const) else term
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = len(self.rows)
            self.rows.append(term)
        return index

    def join(self, options: Sequence[int]) -> int:
        """One of several values; nested joins are flattened and equal options merged."""
        flat: dict[int, None] = {}
        for option in options:
            row = self.rows[option]
            for single in row.options if isinstance(row, Join) else (option,):
                flat[single] = None
        if len(flat) == 1:
            return next(iter(flat))
        return self.add(Join(tuple(flat)[:8]))

    def local(self, name: str, value: int) -> int:
        """The value of a local variable, wrapped so that its name is kept."""
        if isinstance(self.rows[value], Local):
            value = self.rows[value].base  # type: ignore[union-attr]
        return self.add(Local(name, value))


class Scope:
    """A function being lowered (or the module, or a class body)."""

    def __init__(self, function: int, parent: Scope | None, name: str) -> None:
        self.function = function
        self.parent = parent
        self.name = name
        self.env: dict[str, int] = {}
        self.blocks: list[Block] = []
        self.events: list[Event] = []
        self.block = 0
        self.global_names: set[str] = set()
        self.nonlocal_names: set[str] = set()
        self.is_module = False
        self.is_class = False
        self.cls = -1
        self.self_name = ""
        self.is_generator = False
        self.reads: set[tuple[int, int]] = set()
        self.deferred: list[tuple[int, ast.AST, int]] = []


class ClassBuilder:
    """A class being lowered; methods and `self.x = …` are added while functions are."""

    def __init__(self, name: str, node: ast.ClassDef) -> None:
        self.name = name
        self.node = node
        self.bases: tuple[int, ...] = ()
        self.keywords: tuple[tuple[str, int], ...] = ()
        self.decorators: tuple[int, ...] = ()
        self.attributes: list[ClassAttribute] = []
        self.methods: list[int] = []
        self.method_names: set[str] = set()

    def finish(self) -> ClassSummary:
        return ClassSummary(
            self.name,
            node_span(self.node),
            self.bases,
            self.keywords,
            self.decorators,
            tuple(self.attributes),
            tuple(self.methods),
            first_docstring_line(self.node),
        )


class Lowering:
    """The state of one file's walk: tables that grow, and the scope that is current."""

    def __init__(
        self, path: str, module: str, is_package: bool, kind: FileKind, handlers: dict[type, list[Handler]]
    ) -> None:
        self.path = path
        self.module = module
        self.is_package = is_package
        self.kind = kind
        self.handlers = handlers
        self.terms = Terms()
        self.functions: list[FunctionSummary | None] = [None]
        self.classes: list[ClassBuilder] = []
        self.imports: list[Import] = []
        self.imported: dict[str, str] = {}
        self.names: dict[str, int] = {}
        self.module_names: set[str] = set()
        self.has_star = False
        self.exports: tuple[str, ...] | None = None
        self.scope = Scope(0, None, "")
        self.scope.is_module = True
        self.guard = ""
        self.muted = 0
        self.text = ""
        """The file's text, for rules that ask for comments."""

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.module if self.is_package else self.module.rpartition(".")[0]

    def look_up(self, name: str) -> int:
        """The term that a name stands for where it is read."""
        scope: Scope | None = self.scope
        first = True
        while scope is not None and not scope.is_module:
            if (first or not scope.is_class) and name in scope.env and name not in scope.global_names:
                return scope.env[name]
            first = False
            scope = scope.parent
        return self.global_name(name)

    def global_name(self, name: str) -> int:
        """The term of a name looked up at module level."""
        target = self.imported.get(name)
        if target is not None and name not in self.names:
            return self.terms.add(Name(target))
        if name in self.module_names or name in self.names or (self.has_star and name not in BUILTINS):
            return self.terms.add(Name(f"{self.module}.{name}"))
        if name in BUILTINS:
            return self.terms.add(Name(f"builtins.{name}"))
        return self.terms.unknown

    def bind(self, name: str, value: int) -> None:
        """Assign a value to a name in the current scope."""
        scope = self.scope
        if scope.is_module or name in scope.global_names:
            old = self.names.get(name)
            self.names[name] = value if old is None else self.terms.join((old, value))
            return
        if name in scope.nonlocal_names and scope.parent is not None:
            old = scope.parent.env.get(name)
            value = self.terms.local(name, value)
            scope.parent.env[name] = value if old is None else self.terms.join((old, value))
            return
        scope.env[name] = value if scope.is_class else self.terms.local(name, value)

    def code_scope(self) -> Scope:
        """The scope whose function runs the current code: a class body runs in what encloses it."""
        scope = self.scope
        while scope.is_class and scope.parent is not None:
            scope = scope.parent
        return scope

    def event(
        self,
        kind: EventKind,
        term: int,
        span: Span,
        value: int = -1,
        name: str = "",
        awaited: bool = False,
        use: Use = Use.OTHER,
    ) -> None:
        if not self.muted:
            scope = self.code_scope()
            scope.events.append(Event(kind, term, scope.block, span, value, name, awaited, use))

    def open_block(
        self,
        kind: BlockKind,
        node: ast.AST,
        terms: tuple[int, ...] = (),
        targets: tuple[str, ...] = (),
        is_async: bool = False,
        leaves: bool = False,
        leaves_loop: bool = False,
        head: ast.AST | None = None,
    ) -> int:
        """Start a block inside the current one; returns what `close_block` needs."""
        scope = self.code_scope()
        outer = scope.block
        span = node_span(node if head is None else head)
        end_line = node.end_lineno  # type: ignore[attr-defined]
        scope.blocks.append(Block(kind, outer, span, terms, targets, is_async, leaves, leaves_loop, end_line))
        scope.block = len(scope.blocks) - 1
        return outer

    def close_block(self, outer: int) -> None:
        self.code_scope().block = outer


def node_span(node: ast.AST) -> Span:
    """The whole node."""
    return Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]


def call_span(node: ast.Call) -> Span:
    """A call, from the name that is called: in a chain over several lines that is the line to look at."""
    func = node.func
    if isinstance(func, ast.Attribute):
        line = func.end_lineno or func.lineno
        column = (func.end_col_offset or 0) - len(func.attr.encode())
        return Span(line, column, node.end_lineno or line, node.end_col_offset or column)
    return node_span(node)


def encodable(text: str) -> str:
    """The text with lone surrogates, which no summary can hold, replaced."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def first_docstring_line(node: ast.AST) -> str:
    """The first line of a docstring, or nothing."""
    body = getattr(node, "body", None)
    if body and isinstance(body, list) and isinstance(body[0], ast.Expr):
        value = body[0].value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return encodable(value.value.strip().partition("\n")[0][:200])
    return ""
