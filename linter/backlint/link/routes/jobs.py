"""Functions that run as jobs of a task queue or scheduler."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from backlint.effect import Role
from backlint.link.graph import bare
from backlint.link.values import ConstantValue, LibraryFunction, Value, options
from backlint.term import Call, Mapping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey
    from backlint.link.index import FileNode
    from backlint.link.routes.context import Context
    from backlint.summary import FunctionSummary

_REGISTERING = frozenset(
    {
        "add_job",
        "async_iter",
        "async_task",
        "cron",
        "enqueue",
        "enqueue_at",
        "enqueue_call",
        "enqueue_in",
        "every",
        "schedule",
    }
)
_SEVERAL = 2
_QUEUES = frozenset(
    {"apscheduler", "rq", "rq_scheduler", "django_rq", "arq", "huey", "celery", "schedule", "saq", "django_q"}
)
_LISTING = frozenset({"saq.Worker"})
"""Classes that are made with a list of the functions to run."""
_TASK_BASES = frozenset({"celery.Task", "dramatiq.GenericActor"})


def find_jobs(context: Context) -> frozenset[FunctionKey]:
    """Functions defined as jobs by a decorator or base class, or handed to a queue or scheduler."""
    found: set[FunctionKey] = set()
    handed: set[FunctionKey] = set()
    saq = "saq" in context.project.mentions
    for function in context.functions():
        file = function.file
        for term in function.summary.decorators:
            row = file.summary.terms[term]
            value = context.evaluator.value(file, row.function if isinstance(row, Call) else term)
            symbol = context.evaluator.value_symbol(value)
            if Role.DEFINES_JOB in context.evaluator.roles(value) or symbol.endswith(".scheduled_job"):
                found.add(function.key)
        for site in function.calls:
            by_name, by_path = _registered(context, site.callee, site.row, file.index)
            found.update(by_name)
            handed.update(by_path)
            if context.evaluator.value_symbol(site.callee) in _LISTING:
                found.update(_listed(context, file, dict(site.row.keywords).get("functions")))
        found.update(_saq_settings(context, function.file, function.summary) if saq else ())
    found.update(handed, _beside(context, handed))
    for _file, _cls, symbol in context.classes():
        order = context.evaluator.classes.order(symbol)
        if _TASK_BASES.intersection(order[1:]):
            key = context.class_method(symbol, "run") or context.class_method(symbol, "perform")
            if key is not None:
                found.add(key)
        found.update(_arq_functions(context, symbol))
    return frozenset(found)


def _registered(
    context: Context, callee: object, row: Call, file: int
) -> tuple[set[FunctionKey], set[FunctionKey]]:
    """The functions that a call hands to a queue: as objects, and by their paths."""
    found: set[FunctionKey] = set()
    by_path: set[FunctionKey] = set()
    for single in options(callee):  # type: ignore[arg-type]
        if not isinstance(single, LibraryFunction) or single.symbol.partition(".")[0] not in _QUEUES:
            continue
        name = single.symbol.rpartition(".")[2]
        if name not in _REGISTERING and Role.DEFINES_JOB not in single.entry.roles:
            continue
        for term in (
            *row.arguments[:3],
            *(term for key, term in row.keywords if key in ("func", "f", "coroutine")),
        ):
            value = context.evaluator.value(context.project.files[file], term)
            key = context.function_of(value)
            named = None if key is not None else _by_path(context, value, file)
            if key is not None:
                found.add(key)
                break
            if named is not None:
                by_path.add(named)
                break
    return found, by_path


def _by_path(context: Context, value: Value, file: int) -> FunctionKey | None:
    """The function that a text such as `"app.jobs.send"` names."""
    text = value.value if isinstance(value, ConstantValue) else None
    if not isinstance(text, str) or "." not in text or not text.replace(".", "").isidentifier():
        return None
    return context.function_of(context.evaluator.symbol(text, context.project.files[file].root))


def _beside(context: Context, handed: set[FunctionKey]) -> Iterator[FunctionKey]:
    """Public functions that nobody in the project calls, in modules of which several functions are handed to queues by path.

    A scheduler outside the code runs them: cron, a configuration file, another service.
    """
    files = Counter(file for file, _ in handed)
    for function in context.functions():
        summary = function.summary
        alone = summary.cls < 0 and summary.parent < 0 and not summary.decorators
        if files[function.file.index] < _SEVERAL or not function.index or not alone:
            continue
        if not summary.name.startswith(("_", "<")) and not context.project.callers(function):
            yield function.key


def _listed(context: Context, file: FileNode, term: int | None) -> Iterator[FunctionKey]:
    """The functions of a list that is written down."""
    for owner, item in () if term is None else context.items(file, term):
        key = context.function_of(context.evaluator.value(owner, item))
        if key is not None:
            yield key


def _saq_settings(context: Context, file: FileNode, function: FunctionSummary) -> Iterator[FunctionKey]:
    """`settings = {"queue": queue, "functions": [f, g]}`, which SAQ's worker reads."""
    if function.parent >= 0 or function is not file.summary.functions[0]:
        return
    for term in file.summary.names.values():
        row = file.summary.terms[bare(file, term)]
        entries = row.entries if isinstance(row, Mapping) else ()
        named = {context.text(file, key): value for key, value in entries if key >= 0}
        if "queue" in named and "functions" in named:
            yield from _listed(context, file, named["functions"])


def _arq_functions(context: Context, symbol: str) -> set[FunctionKey]:
    """`functions = [f, g]` of an arq `WorkerSettings`."""
    if not symbol.endswith("WorkerSettings") or "arq" not in context.project.mentions:
        return set()
    found: set[FunctionKey] = set()
    for name in ("functions", "cron_jobs"):
        attribute = context.class_attribute(symbol, name)
        if attribute is None:
            continue
        cls, term = attribute
        for file, item in context.items(cls.file, term):
            key = context.function_of(context.evaluator.value(file, item))
            if key is not None:
                found.add(key)
    return found
