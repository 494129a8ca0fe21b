"""An agent in front of a server of a case, and the links before and behind it, each of which can fail."""

from __future__ import annotations

import signal
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from tests.support.agent import Agent, running_agent
from tests.support.proxy import Proxy, running_proxy

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

JsonObject = dict[str, Any]

HOST = "127.0.0.1"
LATE_SECONDS = 5.0
# What is under way is not waited for: some of it never ends.
_AT_ONCE = ("--drain-grace", "1ms")


class Front:
    """What a client calls in the place of a server at `target`; its files are in `folder`."""

    def __init__(self, program: Path, folder: Path, target: str, arguments: Sequence[str]) -> None:
        self._program, self._folder, self._behind = program, folder, target
        self._arguments = (*_AT_ONCE, *arguments)
        self._links = AsyncExitStack()
        self._run = AsyncExitStack()
        self._sides: dict[str, Proxy] = {}
        self._agent: Agent | None = None
        self._starts = 0
        self.target = ""
        """What a client is told to call."""

    async def start(self, *, listens_at: str = "", with_links: bool = False) -> None:
        """Start the agent, at a socket where one is named; `with_links` has both sides of it fail as told."""
        if with_links:
            self._behind = await self._link("behind", self._behind)
        await self._start(listens_at or f"{HOST}:0")
        self.target = await self._link("before", self.agent.grpc) if with_links else self.agent.grpc

    async def stop(self) -> None:
        """End all of it."""
        await self._stop()
        await self._links.aclose()

    @property
    def agent(self) -> Agent:
        """The one that runs now, or ran last."""
        assert self._agent
        return self._agent

    async def link(self, side: str, state: str) -> None:
        """Let a link be `held` (a black hole), `cut`, `late` by five seconds, `lost` once, or `whole`."""
        proxy = self._sides[side]
        if state == "held":
            proxy.hold()
        elif state in {"cut", "lost"}:
            await proxy.cut()
        elif state == "late":
            proxy.delay_seconds = LATE_SECONDS
        if state in {"lost", "whole"}:
            proxy.delay_seconds = 0.0
            proxy.release()
            proxy.mend()

    async def become(self, state: str) -> None:
        """Have the agent `frozen`, `thawed`, or `renewed`: another one takes its place."""
        if state == "renewed":
            await self._stop()
            await self._start(self.agent.grpc)
        else:
            self.agent.process.send_signal(signal.SIGSTOP if state == "frozen" else signal.SIGCONT)

    def said(self) -> str:
        """Everything that agents have written here so far."""
        return "".join(path.read_text() for path in sorted(self._folder.glob("agent-*.log")))

    async def _start(self, listen: str) -> None:
        self._starts += 1
        log = self._folder / f"agent-{self._starts}.log"
        running = running_agent(self._program, log, self._behind, *self._arguments, listen=listen)
        self._agent = await self._run.enter_async_context(running)

    async def _stop(self) -> None:
        if self._agent and self._agent.process.returncode is None:
            self._agent.process.send_signal(signal.SIGCONT)
        await self._run.aclose()

    async def _link(self, side: str, target: str) -> str:
        port = int(target.rpartition(":")[2])
        self._sides[side] = await self._links.enter_async_context(running_proxy(port))
        return f"{HOST}:{self._sides[side].port}"
