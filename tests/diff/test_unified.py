"""Reading unified diffs and applying them."""

from __future__ import annotations

import difflib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backlint.diff.lines import LineRanges
from backlint.diff.unified import DoesNotApplyError, apply, parse_diff
from backlint.errors import UsageError

RENAMED = b"""\
From 1234 Mon Sep 17 00:00:00 2001
Subject: a mail before the diff

--- not a head
diff --git a/app/old name.py b/app/new.py
similarity index 80%
rename from app/old name.py
rename to app/new.py
index 1111111..2222222 100644
--- a/app/old name.py
+++ b/app/new.py
@@ -1,3 +1,4 @@ def f():
 one
-two
+2
+two and a half
 three
@@ -10 +11,0 @@
-ten
diff --git a/moved.py b/elsewhere/moved.py
similarity index 100%
rename from moved.py
rename to elsewhere/moved.py
diff --git a/data.bin b/data.bin
index 1111111..2222222 100644
Binary files a/data.bin and b/data.bin differ
diff --git a/gone.py b/gone.py
deleted file mode 100644
index 1111111..0000000
--- a/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-last
\\ No newline at end of file
diff --git "a/\\303\\244\\n.py" "b/\\303\\244\\n.py"
new file mode 100644
index 0000000..e69de29
diff --git a/with space.py b/with space.py
old mode 100644
new mode 100755
diff --git a/link.py b/link.py
new file mode 120000
index 0000000..1111111
--- /dev/null
+++ b/link.py
@@ -0,0 +1 @@
+/etc/passwd
\\ No newline at end of file
"""


def test_heads_of_git() -> None:
    diffs = parse_diff(RENAMED)
    assert [(diff.old_path, diff.new_path) for diff in diffs] == [
        ("app/old name.py", "app/new.py"),
        ("moved.py", "elsewhere/moved.py"),
        ("data.bin", "data.bin"),
        ("gone.py", None),
        (None, "ä\n.py"),
        ("with space.py", "with space.py"),
        (None, "link.py"),
    ]
    assert diffs[0].added == LineRanges(((2, 3),))
    assert [diff.is_link for diff in diffs] == [False] * 6 + [True]
    assert diffs[3].hunks[0].old == (b"last",)


def test_heads_of_other_programs() -> None:
    text = b"--- app.py.orig\t2024-01-01 00:00:00\n+++ app.py\t2024-01-02 00:00:00\n@@ -0,0 +1 @@\n+x\n"
    (diff,) = parse_diff(b"Index: app.py\n====\n" + text + b"\nbye\n")
    assert (diff.old_path, diff.new_path) == ("app.py", "app.py")
    assert diff.added == LineRanges(((1, 1),))
    (diff,) = parse_diff(text.replace(b"app.py.orig\t2024-01-01 00:00:00", b"/dev/null"))
    assert (diff.old_path, diff.new_path) == (None, "app.py")


def test_stripped_empty_lines_and_crlf() -> None:
    (diff,) = parse_diff(b"--- a/x.py\n+++ b/x.py\n@@ -1,3 +1,3 @@\n a\n\n-b\n+c\n")
    assert apply(diff, b"a\n\nb\n") == b"a\n\nc\n"
    assert apply(diff, b"a\r\n\r\nb\r\n", reverse=False).splitlines() == [b"a", b"", b"c"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n", "ends or breaks off at line 5"),
        (b"--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n?b\n", "ends or breaks off at line 5"),
        (b"@@ -1 +1 @@\n-a\n+b\n", "line 1 belongs to no file"),
        (b"--- a/x.py\n+++ b/x.py\n@@ -9 +9 @@\n-a\n+b\n@@ -1 +1 @@\n-a\n+b\n", "line 6 is out of order"),
        (b"diff --cc x.py\n@@@ -1,1 -1,1 +1,1 @@@\n", "combined diff of a merge"),
        (b"--- a/../x.py\n+++ b/../x.py\n@@ -1 +1 @@\n-a\n+b\n", "outside the project: '../x.py'"),
        (b"--- /etc/x.py\n+++ /etc/x.py\n@@ -1 +1 @@\n-a\n+b\n", "outside the project: '/etc/x.py'"),
    ],
)
def test_damaged_diffs(text: bytes, said: str) -> None:
    with pytest.raises(UsageError, match="diff") as caught:
        parse_diff(text)
    assert said in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"a\n", b"x\ny\nb\n", b"a\nx\nb\n"])
