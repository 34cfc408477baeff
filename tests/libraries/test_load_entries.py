from pathlib import Path

import pytest

from backlint.effect import Effect, Role
from backlint.errors import ConfigurationError
from backlint.libraries.entry import AttributeEntry, LibraryEntry, QueryStep
from backlint.libraries.load import convert_entry, load_entries, load_entry

HEAD = "library: acme\nversion: '1'\nurl: https://acme.example/\nmodules: [acme]\n"


def write(folder: Path, text: str, name: str = "acme.yaml") -> Path:
    path = folder / name
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    path = write(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        load_entry(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:")
    assert "\n" not in message
    return message.removeprefix(f"{path}:")


def test_an_entry_is_read_as_written(tmp_path: Path) -> None:
    entry = load_entry(
        write(
            tmp_path,
            """
functions:
  acme.get: {effects: [queries, blocks], query: [by-key, one], returns: "arg0 or arg:model", async: true}
  acme.connect:
    effects: [connects]
    timeout: {parameters: [timeout], position: 1, default: 5}
classes:
  acme.Model:
    roles: [stores-rows]
    attributes:
      objects: acme.Rows[Self]
      size: {type: builtins.int, effects: [queries]}
attributes:
  acme.session: acme.Session
""",
        )
    )
    get = entry.functions["acme.get"]
    assert get.effects == (Effect.QUERIES, Effect.BLOCKS)
    assert get.query == (QueryStep.BY_KEY, QueryStep.ONE)
    assert get.is_async
    timeout = entry.functions["acme.connect"].timeout
    assert timeout is not None
    assert (timeout.parameters, timeout.position, timeout.default) == (("timeout",), 1, 5)
    model = entry.classes["acme.Model"]
    assert model.roles == (Role.STORES_ROWS,)
    assert model.attributes["objects"] == AttributeEntry(type="acme.Rows[Self]")
    assert model.attributes["size"].effects == (Effect.QUERIES,)
    assert entry.attributes["acme.session"].type == "acme.Session"


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        (
            "functions:\n  acme.get:\n    effects: [queries, comits]\n",
            7,
            ("functions → acme.get → effects[1]", "unknown effect `comits`", "did you mean `commits`?"),
        ),
        (
            "functions:\n  acme.get: {efects: [queries]}\n",
            6,
            ("acme.get → efects", "unknown key `efects`", "did you mean `effects`?"),
        ),
        (
            "functions:\n  acme.get:\n    async: maybe\n",
            7,
            ("acme.get → async", "expected true or false, found the text `maybe`"),
        ),
        (
            "functions:\n  acme.get: {timeout: {default: soon}}\n",
            6,
            ("acme.get → timeout → default", "found the text `soon`"),
        ),
        (
            "functions:\n  acme.get: {timeout: {position: true}}\n",
            6,
            ("acme.get → timeout → position", "found true"),
        ),
        (
            "functions:\n  acme.get: {effects: queries}\n",
            6,
            ("acme.get → effects", "expected a list, found the text `queries`"),
        ),
        (
            "classes:\n  acme.C:\n    methods:\n      run: {query: [pages]}\n",
            8,
            ("acme.C → methods → run → query[0]", "unknown querystep `pages`"),
        ),
        (
            "classes:\n  acme.C:\n    methods: [run]\n",
            7,
            ("acme.C → methods", "expected a mapping, found a list"),
        ),
        (
            "functions:\n  acme.get: {returns: 'list[acme.Row'}\n",
            6,
            ("acme.get → returns", "a `]` is missing in the type `list[acme.Row`"),
        ),
        (
            "classes:\n  acme.C:\n    attributes:\n      rows: 'a b'\n",
            8,
            ("acme.C → attributes → rows", "unexpected `b`"),
        ),
        (
            "classes:\n  acme.C: {bases: ['acme.B[Model]']}\n",
            6,
            ("acme.C → bases[0]", "without type arguments"),
        ),
        ("class: {}\n", 5, ("unknown key `class`", "did you mean `classes`?")),
    ],
)
def test_a_mistake_is_named_with_its_line_and_the_nearest_word(
    tmp_path: Path, text: str, line: int, parts: tuple[str, ...]
) -> None:
    message = refusal(tmp_path, text)
    assert message.startswith(f"{line}: ")
    for part in parts:
        assert part in message


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text("library: acme\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="the key `version` is missing"):
        load_entry(path)


def test_a_document_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="expected a mapping, found a list"):
        load_entry(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't read"):
        load_entry(tmp_path / "missing.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"library: caf\xe9\n")
    with pytest.raises(ConfigurationError, match=r"latin\.yaml: can't read"):
        load_entry(tmp_path / "latin.yaml")


def test_an_entry_inside_another_file_is_named_by_that_file() -> None:
    data = {
        "library": "acme",
        "version": "1",
        "url": "",
        "modules": ["acme"],
        "functions": {"acme.get": {"efects": []}},
    }
    positions = {("libraries", 0): (12, 1), ("libraries", 0, "functions", "acme.get"): (17, 3)}
    with pytest.raises(ConfigurationError) as caught:
        convert_entry(data, "backlint.toml", positions, ("libraries", 0))
    assert str(caught.value).startswith("backlint.toml:17: libraries[0] → functions → acme.get → efects: ")


def test_folders_are_read_in_order_and_extra_entries_come_last(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    write(first, "", "b.yaml").write_text(HEAD.replace("acme", "b"), encoding="utf-8")
    write(first, "", "a.yml").write_text(HEAD.replace("acme", "a"), encoding="utf-8")
    (first / "notes.txt").write_text("no entry", encoding="utf-8")
    write(second, "")
    extra = LibraryEntry(library="own", version="0", url="", modules=("own",))
    entries = load_entries([first, second], [extra])
    assert [entry.library for entry in entries] == ["a", "b", "acme", "own"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't list"):
        load_entries([tmp_path / "missing"])
