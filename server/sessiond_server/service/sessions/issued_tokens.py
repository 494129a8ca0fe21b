"""What opening and refreshing sessions gives out."""

from __future__ import annotations

from dataclasses import dataclass

from sessiond_server.domain.claims import Claims


@dataclass(frozen=True, slots=True, repr=False)
class IssuedTokens:
    """What a login or a refresh gives out; `refresh_expire_ms` is milliseconds since 1970."""

    access_token: str
    claims: Claims
    refresh_token: str
    refresh_expire_ms: int
    replayed: bool
