"""The six races over one refresh token, run at two servers on one store; docs/refresh-races.md tells of them.

Each is run with a session of the local issuer, and with one of a provider whose own refresh tokens are good
for one exchange. `make races` prints what came of each.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from sessiond import (
    Device,
    LoginRefusedError,
    ProviderTokens,
    RefreshRefusedError,
    Rejection,
    Session,
    Tokens,
    UnavailableError,
)
from tests.support.cluster import Cluster, running_cluster
from tests.support.config import scalekit
from tests.support.idp import Idp, running_idp
from tests.support.refreshes_once import RefreshesOnce
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

GRACE_SECONDS = 3
PHONE, THIEF = Device(label="the user's phone"), Device(label="somewhere else")
pytestmark = [
    pytest.mark.long,
    pytest.mark.xdist_group("six-races"),
    pytest.mark.parametrize("kind", ["local", "provider"]),
]


@dataclass
class Stage:
    """Two servers over one store, a client of each, and a provider beside the local issuer."""

    cluster: Cluster
    idp: Idp
    one: RefreshesOnce
    two: RefreshesOnce

    async def login(self, kind: str) -> Tokens:
        """A new session; a store that is new takes no provider's login of the seconds before it began."""
        open_session = self._log_in_here if kind == "local" else self._log_in_at_provider

        async def opened() -> Tokens | None:
            try:
                return await open_session()
            except (UnavailableError, LoginRefusedError):
                return None

        tokens = await eventually(opened, timeout=10)
        assert tokens is not None
        return tokens

    async def _log_in_here(self) -> Tokens:
        return await self.one.create_local_session("alice", device=PHONE)

    async def _log_in_at_provider(self) -> Tokens:
        given = await self.idp.login()
        opened = ProviderTokens(given["access_token"], given["refresh_token"], given.get("id_token", ""))
        return await self.one.create_session(self.idp.issuer, opened, device=PHONE)

    async def exchanges(self) -> int:
        """How often the provider's token was exchanged so far."""
        return int((await self.idp.counts())["refreshed"])


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("six")
    async with AsyncExitStack() as stack:
        idp = await stack.enter_async_context(running_idp(directory / "idp.json"))
        cluster = await stack.enter_async_context(
            running_cluster(
                directory,
                servers=2,
                grace=f"{GRACE_SECONDS}s",
                providers=[scalekit(idp.issuer, directory, tenants=["org_1"])],
            )
        )
        one, two = [
            await stack.enter_async_context(
                RefreshesOnce(member.address, key=cluster.key, timeout=10, cache=None, batching=False)
            )
            for member in cluster.members
        ]
        yield Stage(cluster, idp, one, two)


async def test_two_tabs_refresh_at_once(stage: Stage, kind: str) -> None:
    tokens, before = await stage.login(kind), await stage.exchanges()
    tabs = [stage.one, stage.two] * 2
    told = await asyncio.gather(*(refreshed(tab, tokens) for tab in tabs))
    assert len({one.refresh_token for one in told}) == 1
    assert sum(not one.replayed for one in told) <= 1
    assert await stage.exchanges() - before == (kind == "provider")
    await goes_on(stage, told[0])
    tell(kind, "two tabs", "four calls at two servers got the same successor, of one rotation; it goes on")


async def test_the_reply_is_lost_and_the_client_asks_again(stage: Stage, kind: str) -> None:
    tokens = await stage.login(kind)
    lost = await refreshed(stage.one, tokens)
    again = await refreshed(stage.two, tokens)
    assert again.replayed
    assert again.refresh_token == lost.refresh_token
    await goes_on(stage, again)
    tell(kind, "lost reply", "the same successor is given again, at another server; it goes on")


async def test_a_duplicate_comes_when_the_successor_is_in_use(stage: Stage, kind: str) -> None:
    tokens = await stage.login(kind)
    successor = await refreshed(stage.one, tokens)
    current = await refreshed(stage.one, successor)
    assert await refusal(stage.two, tokens, PHONE) == "REFRESH_TOKEN_SUPERSEDED"
    await goes_on(stage, current)
    tell(kind, "late duplicate", "REFRESH_TOKEN_SUPERSEDED: it gets nothing, and the session goes on")


async def test_a_thief_comes_within_the_grace(stage: Stage, kind: str) -> None:
    tokens = await stage.login(kind)
    current = await refreshed(stage.one, tokens)
    assert await refusal(stage.two, tokens, THIEF) == "REFRESH_TOKEN_SUPERSEDED"
    await goes_on(stage, current)
    tell(kind, "thief in the window", "REFRESH_TOKEN_SUPERSEDED from another device; the user goes on")


async def test_a_thief_comes_behind_the_grace(stage: Stage, kind: str) -> None:
    tokens = await stage.login(kind)
    current = await refreshed(stage.one, tokens)
    await grace_is_over()
    assert await refusal(stage.two, tokens, THIEF) == "REFRESH_TOKEN_REUSED"
    assert await refusal(stage.one, current, PHONE) == "SESSION_REVOKED"
    assert await is_revoked(stage, current)
    tell(kind, "thief behind it", "REFRESH_TOKEN_REUSED: the session has ended, its access tokens too")


async def test_the_store_is_away_for_longer_than_the_grace(stage: Stage, kind: str) -> None:
    tokens = await stage.login(kind)
    lost = await refreshed(stage.one, tokens)
    (store,) = stage.cluster.stores
    await store.kill()
    with pytest.raises(UnavailableError):
        await stage.two.refresh(tokens.refresh_token, device=PHONE)
    await grace_is_over()
    await store.start()

    again = await refreshed(stage.two, tokens)
    assert again.refresh_token == lost.refresh_token
    await goes_on(stage, again)
    tell(kind, "store away for longer", "UNAVAILABLE meanwhile, then the same successor; it goes on")


def tell(kind: str, race: str, outcome: str) -> None:
    sys.stderr.write(f"\n{race:22} {kind:9} {outcome}")


async def refreshed(client: RefreshesOnce, tokens: Tokens) -> Tokens:
    """What the user's device is answered, once it is."""

    async def answer() -> Tokens | None:
        try:
            return await client.refresh(tokens.refresh_token, device=PHONE)
        except UnavailableError:
            return None

    found = await eventually(answer, timeout=20)
    assert found is not None
    return found


async def refusal(client: RefreshesOnce, tokens: Tokens, device: Device) -> str:
    with pytest.raises(RefreshRefusedError) as refused:
        await client.refresh(tokens.refresh_token, device=device)
    return refused.value.reason


async def goes_on(stage: Stage, tokens: Tokens) -> None:
    """The session lives: its token is good for a refresh, and the access token is accepted."""
    successor = await refreshed(stage.two, tokens)
    assert successor.refresh_token != tokens.refresh_token
    assert isinstance(await stage.one.validate(successor.access_token), Session)


async def is_revoked(stage: Stage, tokens: Tokens) -> bool:
    """Whether an access token is refused at every server once it has been told."""

    async def is_refused(client: RefreshesOnce) -> bool:
        verdict = await client.validate(tokens.access_token)
        return isinstance(verdict, Rejection) and verdict.reason == "REVOKED"

    return all(
        [await eventually(lambda client=client: is_refused(client)) for client in (stage.one, stage.two)]
    )


async def grace_is_over() -> None:
    """Return when what was spent before is behind its grace."""
    clock = asyncio.get_running_loop().time
    over = clock() + GRACE_SECONDS + 0.5
    await eventually(lambda: clock() > over, timeout=2 * GRACE_SECONDS)
