"""The main job over real gRPC: create, validate, refresh, revoke, and what is known of sessions."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from sessiond import (
    AsyncClient,
    Cause,
    Device,
    NotFoundError,
    Reason,
    RefreshRefusedError,
    Rejection,
    Session,
)
from sessiond.v1 import session_service_pb2
from tests.support.server import CLIENT_ID, ISSUER, Server

if TYPE_CHECKING:
    from sessiond import Verdict

UNKNOWN_SESSION = "sds_" + 22 * "A"


def subject() -> str:
    """Tests share a server: each has users of its own."""
    return f"user-{uuid.uuid4()}"


def reason(verdict: Verdict) -> str | None:
    return verdict.reason if isinstance(verdict, Rejection) else None


async def test_what_a_login_says_is_what_its_token_says(client: AsyncClient) -> None:
    logged_in = datetime(2026, 11, 1, 12, tzinfo=UTC)
    tokens = await client.create_local_session(
        "aliçe 🦊",
        tenant_id="acme",
        client_id="app",
        scopes=["orders:read", "orders:write"],
        claims={"plan": "gold", "permissions": ["orders:ship"], "roles": ["clerk"]},
        auth_time=logged_in,
        acr="2",
        amr=["pwd", "otp"],
    )
    session = await client.validate(tokens.access_token)
    assert isinstance(session, Session)
    assert (session.issuer, session.subject, session.tenant_id, session.client_id) == (
        ISSUER,
        "aliçe 🦊",
        "acme",
        "app",
    )
    assert session.audiences == (CLIENT_ID,)
    assert session.scopes == ("orders:read", "orders:write")
    assert (session.permissions, session.roles) == (("orders:ship",), ("clerk",))
    assert (session.acr, session.amr, session.auth_time) == ("2", ("pwd", "otp"), logged_in)
    assert session.claims["plan"] == "gold"
    assert session.session_id.startswith("sds_")
    assert (session.provider_session_id, session.actor) == ("", None)
    assert session.expire_time - session.issue_time == timedelta(minutes=5)
    assert session.expire_time == tokens.access_expire_time
    assert session.session_id == tokens.session.session_id


async def test_a_principal_is_the_same_in_every_session_of_a_subject_and_in_no_other(
    client: AsyncClient,
) -> None:
    alice, bob = subject(), subject()
    principals = [(await client.create_local_session(name)).session.principal for name in (alice, alice, bob)]
    assert principals[0] == principals[1] != principals[2]
    assert alice not in principals[0]


async def test_an_acceptance_may_be_repeated_for_less_than_max_staleness(client: AsyncClient) -> None:
    session = await client.validate((await client.create_local_session(subject())).access_token)
    assert isinstance(session, Session)
    assert session.cache_for is not None
    assert timedelta(0) < session.cache_for <= timedelta(seconds=1)


async def test_a_refresh_gives_the_next_tokens_of_the_same_session(client: AsyncClient) -> None:
    first = await client.create_local_session(subject(), tenant_id="acme", scopes=["a"])
    second = await client.refresh(first.refresh_token)
    assert not second.replayed
    assert second.refresh_token != first.refresh_token
    assert second.access_token != first.access_token
    assert second.session.token_id != first.session.token_id
    for name in ("session_id", "principal", "tenant_id", "scopes", "audiences", "client_id"):
        assert getattr(second.session, name) == getattr(first.session, name)
    assert isinstance(await client.validate(first.access_token), Session)


async def test_the_same_refresh_again_gets_the_same_successor(client: AsyncClient) -> None:
    first = await client.create_local_session(subject())
    second, again = await client.refresh(first.refresh_token), await client.refresh(first.refresh_token)
    assert (again.refresh_token, again.replayed) == (second.refresh_token, True)
    # The signature differs, as ECDSA's do; the claims do not.
    assert again.access_token.rpartition(".")[0] == second.access_token.rpartition(".")[0]


async def test_another_device_does_not_get_the_successor(client: AsyncClient) -> None:
    first = await client.create_local_session(subject())
    second = await client.refresh(
        first.refresh_token, device=Device(label="phone", user_agent="a", ip_address="192.0.2.1")
    )
    again = await client.refresh(
        first.refresh_token, device=Device(label="phone", user_agent="a", ip_address="192.0.2.2")
    )
    assert again.refresh_token == second.refresh_token
    with pytest.raises(RefreshRefusedError) as refused:
        await client.refresh(first.refresh_token, device=Device(label="desk", user_agent="a"))
    assert refused.value.reason == "REFRESH_TOKEN_SUPERSEDED"
    assert (await client.refresh(second.refresh_token)).session.session_id == first.session.session_id


@pytest.mark.parametrize("by", ["session", "refresh_token", "old_refresh_token", "access_token", "subject"])
async def test_a_revoked_session_opens_nothing_any_more(client: AsyncClient, by: str) -> None:
    user = subject()
    first = await client.create_local_session(user)
    second = await client.refresh(first.refresh_token)
    match by:
        case "session":
            revoked = await client.revoke_session(
                first.session.session_id, cause=Cause.COMPROMISE, note="stolen phone"
            )
        case "refresh_token":
            revoked = await client.revoke_refresh_token(second.refresh_token)
        case "old_refresh_token":
            revoked = await client.revoke_refresh_token(first.refresh_token)
        case "access_token":
            revoked = await client.revoke_access_token(first.access_token)
        case _:
            revoked = await client.revoke_subject(ISSUER, user)
    assert revoked.sessions_ended == 1
    assert revoked.revision
    for token in (first.access_token, second.access_token):
        assert reason(await client.validate(token)) == Reason.REVOKED
    for token in (first.refresh_token, second.refresh_token):
        with pytest.raises(RefreshRefusedError) as refused:
            await client.refresh(token)
        assert refused.value.reason == "SESSION_REVOKED"
    with pytest.raises(NotFoundError):
        await client.get_session(first.session.session_id)


async def test_other_sessions_of_the_subject_live_on(client: AsyncClient) -> None:
    user = subject()
    here, there = await client.create_local_session(user), await client.create_local_session(user)
    await client.revoke_session(here.session.session_id)
    assert isinstance(await client.validate(there.access_token), Session)


async def test_all_sessions_but_this_one(client: AsyncClient) -> None:
    user = subject()
    here, there = await client.create_local_session(user), await client.create_local_session(user)
    revoked = await client.revoke_subject(ISSUER, user, except_session_id=here.session.session_id)
    assert revoked.sessions_ended == 1
    assert isinstance(await client.validate(here.access_token), Session)
    assert (await client.refresh(here.refresh_token)).session.session_id == here.session.session_id
    assert reason(await client.validate(there.access_token)) == Reason.REVOKED


async def test_a_login_after_the_end_of_all_sessions_is_good(client: AsyncClient) -> None:
    user = subject()
    await client.create_local_session(user)
    await client.revoke_subject(ISSUER, user)
    assert isinstance(await client.validate((await client.create_local_session(user)).access_token), Session)


async def test_ending_what_is_not_there_is_no_error(client: AsyncClient) -> None:
    tokens = await client.create_local_session(subject())
    await client.revoke_session(tokens.session.session_id)
    for revoked in (
        await client.revoke_session(tokens.session.session_id),
        await client.revoke_session(UNKNOWN_SESSION),
        await client.revoke_refresh_token("sdr1_" + 96 * "A"),
        await client.revoke_refresh_token("not one of ours"),
        await client.revoke_access_token("not.a.token"),
        await client.revoke_access_token(tokens.access_token[:-4] + "AAAA"),
        await client.revoke_subject(ISSUER, subject()),
    ):
        assert revoked.sessions_ended == 0


async def test_a_session_as_the_store_has_it(client: AsyncClient) -> None:
    device = Device(ip_address="192.0.2.1", user_agent="Mozilla", label="phone")
    tokens = await client.create_local_session(
        subject(), tenant_id="acme", device=device, attributes={"shop": "7"}
    )
    record = await client.get_session(tokens.session.session_id)
    assert (record.session.session_id, record.session.tenant_id) == (tokens.session.session_id, "acme")
    assert (record.device, record.attributes) == (device, {"shop": "7"})
    assert record.create_time is not None
    assert record.absolute_expire_time - record.create_time == timedelta(days=30)
    assert record.idle_expire_time - record.create_time == timedelta(days=7)
    assert tokens.refresh_expire_time == record.idle_expire_time
    await client.refresh(tokens.refresh_token)
    later = await client.get_session(tokens.session.session_id)
    assert later.last_refresh_time >= record.last_refresh_time
    assert later.absolute_expire_time == record.absolute_expire_time


async def test_live_sessions_are_listed_newest_first_in_pages(client: AsyncClient) -> None:
    user = subject()
    ids = {(await client.create_local_session(user)).session.session_id for _ in range(5)}
    ended = await client.create_local_session(user)
    await client.revoke_session(ended.session.session_id)
    listed = [record async for record in client.list_sessions(ISSUER, user, page_size=2)]
    assert {record.session.session_id for record in listed} == ids
    times = [record.create_time for record in listed]
    assert times == sorted(times, reverse=True)


async def test_pages_say_whether_there_are_more(stub: object, client: AsyncClient) -> None:
    user = subject()
    for _ in range(3):
        await client.create_local_session(user)
    request = session_service_pb2.ListSessionsRequest(
        subject=session_service_pb2.Subject(issuer=ISSUER, subject=user), page_size=2
    )
    first = await stub.ListSessions(request)
    assert len(first.sessions) == 2
    request.page_token = first.next_page_token
    second = await stub.ListSessions(request)
    assert (len(second.sessions), second.next_page_token) == (1, "")


async def test_a_hundred_sessions_a_subject(client: AsyncClient, server: Server) -> None:
    assert server.process.returncode is None
    user = subject()
    first = await client.create_local_session(user)
    for _ in range(100):
        await client.create_local_session(user)
    assert reason(await client.validate(first.access_token)) == Reason.REVOKED
    assert len([record async for record in client.list_sessions(ISSUER, user)]) == 100


async def test_the_log_says_why_a_session_was_ended(server: Server, client: AsyncClient) -> None:
    tokens = await client.create_local_session("ended")
    await client.revoke_session(tokens.session.session_id, cause="ADMIN", note="ticket 7")
    (line,) = await server.said(event="call", note="ticket 7")
    assert (line["method"], line["cause"]) == ("RevokeSession", "ADMIN")


async def test_a_remark_is_logged_without_the_token_in_it(server: Server, client: AsyncClient) -> None:
    tokens = await client.create_local_session("rita")
    await client.revoke_session(tokens.session.session_id, note=f"for {tokens.refresh_token}")
    for event in ("audit", "call"):
        assert await server.said(event=event, note="for (a token)")
    assert tokens.refresh_token not in server.log.read_text()
