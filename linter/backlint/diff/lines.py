"""Sets of lines, as a diff names them."""

from __future__ import annotations

from bisect import bisect_right

import msgspec


class LineRanges(msgspec.Struct, frozen=True):
    """Ranges of lines counted from 1, first and last inclusive, in order and apart from each other."""

    ranges: tuple[tuple[int, int], ...] = ()

    def meets(self, first: int, last: int) -> bool:
        """Whether any line from `first` to `last` is in the set."""
        index = bisect_right(self.ranges, last, key=lambda pair: pair[0])
        return index > 0 and self.ranges[index - 1][1] >= first

    @property
    def count(self) -> int:
        """How many lines there are in the set."""
        return sum(last - first + 1 for first, last in self.ranges)


ALL_LINES = LineRanges(((1, 1 << 30),))
NO_LINES = LineRanges()
