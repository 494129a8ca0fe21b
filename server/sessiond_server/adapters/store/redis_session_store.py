"""Sessions behind their port: each change is one script on the partition of the subject."""

from __future__ import annotations

from typing import Final

from sessiond_server.adapters.store.client import Scripts, to_logged
from sessiond_server.adapters.store.marks import IssuerMarks, log_id, mark_id
from sessiond_server.adapters.store.provider_tokens import ProviderTokenSeal, first_token_ids
from sessiond_server.adapters.store.record import Header, split
from sessiond_server.adapters.store.records import Records, index_key, record_key
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.binding import confirmation_id
from sessiond_server.domain.failures import FieldInvalidError, RefreshRefusal
from sessiond_server.domain.identifiers import SessionId, hashed_id, subject_byte
from sessiond_server.domain.revocation import Revocation, RevocationType
from sessiond_server.domain.session import Cause, StoredSession
from sessiond_server.service.log import Log
from sessiond_server.service.session_store import (
    Busy,
    Created,
    Ended,
    Leased,
    Logged,
    NewSession,
    NotRotated,
    Rotated,
    Rotation,
    SessionCursor,
    SessionPage,
)

_UPSTREAM_FLAG: Final = 1
# An exchange is given up at 10 s: what is left is for validating and storing what it brought.
_LEASE_MS: Final = 15_000
_MAX_REPLAYS: Final = 1000
_ENDED_A_CALL: Final = 100


class PartitionsError(Exception):
    """The store was begun with another number of partitions; the message is one line for a person."""


