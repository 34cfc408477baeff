"""From files and the command line to settings in force."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from backlint.config.load import Overrides, check_rule_names, load_settings
from backlint.config.settings import Profile, Settings
from backlint.effect import Role
from backlint.errors import ConfigurationError, UsageError
from backlint.finding import Severity

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = Overrides()

LIBRARY = """\
library: acme
version: "1.0"
url: https://example.org
modules: [acme]
functions:
  acme.get: {effects: [calls-network]}
"""

ACME = """\
library = "acme"
version = "1.0"
url = "https://example.org"
modules = ["acme"]
"""


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def load(tmp_path: Path, text: str, name: str = "backlint.toml") -> Settings:
    write(tmp_path / name, text)
    return load_settings(tmp_path, NOTHING)


def error_of(tmp_path: Path, text: str, name: str = "backlint.toml") -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text, name)
    message = str(caught.value)
    assert "\n" not in message
    return message


EVERYTHING = """\
select = ["database", "missing-timeout"]
ignore = ["offset-pagination"]
exclude = ["generated/"]
profile = "gate"
min-severity = "warning"
fail-on = "error"
public-routes = ["/health", "/docs/*"]
source-roots = ["src", "services/api/"]

[severity]
query-in-loop = "error"

[per-path-ignores]
"tests/**" = ["database"]

[roles]
"app.auth.require_user" = "authenticates"
"app.log.clean" = ["redacts", "identity"]

[[libraries]]
library = "acme"
version = "1.0"
url = "https://example.org"
modules = ["acme"]

