"""How the Python clients follow the revocations, and what they tell of themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc
import pytest

from sessiond import (
    FROM_SERVER,
    Cache,
    Observer,
    Outcome,
    Session,
    WatchState,
)
from sessiond.v1 import session_pb2, session_service_pb2
from tests.support.either_client import EitherClient, Told
from tests.support.waiting import eventually
from tests.support.watch_model.servers import span
from tests.support.watch_server import CONFIGURATION, accepted, revoked

if TYPE_CHECKING:
    from tests.support.watch_server import ScriptedSessiond

Connect: TypeAlias = Callable[..., EitherClient]


async def test_without_a_watch_an_acceptance_is_kept_for_as_long_as_anybody_may(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    scripted.watch_error = grpc.StatusCode.UNIMPLEMENTED
    scripted.answers["t"] = accepted("t", cache_for=span(30))
    told = Told()
    client = connect(observer=told)
    await client.validate("t")
    await eventually(lambda: told.states == [WatchState.REFUSED])
    await client.validate("t")
    await client.validate("u")
    await client.validate("u")
    assert scripted.tokens == ["t", "u", "u"]
    assert client.client.numbers.watch_age is None


async def test_a_stream_that_ends_is_opened_again_from_the_last_revision(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    told = Told()
    client = connect(observer=told)
    await client.is_fresh(scripted)
    assert scripted.streams[0].from_revision == ""
    scripted.streams[0].beat("r7")
    scripted.streams[0].send(None)
    again = await scripted.watched(2)
    assert again.from_revision == "r7"
    await eventually(lambda: told.states == [WatchState.FRESH, WatchState.LOST, WatchState.FRESH])
    assert client.client.numbers.reconnects == 1
    assert scripted.open_streams == 1


async def test_all_outcomes_are_counted_and_told(connect: Connect, scripted: ScriptedSessiond) -> None:
    told = Told()
    client = connect(observer=told)
    await client.is_fresh(scripted)
    scripted.answers["bad"] = revoked()
    await client.validate("t")
    await client.validate("t")
    await client.validate("bad")
    await client.validate("t", consistency=FROM_SERVER)
    assert told.outcomes[1:] == [Outcome.MISS, Outcome.HIT, Outcome.MISS, Outcome.BYPASSED]
    assert told.reasons[1:] == ["", "", "REVOKED", ""]
    numbers = client.client.numbers
    assert (numbers.hits, numbers.misses, numbers.joined, numbers.bypassed) == (1, 3, 0, 1)
    assert numbers.watch_age is not None
    assert numbers.watch_age >= 0


async def test_an_observer_that_raises_harms_nobody(
    connect: Connect, scripted: ScriptedSessiond, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(Observer):
        def validated(self, outcome: Outcome, **_: Any) -> None:
            raise RuntimeError(outcome)

        def watch_changed(self, state: WatchState) -> None:
            raise RuntimeError(state)

    client = connect(observer=Failing())
    await client.is_fresh(scripted)
    assert isinstance(await client.validate("t"), Session)
    assert isinstance(await client.validate("t"), Session)
    assert "an observer failed" in caplog.text


async def test_no_more_is_kept_than_was_asked_for(connect: Connect, scripted: ScriptedSessiond) -> None:
    client = connect(cache=Cache(max_entries=3))
    await client.is_fresh(scripted)
    await client.validate_each("t", "u", "v", "w")
    assert client.client.numbers.entries == 3


@pytest.mark.parametrize(
    "event",
    [
        {"reset": session_service_pb2.Reset(revision="r9", configuration=CONFIGURATION)},
        {"revocation": session_pb2.Revocation(type=99, hashed_id=bytes(16))},
        {"revocation": session_pb2.Revocation(type=1, hashed_id=b"short")},
        {},
    ],
    ids=["reset", "a type of a newer server", "a hash of another length", "an event of a newer server"],
)
async def test_what_may_mean_anything_drops_everything(
    connect: Connect, scripted: ScriptedSessiond, event: dict[str, Any]
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    await client.validate("t")
    scripted.streams[-1].send(session_service_pb2.WatchRevocationsResponse(**event))

    async def asked() -> bool:
        await client.validate("t")
        return scripted.tokens.count("t") > 1

    await eventually(asked)


async def test_another_configuration_drops_everything_and_its_answers_alone_are_kept(
    connect: Connect, scripted: ScriptedSessiond
) -> None:
    client = connect()
    await client.is_fresh(scripted)
    scripted.answers["other"] = accepted("other", configuration="c2", cache_for=span(60))
    await client.validate("other")
    await client.validate("other")
    assert scripted.tokens == ["other", "other"]
    await client.validate("t")
    scripted.send(reset=session_service_pb2.Reset(revision="r9", configuration="c2"))

    async def kept() -> bool:
        before = len(scripted.calls)
        await client.validate("other")
        return len(scripted.calls) == before

    await eventually(kept)
    scripted.calls.clear()
    await client.validate("t")
    await client.validate("t")
    assert scripted.tokens == ["t", "t"]
