"""The connection to the store: bounded in time, never out of step, and fine where scripts were forgotten."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
from redis.asyncio import SSLConnection

from sessiond_server.adapters.embedded.store import EmbeddedStore, embedded_store
from sessiond_server.adapters.store.connection import Identity, StoreAddress, connect
from sessiond_server.adapters.store.one_node import OneNode
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.adapters.store.time_limits import COMMAND_LIFE_SECONDS
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.sessions import Rotated
from tests.support.fakes import RecordingLogger, RecordingTelemetry, SilentLogger
from tests.support.store import Store, connected
from tests.support.valkeys import free_port
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[EmbeddedStore, Store]]:
    """A Valkey that the test may stop."""
    async with embedded_store(tmp_path_factory.mktemp("o") / "d", logger=SilentLogger()) as valkey:
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
            commands = (
                store.rotate(token),
                store.open(),
                store.log.read(store.partition(), None),
                store.sessions.get(token.session),
            )
            for command in commands:
                with pytest.raises(StoreUnavailableError):
                    await command
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    assert isinstance(await store.rotate(token), Rotated)


@pytest.mark.slow
async def test_a_rotation_that_a_frozen_store_held_is_refused_by_it_when_it_wakes(
    own: tuple[EmbeddedStore, Store],
) -> None:
    valkey, store = own
    # The store knows the script already: what it holds is the command itself.
    token, time = await store.next(await store.open()), store.scripts.time
    assert valkey.pid
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailableError):
            await store.rotate(token)
        too_late = time.steady() + COMMAND_LIFE_SECONDS
        while time.steady() < too_late:
            with pytest.raises(StoreUnavailableError):
                await store.sessions.get(token.session)
    finally:
        os.kill(valkey.pid, signal.SIGCONT)

    async def has_refused() -> bool:
        return "errorstat_LATE" in await store.redis.info("errorstats")

    await eventually(has_refused)
    assert (await store.header(token.session)).generation == token.generation
    assert isinstance(await store.rotate(token), Rotated)


async def test_more_calls_than_connections_wait_their_turn(store: Store) -> None:
    tokens = [await store.open(f"user-{n}") for n in range(64)]
    outcomes = await asyncio.gather(*(store.rotate(token) for token in tokens))
    assert [outcome.session.login.subject for outcome in outcomes] == [f"user-{n}" for n in range(64)]


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


async def test_a_script_that_fails_says_where_and_not_with_what(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    logger, telemetry = RecordingLogger(), RecordingTelemetry()
    store.scripts._logger, store.scripts._telemetry = logger, telemetry
    token = await store.open("telling-subject")
    await store.redis.set(store.key("head"), "not a hash")
    with pytest.raises(StoreUnavailableError):
        await store.end(token.session)
    (fields,) = logger.said("the store refused a script")
    assert fields["script"] == "end"
    assert telemetry.of("store_failed") == [("end", "script")]
    assert isinstance(fields["line"], int)
    assert "telling" not in repr(logger.lines)
    assert capsys.readouterr().err == ""


async def test_a_password_is_needed_where_there_is_one(valkey: EmbeddedStore) -> None:
    url = f"unix://{valkey.socket_path}"
    open_to_all = connect(StoreAddress(url))
    await open_to_all.execute_command("ACL", "SETUSER", "sessiond", "on", ">sesame", "~*", "+@all")
    try:
        for password, works in (("sesame", True), ("wrong", False)):
            redis = connect(StoreAddress(url, Identity("sessiond", partial(str, password))))
            telemetry = RecordingTelemetry()
            scripts = Scripts(OneNode(dict.fromkeys(Lane, redis)), telemetry=telemetry, logger=SilentLogger())
            if works:
                assert await scripts.now_ms(0) > 0
            else:
                with pytest.raises(StoreUnavailableError):
                    await scripts.now_ms(0)
                assert telemetry.of("store_failed") == [("none", "refused")]
            await redis.aclose()
    finally:
        await open_to_all.execute_command("ACL", "DELUSER", "sessiond")
        await open_to_all.aclose()


async def test_a_store_that_does_not_tell_its_settings_is_not_trusted(valkey: EmbeddedStore) -> None:
    url = f"unix://{valkey.socket_path}"
    owner = connect(StoreAddress(url))
    await owner.execute_command("ACL", "SETUSER", "mute", "on", ">sesame", "~*", "+@all", "-info")
    try:
        redis = connect(StoreAddress(url, Identity("mute", lambda: "sesame")))
        assert await connected(redis).stores.durability.faults(accepted=()) == [
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
        (
            "rediss://db.example:6380/1",
            {"host": "db.example", "port": 6380, "db": 1},
        ),
        ("unix:///run/a%20b.sock", {"path": "/run/a b.sock"}),
    ],
)
def test_an_address_is_a_way_to_the_store(url: str, expected: dict[str, object]) -> None:
    pool = connect(StoreAddress(url, tls=ssl.create_default_context)).connection_pool
    assert {name: pool.connection_kwargs[name] for name in expected} == expected
    assert issubclass(pool.connection_class, SSLConnection) is url.startswith("rediss:")


async def test_a_store_that_is_not_there_is_counted_as_that() -> None:
    telemetry, redis = RecordingTelemetry(), connect(StoreAddress(f"redis://127.0.0.1:{free_port()}"))
    scripts = Scripts(OneNode(dict.fromkeys(Lane, redis)), telemetry=telemetry, logger=SilentLogger())
    with pytest.raises(StoreUnavailableError):
        await scripts.now_ms(0)
    assert telemetry.of("store_failed") == [("none", "connection")]
    (_, foreseen) = telemetry.of("foresee")
    assert ("rotate", "timeout") in set(foreseen[1])
    await redis.aclose()
