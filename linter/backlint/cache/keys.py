"""Keys of the cache: what a summary depends on, hashed."""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from backlint.cache.pack import KEY_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def content_hash(data: bytes) -> bytes:
    """What stands for the bytes of a file in keys."""
    return blake2b(data, digest_size=KEY_SIZE).digest()


def summary_key(content: bytes, path: str, module: str, fingerprint: str, kind: str = "") -> str:
    """The key of the summary of one file: 40 hexadecimal digits.

    `content` is the hash of the file's bytes, `path` and `module` are those the summary will carry,
    `fingerprint` comes from `program_fingerprint`. `kind` is what the file's surroundings say it is for, which
    decides the rules that see it.
    """
    # None of them holds a NUL, so the parts can't run into each other.
    head = f"{fingerprint}\0{path}\0{module}\0{kind}\0".encode("utf-8", "surrogatepass")
    return blake2b(head + content, digest_size=KEY_SIZE).hexdigest()


def program_fingerprint(
    packages: Iterable[Path], versions: Mapping[str, str], extra: Iterable[bytes] = ()
) -> str:
    """A hash of everything besides the file that a summary depends on: 40 hexadecimal digits.

    `packages` are the folders (or single modules) of the program and of every rule pack: the content of
    all files in them counts, their times and places don't, so that a cache restored on another machine
    still fits. `versions` are versions of distributions by name, `extra` whatever else changes summaries,
    such as the project's own library entries. The interpreter's exact version counts, for patch releases
    have moved positions in syntax trees.

    Raises:
        OSError: a package can't be read.
    """
    digest = blake2b(digest_size=KEY_SIZE)

    def add(part: bytes) -> None:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)

    add(repr((sys.implementation.name, sys.version_info[:5])).encode())
    add(repr(sorted(versions.items())).encode())
    for package in sorted(packages, key=lambda package: (package.name, str(package))):
        add(package.name.encode("utf-8", "surrogateescape"))
        for name, path in package_files(package):
            add(name.encode("utf-8", "surrogateescape"))
            add(path.read_bytes())
    add(b"")
    for part in extra:
        add(part)
    return digest.hexdigest()


def package_files(package: Path, name: str = "") -> Iterator[tuple[str, Path]]:
    """Every file with its name inside the package, in an order that is the same everywhere."""
    if not package.is_dir():
        yield name, package
        return
    with os.scandir(package) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from package_files(Path(entry.path), f"{name}/{entry.name}")
        elif entry.is_file() and not entry.name.endswith((".pyc", "~", ".swp")):
            yield f"{name}/{entry.name}", Path(entry.path)
