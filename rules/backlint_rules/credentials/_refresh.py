"""Refresh tokens that nobody can take back."""

import re

from backlint.api import (
    CallSite,
    Confidence,
    Const,
    Evidence,
    Findings,
    InstanceValue,
    LinkedFunction,
    Mapping,
    Project,
    Role,
    bare,
    short_name,
)

_REFRESH = re.compile(r"refresh", re.IGNORECASE)
_MAKES = re.compile(
    r"(?:^|_)(?:create|make|issue|generate|new|build|encode|mint|sign|get)?_?refresh_?(?:token|jwt)?$"
)
_REVOKES = re.compile(
    r"jti|revo[kc]|black_?list|block_?list|deny_?list|token_(?:version|family|epoch)|refresh_?tokens?_?(?:hash|digest|store|repo)"
    r"|session_?(?:id|version|key)|rotat|logged_out|invalidat|single_use|token_?valid_?(?:after|from)",
    re.IGNORECASE,
)
_STORED = re.compile(
    r"(?:refresh|auth|user|login|device)_?(?:token|session)|token_?(?:record|family)", re.IGNORECASE
)


def check_refresh_tokens(project: Project, findings: Findings) -> None:
    """Report where signed refresh tokens are made, in a project in which nothing keeps or revokes any."""
    signing = {
        call.function.key: call
        for call in project.calls()
        if call.entry is not None and "claims" in call.entry.sinks
    }
    makers = (
        [
            (call, signer)
            for call in project.calls()
            if (signer := _signer(project, call, signing)) is not None
        ]
        if signing
        else []
    )
    if not makers or _can_revoke(project):
        return
    call, signer = makers[0]
    evidence = () if signer is call else (Evidence(signer.function.path, signer.span, "it is signed here"),)
    findings.add(
        call,
        f"`{short_name(call.function)}` makes a refresh token that can't be revoked: it is signed, and nothing keeps it",
        confidence=Confidence.MEDIUM,
        advice="store an identifier of it (`jti`) that is looked up, and replaced, at each use",
        evidence=evidence,
    )


def _signer(project: Project, call: CallSite, signing: dict[tuple[int, int], CallSite]) -> CallSite | None:
    """The call that signs a refresh token, behind a call that makes one."""
    if call.entry is not None and "claims" in call.entry.sinks:
        signer: CallSite | None = call
    else:
        signer = next((signing[target] for target in call.targets if target in signing), None)
    if signer is None or not (_is_named(call.function) or _says_refresh(project, call)):
        return None
    return signer


def _is_named(function: LinkedFunction) -> bool:
    """Whether a function is named for the refresh token that it makes; `refresh` alone may hand out another kind."""
    name = function.summary.name.rpartition(".")[2].strip("_")
    return name != "refresh" and _MAKES.search(name) is not None


def _says_refresh(project: Project, call: CallSite) -> bool:
    """Whether a literal that is passed on says what kind of token it is: `"refresh"`, `{"type": "refresh"}`."""
    for term in (*call.row.arguments, *(term for _, term in call.row.keywords)):
        row = project.term(call.function, bare(call.function.file, term))
        values = [value for _, value in row.entries] if isinstance(row, Mapping) else [term]
        for value in values:
            found = project.term(call.function, value)
            if isinstance(found, Const) and isinstance(found.value, str) and found.value.lower() == "refresh":
                return True
    return False


def _can_revoke(project: Project) -> bool:
    """Whether any name or text of the project speaks of taking tokens back, or a table keeps them."""
    for file in project.files:
        summary = file.summary
        for cls in summary.classes:
            symbol = f"{summary.module}.{cls.name}"
            stores = Role.STORES_ROWS in project.evaluator.roles(InstanceValue(symbol))
            if stores and _STORED.search(cls.name):
                return True
        names = [function.name for function in summary.functions]
        names += [attribute.name for cls in summary.classes for attribute in cls.attributes]
        names += [text for row in summary.terms if (text := _text(row))]
        if any(_REVOKES.search(name) for name in names):
            return True
    return False


def _text(row: object) -> str:
    """The identifier or short literal that a term is."""
    value = getattr(row, "value", None)
    if isinstance(value, str):
        return value if len(value) <= _LONGEST_WORD else ""
    for field in ("name", "symbol"):
        found = getattr(row, field, "")
        if isinstance(found, str) and found:
            return found
    return ""


_LONGEST_WORD = 300
