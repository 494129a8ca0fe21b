"""Sessions on a real store, and the passing of time there."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sessiond_server.adapters.store import cluster_nodes, connection
from sessiond_server.adapters.store.hashed_ids import HashedIssuers
from sessiond_server.adapters.store.one_node import OneNode
from sessiond_server.adapters.store.open import Stores, stores_over
from sessiond_server.adapters.store.partitions import Partitions, key_in
from sessiond_server.adapters.store.record import split
from sessiond_server.adapters.store.records import index_key, record_key
from sessiond_server.adapters.store.scripts.catalogue import SCRIPTS
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.prelude import sources
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.adapters.store.store_time import StoreTime
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.refresh_token import Peppers, RefreshToken
from sessiond_server.domain.revocation import FOREVER_MS
from sessiond_server.domain.session import Cause, Lifetimes, Login
from sessiond_server.service.storage.sessions import NewSession, Rotation, SessionRules
from tests.support.fakes import RecordingTelemetry, SilentLogger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection

    import pytest
    from redis.asyncio import Redis

    from sessiond_server.adapters.store.scripts.nodes import Nodes
    from sessiond_server.service.logger import Logger
    from sessiond_server.service.storage.revocations import RevocationLog
    from sessiond_server.service.storage.sessions import (
        Created,
        NotRotated,
        ProviderTokens,
        RevocationResult,
        Rotated,
        SessionCursor,
        SessionPage,
        SessionStore,
    )

ISSUER = "http://sessiond.localhost"
HOUR = 3_600_000
LIFETIMES = Lifetimes(absolute_ms=30 * 24 * HOUR, idle_ms=7 * 24 * HOUR, grace_ms=10_000)
ENTRY_LIFE_MS = 24 * HOUR
SEALING = bytes(range(32))
RULES = SessionRules(max_per_subject=1000, longest_pause_ms=300_000)
PEPPERS = Peppers([b"p" * 32])
TIMES = (
    "rotated_ms",
    "rotated_before_ms",
    "created_ms",
    "idle_expire_ms",
    "absolute_expire_ms",
    "provider_expire_ms",
)

# How long a store may take in tests that are about something else.
PATIENT_SECONDS = 5.0


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give stores that are opened from now on more time than sessiond does.

    On a machine that is busy a server may take longer than that. What follows from it is tested where a
    store is made to be slow.
    """
    monkeypatch.setattr(connection, "TIMEOUT_SECONDS", PATIENT_SECONDS)
    for lane in Lane:
        monkeypatch.setitem(connection._TURN_SECONDS, lane, PATIENT_SECONDS)
    monkeypatch.setattr(cluster_nodes, "_SEARCH_SECONDS", 2 * PATIENT_SECONDS)


@dataclass
class Store:
    """The ports on one Valkey, with the steps that tests repeat."""

    redis: Redis
    scripts: Scripts
    partitions: Partitions
    stores: Stores

    @property
    def sessions(self) -> SessionStore:
        return self.stores.sessions

    @property
    def log(self) -> RevocationLog:
        return self.stores.revocations

    def partition(self, subject: str = "alice") -> int:
        """Where everything of a subject is."""
        return self.partitions.of_subject(ISSUER, subject)

    @property
    def neighbour(self) -> str:
        """Another subject in alice's partition."""
        return next(
            name for name in map("user-{}".format, range(100)) if self.partition(name) == self.partition()
        )

    def key(self, name: str, subject: str = "alice") -> str:
        """A key of the subject's partition."""
        return key_in(self.partition(subject), name)

    def record_key(self, session: SessionId) -> str:
        return key_in(self.partitions.of_session(session), record_key(session))

    def index_key(self, subject: str = "alice") -> str:
        return self.key(index_key(ISSUER, subject), subject)

    def provider_key(self, kind: str, session: SessionId) -> str:
        """Where the refresh token ("r") or the access token ("a") of a provider's session is."""
        return key_in(self.partitions.of_session(session), f"{kind}:{session.hashed.hex()}")

    async def create(
        self,
        subject: str = "alice",
        *,
        lifetimes: Lifetimes = LIFETIMES,
        tokens: ProviderTokens | None = None,
        client_id: str = "app",
        **login: Any,
    ) -> tuple[RefreshToken, Created]:
        """A new session: its first refresh token, and the store's answer."""
        token = first_token(subject)
        created = await self.sessions.create(
            NewSession(
                token.session,
                Login(ISSUER, subject, client_id, **login),
                lifetimes,
                token.pepper.id,
                token.secret_hash,
                ENTRY_LIFE_MS,
                tokens,
            )
        )
        return token, created

    async def open(self, subject: str = "alice", *, lifetimes: Lifetimes = LIFETIMES) -> RefreshToken:
        return (await self.create(subject, lifetimes=lifetimes))[0]

    async def rotate(
        self, token: RefreshToken, *, device: str = "phone", salt: bytes | None = None
    ) -> Rotated | NotRotated:
        return await self.sessions.rotate(proposal(token, device=device, salt=salt))

    async def next(self, token: RefreshToken, *, device: str = "phone") -> RefreshToken:
        """Rotate, and compute the successor from the answer, as a server does."""
        outcome = await self.rotate(token, device=device)
        pepper = PEPPERS.find(outcome.pepper_id)
        assert pepper is not None
        return token.successor(pepper=pepper, rotation_salt=outcome.rotation_salt)

    async def end(
        self, session: SessionId, cause: Cause = Cause.LOGOUT, *, is_proven: bool = False
    ) -> RevocationResult:
        return await self.sessions.end(session, is_proven=is_proven, cause=cause, entry_life_ms=ENTRY_LIFE_MS)

    async def end_subject(
        self, subject: str = "alice", *, spared: SessionId | None = None
    ) -> RevocationResult:
        return await self.sessions.end_subject(
            ISSUER,
            subject,
            spared=spared,
            cause=Cause.ADMIN,
            cutoff_life_ms=LIFETIMES.absolute_ms,
            entry_life_ms=ENTRY_LIFE_MS,
        )

    async def list(
        self,
        *,
        client_ids: Collection[str] | None = None,
        limit: int = 10,
        after: SessionCursor | None = None,
    ) -> SessionPage:
        """A page of alice's sessions."""
        return await self.sessions.list(ISSUER, "alice", client_ids=client_ids, limit=limit, after=after)

    async def record(self, session: SessionId) -> bytes:
        return await self.redis.get(self.record_key(session))

    async def header(self, session: SessionId) -> Any:
        return split(await self.record(session))[0]

    def stop_at(self, now_ms: int) -> None:
        """From now on it is `now_ms` for every script that this store runs, and a server knows it."""
        self.scripts.time = StoreTime(lambda: 0.0)
        for partition in self.partitions:
            self.scripts.time.take(partition, now_ms, sent=0.0)
        time = f"{{{now_ms // 1000}, {now_ms % 1000 * 1000}}}".encode()
        for name, source in sources(SCRIPTS).items():
            stopped = source.replace(b"redis.call('TIME')", time)
            self.scripts._sources[name] = stopped
            digest = hashlib.sha1(stopped, usedforsecurity=False).hexdigest()
            self.scripts._digests[name] = digest

    async def change(self, session: SessionId, **fields: int | bytes) -> None:
        """Write fields of a record's header; what follows the header, and the expiry, stay as they are."""
        header = await self.header(session)
        await self.redis.setrange(self.record_key(session), 0, replace(header, **fields).pack())

    async def age(self, session: SessionId, milliseconds: int) -> None:
        """Let time pass for one session: whatever happened or will happen to it happens so much earlier."""
        header = await self.header(session)
        times = {
            name: max(0, getattr(header, name) - milliseconds) for name in TIMES if getattr(header, name)
        }
        await self.change(session, **times)


