"""Sessions behind their port: each change is one script on the partition of the subject."""

from __future__ import annotations

import functools
from collections.abc import Collection

from typing_extensions import override

from sessiond_server.adapters.store.hashed_ids import HashedIssuers, hashed, hashed_clients, hashed_or_none
from sessiond_server.adapters.store.new_record import first_header
from sessiond_server.adapters.store.ownership import owner_in, whose_in
from sessiond_server.adapters.store.partitions import LAST_LOGIN_KEY, OUTAGES_KEY, SEEN_KEY, Partitions
from sessiond_server.adapters.store.provider_tokens import ProviderTokenSeal, first_token_ids
from sessiond_server.adapters.store.record import Header, State, split
from sessiond_server.adapters.store.records import Records, index_key, record_key
from sessiond_server.adapters.store.scripts.catalogue import (
    CREATE,
    END,
    END_PROVIDER,
    END_SUBJECT,
    GET,
    HEADER,
    HEADER_TO_END,
    LIST,
    ROTATE,
)
from sessiond_server.adapters.store.scripts.replies import (
    BusyReply,
    EndedOfLogoutReply,
    FullReply,
    HeldReply,
    LeasedReply,
    ListedReply,
    NotOfSubjectReply,
    RefusedReply,
    RotatedReply,
    UnreadableReply,
)
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.adapters.store.session_limit import SessionLimit
from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import (
    Input,
    InputRefusedError,
    LoginRefusal,
    LoginRefusedError,
    RefreshRefusal,
    SealingKeyMissingError,
)
from sessiond_server.domain.identifiers import SESSION_ID_BYTES, SessionId
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.domain.session import Cause, StoredSession, Whose
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.revocations import Logged, joined
from sessiond_server.service.storage.sessions import (
    Busy,
    Created,
    Eviction,
    Held,
    Leased,
    NewSession,
    NotRotated,
    Owner,
    RevocationResult,
    Rotated,
    Rotation,
    SessionCursor,
    SessionPage,
    SessionRules,
    SessionStore,
)


