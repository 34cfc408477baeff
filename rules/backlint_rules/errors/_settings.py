"""All settings, or the whole environment, in an answer."""

from backlint.api import (
    SETTINGS,
    Attr,
    Call,
    Evidence,
    InstanceValue,
    LinkedFunction,
    Name,
    Project,
    options,
)

_DUMPS = frozenset({"model_dump", "model_dump_json", "dict", "json", "items"})


def settings_shown(
    project: Project, function: LinkedFunction, block: int, terms: tuple[int, ...]
) -> tuple[str, str, tuple[Evidence, ...]] | None:
    """What of some terms holds all settings: in words, where it comes from, and how that is known."""
    for term in terms:
        origin = project.flow.origin(function, term, SETTINGS, block)
        if origin is not None and origin.whole:
            return f"`{origin.words}`", origin.what, origin.evidence
        for inner in project.terms_of(function, term):
            if _dumps_settings(project, function, inner):
                return f"`{project.words(function, inner)}`", "all settings", ()
    return None


def _dumps_settings(project: Project, function: LinkedFunction, term: int) -> bool:
    """Whether a term is all fields of a settings object: `settings.model_dump()`."""
    row = project.term(function, term)
    callee = project.term(function, row.function) if isinstance(row, Call) else None
    if isinstance(callee, Attr) and callee.name in _DUMPS:
        owner = project.value(function, callee.base)
    elif isinstance(callee, Name) and callee.symbol.rpartition(".")[2] in _DUMPS:
        owner = project.evaluator.symbol(callee.symbol.rpartition(".")[0], function.file.root)
    else:
        return False
    classes = project.evaluator.classes
    return any(
        (entry := classes.library_class(ancestor)) is not None and entry.source in SETTINGS.wholes
        for value in options(owner)
        if isinstance(value, InstanceValue)
        for ancestor in classes.order(value.symbol)
    )
