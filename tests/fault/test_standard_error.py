"""Whatever happens, standard error has the log and nothing else, and it stops nobody."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import pytest

from sessiond import AsyncClient, SessiondError
from sessiond.v1.session_service_pb2 import ValidateTokenRequest
from sessiond_server.cli.health import SERVING, ask_health
from tests.support.config import Config
from tests.support.server import serving
from tests.support.waiting import POLL_SECONDS, eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.server import Server

SECRET = "sesame-of-a-caller"
# More than a pipe, the queue and what the writer holds in its hands can take together.
MANY = 5000
OTHERS = 20
LOCAL = {"issuer": "https://sessions.example", "preset": "local", "audiences": ["web"]}


@dataclass
class Pipe:
    """The log of a server whose reader reads when it is told to."""

    process: Process
    reader: int
    read: bytearray = field(default_factory=bytearray)

    def lines(self) -> list[dict[str, Any]]:
        """All that was written so far; what the pipe holds is taken out of it."""
        with suppress(BlockingIOError):
            while more := os.read(self.reader, 1 << 20):
                self.read += more
        return [json.loads(line) for line in self.read.splitlines(keepends=True) if line.endswith(b"\n")]

    def said(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == event]


@asynccontextmanager
async def logging_into_a_pipe(data: Path) -> AsyncIterator[tuple[Pipe, dict[str, Any]]]:
    """A server that serves, and where it listens."""
    reader, end = os.pipe()
    # As little as there can be, so that it is full soon.
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(reader, False)
    ports = ("--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sessiond_server", "dev", *ports, "--data", str(data), stderr=end
    )
    os.close(end)
    pipe = Pipe(process, reader)
    try:
        await eventually(lambda: pipe.said("serving"), timeout=30)
        (listening,) = pipe.said("listening")
        yield pipe, listening
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(reader)


async def fill(address: str) -> None:
    """Call often: what is sent and answered is not looked at here."""
    request = ValidateTokenRequest(token="garbage").SerializeToString()
    async with grpc.aio.insecure_channel(address) as channel:
        validate = channel.unary_unary("/sessiond.v1.SessionService/ValidateToken")
        for _ in range(MANY // 100):
            await asyncio.gather(*(validate(request, timeout=10) for _ in range(100)))


@pytest.mark.slow
async def test_a_log_that_nobody_reads_stops_neither_calls_nor_the_end(tmp_path: Path) -> None:
    async with logging_into_a_pipe(tmp_path / "d") as (pipe, listening):
        await fill(listening["grpc"])
        assert await asyncio.to_thread(ask_health, listening["grpc"], timeout_seconds=5) == SERVING
        async with aiohttp.ClientSession() as web, web.get(f"http://{listening['http']}/metrics") as answer:
            found = re.search(r"^sessiond_log_lines_dropped_total (\S+)$", await answer.text(), re.MULTILINE)
        assert found is not None
        assert float(found[1]) > 0
        pipe.process.send_signal(signal.SIGTERM)
        assert await pipe.process.wait() == 0


@pytest.mark.slow
async def test_a_reader_that_comes_back_is_told_how_many_lines_there_were(tmp_path: Path) -> None:
    async with logging_into_a_pipe(tmp_path / "d") as (pipe, listening):
        await fill(listening["grpc"])
        await eventually(lambda: pipe.said("log lines were dropped"))
        counts = [line["count"] for line in pipe.said("log lines were dropped")]
        # A slow machine has other lines too, such as one of a standstill, and they may be among the dropped.
        assert MANY <= len(pipe.said("call")) + sum(counts) <= MANY + OTHERS
        pipe.process.send_signal(signal.SIGTERM)
        await eventually(lambda: pipe.said("stopped"))
        assert await pipe.process.wait() == 0
        assert pipe.lines()[-1]["event"] == "stopped"


@pytest.mark.slow
async def test_an_end_in_the_middle_of_calls_leaves_nothing_but_lines_of_the_log(tmp_path: Path) -> None:
    """gRPC has something to say of each call that it cuts off."""
    config = Config(tmp_path, issuers=[LOCAL])
    config.tables["server"] = {"drain_grace": "0s", "anonymous": ["session", "mint"]}
    async with (
        serving(config.write(), config.data, tmp_path / "log") as server,
        AsyncExitStack() as stack,
    ):
        clients = [await stack.enter_async_context(AsyncClient(server.grpc, timeout=5)) for _ in range(4)]
        calls = [asyncio.create_task(call_on(client, server)) for client in clients for _ in range(125)]
        await eventually(lambda: len(server.calls()) > 500, timeout=20)
        assert await server.stop() == 0
        await asyncio.gather(*calls)
        assert server.lines()[-1]["event"] == "stopped"


async def call_on(client: AsyncClient, server: Server) -> None:
    """Call until there is no server any more."""
    while server.process.returncode is None:
        with suppress(SessiondError):
            tokens = await client.create_local_session("alice")
            await client.refresh(tokens.refresh_token)
        await asyncio.sleep(POLL_SECONDS)


REPORTS = f"""
import asyncio, gc, logging, sys, threading, warnings
from sessiond_server.cli.written_log import written_log

