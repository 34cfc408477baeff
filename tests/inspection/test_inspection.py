"""What `inspect` prints of a place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.inspection import inspect_file, inspect_line, list_routes
from backlint.testing.project import project_from

if TYPE_CHECKING:
    from backlint.link.project import Project

FILES = {
    "app/models.py": """
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

        class Base(DeclarativeBase): ...

        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)
        """,
    "app/crud.py": """
        from sqlalchemy import select
        from sqlalchemy.orm import Session
        from app.models import User

        def everybody(db: Session) -> list[User]:
            return db.scalars(select(User)).all()
        """,
    "app/main.py": """
        import mystery
        from fastapi import Depends, FastAPI, HTTPException
        from sqlalchemy.orm import Session
        from app.crud import everybody

        app = FastAPI()

        def current(token: str):
            if not token:
                raise HTTPException(401)

        @app.get("/users/{kind}")
        def users(kind: str, db: Session, user=Depends(current)):
            names = []
            for user in everybody(db):
                if kind:
                    names.append(mystery.name(user))
            return names
        """,
}


@pytest.fixture(scope="module")
def project() -> Project:
    return project_from(FILES)


def line_of(text: str) -> int:
    lines = FILES["app/main.py"].strip("\n").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_routes(project: Project) -> None:
    assert list_routes(project) == [
        (
            "GET /users/{kind} → users (app/main.py:13) | current [authenticates] | "
            "kind: path, db: unknown, user: dependency"
        )
    ]
    assert list_routes(project, lambda path: path.startswith("other/")) == []


def test_a_call_with_its_effects(project: Project) -> None:
    lines = inspect_line(project, "app/main.py", line_of("everybody(db)"))
    assert lines[0] == "in app.main.users (handler)"
    assert "route GET /users/{kind}" in lines
    assert "    refuses strangers: yes" in lines
    assert "calls everybody(…) → app.crud.everybody (app/crud.py:5)" in lines
    assert "    gives list[app.models.User], iterated" in lines
    assert "    queries through app.crud.everybody:" in lines


def test_context_and_unknown_callees(project: Project) -> None:
    lines = inspect_line(project, "app/main.py", line_of("mystery.name"))
    assert any(
        line.startswith("inside for user in everybody(…): list[app.models.User], passes grow with the data")
        for line in lines
    )
    assert f"inside if kind (line {line_of('if kind')})" in lines
    assert "calls mystery.name(…) → mystery.name (no library entry)" in lines


def test_the_head_of_a_function_gives_parameters(project: Project) -> None:
    lines = inspect_line(project, "app/main.py", line_of("def users"))
    assert "parameter db: sqlalchemy.orm.Session" in lines


def test_a_file(project: Project) -> None:
    lines = inspect_file(project, "app/crud.py")
    assert lines[0] == "1: module"
    assert lines[1].startswith("5: everybody | ")
    assert "queries" in lines[1]


def test_a_file_that_is_not_there(project: Project) -> None:
    assert inspect_file(project, "app/nothing.py") == []
    assert inspect_line(project, "app/nothing.py", 1) == []