class RedisSessionStore(SessionStore):
    """Sessions in Redis or Valkey.

    No script looks at more than a few sessions of a subject, so that nobody waits for one that has very many:
    `create`, `list`, `end_subject` and `end_provider` may take several. The first of `end_subject` sets the
    cutoff; an `end_provider` that was interrupted is taken up by the next of the same.
    """

    def __init__(
        self,
        scripts: Scripts,
        *,
        partitions: Partitions,
        sealing: SealingKeys,
        issuers: HashedIssuers,
        rules: SessionRules,
        records: Records,
        logger: Logger,
    ) -> None:
        self._scripts = scripts
        self._partitions = partitions
        self._issuers = issuers
        self._sealing_ids, self._logger = sealing.ids, logger
        self._seal = ProviderTokenSeal(sealing)
        self._records = records
        self._rules = rules

    @override
    async def create(self, new: NewSession) -> Created:
        partition = self._of(new.id)
        header = first_header(new, created_ms=await self._scripts.now_ms(partition))
        expire_ms, (_, token_ids) = header.absolute_expire_ms, first_token_ids(new)
        issuer, tokens = new.login.issuer, new.provider_tokens
        limit = SessionLimit(self._scripts, self._rules, new, partition=partition)
        may_exceed = self._rules.eviction is not Eviction.DENY
        create = functools.partial(
            self._scripts.run,
            CREATE,
            partition,
            record=record_key(new.id),
            index=index_key(issuer, new.login.subject),
            last_login=LAST_LOGIN_KEY,
            id=new.id.raw,
            hashed=new.id.hashed,
            header=header.pack(),
            behind_header=token_ids
            + self._records.seal_login(new.login, session=new.id, absolute_expire_ms=expire_ms),
            max_sessions=self._rules.max_per_subject,
            may_exceed=int(may_exceed),
            sealed_refresh=self._seal.seal_refresh(tokens.refresh_token, issuer=issuer, session=new.id)
            if tokens
            else b"",
            sealed_access=self._seal.seal_access(tokens.access_token, issuer=issuer, session=new.id)
            if tokens
            else b"",
            access_expire_ms=tokens.access_expire_ms if tokens else 0,
        )
        _, created = await create()
        while isinstance(created, FullReply):
            if not await limit.drop_over():
                raise LoginRefusedError(LoginRefusal.SESSION_LIMIT)
            _, created = await create()
        made = await limit.make_room() if created.excess else []
        logs = [created.log, *(one.log for one in made)]
        logged = joined([log.to_logged(partition) for log in logs])
        ended = _session_ids(b"".join(one.ended for one in made))
        return Created(self._records.to_session(new.id, created.record), logged, ended)

    @override
    async def rotate(self, rotation: Rotation) -> Rotated | NotRotated | Leased | Busy | Held:
        session, partition, arrived_ms = rotation.session, self._of(rotation.session), None
        if rotation.arrived is not None:
            arrived_ms = await self._scripts.time_at(partition, rotation.arrived)
        outcome, found = await self._scripts.run(
            ROTATE,
            partition,
            wanted_until=rotation.wanted_until,
            record=record_key(session),
            seen=SEEN_KEY,
            outages=OUTAGES_KEY,
            id=session.raw,
            hashed=session.hashed,
            generation=rotation.generation,
            secret_hash=rotation.secret_hash,
            fingerprint=rotation.device_fingerprint,
            pepper_id=rotation.pepper_id,
            rotation_salt=rotation.rotation_salt,
            successor_hash=rotation.successor_hash,
            entry_life_ms=rotation.entry_life_ms,
            holder=rotation.holder,
            arrived_ms=arrived_ms,
            own_outages=self._own_outages(partition),
            longest_pause_ms=self._rules.longest_pause_ms,
            reuse_above=self._issuers.reuse_above,
            sealing_ids=self._sealing_ids,
            confirmation=rotation.confirmation_id,
        )
        match found:
            case RotatedReply():
                return self._records.to_rotated(session, found, replayed=outcome == "REPLAYED")
            case LeasedReply():
                return self._records.to_leased(session, found)
            case BusyReply():
                return Busy()
            case HeldReply():
                return Held()
            case UnreadableReply():
                await self._tell_unreadable(session)
                raise SealingKeyMissingError
            case RefusedReply(log=log, pause_ms=pause_ms):
                logged = log.to_logged(partition) if log else None
                return NotRotated(RefreshRefusal(outcome), logged, pause_ms=pause_ms or 0)

    @override
    async def pepper_id_of(self, session: SessionId) -> bytes | None:
        record = await self._find(session)
        return split(record)[0].pepper_id if record else None

    @override
    async def owner_of(self, session: SessionId, caller: Caller, *, to_end: bool = False) -> Owner:
        script = HEADER_TO_END if to_end else HEADER
        header = await self._scripts.run(script, self._of(session), record=record_key(session))
        return owner_in(split(header)[0], caller, self._issuers) if header else Owner.UNKNOWN

    @override
    async def whose(self, session: SessionId) -> Whose:
        header = await self._scripts.run(HEADER_TO_END, self._of(session), record=record_key(session))
        return whose_in(split(header)[0], self._issuers) if header else Whose()

    @override
    async def end(
        self, session: SessionId, *, is_proven: bool, cause: Cause, entry_life_ms: int
    ) -> RevocationResult:
        partition = self._of(session)
        ended = await self._scripts.run(
            END,
            partition,
            record=record_key(session),
            id=session.raw,
            hashed=session.hashed,
            cause=cause,
            entry_life_ms=entry_life_ms,
            tombstone=Header(state=State.ENDED, cause=cause).pack(),
            is_proven=int(is_proven),
        )
        header = split(ended.header)[0] if ended.header else Header()
        return RevocationResult(
            ended.count,
            ended.log.to_logged(partition),
            named=(session.hashed, header.hashed_provider_session),
            whose=whose_in(header, self._issuers),
        )

    @override
    async def end_provider(
        self,
        issuer: str,
        subject: str,
        *,
        provider_session: str | None,
        token_id: str | None,
        started_ms: int,
        client_ids: Collection[str] | None,
        cause: Cause,
        entry_life_ms: int,
    ) -> RevocationResult:
        partition = self._partitions.of_subject(issuer, subject)
        hashed_session = hashed_or_none(RevocationType.PROVIDER_SESSION, issuer, provider_session)
        hashed_token = hashed_or_none(RevocationType.TOKEN, issuer, token_id)
        end = functools.partial(
            self._scripts.run,
            END_PROVIDER,
            partition,
            index=index_key(issuer, subject),
            last_login=LAST_LOGIN_KEY,
            subject=hashed(RevocationType.SUBJECT, issuer, subject),
            provider_session=hashed_session,
            token_id=hashed_token,
            started_ms=started_ms,
            clients=hashed_clients(issuer, client_ids),
            cause=cause,
            entry_life_ms=entry_life_ms,
        )
        outcome, begun_ms, from_ms, from_id = "MORE", 0, None, None
        calls: list[EndedOfLogoutReply] = []
        while outcome == "MORE":
            outcome, found = await end(known_begun_ms=begun_ms, from_ms=from_ms, from_id=from_id)
            self._tell_of_strangers(found.strangers)
            begun_ms, from_ms, from_id = found.begun_ms, found.next_ms, found.next_id
            calls.append(found)
        return RevocationResult(
            sum(one.count for one in calls),
            joined([one.log.to_logged(partition) for one in calls]),
            tuple(one for one in (hashed_session, hashed_token) if one),
            ended=_session_ids(b"".join(one.ended for one in calls)),
        )

    @override
    async def end_subject(
        self,
        issuer: str,
        subject: str,
        *,
        spared: SessionId | None,
        cause: Cause,
        cutoff_life_ms: int,
        entry_life_ms: int,
    ) -> RevocationResult:
        partition = self._partitions.of_subject(issuer, subject)
        hashed_subject = hashed(RevocationType.SUBJECT, issuer, subject)
        outcome, cutoff_ms, count, from_ms, from_id = "MORE", 0, 0, None, None
        logs: list[Logged] = []
        while outcome == "MORE":
            outcome, found = await self._scripts.run(
                END_SUBJECT,
                partition,
                index=index_key(issuer, subject),
                last_login=LAST_LOGIN_KEY,
                subject=hashed_subject,
                cause=cause,
                entry_life_ms=entry_life_ms,
                cutoff_life_ms=cutoff_life_ms,
                spared=spared.hashed if spared else None,
                known_cutoff_ms=cutoff_ms,
                from_ms=from_ms,
                from_id=from_id,
            )
            if isinstance(found, NotOfSubjectReply):
                raise InputRefusedError(
                    Input.SPARED_SESSION,
                    found="a session that is not",
                    allowed="a live session of the subject",
                )
            self._tell_of_strangers(found.strangers)
            cutoff_ms, count = found.cutoff_ms, count + found.count
            from_ms, from_id = found.next_ms, found.next_id
            logs.append(found.log.to_logged(partition))
        return RevocationResult(count, joined(logs), (hashed_subject,))

    @override
    async def get(self, session: SessionId) -> StoredSession | None:
        record = await self._find(session)
        return self._records.to_session(session, record) if record else None

    @override
    async def list(
        self,
        issuer: str,
        subject: str,
        *,
        client_ids: Collection[str] | None,
        limit: int,
        after: SessionCursor | None,
    ) -> SessionPage:
        found: list[ListedReply] = []
        after_ms = after.absolute_expire_ms if after else None
        after_id = after.session.raw if after else None
        # One session more than is wanted tells whether there is a next page.
        while len(found) <= limit:
            listed = await self._scripts.run(
                LIST,
                self._partitions.of_subject(issuer, subject),
                index=index_key(issuer, subject),
                limit=limit + 1 - len(found),
                after_ms=after_ms,
                after_id=after_id,
                clients=hashed_clients(issuer, client_ids),
            )
            found += listed.sessions
            after_ms, after_id = listed.after_ms, listed.after_id
            if after_ms is None:
                break
        opened = (
            self._records.to_session_of(issuer, subject, SessionId(one.id), one.record)
            for one in found[:limit]
        )
        sessions = tuple(one for one in opened if one)
        last = sessions[-1] if sessions and len(found) > limit else None
        return SessionPage(sessions, SessionCursor(last.absolute_expire_ms, last.id) if last else None)

    async def _tell_unreadable(self, session: SessionId) -> None:
        """Find out why a session cannot be read here; whoever tries to says so."""
        record = await self._find(session)
        if record:
            self._records.to_session(session, record)
        self._logger.error("what a provider gave for a session cannot be unsealed", session_id=str(session))

    async def _find(self, session: SessionId) -> bytes | None:
        return await self._scripts.run(
            GET, self._of(session), record=record_key(session), hashed=session.hashed
        )

    def _own_outages(self, partition: int) -> bytes:
        time = self._scripts.time
        return self._scripts.outages.packed(partition, time.at(partition, time.steady()))

    def _tell_of_strangers(self, strangers: int) -> None:
        if strangers:
            self._logger.error("the index of a subject names somebody else's sessions", count=strangers)

    def _of(self, session: SessionId) -> int:
        return self._partitions.of_session(session)


def _session_ids(packed: bytes) -> tuple[SessionId, ...]:
    return tuple(
        SessionId(packed[at : at + SESSION_ID_BYTES]) for at in range(0, len(packed), SESSION_ID_BYTES)
    )
