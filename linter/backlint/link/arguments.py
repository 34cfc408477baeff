"""Arguments of a call, by position or keyword."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backlint.term import Call


def call_argument(row: Call, argument: int | str) -> int | None:
    """The term passed for a parameter, by position or keyword."""
    if isinstance(argument, int):
        return row.arguments[argument] if argument < len(row.arguments) else None
    name = argument.removeprefix("arg:")
    return next((term for keyword, term in row.keywords if keyword == name), None)
