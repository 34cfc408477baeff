import pytest

from backlint.select.canonical import canonical

SAME = [
    ("get('a', timeout=None)", 'get(\n    "a",\n    timeout=None,\n)'),
    ("session.get(a).filter(b)", "session\n    .get(a)  # first\n    .filter(b)"),
    ("f('it''s')", 'f("it" "s")'),
    ("f(u'a', 0XFF, 1E5)", 'f("a", 0xFF, 1e5)'),
    ("f'{x[\"a\"]}'", "f\"{x['a']}\""),
    ("x[(a, b)]", "x[a, b]"),
    ("(yield x)", "yield x"),
    ("total = a + b", "total = (\n    a\n    + b\n)"),
    ("return (x)", "return x"),
    ("for (k, v) in items:", "for k, v in items:"),
    ("for x in f('a'):\n    save(x)", 'for x in f(\n    "a"\n):\n    delete(x)\n    save(x)'),
    ("def f(a, b='x'):", 'def f(\n    a,\n    b="x",\n):'),
    ("with open('a') as f, lock:", 'with (\n    open("a") as f,\n    lock,\n):'),
    ("except (A, B) as e:", "except (\n    A,\n    B,\n) as e:"),
    ("elif x == 'a':", 'elif x == "a":'),
    ("*args, 'a'", '*args,\n"a",'),
    ("case 'a':", 'case "a":'),
    ("a = lambda: (x)", "a = lambda: x"),
]

DIFFERENT = [
    ("get(a, timeout=None)", "get(a, timeout=10)"),
    ("get(a)", "get(b)"),
    ("get('a b')", "get('ab')"),
    ("get(None)", "get()"),
    ("x = 1", "x = '1'"),
    ("except A:", "except B:"),
    ("try:\n    x()\nexcept A:\n    pass", "try:\n    x()\nexcept B:\n    pass"),
    ("if a:", "if b:"),
    ("lambda: a", "lambda: b"),
    ("a if b else c", "a if b else d"),
    ("[a for a in b]", "[a for a in c]"),
    ("f'{a}'", "f'{a!r}'"),
    ("not x", "x"),
    ("-x", "+x"),
    ("def f(a):", "def f(b):"),
    ("case 'a':", "case 'b':"),
    ("elif a:", "elif b:"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_layout_makes_no_difference(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_meaning_makes_a_difference(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


def test_a_statement_is_read_with_the_indentation_it_has() -> None:
    indented = "for x in items:\n        save(x)\n    else:\n        done()"
    assert canonical(indented, "    ") == canonical("for x in items: save(x)")


def test_newer_syntax_is_the_same_however_it_is_laid_out() -> None:
    assert canonical("def first[T](items: list[T]) -> T:") == canonical(
        "def first[T](\n    items: list[T],\n) -> T:"
    )
    assert canonical('f"{x["a"]}"') == canonical("f'{x[\"a\"]}'")


@pytest.mark.parametrize("text", ["", ")", "((((", "'", "\0", "\ud800", "(" * 5000, "-" * 50_000 + "1", "@"])
def test_no_text_raises(text: str) -> None:
    assert isinstance(canonical(text), str)
