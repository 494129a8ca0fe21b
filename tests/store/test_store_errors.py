"""A store that does not do as told is named, once; and what needs no write goes on without."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ResponseError

from sessiond_server.adapters.embedded.process import find_server
from sessiond_server.adapters.embedded.store import embedded_store
from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.adapters.store.partitions import key_in
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.durability import PartitionsError
from tests.support.fakes import FakeClock, RecordingLogger, SilentLogger
from tests.support.revocations import viewed
from tests.support.store import Store, connected, crowded
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from redis.asyncio import Redis

BEGUN, OVER = "the store does not do as told", "the store does as told again"
QUIET_SECONDS = 5.0


@dataclass
class Watched:
    """A store whose errors are kept, on a clock that stands still."""

    url: str
    logger: RecordingLogger = field(default_factory=RecordingLogger)
    clock: FakeClock = field(default_factory=FakeClock)
    clients: list[Redis] = field(default_factory=list)

    def connect(self, *, partitions: int = 1, **credentials: Any) -> Store:
        self.clients.append(connect(StoreAddress(self.url, **credentials)))
        return connected(
            self.clients[-1], partitions=partitions, logger=self.logger, steady=self.clock.steady
        )

    def said(self, event: str) -> list[str]:
        return [fields["kind"] for fields in self.logger.said(event)]


@asynccontextmanager
async def watched(url: str) -> AsyncIterator[Watched]:
    found = Watched(url)
    try:
        yield found
    finally:
        for client in found.clients:
            await client.aclose()


@pytest.fixture(scope="module")
async def address(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[str, Path]]:
    """A Valkey for this file alone, because its settings are changed."""
    async with embedded_store(tmp_path_factory.mktemp("e") / "d", logger=SilentLogger()) as valkey:
        yield f"unix://{valkey.socket_path}", valkey.directory


@pytest.fixture
async def own(address: tuple[str, Path]) -> AsyncIterator[Watched]:
    async with watched(address[0]) as found:
        yield found


@pytest.fixture
async def admin(address: tuple[str, Path]) -> AsyncIterator[Redis]:
    redis = connect(StoreAddress(address[0]))
    await redis.flushall()
    yield redis
    await redis.aclose()


# Each way to a store that takes no writes, and the way back.


async def fill_up(redis: Redis) -> None:
    await redis.config_set("maxmemory", 1)


async def empty(redis: Redis) -> None:
    await redis.config_set("maxmemory", 0)


async def demote(redis: Redis) -> None:
    await redis.execute_command("REPLICAOF", "127.0.0.1", "1")


async def promote(redis: Redis) -> None:
    await redis.execute_command("REPLICAOF", "NO", "ONE")


async def demand_replicas(redis: Redis) -> None:
    await redis.config_set("min-replicas-to-write", 1)


async def demand_none(redis: Redis) -> None:
    await redis.config_set("min-replicas-to-write", 0)


async def fail_to_save(redis: Redis) -> None:
    # A file cannot take the place of a directory.
    (await where_it_saves(redis)).mkdir()
    await redis.config_set("save", "3600 1")
    await redis.bgsave()

    async def has_failed() -> bool:
        return (await redis.info("persistence"))["rdb_last_bgsave_status"] == "err"

    await eventually(has_failed)


async def save_again(redis: Redis) -> None:
    (await where_it_saves(redis)).rmdir()
    await redis.config_set("save", "")


async def where_it_saves(redis: Redis) -> Path:
    return Path((await redis.config_get("dir"))["dir"]) / "dump.rdb"


REFUSALS = [
    pytest.param("OOM", fill_up, empty, id="OOM"),
    pytest.param("READONLY", demote, promote, id="READONLY"),
    pytest.param("NOREPLICAS", demand_replicas, demand_none, id="NOREPLICAS"),
    pytest.param("MISCONF", fail_to_save, save_again, id="MISCONF"),
]


@pytest.mark.parametrize(("kind", "begin", "end"), REFUSALS)
async def test_a_store_that_takes_no_writes_is_named_once_and_once_when_it_is_good_again(
    own: Watched,
    admin: Redis,
    kind: str,
    begin: Callable[[Redis], Awaitable[None]],
    end: Callable[[Redis], Awaitable[None]],
) -> None:
    store = own.connect()
    token, writes = await store.open(), store.stores.writes
    await begin(admin)
    try:
        for _ in range(3):
            for refused in (store.open(), store.end(token.session), store.rotate(token), writes.probe()):
                with pytest.raises(StoreUnavailableError):
                    await refused
        assert own.logger.lines == [("error", BEGUN, {"kind": kind})]
        assert (writes.refused_for, writes.is_in_doubt) == (kind, True)
        # What is only read is read all the same.
        assert await store.sessions.get(token.session) is not None
        assert (await store.log.read(store.partition(), None)).reached_head
    finally:
        await end(admin)
    await writes.probe()
    assert writes.refused_for == kind
    own.clock.at += QUIET_SECONDS
    await writes.probe()
    assert (writes.refused_for, writes.is_in_doubt) == (None, False)
    assert own.logger.lines[1:] == [("info", OVER, {"kind": kind})]


async def test_a_write_in_every_partition_shows_what_nobody_else_tried(own: Watched, admin: Redis) -> None:
    store = own.connect(partitions=3)
    await store.stores.writes.probe()
    written = {key_in(partition, "probe") for partition in range(3)}
    assert {key.decode() for key in await admin.keys()} == written
    assert all([0 < await admin.pttl(key) <= 60_000 for key in written])
    await fill_up(admin)
    try:
        with pytest.raises(StoreUnavailableError):
            await store.stores.writes.probe()
    finally:
        await empty(admin)
    assert store.stores.writes.refused_for == "OOM"


async def test_an_error_is_over_when_nobody_has_met_it_for_a_while(own: Watched, admin: Redis) -> None:
    """A store at the edge of its memory refuses one write and takes the next."""
    store = own.connect()
    for _ in range(3):
        await fill_up(admin)
        with pytest.raises(StoreUnavailableError):
            await store.open()
        await empty(admin)
        own.clock.at += QUIET_SECONDS - 0.1
        await store.stores.writes.probe()
    assert own.said(BEGUN) == ["OOM"]
    assert own.said(OVER) == []


@pytest.mark.parametrize(("kind", "begin", "end"), REFUSALS)
async def test_a_store_that_was_begun_is_opened_and_read_while_it_takes_no_writes(
    own: Watched,
    admin: Redis,
    kind: str,
    begin: Callable[[Redis], Awaitable[None]],
    end: Callable[[Redis], Awaitable[None]],
) -> None:
    first = own.connect()
    await first.stores.durability.pin_partitions()
    await viewed(first, own.clock).catch_up(0)
    await begin(admin)
    try:
        await own.connect().stores.durability.pin_partitions()
        with pytest.raises(PartitionsError):
            await own.connect(partitions=2).stores.durability.pin_partitions()
        revocations = viewed(own.connect(), own.clock)
        await revocations.catch_up(0)
        assert revocations.is_synced
        assert own.logger.lines == []
        with pytest.raises(StoreUnavailableError):
            await first.stores.writes.probe()
        assert own.said(BEGUN) == [kind]
    finally:
        await end(admin)


@pytest.mark.parametrize(("kind", "begin", "end"), REFUSALS)
async def test_a_store_that_was_never_begun_is_waited_for_while_it_takes_no_writes(
    own: Watched,
    admin: Redis,
    kind: str,
    begin: Callable[[Redis], Awaitable[None]],
    end: Callable[[Redis], Awaitable[None]],
) -> None:
    await begin(admin)
    try:
        for _ in range(2):
            with pytest.raises(StoreUnavailableError):
                await own.connect().stores.durability.pin_partitions()
    finally:
        await end(admin)
    assert own.said(BEGUN)[0] == kind
    await own.connect().stores.durability.pin_partitions()


async def test_a_log_that_was_replaced_is_read_though_that_cannot_be_noted(
    own: Watched, admin: Redis
) -> None:
    store = own.connect()
    known = viewed(store, own.clock)
    await known.catch_up(0)
    await admin.flushall()
    token = await store.open()
    ended = await store.end(token.session)
    await fill_up(admin)
    try:
        own.clock.at += 10
        await known.catch_up(0)
        assert known.is_fresh
        assert len(known) == len(ended.logged.revocations)
        assert not await admin.exists(store.key("changed"))
    finally:
        await empty(admin)
    await known.catch_up(0)
    assert await admin.exists(store.key("changed"))
    noted = await admin.get(store.key("changed"))
    await known.catch_up(0)
    assert await admin.get(store.key("changed")) == noted


# Everything else that a store or the way to it may say.


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
    await demote(admin)
    await admin.config_set("replica-serve-stale-data", "no")
    try:
        with pytest.raises(StoreUnavailableError):
            await store.sessions.get(token.session)
    finally:
        await admin.config_set("replica-serve-stale-data", "yes")
        await promote(admin)
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
        for refused in (scripts.now_ms(), scripts.information("memory")):
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
                await own.connect().scripts.now_ms()
            assert own.logger.lines == [("warning", BEGUN, {"kind": "other"})]
