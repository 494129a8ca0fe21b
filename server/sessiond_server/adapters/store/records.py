"""Records as the services know them: unsealed, with their keys' names."""

from __future__ import annotations

from typing import Final

import msgspec

from sessiond_server.adapters.store.hashed_ids import HashedIssuers, hashed, ids_of_login
from sessiond_server.adapters.store.partitions import INDEX_KEY, RECORD_KEY
from sessiond_server.adapters.store.provider_tokens import ProviderTokenSeal
from sessiond_server.adapters.store.record import Header, split
from sessiond_server.adapters.store.scripts.replies import LeasedReply, RotatedReply
from sessiond_server.adapters.store.sealed_login import decode_login, encode_login
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Login, StoredSession
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.sessions import Leased, Rotated

_LOGIN_FIELD: Final = "login"


class Records:
    """Reads what scripts return; a session of an issuer that is not configured cannot be unsealed."""

    def __init__(self, sealing: SealingKeys, issuers: HashedIssuers, *, logger: Logger) -> None:
        self._sealing = sealing
        self._issuers = issuers
        self._seal = ProviderTokenSeal(sealing)
        self._logger = logger

    def seal_login(self, login: Login, *, session: SessionId, absolute_expire_ms: int) -> bytes:
        """The sealed login of a record, which only servers read."""
        encoded = encode_login(login, absolute_expire_ms=absolute_expire_ms)
        return self._sealing.seal(encoded, field=_LOGIN_FIELD, issuer=login.issuer, session=session)

    def to_session(self, session: SessionId, record: bytes) -> StoredSession:
        """The session in a record; raises `SealingKeyMissingError`."""
        return self._opened(session, *split(record))

    def to_session_of(
        self, issuer: str, subject: str, session: SessionId, record: bytes
    ) -> StoredSession | None:
        """The session in a record that the index of a subject names; None where it is somebody else's."""
        stored = self.to_session(session, record)
        if (stored.login.issuer, stored.login.subject) == (issuer, subject):
            return stored
        self._logger.error("the index of a subject names somebody else's session", session_id=str(session))
        return None

    def to_rotated(self, session: SessionId, found: RotatedReply, *, replayed: bool) -> Rotated:
        """A rotation, with the provider's access token if there is one; raises `SealingKeyMissingError`."""
        header, sealed = split(found.record)
        stored = self._opened(session, header, sealed)
        access = None
        if found.access:
            access = self._seal.open_access(found.access, issuer=stored.login.issuer, session=session)
        return Rotated(
            stored,
            header.pepper_id,
            header.rotation_salt,
            replayed=replayed,
            access_token=access,
            pause_ms=header.window_pause_ms,
        )

    def to_leased(self, session: SessionId, found: LeasedReply) -> Leased:
        """A lease, with the provider's refresh token; raises `SealingKeyMissingError`."""
        stored = self.to_session(session, found.record)
        if found.refresh is None:
            self._logger.error("a provider's session has lost its refresh token", session_id=str(session))
            raise SealingKeyMissingError
        token = self._seal.open_refresh(found.refresh, issuer=stored.login.issuer, session=session)
        return Leased(stored, token, in_doubt=found.in_doubt, doubt_age_ms=found.doubt_age_ms)

    def _opened(self, session: SessionId, header: Header, sealed: bytes) -> StoredSession:
        try:
            issuer = self._issuers.issuer_of(header.hashed_issuer)
            encoded = self._sealing.open(sealed, field=_LOGIN_FIELD, issuer=issuer, session=session)
            login, absolute_expire_ms = decode_login(encoded)
        except (SealingKeyMissingError, msgspec.MsgspecError) as error:
            if self._sealing.has_key_of(sealed):
                self._logger.error("a stored session cannot be unsealed", session_id=str(session))
            raise SealingKeyMissingError from error
        self._require_agreement(header, login, session)
        return StoredSession(
            id=session,
            login=login,
            generation=header.generation,
            created_ms=header.created_ms,
            refreshed_ms=header.rotated_ms or header.created_ms,
            idle_expire_ms=header.idle_expire_ms,
            # This is the sealed expiry: whoever can write the store can move the one in the header.
            absolute_expire_ms=absolute_expire_ms,
        )

    def _require_agreement(self, header: Header, login: Login, session: SessionId) -> None:
        """Raise where the header, which is not sealed, says otherwise than the login.

        Whoever can write the store could take a session from its subject's cutoffs, from its client, or from
        the key that it is bound to.
        """
        if any(getattr(header, name) != said for name, said in ids_of_login(login).items()):
            self._logger.error("a stored session is not the one that was sealed", session_id=str(session))
            raise SealingKeyMissingError


def record_key(session: SessionId) -> str:
    """The name of a session's record within its partition."""
    return f"{RECORD_KEY}{session.hashed.hex()}"


def index_key(issuer: str, subject: str) -> str:
    """The name of the index of a subject's sessions within its partition."""
    return f"{INDEX_KEY}{hashed(RevocationType.SUBJECT, issuer, subject).hex()}"
