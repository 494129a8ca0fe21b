"""Whole servers through crashes, through freezes, and beside each other.

Sessions survive, and what is not known is not answered.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import grpc
import pytest

from sessiond import AsyncClient, Reason, RefreshRefusedError, Rejection, Session, UnavailableError
from tests.support.refreshes_once import RefreshesOnce
from tests.support.server import Server, running, sessiond
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sessiond import Tokens, Verdict

USAGE_STATUS = 2
MAX_STALENESS_SECONDS = 1.0


@pytest.fixture
def data(tmp_path: Path) -> Path:
    # The path is short whatever the test's name, so that the socket fits into the directory.
    return tmp_path / "d"


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that neither answers nor ends, as on a stalled machine."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def pid_of_store(server: Server) -> int:
    assert server.store_pid is not None
    return server.store_pid


def rejected_for(verdict: Verdict) -> Reason | str | None:
    return verdict.reason if isinstance(verdict, Rejection) else None


async def refusal(*command: str, log: Path) -> str:
    """What a server that cannot start says, after its log."""
    process = await sessiond(*command, log=log)
    assert await process.wait() == USAGE_STATUS
    said = [line for line in log.read_text().splitlines() if not line.startswith("{")]
    assert len(said) == 1
    return said[0]


async def test_a_session_survives_a_crash(data: Path, tmp_path: Path) -> None:
    async with running(data, tmp_path / "1.log") as server, AsyncClient(server.grpc) as client:
        live = await client.create_local_session("alice")
        ended = await client.create_local_session("bob")
        await client.revoke_session(ended.session.session_id)
        await server.kill()
    async with running(data, tmp_path / "2.log") as server, AsyncClient(server.grpc) as client:
        assert isinstance(await client.validate(live.access_token), Session)
        assert rejected_for(await client.validate(ended.access_token)) is Reason.REVOKED
        assert (await client.refresh(live.refresh_token)).session.session_id == live.session.session_id
        with pytest.raises(RefreshRefusedError, match="ended") as refused:
            await client.refresh(ended.refresh_token)
    assert refused.value.reason == "SESSION_REVOKED"


async def test_a_refresh_whose_answer_was_lost_in_a_crash_is_repeated(data: Path, tmp_path: Path) -> None:
    async with running(data, tmp_path / "1.log") as server, AsyncClient(server.grpc) as client:
        first = await client.create_local_session("alice")
        second = await client.refresh(first.refresh_token)
        await server.kill()
    async with running(data, tmp_path / "2.log") as server, AsyncClient(server.grpc) as client:
        again = await client.refresh(first.refresh_token)
    assert (again.refresh_token, again.replayed) == (second.refresh_token, True)


@pytest.mark.slow
async def test_crashes_in_the_middle_of_refreshes_lose_no_session(data: Path, tmp_path: Path) -> None:
    async with running(data, tmp_path / "1.log") as server, AsyncClient(server.grpc, timeout=10) as client:
        sessions = await asyncio.gather(*(client.create_local_session(f"user-{n}") for n in range(20)))
        refreshes = [asyncio.create_task(client.refresh(tokens.refresh_token)) for tokens in sessions]
        await asyncio.wait(refreshes, return_when=asyncio.FIRST_COMPLETED)
        await server.kill()
        outcomes = await asyncio.gather(*refreshes, return_exceptions=True)
    async with running(data, tmp_path / "2.log") as server, AsyncClient(server.grpc, timeout=10) as client:
        for tokens, outcome in zip(sessions, outcomes, strict=True):
            again = await client.refresh(tokens.refresh_token)
            assert isinstance(outcome, UnavailableError) or again.refresh_token == outcome.refresh_token


@pytest.mark.slow
async def test_two_servers_give_out_one_successor(data: Path, tmp_path: Path) -> None:
    async with (
        running(data, tmp_path / "1.log") as first,
        running(data, tmp_path / "2.log", join=True) as second,
        AsyncClient(first.grpc, timeout=20) as here,
        AsyncClient(second.grpc, timeout=20) as there,
    ):
        tokens = await here.create_local_session("alice")
        answers = await asyncio.gather(
            *(client.refresh(tokens.refresh_token) for client in [here, there] * 25)
        )
        successors = {answer.refresh_token for answer in answers}
        assert len(successors) == 1
        assert sum(not answer.replayed for answer in answers) == 1
        assert len({answer.access_token.rpartition(".")[0] for answer in answers}) == 1
        assert isinstance(await there.refresh(successors.pop()), type(tokens))


@pytest.mark.slow
async def test_a_revocation_is_known_here_at_once_and_everywhere_within_max_staleness(
    data: Path, tmp_path: Path
) -> None:
    async with (
        running(data, tmp_path / "1.log") as first,
        running(data, tmp_path / "2.log", join=True) as second,
        AsyncClient(first.grpc) as here,
        AsyncClient(second.grpc) as there,
    ):
        for name in ("alice", "bob", "carol"):
            tokens = await here.create_local_session(name)
            assert isinstance(await there.validate(tokens.access_token), Session)
            await here.revoke_session(tokens.session.session_id)
            revoked_at = time.monotonic()
            assert rejected_for(await here.validate(tokens.access_token)) is Reason.REVOKED
            assert await last_accepted(there, tokens) <= revoked_at + MAX_STALENESS_SECONDS
            with pytest.raises(RefreshRefusedError):
                await there.refresh(tokens.refresh_token)


async def last_accepted(client: AsyncClient, tokens: Tokens) -> float:
    """When the last call was begun whose answer accepted the token."""
    last = 0.0
    while True:
        begun = time.monotonic()
        if rejected_for(await client.validate(tokens.access_token)) is Reason.REVOKED:
            return last
        last = begun


@pytest.mark.slow
async def test_a_frozen_store_is_answered_for_max_staleness_and_then_not_at_all(
    data: Path, tmp_path: Path
) -> None:
    async with running(data, tmp_path / "1.log") as server, AsyncClient(server.grpc, timeout=2) as client:
        tokens = await client.create_local_session("alice")
        with frozen(pid_of_store(server)):
            frozen_at = time.monotonic()
            assert isinstance(await client.validate(tokens.access_token), Session)
            accepted, refused = await answers_until(client, tokens, frozen_at + 2 * MAX_STALENESS_SECONDS)
            assert max(accepted) <= frozen_at + MAX_STALENESS_SECONDS
            assert refused
            assert {failure.reason for failure in refused} == {"REVOCATION_VIEW_STALE"}
            assert all(failure.retry_after for failure in refused)
            with pytest.raises(UnavailableError) as unavailable:
                await client.validate_all(["garbage", tokens.access_token])
            assert unavailable.value.reason == "REVOCATION_VIEW_STALE"
            with pytest.raises(UnavailableError) as unavailable:
                await client.refresh(tokens.refresh_token)
            assert unavailable.value.reason == "STORE_UNAVAILABLE"
            assert unavailable.value.retry_after
            await eventually(lambda: "not serving" in server.events())
        await eventually(
            lambda: server.events()[-1] != "not serving" and server.events().count("serving") > 1
        )
        assert isinstance(await client.validate(tokens.access_token), Session)
        assert (await client.refresh(tokens.refresh_token)).session.session_id == tokens.session.session_id


async def answers_until(
    client: AsyncClient, tokens: Tokens, end: float
) -> tuple[list[float], list[UnavailableError]]:
    """When calls were begun that were answered with the session, and the failures of the others."""
    accepted, refused = [], []
    while (begun := time.monotonic()) < end:
        try:
            await client.validate(tokens.access_token)
        except UnavailableError as failure:
            refused.append(failure)
        else:
            accepted.append(begun)
    return accepted, refused


async def test_a_store_that_was_killed_comes_back_with_all_it_had(data: Path, tmp_path: Path) -> None:
    async with running(data, tmp_path / "1.log") as server, AsyncClient(server.grpc, timeout=5) as client:
        live, ended = await client.create_local_session("alice"), await client.create_local_session("bob")
        await client.revoke_session(ended.session.session_id)
        killed = pid_of_store(server)
        os.kill(killed, signal.SIGKILL)
        await eventually(lambda: server.store_pid not in {None, killed})
        await eventually(
            lambda: "revocations readable again" in server.events() or server.events()[-1] == "serving"
        )
        assert isinstance(await client.validate(live.access_token), Session)
        assert rejected_for(await client.validate(ended.access_token)) is Reason.REVOKED
        assert (await client.refresh(live.refresh_token)).session.session_id == live.session.session_id


async def test_ending_lets_calls_in_flight_finish(data: Path, tmp_path: Path) -> None:
    async with running(data, tmp_path / "1.log") as server, RefreshesOnce(server.grpc, timeout=10) as client:
        tokens = await client.create_local_session("alice")
        with frozen(pid_of_store(server)):
            refresh = asyncio.create_task(client.refresh(tokens.refresh_token))
            await eventually(
                lambda: any(
                    line["event"] == "revocations unreadable, answers go on for a while"
                    for line in server.lines()
                )
            )
            server.process.send_signal(signal.SIGTERM)
        with pytest.raises(UnavailableError) as unavailable:
            await refresh
        assert unavailable.value.reason == "STORE_UNAVAILABLE"
        assert await server.process.wait() == 0
    assert server.events()[-1] == "stopped"
    assert server.store_pid is None


async def test_an_interrupt_ends_it_with_status_0(data: Path, tmp_path: Path) -> None:
    async with running(data, tmp_path / "1.log") as server:
        server.process.send_signal(signal.SIGINT)
        assert await server.process.wait() == 0


async def test_a_port_in_use_is_one_line(data: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for taken_by, free in (("--listen", "--http"), ("--http", "--listen")):
            arguments = (taken_by, address, free, "127.0.0.1:0", "--data", str(data))
            said = await refusal("dev", *arguments, log=tmp_path / f"{taken_by}.log")
            assert said == f"sessiond: {address} cannot be listened on: Address already in use"


async def test_http_is_not_served_on_a_unix_socket(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    said = await refusal("dev", "--http", f"unix:{path}", "--data", str(data), log=tmp_path / "1.log")
    assert said == f"sessiond: unix:{path} is a Unix socket: HTTP is served at HOST:PORT only"


async def test_a_data_directory_in_use_is_one_line(data: Path, tmp_path: Path) -> None:
    ports = ("--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
    async with running(data, tmp_path / "1.log"):
        said = await refusal("dev", *ports, "--data", str(data), log=tmp_path / "2.log")
    assert said == f"sessiond: {data}: another sessiond runs its store; share it with --join {data}"


async def test_nothing_to_join_is_one_line(data: Path, tmp_path: Path) -> None:
    said = await refusal(
        "dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--join", str(data), log=tmp_path / "1.log"
    )
    assert said.startswith(f"sessiond: {data}: ")


@pytest.mark.parametrize("name", ["pepper", "sealing-key", "signing-key.pem"])
async def test_a_key_that_is_none_is_one_line(data: Path, tmp_path: Path, name: str) -> None:
    data.mkdir(mode=0o700)
    (data / name).write_text("not a key: sesame")
    said = await refusal(
        "dev", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", str(data), log=tmp_path / "1.log"
    )
    assert f"_files: found {data / name}: " in said
    assert "sesame" not in (tmp_path / "1.log").read_text()


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:50051", "example.com:50051"])
@pytest.mark.parametrize("option", ["--listen", "--http"])
async def test_others_may_not_be_let_in(data: Path, tmp_path: Path, option: str, address: str) -> None:
    said = await refusal("dev", option, address, "--data", str(data), log=tmp_path / "1.log")
    assert (
        said == f"sessiond: '{address}' can be reached from elsewhere: "
        "dev listens on loopback and Unix sockets only"
    )
    assert not data.exists()


@pytest.mark.parametrize(
    "address", ["", "localhost", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http", "unix:" + "x" * 120]
)
async def test_what_is_no_address_is_named(data: Path, tmp_path: Path, address: str) -> None:
    said = await refusal("dev", "--listen", address, "--data", str(data), log=tmp_path / "1.log")
    assert repr(address) in said
    assert "allowed are" in said


async def test_a_unix_socket_is_for_its_owner_and_group(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with (
        running(data, tmp_path / "1.log", listen=f"unix:{path}") as server,
        AsyncClient(server.grpc) as client,
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert isinstance(
            await client.validate((await client.create_local_session("alice")).access_token), Session
        )
        said = await refusal(
            "dev",
            "--listen",
            f"unix:{path}",
            "--http",
            "127.0.0.1:0",
            "--join",
            str(data),
            log=tmp_path / "2.log",
        )
        assert said == f"sessiond: unix:{path} is in use by another sessiond"


async def test_a_unix_socket_does_not_stand_where_anyone_may_replace_it(data: Path, tmp_path: Path) -> None:
    open_to_all = tmp_path / "o"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    said = await refusal(
        "dev",
        "--listen",
        f"unix:{open_to_all}/s",
        "--http",
        "127.0.0.1:0",
        "--data",
        str(data),
        log=tmp_path / "1.log",
    )
    assert "can be written by anyone" in said


@pytest.mark.slow
async def test_no_log_holds_a_token_or_a_secret(data: Path, tmp_path: Path) -> None:
    """Good calls, bad calls and a store that fails are tried: what is written down opens nothing."""
    given: list[str] = []
    async with running(data, tmp_path / "1.log") as server, AsyncClient(server.grpc, timeout=5) as client:
        tokens = await client.create_local_session("alice-of-the-logs", claims={"pin": "sesame-claim"})
        given += [
            "sesame-claim",
            tokens.access_token,
            tokens.refresh_token,
            (await client.refresh(tokens.refresh_token)).access_token,
        ]
        forged = tokens.access_token[:-8] + "AAAAAAAA"
        given.append(forged)
        await client.validate(forged)
        await client.revoke_access_token(tokens.access_token)
        with pytest.raises(RefreshRefusedError):
            await client.refresh(tokens.refresh_token)
        with frozen(pid_of_store(server)), pytest.raises(UnavailableError):
            await client.refresh(tokens.refresh_token)
        await call_with_garbage(server.grpc, tokens.refresh_token)
    given += [(data / name).read_text().strip() for name in ("pepper", "sealing-key")]
    given += (data / "signing-key.pem").read_text().splitlines()[1:-1]
    written = (tmp_path / "1.log").read_text()
    assert '"event": "call"' in written
    for secret in given:
        for part in re.split(r"[.\n]", secret):
            assert part not in written


async def call_with_garbage(address: str, secret: str) -> None:
    """Send a message that cannot be parsed, with a secret in it."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary("/sessiond.v1.SessionService/RefreshSession")
        with pytest.raises(grpc.aio.AioRpcError, match="not a message"):
            await call(b"\x0a\xff\xff" + secret.encode())
