"""Handlers that are there to send one-time codes and links, or to look whether one is right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backlint_rules.access._routes import route_words, words

if TYPE_CHECKING:
    from backlint.api import LinkedFunction, Route

_CODES = frozenset({"code", "codes", "otp", "otps", "totp", "pin", "passcode"})
_PROVES = frozenset(
    {"phone", "sms", "email", "mail", "login", "signin", "verify", "verification", "confirm", "otp", "link"}
)
_LINKS = frozenset({"link", "magic"})
_SIGN_IN = frozenset({"request", "login", "signin", "magic", "send"})
_LOOKS = frozenset({"check", "verify", "confirm", "validate", "match", "matches"})
_NO_PROOF = frozenset(
    {
        "country", "currency", "language", "postal", "zip", "status", "error", "promo", "coupon", "voucher", "discount",
        "referral", "product", "bar", "source", "color", "format", "syntax",
    }
)  # fmt: skip
"""Words before `code` that make it no secret."""


def makes_code(route: Route, functions: list[LinkedFunction]) -> bool:
    """Whether a handler is there to send somebody a code, or a stranger a link that signs in.

    Args:
        functions: The handler, then the project's functions that it runs.
    """
    names = (route_words(route), *(words(_short(one)) for one in functions))
    links = route.is_protected is False
    return any(
        (told & _CODES and told & _PROVES) or (links and told & _LINKS and told & _SIGN_IN) for told in names
    )


def checks_code(route: Route, functions: list[LinkedFunction]) -> bool:
    """Whether a handler asks a function of the project if a code is right: `check_phone_code(user, code)`."""
    return any(
        found & _LOOKS and found & _CODES and not found & _NO_PROOF
        for one in functions[1:]
        if (found := words(_short(one)))
    ) and not {"callback", "oauth"} & route_words(route)


def _short(function: LinkedFunction) -> str:
    return function.name.rpartition(".")[2]
