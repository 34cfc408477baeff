import errno
import multiprocessing
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backlint.cache import pack, store
from backlint.cache.store import Cache, clean, open_cache
from backlint.errors import UsageError


def key(number: int) -> str:
    return f"{number:040x}"


def some(numbers: Iterable[int], size: int = 50) -> dict[str, bytes]:
    return {key(number): number.to_bytes(4, "little") * size for number in numbers}


def packs(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.pack"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / ".backlint_cache"


def test_entries_come_back_in_the_next_run(directory: Path) -> None:
    entries = some(range(100))
    open_cache(directory).save(entries, entries)
    assert open_cache(directory).load([*entries, key(1000)]) == entries


def test_nothing_is_made_before_there_is_something_to_keep(directory: Path) -> None:
    cache = open_cache(directory)
    cache.save({}, [])
    assert cache.load([key(1)]) == {}
    assert not directory.exists()


def test_the_folder_is_marked_as_a_cache(directory: Path) -> None:
    open_cache(directory).save(some([1]), [])
    tag = (directory / "CACHEDIR.TAG").read_bytes()
    assert tag.startswith(b"Signature: 8a477f597d28d172789f06886806bc55\n")
    assert (directory / ".gitignore").read_bytes() == b"*\n"


def test_without_a_folder_nothing_is_kept() -> None:
    cache = open_cache(None)
    cache.save(some([1]), [])
    cache.save_result(key(1), b"report")
    assert cache.load([key(1)]) == {}
    assert cache.load_result(key(1)) is None
    assert cache.notices == []


def test_results_and_blobs_are_found_by_name_and_key(directory: Path) -> None:
    cache = open_cache(directory)
    cache.save_result(key(1), b"report")
    cache.save_blob("libraries", key(1), b"entries")
    again = open_cache(directory)
    assert again.load_result(key(1)) == b"report"
    assert again.load_blob("libraries", key(1)) == b"entries"
    assert again.load_result(key(2)) is None


def test_a_damaged_blob_is_missing(directory: Path) -> None:
    open_cache(directory).save_result(key(1), b"report" * 10)
    (path,) = directory.glob("*.blob")
    path.write_bytes(path.read_bytes()[:-1])
    assert open_cache(directory).load_result(key(1)) is None


def test_only_the_newest_blobs_are_kept(directory: Path) -> None:
    cache = open_cache(directory)
    cache.save_blob("libraries", key(0), b"entries")
    for number in range(store.BLOBS_KEPT + 5):
        cache.save_result(key(number), b"report")
        os.utime(directory / f"result-{key(number)}.blob", (number + 1, number + 1))
    assert len(list(directory.glob("result-*.blob"))) == store.BLOBS_KEPT
    assert cache.load_result(key(store.BLOBS_KEPT + 4)) == b"report"
    assert cache.load_result(key(0)) is None
    assert cache.load_blob("libraries", key(0)) == b"entries"


def test_many_small_runs_end_up_in_few_packs(directory: Path) -> None:
    everything: dict[str, bytes] = {}
    for number in range(3 * store.MOST_PACKS):
        cache = open_cache(directory)
        assert cache.load(everything) == everything
        fresh = some([number])
        everything |= fresh
        cache.save(fresh, everything)
        assert len(packs(directory)) <= store.MOST_PACKS
    assert open_cache(directory).load(everything) == everything


def test_room_goes_to_what_was_used_last(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "UNUSED_LIMIT", 20_000)
    size = 250
    used = some(range(10), size)
    cache = open_cache(directory)
    cache.save(used, used)
    for start in range(1000, 1400, 10):
        cache = open_cache(directory)
        cache.load(used)
        fresh = some(range(start, start + 10), size)
        cache.save(fresh, [*used, *fresh])
        total = sum(path.stat().st_size for path in packs(directory))
        assert total < 4 * 20_000 + 20_000
    left = open_cache(directory)
    assert left.load(used) == used
    assert left.load(fresh) == fresh
    assert left.load(some(range(1000, 1010), size)) == {}


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_costs_only_work(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    directory = tmp_path_factory.mktemp("damage") / "cache"
    entries = some(range(20))
    for start in (0, 10):
        open_cache(directory).save(dict(list(entries.items())[start : start + 10]), entries)
    files = sorted(directory.iterdir())
    for path in data.draw(st.lists(st.sampled_from(files), unique=True)):
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(0, 5))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    cache = open_cache(directory)
    found = cache.load(entries)
    assert found.items() <= entries.items()
    missing = {name: content for name, content in entries.items() if name not in found}
    cache.save(missing, entries)
    if not cache.notices:
        assert open_cache(directory).load(entries) == entries


def test_a_pack_that_vanishes_while_reading_is_looked_for_again(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        open_cache(directory).save(some([number]), [])
    entries = some(range(3))
    reader, merger = open_cache(directory), open_cache(directory)
    listed = reader._files

    def listed_before_a_merge(prefix: str, suffix: str = "") -> list[tuple[int, Path]]:
        before = listed(prefix, suffix)
        merger._merge({}, set(), packs(directory))
        return before

    monkeypatch.setattr(reader, "_files", listed_before_a_merge)
    assert reader.load(entries) == entries
    assert len(packs(directory)) == 1


def test_what_a_killed_run_left_is_removed(directory: Path) -> None:
    for number in range(store.MOST_PACKS):
        open_cache(directory).save(some([number]), [])
    old, new = directory / f"tmp-{1:016x}", directory / f"tmp-{2:016x}"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    open_cache(directory).save(some([99]), [])
    assert not old.exists()
    assert new.exists()


def refuse(number: int) -> NoReturn:
    raise OSError(number, os.strerror(number))


def test_a_full_disk_is_said_once_and_the_run_goes_on(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = some(range(3))
    open_cache(directory).save(entries, entries)
    before = sorted(directory.iterdir())
    monkeypatch.setattr(Path, "replace", lambda *_: refuse(errno.ENOSPC))
    cache = open_cache(directory)
    cache.save(some([7]), [])
    cache.save_result(key(1), b"report")
    (notice,) = cache.notices
    assert notice.kind == "cache"
    assert not notice.failure
    assert "No space left" in notice.message
    assert cache.load([*entries, key(7)]) == entries
    assert sorted(directory.iterdir()) == before


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_read_only_cache_is_used_in_silence(
    directory: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    entries = some(range(3))
    open_cache(directory).save(entries, entries)
    monkeypatch.setattr(Path, "open", lambda *_, **__: refuse(number))
    cache = open_cache(directory)
    cache.save(some([7]), [])
    assert cache.load(entries) == entries
    assert cache.notices == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_used_in_silence(directory: Path) -> None:
    entries = some(range(3))
    open_cache(directory).save(entries, entries)
    directory.chmod(0o555)
    try:
        cache = open_cache(directory)
        cache.save(some([7]), [])
        assert cache.load([*entries, key(7)]) == entries
        assert cache.notices == []
    finally:
        directory.chmod(0o755)


def test_a_linked_folder_is_left_alone(tmp_path: Path, directory: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    directory.symlink_to(victim)
    cache = open_cache(directory)
    cache.save(some([1]), [])
    assert list(victim.iterdir()) == []
    assert len(cache.notices) == 1
    with pytest.raises(UsageError):
        clean(directory)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print()\n")
    cache = open_cache(tmp_path)
    cache.save(some([1]), [])
    assert [path.name for path in tmp_path.iterdir()] == ["main.py"]
    assert "not a cache of backlint" in cache.notices[0].message


def test_the_cache_of_another_tool_is_left_alone(tmp_path: Path) -> None:
    tag = b"Signature: 8a477f597d28d172789f06886806bc55\n# made by another tool\n"
    (tmp_path / "CACHEDIR.TAG").write_bytes(tag)
    cache = open_cache(tmp_path)
    cache.save(some([1]), [])
    assert [path.name for path in tmp_path.iterdir()] == ["CACHEDIR.TAG"]
    with pytest.raises(UsageError):
        clean(tmp_path)


def test_a_file_in_place_of_the_folder_is_left_alone(directory: Path) -> None:
    directory.write_text("mine")
    cache = open_cache(directory)
    cache.save(some([1]), [])
    assert directory.read_text() == "mine"
    assert len(cache.notices) == 1


def test_links_pipes_and_folders_among_the_entries_are_passed_over(tmp_path: Path, directory: Path) -> None:
    entries = some(range(3))
    open_cache(directory).save(entries, entries)
    (pack,) = packs(directory)
    outside = tmp_path / "outside"
    pack.rename(outside)
    pack.symlink_to(outside)
    os.mkfifo(directory / f"summaries-{1:016x}.pack")
    (directory / f"summaries-{2:016x}.pack").mkdir()
    os.mkfifo(directory / f"result-{key(1)}.blob")
    (directory / f"result-{key(2)}.blob").symlink_to("/dev/zero")
    cache = open_cache(directory)
    assert cache.load(entries) == {}
    assert cache.load_result(key(1)) is None
    assert cache.load_result(key(2)) is None
    cache.save(entries, entries)
    assert open_cache(directory).load(entries) == entries
    assert outside.stat().st_size > 0


def test_a_pipe_in_place_of_the_tag_does_not_hold_the_run(directory: Path) -> None:
    directory.mkdir()
    os.mkfifo(directory / "CACHEDIR.TAG")
    cache = open_cache(directory)
    cache.save(some([1]), [])
    assert open_cache(directory).load([key(1)]) == some([1])


def test_a_cache_restored_without_its_tag_still_works(directory: Path) -> None:
    entries = some(range(3))
    open_cache(directory).save(entries, entries)
    (directory / "CACHEDIR.TAG").unlink()
    cache = open_cache(directory)
    assert cache.load(entries) == entries
    cache.save(some([7]), [])
    assert clean(directory) > 0


def test_clean_removes_everything_and_counts_it(directory: Path) -> None:
    cache = open_cache(directory)
    cache.save(some(range(10)), [])
    cache.save_result(key(1), b"report")
    total = sum(path.stat().st_size for path in directory.iterdir())
    assert clean(directory) == total
    assert not directory.exists()
    assert clean(directory) == 0


def test_clean_leaves_what_others_put_there(directory: Path) -> None:
    open_cache(directory).save(some([1]), [])
    (directory / "notes.txt").write_text("mine")
    clean(directory)
    assert [path.name for path in directory.iterdir()] == ["notes.txt"]


def test_clean_refuses_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / f"summaries-{1:016x}.pack").write_text("x")
    with pytest.raises(UsageError, match="not a cache of backlint"):
        clean(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def write_runs(directory: str, first: int, runs: int) -> None:
    for number in range(first, first + runs):
        cache = Cache(Path(directory))
        cache.load([key(other) for other in range(first, number)])
        cache.save(some([number], 500), [key(other) for other in range(first, number + 1)])
        cache.save_result(key(number % 3), b"report" * 1000)


def test_processes_that_write_at_once_leave_a_sound_cache(directory: Path) -> None:
    context = multiprocessing.get_context("spawn")
    runs = 2 * store.MOST_PACKS + 4
    processes = [
        context.Process(target=write_runs, args=(str(directory), 1000 * number, runs)) for number in range(3)
    ]
    for process in processes:
        process.start()
    entries = some((1000 * number + run for number in range(3) for run in range(runs)), 500)
    while any(process.is_alive() for process in processes):
        assert open_cache(directory).load(entries).items() <= entries.items()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    cache = open_cache(directory)
    assert cache.notices == []
    assert cache.load(entries) == entries
    assert cache.load_result(key(1)) == b"report" * 1000
    assert not list(directory.glob("tmp-*"))


def test_loading_reads_each_pack_once_whatever_the_number_of_entries(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = some(range(3000))
    halves = dict(list(entries.items())[:1500]), dict(list(entries.items())[1500:])
    for half in halves:
        open_cache(directory).save(half, half)
    read: list[Path] = []
    original = pack.read

    def counting(path: Path, wanted: set[bytes], owners: frozenset[int]) -> dict[bytes, bytes]:
        read.append(path)
        return original(path, wanted, owners)

    monkeypatch.setattr(pack, "read", counting)
    assert open_cache(directory).load(entries) == entries
    assert sorted(read) == packs(directory)
    assert len(read) == 2
