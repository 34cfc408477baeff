"""Source trees of a given size, made of real packages: downloaded, copied and renamed."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

PACKAGES = (
    "django",
    "djangorestframework",
    "fastapi",
    "flask",
    "sqlalchemy",
    "celery",
    "wagtail",
    "django-oscar",
)


def download(packages: Sequence[str], folder: Path) -> list[Path]:
    """The top-level packages of wheels from the registry; one that can't be had is left out."""
    found: list[Path] = []
    for package in packages:
        wheels = folder / "wheels" / package
        if not any(wheels.glob("*.whl")):
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--only-binary", ":all:", "--dest", str(wheels), package]
            if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode:
                print(f"{package} can't be downloaded", file=sys.stderr)
                continue
        unpacked = folder / "unpacked" / package
        for wheel in wheels.glob("*.whl"):
            if not unpacked.exists():
                with zipfile.ZipFile(wheel) as archive:
                    archive.extractall(unpacked)
        found += sorted(path.parent for path in unpacked.glob("*/__init__.py"))
    return found


def count(folder: Path) -> tuple[int, int]:
    """Python files and lines."""
    sizes = [path.read_bytes().count(b"\n") for path in folder.rglob("*.py") if path.is_file()]
    return len(sizes), sum(sizes)


def grow(packages: Sequence[Path], lines: int, target: Path) -> Path:
    """A tree of at least so many lines: the packages again and again, each time under another name."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    made = 0
    for number, package in _rounds(packages):
        if made >= lines:
            break
        made += _copy(package, target, f"{package.name}_{number:03}", lines - made)
    (target / "pyproject.toml").write_text('[project]\nname = "benchmark"\n', encoding="utf-8")
    return target


def _rounds(packages: Sequence[Path]) -> Iterator[tuple[int, Path]]:
    for number in itertools.count():
        for package in packages:
            yield number, package


def _copy(package: Path, target: Path, name: str, wanted: int) -> int:
    """Copy the Python files of a package under a new name, and rename what it imports of itself."""
    own = re.compile(rf"^(\s*(?:from|import)\s+){re.escape(package.name)}\b", re.MULTILINE)
    made = 0
    for path in sorted(package.rglob("*.py")):
        if made >= wanted:
            break
        text = path.read_text(encoding="utf-8", errors="replace")
        copy = target / name / path.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(own.sub(rf"\g<1>{name}", text), encoding="utf-8")
        made += text.count("\n")
    return made
