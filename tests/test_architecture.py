"""Imports go one way, and a warm run imports nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[1]
PROGRAM = REPOSITORY / "linter" / "backlint"
PACK = REPOSITORY / "rules" / "backlint_rules"

LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(f"backlint.{name}" if name else "backlint" for name in layer)
    for layer in (
        (
            "",
            "condition",
            "effect",
            "term",
            "errors",
            "finding",
            "links",
            "report",
            "time_limit",
            "version",
            "entry_points",
        ),
        ("summary",),
        ("libraries", "config", "manifests"),
        ("syntax",),
        ("semantics",),
        ("fixes",),
        ("rule",),
        ("registry",),
        ("documentation", "scaffold"),
        ("discovery",),
        ("summarise", "link", "select", "cache", "other_linters"),
        ("baseline", "inspection"),
        ("api",),
        ("reporters",),
        ("analysis",),
        ("run", "diff"),
        ("cli", "testing"),
        ("programmatic", "__main__"),
    )
)
"""From the bottom to the top: a package may import its own layer and those before it."""

MAY_TYPE = {("backlint.rule", "backlint.link"), ("backlint", "backlint.programmatic")}
"""Imports upwards that only a type checker follows."""

OURS = ("backlint.api", "backlint.semantics", "backlint.link.project", "backlint_rules")
HEAVY = ("rich", "yaml", "jsonschema", "sarif_om", "libcst", "astroid", "importlib.metadata", "pathspec")


def modules(folder: Path, package: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        yield ".".join(parts).removesuffix(".__init__"), path


def imports(path: Path, module: str) -> Iterator[tuple[str, int, bool]]:
    """Each module that a file imports, with the line, and whether only for type checking."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names_module = (REPOSITORY / "linter" / full.replace(".", "/")).with_suffix(".py").is_file()
                is_part = node.module == "backlint" and (PROGRAM / alias.name).exists()
                yield (
                    full if names_module or is_part else node.module or "",
                    node.lineno,
                    id(node) in typing_only,
                )


def part_of(module: str) -> str:
    """`backlint.link` for everything below it."""
    return ".".join(module.split(".")[:2])


def layer_of(module: str) -> int:
    part = part_of(module)
    return next((index for index, layer in enumerate(LAYERS) if part in layer), -1)


def test_every_part_of_the_program_has_a_layer() -> None:
    parts = {part_of(module) for module, _ in modules(PROGRAM, "backlint")}
    known = frozenset().union(*LAYERS)
    assert parts - known == set(), "give new packages a layer in LAYERS"
    assert known - parts == set(), "these are gone"


def test_the_documentation_names_every_part() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## What goes where\n")[2].partition("\n## ")[0]
    inner = {"backlint", "backlint.__main__"}
    parts = {part_of(module) for module, _ in modules(PROGRAM, "backlint")} - inner
    assert [part for part in sorted(parts) if f"`{part.removeprefix('backlint.')}`" not in table] == []


def test_imports_go_one_way() -> None:
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{line}: {module} imports {imported}, which lies above it"
        for module, path in modules(PROGRAM, "backlint")
        for imported, line, typing_only in imports(path, module)
        if part_of(imported) in frozenset().union(*LAYERS)
        and layer_of(imported) > layer_of(module)
        and not (typing_only and (part_of(module), part_of(imported)) in MAY_TYPE)
        and part_of(imported) != part_of(module)
    ]
    assert wrong == []


def test_the_program_knows_nothing_of_the_built_in_rules() -> None:
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for module, path in modules(PROGRAM, "backlint")
        for imported, line, _ in imports(path, module)
        if imported.partition(".")[0] == "backlint_rules"
    ]
    assert wrong == []


def test_the_built_in_rules_use_only_the_public_interface() -> None:
    wrong = [
        f"{path.relative_to(REPOSITORY)}:{line}: {imported}"
        for module, path in modules(PACK, "backlint_rules")
        for imported, line, _ in imports(path, module)
        if imported != "backlint.api"
        and imported.partition(".")[0] not in (*sys.stdlib_module_names, "backlint_rules")
    ]
    assert wrong == []


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "backlint.toml").write_text("", encoding="utf-8")
    (tmp_path / "main.py").write_text(
        "import requests\n\n\ndef fetch(urls):\n    return [requests.get(url) for url in urls]\n",
        encoding="utf-8",
    )
    return tmp_path


def test_a_warm_run_imports_nothing_heavy(project: Path) -> None:
    code = (
        "import sys\n"
        "from backlint.cli import main\n"
        "status = main(['check'])\n"
        "assert status in (0, 1), status\n"
        f"print('loaded:', *[name for name in {HEAVY + OURS!r} if name in sys.modules])\n"
    )
    for _ in range(2):
        result = subprocess.run(
            [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False, timeout=60
        )
        assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].split() == ["loaded:"]
