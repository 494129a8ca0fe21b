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
        """Have the next access tokens say this, by the test's clock.

        Where it gives no new refresh token, the one that it was given stays good (RFC 6749 §6).
        """
        ahead = round(self.world.wall - time.time(), 1)
        if abs(ahead - self._switches.get("ahead", 0.0)) < 0.3:
            ahead = self._switches.get("ahead", 0.0)
        rotation = "strict" if gives_token else "static"
        wanted = {
            "claims": claims,
            "ahead": ahead,
            "rotation": rotation,
            "omit_refresh_token": not gives_token,
        }
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

    async def lost(self) -> list[str]:
        """What it gave and nobody has kept, revoked or dropped, once all has come to rest."""
        revoked = set((await self.idp.counts())["revoked"])
        witness = self.world.witness
        owed = [
            f"I10: {attempt} lost a token of the provider"
            for attempt in witness.owed.values()
            if not attempt.server.is_dead
        ]
        return owed + [f"I10: {token[:12]} was not revoked" for token in witness.queued - revoked]
