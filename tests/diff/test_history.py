"""A scripted history: what a change introduces is reported, and what it only moves is not."""

from __future__ import annotations

from typing import Any

LOOP = ("app/views.py", 9, "query-in-loop")
IN_HELPER = ("app/helpers.py", 7, "query-in-loop")
DIRECT = ("app/direct.py", 9, "query-in-loop")


def review(work: Any, *words: str) -> list[tuple[str, int, str]]:
    found: list[tuple[str, int, str]] = work.check("--select", "query-in-loop", "--diff", *words).found
    return found


def test_untouched_loop_is_reported_on_the_line_that_makes_it_a_fault(work: Any) -> None:
    assert review(work) == []
    work.git("checkout", "-qb", "feature")
    work.write(app__helpers=work.querying_helper)
    work.commit()
    result = work.check("--select", "query-in-loop", "--diff")
    assert result.status == 1
    assert result.found == [IN_HELPER]
    (finding,) = result.report["findings"]
    assert "app/views.py:9" in finding["message"]
    assert finding["evidence"][0]["path"] == "app/views.py"
    assert finding["evidence"][0]["line"] == 9
    assert finding["fix"] is None
    # The identity is that of the fault, so that a full run's finding is the same one.
    (full,) = work.check("--select", "query-in-loop").report["findings"]
    assert (full["path"], full["line"]) == LOOP[:2]
    assert full["fingerprint"] == finding["fingerprint"]


def test_old_fault_is_silent(work: Any) -> None:
    work.write(app__direct=work.direct)
    work.commit()
    work.write(app__views=work.loop + "\n\nLIMIT = 10\n", app__direct=work.direct + "\n\nLIMIT = 10\n")
    assert review(work) == []


def test_new_fault_is_reported_where_it_is(work: Any) -> None:
    work.write(app__direct=work.direct)
    work.commit()
    again = work.direct.replace("def names", "def again").partition("\n\n\n")[2]
    work.write(app__direct=work.direct + "\n\n" + again)
    assert review(work) == [("app/direct.py", 16, "query-in-loop")]


def test_of_two_alike_the_new_one_is_reported(work: Any) -> None:
    work.write(app__direct=work.direct)
    work.commit()
    loop = "    for number in numbers:\n        found.append(session.get(Author, number).name)\n"
    work.write(app__direct=work.direct.replace("    found = []\n", "    found = []\n" + loop))
    assert review(work) == [DIRECT]


def test_fixed_fault_is_gone(work: Any) -> None:
    work.write(app__helpers=work.querying_helper, app__direct=work.direct)
    work.commit()
    work.write(app__helpers=work.pure_helper)
    assert review(work) == []


def test_moved_function_is_not_new(work: Any) -> None:
    head, _, function = work.direct.partition("\n\n\n")
    other = "def other() -> int:\n    return 1\n"
    work.write(app__direct=f"{head}\n\n\n{other}\n\n{function}")
    work.commit()
    work.write(app__direct=f"{head}\n\n\n{function}\n\n{other}")
    assert review(work) == []
    # ... nor in another file.
    work.write(app__direct=f"{head}\n\n\n{other}", app__elsewhere=f"{head}\n\n\n{function}")
    assert review(work) == []
    # A copy is.
    work.write(app__direct=f"{head}\n\n\n{function}")
    assert review(work) == [("app/elsewhere.py", 9, "query-in-loop")]


def test_moved_helper_is_not_new(work: Any) -> None:
    work.write(app__helpers=work.querying_helper)
    work.commit()
    work.write(
        app__helpers=None,
        app__texts=work.querying_helper,
        app__views=work.loop.replace("app.helpers", "app.texts"),
    )
    work.git("add", "-A")
    assert review(work) == []


def test_rename_is_not_new(work: Any) -> None:
    work.write(app__direct=work.direct)
    work.commit()
    work.git("mv", "app/direct.py", "app/renamed.py")
    assert review(work) == []
    assert review(work, "--staged") == []
    work.write(
        app__renamed=work.direct.replace("session.get(Author, number)", "session.get(Author, number + 1)")
    )
    assert review(work) == [("app/renamed.py", 9, "query-in-loop")]


