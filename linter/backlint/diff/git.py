"""Asks git about a repository: subprocesses without a shell, names apart by NUL bytes."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import msgspec

from backlint.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

LINK, SUBMODULE = "120000", "160000"
_KEPT = (
    "GIT_EXEC_PATH",
    "GIT_SSL_",
    "GIT_SSH",
    "GIT_ASKPASS",
    "GIT_CONFIG_",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DISCOVERY_ACROSS_FILESYSTEM",
)
# A repository's own settings must not start programs.
_SETTINGS = ("-c", "core.fsmonitor=false", "-c", "core.quotePath=true")
_DIFF = (
    *("--no-color", "--no-ext-diff", "--no-textconv", "--relative", "--ignore-submodules=all"),
    *("--find-renames", "--no-abbrev"),
)
_ZERO = "0"


class Change(msgspec.Struct, frozen=True):
    """A changed file, as `git diff --raw` gives it; paths are relative to the folder git was asked in."""

    status: str
    """A, D, M, R or T."""
    old_path: str
    new_path: str
    old_mode: str
    new_mode: str
    old_blob: str
    new_blob: str
    """Empty for a file in the work tree."""


class Repository:
    """A work tree of a git repository, seen from a folder in it."""

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            UsageError: the folder lies in no work tree, or git can't be run.
        """
        self._folder = folder
        self._environment = _environment(os.environ)
        words = ("rev-parse", "--is-inside-work-tree", "--is-shallow-repository", "--absolute-git-dir")
        status, output, error = self._run(*words)
        lines = output.decode("utf-8", "surrogateescape").split("\n")
        if status and b"dubious ownership" in error:
            raise UsageError(
                f"git does not trust {folder}, which belongs to another user; "
                f"allow it with: git config --global --add safe.directory {folder}"
            )
        if status or lines[0] != "true":
            raise UsageError(
                f"{folder} is in no work tree of a git repository, so there is nothing to compare with; "
                "--diff - reads a diff from standard input instead"
            )
        self.is_shallow = lines[1] == "true"
        self._keep_index(lines[2])

    def commit(self, name: str) -> str | None:
        """The full id of the commit that a name means, or None."""
        if not name or name.startswith("-"):
            return None
        status, output, _ = self._run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        return None if status else output.decode().strip()

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits, or None."""
        status, output, _ = self._run("merge-base", one, other)
        return None if status else output.decode().split()[0]

    def default_branch(self) -> str | None:
        """The full name of the ref that stands for the default branch, as far as this clone knows it."""
        patterns = ("refs/remotes/*/HEAD", "refs/remotes/*/main", "refs/remotes/*/master")
        output = self._ask(
            "for-each-ref", "--format=%(refname)", *patterns, "refs/heads/main", "refs/heads/master"
        )
        found = sorted(output.decode("utf-8", "surrogateescape").split(), key=_ref_order)
        return found[0] if found else None

    def empty_tree(self) -> str:
        """The id of the tree without files: what a first commit is compared with."""
        return self._ask("hash-object", "-t", "tree", "--stdin", standard_input=b"").decode().strip()

    def changes(self, base: str, *, staged: bool) -> list[Change]:
        """The changed Python files below the folder: from a commit or tree to the index or the work tree."""
        return _changes(self._ask("diff", "--raw", "-z", *_DIFF, *_sides(base, staged), "--", "*.py"))

    def patch(self, base: str, *, staged: bool) -> bytes:
        """The same changes as a unified diff without context, with the prefixes `a/` and `b/`."""
        options = ("-U0", "--inter-hunk-context=0", "--src-prefix=a/", "--dst-prefix=b/")
        return self._ask("diff", "--patch", *options, *_DIFF, *_sides(base, staged), "--", "*.py")

    def unstaged(self) -> list[Change]:
        """Files that differ between the index and the work tree."""
        words = ("--raw", "-z", *_DIFF, "--no-renames")
        return _changes(self._ask("diff", *words, "--", "*.py"))

    def untracked(self) -> list[str]:
        """Python files below the folder that git neither knows nor ignores."""
        output = self._ask("ls-files", "--others", "--exclude-standard", "-z", "--", "*.py")
        return [_decoded(name) for name in output.split(b"\0") if name]

    def blobs(self, ids: Iterable[str]) -> dict[str, bytes]:
        """The contents of blobs by id.

        Raises:
            UsageError: one of them is missing, as happens in a partial clone without its server.
        """
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        output = self._ask("cat-file", "--batch", standard_input="\n".join([*wanted, ""]).encode())
        found: dict[str, bytes] = {}
        at = 0
        for blob in wanted:
            end = output.index(b"\n", at)
            words = output[at:end].split()
            if len(words) != 3:
                raise UsageError(f"git has no content for the object {blob}; fetch it and try again")
            size = int(words[2])
            found[blob] = output[end + 1 : end + 1 + size]
            at = end + size + 2
        return found

    def _keep_index(self, git_folder: str) -> None:
        """Heed the index that git names for a hook (`git commit -a` has one of its own)."""
        index = os.environ.get("GIT_INDEX_FILE")
        if not index:
            return
        top = self._ask("rev-parse", "--show-toplevel").decode("utf-8", "surrogateescape").rstrip("\n")
        path = os.path.realpath(os.path.join(top, index))  # noqa: PTH118
        # One inside another repository's folder belongs to that repository's commit, not to this one.
        if path.startswith(os.path.realpath(git_folder) + os.sep):
            self._environment["GIT_INDEX_FILE"] = path

    def _ask(self, *words: str, standard_input: bytes | None = None) -> bytes:
        status, output, error = self._run(*words, standard_input=standard_input)
        if status:
            lines = error.decode("utf-8", "replace").strip().splitlines() or [f"exit status {status}"]
            raise UsageError(f"git {words[0]}: {lines[0]}")
        return output

    def _run(self, *words: str, standard_input: bytes | None = None) -> tuple[int, bytes, bytes]:
        try:
            done = subprocess.run(
                ["git", *_SETTINGS, *words],
                cwd=self._folder,
                env=self._environment,
                input=b"" if standard_input is None else standard_input,
                capture_output=True,
                check=False,
            )
        except OSError as error:
            raise UsageError(f"git can't be run: {error.strerror or error}") from None
        return done.returncode, done.stdout, done.stderr


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment for git: a hook's variables would point it at the hook's repository."""
    kept = {
        name: value
        for name, value in variables.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }
    return kept | {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}


def _sides(base: str, staged: bool) -> Sequence[str]:
    return ("--cached", base) if staged else (base,)


def _ref_order(ref: str) -> tuple[bool, bool, int, str]:
    """origin before other remotes, those before local branches; HEAD, main, master."""
    last = ref.rpartition("/")[2]
    return (
        not ref.startswith("refs/remotes/"),
        not ref.startswith("refs/remotes/origin/"),
        ("HEAD", "main", "master").index(last),
        ref,
    )


def _changes(output: bytes) -> list[Change]:
    fields = iter(output.split(b"\0"))
    found: list[Change] = []
    for head in fields:
        if not head:
            break
        old_mode, new_mode, old_blob, new_blob, status = head.decode("ascii").lstrip(":").split()
        old_path = new_path = _decoded(next(fields))
        if status[0] in "RC":
            new_path = _decoded(next(fields))
        found.append(
            Change(
                status=status[0],
                old_path=old_path,
                new_path=new_path,
                old_mode=old_mode,
                new_mode=new_mode,
                old_blob=old_blob,
                new_blob="" if set(new_blob) == {_ZERO} else new_blob,
            )
        )
    return found


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
