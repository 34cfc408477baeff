"""One file's bytes to its summary, whatever the file holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.rule import Rule
from backlint.summarise.file import FileOutcome, FileTask, summarise
from backlint.summary import FileKind, decode, encode
from backlint.term import Const

if TYPE_CHECKING:
    import ast

    from backlint.summarise.context import FileContext


class Echoes(Rule):
    """Repeats every string."""

    def visit_Constant(self, node: ast.Constant, ctx: FileContext) -> None:
        if isinstance(node.value, str):
            ctx.report(node, node.value, advice=node.value)
            ctx.fact(node, "text", text=node.value)


class Fails(Rule):
    """Raises at every call."""

    def visit_Call(self, node: ast.Call, ctx: FileContext) -> None:
        raise RuntimeError("two\nlines")


Echoes.id, Fails.id = "echoes", "fails"


def outcome(code: str | bytes, *rules: type[Rule], kind: FileKind = FileKind.SOURCE) -> FileOutcome:
    data = code.encode() if isinstance(code, str) else code
    return summarise(FileTask("app/main.py", "app.main", False, kind, data), rules)


def test_lone_surrogates_in_strings_do_not_break_the_encoding() -> None:
    code = '"doc \\ud800"\n__all__ = ["\\ud800"]\nx = "a\\udfffb"\n'
    found = outcome(code, Echoes)
    assert found.summary is not None
    again = decode(encode(found.summary))
    assert again == found.summary
    assert Const("a?b") in again.terms
    assert again.exports == ("?",)
    assert [finding.message for finding in again.findings] == ["?", "a?b"]


def test_a_rule_that_raises_is_noted_once_and_the_others_still_report() -> None:
    found = outcome('print("x")\nprint("y")\n', Fails, Echoes)
    assert found.summary is not None
    assert [finding.message for finding in found.summary.findings] == ["x", "y"]
    (notice,) = found.notices
    assert (notice.kind, notice.path, notice.line) == ("rule-error", "app/main.py", 1)
    assert notice.message == "fails failed here and skips the file: RuntimeError: two lines"
    assert notice.failure


def test_rules_see_only_the_kinds_of_file_they_apply_to() -> None:
    found = outcome('x = "text"\n', Echoes, kind=FileKind.TEST)
    assert found.summary is not None
    assert found.summary.findings == ()


def test_a_file_without_a_tree_gives_a_notice_and_no_summary() -> None:
    for data, kind, line in (
        (b"x = (\n", "syntax", 1),
        ("x = 'é'\n".encode("latin-1"), "encoding", 1),
        (b"(" * 2000 + b")" * 2000, "too-deep", 1),
        (b"# " + b"x" * 5_000_000, "too-large", 0),
        (b"x = 1\n\0", "syntax", 2),
    ):
        found = outcome(data)
        assert found.summary is None
        (notice,) = found.notices
        assert (notice.kind, notice.line, notice.failure) == (kind, line, True)


def test_deep_expressions_are_summarised_or_noted() -> None:
    for code in ("x = " + "a." * 3000 + "b\n", "x = " + "not " * 3000 + "y\n", "x = " + "-" * 3000 + "1\n"):
        found = outcome(code)
        assert (found.summary is None) == bool(found.notices)
        assert all(notice.kind == "too-deep" for notice in found.notices)


def test_an_empty_file_has_a_summary() -> None:
    found = outcome(b"")
    assert found.summary is not None
    assert found.summary.functions[0].name == "<module>"
    assert decode(encode(found.summary)) == found.summary
