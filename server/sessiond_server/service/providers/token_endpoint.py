"""The ports of a provider: its token endpoint, and what it may answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True, repr=False)
class Granted:
    """Tokens (RFC 6749 §5.1); where a refresh brings no refresh token, the one before stays good (§6).

    `refresh_life_ms` is how long the refresh token is good from now on: 0 for without end, None where the
    provider does not say.
    """

    access_token: str
    refresh_token: str | None
    id_token: str | None
    refresh_life_ms: int | None = None

    def new_refresh_token(self, presented: str) -> str | None:
        """The refresh token, if it is another one than was presented."""
        return None if self.refresh_token == presented else self.refresh_token

    def kept_after(self, presented: str) -> tuple[str, int | None]:
        """The refresh token that is to be kept, and its life.

        Of a new one nothing is known but what came with it; the one that was presented keeps the end that was
        known.
        """
        brought = self.new_refresh_token(presented)
        if brought is None:
            return presented, self.refresh_life_ms
        return brought, self.refresh_life_ms or 0


@dataclass(frozen=True, slots=True)
class Refused:
    """`invalid_grant` (RFC 6749 §5.2): what was presented opens nothing any more."""


class Doubt(Enum):
    """What an exchange that was not decided may have done to what was presented."""

    NONE = "it was not sent, or not looked at"
    POSSIBLE = "it was answered with a failure: it may have been spent"
    OPEN = "it was not answered: it may have been spent, or may yet be"


@dataclass(frozen=True, slots=True)
class NoDecision:
    """The provider did not decide."""

    doubt: Doubt


TokenResponse: TypeAlias = Granted | Refused | NoDecision


class TokenEndpoint(Protocol):
    """One provider's token endpoint, and its revocation endpoint.

    Every call ends within ten seconds, or thirteen where the address has to be discovered first. None raises
    for what the provider does.
    """

    async def refresh(self, refresh_token: str) -> TokenResponse:
        """Exchange a refresh token (RFC 6749 §6)."""

    async def redeem(self, code: str, *, redirect_uri: str, code_verifier: str) -> TokenResponse:
        """Exchange an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""

    async def revoke(self, refresh_token: str) -> bool:
        """Revoke a refresh token (RFC 7009); False where that has to be tried again.

        It is True as well where the provider has no revocation endpoint.
        """
