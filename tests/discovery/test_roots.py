from pathlib import Path

import pytest

from backlint.config.settings import Settings
from backlint.discovery import SourceFile, discover


def modules(root: Path, paths: str, source_roots: tuple[str, ...] = ()) -> dict[str, SourceFile]:
    for path in paths.split():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    found = discover([root], Settings(root=root, source_roots=source_roots))
    return {file.path: file for file in found.files}


@pytest.mark.parametrize(
    ("paths", "path", "module", "root"),
    [
        ("main.py", "main.py", "main", "."),
        ("app/__init__.py app/main.py", "app/main.py", "app.main", "."),
        ("app/__init__.py app/main.py", "app/__init__.py", "app", "."),
        ("app/__init__.py app/routers/x.py", "app/routers/x.py", "app.routers.x", "."),
        ("app/main.py app/routers/x.py", "app/routers/x.py", "app.routers.x", "."),
        (
            "app/main.py app/models/__init__.py app/models/user.py",
            "app/models/user.py",
            "app.models.user",
            ".",
        ),
        ("main.py app/models/__init__.py", "app/models/__init__.py", "app.models", "."),
        ("src/app/__init__.py src/app/x.py", "src/app/x.py", "app.x", "src"),
        ("src/acme/billing/__init__.py", "src/acme/billing/__init__.py", "acme.billing", "src"),
        ("src/__init__.py src/app/x.py", "src/app/x.py", "src.app.x", "."),
        (
            "backend/manage.py backend/shop/__init__.py backend/shop/x.py",
            "backend/shop/x.py",
            "shop.x",
            "backend",
        ),
        ("backend/requirements.txt backend/app/x.py", "backend/app/x.py", "app.x", "backend"),
        ("backend/Dockerfile backend/app/x.py", "backend/app/x.py", "app.x", "backend"),
        ("backend/app/__init__.py", "backend/app/__init__.py", "app", "backend"),
        ("services/users/core/__init__.py", "services/users/core/__init__.py", "core", "services/users"),
        ("backend/__init__.py backend/manage.py backend/shop/x.py", "backend/shop/x.py", "shop.x", "backend"),
        ("app/__init__.py app/requirements.txt app/x.py", "app/x.py", "app.x", "."),
        ("pyproject.toml a/pyproject.toml a/src/lib/x.py", "a/src/lib/x.py", "lib.x", "a/src"),
        ("pyproject.toml a/pyproject.toml a/tests/x.py", "a/tests/x.py", "tests.x", "a"),
        ("app/src/x.py app/__init__.py", "app/src/x.py", "app.src.x", "."),
        ("config/settings.local.py", "config/settings.local.py", "config.settings_local", "."),
        (
            "src/app/__init__.py src/app/db/__init__.py src/app/db/manage.py",
            "src/app/db/manage.py",
            "app.db.manage",
            "src",
        ),
        ("__init__.py manage.py shop/__init__.py", "shop/__init__.py", "shop", "."),
        ("__init__.py manage.py", "__init__.py", "__init__", "."),
    ],
)
def test_module_names(tmp_path: Path, paths: str, path: str, module: str, root: str) -> None:
    file = modules(tmp_path, paths)[path]
    assert (file.module, file.root) == (module, root)


def test_two_projects_may_share_a_name(tmp_path: Path) -> None:
    paths = "a/pyproject.toml a/app/__init__.py b/pyproject.toml b/app/__init__.py"
    found = modules(tmp_path, paths)
    assert [(file.module, file.root) for file in found.values()] == [("app", "a"), ("app", "b")]


def test_configured_source_roots_come_first(tmp_path: Path) -> None:
    paths = "lib/py/acme/__init__.py lib/py/acme/x.py manage.py shop/__init__.py"
    found = modules(tmp_path, paths, source_roots=("lib/py/", "./lib"))
    assert found["lib/py/acme/x.py"].module == "acme.x"
    assert found["lib/py/acme/x.py"].root == "lib/py"
    assert found["shop/__init__.py"].module == "shop"


def test_a_root_inside_a_package(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/__init__.py").touch()
    file = modules(tmp_path / "acme/app", "__init__.py db/x.py")["db/x.py"]
    assert (file.module, file.root) == ("acme.app.db.x", "../..")
    assert "db.x" in file.aliases


def test_other_names_by_which_a_file_can_be_imported(tmp_path: Path) -> None:
    found = modules(
        tmp_path, "backend/requirements.txt backend/app/__init__.py backend/app/x.py backend/y.py"
    )
    assert found["backend/app/x.py"].aliases == ("backend.app.x",)
    assert found["backend/y.py"].aliases == ("backend.y",)
    loose = modules(
        tmp_path / "two", "service/main.py service/db/__init__.py service/db/x.py service/core/x.py"
    )
    assert loose["service/main.py"].aliases == ("main",)
    assert loose["service/db/x.py"].aliases == ("db.x",)
    assert loose["service/core/x.py"].aliases == ("core.x", "x")
    assert loose["service/db/__init__.py"].aliases == ("db",)
