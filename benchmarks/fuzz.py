"""Fuzzes the whole way from source text to findings, for as long as one likes.

    python benchmarks/fuzz.py --seconds 600 [--seed 1] [FOLDER ...]
    python benchmarks/fuzz.py --atheris [FOLDER ...] [-- OPTIONS OF LIBFUZZER]

Inputs are pieces of the Python files in the folders (by default this repository's), put together and mutated:
one to three files a project, summarised, encoded, decoded and linked with all rules. It ends with status 1 at the
first input that raises, gives a notice that is no property of the text, takes longer than `SLOWEST`, or is found to
be two different things when asked twice; the input is written to the folder `fuzz-failure`.

With `--atheris` (`pip install atheris`) libFuzzer chooses the mutations by what code they reach.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

SLOWEST = 20.0
"""Processor seconds for one input; most take some milliseconds."""
_REPOSITORY = Path(__file__).parents[1]
_OF_THE_TEXT = frozenset({"syntax", "encoding", "too-deep", "too-large"})
_PATHS = ("app/main.py", "app/models.py", "app/api/__init__.py")
_TOKENS = (
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ":",
        ",",
        ".",
        "=",
        ":=",
        "->",
        "@",
        "*",
        "**",
        "%",
        "+",
        "~",
        "\\",
        "'",
        '"',
        '"""',
    ),
    *(
        "lambda",
        "yield",
        "await",
        "async",
        "return",
        "match x:",
        "case _:",
        "try:",
        "except*",
        "finally:",
        "super()",
    ),
    *("def f():", "class A(A):", "for x in x:", "global x", "del x", "with x as x:", "if x:", "import a.b.a"),
    *(
        "from . import *",
        "__all__ = [",
        "# backlint: ignore[",
        "# type:",
        "f'{x!r:{y}}'",
        "x: 'x['",
        "9" * 400,
    ),
    *("\n", "\n    ", "\n        ", "\t", "\r", "\f", "\x00", "\ufeff", "é", "𝒳", "\ud800", "\u202e"),
)


class FuzzError(Exception):
    """An input that something is wrong with."""


def try_project(texts: list[str]) -> None:
    """
    Raises:
        FuzzError: a notice, or an answer that is not the same twice.
        Exception: whatever the program raised.
    """
    # Imported here, so that libFuzzer can have them instrumented first.
    from backlint.link.check import check_project
    from backlint.link.project import Project
    from backlint.registry import load_rules
    from backlint.testing import catalogue, summarise_files

    files = {path: text.encode("utf-8", "surrogatepass") for path, text in zip(_PATHS, texts, strict=False)}
    started = time.process_time()
    outcomes = []
    for _ in range(2):
        read = summarise_files(files)
        strange = [notice for notice in read.notices if notice.kind not in _OF_THE_TEXT]
        outcome = check_project(Project(read.summaries, catalogue()), load_rules().rules.values())
        if strange or outcome.notices:
            raise FuzzError(str((strange, outcome.notices)))
        outcomes.append((read.summaries, read.notices, outcome))
    if outcomes[0] != outcomes[1]:
        raise FuzzError("two answers to one input")
    if time.process_time() - started > SLOWEST:
        raise FuzzError(f"it took {time.process_time() - started:.1f} s")


class Material:
    """Files and statements to make inputs from."""

    def __init__(self, folders: list[Path]) -> None:
        self.files: list[str] = []
        self.statements: list[str] = []
        for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
            try:
                text = path.read_text(encoding="utf-8")
                tree = ast.parse(text)
            except (OSError, ValueError, SyntaxError, RecursionError):
                continue
            self.files.append(text[:60_000])
            lines = text.split("\n")
            for node in ast.walk(tree):
                body = getattr(node, "body", None)
                for one in body[:4] if isinstance(body, list) else ():
                    statement = textwrap.dedent("\n".join(lines[one.lineno - 1 : one.end_lineno]))
                    if len(statement) < 2_000:
                        self.statements.append(statement)

    def text(self, choose: random.Random) -> str:
        """One file: a real one or statements of several, mutated."""
        if choose.random() < 0.4:
            text = choose.choice(self.files)
        else:
            text = "\n".join(self._statement(choose) for _ in range(choose.randint(1, 12)))
        for _ in range(choose.choice((0, 0, 1, 2, 8))):
            start = choose.randint(0, len(text))
            end = min(len(text), start + choose.choice((0, 1, 10, 60)))
            other = choose.choice((*_TOKENS, text[start:end] * 3, choose.choice(self.statements)))
            text = text[:start] + other + text[end:]
        return text

    def _statement(self, choose: random.Random) -> str:
        statement = choose.choice(self.statements)
        head = choose.choice(
            ("", "", "def f(request, db):", "async def f(self):", "class A(B):", "for x in rows:")
        )
        lines = statement.split("\n")
        return "\n".join([head, *(f"    {line}" for line in lines)]) if head else statement


def run(material: Material, seconds: float, seed: int) -> int:
    """Try inputs for some time; the number of those that were tried.

    Raises:
        SystemExit: at the first that fails.
    """
    choose = random.Random(seed)
    end = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < end:
        texts = [material.text(choose) for _ in range(choose.choice((1, 1, 2, 3)))]
        _try_or_exit(texts)
        tried += 1
    return tried


def run_atheris(material: Material, options: list[str]) -> None:
    """Let libFuzzer choose."""
    import atheris  # type: ignore[import-not-found]

    with atheris.instrument_imports(include=["backlint", "backlint_rules"]):
        try_project(["x = 1\n"])

    def one(data: bytes) -> None:
        given: Any = atheris.FuzzedDataProvider(data)
        choose = random.Random(given.ConsumeIntInRange(0, 1 << 30))
        text = material.text(choose)
        for _ in range(given.ConsumeIntInRange(0, 8)):
            at = given.ConsumeIntInRange(0, len(text))
            text = text[:at] + given.ConsumeUnicode(12) + text[at + given.ConsumeIntInRange(0, 12) :]
        _try_or_exit([text])

    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


def _try_or_exit(texts: list[str]) -> None:
    try:
        try_project(texts)
    except Exception as error:
        folder = Path("fuzz-failure")
        folder.mkdir(exist_ok=True)
        for path, text in zip(_PATHS, texts, strict=False):
            (folder / path.replace("/", "_")).write_bytes(text.encode("utf-8", "surrogatepass"))
        raise SystemExit(f"{type(error).__name__}: {error}\nthe input is in {folder.absolute()}") from error


def main() -> None:
    """Read the command line."""
    words, _, options = " ".join(sys.argv[1:]).partition(" -- ")
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true")
    chosen = parser.parse_args(words.split())
    material = Material(
        chosen.folders or [_REPOSITORY / name for name in ("fixtures", "linter", "rules", "tests")]
    )
    if chosen.atheris:
        run_atheris(material, options.split())
    else:
        tried = run(material, chosen.seconds, chosen.seed)
        print(f"{tried:,} inputs in {chosen.seconds:g} s, seed {chosen.seed}: nothing wrong")


if __name__ == "__main__":
    main()
