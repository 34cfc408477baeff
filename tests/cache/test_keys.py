import os
import shutil
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from backlint.cache.keys import program_fingerprint, summary_key

PART = st.text(max_size=5).filter(lambda text: "\0" not in text)


def make_package(folder: Path) -> Path:
    (folder / "rules" / "data").mkdir(parents=True)
    (folder / "rules" / "__init__.py").write_text("")
    (folder / "rules" / "data" / "one.yaml").write_text("library: one\n")
    return folder / "rules"


def test_a_key_has_forty_digits() -> None:
    assert bytes.fromhex(summary_key(b"x = 1", "a.py", "a", "00")).hex() == summary_key(
        b"x = 1", "a.py", "a", "00"
    )
    assert len(summary_key(b"", "", "", "")) == 40


@given(one=st.tuples(st.binary(max_size=5), PART, PART, PART, PART), data=st.data())
def test_keys_are_equal_only_when_every_part_is(
    one: tuple[bytes, str, str, str, str], data: st.DataObject
) -> None:
    other = data.draw(st.tuples(st.binary(max_size=5), PART, PART, PART, PART) | st.just(one))
    assert (summary_key(*one) == summary_key(*other)) == (one == other)


def test_a_path_that_is_no_unicode_has_a_key() -> None:
    name = os.fsdecode(b"caf\xe9.py")
    assert summary_key(b"", name, "m", "") != summary_key(b"", "cafe.py", "m", "")


def test_the_fingerprint_is_of_content_and_not_of_place_or_time(tmp_path: Path) -> None:
    package = make_package(tmp_path / "here")
    before = program_fingerprint([package], {"rules": "1"})
    shutil.copytree(package, tmp_path / "there" / "rules")
    for path in (tmp_path / "there").rglob("*"):
        os.utime(path, (1, 1))
    (tmp_path / "there" / "rules" / "__pycache__").mkdir()
    (tmp_path / "there" / "rules" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert program_fingerprint([tmp_path / "there" / "rules"], {"rules": "1"}) == before


def test_anything_that_changes_summaries_changes_the_fingerprint(tmp_path: Path) -> None:
    package = make_package(tmp_path)
    seen = {program_fingerprint([package], {"rules": "1"})}

    def is_new(fingerprint: str) -> bool:
        known = len(seen)
        seen.add(fingerprint)
        return len(seen) > known

    assert is_new(program_fingerprint([package], {"rules": "2"}))
    assert is_new(program_fingerprint([package], {}))
    assert is_new(program_fingerprint([package], {"rules": "1"}, [b"entry"]))
    assert is_new(program_fingerprint([package], {"rules": "1"}, [b"ent", b"ry"]))
    single = tmp_path / "single.py"
    single.write_text("")
    assert is_new(program_fingerprint([package, single], {"rules": "1"}))
    (package / "data" / "one.yaml").write_text("library: two\n")
    assert is_new(program_fingerprint([package], {"rules": "1"}))
    (package / "data" / "one.yaml").rename(package / "data" / "two.yaml")
    assert is_new(program_fingerprint([package], {"rules": "1"}))


def test_the_order_of_packages_does_not_matter(tmp_path: Path) -> None:
    one, two = make_package(tmp_path / "a"), tmp_path / "single.py"
    two.write_text("x = 1\n")
    assert program_fingerprint([one, two], {"a": "1", "b": "2"}) == program_fingerprint(
        [two, one], {"b": "2", "a": "1"}
    )
