"""The arguments of calls that reach a dangerous place: a log, a statement, a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from backlint.link.arguments import call_argument
from backlint.term import Attr, Local, Name, Param

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backlint.link.graph import CallSite

_LOGGERS = frozenset({"log", "logger", "logging", "_log", "_logger", "LOG", "LOGGER"})
_LEVELS = frozenset(
    {"trace", "debug", "info", "success", "warning", "warn", "error", "exception", "critical", "fatal", "log"}
)
_LOG_OPTIONS = frozenset({"exc_info", "stack_info", "stacklevel"})
_PRINT_OPTIONS = frozenset({"file", "end", "sep", "flush"})


class SinkArgument(msgspec.Struct, frozen=True):
    """A term that a call hands to a sink; `keyword` is its name where it is passed by one."""

    term: int
    keyword: str = ""


def sink_arguments(call: CallSite, sink: str) -> Iterator[SinkArgument]:
    """What a call hands to a sink (`log`, `sql`, `url` …), as library entries say.

    Where the receiver's type is unknown, `logger.info(…)` and the like are logs by their names.
    """
    if call.entry is not None:
        for argument in call.entry.sinks.get(sink, ()):
            if argument == "*":
                yield from _all(call)
            else:
                term = call_argument(call.row, argument)
                if term is not None:
                    yield SinkArgument(term, argument if isinstance(argument, str) else "")
    elif sink == "log" and not call.targets and _is_logger(call):
        yield from _all(call)


def _all(call: CallSite) -> Iterator[SinkArgument]:
    printed = call.symbol == "builtins.print"
    if printed and call.argument(None, "file") is not None and not _is_standard(call):
        return
    options = _PRINT_OPTIONS if printed else _LOG_OPTIONS
    for term in call.row.arguments:
        yield SinkArgument(term)
    for keyword, term in call.row.keywords:
        if keyword not in options:
            yield SinkArgument(term, "" if keyword == "**" else keyword)


def _is_standard(call: CallSite) -> bool:
    """Whether `print(file=…)` writes to a standard stream."""
    term = call.argument(None, "file")
    row = call.function.file.summary.terms[term] if term is not None else None
    return isinstance(row, Name) and row.symbol in ("sys.stdout", "sys.stderr")


def _is_logger(call: CallSite) -> bool:
    terms = call.function.file.summary.terms
    function = terms[call.row.function]
    if isinstance(function, Name):
        owner, _, method = function.symbol.rpartition(".")
        return method in _LEVELS and owner.rpartition(".")[2] in _LOGGERS
    if not isinstance(function, Attr) or function.name not in _LEVELS:
        return False
    base = terms[function.base]
    if isinstance(base, Name):
        return base.symbol.rpartition(".")[2] in _LOGGERS
    return isinstance(base, Attr | Local | Param) and base.name in _LOGGERS
