"""Sessions behind their port: each change is one script on the partition of the subject."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from sessiond_server.adapters.store.client import Scripts, to_logged
from sessiond_server.adapters.store.record import Header, split
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.adapters.store.tail import decode_tail, encode_tail
from sessiond_server.domain.failures import FieldInvalidError, RefreshRefusal, SealingKeyMissingError
from sessiond_server.domain.identifiers import MARK_ID_BYTES, SessionId, hashed_id, subject_byte
from sessiond_server.domain.revocation import Revocation, RevocationType
from sessiond_server.domain.session import Cause, Login, StoredSession
from sessiond_server.service.log import Log
from sessiond_server.service.session_store import (
    Busy,
    Created,
    Ended,
    Leased,
    LeaseEnd,
    Logged,
    Moved,
    NewSession,
    NotRotated,
    ProviderTokens,
    QueuedRevocation,
    Rotated,
    Rotation,
    SessionCursor,
    SessionPage,
)

_TAIL_FIELD: Final = "tail"
_REFRESH_FIELD: Final = "upstream refresh token"
_ACCESS_FIELD: Final = "upstream access token"
_UPSTREAM_FLAG: Final = 1
# An exchange is given up at 10 s: what is left is for validating and storing what it brought.
_LEASE_MS: Final = 15_000
_LONGEST_WAIT_FOR_REVOCATION_MS: Final = 24 * 3_600_000
_TOKEN_ID: Final = struct.Struct(">16sQ")
_REUSE_ABOVE: Final = struct.Struct(">8sQ")
_QUEUED: Final = struct.Struct(">Q16s8s")
_REVOCATION_QUEUE: Final = "torevoke"
_MAX_REPLAYS: Final = 1000
_ENDED_A_CALL: Final = 100


class PartitionsError(Exception):
    """The store was begun with another number of partitions; the message is one line for a person."""


class RedisSessionStore:
    """Implements `SessionStore` and `ProviderRevocations`.

    `issuers` are the configured ones, a session of any other cannot be unsealed; each with the milliseconds that its access
    tokens must have left to be handed out again instead of a new one (0: never).
    """

    def __init__(
        self,
        scripts: Scripts,
        *,
        partitions: int,
        sealing: SealingKeys,
        issuers: Mapping[str, int],
        max_per_subject: int,
        log: Log,
    ) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._sealing = sealing
        self._issuers = {_mark_id(RevocationType.ISSUER, issuer, ""): issuer for issuer in issuers}
        self._reuse_above = b"".join(_REUSE_ABOVE.pack(mark, issuers[issuer]) for mark, issuer in self._issuers.items())
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
        sealed_tail = self._sealing.seal(tail, field=_TAIL_FIELD, issuer=new.login.issuer, session=new.id)
        record, logged = await self._scripts.run(
            "create",
            partition,
            new.id.raw,
            new.id.hashed,
            header.pack(),
            _token_ids(new) + sealed_tail,
            self._max_per_subject,
            Cause.SESSION_LIMIT.value,
            new.entry_life_ms,
            *(self._sealed(new.provider_tokens, new.login.issuer, new.id) if new.provider_tokens else ()),
            keys=[_record(new.id), _index(new.login.issuer, new.login.subject)],
        )
        return Created(self._to_session(new.id, record), to_logged(logged, partition=partition))

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
            self._reuse_above,
            keys=[_record(rotation.session)],
        )
        match outcome:
            case b"ROTATED" | b"REPLAYED":
                return self._to_rotated(rotation.session, *rest, replayed=outcome == b"REPLAYED")
            case b"LEASED":
                return self._to_leased(rotation.session, *rest)
            case b"BUSY":
                return Busy(rest[0])
            case _:
                return NotRotated(RefreshRefusal(outcome.decode()), to_logged(rest[0], partition=partition) if rest else None)

    async def commit(self, rotation: Rotation, leased: Leased, tokens: ProviderTokens) -> Rotated | NotRotated | Moved:
        """See `SessionStore.commit`."""
        session, login = leased.session, leased.session.login
        refresh, access, access_expire_ms = self._sealed(tokens, login.issuer, session.id)
        outcome, *rest = await self._scripts.run(
            "commit",
            self._partition_of(session.id),
            session.id.raw,
            session.id.hashed,
            session.generation,
            rotation.generation,
            rotation.secret_hash,
            rotation.client_fingerprint,
            rotation.pepper_id,
            rotation.step,
            rotation.successor_hash,
            refresh,
            access,
            access_expire_ms,
            _token_log_id(login, tokens),
            keys=[_record(session.id)],
        )
        if outcome == b"ROTATED":
            return self._to_rotated(session.id, *rest, replayed=False)
        return Moved() if outcome == b"MOVED" else NotRotated(RefreshRefusal(outcome.decode()))

    async def release(self, rotation: Rotation, end: LeaseEnd) -> None:
        """See `SessionStore.release`."""
        await self._settle(rotation, end.value, cause=0, brought=b"")

    async def end_leased(self, rotation: Rotation, leased: Leased, *, cause: Cause, brought: str | None) -> Ended:
        """See `SessionStore.end_leased`."""
        issuer, session = leased.session.login.issuer, rotation.session
        sealed = self._sealing.seal(brought.encode(), field=_REFRESH_FIELD, issuer=issuer, session=session) if brought else b""
        count, logged = await self._settle(rotation, "END", cause=cause.value, brought=sealed)
        return Ended(count, to_logged(logged, partition=self._partition_of(session)))

    async def _settle(self, rotation: Rotation, action: str, *, cause: int, brought: bytes) -> Any:
        session = rotation.session
        return await self._scripts.run(
            "settle",
            self._partition_of(session),
            session.raw,
            session.hashed,
            rotation.holder,
            action,
            cause,
            rotation.entry_life_ms,
            brought,
            keys=[_record(session)],
        )

    async def take(self) -> QueuedRevocation | None:
        """See `ProviderRevocations.take`."""
        for partition in range(self._partitions):
            raw = await self._scripts.run("next_revocation", partition, _LONGEST_WAIT_FOR_REVOCATION_MS, keys=[_REVOCATION_QUEUE])
            if raw:
                return self._to_queued(raw)
        return None

    async def put_back(self, queued: QueuedRevocation) -> None:
        """See `ProviderRevocations.put_back`."""
        _, raw_session, _ = _QUEUED.unpack_from(queued.raw)
        partition = self._partition_of(SessionId(raw_session))
        await self._scripts.run("requeue_revocation", partition, queued.raw, keys=[_REVOCATION_QUEUE])

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

    async def end_provider(
        self, issuer: str, subject: str, *, provider_session: str | None, token_id: str | None, cause: Cause, entry_life_ms: int
    ) -> Ended:
        """See `SessionStore.end_provider`."""
        partition = subject_byte(issuer, subject) % self._partitions
        count, logged = await self._scripts.run(
            "end_provider",
            partition,
            _log_id(RevocationType.PROVIDER_SESSION, issuer, provider_session),
            _log_id(RevocationType.TOKEN, issuer, token_id),
            cause.value,
            entry_life_ms,
            keys=[_index(issuer, subject)],
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

    def _sealed(self, tokens: ProviderTokens, issuer: str, session: SessionId) -> tuple[bytes, bytes, int]:
        """The arguments that `create` and `commit` take of a provider's tokens."""
        refresh = self._sealing.seal(tokens.refresh_token.encode(), field=_REFRESH_FIELD, issuer=issuer, session=session)
        access = self._sealing.seal(tokens.access_token.encode(), field=_ACCESS_FIELD, issuer=issuer, session=session)
        return refresh, access, tokens.access_expire_ms

    def _to_rotated(self, session: SessionId, record: bytes, sealed_access: bytes | None, *, replayed: bool) -> Rotated:
        header, _ = split(record)
        stored = self._to_session(session, record)
        access = None
        if sealed_access:
            access = self._sealing.open(sealed_access, field=_ACCESS_FIELD, issuer=stored.login.issuer, session=session).decode()
        return Rotated(stored, header.pepper_id, header.step, replayed=replayed, access_token=access)

    def _to_leased(self, session: SessionId, record: bytes, sealed_refresh: bytes | None, in_doubt: int) -> Leased:
        stored = self._to_session(session, record)
        if sealed_refresh is None:
            self._log.error("a provider's session has lost its refresh token", session_id=str(session))
            raise SealingKeyMissingError
        token = self._sealing.open(sealed_refresh, field=_REFRESH_FIELD, issuer=stored.login.issuer, session=session)
        return Leased(stored, token.decode(), in_doubt=bool(in_doubt))

    def _to_queued(self, raw: bytes) -> QueuedRevocation | None:
        _, raw_session, issuer_mark = _QUEUED.unpack_from(raw)
        issuer = self._issuers.get(issuer_mark)
        if issuer is None:
            self._log.warning("a provider's token of an issuer that is not configured was not revoked there")
            return None
        try:
            token = self._sealing.open(raw[_QUEUED.size :], field=_REFRESH_FIELD, issuer=issuer, session=SessionId(raw_session))
        except SealingKeyMissingError:
            self._log.warning("a provider's token that cannot be unsealed was not revoked there")
            return None
        return QueuedRevocation(issuer, token.decode(), raw)

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
    login, lifetimes, tokens = new.login, new.lifetimes, new.provider_tokens
    absolute_expire_ms = created_ms + lifetimes.absolute_ms
    return Header(
        flags=_UPSTREAM_FLAG if tokens else 0,
        provider_session=_log_id(RevocationType.PROVIDER_SESSION, login.issuer, login.provider_session),
        token_ids=1 if tokens and _token_log_id(login, tokens) else 0,
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


def _log_id(kind: RevocationType, issuer: str, identifier: str | None) -> bytes:
    return hashed_id(kind.kind, issuer, identifier) if identifier else b""


def _token_log_id(login: Login, tokens: ProviderTokens) -> bytes:
    """The log id of the access token; nothing where it names the session's provider session, which stands for all such tokens."""
    names_session = tokens.provider_session is not None and tokens.provider_session == login.provider_session
    return b"" if names_session else _log_id(RevocationType.TOKEN, login.issuer, tokens.token_id)


def _token_ids(new: NewSession) -> bytes:
    tokens = new.provider_tokens
    if tokens is None:
        return b""
    log_id = _token_log_id(new.login, tokens)
    return _TOKEN_ID.pack(log_id, tokens.access_expire_ms) if log_id else b""


def _record(session: SessionId) -> str:
    return f"s:{session.hashed.hex()}"


def _index(issuer: str, subject: str) -> str:
    return f"u:{_mark_id(RevocationType.SUBJECT, issuer, subject).hex()}"
