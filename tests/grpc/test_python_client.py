"""The Python client: typed errors, deadlines, and what is repeated by itself."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from sessiond import (
    AsyncClient,
    Client,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RefreshRefusedError,
    Rejection,
    Session,
    SessiondError,
    UnavailableError,
    UnsupportedError,
)
from sessiond.v1 import session_pb2, session_service_pb2
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

METHODS = ("ValidateToken", "RefreshSession", "CreateSession", "RevokeSession")


class Scripted:
    """A real gRPC server that answers each call with the next of `answers`, and counts."""

    def __init__(self, *answers: bytes | Status | None) -> None:
        self.answers = list(answers)
        self.calls: list[str] = []

    async def answer(self, method: str, context: grpc.aio.ServicerContext) -> bytes:
        self.calls.append(method)
        answer = self.answers.pop(0)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, bytes):
            return answer
        code = next(code for code in grpc.StatusCode if code.value[0] == answer.code)
        trailers = (("grpc-status-details-bin", answer.SerializeToString()),)
        await context.abort(code, answer.message, trailing_metadata=trailers)
        raise AssertionError

    def handler(self, method: str) -> grpc.RpcMethodHandler:
        async def serve(_: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return await self.answer(method, context)

        return grpc.unary_unary_rpc_method_handler(serve)


@asynccontextmanager
async def serving(scripted: Scripted) -> AsyncIterator[str]:
    """Its address."""
    server = grpc.aio.server()
    handlers = {method: scripted.handler(method) for method in METHODS}
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("sessiond.v1.SessionService", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def client_of(
    scripted: Scripted,
    *,
    timeout: float = 5,  # noqa: ASYNC109 - the client's
    **more: float,
) -> AsyncIterator[AsyncClient]:
    async with serving(scripted) as target, AsyncClient(target, timeout=timeout, **more) as client:
        yield client


def status(code: grpc.StatusCode, reason: str, *, retry: timedelta | None = None, **metadata: str) -> Status:
    details = [packed(ErrorInfo(reason=reason, domain="sessiond", metadata=metadata))]
    if retry is not None:
        delay = Duration()
        delay.FromTimedelta(retry)
        details.append(packed(RetryInfo(retry_delay=delay)))
    return Status(code=code.value[0], message=f"about {reason}", details=details)


def packed(message: object) -> AnyMessage:
    any_message = AnyMessage()
    any_message.Pack(message)
    return any_message


UNAVAILABLE = status(grpc.StatusCode.UNAVAILABLE, "STORE_UNAVAILABLE", retry=timedelta(milliseconds=500))
ACCEPTED = session_service_pb2.ValidateTokenResponse(
    session=session_pb2.Session(subject="alice")
).SerializeToString()
REFRESHED = session_service_pb2.RefreshSessionResponse(
    tokens=session_pb2.Tokens(access_token="a")
).SerializeToString()


async def test_a_question_is_repeated() -> None:
    scripted = Scripted(UNAVAILABLE, UNAVAILABLE, ACCEPTED)
    async with client_of(scripted) as client:
        assert isinstance(await client.validate("t"), Session)
    assert scripted.calls == ["ValidateToken"] * 3


async def test_a_question_is_repeated_twice_and_no_more() -> None:
    scripted = Scripted(*[UNAVAILABLE] * 4)
    async with client_of(scripted) as client:
        with pytest.raises(UnavailableError):
            await client.validate("t")
    assert scripted.calls == ["ValidateToken"] * 3


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "SESSION_REVOKED", RefreshRefusedError),
        (grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", InvalidArgumentError),
        (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND", NotFoundError),
        (grpc.StatusCode.PERMISSION_DENIED, "CALLER_UNKNOWN", PermissionDeniedError),
        (grpc.StatusCode.UNIMPLEMENTED, "FEATURE_UNSUPPORTED", UnsupportedError),
        (grpc.StatusCode.INTERNAL, "INTERNAL", InternalError),
        (grpc.StatusCode.DATA_LOSS, "NEW_REASON", SessiondError),
    ],
)
async def test_each_status_is_an_error_of_its_own(
    code: grpc.StatusCode, reason: str, kind: type[SessiondError]
) -> None:
    async with client_of(Scripted(status(code, reason, field="token"))) as client:
        with pytest.raises(SessiondError) as raised:
            await client.refresh("r")
    error = raised.value
    assert type(error) is kind
    assert (error.code, error.reason, error.metadata) == (code, reason, {"field": "token"})
    assert f"about {reason}" in str(error)


@pytest.mark.parametrize("code", [grpc.StatusCode.CANCELLED, grpc.StatusCode.UNAVAILABLE])
@pytest.mark.parametrize("told", [None, timedelta(seconds=2)])
async def test_what_passes_says_when_to_repeat_the_call(
    code: grpc.StatusCode, told: timedelta | None
) -> None:
    answer = status(code, "R", retry=told) if told else Status(code=code.value[0])
    async with serving(Scripted(answer, answer)) as target:
        async with AsyncClient(target) as client:
            with pytest.raises(UnavailableError) as raised:
                await client.create_local_session("alice")
        with Client(target) as blocking, pytest.raises(UnavailableError) as blocked:
            await asyncio.to_thread(blocking.create_local_session, "alice")
    for error in (raised.value, blocked.value):
        assert error.retry_after == (told or timedelta(seconds=0.5))


@pytest.mark.parametrize("code", [grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED])
async def test_where_waiting_has_no_use_no_delay_is_named(code: grpc.StatusCode) -> None:
    async with client_of(Scripted(Status(code=code.value[0]))) as client:
        with pytest.raises(UnavailableError) as raised:
            await client.refresh("r")
    assert raised.value.retry_after is None


async def test_a_caller_that_cancels_sees_its_own_cancellation() -> None:
    scripted = Scripted(None)
    async with client_of(scripted) as client:
        call = asyncio.create_task(client.refresh("r"))
        await eventually(lambda: scripted.calls)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call


async def test_a_call_whose_client_is_closed_under_it_tells_nothing_of_the_server() -> None:
    scripted = Scripted(None, None)
    async with serving(scripted) as target:
        client, blocking = AsyncClient(target), Client(target)
        call = asyncio.create_task(client.refresh("r"))
        blocked = asyncio.create_task(asyncio.to_thread(blocking.refresh, "r"))
        await eventually(lambda: len(scripted.calls) == 2)
        await client.close()
        blocking.close()
        with pytest.raises(asyncio.CancelledError):
            await call
        with pytest.raises(SessiondError) as raised:
            await blocked
    assert type(raised.value) is SessiondError
    assert raised.value.code is grpc.StatusCode.CANCELLED


async def test_details_of_another_domain_are_not_ours() -> None:
    other = Status(code=5, message="m", details=[packed(ErrorInfo(reason="THEIRS", domain="proxy.example"))])
    async with client_of(Scripted(other)) as client:
        with pytest.raises(NotFoundError) as raised:
            await client.refresh("r")
    assert raised.value.reason == ""


@pytest.mark.parametrize("raw", [b"\xff", b"\x1a\xff\xff", b"\x1a\x7f" + b"x" * 5])
async def test_details_that_are_none_are_no_trouble(raw: bytes) -> None:
    class Garbled(Scripted):
        async def answer(self, method: str, context: grpc.aio.ServicerContext) -> bytes:
            self.calls.append(method)
            await context.abort(
                grpc.StatusCode.NOT_FOUND, "gone", trailing_metadata=(("grpc-status-details-bin", raw),)
            )
            raise AssertionError

    async with client_of(Garbled()) as client:
        with pytest.raises(NotFoundError, match="gone"):
            await client.refresh("r")


async def test_a_call_ends_within_its_time() -> None:
    async with client_of(Scripted(None, None), timeout=0.1, provider_timeout=0.1) as client:
        for call in (client.refresh("r"), client.validate("t")):
            with pytest.raises(SessiondError) as raised:
                await call
            assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_one_call_may_have_another_time() -> None:
    async with client_of(Scripted(None), timeout=60) as client:
        with pytest.raises(SessiondError):
            await client.refresh("r", timeout=0.1)


async def test_nobody_there_is_unavailable() -> None:
    async with AsyncClient("127.0.0.1:9", timeout=2) as client:
        with pytest.raises(UnavailableError):
            await client.refresh("r")


@pytest.mark.parametrize("raw", [b"", b"\x22\x01r"], ids=["empty", "a revision alone"])
async def test_an_answer_without_a_verdict_is_a_rejection(raw: bytes) -> None:
    async with client_of(Scripted(raw)) as client:
        assert isinstance(await client.validate("t"), Rejection)


async def test_a_reason_that_is_newer_than_the_client_is_a_rejection_all_the_same() -> None:
    rejection = session_pb2.Rejection(message="new")
    raw = session_service_pb2.ValidateTokenResponse(rejection=rejection).SerializeToString()
    # Field 2 of the response, inside it field 1, the reason, of value 99.
    newer = b"\x12\x02\x08\x63"
    async with client_of(Scripted(raw, newer)) as client:
        for _ in range(2):
            verdict = await client.validate("t")
            assert isinstance(verdict, Rejection)


async def test_tokens_do_not_show_themselves() -> None:
    raw = session_service_pb2.RefreshSessionResponse(
        tokens=session_pb2.Tokens(access_token="telling-a", refresh_token="telling-r")
    ).SerializeToString()
    async with client_of(Scripted(raw, REFRESHED)) as client:
        assert "telling" not in repr(await client.refresh("r"))


async def test_a_proxy_of_the_environment_gets_no_call_to_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is in clear because it stays on this machine would be read by it."""
    asked: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        writer.close()

    async with await asyncio.start_server(proxy, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        for name in ("http_proxy", "grpc_proxy", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        for name in ("no_proxy", "no_grpc_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        async with client_of(Scripted(ACCEPTED)) as client:
            assert isinstance(await client.validate("t"), Session)
    assert asked == []
