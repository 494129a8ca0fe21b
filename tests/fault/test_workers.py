"""Several processes behind one port: they are one server to whoever calls, supervised, and drained as one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sessiond import AsyncClient
from sessiond.errors import read_details
from sessiond.v1.session_service_pb2 import ValidateTokenRequest
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from sessiond_server.adapters.workers.process import start_worker
from sessiond_server.app.worker import REFUSED, REPORT
from sessiond_server.config.reader import read_file
from sessiond_server.domain.base64url import decode_segment
from tests.support.config import scalekit
from tests.support.forked import sessiond
from tests.support.idp import running_idp
from tests.support.local_issuer import on_store
from tests.support.server import serving
from tests.support.valkeys import free_port, running_valkeys
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessiond_server.adapters.workers.link import Answers
    from sessiond_server.adapters.workers.process import WorkerProcess
    from tests.support.config import Config
    from tests.support.server import Server

WORKERS = 2
READY = (200, ["ready"])


@asynccontextmanager
async def running_workers(directory: Path, **server: Any) -> AsyncIterator[Server]:
    """A parent all of whose workers are ready."""
    async with running_valkeys(directory / "store", 1) as (store,):
        config = on_store(directory, store.url)
        config.tables["server"] |= {"workers": WORKERS, **server}
        async with serving(config.write(), directory, directory / "log", until="listening") as served:
            await eventually(lambda: is_whole(served), timeout=30)
            yield served


async def is_whole(server: Server) -> bool:
    return await server.page("/readyz") == READY


def pids(server: Server) -> list[int]:
    """The processes of the workers."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return list(map(int, children.read_text().split()))


def is_running(pid: int) -> bool:
    """Whether a process is there that has not ended; one that nobody has waited for has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def connection(server: Server) -> grpc.aio.Channel:
    """A connection of its own, which the kernel gives to any of the workers."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    return grpc.aio.insecure_channel(server.grpc, options=options)


async def validate(channel: grpc.aio.Channel) -> None:
    stub: Any = SessionServiceStub(channel)
    await stub.ValidateToken(ValidateTokenRequest(token="a.b.c"), timeout=20)


async def verdict(server: Server, token: str) -> str | None:
    """What a connection of its own is answered."""
    async with connection(server) as channel:
        stub: Any = SessionServiceStub(channel)
        answer = await stub.ValidateToken(ValidateTokenRequest(token=token), timeout=20)
        return str(answer.WhichOneof("verdict"))


async def validate_once(server: Server) -> None:
    async with connection(server) as channel:
        await validate(channel)


async def test_connections_are_spread_over_all_workers(tmp_path: Path) -> None:
    async with running_workers(tmp_path) as server:

        async def all_were_asked() -> bool:
            await validate_once(server)
            return {line["worker"] for line in server.calls()} == {1, 2}

        await eventually(all_were_asked, timeout=10)
        assert len(pids(server)) == WORKERS


async def test_what_one_worker_ends_the_others_know(tmp_path: Path) -> None:
    async with running_workers(tmp_path) as server, AsyncClient(server.grpc) as client:
        opened = await client.create_local_session("alice")
        await client.revoke_refresh_token(opened.refresh_token)

        async def is_ended_everywhere() -> bool:
            verdicts = await asyncio.gather(*(verdict(server, opened.access_token) for _ in range(20)))
            return set(verdicts) == {"rejection"}

        await eventually(is_ended_everywhere)
        await eventually(
            lambda: {one["worker"] for one in server.calls() if one["method"] == "ValidateToken"} == {1, 2}
        )


async def test_a_dead_worker_is_replaced_while_the_others_take_all_calls(tmp_path: Path) -> None:
    async with running_workers(tmp_path) as server:
        before = pids(server)
        os.kill(before[0], signal.SIGKILL)
        await server.said(event="a worker has ended, another takes its place", status=-signal.SIGKILL)
        for _ in range(20):
            await validate_once(server)
        status, (first, *remarks) = await server.page("/readyz")
        assert (status, first) == (200, "ready")
        assert any("is not ready: " in remark for remark in remarks)
        await eventually(lambda: is_whole(server), timeout=30)
        after = pids(server)
        assert len(after) == WORKERS
        assert set(after) & set(before) == {before[1]}


