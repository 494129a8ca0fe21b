"""Refresh tokens that are presented again and again, each until it has a successor."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.service.storage.sessions import Rotated
from tests.support.store import LIFETIMES, PEPPERS

if TYPE_CHECKING:
    from sessiond_server.domain.refresh_token import RefreshToken
    from tests.support.store import Store

PAUSE_SECONDS = 0.01


@dataclass(eq=False)
class Chain:
    """One session whose client rotates: it repeats a call without an answer, with another proposed salt.

    `successors` are those that it was ever told of, by the generation that was presented: one each.
    """

    store: Store
    token: RefreshToken
    successors: dict[int, set[bytes]] = field(default_factory=dict)

    @classmethod
    async def begin(cls, store: Store, subject: str) -> Chain:
        """A new session, of a grace that is longer than a failover takes on a machine that is busy."""
        return cls(store, await store.open(subject, lifetimes=replace(LIFETIMES, grace_ms=60_000)))

    @property
    def forks(self) -> int:
        """How many tokens have had more than one successor."""
        return sum(len(salts) > 1 for salts in self.successors.values())

    async def run(self, ending: asyncio.Event) -> None:
        """Rotate until `ending`; fails where a token is refused."""
        while not ending.is_set():
            try:
                await self._rotate()
            except StoreUnavailableError:
                await asyncio.sleep(PAUSE_SECONDS)

    async def _rotate(self) -> None:
        outcome = await self.store.rotate(self.token, salt=os.urandom(32))
        assert isinstance(outcome, Rotated), outcome
        self.successors.setdefault(self.token.generation, set()).add(outcome.rotation_salt)
        pepper = PEPPERS.find(outcome.pepper_id)
        assert pepper is not None
        self.token = self.token.successor(pepper=pepper, rotation_salt=outcome.rotation_salt)
