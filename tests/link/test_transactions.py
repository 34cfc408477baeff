"""What keeps a transaction open around a call."""

from __future__ import annotations

import pytest

from backlint.testing import project_from

DATABASE = """
    from contextlib import contextmanager
    from functools import wraps
    from django.db import transaction
    from sqlalchemy.orm import Session

    @contextmanager
    def atomic_block():
        with transaction.atomic():
            yield

    @contextmanager
    def plain_block():
        with transaction.atomic():
            pass
        yield

    @contextmanager
    def committed(engine):
        session = Session(engine)
        yield session
        session.commit()

    def atomically(function):
        @wraps(function)
        def inner(*args):
            with transaction.atomic():
                return function(*args)
        return inner

    def send():
        return None
    """


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("with atomic_block():\n        send()", "open in this block"),
        ("with plain_block():\n        send()", ""),
        (
            "with committed(engine) as db:\n        db.add(row)\n        send()",
            "committed at the end of this block",
        ),
        ("with committed(engine) as db:\n        send()", ""),
        ("with committed(engine) as db:\n        db.add(row)\n    send()", ""),
        ("with committed(engine) as db:\n        db.add(row)\n        db.commit()\n        send()", ""),
        ("row.add(1)\n    send()", ""),
    ],
)
def test_blocks(body: str, words: str) -> None:
    assert words in _around(f"def run(engine, row):\n    {body}") or not words
    assert bool(_around(f"def run(engine, row):\n    {body}")) == bool(words)


@pytest.mark.parametrize(
    ("decorator", "words"),
    [("@atomically", "the decorator"), ("@transaction.atomic", "the decorator"), ("", "")],
)
def test_decorators(decorator: str, words: str) -> None:
    found = _around(f"{decorator}\ndef run(engine, row):\n    send()")
    assert bool(found) == bool(words)
    assert words in found


def _around(code: str) -> str:
    head = (
        "from django.db import transaction\n"
        "from app.db import atomic_block, atomically, committed, plain_block, send\n\n"
    )
    project = project_from({"app/db.py": DATABASE, "app/main.py": head + code})
    function = next(each for each in project.functions if each.symbol == "app.main.run")
    call = next(each for each in function.calls if each.symbol == "app.db.send")
    found = project.open_transaction(call)
    return found.message if found is not None else ""
