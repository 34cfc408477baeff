"""What each construct of the language becomes in a summary."""

from __future__ import annotations

import textwrap

import pytest

from backlint.summarise.file import FileTask, summarise
from backlint.summary import BlockKind, EventKind, FileKind, FileSummary, FunctionSummary, Use
from backlint.term import (
    Attr,
    Awaited,
    Call,
    Carried,
    Caught,
    Comprehension,
    Const,
    Element,
    Entered,
    Function,
    Instance,
    Item,
    Join,
    Local,
    Mapping,
    Name,
    Operation,
    Param,
    Sequence,
    Slice,
    Star,
    Super,
    Term,
    Text,
)


def lowered(code: str, module: str = "app.main", is_package: bool = False) -> FileSummary:
    data = textwrap.dedent(code).encode()
    path = module.replace(".", "/") + ("/__init__.py" if is_package else ".py")
    outcome = summarise(FileTask(path, module, is_package, FileKind.SOURCE, data), [])
    assert outcome.summary is not None, outcome.notices
    return outcome.summary


def function(summary: FileSummary, name: str) -> FunctionSummary:
    return next(found for found in summary.functions if found.name == name)


def show(summary: FileSummary, index: int) -> str:
    """A term written out, so that tests can say what they expect in one line."""
    if index < 0:
        return "-"
    row: Term = summary.terms[index]

    def of(*indices: int) -> str:
        return ", ".join(show(summary, each) for each in indices)

    match row:
        case Name(symbol):
            return symbol
        case Attr(base, name):
            return f"{of(base)}.{name}"
        case Call(called, arguments, keywords):
            named = [f"{name}={of(value)}" for name, value in keywords]
            return f"{of(called)}({', '.join([show(summary, each) for each in arguments] + named)})"
        case Const(value):
            return repr(value)
        case Param(_, name):
            return f"<{name}>"
        case Item(base, key):
            return f"{of(base)}[{of(key)}]"
        case Slice(lower, upper, step):
            return ":".join(show(summary, each) if each >= 0 else "" for each in (lower, upper, step))
        case Element(base, position):
            return f"each {of(base)}" if position < 0 else f"each {of(base)} #{position}"
        case Entered(base):
            return f"entered {of(base)}"
        case Awaited(base):
            return f"await {of(base)}"
        case Join(options):
            return " | ".join(show(summary, each) for each in options)
        case Sequence(kind, items):
            return f"{kind}({of(*items)})"
        case Mapping(entries):
            return (
                "{"
                + ", ".join(f"{show(summary, key)}: {show(summary, value)}" for key, value in entries)
                + "}"
            )
        case Text(how, parts):
            return f"text {how}({of(*parts)})"
        case Operation(operator, operands):
            return f"{operator}({of(*operands)})"
        case Instance(annotation):
            return f"a {of(annotation)}"
        case Function(number):
            return f"def {summary.functions[number].name}"
        case Comprehension(kind, element, _):
            return f"{kind} of {of(element)}"
        case Star(base):
            return f"*{of(base)}"
        case Caught(exception):
            return f"caught {of(exception)}"
        case Carried(name):
            return f"earlier {name}"
        case Super(cls):
            return f"super in {summary.classes[cls].name}"
        case Local(_, base):
            return of(base)
        case _:
            return type(row).__name__.lower()


