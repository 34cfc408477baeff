"""Makes docs/assets/report.svg, the picture in README, from a real run on fixtures/projects/shop.

python website/picture.py
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "fixtures" / "projects" / "shop"
PICTURE = ROOT / "docs" / "assets" / "report.svg"
COMMAND = ("check", "--min-severity", "error")
COLUMNS = 100
_FONTS = re.compile(r"@font-face\s*\{\{.*?\}\}", re.DOTALL)
"""Rich fetches its font from another server; the reader's own is as good."""
_TAG = re.compile(r"<[^>]+>")


def report() -> str:
    """What the command prints on a copy of the sample, on a terminal of `COLUMNS` columns."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(shutil.copytree(SAMPLE, Path(folder, SAMPLE.name)))
        words = [sys.executable, "-m", "backlint", *COMMAND, "--no-cache", "--color", "always"]
        ours, theirs = os.openpty()
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            environment = {**os.environ, "COLUMNS": str(COLUMNS)}
            process = subprocess.Popen(words, cwd=project, env=environment, stdout=theirs)
            os.close(theirs)
            text = b"".join(_read(terminal)).decode().replace("\r\n", "\n")
            status = process.wait()
    if status != 1:
        raise RuntimeError(f"the sample should have findings, and the status is {status}")
    return text


def _read(terminal: io.RawIOBase) -> Iterator[bytes]:
    # Linux ends the output of a terminal with an error, not with an empty read.
    with contextlib.suppress(OSError):
        while chunk := terminal.read(65536):
            yield chunk


def picture(text: str) -> str:
    """A report as SVG."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ backlint {' '.join(COMMAND)}", style="bold"))
    console.print(Text.from_ansi(text))
    return console.export_svg(
        title="shop",
        theme=MONOKAI,
        code_format=_FONTS.sub("", CONSOLE_SVG_FORMAT),
        unique_id="backlint",
    )


def text_of(svg: str) -> str:
    """The words in a picture, without spaces: where they stand is kept as coordinates."""
    return "".join(unescape(_TAG.sub("", svg)).split())


if __name__ == "__main__":
    PICTURE.write_text(picture(report()), encoding="utf-8")
