"""The picture in README shows what the program prints today."""

from __future__ import annotations

import sys

import pytest
from rich.text import Text

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")


def test_the_picture_is_up_to_date() -> None:
    from picture import COMMAND, PICTURE, report, text_of

    shown = text_of(PICTURE.read_text(encoding="utf-8"))
    printed = Text.from_ansi(report()).plain
    assert f"$backlint{''.join(COMMAND)}" in shown
    for line in printed.splitlines():
        assert "".join(line.split()) in shown, "run: python website/picture.py"