def returned(code: str, name: str = "f", **options: str) -> list[str]:
    """What the function `f` of some code returns."""
    summary = lowered(code, **options)  # type: ignore[arg-type]
    events = function(summary, name).events
    return [show(summary, event.term) for event in events if event.kind is EventKind.RETURN]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1", "1"),
        ("True", "True"),
        ("-1.5", "-1.5"),
        ("None", "None"),
        ("10 ** 30", "**(10, 30)"),
        (str(2**70), "inf"),
        ("'text'", "'text'"),
        ("b'\\xff'", "'ÿ'"),
        ("len", "builtins.len"),
        ("nowhere", "unknown"),
        ("a", "<a>"),
        ("a.b.c", "<a>.b.c"),
        ("a[0]", "<a>[0]"),
        ("a[1:b]", "<a>[1:<b>:]"),
        ("a[::2]", "<a>[::2]"),
        ("a(b, *c, key=1, **d)", "<a>(<b>, *<c>, key=1, **=<d>)"),
        ("[a, b]", "list(<a>, <b>)"),
        ("(a,)", "tuple(<a>)"),
        ("{a, b}", "set(<a>, <b>)"),
        ("{'k': a, **b}", "{'k': <a>, -: <b>}"),
        ("f'{a} and {b:{c}}'", "text f(<a>, ' and ', <b>)"),
        ("'x %s' % a", "text %('x %s', <a>)"),
        ("'x {}'.format(a)", "text format('x {}', <a>)"),
        ("'x' + a", "text +('x', <a>)"),
        ("a + b", "+(<a>, <b>)"),
        ("a and b or c", "or(and(<a>, <b>), <c>)"),
        ("not a", "not(<a>)"),
        ("~a", "~(<a>)"),
        ("a if b else c", "<a> | <c>"),
        ("a if b else a", "<a>"),
        ("[x.y for x in a]", "list of each <a>.y"),
        ("{x for x in a if x}", "set of each <a>"),
        ("(y for x in a for y in x)", "generator of each each <a>"),
        ("{k: v for k, v in a.items()}", "dict of tuple(each <a>.items() #0, each <a>.items() #1)"),
        ("map(b, a)", "generator of <b>(each <a>)"),
        ("filter(b, a)", "generator of each <a>"),
        ("lambda x: x + 1", "def f.<locals>.<lambda:2>"),
        ("(y := a.b) or y", "or(<a>.b, <a>.b)"),
    ],
)
def test_an_expression(expression: str, expected: str) -> None:
    assert returned(f"def f(a, b, c, d):\n    return {expression}\n") == [expected]


def test_await_marks_the_call() -> None:
    summary = lowered("async def f(a):\n    return await a.get(1)\n")
    code = function(summary, "f")
    assert code.is_async
    assert [show(summary, event.term) for event in code.events if event.kind is EventKind.RETURN] == [
        "await <a>.get(1)"
    ]
    (call,) = (event for event in code.events if event.kind is EventKind.CALL)
    assert (call.awaited, call.use) == (True, Use.RETURNED)


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("a()", Use.DISCARDED),
        ("x = a()", Use.ASSIGNED),
        ("x: int = a()", Use.ASSIGNED),
        ("return a()", Use.RETURNED),
        ("b(a())", Use.ARGUMENT),
        ("b(k=a())", Use.ARGUMENT),
        ("for x in a(): pass", Use.ITERATED),
        ("[x for x in a()]", Use.ITERATED),
        ("if a(): pass", Use.OTHER),
        ("a().b", Use.OTHER),
    ],
)
def test_what_becomes_of_a_calls_value(statement: str, use: Use) -> None:
    summary = lowered(f"def f(a, b):\n    {statement}\n")
    uses = {
        show(summary, event.term): event.use
        for event in function(summary, "f").events
        if event.kind is EventKind.CALL
    }
    assert uses["<a>()"] is use


class TestNames:
    def test_imports(self) -> None:
        code = """
            import os.path
            import numpy as np
            from json import loads as read
            from . import models
            from .schemas import User
            from ..core import db
            def f():
                return [os.path.join, np.array, read, models.Post, User, db]
            """
        assert returned(code, module="app.api.main") == [
            "list(os.path.join, numpy.array, json.loads, app.api.models.Post, app.api.schemas.User, app.core.db)"
        ]

    def test_relative_imports_of_a_package_start_at_the_package(self) -> None:
        summary = lowered("from .views import index\nfrom .. import root\n", "app.api", is_package=True)
        assert [entry.target for entry in summary.imports] == ["app.api.views.index", "app.root"]

    def test_guards_of_imports(self) -> None:
        summary = lowered(
            """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                import a
            try:
                import b
            except ImportError:
                import c
            def f():
                import d
            """
        )
        guards = {entry.alias: entry.guard for entry in summary.imports}
        assert guards == {"TYPE_CHECKING": "", "a": "typing", "b": "optional", "c": "optional", "d": "local"}
        assert summary.mentions == ("a", "b", "c", "d", "typing")

    def test_a_star_import_makes_unknown_names_names_of_the_module(self) -> None:
        assert returned("from x import *\ndef f():\n    return y\n") == ["app.main.y"]

    def test_names_of_the_module(self) -> None:
        code = "LIMIT = 5\ndef g(): ...\nclass C: ...\ndef f():\n    return LIMIT, g, C, later\nlater = 1\n"
        assert returned(code) == ["tuple(app.main.LIMIT, app.main.g, app.main.C, app.main.later)"]

    def test_a_name_bound_twice_may_be_either(self) -> None:
        summary = lowered("if x():\n    MODE = 1\nelse:\n    MODE = 2\n")
        assert show(summary, summary.names["MODE"]) == "1 | 2"

    def test_exports(self) -> None:
        assert lowered("__all__ = ['a', 'b']\n").exports == ("a", "b")
        assert lowered("__all__ = make()\n").exports is None
        assert lowered("").exports is None

    def test_locals_hide_the_module_and_globals_do_not(self) -> None:
        code = """
            value = 1
            def f():
                global value
                value = 2
                return value
            def g():
                value = 3
                return value
            """
        assert returned(code, "f") == ["app.main.value"]
        assert returned(code, "g") == ["3"]


