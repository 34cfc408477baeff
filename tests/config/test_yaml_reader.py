"""YAML becomes plain data with places, and nothing else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.config import yaml_reader
from backlint.config.yaml_reader import position, read_yaml
from backlint.errors import ConfigurationError


def test_data_and_positions() -> None:
    data, positions = read_yaml("library: acme\nclasses:\n  acme.Client:\n    bases: [a, b]\n", "acme.yaml")
    assert data == {"library": "acme", "classes": {"acme.Client": {"bases": ["a", "b"]}}}
    assert positions[("library",)] == (1, 1)
    assert positions[("classes", "acme.Client")] == (3, 3)
    assert positions[("classes", "acme.Client", "bases", 1)] == (4, 16)


def test_position_falls_back_to_the_nearest_written_key() -> None:
    _, positions = read_yaml("a: &x {b: 1}\n\nc: *x\n", "f")
    assert position(positions, ("c", "b")) == (3, 1)
    assert position(positions, ("nowhere",)) == positions[()]
    assert position({}, ("nowhere",)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("true", True),
        ("False", False),
        ("no", "no"),
        ("on", "on"),
        ("12", 12),
        ("-3", -3),
        ("0x1F", 31),
        ("0o17", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("|\n  two\n  lines\n", "two\nlines\n"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    data, _ = read_yaml(text, "f")
    assert data == value
    assert type(data) is type(value)


def test_not_a_number() -> None:
    data, _ = read_yaml(".nan", "f")
    assert isinstance(data, float)
    assert math.isnan(data)


def test_keys_stay_as_they_are_written() -> None:
    data, _ = read_yaml("on: 1\n404: 2\nnull: 3\n", "f")
    assert data == {"on": 1, "404": 2, "null": 3}


def test_aliases_and_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\nother: &o {z: 3}\none: {<<: *b, y: 5}\nall: {<<: [*b, *o]}\nsame: *b\n"
    data, _ = read_yaml(text, "f")
    assert isinstance(data, dict)
    assert data["one"] == {"x": 1, "y": 5}
    assert data["all"] == {"x": 1, "y": 2, "z": 3}
    assert data["same"] == {"x": 1, "y": 2}
    assert data["base"] == {"x": 1, "y": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: [\n", "f.yaml:3: did not find expected node content"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", 'f.yaml:4: the key "c" is given twice (first on line 3)'),
        ("a: 1\nb: *nothing\n", "f.yaml:2: the alias *nothing has no anchor"),
        ("a: &x [*x]\n", "f.yaml:1: the alias *x stands inside what it repeats"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            "the tag !!python/object/apply:os.system is not allowed",
        ),
        ("a: !!set {b}\n", "the tag !!set is not allowed"),
        ("a: !!int 5\n", "the tag !!int is not allowed"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2: only one document is allowed"),
        ("{[1]: 2}", "a key must be a plain word or string"),
        ("<<: 1", "<< takes a mapping or a list of mappings"),
        ("a: 1\nb: \x07", "f.yaml:2: "),
    ],
)
def test_errors_name_file_and_line(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_yaml(text, "f.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("f.yaml:")
    assert "\n" not in str(caught.value)


def test_depth_is_limited() -> None:
    with pytest.raises(ConfigurationError, match="f:1: nested deeper than 40 levels"):
        read_yaml("[" * 100_000, "f")


def test_number_of_aliases_is_limited() -> None:
    text = "a: &a 1\nb: [" + ", ".join(["*a"] * (yaml_reader.MAX_ALIASES + 1)) + "]\n"
    with pytest.raises(ConfigurationError, match="more than 500 aliases"):
        read_yaml(text, "f")


def test_a_few_aliases_can_not_grow_without_bound() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 20):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    with pytest.raises(ConfigurationError, match="more than 200,000 values"):
        read_yaml("\n".join(lines), "f")


def test_length_is_limited() -> None:
    with pytest.raises(ConfigurationError, match="longer than"):
        read_yaml("#" * (yaml_reader.MAX_CHARACTERS + 1), "f")


@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!|>'\"#%@`,?\n \t\x00é\u2028\ud800~<")), max_size=60))
def test_any_text_is_data_or_a_configuration_error(text: str) -> None:
    message = ""
    try:
        read_yaml(text, "f")
    except ConfigurationError as error:
        message = str(error)
    assert not message or message.startswith("f:")