[libraries.functions]
"acme.get" = { effects = ["calls-network"] }
"""


def test_every_key_of_toml(tmp_path: Path) -> None:
    settings = load(tmp_path, EVERYTHING)
    assert settings.root == tmp_path
    assert settings.select == ("database", "missing-timeout")
    assert settings.ignore == ("offset-pagination",)
    assert settings.severity == {"query-in-loop": Severity.ERROR}
    assert settings.per_path_ignores == {"tests/**": ("database",)}
    assert settings.exclude == ("generated/",)
    assert settings.profile is Profile.GATE
    assert settings.min_severity is Severity.WARNING
    assert settings.fail_on is Severity.ERROR
    assert settings.public_routes == ("/health", "/docs/*")
    assert settings.source_roots == ("src", "services/api")
    assert settings.roles == {
        "app.auth.require_user": (Role.AUTHENTICATES,),
        "app.log.clean": (Role.REDACTS, Role.IDENTITY),
    }
    assert [entry.library for entry in settings.libraries] == ["acme"]
    assert set(settings.libraries[0].functions) == {"acme.get"}
    assert settings.origins["profile"] == "backlint.toml:4"
    assert settings.origins["severity.query-in-loop"] == "backlint.toml:11"


def test_pyproject_and_yaml_say_the_same(tmp_path: Path) -> None:
    settings = load(tmp_path / "a", '[tool.backlint]\nprofile = "audit"\n', "pyproject.toml")
    again = load(tmp_path / "b", "profile: audit\n", "backlint.yaml")
    assert settings.profile is again.profile is Profile.AUDIT
    assert settings.origins["profile"] == "a/pyproject.toml:2"
    assert again.origins["profile"] == "b/backlint.yaml:1"


def test_nothing_is_configured(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[project]\nname = 'x'\n")
    start = tmp_path / "app" / "api"
    start.mkdir(parents=True)
    settings = load_settings(start, NOTHING)
    assert settings.root == tmp_path
    assert settings.profile is Profile.REVIEW
    assert set(settings.origins.values()) == {"default"}


def test_empty_files_are_configurations(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", '[tool.backlint]\nprofile = "gate"\n')
    inner = write(tmp_path / "inner" / "backlint.yaml", "# nothing yet\n").parent
    assert load_settings(inner, NOTHING).profile is Profile.REVIEW
    assert load_settings(inner, NOTHING).root == inner


def test_root_without_repository_is_where_the_requirements_are(tmp_path: Path) -> None:
    inner = tmp_path / "app" / "routes"
    inner.mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("flask\n")
    assert load_settings(inner, NOTHING).root == tmp_path


def test_root_without_any_mark_is_the_current_folder_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "app" / "routes"
    inner.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert load_settings(inner, NOTHING).root == tmp_path
    monkeypatch.chdir(inner)
    assert load_settings(tmp_path, NOTHING).root == tmp_path


def test_nearest_configuration_wins(tmp_path: Path) -> None:
    write(tmp_path / "backlint.toml", 'profile = "gate"\n')
    service = write(
        tmp_path / "services" / "a" / "pyproject.toml", "[tool.backlint]\nselect = ['x']\n"
    ).parent
    plain = write(tmp_path / "services" / "b" / "pyproject.toml", "[project]\nname = 'b'\n").parent
    assert load_settings(service, NOTHING).root == service
    assert load_settings(service, NOTHING).profile is Profile.REVIEW
    assert load_settings(plain, NOTHING).root == tmp_path
    assert load_settings(plain, NOTHING).profile is Profile.GATE


def test_search_ends_at_the_top_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path / "backlint.toml", 'profile = "gate"\n')
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    start = tmp_path / "repository" / "app"
    start.mkdir()
    settings = load_settings(start, NOTHING)
    assert settings.profile is Profile.REVIEW
    assert settings.root == tmp_path / "repository"


def test_two_configurations_in_one_folder(tmp_path: Path) -> None:
    write(tmp_path / "backlint.toml", "")
    message = error_of(tmp_path, "[tool.backlint]\n", "pyproject.toml")
    assert "both pyproject.toml and backlint.toml" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('profil = "gate"', 'backlint.toml:1: unknown key "profil"; did you mean "profile"?'),
        (
            "\nmin_severity = 'note'",
            'backlint.toml:2: unknown key "min_severity"; did you mean "min-severity"?',
        ),
        ("zzz = 1", 'backlint.toml:1: unknown key "zzz"'),
        ("select = 'database'", 'backlint.toml:1: "select" must be a list of strings, not a string'),
        ("select = ['a', 3]", 'backlint.toml:1: "select[1]" must be a string, not a number'),
        ("ignore = ['']", 'backlint.toml:1: "ignore[0]" is empty'),
        ("profile = true", 'backlint.toml:1: "profile" must be a string, not true or false'),
        (
            "profile = 'gait'",
            'backlint.toml:1: "profile" can\'t be "gait", only gate, review, audit; did you mean "gate"?',
        ),
        ("fail-on = 'never'", '"fail-on" can\'t be "never", only note, warning, error'),
        ("severity = ['x']", '"severity" must be a table, not a list'),
        (
            "[severity]\n\nquery-in-loop = 'eror'",
            'backlint.toml:3: "severity.query-in-loop" can\'t be "eror"',
        ),
        (
            "[per-path-ignores]\n'a/*' = 'x'",
            'backlint.toml:2: "per-path-ignores.a/*" must be a list of strings',
        ),
        ("[roles]\n'a.b' = 'authorizes'", 'did you mean "authorises"?'),
        (
            "source-roots = ['../other']",
            '"source-roots[0]" must lie inside the project, and "../other" does not',
        ),
        ("source-roots = ['/etc']", "must lie inside the project"),
        ("source-roots = ['a\\\\..\\\\..\\\\b']", "must lie inside the project"),
        ("public-routes = ['health']", 'must begin with "/", and "health" does not'),
        ("libraries = 'a.yaml'", '"libraries" must be a list of entries or paths, not a string'),
        ("libraries = [3]", '"libraries[0]" must be a table, not a number'),
        ("libraries = ['none.yaml']", '"libraries[0]": there is no file "none.yaml"'),
        ("libraries = ['../x.yaml']", "must lie inside the project"),
        ('libraries = ["a\\u0000b"]', "must lie inside the project"),
        (f"[[libraries]]\n{ACME}[[libraries]]\nlibrary = 3\n", "backlint.toml:7: "),
        ("select = [", "backlint.toml:1: "),
        ("a = 1\na = 2", "backlint.toml:2: "),
        ("a = " + "[" * 50_000, "backlint.toml:1: "),
    ],
)
def test_wrong_values(tmp_path: Path, text: str, message: str) -> None:
    assert message in error_of(tmp_path, text)


def test_wrong_values_of_yaml_have_their_line(tmp_path: Path) -> None:
    text = "select:\n  - database\n  - 3\n"
    assert error_of(tmp_path, text, "backlint.yaml").startswith(
        'backlint.yaml:3: "select[1]" must be a string'
    )
    assert error_of(tmp_path, "- a\n", "backlint.yaml") == "backlint.yaml:1: must be a mapping of settings"


def test_wrong_values_of_pyproject_have_their_line(tmp_path: Path) -> None:
    text = "[project]\nselect = 1\n\n[tool.backlint]\nselect = 1\n"
    assert error_of(tmp_path, text, "pyproject.toml").startswith("pyproject.toml:5: ")
    assert error_of(tmp_path, "[tool]\nbacklint = 1\n", "pyproject.toml") == (
        "pyproject.toml:2: [tool.backlint] must be a table"
    )


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "backlint.toml"
    path.write_bytes(b"profile = '\xff'")
    with pytest.raises(ConfigurationError, match=r"backlint.toml:1: not UTF-8"):
        load_settings(tmp_path, NOTHING)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigurationError, match="larger than"):
        load_settings(tmp_path, NOTHING)
    path.write_bytes(b"\xef\xbb\xbfprofile = 'gate'\r\n")
    assert load_settings(tmp_path, NOTHING).profile is Profile.GATE


def test_a_folder_or_pipe_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "backlint.toml").mkdir()
    os.mkfifo(tmp_path / "backlint.yaml")
    assert load_settings(tmp_path, NOTHING).profile is Profile.REVIEW


def test_links_out_of_the_project_are_refused(tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.yaml", LIBRARY)
    project = tmp_path / "project"
    project.mkdir()
    (project / "backlint.yaml").symlink_to(secret)
    with pytest.raises(ConfigurationError, match="leads out of the project"):
        load_settings(project, NOTHING)
    (project / "backlint.yaml").unlink()
    (project / "acme.yaml").symlink_to(secret)
    message = error_of(project, 'libraries = ["acme.yaml"]')
    assert "must lie inside the project" in message


def test_a_link_inside_the_repository_is_followed(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    shared = write(tmp_path / "backlint.toml", 'profile = "gate"\n')
    service = tmp_path / "service"
    service.mkdir()
    (service / "backlint.toml").symlink_to(shared)
    settings = load_settings(service, NOTHING)
    assert settings.profile is Profile.GATE
    assert settings.root == service


def test_library_entries_from_a_file(tmp_path: Path) -> None:
    write(tmp_path / "lint" / "acme.yaml", LIBRARY)
    settings = load(tmp_path, 'libraries = ["lint/acme.yaml"]')
    assert set(settings.libraries[0].functions) == {"acme.get"}


def test_wrong_library_entry_in_yaml_names_its_line(tmp_path: Path) -> None:
    text = "profile: gate\nlibraries:\n  - library: acme\n    version: 1.0\n"
    assert error_of(tmp_path, text, "backlint.yaml").startswith("backlint.yaml:")


def test_the_command_line_wins(tmp_path: Path) -> None:
    text = 'select = ["a"]\nignore = ["b", "c"]\nprofile = "gate"\nfail-on = "error"\n'
    write(tmp_path / "backlint.toml", text)
    overrides = Overrides(
        select=("b",), ignore=("d",), profile=Profile.AUDIT, min_severity=Severity.ERROR, fail_on=None
    )
    settings = load_settings(tmp_path, overrides)
    assert settings.select == ("b",)
    assert settings.ignore == ("c", "d")
    assert settings.profile is Profile.AUDIT
    assert settings.min_severity is Severity.ERROR
    assert settings.fail_on is Severity.ERROR
    assert settings.origins["select"] == "command line"
    assert settings.origins["ignore"] == "backlint.toml:2, command line"
    assert settings.origins["fail-on"] == "backlint.toml:4"
    assert settings.origins["exclude"] == "default"


def test_a_named_configuration(tmp_path: Path) -> None:
    write(tmp_path / "backlint.toml", 'profile = "gate"\n')
    named = write(tmp_path / "ci" / "strict.toml", 'profile = "audit"\n')
    settings = load_settings(tmp_path, Overrides(config=named))
    assert settings.profile is Profile.AUDIT
    assert settings.root == tmp_path
    inner = tmp_path / "ci" / "tool"
    inner.mkdir()
    assert load_settings(inner, Overrides(config=named)).root == tmp_path / "ci"
    with pytest.raises(UsageError, match=r"nowhere.toml: no such file"):
        load_settings(tmp_path, Overrides(config=tmp_path / "nowhere.toml"))
    bare = write(tmp_path / "bare" / "pyproject.toml", "")
    with pytest.raises(ConfigurationError, match=r"no \[tool.backlint\]"):
        load_settings(tmp_path, Overrides(config=bare))


RULES = ("query-in-loop", "missing-timeout")
FAMILIES = ("database", "network")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "select = ['query-in-lop']",
            'there is no rule or family "query-in-lop" (in "select"); did you mean',
        ),
        ("\nignore = ['databse']", 'backlint.toml:2: there is no rule or family "databse"'),
        ("[severity]\n\nmissing-timout = 'note'", 'backlint.toml:3: there is no rule "missing-timout"'),
        (
            "[severity]\ndatabase = 'note'",
            'backlint.toml:2: "severity" takes rules, and "database" is a family',
        ),
        ("[per-path-ignores]\n'a.py' = ['xx']", 'backlint.toml:2: there is no rule or family "xx"'),
    ],
)
def test_unknown_rules(tmp_path: Path, text: str, message: str) -> None:
    settings = load(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        check_rule_names(settings, RULES, FAMILIES)
    assert message in str(caught.value)


def test_known_rules_and_families(tmp_path: Path) -> None:
    text = """
select = ["database", "missing-timeout"]
ignore = ["query-in-loop"]
severity = { missing-timeout = "note" }
per-path-ignores = { "tests/*" = ["network"] }
"""
    check_rule_names(load(tmp_path, text), RULES, FAMILIES)


def test_unknown_rules_of_the_command_line(tmp_path: Path) -> None:
    write(tmp_path / "backlint.toml", "ignore = ['query-in-loop']")
    settings = load_settings(tmp_path, Overrides(ignore=("mising-timeout",)))
    with pytest.raises(UsageError) as caught:
        check_rule_names(settings, RULES, FAMILIES)
    assert str(caught.value) == (
        '--ignore: there is no rule or family "mising-timeout" (in "ignore"); did you mean "missing-timeout"?'
    )
