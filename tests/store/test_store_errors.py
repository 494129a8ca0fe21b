"""What a store, or the way to it, answers instead of doing as told: each kind has its name."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis._parsers import BaseParser
from redis.exceptions import ResponseError

from sessiond_server.adapters.embedded.process import find_server
from sessiond_server.adapters.embedded.store import embedded_store
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.adapters.store.store_errors import kind_of
from sessiond_server.domain.failures import StoreUnavailableError
from tests.support.fakes import SilentLogger
from tests.support.store import crowded
from tests.support.waiting import eventually
from tests.support.watched import BEGUN, Watched, watched

if TYPE_CHECKING:
    from redis.asyncio import Redis


async def test_a_store_that_is_busy_is_named(own: Watched, admin: Redis) -> None:
    store = own.connect()
    token = await store.open()
    await admin.config_set("busy-reply-threshold", 1)
    looping = connect(StoreAddress(own.url))
    looping.connection_pool.connection_kwargs["socket_timeout"] = 60
    script = asyncio.create_task(looping.execute_command("EVAL", "while true do end", 0))

    async def is_refused() -> bool:
        with suppress(StoreUnavailableError):
            await store.sessions.get(token.session)
        return "BUSY" in own.said(BEGUN)

    try:
        await eventually(is_refused)
    finally:
        await admin.execute_command("SCRIPT", "KILL")
    with pytest.raises(ResponseError):
        await script
    await looping.aclose()
    assert ("warning", BEGUN, {"kind": "BUSY"}) in own.logger.lines
    assert (await store.end(token.session)).count == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("TRYAGAIN Multiple keys request during rehashing of slot", "TRYAGAIN"),
        ("CLUSTERDOWN Hash slot not served", "CLUSTERDOWN"),
        ("MOVED 3999 127.0.0.1:6381", "MOVED"),
        ("ASK 3999 127.0.0.1:6381", "ASK"),
        ("CROSSSLOT Keys in request don't hash to the same slot", "CROSSSLOT"),
        ("MISCONF Redis is configured to save RDB snapshots", "MISCONF"),
        ("ERR Script attempted to access a non local key in a cluster node script: f, on 1.", "TRYAGAIN"),
        ("ERR unknown command", None),
    ],
)
def test_what_nodes_of_a_cluster_answer_has_a_name(text: str, kind: str | None) -> None:
    assert kind_of(BaseParser.parse_error(text)) == kind


@pytest.mark.slow
async def test_a_store_that_is_loading_is_named(tmp_path: Path) -> None:
    """It answers so while it reads its data, which a setting for tests makes slow."""
    socket = tmp_path / "v"
    settings = {
        "port": 0,
        "unixsocket": socket,
        "dir": tmp_path,
        "save": "",
        "enable-debug-command": "yes",
        "key-load-delay": 2000,
        "loading-process-events-interval-bytes": 1024,
    }
    process = await asyncio.create_subprocess_exec(
        find_server(),
        *(str(word) for name, value in settings.items() for word in (f"--{name}", value)),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually(socket.exists)
        async with watched(f"unix://{socket}") as own:
            store = own.connect()
            await store.open()
            (admin,) = own.clients
            await admin.mset({f"key-{n}": "x" * 500 for n in range(1000)})
            admin.connection_pool.connection_kwargs["socket_timeout"] = 60
            reload = asyncio.create_task(connect_patiently(own).execute_command("DEBUG", "RELOAD"))

            async def is_refused() -> bool:
                with suppress(StoreUnavailableError):
                    await store.sessions.get((await store.open()).session)
                return "LOADING" in own.said(BEGUN)

            await eventually(is_refused)
            assert ("warning", BEGUN, {"kind": "LOADING"}) in own.logger.lines
            await reload
    finally:
        process.kill()
        await process.wait()


def connect_patiently(own: Watched) -> Redis:
    """A client that waits as long as it takes."""
    own.connect()
    own.clients[-1].connection_pool.connection_kwargs["socket_timeout"] = 60
    return own.clients[-1]


async def test_a_master_that_is_away_is_named(own: Watched, admin: Redis) -> None:
    store = own.connect()
    token = await store.open()
    await admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    await admin.config_set("replica-serve-stale-data", "no")
    try:
        with pytest.raises(StoreUnavailableError):
            await store.sessions.get(token.session)
    finally:
        await admin.config_set("replica-serve-stale-data", "yes")
        await admin.execute_command("REPLICAOF", "NO", "ONE")
    assert own.logger.lines == [("warning", BEGUN, {"kind": "MASTERDOWN"})]


@pytest.mark.parametrize(
    ("rules", "credentials", "kind"),
    [
        pytest.param((), {"password": "telling"}, "WRONGPASS", id="another password"),
        pytest.param(("off",), {}, "WRONGPASS", id="no such user"),
        pytest.param(("-@all",), {}, "NOPERM", id="no command"),
        pytest.param(("-hset",), {}, "NOPERM", id="no command within a script"),
        pytest.param(("resetkeys", f"~{key_in(1, '*')}"), {}, "NOPERM", id="no key"),
    ],
)
async def test_what_our_user_may_not_do_is_named(
    own: Watched, admin: Redis, rules: tuple[str, ...], credentials: dict[str, str], kind: str
) -> None:
    await admin.execute_command("ACL", "SETUSER", "sessiond", "on", ">sesame", "~*", "+@all", *rules)
    try:
        store = own.connect(username="sessiond", **{"password": "sesame", **credentials})
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await store.stores.durability.pin_partitions()
    finally:
        await admin.execute_command("ACL", "DELUSER", "sessiond")
    assert own.logger.lines == [("error", BEGUN, {"kind": kind})]


async def test_a_store_that_wants_to_know_who_we_are_is_named(own: Watched, admin: Redis) -> None:
    await admin.execute_command("ACL", "SETUSER", "default", "resetpass", ">sesame")
    try:
        scripts = own.connect().scripts
        for refused in (scripts.now_ms(0), scripts.information("memory", 0)):
            with pytest.raises(StoreUnavailableError):
                await refused
    finally:
        await admin.execute_command("ACL", "SETUSER", "default", "nopass")
    assert own.logger.lines == [("error", BEGUN, {"kind": "NOAUTH"})]


async def test_a_store_that_is_not_there_is_named() -> None:
    async with watched("redis://127.0.0.1:1") as own:
        store = own.connect()
        for _ in range(3):
            with pytest.raises(StoreUnavailableError):
                await store.open()
        assert own.logger.lines == [("warning", BEGUN, {"kind": "connection"})]


async def test_a_store_that_hangs_is_named(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        valkey = await stack.enter_async_context(embedded_store(tmp_path / "d", logger=SilentLogger()))
        own = await stack.enter_async_context(watched(f"unix://{valkey.socket_path}"))
        store = own.connect()
        await store.open()
        assert valkey.pid
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            # Neither a connection that is open nor a new one says anything.
            for one in (store, own.connect()):
                with pytest.raises(StoreUnavailableError):
                    await one.open()
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        assert own.logger.lines == [("warning", BEGUN, {"kind": "timeout"})] * 2


async def test_connections_that_are_all_in_use_are_named(own: Watched) -> None:
    store = own.connect()
    async with crowded(own.clients[-1]):
        with pytest.raises(StoreUnavailableError):
            await store.open()
    assert own.logger.lines == [("warning", BEGUN, {"kind": "connections busy"})]


async def test_what_is_no_store_is_named_without_its_words() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Telling words\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        host, port = server.sockets[0].getsockname()
        async with watched(f"redis://{host}:{port}") as own:
            with pytest.raises(StoreUnavailableError):
                await own.connect().scripts.now_ms(0)
            assert own.logger.lines == [("warning", BEGUN, {"kind": "other"})]
