import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from backlint.config.settings import Settings
from backlint.discovery import Discovery, discover, locate, project_root, read, would_find
from backlint.errors import UsageError
from backlint.finding import Notice
from backlint.summary import FileKind


def make(root: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return root


def find(root: Path, *paths: str, exclude: tuple[str, ...] = ()) -> Discovery:
    return discover([root / path for path in paths], Settings(root=root, exclude=exclude))


def names(discovery: Discovery) -> list[str]:
    return [file.path for file in discovery.files]


def test_files_are_found_once_and_in_order(tmp_path: Path) -> None:
    make(tmp_path, {"b.py": "", "a/c.py": "", "a/__init__.py": "", "a/notes.txt": "", "a-b.py": ""})
    found = find(tmp_path, "b.py", ".", "a", "a/../b.py")
    assert names(found) == ["a-b.py", "a/__init__.py", "a/c.py", "b.py"]
    assert found.files[1].is_package
    assert found.files[3].place == f"{os.path.realpath(tmp_path)}/b.py"
    assert [file.explicit for file in found.files] == [False, False, False, True]


def test_gitignore_files_apply_where_they_lie(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            ".gitignore": "*.log.py\nlocal_*\n!local_keep.py\n/only_here.py\nout/\n  \n# x.py\n[z-a].py\n",
            "x.log.py": "",
            "local_a.py": "",
            "local_keep.py": "",
            "only_here.py": "",
            "out/a.py": "",
            "app/only_here.py": "",
            "app/.gitignore": "!x.log.py\nmade/*\n!made/kept/\n",
            "app/x.log.py": "",
            "app/made/a.py": "",
            "app/made/kept/a.py": "",
        },
    )
    kept = ["app/made/kept/a.py", "app/only_here.py", "app/x.log.py", "local_keep.py"]
    assert names(find(tmp_path)) == kept
    assert names(find(tmp_path, "app")) == kept[:3]
    assert names(find(tmp_path, "out")) == ["out/a.py"], "a named folder is searched"
    assert names(find(tmp_path, "out/a.py", "local_a.py")) == ["local_a.py", "out/a.py"]


def test_gitignore_files_above_the_project_apply_up_to_the_repository(tmp_path: Path) -> None:
    make(
        tmp_path,
        {
            ".gitignore": "a.py\n",
            "repository/.gitignore": "b.py\nservices/api/c.py\n",
            "repository/services/api/a.py": "",
            "repository/services/api/b.py": "",
            "repository/services/api/c.py": "",
            "repository/services/api/d/c.py": "",
        },
    )
    project = tmp_path / "repository/services/api"
    assert "b.py" in names(find(project)), "without a repository only the project's own files count"
    (tmp_path / "repository/.git").mkdir()
    assert names(find(project)) == ["a.py", "d/c.py"]


def test_excluded_patterns_leave_out_what_git_keeps(tmp_path: Path) -> None:
    make(tmp_path, {".gitignore": "!legacy\n", "legacy/a.py": "", "app/a.py": "", "app/a_gen.py": ""})
    assert names(find(tmp_path, exclude=("/legacy/", "*_gen.py"))) == ["app/a.py"]


@pytest.mark.parametrize(
    ("left_out", "kept"),
    [
        ("venv/pyvenv.cfg", "venv2/x.py"),
        ("my-env/conda-meta/history", "env/__init__.py"),
        ("old/lib/x.py old/bin/activate", "bin/deploy.py"),
        ("node_modules/gyp/x.py", "app/modules/x.py"),
        ("vendor/requests/__init__.py", "app/vendor/models.py"),
        ("pkg/_vendor/six.py", "app/vendors/x.py"),
        ("third_party/lib/x.py", "app/party.py"),
        ("build/lib/app/x.py", "app/build/__init__.py"),
        ("dist/x.py", "app/dist/__init__.py"),
        (".tox/py311/x.py", "tox/x.py"),
        ("lib/python3.11/site-packages/x.py", "lib/x.py"),
        ("app.egg-info/x.py", "egg.py"),
        ("app/orders_pb2.py", "app/orders_pb.py"),
        ("app/orders_pb2_grpc.py", "app/grpc.py"),
    ],
)
def test_code_of_others_is_left_out(tmp_path: Path, left_out: str, kept: str) -> None:
    files = left_out.split()
    make(tmp_path, dict.fromkeys([*files, kept], ""))
    folder = files[0].partition("/")[0]
    make(tmp_path, {f"{folder}/module.py": ""} if files[0].endswith((".cfg", "history")) else {})
    assert names(find(tmp_path)) == [kept]
    named = sorted(path for path in files if path.endswith(".py"))
    if named:
        assert names(find(tmp_path, *named)) == named, "a named file is always included"


def test_manifests_are_listed(tmp_path: Path) -> None:
    paths = [
        "pyproject.toml",
        "services/a/requirements-dev.txt",
        "requirements/base.txt",
        "services/a/ruff.toml",
    ]
    make(tmp_path, dict.fromkeys([*paths, "notes.txt", "a.py"], ""))
    assert find(tmp_path).manifests == tuple(sorted(paths))


