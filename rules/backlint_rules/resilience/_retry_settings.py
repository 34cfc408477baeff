"""Retries that libraries do, by the settings they are given."""

from collections.abc import Iterator

from backlint.api import NO_CONSTANT, CallSite, Findings, Mapping, Project, Retry, bare


def retry_settings(project: Project, findings: Findings) -> Iterator[tuple[CallSite, Retry]]:
    """Calls of libraries that say how retries end and wait."""
    for call in project.calls():
        if call.entry is not None and call.entry.retry is not None and findings.wants(call.function):
            yield call, call.entry.retry


def is_unlimited(project: Project, call: CallSite, retry: Retry) -> bool:
    """Whether the arguments switch the limit off, or none is given where the library has none."""
    given = [call.argument(None, name) for name in retry.bounds] + _in_dicts(project, call, retry.bounds)
    values = [project.constant(call.function, term) for term in given if term is not None]
    if not values:
        return not retry.bounded and not call.passes_unknown
    return all(value is None or (isinstance(value, int) and value < 0) for value in values) and all(
        value is not NO_CONSTANT for value in values
    )


def _in_dicts(project: Project, call: CallSite, names: tuple[str, ...]) -> list[int | None]:
    """Settings inside a dict that is passed on: `retry_kwargs={"max_retries": 5}`."""
    found: list[int | None] = []
    for _, term in call.row.keywords:
        row = project.term(call.function, bare(call.function.file, term))
        if isinstance(row, Mapping):
            found += [
                value
                for key, value in row.entries
                if key >= 0 and project.constant(call.function, key) in names
            ]
    return found
