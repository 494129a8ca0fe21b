"""Scripts that ran and whose answers nobody got, and callers that leave at any moment (rows 14 and 15)."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from sessiond import UnavailableError
from sessiond_server.adapters.store.connection import MAX_CONNECTIONS_OF_A_NODE
from sessiond_server.adapters.store.scripts.catalogue import SCRIPTS
from sessiond_server.adapters.store.scripts.prelude import sources
from sessiond_server.domain.base64url import decode_text
from sessiond_server.domain.refresh_token import REFRESH_PREFIX
from tests.support.cluster import Cluster, running_cluster
from tests.support.refreshes_once import RefreshesOnce

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens

SUBJECTS = 8
# A refresh takes some milliseconds: callers leave before, in the middle and behind it.
LATEST_SECONDS = 0.04
STEPS = 40


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """Two servers over one store."""
    async with running_cluster(tmp_path, servers=2) as found:
        async with client_of(found, 1) as client:
            # From now on the store knows the scripts: otherwise the answer that is lost is that it does not.
            tokens = await client.refresh((await client.create_local_session("bob")).refresh_token)
            await client.revoke_session(tokens.session.session_id)
        yield found


def client_of(cluster: Cluster, member: int) -> RefreshesOnce:
    address = cluster.members[member].address
    return RefreshesOnce(address, key=cluster.key, timeout=5, cache=None, batching=False)


def digest_of(script: str) -> bytes:
    """The words by which a server asks for a script."""
    return hashlib.sha1(sources(SCRIPTS)[script], usedforsecurity=False).hexdigest().encode()


def generation(tokens: Tokens) -> int:
    """How often a session has been refreshed, as its refresh token has it."""
    return int.from_bytes(decode_text(tokens.refresh_token.removeprefix(REFRESH_PREFIX))[20:24])


async def test_a_refresh_whose_answer_the_server_did_not_get_happened_once(cluster: Cluster) -> None:
    async with client_of(cluster, 0) as first, client_of(cluster, 1) as second:
        tokens = await first.create_local_session("alice")
        cluster.links[0].hold_answers_to(digest_of("rotate"))
        for _ in range(3):
            with pytest.raises(UnavailableError, match="STORE_UNAVAILABLE"):
                await first.refresh(tokens.refresh_token)
        elsewhere = await second.refresh(tokens.refresh_token)
        cluster.links[0].release()
        again = await first.refresh(tokens.refresh_token)
        assert elsewhere.replayed
        assert again.replayed
        assert again.refresh_token == elsewhere.refresh_token
        assert generation(again) == 1
        assert not (await first.refresh(again.refresh_token)).replayed


async def test_an_end_whose_answer_the_server_did_not_get_has_happened(cluster: Cluster) -> None:
    async with client_of(cluster, 0) as first, client_of(cluster, 1) as second:
        tokens = await first.create_local_session("alice")
        cluster.links[0].hold_answers_to(digest_of("end"))
        with pytest.raises(UnavailableError):
            await first.revoke_session(tokens.session.session_id)
        assert (await second.revoke_session(tokens.session.session_id)).sessions_ended == 0
        cluster.links[0].release()
        assert (await first.revoke_session(tokens.session.session_id)).sessions_ended == 0


async def test_callers_that_leave_at_any_moment_lose_nothing_and_mix_nothing_up(cluster: Cluster) -> None:
    async with client_of(cluster, 0) as client:

        async def one(subject: str) -> None:
            tokens = await client.create_local_session(subject)
            for step in range(STEPS):
                with suppress(UnavailableError):
                    await client.refresh(tokens.refresh_token, timeout=LATEST_SECONDS * (step + 1) / STEPS)
                tokens = await client.refresh(tokens.refresh_token)
                assert tokens.session.subject == subject
                assert generation(tokens) == step + 1

        await asyncio.gather(*(one(f"user-{number}") for number in range(SUBJECTS)))
    # Whoever left has left no connection behind.
    servers, ourselves = len(cluster.members), 1
    most = servers * MAX_CONNECTIONS_OF_A_NODE + ourselves
    assert len(await cluster.stores[0].redis.client_list()) <= most
