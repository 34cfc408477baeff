"""Roles that a project's configuration gives to its own symbols."""

from pathlib import Path

from backlint.config.settings import Settings
from backlint.effect import Effect, Role
from backlint.testing import project_from

SOURCE = {
    "app/keep.py": """
        def kept(function):
            return function
    """,
    "app/main.py": """
        import requests

        from app.keep import kept

        @kept
        def rates():
            return requests.get("https://example.com", timeout=5)

        def use():
            return rates()
    """,
}


def has_network(settings: Settings) -> set[str]:
    project = project_from(SOURCE, settings=settings)
    return {project.graph.functions[key].summary.name for key in project.effects.steps(Effect.CALLS_NETWORK)}


def test_a_project_teaches_what_its_decorator_does() -> None:
    plain = Settings(root=Path("/project"))
    taught = Settings(root=Path("/project"), roles={"app.keep.kept": (Role.MEMOISES,)})
    assert has_network(plain) == {"rates", "use"}
    assert has_network(taught) == {"rates"}
