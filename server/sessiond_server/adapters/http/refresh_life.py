"""How long a refresh token is good, as a token endpoint says; no specification names it yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Keycloak's name, where 0 stands for no end.
_OR_WITHOUT_END: Final = "refresh_expires_in"
# The name of Google and Microsoft; and those of draft-ietf-oauth-refresh-token-expiration: how long the token
# may go unused, and how long whatever descends from the login is good.
_LIVES: Final = ("refresh_token_expires_in", "refresh_token_timeout", "authorization_expires_in")
# Longer than any session lives, and far from the largest number that the store can keep.
_LONGEST_SECONDS: Final = 20 * 365 * 86_400


class UnreadableLifeError(ValueError):
    """What is said of the life of a refresh token is no whole number of seconds that makes sense."""


def refresh_life_ms(body: Mapping[str, Any]) -> int | None:
    """The shortest life that is said; 0 for without end, None where nothing is said.

    Raises:
        UnreadableLifeError: something that is said cannot be read.
    """
    said = [_seconds(body[name], least=1) for name in _LIVES if name in body]
    if _OR_WITHOUT_END in body:
        said.append(_seconds(body[_OR_WITHOUT_END], least=0))
    if not said:
        return None
    return min((seconds for seconds in said if seconds), default=0) * 1000


def _seconds(value: object, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UnreadableLifeError
    return min(value, _LONGEST_SECONDS)
