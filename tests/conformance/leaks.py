"""Which texts of a case are secrets, and where one shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = frozenset(
    {
        "token",
        "tokens",
        "access_token",
        "refresh_token",
        "id_token",
        "code",
        "code_verifier",
        "nonce",
        "key",
        "proof",
    }
)
_HEADERS = frozenset({"authorization", "cookie", "dpop"})
# What stands between tokens in a header.
_BETWEEN = re.compile(r"[ \t,;]+|(?<==)(?==*[^=])")
# A shorter one may well stand in other words.
_LEAST_CHARACTERS = 8


def of(value: Any, name: str = "") -> set[str]:
    """The secrets of a command or of a result."""
    if isinstance(value, dict):
        return {secret for member, inner in value.items() for secret in of(inner, member)}
    if isinstance(value, list):
        return {secret for inner in value for secret in of(inner, name)}
    is_one = name in _NAMES and isinstance(value, str) and len(value) >= _LEAST_CHARACTERS
    return {value} if is_one else set()


def in_request(said: Any) -> set[str]:
    """The tokens and proofs in the headers, or in the metadata, of a request."""
    lines = [line.split(":", 1) for line in said.get("request", []) if ":" in line]
    return {
        word
        for name, value in [*lines, *said.get("metadata", [])]
        if name.strip().lower() in _HEADERS
        for word in _BETWEEN.split(value.strip())
        if len(word) >= _LEAST_CHARACTERS
    }


def shown_in(where: str, shown: str, secrets: set[str]) -> Iterator[str]:
    """A line where secrets show, which does not show them again."""
    found = [secret for secret in secrets if secret in shown]
    if found:
        yield f"{where}: {len(found)} of the secrets show, one of which begins with {found[0][:4]!r}"