def connected(  # noqa: PLR0913 - what a store is made of has names
    redis: Redis,
    *,
    nodes: Nodes | None = None,
    partitions: int = 1,
    rules: SessionRules = RULES,
    sealing: tuple[bytes, ...] | SealingKeys = (SEALING,),
    logger: Logger | None = None,
    steady: Callable[[], float] = time.monotonic,
    replicas: int = 0,
    max_log_entries: int = FOREVER_MS,
) -> Store:
    logger = logger or SilentLogger()
    scripts = Scripts(
        nodes or OneNode(dict.fromkeys(Lane, redis)),
        telemetry=RecordingTelemetry(),
        logger=logger,
        steady=steady,
        replicas=replicas,
        max_log_entries=max_log_entries,
    )
    divided = Partitions(partitions)
    stores = stores_over(
        scripts,
        partitions=divided,
        sealing=sealing if isinstance(sealing, SealingKeys) else SealingKeys(sealing),
        issuers=HashedIssuers({ISSUER: 0}, {ISSUER: ["app"]}),
        rules=rules,
        logger=logger,
    )
    return Store(redis, scripts, divided, stores)


def is_late(store: Store, seconds: float = 12.0) -> None:
    """Whatever this server sends gets to the store so much later, behind the time at which it gives it up."""
    store.scripts.time = StoreTime(lambda: 0.0)
    for partition in store.partitions:
        store.scripts.time.take(partition, round((time.time() - seconds) * 1000), sent=0.0)


def at_most(sessions: int) -> SessionRules:
    """What the other rules are, with so many sessions of a subject."""
    return replace(RULES, max_per_subject=sessions)


@asynccontextmanager
async def crowded(redis: Redis) -> AsyncIterator[None]:
    """Every connection of a client is in use until the context closes."""
    pool = redis.connection_pool
    taken = [await pool.get_connection() for _ in range(pool.max_connections)]
    try:
        yield
    finally:
        for connection in taken:
            await pool.release(connection)


def first_token(subject: str = "alice") -> RefreshToken:
    session = SessionId.mint(ISSUER, subject, randomness=os.urandom(16))
    return RefreshToken(PEPPERS.newest, session, 0, os.urandom(32))


def proposal(token: RefreshToken, *, device: str = "phone", salt: bytes | None = None) -> Rotation:
    salt = salt or os.urandom(32)
    return Rotation(
        session=token.session,
        generation=token.generation,
        secret_hash=token.secret_hash,
        device_fingerprint=token.pepper.device_fingerprint("anonymous", device, ""),
        pepper_id=PEPPERS.newest.id,
        rotation_salt=salt,
        successor_hash=token.successor(pepper=PEPPERS.newest, rotation_salt=salt).secret_hash,
        entry_life_ms=ENTRY_LIFE_MS,
    )
