"""What identifiers say of the values they name: their words, and whether those mean a secret."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

_SECRETS = frozenset(
    {
        "password", "passwd", "pwd", "passphrase", "passcode", "secret", "secrets", "apikey", "otp", "totp",
        "jwt", "cvv", "cvc", "dsn", "credential", "credentials", "passwords", "jwts", "token", "otps",
    }
)  # fmt: skip
_PAIRS = frozenset(
    {
        *((word, "key") for word in (
            "api", "secret", "private", "access", "signing", "encryption", "auth", "master", "fernet",
            "session",
        )),
        *((word, "keys") for word in ("api", "private", "access")),
        *((word, "tokens") for word in ("access", "refresh", "auth", "api", "bearer", "session", "reset")),
        *((word, "code") for word in (
            "verification", "reset", "authorization", "recovery", "backup", "mfa", "login", "confirmation",
        )),
        ("recovery", "codes"), ("backup", "codes"), ("card", "number"), ("connection", "string"),
        ("auth", "header"), ("authorization", "header"),
    }
)  # fmt: skip
_NUMBERS = frozenset({"otp", "totp", "cvv", "cvc", "passcode", "code", "number"})
_IDENTIFYING = frozenset(
    {"id", "salt", "nonce", "iv", "name", "filename", "suffix", "boundary", "slug", "prefix"}
)
_ADDRESSES = frozenset(
    {"database", "db", "mongo", "mongodb", "amqp", "broker", "postgres", "postgresql", "mysql", "redis"}
)
_LINKS = frozenset({"url", "uri"})
_SUFFIXES = frozenset(
    [
        "plain",
        "confirmation",
        "confirm",
        "raw",
        "text",
        "new",
        "old",
        "value",
        "str",
        "string",
        "repeat",
        "again",
        "current",
        "temp",
        "plaintext",
    ]
)
_PREFIXES = frozenset(
    {
        "has", "is", "needs", "should", "can", "no", "num", "n", "max", "min", "total", "hashed",
        "encrypted", "masked", "redacted", "obfuscated", "safe", "public", "check", "verify", "validate",
        "invalid", "valid", "expired", "use", "allow", "require", "hash", "test", "with", "without",
        "ignore", "skip", "forgot", "changed", "change", "update", "lexer", "syntax",
    }
)  # fmt: skip
_TOKEN_KINDS = frozenset(
    {
        "csrf", "xsrf", "cancel", "cancellation", "page", "next", "continuation", "sync", "push",
        "device", "fcm", "apns", "registration", "prompt", "completion", "input", "output", "usage",
        "eos", "bos", "pad", "unk", "start", "end", "stop", "special", "primary", "foreign", "basket",
        "cart", "checkout", "idempotency", "lemma", "sub",
    }
)  # fmt: skip
"""What makes a token or key something that opens nothing: a place in a list, a phone, a word of a text."""
_SECRET_OF_ANY_KIND = frozenset(
    {"secret", "secrets", "password", "passwd", "pwd", "passphrase", "credentials"}
)
_CLEANERS = frozenset(
    [
        "hash",
        "hashed",
        "mask",
        "masked",
        "redact",
        "redacted",
        "sanitize",
        "sanitise",
        "obfuscate",
        "scrub",
        "censor",
        "anonymize",
        "anonymise",
        "fingerprint",
        "encrypt",
        "encrypted",
        "hide",
        "digest",
        "checksum",
        "pseudonymize",
        "pseudonymise",
        "truncate",
        "clean",
        "strip_secrets",
        "shorten",
        "partial",
    ]
)
_CHECKERS = frozenset(
    ["verify", "validate", "check", "decode", "parse", "is", "has", "compare", "authenticate", "count"]
)


@lru_cache(maxsize=8192)
def identifier_words(name: str) -> tuple[str, ...]:
    """The words of an identifier, header or key in lower case: `resetToken` gives reset, token."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=8192)
def names_secret(name: str) -> bool:
    """Whether a name says that its value is a secret: `access_token`, but not `token_id` or `has_password`.

    The last word says what the value is (`password_hint` is a hint, `token_url` an address), and some
    words before it turn it into something else (`is_secret`, `next_page_token`). Plural `tokens` are most
    often counted or parsed.
    """
    words = identifier_words(name)
    if not words or len(words) > 6 or any(word in _PREFIXES for word in words[:-1]) or words[0] in _PREFIXES:
        return False
    if not _SECRET_OF_ANY_KIND.intersection(words) and not _TOKEN_KINDS.isdisjoint((words[0], *words[:-1])):
        return False
    while words and (words[-1].isdigit() or words[-1] in _SUFFIXES):
        words = words[:-1]
    if not words:
        return False
    if words[-1] == "dsn" and "sentry" in words:
        return False
    return words[-1] in _SECRETS or words[-2:] in _PAIRS


@lru_cache(maxsize=4096)
def names_secret_header(name: str) -> bool:
    """Whether a header or cookie of this name holds a secret: `Authorization`, `X-Api-Key`, `sessionid`."""
    words = identifier_words(name)
    return (
        names_secret(name)
        or (bool(words) and words[-1] in ("cookie", "authorization", "sessionid", "sid"))
        or words == ("session",)
    )


@lru_cache(maxsize=4096)
def names_identifier(name: str) -> bool:
    """Whether a name says that random characters only tell things apart: `request_id`, `salt`, `file_name`."""
    words = identifier_words(name)
    return bool(words) and words[-1] in _IDENTIFYING and "session" not in words


@lru_cache(maxsize=4096)
def names_number(name: str) -> bool:
    """Whether a name is that of a secret which may be a number: `otp`, `card_number`."""
    return names_secret(name) and identifier_words(name)[-1] in _NUMBERS


@lru_cache(maxsize=4096)
def names_credential_address(name: str) -> bool:
    """Whether a setting of this name is an address that holds a password: `DATABASE_URL`."""
    words = identifier_words(name)
    return len(words) >= 2 and words[-1] in _LINKS and words[-2] in _ADDRESSES


@lru_cache(maxsize=4096)
def names_cleaning(name: str) -> bool:
    """Whether a function of this name hides what it is given: `mask_token`, `redact`, `hash_password`."""
    return any(word in _CLEANERS for word in identifier_words(name))


@lru_cache(maxsize=4096)
def names_checking(name: str) -> bool:
    """Whether a function of this name says something of a secret rather than hands it out: `verify_token`."""
    words = identifier_words(name)
    return bool(words) and words[0] in _CHECKERS
