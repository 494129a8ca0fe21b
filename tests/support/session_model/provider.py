"""The test provider, on whose clock and next answer a test agrees with it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.idp import Idp
    from tests.support.session_model.world import World


@dataclass
class ModelProvider:
    """The provider's switches as they are, so that they are set only where they change.

    `turn` is held while one request is answered: its switches are for that one.
    """

    idp: Idp
    world: World
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _switches: dict[str, Any] = field(default_factory=dict)

    async def set_up(self, claims: dict[str, Any], *, gives_token: bool = True) -> None:
        """Have the next access tokens say this, by the test's clock."""
        ahead = round(self.world.wall - time.time(), 1)
        if abs(ahead - self._switches.get("ahead", 0.0)) < 0.3:
            ahead = self._switches.get("ahead", 0.0)
        wanted = {"claims": claims, "ahead": ahead, "omit_refresh_token": not gives_token}
        if wanted != self._switches:
            with self.world.traffic.passing():
                await self.idp.switch(**wanted)
            self._switches = wanted

    async def login(self, subject: str) -> dict[str, Any]:
        """The tokens of a new login."""
        async with self.turn:
            await self.set_up({})
            with self.world.traffic.passing():
                return await self.idp.login(subject=subject)
