"""A provider's tokens in the store: sealed, and queued for revocation where their session has ended."""

from __future__ import annotations

import struct
from typing import Final

from sessiond_server.adapters.store.client import Scripts
from sessiond_server.adapters.store.marks import IssuerMarks, log_id
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Login
from sessiond_server.service.log import Log
from sessiond_server.service.session_store import NewSession, ProviderTokens, QueuedRevocation

_REFRESH_FIELD: Final = "upstream refresh token"
_ACCESS_FIELD: Final = "upstream access token"
_QUEUE: Final = ("torevoke", "torevoke:taken")
_LONGEST_WAIT_MS: Final = 24 * 3_600_000
# Several times what asking a provider may take.
_HOLD_MS: Final = 60_000
_TOKEN_ID: Final = struct.Struct(">16sQ")
_QUEUED: Final = struct.Struct(">Q16s8s")


class ProviderTokenSeal:
    """Seals and opens a provider's tokens for their session alone."""

    def __init__(self, keys: SealingKeys) -> None:
        self._keys = keys

    def seal(self, tokens: ProviderTokens, *, issuer: str, session: SessionId) -> tuple[bytes, bytes, int]:
        """The arguments that scripts take: refresh token, access token, when that expires."""
        access = self._keys.seal(tokens.access_token.encode(), field=_ACCESS_FIELD, issuer=issuer, session=session)
        return self.seal_refresh(tokens.refresh_token, issuer=issuer, session=session), access, tokens.access_expire_ms

    def seal_refresh(self, token: str, *, issuer: str, session: SessionId) -> bytes:
        """A refresh token."""
        return self._keys.seal(token.encode(), field=_REFRESH_FIELD, issuer=issuer, session=session)

    def open_refresh(self, sealed: bytes, *, issuer: str, session: SessionId) -> str:
        """The refresh token; raises `SealingKeyMissingError`."""
        return self._keys.open(sealed, field=_REFRESH_FIELD, issuer=issuer, session=session).decode()

    def open_access(self, sealed: bytes, *, issuer: str, session: SessionId) -> str:
        """The access token; raises `SealingKeyMissingError`."""
        return self._keys.open(sealed, field=_ACCESS_FIELD, issuer=issuer, session=session).decode()


class RedisProviderRevocations:
    """Implements `ProviderRevocations`."""

    def __init__(self, scripts: Scripts, *, partitions: int, sealing: SealingKeys, issuers: IssuerMarks, log: Log) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._seal = ProviderTokenSeal(sealing)
        self._issuers = issuers
        self._log = log

    async def take(self) -> QueuedRevocation | None:
        """See `ProviderRevocations.take`; what cannot be read any more is dropped with a warning."""
        for partition in range(self._partitions):
            raw = await self._scripts.run("next_revocation", partition, _LONGEST_WAIT_MS, _HOLD_MS, keys=_QUEUE)
            if raw:
                queued = self._to_queued(raw)
                if queued is None:
                    await self._run("settle_revocation", raw)
                return queued
        return None

    async def put_back(self, queued: QueuedRevocation) -> None:
        """See `ProviderRevocations.put_back`."""
        await self._run("requeue_revocation", queued.raw)

    async def settle(self, queued: QueuedRevocation) -> None:
        """See `ProviderRevocations.settle`."""
        await self._run("settle_revocation", queued.raw)

    async def _run(self, script: str, raw: bytes) -> None:
        _, raw_session, _ = _QUEUED.unpack_from(raw)
        await self._scripts.run(script, SessionId(raw_session).placing_byte % self._partitions, raw, keys=_QUEUE)

    def _to_queued(self, raw: bytes) -> QueuedRevocation | None:
        _, raw_session, mark = _QUEUED.unpack_from(raw)
        try:
            issuer = self._issuers.issuer_of(mark)
            token = self._seal.open_refresh(raw[_QUEUED.size :], issuer=issuer, session=SessionId(raw_session))
        except SealingKeyMissingError:
            self._log.warning("a refresh token that cannot be unsealed any more was not revoked at its provider")
            return None
        return QueuedRevocation(issuer, token, raw)


def token_log_id(login: Login, tokens: ProviderTokens) -> bytes:
    """The log id of the access token; nothing where it names the session's provider session, which stands for all such tokens."""
    names_session = tokens.provider_session is not None and tokens.provider_session == login.provider_session
    return b"" if names_session else log_id(RevocationType.TOKEN, login.issuer, tokens.token_id)


def first_token_ids(new: NewSession) -> bytes:
    """What stands between the header and the tail of a new record."""
    tokens = new.provider_tokens
    token_id = token_log_id(new.login, tokens) if tokens else b""
    return _TOKEN_ID.pack(token_id, tokens.access_expire_ms) if tokens and token_id else b""
