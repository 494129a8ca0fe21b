import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from sessiond import (
    AsyncClient,
    Client,
    LoginRefusedError,
    NextAction,
    Policy,
    ProviderTokens,
    Reason,
    RefreshRefusedError,
    Rejection,
    Session,
    UnavailableError,
    UnsupportedError,
)
from sessiond.asgi import SessionMiddleware
from sessiond.testing import ISSUER, FakeSessiond
from tests.support.middleware.answers import ask_asgi
from tests.support.waiting import eventually

pytest_plugins = ["sessiond.testing.fixtures"]

CHANGES: dict[str, Any] = {
    "revoked by its access token": (lambda fake, tokens: fake.revoke(tokens.access_token), Reason.REVOKED),
    "revoked by its refresh token": (lambda fake, tokens: fake.revoke(tokens.refresh_token), Reason.REVOKED),
    "revoked by its session": (lambda fake, tokens: fake.revoke(tokens.session.session_id), Reason.REVOKED),
    "revoked with its subject": (lambda fake, _: fake.revoke_subject("alice"), Reason.REVOKED),
    "expired": (lambda fake, tokens: fake.expire(tokens.access_token), Reason.EXPIRED),
    "too old": (lambda fake, _: fake.advance(timedelta(minutes=5)), Reason.EXPIRED),
    "at another time": (lambda fake, _: fake.set_time(fake.now() - timedelta(hours=1)), Reason.NOT_YET_VALID),
}


def warm(client: Client, token: str) -> None:
    """Ask until an answer comes from memory: from then on the client watches."""
    for _ in range(10_000):
        assert isinstance(client.validate(token), Session)
        if client.numbers.hits:
            return
    raise AssertionError("nothing is kept")


async def warm_async(client: AsyncClient, token: str) -> None:
    for _ in range(10_000):
        assert isinstance(await client.validate(token), Session)
        if client.numbers.hits:
            return
    raise AssertionError("nothing is kept")


def reason_of(verdict: Any) -> Reason:
    assert isinstance(verdict, Rejection)
    return verdict.reason


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_kept_is_refused_by_the_next_call_after_a_change(name: str) -> None:
    change, reason = CHANGES[name]
    with FakeSessiond() as fake:
        clients = [fake.client(), fake.client(key="of-a-backend"), fake.client(cache=None)]
        tokens = fake.login("alice", scopes=["orders:read"])
        for client in clients[:2]:
            warm(client, tokens.access_token)
        change(fake, tokens)
        assert [reason_of(one.validate(tokens.access_token)) for one in clients] == [reason] * 3


@pytest.mark.parametrize("name", CHANGES)
async def test_the_same_on_asyncio(name: str) -> None:
    change, reason = CHANGES[name]
    with FakeSessiond() as fake:
        async with fake.async_client() as client:
            tokens = fake.login("alice", scopes=["orders:read"])
            await warm_async(client, tokens.access_token)
            change(fake, tokens)
            assert reason_of(await client.validate(tokens.access_token)) is reason


def test_others_are_not_hit_by_a_change(fake_sessiond: FakeSessiond) -> None:
    fake, client = fake_sessiond, fake_sessiond.client()
    first, second, other = fake.login("alice"), fake.login("alice"), fake.login("bob")
    fake.revoke(first.access_token)
    fake.expire(second.access_token)
    for token in (other.access_token, fake.login("alice").access_token):
        assert isinstance(client.validate(token), Session)
    fake.set_time(datetime.now(UTC))
    fake.revoke_subject("alice")
    assert isinstance(client.validate(fake.login("alice").access_token), Session)


def test_a_client_of_another_make_knows_when_a_change_returns(fake_sessiond: FakeSessiond) -> None:
    with Client(fake_sessiond.target, timeout=10) as client:
        tokens = fake_sessiond.login()
        warm(client, tokens.access_token)
        fake_sessiond.revoke(tokens.access_token)
        assert reason_of(client.validate(tokens.access_token)) is Reason.REVOKED


def test_nobody_answers_while_the_fake_is_away(fake_sessiond: FakeSessiond) -> None:
    client, tokens = fake_sessiond.client(), fake_sessiond.login()
    warm(client, tokens.access_token)
    with fake_sessiond.away():
        with pytest.raises(UnavailableError) as caught:
            client.validate(tokens.access_token)
        fake_sessiond.login("bob")
    assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.UNAVAILABLE, "")
    assert isinstance(client.validate(tokens.access_token), Session)


def test_calls_are_those_of_clients_alone(fake_sessiond: FakeSessiond) -> None:
    client, tokens = fake_sessiond.client(key="of-a-backend"), fake_sessiond.login(scopes=["orders:read"])
    wanted = {"scopes": ["orders:read"], "max_auth_age": timedelta(minutes=1), "claims": {"plan": ["pro"]}}
    client.validate(tokens.access_token, Policy(**wanted))  # type: ignore[arg-type]
    client.refresh(tokens.refresh_token)
    client.revoke_access_token(tokens.access_token)
    fake_sessiond.revoke(tokens.access_token)
    fake_sessiond.client().validate("none")
    assert [(call.method, call.tokens, call.key) for call in fake_sessiond.calls] == [
        ("ValidateToken", (tokens.access_token,), "of-a-backend"),
        ("RefreshSession", (tokens.refresh_token,), "of-a-backend"),
        ("RevokeSession", (tokens.access_token,), "of-a-backend"),
        ("ValidateToken", ("none",), ""),
    ]
    assert fake_sessiond.calls[0].requirements == wanted
    assert tokens.access_token not in repr(fake_sessiond.calls)


