"""An agent in front of servers of tests that know nothing of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from tests.support.agent import running_agent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.support.server import Front, Server


def agent_in_front(binary: Path, *arguments: str) -> Front:
    """What puts an agent in front of a server, and is through once it has reached it."""
    return partial(_in_front, binary, arguments)


@asynccontextmanager
async def _in_front(binary: Path, arguments: Sequence[str], server: Server) -> AsyncIterator[str]:
    log = server.log.with_name(f"{server.log.name}-of-agent")
    async with running_agent(binary, log, server.grpc, "--drain-grace", "1ms", *arguments) as agent:
        await agent.said("serving")
        yield agent.grpc


class _WithKey(
    grpc.aio.UnaryUnaryClientInterceptor,
    grpc.aio.UnaryStreamClientInterceptor,
    grpc.aio.StreamStreamClientInterceptor,
):
    def __init__(self, key: str) -> None:
        self._authorization = ("authorization", f"Bearer {key}")

    async def _with_key(self, go_on: Any, details: Any, request: Any) -> Any:
        metadata = [*(details.metadata or ())]
        if all(name != "authorization" for name, _ in metadata):
            metadata.append(self._authorization)
        return await go_on(details._replace(metadata=grpc.aio.Metadata(*metadata)), request)

    intercept_unary_unary = intercept_unary_stream = intercept_stream_stream = _with_key


def with_key(key: str) -> grpc.aio.ClientInterceptor:
    """Show a key with each call that shows nothing else."""
    return _WithKey(key)
