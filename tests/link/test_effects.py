"""What functions do, directly and through what they call, with the chain that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.effect import Effect
from backlint.testing import project_from

if TYPE_CHECKING:
    from backlint.link.project import Project


def has(project: Project, name: str, effect: Effect) -> bool:
    function = next(each for each in project.functions if each.symbol == name)
    return function.key in project.effects.steps(effect)


def chain(project: Project, name: str, effect: Effect) -> list[tuple[str, int, str]]:
    function = next(each for each in project.functions if each.symbol == name)
    return [(step.path, step.span.line, step.message) for step in project.effects.chain(function, effect)]


def effects(code: str, name: str = "f") -> set[Effect]:
    project = project_from({"app/main.py": code})
    return {effect for effect in Effect if has(project, f"app.main.{name}", effect)}


LAYERS = {
    "app/__init__.py": "",
    "app/models.py": """
        from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
        class Base(DeclarativeBase): ...
        class User(Base):
            __tablename__ = "users"
            id: Mapped[int] = mapped_column(primary_key=True)
        """,
    "app/repos.py": """
        from sqlalchemy.orm import Session
        from app.models import User
        class Repo:
            def __init__(self, db: Session):
                self.db = db
            def get(self, id: int):
                return self.db.get(User, id)
        """,
    "app/services.py": """
        from app.repos import Repo
        class Service:
            def __init__(self, repo: Repo) -> None:
                self.repo = repo
            def user(self, id):
                return self.repo.get(id)
        """,
    "app/main.py": """
        from app.services import Service
        def handler(service: Service, id: int):
            return service.user(id)
        def untouched(service: Service):
            return service.repo
        """,
}


def test_an_effect_travels_through_every_layer() -> None:
    project = project_from(LAYERS)
    assert has(project, "app.main.handler", Effect.QUERIES)
    assert not has(project, "app.main.untouched", Effect.QUERIES)
    assert not has(project, "app.main.handler", Effect.COMMITS)
    assert chain(project, "app.main.handler", Effect.QUERIES) == [
        ("app/main.py", 3, "`handler` calls `Service.user`"),
        ("app/services.py", 6, "`Service.user` calls `Repo.get`"),
        ("app/repos.py", 7, "`get` queries the database"),
    ]


@pytest.mark.parametrize(
    ("code", "effect"),
    [
        ("import requests\ndef f(u):\n    return requests.get(u)", Effect.CALLS_NETWORK),
        ("import time\ndef f():\n    time.sleep(1)", Effect.SLEEPS),
        ("import logging\nlog = logging.getLogger(__name__)\ndef f():\n    log.info('x')", Effect.LOGS),
        ("import subprocess\ndef f():\n    subprocess.run(['ls'])", Effect.RUNS_PROCESS),
        ("def f(p):\n    with open(p) as file:\n        return file.read()", Effect.READS_FILE),
        (
            "from celery import shared_task\n@shared_task\ndef job(): ...\ndef f():\n    job.delay()",
            Effect.ENQUEUES,
        ),
    ],
)
def test_library_calls(code: str, effect: Effect) -> None:
    assert effect in effects(code)


def test_enqueueing_a_job_does_not_run_it() -> None:
    code = """
        import requests
        from celery import shared_task
        @shared_task
        def job():
            requests.get("u")
        def f():
            job.delay()
        """
    assert Effect.CALLS_NETWORK not in effects(code)
    assert Effect.CALLS_NETWORK in effects(code, "job")


def test_recursion_ends() -> None:
    code = """
        import requests
        def f(n):
            g(n)
            f(n - 1)
        def g(n):
            f(n)
            requests.get("u")
        """
    assert Effect.CALLS_NETWORK in effects(code, "f")
    assert Effect.CALLS_NETWORK in effects(code, "g")


def test_the_shortest_chain_is_shown() -> None:
    code = """
        import requests
        def f():
            long()
            requests.get("direct")
        def long():
            longer()
        def longer():
            requests.get("far")
        """
    project = project_from({"app/main.py": code})
    assert [line for _, line, _ in chain(project, "app.main.f", Effect.CALLS_NETWORK)] == [4]


class TestCallbacks:
    @pytest.mark.parametrize(
        "call",
        [
            "apply(fetch)",
            "apply(function=fetch)",
            "apply(lambda: fetch())",
            "apply(partial(fetch, 1))",
            "list(map(fetch, items))",
            "sorted(items, key=fetch)",
            "[fetch() for item in items]",
            "(lambda: fetch())()",
            "inner()",
        ],
    )
    def test_functions_that_are_handed_over_run(self, call: str) -> None:
        code = f"""
            import requests
            from functools import partial
            def fetch(*args):
                return requests.get("u")
            def apply(function):
                return function()
            def f(items):
                def inner():
                    return fetch()
                {call}
            """
        assert Effect.CALLS_NETWORK in effects(code)

    def test_a_function_that_is_only_passed_on_does_not_run(self) -> None:
        code = """
            import requests
            def fetch():
                return requests.get("u")
            def keep(function):
                return {"function": function}
            def f():
                return keep(fetch)
            """
        assert Effect.CALLS_NETWORK not in effects(code)

    def test_a_lambda_that_is_only_returned_does_not_run(self) -> None:
        code = "import requests\ndef f():\n    return lambda: requests.get('u')\n"
        assert Effect.CALLS_NETWORK not in effects(code)


class TestClasses:
    def test_constructors_properties_and_context_managers_run(self) -> None:
        code = """
            import requests
            class Client:
                def __init__(self):
                    requests.get("u")
            class Lazy:
                @property
                def value(self):
                    return requests.get("u")
            class Guard:
                def __enter__(self):
                    requests.get("u")
                def __exit__(self, *rest): ...
            def construct():
                Client()
            def read(lazy: Lazy):
                return lazy.value
            def enter():
                with Guard():
                    pass
            def nothing(lazy: Lazy):
                return lazy
            """
        for name in ("construct", "read", "enter"):
            assert Effect.CALLS_NETWORK in effects(code, name)
        assert effects(code, "nothing") == set()

    def test_an_abstract_method_runs_what_overrides_it(self) -> None:
        code = """
            from abc import ABC, abstractmethod
            import requests
            class Port(ABC):
                @abstractmethod
                def send(self): ...
            class Real(Port):
                def send(self):
                    requests.post("u")
            def f(port: Port):
                port.send()
            """
        assert Effect.CALLS_NETWORK in effects(code)

    def test_of_methods_that_may_answer_one_is_named_as_an_example(self) -> None:
        code = """
            from abc import ABC, abstractmethod
            import requests
            class Port(ABC):
                @abstractmethod
                def send(self): ...
            class Mail(Port):
                def send(self):
                    requests.post("u")
            class Fax(Port):
                def send(self):
                    print("beep")
            def f(port: Port):
                port.send()
            """
        project = project_from({"app.py": code})
        function = next(one for one in project.functions if one.name == "f")
        step, last = project.effects.chain(function, Effect.CALLS_NETWORK)
        assert step.message == "`f` calls `send` of a subclass, such as `Mail.send`"
        assert last.message == "`requests.post` calls another service"

    def test_a_method_that_is_not_called_gives_nothing(self) -> None:
        code = """
            import requests
            class Client:
                def send(self):
                    requests.post("u")
            def f(client: Client):
                return client.send
            """
        assert Effect.CALLS_NETWORK not in effects(code)


class TestMemoised:
    @pytest.mark.parametrize("decorator", ["lru_cache", "lru_cache(maxsize=None)", "cache"])
    def test_the_effect_of_a_memoised_function_does_not_travel(self, decorator: str) -> None:
        code = f"""
            import requests
            from functools import cache, lru_cache
            @{decorator}
            def settings():
                return requests.get("u")
            def f():
                return settings()
            """
        assert Effect.CALLS_NETWORK in effects(code, "settings")
        assert Effect.CALLS_NETWORK not in effects(code)


class TestLazyQueries:
    DJANGO = """
        from django.db import models
        class Post(models.Model):
            title = models.CharField(max_length=9)
        """

    @pytest.mark.parametrize(
        "use",
        [
            "for post in posts: pass",
            "[post for post in posts]",
            "list(posts)",
            "len(posts)",
            "if posts: pass",
            "posts.count()",
            "posts.first()",
            "posts.exists()",
        ],
    )
    def test_using_a_lazy_query_runs_it(self, use: str) -> None:
        code = f"{self.DJANGO}\n        def f():\n            posts = Post.objects.filter(title='x')\n            {use}\n"
        assert Effect.QUERIES in effects(code)

    @pytest.mark.parametrize("use", ["return posts", "posts = posts.exclude(id=1)", "posts = posts[:10]"])
    def test_building_one_does_not(self, use: str) -> None:
        code = f"{self.DJANGO}\n        def f():\n            posts = Post.objects.filter(title='x')\n            {use}\n"
        assert Effect.QUERIES not in effects(code)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("'SELECT 1'", {Effect.QUERIES}),
        ("'  -- note\\n select * from t'", {Effect.QUERIES}),
        ("'INSERT INTO t VALUES (1)'", {Effect.WRITES}),
        ("'update t set a = 1'", {Effect.WRITES}),
        ("'DELETE FROM t'", {Effect.WRITES}),
        ("'WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x'", {Effect.WRITES}),
        ("'WITH x AS (SELECT 1) SELECT * FROM x'", {Effect.QUERIES}),
        ("f'SELECT * FROM {table}'", {Effect.QUERIES}),
        ("STATEMENT", {Effect.WRITES}),
        ("'SET search_path TO x'", set()),
    ],
)
def test_sql_text_says_what_a_statement_does(statement: str, expected: set[Effect]) -> None:
    code = (
        "import psycopg2\nSTATEMENT = 'DELETE FROM t'\n"
        f"def f(dsn, table):\n    cursor = psycopg2.connect(dsn).cursor()\n    cursor.execute({statement})\n"
    )
    assert effects(code) & {Effect.QUERIES, Effect.WRITES} == expected
