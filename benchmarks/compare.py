"""Times backlint beside bandit, ruff and semgrep on the same tree in the same run, as a Markdown table.

    python benchmarks/compare.py                      # 20,000, 200,000 and 1,000,000 lines of packages
    python benchmarks/compare.py --path FOLDER        # your own project, which is copied

The other programs are taken from the folder of this Python and from PATH; `--install` puts those that are missing
into a virtual environment of their own. Each figure is the median of whole processes, start-up included. Processor
seconds are the better figure on a machine that does other things too; memory is that of the largest process.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from trees import PACKAGES, count, download, grow

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OTHERS = ("bandit", "ruff", "semgrep")
_RULES = """rules:
- {id: no-timeout, languages: [python], severity: WARNING, message: no timeout, pattern: requests.$M(...)}
- {id: eval, languages: [python], severity: WARNING, message: eval, pattern: eval(...)}
- {id: bare-except, languages: [python], severity: WARNING, message: bare, pattern: "try: ...\\nexcept: ..."}
"""


class Cost(NamedTuple):
    """Seconds and megabytes of one process and those it waited for."""

    wall: float
    processor: float
    memory: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--path", type=Path, action="append", default=[])
    parser.add_argument("--sizes", type=int, nargs="*", default=[20_000, 200_000, 1_000_000])
    parser.add_argument("--packages", nargs="*", default=list(PACKAGES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--install", action="store_true", help="install the other programs that are missing")
    parser.add_argument("--semgrep-config", help="rules for semgrep; three of our own where left out")
    parser.add_argument("--keep", type=Path, help="keep downloads and trees in this folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        programs = _programs(folder, install=arguments.install)
        print(f"`python {' '.join(sys.argv)}`: {', '.join(_version(path) for path in programs.values())}; ")
        print(f"Python {sys.version.split()[0]}, {os.cpu_count()} cores, {arguments.jobs} workers, ", end="")
        print(f"medians of {arguments.rounds}.\n")
        trees = [(path.name, _copied(path, folder / "copies" / path.name)) for path in arguments.path]
        if not trees:
            packages = download(arguments.packages, folder)
            if not packages:
                sys.exit("no package could be downloaded; name a folder with --path")
            trees = [
                (f"{size:,} lines", grow(packages, size, folder / f"tree_{size}")) for size in arguments.sizes
            ]
        for name, tree in trees:
            _print_table(name, tree, folder, programs, arguments)


def _print_table(
    name: str, tree: Path, folder: Path, programs: dict[str, str], arguments: argparse.Namespace
) -> None:
    files, lines = count(tree)
    cache, other = folder / "cache", folder / "ruff_cache"
    check = [
        programs["backlint"],
        "check",
        "--exit-zero",
        "--format",
        "concise",
        "--jobs",
        str(arguments.jobs),
    ]
    check += ["--cache-dir", str(cache), "."]
    # What lies in hidden folders is no part of the project.
    own = [path for path in sorted(tree.rglob("*.py")) if "/." not in f"/{path.relative_to(tree).as_posix()}"]
    changed = own[:: max(1, len(own) // 10)][:10]

    def forget() -> None:
        shutil.rmtree(cache, ignore_errors=True)

    rows: list[tuple[str, list[str], Callable[[], object]]] = [
        ("backlint --version", [programs["backlint"], "--version"], lambda: None),
        ("backlint, cold", check, forget),
        ("backlint, unchanged", check, lambda: None),
        ("backlint, one file edited", check, lambda: _edit(changed[:1])),
        ("backlint, ten files edited", check, lambda: _edit(changed)),
        ("backlint, those ten files named", [*check[:-1], *map(str, changed)], lambda: _edit(changed)),
    ]
    if "bandit" in programs:
        rows.append(("bandit", [programs["bandit"], "-q", "-r", "--exit-zero", "."], lambda: None))
    if "ruff" in programs:
        ruff = [programs["ruff"], "check", "--exit-zero", "--quiet", "--select", "S,B,ASYNC,DJ", "."]
        rows.append(("ruff, cold", [*ruff, "--no-cache"], lambda: None))
        rows.append(("ruff, unchanged", [*ruff, "--cache-dir", str(other)], lambda: None))
    if "semgrep" in programs:
        rules = folder / "rules.yaml"
        rules.write_text(_RULES, encoding="utf-8")
        config = arguments.semgrep_config or str(rules)
        words = [programs["semgrep"], "scan", "--quiet", "--metrics", "off", "--config", config]
        rows.append(("semgrep", [*words, "--jobs", str(arguments.jobs), "."], lambda: None))
    # What was written a moment ago would be read again: the copy of the tree.
    time.sleep(3)
    # By row and not by round, so that each unchanged run follows one over the same files.
    costs = {
        title: [_run(command, tree, before) for _ in range(arguments.rounds)]
        for title, command, before in rows
    }
    yardstick = _median(costs["bandit"]).wall if "bandit" in costs else None
    print(f"**{name}**: {lines:,} lines in {files:,} files\n")
    print("| run | seconds | of bandit's | processor seconds | MB |\n|---|---|---|---|---|")
    for title, measured in costs.items():
        cost = _median(measured)
        ratio = f"{cost.wall / yardstick:.2f}" if yardstick else ""
        print(f"| {title} | {cost.wall:.2f} | {ratio} | {cost.processor:.2f} | {cost.memory:.0f} |")
    print()


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, field) for cost in costs) for field in Cost._fields))


def _run(command: list[str], folder: Path, before: Callable[[], object]) -> Cost:
    before()
    start = time.perf_counter()
    # Installed programs have their bytecode beside them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=folder, stdout=quiet, stderr=quiet, env=environment)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1, 3):
        sys.exit(f"{' '.join(command[:4])} … ended with {process.returncode}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _edit(files: Sequence[Path]) -> None:
    for file in files:
        with file.open("a", encoding="utf-8") as stream:
            stream.write(f"\n\ndef edited_{time.time_ns()}() -> int:\n    return 1\n")


def _copied(path: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    return Path(
        shutil.copytree(path, target, symlinks=True, ignore=shutil.ignore_patterns(".git", ".backlint_cache"))
    )


def _programs(folder: Path, *, install: bool) -> dict[str, str]:
    beside = Path(sys.executable).parent
    own = folder / "others" / ("Scripts" if os.name == "nt" else "bin")
    search = os.pathsep.join(map(str, (beside, own, os.environ.get("PATH", ""))))
    found = {}
    for name in ("backlint", *OTHERS):
        path = shutil.which(name, path=search)
        if path is None and install and name in OTHERS:
            if not own.exists():
                venv.create(folder / "others", with_pip=True)
            subprocess.run([str(own / "python"), "-m", "pip", "install", "--quiet", name], check=False)
            path = shutil.which(name, path=search)
        if path is not None:
            found[name] = path
    if "backlint" not in found:
        sys.exit("backlint is not installed beside this Python")
    return found


def _version(path: str) -> str:
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    first = (done.stdout or done.stderr).strip().splitlines()[:1]
    words = first[0].split() if first else []
    return f"{Path(path).name} {words[-1] if words else ''}".strip()


if __name__ == "__main__":
    main()
