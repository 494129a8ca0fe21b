"""Callers over real channels: keys, certificates, groups, and certificates that change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond import (
    AsyncClient,
    AtLeast,
    Client,
    PermissionDeniedError,
    ProviderTokens,
    Reason,
    Rejection,
    Session,
    Tls,
    UnavailableError,
)
from sessiond.v1 import session_service_pb2 as messages
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.domain.identifiers import SessionId
from tests.support.certificates import Authority, Pair
from tests.support.config import Config
from tests.support.server import serving
from tests.support.store import connected
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from google.protobuf.message import Message

    from tests.support.server import Server

ISSUER = "https://sessions.example"
MESH = "spiffe://acme/ns/shop/sa/orders"
UNKNOWN_SESSION = "sds_" + 21 * "B" + "A"


class Setting:
    """A server with callers, and the keys to it."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority()
        self.server_pair = self.authority.issue("127.0.0.1", "sessiond.internal")
        self.cert_file, self.key_file = self.server_pair.write(directory, "server")
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(self.authority.certificate)
        self.config = Config(directory)
        self.config.issuers.append(
            {"issuer": ISSUER, "preset": "local", "audiences": ["web", "app"], "client_id": "web"}
        )
        self.orders = self.config.caller("orders", ["validate"])
        self.auth = self.config.caller("auth", ["validate", "session", "mint", "read"])
        self.web = self.config.caller("web", ["session", "mint", "read", "revoke"], client_ids=["web"])
        self.other = self.config.caller("other", ["validate", "mint"], issuers=[])
        self.elsewhere = self.config.caller("elsewhere", ["session", "read", "revoke"], issuers=[])
        self.revoker = self.config.caller("revoker", ["session"])
        self.server: Server

    def client(self, key: str | None = None, **more: Any) -> AsyncClient:
        return AsyncClient(self.server.grpc, key=key, timeout=5, **more)


@pytest.fixture(scope="module")
async def keys(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Setting]:
    directory = tmp_path_factory.mktemp("c")
    setting = Setting(directory)
    setting.config.tables["server"] = {"anonymous": []}
    async with serving(setting.config.write(), setting.config.data, directory / "log") as setting.server:
        yield setting


@pytest.fixture(scope="module")
async def mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Setting]:
    """The same server, with TLS that wants certificates."""
    directory = tmp_path_factory.mktemp("m")
    setting = Setting(directory)
    setting.config.callers.append(
        {"name": "mesh", "groups": ["validate", "mint"], "identities": [MESH, "pay.internal"]}
    )
    files = {"cert_file": setting.cert_file, "key_file": setting.key_file, "client_ca_file": setting.ca_file}
    setting.config.tables["server"] = {
        "anonymous": [],
        "tls": {name: str(path) for name, path in files.items()},
    }
    async with serving(setting.config.write(), setting.config.data, directory / "log") as setting.server:
        yield setting


def tls(setting: Setting, pair: Pair | None = None) -> Tls:
    certificate, key = (pair.certificate, pair.key) if pair else (None, None)
    return Tls(setting.authority.certificate, certificate, key)


@pytest.mark.parametrize("key", [None, "wrong", "", "a" * 44])
async def test_who_is_not_known_is_denied_and_not_unauthenticated(keys: Setting, key: str | None) -> None:
    async with keys.client(key) as client:
        with pytest.raises(PermissionDeniedError) as refused:
            await client.validate("x")
        assert refused.value.reason == "CALLER_UNKNOWN"
        with pytest.raises(PermissionDeniedError):
            await client.refresh("sdr1_" + 96 * "A")


@pytest.mark.parametrize("method", ["ValidateToken", "WatchRevocations"])
async def test_a_stranger_who_never_sends_a_message_is_not_waited_for(keys: Setting, method: str) -> None:
    async with grpc.aio.insecure_channel(keys.server.grpc) as channel:
        call = channel.stream_stream(f"/sessiond.v1.SessionService/{method}")(timeout=5)
        assert await call.code() is grpc.StatusCode.PERMISSION_DENIED
    assert await keys.server.said(event="call", method=method, caller="unknown")


