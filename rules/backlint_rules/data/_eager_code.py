"""The code that loads relations along with the rows of a query, for advice."""

from __future__ import annotations

from backlint.api import InstanceValue, Project, options

_SHOWN = 4
"""Relations that are spelled out; what comes after them is left to the reader."""


def loading(project: Project, model: str, paths: list[tuple[str, ...]]) -> str:
    """What to add to a query of `model`'s rows so that they come with the relations at the end of `paths`."""
    longest = [
        path
        for path in dict.fromkeys(paths)
        if not any(other[: len(path)] == path != other for other in paths)
    ]
    shown, more = longest[:_SHOWN], ", …" if len(longest) > _SHOWN else ""
    if is_manager(project, model) or project.method_steps(model, "select_for_update"):
        steps: dict[str, list[str]] = {}
        for path in shown:
            many, _ = _classes(project, model, path)
            method = "prefetch_related" if many else "select_related"
            steps.setdefault(method, []).append(f'"{"__".join(path)}"')
        return "".join(f".{method}({', '.join(names)}{more})" for method, names in steps.items())
    loads = []
    for path in shown:
        _, classes = _classes(project, model, path)
        steps_of = zip(classes, path, strict=False)
        loads.append(".".join(f"selectinload({owner}.{name})" for owner, name in steps_of))
    return f".options({', '.join(loads)}{more})"


def is_manager(project: Project, model: str) -> bool:
    """Whether a class has a manager whose query sets load relations by their names."""
    for single in options(project.class_attribute(model, "objects")):
        if isinstance(single, InstanceValue):
            return bool(project.method_steps(single.symbol, "select_related"))
    return False


def _classes(project: Project, model: str, path: tuple[str, ...]) -> tuple[bool, list[str]]:
    """Whether a chain of relations leads to many rows, and the class that each relation is one of."""
    many = False
    classes: list[str] = []
    for name in path:
        relation = project.relation(model, name)
        if relation is None:
            break
        many = many or relation.many
        classes.append(model.rpartition(".")[2])
        model = relation.target
    return many, classes
