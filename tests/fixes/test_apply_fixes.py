"""Fixes put into a file's text: what changes, and that nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from backlint.finding import Confidence, Edit, Finding, Fix, Severity, Span
from backlint.fixes.apply import FixedFile, fix_file
from backlint.fixes.diff import unified_diff
from backlint.fixes.edits import OverlappingEdits, apply_edits
from backlint.fixes.source import SourceText

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = """\
import requests

def fetch(url):  # é 世界
    return requests.get(url)  # keep   me
"""


def finding(*edits: Edit, safe: bool = True, imports: tuple[str, ...] = ()) -> Finding:
    return Finding(
        rule="missing-timeout",
        family="network",
        path="app.py",
        span=edits[0].span if edits else Span(1, 0, 1, 1),
        message="waits for ever",
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        fix=Fix("pass timeout=10", edits, imports, safe=safe),
    )


def insert(line: int, column: int, text: str) -> Edit:
    return Edit(Span(line, column, line, column), text)


TIMEOUT = insert(4, 27, ", timeout=10")


def fixed(data: bytes | str, *findings: Finding, unsafe: bool = False) -> FixedFile:
    raw = data.encode() if isinstance(data, str) else data
    return fix_file(SourceText("app.py", raw), findings, unsafe=unsafe)


def test_an_edit_leaves_everything_else_as_it_is() -> None:
    result = fixed(SOURCE, finding(TIMEOUT))
    assert result.after.decode() == SOURCE.replace("get(url)", "get(url, timeout=10)")
    assert len(result.applied) == 1
    assert (result.overlapping, result.problem) == ((), "")


def test_columns_are_bytes() -> None:
    source = 'x = "é世界", f(1)\n'
    column = len('x = "é世界", f('.encode())
    assert fixed(source, finding(insert(1, column, "0, "))).after.decode() == 'x = "é世界", f(0, 1)\n'


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: ("# -*- coding: utf-16-no -*-\n"[:0] + text).encode(),
        lambda text: text.rstrip("\n").encode(),
        lambda text: text.replace("\n\n", "\n\x0c\n").encode(),
    ],
)
def test_line_ends_mark_and_last_line_survive(encode: object) -> None:
    assert callable(encode)
    before = encode(SOURCE)
    after = encode(SOURCE.replace("get(url)", "get(url, timeout=10)"))
    assert fixed(before, finding(TIMEOUT)).after == after


def test_the_encoding_survives() -> None:
    source = "# -*- coding: latin-1 -*-\nname = 'é'\nget(name)\n"
    result = fixed(source.encode("latin-1"), finding(insert(3, 8, ", 1")))
    assert result.after == source.replace("get(name)", "get(name, 1)").encode("latin-1")


def test_text_that_the_encoding_lacks() -> None:
    source = "# -*- coding: latin-1 -*-\nname = 'é'\nget(name)\n".encode("latin-1")
    result = fixed(source, finding(insert(3, 8, ", '世'")))
    assert result.after == source
    assert "encoding" in result.problem


def test_new_lines_end_as_those_of_the_file() -> None:
    result = fixed(b"a = 1\r\nb = 2\r\n", finding(insert(2, 0, "c = 3\n")))
    assert result.after == b"a = 1\r\nc = 3\r\nb = 2\r\n"


def test_unsafe_fixes_only_when_asked_for() -> None:
    unsafe = finding(TIMEOUT, safe=False)
    assert fixed(SOURCE, unsafe).after == SOURCE.encode()
    assert fixed(SOURCE, unsafe, unsafe=True).after != SOURCE.encode()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Edit(Span(4, 11, 4, 28), "get(url)"), TIMEOUT),
        (TIMEOUT, Edit(Span(4, 11, 4, 28), "get(url)")),
        (Edit(Span(4, 11, 4, 23), "get"), Edit(Span(4, 20, 4, 28), "post(url)")),
        (TIMEOUT, insert(4, 27, ", verify=True")),
        (Edit(Span(3, 0, 4, 28), "pass"), TIMEOUT),
    ],
)
def test_of_fixes_that_overlap_the_first_wins(first: Edit, second: Edit) -> None:
    one, other = finding(first), finding(second)
    result = fixed(SOURCE, one, other)
    assert result.applied == (one,)
    assert result.overlapping == (other,)
    assert result.after == fixed(SOURCE, one).after


def test_a_fix_is_applied_whole_or_not_at_all() -> None:
    one = finding(TIMEOUT)
    other = finding(insert(1, 15, ", os"), TIMEOUT, insert(4, 27, "!"))
    assert b", os" not in fixed(SOURCE, one, other).after


def test_fixes_that_touch_or_share_an_edit_are_all_applied() -> None:
    call, argument = Edit(Span(4, 11, 4, 23), "session.get"), Edit(Span(4, 23, 4, 28), "(url, timeout=1)")
    result = fixed(SOURCE, finding(call), finding(argument), finding(argument))
    assert "return session.get(url, timeout=1)" in result.after.decode()
    assert len(result.applied) == 3


def test_a_file_that_would_not_parse_is_left_alone() -> None:
    result = fixed(SOURCE, finding(insert(4, 27, "(((")))
    assert (result.after, result.applied) == (SOURCE.encode(), ())
    assert result.problem.startswith("the fixed file would not parse: ")


def test_edits_of_one_fix_that_contradict_each_other() -> None:
    result = fixed(SOURCE, finding(Edit(Span(4, 11, 4, 28), "a"), Edit(Span(4, 20, 4, 28), "b")))
    assert (result.after, bool(result.problem)) == (SOURCE.encode(), True)
    with pytest.raises(OverlappingEdits, match="overlap at line 4"):
        apply_edits(SourceText("app.py", SOURCE.encode()), [TIMEOUT, Edit(Span(4, 11, 4, 28), "a")])


def test_a_file_that_does_not_parse_to_begin_with() -> None:
    result = fixed("def f(:\n", finding(insert(1, 0, "x")))
    assert (result.after, bool(result.problem)) == (b"def f(:\n", True)


IMPORTS = [
    ("f()\n", ("asyncio",), "import asyncio\n\nf()\n"),
    ('"""Doc."""\nf()\n', ("asyncio",), '"""Doc."""\n\nimport asyncio\n\nf()\n'),
    ('"""Doc."""\n\nf()\n', ("asyncio",), '"""Doc."""\n\nimport asyncio\n\nf()\n'),
    (
        "#!/usr/bin/env python\n# licence\n\nf()\n",
        ("os",),
        "#!/usr/bin/env python\n# licence\n\nimport os\n\nf()\n",
    ),
    (
        '"""Doc."""\nfrom __future__ import annotations\n\nf()\n',
        ("asyncio",),
        '"""Doc."""\nfrom __future__ import annotations\n\nimport asyncio\n\nf()\n',
    ),
    ("import abc\nimport os\n\nf()\n", ("json",), "import abc\nimport json\nimport os\n\nf()\n"),
    ("import abc\nimport os\n\nf()\n", ("sys",), "import abc\nimport os\nimport sys\n\nf()\n"),
    ("import os\nimport flask\n\nf()\n", ("sys",), "import os\nimport sys\nimport flask\n\nf()\n"),
    ("from os import path\n\nf()\n", ("sys",), "import sys\nfrom os import path\n\nf()\n"),
    ("import flask\n\nf()\n", ("sys",), "import sys\n\nimport flask\n\nf()\n"),
    ("import os\nimport flask\n\nf()\n", ("httpx",), "import os\nimport flask\nimport httpx\n\nf()\n"),
    ("import os\nf()\n", ("os",), "import os\nf()\n"),
    ("import os.path\nf()\n", ("os",), "import os.path\nf()\n"),
    ("import os as o\nf()\n", ("os",), "import os as o\nimport os\nf()\n"),
    ("import os\nf()\n", ("os.path",), "import os\nimport os.path\nf()\n"),
    ("import os; f()\n", ("sys",), "import os; f()\nimport sys\n"),
    (
        "from flask import (\n    a,\n    b,\n)\n\nf()\n",
        ("httpx",),
        "from flask import (\n    a,\n    b,\n)\nimport httpx\n\nf()\n",
    ),
    (
        "import os\n\nf()\n",
        ("from decimal import Decimal",),
        "import os\nfrom decimal import Decimal\n\nf()\n",
    ),
    (
        "from datetime import datetime  # the time\n\nf()\n",
        ("from datetime import UTC", "from datetime import timezone"),
        "from datetime import datetime, UTC, timezone  # the time\n\nf()\n",
    ),
    (
        "from datetime import (\n    date,\n    timezone,\n)\n\nf()\n",
        ("from datetime import datetime",),
        "from datetime import (\n    date,\n    datetime, timezone,\n)\n\nf()\n",
    ),
    (
        "from decimal import Decimal\n\nf()\n",
        ("from decimal import Decimal",),
        "from decimal import Decimal\n\nf()\n",
    ),
    (
        "import os\n\nif TYPE_CHECKING:\n    import sys\nf()\n",
        ("sys",),
        "import os\nimport sys\n\nif TYPE_CHECKING:\n    import sys\nf()\n",
    ),
    ("import os\n\nf()\n", ("sys", "json", "sys"), "import json\nimport os\nimport sys\n\nf()\n"),
    ("'''Doc.'''", ("os",), "'''Doc.'''\n\nimport os\n"),
]


@pytest.mark.parametrize(("source", "names", "expected"), IMPORTS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_imports_go_where_the_file_keeps_them(
    source: str, names: Sequence[str], expected: str, newline: str
) -> None:
    edit = insert(1, 0, "")
    result = fixed(source.replace("\n", newline), finding(edit, imports=tuple(names)))
    assert result.problem == ""
    assert result.after.decode().replace(newline, "\n") == expected


def test_imports_of_several_fixes_are_added_once() -> None:
    one = finding(insert(4, 27, ", a"), imports=("asyncio",))
    other = finding(insert(4, 11, "await "), imports=("asyncio", "os"))
    source = SOURCE.replace("def fetch", "async def fetch")
    after = fixed(source, one, other).after.decode()
    assert after.startswith("import asyncio\nimport os\n\nimport requests\n\nasync def")
    assert "return await requests.get(url, a)" in after


def test_an_import_and_an_edit_at_the_same_place() -> None:
    result = fixed("import os\nrun()\n", finding(insert(2, 0, "os."), imports=("sys",)))
    assert result.after == b"import os\nimport sys\nos.run()\n"


def test_diff() -> None:
    assert unified_diff(fixed(SOURCE, finding(TIMEOUT))) == (
        "--- a/app.py\n+++ b/app.py\n@@ -1,4 +1,4 @@\n import requests\n \n def fetch(url):  # é 世界\n"
        "-    return requests.get(url)  # keep   me\n+    return requests.get(url, timeout=10)  # keep   me\n"
    )
    assert unified_diff(fixed(SOURCE)) == ""


def test_diff_of_a_file_without_a_last_line_end() -> None:
    result = fixed("get(url)", finding(insert(1, 7, ", 1")))
    assert unified_diff(result) == (
        "--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-get(url)\n\\ No newline at end of file\n"
        "+get(url, 1)\n\\ No newline at end of file\n"
    )
