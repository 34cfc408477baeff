"""Which files a change touches, which lines of them it wrote, and what they were before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.diff.git import LINK, SUBMODULE, Change, Repository
from backlint.diff.lines import ALL_LINES, NO_LINES, LineRanges
from backlint.diff.unified import DoesNotApplyError, FileDiff, apply, parse_diff
from backlint.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_NO_CODE = (LINK, SUBMODULE, "000000")


class ChangedFile(msgspec.Struct, frozen=True):
    """One file; paths are relative to the project root, None where there is no file on that side."""

    old_path: str | None
    path: str | None
    added: LineRanges = NO_LINES
    """Lines of the file at head that the change wrote."""


class ChangeSet(msgspec.Struct, frozen=True):
    """A change from a base to a head. The files on disk are near the head."""

    files: tuple[ChangedFile, ...]
    head: dict[str, bytes | None]
    """Where the head differs from the disk: contents by path, None for a file that is not there."""
    base: dict[str, bytes | None]
    """Where the base differs from the head, likewise."""


def git_changes(root: Path, base: str | None, *, staged: bool) -> ChangeSet:
    """What git knows to have changed in a project.

    The head is the work tree, untracked files included, or the index where `staged`. It is compared with
    the merge base of HEAD and `base`; without one, of HEAD and the default branch, or where `staged`
    with HEAD itself.

    Raises:
        UsageError: there is no repository or no such base, or the clone does not reach back to it.
    """
    repository = Repository(root)
    start = _base(repository, base, staged)
    changes = [change for change in repository.changes(start, staged=staged) if change.status != "U"]
    patch = repository.patch(start, staged=staged) if changes else b""
    added = {diff.new_path: diff.added for diff in parse_diff(patch)}
    unstaged = [change for change in repository.unstaged() if change.status != "U"] if staged else []
    untracked = repository.untracked()
    contents = repository.blobs(
        change.old_blob for change in (*changes, *unstaged) if change.old_mode not in _NO_CODE
    )
    files = [_changed(change, added) for change in changes]
    old = _before(changes, contents)
    if staged:
        head = {change.old_path: contents.get(change.old_blob) for change in unstaged}
        return ChangeSet(tuple(files), head | dict.fromkeys(untracked), old)
    files += [ChangedFile(None, path, ALL_LINES) for path in untracked]
    return ChangeSet(tuple(files), {}, dict.fromkeys(untracked) | old)


def diff_changes(root: Path, folder: Path, data: bytes) -> ChangeSet:
    """What a unified diff changes in a project whose files are in the state before or after it.

    Args:
        folder: What the paths in the diff are relative to.

    Raises:
        UsageError: the diff is damaged, or fits neither way.
    """
    prefix = f"{root.relative_to(folder).as_posix()}/" if root != folder else ""
    diffs = [
        msgspec.structs.replace(
            diff, old_path=_below(diff.old_path, prefix), new_path=_below(diff.new_path, prefix)
        )
        for diff in parse_diff(data)
    ]
    if data.strip() and not diffs:
        raise UsageError("there is no unified diff on standard input")
    diffs = [diff for diff in diffs if not diff.is_link and _is_python(diff)]
    files = tuple(ChangedFile(diff.old_path, diff.new_path, diff.added) for diff in diffs)
    try:
        return ChangeSet(files, {}, _other_side(root, diffs, reverse=True))
    except DoesNotApplyError as applied:
        try:
            head = _other_side(root, diffs, reverse=False)
        except DoesNotApplyError:
            raise UsageError(f"the diff does not apply: {applied}") from None
        on_disk = [path for diff in diffs if (path := diff.old_path)]
        added = dict.fromkeys(path for diff in diffs if (path := diff.new_path))
        return ChangeSet(files, head, added | {path: _read(root, path) for path in on_disk})


def _base(repository: Repository, name: str | None, staged: bool) -> str:
    head = repository.commit("HEAD")
    if head is None:
        if name is None:
            return repository.empty_tree()
        raise UsageError("there is no commit yet, so there is nothing to compare with")
    if name is None and staged:
        return head
    if name is None:
        name = repository.default_branch()
        if name is None:
            if repository.is_shallow:
                raise UsageError(
                    "this clone has no default branch to compare with; get it and its history with: "
                    "git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'"
                )
            raise UsageError("there is no default branch (origin/HEAD, main, master); name one: --diff BASE")
    shown = name.removeprefix("refs/remotes/").removeprefix("refs/heads/")
    commit = repository.commit(name)
    if commit is None:
        if repository.is_shallow:
            raise UsageError(
                f'there is no commit "{shown}" in this shallow clone; get its history with: '
                "git fetch --unshallow origin '+refs/heads/*:refs/remotes/origin/*'"
            )
        raise UsageError(f'--diff: there is no commit "{shown}" in this repository')
    base = repository.merge_base(commit, head)
    if base is None and repository.is_shallow:
        raise UsageError(
            f"this shallow clone does not reach back to where HEAD left {shown}; "
            "deepen it with: git fetch --deepen=100 (or git fetch --unshallow)"
        )
    if base is None:
        raise UsageError(f"HEAD and {shown} have no commit in common; name another one: --diff BASE")
    return base


def _changed(change: Change, added: dict[str | None, LineRanges]) -> ChangedFile:
    has_old, has_new = change.old_mode not in _NO_CODE, change.new_mode not in _NO_CODE
    return ChangedFile(
        old_path=change.old_path if has_old else None,
        path=change.new_path if has_new else None,
        added=added.get(change.new_path, NO_LINES) if has_old else ALL_LINES,
    )


def _before(changes: list[Change], contents: dict[str, bytes]) -> dict[str, bytes | None]:
    old: dict[str, bytes | None] = {change.new_path: None for change in changes}
    for change in changes:
        old[change.old_path] = contents.get(change.old_blob)
    return old


def _below(path: str | None, prefix: str) -> str | None:
    return path[len(prefix) :] if path is not None and path.startswith(prefix) else None


def _is_python(diff: FileDiff) -> bool:
    return any(path is not None and path.endswith(".py") for path in (diff.old_path, diff.new_path))


def _other_side(root: Path, diffs: list[FileDiff], *, reverse: bool) -> dict[str, bytes | None]:
    """The contents that the diffs, applied to the disk, make.

    Raises:
        DoesNotApplyError: they don't fit; its text says where.
    """
    made: dict[str, bytes | None] = {}
    gone: list[str] = []
    for diff in diffs:
        here, there = (diff.new_path, diff.old_path) if reverse else (diff.old_path, diff.new_path)
        data = b"" if here is None else _read(root, here)
        if data is None:
            raise DoesNotApplyError(f"there is no file {here!a}")
        if here is None and there is not None and _read(root, there) is not None:
            raise DoesNotApplyError(f"there is a file {there!a} already")
        try:
            content = apply(diff, data, reverse=reverse)
        except DoesNotApplyError as error:
            raise DoesNotApplyError(f"{here or there!a}: {error}") from None
        if there is None:
            gone.append(here or "")
        else:
            made[there] = content
            if here is not None and here != there:
                gone.append(here)
    return dict.fromkeys(gone) | made


def _read(root: Path, path: str) -> bytes | None:
    try:
        file = root / path
        if file.is_symlink() or not file.is_file():
            return None
        return file.read_bytes()
    except (OSError, ValueError):
        return None