class RedisSessionStore:
    """Implements `SessionStore`."""

    def __init__(
        self,
        scripts: Scripts,
        *,
        partitions: int,
        sealing: SealingKeys,
        issuers: IssuerMarks,
        max_per_subject: int,
        log: Log,
    ) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._issuers = issuers
        self._seal = ProviderTokenSeal(sealing)
        self._records = Records(sealing, issuers, log=log)
        self._max_per_subject = max_per_subject

    async def claim(self) -> None:
        """Write the number of partitions at the first start; raises `PartitionsError` where another number holds."""
        found = await self._scripts.run("claim", 0, self._partitions, keys=["meta"])
        if found != self._partitions:
            raise PartitionsError(f"the store has {found} partitions, this server is set to {self._partitions}")

    async def create(self, new: NewSession) -> Created:
        """See `SessionStore.create`."""
        header, partition = _first_header(new, created_ms=await self._scripts.now_ms()), self._partition_of(new.id)
        tail = self._records.seal_tail(new.login, session=new.id, absolute_expire_ms=header.absolute_expire_ms)
        issuer, tokens = new.login.issuer, new.provider_tokens
        record, logged = await self._scripts.run(
            "create",
            partition,
            new.id.raw,
            new.id.hashed,
            header.pack(),
            first_token_ids(new) + tail,
            self._max_per_subject,
            Cause.SESSION_LIMIT.value,
            new.entry_life_ms,
            *(self._seal.seal(tokens, issuer=issuer, session=new.id) if tokens else ()),
            keys=[record_key(new.id), index_key(new.login.issuer, new.login.subject)],
        )
        return Created(self._records.to_session(new.id, record), to_logged(logged, partition=partition))

    async def rotate(self, rotation: Rotation) -> Rotated | NotRotated | Leased | Busy:
        """See `SessionStore.rotate`."""
        partition = self._partition_of(rotation.session)
        outcome, *rest = await self._scripts.run(
            "rotate",
            partition,
            rotation.session.raw,
            rotation.session.hashed,
            rotation.generation,
            rotation.secret_hash,
            rotation.client_fingerprint,
            rotation.pepper_id,
            rotation.step,
            rotation.successor_hash,
            Cause.REUSE.value,
            Cause.GENERATIONS_EXHAUSTED.value,
            rotation.entry_life_ms,
            _MAX_REPLAYS,
            rotation.holder,
            _LEASE_MS,
            rotation.arrived_ms,
            self._issuers.reuse_above,
            rotation.confirmation_id,
            keys=[record_key(rotation.session)],
        )
        match outcome:
            case b"ROTATED" | b"REPLAYED":
                return self._records.to_rotated(rotation.session, *rest, replayed=outcome == b"REPLAYED")
            case b"LEASED":
                return self._records.to_leased(rotation.session, *rest)
            case b"BUSY":
                return Busy(rest[0])
            case _:
                return NotRotated(RefreshRefusal(outcome.decode()), to_logged(rest[0], partition=partition) if rest else None)

    async def pepper_id_of(self, session: SessionId) -> bytes | None:
        """See `SessionStore.pepper_id_of`."""
        record = await self._find(session)
        return split(record)[0].pepper_id if record else None

    async def end(self, session: SessionId, *, cause: Cause, entry_life_ms: int) -> Ended:
        """See `SessionStore.end`."""
        partition = self._partition_of(session)
        count, logged = await self._scripts.run(
            "end", partition, session.raw, session.hashed, cause.value, entry_life_ms, keys=[record_key(session)]
        )
        return Ended(count, to_logged(logged, partition=partition))

    async def end_provider(
        self, issuer: str, subject: str, *, provider_session: str | None, token_id: str | None, cause: Cause, entry_life_ms: int
    ) -> Ended:
        """See `SessionStore.end_provider`."""
        partition = subject_byte(issuer, subject) % self._partitions
        count, logged = await self._scripts.run(
            "end_provider",
            partition,
            log_id(RevocationType.PROVIDER_SESSION, issuer, provider_session),
            log_id(RevocationType.TOKEN, issuer, token_id),
            cause.value,
            entry_life_ms,
            keys=[index_key(issuer, subject)],
        )
        return Ended(count, to_logged(logged, partition=partition))

    async def end_subject(
        self, issuer: str, subject: str, *, spared: SessionId | None, cause: Cause, mark_life_ms: int, entry_life_ms: int
    ) -> Ended:
        """See `SessionStore.end_subject`; with very many sessions it takes several scripts, of which the first sets the mark."""
        partition = subject_byte(issuer, subject) % self._partitions
        arguments = (
            mark_id(RevocationType.SUBJECT, issuer, subject),
            hashed_id(RevocationType.SUBJECT.kind, issuer, subject),
            cause.value,
            entry_life_ms,
            mark_life_ms,
            spared.hashed if spared else b"",
            _ENDED_A_CALL,
        )
        outcome, mark_ms, count = b"MORE", 0, 0
        revocations: list[Revocation] = []
        while outcome == b"MORE":
            outcome, *rest = await self._scripts.run(
                "end_subject", partition, *arguments, mark_ms, keys=[index_key(issuer, subject)]
            )
            if outcome == b"NOT_OF_SUBJECT":
                raise FieldInvalidError(
                    "except_session_id", found="a session that is not", allowed="a live session of the subject"
                )
            ended, mark_ms, reply = rest
            logged = to_logged(reply, partition=partition)
            count += ended
            revocations += logged.revocations
        return Ended(count, Logged(tuple(revocations), logged.position))

    async def get(self, session: SessionId) -> StoredSession | None:
        """See `SessionStore.get`."""
        record = await self._find(session)
        return self._records.to_session(session, record) if record else None

    async def list(self, issuer: str, subject: str, *, limit: int, after: SessionCursor | None) -> SessionPage:
        """See `SessionStore.list`."""
        found = await self._scripts.run(
            "list",
            subject_byte(issuer, subject) % self._partitions,
            # One more than wanted tells whether there is a next page.
            limit + 1,
            after.absolute_expire_ms if after else "",
            after.session.raw if after else b"",
            keys=[index_key(issuer, subject)],
        )
        sessions = tuple(self._records.to_session(SessionId(raw), record) for raw, record in found[:limit])
        last = sessions[-1] if len(found) > limit else None
        return SessionPage(sessions, SessionCursor(last.absolute_expire_ms, last.id) if last else None)

    async def _find(self, session: SessionId) -> bytes | None:
        partition = self._partition_of(session)
        found: bytes | None = await self._scripts.run("get", partition, session.hashed, keys=[record_key(session)])
        return found

    def _partition_of(self, session: SessionId) -> int:
        return session.placing_byte % self._partitions


def _first_header(new: NewSession, *, created_ms: int) -> Header:
    login, lifetimes, tokens = new.login, new.lifetimes, new.provider_tokens
    absolute_expire_ms = created_ms + lifetimes.absolute_ms
    return Header(
        flags=_UPSTREAM_FLAG if tokens else 0,
        provider_session=log_id(RevocationType.PROVIDER_SESSION, login.issuer, login.provider_session),
        token_ids=1 if first_token_ids(new) else 0,
        pepper_id=new.pepper_id,
        grace_ms=lifetimes.grace_ms,
        idle_ms=lifetimes.idle_ms,
        current_hash=new.secret_hash,
        binding=confirmation_id(login.confirmation),
        created_ms=created_ms,
        idle_expire_ms=min(created_ms + lifetimes.idle_ms, absolute_expire_ms),
        absolute_expire_ms=absolute_expire_ms,
        subject_mark=mark_id(RevocationType.SUBJECT, login.issuer, login.subject),
        tenant_mark=mark_id(RevocationType.TENANT, login.issuer, login.tenant_id) if login.tenant_id else b"",
        client_mark=mark_id(RevocationType.CLIENT, login.issuer, login.client_id),
        issuer_mark=mark_id(RevocationType.ISSUER, login.issuer, ""),
    )
