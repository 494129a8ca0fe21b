"""What every call goes through; the text of an exception, which may hold a token, gets out nowhere."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.logs import at_level, to_logger
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.domain.caller import Caller, Group
from sessiond_server.domain.failures import (
    CallerNotPermittedError,
    CallerUnknownError,
    KeysUnavailableError,
    SessionNotFoundError,
)
from sessiond_server.service.callers import Callers, Credentials, KnownCaller
from sessiond_server.transport.admission.limits import Limits
from sessiond_server.transport.codec.refusals import MessageMalformedError
from sessiond_server.transport.engine.port import INTERNAL, Call, StatusCode
from sessiond_server.transport.failures import to_status
from sessiond_server.transport.pipeline import LoggedCalls
from tests.support.fakes import RecordingLogger, RecordingTelemetry
from tests.support.methods import pipeline, rows, stream, unary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "telling-token"
NOT_FOUND = to_status(SessionNotFoundError())
NOBODY = Callers([], anonymous=frozenset())
VALIDATOR = Callers([], anonymous=frozenset({Group.VALIDATE}))


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


async def broken(_request: Any, _call: Call) -> bytes:
    token = SECRET
    raise ValueError(f"cannot read {token}") from KeyError(token)


async def broken_stream(request: Any, call: Call) -> AsyncIterator[bytes]:
    yield b"first"
    await broken(request, call)


async def refused(_request: Any, _call: Call) -> bytes:
    raise SessionNotFoundError


async def refused_stream(_request: Any, _call: Call) -> AsyncIterator[bytes]:
    raise SessionNotFoundError
    yield b""


async def answered(_request: Any, call: Call) -> bytes:
    return call.caller.name.encode()


async def answered_stream(_request: Any, call: Call) -> AsyncIterator[bytes]:
    yield call.caller.name.encode()


async def test_an_unforeseen_exception_is_a_bare_internal(output: Output) -> None:
    through = pipeline(logger=to_logger(output))
    assert await unary(broken, through=through)(b"", Call("M")) == INTERNAL
    written = output.getvalue()
    assert SECRET not in written
    assert "cannot read" not in written
    assert "ValueError" in written
    assert "broken" in written


async def test_the_same_of_a_stream_behind_what_it_sent(output: Output) -> None:
    served = stream(broken_stream, through=pipeline(logger=to_logger(output)))(b"", Call("M"))
    assert [response async for response in served] == [b"first", INTERNAL]
    assert SECRET not in output.getvalue()


async def test_a_named_failure_is_its_status_and_no_trouble() -> None:
    logger = RecordingLogger()
    through = pipeline(logger=logger)
    assert await unary(refused, through=through)(b"", Call("M")) == NOT_FOUND
    served = stream(refused_stream, through=through)(b"", Call("M"))
    assert [response async for response in served] == [NOT_FOUND]
    assert logger.levels == ["info", "info"]


async def test_each_call_is_one_line_and_one_count(output: Output) -> None:
    telemetry = PrometheusTelemetry()
    through = pipeline(telemetry=telemetry, logger=to_logger(output))
    await unary(refused, through=through)(b"", Call("GetSession"))
    assert output.getvalue().count("\n") == 1
    for part in ("GetSession", "NOT_FOUND", "SESSION_NOT_FOUND", "anonymous"):
        assert part in output.getvalue()
    counted = b'sessiond_calls_total{caller="anonymous",code="NOT_FOUND",method="GetSession"} 1.0'
    assert counted in (await telemetry.expose()).body


async def test_each_stream_is_one_line_and_one_count() -> None:
    telemetry, logger = RecordingTelemetry(), RecordingLogger()
    through = pipeline(telemetry=telemetry, logger=logger)
    served = stream(refused_stream, through=through)(b"", Call("WatchRevocations"))
    assert len([response async for response in served]) == 1
    assert len(logger.said("call")) == 1
    ((method, code, caller, _),) = telemetry.of("call_ended")
    assert (method, code, caller) == ("WatchRevocations", "NOT_FOUND", "anonymous")


async def test_a_stream_that_its_caller_leaves_is_closed_and_counted() -> None:
    telemetry = RecordingTelemetry()
    served = stream(broken_stream, through=pipeline(telemetry=telemetry))(b"", Call("WatchRevocations"))
    assert await anext(served) == b"first"
    await served.aclose()  # type: ignore[attr-defined]
    assert [event[1] for event in telemetry.of("call_ended")] == ["CANCELLED"]


async def test_a_call_that_its_caller_leaves_is_one_line_and_one_count() -> None:
    telemetry, logger, entered = RecordingTelemetry(), RecordingLogger(), asyncio.Event()

    async def endless(_request: Any, _call: Call) -> bytes:
        entered.set()
        await asyncio.Event().wait()
        return b""

    through = pipeline(telemetry=telemetry, logger=logger)
    call = asyncio.ensure_future(unary(endless, through=through)(b"", Call("GetSession")))
    await entered.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert [event[:2] for event in telemetry.of("call_ended")] == [("GetSession", "CANCELLED")]
    assert [line["code"] for line in logger.said("call")] == ["CANCELLED"]


async def test_a_stream_that_comes_to_its_end_is_ok() -> None:
    telemetry = RecordingTelemetry()
    served = stream(answered_stream, through=pipeline(telemetry=telemetry))(b"", Call("WatchRevocations"))
    assert len([response async for response in served]) == 1
    assert [event[1] for event in telemetry.of("call_ended")] == ["OK"]


async def test_a_call_reaches_its_handler_with_its_caller() -> None:
    assert await unary(answered)(b"", Call("M")) == b"anonymous"
    assert [response async for response in stream(answered_stream)(b"", Call("M"))] == [b"anonymous"]


async def test_a_stranger_is_refused_before_a_message_is_read() -> None:
    telemetry = RecordingTelemetry()
    refuse = pipeline(NOBODY, telemetry=telemetry).refuse
    status = refuse("GetSession", Credentials())
    assert status == to_status(CallerUnknownError())
    assert [event[:3] for event in telemetry.of("call_ended")] == [
        ("GetSession", "PERMISSION_DENIED", "unknown")
    ]
    assert refuse("GetSession", Credentials(("Bearer wrong",))) == status


def test_a_refusal_that_fails_is_a_bare_internal(output: Output) -> None:
    class Broken(Callers):
        def identify_early(self, credentials: Credentials, *, by_certificate: bool) -> Caller | None:
            raise ValueError(f"cannot read {credentials.authorizations} for {by_certificate}")

    refuse = pipeline(Broken([], anonymous=frozenset()), logger=to_logger(output)).refuse
    assert refuse("GetSession", Credentials((SECRET,))) == INTERNAL
    assert SECRET not in output.getvalue()


class Late(Callers):
    """Knows whose call it is after a while, or fails then."""

    def __init__(self, found: Caller | Exception) -> None:
        super().__init__([], anonymous=frozenset())
        self.found = found

    async def find(self) -> Caller:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def identify_early(self, credentials: Credentials, *, by_certificate: bool) -> Awaitable[Caller]:  # noqa: ARG002
        return self.find()


async def late(found: Caller | Exception, method: str, **more: Any) -> Any:
    status = pipeline(Late(found), **more).refuse(method, Credentials((SECRET,)))
    assert isinstance(status, Awaitable)
    return await status


async def test_who_is_known_after_a_while_is_refused_as_anybody_else_is(output: Output) -> None:
    telemetry, orders = RecordingTelemetry(), Caller("orders", frozenset({Group.READ}))
    rows_of = pipeline(Late(orders), telemetry=telemetry)
    rows_of.endpoints(rows().values())
    assert await rows_of.refuse("GetSession", Credentials()) is None  # type: ignore[misc]
    denied = await rows_of.refuse("ValidateToken", Credentials())  # type: ignore[misc]
    assert denied == to_status(CallerNotPermittedError("group", "validate"))
    assert [event[:3] for event in telemetry.of("call_ended")] == [
        ("ValidateToken", "PERMISSION_DENIED", "orders")
    ]
    for failure in (CallerUnknownError(), KeysUnavailableError()):
        assert await late(failure, "GetSession") == to_status(failure)
    assert await late(ValueError(SECRET), "GetSession", logger=to_logger(output)) == INTERNAL
    assert SECRET not in output.getvalue()


async def test_a_server_that_stopped_meanwhile_takes_no_call() -> None:
    limits, orders = Limits(max_closing_seconds=0.0), Caller("orders", frozenset({Group.READ}))
    status = pipeline(Late(orders), limits=limits).refuse("GetSession", Credentials())
    await limits.close()
    assert (await status).reason == "SHUTTING_DOWN"  # type: ignore[misc,union-attr]


async def test_who_may_be_known_by_a_certificate_is_not_refused_by_headers() -> None:
    mesh = KnownCaller(Caller("mesh", frozenset()), (), frozenset({"spiffe://acme/mesh"}))
    callers = Callers([mesh], anonymous=frozenset())
    assert pipeline(callers, by_certificate=True).refuse("GetSession", Credentials()) is None
    assert pipeline(callers).refuse("GetSession", Credentials()) is not None
    assert pipeline(VALIDATOR).refuse("GetSession", Credentials()) is None


async def test_what_a_caller_may_not_do_in_any_form_is_not_even_parsed() -> None:
    denied = to_status(CallerNotPermittedError("group", "read"))
    assert await unary(answered, through=pipeline(VALIDATOR))(b"\xff", Call("M")) == denied
    served = stream(answered_stream, through=pipeline(VALIDATOR))(b"\xff", Call("M"))
    assert [response async for response in served] == [denied]
    assert await unary(answered)(b"\xff", Call("M")) == to_status(MessageMalformedError())


async def test_a_refresh_is_counted_by_its_outcome() -> None:
    telemetry = RecordingTelemetry()
    counted = rows()["RefreshSession"]
    outcomes: list[str] = []
    row = replace(counted, handle=refused, count_outcome=outcomes.append)
    response = await pipeline(telemetry=telemetry).unary(row)(b"", Call("RefreshSession"))
    assert response.code is StatusCode.NOT_FOUND  # type: ignore[union-attr]
    assert outcomes == ["SESSION_NOT_FOUND"]
    assert counted.count_outcome is not None


@pytest.mark.parametrize(
    ("logged", "told"), [("all", ["OK", "NOT_FOUND"]), ("refused", ["NOT_FOUND"]), ("none", [])]
)
async def test_the_calls_that_are_wanted_are_logged_and_all_are_counted(logged: str, told: list[str]) -> None:
    logger, telemetry = RecordingLogger(), RecordingTelemetry()
    through = pipeline(logger=logger, telemetry=telemetry, logged_calls=LoggedCalls(logged))
    await unary(answered, through=through)(b"", Call("M"))
    await unary(refused, through=through)(b"", Call("M"))
    assert [fields["code"] for fields in logger.said("call")] == told
    assert [code for _, code, *_ in telemetry.of("call_ended")] == ["OK", "NOT_FOUND"]


@pytest.mark.parametrize(
    ("level", "heard"),
    [
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_of_less_weight_are_left_out(level: str, heard: list[str]) -> None:
    recorded = RecordingLogger()
    logger = at_level(recorded, level)
    logger.info("a", field=1)
    logger.warning("b", field=1)
    logger.error("c", field=1)
    assert recorded.levels == heard
    assert all(fields == {"field": 1} for _, _, fields in recorded.lines)


@pytest.mark.parametrize("remaining", [-1.0, 0.0, 0.005])
async def test_nothing_is_changed_for_who_has_no_time_left(remaining: float) -> None:
    served = unary(answered, changes_sessions=True)
    response = await served(b"", Call("RefreshSession", time_remaining=lambda: remaining))
    assert (response.code, response.reason) == (StatusCode.DEADLINE_EXCEEDED, "TIME_OVER")


@pytest.mark.parametrize(("remaining", "changes"), [(None, True), (0.1, True), (0.005, False)])
async def test_who_has_time_and_who_only_asks_is_served(remaining: float | None, *, changes: bool) -> None:
    served = unary(answered, changes_sessions=changes)
    assert await served(b"", Call("M", time_remaining=lambda: remaining)) == b"anonymous"
