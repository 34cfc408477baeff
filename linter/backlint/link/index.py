"""Where every symbol of the project is defined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.summary import ClassSummary, FileKind, FileSummary, FunctionSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backlint.link.values import Value


class FileNode:
    """One summary inside the linked project."""

    __slots__ = ("aliases", "callers", "index", "kind", "root", "spoken", "stars", "summary", "values")

    def __init__(self, index: int, summary: FileSummary, root: str) -> None:
        self.index = index
        self.summary = summary
        self.root = root
        self.kind = summary.kind
        """What the file is for; a module that only management commands use is part of them."""
        self.values: list[Value | None] = [None] * len(summary.terms)
        self.aliases = {
            entry.alias: entry.target for entry in reversed(summary.imports) if entry.alias != "*"
        }
        self.spoken: tuple[dict[int, bool | frozenset[str]], ...] = ({}, {})
        """Which terms speak of who calls: kept here by `callers`."""
        self.callers: frozenset[str] = frozenset()
        """Functions of the project that give who calls, or what is known of them: set by `callers`."""
        self.stars = tuple(entry.target for entry in summary.imports if entry.alias == "*")

    def __repr__(self) -> str:
        return f"<FileNode {self.summary.path}>"


def _is_command(file: FileNode) -> bool:
    return file.kind is FileKind.SCRIPT and "/management/commands/" in f"/{file.summary.path}"


class SymbolIndex:
    """Modules, functions and classes of all files by absolute name.

    Files of a monorepo may share a module name; a look-up prefers the files of the asking file's
    own root.
    """

    def __init__(self, summaries: Iterable[tuple[FileSummary, str]]) -> None:
        ordered = sorted(summaries, key=lambda pair: pair[0].path)
        self.files = [FileNode(index, summary, root) for index, (summary, root) in enumerate(ordered)]
        self._modules: dict[str, list[FileNode]] = {}
        self.packages: set[str] = set()
        self.functions: list[dict[str, int]] = []
        self.classes: list[dict[str, int]] = []
        for file in self.files:
            module = file.summary.module
            self._modules.setdefault(module, []).append(file)
            parts = module.split(".")
            for length in range(1, len(parts)):
                self.packages.add(".".join(parts[:length]))
            self.functions.append(
                {function.name: number for number, function in enumerate(file.summary.functions) if number}
            )
            self.classes.append({cls.name: number for number, cls in enumerate(file.summary.classes)})
        self.top_level = {name.partition(".")[0] for name in self._modules}
        self._mark_command_helpers()

    def _mark_command_helpers(self) -> None:
        """Give modules that only management commands (and tests) import the commands' kind."""
        importers: dict[int, list[FileNode]] = {}
        for file in self.files:
            for target in {entry.target for entry in file.summary.imports}:
                found, _ = self.split(target, file.root)
                if found is not None and found is not file:
                    importers.setdefault(found.index, []).append(file)
        for file in self.files:
            users = [user for user in importers.get(file.index, ()) if user.kind is not FileKind.TEST]
            if file.kind is FileKind.SOURCE and users and all(_is_command(user) for user in users):
                file.kind = FileKind.SCRIPT

    def module(self, name: str, root: str) -> FileNode | None:
        """The file of a module, of this root where there are several."""
        found = self._modules.get(name)
        if not found:
            return None
        if len(found) > 1:
            for file in found:
                if file.root == root:
                    return file
        return found[0]

    def split(self, symbol: str, root: str) -> tuple[FileNode | None, Sequence[str]]:
        """The longest module that `symbol` starts with, and the names that follow it."""
        if symbol.partition(".")[0] not in self.top_level:
            return None, ()
        head = symbol
        rest: list[str] = []
        while head:
            file = self.module(head, root)
            if file is not None:
                return file, rest[::-1]
            head, _, name = head.rpartition(".")
            rest.append(name)
        return None, ()

    def function(self, file: int, index: int) -> FunctionSummary:
        return self.files[file].summary.functions[index]

    def function_symbol(self, file: int, index: int) -> str:
        """The absolute name of a function."""
        node = self.files[file]
        return f"{node.summary.module}.{node.summary.functions[index].name}"

    def cls(self, symbol: str, root: str) -> tuple[FileNode, ClassSummary] | None:
        """The class with exactly this absolute name."""
        file, names = self.split(symbol, root)
        if file is None or not names:
            return None
        number = self.classes[file.index].get(".".join(names))
        return None if number is None else (file, file.summary.classes[number])
