"""The ports behind which tokens are read, and the keys that verify and sign them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sessiond_server.domain.session import StoredSession
from sessiond_server.domain.token import ParsedToken


class TokenParser(Protocol):
    """Reads the form of a token, strictly; it says nothing of the token's truth."""

    def parse(self, token: bytes) -> ParsedToken | None:
        """The parts of a compact JWS, or None for anything else.

        It is bounded in time and memory, and never raises.
        """


class VerificationKey(Protocol):
    """A public key, bound to exactly one algorithm (RFC 8725 §3.1)."""

    @property
    def algorithm(self) -> str:
        """The JWS `alg` that this key verifies."""

    def is_same_as(self, other: VerificationKey | None) -> bool:
        """Whether the other verifies exactly what this one does."""

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether `signature` over `signing_input` is by this key; it never raises."""


class KeySet(Protocol):
    """The keys of one issuer."""

    # Grows whenever the keys change.
    version: int

    @property
    def good_for_seconds(self) -> float:
        """How long its keys may verify from now on, if they are not confirmed meanwhile."""

    def find(self, key_id: str) -> VerificationKey | None:
        """The key with this id, from memory."""

    async def seek(
        self, key_id: str, *, waits: bool = True, from_issuer: bool = False
    ) -> VerificationKey | None:
        """The key with this id where `find` knew none, asking the issuer if that is due.

        None says that the issuer does not have it: it was asked after the token came, or a short while ago.
        `from_issuer` says that the issuer itself has just given the token to us, so that nobody else chose
        the id: what strangers send does not keep the issuer from being asked for it.

        Raises:
            KeysUnavailableError: the issuer was not asked, or did not answer, so that the key may exist; or
                it is being asked, and this call does not wait for that.
        """


@dataclass(frozen=True, slots=True, repr=False)
class MintedToken:
    """An access token fresh from the local issuer, and what it says."""

    text: str
    parsed: ParsedToken


class TokenMinter(Protocol):
    """Mints the access tokens of the local issuer."""

    def mint(self, session: StoredSession) -> MintedToken:
        """The access token of the session's current generation (RFC 9068).

        Called twice for the same generation it writes the same claims: `jti` from session and generation,
        `iat` from `refreshed_ms`, `sct` from `created_ms`; `exp` never passes the session's own end.
        """