async def test_a_method_that_does_not_exist_is_no_label_of_a_metric(keys: Setting) -> None:
    async with grpc.aio.insecure_channel(keys.server.grpc) as channel:
        call = channel.unary_unary("/sessiond.v1.SessionService/NoSuchMethod")(b"", timeout=5)
        assert await call.code() is grpc.StatusCode.UNIMPLEMENTED
    async with aiohttp.ClientSession() as web, web.get(f"http://{keys.server.http}/metrics") as answer:
        assert "NoSuchMethod" not in await answer.text()


async def test_a_caller_may_do_what_its_groups_say(keys: Setting) -> None:
    async with keys.client(keys.auth) as auth, keys.client(keys.orders) as orders:
        tokens = await auth.create_local_session("alice")
        assert isinstance(await orders.validate(tokens.access_token), Session)
        for call, group in (
            (orders.create_local_session("bob"), "mint or session"),
            (orders.refresh(tokens.refresh_token), "adopt or session"),
            (auth.revoke_subject(ISSUER, "alice"), "revoke"),
        ):
            with pytest.raises(PermissionDeniedError) as refused:
                await call
            assert (refused.value.reason, refused.value.metadata) == (
                "CALLER_NOT_PERMITTED",
                {"group": group},
            )
        assert (await auth.refresh(tokens.refresh_token)).session.subject == "alice"


async def test_the_caller_is_in_the_log_and_in_the_metrics(keys: Setting) -> None:
    async with keys.client(keys.orders) as client:
        await client.validate("x")
    assert await keys.server.said(event="call", method="ValidateToken", caller="orders")
    async with aiohttp.ClientSession() as web, web.get(f"http://{keys.server.http}/metrics") as answer:
        text = await answer.text()
    assert 'sessiond_calls_total{caller="orders",code="OK",method="ValidateToken"}' in text
    for secret in (keys.orders, keys.auth):
        assert secret not in text
        assert secret not in keys.server.log.read_text()


async def test_a_caller_handles_sessions_of_its_clients_alone(keys: Setting) -> None:
    async with keys.client(keys.auth) as auth, keys.client(keys.web) as web:
        theirs = await auth.create_local_session("carol", client_id="app", audiences=["app"])
        ours = await web.create_local_session("carol")
        for ended in (
            await web.revoke_session(theirs.session.session_id),
            await web.revoke_refresh_token(theirs.refresh_token),
            await web.revoke_access_token(theirs.access_token),
        ):
            assert ended.sessions_ended == 0
        assert [record.session.client_id async for record in web.list_sessions(ISSUER, "carol")] == ["web"]
        assert isinstance(await auth.validate(theirs.access_token), Session)
        assert (await auth.refresh(theirs.refresh_token)).replayed is False
        assert (await web.refresh(ours.refresh_token)).session.client_id == "web"
        for call in (web.create_local_session("carol", client_id="app"), web.revoke_subject(ISSUER, "carol")):
            with pytest.raises(PermissionDeniedError) as refused:
                await call
            assert refused.value.reason == "CALLER_NOT_PERMITTED"


async def answer_to(keys: Setting, key: str, method: str, request: Message) -> tuple[Any, ...]:
    """Everything that comes back for a call: its status with all details, or its message."""
    async with grpc.aio.insecure_channel(keys.server.grpc) as channel:
        call = channel.unary_unary(f"/sessiond.v1.SessionService/{method}")(
            request.SerializeToString(), metadata=[("authorization", f"Bearer {key}")], timeout=5
        )
        message = b"" if await call.code() is not grpc.StatusCode.OK else await call
        return await call.code(), await call.details(), tuple(await call.trailing_metadata()), message


