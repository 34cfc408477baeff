"""Functions that a file runs when it is started as a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint.summary import MODULE_FUNCTION, BlockKind, FileKind
from backlint.term import Compare, Name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import FunctionKey, LinkedFunction
    from backlint.link.project import Project


def programs(project: Project) -> Iterator[FunctionKey]:
    """What files of the service call under `if __name__ == "__main__":`, such as workers and nightly programs."""
    for file in project.files:
        if file.summary.kind != FileKind.SOURCE:
            continue
        module = project.graph.functions[file.index, MODULE_FUNCTION]
        for call in module.calls:
            if any(_asks_for_name(module, block) for block in project.enclosing(module, call.block)):
                yield from call.targets


def _asks_for_name(module: LinkedFunction, number: int) -> bool:
    block = module.summary.blocks[number]
    row = module.file.summary.terms[block.terms[0]] if block.kind == BlockKind.IF and block.terms else None
    if not isinstance(row, Compare):
        return False
    sides = (module.file.summary.terms[side] for side in (row.left, row.right))
    return any(isinstance(one, Name) and one.symbol.rpartition(".")[2] == "__name__" for one in sides)
