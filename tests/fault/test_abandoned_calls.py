"""Calls whose callers leave, wherever they have come to: nothing is half done, and nothing is left behind.

They go through everything but gRPC, on a real store and a real provider.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from sessiond.v1 import session_service_pb2 as messages
from sessiond.v1.session_pb2 import RevocationCause
from sessiond_server.adapters.embedded.store import EmbeddedStore, embedded_store
from sessiond_server.adapters.store import connection
from sessiond_server.adapters.store.partitions import Partitions, key_in
from sessiond_server.adapters.store.records import index_key
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.app.build import App, build
from sessiond_server.app.secrets import load_secrets
from sessiond_server.config.reader import read_file
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.transport.engine.port import Call, Status
from tests.support.abandoned import abandoned
from tests.support.config import scalekit
from tests.support.fakes import RecordingAudit, SilentLogger, SilentTelemetry
from tests.support.idp import REDIRECT_URI, VERIFIER, Idp, running_idp
from tests.support.local_issuer import on_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from google.protobuf.message import Message
    from redis.asyncio import Redis

ADMIN = RevocationCause.REVOCATION_CAUSE_ADMIN
LOCAL = "https://sessions.example"
PARTITIONS = 3
GROUPS = ["session", "mint", "adopt", "read", "revoke", "revoke_bulk"]
# A subject that has more sessions than this is ended by several scripts.
MEMBERS_A_CALL = 2
ANSWERS = {
    "CreateSession": messages.CreateSessionResponse,
    "RefreshSession": messages.RefreshSessionResponse,
    "RevokeSession": messages.RevokeSessionResponse,
    "ListSessions": messages.ListSessionsResponse,
}


@dataclass
class Server:
    """A server that does not listen, before a provider."""

    app: App
    idp: Idp
    audit: RecordingAudit

    @property
    def scripts(self) -> Any:
        return self.app.stores.sessions._scripts

    @property
    def redis(self) -> Redis:
        return self.scripts._nodes.clients[Lane.CALLS]

    async def call(self, method: str, request: Message) -> Any:
        """The answer, as a message or a status."""
        served = self.app.endpoints.unary[method]
        answer = await served(request.SerializeToString(), Call(method))
        return answer if isinstance(answer, Status) else ANSWERS[method].FromString(answer)

    async def is_abandoned(self, method: str, request: Message, *, at: int) -> bool:
        """Whether a call is abandoned at this wait, behind which the store's connections are as they were."""
        has_left = await abandoned(lambda: self.call(method, request), at=at)
        for lane, client in self.scripts._nodes.clients.items():
            pool = client.connection_pool
            assert not pool._in_use_connections, lane
            numbers = range(len(pool._available_connections))
            told = await asyncio.gather(*(client.execute_command("ECHO", number) for number in numbers))
            assert [int(one) for one in told] == list(numbers), lane
        assert has_left or at > 2, "it waits nowhere"
        return has_left

    async def login(self, subject: str, tenant: str = "") -> str:
        """The refresh token of a new session of the local issuer."""
        local = messages.LocalLogin(subject=subject, tenant_id=tenant)
        opened = await self.call("CreateSession", messages.CreateSessionRequest(local_login=local))
        return opened.tokens.refresh_token

    async def refresh(self, token: str, issuer: str = "") -> Any:
        return await self.call(
            "RefreshSession", messages.RefreshSessionRequest(refresh_token=token, issuer=issuer)
        )

    async def sessions(self, issuer: str, subject: str) -> int:
        """How many live sessions a subject has, all of them whole."""
        subject_ = messages.Subject(issuer=issuer, subject=subject)
        page = await self.call("ListSessions", messages.ListSessionsRequest(subject=subject_))
        return len(page.sessions)


@pytest.fixture(scope="module")
async def valkey(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStore]:
    async with embedded_store(tmp_path_factory.mktemp("v") / "d", logger=SilentLogger()) as store:
        yield store


@pytest.fixture
async def server(
    valkey: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Server]:
    # On a machine that is busy the store may take longer than sessiond grants it.
    monkeypatch.setattr(connection, "TIMEOUT_SECONDS", 5.0)
    url, logger, audit = f"unix://{valkey.socket_path}", SilentLogger(), RecordingAudit()
    async with running_idp(tmp_path / "idp.json") as idp, AsyncExitStack() as stack:
        config = on_store(tmp_path, url, partitions=PARTITIONS, on_store_loss="accept")
        # Nothing is read between the calls.
        config.tables |= {"server": {"anonymous": GROUPS}, "revocation": {"max_staleness": "60s"}}
        config.issuers[0]["client_id"] = "app"
        config.issuers.append(scalekit(idp.issuer, tmp_path, adopt=True, tenants=["org_1"]))
        settings = read_file(config.write(), environment={}, insecure_plaintext=False)
        app = await build(
            settings,
            load_secrets(settings, directory=tmp_path, logger=logger),
            store_url=url,
            stack=stack,
            telemetry=SilentTelemetry(),
            logger=logger,
            sinks=[audit],
        )
        for partition in range(PARTITIONS):
            await app.revocations.catch_up(partition)
        yield Server(app, idp, audit)


