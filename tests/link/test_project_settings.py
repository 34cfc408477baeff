"""Settings by name, wherever the project's code sets them."""

from __future__ import annotations

import pytest

from backlint.link.constants import NO_CONSTANT
from backlint.testing import project_from


def settings(files: dict[str, str], name: str) -> list[tuple[str, object]]:
    return [(found.source, found.value) for found in project_from(files).setting(name)]


DJANGO = {
    "manage.py": "",
    "site/__init__.py": "",
    "site/settings.py": """
        import os
        DEBUG = False
        LEVEL = 1
        LEVEL = 2
        MAX_AGE = 60 * 60
        SECRET_KEY = os.environ["SECRET_KEY"]
        lower = 1
        """,
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DEBUG", [("django", False)]),
        ("MAX_AGE", [("django", 3600)]),
        ("SECRET_KEY", [("django", NO_CONSTANT)]),
        ("LEVEL", [("django", NO_CONSTANT)]),
        ("lower", []),
        ("ABSENT", []),
    ],
)
def test_django_modules(name: str, expected: list[tuple[str, object]]) -> None:
    assert settings(DJANGO, name) == expected


FLASK = {
    "app/__init__.py": "",
    "app/config.py": """
        class Config:
            PAGE_SIZE = 20
            TESTING = False
        class Production(Config):
            PAGE_SIZE = 50
        """,
    "app/main.py": """
        import os
        from flask import Flask
        from app.config import Production
        def create():
            app = Flask(__name__)
            app.config.from_object(Production)
            app.config["MAX_CONTENT_LENGTH"] = 16 * 1024
            app.config.update(JSON_SORT_KEYS=False, {"TOKEN": os.environ["TOKEN"]})
            app.config.from_mapping({"LEVEL": 3})
            other = {}
            other["NOT_A_SETTING"] = 1
            return app
        """.replace("JSON_SORT_KEYS=False, {", '{"JSON_SORT_KEYS": False, '),
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("PAGE_SIZE", [("flask", 50), ("flask", 20)]),
        ("TESTING", [("flask", False)]),
        ("MAX_CONTENT_LENGTH", [("flask", 16384)]),
        ("JSON_SORT_KEYS", [("flask", False)]),
        ("TOKEN", [("flask", NO_CONSTANT)]),
        ("LEVEL", [("flask", 3)]),
        ("NOT_A_SETTING", []),
    ],
)
def test_flask_configuration(name: str, expected: list[tuple[str, object]]) -> None:
    assert settings(FLASK, name) == expected


@pytest.mark.parametrize("library", ["pydantic_settings", "pydantic"])
def test_settings_classes(library: str) -> None:
    files = {
        "app/settings.py": f"""
            from {library} import BaseSettings
            from pydantic import Field
            class Settings(BaseSettings):
                token: str
                timeout: int = Field(30, ge=1)
                retries: int = 2
                _private: int = 1
            """
    }
    assert settings(files, "timeout") == [("class", 30)]
    assert settings(files, "retries") == [("class", 2)]
    assert settings(files, "token") == [("class", NO_CONSTANT)]
    assert settings(files, "_private") == []


CELERY = {
    "app/__init__.py": "",
    "app/celeryconfig.py": "task_time_limit = 60\n",
    "app/worker.py": """
        from celery import Celery
        app = Celery("x", broker_url="redis://", task_acks_late=True)
        app.config_from_object("app.celeryconfig")
        app.conf.update(worker_prefetch_multiplier=1)
        app.conf.result_expires = 2 * 60
        other.conf.timezone = "UTC"
        """,
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("task_acks_late", [("celery", True)]),
        ("task_time_limit", [("celery", 60)]),
        ("worker_prefetch_multiplier", [("celery", 1)]),
        ("result_expires", [("celery", 120)]),
        ("timezone", []),
    ],
)
def test_celery_configuration(name: str, expected: list[tuple[str, object]]) -> None:
    assert settings(CELERY, name) == expected
