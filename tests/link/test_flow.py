"""Where values come from, asked of small projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.api import (
    EXCEPTION,
    PERSONAL_DATA,
    QUERY_RESULT,
    REQUEST,
    REQUEST_BODY,
    SECRET,
    Confidence,
    names_secret,
    sink_arguments,
)
from backlint.testing import project_from

if TYPE_CHECKING:
    from backlint.api import Label, Origin, Project


def asked(project: Project, label: Label, path: str = "app/main.py") -> list[Origin | None]:
    """What each argument of the calls of `sink(…)` in a file carries, in order."""
    return [
        project.flow.origin(call.function, term, label, call.block)
        for call in project.calls()
        if call.function.path == path and call.symbol.endswith("sink")
        for term in call.row.arguments
    ]


def carried(source: str, label: Label, **others: str) -> list[bool]:
    files = {"app/main.py": f"from lib import sink\n{source}"}
    files |= {f"app/{name}.py": text for name, text in others.items()}
    return [origin is not None for origin in asked(project_from(files), label)]


SECRET_VALUE = "import secrets\nvalue = secrets.token_hex()\n"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("value", True),
        ("f'<{value}>'", True),
        ("'%s' % value", True),
        ("'a' + value", True),
        ("'{}'.format(value)", True),
        ("', '.join([value])", True),
        ("[value]", True),
        ("{'a': value}", True),
        ("{'a': value}['a']", True),
        ("{'a': value, 'b': 1}['b']", False),
        ("('x', value)[0]", False),
        ("('x', value)[1]", True),
        ("value or 'none'", True),
        ("value if value else None", True),
        ("str(value)", True),
        ("value.encode()", True),
        ("value[:4]", False),
        ("value[-4:]", False),
        ("value[7:]", True),
        ("len(value)", False),
        ("bool(value)", False),
        ("value is None", False),
        ("value == 'a'", False),
        ("not value", False),
        ("type(value)", False),
        ("hashlib.sha256(value.encode()).hexdigest()", False),
        ("mask(value)", False),
        ("unknown(value)", False),
        ("[part for part in [value]]", True),
    ],
)
def test_expressions_keep_or_end_a_secret(expression: str, expected: bool) -> None:
    source = (
        f"import hashlib\nimport secrets\ndef f():\n    value = secrets.token_hex()\n    sink({expression})\n"
    )
    assert carried(source, SECRET) == [expected]


def test_steps_tell_the_way_from_the_value_to_its_source() -> None:
    project = project_from(
        {
            "app/main.py": """
                from lib import sink
                from app.tokens import make

                def note(text):
                    sink(text)

                def start():
                    note(make())
                """,
            "app/tokens.py": """
                import secrets

                def make():
                    return secrets.token_hex()
                """,
        }
    )
    (origin,) = asked(project, SECRET)
    assert origin is not None
    assert origin.confidence is Confidence.HIGH
    assert not origin.named
    assert [(step.path, step.span.line) for step in origin.evidence] == [
        ("app/main.py", 8),
        ("app/main.py", 8),
        ("app/tokens.py", 4),
    ]


def test_a_parameter_has_what_this_call_passes() -> None:
    """Inside a callee, the arguments of the call that led there count, not those of other callers."""
    source = """
import secrets

def same(value):
    return value

def f():
    same(secrets.token_hex())
    sink(same("plain"))
    sink(same(secrets.token_hex()))
"""
    assert carried(source, SECRET) == [False, True]


def test_keywords_reach_through_double_star() -> None:
    source = """
import secrets

def outer(**kwargs):
    inner(**kwargs)

def inner(name="", key=""):
    sink(name)
    sink(key)

def f():
    outer(name="x", key=secrets.token_hex())
"""
    assert carried(source, SECRET) == [False, True]


def test_recursion_ends() -> None:
    source = """
def even(n):
    return odd(n)

def odd(n):
    return even(n)

def f(n):
    sink(even(n))
    f(n)
