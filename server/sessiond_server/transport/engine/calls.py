"""Handlers as grpcio wants them: raw bytes, and a status where there is nothing to answer.

What escapes the guard of the pipeline is a bare INTERNAL here: grpcio would send the text of the exception.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn, TypeAlias

import grpc

from sessiond_server.domain.failures import WatchFellBehindError
from sessiond_server.service.callers import Credentials
from sessiond_server.transport.engine.crowd import Hurry, Silent, current_task
from sessiond_server.transport.engine.port import (
    INTERNAL,
    Call,
    Response,
    Status,
    StatusCode,
    StreamHandler,
    UnaryHandler,
)
from sessiond_server.transport.engine.status_details import Trailers, to_trailers

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
ReadCredentials: TypeAlias = Callable[[Context], Credentials]
AnyHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"

_NO_MESSAGE: Final = Status(
    StatusCode.INVALID_ARGUMENT, "MESSAGE_MALFORMED", "the call has ended without a message"
)
# So long a peer may take nothing of a stream, once its window is full.
_TAKEN_WITHIN_SECONDS: Final = 10.0
# grpcio's codes by their numbers, which ours are too.
CODES: Final = {code.value[0]: code for code in grpc.StatusCode}
# The names under which gRPC tells what a verified client certificate says of its bearer: all its alternative
# names, and those of them that are URIs.
_ALTERNATIVE_NAMES: Final = "x509_subject_alternative_name"
_URIS: Final = "peer_uri"
_AFTER_SCHEME: Final = b"://"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Entrance:
    """The two handlers of a method.

    `patient` is the cheap one, which grpcio enters when the message is there: until then nobody can end the
    call but its caller. `hurried` is entered at once, and ends a call whose message does not come in time.
    """

    patient: AnyHandler
    hurried: AnyHandler


def unary(
    method: str,
    handler: UnaryHandler,
    *,
    credentials: ReadCredentials,
    silent: Silent,
    hurry: Hurry,
    shed: Callable[[str], Status],
) -> Entrance:
    """The entrance of a method that answers once.

    `silent` are the calls whose message has not come yet, beyond those in a `hurry`.
    """

    async def respond(request: bytes, context: Context) -> bytes:
        response: Response
        try:
            response = await handler(request, _call(method, context, credentials))
        except Exception:  # noqa: BLE001 - grpcio would send its text
            response = INTERNAL
        return await bytes_or_abort(response, context)

    async def serve(request: bytes, context: Context) -> bytes:
        silent.leave()
        return await respond(request, context)

    async def serve_hurried(_requests: Any, context: Context) -> None:
        message = partial(_message, context, hurry, credentials=credentials, late=lambda: shed(method))
        await context.write(await respond(await message(), context))

    return Entrance(
        grpc.unary_unary_rpc_method_handler(serve), grpc.stream_stream_rpc_method_handler(serve_hurried)
    )


def stream(
    method: str,
    handler: StreamHandler,
    *,
    credentials: ReadCredentials,
    silent: Silent,
    hurry: Hurry,
    shed: Callable[[str], Status],
) -> Entrance:
    """The same for a method that answers with a stream, which ends where its peer takes nothing of it."""

    async def respond(request: bytes, context: Context) -> None:
        try:
            async with aclosing(handler(request, _call(method, context, credentials))) as responses:
                status = await _send_all(responses, context)
        except Exception:  # noqa: BLE001 - grpcio would send its text
            status = INTERNAL
        if status:
            await bytes_or_abort(status, context)

    async def serve(request: bytes, context: Context) -> None:
        silent.leave()
        await respond(request, context)

    async def serve_hurried(_requests: Any, context: Context) -> None:
        message = partial(_message, context, hurry, credentials=credentials, late=lambda: shed(method))
        await respond(await message(), context)

    return Entrance(
        grpc.unary_stream_rpc_method_handler(serve), grpc.stream_stream_rpc_method_handler(serve_hurried)
    )


async def _send_all(responses: AsyncGenerator[Response, None], context: Context) -> Status | None:
    """Send what a stream answers; the status that it ends with, None for a good end.

    Nothing more is made for a peer that takes nothing. It can be sent no status before it takes what waits
    for it: until then, or until its connection has reached its age, the call keeps its place, and no more.
    """
    loop = asyncio.get_running_loop()
    given_up: asyncio.Task[Response] | None = None

    def give_up() -> None:
        # The write goes on: grpcio loses track of one that is cancelled.
        nonlocal given_up
        given_up = loop.create_task(_thrown_in(responses))

    async for response in responses:
        if isinstance(response, Status):
            return response
        timer = loop.call_later(_TAKEN_WITHIN_SECONDS, give_up)
        try:
            await context.write(response)
        finally:
            timer.cancel()
        if given_up is not None:
            last = await given_up
            return last if isinstance(last, Status) else INTERNAL
    return None


async def _thrown_in(responses: AsyncGenerator[Response, None]) -> Response:
    """What a stream answers at last to whoever takes nothing of it."""
    try:
        return await responses.athrow(WatchFellBehindError())
    finally:
        await responses.aclose()


def refusal(status: Status) -> AnyHandler:
    """A handler that ends a call by its headers alone."""

    async def refuse(_requests: Any, context: Context) -> None:
        await bytes_or_abort(status, context)

    return grpc.stream_stream_rpc_method_handler(refuse)


async def bytes_or_abort(response: Response, context: Context) -> bytes:
    """The bytes; a status ends the call by an exception of grpcio's."""
    if isinstance(response, bytes):
        return response
    return await abort(context, CODES[response.code], response.message, to_trailers(response))


