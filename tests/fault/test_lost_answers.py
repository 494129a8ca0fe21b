"""Whoever lost the answer to a refresh when the store went away is not logged out when it comes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, RefreshRefusedError, Tokens, UnavailableError
from tests.support.cluster import Cluster, running_cluster
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

GRACE_SECONDS = 1
EXCUSED = "a spent refresh token came behind an outage of the store, its session goes on"


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Two servers over one store."""
    async with running_cluster(tmp_path, servers=2, grace=f"{GRACE_SECONDS}s") as found:
        yield found


def client_of(cluster: Cluster, member: int = 0) -> AsyncClient:
    return AsyncClient(cluster.members[member].address, key=cluster.key, timeout=5)


async def login(cluster: Cluster) -> tuple[Tokens, Tokens]:
    """The tokens of a login, and those that a refresh brought, which nobody got."""
    async with client_of(cluster) as client:
        first = await client.create_local_session("alice")
        return first, await client.refresh(first.refresh_token)


async def grace_is_over() -> None:
    """Wait until every token that was spent before is behind its grace by some tenths of a second."""
    clock = asyncio.get_running_loop().time
    over = clock() + 1.5 * GRACE_SECONDS
    await eventually(lambda: clock() > over)


async def goes_on(cluster: Cluster, first: Tokens, lost: Tokens, *, member: int = 0) -> None:
    """What was lost is given again, and is good."""
    async with client_of(cluster, member) as client:

        async def refreshed() -> Tokens | None:
            try:
                return await client.refresh(first.refresh_token)
            except UnavailableError:
                return None

        again = await eventually(refreshed, timeout=20)
        assert again is not None
        assert again.refresh_token == lost.refresh_token
        assert not (await client.refresh(again.refresh_token)).replayed
    assert cluster.members[member].server is not None
    await cluster.members[member].server.said(event=EXCUSED)


@pytest.mark.slow
async def test_an_answer_that_was_lost_to_a_store_that_crashed_is_given_again(cluster: Cluster) -> None:
    first, lost = await login(cluster)
    await cluster.stores[0].kill()
    await grace_is_over()
    await cluster.stores[0].start()
    await goes_on(cluster, first, lost, member=1)


@pytest.mark.slow
async def test_an_answer_that_was_lost_when_everything_crashed_is_given_again(cluster: Cluster) -> None:
    first, lost = await login(cluster)
    for member in cluster.members:
        await member.kill()
    await cluster.stores[0].kill()
    await grace_is_over()
    await cluster.stores[0].start()
    await asyncio.gather(*(member.start() for member in cluster.members))
    await goes_on(cluster, first, lost)


@pytest.mark.slow
async def test_an_answer_of_a_server_that_was_cut_off_is_given_again_by_it(cluster: Cluster) -> None:
    first, lost = await login(cluster)
    await cluster.links[0].cut()
    await grace_is_over()
    cluster.links[0].mend()
    await goes_on(cluster, first, lost)


async def test_without_an_outage_whoever_comes_late_has_reused_it(cluster: Cluster) -> None:
    first, _ = await login(cluster)
    await grace_is_over()
    async with client_of(cluster) as client:
        with pytest.raises(RefreshRefusedError, match="REFRESH_TOKEN_REUSED"):
            await client.refresh(first.refresh_token)
