"""The two files of a new rule: a module that works, and its fixture.

Where they go follows from the rule pack around the current folder: the nearest `pyproject.toml` upwards that
names a package in the entry-point group `backlint.rules`. The built-in pack is no exception.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import msgspec

from backlint.errors import UsageError
from backlint.registry import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LEFT_OUT = frozenset({"build", "dist", "node_modules", "site-packages", "venv"})
_DEEPEST = 3
"""Folders between the project and the pack."""

_MODULE = Template('''\
"""$title."""

import ast

from backlint.api import FileContext, Rule, Severity


class $cls(Rule):
    """Checks for calls of `breakpoint()`: say here, in one line, what $rule finds.

    ## Why is this bad?
    What it costs, when, and who notices.

    ## What to do instead
    What the reader can write in its place.

    ## Confidence
    What makes a finding sure, and what less so.

    ## What it leaves alone
    What looks like it, and is fine.

    ## References
    - [Python: breakpoint()](https://docs.python.org/3/library/functions.html#breakpoint)
    """

    severity = Severity.WARNING

    def visit_Call(self, node: ast.Call, ctx: FileContext) -> None:
        """Report calls of the built-in function, whatever name they go by."""
        if ctx.name(node.func) == "builtins.breakpoint":
            ctx.report(node, "`breakpoint()` stops the worker here", advice="remove the call")
''')

_FIXTURE = Template("""\
# $rule

## Bad

```py
def view():
    breakpoint()  # finding[high]: "stops the worker"
```

## Good

```py
def view():
    return 1
```

## Cases

### Somebody else's function

```py
def breakpoint():
    return None


breakpoint()
```
""")


class Pack(msgspec.Struct, frozen=True):
    """A rule pack's project."""

    root: Path
    """The folder with `pyproject.toml`; fixtures lie in `fixtures/` below it."""
    package: str
    """The name that the entry point gives."""
    folder: Path
    """Where the package is, or is to be."""


def find_pack(start: Path) -> Pack:
    """The rule pack that a folder lies in.

    Raises:
        UsageError: there is none, or its `pyproject.toml` can't be read.
    """
    for folder in (start, *start.parents):
        package = _declared(folder / "pyproject.toml")
        if package:
            return Pack(folder, package, _package_folder(folder, package))
    raise UsageError(
        f"{start} is in no rule pack: no pyproject.toml names a package "
        f'under [project.entry-points."{GROUP}"] (see docs/writing-rules.md)'
    )


def new_rule(pack: Pack, family: str, rule: str) -> tuple[Path, ...]:
    """Write module and fixture of a rule, and give the paths of all that was written.

    Raises:
        UsageError: a name is not in kebab-case, or a file is there already.
    """
    for name in (family, rule):
        if _NAME.fullmatch(name) is None:
            raise UsageError(f'"{name}" is no name for a rule or family; write it like "missing-timeout"')
    module = pack.folder / _snake(family) / f"{_snake(rule)}.py"
    fixture = pack.root / "fixtures" / family / f"{rule}.md"
    values = {
        "title": rule.replace("-", " ").capitalize(),
        "cls": "".join(word.capitalize() for word in rule.split("-")),
        "rule": rule,
    }
    for path in (module, fixture):
        if path.exists():
            raise UsageError(f"{path} is there already")
    written: list[Path] = []
    for package in (pack.folder, module.parent):
        init = package / "__init__.py"
        if not init.exists():
            _write(init, f'"""Rules: {package.name.replace("_", " ")}."""\n')
            written.append(init)
    _write(module, _MODULE.substitute(values))
    _write(fixture, _FIXTURE.substitute(values))
    return (*written, module, fixture)


def _declared(file: Path) -> str:
    """The package that a `pyproject.toml` names as a rule pack; empty for none."""
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: {error}") from None
    packs = project.get("entry-points", {}).get(GROUP, {})
    return next((str(value).partition(":")[0].strip() for value in packs.values()), "")


def _package_folder(root: Path, package: str) -> Path:
    """The folder of a package: the shallowest of that name with an `__init__.py`, else where it should be made."""
    inner = Path(*package.split("."))
    for base in _bases(root):
        if (base / inner / "__init__.py").is_file():
            return base / inner
    source = root / "src"
    return (source if source.is_dir() else root) / inner


def _bases(root: Path) -> Iterator[Path]:
    level = [root]
    for _ in range(_DEEPEST):
        yield from level
        level = sorted(
            child
            for folder in level
            for child in folder.iterdir()
            if child.is_dir() and not child.name.startswith((".", "_")) and child.name not in _LEFT_OUT
        )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _snake(name: str) -> str:
    return name.replace("-", "_")