class TestClosures:
    def test_an_inner_function_sees_the_outer_ones_values(self) -> None:
        code = """
            def f(a):
                b = a.x
                def inner():
                    return b, a
                return inner
            """
        assert returned(code, "f.<locals>.inner") == ["tuple(<a>.x, <a>)"]
        assert returned(code, "f") == ["def f.<locals>.inner"]
        assert function(lowered(code), "f.<locals>.inner").parent == 1

    def test_an_inner_function_sees_what_is_bound_after_it(self) -> None:
        code = "def f(a):\n    def inner():\n        return b\n    b = a\n    return inner\n"
        assert returned(code, "f.<locals>.inner") == ["<a>"]

    def test_nonlocal(self) -> None:
        code = """
            def f():
                n = 0
                def inner():
                    nonlocal n
                    n = 1
                inner()
                def after():
                    return n
            """
        assert returned(code, "f.<locals>.after") == ["0 | 1"]

    def test_methods_do_not_see_the_class_body(self) -> None:
        code = "x = 1\nclass C:\n    x = 2\n    def f(self):\n        return x\n"
        assert returned(code, "C.f") == ["app.main.x"]

    def test_lambdas_have_parameters_and_a_return(self) -> None:
        code = "def f(a):\n    return lambda b: (a, b)\n"
        assert returned(code, "f.<locals>.<lambda:2>") == ["tuple(<a>, <b>)"]


class TestBranches:
    def test_after_an_if_a_name_may_be_either(self) -> None:
        assert returned("def f(a):\n    x = 1\n    if a:\n        x = 2\n    return x\n") == ["2 | 1"]

    def test_a_branch_that_leaves_brings_nothing(self) -> None:
        code = "def f(a):\n    x = 1\n    if a:\n        x = 2\n        return\n    return x\n"
        assert returned(code) == ["None", "1"]

    def test_blocks_say_what_is_true_inside(self) -> None:
        summary = lowered("def f(a):\n    if a:\n        return 1\n    else:\n        b()\n")
        _, then, otherwise = function(summary, "f").blocks
        assert (then.kind, show(summary, then.terms[0]), then.leaves) == (BlockKind.IF, "<a>", True)
        assert (otherwise.kind, show(summary, otherwise.terms[0])) == (BlockKind.ELSE, "<a>")
        assert not otherwise.leaves

    def test_match(self) -> None:
        code = """
            def f(a):
                match a:
                    case {"id": number, **rest} if number:
                        return number, rest
                    case [first, *others]:
                        x = first
                    case str() as text:
                        x = text
                return x
            """
        summary = lowered(code)
        kinds = [block.kind for block in function(summary, "f").blocks]
        assert kinds == [BlockKind.BODY, *[BlockKind.MATCH] * 3]
        assert returned(code) == ["tuple(each <a>, each <a>)", "each <a>"]

    def test_try(self) -> None:
        code = """
            def f(a):
                try:
                    x = a()
                except (KeyError, ValueError) as error:
                    return error
                except Exception:
                    x = None
                else:
                    b()
                finally:
                    c()
                return x
            """
        summary = lowered(code)
        blocks = function(summary, "f").blocks
        assert [block.kind for block in blocks] == [
            BlockKind.BODY,
            BlockKind.TRY,
            BlockKind.ELSE,
            BlockKind.EXCEPT,
            BlockKind.EXCEPT,
            BlockKind.FINALLY,
        ]
        assert [show(summary, term) for term in blocks[1].terms] == [
            "builtins.KeyError",
            "builtins.ValueError",
            "builtins.Exception",
        ]
        assert blocks[3].targets == ("error",)
        assert returned(code) == ["caught builtins.KeyError | builtins.ValueError", "<a>() | None"]

    def test_a_bare_except_has_no_terms(self) -> None:
        summary = lowered("def f():\n    try:\n        a()\n    except:\n        pass\n")
        assert [block.terms for block in function(summary, "f").blocks[1:]] == [(), ()]

    def test_with(self) -> None:
        code = "async def f(a, b):\n    async with a.open() as x, b as (y, z):\n        return x, y\n"
        summary = lowered(code)
        first, second = function(summary, "f").blocks[1:]
        assert (first.kind, first.is_async, first.targets) == (BlockKind.WITH, True, ("x",))
        assert (second.parent, second.targets) == (1, ("y", "z"))
        assert returned(code) == ["tuple(entered <a>.open(), entered <b>[0])"]


