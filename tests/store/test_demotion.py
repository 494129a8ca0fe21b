"""A replica is promoted while its primary lives, which another replica goes on following for a while."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.sessions import Rotated
from tests.support.store import Store, connected
from tests.support.valkeys import COPIED_AT_ONCE, Valkey, running_valkeys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond_server.domain.refresh_token import RefreshToken

BOTH = 2


class Demoted:
    """The former primary and its follower, the promoted one, and a token that all of them know."""

    def __init__(self, former: Valkey, follower: Valkey, promoted: Valkey, token: RefreshToken) -> None:
        self.former, self.follower, self.promoted, self.token = former, follower, promoted, token

    async def told(self) -> Store:
        """The store behind it, when everybody follows the promoted one."""
        for other in (self.former, self.follower):
            await other.copy_from(self.promoted.port)
        return connected(self.promoted.redis, replicas=1)


@asynccontextmanager
async def demoted(directory: Path) -> AsyncIterator[Demoted]:
    """It is not told yet."""
    async with running_valkeys(directory, 3, *COPIED_AT_ONCE) as (former, follower, promoted):
        store = connected(former.redis, replicas=BOTH)
        await store.log.read(store.partition(), None)
        token = await store.open()
        await promoted.promote()
        yield Demoted(former, follower, promoted, token)


async def test_a_rotation_that_one_replica_confirmed_and_is_lost_ends_no_session(tmp_path: Path) -> None:
    """By default one replica is enough, and it may be the one that has not been promoted."""
    async with demoted(tmp_path) as found:
        successor = await connected(found.former.redis, replicas=1).next(found.token)
        behind = await found.told()
        assert (await behind.header(found.token.session)).generation == 0
        assert isinstance(await behind.rotate(successor), Rotated)


async def test_where_all_replicas_must_confirm_nothing_is_acknowledged_that_is_lost(tmp_path: Path) -> None:
    async with demoted(tmp_path) as found:
        with pytest.raises(StoreUnavailableError):
            await connected(found.former.redis, replicas=BOTH).rotate(found.token)
        assert isinstance(await (await found.told()).rotate(found.token), Rotated)
