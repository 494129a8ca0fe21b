"""Connections of their own: a crowd of refreshes keeps no revocation, and no reading of the log, waiting."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from sessiond_server.adapters.store.connection import StoreAddress, connect
from sessiond_server.adapters.store.one_node import OneNode
from sessiond_server.adapters.store.scripts.declaration import Lane
from sessiond_server.domain.caller import Caller, Group
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.session import Cause
from sessiond_server.service.sessions.revoke import BySession
from sessiond_server.service.storage.leases import LeaseEnd
from sessiond_server.service.storage.sessions import Rotated
from tests.support.commands import revocation_over
from tests.support.fakes import ORIGIN, FakeClock
from tests.support.leases import PROVIDER_SESSION, Provider, tokens
from tests.support.revocations import viewed
from tests.support.store import ENTRY_LIFE_MS, ISSUER, Store, crowded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sessiond_server.adapters.embedded.store import EmbeddedStore


@pytest.fixture
async def lanes(valkey: EmbeddedStore, store: Store) -> AsyncIterator[Store]:
    """The store over a client for each lane, as a server has it."""
    async with AsyncExitStack() as stack:
        address = StoreAddress(f"unix://{valkey.socket_path}")
        nodes = OneNode({lane: connect(address, lane=lane) for lane in Lane})
        stack.push_async_callback(nodes.aclose)
        store.scripts._nodes = nodes
        yield store


async def test_a_revocation_and_the_log_get_past_a_crowd_of_refreshes(lanes: Store) -> None:
    token, other = await lanes.open(), await lanes.open()
    async with crowded(lanes.scripts._nodes.clients[Lane.CALLS]):
        with pytest.raises(StoreUnavailableError):
            await lanes.rotate(token)
        assert (await lanes.end(token.session)).count == 1
        assert (await lanes.end_subject()).count == 1
        page = await lanes.log.read(lanes.partition(), None)
        assert page.reached_head
        await lanes.log.note_change(lanes.partition(), known_ms=0)
        assert await lanes.stores.durability.faults(accepted=()) == []
    assert await lanes.sessions.get(other.session) is None


async def test_what_ends_a_providers_session_gets_past_too(lanes: Store) -> None:
    provider = Provider(lanes, lanes.stores.leases, lanes.stores.queue)
    token, doubtful = await provider.open(), await provider.open(session="ses_2")
    rotation, leased = await provider.lease(token)
    held, _ = await provider.lease(doubtful)
    async with crowded(lanes.scripts._nodes.clients[Lane.CALLS]):
        assert isinstance(await lanes.stores.leases.commit(rotation, leased, tokens("2")), Rotated)
        await lanes.stores.leases.release(held, LeaseEnd.DOUBT)
        ended = await lanes.sessions.end_provider(
            ISSUER,
            "alice",
            provider_session=PROVIDER_SESSION,
            token_id="jti-2",
            started_ms=1,
            client_ids=None,
            cause=Cause.LOGOUT,
            entry_life_ms=ENTRY_LIFE_MS,
        )
        assert ended.count == 1


async def test_a_caller_of_one_client_revokes_past_a_crowd_of_refreshes(lanes: Store) -> None:
    token = await lanes.open()
    caller = Caller("web", frozenset(Group), client_ids=frozenset({"app"}))
    revocations = viewed(lanes, FakeClock())
    revocation = revocation_over(lanes, revocations)
    async with crowded(lanes.scripts._nodes.clients[Lane.CALLS]):
        ended = await revocation.revoke(
            BySession(token.session), cause=Cause.LOGOUT, caller=caller, origin=ORIGIN
        )
    assert ended.count == 1


async def test_the_log_gets_past_a_crowd_of_revocations(lanes: Store) -> None:
    token = await lanes.open()
    async with crowded(lanes.scripts._nodes.clients[Lane.ENDING]):
        with pytest.raises(StoreUnavailableError):
            await lanes.end(token.session)
        assert (await lanes.log.read(lanes.partition(), None)).reached_head