def test_an_empty_folder_is_no_failure(tmp_path: Path) -> None:
    found = find(tmp_path)
    assert found.files == ()
    assert [(notice.kind, notice.failure) for notice in found.notices] == [("empty", False)]


def test_paths_that_cannot_be_meant(tmp_path: Path) -> None:
    project = make(tmp_path / "project", {"a.py": ""})
    make(tmp_path, {"other/b.py": "", "project2/c.py": ""})
    for path in ("missing.py", "../other/b.py", "../project2", "a.py/b.py", "nul\0.py", "x" * 300):
        with pytest.raises(UsageError) as caught:
            find(project, path)
        assert "\n" not in str(caught.value)
        assert str(caught.value)
    if hasattr(os, "mkfifo"):
        os.mkfifo(project / "pipe.py")
        with pytest.raises(UsageError, match="neither a file nor a folder"):
            find(project, "pipe.py")
        assert names(find(project)) == ["a.py"]


def test_files_of_other_kinds_are_skipped_with_a_word(tmp_path: Path) -> None:
    make(tmp_path, {"a.txt": "", "run": "", "b.pyi": ""})
    found = find(tmp_path, "a.txt", "run", "b.pyi")
    assert names(found) == ["run"]
    assert [(notice.kind, notice.path) for notice in found.notices] == [
        ("skipped", "a.txt"),
        ("skipped", "b.pyi"),
    ]


def test_links_are_not_followed_out_of_the_project(tmp_path: Path) -> None:
    outside = make(tmp_path / "outside", {"secret.py": "", "folder/x.py": ""})
    project = make(tmp_path / "project", {"app/a.py": "", "app/__init__.py": ""})
    (project / "file.py").symlink_to(outside / "secret.py")
    (project / "folder").symlink_to(outside / "folder")
    (project / "same.py").symlink_to(project / "app/a.py")
    (project / "broken.py").symlink_to(project / "nowhere.py")
    (project / "app/loop").symlink_to(project)
    (project / "app/self.py").symlink_to(project / "app/self.py")
    found = find(project)
    assert names(found) == ["app/__init__.py", "app/a.py"]
    assert [(notice.kind, notice.path, notice.failure) for notice in found.notices] == [
        ("symlink", "file.py", False),
        ("symlink", "folder", False),
    ]
    assert names(find(project, "same.py", "app/loop/app")) == ["app/__init__.py", "app/a.py"]
    named = find(project, "file.py", "folder/x.py", "folder")
    assert names(named) == []
    assert {notice.kind for notice in named.notices} == {"symlink"}
    with pytest.raises(UsageError):
        find(project, "app/self.py")


def test_a_linked_project_folder_is_the_project(tmp_path: Path) -> None:
    project = make(tmp_path / "real", {"app/a.py": ""})
    (tmp_path / "link").symlink_to(project)
    settings = Settings(root=tmp_path / "link")
    for path in (tmp_path / "link/app", project / "app"):
        assert names(discover([path], settings)) == ["app/a.py"]


def test_a_linked_gitignore_is_not_read(tmp_path: Path) -> None:
    make(tmp_path, {"patterns": "a.py\n", "project/a.py": ""})
    (tmp_path / "project/.gitignore").symlink_to(tmp_path / "patterns")
    assert names(find(tmp_path / "project")) == ["a.py"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions don't bind this user"
)
def test_what_may_not_be_read_is_a_notice(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": "", "shut/b.py": "", "closed.py": ""})
    (tmp_path / "shut").chmod(0)
    (tmp_path / "closed.py").chmod(0)
    try:
        found = find(tmp_path)
        assert [(notice.kind, notice.path, notice.failure) for notice in found.notices] == [
            ("unreadable", "shut", True)
        ]
        closed = next(file for file in found.files if file.path == "closed.py")
        result = read(closed, 100)
        assert isinstance(result, Notice)
        assert result.kind == "unreadable"
    finally:
        (tmp_path / "shut").chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_a_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, {"a.py": "", "shut/b.py": ""})
    listing = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find(tmp_path)
    assert names(found) == ["a.py"]
    assert found.notices == (
        Notice("unreadable", "the folder can't be listed: permission denied", "shut", failure=True),
    )


def test_reading(tmp_path: Path) -> None:
    header = "# Generated by the protocol buffer compiler.  DO NOT EDIT!\n"
    make(
        tmp_path,
        {"a.py": "x = 1\n", "big.py": "#" * 200, "made.py": header * 5, "gone.py": "", "swapped.py": ""},
    )
    files = {file.path: file for file in find(tmp_path).files}
    (tmp_path / "gone.py").unlink()
    (tmp_path / "swapped.py").unlink()
    (tmp_path / "swapped.py").symlink_to(tmp_path / "a.py")
    results = {path: read(file, 100) for path, file in files.items()}
    assert results.pop("a.py") == b"x = 1\n"
    found = [
        (path, result.kind, result.failure) for path, result in results.items() if isinstance(result, Notice)
    ]
    assert found == [
        ("big.py", "too-large", True),
        ("gone.py", "unreadable", True),
        ("made.py", "generated", False),
        ("swapped.py", "unreadable", True),
    ]


