"""Records as the services know them: unsealed, with their keys' names."""

from __future__ import annotations

from typing import Final

import msgspec

from sessiond_server.adapters.store.marks import IssuerMarks, mark_id
from sessiond_server.adapters.store.provider_tokens import ProviderTokenSeal
from sessiond_server.adapters.store.record import split
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.adapters.store.tail import decode_tail, encode_tail
from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Login, StoredSession
from sessiond_server.service.log import Log
from sessiond_server.service.session_store import Leased, Rotated

_TAIL_FIELD: Final = "tail"


class Records:
    """Reads what scripts return. A session of an issuer that is not configured cannot be unsealed."""

    def __init__(self, sealing: SealingKeys, issuers: IssuerMarks, *, log: Log) -> None:
        self._sealing = sealing
        self._issuers = issuers
        self._seal = ProviderTokenSeal(sealing)
        self._log = log

    def seal_tail(self, login: Login, *, session: SessionId, absolute_expire_ms: int) -> bytes:
        """The part of a record that only servers read."""
        tail = encode_tail(login, absolute_expire_ms=absolute_expire_ms)
        return self._sealing.seal(tail, field=_TAIL_FIELD, issuer=login.issuer, session=session)

    def to_session(self, session: SessionId, record: bytes) -> StoredSession:
        """The session in a record; raises `SealingKeyMissingError`."""
        header, sealed = split(record)
        try:
            issuer = self._issuers.issuer_of(header.issuer_mark)
            tail = self._sealing.open(sealed, field=_TAIL_FIELD, issuer=issuer, session=session)
            login, absolute_expire_ms = decode_tail(tail)
        except (SealingKeyMissingError, msgspec.MsgspecError) as error:
            self._log.error("a stored session cannot be unsealed", session_id=str(session))
            raise SealingKeyMissingError from error
        return StoredSession(
            id=session,
            login=login,
            generation=header.generation,
            created_ms=header.created_ms,
            refreshed_ms=header.rotated_ms or header.created_ms,
            idle_expire_ms=header.idle_expire_ms,
            # The sealed one: the header's can be moved by whoever can write the store.
            absolute_expire_ms=absolute_expire_ms,
        )

    def to_rotated(self, session: SessionId, record: bytes, sealed_access: bytes | None, *, replayed: bool) -> Rotated:
        """A rotation, with the provider's access token if there is one; raises `SealingKeyMissingError`."""
        header, _ = split(record)
        stored = self.to_session(session, record)
        access = None
        if sealed_access:
            access = self._seal.open_access(sealed_access, issuer=stored.login.issuer, session=session)
        return Rotated(stored, header.pepper_id, header.step, replayed=replayed, access_token=access)

    def to_leased(self, session: SessionId, record: bytes, sealed_refresh: bytes | None, in_doubt: int) -> Leased:
        """A lease, with the provider's refresh token; raises `SealingKeyMissingError`."""
        stored = self.to_session(session, record)
        if sealed_refresh is None:
            self._log.error("a provider's session has lost its refresh token", session_id=str(session))
            raise SealingKeyMissingError
        token = self._seal.open_refresh(sealed_refresh, issuer=stored.login.issuer, session=session)
        return Leased(stored, token, in_doubt=bool(in_doubt))


def record_key(session: SessionId) -> str:
    """The name of a session's record within its partition."""
    return f"s:{session.hashed.hex()}"


def index_key(issuer: str, subject: str) -> str:
    """The name of the index of a subject's sessions within its partition."""
    return f"u:{mark_id(RevocationType.SUBJECT, issuer, subject).hex()}"