@pytest.mark.parametrize("confined", ["web", "elsewhere"])
async def test_what_is_not_a_callers_own_is_as_if_it_were_not_there(keys: Setting, confined: str) -> None:
    key = getattr(keys, confined)
    async with keys.client(keys.auth) as auth, keys.client(keys.revoker) as revoker:
        live, ended = [await auth.create_local_session("judy", client_id="app") for _ in range(2)]
        revision = (await revoker.revoke_session(ended.session.session_id)).revision
        # Answers tell how far the server has got: it must not get any further meanwhile.
        await auth.validate(live.access_token, consistency=AtLeast(revision))
    forged = live.access_token[:-8] + "AAAAAAAA"
    ids = [live.session.session_id, ended.session.session_id, UNKNOWN_SESSION]
    refresh_tokens = [live.refresh_token, ended.refresh_token, "sdr1_" + 96 * "A", "x"]
    access_tokens = [live.access_token, ended.access_token, forged, "x"]
    asked: dict[str, list[Message]] = {
        "GetSession": [messages.GetSessionRequest(session_id=one) for one in ids],
        "RefreshSession": [messages.RefreshSessionRequest(refresh_token=one) for one in refresh_tokens],
        "RevokeSession": [
            *(messages.RevokeSessionRequest(session_id=one) for one in ids),
            *(messages.RevokeSessionRequest(refresh_token=one) for one in refresh_tokens),
            *(messages.RevokeSessionRequest(access_token=one) for one in access_tokens),
        ],
    }
    for method, requests in asked.items():
        assert len({await answer_to(keys, key, method, request) for request in requests}) == 1
    async with keys.client(keys.auth) as auth:
        assert (await auth.refresh(live.refresh_token)).replayed is False


async def test_an_issuer_that_is_not_a_callers_own_is_as_if_it_were_not_configured(keys: Setting) -> None:
    async with keys.client(keys.elsewhere) as elsewhere:
        for issuer in (ISSUER, "https://nobody.example"):
            for call in (
                elsewhere.revoke_subject(issuer, "judy"),
                elsewhere.create_session(issuer, ProviderTokens("a", "r")),
                anext(elsewhere.list_sessions(issuer, "judy")),
            ):
                with pytest.raises(PermissionDeniedError) as refused:
                    await call
                assert refused.value.metadata == {"issuer": issuer}


async def test_a_session_that_the_store_lost_is_revoked_by_a_token_of_it(keys: Setting) -> None:
    async with keys.client(keys.auth) as auth:
        for revoke, name in (
            (auth.revoke_refresh_token, "refresh_token"),
            (auth.revoke_access_token, "access_token"),
        ):
            tokens = await auth.create_local_session("kate")
            await lose(keys, tokens.session.session_id)
            assert isinstance(await auth.validate(tokens.access_token), Session)
            assert (await revoke(getattr(tokens, name))).sessions_ended == 0
            verdict = await auth.validate(tokens.access_token)
            assert isinstance(verdict, Rejection)
            assert verdict.reason is Reason.REVOKED


async def lose(keys: Setting, session_id: str) -> None:
    """The store forgets a session."""
    session = SessionId.find(session_id)
    assert session is not None
    redis = connect(StoreAddress(f"unix://{keys.config.data}/valkey.sock"))
    assert await redis.delete(connected(redis).record_key(session)) == 1
    await redis.aclose()


async def test_a_caller_learns_nothing_of_other_issuers_tokens(keys: Setting) -> None:
    async with keys.client(keys.auth) as auth, keys.client(keys.other) as other:
        tokens = await auth.create_local_session("dave")
        forged = tokens.access_token[:-8] + "AAAAAAAA"
        verdicts = [await other.validate(text) for text in (tokens.access_token, forged)]
        verdicts += await other.validate_all([tokens.access_token, forged])
        verdicts.append(await other.validate(tokens.access_token, issuers=[ISSUER], scopes=["a"]))
        reasons = [isinstance(verdict, Rejection) and verdict.reason for verdict in verdicts]
        assert reasons == [Reason.ISSUER_NOT_TRUSTED] * 5
        with pytest.raises(PermissionDeniedError) as refused:
            await other.create_local_session("dave")
        assert refused.value.metadata == {"issuer": "local"}


async def test_a_key_may_be_read_anew_for_every_call(keys: Setting) -> None:
    current = ["wrong"]
    async with AsyncClient(keys.server.grpc, key=lambda: current[0], timeout=5) as client:
        with pytest.raises(PermissionDeniedError):
            await client.validate("x")
        current[0] = keys.orders
        assert isinstance(await client.validate("x"), Rejection)


