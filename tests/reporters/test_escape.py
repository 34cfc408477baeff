"""Nothing from analysed code can act on a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.reporters.escape import escape, escape_json, is_unsafe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – naïve 世界 👩‍💻", "plain – naïve 世界 👩‍💻"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_escape(text: str, shown: str) -> None:
    assert escape(text) == shown


@given(st.text(alphabet=st.characters()))
def test_escaped_text_is_one_harmless_line(text: str) -> None:
    escaped = escape(text)
    assert not any(is_unsafe(character) for character in escaped)
    assert escape(escaped) == escaped
    assert len(escaped.splitlines()) <= 1
    escaped.encode("utf-8")


@given(st.text(alphabet=st.characters()))
def test_escaped_json_means_the_same(text: str) -> None:
    encoded = escape_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(encoded) == json.loads(json.dumps({"text": text}))
    assert not any(is_unsafe(character) for character in encoded)
