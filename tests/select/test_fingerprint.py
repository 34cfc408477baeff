import ast
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.finding import Confidence, Finding, Severity, Span
from backlint.fixes.source import SourceText
from backlint.select.fingerprint import fingerprints

ORIGINAL = """
import requests

def fetch(url, user):
    for page in range(3):
        response = requests.get(url, headers={'a': "b"}, timeout=None)
        again = requests.get(url, headers={'a': "b"}, timeout=None)
    return response

class View:
    def get(self, request):
        return requests.get(request.url)
"""

# The same code as `black` lays it out, moved about, with lines and comments put in between.
REFORMATTED = '''
"""A docstring that was not there."""

import os
import requests


class View:
    """Moved up."""

    def get(self, request):
        return requests.get(
            request.url,
        )


def fetch(
    url,
    user,
):
    for page in range(3):  # three pages
        response = requests.get(
            url,
            headers={"a": "b"},
            timeout=None,
        )
        print(response)
        again = requests.get(
            url, headers={"a": "b"}, timeout=None
        )
    return response
'''


class Calls(ast.NodeVisitor):
    """The calls of `requests.get`, reported as a rule would."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.symbols: list[str] = []
        self.findings: list[Finding] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._inside(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._inside(node)

    def visit_Call(self, node: ast.Call) -> None:
        if ast.unparse(node.func) == "requests.get":
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            span = Span(node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)
            self.findings.append(finding(span, path=self.path, symbol=".".join(self.symbols)))
        self.generic_visit(node)

    def _inside(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        self.symbols.append(node.name)
        self.generic_visit(node)
        self.symbols.pop()


def finding(span: Span, *, path: str = "a.py", symbol: str = "", rule: str = "missing-timeout") -> Finding:
    return Finding(
        rule=rule,
        family="resilience",
        path=path,
        span=span,
        message="no timeout",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        symbol=symbol,
    )


def texts(**files: str) -> Callable[[str], SourceText | None]:
    return {f"{name}.py": SourceText(f"{name}.py", text.encode()) for name, text in files.items()}.get


def identified(text: str) -> dict[str, Finding]:
    visitor = Calls("a.py")
    visitor.visit(ast.parse(text))
    found = sorted(visitor.findings, key=lambda item: item.span.line)
    made = fingerprints(found, texts(a=text))
    assert len(set(made)) == len(found)
    return dict(zip(made, found, strict=True))


def test_fingerprints_survive_reformatting_moving_and_new_lines() -> None:
    before, after = identified(ORIGINAL), identified(REFORMATTED)
    assert len(before) == 3
    assert {made: item.symbol for made, item in before.items()} == {
        made: item.symbol for made, item in after.items()
    }


@given(st.lists(st.sampled_from(["", "# comment", "x = 1", "def other():\n    return 'é'", "import os"])))
def test_fingerprints_survive_lines_above(lines: list[str]) -> None:
    assert identified("\n".join([*lines, ORIGINAL])).keys() == identified(ORIGINAL).keys()


@given(st.sampled_from([2, 3, 8]), st.sampled_from(["\n", "\r\n"]))
def test_fingerprints_survive_another_indentation_and_other_line_ends(width: int, end: str) -> None:
    lines = [
        " " * ((len(line) - len(line.lstrip())) // 4 * width) + line.lstrip()
        for line in ORIGINAL.splitlines()
    ]
    assert identified(end.join(lines)).keys() == identified(ORIGINAL).keys()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("timeout=None)\n        again", "timeout=0)\n        again"),
        ("def fetch", "def load"),
        ("class View", "class Detail"),
    ],
)
def test_fingerprints_change_with_snippet_and_symbol(old: str, new: str) -> None:
    assert old in ORIGINAL
    assert identified(ORIGINAL.replace(old, new)).keys() != identified(ORIGINAL).keys()


def test_fingerprints_change_with_rule_and_path() -> None:
    span = Span(1, 0, 1, 3)
    variants = [
        finding(span),
        finding(span, rule="request-in-loop"),
        finding(span, path="b.py"),
        finding(span, symbol="f"),
    ]
    assert len(set(fingerprints(variants, texts(a="f()\n", b="f()\n")))) == len(variants)


def test_the_line_of_a_lambda_is_no_part_of_its_symbol() -> None:
    span = Span(1, 0, 1, 3)
    one = fingerprints([finding(span, symbol="make.<locals>.<lambda:31>")], texts(a="f()\n"))
    other = fingerprints([finding(span, symbol="make.<locals>.<lambda:47>")], texts(a="f()\n"))
    assert one == other


def test_the_body_of_a_function_is_no_part_of_a_finding_on_it() -> None:
    def on_function(body: str) -> list[str]:
        text = f"class A:\n    def f(self):\n{textwrap.indent(body, ' ' * 8)}"
        lines = text.rstrip("\n").split("\n")
        return fingerprints([finding(Span(2, 4, len(lines), len(lines[-1])), symbol="A.f")], texts(a=text))

    assert on_function("return 1\n") == on_function("x = '''\n\\n'''\nif x:\n    y()\nelse:\n    z()\n")


def test_files_that_are_gone_or_shorter_still_give_fingerprints() -> None:
    findings = [finding(Span(50, 4, 60, 2)), finding(Span(50, 4, 60, 2), path="gone.py")]
    assert len(set(fingerprints(findings, texts(a="x\n")))) == 2