class TestLoops:
    def test_the_loop_variable_is_an_element(self) -> None:
        code = "def f(a):\n    for i, (key, value) in a:\n        g(i, key)\n    return i\n"
        summary = lowered(code)
        block = function(summary, "f").blocks[1]
        assert (block.kind, block.targets) == (BlockKind.FOR, ("i", "key", "value"))
        (call,) = (event for event in function(summary, "f").events if event.kind is EventKind.CALL)
        assert show(summary, call.term) == "unknown(each <a> #0, each <a> #1[0])"
        assert call.block == 1

    def test_a_value_from_an_earlier_pass(self) -> None:
        code = "def f(a):\n    last = None\n    for x in a:\n        g(last)\n        last = x\n"
        summary = lowered(code)
        (call,) = (event for event in function(summary, "f").events if event.kind is EventKind.CALL)
        assert show(summary, call.term) == "unknown(None | earlier last)"

    def test_while(self) -> None:
        code = "def f(a):\n    n = 0\n    while n < a:\n        n += 1\n    return n\n"
        summary = lowered(code)
        block = function(summary, "f").blocks[1]
        assert (block.kind, block.targets, block.leaves_loop) == (BlockKind.WHILE, ("n",), False)

    @pytest.mark.parametrize(
        ("body", "once"),
        [
            ("return x", True),
            ("raise x", True),
            ("break", True),
            ("g(x)", False),
            ("if x: continue\n        break", False),
            ("for y in x: continue\n        break", True),
        ],
    )
    def test_a_loop_of_one_pass(self, body: str, once: bool) -> None:
        summary = lowered(f"def f(a):\n    for x in a:\n        {body}\n")
        assert function(summary, "f").blocks[1].leaves_loop is once

    def test_comprehensions_are_blocks_one_a_clause(self) -> None:
        summary = lowered("def f(a):\n    return [g(y) for x in a for y in x.b if y]\n")
        code = function(summary, "f")
        assert [block.kind for block in code.blocks[1:]] == [BlockKind.COMPREHENSION] * 2
        assert code.blocks[2].parent == 1
        (call,) = (event for event in code.events if event.kind is EventKind.CALL)
        assert call.block == 2

    def test_a_comprehensions_variable_ends_with_it(self) -> None:
        assert returned("def f(a, x):\n    b = [x for x in a]\n    return x\n") == ["<x>"]
        summary = lowered("y = [x for x in z]\n")
        assert set(summary.names) == {"y"}


