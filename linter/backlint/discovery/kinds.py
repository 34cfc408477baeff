"""What a file is for, by its path and then by its content."""

from __future__ import annotations

import re

from backlint.summary import FileKind

_TEST_FOLDERS = frozenset(
    ("test", "tests", "__tests__", "testsuite", "unit_tests", "integration_tests", "functional_tests")
) | frozenset(("e2e", "e2e_tests", "load_tests"))
_TEST_NAME = re.compile(r"(?:test_.*|.*_tests?|tests?|conftest|locustfile)\.py")
_CERTAIN_TEST_NAME = re.compile(r"conftest\.py|locustfile\.py")
_MIGRATION_FOLDERS = frozenset(("migrations", "south_migrations", "alembic"))
_MIGRATION_NAME = re.compile(r"\d{3,}_.*\.py|__init__\.py|env\.py")
_LOOSE_SCRIPT_FOLDERS = frozenset(("bin", "dev", "docker", "infra", "terraform", "hack"))
"""Folders beside the service, for those who build, run and develop it, unless they are packages."""
_SCRIPT_NAMES = frozenset(("manage.py", "setup.py", "noxfile.py", "fabfile.py", "dodo.py", "wscript"))
_EXAMPLE_FOLDERS = frozenset(("example", "examples"))
_LOOSE_EXAMPLE_FOLDERS = frozenset(
    ("doc", "docs", "sample", "samples", "demo", "demos", "tutorial", "tutorials")
)
_SETTINGS_NAME = re.compile(
    r"settings\.py|settings[_.](?:\w+)\.py|(?:local|dev|prod|production|test|base)_settings\.py"
    r"|gunicorn(?:[_.-]conf(?:ig)?)?\.py"
)
_SETTINGS_MODULE = re.compile(
    r"(?:__init__|base|common|defaults?|local|dev|develop|development|stag(?:e|ing)|prod|production|tests?|testing|ci"
    r"|docker|components?|\w*_?settings|django)\.py"
)
_FEATURE_FOLDERS = frozenset(
    (
        *(
            "api",
            "apis",
            "blueprints",
            "controllers",
            "crud",
            "endpoints",
            "handlers",
            "models",
            "repositories",
        ),
        *(
            "routers",
            "routes",
            "schemas",
            "serializers",
            "services",
            "views",
            "viewsets",
            "domain",
            "entities",
        ),
    )
)
_TEST_CONTENT = re.compile(
    rb"\bdef test|\bclass \w*Test|\bunittest\b|\bpytest\b|\bTestCase\b|^\s*assert ", re.MULTILINE
)
_FACTORY_CONTENT = re.compile(rb"^(?:import factory\b|from factory\b)", re.MULTILINE)
_DJANGO_MIGRATION = re.compile(rb"^class Migration\((?:\w+\.)*Migration\)", re.MULTILINE)
_ALEMBIC_MIGRATION = re.compile(rb"^(revision|down_revision)\b[^=\n]*=|^def upgrade\(", re.MULTILINE)
_DJANGO_SETTINGS = re.compile(rb"^(INSTALLED_APPS|MIDDLEWARE|ROOT_URLCONF|DATABASES)\b[^=\n]*=", re.MULTILINE)
_COMMAND = re.compile(rb"^class Command\((?:\w+\.)*(?:BaseCommand|AppCommand|LabelCommand)\)", re.MULTILINE)
_MAIN_GUARD = re.compile(rb"^if __name__ == ['\"]__main__['\"]:", re.MULTILINE)
_TAKES_ARGUMENTS = re.compile(
    rb"^(?:import|from) (?:argparse|click|typer|fire|docopt|optparse|getopt)\b", re.MULTILINE
)
_SERVES = re.compile(
    rb"\b(?:fastapi|APIRouter|flask|Flask|starlette|uvicorn|gunicorn|rest_framework|celery|Celery|aiohttp|sanic|tornado"
    rb"|grpc|dramatiq|kombu|pika|aiokafka|confluent_kafka|apscheduler|run_forever|while True)\b"
)
_ONE_OFF_NAME = re.compile(
    r"(?:seed|populate|backfill|init_db|initdb|reset_db|drop_|create_(?:admin|superuser|tables?|db)|load_(?:data|fixtures))"
    r"\w*\.py"
)
_DATA_MAKER_NAME = re.compile(
    r"(?:(?:random|fake|dummy|sample|demo|seed)_data|seeds?|seeder|populate(?:_\w+)?)\.py"
)
"""Modules that fill a database with made-up rows, wherever they lie."""
_CLI_PLACE = re.compile(r"(?:^|/)(?:cli|commands)(?:/|\.py$)")
_CLI_CONTENT = re.compile(
    rb"^(?:from|import) (?:click|typer|argparse|flask\.cli|cyclopts|fire)\b", re.MULTILINE
)
"""A command line, where a folder or file of that name imports a library for one."""
_INVOKE = re.compile(rb"^from invoke(?:\.tasks)? import\b|^import invoke\b", re.MULTILINE)


