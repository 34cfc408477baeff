"""Whether what a file imports is declared, by the manifests that are in force for it."""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from backlint.manifests.read import declared, normal

if TYPE_CHECKING:
    from collections.abc import Mapping

_OLD_STANDARD = [
    "aifc",
    "asynchat",
    "asyncore",
    "audioop",
    "binhex",
    "cgi",
    "cgitb",
    "chunk",
    "crypt",
    "distutils",
    "imghdr",
    "imp",
    "lib2to3",
    "mailcap",
    "msilib",
    "nis",
    "nntplib",
    "ossaudiodev",
    "pipes",
    "smtpd",
    "sndhdr",
    "spwd",
    "sunau",
    "telnetlib",
    "uu",
    "xdrlib",
]
_NEW_STANDARD = ("annotationlib", "compression", "graphlib", "tomllib", "zoneinfo")
_STANDARD = frozenset({*sys.stdlib_module_names, *_OLD_STANDARD, *_NEW_STANDARD, "__main__", "_typeshed"})
_BELONGS_ABOVE = re.compile(
    r"^(?:requirements?|reqs?|deps|dependencies|docker|deploy(?:ment)?|compose|etc|config)$"
)


_FOR_DEVELOPMENT = re.compile(r"dev|test|lint|docs?|ci\b|local", re.IGNORECASE)
"""Manifests beside the one that the service is installed from."""


_EXTRAS = re.compile(r"""(?:[\w-]|extras["']?\s*[=:]\s*)\[([\w\s,"'.-]+)\]""")


class Declared(NamedTuple):
    """What is declared for one folder."""

    names: frozenset[str]
    manifest: str
    """Path of the nearest manifest."""
    extras: frozenset[str] = frozenset()
    """Distributions that extras of declared ones bring, so far as they are called the same."""


class Dependencies:
    """The declared dependencies of a project, folder by folder.

    The manifests of a file are those of its folder and of all above it: the nearest names a service of a
    monorepo, those above it what the whole repository shares.
    """

    def __init__(self, manifests: Mapping[str, str]) -> None:
        self._by_folder: dict[str, list[tuple[str, frozenset[str]]]] = {}
        self._found: dict[str, Declared | None] = {}
        self._extras: dict[str, frozenset[str]] = {}
        for path in sorted(manifests):
            names = declared(path, manifests)
            if names is None:
                continue
            self._extras[path] = extras(manifests[path])
            folder = path.rpartition("/")[0]
            while folder and _BELONGS_ABOVE.match(folder.rpartition("/")[2]):
                folder = folder.rpartition("/")[0]
            self._by_folder.setdefault(folder, []).append((path, names))

    def of(self, path: str) -> Declared | None:
        """What is declared for a file; None where no manifest is in force."""
        folder = path.rpartition("/")[0]
        if folder not in self._found:
            self._found[folder] = self._of_folder(folder)
        return self._found[folder]

    def _of_folder(self, folder: str) -> Declared | None:
        names: set[str] = set()
        extra: set[str] = set()
        nearest = ""
        while True:
            here = self._by_folder.get(folder, ())
            for path, found in here:
                names |= found
                extra |= self._extras[path]
            if here and not nearest:
                nearest = min(
                    (path for path, _ in here), key=lambda path: (bool(_FOR_DEVELOPMENT.search(path)), path)
                )
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        return Declared(frozenset(names), nearest, frozenset(extra)) if nearest else None


def extras(text: str) -> frozenset[str]:
    """Distributions that extras of the same name bring: `passlib[bcrypt]`, `celery[redis]`."""
    found = {normal(extra.strip(" '\"")) for group in _EXTRAS.findall(text) for extra in group.split(",")}
    return frozenset(found & _provided()) if found else frozenset()


@cache
def _provided() -> frozenset[str]:
    """Every distribution whose modules are known."""
    return frozenset(distribution for found in _table()[0].values() for distribution in found)


