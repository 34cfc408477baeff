"""Code that refers to itself or nests without end is judged as far as it can be, without failing."""

from __future__ import annotations

from backlint.link.check import check_project
from backlint.registry import load_rules
from backlint.testing import project_from

VIEWS = "def x(request):\n    return 1\n"
HEAD = "from django.urls import include, path\nfrom app import views\n"


def test_a_list_of_url_patterns_that_includes_itself_ends() -> None:
    patterns = "p = [path('x/', views.x)]\np = [path('api/', include(p))] + p\nurlpatterns = p\n"
    project = project_from({"app/urls.py": HEAD + patterns, "app/views.py": VIEWS, "app/__init__.py": ""})
    assert len(project.routes) < 10


def test_lists_that_include_the_one_before_twice_are_not_multiplied_without_end() -> None:
    doubled = "".join(
        f"p{i} = [path('a/', include(p{i - 1})), path('b/', include(p{i - 1}))]\n" for i in range(1, 40)
    )
    text = f"{HEAD}p0 = [path('x/', views.x)]\n{doubled}urlpatterns = p39\n"
    project = project_from({"app/urls.py": text, "app/views.py": VIEWS, "app/__init__.py": ""})
    assert len(project.routes) <= 10_000


def test_a_long_chain_of_properties_costs_no_rule() -> None:
    count = 1500
    classes = "".join(
        f"class C{i}:\n    @property\n    def p(self):\n        return C{i + 1}().p\n" for i in range(count)
    )
    project = project_from({"app/main.py": f"{classes}class C{count}:\n    p = 1\nprint(C0().p)\n"})
    assert not check_project(project, load_rules().rules.values()).notices


def test_an_attribute_that_subclasses_set_to_functions_of_libraries_is_unknown() -> None:
    code = (
        "import json, os\n\nclass Base:\n    load = None\n    def run(self, x):\n        return self.load(x)\n\n"
        "class A(Base):\n    load = json.loads\n\nclass B(Base):\n    load = os.getenv\n"
    )
    project = project_from({"app/main.py": code})
    assert not check_project(project, load_rules().rules.values()).notices
