"""A fake engine and fake rules: the command line is tested apart from the analysis."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

import backlint
from backlint import registry
from backlint.cli import main
from backlint.config.settings import Settings
from backlint.finding import Confidence, Finding, Notice, Severity, Span
from backlint.registry import Registry, RuleInfo
from backlint.report import Report, Statistics
from backlint.rule import Rule
from backlint.run import source_reader
from backlint.summary import FileKind


class QueryInLoop(Rule):
    """Finds a query for every row.

    ## Why it hurts

    It is slow.
    """


class MissingTimeout(Rule):
    """Finds calls that may wait for ever."""


def _info(rule: str, family: str, severity: Severity, cls: type[Rule]) -> RuleInfo:
    return RuleInfo(
        id=rule,
        family=family,
        severity=severity,
        kinds=frozenset({FileKind.SOURCE}),
        needs=("django", "sqlalchemy") if family == "database" else (),
        same_as=("ruff:S113",) if family == "network" else (),
        tags=("CWE-400",),
        security_severity=None,
        since="0.1.0",
        cls=cls,
        pack="backlint",
    )


RULES = Registry(
    rules={
        "missing-timeout": _info("missing-timeout", "network", Severity.WARNING, MissingTimeout),
        "query-in-loop": _info("query-in-loop", "database", Severity.ERROR, QueryInLoop),
    },
    families=("database", "network"),
)


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The interface of `backlint.run` that the command line is written against."""

    paths: tuple[Path, ...]
    settings: Settings
    jobs: int | None = None
    cache_dir: Path | None = None
    use_cache: bool = True
    stdin: tuple[str, bytes] | None = None
    progress: Callable[[int, int], None] | None = None
    baseline: Path | None = None
    memory: Any = None


class Engine:
    """Stands in for `backlint.run`: keeps the requests and answers with `report`, or raises `error`."""

    def __init__(self) -> None:
        self.requests: list[CheckRequest] = []
        self.report = Report(
            statistics=Statistics(files=3, lines=30, timings={"discover": 0.25, "link": 1.5})
        )
        self.error: BaseException | None = None

    def check(self, request: CheckRequest) -> Report:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return self.report

    @property
    def request(self) -> CheckRequest:
        """The one request."""
        (request,) = self.requests
        return request


def finding(severity: Severity = Severity.WARNING, **changes: Any) -> Finding:
    values: dict[str, Any] = {
        "rule": "missing-timeout",
        "family": "network",
        "path": "app.py",
        "span": Span(1, 0, 1, 3),
        "message": "waits for ever",
        "severity": severity,
        "confidence": Confidence.HIGH,
    }
    return Finding(**(values | changes))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a project with one file."""
    root = tmp_path / "project"
    root.mkdir()
    (root / ".git").mkdir()
    (root / "app.py").write_text("get(url)\n", encoding="utf-8")
    monkeypatch.chdir(root)
    for name in ("NO_COLOR", "FORCE_COLOR", "BACKLINT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return root


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Callable[[Registry], None]:
    """Replaces the installed rules."""

    def install(rules: Registry) -> None:
        monkeypatch.setattr(registry, "load_rules", lambda *_: rules)

    install(RULES)
    return install


@pytest.fixture
def engine(project: Path, rules: object, monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    module = ModuleType("backlint.run")
    module.CheckRequest = CheckRequest  # type: ignore[attr-defined]
    module.check = engine.check  # type: ignore[attr-defined]
    module.source_reader = source_reader  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "backlint.run", module)
    monkeypatch.setattr(backlint, "run", module, raising=False)
    return engine


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line; gives exit status, standard output and standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return call


@pytest.fixture
def found() -> Callable[..., Finding]:
    """Makes findings in app.py."""
    return finding


@pytest.fixture
def failure() -> Notice:
    return Notice("syntax", "invalid syntax", path="app.py", line=1)
