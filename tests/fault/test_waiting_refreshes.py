"""Very many refreshes of one session, while its provider takes its time: a burden to nobody else."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import grpc
import pytest

from sessiond import AsyncClient, ProviderTokens, Session
from sessiond.errors import to_error
from sessiond.v1.session_service_pb2 import RefreshSessionRequest
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub
from sessiond_server.service.sessions.lease_queues import MAX_WAITING_FOR_ONE
from tests.support.config import Config, scalekit
from tests.support.idp import Idp, running_idp
from tests.support.refreshes_once import RefreshesOnce
from tests.support.server import Server, serving
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens

CALLS = 900
# How often a store is asked in the time in which a provider has to answer.
MAX_QUESTIONS = 50
ROTATIONS = 'sessiond_store_seconds_count{script="rotate"}'
REFUSED = r"UNAVAILABLE \w+, to be repeated"


@dataclass
class Deployment:
    """A server before a provider, a client of it, and channels, of which each has a hundred calls at most."""

    idp: Idp
    server: Server
    client: AsyncClient
    channels: list[grpc.aio.Channel]

    async def session(self) -> Tokens:
        answer = await self.idp.login()
        tokens = ProviderTokens(answer["access_token"], answer["refresh_token"], answer["id_token"])
        return await self.client.create_session(self.idp.issuer, tokens)

    async def refresh(self, token: str, *, number: int = 0) -> str:
        """The successor, or how the call failed; calls are divided among the channels by their number."""
        request = RefreshSessionRequest(refresh_token=token)
        try:
            response = await SessionServiceStub(self.channels[number % len(self.channels)]).RefreshSession(
                request, timeout=20
            )
        except grpc.aio.AioRpcError as error:
            failed = to_error(error)
            then = "to be repeated" if failed.retry_after else "for good"
            return f"{failed.code.name} {failed.reason}, {then}"
        return response.tokens.refresh_token

    async def metric(self, series: str) -> int:
        async with aiohttp.ClientSession() as web, web.get(f"http://{self.server.http}/metrics") as answer:
            text = await answer.text()
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
        return int(float(found[1])) if found else 0


@pytest.fixture
async def deployment(tmp_path: Path) -> AsyncIterator[Deployment]:
    async with running_idp(tmp_path / "idp.json") as idp:
        config = Config(tmp_path, issuers=[scalekit(idp.issuer, tmp_path)])
        config.tables["server"] = {"anonymous": ["validate", "session", "revoke", "read"]}
        async with (
            serving(config.write(), config.data, tmp_path / "log") as server,
            RefreshesOnce(server.grpc, timeout=10) as client,
            AsyncExitStack() as stack,
        ):
            options = [("grpc.use_local_subchannel_pool", 1)]
            channels = [
                await stack.enter_async_context(grpc.aio.insecure_channel(server.grpc, options=options))
                for _ in range(CALLS // 100)
            ]
            yield Deployment(idp, server, client, channels)


@pytest.mark.slow
async def test_a_crowd_before_one_session_is_in_nobodys_way(deployment: Deployment) -> None:
    crowded, other, third = [await deployment.session() for _ in range(3)]
    await deployment.idp.switch(hold=1)
    before = await deployment.metric(ROTATIONS)
    token = crowded.refresh_token
    crowd = [asyncio.create_task(deployment.refresh(token, number=number)) for number in range(CALLS)]
    waiting = await eventually(lambda: _all_wait_or_are_refused(deployment, crowd), timeout=30)
    assert waiting <= MAX_WAITING_FOR_ONE
    # The provider still has the exchange for which all of these wait.
    client = deployment.client
    assert (await client.refresh(other.refresh_token)).session.session_id == other.session.session_id
    assert isinstance(await client.validate(third.access_token), Session)
    assert (await client.revoke_session(third.session.session_id)).sessions_ended == 1
    assert (await deployment.idp.counts())["refreshed"] == 1
    await deployment.idp.switch()
    answers = Counter(await asyncio.gather(*crowd))
    (successor,) = {answer for answer in answers if answer.startswith("sdr1_")}
    assert answers.pop(successor) == waiting + 1
    assert all(re.fullmatch(REFUSED, answer) for answer in answers), answers
    # Each asks once when it comes; then one asks for all of them, and at last each that has waited.
    assert await deployment.metric(ROTATIONS) - before <= CALLS + MAX_WAITING_FOR_ONE + MAX_QUESTIONS
    # Whoever was refused repeats the call, and gets the same.
    assert await deployment.refresh(token) == successor


async def _all_wait_or_are_refused(deployment: Deployment, crowd: list[asyncio.Task[str]]) -> int:
    """How many wait, when no call is on its way any more; 0 before that."""
    waiting = await deployment.metric("sessiond_refreshes_waiting")
    at_provider = 1
    return waiting if at_provider + waiting + sum(call.done() for call in crowd) == len(crowd) else 0