async def test_a_refresh(server: Server) -> None:
    token = await server.login("alice")
    for at in count():
        request = messages.RefreshSessionRequest(refresh_token=token)
        has_left = await server.is_abandoned("RefreshSession", request, at=at)
        first, second = await server.refresh(token), await server.refresh(token)
        assert first.tokens.refresh_token == second.tokens.refresh_token
        token = first.tokens.refresh_token
        if not has_left:
            break


async def test_a_refresh_at_a_provider(server: Server) -> None:
    given = await server.idp.login(subject="usr_1")
    tokens = messages.ProviderTokens(
        issuer=server.idp.issuer, access_token=given["access_token"], refresh_token=given["refresh_token"]
    )
    opened = await server.call("CreateSession", messages.CreateSessionRequest(provider_tokens=tokens))
    token = opened.tokens.refresh_token
    for at in count():
        before = (await server.idp.counts())["refreshed"]
        request = messages.RefreshSessionRequest(refresh_token=token)
        has_left = await server.is_abandoned("RefreshSession", request, at=at)
        first, second = await server.refresh(token), await server.refresh(token)
        assert (first.tokens.refresh_token, first.tokens.access_token) == (
            second.tokens.refresh_token,
            second.tokens.access_token,
        )
        # What was begun has been finished, and what was not was begun for who came then.
        assert (await server.idp.counts())["refreshed"] == before + 1
        token = first.tokens.refresh_token
        if not has_left:
            break


async def test_a_login(server: Server) -> None:
    for at in count():
        subject = f"user-{at}"
        login = messages.CreateSessionRequest(local_login=messages.LocalLogin(subject=subject))
        has_left = await server.is_abandoned("CreateSession", login, at=at)
        opened = await server.sessions(LOCAL, subject)
        assert opened in {0, 1}
        # Nobody got the tokens of a session that is told of, if only as one that there may be.
        principal = server.app.audit.trail._pepper.principal(hashed_id("subject", LOCAL, subject))
        told = [event for event in server.audit.of("session.created") if event["principal"] == principal]
        assert len(told) >= opened
        if not has_left:
            break


async def test_a_login_with_a_code(server: Server) -> None:
    for at in count():
        subject = f"usr_{at}"
        code = messages.AuthorizationCode(
            issuer=server.idp.issuer,
            code=await server.idp.code(subject=subject),
            redirect_uri=REDIRECT_URI,
            code_verifier=VERIFIER,
        )
        before = (await server.idp.counts())["token"]
        login = messages.CreateSessionRequest(authorization_code=code)
        has_left = await server.is_abandoned("CreateSession", login, at=at)
        spent = (await server.idp.counts())["token"] - before
        assert await server.sessions(server.idp.issuer, subject) == spent
        if not has_left:
            break


async def test_an_adoption(server: Server) -> None:
    for at in count():
        subject = f"usr_{at}"
        token = (await server.idp.login(subject=subject))["refresh_token"]
        request = messages.RefreshSessionRequest(refresh_token=token, issuer=server.idp.issuer)
        has_left = await server.is_abandoned("RefreshSession", request, at=at)
        adopted = await server.refresh(token, server.idp.issuer)
        assert adopted.tokens.session.subject == subject
        assert await server.sessions(server.idp.issuer, subject) == 1
        if not has_left:
            break


async def test_a_revocation_by_refresh_token(server: Server) -> None:
    for at in count():
        token = await server.login("alice")
        request = messages.RevokeSessionRequest(refresh_token=token, cause=ADMIN)
        has_left = await server.is_abandoned("RevokeSession", request, at=at)
        await server.call("RevokeSession", request)
        assert (await server.refresh(token)).reason == "SESSION_REVOKED"
        if not has_left:
            break


async def test_a_revocation_of_all_sessions_of_a_subject(server: Server) -> None:
    few_a_call(server)
    for at in count():
        subject = messages.Subject(issuer=LOCAL, subject=f"user-{at}")
        tokens = [await server.login(subject.subject) for _ in range(2 * MEMBERS_A_CALL + 1)]
        request = messages.RevokeSessionRequest(subject=subject, cause=ADMIN)
        has_left = await server.is_abandoned("RevokeSession", request, at=at)
        at_place = (
            Partitions(PARTITIONS).of_subject(LOCAL, subject.subject),
            index_key(LOCAL, subject.subject),
        )
        assert await server.redis.zcard(key_in(*at_place)) in {0, len(tokens)}
        if not has_left:
            break


async def test_a_revocation_of_a_tenant(server: Server) -> None:
    for at in count():
        tenant = messages.Tenant(issuer=LOCAL, tenant_id=f"org_{at}")
        request = messages.RevokeSessionRequest(tenant=tenant, cause=ADMIN)
        has_left = await server.is_abandoned("RevokeSession", request, at=at)
        hashed = hashed_id("tenant", LOCAL, tenant.tenant_id)
        cut_off = [await server.redis.hexists(key_in(one, "cutoffs"), hashed) for one in range(PARTITIONS)]
        assert sum(cut_off) in {0, PARTITIONS}
        if not has_left:
            break


def few_a_call(server: Server) -> None:
    """Scripts look at so few sessions that several are needed for a handful."""
    scripts = server.scripts
    for name, source in scripts._sources.items():
        changed = source.replace(
            b"local MEMBERS_A_CALL = 100", f"local MEMBERS_A_CALL = {MEMBERS_A_CALL}".encode()
        )
        scripts._sources[name] = changed
        scripts._digests[name] = hashlib.sha1(changed, usedforsecurity=False).hexdigest()