def test_refresh_tokens_are_rotated_by_the_table(fake_sessiond: FakeSessiond) -> None:
    fake, client = fake_sessiond, fake_sessiond.client()

    def refused(token: str) -> str:
        with pytest.raises(RefreshRefusedError) as caught:
            client.refresh(token)
        return caught.value.reason

    first = fake.login()
    second = client.refresh(first.refresh_token)
    again = client.refresh(first.refresh_token)
    assert (again.refresh_token, again.replayed, second.replayed) == (second.refresh_token, True, False)
    third = client.refresh(second.refresh_token)
    assert refused(first.refresh_token) == "REFRESH_TOKEN_SUPERSEDED"
    with fake.client(key="another-caller") as other, pytest.raises(RefreshRefusedError, match="SUPERSEDED"):
        other.refresh(second.refresh_token)
    fake.advance(timedelta(seconds=10))
    assert refused(second.refresh_token) == "REFRESH_TOKEN_REUSED"
    assert refused(third.refresh_token) == "SESSION_REVOKED"
    idle = fake.login()
    fake.advance(timedelta(days=7))
    assert refused(idle.refresh_token) == "SESSION_IDLE_TIMEOUT"
    fake.advance(timedelta(days=23))
    assert refused(idle.refresh_token) == "SESSION_LIFETIME_EXCEEDED"


def test_whoever_is_bound_to_a_certificate_has_to_show_it(fake_sessiond: FakeSessiond) -> None:
    client, shown = fake_sessiond.client(), bytes(32)
    tokens = client.create_local_session("alice", certificate_sha256=shown)
    assert reason_of(client.validate(tokens.access_token)) is Reason.BINDING_MISMATCH
    assert isinstance(client.validate(tokens.access_token, certificate_sha256=shown), Session)
    with pytest.raises(RefreshRefusedError, match="BINDING_MISMATCH"):
        client.refresh(tokens.refresh_token)
    assert client.refresh(tokens.refresh_token, certificate_sha256=shown)


def test_what_many_share_is_revoked(fake_sessiond: FakeSessiond) -> None:
    client = fake_sessiond.client()
    revokes = {
        "tenant": lambda: client.revoke_tenant(ISSUER, "acme"),
        "client": lambda: client.revoke_client(ISSUER, "shop"),
        "issuer": lambda: client.revoke_issuer(ISSUER),
        "key": lambda: client.revoke_key(ISSUER, client.validate(fake_sessiond.login().access_token).key_id),  # type: ignore[union-attr]
    }
    for revoke in revokes.values():
        token = fake_sessiond.login(tenant_id="acme", client_id="shop").access_token
        assert isinstance(client.validate(token), Session)
        revoke()
        assert reason_of(client.validate(token)) is Reason.REVOKED


def test_what_the_fake_does_not_carry_out_is_unsupported(fake_sessiond: FakeSessiond) -> None:
    client = fake_sessiond.client()
    with pytest.raises(UnsupportedError):
        client.create_session("https://id.example", ProviderTokens("a", "b"))
    with pytest.raises(UnsupportedError):
        client.adopt("https://id.example", "b")
    with pytest.raises(ValueError, match="no access token of this fake"):
        fake_sessiond.expire("none")
    assert not issubclass(LoginRefusedError, UnsupportedError)


async def test_a_stream_of_revocations_tells_what_happens(fake_sessiond: FakeSessiond) -> None:
    async with fake_sessiond.async_client() as client:
        status = await client.revocation_status()
        stream = client.watch_revocations(status.revision)
        tokens = fake_sessiond.login()
        fake_sessiond.revoke(tokens.session.session_id)
        kinds = [type(await anext(stream)).__name__ for _ in range(2)]
        await stream.aclose()  # type: ignore[attr-defined]
    assert kinds == ["WatchStarted", "RevocationEvent"]


async def test_middleware_behaves_as_in_production(fake_sessiond: FakeSessiond) -> None:
    async def told(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = SessionMiddleware(told, fake_sessiond.async_client)
    token = fake_sessiond.login().access_token
    headers = [("Authorization", f"Bearer {token}")]
    assert (await ask_asgi(app, headers)).status == 200
    with fake_sessiond.away():
        answer = await ask_asgi(app, headers)
        assert (answer.status, answer.values("retry-after")) == (503, ["1"])
    fake_sessiond.revoke(token)
    assert (await ask_asgi(app, headers)).status == 401
    await app._door._validators.close()


def test_examples_for_unit_tests_need_no_fake() -> None:
    session = Session.example("bob", scopes=["orders:read"], tenant_id="acme")
    assert (session.subject, session.scopes, session.tenant_id) == ("bob", ("orders:read",), "acme")
    assert session.expire_time is not None
    assert session.expire_time > datetime.now(UTC)
    assert Rejection.example().next_action is NextAction.REFRESH
    assert Rejection.example(Reason.REVOKED, message="-").message == "-"


async def test_nothing_of_a_closed_fake_goes_on() -> None:
    fake = FakeSessiond()
    client = fake.async_client()
    await warm_async(client, fake.login().access_token)
    fake.close()
    await eventually(lambda: fake._service.watchers == 0)
    await client.close()
    await asyncio.sleep(0)