def test_the_blocking_client_calls_with_a_key_and_over_tls(keys: Setting, mesh: Setting) -> None:
    with Client(keys.server.grpc, key=keys.orders, timeout=5) as client:
        assert isinstance(client.validate("x"), Rejection)
    with Client(mesh.server.grpc, tls=tls(mesh, mesh.authority.issue(MESH)), timeout=5) as client:
        assert isinstance(client.validate("x"), Rejection)


@pytest.mark.parametrize("identity", [MESH, "pay.internal"])
async def test_a_certificate_is_a_caller(mesh: Setting, identity: str) -> None:
    async with mesh.client(tls=tls(mesh, mesh.authority.issue("other.internal", identity))) as client:
        tokens = await client.create_local_session("erin")
        assert isinstance(await client.validate(tokens.access_token), Session)
    assert await mesh.server.said(event="call", method="ValidateToken", caller="mesh")


@pytest.mark.parametrize(
    "identity", ["spiffe://acme/ns/shop/sa/others", MESH.upper(), MESH + "/x", "pay.internal.evil"]
)
async def test_a_certificate_that_is_nobodys_is_denied(mesh: Setting, identity: str) -> None:
    async with mesh.client(tls=tls(mesh, mesh.authority.issue(identity))) as client:
        with pytest.raises(PermissionDeniedError) as refused:
            await client.validate("x")
    assert refused.value.reason == "CALLER_UNKNOWN"


@pytest.mark.parametrize(
    ("names", "host_names"), [((), (MESH,)), (("other.internal",), (MESH,)), ((MESH, "https://other"), ())]
)
async def test_an_id_with_a_scheme_comes_from_the_one_uri_of_a_certificate(
    mesh: Setting, names: tuple[str, ...], host_names: tuple[str, ...]
) -> None:
    pair = mesh.authority.issue(*names, host_names=host_names)
    async with mesh.client(tls=tls(mesh, pair)) as client:
        with pytest.raises(PermissionDeniedError) as refused:
            await client.validate("x")
    assert refused.value.reason == "CALLER_UNKNOWN"


async def test_another_authoritys_certificate_or_none_does_not_get_in(mesh: Setting) -> None:
    for pair in (Authority("evil").issue(MESH), None):
        async with mesh.client(tls=tls(mesh, pair)) as client:
            with pytest.raises(UnavailableError):
                await client.validate("x", timeout=2)
    async with mesh.client() as plain:
        with pytest.raises(UnavailableError):
            await plain.validate("x", timeout=2)


async def test_changed_certificates_serve_the_next_connection_and_drop_no_call(mesh: Setting) -> None:
    certificate = mesh.authority.issue(MESH)
    async with mesh.client(tls=tls(mesh, certificate)) as before:
        assert isinstance(await before.validate("x"), Rejection)
        new_authority = Authority("new")
        pair = new_authority.issue("127.0.0.1")
        mesh.cert_file.write_bytes(pair.certificate)
        # While only one of the two is new, the former pair serves.
        async with mesh.client(tls=tls(mesh, certificate)) as half:
            assert isinstance(await half.validate("x"), Rejection)
        await eventually(lambda: any("cannot be used" in event for event in mesh.server.events()))
        mesh.key_file.write_bytes(pair.key)
        new = Tls(new_authority.certificate, certificate.certificate, certificate.key)
        async with mesh.client(tls=new) as after:
            assert isinstance(await after.validate("x"), Rejection)
        assert isinstance(await before.validate("x"), Rejection)
    async with aiohttp.ClientSession() as web, web.get(f"http://{mesh.server.http}/metrics") as answer:
        assert "sessiond_certificate_expiry_timestamp_seconds" in await answer.text()
    mesh.server_pair.write(mesh.cert_file.parent, "server")


async def test_health_is_open_to_all(keys: Setting) -> None:
    async with grpc.aio.insecure_channel(keys.server.grpc) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert await check(b"") == b"\x08\x01"
        reflect = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await reflect.read()
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
