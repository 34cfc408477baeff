"""Declared dependencies in every form of manifest."""

from __future__ import annotations

import pytest

from backlint.manifests.dependencies import Dependencies, brought_by, is_declared, is_standard, unaccounted
from backlint.manifests.read import declared, requirement


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Django>=4.2,<5", "django"),
        ("zope.interface", "zope-interface"),
        ("uvicorn[standard] == 0.30 ; python_version > '3.8'", "uvicorn"),
        ("tool @ https://example.com/tool.whl", "tool"),
        ("==1.0", None),
        ("", None),
    ],
)
def test_requirement(text: str, name: str | None) -> None:
    assert requirement(text) == name


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        (
            "pyproject.toml",
            '[project]\ndependencies = ["a>=1"]\n[project.optional-dependencies]\nx = ["b"]',
            {"a", "b"},
        ),
        ("pyproject.toml", '[tool.pdm.dev-dependencies]\ntest = ["c"]\n[project]\ndependencies = []', {"c"}),
        ("pyproject.toml", '[dependency-groups]\ndev = ["d", {include-group = "x"}]\nx = []', {"d"}),
        (
            "pyproject.toml",
            '[tool.uv]\ndev-dependencies = ["e"]\n[project]\ndependencies = ["f"]',
            {"e", "f"},
        ),
        ("pyproject.toml", '[tool.poetry.group.dev.dependencies]\ng_h = "*"', {"g-h"}),
        ("pyproject.toml", "[tool.ruff]\nline-length = 80", None),
        ("pyproject.toml", "[project\n", None),
        ("Pipfile", '[packages]\nflask = "*"\n[requires]\npython_version = "3.11"', {"flask"}),
        (
            "setup.cfg",
            "[options]\ninstall_requires =\n    a\n    b[x]>1\n[options.extras_require]\nt = c",
            {"a", "b", "c"},
        ),
        ("setup.cfg", "[flake8]\nmax-line-length = 80", None),
        ("setup.py", "from setuptools import setup\nsetup(install_requires=['a>=1', 'b'])", {"a", "b"}),
        ("setup.py", "from setuptools import setup\nsetup()", None),
        (
            "environment.yml",
            "dependencies:\n  - python=3.11\n  - pip:\n    - fastapi>=0.1\n",
            {"python", "fastapi"},
        ),
        (
            "requirements.txt",
            "a==1 \\\n  --hash=sha256:00\n# b\n-e git+https://h.io/x/c.git@v1#egg=c_d\n--index-url x",
            {"a", "c-d"},
        ),
    ],
)
def test_declared(path: str, text: str, names: set[str] | None) -> None:
    found = declared(path, {path: text})

    assert (None if found is None else set(found)) == names


def test_requirements_that_include_each_other() -> None:
    manifests = {
        "requirements/dev.txt": "-r base.txt\na",
        "requirements/base.txt": "--requirement=dev.txt\nb",
    }

    assert declared("requirements/dev.txt", manifests) == frozenset({"a", "b"})


def test_manifests_in_force_are_those_of_the_folder_and_above() -> None:
    dependencies = Dependencies(
        {
            "requirements.txt": "a",
            "svc/pyproject.toml": '[project]\ndependencies = ["b"]',
            "svc/deploy/requirements.txt": "c",
        }
    )

    found = dependencies.of("svc/app/main.py")
    other = dependencies.of("lib/main.py")

    assert found is not None
    assert found.names == {"a", "b", "c"}
    assert found.manifest.startswith("svc/")
    assert other is not None
    assert other.names == {"a"}
    assert Dependencies({}).of("main.py") is None


@pytest.mark.parametrize(
    ("symbol", "name", "expected"),
    [
        ("yaml.safe_load", "pyyaml", True),
        ("jose.jwt", "python-jose", True),
        ("jwt", "python-jose", False),
        ("google.cloud.storage", "google-cloud-storage", True),
        ("pybars", "pybars3", True),
        ("atlassian", "atlassian-python-api", True),
        ("redis", "fastapi-redis-cache", False),
    ],
)
def test_is_declared(symbol: str, name: str, *, expected: bool) -> None:
    assert is_declared(symbol, frozenset({name})) is expected


def test_the_standard_library_does_not_depend_on_the_interpreter() -> None:
    assert is_standard("distutils")
    assert is_standard("tomllib")
    assert not is_standard("yaml")


def test_what_a_distribution_brings_along() -> None:
    assert brought_by("werkzeug.utils", frozenset({"flask"})) == "flask"
    assert brought_by("werkzeug", frozenset({"django"})) == ""


def test_distributions_of_unknown_modules() -> None:
    assert unaccounted(frozenset({"acme-kit"}), frozenset({"yaml"}))
    assert not unaccounted(frozenset({"pyyaml", "pytest"}), frozenset({"yaml"}))
