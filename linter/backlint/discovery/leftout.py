"""Folders whose code is not the project's own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_ALWAYS = frozenset(
    (
        *("node_modules", "bower_components", "jspm_packages", "site-packages", "dist-packages"),
        *("__pycache__", "__pypackages__", "htmlcov", "cdk.out", "wheelhouse"),
    )
)
_VENDORED = frozenset(
    ("vendor", "_vendor", "vendored", "_vendored", "third_party", "thirdparty", "third-party")
)
_BUILT = frozenset(("build", "dist", "_build"))
_SUFFIXES = (".egg-info", ".dist-info", ".egg", ".data")
_APPLICATION = frozenset(
    (
        *("apps.py", "models.py", "views.py", "urls.py", "admin.py", "serializers.py", "schemas.py"),
        *("router.py", "routes.py", "routers.py", "service.py", "services.py", "migrations"),
    )
)


def is_left_out_by_name(name: str) -> bool:
    """Whether a folder of this name never holds code of the project; hidden folders don't either."""
    return name.startswith(".") or name in _ALWAYS or name.endswith(_SUFFIXES)


def is_left_out(path: str, name: str, names: Collection[str]) -> bool:
    """Whether a folder with these contents holds other people's or built code.

    A shop has a `vendor` app and a build service a `build` package: such names leave a folder out
    only where its contents don't say otherwise.
    """
    if name in _VENDORED and _APPLICATION.isdisjoint(names):
        return True
    if name in _BUILT and "__init__.py" not in names:
        return True
    return _is_environment(path, names)


def _is_environment(path: str, names: Collection[str]) -> bool:
    if "pyvenv.cfg" in names or "conda-meta" in names:
        return True
    if "Scripts" in names and "Lib" in names:
        return True
    return "bin" in names and "lib" in names and os.path.lexists(os.path.join(path, "bin", "activate"))  # noqa: PTH118
