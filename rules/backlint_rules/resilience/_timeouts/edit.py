"""Adds a keyword to a call without touching how the call is laid out."""

import ast
import re

from backlint.api import Edit, SourceText, Span


def call_ending(span: Span, source: SourceText) -> ast.Call | None:
    """The call that a finding's span, which starts at the method's name, ends with."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and (node.end_lineno, node.end_col_offset) == (
            span.end_line,
            span.end_column,
        ):
            return node
    return None


def insertion(node: ast.Call, argument: str, source: SourceText) -> Edit | None:
    """Where and how one more keyword goes into a call, its lines and trailing comma kept."""
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    passed: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
    if not passed:
        at = Span(end_line, end_column - 1, end_line, end_column - 1)
        return Edit(at, argument)
    last = max(passed, key=lambda one: (one.end_lineno or 0, one.end_col_offset or 0))
    line, column = last.end_lineno or last.lineno, last.end_col_offset or 0
    tail = source.segment(Span(line, column, end_line, end_column))
    if isinstance(last, ast.GeneratorExp) or re.sub(r"#[^\n]*|[\s,]", "", tail) != ")":
        return None
    before = source.segment(Span(last.lineno, 0, last.lineno, last.col_offset))
    joint = f",\n{before}" if "\n" in tail and not before.strip() else ", "
    return Edit(Span(line, column, line, column), joint + argument)
