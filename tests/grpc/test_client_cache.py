"""What the Python clients keep and repeat, on asyncio and from threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from sessiond import (
    FROM_SERVER,
    FULLY_CONSISTENT,
    AtLeast,
    Policy,
    Rejection,
    Session,
)
from sessiond.hashed_ids import KINDS, hashed_id
from sessiond.v1 import session_pb2, session_service_pb2
from tests.support.either_client import EitherClient
from tests.support.waiting import eventually
from tests.support.watch_server import ISSUER, Verdict, revoked

if TYPE_CHECKING:
    from tests.support.watch_server import ScriptedSessiond

Connect: TypeAlias = Callable[..., EitherClient]


async def test_an_acceptance_is_repeated(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect()
    await client.is_fresh(scripted)
    session = await client.validate("t")
    again = await client.validate("t")
    assert isinstance(again, Session)
    assert replace(again, cache_for=None) == replace(session, cache_for=None)
    assert scripted.tokens == ["t"]
    # Counted anew: what is left of the minute, though this server gave none for others to keep it by.
    assert session.cache_for is None
    assert again.cache_for is not None
    assert 0 < again.cache_for.total_seconds() < 60


async def test_what_is_required_is_part_of_the_question(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect()
    await client.is_fresh(scripted)
    await client.validate("t", scopes=["a", "b"])
    await client.validate("t", scopes=["b", "a", "a"])
    await client.validate("t", Policy(scopes=["a", "b"]))
    assert len(scripted.calls) == 1
    for others in ({}, {"scopes": ["a"]}, {"permissions": ["a", "b"]}, {"audiences": ["a", "b"]}):
        await client.validate("t", **others)
    assert len(scripted.calls) == 5


@pytest.mark.parametrize("kind", KINDS.values())
async def test_a_revocation_of_any_kind_drops_what_it_hits(
    connect: Connect, scripted: ScriptedSessiond, kind: str
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    await client.validate_each("t", "other")
    names = {
        "session": ("", "sds t"),
        "provider_session": (ISSUER, "sid t"),
        "token": (ISSUER, "jti t"),
        "subject": (ISSUER, "sub t"),
        "tenant": (ISSUER, "org t"),
        "client": (ISSUER, "app t"),
        "issuer": (ISSUER, ""),
        "key": (ISSUER, "kid t"),
    }
    number = next(number for number, name in KINDS.items() if name == kind)
    hashed = hashed_id(kind, *names[kind])
    scripted.answers["t"] = revoked()
    scripted.send(revocation=session_pb2.Revocation(type=number, hashed_id=hashed, revision="r1"))

    async def refused() -> bool:
        return isinstance(await client.validate("t"), Rejection)

    await eventually(refused)
    scripted.calls.clear()
    await client.validate("other")
    assert scripted.tokens == (["other"] if kind == "issuer" else [])


async def test_its_own_revocation_is_seen_by_the_next_call(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    await client.validate_each("t", "other")
    hashed = hashed_id("provider_session", ISSUER, "sid t")
    scripted.revocation = session_service_pb2.RevokeSessionResponse(
        sessions_ended=1, revocations=[session_pb2.Revocation(type=2, hashed_id=hashed)]
    )
    scripted.answers["t"] = revoked()
    await client.revoke_refresh_token("r")
    assert isinstance(await client.validate("t"), Rejection)
    scripted.calls.clear()
    await client.validate("other")
    assert scripted.calls == []


async def test_a_server_that_does_not_say_what_it_ended_costs_everything_kept(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    await client.validate("t")
    await client.revoke_refresh_token("r")
    await client.validate("t")
    assert scripted.tokens == ["t", "t"]
    # What ends nothing costs nothing.
    scripted.revocation = session_service_pb2.RevokeSessionResponse(sessions_ended=0)
    await client.revoke_refresh_token("junk")
    await client.validate("t")
    assert scripted.tokens == ["t", "t"]


@pytest.mark.parametrize(
    "revoke",
    [
        lambda client: client.revoke_session("sds t"),
        lambda client: client.revoke_access_token("t"),
        lambda client: client.revoke_subject(ISSUER, "sub t"),
    ],
    ids=["session", "access token", "subject"],
)
async def test_what_it_revoked_itself_is_dropped_whatever_the_server_says(
    connect: Connect, scripted: ScriptedSessiond, revoke: Callable[[EitherClient], Any]
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    await client.validate("t")
    scripted.revocation = session_service_pb2.RevokeSessionResponse(sessions_ended=0)
    await revoke(client)
    await client.validate("t")
    assert scripted.tokens == ["t", "t"]


async def test_stale_knowledge_stops_hits_and_a_heartbeat_brings_them_back(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    scripted.beats = False
    client = connect()
    await client.validate("first")
    stream = await scripted.watched()
    stream.send(
        session_service_pb2.WatchRevocationsResponse(
            revocation=session_pb2.Revocation(type=1, hashed_id=bytes(16), revision="r1")
        )
    )

    async def is_covered() -> bool:  # an answer is kept, though it may not be repeated yet
        await client.validate("t")
        return client.client.numbers.entries > 0

    await eventually(is_covered)
    scripted.calls.clear()
    await client.validate("t")
    assert scripted.tokens == ["t"]
    stream.beat()
    await eventually(lambda: client.client.numbers.watch_age is not None)
    scripted.calls.clear()
    await client.validate("t")
    assert scripted.calls == []


@pytest.mark.parametrize(
    "past",
    [
        {"consistency": FROM_SERVER},
        {"consistency": FULLY_CONSISTENT},
        {"consistency": AtLeast("r")},
        {"certificate_sha256": bytes(32)},
    ],
    ids=["server", "fully consistent", "at least", "proof"],
)
async def test_a_call_with_a_demand_of_its_own_goes_past_the_cache(
    connect: Connect, scripted: ScriptedSessiond, past: dict[str, Any]
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    await client.validate("t", **past)
    await client.validate("t", **past)
    assert scripted.tokens == ["t", "t"]
    await client.validate("t")
    assert scripted.tokens == ["t", "t", "t"]
    await client.validate("t", **past)
    assert scripted.tokens == ["t", "t", "t", "t"]
    assert client.client.numbers.bypassed == 3


async def test_a_token_that_is_found_revoked_is_not_repeated(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    await client.validate("t", scopes=["a"])
    scripted.answers["t"] = revoked()
    await client.validate("t", consistency=FULLY_CONSISTENT)
    assert isinstance(await client.validate("t", scopes=["a"]), Rejection)


async def test_rejections_are_not_kept(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect()
    await client.is_fresh(scripted)
    scripted.answers["t"] = Verdict(rejection=session_pb2.Rejection(reason=10))
    await client.validate("t")
    await client.validate("t")
    assert scripted.tokens == ["t", "t"]


async def test_answers_of_two_keys_never_meet(connect: Connect, scripted: ScriptedSessiond) -> None:
    current = ["k1"]
    client = connect(key=lambda: current[0])
    await client.is_fresh(scripted)
    await client.validate("t")
    current[0] = "k2"
    await client.validate("t")
    await client.validate("t")
    assert scripted.tokens == ["t", "t"]
    assert scripted.keys[-2:] == ["Bearer k1", "Bearer k2"]