"""
    assert carried(source, SECRET) == [False]


def test_many_callers_end_by_the_budget() -> None:
    functions = "\n".join(
        f"def f{index}(a, b):\n    f{(index + 1) % 30}(f{(index + 7) % 30}(a, b), b)\n    return b + a\n"
        for index in range(30)
    )
    assert carried(f"{functions}\ndef g(a, b):\n    sink(f0(a, b))\n", SECRET) == [False]


def test_names_alone_are_medium() -> None:
    project = project_from(
        {"app/main.py": "from lib import sink\ndef f(password, name):\n    sink(password)\n    sink(name)\n"}
    )
    first, second = asked(project, SECRET)
    assert first is not None
    assert first.named
    assert first.confidence is Confidence.MEDIUM
    assert second is None


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "accessToken",
        "API_KEY",
        "user_password",
        "X-Api-Key",
        "jwt",
        "client_secret",
        "new_password",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "password_hash", "token_id", "token_count", "has_password", "token_expires_at", "token_url", "secret_name",
        "token_type", "primary_key", "cache_key", "max_tokens", "next_page_token", "uncertainty", "tokenizer",
        "key", "secretary", "csrf_token", "password_field",
    ],
)  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    assert not names_secret(name)


def test_request_data_into_sql() -> None:
    project = project_from(
        {
            "app/main.py": """
                import sqlite3
                from fastapi import FastAPI

                app = FastAPI()

                @app.get("/items/{item}")
                def items(item: str, limit: int, kind: str):
                    connection = sqlite3.connect("x")
                    connection.execute(f"SELECT * FROM items WHERE name = '{item}'")
                    connection.execute(f"SELECT * FROM items LIMIT {limit}")
                    connection.execute(f"SELECT * FROM items LIMIT {int(kind)}")
                    connection.execute("SELECT * FROM items WHERE name = ?", (item,))
                """
        }
    )
    found = [
        project.flow.origin(call.function, argument.term, REQUEST.into("sql"), call.block)
        for call in project.calls()
        for argument in sink_arguments(call, "sql")
    ]
    assert [origin is not None for origin in found] == [True, False, False, False]
    assert found[0] is not None
    assert found[0].words == "item"


def test_request_body_through_helpers_and_parts() -> None:
    source = """
from flask import Flask, request

app = Flask(__name__)

def payload():
    return request.get_json()

@app.post("/")
def create():
    data = payload()
    sink(data)
    sink(data["name"])
    sink(data.get("name"))
    sink(request.args)
"""
    assert carried(source, REQUEST_BODY) == [True, True, True, False]


def test_exceptions_and_their_text() -> None:
    source = """
def f():
    try:
        work()
    except ValueError as error:
        sink(error)
        sink(str(error))
        sink(f"failed: {error}")
        sink("failed")
        sink(type(error).__name__)
"""
    assert carried(source, EXCEPTION) == [True, True, True, False, False]


def test_results_of_queries() -> None:
    source = """
import sqlite3

def f():
    cursor = sqlite3.connect("x").execute("SELECT 1")
    sink(cursor.fetchall())
    sink("none")
"""
    assert carried(source, QUERY_RESULT) == [True, False]


def test_personal_data() -> None:
    source = """
from django.contrib.auth.models import User

def f(user: User):
    sink(user.email)
    sink(user.id)
"""
    assert carried(source, PERSONAL_DATA) == [True, False]


def test_what_the_exception_being_handled_repeats() -> None:
    project = project_from(
        {
            "app/main.py": """
                import requests
                from lib import sink

                def f(api_key):
                    try:
                        requests.get("https://x.example", params={"key": api_key})
                    except ValueError:
                        sink(1)
                    except requests.RequestException:
                        sink(2)
                """
        }
    )
    calls = [call for call in project.calls() if call.symbol.endswith("sink")]
    value, request = (project.flow.raised(call.function, SECRET, call.block) for call in calls)
    assert value is None
    assert request is not None
    assert "the URL of `get`" in request.what


def test_logs_by_the_names_of_their_receivers() -> None:
    project = project_from(
        {
            "app/main.py": "def f(self, logger, sheet, x):\n    logger.info(x)\n    self.log.error(x)\n    sheet.info(x)\n"
        }
    )
    assert [len(list(sink_arguments(call, "log"))) for call in project.calls()] == [1, 1, 0]
