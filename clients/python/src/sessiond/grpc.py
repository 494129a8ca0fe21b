"""Sessions for gRPC servers: interceptors for those on threads, and on asyncio.

    interceptor = AsyncSessionInterceptor(client, {"/shop.v1.Orders/*": require(scopes=["orders:read"])})
    server = grpc.aio.server(interceptors=[interceptor])

A method that nothing is said about is denied; health and reflection are public. The session of a call is
`current_session()`, in the task or thread that carries its handler out.
"""

from __future__ import annotations

import inspect
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextvars import copy_context
from typing import Any, Final, TypeAlias

import grpc
import grpc.aio

from sessiond.current import current_session, enter, serving
from sessiond.middleware.denials import Denial, Kind
from sessiond.middleware.gate import AsyncValidator, Gate, Question, Validator
from sessiond.middleware.methods import Methods, to_status
from sessiond.middleware.request import Request
from sessiond.middleware.rules import NOBODY, PUBLIC, Rule, optional, require
from sessiond.results import Session

__all__ = [
    "PUBLIC",
    "AsyncSessionInterceptor",
    "AsyncValidator",
    "Rule",
    "SessionInterceptor",
    "Validator",
    "current_session",
    "optional",
    "peer_certificate",
    "require",
]

Certificate: TypeAlias = Callable[[Any], bytes | None]
_LOGGER: Final = logging.getLogger("sessiond")


def peer_certificate(context: Any) -> bytes | None:
    """The client certificate, in DER, of the connection that a call came by; None if there is none."""
    found = context.auth_context().get("x509_pem_cert")
    return ssl.PEM_cert_to_DER_cert(found[0].decode()) if found else None


class _Entrance:
    """What both interceptors do before somebody is asked, and for who is denied."""

    def __init__(
        self,
        methods: Mapping[str, Rule],
        default: Rule,
        dpop_origin: str,
        certificate: Certificate | None,
        logger: logging.Logger,
    ) -> None:
        self._methods: Final = Methods(methods, default)
        self._gate: Final = Gate(dpop_origin=dpop_origin)
        self._certificate: Final = certificate
        self._logger: Final = logger

    def rule(self, method: str) -> Rule:
        """What is required for a method."""
        return self._methods.find(method)

    def examine(self, context: Any, method: str, rule: Rule) -> Question | Denial | None:
        """What is to be asked about a call, which is a POST to the path that its method has."""
        metadata = context.invocation_metadata() or ()
        request = Request(
            method="POST",
            path=method,
            header=lambda name: [_text(value) for given, value in metadata if given == name],
            certificate=lambda: self._certificate(context) if self._certificate else None,
        )
        return self._gate.examine(request, rule)

    def refuse(self, denial: Denial, method: str) -> Any:
        """The arguments of `abort` for a call that is denied."""
        denial.log(self._logger, f"method {method}")
        return to_status(denial)


class SessionInterceptor(grpc.ServerInterceptor):
    """Lets calls through to a server on threads by the rules of their methods.

    `validator` is a `Client`. `methods` has a rule for `/package.Service/Method`, or with `/*` for all others
    of a service; `default` is for what has none. `dpop_origin` is the origin that clients know, for which
    DPoP proofs are taken; `certificate`, such as `peer_certificate`, gives what proves a token that is bound
    to a client certificate; `logger` is told of what only an operator can mend.
    """

    def __init__(
        self,
        validator: Validator,
        methods: Mapping[str, Rule],
        *,
        default: Rule = NOBODY,
        dpop_origin: str = "",
        certificate: Certificate | None = None,
        logger: logging.Logger = _LOGGER,
    ) -> None:
        self._validator: Final = validator
        self._entrance: Final = _Entrance(methods, default, dpop_origin, certificate, logger)

    def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """The handler of a call, behind the decision."""
        handler, method = continuation(handler_call_details), handler_call_details.method
        rule = self._entrance.rule(method)
        if handler is None or rule.is_public:
            return handler

        def admit(context: Any) -> Session | None:
            asked = self._entrance.examine(context, method, rule)
            admission = asked.ask(self._validator) if isinstance(asked, Question) else asked
            if isinstance(admission, Denial):
                code, message, trailers = self._entrance.refuse(admission, method)
                context.set_trailing_metadata(trailers)
                context.abort(code, message)
            return admission  # type: ignore[return-value]

        def answer(request: Any, context: Any) -> Any:
            with serving(admit(context)):
                return behaviour(request, context)

        def stream(request: Any, context: Any) -> Iterator[Any]:
            # Whichever thread asks for the next message, the handler goes on in a context of its own.
            session, own = admit(context), copy_context()
            own.run(enter, session)
            messages = iter(own.run(behaviour, request, context))
            while (message := own.run(next, messages, _END)) is not _END:
                yield message

        behaviour = _behaviour_of(handler)
        return _like(handler, stream if handler.response_streaming else answer)


_END: Final = object()


class AsyncSessionInterceptor(grpc.aio.ServerInterceptor):
    """The same for a server on asyncio, whose `validator` is an `AsyncClient`; see `SessionInterceptor`.

    Its handlers are coroutines or asynchronous generators: a handler for threads is denied, unless its method
    is public.
    """

    def __init__(
        self,
        validator: AsyncValidator,
        methods: Mapping[str, Rule],
        *,
        default: Rule = NOBODY,
        dpop_origin: str = "",
        certificate: Certificate | None = None,
        logger: logging.Logger = _LOGGER,
    ) -> None:
        self._validator: Final = validator
        self._entrance: Final = _Entrance(methods, default, dpop_origin, certificate, logger)

    async def intercept_service(self, continuation: Callable[[Any], Any], handler_call_details: Any) -> Any:
        """The handler of a call, behind the decision."""
        handler, method = await continuation(handler_call_details), handler_call_details.method
        rule = self._entrance.rule(method)
        if handler is None or rule.is_public:
            return handler
        behaviour = _behaviour_of(handler)

        async def admit(context: Any) -> Session | None:
            asked = self._entrance.examine(context, method, rule)
            admission = await asked.ask_async(self._validator) if isinstance(asked, Question) else asked
            if isinstance(admission, Denial):
                await abort(context, admission)
            return admission  # type: ignore[return-value]

        async def abort(context: Any, denial: Denial) -> None:
            code, message, trailers = self._entrance.refuse(denial, method)
            await context.abort(code, message, trailers)

        async def answer(request: Any, context: Any) -> Any:
            with serving(await admit(context)):
                return await behaviour(request, context)

        async def stream(request: Any, context: Any) -> AsyncIterator[Any]:
            with serving(await admit(context)):
                async for message in behaviour(request, context):
                    yield message

        async def deny(_: Any, context: Any) -> None:
            await abort(context, _OF_THREADS)

        if inspect.isasyncgenfunction(behaviour):
            return _like(handler, stream)
        return _like(handler, answer if inspect.iscoroutinefunction(behaviour) else deny)


_OF_THREADS: Final = Denial(
    Kind.MISCONFIGURED, "INTERNAL", why=TypeError("a handler for threads, on a server on asyncio")
)


def _behaviour_of(handler: Any) -> Any:
    """The function of a handler, of whichever shape."""
    return handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream


def _like(handler: Any, behaviour: Any) -> Any:
    """A handler of the same shape."""
    shape = (
        f"{'stream' if handler.request_streaming else 'unary'}_"
        f"{'stream' if handler.response_streaming else 'unary'}_rpc_method_handler"
    )
    return getattr(grpc, shape)(behaviour, handler.request_deserializer, handler.response_serializer)


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode("latin-1")
