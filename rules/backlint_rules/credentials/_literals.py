"""What in a string says that it is a secret, and that it is none."""

import itertools
import math
import re
from collections import Counter

from backlint.api import Confidence, identifier_words, names_secret

_KNOWN = re.compile(
    r"AKIA[0-9A-Z]{16}\b|\b[sr]k_live_[0-9A-Za-z]{16,}|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{40,}"
    r"|\bxox[baprs]-\d[0-9A-Za-z-]{20,}|\bAIza[\w-]{35}|\bSG\.[\w-]{22}\.[\w-]{43}|\bglpat-[\w-]{20}"
    r"|\bsk-(?:proj-|ant-[\w]+-)?[A-Za-z0-9_-]{32,}|\bnpm_[A-Za-z0-9]{36}"
    r"|hooks\.slack\.com/services/T\w+/B\w+/\w{20,}"
    r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[\s\\nr]*[A-Za-z0-9+/=\s\\]{40,}"
)
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]*://(?P<user>[^:/?#@\s]*):(?P<password>[^@/?#\s]+)@(?P<host>[^/:?#\s,]+)"
)
_TEMPLATE = re.compile(r"\{[\w.]*\}|<[\w -]+>|^\$|\$\{|%\(|%s|\*{3}|\.\.\.|…")
_PLACEHOLDER = re.compile(
    r"change|replace|your|xxx|example|placeholder|dummy|todo|insert|sample|fixme|redacted|default|none|null|foo|bar",
    re.IGNORECASE,
)
_SIGNING = frozenset(
    {
        ("secret", "key"), ("signing", "key"), ("encryption", "key"), ("jwt", "secret"), ("session", "secret"),
        ("jwt", "key"), ("app", "secret"), ("cookie", "secret"), ("token", "secret"), ("auth", "secret"),
        ("fernet", "key"), ("private", "key"), ("master", "key"), ("session", "key"), ("signing", "secret"),
        ("webhook", "secret"), ("password", "salt"), ("hmac", "key"), ("hmac", "secret"),
    }
)  # fmt: skip
_PASSWORDS = frozenset({"password", "passwd", "pwd", "passphrase"})
_LABELS = frozenset(
    {"name", "field", "header", "url", "uri", "path", "prefix", "type", "label", "error", "message"}
)
_TRIVIAL = frozenset(
    {"postgres", "password", "guest", "root", "admin", "secret", "user", "pass", "test", "mysql", "dev"}
)


def is_known_token(value: str) -> bool:
    """Whether a text holds a credential of a known format, such as a private key or an AWS access key."""
    found = _KNOWN.search(value)
    return found is not None and not re.search(r"example|x{6}|0{8}|123456789|\.\.\.", found[0], re.IGNORECASE)


def address_confidence(value: str) -> Confidence | None:
    """How sure it is that an address holds a password that counts; None without one."""
    found = _ADDRESS.match(value)
    if found is None or _TEMPLATE.search(found["password"]) or _TEMPLATE.search(found["host"]):
        return None
    if re.search(r"example|your|placeholder|\bhost\b|hostname", found["host"]):
        return None
    is_local = "." not in found["host"] or found["host"].startswith(("127.", "0.0.0.0", "host.docker"))
    is_trivial = found["password"].lower() in _TRIVIAL or found["password"] == found["user"]
    if is_local:
        return Confidence.LOW if is_trivial or _PLACEHOLDER.search(found["password"]) else Confidence.MEDIUM
    return Confidence.MEDIUM if is_trivial or _PLACEHOLDER.search(found["password"]) else Confidence.HIGH


def signs(name: str) -> bool:
    """Whether a name is that of a key which signs or encrypts what clients get."""
    words = _words(name)
    return words == ("secret",) or words[-2:] in _SIGNING


def judge(name: str, value: str, *, configures: bool, falls_back: bool = False) -> Confidence | None:
    """How sure it is that a literal is a secret, from its name and itself; None when it is none.

    Args:
        configures: The service runs with the value: a setting, the default of one, or an argument.
        falls_back: The service runs with it where the environment says nothing.
    """
    words = _words(name)
    if not value.strip() or _TEMPLATE.search(value) or not words or words[-1] in _LABELS:
        return None
    if not names_secret(name) and not signs(name):
        is_key = configures and words[-1] == "key" and not _PUBLIC.intersection(words)
        works = looks_random(value) and not _PLACEHOLDER.search(value)
        return Confidence.MEDIUM if is_key and works else None
    if _words(value) == words:
        return None
    if signs(name) and configures:
        is_label = value.isidentifier() and value == value.lower() and set(_words(value)) >= set(words)
        return None if is_label or value.startswith(("/", "http")) else Confidence.HIGH
    if looks_random(value):
        return None if _PLACEHOLDER.search(value) else Confidence.HIGH
    if words[-1] in _PASSWORDS and " " not in value and len(value) >= 4 and configures:
        return (
            None
            if re.search(r"password|passwd|\bnone\b|reset", value) and "_" in value
            else Confidence.MEDIUM
        )
    return _fallback_confidence(words, value) if falls_back else None


def _fallback_confidence(words: tuple[str, ...], value: str) -> Confidence | None:
    """A default of a secret that works: what others send is checked against it, or signed with it."""
    if len(value) < _SHORTEST_FALLBACK or " " in value or value.startswith(("/", "./", "http")):
        return None
    is_placeholder = _PLACEHOLDER.search(value) is not None
    if words[-1] == "secret":
        # What this service shows to another is refused there where it is made up.
        return Confidence.LOW if is_placeholder and words[-2:] == ("client", "secret") else Confidence.MEDIUM
    return None if is_placeholder else Confidence.MEDIUM


_SHORTEST_FALLBACK = 6
_PUBLIC = frozenset(
    {
        "public", "publishable", "pub", "site", "cache", "primary", "foreign", "partition", "sort", "index", "group",
        "object", "idempotency", "lock", "search", "maps", "analytics", "id", "name", "redis", "routing", "header",
    }
)  # fmt: skip
"""Words before `key` that make it one to show or to look up with."""


def looks_random(value: str) -> bool:
    """Whether a text reads as if a generator or a careful person had made it: long, mixed, no words."""
    if len(value) < 16 or re.search(r"\s", value) or "://" in value or value.startswith(("/", "./")):
        return False
    letters = sum(character.isalpha() for character in value)
    digits = sum(character.isdigit() for character in value)
    if not letters or digits < 3:
        return False
    if re.fullmatch(r"[a-z]+([._:-][a-z0-9]+)*", value):
        return any(_is_mixed(part) for part in re.split(r"[._:-]", value))
    counts = Counter(value).values()
    entropy = -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
    return entropy >= 3.2


def _is_mixed(part: str) -> bool:
    """Whether letters and digits change places too often for a word, a version or a date."""
    changes = sum(one.isdigit() != other.isdigit() for one, other in itertools.pairwise(part))
    return len(part) >= 8 and changes >= 4


def _words(name: str) -> tuple[str, ...]:
    return tuple(word for word in identifier_words(name) if not word.isdigit())
