"""What opening, refreshing and ending sessions gives back."""

from __future__ import annotations

from dataclasses import dataclass

from sessiond_server.domain.claims import Claims


@dataclass(frozen=True, slots=True, repr=False)
class Opened:
    """What a login or a refresh gives out; `refresh_expire_ms` is milliseconds since 1970."""

    access_token: str
    claims: Claims
    refresh_token: str
    refresh_expire_ms: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Revoked:
    """What a revocation did: a revision at which it is known, and how many live sessions it ended."""

    revision: str
    sessions_ended: int
