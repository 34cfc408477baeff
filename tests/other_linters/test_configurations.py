"""What a project's configurations of ruff, bandit and pre-commit switch on."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from backlint.other_linters.bandit import Bandit
from backlint.other_linters.files import Files, matches
from backlint.other_linters.hooks import Hook, read_hooks
from backlint.other_linters.ruff import Ruff

if TYPE_CHECKING:
    from pathlib import Path

CALL = 'import requests\n\nrequests.get("https://example.org")\n'


def write(root: Path, files: dict[str, str]) -> Files:
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return Files(root)


RUFF = {
    "one rule": {"ruff.toml": 'lint.select = ["S113"]'},
    "a prefix": {"ruff.toml": 'lint.select = ["S1"]'},
    "a linter": {"pyproject.toml": '[tool.ruff.lint]\nselect = ["E", "S"]'},
    "all": {"pyproject.toml": '[tool.ruff.lint]\nselect = ["ALL"]'},
    "the old place": {"pyproject.toml": '[tool.ruff]\nselect = ["S"]'},
    "others": {"ruff.toml": 'lint.select = ["E", "SIM", "ASYNC", "S2"]'},
    "extend-select": {"ruff.toml": 'lint.extend-select = ["S113"]'},
    "ignored": {"ruff.toml": 'lint.select = ["S"]\nlint.ignore = ["S113"]'},
    "ignored by prefix": {"ruff.toml": 'lint.select = ["S113"]\nlint.ignore = ["S"]'},
    "ignored but selected": {"ruff.toml": 'lint.select = ["S", "S113"]\nlint.ignore = ["S11"]'},
    "all but": {"ruff.toml": 'lint.select = ["ALL"]\nlint.ignore = ["S"]'},
    "extend-ignore": {"ruff.toml": 'lint.select = ["S"]\nlint.extend-ignore = ["S113"]'},
    "hidden file first": {".ruff.toml": 'lint.select = ["E"]', "ruff.toml": 'lint.select = ["S"]'},
    "no table": {"pyproject.toml": '[tool.other]\nselect = ["S"]'},
    "in a file": {"ruff.toml": 'lint.select = ["S"]\n[lint.per-file-ignores]\n"app/*" = ["S113"]'},
    "in another file": {"ruff.toml": 'lint.select = ["S"]\n[lint.per-file-ignores]\n"tests/**" = ["S"]'},
    "by name": {"ruff.toml": 'lint.select = ["S"]\n[lint.per-file-ignores]\n"client.py" = ["S1"]'},
    "in all others": {"ruff.toml": 'lint.select = ["S"]\n[lint.per-file-ignores]\n"!app/*.py" = ["S"]'},
    "in braces": {"ruff.toml": 'lint.select = ["S"]\n[lint.per-file-ignores]\n"{app,lib}/*.py" = ["S"]'},
    "excluded": {"ruff.toml": 'exclude = ["app"]\nlint.select = ["S"]'},
    "excluded by a glob": {"ruff.toml": 'extend-exclude = ["**/client.py"]\nlint.select = ["S"]'},
    "lint.exclude": {"ruff.toml": 'lint.select = ["S"]\nlint.exclude = ["app/*.py"]'},
    "nearest": {"ruff.toml": 'lint.select = ["S"]', "app/ruff.toml": 'lint.select = ["E"]'},
    "extended": {"ruff.toml": 'extend = "etc/base.toml"', "etc/base.toml": 'lint.select = ["S"]'},
    "extended twice": {
        "ruff.toml": 'extend = "etc/base.toml"',
        "etc/base.toml": 'extend = "../pyproject.toml"',
        "pyproject.toml": '[tool.ruff.lint]\nselect = ["S"]',
    },
    "extended and replaced": {
        "ruff.toml": 'extend = "etc/base.toml"\nlint.select = ["E"]',
        "etc/base.toml": 'lint.select = ["S"]',
    },
    "extended and ignored": {
        "ruff.toml": 'extend = "etc/base.toml"\nlint.ignore = ["S1"]',
        "etc/base.toml": 'lint.select = ["S113"]',
    },
    "extended and added to": {
        "ruff.toml": 'extend = "etc/base.toml"\nlint.extend-select = ["S113"]',
        "etc/base.toml": 'lint.select = ["E"]\nlint.ignore = ["S"]',
    },
}


@pytest.mark.parametrize("name", RUFF)
def test_the_same_as_ruff(tmp_path: Path, name: str) -> None:
    files = write(tmp_path, {"app/client.py": CALL, **RUFF[name]})
    words = ["check", "--no-cache", "--force-exclude", "--output-format", "json", "app/client.py"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *words], cwd=tmp_path, capture_output=True, check=False
    )
    reports = any(item["code"] == "S113" for item in json.loads(done.stdout))
    assert bool(Ruff(files).switched_on("S113", "app/client.py")) is reports


def test_what_names_the_rule_is_named(tmp_path: Path) -> None:
    files = write(tmp_path, {"services/a/ruff.toml": 'lint.select = ["S"]', "pyproject.toml": ""})
    ruff = Ruff(files)
    assert ruff.switched_on("S113", "services/a/app/main.py") == "services/a/ruff.toml"
    assert ruff.switched_on("S113", "services/b/app/main.py") == ""


@pytest.mark.parametrize(
    "text",
    [
        *("[[[", 'lint = "S"', "lint.select = 3", "lint.select = [3]", "extend = 1", 'extend = "ruff.toml"'),
        *(
            'extend = "../outside.toml"',
            'extend = "/etc/passwd"',
            'extend = "~/x.toml"',
            'extend = "$HOME/x"',
        ),
        'extend = "link.toml"',
        "x = " + "[" * 5_000,
        'lint.per-file-ignores = "x"\nlint.select = ["lower", "S-1"]',
    ],
)
def test_what_can_not_be_understood_switches_nothing_on(tmp_path: Path, text: str) -> None:
    project = tmp_path / "project"
    files = write(project, {"app/client.py": CALL, "ruff.toml": text})
    outside = tmp_path / "outside.toml"
    outside.write_text('lint.select = ["S"]\n', encoding="utf-8")
    (project / "link.toml").symlink_to(outside)
    assert Ruff(files).switched_on("S113", "app/client.py") == ""


BANDIT: list[tuple[dict[str, str], bool]] = [
    ({}, False),
    ({"pyproject.toml": "[tool.other]"}, False),
    ({"pyproject.toml": "[tool.bandit]"}, True),
    ({"pyproject.toml": '[tool.bandit]\nskips = ["B101"]'}, True),
    ({"pyproject.toml": '[tool.bandit]\nskips = ["B101", "B113"]'}, False),
    ({"pyproject.toml": '[tool.bandit]\ntests = ["B113"]'}, True),
    ({"pyproject.toml": '[tool.bandit]\ntests = ["B201"]'}, False),
    ({"pyproject.toml": '[tool.bandit]\nexclude_dirs = ["app"]'}, False),
    ({"pyproject.toml": '[tool.bandit]\nexclude_dirs = ["tests"]'}, True),
    ({".bandit": "[bandit]\nskips = B101,B102"}, True),
    ({".bandit": "[bandit]\nskips: B101, B113"}, False),
    ({".bandit": "[bandit]\nexclude = /app"}, False),
    ({".bandit": "[bandit]\nlevel = 3"}, False),
    ({".bandit": "[other]\n"}, False),
    ({".bandit": "no ini"}, False),
]
HOOKS: list[tuple[str, bool]] = [
    ("[]", True),
    ("[--skip, B101]", True),
    ("[-s, 'B101,B113']", False),
    ("[--skip=B113]", False),
    ("[-t, B113]", True),
    ("[--tests=B201]", False),
    ("[-l]", True),
    ("[-ll]", True),
    ("[-lll]", False),
    ("[--severity-level, high]", False),
    ("[--severity-level=medium]", True),
    ("[--severity-level=unknown]", False),
    ("[-i]", True),
    ("[-ii]", False),
    ("[--confidence-level, all]", True),
    ("[-x, app]", False),
    ("[-c, pyproject.toml]", True),
    ("[--configfile=skip.toml]", False),
    ("[-c, tests.yaml]", False),
    ("[-c, ../x.yaml]", False),
    ("[-c, none.yaml]", False),
    ("[]\n        files: ^app/", True),
    ("[]\n        files: ^lib/", False),
    ("[]\n        files: ^(lib|app)/", True),
    ("[]\n        files: (a+)+$", False),
    ("[]\n        exclude: ^tests/", True),
    ("[]\n        exclude: ^(tests|app)/.*", False),
    ("[]\n        exclude: '[^/]+'", False),
    ("[]\n        stages: [pre-commit]", True),
]


@pytest.mark.parametrize(("files", "expected"), BANDIT)
def test_bandit(tmp_path: Path, files: dict[str, str], expected: bool) -> None:
    bandit = Bandit(write(tmp_path, {"app/client.py": CALL, **files}))
    assert bool(bandit.switched_on("B113", "app/client.py")) is expected


@pytest.mark.parametrize(("arguments", "expected"), HOOKS)
def test_bandit_as_a_hook(tmp_path: Path, arguments: str, expected: bool) -> None:
    text = f"repos:\n  - repo: https://github.com/PyCQA/bandit\n    hooks:\n      - id: bandit\n        args: {arguments}\n"
    more = {
        "pyproject.toml": '[tool.bandit]\nskips = ["B101"]',
        "skip.toml": '[tool.bandit]\nskips = ["B113"]',
        "tests.yaml": "tests: [B201]",
    }
    files = write(tmp_path, {"app/client.py": CALL, ".pre-commit-config.yaml": text, **more})
    assert bool(Bandit(files, hooks=read_hooks(files)).switched_on("B113", "app/client.py")) is expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("[]", ""),
        ("[--fix]", ""),
        ("[--select, 'E,S']", ".pre-commit-config.yaml"),
        ("[--extend-select=S113]", ".pre-commit-config.yaml"),
        ("[--extend-select=S, --ignore=S113]", ""),
    ],
)
def test_ruff_as_a_hook(tmp_path: Path, arguments: str, expected: str) -> None:
    text = f"repos:\n  - repo: local\n    hooks:\n      - id: ruff-check\n        args: {arguments}\n"
    files = write(tmp_path, {".pre-commit-config.yaml": text, "pyproject.toml": '[tool.ruff]\nsrc = ["app"]'})
    assert Ruff(files, read_hooks(files)).switched_on("S113", "app/client.py") == expected


def test_hooks_for_other_occasions(tmp_path: Path) -> None:
    text = "repos:\n  - hooks:\n      - {id: bandit, stages: [manual]}\n      - {id: ruff, stages: [commit, manual]}\n"
    assert [hook.id for hook in read_hooks(write(tmp_path, {".pre-commit-config.yaml": text}))] == ["ruff"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "3", "repos: 3", "repos: [3]", "repos:\n  - hooks: 3", "repos:\n  - hooks: [3, {}]"),
        "repos:\n  - hooks:\n      - id: [bandit]\n        args: bandit",
        "a: &a [1]\nb: *a\nrepos: !!python/object/apply:os.system ['true']",
        "repos: " + "[" * 100,
    ],
)
def test_hooks_that_are_none(tmp_path: Path, text: str) -> None:
    files = write(tmp_path, {".pre-commit-config.yaml": text})
    assert [hook for hook in read_hooks(files) if hook.id == "bandit"] == []


def test_files_of_the_repository_only(tmp_path: Path) -> None:
    project = tmp_path / "project"
    files = write(project, {"large.toml": "# " + "x" * 2_000_000, "a.toml": "x = 1"})
    (tmp_path / "secret.toml").write_text("x = 1\n", encoding="utf-8")
    (project / "link.toml").symlink_to(tmp_path / "secret.toml")
    assert files.toml("a.toml") == {"x": 1}
    for path in (
        "large.toml",
        "link.toml",
        "../secret.toml",
        str(tmp_path / "secret.toml"),
        "none.toml",
        "\0",
    ):
        assert files.text(path) is None


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("app", "app/main.py", True),
        ("./app/", "app/main.py", True),
        ("*.py", "app/main.py", True),
        ("**/migrations/**", "app/migrations/0001.py", True),
        ("tests/*", "app/tests.py", False),
        ("{a,b}/{c,d}.py", "b/c.py", True),
        ("{a,b}/{c,d}.py", "b/e.py", False),
        ("*a" * 200, "a" * 300, True),
        ("x" * 2_000, "app/main.py", True),
    ],
)
def test_globs(pattern: str, path: str, expected: bool) -> None:
    assert matches(pattern, path) is expected


def test_options_of_hooks() -> None:
    hook = Hook("x", ("-sA,B", "--skip", "C", "--skip=D", "--skipped=E", "-s"))
    assert hook.option("-s", "--skip") == ["A", "B", "C", "D"]
