"""Who did what to which session, told by a real server: each thing once, and never with a token."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sessiond import (
    AsyncClient,
    Device,
    PermissionDeniedError,
    ProviderTokens,
    RefreshRefusedError,
    SessiondError,
)
from sessiond.v1 import session_service_pb2
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from sessiond_server.adapters.store.connection import StoreAddress, connect
from tests.support.config import Config, scalekit
from tests.support.idp import running_idp
from tests.support.server import Server, running, serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens

ISSUER = "https://sessions.example"
LOCAL = {"issuer": ISSUER, "preset": "local", "audiences": ["web"], "client_id": "web"}


@dataclass
class Audited:
    """A server, its clients, and whatever they were given that must not be told."""

    server: Server
    web: AsyncClient
    admin: AsyncClient
    file: Path
    secrets: set[str] = field(default_factory=set)

    def keep(self, tokens: Tokens) -> Tokens:
        self.secrets |= {tokens.access_token, tokens.refresh_token}
        return tokens

    def events(self) -> list[dict[str, Any]]:
        return [
            json.loads(line)
            for line in self.file.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    async def told(self, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """The events with these fields, once there are so many."""

        def found() -> list[dict[str, Any]]:
            return [event for event in self.events() if fields.items() <= event.items()]

        await eventually(lambda: len(found()) >= count)
        return found()


@asynccontextmanager
async def audited(directory: Path, *issuers: dict[str, Any]) -> AsyncIterator[Audited]:
    config = Config(directory, issuers=[*issuers, LOCAL])
    web = config.caller("web", ["validate", "session", "mint"])
    admin = config.caller("admin", ["revoke", "revoke_bulk", "session"])
    file = directory / "audit.log"
    config.tables |= {
        "sessions": {"grace": "0s", "max_per_subject": 2},
        "audit": {"file": str(file), "stream": "audit"},
        "log": {"calls": "none"},
    }
    async with (
        serving(config.write(), config.data, directory / "log") as server,
        AsyncClient(server.grpc, key=web, timeout=5, cache=None) as web_client,
        AsyncClient(server.grpc, key=admin, timeout=5, cache=None) as admin_client,
    ):
        yield Audited(server, web_client, admin_client, file, {web, admin})


async def stream_of(audited: Audited, count: int) -> list[str]:
    """What is in the stream of the store, once there are so many events."""
    redis = connect(StoreAddress(f"unix://{audited.server.data / 'valkey.sock'}"))
    try:

        async def found() -> Any:
            entries = await redis.xrange("audit")
            return entries if len(entries) >= count else None

        return [fields[b"event"].decode() for _, fields in await eventually(found)]
    finally:
        await redis.aclose()


@pytest.mark.slow
async def test_the_life_of_sessions_is_told_once_and_without_a_token(tmp_path: Path) -> None:
    async with audited(tmp_path) as found:
        device = Device(ip_address="192.0.2.7")
        first = found.keep(await found.web.create_local_session("alice@example.com", device=device))
        second = found.keep(await found.web.refresh(first.refresh_token))
        with pytest.raises(RefreshRefusedError):
            await found.web.refresh(first.refresh_token)
        third = found.keep(await found.web.create_local_session("alice@example.com"))
        note = f"stolen: {third.access_token}"[:256]
        for _ in range(2):
            await found.admin.revoke_session(third.session.session_id, note=note)
        for _ in range(3):
            found.keep(await found.web.create_local_session("alice@example.com"))
        await found.admin.revoke_subject(ISSUER, "alice@example.com")
        await found.admin.revoke_tenant(ISSUER, "acme")
        for _ in range(20):
            with pytest.raises(PermissionDeniedError):
                await found.web.revoke_tenant(ISSUER, "acme")
        stranger = AsyncClient(found.server.grpc, key=second.refresh_token, timeout=5)
        async with stranger:
            with pytest.raises(SessiondError, match="CALLER_UNKNOWN"):
                await stranger.refresh(second.refresh_token)
        await found.server.stop()
        events = found.events()
        streamed_at = found.server.data
    told = [(one["action"], one["outcome"], one.get("cause") or one.get("reason")) for one in events]
    assert told[0] == ("settings.loaded", "done", None)
    assert told[1:] == [
        ("session.created", "done", None),
        ("refresh.reused", "refused", None),
        ("session.ended", "done", "REUSE"),
        ("session.created", "done", None),
        ("session.ended", "done", "LOGOUT"),
        ("session.ended", "repeated", "LOGOUT"),
        ("session.created", "done", None),
        ("session.created", "done", None),
        ("session.created", "done", None),
        ("session.limit", "done", None),
        ("session.ended", "done", "SESSION_LIMIT"),
        ("revocation.bulk", "done", "LOGOUT"),
        ("revocation.bulk", "done", "LOGOUT"),
        ("caller.refused", "refused", "CALLER_NOT_PERMITTED"),
        ("caller.refused", "refused", "CALLER_UNKNOWN"),
        ("caller.refused", "refused", "CALLER_NOT_PERMITTED"),
    ]
    assert events[1]["client_ip"] == "192.0.2.7"
    assert events[1]["session_id"] == first.session.session_id
    assert events[-1]["left_out"] == 19
    of_alice = [one for one in events if "session_id" in one]
    assert len({one["principal"] for one in of_alice}) == 1
    assert {one["caller"] for one in of_alice} == {"web", "admin"}
    assert len({one["id"] for one in events}) == len(events)
    everything = found.file.read_text() + found.server.log.read_text()
    assert "alice" not in found.file.read_text()
    assert [one["note"] for one in events if "note" in one] == ["stolen: (a token)"] * 2
    assert not [secret for secret in found.secrets if secret in everything]
    assert not [line for line in found.server.lines() if line["event"] in {"audit", "call"}]
    # The last events are in the stream before the server has ended.
    async with running(streamed_at, tmp_path / "again") as again:
        found.server = again
        streamed = await stream_of(found, len(events))
    assert [json.loads(one)["id"] for one in streamed] == [one["id"] for one in events]
    assert not [secret for secret in found.secrets if secret in "".join(streamed)]


async def test_what_a_provider_ends_is_told_with_its_cause_and_the_key_set_when_it_changes(
    tmp_path: Path,
) -> None:
    async with (
        running_idp(tmp_path / "idp") as idp,
        audited(tmp_path, scalekit(idp.issuer, tmp_path, tenants=["org_1"])) as found,
    ):
        loaded = (await found.told(action="key_set.changed"))[0]
        answer = await idp.login()
        given = ProviderTokens(answer["access_token"], answer["refresh_token"], answer.get("id_token", ""))
        tokens = found.keep(await found.web.create_session(idp.issuer, given))
        found.secrets |= {answer["access_token"], answer["refresh_token"]}
        (created,) = await found.told(action="session.created")
        await idp.switch(status=400, error="invalid_grant", times=1)
        with pytest.raises(RefreshRefusedError):
            await found.web.refresh(tokens.refresh_token)
        (ended,) = await found.told(action="session.ended")
        assert (ended["cause"], ended["caller"]) == ("PROVIDER_REFUSED", "web")
        for name in ("session_id", "principal", "issuer", "client_id"):
            assert ended[name] == created[name]
        assert loaded["issuer"] == idp.issuer
        assert loaded["keys_added"]
        everything = found.file.read_text() + found.server.log.read_text()
        assert not [secret for secret in found.secrets if secret in everything]


async def test_the_log_has_the_events_whatever_it_leaves_out_and_calls_are_named(tmp_path: Path) -> None:
    config = Config(tmp_path, issuers=[LOCAL])
    key = config.caller("web", ["mint"])
    config.tables |= {"log": {"level": "error"}, "server": {"listen": f"unix:{tmp_path}/s"}}
    async with (
        serving(config.write(), config.data, tmp_path / "log", until="audit") as server,
        grpc.aio.insecure_channel(f"unix:{tmp_path}/s") as channel,
    ):
        request = session_service_pb2.CreateSessionRequest(local_login={"subject": "alice"})
        for request_id in ("req-4711", "x" * 65):
            metadata = (("authorization", f"Bearer {key}"), ("x-request-id", request_id))
            await SessionServiceStub(channel).CreateSession(
                request, metadata=metadata, wait_for_ready=True, timeout=10
            )
        await eventually(lambda: len(server.lines()) >= 3)
        assert [line.get("request_id") for line in server.lines()] == [None, "req-4711", None]
    assert {line["event"] for line in server.lines()} == {"audit"}
