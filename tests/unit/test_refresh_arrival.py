"""A refresh is judged as of when its handler began, whatever kept it from the store after that."""

from __future__ import annotations

import os
from typing import Any

import pytest

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import RefreshRefusal, RefreshRefusedError
from sessiond_server.domain.session import Device
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.sessions.create import RequestContext
from sessiond_server.service.sessions.lease_queues import LeaseQueues
from sessiond_server.service.sessions.refresh import SessionRefresh
from sessiond_server.service.storage.sessions import Busy, NotRotated, Rotation
from tests.support.fakes import ORIGIN, FakeClock, SilentLogger
from tests.support.store import PEPPERS, first_token

UNUSED: Any = None


class World:
    """Whatever a refresh asks before its rotation takes twelve seconds; another call holds the lease then."""

    def __init__(self) -> None:
        self.clock, self.rotations = FakeClock(), []
        self.answers: list[Any] = [Busy(), Busy(), NotRotated(RefreshRefusal.SUPERSEDED)]
        self.refreshing = SessionRefresh(
            local=None,
            providers=UNUSED,
            exchange=self,
            ahead=UNUSED,
            queues=LeaseQueues(clock=self.clock, pause=self.pass_time),
            authenticator=self,
            possession=UNUSED,
            entry_life_ms=1,
            peppers=PEPPERS,
            revocations=UNUSED,
            clock=self.clock,
            randomness=os.urandom,
            missing=UNUSED,
            logger=SilentLogger(),
        )

    async def pass_time(self, _seconds: float = 0) -> None:
        self.clock.at += 12

    async def authenticate(self, *_: Any) -> Any:
        await self.pass_time()
        return first_token()

    async def rotate(self, rotation: Rotation, _origin: Origin) -> Any:
        self.rotations.append(rotation)
        return self.answers[len(self.rotations) - 1]


async def test_every_question_of_a_refresh_says_when_it_began() -> None:
    world = World()
    began = world.clock.steady()
    with pytest.raises(RefreshRefusedError):
        await world.refreshing.refresh(
            "sdr1_",
            RequestContext(Device()),
            caller=Caller("web", frozenset()),
            origin=ORIGIN,
            patience_seconds=100,
        )
    assert [rotation.arrived for rotation in world.rotations] == [began] * 3
    assert [rotation.wanted_until for rotation in world.rotations] == [began + 100] * 3
