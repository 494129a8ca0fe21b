"""Callers over real channels: keys, certificates, groups, and certificates that change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond import (
    AsyncClient,
    Client,
    NotFoundError,
    PermissionDeniedError,
    Reason,
    Rejection,
    Session,
    Tls,
    UnavailableError,
)
from tests.support.certificates import Authority, Pair
from tests.support.config import Config
from tests.support.server import serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

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
        session_id = theirs.session.session_id
        for call in (
            web.refresh(theirs.refresh_token),
            web.revoke_session(session_id),
            web.revoke_refresh_token(theirs.refresh_token),
            web.revoke_access_token(theirs.access_token),
            web.get_session(session_id),
            web.create_local_session("carol", client_id="app"),
        ):
            with pytest.raises(PermissionDeniedError) as refused:
                await call
            assert refused.value.metadata == {"client_id": "app"}
        assert [record.session.client_id async for record in web.list_sessions(ISSUER, "carol")] == ["web"]
        assert (await auth.refresh(theirs.refresh_token)).replayed is False
        assert (await web.refresh(ours.refresh_token)).session.client_id == "web"
        with pytest.raises(PermissionDeniedError):
            await web.revoke_subject(ISSUER, "carol")
        with pytest.raises(NotFoundError):
            await web.get_session(UNKNOWN_SESSION)


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
        assert refused.value.metadata == {"issuer": ISSUER}


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
        assert "sessiond_tls_certificate_expiry_timestamp_seconds" in await answer.text()
    mesh.server_pair.write(mesh.cert_file.parent, "server")


async def test_health_is_open_to_all(keys: Setting) -> None:
    async with grpc.aio.insecure_channel(keys.server.grpc) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        assert await check(b"") == b"\x08\x01"
        reflect = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await reflect.read()
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED
