"""Calls of the Python clients that are shared, and how they end, on asyncio and from threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from sessiond import (
    AsyncClient,
    Client,
    Outcome,
    Rejection,
    Session,
    SessiondError,
    UnavailableError,
)
from sessiond.flights import LARGEST_TOKEN
from sessiond.v1 import session_pb2
from sessiond.v1.error_reason_pb2 import ErrorReason
from tests.support.either_client import EitherClient, Told
from tests.support.waiting import eventually
from tests.support.watch_model.servers import span
from tests.support.watch_server import ISSUER, Verdict, accepted, revoked

if TYPE_CHECKING:
    from tests.support.watch_server import ScriptedSessiond

Connect: TypeAlias = Callable[..., EitherClient]


async def test_one_call_answers_all_who_ask_about_one_token(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    told = Told()
    client = connect(observer=told)
    await client.is_fresh(scripted)
    told.outcomes.clear()
    scripted.gate.clear()
    asking = asyncio.ensure_future(client.validate_each(*["t"] * 40))
    await scripted.called(1)
    await eventually(lambda: asking.done() or len(scripted.calls) == 1)
    scripted.gate.set()
    sessions = await asking
    assert all(isinstance(session, Session) for session in sessions)
    assert scripted.tokens == ["t"]
    assert told.outcomes.count(Outcome.MISS) == 1


async def test_a_call_from_before_an_own_revocation_is_not_joined(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    scripted.gate.clear()
    before = asyncio.ensure_future(client.validate("t"))
    await scripted.called(1)
    await client.revoke_subject(ISSUER, "sub t")
    scripted.answers["t"] = revoked()
    after = asyncio.ensure_future(client.validate("t"))
    await scripted.called(2)
    scripted.gate.set()
    await before
    assert isinstance(await after, Rejection)


async def test_who_comes_while_two_calls_are_under_way_goes_with_the_next(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    scripted.gate.clear()
    ahead = [asyncio.ensure_future(client.validate(f"ahead {number}")) for number in range(1)]
    await scripted.called(1)
    ahead.append(asyncio.ensure_future(client.validate("ahead 1")))
    await scripted.called(2)
    tokens = [f"t{number}" for number in range(60)]
    others = [asyncio.ensure_future(client.validate(token)) for token in tokens]
    strict = [asyncio.ensure_future(client.validate(token, scopes=["a"])) for token in tokens[:5]]
    await eventually(lambda: client.waiting == 65)
    assert len(scripted.calls) == 2
    scripted.gate.set()
    verdicts = await asyncio.gather(*ahead, *others, *strict)
    assert [one.subject for one in verdicts[2:62]] == [f"sub {token}" for token in tokens]
    # Which of the two came first is up to the threads that ask.
    assert sorted((method, len(tokens)) for method, tokens in scripted.calls[2:]) == [
        ("ValidateTokens", 5),
        ("ValidateTokens", 60),
    ]


async def two_ahead(client: EitherClient, scripted: ScriptedSessiond, *tokens: str) -> list[Any]:
    """Ask about tokens together, while two calls are under way."""
    scripted.gate.clear()
    asking = []
    for number in range(2):
        asking.append(asyncio.ensure_future(client.validate(f"ahead {number}")))
        await scripted.called(len(asking))
    together = asyncio.ensure_future(client.validate_each(*tokens))
    await eventually(lambda: client.waiting == len(tokens))
    scripted.gate.set()
    await asyncio.gather(*asking)
    return await together


async def test_who_is_left_undecided_is_asked_about_singly(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    slow = session_pb2.Undecided(reason=ErrorReason.ERROR_REASON_KEYS_UNAVAILABLE)
    scripted.answers["slow"] = Verdict(undecided=slow)
    verdicts = await two_ahead(client, scripted, "t", "slow", "u")
    assert [one.subject for one in verdicts] == ["sub t", "sub slow", "sub u"]
    assert scripted.calls[-1] == ("ValidateToken", ("slow",))


def trailers(reason: str) -> tuple[tuple[str, bytes], ...]:
    info = AnyMessage()
    info.Pack(ErrorInfo(reason=reason, domain="sessiond"))
    return (("grpc-status-details-bin", Status(code=14, details=[info]).SerializeToString()),)


async def test_a_batch_that_lacks_keys_is_asked_about_singly(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect(timeout=20)
    await client.is_fresh(scripted)
    scripted.batch_error = (grpc.StatusCode.UNAVAILABLE, trailers("KEYS_UNAVAILABLE"))
    tokens = [f"t{number}" for number in range(20)]
    verdicts = await two_ahead(client, scripted, *tokens)
    assert [one.subject for one in verdicts] == [f"sub {token}" for token in tokens]


async def test_a_batch_that_fails_fails_for_each_anew(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect()
    await client.is_fresh(scripted)
    scripted.batch_error = (grpc.StatusCode.RESOURCE_EXHAUSTED, trailers("OVERLOADED"))
    failures = await two_ahead(client, scripted, "t", "u", "v")
    assert {type(one) for one in failures} == {UnavailableError}
    assert len(set(map(id, failures))) == 3
    assert {one.reason for one in failures} == {"OVERLOADED"}


async def test_closing_ends_streams_and_whoever_waits(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect()
    await client.is_fresh(scripted)
    scripted.gate.clear()
    asking = []
    for number in range(2):
        asking.append(asyncio.ensure_future(client.validate(f"t{number}")))
        await scripted.called(len(asking))
    asking += [asyncio.ensure_future(client.validate(f"u{number}")) for number in range(3)]
    await eventually(lambda: client.waiting == 3)
    await client.close()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert {type(one) for one in ended} == {SessiondError}
    assert {one.code for one in ended} == {grpc.StatusCode.CANCELLED}
    await eventually(lambda: scripted.open_streams == 0)


async def test_nothing_is_kept_or_joined_without_a_cache(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    scripted.answers["t"] = accepted("t", cache_for=span(30))
    client = connect(cache=None, batching=False)
    scripted.gate.clear()
    asking = asyncio.ensure_future(client.validate_each("t", "t", "t"))
    await scripted.called(3)
    scripted.gate.set()
    await asking
    assert scripted.calls == [("ValidateToken", ("t",))] * 3
    assert scripted.streams == []


async def test_a_time_of_its_own_is_kept_to_and_the_answer_is_kept(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    scripted.gate.clear()
    with pytest.raises(UnavailableError):
        await client.validate("t", timeout=0.05)
    scripted.gate.set()
    await client.validate("u", timeout=5)
    scripted.calls.clear()
    await client.validate("u")
    assert scripted.calls == []


async def test_the_time_of_a_call_counts_while_it_waits_for_others(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect(timeout=0.3)
    scripted.gate.clear()
    ended = await client.validate_each("t", "u", "v", "w")
    assert {type(one) for one in ended} == {UnavailableError}
    assert {one.code for one in ended} == {grpc.StatusCode.DEADLINE_EXCEEDED}


async def test_a_token_that_is_very_large_goes_alone(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect()
    await client.is_fresh(scripted)
    large = "x" * (LARGEST_TOKEN + 1)
    scripted.gate.clear()
    asking = []
    for number in range(2):
        asking.append(asyncio.ensure_future(client.validate(f"ahead {number}")))
        await scripted.called(len(asking))
    asking.append(asyncio.ensure_future(client.validate(large)))
    await scripted.called(3)
    scripted.gate.set()
    await asyncio.gather(*asking)
    assert scripted.calls[2] == ("ValidateToken", (large,))


async def test_what_is_no_token_harms_nobody_else(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect()
    with pytest.raises(UnicodeEncodeError):
        await client.validate("\ud800")
    with pytest.raises(TypeError):
        await client.validate(b"t")
    assert scripted.calls == []


async def test_who_gives_up_waiting_ends_nobody_elses_call(scripted: ScriptedSessiond) -> None:
    async with AsyncClient(scripted.target, timeout=10) as client:
        await EitherClient(client).is_fresh(scripted)
        scripted.gate.clear()
        leader = asyncio.ensure_future(client.validate("t"))
        await scripted.called(1)
        joined = asyncio.ensure_future(client.validate("t"))
        await asyncio.sleep(0)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        scripted.gate.set()
        assert isinstance(await joined, Session)
        assert scripted.tokens == ["t"]


async def two_under_way(client: EitherClient, scripted: ScriptedSessiond) -> list[Any]:
    """Whoever comes now waits for the next departure."""
    await client.is_fresh(scripted)
    scripted.gate.clear()
    ahead = []
    for number in range(2):
        ahead.append(asyncio.ensure_future(client.validate(f"ahead {number}")))
        await scripted.called(len(ahead))
    return ahead


async def test_a_server_is_not_asked_for_nobody(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect()
    ahead = await two_under_way(client, scripted)
    client.calls._timeout = 0.01
    ended = await client.validate_each("left", "come back to")
    assert {type(one) for one in ended} == {UnavailableError}
    client.calls._timeout = 10
    back = asyncio.ensure_future(client.validate("come back to"))
    strict = asyncio.ensure_future(client.validate("strict", scopes=["a"]))
    await eventually(lambda: client.waiting == 3)
    scripted.gate.set()
    await asyncio.gather(*ahead, back, strict)
    assert isinstance(await client.validate("left"), Session)
    assert sorted(scripted.tokens[2:-1]) == ["come back to", "strict"]
    assert scripted.tokens[-1] == "left"


async def test_who_is_cancelled_has_left(scripted: ScriptedSessiond) -> None:
    async with AsyncClient(scripted.target, timeout=10) as client:
        ahead = await two_under_way(either := EitherClient(client), scripted)
        leaving = asyncio.ensure_future(client.validate("left"))
        await eventually(lambda: either.waiting == 1)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        scripted.gate.set()
        await asyncio.gather(*ahead)
        await client.validate("t")
        assert scripted.tokens[2:] == ["t"]


async def test_a_client_that_is_closed_leaves_no_thread(scripted: ScriptedSessiond) -> None:
    before = set(threading.enumerate())
    for _ in range(20):
        client = EitherClient(Client(scripted.target, timeout=10))
        await client.is_fresh(scripted)
        await client.close()
        left = set(threading.enumerate()) - before - set(client._threads._threads)
        assert not {thread.name for thread in left if thread.name.startswith("sessiond")}
        client._threads.shutdown()
        scripted.streams.clear()
    await eventually(lambda: scripted.open_streams == 0)
