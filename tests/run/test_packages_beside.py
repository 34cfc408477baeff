"""Every rule says the same with nothing but the standard library beside it, and with the project's packages."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import backlint
import backlint_rules
from backlint.libraries.load import load_entry
from backlint.registry import load_rules
from backlint.testing import find_fixtures, read_fixture

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pathlib import Path
from backlint.testing import find_fixtures, read_fixture, run_case
said = []
for path in find_fixtures(Path(sys.argv[2])):
    for case in read_fixture(path).cases:
        if case.section == "Bad":
            result = run_case(case)
            said.append([case.rule, list(result.problems), [[f.rule, f.path, f.span.line, f.message,
                f.confidence.value] for f in result.findings]])
print(json.dumps(said))
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def _own_distributions() -> set[str]:
    """The distributions that backlint needs, and those they need in turn."""
    found: set[str] = set()
    pending = ["backlint"]
    while pending:
        name = re.split(r"[^\w.-]", pending.pop())[0].lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        needed = importlib.metadata.requires(name) or []
        pending.extend(re.split(r"[\s;<>=!~\[(]", line)[0] for line in needed if "extra ==" not in line)
    return found


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what backlint itself needs, and nothing else that is installed."""
    folder = tmp_path_factory.mktemp("own")
    for name in _own_distributions():
        for file in importlib.metadata.files(name) or []:
            top = file.parts[0]
            source = Path(str(file.locate())).resolve() if len(file.parts) == 1 else None
            whole = source or Path(str(importlib.metadata.distribution(name).locate_file(top))).resolve()
            target = folder / top
            if top not in ("..", "__pycache__") and whole.exists() and not target.exists():
                target.symlink_to(whole)
    for module in (backlint, backlint_rules):
        package = Path(module.__path__[0])
        if not (folder / package.name).exists():
            (folder / package.name).symlink_to(package)
    return folder


@pytest.fixture(scope="module")
def installed(own: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package of every library that an entry describes, but for backlint's own; importing one is an error."""
    folder = tmp_path_factory.mktemp("installed")
    entries = Path(backlint_rules.__path__[0]) / "libraries"
    for path in sorted(entries.glob("*.yaml")):
        for module in load_entry(path).modules:
            package = folder / module
            taken = module in sys.stdlib_module_names or (own / module).exists()
            if not taken and not package.exists():
                package.mkdir()
                text = f"raise RuntimeError('{module} was imported')\n"
                (package / "__init__.py").write_text(text, encoding="utf-8")
                (package / "models.py").write_text("class Model: ...\n", encoding="utf-8")
    return folder


def _run(*folders: Path) -> tuple[list[list[object]], list[str]]:
    standard = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
    dynamic = [path for path in sys.path if path.endswith("lib-dynload")]
    path = [*map(str, folders), *standard, *dynamic]
    command = [sys.executable, "-I", "-S", "-c", SCRIPT, json.dumps(path), str(ROOT / "fixtures")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    said, modules = result.stdout.splitlines()
    return json.loads(said), json.loads(modules)


def test_every_rule_says_the_same(own: Path, installed: Path) -> None:
    alone, modules = _run(own)
    assert {rule for rule, _, findings in alone if findings} == set(load_rules().rules)
    assert not [problem for _, problems, _ in alone for problem in problems]  # type: ignore[attr-defined]
    assert not {"django", "fastapi", "flask", "sqlalchemy", "pytest", "hypothesis"}.intersection(modules)
    beside, modules_beside = _run(installed, own)
    assert beside == alone
    assert modules_beside == modules


def test_every_rule_has_a_bad_example() -> None:
    fixtures = [read_fixture(path) for path in find_fixtures(ROOT / "fixtures")]
    assert all(any(case.section == "Bad" for case in fixture.cases) for fixture in fixtures)
