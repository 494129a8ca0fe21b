"""A gRPC service of all four shapes behind interceptors, on threads and on asyncio."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2_grpc

from sessiond import current_session

SHAPES = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")
SERVICE = "shop.v1.Orders"


def method(shape: str) -> str:
    return f"/{SERVICE}/{shape}"


def _told() -> bytes:
    found = current_session()
    return f"for {found.subject if found else 'nobody'}".encode()


class Shop:
    """Remembers which handlers were entered."""

    def __init__(self) -> None:
        self.entered: list[str] = []

    def of_threads(self) -> Any:
        def unary(shape: str) -> Any:
            def answer(request: Any, context: Any) -> bytes:
                self.entered.append(shape)
                return _told()

            return answer

        def stream(shape: str) -> Any:
            def answer(request: Any, context: Any) -> Iterator[bytes]:
                self.entered.append(shape)
                yield _told()
                yield _told()

            return answer

        return _handlers(unary, stream)

    def of_asyncio(self) -> Any:
        def unary(shape: str) -> Any:
            async def answer(request: Any, context: Any) -> bytes:
                self.entered.append(shape)
                return _told()

            return answer

        def stream(shape: str) -> Any:
            async def answer(request: Any, context: Any) -> AsyncIterator[bytes]:
                self.entered.append(shape)
                yield _told()
                yield _told()

            return answer

        return _handlers(unary, stream)


def _handlers(unary: Any, stream: Any) -> Any:
    handlers = {
        shape: getattr(grpc, f"{shape}_rpc_method_handler")(
            (stream if shape.endswith("stream") else unary)(shape)
        )
        for shape in SHAPES
    }
    return grpc.method_handlers_generic_handler(SERVICE, handlers)


@contextmanager
def on_threads(shop: Shop, interceptor: Any) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4), interceptors=[interceptor])
    server.add_generic_rpc_handlers([shop.of_threads()])
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@asynccontextmanager
async def on_asyncio(shop: Shop, interceptor: Any, handlers: Any = None) -> AsyncIterator[str]:
    server = grpc.aio.server(interceptors=[interceptor])
    server.add_generic_rpc_handlers([handlers or shop.of_asyncio()])
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def call(target: str, name: str, metadata: Any) -> list[bytes]:
    """All answers of one call; `name` ends with its shape."""
    return await asyncio.to_thread(_call, target, name, metadata)


def _call(target: str, name: str, metadata: Any) -> list[bytes]:
    """It blocks: on asyncio a call that is denied while its message is written looks like a fault of gRPC."""
    shape = name.rpartition("/")[2]
    requests, answers = shape.split("_")
    with grpc.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        request = iter([b"-"]) if requests == "stream" else b"-"
        made = getattr(channel, shape)(name)(request, metadata=metadata)
        return [made] if answers == "unary" else list(made)
