"""Functions that call themselves when they fail."""

from collections.abc import Iterator

from backlint.api import Attr, BlockKind, CallSite, Findings, Param, Project, Star, bare


def calls_itself(project: Project, findings: Findings) -> Iterator[CallSite]:
    """Calls of a function by itself from an `except`, with the arguments it was given."""
    for function in project.functions:
        for call in function.calls if findings.wants(function) else ():
            if function.key not in call.targets:
                continue
            kinds = [block.kind for block in function.blocks(call.block)]
            if BlockKind.EXCEPT in kinds and BlockKind.IF not in kinds and not _counts(project, call):
                yield call


def _counts(project: Project, call: CallSite) -> bool:
    """Whether an argument is another than the function was given: a counter, or a part of the work."""
    terms = [*call.row.arguments, *(term for _, term in call.row.keywords)]
    rows = [project.term(call.function, bare(call.function.file, term)) for term in terms]
    return not all(isinstance(row, Param | Star) or _is_of_self(project, call, row) for row in rows)


def _is_of_self(project: Project, call: CallSite, row: object) -> bool:
    return isinstance(row, Attr) and isinstance(project.term(call.function, row.base), Param)
