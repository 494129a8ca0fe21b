"""Caps on what is in flight, and the end of taking calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.domain.caller import Caller, Group
from sessiond_server.domain.failures import OverloadedError
from sessiond_server.service.callers import Callers
from sessiond_server.transport.admission.limits import Cap, Limits
from sessiond_server.transport.engine.port import Call, Status, StatusCode
from tests.support.fakes import RecordingTelemetry
from tests.support.methods import pipeline, rows, stream, unary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass
class Calls:
    """Calls that are done when a test says so."""

    ends: list[Callable[[], None]] = field(default_factory=list)

    def one(self, caller: str = "orders") -> Call:
        return Call("M", identified=Caller(caller, frozenset()), when_done=self.ends.append)

    def end_first(self) -> None:
        self.ends.pop(0)()


async def answered(_request: Any, _call: Call) -> bytes:
    return b"answer"


async def answered_stream(_request: Any, _call: Call) -> AsyncIterator[bytes]:
    yield b"answer"


async def broken(_request: Any, _call: Call) -> bytes:
    raise ValueError


def test_one_more_than_the_cap_is_overloaded_until_one_is_done() -> None:
    cap, calls = Cap(Limits(), max_in_flight=2), Calls()
    cap.admit(b"", calls.one("orders"))
    cap.admit(b"", calls.one("billing"))
    with pytest.raises(OverloadedError):
        cap.admit(b"", calls.one("web"))
    assert (cap.in_flight, len(calls.ends)) == (2, 2)
    calls.end_first()
    cap.admit(b"", calls.one("web"))


def test_a_caller_has_half_of_a_cap_at_most() -> None:
    cap, calls = Cap(Limits(), max_in_flight=4), Calls()
    cap.admit(b"", calls.one("orders"))
    cap.admit(b"", calls.one("orders"))
    with pytest.raises(OverloadedError):
        cap.admit(b"", calls.one("orders"))
    cap.admit(b"", calls.one("billing"))
    calls.end_first()
    cap.admit(b"", calls.one("orders"))


def test_caps_are_of_one_method_and_bytes_of_all() -> None:
    limits, calls = Limits(max_bytes=10), Calls()
    one, other = Cap(limits, max_in_flight=2), Cap(limits, max_in_flight=18)
    one.admit(b"12345", calls.one("orders"))
    for caller in ("orders", "billing"):
        with pytest.raises(OverloadedError):
            other.admit(b"123456", calls.one(caller))
    other.admit(b"12345", calls.one("billing"))
    with pytest.raises(OverloadedError):
        other.admit(b"1", calls.one("web"))
    calls.end_first()
    other.admit(b"12345", calls.one("orders"))
    assert limits.bytes.total == 10


async def test_a_call_counts_from_before_it_is_parsed_until_its_answer_is_taken() -> None:
    calls = Calls()
    serve = unary(answered, max_in_flight=1)
    assert await serve(b"", calls.one()) == b"answer"
    # These bytes are no message, which nobody looks at.
    refused = await serve(b"\xff", calls.one())
    assert isinstance(refused, Status)
    assert (refused.code, refused.reason) == (StatusCode.UNAVAILABLE, "OVERLOADED")
    calls.end_first()
    assert await serve(b"", calls.one()) == b"answer"


async def test_who_may_not_call_a_method_takes_no_place_of_it() -> None:
    calls = Calls()
    through = pipeline(Callers([], anonymous=frozenset({Group.VALIDATE})))
    refused = await unary(answered, max_in_flight=1, through=through)(b"", calls.one())
    assert isinstance(refused, Status)
    assert refused.reason == "CALLER_NOT_PERMITTED"
    assert calls.ends == []


async def test_a_call_that_fails_gives_its_place_back() -> None:
    calls = Calls()
    serve = unary(broken, max_in_flight=1)
    await serve(b"", calls.one())
    calls.end_first()
    assert (await serve(b"", calls.one())).reason == "INTERNAL"  # type: ignore[union-attr]


async def test_streams_count_too() -> None:
    calls = Calls()
    serve = stream(answered_stream, max_in_flight=1)
    assert [one async for one in serve(b"", calls.one())] == [b"answer"]
    (refused,) = [one async for one in serve(b"", calls.one())]
    assert isinstance(refused, Status)
    assert refused.reason == "OVERLOADED"


async def test_what_is_in_flight_is_shown_by_method() -> None:
    telemetry = RecordingTelemetry()
    serve = unary(answered, name="GetSession", through=pipeline(telemetry=telemetry))
    await serve(b"", Calls().one())
    ((name, _, read),) = telemetry.of("gauge")
    assert (name, read()) == ("calls_in_flight", 1)


def test_every_method_has_a_cap() -> None:
    assert all(row.max_in_flight > 0 for row in rows().values())


async def test_a_call_that_is_shed_is_counted() -> None:
    telemetry = RecordingTelemetry()
    status = pipeline(telemetry=telemetry).shed("GetSession")
    assert status.reason == "OVERLOADED"
    assert [ended[:2] for ended in telemetry.of("call_ended")] == [("GetSession", "UNAVAILABLE")]


async def test_after_the_end_new_calls_are_told_and_those_in_flight_go_on() -> None:
    limits = Limits(quiet_seconds=0)
    through = pipeline(limits=limits)
    endpoints = through.endpoints([rows()["GetSession"]])
    assert through.refuse("GetSession", Call("").credentials) is None
    await limits.close()
    status = endpoints.refuse("GetSession", Call("").credentials)
    assert status is not None
    assert (status.code, status.reason) == (StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert await unary(answered, through=through)(b"", Call("M")) == b"answer"


async def test_a_call_ends_the_quiet_that_closing_waits_for() -> None:
    limits = Limits(quiet_seconds=60)
    quiet = asyncio.create_task(limits._turns_away_soon())
    await asyncio.sleep(0)
    limits.turn_away()
    async with asyncio.timeout(30):
        assert await quiet


async def test_closing_waits_on_while_calls_come(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits()
    quiets = iter([True, True, False])

    async def turns_away_soon() -> bool:
        return next(quiets)

    monkeypatch.setattr(limits, "_turns_away_soon", turns_away_soon)
    await limits.close()
    assert list(quiets) == []


async def test_a_call_that_comes_too_late_is_noted() -> None:
    class Noting(Limits):
        turned_away = 0

        def turn_away(self) -> None:
            self.turned_away += 1

    limits = Noting(quiet_seconds=0)
    through = pipeline(limits=limits)
    through.refuse("GetSession", Call("").credentials)
    await limits.close()
    through.refuse("GetSession", Call("").credentials)
    assert limits.turned_away == 1


async def test_closing_waits_no_longer_than_it_may() -> None:
    limits = Limits(quiet_seconds=60, max_closing_seconds=0.01)
    async with asyncio.timeout(30):
        await limits.close()
    assert not limits.is_open