def kind_of_path(path: str, *, packages: frozenset[str] = frozenset(), beside_env: bool = False) -> FileKind:
    """The kind that a path shows.

    Args:
        path: relative to the project root, with forward slashes.
        packages: folders above the file, as paths, that hold an `__init__.py`: `docs` or `demo` as
            a package is part of the service.
        beside_env: the file's folder is `versions` beside an `env.py`, as Alembic lays it out.
    """
    *folders, name = path.split("/")
    if beside_env or _is_migration(folders, name):
        return FileKind.MIGRATION
    if not _TEST_FOLDERS.isdisjoint(folders) or _TEST_NAME.fullmatch(name):
        return FileKind.TEST
    if _is_example(folders, packages):
        return FileKind.EXAMPLE
    if _is_script(folders, name, packages):
        return FileKind.SCRIPT
    return FileKind.SETTINGS if _is_settings(folders, name) else FileKind.SOURCE


def classify(path: str, data: bytes, kind: FileKind | None = None) -> FileKind:
    """The kind of a file whose bytes, or first few thousand, are known.

    `kind` is what its path showed (`SourceFile.kind`); None asks the path again.
    """
    kind = kind_of_path(path) if kind is None else kind
    if kind is FileKind.SOURCE and _CLI_PLACE.search(path) and _CLI_CONTENT.search(data):
        return FileKind.SCRIPT
    if kind is FileKind.SOURCE or kind is FileKind.SETTINGS:
        return _classify_service(path.rpartition("/")[2], data, kind)
    if kind is FileKind.TEST and _is_test_by_name_alone(path) and not _TEST_CONTENT.search(data):
        return FileKind.SOURCE if data.strip() else kind
    return kind


def _classify_service(name: str, data: bytes, kind: FileKind) -> FileKind:
    # Each search is behind a plain word: a multi-line pattern over every file would cost as much as parsing.
    if b"Migration)" in data and _DJANGO_MIGRATION.search(data):
        return FileKind.MIGRATION
    if b"down_revision" in data and len(set(_ALEMBIC_MIGRATION.findall(data))) > 2:
        return FileKind.MIGRATION
    if b"BaseDBAsyncClient" in data and b"async def upgrade(" in data:
        return FileKind.MIGRATION
    if name == "env.py" and b"alembic" in data and b"context.configure(" in data:
        return FileKind.MIGRATION
    if name == "factories.py" and _FACTORY_CONTENT.search(data):
        return FileKind.TEST
    if b"INSTALLED_APPS" in data and len(set(_DJANGO_SETTINGS.findall(data))) > 1:
        return FileKind.SETTINGS
    if (b"class Command(" in data and _COMMAND.search(data)) or (name == "tasks.py" and _INVOKE.search(data)):
        return FileKind.SCRIPT
    return FileKind.SCRIPT if b"__main__" in data and _is_command_line(name, data) else kind


def _is_command_line(name: str, data: bytes) -> bool:
    if not _MAIN_GUARD.search(data) or _SERVES.search(data):
        return False
    return _ONE_OFF_NAME.fullmatch(name) is not None or _TAKES_ARGUMENTS.search(data) is not None


def _is_migration(folders: list[str], name: str) -> bool:
    if not folders:
        return False
    if folders[-1] in _MIGRATION_FOLDERS:
        return _MIGRATION_NAME.fullmatch(name) is not None
    return len(folders) > 1 and folders[-1] == "versions" and folders[-2] in _MIGRATION_FOLDERS


def _is_example(folders: list[str], packages: frozenset[str]) -> bool:
    if not _EXAMPLE_FOLDERS.isdisjoint(folders):
        return True
    return not _LOOSE_EXAMPLE_FOLDERS.isdisjoint(folders) and _has_loose(
        folders, packages, _LOOSE_EXAMPLE_FOLDERS
    )


def _is_script(folders: list[str], name: str, packages: frozenset[str]) -> bool:
    if _DATA_MAKER_NAME.fullmatch(name):
        return True
    if name in _SCRIPT_NAMES or folders[-2:] == ["management", "commands"] or "scripts" in folders:
        return True
    return not _LOOSE_SCRIPT_FOLDERS.isdisjoint(folders) and _has_loose(
        folders, packages, _LOOSE_SCRIPT_FOLDERS
    )


def _has_loose(folders: list[str], packages: frozenset[str], names: frozenset[str]) -> bool:
    """Whether one of the folders has such a name and is no package."""
    return any(
        folder in names and "/".join(folders[: index + 1]) not in packages
        for index, folder in enumerate(folders)
    )


def _is_settings(folders: list[str], name: str) -> bool:
    if folders and folders[-1] == "settings" and _SETTINGS_MODULE.fullmatch(name):
        return True
    feature = bool(folders) and folders[-1] in _FEATURE_FOLDERS
    return not feature and _SETTINGS_NAME.fullmatch(name) is not None


def _is_test_by_name_alone(path: str) -> bool:
    *folders, name = path.split("/")
    return not _TEST_FOLDERS.intersection(folders) and not _CERTAIN_TEST_NAME.fullmatch(name)
