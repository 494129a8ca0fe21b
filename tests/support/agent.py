"""A real `sessiond-agent`, built once, as a process of its own."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import go_programs
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

SOURCE = Path(__file__).parents[2] / "clients/go/cmd/sessiond-agent"
MISSING = "go is not here" if shutil.which("go") is None else ""
SECONDS_TO_START = 20
SECONDS_TO_STOP = 20


def build(directory: Path) -> Path:
    """The program, in a directory that the workers of a test run may share."""
    return go_programs.build(directory, "sessiond-agent", ".", module=SOURCE)


@dataclass
class Agent:
    """An agent that runs, or has run."""

    process: Process
    log: Path
    grpc: str = ""
    http: str = ""

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far; a last line that is not whole yet is left out."""
        whole = [line for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [json.loads(line) for line in whole if line.startswith("{")]

    async def said(self, message: str) -> list[dict[str, Any]]:
        """The lines with this message, once there is one."""
        return await eventually(lambda: [line for line in self.lines() if line["msg"] == message], timeout=20)

    async def metric(self, series: str) -> float:
        """The value of a series, by its name and labels as they are written."""
        lines = await self.metrics()
        return float(next(line.split()[-1] for line in lines if line.startswith(f"{series} ")))

    async def calls(self) -> int:
        """How many calls of sessions have come to it, those of watchers not among them."""
        began = 'grpc_server_started_total{grpc_type="unary",grpc_service="sessiond.v1.SessionService"'
        counted = [line for line in await self.metrics() if line.startswith(began)]
        return sum(int(line.split()[-1]) for line in counted)

    async def metrics(self) -> list[str]:
        """The lines of its /metrics."""
        reader, writer = await asyncio.open_connection(*self.http.split(":"))
        writer.write(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = (await reader.read()).decode()
        writer.close()
        return text.splitlines()

    async def hits(self) -> float:
        """How many requests for verdicts were answered from memory."""
        return await self.metric('sessiond_agent_validations_total{outcome="hit"}')

    async def is_fresh(self) -> bool:
        """Whether it may answer from memory."""
        return await self.metric("sessiond_agent_watch_fresh") == 1

    async def follows(self) -> None:
        """Return once it may answer from memory."""
        await eventually(self.is_fresh, timeout=SECONDS_TO_START)

    async def stop(self) -> int:
        """End it as an orchestrator would; the exit status."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(self.process.wait(), SECONDS_TO_STOP)
        except TimeoutError:
            self.process.kill()
            raise AssertionError(f"it has not stopped within {SECONDS_TO_STOP} s") from None


@asynccontextmanager
async def running_agent(
    binary: Path, log: Path, servers: str, *arguments: str, listen: str = "127.0.0.1:0"
) -> AsyncIterator[Agent]:
    """An agent in front of `servers`, once it listens."""
    command = (str(binary), "--servers", servers, "--listen", listen, "--http", "127.0.0.1:0", *arguments)
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(*command, stderr=stderr)
    agent = Agent(process, log)
    try:
        await eventually(
            lambda: process.returncode is not None or any("grpc" in line for line in agent.lines()),
            timeout=SECONDS_TO_START,
        )
        assert process.returncode is None, log.read_text()
        for line in agent.lines():
            agent.grpc, agent.http = line.get("grpc", agent.grpc), line.get("http", agent.http)
        yield agent
    finally:
        await agent.stop()
