"""Sessions behind their port: each change is one script on the partition of the subject."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from sessiond_server.adapters.store.client import Scripts, to_logged
from sessiond_server.adapters.store.record import Header, split
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.adapters.store.tail import decode_tail, encode_tail
from sessiond_server.domain.failures import FieldInvalidError, RefreshRefusal, SealingKeyMissingError
from sessiond_server.domain.identifiers import MARK_ID_BYTES, SessionId, hashed_id, subject_byte
from sessiond_server.domain.revocation import Revocation, RevocationType
from sessiond_server.domain.session import Cause, StoredSession
from sessiond_server.service.log import Log
from sessiond_server.service.session_store import (
    Created,
    Ended,
    Logged,
    NewSession,
    NotRotated,
    Rotated,
    Rotation,
    SessionCursor,
    SessionPage,
)

_TAIL_FIELD: Final = "tail"
_MAX_REPLAYS: Final = 1000
_ENDED_A_CALL: Final = 100


class PartitionsError(Exception):
    """The store was begun with another number of partitions; the message is one line for a person."""


class RedisSessionStore:
    """Implements `SessionStore`. `issuers` are the configured ones: a session of any other cannot be unsealed."""

    def __init__(
        self,
        scripts: Scripts,
        *,
        partitions: int,
        sealing: SealingKeys,
        issuers: Iterable[str],
        max_per_subject: int,
        log: Log,
    ) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._sealing = sealing
        self._issuers = {_mark_id(RevocationType.ISSUER, issuer, ""): issuer for issuer in issuers}
        self._max_per_subject = max_per_subject
        self._log = log

    async def claim(self) -> None:
        """Write the number of partitions at the first start; raises `PartitionsError` where another number holds."""
        found = await self._scripts.run("claim", 0, self._partitions, keys=["meta"])
        if found != self._partitions:
            raise PartitionsError(f"the store has {found} partitions, this server is set to {self._partitions}")

    async def create(self, new: NewSession) -> Created:
        """See `SessionStore.create`."""
        header, partition = _first_header(new, created_ms=await self._scripts.now_ms()), self._partition_of(new.id)
        tail = encode_tail(new.login, absolute_expire_ms=header.absolute_expire_ms)
        record, logged = await self._scripts.run(
            "create",
            partition,
            new.id.raw,
            new.id.hashed,
            header.pack(),
            self._sealing.seal(tail, field=_TAIL_FIELD, issuer=new.login.issuer, session=new.id),
            self._max_per_subject,
            Cause.SESSION_LIMIT.value,
            new.entry_life_ms,
            keys=[_record(new.id), _index(new.login.issuer, new.login.subject)],
        )
        return Created(self._to_session(new.id, record), to_logged(logged, partition=partition))

    async def rotate(self, rotation: Rotation) -> Rotated | NotRotated:
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
            keys=[_record(rotation.session)],
        )
        if outcome not in {b"ROTATED", b"REPLAYED"}:
            return NotRotated(RefreshRefusal(outcome.decode()), to_logged(rest[0], partition=partition) if rest else None)
        header, _ = split(rest[0])
        session = self._to_session(rotation.session, rest[0])
        return Rotated(session, header.pepper_id, header.step, replayed=outcome == b"REPLAYED")

    async def pepper_id_of(self, session: SessionId) -> bytes | None:
        """See `SessionStore.pepper_id_of`."""
        record = await self._find(session)
        return split(record)[0].pepper_id if record else None

    async def end(self, session: SessionId, *, cause: Cause, entry_life_ms: int) -> Ended:
        """See `SessionStore.end`."""
        partition = self._partition_of(session)
        count, logged = await self._scripts.run(
            "end", partition, session.raw, session.hashed, cause.value, entry_life_ms, keys=[_record(session)]
        )
        return Ended(count, to_logged(logged, partition=partition))

    async def end_subject(
        self, issuer: str, subject: str, *, spared: SessionId | None, cause: Cause, mark_life_ms: int, entry_life_ms: int
    ) -> Ended:
        """See `SessionStore.end_subject`; with very many sessions it takes several scripts, of which the first sets the mark."""
        partition = subject_byte(issuer, subject) % self._partitions
        arguments = (
            _mark_id(RevocationType.SUBJECT, issuer, subject),
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
                "end_subject", partition, *arguments, mark_ms, keys=[_index(issuer, subject)]
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
        return self._to_session(session, record) if record else None

    async def list(self, issuer: str, subject: str, *, limit: int, after: SessionCursor | None) -> SessionPage:
        """See `SessionStore.list`."""
        found = await self._scripts.run(
            "list",
            subject_byte(issuer, subject) % self._partitions,
            # One more than wanted tells whether there is a next page.
            limit + 1,
            after.absolute_expire_ms if after else "",
            after.session.raw if after else b"",
            keys=[_index(issuer, subject)],
        )
        sessions = tuple(self._to_session(SessionId(raw), record) for raw, record in found[:limit])
        last = sessions[-1] if len(found) > limit else None
        return SessionPage(sessions, SessionCursor(last.absolute_expire_ms, last.id) if last else None)

    async def _find(self, session: SessionId) -> bytes | None:
        partition = self._partition_of(session)
        found: bytes | None = await self._scripts.run("get", partition, session.hashed, keys=[_record(session)])
        return found

    def _partition_of(self, session: SessionId) -> int:
        return session.placing_byte % self._partitions

    def _to_session(self, session: SessionId, record: bytes) -> StoredSession:
        header, sealed = split(record)
        try:
            issuer = self._issuers[header.issuer_mark]
            tail = self._sealing.open(sealed, field=_TAIL_FIELD, issuer=issuer, session=session)
            login, absolute_expire_ms = decode_tail(tail)
        except (KeyError, SealingKeyMissingError, msgspec.MsgspecError) as error:
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


def _first_header(new: NewSession, *, created_ms: int) -> Header:
    login, lifetimes = new.login, new.lifetimes
    absolute_expire_ms = created_ms + lifetimes.absolute_ms
    return Header(
        pepper_id=new.pepper_id,
        grace_ms=lifetimes.grace_ms,
        idle_ms=lifetimes.idle_ms,
        current_hash=new.secret_hash,
        created_ms=created_ms,
        idle_expire_ms=min(created_ms + lifetimes.idle_ms, absolute_expire_ms),
        absolute_expire_ms=absolute_expire_ms,
        subject_mark=_mark_id(RevocationType.SUBJECT, login.issuer, login.subject),
        tenant_mark=_mark_id(RevocationType.TENANT, login.issuer, login.tenant_id) if login.tenant_id else b"",
        client_mark=_mark_id(RevocationType.CLIENT, login.issuer, login.client_id),
        issuer_mark=_mark_id(RevocationType.ISSUER, login.issuer, ""),
    )


def _mark_id(kind: RevocationType, issuer: str, identifier: str) -> bytes:
    return hashed_id(kind.kind, issuer, identifier)[:MARK_ID_BYTES]


def _record(session: SessionId) -> str:
    return f"s:{session.hashed.hex()}"


def _index(issuer: str, subject: str) -> str:
    return f"u:{_mark_id(RevocationType.SUBJECT, issuer, subject).hex()}"
