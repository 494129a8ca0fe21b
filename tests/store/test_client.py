"""The connection to the store: bounded in time, never out of step, and at home on a store that forgot the scripts."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import SSLConnection

from sessiond_server.adapters.embedded import EmbeddedStore, embedded_store
from sessiond_server.adapters.store.client import Scripts, StoreAddress, connect
from sessiond_server.adapters.store.marks import IssuerMarks
from sessiond_server.adapters.store.redis_session_store import PartitionsError, RedisSessionStore
from sessiond_server.adapters.store.sealing import SealingKeys
from sessiond_server.adapters.store.soundness import faults_of_store
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.session_store import Rotated
from tests.support.store import ISSUER, SEALING, SilentLog, Store, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[EmbeddedStore, Store]]:
    """A Valkey that the test may stop."""
    async with embedded_store(tmp_path_factory.mktemp("o") / "d", log=SilentLog()) as valkey:
        redis = connect(StoreAddress(f"unix://{valkey.socket_path}"))
        yield valkey, connected(redis)
        await redis.aclose()


async def test_scripts_that_the_store_forgot_are_sent_again(store: Store) -> None:
    token = await store.open()
    await store.redis.script_flush()
    assert isinstance(await store.rotate(token), Rotated)


async def test_a_store_that_hangs_is_given_up_and_found_again(own: tuple[EmbeddedStore, Store]) -> None:
    valkey, store = own
    token = await store.open()
    assert valkey.pid
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(5):
            for command in (store.rotate(token), store.open(), store.log.read(0, None), store.sessions.get(token.session)):
                with pytest.raises(StoreUnavailableError):
                    await command
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    assert isinstance(await store.rotate(token), Rotated)


async def test_more_calls_than_connections_wait_their_turn(store: Store) -> None:
    tokens = await asyncio.gather(*(store.open(f"user-{n}") for n in range(200)))
    outcomes = await asyncio.gather(*(store.rotate(token) for token in tokens))
    assert [outcome.session.login.subject for outcome in outcomes] == [f"user-{n}" for n in range(200)]


async def test_a_cancelled_call_leaves_no_reply_for_the_next_one(store: Store) -> None:
    tokens = [await store.open(f"user-{n}") for n in range(20)]
    for token in tokens:
        abandoned = [asyncio.create_task(store.sessions.get(token.session)) for _ in range(8)]
        await asyncio.sleep(0)
        for task in abandoned:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*abandoned)
        found = await asyncio.gather(*(store.sessions.get(other.session) for other in tokens))
        assert [session.login.subject for session in found] == [f"user-{n}" for n in range(20)]


async def test_the_number_of_partitions_is_the_stores(store: Store) -> None:
    await store.sessions.claim()
    await store.sessions.claim()
    sixteen = RedisSessionStore(
        store.scripts,
        partitions=16,
        sealing=SealingKeys([SEALING]),
        issuers=IssuerMarks({ISSUER: 0}),
        max_per_subject=1,
        log=SilentLog(),
    )
    with pytest.raises(PartitionsError, match="the store has 1 partitions, this server is set to 16"):
        await sixteen.claim()


async def test_a_script_that_fails_says_where_and_not_with_what(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    said = []

    class RecordingLog(SilentLog):
        def error(self, event: str, **fields: object) -> None:
            said.append((event, fields))

    store.scripts._log = RecordingLog()
    token = await store.open("telling-subject")
    await store.redis.set("{p0}head", "not a hash")
    with pytest.raises(StoreUnavailableError):
        await store.end(token.session)
    ((event, fields),) = said
    assert (event, fields["script"]) == ("the store refused a script", "end")
    assert isinstance(fields["line"], int)
    assert "telling" not in repr(said)
    assert capsys.readouterr().err == ""


async def test_a_password_is_needed_where_there_is_one(valkey: EmbeddedStore) -> None:
    url = f"unix://{valkey.socket_path}"
    open_to_all = connect(StoreAddress(url))
    await open_to_all.execute_command("ACL", "SETUSER", "sessiond", "on", ">sesame", "~*", "+@all")
    try:
        for password, works in (("sesame", True), ("wrong", False)):
            redis = connect(StoreAddress(url, username="sessiond", password=password))
            scripts = Scripts(redis, observe=lambda _name, _seconds: None, log=SilentLog())
            if works:
                assert await scripts.now_ms() > 0
            else:
                with pytest.raises(StoreUnavailableError):
                    await scripts.now_ms()
            await redis.aclose()
    finally:
        await open_to_all.execute_command("ACL", "DELUSER", "sessiond")
        await open_to_all.aclose()


async def test_a_store_that_does_not_tell_its_settings_is_not_trusted(valkey: EmbeddedStore) -> None:
    url = f"unix://{valkey.socket_path}"
    owner = connect(StoreAddress(url))
    await owner.execute_command("ACL", "SETUSER", "mute", "on", ">sesame", "~*", "+@all", "-info")
    try:
        redis = connect(StoreAddress(url, username="mute", password="sesame"))
        scripts = Scripts(redis, observe=lambda _name, _seconds: None, log=SilentLog())
        assert await faults_of_store(scripts, accepted=()) == [
            "the store does not tell its settings: allow our user the command info"
        ]
        await redis.aclose()
    finally:
        await owner.execute_command("ACL", "DELUSER", "mute")
        await owner.aclose()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1", {"host": "127.0.0.1", "port": 6379, "db": 0}),
        ("redis://[::1]:7000/3", {"host": "::1", "port": 7000, "db": 3}),
        ("rediss://db.example:6380/1", {"host": "db.example", "port": 6380, "db": 1, "ssl_check_hostname": True}),
        ("unix:///run/a%20b.sock", {"path": "/run/a b.sock"}),
    ],
)
def test_an_address_is_a_way_to_the_store(url: str, expected: dict[str, object]) -> None:
    pool = connect(StoreAddress(url)).connection_pool
    assert {name: pool.connection_kwargs[name] for name in expected} == expected
    assert issubclass(pool.connection_class, SSLConnection) is url.startswith("rediss:")