def test_reformatted_code_is_not_new(work: Any) -> None:
    work.write(app__direct=work.direct, app__helpers=work.querying_helper)
    work.commit()
    work.write(
        app__direct=work.direct.replace(
            "session.get(Author, number)", "session.get(\n            Author,\n            number,\n        )"
        ).replace("for number in numbers:", "for number in (numbers):"),
        app__helpers=work.querying_helper.replace(
            "session.get(Author, number)", "session.get(\n        Author, number\n    )"
        ),
    )
    assert review(work) == []


def test_suppressed_line_is_silent_until_the_comment_goes(work: Any) -> None:
    ignored = work.direct.replace(
        "number).name)", "number).name)  # backlint: ignore[query-in-loop] three at most"
    )
    work.write(app__direct=ignored)
    result = work.check("--select", "query-in-loop", "--diff", "HEAD")
    assert (result.status, result.found) == (0, [])
    assert result.report["summary"]["suppressed"] == 1
    work.commit()
    work.write(app__direct=work.direct)
    assert review(work, "HEAD") == [DIRECT]


def test_unused_suppressions_are_not_reported(work: Any) -> None:
    work.write(app__more="value = 1  # backlint: ignore[query-in-loop] none here\n")
    assert work.check("--select", "query-in-loop", "--diff").report["notices"] == []
    assert work.check("--select", "query-in-loop").report["notices"] != []


def test_changed_evidence_is_reported_again(work: Any) -> None:
    work.write(app__helpers=work.querying_helper)
    work.commit()
    work.write(app__helpers=work.querying_helper.replace("(Author, number)", "(Author, number, options=[])"))
    assert review(work) == [IN_HELPER]


def test_paths_filter_by_the_place_of_the_fault(work: Any) -> None:
    work.write(app__helpers=work.querying_helper, app__direct=work.direct)
    words = ("--select", "query-in-loop")
    assert work.check(*words, "app/direct.py", "--diff").found == [DIRECT]
    assert work.check(*words, "app/views.py", "--diff").found == [IN_HELPER]


def test_file_that_does_not_parse_is_named(work: Any) -> None:
    work.write(app__views="def broken(:\n", app__direct=work.direct)
    result = work.check("--select", "query-in-loop", "--diff")
    assert result.status == 3
    assert result.found == [DIRECT]
    assert [notice["path"] for notice in result.report["notices"]] == ["app/views.py"]


def test_deleted_and_emptied_files(work: Any) -> None:
    work.write(app__direct=work.direct, app__helpers=work.querying_helper)
    work.commit()
    work.write(app__direct=None, app__helpers="")
    assert review(work) == []


def test_ignored_and_excluded_files_stay_out(work: Any) -> None:
    (work.root / ".gitignore").write_text("local.py\n")
    (work.root / "backlint.toml").write_text('exclude = ["app/legacy/"]\n')
    work.write(app__local=work.direct, app__legacy__old=work.direct)
    work.git("add", "-Af", ".")
    work.commit()
    work.write(app__local=work.direct * 2, app__legacy__old=None)
    assert review(work) == []


def test_fault_without_a_changed_line_in_its_evidence_stands_where_it_is(work: Any) -> None:
    work.write(
        app__helpers="from app.pure import describe\n\n__all__ = ['describe']\n",
        app__pure=work.pure_helper,
        app__querying=work.querying_helper,
    )
    work.commit()
    work.write(app__helpers="from app.querying import describe\n\n__all__ = ['describe']\n")
    assert review(work) == [LOOP]


def test_settings_apply(work: Any) -> None:
    work.write(app__direct=work.direct)
    result = work.check("--select", "query-in-loop", "--diff", "--profile", "gate", "--fail-on", "error")
    assert (result.status, result.found) == (0, [DIRECT])
    assert work.check("--ignore", "query-in-loop", "--diff").found == []
