"""Newer syntax, masked. The cases call the masker directly, so they mean the same on every Python."""

import ast
import textwrap

import pytest

from backlint.syntax.modern import mask
from backlint.syntax.parse import parse
from backlint.syntax.restore import restore


def masked_tree(source: str) -> ast.Module:
    masked = mask(source)
    assert masked is not None
    assert [len(line.encode()) for line in masked.text.split("\n")] == [
        len(line.encode()) for line in source.split("\n")
    ]
    tree = ast.parse(masked.text)
    restore(tree, masked)
    return tree


def unparsed(source: str) -> str:
    return ast.unparse(masked_tree(textwrap.dedent(source)))


def spot(source: str, node: ast.expr | ast.stmt) -> str | None:
    return ast.get_source_segment(source, node)


@pytest.mark.parametrize(
    ("source", "meaning"),
    [
        ("def f[T: int, *Ts, **P = [int]](x: T) -> T: ...", "def f(x: T) -> T: ..."),
        ("async def f[T] (x): ...", "async def f(x): ..."),
        ("def f[\n    T,  # why\n\n    U = {1: ']'},\n](\n    x,\n): ...", "def f(x): ..."),
        ("class A[T]: pass", "class A: pass"),
        ("class A[T](B[T], metaclass=M): pass", "class A(B[T], metaclass=M): pass"),
        ("class A[\n\n    T\n]:\n    x = 1", "class A:\n    x = 1"),
    ],
)
def test_type_parameters(source: str, meaning: str) -> None:
    assert ast.dump(masked_tree(source)) == ast.dump(ast.parse(meaning))


def test_type_aliases_are_assignments_from_where_the_keyword_stands() -> None:
    tree = masked_tree(
        "if x:\n    type A = int | None; type B[T: (int, str)] = list[T]\ntype = 1\ntype (x)\n"
    )
    assert ast.unparse(tree) == "if x:\n    A = int | None\n    B = list[T]\ntype = 1\ntype(x)"
    inner = tree.body[0]
    assert isinstance(inner, ast.If)
    assert [(item.lineno, item.col_offset) for item in inner.body] == [(2, 4), (2, 25)]
    assert isinstance(masked_tree("type A[\n    T,\n] = list[T]").body[0], ast.Assign)


def test_exceptions_without_parentheses() -> None:
    source = "try:\n    a()\nexcept A, b.C, D | E:\n    pass\nexcept (F, G):\n    pass\n"
    tree = masked_tree(source)
    assert "except (A, b.C, D | E):" in ast.unparse(tree)
    statement = tree.body[0]
    assert isinstance(statement, ast.Try)
    assert statement.handlers[0].type is not None
    assert spot(source, statement.handlers[0].type) == "A, b.C, D | E"
    assert "except* (A, B):" in unparsed("try:\n    a()\nexcept* A, B:\n    pass\n")
    assert mask("try:\n    a()\nexcept A, B as e:\n    pass\n") is None


def test_lazy_imports() -> None:
    assert unparsed("lazy import os\nlazy from a import b\nlazy = 1\n") == (
        "import os\nfrom a import b\nlazy = 1"
    )


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ('f"a {x["k"]!r:>{w["n"]}} b{{"', ["a ", ("x['k']", 114, ">{w['n']}"), " b{"]),
        ("f'{x +\n  1}'", [("x + 1", -1, None)]),
        ("f'{x  # why\n}'", [("x", -1, None)]),
        ("f'{x = # why\n}'", ["x = # why\n", ("x", 114, None)]),
        ("f\"{'\\n'.join(a)}\\t\"", [("'\\n'.join(a)", -1, None), "\t"]),
        ('f"{a, b["k"]}{*c,}"', [("(a, b['k'])", -1, None), ("(*c,)", -1, None)]),
        ('f"{x["k"]=}"', ['x["k"]=', ("x['k']", 114, None)]),
        ('"p" f"{x["k"]}" r"\\d"', ["p", ("x['k']", -1, None), "\\d"]),
        ('f"{x!s :3}"', [("x", 115, "3")]),
    ],
)
def test_format_strings(source: str, values: list[object]) -> None:
    statement = masked_tree(f"{source}\n").body[0]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.JoinedStr)
    assert [_described(value) for value in statement.value.values] == values
    assert statement.value.col_offset == 0


def _described(value: ast.expr) -> object:
    if isinstance(value, ast.Constant):
        return value.value
    assert isinstance(value, ast.FormattedValue)
    specification = None
    if isinstance(value.format_spec, ast.JoinedStr):
        specification = "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"{{{ast.unparse(part.value)}}}"
            for part in value.format_spec.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    return ast.unparse(value.value), value.conversion, specification


def test_expressions_in_format_strings_keep_their_place() -> None:
    source = 'call("é", f"é{one["k"]} {f"{f"{two()}"}"}", three())\n'
    calls = [node for node in ast.walk(masked_tree(source)) if isinstance(node, ast.Call)]
    assert sorted(str(spot(source, call)) for call in calls) == [source.strip(), "three()", "two()"]
    subscript = next(node for node in ast.walk(masked_tree(source)) if isinstance(node, ast.Subscript))
    assert spot(source, subscript) == 'one["k"]'


def test_a_format_string_is_not_taken_for_the_tuple_it_begins() -> None:
    statement = masked_tree('f"{a["b"]}", c\n').body[0]
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Tuple)
    assert isinstance(statement.value.elts[0], ast.JoinedStr)


def test_format_strings_of_older_grammars_stay_as_they_are() -> None:
    assert mask('f\'{a["b"]!r:>{w}} {{\' f"""{\n a[\'b\']}"""\n') is None


def test_template_strings_are_noted() -> None:
    masked = mask("x = t'{a}'\ny = f'{t\"b\"}' + Rt'{c}'\n")
    assert masked is not None
    assert masked.text == "x = f'{a}'\ny = f'{f\"b\"}' + Rf'{c}'\n"
    assert masked.templates == {(1, 4), (2, 7), (2, 16)}


def test_broken_text_is_not_masked() -> None:
    for source in (
        "x = 1\n",
        "def f[T(x): pass",
        "f'{a",
        "f'{a:",
        "type X[T = 1",
        "'",
        "except A, B",
        "f'{a!}'",
    ):
        assert mask(source) is None, source


def test_parse_uses_the_mask_where_the_interpreter_needs_it() -> None:
    parsed = parse(b'def load[T](row: T):\n    return f"{row["id"]}"\n', "x.py")
    function = parsed.tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    assert any(isinstance(node, ast.JoinedStr) for node in ast.walk(function))
    assert parsed.text.startswith("def load[T]")