def is_standard(module: str) -> bool:
    """Whether a top-level module belongs to the standard library of some supported Python."""
    return module in _STANDARD


def distributions(symbol: str) -> tuple[str, ...]:
    """The distributions known to provide what is imported, the likeliest first; empty when it is not known."""
    table = _table()[0]
    parts = symbol.split(".")
    for length in range(len(parts), 0, -1):
        found = table.get(".".join(parts[:length]))
        if found is not None:
            return found
    return ()


def is_declared(symbol: str, names: frozenset[str]) -> bool:
    """Whether one of the declared distributions provides what is imported, by table or by name."""
    if any(name in names for name in distributions(symbol)):
        return True
    parts = symbol.split(".")
    top = normal(parts[0])
    is_known = bool(distributions(symbol))
    spellings = {normal("-".join(parts[:length])) for length in range(1, 4)}
    for name in names:
        bare = re.sub(
            r"^(?:python3?-|py-?|django-|flask-|drf-|types-)|(?:-python|-py|-sdk|-client|-binary)$", "", name
        )
        if (
            name in spellings
            or top in (bare, f"py{bare}", bare.replace("-", ""))
            or name.replace("-", "") == top
        ):
            return True
        if name.rstrip("0123456789") == top:
            return True
        if not is_known and (top in name.split("-") or (len(top) > 4 and top in name.replace("-", ""))):
            return True
        if parts[0] in ("google", "azure", "opentelemetry", "zope", "ruamel", "jaraco") and name.startswith(
            top
        ):
            return True
    return False


def brought_by(symbol: str, names: frozenset[str]) -> str:
    """A declared distribution that always brings along what is imported; empty without one."""
    table = _table()[1]
    for name in sorted(names):
        if any(symbol == module or symbol.startswith(f"{module}.") for module in table.get(name, ())):
            return name
    return ""


def known_modules() -> frozenset[str]:
    """Top-level modules whose distributions are known."""
    return frozenset(name for name in _table()[0] if "." not in name)


def unaccounted(names: frozenset[str], imported: frozenset[str]) -> bool:
    """Whether a declared distribution is imported under no name that is known: it may provide anything."""
    return any(
        name not in _provided()
        and name not in _TOOLS
        and not any(is_declared(module, frozenset({name})) for module in imported)
        for name in names
    )


_TOOLS = frozenset(
    [
        "alembic",
        "black",
        "build",
        "coverage",
        "factory-boy",
        "faker",
        "flake8",
        "gunicorn",
        "httpx",
        "hypercorn",
        "ipython",
        "isort",
        "mypy",
        "pip",
        "pre-commit",
        "pylint",
        "pytest",
        "pytest-asyncio",
        "pytest-cov",
        "pytest-django",
        "pytest-mock",
        "pytest-xdist",
        "pyright",
        "responses",
        "respx",
        "ruff",
        "setuptools",
        "tox",
        "twine",
        "types-requests",
        "uvicorn",
        "uvloop",
        "wheel",
        "whitenoise",
        "psycopg2-binary",
        "psycopg2",
        "asyncpg",
        "aiosqlite",
        "python-multipart",
        "email-validator",
        "bcrypt",
        "argon2-cffi",
        "cryptography",
        "greenlet",
        "pymysql",
        "mysqlclient",
        "brotli",
        "bandit",
        "django-stubs",
        "djangorestframework-stubs",
        "freezegun",
        "honcho",
        "locust",
        "supervisor",
        "tzdata",
        "watchdog",
        "watchfiles",
    ]
)


@cache
def _table() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    data = tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))
    provides: dict[str, tuple[str, ...]] = {name: (normal(name),) for name in data["same"]["names"].split()}
    provides |= {name: tuple(found) for name, found in data["provides"].items()}
    brings = {name: tuple(found) for name, found in data["brings"].items()}
    return provides, brings
