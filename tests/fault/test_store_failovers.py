"""Two servers behind sentinels while callers refresh, and the primary dies, freezes or is demoted.

They are fault rows 5, 6, 25 and 26. What callers may be told meanwhile is UNAVAILABLE. Behind it the same
tokens go on, each token has one successor, and what was acknowledged has happened. `make test-failovers` does
it again and again under as much load as the machine gives.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.local_issuer import on_store
from tests.support.redis_clusters import Watchers, is_followed_by, running_watchers
from tests.support.rotators import Rotations, rotating
from tests.support.server import Server, serving
from tests.support.valkeys import PRIMARY_NAME, Valkey
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

NAMED = "sentinels name the primary"
FAILOVER_SECONDS = 40
FROZEN_SECONDS = float(os.environ.get("FROZEN_SECONDS", "10"))
ROUNDS = int(os.environ.get("FAILOVERS", "3"))
# What the machine has of sessions in use and of a pause between two refreshes of one, few and many.
FEW, MANY = (16, 0.05), (48, 0.0)
pytestmark = [pytest.mark.xdist_group("sentinels"), pytest.mark.timeout(300)]


@asynccontextmanager
async def served(directory: Path, watchers: Watchers, **settings: Any) -> AsyncIterator[list[Server]]:
    """Two servers that share their keys."""
    config = on_store(directory, watchers.url, **settings)
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                serving(config.write(f"{name}.toml"), directory, directory / f"log-{name}")
            )
            for name in ("one", "two")
        ]


@asynccontextmanager
async def trouble(
    directory: Path, load: tuple[int, float], *, name: str, **settings: Any
) -> AsyncIterator[tuple[Watchers, list[Server], Rotations]]:
    """A store that sentinels watch, two servers on it, and callers that refresh at both.

    `settings` are those of the store.
    """
    sessions, pause = load
    async with (
        running_watchers(directory / "store") as watchers,
        served(directory, watchers, **settings) as servers,
    ):
        addresses = [server.grpc for server in servers]
        async with rotating(addresses, sessions=sessions, pause_seconds=pause) as rotations:
            yield watchers, servers, rotations
        sys.stderr.write(f"\n{name}: {rotations.summary()}\n")


async def kill(watchers: Watchers, rotations: Rotations) -> None:
    """The primary ends as by a crash, and comes back as a replica."""
    killed = await watchers.primary()
    await killed.kill()
    await has_another(watchers, killed)
    await rotations.go_on(seconds=FAILOVER_SECONDS)
    await killed.start()
    await is_whole(watchers)


async def demote(watchers: Watchers, rotations: Rotations) -> None:
    """Sentinels are told to make another the primary: nothing dies."""
    demoted = await watchers.primary()
    await watchers.sentinels[0].redis.execute_command("SENTINEL FAILOVER", PRIMARY_NAME)
    await has_another(watchers, demoted)
    await rotations.go_on(seconds=FAILOVER_SECONDS)
    await is_whole(watchers)


async def freeze(watchers: Watchers, rotations: Rotations) -> None:
    """The primary stands still, and wakes when another has its place, believing that it still has it."""
    frozen, loop = await watchers.primary(), asyncio.get_running_loop()
    frozen.freeze()
    wakes = loop.call_later(FROZEN_SECONDS, frozen.thaw)
    try:
        await has_another(watchers, frozen)
        await rotations.go_on(seconds=FAILOVER_SECONDS)
        await eventually(lambda: loop.time() > wakes.when(), timeout=FROZEN_SECONDS + 5)
    finally:
        frozen.thaw()
    await rotations.go_on()
    await is_whole(watchers)


async def has_another(watchers: Watchers, former: Valkey) -> None:
    """Return when the sentinels name another primary."""

    async def is_another() -> bool:
        return await watchers.primary() is not former

    await eventually(is_another, timeout=FAILOVER_SECONDS)


async def is_whole(watchers: Watchers) -> None:
    """Return when every other store follows the primary."""

    async def is_followed_by_all() -> bool:
        return await is_followed_by(await watchers.primary(), len(watchers.stores) - 1)

    await eventually(is_followed_by_all, timeout=FAILOVER_SECONDS)


@pytest.mark.slow
async def test_the_same_tokens_go_on_behind_the_death_of_the_primary(tmp_path: Path) -> None:
    async with trouble(tmp_path, FEW, name="death") as (watchers, servers, rotations):
        killed = await watchers.primary()
        await killed.kill()
        await has_another(watchers, killed)
        await rotations.go_on(seconds=FAILOVER_SECONDS)
        for server in servers:
            before, behind, *_ = await server.said(event=NAMED)
            assert behind["former"] == before["primary"] != behind["primary"]


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        (kill, {}),
        (freeze, {}),
        # Nothing has died, so the other replica confirms what is lost then: only `all` excludes that.
        (demote, {"durability": "all", "replicas": 2}),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
async def test_failovers_in_the_middle_of_many_rotations(
    tmp_path: Path, fault: Callable[[Watchers, Rotations], Awaitable[None]], settings: dict[str, Any]
) -> None:
    name = fault.__name__
    async with trouble(tmp_path, MANY, name=name, **settings) as (watchers, servers, rotations):
        for _ in range(ROUNDS):
            await fault(watchers, rotations)
            await rotations.go_on(more=20)
        for server in servers:
            # Each was told of each primary, and of none twice.
            named = [line["primary"] for line in await server.said(event=NAMED)]
            assert len(named) > ROUNDS
            assert all(one != other for one, other in itertools.pairwise(named))


@pytest.mark.slow
async def test_without_a_quorum_the_primary_serves_and_nobody_takes_its_place(tmp_path: Path) -> None:
    async with trouble(tmp_path, FEW, name="no quorum") as (watchers, servers, rotations):
        for sentinel in watchers.sentinels[1:]:
            await sentinel.kill()
        await rotations.go_on()
        primary = await watchers.primary()
        await freeze_while(primary, rotations)
        assert await watchers.primary() is primary
        for server in servers:
            await server.said(event="a sentinel does not name the primary")


async def freeze_while(primary: Valkey, rotations: Rotations) -> None:
    """The primary stands still until callers have been told that nothing can be had, and wakes."""
    before = rotations.told.unavailable.total()
    primary.freeze()
    try:
        await eventually(lambda: rotations.told.unavailable.total() > before + 2 * len(rotations.rotators))
    finally:
        primary.thaw()
    await rotations.go_on()