async def test_a_worker_that_is_told_to_end_by_somebody_else_is_replaced_too(tmp_path: Path) -> None:
    async with running_workers(tmp_path) as server:
        os.kill(pids(server)[0], signal.SIGTERM)
        await server.said(event="a worker has ended, another takes its place", status=0)
        await eventually(lambda: is_whole(server), timeout=30)


@pytest.mark.slow
async def test_a_worker_that_answers_no_more_is_replaced(tmp_path: Path) -> None:
    async with running_workers(tmp_path) as server:
        frozen = pids(server)[0]
        os.kill(frozen, signal.SIGSTOP)
        await eventually(lambda: "a worker does not answer, it is killed" in server.events(), timeout=30)
        await eventually(lambda: is_whole(server), timeout=30)
        assert frozen not in pids(server)


async def call_until_refused(server: Server, answered: list[None]) -> tuple[grpc.StatusCode, str]:
    """Call again as soon as an answer comes; what the first refusal says."""
    async with connection(server) as channel:
        while True:
            try:
                await validate(channel)
            except grpc.aio.AioRpcError as error:
                trailers: dict[str, Any] = dict(error.trailing_metadata() or ())
                return error.code(), read_details(trailers.get("grpc-status-details-bin", b"")).reason
            answered.append(None)