class TestDefinitions:
    CODE = """
        @decorate("x")
        async def f(a, /, b: int = 1, *args, c: "Session" = None, **kw) -> list[User]:
            '''First line.

            More.
            '''
        """

    def test_parameters(self) -> None:
        summary = lowered(self.CODE)
        code = function(summary, "f")
        assert [(each.name, each.kind) for each in code.parameters] == [
            ("a", "positional"),
            ("b", ""),
            ("args", "*"),
            ("c", "keyword"),
            ("kw", "**"),
        ]
        assert [show(summary, each.default) for each in code.parameters] == ["-", "1", "-", "None", "-"]
        assert show(summary, code.parameters[1].annotation) == "builtins.int"

    def test_what_else_is_known_of_a_function(self) -> None:
        summary = lowered("from x import decorate, User, Session\n" + textwrap.dedent(self.CODE))
        code = function(summary, "f")
        assert [show(summary, term) for term in code.decorators] == ["x.decorate('x')"]
        assert show(summary, code.returns) == "builtins.list[x.User]"
        assert show(summary, code.parameters[3].annotation) == "x.Session"
        assert (code.docstring, code.is_stub, code.is_async) == ("First line.", True, True)

    @pytest.mark.parametrize(
        ("body", "stub"),
        [
            ("pass", True),
            ("...", True),
            ("raise NotImplementedError", True),
            ("raise NotImplementedError('x')", True),
            ("raise ValueError", False),
            ("return None", False),
        ],
    )
    def test_stubs(self, body: str, stub: bool) -> None:
        assert function(lowered(f"def f():\n    {body}\n"), "f").is_stub is stub

    @pytest.mark.parametrize("body", ["yield 1", "yield from a", "x = yield", "[(yield 1)]"])
    def test_generators(self, body: str) -> None:
        assert function(lowered(f"def f(a):\n    {body}\n"), "f").is_generator
        assert not function(lowered(f"def f(a):\n    def g():\n        {body}\n"), "f").is_generator

    def test_classes(self) -> None:
        summary = lowered(
            """
            from django.db import models
            @register
            class Post(models.Model, metaclass=Meta):
                '''A post.'''
                title = models.CharField(max_length=5)
                author: "User"
                limit: int = 3
                class Meta:
                    ordering = ["-id"]
                def __init__(self, db):
                    self.db = db
                def save(self):
                    super().save()
            """
        )
        post, meta = summary.classes
        assert (post.name, meta.name, post.docstring) == ("Post", "Post.Meta", "A post.")
        assert [show(summary, base) for base in post.bases] == ["django.db.models.Model"]
        assert [name for name, _ in post.keywords] == ["metaclass"]
        attributes = {each.name: each for each in post.attributes}
        assert set(attributes) == {"title", "author", "limit", "db"}
        assert show(summary, attributes["title"].value) == "django.db.models.CharField(max_length=5)"
        assert attributes["author"].value == -1
        assert show(summary, attributes["limit"].annotation) == "builtins.int"
        assert show(summary, attributes["db"].value) == "<db>"
        assert [attributes[name].instance for name in ("title", "db")] == [False, True]
        assert [summary.functions[index].name for index in post.methods] == ["Post.__init__", "Post.save"]
        calls = [
            show(summary, event.term)
            for event in function(summary, "Post.save").events
            if event.kind is EventKind.CALL
        ]
        assert calls == ["super in Post.save()"]

    def test_an_annotated_variable_without_a_value_is_an_instance(self) -> None:
        assert returned("def f():\n    x: 'int'\n    return x\n") == ["a builtins.int"]

    def test_an_annotation_that_is_no_expression_is_unknown(self) -> None:
        summary = lowered("def f(a: 'not python('): ...\n")
        assert show(summary, function(summary, "f").parameters[0].annotation) == "unknown"


class TestEvents:
    def test_assignments_to_attributes_and_items(self) -> None:
        summary = lowered("def f(a, b):\n    a.x = b\n    a['k'] = b\n    del a['k']\n")
        events = function(summary, "f").events
        told = [(event.kind, show(summary, event.term), show(summary, event.value)) for event in events]
        assert (EventKind.SET_ATTR, "<a>.x", "<b>") in told
        assert (EventKind.SET_ITEM, "<a>['k']", "<b>") in told
        assert (EventKind.DELETE, "<a>['k']", "-") in told

    def test_reads_of_attributes_count_once_a_block_and_calls_are_none(self) -> None:
        summary = lowered("def f(a):\n    a.b.c()\n    return a.b, a.d\n")
        reads = [
            show(summary, event.term)
            for event in function(summary, "f").events
            if event.kind is EventKind.READ
        ]
        assert reads == ["<a>.b", "<a>.d"]

    def test_what_is_used_for_its_truth(self) -> None:
        summary = lowered("def f(a, b, c):\n    if a and not b:\n        pass\n    assert c\n    a == b\n")
        tests = [
            show(summary, event.term)
            for event in function(summary, "f").events
            if event.kind is EventKind.TEST
        ]
        assert tests == ["<a>", "<b>", "<c>"]

    def test_raise(self) -> None:
        summary = lowered(
            "def f(e):\n    try:\n        raise ValueError('x') from e\n    except E:\n        raise\n"
        )
        raised = [event for event in function(summary, "f").events if event.kind is EventKind.RAISE]
        assert [(show(summary, event.term), show(summary, event.value)) for event in raised] == [
            ("builtins.ValueError('x')", "<e>"),
            ("-", "-"),
        ]

    def test_a_call_in_a_chain_is_where_its_name_is(self) -> None:
        summary = lowered("def f(q):\n    return (\n        q.where(1)\n        .all()\n    )\n")
        calls = [event for event in function(summary, "f").events if event.kind is EventKind.CALL]
        assert [(call.span.line, call.span.column) for call in calls] == [(3, 10), (4, 9)]

    def test_module_level_code_is_the_first_function(self) -> None:
        summary = lowered("import app\napp.run()\nclass C:\n    x = app.make()\n")
        calls = [
            show(summary, event.term) for event in summary.functions[0].events if event.kind is EventKind.CALL
        ]
        assert calls == ["app.run()", "app.make()"]
