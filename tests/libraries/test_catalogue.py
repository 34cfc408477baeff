import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import backlint
from backlint.effect import Effect, Role
from backlint.libraries.catalogue import Catalogue, compile_entries, decode_catalogue, encode_catalogue
from backlint.libraries.entry import AttributeEntry, ClassEntry, FunctionEntry, LibraryEntry

QUERIES = FunctionEntry(effects=(Effect.QUERIES,))
WRITES = FunctionEntry(effects=(Effect.WRITES,))


def entry(**keys: object) -> LibraryEntry:
    return msgspec.convert(
        {"library": "acme", "version": "1", "url": "", "modules": ["acme"]}
        | {name: msgspec.to_builtins(value) for name, value in keys.items()},
        LibraryEntry,
    )


def test_a_later_function_replaces_an_earlier_one_of_the_same_name() -> None:
    catalogue = compile_entries(
        [
            entry(functions={"acme.get": QUERIES, "acme.put": WRITES}),
            entry(functions={"acme.get": FunctionEntry()}, modules=["own"]),
        ]
    )
    assert catalogue.functions == {"acme.get": FunctionEntry(), "acme.put": WRITES}
    assert catalogue.modules == {"acme", "own"}


def test_a_later_class_adds_to_and_overrides_an_earlier_one_key_by_key() -> None:
    earlier = ClassEntry(
        bases=("acme.Base",),
        methods={"get": QUERIES, "put": WRITES},
        attributes={"rows": AttributeEntry(type="list[acme.Row]")},
        roles=(Role.STORES_ROWS,),
        enter="acme.Other",
    )
    later = ClassEntry(
        methods={"get": WRITES},
        attributes={"size": AttributeEntry(type="builtins.int")},
        iterates="acme.Row",
    )
    merged = compile_entries([entry(classes={"acme.C": earlier}), entry(classes={"acme.C": later})]).classes[
        "acme.C"
    ]
    assert merged == ClassEntry(
        bases=("acme.Base",),
        methods={"get": WRITES, "put": WRITES},
        attributes=earlier.attributes | later.attributes,
        roles=(Role.STORES_ROWS,),
        enter="acme.Other",
        iterates="acme.Row",
    )


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("orm.Session", "orm.Session"),
        ("orm.session.Session", "orm.Session"),
        ("orm.session.Session.get", "orm.Session.get"),
        ("orm.session", "orm"),
        ("orm.sessions.Session", "orm.sessions.Session"),
        ("shop.Session", "orm.Session"),
        ("orm.session.special.Thing", "other.Thing"),
        ("orm.session.Kept", "orm.session.Kept"),
        ("orm.session.Kept.method", "orm.session.Kept.method"),
        ("unknown.name", "unknown.name"),
    ],
)
def test_the_longest_alias_wins_and_definitions_hide_shorter_ones(symbol: str, expected: str) -> None:
    catalogue = Catalogue(
        classes={"orm.Session": ClassEntry(), "orm.session.Kept": ClassEntry()},
        aliases={
            "orm.session": "orm",
            "orm.session.special": "other",
            "shop": "orm.session",
        },
    )
    assert catalogue.canonical(symbol) == expected
    assert catalogue.canonical(symbol) == expected


def test_aliases_that_go_round_or_grow_come_to_an_end() -> None:
    catalogue = Catalogue(aliases={"a": "b", "b": "c", "c": "a", "grow": "grow.more"})
    assert catalogue.canonical("a.x") in {"a.x", "b.x", "c.x"}
    assert catalogue.canonical("grow.x").startswith("grow.more")


def test_a_catalogue_survives_encoding() -> None:
    catalogue = compile_entries(
        [
            entry(
                functions={"acme.get": QUERIES},
                classes={"acme.C": ClassEntry(methods={"put": WRITES})},
                attributes={"acme.session": AttributeEntry(type="acme.C")},
                aliases={"acme.api": "acme"},
            )
        ]
    )
    decoded = decode_catalogue(encode_catalogue(catalogue))
    assert decoded == catalogue
    assert decoded.canonical("acme.api.get") == "acme.get"
    with pytest.raises(msgspec.DecodeError):
        decode_catalogue(b"\xc1")


def test_encoding_does_not_depend_on_the_hash_seed() -> None:
    script = (
        "from backlint.libraries.catalogue import Catalogue, encode_catalogue\n"
        "modules = frozenset('abcdefgh')\n"
        "print(encode_catalogue(Catalogue(modules=modules)).hex())\n"
    )
    root = str(Path(backlint.__path__[0]).parent)
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def test_reading_a_catalogue_imports_no_yaml() -> None:
    script = (
        "import sys\n"
        "import backlint.libraries.catalogue, backlint.libraries.load\n"
        "print('yaml' in sys.modules)\n"
    )
    root = str(Path(backlint.__path__[0]).parent)
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert result.stdout.strip() == "False"
