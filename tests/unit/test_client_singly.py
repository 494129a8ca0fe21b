"""What a batch that came to pieces leaves over is asked about singly, and for nobody who has left."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from sessiond.blocking_calls import BlockingCalls
from sessiond.calls import AsyncCalls
from sessiond.clocks import SYSTEM_CLOCKS
from sessiond.errors import given_up
from sessiond.flights import SINGLY_AT_ONCE, Flight, Question
from sessiond.policy import NOTHING
from sessiond.v1.session_service_pb2 import ValidateTokenRequest, ValidateTokenResponse
from tests.support.waiting import eventually

TOKENS = [f"t{number}" for number in range(SINGLY_AT_ONCE + 3)]
# The caller of the last one stays.
ASKED = [*TOKENS[:SINGLY_AT_ONCE], TOKENS[-1]]


def flights(waiting: type[Any]) -> list[Flight[Any]]:
    return [
        Flight(Question(token, NOTHING, (), token.encode(), token.encode()), waiting(), 0, waiters=1)
        for token in TOKENS
    ]


def leave(flights: list[Flight[Any]]) -> None:
    for flight in flights[SINGLY_AT_ONCE:-1]:
        flight.waiters = 0


async def test_on_asyncio() -> None:
    asked: list[str] = []
    gate = asyncio.Event()

    async def one(request: ValidateTokenRequest, _: Any, __: float) -> ValidateTokenResponse:
        asked.append(request.token)
        await gate.wait()
        raise given_up()

    calls = AsyncCalls(one, lambda *_: one, None, clocks=SYSTEM_CLOCKS, timeout=5, batching=True)  # type: ignore[arg-type]
    undecided = flights(asyncio.Event)
    calls._ask_singly(undecided)
    await eventually(lambda: len(asked) == SINGLY_AT_ONCE)
    leave(undecided)
    gate.set()
    await eventually(lambda: not calls._tasks)
    assert asked == ASKED


def test_from_threads() -> None:
    begun: list[tuple[str, Any]] = []

    def begin_one(request: ValidateTokenRequest, _: Any, landed: Any) -> None:
        begun.append((request.token, landed))

    calls = BlockingCalls(
        lambda *_: ValidateTokenResponse(),
        begin_one,
        begin_one,
        None,
        clocks=SYSTEM_CLOCKS,
        lock=threading.Lock(),
        timeout=5,
        batching=True,
    )
    undecided = flights(threading.Event)
    calls._ask_singly(undecided)
    assert len(begun) == SINGLY_AT_ONCE
    leave(undecided)
    for _, landed in begun[:SINGLY_AT_ONCE]:
        landed(given_up())
    assert [token for token, _ in begun] == ASKED