async def abort(context: Context, code: grpc.StatusCode, message: str, trailers: Trailers = ()) -> NoReturn:
    """End a call by an exception of grpcio's.

    The call keeps that exception, which would keep all that is in the frames that it came through: the
    request too, until Python collects its garbage.
    """
    try:
        await context.abort(code, message, trailing_metadata=trailers)
    except grpc.aio.AbortError as error:
        current_task().add_done_callback(partial(_forget_frames, error))
        raise
    raise AssertionError("abort always raises")


def _forget_frames(error: BaseException, _: object) -> None:
    error.__traceback__ = error.__context__ = None


async def _message(
    context: Context, hurry: Hurry, *, credentials: ReadCredentials, late: Callable[[], Status]
) -> bytes:
    """The one message of a call; where it does not come, the call is over, and `late` says how."""
    try:
        async with hurry.hurried(credentials(context)):
            request = await context.read()
    except TimeoutError:
        return await bytes_or_abort(late(), context)
    return await bytes_or_abort(request if isinstance(request, bytes) else _NO_MESSAGE, context)


def _call(method: str, context: Context, credentials: ReadCredentials) -> Call:
    read_request_id = partial(request_id_of, context)
    return Call(method, credentials(context), context.time_remaining, _when_done, read_request_id)


def request_id_of(context: Context) -> str:
    """The name that a call was given before it came here; empty for none, and for what is not of that form.

    It is too short for a token.
    """
    for key, value in context.invocation_metadata() or ():
        if key == "x-request-id" and isinstance(value, str) and _REQUEST_ID.fullmatch(value):
            return value
    return ""


def _when_done(ended: Callable[[], None]) -> None:
    current_task().add_done_callback(lambda _: ended())


def credentials_of(context: Context) -> Credentials:
    """What the headers of a call say of its caller."""
    return to_credentials(context.invocation_metadata())


def credentials_with_certificate(context: Context) -> Credentials:
    """The same, with the names in the caller's certificate."""
    identities = tuple(name.decode(errors="replace") for name in _identities(context.auth_context()))
    return Credentials(credentials_of(context).authorizations, identities)


def to_credentials(metadata: Any) -> Credentials:
    """What headers say of the caller."""
    return Credentials(tuple(str(value) for key, value in metadata or () if key == "authorization"))


def _identities(peer: Mapping[str, Iterable[bytes]]) -> Iterator[bytes]:
    """The names in a certificate; one with a scheme is a URI, and the only one (X.509-SVID §2).

    A host name may read like a URI: whoever may have certificates for such names is not what it reads like.
    """
    uris = tuple(peer.get(_URIS, ()))
    if len(uris) == 1:
        yield uris[0]
    yield from (name for name in peer.get(_ALTERNATIVE_NAMES, ()) if _AFTER_SCHEME not in name)