async def test_all_workers_drain_at_sigterm(tmp_path: Path) -> None:
    async with running_workers(tmp_path, drain_delay="500ms") as server:
        workers, answered = pids(server), list[None]()
        calls = [asyncio.create_task(call_until_refused(server, answered)) for _ in range(16)]
        await eventually(lambda: len(answered) > 500, timeout=10)
        assert await server.stop() == 0
        assert set(await asyncio.gather(*calls)) == {(grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")}
        assert not any(map(is_running, workers))
    assert server.events()[-1] == "stopped"
    assert {line["code"] for line in server.calls()} == {"OK", "UNAVAILABLE"}


async def test_a_second_signal_cuts_the_delay_of_all_but_not_one_to_the_workers(tmp_path: Path) -> None:
    """A manager of services may signal every process there is."""
    async with running_workers(tmp_path, drain_delay="5m") as server:
        server.process.send_signal(signal.SIGTERM)
        await eventually(lambda: server.events().count("stopping") == WORKERS + 1)
        for pid in pids(server):
            os.kill(pid, signal.SIGTERM)
        for _ in range(20):
            await validate_once(server)
        status, (reason,) = await server.page("/readyz")
        assert (status, reason) == (503, "the server is about to stop")
        assert await server.stop() == 0


async def test_workers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    async with running_workers(tmp_path) as server:
        workers = pids(server)
        # One that hangs can do nothing for that itself.
        os.kill(workers[0], signal.SIGSTOP)
        server.process.kill()
        await eventually(lambda: not any(map(is_running, workers)))


async def one_worker(config: Config, answers: Answers) -> WorkerProcess:
    """A worker whose parent is the test."""
    settings = read_file(config.write(), environment={}, insecure_plaintext=False)
    return await start_worker("sessiond_server.cli.worker", {"settings": settings, "number": 1}, answers)


async def test_a_worker_that_cannot_start_tells_its_parent_why_and_writes_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    async def hear(why: str) -> None:
        told.append(why)

    config, audit = on_store(tmp_path, "redis://127.0.0.1:1"), tmp_path / "audit.log"
    audit.touch()
    audit.chmod(0o666)
    config.tables["audit"] = {"file": str(audit)}
    worker = await one_worker(config, {REFUSED: hear})
    await worker.link.run()
    assert await worker.process.wait() == 2
    assert [one.partition(":")[0] for one in told] == ["audit.file"]
    assert "sessiond: " not in capfd.readouterr().err


async def test_a_worker_ends_where_nobody_is_there_to_tell_it_to(tmp_path: Path) -> None:
    """Other systems than Linux do not end it with its parent."""
    worker = await one_worker(on_store(tmp_path, "redis://127.0.0.1:1"), {})
    hearing = asyncio.create_task(worker.link.run())
    assert (await worker.link.ask(REPORT, within_seconds=30))["reasons"]
    await worker.link.close()
    assert await worker.process.wait() == -signal.SIGKILL
    await hearing


async def test_what_no_worker_can_start_with_is_told_once(tmp_path: Path) -> None:
    async with running_valkeys(tmp_path / "store", 1) as (store,):
        config = on_store(tmp_path, store.url)
        config.tables["server"] |= {"workers": WORKERS}
        async with serving(config.write(), tmp_path, tmp_path / "log", until="listening"):
            pass
        config.tables["store"]["partitions"] = 3
        status, said = await sessiond("serve", "--config", str(config.write()))
        refusals = [line for line in said.splitlines() if line.startswith("sessiond: ")]
        assert (status, len(refusals)) == (2, 1)
        assert "partitions" in refusals[0]


async def test_nobody_is_connected_to_a_worker_that_is_not_ready(tmp_path: Path) -> None:
    async with (
        running_idp(tmp_path / "idp.json") as idp,
        running_valkeys(tmp_path / "store", 1) as (store,),
    ):
        await idp.switch(keys="500")
        config, port = on_store(tmp_path, store.url), free_port()
        config.issuers = [scalekit(idp.issuer, tmp_path)]
        address = {"listen": f"127.0.0.1:{port}", "http": f"127.0.0.1:{free_port()}"}
        config.tables["server"] = {"workers": WORKERS, **address}
        reasons = [f"no keys of {idp.issuer} can be had"]
        async with serving(config.write(), tmp_path, tmp_path / "log", until="not serving") as server:
            server.http = address["http"]

            async def knows_why() -> bool:
                return await server.page("/readyz") == (503, reasons)

            await eventually(knows_why, timeout=30)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)
            await idp.switch(keys="good")
            await eventually(lambda: is_whole(server), timeout=60)
            server.grpc = address["listen"]
            await validate_once(server)


async def test_a_port_is_not_shared_with_another_server(tmp_path: Path) -> None:
    async with running_workers(tmp_path) as server:
        config = tmp_path / "sessiond.toml"
        second = tmp_path / "second.toml"
        second.write_text(config.read_text().replace('"127.0.0.1:0"', f'"{server.grpc}"', 1))
        second.chmod(0o600)
        status, said = await sessiond("serve", "--config", str(second))
        assert status == 2
        assert f"{server.grpc} cannot be listened on: Address already in use" in said


async def test_lines_of_all_workers_are_whole(tmp_path: Path) -> None:
    """They write to the same file."""
    async with running_workers(tmp_path) as server:
        for _ in range(20):
            await asyncio.gather(*(validate_once(server) for _ in range(10)))
        await eventually(lambda: len(server.calls()) == 200)


async def number(server: Server, name: str) -> float:
    """The sum of the series that begin with `name`."""
    _, lines = await server.page("/metrics")
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


async def test_one_page_shows_what_all_workers_count(tmp_path: Path) -> None:
    handled = 'grpc_server_handled_total{grpc_code="OK",grpc_method="ValidateToken"'
    async with running_workers(tmp_path) as server:
        before = await number(server, "process_resident_memory_bytes")
        for _ in range(20):
            await validate_once(server)
        assert await number(server, handled) == 20
        assert await number(server, "sessiond_workers ") == WORKERS
        assert await number(server, "sessiond_workers_ready") == WORKERS
        assert await number(server, "sessiond_ready") == 1
        assert before > (WORKERS + 1) * 20e6
        os.kill(pids(server)[0], signal.SIGKILL)
        await server.said(event="a worker has ended, another takes its place")
        assert await number(server, handled) == 20
        assert await number(server, "sessiond_workers_ready") == WORKERS - 1
        assert await number(server, 'sessiond_background_failures_total{work="worker ') == 1
        await eventually(lambda: is_whole(server), timeout=30)
        for _ in range(20):
            await validate_once(server)
        assert await number(server, handled) == 40


async def test_the_parent_publishes_the_keys_of_the_local_issuer(tmp_path: Path) -> None:
    async with running_workers(tmp_path) as server, AsyncClient(server.grpc) as client:
        opened = await client.create_local_session("alice")
        header = json.loads(decode_segment(opened.access_token.partition(".")[0].encode()))
        status, lines = await server.page("/.well-known/jwks.json")
        assert status == 200
        assert header["kid"] in {key["kid"] for key in json.loads("".join(lines))["keys"]}
