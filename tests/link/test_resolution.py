"""What names and expressions stand for, across files."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from backlint.link.values import (
    ClassValue,
    ConstantValue,
    ExternalValue,
    FunctionValue,
    InstanceValue,
    LibraryFunction,
    ModuleValue,
    UnionValue,
    Value,
)
from backlint.summary import EventKind
from backlint.testing import project_from

if TYPE_CHECKING:
    from backlint.link.project import Project


def show(project: Project, value: Value) -> str:
    """A value in one line: `User` for an object, `class User` for the class."""
    match value:
        case UnionValue(options):
            return " | ".join(sorted(show(project, option) for option in options))
        case InstanceValue(symbol, arguments):
            inner = ", ".join(show(project, argument) for argument in arguments)
            return f"{symbol}[{inner}]" if inner else symbol
        case ClassValue(symbol):
            return f"class {symbol}"
        case FunctionValue(file, function):
            return f"def {project.index.function_symbol(file, function)}"
        case LibraryFunction(symbol):
            return f"library {symbol}"
        case ModuleValue(symbol):
            return f"module {symbol}"
        case ExternalValue(symbol):
            return f"external {symbol}"
        case ConstantValue(constant):
            return repr(constant)
    return "unknown"


def returns(files: dict[str, str] | str, name: str = "app.main.f") -> str:
    """What the last `return` of a function gives."""
    project = project_from({"app/main.py": files} if isinstance(files, str) else files)
    function = next(each for each in project.functions if each.symbol == name)
    events = [event for event in function.summary.events if event.kind is EventKind.RETURN]
    return show(project, project.value(function, events[-1].term))


MODELS = {
    "app/__init__.py": "",
    "app/models.py": "class User:\n    name: str = ''\n\ndef make():\n    return User()\n",
}


class TestNames:
    @pytest.mark.parametrize(
        "code",
        [
            "from app.models import User\ndef f():\n    return User()",
            "from app.models import User as Account\ndef f():\n    return Account()",
            "from app import models\ndef f():\n    return models.User()",
            "import app.models\ndef f():\n    return app.models.User()",
            "import app.models as m\ndef f():\n    return m.User()",
            "from .models import User\ndef f():\n    return User()",
            "from . import models\ndef f():\n    return models.User()",
            "from .models import *\ndef f():\n    return User()",
            "from app.models import make\ndef f():\n    return make()",
            "def f():\n    from app.models import User\n    return User()",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.models import User\ndef f(u: 'User'):\n    return u",
        ],
    )
    def test_every_kind_of_import(self, code: str) -> None:
        assert returns({**MODELS, "app/main.py": code}) == "app.models.User"

    def test_re_exports(self) -> None:
        files = {
            **MODELS,
            "app/db/__init__.py": "from .all import *\n",
            "app/db/all.py": "from app.models import User as Person\nfrom app.models import make\n",
            "app/main.py": "from app.db import Person\ndef f():\n    return Person()",
        }
        assert returns(files) == "app.models.User"

    def test_a_star_import_follows_all(self) -> None:
        files = {
            "app/a.py": "__all__ = ['shown']\ndef shown(): return 1\ndef hidden(): return 2\ndef _private(): return 3\n",
            "app/b.py": "def shown(): return 1\ndef _private(): return 3\n",
            "app/main.py": "from app.a import *\ndef f():\n    return shown",
            "app/two.py": "from app.a import *\ndef f():\n    return hidden",
            "app/three.py": "from app.b import *\ndef f():\n    return _private",
        }
        assert returns(files) == "def app.a.shown"
        assert returns(files, "app.two.f") in ("unknown", "external app.two.hidden")
        assert returns(files, "app.three.f") in ("unknown", "external app.three._private")

    def test_circular_imports_end(self) -> None:
        files = {
            "app/a.py": "from app.main import thing\n",
            "app/main.py": "from app.a import thing\ndef f():\n    return thing",
        }
        assert returns(files) in ("unknown", "external app.main.thing", "external app.a.thing")

    def test_a_module_level_alias_and_instance(self) -> None:
        code = "class Client: ...\nClass = Client\nclient = Class()\ndef f():\n    return client"
        assert returns(code) == "app.main.Client"

    def test_libraries(self) -> None:
        assert returns("import requests\ndef f():\n    return requests.get") == "library requests.get"
        assert (
            returns("import nothing_known\ndef f():\n    return nothing_known.x")
            == "external nothing_known.x"
        )

    def test_two_services_with_modules_of_the_same_name(self) -> None:
        files = {
            "one/requirements.txt": "",
            "one/app/main.py": "from app.models import make\ndef f():\n    return make()",
            "one/app/models.py": "class One: ...\ndef make():\n    return One()",
            "two/requirements.txt": "",
            "two/app/main.py": "from app.models import make\ndef f():\n    return make()",
            "two/app/models.py": "class Two: ...\ndef make():\n    return Two()",
        }
        project = project_from(files)
        found = {
            function.path: show(
                project,
                project.value(
                    function,
                    next(event.term for event in function.summary.events if event.kind is EventKind.RETURN),
                ),
            )
            for function in project.functions
            if function.summary.name == "f"
        }
        assert found == {"one/app/main.py": "app.models.One", "two/app/main.py": "app.models.Two"}


class TestClasses:
    def test_methods_are_inherited_and_overridden(self) -> None:
        code = """
            class A:
                def one(self): return 1
                def two(self): return 'a'
            class B(A):
                def two(self): return 'b'
            class C(B): ...
            def f():
                c = C()
                return [c.one, c.two]
            """
        project = project_from({"app/main.py": code})
        function = next(each for each in project.functions if each.symbol == "app.main.f")
        event = function.summary.events[-1]
        row = project.term(function, event.term)
        shown = [show(project, project.value(function, item)) for item in row.items]  # type: ignore[union-attr]
        assert shown == ["def app.main.A.one", "def app.main.B.two"]

    def test_super_skips_the_class_itself(self) -> None:
        code = """
            class A:
                def make(self): return self
            class B(A):
                def make(self):
                    return super().make
            """
        assert returns(code, "app.main.B.make") == "def app.main.A.make"

    def test_diamonds_follow_the_order_of_resolution(self) -> None:
        code = """
            class Base:
                def x(self): ...
            class Left(Base): ...
            class Right(Base):
                def x(self): ...
            class Bottom(Left, Right): ...
            def f():
                return Bottom().x
            """
        assert returns(code) == "def app.main.Right.x"

    def test_calling_self_is_not_returning_it(self) -> None:
        code = "class A:\n    def __call__(self): return 1\n    def f(self): return self(1)\n"
        assert returns(code, "app.main.A.f") == "1"
        assert returns(code + "def g(a: A):\n    return a.f()\n", "app.main.g") == "1"

    def test_a_class_that_inherits_from_itself_ends(self) -> None:
        assert returns("class A(A):\n    pass\ndef f():\n    return A().x") == "unknown"

    @pytest.mark.parametrize(
        "body",
        [
            "client: Client",
            "def __init__(self, client: Client):\n        self.client = client",
            "def __init__(self):\n        self.client = Client()",
            "client = Client()",
            "@property\n    def client(self):\n        return Client()",
            "@property\n    def client(self) -> Client: ...",
            "@cached_property\n    def client(self):\n        return Client()",
        ],
    )
    def test_attributes_of_self(self, body: str) -> None:
        code = (
            "from functools import cached_property\nclass Client: ...\n"
            f"class Service:\n    {body}\n    def run(self):\n        return self.client\n"
        )
        assert returns(code, "app.main.Service.run") == "app.main.Client"

    def test_class_methods_and_static_methods(self) -> None:
        code = """
            class A:
                @classmethod
                def make(cls): return cls()
                @staticmethod
                def other(): return A()
            class B(A): ...
            def f():
                return B.make()
            def g():
                return B.other()
            """
        assert returns(code) == "app.main.B"
        assert returns(code, "app.main.g") == "app.main.A"

    def test_self_returned_from_a_chain(self) -> None:
        code = """
            from typing import Self
            class Builder:
                def add(self) -> Self: ...
                def more(self): return self
            class Special(Builder): ...
            def f():
                return Special().add().more()
            """
        assert returns(code) == "app.main.Special"


class TestAnnotations:
    @pytest.mark.parametrize(
        ("annotation", "expected"),
        [
            ("User", "app.main.User"),
            ("'User'", "app.main.User"),
            ("User | None", "app.main.User"),
            ("Optional[User]", "app.main.User"),
            ("Union[User, None]", "app.main.User"),
            ("Annotated[User, Depends(get)]", "app.main.User"),
            ("CurrentUser", "app.main.User"),
            ("User | Post", "app.main.Post | app.main.User"),
        ],
    )
    def test_a_parameters_type(self, annotation: str, expected: str) -> None:
        code = (
            "from typing import Annotated, Optional, Union\nfrom fastapi import Depends\n"
            "class User: ...\nclass Post: ...\ndef get(): ...\n"
            f"CurrentUser = Annotated[User, Depends(get)]\ndef f(x: {annotation}):\n    return x\n"
        )
        assert returns(code) == expected

    @pytest.mark.parametrize("parameter", ["x=Depends(get)", "x=Depends(Provider())"])
    def test_dependencies_give_what_they_return(self, parameter: str) -> None:
        code = (
            "from typing import Annotated\nfrom fastapi import Depends\nclass User: ...\n"
            "def get():\n    return User()\n"
            "class Provider:\n    def __call__(self):\n        return User()\n"
            f"def f({parameter}):\n    return x\n"
        )
        assert returns(code) == "app.main.User"

    def test_a_dependency_that_yields(self) -> None:
        code = (
            "from fastapi import Depends\nfrom sqlalchemy.orm import Session\n"
            "def get_db():\n    db = Session()\n    try:\n        yield db\n    finally:\n        db.close()\n"
            "def f(db=Depends(get_db)):\n    return db\n"
        )
        assert returns(code) == "sqlalchemy.orm.Session"

    @pytest.mark.parametrize(
        ("annotation", "expression"),
        [
            ("list[User]", "x[0]"),
            ("list[User]", "next(iter(x))"),
            ("dict[str, User]", "x['a']"),
            ("dict[str, User]", "x.get('a')"),
            ("tuple[int, User]", "x[1]"),
            ("'List[User]'", "x.pop()"),
            ("Iterable[User]", "next(x)"),
        ],
    )
    def test_elements(self, annotation: str, expression: str) -> None:
        code = (
            "from typing import Iterable, List\nclass User: ...\n"
            f"def f(x: {annotation}):\n    return {expression}\n"
        )
        assert returns(code) == "app.main.User"

    def test_loops_over_typed_values(self) -> None:
        code = """
            class User: ...
            def f(users: list[User], by_name: dict[str, User]):
                for user in users:
                    pass
                for name, other in by_name.items():
                    pass
                return other or user
            """
        assert returns(code) == "app.main.User"


class TestCalls:
    def test_what_a_function_returns_follows_calls(self) -> None:
        files = {
            "app/repos.py": "class Repo: ...\ndef make():\n    return Repo()\n",
            "app/services.py": "from app import repos\ndef repo():\n    found = repos.make()\n    return found\n",
            "app/main.py": "from app.services import repo\ndef f():\n    return repo()\n",
        }
        assert returns(files) == "app.repos.Repo"

    def test_recursion_ends(self) -> None:
        assert returns("class A: ...\ndef f(n):\n    return f(n - 1) if n else A()\n") == "app.main.A"
        assert returns("def f(): return g()\ndef g(): return f()\n") == "unknown"

    def test_context_managers(self) -> None:
        code = """
            from contextlib import asynccontextmanager, contextmanager
            class User: ...
            class Manager:
                def __enter__(self) -> User: ...
                def __exit__(self, *a): ...
            class Own:
                def __enter__(self): return self
            @contextmanager
            def opened():
                yield User()
            @asynccontextmanager
            async def later():
                yield User()
            def f():
                with opened() as x:
                    return x
            def g():
                with Manager() as x:
                    return x
            def h():
                with Own() as x:
                    return x
            async def i():
                async with later() as x:
                    return x
            """
        assert returns(code) == "app.main.User"
        assert returns(code, "app.main.g") == "app.main.User"
        assert returns(code, "app.main.h") == "app.main.Own"
        assert returns(code, "app.main.i") == "app.main.User"

    def test_generators_give_what_they_yield(self) -> None:
        code = """
            class User: ...
            def users():
                yield User()
            def f():
                for user in users():
                    return user
            """
        assert returns(code) == "app.main.User"

    def test_awaited_calls(self) -> None:
        code = "class A: ...\nasync def make():\n    return A()\nasync def f():\n    return await make()\n"
        assert returns(code) == "app.main.A"

    def test_a_parameter_without_annotation_has_the_type_it_is_called_with(self) -> None:
        code = "class A: ...\ndef f(x):\n    return x\ndef g():\n    f(A())\n"
        assert returns(code) == "app.main.A"

    def test_what_is_unknown_stays_unknown(self) -> None:
        for code in (
            "def f(x):\n    return x.anything()\n",
            "def f(x):\n    return getattr(x, 'name')()\n",
            "def f():\n    return undefined_name\n",
            "def f(*args):\n    return args[0].x\n",
        ):
            assert returns(textwrap.dedent(code)) == "unknown"
