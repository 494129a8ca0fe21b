"""A provider's tokens in the store: sealed for their session, and the ids that can be revoked."""

from __future__ import annotations

from typing import Final

from sessiond_server.adapters.store.formats import TOKEN_ID
from sessiond_server.adapters.store.hashed_ids import hashed_or_none
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.identifiers import SessionId, hashed_id
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.storage.sessions import NewSession, ProviderTokens

_REFRESH_FIELD: Final = "provider refresh token"
_ACCESS_FIELD: Final = "provider access token"


class ProviderTokenSeal:
    """Seals a provider's tokens for their session alone; opening raises `SealingKeyMissingError`."""

    def __init__(self, keys: SealingKeys) -> None:
        self._keys = keys

    def seal_refresh(self, token: str, *, issuer: str, session: SessionId) -> bytes:
        """Seal a refresh token."""
        return self._keys.seal(token.encode(), field=_REFRESH_FIELD, issuer=issuer, session=session)

    def seal_access(self, token: str, *, issuer: str, session: SessionId) -> bytes:
        """Seal an access token."""
        return self._keys.seal(token.encode(), field=_ACCESS_FIELD, issuer=issuer, session=session)

    def open_refresh(self, sealed: bytes, *, issuer: str, session: SessionId) -> str:
        """Open a sealed refresh token."""
        return self._keys.open(sealed, field=_REFRESH_FIELD, issuer=issuer, session=session).decode()

    def open_access(self, sealed: bytes, *, issuer: str, session: SessionId) -> str:
        """Open a sealed access token."""
        return self._keys.open(sealed, field=_ACCESS_FIELD, issuer=issuer, session=session).decode()


def hashed_token_id(issuer: str, tokens: ProviderTokens) -> bytes | None:
    """The hashed id of the access token, where it has one."""
    return hashed_or_none(RevocationType.TOKEN, issuer, tokens.token_id)


def hashed_refresh_token(issuer: str, refresh_token: str) -> bytes:
    """The hashed id of a refresh token; nobody can guess what it is of (RFC 6749 §10.10)."""
    return hashed_id("refresh_token", issuer, refresh_token)


def first_token_ids(new: NewSession) -> tuple[int, bytes]:
    """How many ids of access tokens follow the header of a new record, and their bytes."""
    tokens = new.provider_tokens
    token_id = hashed_token_id(new.login.issuer, tokens) if tokens else None
    return (1, TOKEN_ID.pack(token_id, tokens.access_expire_ms)) if tokens and token_id else (0, b"")
