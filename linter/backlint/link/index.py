"""Where every symbol of the project is defined."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from backlint.link.values import Value
from backlint.summary import ClassSummary, FileSummary, FunctionSummary


class FileNode:
    """One summary inside the linked project."""

    __slots__ = ("aliases", "call_sites", "index", "root", "stars", "summary", "values")

    def __init__(self, index: int, summary: FileSummary, root: str) -> None:
        self.index = index
        self.summary = summary
        self.root = root
        self.values: list[Value | None] = [None] * len(summary.terms)
        self.aliases = {entry.alias: entry.target for entry in reversed(summary.imports) if entry.alias != "*"}
        self.stars = tuple(entry.target for entry in summary.imports if entry.alias == "*")

    def __repr__(self) -> str:
        return f"<FileNode {self.summary.path}>"


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
