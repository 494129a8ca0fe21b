"""An exception's text, which may hold a token, gets past the guard in no direction."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.logs import to_log
from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import SessionNotFoundError
from sessiond_server.transport.calls import Call
from sessiond_server.transport.guard import guard, guard_stream
from sessiond_server.transport.metrics import Metrics
from sessiond_server.transport.observe import observe, observe_stream
from sessiond_server.transport.statuses import INTERNAL, to_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "telling-token"


class Output(io.StringIO):
    """A stream that is a terminal or is not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture(params=[True, False], ids=["terminal", "json"])
def output(request: pytest.FixtureRequest) -> Output:
    return Output(terminal=request.param)


async def broken(_request: bytes, _call: Call) -> bytes:
    token = SECRET
    raise ValueError(f"cannot read {token}") from KeyError(token)


async def broken_stream(request: bytes, call: Call) -> AsyncIterator[bytes]:
    yield b"first"
    await broken(request, call)


async def refused(_request: bytes, _call: Call) -> bytes:
    raise SessionNotFoundError


async def refused_stream(_request: bytes, _call: Call) -> AsyncIterator[bytes]:
    raise SessionNotFoundError
    yield b""


async def test_an_unforeseen_exception_is_a_bare_internal(output: Output) -> None:
    assert await guard(broken, log=to_log(output))(b"", Call("M")) == INTERNAL
    written = output.getvalue()
    assert SECRET not in written
    assert "cannot read" not in written
    assert "ValueError" in written
    assert "broken" in written


async def test_the_same_of_a_stream_behind_what_it_sent(output: Output) -> None:
    replies = [reply async for reply in guard_stream(broken_stream, log=to_log(output))(b"", Call("M"))]
    assert replies == [b"first", INTERNAL]
    assert SECRET not in output.getvalue()


async def test_a_named_failure_is_its_status_and_no_trouble(output: Output) -> None:
    expected = to_status(SessionNotFoundError())
    assert await guard(refused, log=to_log(output))(b"", Call("M")) == expected
    assert [reply async for reply in guard_stream(refused_stream, log=to_log(output))(b"", Call("M"))] == [expected]
    assert output.getvalue() == ""


def call_of(method: str) -> Call:
    return Call(method, identified=Caller("orders", frozenset()))


async def test_each_call_is_one_line(output: Output) -> None:
    log, metrics = to_log(output), Metrics()
    await observe(guard(refused, log=log), metrics=metrics, log=log)(b"", call_of("GetSession"))
    assert output.getvalue().count("\n") == 1
    for part in ("GetSession", "NOT_FOUND", "SESSION_NOT_FOUND", "orders"):
        assert part in output.getvalue()
    assert b'sessiond_calls_total{caller="orders",code="NOT_FOUND",method="GetSession"} 1.0' in metrics.render()


async def test_each_stream_is_one_line(output: Output) -> None:
    log, metrics = to_log(output), Metrics()
    stream = observe_stream(guard_stream(refused_stream, log=log), metrics=metrics, log=log)
    assert len([reply async for reply in stream(b"", call_of("WatchRevocations"))]) == 1
    assert output.getvalue().count("\n") == 1
    assert b'sessiond_calls_total{caller="orders",code="NOT_FOUND",method="WatchRevocations"} 1.0' in metrics.render()


async def test_a_stream_that_its_caller_leaves_is_closed_and_counted(output: Output) -> None:
    log, metrics = to_log(output), Metrics()
    stream = observe_stream(guard_stream(broken_stream, log=log), metrics=metrics, log=log)(b"", Call("WatchRevocations"))
    assert await anext(stream) == b"first"
    await stream.aclose()
    assert b'sessiond_calls_total{caller="unknown",code="OK",method="WatchRevocations"} 1.0' in metrics.render()
