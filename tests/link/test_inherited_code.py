"""Code of base classes, as the classes and objects that inherit it see it; what wrappers pass."""

from __future__ import annotations

import pytest

from backlint.inspection import value_words
from backlint.summary import EventKind
from backlint.testing import project_from


def returns(source: str, name: str = "app.main.f") -> str:
    """What the last `return` of a function gives, in words."""
    project = project_from({"app/main.py": source})
    function = next(each for each in project.functions if each.symbol == name)
    events = [event for event in function.summary.events if event.kind is EventKind.RETURN]
    return value_words(project, project.value(function, events[-1].term))


GENERIC = """
    from typing import Generic, Type, TypeVar
    from sqlalchemy import select
    from sqlalchemy.orm import DeclarativeBase, Session

    class Base(DeclarativeBase): ...
    class Boat(Base): ...
    class Crew(Base): ...
    Row = TypeVar("Row", bound=Base)
    Key = TypeVar("Key")

    class Store(Generic[Row, Key]):
        def __init__(self, model: Type[Row], db: Session):
            self.model = model
            self.db = db
        def get(self, key: Key) -> Row | None:
            return self.db.get(self.model, key)
        def newest(self):
            return self.db.scalars(select(self.model)).first()
        def pages(self) -> list[Row]: ...

    class Boats(Store[Boat, int]):
        def named(self):
            return super().newest()
    """


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Boats(Boat, db).get(1)", "app.main.Boat"),
        ("Boats(Boat, db).newest()", "app.main.Boat"),
        ("Boats(Boat, db).named()", "app.main.Boat"),
        ("Boats(Boat, db).pages()", "list[app.main.Boat]"),
        ("Boats(Boat, db).model", "class app.main.Boat"),
        ("Store(Crew, db).newest()", "app.main.Crew"),
        ("Store(Crew, db).get(1)", "app.main.Crew"),
        ("Store(found(), db).get(1)", "app.main.Base"),
    ],
)
def test_generic_repositories(expression: str, expected: str) -> None:
    source = f"{GENERIC}\n    def f(db):\n        return {expression}\n"
    assert returns(source) == expected


@pytest.mark.parametrize("declared", ["Item", "Item | None", "list[Item] | None"])
def test_a_type_variable_without_bound_is_unknown(declared: str) -> None:
    source = f"""
        from typing import Generic, TypeVar
        Item = TypeVar("Item")
        class Shelf(Generic[Item]):
            def top(self) -> {declared}: ...
        def f(shelf: Shelf):
            return shelf.top()
        """
    assert returns(source) == ("list[unknown]" if "list" in declared else "unknown")


DJANGO = """
    from django.db import models
    class Boat(models.Model): ...
    class Crew(models.Model): ...
    class Listing:
        model = None
        def rows(self):
            return self.model.objects.all()
        def made(self):
            return self.form_class()
    class BoatForm: ...
    class CrewForm: ...
    class Boats(Listing):
        model = Boat
        form_class = BoatForm
    class Crews(Listing):
        model = Crew
        form_class = CrewForm
    """


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Boats().rows()", "django.db.models.QuerySet[app.main.Boat]"),
        ("Crews().rows()", "django.db.models.QuerySet[app.main.Crew]"),
        ("Boats().made()", "app.main.BoatForm"),
        ("Listing().made()", "app.main.BoatForm | app.main.CrewForm"),
    ],
)
def test_class_attributes_of_subclasses(expression: str, expected: str) -> None:
    source = f"{DJANGO}\n    def f():\n        return {expression}\n"
    assert returns(source) == expected


def test_one_unknown_subclass_makes_the_attribute_unknown() -> None:
    source = f"{DJANGO}\n    class Others(Listing):\n        form_class = load()\n    def f():\n        return Listing().made()"
    assert returns(source) == "unknown"


def test_many_subclasses_share_an_ancestor() -> None:
    forms = "".join(
        f"\n    class F{n}(Form): ...\n    class V{n}(View):\n        form = F{n}" for n in range(6)
    )
    source = f"""
    class Form:
        def is_valid(self) -> bool: ...
    class View:
        def shown(self):
            return self.form()
    {forms}
    def f(view: View):
        return view.shown()
    """
    assert returns(source) == "app.main.Form"


def test_an_attribute_that_nobody_sets_stays_none() -> None:
    source = """
        class Client:
            timeout = None
        def f():
            return Client().timeout
        """
    assert returns(source) == "None"


def test_what_a_subclass_hands_to_the_initialiser() -> None:
    source = """
        class Boat: ...
        class Crew: ...
        class Store:
            def __init__(self, model):
                self.model = model
            def make(self):
                return self.model()
        class Boats(Store):
            def __init__(self):
                super().__init__(Boat)
        class Crews(Store):
            def __init__(self):
                super().__init__(model=Crew)
        def f():
            return Boats().make(), Crews().make()
        """
    assert returns(source) == "tuple[app.main.Boat, app.main.Crew]"


@pytest.mark.parametrize(
    ("decorator", "handler", "expected"),
    [
        ("wrapper(*a, **k):\n            return fn(Sailor(), *a, **k)", "f(sailor, y)", "app.main.Sailor"),
        (
            "wrapper(*a, **k):\n            return fn(*a, sailor=Sailor(), **k)",
            "f(y, sailor)",
            "app.main.Sailor",
        ),
        ("wrapper(*a, **k):\n            return fn(*a, **k)", "f(sailor)", "unknown"),
        ("wrapper(*a, **k):\n            return fn(*a, sailor=load(), **k)", "f(sailor)", "unknown"),
    ],
)
def test_arguments_that_a_wrapper_adds(decorator: str, handler: str, expected: str) -> None:
    source = f"""
    class Sailor: ...
    def signed_in(fn):
        def {decorator}
        return wrapper
    @signed_in
    def {handler}:
        return sailor
    """
    assert returns(source) == expected


def test_a_decorator_factory_adds_to_a_method() -> None:
    source = """
        class Sailor: ...
        def with_args(spec):
            def decorator(fn):
                def wrapper(*a, **k):
                    data = Sailor()
                    return fn(*a, data, **k)
                return wrapper
            return decorator
        class View:
            @with_args({})
            def get(self, query):
                return query
        def f():
            return View().get()
        """
    assert returns(source) == "app.main.Sailor"
