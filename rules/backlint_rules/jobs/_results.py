"""What enqueueing gives back: the handle by which a job's result is asked for."""

from functools import lru_cache

from backlint.api import CallSite, Effect, InstanceValue, Project, Value, options


def is_job_result(project: Project, call: CallSite) -> bool:
    """Whether a call is a method of a job's handle: `AsyncResult`, `Job`."""
    return is_of_job_result(project, call.callee)


def is_of_job_result(project: Project, method: Value) -> bool:
    """Whether a value is a method of a job's handle."""
    receiver = getattr(method, "receiver", None)
    return receiver is not None and any(
        isinstance(value, InstanceValue)
        and project.evaluator.classes.is_subclass(value.symbol, _result_classes(project))
        for value in options(receiver)
    )


@lru_cache(maxsize=1)
def _result_classes(project: Project) -> frozenset[str]:
    """Classes that library functions which enqueue return."""
    entries = [*project.catalogue.functions.values()]
    for cls in project.catalogue.classes.values():
        entries.extend(cls.methods.values())
        if cls.call is not None:
            entries.append(cls.call)
    return frozenset(
        entry.returns for entry in entries if Effect.ENQUEUES in entry.effects and "." in entry.returns
    )