def test_other_text_is_refused(data: bytes) -> None:
    (diff,) = parse_diff(b"--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n")
    with pytest.raises(DoesNotApplyError, match="line 1 is not"):
        apply(diff, data)


LINES = st.lists(st.sampled_from(["a", "b", "", "-- x", "++ y", "@@ -1 +1 @@", "\f", "c\rd"]), max_size=12)


@given(LINES, LINES, st.integers(0, 4), st.booleans(), st.booleans())
def test_a_diff_leads_from_each_side_to_the_other(
    old: list[str], new: list[str], context: int, old_end: bool, new_end: bool
) -> None:
    one, other = sides = [[line + "\n" for line in lines] for lines in (old, new)]
    for lines, has_end in zip(sides, (old_end, new_end), strict=True):
        if lines and not has_end:
            lines[-1] = lines[-1][:-1] or "z"
    text = "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n"
        for line in difflib.unified_diff(one, other, "a/x.py", "b/x.py", n=context)
    )
    before, after = ("".join(lines).encode() for lines in (one, other))
    diffs = parse_diff(text.encode())
    assert len(diffs) == (before != after)
    for diff in diffs:
        assert apply(diff, before) == after
        assert apply(diff, after, reverse=True) == before
        kept = [line for number, line in enumerate(other, 1) if not diff.added.meets(number, number)]
        matcher = iter(one)
        assert all(line in matcher for line in kept)


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    for text in (data, b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n" + data):
        with suppress(UsageError):
            parse_diff(text)


def test_line_ranges() -> None:
    lines = LineRanges(((2, 3), (7, 7)))
    inside = [number for number in range(1, 10) if lines.meets(number, number)]
    assert inside == [2, 3, 7]
    assert lines.meets(4, 9)
    assert lines.meets(1, 2)
    assert not lines.meets(4, 6)
    assert lines.count == 3


def review(work: Any, patch: str) -> Any:
    return work.check("--select", "query-in-loop", "--diff", "-", standard_input=patch)


def test_diff_that_has_been_applied(work: Any) -> None:
    work.write(app__helpers=work.querying_helper)
    assert review(work, work.git("diff")).found == [("app/helpers.py", 7, "query-in-loop")]


def test_diff_that_has_not_been_applied(work: Any) -> None:
    work.write(app__helpers=work.querying_helper, app__direct=work.direct)
    work.git("add", "-A")
    patch = work.git("diff", "--cached")
    work.git("reset", "-q", "--hard")
    found = review(work, patch).found
    assert found == [("app/direct.py", 9, "query-in-loop"), ("app/helpers.py", 7, "query-in-loop")]
    assert not (work.root / "app" / "direct.py").exists()


def test_diff_outside_a_repository(work: Any, tmp_path: Any) -> None:
    work.write(app__direct=work.direct)
    work.git("add", "-A")
    patch = work.git("diff", "--cached")
    work.root.joinpath(".git").rename(tmp_path / "away")
    assert review(work, patch).found == [("app/direct.py", 9, "query-in-loop")]


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("--- a/app/views.py\n+++ b/app/views.py\n@@ -1 +1 @@\n-old\n+new\n", "line 1 is not what"),
        ("--- a/app/no.py\n+++ b/app/no.py\n@@ -1 +1 @@\n-old\n+new\n", "there is no file 'app/no.py'"),
        ("--- a/app/views.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-old\n", "file 'app/views.py' already"),
        ("some text\n", "no unified diff on standard input"),
    ],
)
def test_diff_that_does_not_apply(work: Any, patch: str, said: str) -> None:
    result = review(work, patch)
    assert (result.status, result.output) == (2, "")
    assert said in result.error
    assert result.error.count("\n") == 1


def test_empty_diff(work: Any) -> None:
    assert (review(work, "").status, review(work, "").found) == (0, [])
