"""Calls whose callers leave, wherever they have come to: nothing is half done, and nothing is left behind."""

from __future__ import annotations

import asyncio
import hashlib
from itertools import count
from typing import TYPE_CHECKING

import pytest

from sessiond.v1 import session_service_pb2 as messages
from sessiond.v1.session_pb2 import RevocationCause
from sessiond_server.adapters.embedded.store import EmbeddedStore, embedded_store
from sessiond_server.adapters.store import limits
from sessiond_server.adapters.store.partitions import Partitions, key_in
from sessiond_server.adapters.store.records import index_key
from sessiond_server.domain.identifiers import hashed_id
from tests.support.abandoned import abandoned
from tests.support.fakes import SilentLogger
from tests.support.store import be_patient
from tests.support.unlistened import LOCAL, PARTITIONS, Unlistened, unlistened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from google.protobuf.message import Message

ADMIN = RevocationCause.REVOCATION_CAUSE_ADMIN
# A subject that has more sessions than this is ended by several scripts.
MEMBERS_A_CALL = 2


@pytest.fixture(scope="module")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStore]:
    async with embedded_store(tmp_path_factory.mktemp("v") / "d", logger=SilentLogger()) as store:
        yield store


@pytest.fixture
async def server(
    valkey: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Unlistened]:
    be_patient(monkeypatch)
    async with unlistened(tmp_path, f"unix://{valkey.socket_path}") as found:
        yield found


async def is_abandoned(server: Unlistened, method: str, request: Message, *, at: int) -> bool:
    """Whether a call is abandoned at this wait, behind which the store's connections are as they were."""
    has_left = await abandoned(lambda: server.call(method, request), at=at)
    for lane, client in server.scripts._nodes.clients.items():
        pool = client.connection_pool
        assert not pool._in_use_connections, lane
        numbers = range(len(pool._available_connections))
        told = await asyncio.gather(*(client.execute_command("ECHO", number) for number in numbers))
        assert [int(one) for one in told] == list(numbers), lane
    assert has_left or at, "it waits nowhere"
    return has_left


async def test_a_refresh(server: Unlistened) -> None:
    token = (await server.login("alice")).refresh_token
    for at in count():
        request = messages.RefreshSessionRequest(refresh_token=token)
        has_left = await is_abandoned(server, "RefreshSession", request, at=at)
        first, second = await server.refresh(token), await server.refresh(token)
        assert first.refresh_token == second.refresh_token
        token = first.refresh_token
        if not has_left:
            break


async def test_a_refresh_at_a_provider(server: Unlistened) -> None:
    token = (await server.login_at_provider(subject="usr_1")).refresh_token
    for at in count():
        before = (await server.idp.counts())["refreshed"]
        request = messages.RefreshSessionRequest(refresh_token=token)
        has_left = await is_abandoned(server, "RefreshSession", request, at=at)
        first, second = await server.refresh(token), await server.refresh(token)
        assert first.refresh_token == second.refresh_token
        assert first.access_token == second.access_token
        # What was begun has been finished, and what was not was begun for who came then.
        assert (await server.idp.counts())["refreshed"] == before + 1
        token = first.refresh_token
        if not has_left:
            break


async def test_a_login(server: Unlistened) -> None:
    for at in count():
        subject = f"user-{at}"
        login = messages.CreateSessionRequest(local_login=messages.LocalLogin(subject=subject))
        has_left = await is_abandoned(server, "CreateSession", login, at=at)
        opened = len(await server.sessions(LOCAL, subject))
        assert opened in {0, 1}
        # Nobody got the tokens of a session that is told of, if only as one that there may be.
        principal = server.app.audit.trail._pepper.principal(hashed_id("subject", LOCAL, subject))
        told = [event for event in server.audit.of("session.created") if event["principal"] == principal]
        assert len(told) >= opened
        if not has_left:
            break


async def test_a_login_with_a_code(server: Unlistened) -> None:
    for at in count():
        subject = f"usr_{at}"
        code = await server.code(subject=subject)
        before = (await server.idp.counts())["token"]
        login = messages.CreateSessionRequest(authorization_code=code)
        has_left = await is_abandoned(server, "CreateSession", login, at=at)
        spent = (await server.idp.counts())["token"] - before
        assert len(await server.sessions(server.idp.issuer, subject)) == spent
        if not has_left:
            break


async def test_an_adoption(server: Unlistened) -> None:
    for at in count():
        subject = f"usr_{at}"
        token = (await server.idp.login(subject=subject))["refresh_token"]
        request = messages.RefreshSessionRequest(refresh_token=token, issuer=server.idp.issuer)
        has_left = await is_abandoned(server, "RefreshSession", request, at=at)
        adopted = await server.adopt(token)
        assert adopted.session.subject == subject
        assert len(await server.sessions(server.idp.issuer, subject)) == 1
        if not has_left:
            break


async def test_a_revocation_by_refresh_token(server: Unlistened) -> None:
    for at in count():
        token = (await server.login("alice")).refresh_token
        request = messages.RevokeSessionRequest(refresh_token=token, cause=ADMIN)
        has_left = await is_abandoned(server, "RevokeSession", request, at=at)
        await server.call("RevokeSession", request)
        refused = await server.call("RefreshSession", messages.RefreshSessionRequest(refresh_token=token))
        assert refused.reason == "SESSION_REVOKED"
        if not has_left:
            break


async def test_a_revocation_of_all_sessions_of_a_subject(server: Unlistened) -> None:
    few_a_call(server)
    for at in count():
        subject = messages.Subject(issuer=LOCAL, subject=f"user-{at}")
        tokens = [await server.login(subject.subject) for _ in range(2 * MEMBERS_A_CALL + 1)]
        request = messages.RevokeSessionRequest(subject=subject, cause=ADMIN)
        has_left = await is_abandoned(server, "RevokeSession", request, at=at)
        partition = Partitions(PARTITIONS).of_subject(LOCAL, subject.subject)
        index = key_in(partition, index_key(LOCAL, subject.subject))
        assert await server.redis.zcard(index) in {0, len(tokens)}
        if not has_left:
            break


async def test_a_revocation_of_a_tenant(server: Unlistened) -> None:
    for at in count():
        tenant = messages.Tenant(issuer=LOCAL, tenant_id=f"org_{at}")
        request = messages.RevokeSessionRequest(tenant=tenant, cause=ADMIN)
        has_left = await is_abandoned(server, "RevokeSession", request, at=at)
        hashed = hashed_id("tenant", LOCAL, tenant.tenant_id)
        cut_off = [await server.redis.hexists(key_in(one, "cutoffs"), hashed) for one in range(PARTITIONS)]
        assert sum(cut_off) in {0, PARTITIONS}
        if not has_left:
            break


def few_a_call(server: Unlistened) -> None:
    """Scripts look at so few sessions that several are needed for a handful."""
    scripts = server.scripts
    for name, source in scripts._sources.items():
        usual = f"local MEMBERS_A_CALL = {limits.MEMBERS_A_CALL}".encode()
        changed = source.replace(usual, f"local MEMBERS_A_CALL = {MEMBERS_A_CALL}".encode())
        scripts._sources[name] = changed
        scripts._digests[name] = hashlib.sha1(changed, usedforsecurity=False).hexdigest()
