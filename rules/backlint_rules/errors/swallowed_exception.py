"""Exceptions that vanish."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

from backlint.api import (
    SERVICE_CODE,
    BlockKind,
    CallSite,
    Compare,
    Confidence,
    Edit,
    Effect,
    EventKind,
    Evidence,
    FileContext,
    FileKind,
    Finding,
    Findings,
    Fix,
    InstanceValue,
    LinkedFunction,
    Project,
    Rule,
    Severity,
    SourceText,
    Span,
    bare,
)
from backlint_rules.errors._clauses import (
    BROAD,
    LOSES_ROWS,
    SKIPS,
    TRIES_AGAIN,
    caught_words,
    doubt_of,
    is_cleanup,
    last_name,
    outcome_of,
    widest,
)
from backlint_rules.errors._lost import report_unraised, report_unread_futures

_WAITING = (
    Effect.QUERIES, Effect.WRITES, Effect.COMMITS, Effect.CALLS_NETWORK, Effect.SENDS_MAIL, Effect.ENQUEUES,
    Effect.RUNS_PROCESS, Effect.WRITES_FILE,
)  # fmt: skip
_LOST = frozenset({Effect.WRITES, Effect.COMMITS})
"""What is missing for good when nobody hears that it failed."""


class _Swallowed(NamedTuple):
    caught: str
    outcome: str
    doubt: str
    """Why the code may well mean it; empty for no such sign."""
    first_line: int
    last_line: int
    """The lines of the `try` body."""


class SwallowedException(Rule):
    """Checks for `except` clauses that take every exception and leave no trace of it.

    ## Why is this bad?
    `except Exception: pass` and `except Exception: return None` catch what was expected together with
    everything else: a typing error, a lost connection, a full disk, a renamed column. Nobody is told: the
    log is silent, the job counts as done, the caller takes the default for an answer. Such faults are found
    weeks later, in the data.

    ## What to do instead
    Catch the exceptions that are expected at this place and say what they mean (`except KeyError: return
    None`). Let the rest rise to the framework, which logs it and answers 500, or log it with its traceback
    (`logger.exception(…)`) where the work has to go on.

    The same holds for an exception that is made and not raised, and for one that stays in the future of a
    thread pool, because nobody asks the future for its result.

    ## Confidence
    High where what fails waits for a database, a network or a file; medium elsewhere; low where a comment
    gives the reason, the code is a probe or a conversion, or only a layer's exceptions are caught. An
    answer with a fixed text is one step lower.

    ## What it leaves alone
    Clauses that log, report, raise, use the exception, keep a record of the failure, or do anything else
    about it; narrow types, optional imports, and cleaning up.

    ## References
    - [CWE-390: Detection of Error Condition Without Action](https://cwe.mitre.org/data/definitions/390.html)
    - [Python: errors and exceptions](https://docs.python.org/3/tutorial/errors.html#handling-exceptions)
    """

    severity = Severity.WARNING
    kinds = SERVICE_CODE | {FileKind.SCRIPT}
    independent = True
    tags = ("CWE-390", "CWE-755")
    same_as = ("ruff:S110", "ruff:S112", "bandit:B110", "bandit:B112")

    def visit_Try(self, node: ast.Try, ctx: FileContext) -> None:
        """Note the clauses that do nothing about what they catch."""
        if isinstance(node.body[0], ast.Import | ast.ImportFrom) or is_cleanup(node.body, ctx):
            return
        around = [*ctx.comments_above(node), *ctx.comments(node)] if node.handlers else []
        for handler in node.handlers:
            caught = caught_words(handler.type)
            outcome = outcome_of(handler)
            if caught and outcome:
                own = ctx.comments(handler)
                before = [text for text in around if text not in own]
                _note(ctx, handler, caught, outcome, doubt_of(node.body, ctx, own, before), node.body)

    def visit_With(self, node: ast.With, ctx: FileContext) -> None:
        """Note `contextlib.suppress(Exception)`."""
        for item in node.items:
            call = item.context_expr
            if isinstance(call, ast.Call) and ctx.name(call) == "contextlib.suppress":
                caught = widest(call.args)
                if caught in ("except Exception", "except BaseException") and not is_cleanup(node.body, ctx):
                    name = caught.removeprefix("except ")
                    doubt = doubt_of(node.body, ctx, [], [*ctx.comments_above(node), *ctx.comments(node)])
                    _note(ctx, call, f"suppress({name})", "goes on", doubt, node.body)

    def check(self, project: Project, findings: Findings) -> None:
        """Judge how much the code may lose by what it waits for in there."""
        for function, fact in project.noted(self.id, "swallowed"):
            if not findings.wants(function):
                continue
            found = _read(fact.text)
            if found.outcome == TRIES_AGAIN and not _is_endless(project, function, fact.span.line):
                continue
            waits = list(_failing(project, function, found))
            failing = waits[0] if waits else None
            if failing is not None and found.doubt == "conversion":
                found = found._replace(doubt="")
            evidence: tuple[Evidence, ...] = ()
            if failing is not None:
                call, effect = failing
                target = project.effects.target(call, effect)
                name = project.words(function, call.event.term)
                chain = () if target is None else project.effects.chain(target, effect)
                evidence = (Evidence(function.path, call.span, f"`{name}` may fail here"), *chain)
            lost = any(effect in _LOST for _, effect in waits)
            skips = (
                found.outcome == SKIPS and function in project.per_job and not _tries_others(function, found)
            )
            confidence = _confidence(found, failing is not None, lost=lost, skips=skips)
            if confidence is not None and function.kind is FileKind.SCRIPT:
                confidence = Confidence.LOW
            if confidence is not None:
                findings.add(
                    function,
                    f"`{found.caught}` {found.outcome}, and nobody learns what failed",
                    span=fact.span,
                    confidence=confidence,
                    advice=_advice(project, function),
                    evidence=evidence,
                )
        report_unraised(project, findings, self.kinds)
        report_unread_futures(project, findings)

    def fix(self, finding: Finding, source: SourceText) -> Fix | None:
        """An exception that is only made is raised; every other finding needs a decision."""
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
                continue
            made = node.value.func
            named = (made.end_lineno, (made.end_col_offset or 0) - len(last_name(made)))
            if named == (finding.span.line, finding.span.column):
                start = Span(node.lineno, node.col_offset, node.lineno, node.col_offset)
                return Fix(f"raise `{last_name(made)}`", (Edit(start, "raise "),))
        return None


def _note(
    ctx: FileContext, node: ast.AST, caught: str, outcome: str, doubt: str, body: list[ast.stmt]
) -> None:
    last = body[-1].end_lineno or body[-1].lineno
    ctx.fact(node, "swallowed", text="\t".join((caught, outcome, doubt, str(body[0].lineno), str(last))))


def _tries_others(function: LinkedFunction, found: _Swallowed) -> bool:
    """Whether the loop ends as soon as one passes: the next is another way to the same."""
    return any(
        event.kind == EventKind.RETURN and found.first_line <= event.span.line <= found.last_line
        for event in function.summary.events
    )


def _is_endless(project: Project, function: LinkedFunction, line: int) -> bool:
    """Whether the loop around a clause has no end of its own: after a counted one the failure comes out elsewhere."""
    blocks = function.summary.blocks
    clause = next((n for n, one in enumerate(blocks) if one.kind == BlockKind.EXCEPT and one.line == line), 0)
    for block in function.blocks(clause):
        if block.kind in (BlockKind.FOR, BlockKind.COMPREHENSION):
            return False
        if block.kind == BlockKind.WHILE:
            return not any(
                isinstance(project.term(function, bare(function.file, t)), Compare) for t in block.terms
            )
    return False


def _read(text: str) -> _Swallowed:
    caught, outcome, doubt, first, last = text.split("\t")
    return _Swallowed(caught, outcome, doubt, int(first), int(last))


def _confidence(found: _Swallowed, fails: bool, *, lost: bool, skips: bool) -> Confidence | None:
    if not any(found.caught in (f"except {name}", f"suppress({name})", "except:") for name in BROAD):
        if lost and not found.doubt and found.outcome.startswith("goes on"):
            return Confidence.MEDIUM if found.caught.removeprefix("except ") in LOSES_ROWS else Confidence.LOW
        if fails and skips and not found.doubt:
            return Confidence.MEDIUM
        return Confidence.LOW if fails and not found.doubt else None
    if found.doubt:
        return Confidence.LOW
    if found.outcome.startswith("answers"):
        return Confidence.MEDIUM if fails else Confidence.LOW
    return Confidence.HIGH if fails else Confidence.MEDIUM


def _advice(project: Project, function: LinkedFunction) -> str:
    logger = "logger"
    for name, term in function.file.summary.names.items():
        value = project.evaluator.value(function.file, term)
        if isinstance(value, InstanceValue) and "log" in value.symbol.lower():
            logger = name
            break
    return f"catch only what is expected here, or log the rest with `{logger}.exception(…)`"


def _failing(
    project: Project, function: LinkedFunction, found: _Swallowed
) -> Iterator[tuple[CallSite, Effect]]:
    """Calls in the `try` body that wait for something outside the process."""
    for call in function.calls:
        if found.first_line <= call.span.line <= found.last_line:
            for effect in _WAITING:
                if effect in call.effects or project.effects.target(call, effect) is not None:
                    yield call, effect
