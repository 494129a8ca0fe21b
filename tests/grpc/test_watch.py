"""Watching revocations on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sessiond.v1 import session_pb2
from sessiond.v1.session_service_pb2 import (
    RevokeSessionRequest,
    SigningKey,
    ValidateTokenRequest,
    ValidateTokensRequest,
)
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import CHAIN_START, Position, to_revision
from tests.support.server import ISSUER
from tests.support.watching import watching

if TYPE_CHECKING:
    import aiohttp

    from sessiond import AsyncClient


def session(session_id: str) -> bytes:
    """What stands for a session, as a client computes it."""
    return hashed_id("session", "", session_id)


def seconds(duration: Any) -> float:
    return duration.seconds + duration.nanos / 1e9


async def revoke(client: AsyncClient) -> str:
    """End a new session; its id."""
    session_id = (await client.create_local_session("alice")).session.session_id
    await client.revoke_session(session_id)
    return session_id


async def test_a_revocation_reaches_who_watches(client: AsyncClient, channel: grpc.aio.Channel) -> None:
    async with watching(channel) as watcher:
        await watcher.next("freshness")
        # An agent tells whoever begins of keys that have gone.
        assert [kind for kind in watcher.kinds() if kind != "revocation"] == ["started", "freshness"]
        told = await watcher.revoked(session(await revoke(client)))
        assert told.type == session_pb2.REVOCATION_TYPE_SESSION
        assert told.expire_time.seconds > 0
        fresh = await watcher.next("freshness")
        # An agent may hear of earlier ends by its second stream, and tells of them behind this one.
        last = [event.revocation for event in watcher.events if event.WhichOneof("event") == "revocation"][-1]
        assert fresh.revision == last.revision


async def test_a_whole_subject_is_one_event(client: AsyncClient, channel: grpc.aio.Channel) -> None:
    await client.create_local_session("carol")
    async with watching(channel) as watcher:
        await watcher.next("started")
        await client.revoke_subject(ISSUER, "carol")
        told = await watcher.revoked(hashed_id("subject", ISSUER, "carol"))
        assert told.type == session_pb2.REVOCATION_TYPE_SUBJECT


async def test_a_key_that_is_revoked_for_good_ends_no_stream(
    stub: Any, client: AsyncClient, channel: grpc.aio.Channel
) -> None:
    async with watching(channel) as watcher:
        await watcher.next("started")
        await stub.RevokeSession(RevokeSessionRequest(key=SigningKey(issuer=ISSUER, key_id="k-watched")))
        await watcher.revoked(hashed_id("key", ISSUER, "k-watched"))
        await watcher.revoked(session(await revoke(client)))


async def test_freshness_grows_with_the_stream(channel: grpc.aio.Channel) -> None:
    async with watching(channel) as watcher:
        started = await watcher.next("started")
        assert seconds(started.max_staleness) == 1.0
        assert started.server
        known = []
        for _ in range(3):
            fresh = await watcher.next("freshness")
            known.append(seconds(fresh.since_start) - seconds(fresh.age))
        assert known[0] < 0 < known[2]


async def test_who_comes_back_gets_what_it_has_missed_and_nothing_twice(
    client: AsyncClient, channel: grpc.aio.Channel
) -> None:
    async with watching(channel) as watcher:
        fresh = await watcher.next("freshness")
    one = await revoke(client)
    other = await revoke(client)
    async with watching(channel, fresh.revision) as watcher:
        assert (await watcher.next("started")).revision == fresh.revision
        told = await watcher.revoked(session(one))
        await watcher.revoked(session(other))
    async with watching(channel, told.revision) as watcher:
        await watcher.revoked(session(other))
        assert session(one) not in [event.revocation.hashed_id for event in watcher.events]
        assert "reset" not in watcher.kinds()


async def test_a_revision_of_another_store_is_answered_with_a_reset(channel: grpc.aio.Channel) -> None:
    elsewhere = to_revision([Position(b"o" * 16, 0, 0, CHAIN_START)])
    async with watching(channel, elsewhere) as watcher:
        reset = await watcher.next("reset")
        started = watcher.events[0].started
        assert (started.revision, started.configuration) == (reset.revision, reset.configuration)
        assert watcher.kinds() == ["started", "reset"]


@pytest.mark.parametrize("revision", ["x", "A" * 55, "A" * 56 * 257])
async def test_what_is_no_revision_is_refused(channel: grpc.aio.Channel, revision: str) -> None:
    async with watching(channel, revision) as watcher:
        code, details = await watcher.ended()
    assert (code, details.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID")
    assert details.metadata["field"] == "from_revision"


async def test_every_answer_says_under_which_settings_it_was_given(
    client: AsyncClient, channel: grpc.aio.Channel, stub: Any
) -> None:
    token = (await client.create_local_session("alice")).access_token
    async with watching(channel) as watcher:
        configuration = (await watcher.next("started")).configuration
    assert len(configuration) == 22
    accepted = await stub.ValidateToken(ValidateTokenRequest(token=token))
    rejected = await stub.ValidateToken(ValidateTokenRequest(token="x"))
    many = await stub.ValidateTokens(ValidateTokensRequest(tokens=[token, "x"]))
    answers = [accepted, rejected, *many.results]
    assert [one.configuration for one in answers] == [configuration] * 4
    assert [one.HasField("watched_cache_for") for one in answers] == [True, False, True, False]
    assert seconds(accepted.watched_cache_for) == 60.0


async def test_watching_is_measured(
    client: AsyncClient, channel: grpc.aio.Channel, web: aiohttp.ClientSession
) -> None:
    async with watching(channel) as watcher:
        await watcher.next("freshness")
        await watcher.revoked(session(await revoke(client)))
        async with web.get("/metrics") as answer:
            text = await answer.text()
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    assert float(values["sessiond_watchers"]) >= 1
    for event in ("Started", "Event", "Freshness"):
        assert float(values[f'sessiond_watch_events_total{{event="{event}"}}']) >= 1
    assert "sessiond_watches_ended_total" in text
