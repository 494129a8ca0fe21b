"""Backends that speak gRPC, on threads and on asyncio: a service with a method of each shape, and health."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.wrappers_pb2 import StringValue
from serving import QUIET, Handled, JsonObject, rule_of

from sessiond import AsyncClient, Client
from sessiond.grpc import AsyncSessionInterceptor, SessionInterceptor

_THREADS = 32


def serve_on_threads(client: Client, command: JsonObject) -> tuple[str, Callable[[], None]]:
    """Where a backend listens, and what ends it."""
    interceptor = SessionInterceptor(client, **_arguments(command))
    server = grpc.server(ThreadPoolExecutor(_THREADS), interceptors=[interceptor])
    server.add_generic_rpc_handlers(_services(_on_threads(Handled())))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return f"127.0.0.1:{port}", lambda: server.stop(None).wait()


async def serve_on_asyncio(
    client: AsyncClient, command: JsonObject
) -> tuple[str, Callable[[], Awaitable[None]]]:
    """Where a backend listens, and what ends it."""
    server = grpc.aio.server(interceptors=[AsyncSessionInterceptor(client, **_arguments(command))])
    server.add_generic_rpc_handlers(_services(_on_asyncio(Handled())))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return f"127.0.0.1:{port}", lambda: server.stop(None)


def _arguments(command: JsonObject) -> JsonObject:
    methods = {name: rule_of(said) for name, said in command["methods"].items()}
    given: JsonObject = {"methods": methods, "dpop_origin": command.get("dpop_origin", ""), "logger": QUIET}
    return given | ({"default": rule_of(command["others"])} if "others" in command else {})


def _services(behaviours: JsonObject) -> tuple[Any, ...]:
    def of(shape: str, behaviour: Any) -> Any:
        handler = getattr(grpc, f"{shape}_rpc_method_handler")
        return handler(behaviour, StringValue.FromString, StringValue.SerializeToString)

    methods = {
        "Unary": of("unary_unary", behaviours["unary"]),
        "ServerStream": of("unary_stream", behaviours["twice"]),
        "ClientStream": of("stream_unary", behaviours["received"]),
        "Bidi": of("stream_stream", behaviours["each"]),
    }
    health = {"Check": of("unary_unary", behaviours["unary"])}
    return (
        grpc.method_handlers_generic_handler("conformance.v1.Backend", methods),
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", health),
    )


def _on_threads(handled: Handled) -> JsonObject:
    def unary(_: Any, __: Any) -> StringValue:
        return StringValue(value=handled.text())

    def twice(_: Any, __: Any) -> Iterator[StringValue]:
        told = StringValue(value=handled.text())
        yield told
        yield told

    def received(messages: Iterator[Any], _: Any) -> StringValue:
        told = handled.told()
        return StringValue(value=json.dumps(told | {"received": sum(1 for _ in messages)}))

    def each(messages: Iterator[Any], _: Any) -> Iterator[StringValue]:
        told = StringValue(value=handled.text())
        for _ in messages:
            yield told

    return {"unary": unary, "twice": twice, "received": received, "each": each}


def _on_asyncio(handled: Handled) -> JsonObject:
    async def unary(_: Any, __: Any) -> StringValue:
        return StringValue(value=handled.text())

    async def twice(_: Any, __: Any) -> AsyncIterator[StringValue]:
        told = StringValue(value=handled.text())
        yield told
        yield told

    async def received(messages: AsyncIterator[Any], _: Any) -> StringValue:
        told, count = handled.told(), 0
        async for _ in messages:
            count += 1
        return StringValue(value=json.dumps(told | {"received": count}))

    async def each(messages: AsyncIterator[Any], _: Any) -> AsyncIterator[StringValue]:
        told = StringValue(value=handled.text())
        async for _ in messages:
            yield told

    return {"unary": unary, "twice": twice, "received": received, "each": each}
