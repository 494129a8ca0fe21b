"""A parent and its worker talk over a pair of sockets, each as it likes."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.workers.link import Answers, Link, LinkEndedError
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LONG = 10.0


@asynccontextmanager
async def linked(answers: Answers) -> AsyncIterator[tuple[Link, Link, asyncio.Task[None]]]:
    """One end, the other, which does what `answers` say, and what hears at the first."""
    ends = [await Link.over(end, answers) for end in socket.socketpair()]
    tasks = [asyncio.create_task(one.run()) for one in ends]
    yield ends[0], ends[1], tasks[0]
    for one in ends:
        await one.close()
    await asyncio.gather(*tasks)


async def test_what_is_asked_is_answered_each_by_its_own() -> None:
    first_may_answer = asyncio.Event()
    asked = []

    async def answer(word: Any) -> Any:
        asked.append(word)
        if len(asked) == 1:
            await first_may_answer.wait()
        return len(asked)

    async with linked({"count": answer}) as (one, _, _):
        first, second = (asyncio.create_task(one.ask("count", within_seconds=LONG)) for _ in range(2))
        await eventually(lambda: asked)
        first_may_answer.set()
        assert [await first, await second] == [1, 2]


async def test_what_is_told_is_heard_and_not_answered() -> None:
    heard = []

    async def hear(value: Any) -> None:
        heard.append(value)

    async with linked({"word": hear}) as (one, other, _):
        one.tell("word", [1, "ä\n"])
        other.tell("word")
        await eventually(lambda: len(heard) == 2)
    assert sorted(map(str, heard)) == sorted(map(str, [[1, "ä\n"], None]))


async def test_an_answer_that_comes_too_late_is_nobodys() -> None:
    may_answer, asked = asyncio.Event(), []

    async def answer(_: Any) -> str:
        asked.append(None)
        await may_answer.wait()
        return "late"

    async def at_once(_: Any) -> str:
        return "at once"

    async with linked({"slowly": answer, "quickly": at_once}) as (one, _, _):
        with pytest.raises(TimeoutError):
            await one.ask("slowly", within_seconds=0)
        await eventually(lambda: asked)
        may_answer.set()
        assert await one.ask("quickly", within_seconds=LONG) == "at once"


async def test_whoever_asks_learns_that_the_other_end_is_gone() -> None:
    never, asked = asyncio.Event(), []

    async def answer(_: Any) -> None:
        asked.append(None)
        await never.wait()

    async with linked({"ask": answer}) as (one, other, hearing):
        waiting = asyncio.create_task(one.ask("ask", within_seconds=LONG))
        await eventually(lambda: asked)
        await other.close()
        with pytest.raises(LinkEndedError):
            await waiting
        await hearing
        one.tell("ask")
        with pytest.raises(LinkEndedError):
            await one.ask("ask", within_seconds=LONG)
        never.set()
