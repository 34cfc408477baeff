"""What one file says, once read: the only thing that leaves the summarise step.

A summary is a lowered form of the file: symbols, and for each function its blocks (loops, `try`,
`with`, branches) and events (calls, returns, raises …) in the order of evaluation, over a table
of terms. It holds no syntax nodes, and is all that linking and the rules' second halves see.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from backlint.condition import Condition
from backlint.finding import Confidence, Evidence, Fix, Severity, Span
from backlint.term import Term

MODULE_FUNCTION = 0
"""Index in `FileSummary.functions` of the pseudo-function that holds module-level code."""


class FileKind(StrEnum):
    """What a file is for; a rule says in which kinds it applies."""

    SOURCE = "source"
    TEST = "test"
    MIGRATION = "migration"
    SCRIPT = "script"
    """Command-line scripts and management commands."""
    SETTINGS = "settings"
    EXAMPLE = "example"


class BlockKind(IntEnum):
    BODY = 0
    """The body of the function itself; always block 0."""
    FOR = 1
    """`terms[0]` is the iterable."""
    WHILE = 2
    """`terms[0]` is the test."""
    COMPREHENSION = 3
    """One `for` clause; `terms[0]` is the iterable."""
    TRY = 4
    """`terms` are the caught exception types of its handlers; empty for a bare `except`."""
    EXCEPT = 5
    """`terms` are the caught types; empty for a bare `except`."""
    FINALLY = 6
    WITH = 7
    """`terms[0]` is the context manager; one block an item."""
    IF = 8
    """`terms[0]` is the test, which is true in here."""
    ELSE = 9
    """`terms[0]` is the test, which is false in here; of a loop or `try` there are no terms."""
    MATCH = 10
    """One case; `terms[0]` is the subject."""
    LAMBDA = 11
    """Code that runs when a lambda or generator is used, not here."""


class Block(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A region of a function's code. `parent` is an index in `FunctionSummary.blocks`, -1 for the body."""

    kind: BlockKind
    parent: int
    span: Span
    """The head: a loop's iterable or test, the context manager, the condition."""
    terms: tuple[int, ...] = ()
    targets: tuple[str, ...] = ()
    """Loop variables, `as` names, or the name of a caught exception."""
    is_async: bool = False
    leaves: bool = False
    """The last statement at its top level is `return`, `raise`, `break` or `continue`."""
    leaves_loop: bool = False
    """Of a loop: every pass ends in `return`, `raise` or `break`, so there is one pass at most."""
    end_line: int = 0

    @property
    def line(self) -> int:
        return self.span.line


class EventKind(IntEnum):
    CALL = 0
    """`term` is the call."""
    RETURN = 1
    YIELD = 2
    RAISE = 3
    """`term` is the exception; a bare `raise` has -1."""
    SET_ATTR = 4
    """`base.name = value`: `term` is the `Attr` that is set, `value` what it is set to."""
    SET_ITEM = 5
    DELETE = 6
    READ = 7
    """An attribute read that may hide work: a chain, or an attribute of a loop variable."""
    TEST = 8
    """A value used for its truth (`if x`, `while x`, `x and y`, `not x`), or awaited."""
    ASSERT = 9
    ASSIGN = 10
    """A local or module name is bound; `name` says which."""
    GLOBAL_WRITE = 11
    """A function assigns a name that it declares `global`."""
    LEAVE = 12
    """`break` or `continue`; `name` says which."""
    SLICE = 13
    """`base[lower:upper]`: `term` is the `Item`."""


class Use(IntEnum):
    """What becomes of a call's value."""

    OTHER = 0
    DISCARDED = 1
    RETURNED = 2
    ASSIGNED = 3
    ARGUMENT = 4
    ITERATED = 5


class Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something that happens when a function runs, in order of evaluation."""

    kind: EventKind
    term: int
    block: int
    span: Span
    value: int = -1
    name: str = ""
    awaited: bool = False
    use: Use = Use.OTHER


class Parameter(msgspec.Struct, frozen=True, array_like=True, gc=False):
    name: str
    annotation: int = -1
    default: int = -1
    kind: str = ""
    """Empty for an ordinary parameter, `*`, `**`, `keyword` or `positional`."""


class FunctionSummary(msgspec.Struct, frozen=True, array_like=True):
    """A function, method or lambda; index 0 of a file is its module-level code."""

    name: str
    """Dotted inside the module: `OrderView.list`, `make.<locals>.inner`, `<lambda:31>`."""
    span: Span
    parent: int = -1
    """Index of the enclosing function, -1 at module or class level."""
    cls: int = -1
    """Index in `FileSummary.classes` of the class it is a method of, or -1."""
    parameters: tuple[Parameter, ...] = ()
    decorators: tuple[int, ...] = ()
    returns: int = -1
    """The return annotation."""
    is_async: bool = False
    is_generator: bool = False
    is_stub: bool = False
    """The body is only a docstring, `pass`, `...` or `raise NotImplementedError`."""
    docstring: str = ""
    """The first line."""
    blocks: tuple[Block, ...] = ()
    events: tuple[Event, ...] = ()
    body_line: int = 0


class ClassAttribute(msgspec.Struct, frozen=True, array_like=True, gc=False):
    name: str
    value: int
    annotation: int
    span: Span
    """The name that is bound."""
    instance: bool = False
    """Set as `self.name = …` in a method rather than in the class body."""

    @property
    def line(self) -> int:
        return self.span.line


class ClassSummary(msgspec.Struct, frozen=True, array_like=True):
    name: str
    """Dotted inside the module: `Order.Meta`."""
    span: Span
    bases: tuple[int, ...] = ()
    keywords: tuple[tuple[str, int], ...] = ()
    decorators: tuple[int, ...] = ()
    attributes: tuple[ClassAttribute, ...] = ()
    methods: tuple[int, ...] = ()
    """Indices in `FileSummary.functions`."""
    docstring: str = ""


class Import(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One imported name. `alias` is the local name, `target` the absolute dotted symbol; `*` for both of a star."""

    alias: str
    target: str
    span: Span
    guard: str = ""
    """`optional` inside `try … except ImportError`, `typing` under `TYPE_CHECKING`, `local` inside a function."""


class Suppression(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A `# backlint: ignore[rule, …] reason` comment, and the lines it covers (first and last, inclusive)."""

    span: Span
    rules: tuple[str, ...]
    reason: str
    first_line: int
    last_line: int
    problem: str = ""
    """Why it is malformed; such a comment suppresses nothing."""


class PendingFinding(msgspec.Struct, frozen=True, array_like=True):
    """A finding of a rule's first half; it stands when `when` is None or decided true."""

    rule: str
    span: Span
    message: str
    function: int
    confidence: Confidence
    severity: Severity
    advice: str = ""
    evidence: tuple[Evidence, ...] = ()
    when: Condition | None = None
    fix: Fix | None = None


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """Something a rule noted for its second half: `kind` is the rule's own word."""

    rule: str
    kind: str
    span: Span
    function: int
    terms: tuple[int, ...] = ()
    text: str = ""


class FileSummary(msgspec.Struct, frozen=True, array_like=True):
    """One file, lowered."""

    path: str
    module: str
    kind: FileKind
    lines: int
    is_package: bool = False
    imports: tuple[Import, ...] = ()
    names: dict[str, int] = {}
    """Module-level names bound by assignment, `def` and `class`: the term of each."""
    exports: tuple[str, ...] | None = None
    """`__all__` where it is a plain list."""
    terms: tuple[Term, ...] = ()
    functions: tuple[FunctionSummary, ...] = ()
    classes: tuple[ClassSummary, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    findings: tuple[PendingFinding, ...] = ()
    facts: tuple[Fact, ...] = ()
    mentions: tuple[str, ...] = ()
    """Top-level modules that the file imports anywhere, for the framework gate."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(FileSummary)


def encode(summary: FileSummary) -> bytes:
    """Write a summary as MessagePack."""
    return _encoder.encode(summary)


def decode(data: bytes) -> FileSummary:
    """Read a summary back.

    Raises:
        msgspec.DecodeError: the bytes are no summary (a subclass of ValueError).
    """
    return _decoder.decode(data)
