import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.cache import pack

KEYS = st.binary(min_size=pack.KEY_SIZE, max_size=pack.KEY_SIZE)
RECORDS = st.dictionaries(KEYS, st.binary(max_size=300), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packs") / "one.pack"


@given(records=RECORDS)
def test_what_is_written_is_read_back_in_order(target: Path, records: dict[bytes, bytes]) -> None:
    target.write_bytes(pack.write(records.items()))
    assert list(pack.read(target, None).items()) == list(records.items())
    some = list(records)[::2]
    assert pack.read(target, some) == {key: records[key] for key in some}


@given(records=RECORDS, data=st.data())
def test_damage_never_raises_and_never_gives_wrong_bytes(
    target: Path, records: dict[bytes, bytes], data: st.DataObject
) -> None:
    whole = bytearray(pack.write(records.items()))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(whole) - 1))
        whole[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    target.write_bytes(bytes(whole[:cut]) + data.draw(st.binary(max_size=40)))
    for wanted in (None, list(records)):
        assert pack.read(target, wanted).items() <= records.items()


@given(records=RECORDS, noise=st.binary(min_size=1, max_size=30), data=st.data())
def test_a_damaged_record_loses_only_itself(
    target: Path, records: dict[bytes, bytes], noise: bytes, data: st.DataObject
) -> None:
    whole = bytearray(pack.write(records.items()))
    victim = data.draw(st.integers(0, len(records) - 1))
    key = list(records)[victim]
    row = 20 + 36 * victim
    # Of the row: the offset, the length or the checksum.
    first, size = data.draw(st.sampled_from([(row + 20, 8), (row + 28, 4), (row + 32, 4)]))
    part = (noise * 8)[:size]
    changed = bytes(whole[first : first + size]) != part
    whole[first : first + size] = part
    target.write_bytes(bytes(whole))
    others = {other: content for other, content in records.items() if other != key}
    assert others.items() <= pack.read(target, None).items()
    if changed:
        assert pack.read(target, [key]).get(key) in (None, records[key])


def test_forged_overlapping_rows_cannot_ask_for_more_than_the_file_holds(tmp_path: Path) -> None:
    content = b"x" * 100_000
    header = struct.Struct("<16sI")
    magic = header.unpack_from(pack.write([]))[0]
    rows = b""
    count = 500
    offset = header.size + 36 * count
    for number in range(count):
        key = number.to_bytes(20, "little")
        one = pack.write([(key, content)])
        checksum = one[header.size + 32 : header.size + 36]
        rows += struct.pack("<20sQI", key, offset, len(content)) + checksum
    target = tmp_path / "forged.pack"
    target.write_bytes(header.pack(magic, count) + rows + content)
    found = pack.read(target, None)
    assert sum(map(len, found.values())) <= target.stat().st_size


@pytest.mark.parametrize(
    "data", [b"", b"backlint", b"backlint pack 1\n", b"backlint pack 2\n" + bytes(400), b"\xff" * 400]
)
def test_a_file_that_is_no_pack_holds_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.pack").write_bytes(data)
    assert pack.read(tmp_path / "x.pack", None) == {}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(pack.write([(b"k" * 20, b"content")]))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match="link"):
        pack.read(tmp_path / "link", None)