def test_locating_a_file_that_does_not_exist(tmp_path: Path) -> None:
    make(tmp_path, {"app/__init__.py": "", "app/migrations/__init__.py": ""})
    file = locate(tmp_path / "app/migrations/0001_new.py", Settings(root=tmp_path))
    assert (file.path, file.module, file.kind, file.explicit) == (
        "app/migrations/0001_new.py",
        "app.migrations.0001_new",
        FileKind.MIGRATION,
        True,
    )
    with pytest.raises(UsageError):
        locate(tmp_path.parent / "x.py", Settings(root=tmp_path))


def test_names_that_are_no_utf8_are_notices(tmp_path: Path) -> None:
    make(tmp_path, {"a.py": ""})
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).touch()
    except OSError:
        pytest.skip("the file system takes only UTF-8 names")
    found = find(tmp_path)
    assert names(found) == ["a.py"]
    (notice,) = found.notices
    assert (notice.kind, notice.failure) == ("unreadable", True)
    assert notice.path.encode()


def test_project_root(tmp_path: Path) -> None:
    inner = make(tmp_path, {"a/b/c/x.py": ""}) / "a/b/c"
    assert project_root(inner) == inner
    assert project_root(inner / "x.py") == inner
    make(tmp_path, {"a/pyproject.toml": "[project]\nname = 'x'\n"})
    assert project_root(inner) == tmp_path / "a"
    make(tmp_path, {".git/HEAD": ""})
    assert project_root(inner) == tmp_path
    make(tmp_path, {"a/pyproject.toml": "# [tool.backlint]\n[tool.backlinter]\n"})
    assert project_root(inner) == tmp_path
    make(tmp_path, {"a/pyproject.toml": "x = 1\n[ tool.backlint.roles ]\n"})
    assert project_root(inner) == tmp_path / "a"
    make(tmp_path, {"a/b/backlint.yaml": ""})
    assert project_root(inner / "missing.py") == tmp_path / "a/b"


ODD = r"""app src tests vendor build bin lib migrations versions settings __init__.py a.py env.py setup.py
    .gitignore requirements.txt pyvenv.cfg - ~ ünï.py a.b.py .py ..py *.py [a.py \.py '".py"""
NAMES = st.one_of(
    st.sampled_from([*ODD.split(), "a b.py", "\n.py", "\x1b[31m.py"]),
    st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=20),
)
LINES = st.one_of(
    st.sampled_from(["*", "!*.py", "/a", "**/", "[", "\\", "a/**/b", "!", "*" * 9]), st.text(max_size=9)
)


@hypothesis_settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(NAMES, min_size=1, max_size=4), max_size=12), st.lists(LINES, max_size=5))
def test_any_tree_is_found(
    tmp_path_factory: pytest.TempPathFactory, tree: list[list[str]], lines: list[str]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for parts in tree:
        try:
            target = root.joinpath(*parts)
            if ".." in parts or "." in parts:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("\n".join(lines), encoding="utf-8")
        except OSError:
            continue
    found = find(root, exclude=tuple(lines[:1]))
    assert names(found) == sorted(set(names(found)))
    for file in found.files:
        assert file.path.endswith(".py")
        assert (root / file.path).is_file()
        assert file.module
        assert locate(root / file.path, Settings(root=root)).module == file.module


def test_would_find_agrees_with_a_search(tmp_path: Path) -> None:
    """Of files that are there, and, once these are deleted, of what they were."""
    files = [
        "a.py",
        "app/a.py",
        "app/skipped.py",
        "app/old/a.py",
        "app/messages_pb2.py",
        ".hidden/a.py",
        "node_modules/a.py",
        "ignored/a.py",
        "ignored/kept/a.py",
        "local_a.py",
        "app/local_b.py",
        "vendor/a.py",
        "notes.txt",
    ]
    make(tmp_path, dict.fromkeys(files, ""))
    make(tmp_path, {".gitignore": "/ignored/\nlocal_*\n", "app/.gitignore": "!local_b.py\nskipped.py\n"})
    settings = Settings(root=tmp_path, exclude=("app/old/",))
    found = discover([], settings).files
    assert [file.path for file in found] == ["a.py", "app/a.py", "app/local_b.py"]
    assert would_find(files, settings) == found
    for path in files:
        (tmp_path / path).unlink()
    gone = would_find([path for path in files if not path.startswith("vendor/")], settings)
    assert [(file.path, file.module) for file in gone] == [(file.path, file.module) for file in found]


def test_would_find_sees_application_folders_with_vendor_names(tmp_path: Path) -> None:
    make(tmp_path, {"vendor/models.py": "", "build/__init__.py": "", "dist/a.py": ""})
    settings = Settings(root=tmp_path)
    found = would_find(["vendor/gone.py", "build/gone.py", "dist/gone.py"], settings)
    assert [file.path for file in found] == ["build/gone.py", "vendor/gone.py"]