class Broken:
    def __del__(self):
        raise LookupError("{SECRET}")

def fail():
    raise LookupError("{SECRET}")

with written_log() as log:
    try:
        fail()
    except LookupError:
        logging.getLogger("grpc.aio._server").exception("{SECRET}")
    logging.getLogger("aiohttp.server").warning("{SECRET}")
    logging.getLogger("asyncio").info("{SECRET}")
    warnings.warn("{SECRET}", UserWarning)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    broken = Broken()
    del broken
fail()
"""


async def stderr_of(script: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    return process.returncode, said.decode()


async def test_what_libraries_and_the_interpreter_report_is_told_without_its_text() -> None:
    status, said = await stderr_of(REPORTS)
    assert (status, SECRET in said) == (1, False)
    lines = [json.loads(line) for line in said.splitlines()]
    for line in lines:
        assert line.pop("timestamp")
        assert line.pop("place").rpartition(":")[2].isdecimal()
    assert lines == [
        {"event": "a library reports something", "level": "error", "library": "grpc.aio._server"},
        {"event": "a library reports something", "level": "warning", "library": "aiohttp.server"},
        {"event": "something is warned of", "level": "warning", "kind": "UserWarning"},
        {"event": "a thread failed", "level": "error", "failure": "LookupError"},
        {"event": "something failed where nobody could be told", "level": "error", "failure": "LookupError"},
    ]


FAILING = f"""
from sessiond_server.cli.event_loop import run_server

async def fail(**_):
    raise LookupError("{SECRET}")

run_server(fail)
"""


@pytest.mark.slow
async def test_a_server_that_fails_says_what_kind_of_failure_it_was_and_where() -> None:
    status, said = await stderr_of(FAILING)
    assert status == 1
    (line,) = map(json.loads, said.splitlines())
    assert (line["event"], line["failure"], line["place"]) == (
        "the server failed",
        "LookupError",
        "<string>:5",
    )


LEFT_OVER = f"""
import asyncio
from sessiond_server.cli.event_loop import run_server

async def left_over():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise LookupError("{SECRET}")

async def serve(logger, **_):
    serve.task = asyncio.create_task(left_over())
    await asyncio.sleep(0)
    return logger

run_server(serve)
"""


@pytest.mark.slow
async def test_what_fails_while_the_event_loop_closes_is_told_before_the_last_line() -> None:
    status, said = await stderr_of(LEFT_OVER)
    assert status == 0
    assert [json.loads(line)["event"] for line in said.splitlines()] == [
        "a library reports something",
        "stopped",
    ]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.slow
async def test_a_server_whose_standard_descriptors_are_closed_serves(tmp_path: Path, closed: str) -> None:
    listen = f"unix:{tmp_path}/s"
    arguments = f"-m sessiond_server dev --listen {listen} --http 127.0.0.1:0 --data {tmp_path}/d"
    command = f"exec {sys.executable} {arguments} {closed}"
    process = await asyncio.create_subprocess_shell(command, stderr=asyncio.subprocess.DEVNULL)
    try:
        await eventually(lambda: ask_health(listen, timeout_seconds=1) == SERVING, timeout=30)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
