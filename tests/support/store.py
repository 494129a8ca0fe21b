"""Sessions on a real store, and the passing of time there."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sessiond_server.adapters.store.client import Scripts
from sessiond_server.adapters.store.marks import IssuerMarks
from sessiond_server.adapters.store.record import split
from sessiond_server.adapters.store.redis_revocation_log import RedisRevocationLog
from sessiond_server.adapters.store.redis_session_store import RedisSessionStore
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.refresh_token import Peppers, RefreshToken
from sessiond_server.domain.session import Cause, Lifetimes, Login
from sessiond_server.service.session_store import NewSession, Rotation

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from sessiond_server.service.session_store import Created, Ended, NotRotated, Rotated

ISSUER = "http://sessiond.localhost"
HOUR = 3_600_000
LIFETIMES = Lifetimes(absolute_ms=30 * 24 * HOUR, idle_ms=7 * 24 * HOUR, grace_ms=10_000)
ENTRY_LIFE_MS = 24 * HOUR
SEALING = bytes(range(32))
PEPPERS = Peppers([b"p" * 32])
TIMES = ("rotated_ms", "rotated_before_ms", "created_ms", "idle_expire_ms", "absolute_expire_ms")


class SilentLog:
    """Nobody reads it."""

    def info(self, event: str, **fields: Any) -> None: ...

    warning = error = info


@dataclass
class Store:
    """The ports on one Valkey, with the steps that tests repeat."""

    redis: Redis
    scripts: Scripts
    sessions: RedisSessionStore
    log: RedisRevocationLog

    async def create(
        self, subject: str = "alice", *, lifetimes: Lifetimes = LIFETIMES, **login: Any
    ) -> tuple[RefreshToken, Created]:
        """A new session: its first refresh token, and the store's answer."""
        token = first_token(subject)
        created = await self.sessions.create(
            NewSession(
                token.session,
                Login(ISSUER, subject, "app", **login),
                lifetimes,
                token.pepper.id,
                token.secret_hash,
                ENTRY_LIFE_MS,
            )
        )
        return token, created

    async def open(self, subject: str = "alice", *, lifetimes: Lifetimes = LIFETIMES) -> RefreshToken:
        return (await self.create(subject, lifetimes=lifetimes))[0]

    async def rotate(self, token: RefreshToken, *, client: str = "phone", step: bytes | None = None) -> Rotated | NotRotated:
        return await self.sessions.rotate(proposal(token, client=client, step=step))

    async def next(self, token: RefreshToken, *, client: str = "phone") -> RefreshToken:
        """Rotate, and compute the successor from the answer, as a server does."""
        outcome = await self.rotate(token, client=client)
        pepper = PEPPERS.find(outcome.pepper_id)
        assert pepper is not None
        return token.successor(pepper=pepper, step=outcome.step)

    async def end(self, session: SessionId, cause: Cause = Cause.LOGOUT) -> Ended:
        return await self.sessions.end(session, cause=cause, entry_life_ms=ENTRY_LIFE_MS)

    async def end_subject(self, subject: str = "alice", *, spared: SessionId | None = None) -> Ended:
        return await self.sessions.end_subject(
            ISSUER,
            subject,
            spared=spared,
            cause=Cause.ADMIN,
            mark_life_ms=LIFETIMES.absolute_ms,
            entry_life_ms=ENTRY_LIFE_MS,
        )

    async def header(self, session: SessionId) -> Any:
        return split(await self.redis.get(record_key(session)))[0]

    async def change(self, session: SessionId, **fields: int | bytes) -> None:
        """Write fields of a record's header, and leave its tail and its expiry."""
        header = await self.header(session)
        await self.redis.setrange(record_key(session), 0, replace(header, **fields).pack())

    async def age(self, session: SessionId, milliseconds: int) -> None:
        """Let time pass for one session: everything that happened or will happen to it lies so much earlier."""
        header = await self.header(session)
        times = {name: max(0, getattr(header, name) - milliseconds) for name in TIMES if getattr(header, name)}
        await self.change(session, **times)


def connected(redis: Redis, *, max_per_subject: int = 1000, sealing: tuple[bytes, ...] = (SEALING,)) -> Store:
    scripts = Scripts(redis, observe=lambda _name, _seconds: None, log=SilentLog())
    sessions = RedisSessionStore(
        scripts,
        partitions=1,
        sealing=SealingKeys(sealing),
        issuers=IssuerMarks({ISSUER: 0}),
        max_per_subject=max_per_subject,
        log=SilentLog(),
    )
    return Store(redis, scripts, sessions, RedisRevocationLog(scripts))


def first_token(subject: str = "alice") -> RefreshToken:
    session = SessionId.mint(ISSUER, subject, randomness=os.urandom(16))
    return RefreshToken(PEPPERS.newest, session, 0, os.urandom(32))


def proposal(token: RefreshToken, *, client: str = "phone", step: bytes | None = None) -> Rotation:
    step = step or os.urandom(32)
    return Rotation(
        session=token.session,
        generation=token.generation,
        secret_hash=token.secret_hash,
        client_fingerprint=token.pepper.client_fingerprint("anonymous", client, ""),
        pepper_id=PEPPERS.newest.id,
        step=step,
        successor_hash=token.successor(pepper=PEPPERS.newest, step=step).secret_hash,
        entry_life_ms=ENTRY_LIFE_MS,
    )


def record_key(session: SessionId) -> str:
    return f"{{p0}}s:{session.hashed.hex()}"
